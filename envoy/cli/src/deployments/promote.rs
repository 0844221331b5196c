//! `attache promote`: what was tried becomes what a stage serves.

use std::io;
use std::process::ExitCode;

use serde_json::Value;

use super::arguments::Promote;
use super::change::{self, Encoded, Plan, Situation};
use super::target::api;
use super::{Action, Failure, Snapshot, abandon, content};
use crate::project;
use crate::terminal::Terminal;

/// Promotes, and tells what that changes.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Promote, terminal: &mut Terminal) -> io::Result<ExitCode> {
    change::run(
        &arguments.target,
        terminal,
        &|situation| match arguments.from.as_deref() {
            None => canary(situation),
            Some(from) => stage(situation, from),
        },
    )
}

/// The canary release becomes what the stage serves. Its deployment has the variables of the stage
/// with its own over them, so that they are merged by this.
pub(super) fn canary(situation: &mut Situation<'_>) -> Result<Plan, Failure> {
    let current = situation.deployed()?;
    let canary = abandon::canary(situation, current.canary)?;
    let promoted = situation.snapshot(&canary.deployment)?;
    Ok(Plan {
        advice: advice(situation, &promoted),
        deployment: canary.deployment.clone(),
        canary: None,
        action: Action::Promote,
        subject: canary.deployment,
        percent_traffic: None,
        from: None,
        new: Vec::new(),
    })
}

/// What to write into the configuration, so that the next deployment does not take back what was
/// promoted.
fn advice(situation: &Situation<'_>, promoted: &Snapshot) -> Vec<String> {
    let target = situation.target;
    let (_, reading) =
        project::configuration(situation.path, &mut crate::diagnostic::Report::new());
    let Some(reading) = reading else {
        return Vec::new();
    };
    let apis = &reading.configuration.apis;
    let settings = apis
        .get(&target.api)
        .and_then(|api| api.stages.get(&target.stage));
    let Some(settings) = settings else {
        return Vec::new();
    };
    let mut advice = Vec::new();
    let stage = promoted.stage();
    let other: Vec<String> = stage
        .variables
        .iter()
        .filter(|(name, value)| settings.variables.get(*name) != Some(value))
        .map(|(name, value)| format!("{name}: {}", Value::from(value.as_str())))
        .collect();
    if !other.is_empty() {
        advice.push(format!(
            "attache.yaml has other variables for `{}`: unless it says `{}`, the next deployment \
             takes them back",
            target.stage,
            other.join(", ")
        ));
    }
    if settings.canary_settings.is_some() {
        advice.push(format!(
            "attache.yaml still has `canarySettings` for `{}`: the next deployment makes a canary \
             release again",
            target.stage
        ));
    }
    advice
}

/// The stage serves the operations that another one of the API serves, with settings of its own.
pub(super) fn stage(situation: &mut Situation<'_>, from: &str) -> Result<Plan, Failure> {
    let target = situation.target;
    if from == target.stage {
        return Err(Failure::Usage(format!(
            "`--from {from}` is the stage itself: leave it out to promote its canary release"
        )));
    }
    let (_, configuration) = super::target::configuration(situation.path, situation.report)?;
    api(&configuration, Some(&target.api), from).map_err(Failure::Usage)?;
    let Some(source) = situation.deployments.stage(&target.api, from) else {
        return Err(target.refuse(
            situation.report,
            "not-deployed",
            format!("nothing was deployed to `{from}` yet: it serves the working files"),
            format!("deploy them: `attache deploy --stage {}`", target.stage),
        ));
    };
    let source = situation.snapshot(&source.state.deployment)?;
    let settings =
        project::stage_over(situation.path, &source.api, &target.stage, situation.report)
            .ok_or(Failure::Refused)?;
    let written = written(situation, &target.api, &target.stage);
    let snapshot = Snapshot {
        api: content::content(&source.api, &settings),
        configuration: content::with_stage(&source.configuration, &target.stage, &written),
        sources: source.sources.clone(),
    };
    let encoded = Encoded::new(snapshot, target)?;
    let is_same = situation.current().is_some_and(|current| {
        current.state.deployment == encoded.id && current.state.canary.is_none()
    });
    if !is_same {
        situation.refuse_with_canary()?;
    }
    Ok(Plan {
        deployment: encoded.id.clone(),
        canary: None,
        action: Action::Promote,
        subject: encoded.id.clone(),
        percent_traffic: None,
        from: Some(from.to_owned()),
        new: vec![encoded],
        advice: Vec::new(),
    })
}

/// What the configuration says of a stage.
fn written(situation: &Situation<'_>, api: &str, stage: &str) -> Value {
    project::as_written(situation.path)
        .and_then(|apis| apis.get(api)?.get("stages")?.get(stage).cloned())
        .unwrap_or_default()
}
