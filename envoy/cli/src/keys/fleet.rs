//! `attache keys … --fleet`: the same verbs on the API keys that live in Redis.
//!
//! Redis is given digests only. Every change names the record that it replaces, so that of two
//! commands at the same time one wins, and the other begins again with what it finds then.

mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attache_model::{ApiKey, KeyDigest};
use attache_policies::{Callout, CalloutAnswer, ListPosition, Stored, Table, TableChange, Written};

use super::declaration::Declaration;
use super::{Arguments, Failure, Surroundings, Verb};
use crate::diagnostic::Report;
use crate::memory_proxy::Client;
use crate::project;

/// How many keys are written at once.
const MOST_WRITTEN: usize = 200;

/// How often a command begins again because another was faster.
const ATTEMPTS: usize = 5;

/// How many parts of the list are read at most, should the table change all the time.
const MOST_PARTS: usize = 10_000;

/// The way to the keys.
struct Fleet {
    declaration: Declaration,
    table: Table<ApiKey>,
    client: Client,
    url: String,
}

pub(super) fn run(
    arguments: &Arguments,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let fleet = Fleet::reach(&arguments.directory, report)?;
    let output = arguments.output;
    match &arguments.verb {
        Verb::Create(verb) => verbs::create(&fleet, verb, output, surroundings, report),
        Verb::List(_) => verbs::list(&fleet, output, surroundings),
        Verb::Import(verb) => verbs::import(&fleet, verb, output, surroundings, report),
        Verb::Revoke(verb) => verbs::revoke(&fleet, verb, surroundings, report),
        Verb::Rotate(verb) => verbs::rotate(&fleet, verb, output, surroundings, report),
    }
}

impl Fleet {
    fn reach(directory: &Path, report: &mut Report) -> Result<Self, Failure> {
        let declaration = Declaration::read(directory, report)?;
        // What the project is warned of is not this command's matter.
        let mut found = Report::new();
        let Some(project) = project::load_working(directory, &mut found) else {
            *report = found;
            return Err(Failure::Refused);
        };
        let redis = match project.gateway.state {
            Some(state) if state.redis.api_keys => state.redis,
            state => {
                let (message, hint) = match state {
                    None => (
                        "there is no Redis that gateways share",
                        "write `state: {redis: {url: …, apiKeys: true}}`",
                    ),
                    Some(_) => (
                        "the gateways read no API keys from Redis",
                        "write `apiKeys: true` under `redis`",
                    ),
                };
                return Err(declaration.refuse(report, "no-shared-api-keys", message, hint));
            }
        };
        let table = Table::compile(&redis, &project.secrets_key.environment());
        // The whole configuration has been compiled.
        let table = table.map_err(|_| Failure::Refused)?;
        Ok(Self {
            declaration,
            client: Client {
                upstreams: BTreeSet::from([table.upstream().clone()]),
                given: None,
            },
            table,
            url: redis.url,
        })
    }

    fn ask<T>(
        &self,
        callout: &Callout,
        read: impl FnOnce(CalloutAnswer) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let call = self.client.call(callout);
        let answer = match call.failure {
            Some(reason) => Err(reason),
            None => read(call.answer),
        };
        answer.map_err(|reason| Failure::Redis {
            url: self.url.clone(),
            reason,
        })
    }

    /// The key of a name.
    fn key(&self, name: &str) -> Result<Option<Stored<ApiKey>>, Failure> {
        self.ask(&self.table.get(name), |answer| self.table.got(name, answer))
    }

    /// The same, where there has to be one.
    fn existing_key(&self, name: &str, report: &mut Report) -> Result<Stored<ApiKey>, Failure> {
        self.key(name)?.ok_or_else(|| {
            self.declaration.refuse(
                report,
                "unknown-api-key",
                &format!("no API key in Redis is named `{name}`"),
                "`attache keys list --fleet` shows the names",
            )
        })
    }

    /// All keys, by their names.
    fn keys(&self) -> Result<BTreeMap<String, Stored<ApiKey>>, Failure> {
        let mut keys = BTreeMap::new();
        let mut position = Some(ListPosition::default());
        for _ in 0..MOST_PARTS {
            let Some(from) = position else { break };
            let page = self.ask(&self.table.list(from), |answer| {
                self.table.listed(from, answer)
            })?;
            if page.begins_anew {
                keys.clear();
            }
            for (name, record) in page.changes {
                match record {
                    Some(record) => keys.insert(name, record),
                    None => keys.remove(&name),
                };
            }
            position = page.next;
        }
        Ok(keys)
    }

    fn write(&self, changes: &[TableChange<'_, ApiKey>]) -> Result<Written, Failure> {
        self.ask(&self.table.write(changes), |answer| {
            self.table.written(answer)
        })
    }

    /// Makes of a key what `change` makes of it, whoever else changes it meanwhile.
    fn change(
        &self,
        name: &str,
        report: &mut Report,
        mut change: impl FnMut(&ApiKey) -> Option<ApiKey>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let record = self.existing_key(name, report)?;
            let after = change(&record.value);
            let written = self.write(&[TableChange {
                id: name,
                before: Some(&record),
                after: after.as_ref(),
            }])?;
            match written {
                Written::Done => return Ok(()),
                Written::Changed(_) => {}
                other => return Err(self.refuse(&other, report)),
            }
        }
        Err(self.refuse(&Written::Changed(name.to_owned()), report))
    }

    /// Why nothing was written.
    fn refuse(&self, written: &Written, report: &mut Report) -> Failure {
        let (code, message, hint) = match written {
            Written::Done => return Failure::Refused,
            Written::Changed(name) => (
                "changed-api-key",
                format!("another command changes the API key `{name}` in Redis"),
                "run the command again",
            ),
            Written::Taken(_, holder) => (
                "repeated-api-key",
                format!("the value belongs to the API key `{holder}` already, in Redis"),
                "give each key a value of its own",
            ),
            Written::Lost => (
                "lost-api-keys",
                "Redis has lost a part of the API keys".to_owned(),
                "restore Redis from its files, or delete what is left (keys that begin with the \
                 prefix and `:apikeys`) and create the keys anew; a `maxmemory-policy` other than \
                 `noeviction` loses keys",
            ),
        };
        self.declaration.refuse(report, code, &message, hint)
    }

    /// The key of the files that has a name, which then no key in Redis may have.
    fn refuse_declared(&self, name: &str, report: &mut Report) -> Result<(), Failure> {
        let mut keys = self.declaration.keys.iter();
        match keys.find(|key| key.name == name) {
            Some(key) => Err(self.declaration.refuse(
                report,
                "declared-api-key",
                &format!(
                    "the API key `{name}` is declared in `{}` on line {}",
                    key.file.display(),
                    key.line
                ),
                "leave out `--fleet`",
            )),
            None => Ok(()),
        }
    }

    /// Refuses a value that a key of the files has, which would count before one in Redis.
    fn refuse_declared_value(&self, digest: KeyDigest, report: &mut Report) -> Result<(), Failure> {
        match self.declaration.holder_of(digest) {
            Some(key) => Err(self.declaration.refuse(
                report,
                "repeated-api-key",
                &format!("the value belongs to the API key `{}` already", key.name),
                "give each key a value of its own",
            )),
            None => Ok(()),
        }
    }
}
