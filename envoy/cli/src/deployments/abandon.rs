//! `attache abandon`: the canary release of a stage is gone, and the stage serves what it served.

use std::io;
use std::process::ExitCode;

use super::arguments::Abandon;
use super::change::{self, Plan, Situation};
use super::{Action, CanaryRelease, Failure};
use crate::terminal::Terminal;

/// Abandons, and tells what that changes.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Abandon, terminal: &mut Terminal) -> io::Result<ExitCode> {
    change::run(&arguments.target, terminal, &plan)
}

pub(super) fn plan(situation: &mut Situation<'_>) -> Result<Plan, Failure> {
    let current = situation.deployed()?;
    let canary = canary(situation, current.canary)?;
    Ok(Plan {
        deployment: current.deployment,
        canary: None,
        action: Action::Abandon,
        subject: canary.deployment,
        percent_traffic: None,
        from: None,
        new: Vec::new(),
        advice: Vec::new(),
    })
}

/// The canary release, or a finding.
pub(super) fn canary(
    situation: &mut Situation<'_>,
    canary: Option<CanaryRelease>,
) -> Result<CanaryRelease, Failure> {
    canary.ok_or_else(|| {
        let stage = &situation.target.stage;
        situation.target.refuse(
            situation.report,
            "no-canary",
            format!("`{stage}` has no canary release"),
            format!("deploy one: `attache deploy --stage {stage} --canary 10`"),
        )
    })
}
