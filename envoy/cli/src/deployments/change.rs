//! How a stage is told to serve something else: what all verbs that do so have in common.
//!
//! What will be served is loaded and compiled before anything is written, whole and as
//! `attache run` will, so that no change can be made that a gateway would refuse.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::arguments::StageArguments;
use super::difference::{Change, compare, render};
use super::replace::Step;
use super::target::Target;
use super::{
    Action, Deployed, DeploymentId, Deployments, Event, Failure, Snapshot, StageDeployment, secrets,
};
use crate::diagnostic::{Diagnostic, Report};
use crate::project;
use crate::secrets_key::SecretsKey;
use crate::terminal::{Output, Terminal};

/// What a verb starts from.
pub(super) struct Situation<'a> {
    pub(super) path: &'a Path,
    pub(super) target: &'a Target,
    pub(super) deployments: &'a Deployments,
    pub(super) report: &'a mut Report,
}

/// What a verb wants.
pub(super) struct Plan {
    /// What the stage serves then, without the event that tells of it.
    pub(super) deployment: DeploymentId,
    pub(super) canary: Option<super::CanaryRelease>,
    /// What was done.
    pub(super) action: Action,
    /// The deployment that it was done with, and with what share of the traffic.
    pub(super) subject: DeploymentId,
    pub(super) percent_traffic: Option<f64>,
    pub(super) from: Option<String>,
    /// The snapshots that may not be there yet.
    pub(super) new: Vec<Encoded>,
    /// What the user should know besides.
    pub(super) advice: Vec<String>,
}

/// A snapshot with its name and its text.
#[derive(Clone)]
pub(super) struct Encoded {
    pub(super) id: DeploymentId,
    pub(super) snapshot: Arc<Snapshot>,
    text: String,
}

impl Encoded {
    pub(super) fn new(snapshot: Snapshot, target: &Target) -> Result<Self, Failure> {
        let encoded = snapshot.encode().map_err(|error| Failure::File {
            file: target.file.clone(),
            error: error.into(),
        });
        let (id, text) = encoded?;
        Ok(Self {
            id,
            snapshot: Arc::new(snapshot),
            text,
        })
    }
}

impl Situation<'_> {
    /// What the stage was told to serve.
    pub(super) fn current(&self) -> Option<&Deployed> {
        self.deployments.stage(&self.target.api, &self.target.stage)
    }

    /// The same, or a finding.
    pub(super) fn deployed(&mut self) -> Result<StageDeployment, Failure> {
        if let Some(deployed) = self.current() {
            return Ok(deployed.state.clone());
        }
        let message = format!(
            "nothing was deployed to `{}` yet: it serves the working files",
            self.target.stage
        );
        let hint = format!(
            "deploy them: `attache deploy --stage {}`",
            self.target.stage
        );
        Err(self
            .target
            .refuse(self.report, "not-deployed", message, hint))
    }

    /// An error where there is a canary release, at its place.
    pub(super) fn refuse_with_canary(&mut self) -> Result<(), Failure> {
        let deployments = self.deployments;
        let deployed = deployments.stage(&self.target.api, &self.target.stage);
        let Some((deployed, canary)) =
            deployed.and_then(|deployed| Some((deployed, deployed.state.canary.as_ref()?)))
        else {
            return Ok(());
        };
        let (span, pointer) = deployed.place(true);
        let stage = &self.target.stage;
        let message = format!(
            "`{stage}` has a canary release, `{}`, and takes no other deployment until that is \
             decided",
            canary.deployment
        );
        self.report.push(
            Diagnostic::error("canary-exists", &deployed.file, span, pointer, message).hint(
                format!(
                    "`attache promote --stage {stage}` makes it what the stage serves, `attache \
                     abandon --stage {stage}` ends it"
                ),
            ),
        );
        Err(Failure::Refused)
    }

    /// A deployment of the API, or a finding at the stage.
    pub(super) fn snapshot(&mut self, id: &DeploymentId) -> Result<Arc<Snapshot>, Failure> {
        let api = &self.target.api;
        self.deployments.snapshot(api, id).map_err(|fault| {
            let (code, message, hint) = project::describe_fault(&fault, api, id);
            self.target.refuse(self.report, code, message, hint)
        })
    }
}

/// What came of a change.
struct Outcome {
    target: Target,
    plan: Plan,
    previous: Option<DeploymentId>,
    /// Whether anything is different from before.
    is_new: bool,
    changes: Vec<Change>,
}

/// Makes the change that a verb plans, and tells what was done.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub(super) fn run(
    arguments: &StageArguments,
    terminal: &mut Terminal,
    plan: &dyn Fn(&mut Situation<'_>) -> Result<Plan, Failure>,
) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let now = Timestamp::now();
    let outcome = make(arguments, now, plan, &mut report, &mut |_, _| {});
    let output = match &outcome {
        Err(_) => arguments.output,
        Ok(_) => Output::Text,
    };
    terminal.findings(&report, output)?;
    match outcome {
        Ok(outcome) => {
            terminal.result(&match arguments.output {
                Output::Json => serde_json::to_string_pretty(&document(arguments, &outcome))?,
                Output::Text => told(arguments, &outcome),
            })?;
            for advice in &outcome.plan.advice {
                terminal.notice(&format!("note: {advice}"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            if !matches!(failure, Failure::Refused) {
                terminal.notice(&format!("error: {failure}"))?;
            }
            Ok(ExitCode::from(failure.exit_code()))
        }
    }
}

fn make(
    arguments: &StageArguments,
    now: Timestamp,
    plan: &dyn Fn(&mut Situation<'_>) -> Result<Plan, Failure>,
    report: &mut Report,
    watcher: &mut dyn FnMut(Step, &Path),
) -> Result<Outcome, Failure> {
    let path = arguments.path.as_path();
    let target = Target::find(path, arguments.api.as_deref(), &arguments.stage, report)?;
    let _lock = match arguments.dry_run {
        true => None,
        false => Some(Deployments::lock(&target.file)?),
    };
    let deployments = Deployments::read(&target.file, report);
    if report.has_errors() {
        return Err(Failure::Refused);
    }
    let plan = plan(&mut Situation {
        path,
        target: &target,
        deployments: &deployments,
        report,
    })?;
    let (api, stage) = (target.api.as_str(), target.stage.as_str());
    let current = deployments.stage(api, stage).map(|found| &found.state);
    let is_new = current.is_none_or(|current| {
        current.deployment != plan.deployment || current.canary != plan.canary
    });
    let next = StageDeployment {
        deployment: plan.deployment.clone(),
        canary: plan.canary.clone(),
        history: current.map_or_else(Vec::new, |current| current.history.clone()),
    };
    let new = plan.new.iter();
    let new = new.map(|encoded| (encoded.id.clone(), Arc::clone(&encoded.snapshot)));
    let after = deployments.with(api, stage, next.clone(), new);
    let project = project::load_from(path, SecretsKey::from_process(), &after, report)
        .ok_or(Failure::Refused)?;
    for encoded in &plan.new {
        if let Some(found) = secrets::find(&project, &encoded.snapshot) {
            return Err(target.refuse(
                report,
                "secret-in-deployment",
                format!("{} stands in the API: {}", found.what, found.place),
                "take it out, and give the key another value: whoever can read the project knows it",
            ));
        }
    }
    let changes = changes(&deployments, &after, &target, &plan);
    let previous = current.map(|current| current.deployment.clone());
    if is_new && !arguments.dry_run {
        let mut next = next;
        next.history.push(Event {
            at: now.round(Unit::Second).unwrap_or(now).to_string(),
            action: plan.action,
            deployment: plan.subject.clone(),
            percent_traffic: plan.percent_traffic,
            from: plan.from.clone(),
            message: arguments.message.clone(),
        });
        for encoded in &plan.new {
            after.write_snapshot(api, &encoded.id, &encoded.text, watcher)?;
        }
        deployments.write_stage(api, stage, &next, watcher)?;
    }
    Ok(Outcome {
        previous,
        is_new,
        changes,
        plan,
        target,
    })
}

/// What the callers notice to whom the change is made: those of the canary release where that is
/// what changes, and otherwise those of the stage.
fn changes(before: &Deployments, after: &Deployments, target: &Target, plan: &Plan) -> Vec<Change> {
    let (api, stage) = (target.api.as_str(), target.stage.as_str());
    let content = |deployments: &Deployments, id: &DeploymentId| -> Option<Arc<Snapshot>> {
        deployments.snapshot(api, id).ok()
    };
    let Some(current) = before.stage(api, stage).map(|found| &found.state) else {
        return Vec::new();
    };
    let old = match plan.action {
        Action::Abandon => current.canary.as_ref().map(|canary| &canary.deployment),
        _ => Some(&current.deployment),
    };
    let new = match plan.action {
        Action::Canary => &plan.subject,
        _ => &plan.deployment,
    };
    let old = old.and_then(|id| content(before, id));
    match (old, content(after, new)) {
        (Some(old), Some(new)) => compare(&old.api, &new.api),
        _ => Vec::new(),
    }
}

/// What was done, in a line, and what it changes.
fn told(arguments: &StageArguments, outcome: &Outcome) -> String {
    let Plan {
        deployment,
        canary,
        action,
        subject,
        percent_traffic,
        from,
        ..
    } = &outcome.plan;
    let name = outcome.target.name();
    if !outcome.is_new {
        return match canary {
            Some(canary) => format!(
                "{name} serves {deployment} already, and {} to {} % of the requests",
                canary.deployment, canary.percent_traffic
            ),
            None => format!("{name} serves {deployment} already"),
        };
    }
    let place = match &outcome.previous {
        Some(previous) if previous != deployment => format!(" in place of {previous}"),
        _ => String::new(),
    };
    let what = match action {
        Action::Deploy => match canary {
            Some(canary) => format!(
                "serves {subject}{place}, and {} to {} % of the requests",
                canary.deployment, canary.percent_traffic
            ),
            None => format!("serves {subject}{place}"),
        },
        Action::Canary => format!(
            "serves {subject} to {} % of the requests, and {deployment} to the others",
            percent_traffic.unwrap_or_default()
        ),
        Action::Promote => match from {
            Some(from) => format!("serves {subject}{place}, with the operations of {from}"),
            None => format!("serves {subject}{place}, to all requests"),
        },
        Action::Abandon => format!("serves {deployment} to all requests; {subject} is abandoned"),
        Action::Rollback => format!("serves {subject} again{place}"),
    };
    let tense = if arguments.dry_run { "would: " } else { "" };
    let mut text = format!("{name}: {tense}{what}");
    if outcome.previous.is_some() {
        text.push_str("\n\n");
        text.push_str(render(&outcome.changes).trim_end());
    }
    text
}

/// The same for programs.
fn document(arguments: &StageArguments, outcome: &Outcome) -> Value {
    let plan = &outcome.plan;
    json!({
        "api": outcome.target.api,
        "stage": outcome.target.stage,
        "action": plan.action,
        "deployment": plan.deployment,
        "canary": plan.canary,
        "previous": outcome.previous,
        "changed": outcome.is_new && !arguments.dry_run,
        "dryRun": arguments.dry_run,
        "changes": outcome.changes,
    })
}

#[cfg(test)]
mod tests;
