//! `attache diff`: what changes for callers between two deployments, stages, or the working files.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use attache_model::Api;
use serde_json::{Value, json};

use super::arguments::Diff;
use super::difference::{Change, compare, render};
use super::target::{Target, api, configuration};
use super::{DeploymentId, Deployments, Failure, content, rollback};
use crate::command_line::REFUSED;
use crate::configuration::Configuration;
use crate::diagnostic::Report;
use crate::project;
use crate::secrets_key::SecretsKey;
use crate::terminal::{Output, Terminal};

/// What stands for the working files.
const WORKING: &str = ".";

/// One side, as it was found.
struct Side {
    api: String,
    stage: String,
    /// `None` for the working files.
    deployment: Option<DeploymentId>,
    content: Api,
}

/// What one side names.
enum Named {
    Deployment(String, DeploymentId),
    Stage(String, String),
    Working,
}

/// Compares, and tells the changes.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Diff, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let (before, after) = match sides(arguments, &mut report) {
        Ok(sides) => sides,
        Err(failure) => {
            terminal.findings(&report, arguments.output)?;
            if !matches!(failure, Failure::Refused) {
                terminal.notice(&format!("error: {failure}"))?;
            }
            return Ok(ExitCode::from(failure.exit_code()));
        }
    };
    let changes = compare(&before.content, &after.content);
    terminal.result(&match arguments.output {
        Output::Json => serde_json::to_string_pretty(&document(&before, &after, &changes))?,
        Output::Text => format!(
            "{} → {}\n\n{}",
            before.name(),
            after.name(),
            render(&changes).trim_end()
        ),
    })?;
    Ok(match arguments.exit_code && !changes.is_empty() {
        true => ExitCode::from(REFUSED),
        false => ExitCode::SUCCESS,
    })
}

impl Side {
    fn name(&self) -> String {
        let Self { api, stage, .. } = self;
        match &self.deployment {
            Some(id) => format!("{api} ({stage}): {id}"),
            None => format!("{api} ({stage}): working files"),
        }
    }

    fn document(&self) -> Value {
        json!({"api": self.api, "stage": self.stage, "deployment": self.deployment})
    }
}

fn document(before: &Side, after: &Side, changes: &[Change]) -> Value {
    json!({
        "before": before.document(),
        "after": after.document(),
        "changes": changes,
    })
}

fn sides(arguments: &Diff, report: &mut Report) -> Result<(Side, Side), Failure> {
    let (file, configuration) = configuration(&arguments.path, report)?;
    let deployments = Deployments::read(&file, report);
    if report.has_errors() {
        return Err(Failure::Refused);
    }
    let looking = Looking {
        path: &arguments.path,
        api: arguments.api.as_deref(),
        configuration: &configuration,
        deployments: &deployments,
    };
    let before = looking.named(&arguments.before)?;
    let after = looking.named(&arguments.after)?;
    Ok(match (before, after) {
        (Named::Working, Named::Working) => {
            return Err(Failure::Usage(
                "both sides are the working files: name a deployment or a stage".to_owned(),
            ));
        }
        (Named::Working, after) => {
            let after = looking.side(after, report)?;
            let before = looking.working(&after.api, &after.stage, report)?;
            (before, after)
        }
        (before, Named::Working) => {
            let before = looking.side(before, report)?;
            let after = looking.working(&before.api, &before.stage, report)?;
            (before, after)
        }
        (before, after) => (looking.side(before, report)?, looking.side(after, report)?),
    })
}

/// Where names are looked up.
struct Looking<'a> {
    path: &'a Path,
    api: Option<&'a str>,
    configuration: &'a Configuration,
    deployments: &'a Deployments,
}

impl Looking<'_> {
    /// What a name means: a stage before the beginning of a deployment's name.
    fn named(&self, name: &str) -> Result<Named, Failure> {
        if name == WORKING {
            return Ok(Named::Working);
        }
        let apis = self.configuration.apis.iter();
        let mut apis = apis.filter(|(id, _)| self.api.is_none_or(|api| api == *id));
        if apis.any(|(_, api)| api.stages.contains_key(name)) {
            let api = api(self.configuration, self.api, name).map_err(Failure::Usage)?;
            return Ok(Named::Stage(api, name.to_owned()));
        }
        let known: Vec<(String, DeploymentId)> = self
            .deployments
            .apis()
            .into_iter()
            .filter(|id| self.api.is_none_or(|api| api == id))
            .flat_map(|api| {
                let ids = self.deployments.ids(&api).into_iter();
                ids.map(move |id| (api.clone(), id))
            })
            .collect();
        let known = known.iter().map(|(api, id)| (api.as_str(), id));
        let (api, id) = rollback::named(name, known).map_err(|reason| {
            Failure::Usage(format!(
                "`{name}` is no stage, and as a deployment: {reason}"
            ))
        })?;
        Ok(Named::Deployment(api.to_owned(), id.clone()))
    }

    fn side(&self, named: Named, report: &mut Report) -> Result<Side, Failure> {
        let (api, id) = match named {
            Named::Deployment(api, id) => (api, id),
            Named::Stage(api, stage) => match self.deployments.stage(&api, &stage) {
                Some(deployed) => {
                    let id = deployed.state.deployment.clone();
                    (api, id)
                }
                None => return self.working(&api, &stage, report),
            },
            // Both sides are never the working files.
            Named::Working => return Err(Failure::Refused),
        };
        let snapshot = self.deployments.snapshot(&api, &id).map_err(|fault| {
            let (code, message, hint) = project::describe_fault(&fault, &api, &id);
            let file = self.deployments.snapshot_file(&api, &id);
            let diagnostic = crate::diagnostic::Diagnostic::error(code, file, 0..0, "", message);
            report.push(diagnostic.hint(hint));
            Failure::Refused
        })?;
        Ok(Side {
            stage: snapshot.stage().name,
            content: snapshot.api.clone(),
            deployment: Some(id),
            api,
        })
    }

    /// What a stage would serve if the working files were deployed to it.
    fn working(&self, api: &str, stage: &str, report: &mut Report) -> Result<Side, Failure> {
        let target = Target::find(self.path, Some(api), stage, report)?;
        let working = self.deployments.without(api, stage);
        let key = SecretsKey::from_process();
        let project = project::load_from(self.path, key, &working, report);
        let project = project.ok_or(Failure::Refused)?;
        let working = content::working(&project, &target, report).ok_or(Failure::Refused)?;
        Ok(Side {
            api: api.to_owned(),
            stage: stage.to_owned(),
            deployment: None,
            content: working.stage.api,
        })
    }
}
