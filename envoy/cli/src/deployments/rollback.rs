//! `attache rollback`: a stage serves what it served before.

use std::io;
use std::process::ExitCode;

use super::arguments::Rollback;
use super::change::{self, Plan, Situation};
use super::{Action, DeploymentId, Failure};
use crate::terminal::Terminal;

/// Rolls back, and tells what that changes.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Rollback, terminal: &mut Terminal) -> io::Result<ExitCode> {
    change::run(&arguments.target, terminal, &|situation| {
        plan(situation, arguments.to.as_deref())
    })
}

pub(super) fn plan(situation: &mut Situation<'_>, to: Option<&str>) -> Result<Plan, Failure> {
    let current = situation.deployed()?;
    let target = situation.target;
    let id = match to {
        Some(beginning) => {
            let ids = situation.deployments.ids(&target.api);
            let ids = ids.iter().map(|id| (target.api.as_str(), id));
            named(beginning, ids).map_err(Failure::Usage)?.1.clone()
        }
        None => {
            let Some(earlier) = current.earlier() else {
                return Err(target.refuse(
                    situation.report,
                    "no-earlier-deployment",
                    format!("`{}` served no other deployment before", target.stage),
                    "`attache deployments` lists them; name one with `--to`",
                ));
            };
            earlier.clone()
        }
    };
    if current.deployment != id || current.canary.is_some() {
        situation.refuse_with_canary()?;
    }
    Ok(Plan {
        deployment: id.clone(),
        canary: None,
        action: Action::Rollback,
        subject: id,
        percent_traffic: None,
        from: None,
        new: Vec::new(),
        advice: Vec::new(),
    })
}

/// The one deployment whose name begins so, of those that there are.
pub(super) fn named<'d>(
    beginning: &str,
    known: impl Iterator<Item = (&'d str, &'d DeploymentId)>,
) -> Result<(&'d str, &'d DeploymentId), String> {
    let found: Vec<_> = known
        .filter(|(_, id)| !beginning.is_empty() && id.as_str().starts_with(beginning))
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(format!(
            "there is no deployment `{beginning}`: `attache deployments` lists them"
        )),
        several => Err(format!(
            "{} deployments begin with `{beginning}`: write more of the name",
            several.len()
        )),
    }
}
