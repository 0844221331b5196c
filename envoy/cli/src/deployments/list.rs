//! `attache deployments`: what was deployed, where and when, and what of it is served.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::List;
use super::target::configuration;
use super::{Action, DeploymentId, Deployments, Event, Failure, StageDeployment};
use crate::columns::aligned;
use crate::diagnostic::Report;
use crate::memory_proxy::unknown;
use crate::terminal::{Output, Terminal};

/// One deployment, as the list has it.
struct Row {
    api: String,
    stage: String,
    id: DeploymentId,
    served: Served,
    /// The last time that it was deployed, promoted or rolled back to.
    last: Option<Event>,
    /// The last reason that was given with it.
    message: Option<String>,
}

/// Whether a deployment is served.
#[derive(Clone, Copy, PartialEq)]
enum Served {
    Stage,
    Canary(f64),
    Not,
}

/// Lists the deployments, those that came last first.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &List, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let found = find(arguments, &mut report);
    match found {
        Ok((rows, stages)) => {
            terminal.findings(&report, Output::Text)?;
            match arguments.output {
                Output::Json => {
                    let document = document(&rows, &stages);
                    terminal.result(&serde_json::to_string_pretty(&document)?)?;
                }
                Output::Text if rows.is_empty() => terminal.notice(
                    "nothing was deployed: all stages serve the working files; `attache deploy` \
                     deploys them",
                )?,
                Output::Text => terminal.result(table(&rows).trim_end())?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            terminal.findings(&report, arguments.output)?;
            if !matches!(failure, Failure::Refused) {
                terminal.notice(&format!("error: {failure}"))?;
            }
            Ok(ExitCode::from(failure.exit_code()))
        }
    }
}

type Stages = BTreeMap<(String, String), StageDeployment>;

fn find(arguments: &List, report: &mut Report) -> Result<(Vec<Row>, Stages), Failure> {
    let (file, configuration) = configuration(&arguments.path, report)?;
    let apis = &configuration.apis;
    if let Some(api) = arguments
        .api
        .as_ref()
        .filter(|api| !apis.contains_key(*api))
    {
        let known = apis.keys().map(String::as_str);
        return Err(Failure::Usage(unknown("API", api, known)));
    }
    let stages = || apis.values().flat_map(|api| api.stages.keys());
    if let Some(stage) = &arguments.stage
        && !stages().any(|name| name == stage)
    {
        let known: BTreeSet<&str> = stages().map(String::as_str).collect();
        return Err(Failure::Usage(unknown("stage", stage, known)));
    }
    let deployments = Deployments::read(&file, report);
    if report.has_errors() {
        return Err(Failure::Refused);
    }
    let is_asked_for = |api: &str, stage: &str| {
        arguments.api.as_deref().is_none_or(|asked| asked == api)
            && arguments
                .stage
                .as_deref()
                .is_none_or(|asked| asked == stage)
    };
    let stages: Stages = deployments
        .stages()
        .filter(|((api, stage), _)| is_asked_for(api, stage))
        .map(|(name, deployed)| (name.clone(), deployed.state.clone()))
        .collect();
    let mut rows = Vec::new();
    for ((api, stage), state) in &stages {
        rows.extend(rows_of(api, stage, state));
    }
    // What no stage has ever served is there too, such as after a command that was killed.
    for api in deployments.apis() {
        let known = deployments.stages().filter(|((id, _), _)| *id == api);
        let known: BTreeSet<&DeploymentId> = known
            .flat_map(|(_, deployed)| deployed.state.history.iter())
            .map(|event| &event.deployment)
            .collect();
        for id in deployments.ids(&api) {
            if known.contains(&id) {
                continue;
            }
            let snapshot = deployments.snapshot(&api, &id);
            let stage = snapshot.map_or_else(|_| String::new(), |found| found.stage().name);
            if is_asked_for(&api, &stage) {
                rows.push(Row {
                    api: api.clone(),
                    stage,
                    id,
                    served: Served::Not,
                    last: None,
                    message: None,
                });
            }
        }
    }
    Ok((rows, stages))
}

/// The deployments of one stage, the one that came last first.
fn rows_of(api: &str, stage: &str, state: &StageDeployment) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    let served = |id: &DeploymentId| match &state.canary {
        _ if *id == state.deployment => Served::Stage,
        Some(canary) if *id == canary.deployment => Served::Canary(canary.percent_traffic),
        _ => Served::Not,
    };
    // A file that was edited by hand may name what its history does not tell of.
    let named = [
        Some(&state.deployment),
        state.canary.as_ref().map(|canary| &canary.deployment),
    ];
    let named = named.into_iter().flatten();
    let told = state.history.iter().rev().map(|event| &event.deployment);
    for id in told.clone().chain(named) {
        if !seen.insert(id.clone()) {
            continue;
        }
        let events = state.history.iter().rev();
        let mut events = events.filter(|event| event.deployment == *id);
        let last = events
            .clone()
            .find(|event| event.action != Action::Abandon)
            .cloned();
        rows.push(Row {
            api: api.to_owned(),
            stage: stage.to_owned(),
            id: id.clone(),
            served: served(id),
            last,
            message: events.find_map(|event| event.message.clone()),
        });
    }
    rows
}

fn document(rows: &[Row], stages: &Stages) -> Value {
    let rows = rows.iter().map(|row| {
        let (served, percent_traffic) = match row.served {
            Served::Stage => ("stage", None),
            Served::Canary(percent) => ("canary", Some(percent)),
            Served::Not => ("no", None),
        };
        json!({
            "api": row.api,
            "stage": row.stage,
            "id": row.id,
            "served": served,
            "percentTraffic": percent_traffic,
            "at": row.last.as_ref().map(|event| &event.at),
            "action": row.last.as_ref().map(|event| event.action),
            "message": row.message,
        })
    });
    let stages = stages.iter().map(|((api, stage), state)| {
        json!({
            "api": api,
            "stage": stage,
            "deployment": state.deployment,
            "canary": state.canary,
            "history": state.history,
        })
    });
    json!({
        "deployments": rows.collect::<Vec<_>>(),
        "stages": stages.collect::<Vec<_>>(),
    })
}

fn table(rows: &[Row]) -> String {
    let mut cells =
        vec![["API", "STAGE", "DEPLOYMENT", "SERVED", "LAST", "MESSAGE"].map(str::to_owned)];
    for row in rows {
        let served = match row.served {
            Served::Stage => "yes".to_owned(),
            Served::Canary(percent) => format!("canary, {percent} %"),
            Served::Not => "no".to_owned(),
        };
        let last = row.last.as_ref();
        let message = row.message.as_deref().unwrap_or("-");
        cells.push([
            row.api.clone(),
            row.stage.clone(),
            row.id.to_string(),
            served,
            last.map_or_else(
                || "-".to_owned(),
                |event| format!("{} {}", event.at, event.action.as_str()),
            ),
            message.lines().next().unwrap_or_default().to_owned(),
        ]);
    }
    aligned(&cells, 0..0)
}
