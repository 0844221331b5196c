//! `attache deploy`: a stage serves the working files as they are now, whatever becomes of them.

use std::io;
use std::process::ExitCode;

use attache_model::{Canary, Protocol};

use super::arguments::Deploy;
use super::change::{self, Encoded, Plan, Situation};
use super::content;
use super::{Action, CanaryRelease, Failure};
use crate::project;
use crate::secrets_key::SecretsKey;
use crate::terminal::Terminal;

/// Deploys, and tells what that changes.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Deploy, terminal: &mut Terminal) -> io::Result<ExitCode> {
    change::run(&arguments.target, terminal, &|situation| {
        plan(situation, arguments.canary)
    })
}

pub(super) fn plan(
    situation: &mut Situation<'_>,
    percent_traffic: Option<f64>,
) -> Result<Plan, Failure> {
    let target = situation.target;
    let working = situation.deployments.without(&target.api, &target.stage);
    let key = SecretsKey::from_process();
    let project = project::load_from(situation.path, key, &working, situation.report);
    let project = project.ok_or(Failure::Refused)?;
    // Whatever was served is in the report by now, with its place.
    let working = content::working(&project, target, situation.report).ok_or(Failure::Refused)?;
    let stage = Encoded::new(working.stage, target)?;
    let declared = match working.canary {
        Some((snapshot, canary)) => Some((Encoded::new(snapshot, target)?, canary)),
        None => None,
    };
    match percent_traffic {
        None => deploy(situation, stage, declared),
        Some(percent_traffic) => {
            let canary = Canary {
                percent_traffic,
                use_stage_cache: declared
                    .as_ref()
                    .is_some_and(|(_, canary)| canary.use_stage_cache),
            };
            let content = declared.map_or(stage, |(content, _)| content);
            release(situation, content, canary)
        }
    }
}

/// The stage serves it, and a canary release of the same operations where one is declared.
fn deploy(
    situation: &mut Situation<'_>,
    stage: Encoded,
    declared: Option<(Encoded, Canary)>,
) -> Result<Plan, Failure> {
    let canary = declared
        .as_ref()
        .map(|(content, canary)| CanaryRelease::new(&content.id, *canary));
    let is_same = situation.current().is_some_and(|current| {
        current.state.deployment == stage.id && current.state.canary == canary
    });
    if !is_same {
        situation.refuse_with_canary()?;
    }
    let subject = stage.id.clone();
    let canary_content = declared.map(|(content, _)| content);
    Ok(Plan {
        deployment: subject.clone(),
        percent_traffic: canary.as_ref().map(|canary| canary.percent_traffic),
        canary,
        action: Action::Deploy,
        subject,
        from: None,
        new: [stage].into_iter().chain(canary_content).collect(),
        advice: Vec::new(),
    })
}

/// A canary release serves it beside what the stage serves.
fn release(
    situation: &mut Situation<'_>,
    content: Encoded,
    canary: Canary,
) -> Result<Plan, Failure> {
    let current = situation.deployed()?;
    if content.snapshot.api.protocol == Protocol::Http {
        return Err(situation.target.refuse(
            situation.report,
            "canary-of-http-api",
            "an HTTP API has no canary releases, and this is the stage of one",
            "AWS has them for REST APIs only: give the next version a stage of its own",
        ));
    }
    // The same content with another share is no other deployment.
    if current
        .canary
        .as_ref()
        .is_some_and(|canary| canary.deployment != content.id)
    {
        situation.refuse_with_canary()?;
    }
    let mut advice = Vec::new();
    if content.id == current.deployment {
        advice.push("the canary release is the same as what the stage serves".to_owned());
    }
    Ok(Plan {
        deployment: current.deployment,
        canary: Some(CanaryRelease::new(&content.id, canary)),
        action: Action::Canary,
        subject: content.id.clone(),
        percent_traffic: Some(canary.percent_traffic),
        from: None,
        new: vec![content],
        advice,
    })
}
