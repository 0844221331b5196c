//! `attache usage-plans … --fleet`: the usage plans that live in Redis, beside those of the files.
//!
//! A plan is checked as one of `attache.yaml` is, against the APIs that stand there, before any
//! gateway hears of it. Options are written as AWS writes them: a stage as `API:STAGE`, a method as
//! `/PATH/METHOD`.

mod arguments;
mod edit;
mod fleet;
mod list;
mod verbs;

use std::io;
use std::process::ExitCode;

use crate::diagnostic::Report;
use crate::record_command::{self, Failure, Surroundings};
use crate::terminal::Terminal;

pub use arguments::{
    Arguments, Create, Delete, HeldStage, Limits, List, MethodThrottle, ThrottledMethod, Update,
    Verb,
};

/// Runs one of the `usage-plans` verbs.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn command(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    record_command::run(arguments.output, terminal, |surroundings, report| {
        run(arguments, surroundings, report)
    })
}

fn run(
    arguments: &Arguments,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    if !arguments.fleet {
        return Err(Failure::Usage(
            "usage plans of the files are edited in `attache.yaml`, under `usagePlans`; give \
             `--fleet` for those in Redis"
                .to_owned(),
        ));
    }
    let fleet = fleet::Fleet::reach(&arguments.directory, report)?;
    let output = arguments.output;
    match &arguments.verb {
        Verb::Create(verb) => verbs::create(&fleet, verb, output, surroundings, report),
        Verb::Update(verb) => verbs::update(&fleet, verb, output, surroundings, report),
        Verb::Delete(verb) => verbs::delete(&fleet, verb, surroundings, report),
        Verb::List(List {}) => list::list(&fleet, output, surroundings),
    }
}
