//! `attache keys … --fleet`: the same verbs on the API keys that live in Redis.
//!
//! Redis is given digests only.

mod update;
mod verbs;

use std::path::Path;

use attache_model::{ApiKey, KeyDigest, UsagePlan};

use super::declaration::Declaration;
use super::{Arguments, Failure, Surroundings, Verb};
use crate::diagnostic::Report;
use crate::fleet_table::{self, FleetRecord, FleetTable};

/// The way to the keys.
struct Fleet {
    /// What the files declare. Its usage plans are joined by those of Redis when somebody asks for
    /// them.
    declaration: Declaration,
    keys: FleetTable<ApiKey>,
    /// The way to the usage plans, if they live in Redis as well.
    plans: Option<FleetTable<UsagePlan>>,
}

pub(super) fn run(
    arguments: &Arguments,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut fleet = Fleet::reach(&arguments.directory, report)?;
    let output = arguments.output;
    match &arguments.verb {
        Verb::Create(verb) => verbs::create(&mut fleet, verb, output, surroundings, report),
        Verb::List(_) => verbs::list(&fleet, output, surroundings),
        Verb::Import(verb) => verbs::import(&mut fleet, verb, output, surroundings, report),
        Verb::Revoke(verb) => verbs::revoke(&fleet, verb, surroundings, report),
        Verb::Rotate(verb) => verbs::rotate(&fleet, verb, output, surroundings, report),
        Verb::Update(verb) => update::update(&mut fleet, verb, output, surroundings, report),
    }
}

impl Fleet {
    fn reach(directory: &Path, report: &mut Report) -> Result<Self, Failure> {
        let declaration = Declaration::read(directory, report)?;
        let (project, _) = fleet_table::project(directory, report)?;
        let keys = FleetTable::reach(&project, &declaration.file, report)?;
        let state = project.gateway.state.as_ref();
        let has_plans = state.is_some_and(|state| UsagePlan::are_shared(&state.redis));
        let plans = has_plans.then(|| FleetTable::reach(&project, &declaration.file, report));
        Ok(Self {
            keys,
            plans: plans.transpose()?,
            declaration,
        })
    }

    /// Joins the usage plans of Redis to those of the files.
    fn know_plans(&mut self) -> Result<(), Failure> {
        if let Some(plans) = &self.plans {
            self.declaration.plans.add(plans.all()?.into_values());
        }
        Ok(())
    }

    /// Refuses the name of a key of the files, which then no key in Redis may have; `advice` tells
    /// what to do instead.
    fn refuse_declared(
        &self,
        name: &str,
        advice: &str,
        report: &mut Report,
    ) -> Result<(), Failure> {
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
                advice,
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
