//! A table that gateways share in Redis, as commands with `--fleet` reach it.
//!
//! Every change names the record that it replaces, so that of two commands at the same time one
//! wins, and the other begins again with what it finds then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attache_model::{ApiKey, Redis, UsagePlan};
use attache_policies::{
    Callout, CalloutAnswer, ListPosition, Record, Stored, Table, TableChange, Written,
};

use crate::diagnostic::{Diagnostic, Report};
use crate::memory_proxy::Client;
use crate::project::{self, Project};
use crate::record_command::Failure;

/// What a notice ends with: `docs/reliability.md` says why.
pub(crate) const SOON: &str = "every gateway knows within two seconds";

/// How many records are written at once.
const MOST_WRITTEN: usize = 200;

/// How often a command begins again because another was faster.
const ATTEMPTS: usize = 5;

/// How many parts of the list are read at most, should the table change all the time.
const MOST_PARTS: usize = 10_000;

/// A kind of records, as commands speak of it.
pub(crate) trait FleetRecord: Record {
    /// The words.
    const WORDS: Words;

    /// Its name.
    fn name(&self) -> &str;

    /// Whether the gateways read such records from Redis.
    fn are_shared(redis: &Redis) -> bool;
}

/// What is said of a kind of records, and the codes of what is found.
pub(crate) struct Words {
    /// What one is called, with its article.
    an: &'static str,
    /// The settings of `state.redis` that have gateways read them.
    settings: &'static str,
    /// What the names of Redis's keys for them begin with, behind the prefix.
    keys: &'static str,
    /// What lists them.
    list: &'static str,
    /// What to do in place of creating one that is there.
    instead: &'static str,
    not_shared: &'static str,
    unknown: &'static str,
    repeated: &'static str,
    changed: &'static str,
    lost: &'static str,
}

impl FleetRecord for ApiKey {
    const WORDS: Words = Words {
        an: "an API key",
        settings: "apiKeys: true",
        keys: "apikeys",
        list: "attache keys list --fleet",
        instead: "`attache keys rotate --fleet` gives it a new value, and `attache keys update \
                  --fleet` changes the rest",
        not_shared: "no-shared-api-keys",
        unknown: "unknown-api-key",
        repeated: "repeated-api-key-name",
        changed: "changed-api-key",
        lost: "lost-api-keys",
    };

    fn name(&self) -> &str {
        &self.id
    }

    fn are_shared(redis: &Redis) -> bool {
        redis.api_keys
    }
}

impl FleetRecord for UsagePlan {
    const WORDS: Words = Words {
        an: "a usage plan",
        settings: "apiKeys: true, usagePlans: true",
        keys: "usageplans",
        list: "attache usage-plans list --fleet",
        instead: "`attache usage-plans update --fleet` changes it",
        not_shared: "no-shared-usage-plans",
        unknown: "unknown-usage-plan",
        repeated: "repeated-usage-plan",
        changed: "changed-usage-plan",
        lost: "lost-usage-plans",
    };

    fn name(&self) -> &str {
        &self.id
    }

    fn are_shared(redis: &Redis) -> bool {
        redis.usage_plans
    }
}

/// The way to a table.
pub(crate) struct FleetTable<R> {
    table: Table<R>,
    client: Client,
    url: String,
    /// `attache.yaml`, which findings name.
    file: PathBuf,
}

/// The project whose gateways share a table, and what was found in it. The warnings among that are
/// not the matter of a command that changes the table; with a fault, the report has everything.
pub(crate) fn project(directory: &Path, report: &mut Report) -> Result<(Project, Report), Failure> {
    let mut found = Report::new();
    match project::load_working(directory, &mut found) {
        Some(project) => Ok((project, found)),
        None => {
            *report = found;
            Err(Failure::Refused)
        }
    }
}

/// Puts a finding about `attache.yaml` as a whole on the report.
pub(crate) fn refuse(
    report: &mut Report,
    file: &Path,
    code: &'static str,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Failure {
    report.push(Diagnostic::error(code, file, 0..0, "", message).hint(hint));
    Failure::Refused
}

impl<R: FleetRecord> FleetTable<R> {
    /// The way to the table of a project, if its gateways share one.
    pub(crate) fn reach(
        project: &Project,
        file: &Path,
        report: &mut Report,
    ) -> Result<Self, Failure> {
        let (several, settings) = (R::KIND.several, R::WORDS.settings);
        let redis = match &project.gateway.state {
            Some(state) if R::are_shared(&state.redis) => &state.redis,
            state => {
                let (message, hint) = match state {
                    None => (
                        "there is no Redis that gateways share".to_owned(),
                        format!("write `state: {{redis: {{url: …, {settings}}}}}`"),
                    ),
                    Some(_) => (
                        format!("the gateways read no {several} from Redis"),
                        format!("write `{settings}` under `redis`"),
                    ),
                };
                return Err(refuse(report, file, R::WORDS.not_shared, message, hint));
            }
        };
        let table = Table::compile(redis, &project.secrets_key.environment());
        // The whole configuration has been compiled.
        let table = table.map_err(|_| Failure::Refused)?;
        Ok(Self {
            client: Client {
                upstreams: BTreeSet::from([table.upstream().clone()]),
                given: None,
            },
            table,
            url: redis.url.clone(),
            file: file.to_owned(),
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

    /// The record of a name, where there has to be one.
    pub(crate) fn existing(&self, name: &str, report: &mut Report) -> Result<Stored<R>, Failure> {
        let record = self.ask(&self.table.get(name), |answer| self.table.got(name, answer))?;
        record.ok_or_else(|| {
            let (one, list) = (R::KIND.one, R::WORDS.list);
            self.refuse(
                report,
                R::WORDS.unknown,
                format!("no {one} in Redis is named `{name}`"),
                format!("`{list}` shows the names"),
            )
        })
    }

    /// All records, by their names.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, R>, Failure> {
        let mut records = BTreeMap::new();
        let mut position = Some(ListPosition::default());
        for _ in 0..MOST_PARTS {
            let Some(from) = position else { break };
            let page = self.ask(&self.table.list(from), |answer| {
                self.table.listed(from, answer)
            })?;
            if page.begins_anew {
                records.clear();
            }
            for (name, record) in page.changes {
                match record {
                    Some(record) => records.insert(name, record.value),
                    None => records.remove(&name),
                };
            }
            position = page.next;
        }
        Ok(records)
    }

    /// Creates a record, unless there is one of its name.
    pub(crate) fn create(&self, record: &R, report: &mut Report) -> Result<(), Failure> {
        match self.write_new(&[record])? {
            Written::Done => Ok(()),
            Written::Changed(name) => {
                let Words { an, instead, .. } = R::WORDS;
                let message = format!("{an} is named `{name}` already, in Redis");
                Err(self.refuse(report, R::WORDS.repeated, message, instead))
            }
            other => Err(self.not_written(&other, report)),
        }
    }

    /// Creates records of names that nobody had a moment ago.
    pub(crate) fn create_all(&self, records: &[R], report: &mut Report) -> Result<(), Failure> {
        for records in records.chunks(MOST_WRITTEN) {
            let records: Vec<&R> = records.iter().collect();
            match self.write_new(&records)? {
                Written::Done => {}
                other => return Err(self.not_written(&other, report)),
            }
        }
        Ok(())
    }

    fn write_new(&self, records: &[&R]) -> Result<Written, Failure> {
        let changes = records.iter().map(|record| TableChange {
            id: record.name(),
            before: None,
            after: Some(*record),
        });
        self.write(&changes.collect::<Vec<_>>())
    }

    fn write(&self, changes: &[TableChange<'_, R>]) -> Result<Written, Failure> {
        self.ask(&self.table.write(changes), |answer| {
            self.table.written(answer)
        })
    }

    /// Makes of a record what `change` makes of it, nothing when that is `None`, whoever else
    /// changes it meanwhile.
    pub(crate) fn change(
        &self,
        name: &str,
        report: &mut Report,
        mut change: impl FnMut(&R, &mut Report) -> Result<Option<R>, Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let record = self.existing(name, report)?;
            let after = change(&record.value, report)?;
            let written = self.write(&[TableChange {
                id: name,
                before: Some(&record),
                after: after.as_ref(),
            }])?;
            match written {
                Written::Done => return Ok(()),
                Written::Changed(_) => {}
                other => return Err(self.not_written(&other, report)),
            }
        }
        Err(self.not_written(&Written::Changed(name.to_owned()), report))
    }

    /// Says why nothing was written.
    pub(crate) fn not_written(&self, written: &Written, report: &mut Report) -> Failure {
        let (one, several, keys) = (R::KIND.one, R::KIND.several, R::WORDS.keys);
        let (code, message, hint) = match written {
            Written::Done => return Failure::Refused,
            Written::Changed(name) => (
                R::WORDS.changed,
                format!("another command changes the {one} `{name}` in Redis"),
                "run the command again".to_owned(),
            ),
            // Of all records, API keys alone have values.
            Written::Taken(_, holder) => (
                "repeated-api-key",
                format!("the value belongs to the API key `{holder}` already, in Redis"),
                "give each key a value of its own".to_owned(),
            ),
            Written::Lost => (
                R::WORDS.lost,
                format!("Redis has lost a part of the {several}"),
                format!(
                    "restore Redis from its files, or delete what is left (keys that begin with \
                     the prefix and `:{keys}`) and create the {several} anew; a \
                     `maxmemory-policy` other than `noeviction` loses keys"
                ),
            ),
        };
        self.refuse(report, code, message, hint)
    }

    /// Puts a finding on the report.
    pub(crate) fn refuse(
        &self,
        report: &mut Report,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Failure {
        refuse(report, &self.file, code, message, hint)
    }
}
