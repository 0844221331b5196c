//! `attache usage`: what keys have used of their plans, and that they may use more.

mod arguments;
mod events;
mod extend;
mod request;
mod snapshot;
mod table;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use attache_model::UsagePlan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

pub use arguments::{Arguments, Extend, Format, Snapshot, Verb};

use crate::diagnostic::Report;
use crate::fleet_table::{self, FleetTable};
use crate::management_client::{Failure, Gateway, Surroundings, Way};
use crate::memory_proxy::unknown;
use crate::record_command;
use crate::terminal::Terminal;
use request::PlanUsage;

/// How many days are told unless dates are given, today among them.
const USUAL_DAYS: i32 = 30;

/// Tells what was used, or does what the verb says.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let told = match &arguments.verb {
        None => tell(arguments, terminal),
        Some(Verb::Extend(extension)) => extend::extend(arguments, extension, terminal),
        Some(Verb::Snapshot(wanted)) => snapshot::write(arguments, &wanted.out, terminal),
    };
    match told {
        Ok(told) => {
            terminal.exactly(told.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => failure.tell(terminal),
    }
}

/// The days that are told.
#[derive(Clone, Copy)]
struct Days {
    first: Date,
    last: Date,
    today: Date,
}

fn tell(arguments: &Arguments, terminal: &mut Terminal) -> Result<String, Failure> {
    let days = Days::of(arguments, Timestamp::now())?;
    let (surroundings, gateway) = reach(arguments, terminal)?;
    let plans = plans(arguments, &surroundings)?;
    let mut usage = Vec::new();
    for plan in plans {
        let key = arguments.key.as_deref();
        usage.push(PlanUsage::ask(&gateway, &plan, key, days)?);
    }
    if let (Some(key), true) = (
        &arguments.key,
        usage.iter().all(|plan| plan.keys.is_empty()),
    ) {
        return Err(Failure::Usage(format!(
            "no plan of the gateway at {} holds the key `{key}`",
            gateway.url
        )));
    }
    Ok(match arguments.output {
        Format::Text => table::text(&usage),
        Format::Csv => table::csv(&usage).map_err(unprintable)?,
        // What one is asked for is one thing, and what is asked for without a name may be many.
        Format::Json => match (usage.as_slice(), &arguments.plan) {
            ([one], Some(_)) => pretty(&one.document())?,
            _ => pretty(&usage.iter().map(PlanUsage::document).collect::<Vec<_>>())?,
        },
        Format::Cloudevents => {
            let events = events::of(&usage, &arguments.source, days.today);
            if days.last >= days.today {
                let _ = terminal.notice(
                    "today is left out: it is not over, and what is sent twice counts once",
                );
            }
            pretty(&events)?
        }
    })
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(unprintable)?;
    text.push('\n');
    Ok(text)
}

fn unprintable(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(
        format!("the usage cannot be printed: {error}"),
        "choose another `--output`".to_owned(),
    )
}

/// The gateway, and what is known of it here.
fn reach(
    arguments: &Arguments,
    terminal: &mut Terminal,
) -> Result<(Surroundings, Gateway), Failure> {
    let way = Way {
        path: &arguments.directory,
        url: arguments.url.as_deref(),
        token_file: arguments.token_file.as_deref(),
    };
    let surroundings = Surroundings::of(way);
    let gateway = surroundings.gateway(way, &mut |notice| terminal.notice(notice))?;
    Ok((surroundings, gateway))
}

/// The plans that are told: the one that was named, or all of the configuration and of Redis.
fn plans(arguments: &Arguments, surroundings: &Surroundings) -> Result<Vec<String>, Failure> {
    let configuration = surroundings.configuration.as_ref();
    let has_more = configuration
        .and_then(|configuration| configuration.state.as_ref())
        .is_some_and(|state| state.redis.usage_plans);
    let known = configuration.map(|configuration| &configuration.usage_plans);
    match (&arguments.plan, known) {
        // The gateway knows whether Redis has it.
        (Some(plan), Some(known))
            if arguments.url.is_none() && !has_more && !known.contains_key(plan) =>
        {
            let known = known.keys().map(String::as_str);
            Err(Failure::Usage(unknown("usage plan", plan, known)))
        }
        (Some(plan), _) => Ok(vec![plan.clone()]),
        (None, Some(known)) => {
            let mut plans: BTreeSet<_> = known.keys().cloned().collect();
            if has_more {
                plans.extend(plans_of_redis(&arguments.directory)?);
            }
            if plans.is_empty() {
                let place = if has_more { ", and none in Redis" } else { "" };
                return Err(Failure::Usage(format!(
                    "there are no usage plans in the configuration{place}"
                )));
            }
            Ok(plans.into_iter().collect())
        }
        (None, None) => Err(Failure::Usage(
            "there is no configuration here that names the usage plans: say which with `--plan`"
                .to_owned(),
        )),
    }
}

/// The names of the usage plans that live in Redis.
fn plans_of_redis(directory: &Path) -> Result<impl Iterator<Item = String>, Failure> {
    let mut report = Report::new();
    let plans = fleet_table::project(directory, &mut report).and_then(|(project, _)| {
        FleetTable::<UsagePlan>::reach(&project, &project.file, &mut report)?.all()
    });
    let plans = plans.map_err(|failure| match failure {
        record_command::Failure::Refused => Failure::Failed(
            "the usage plans in Redis cannot be asked for, as the configuration has faults"
                .to_owned(),
            "`attache check` tells them; or name a plan with `--plan`".to_owned(),
        ),
        failure => Failure::Failed(
            format!("the usage plans in Redis are not known: {failure}"),
            "try again when Redis answers, or name a plan with `--plan`".to_owned(),
        ),
    })?;
    Ok(plans.into_keys())
}

impl Days {
    fn of(arguments: &Arguments, now: Timestamp) -> Result<Self, Failure> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let last = arguments.to.unwrap_or(today);
        let first = arguments
            .from
            .or_else(|| last.checked_sub((USUAL_DAYS - 1).days()).ok())
            .unwrap_or(last);
        if first > last {
            return Err(Failure::Usage(format!(
                "`--from {first}` is after `--to {last}`"
            )));
        }
        Ok(Self { first, last, today })
    }
}
