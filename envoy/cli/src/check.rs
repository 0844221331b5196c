//! `attache check`: every finding, nothing started.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::command_line::REFUSED;
use crate::diagnostic::{Report, Severity};
use crate::project::{self, Project};
use crate::terminal::{Output, Terminal};

const EXAMPLES: &str = "\
Examples:
  attache check
  attache check examples/petstore
  attache check --output json | jq -r '.[] | \"\\(.file):\\(.line): \\(.message)\"'

Exit code 0: the configuration can be served. 1: it is refused, with every reason.";

/// The arguments of `attache check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Reads the configuration and everything it names, compiles it as the filter will, and prints what
/// was found.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let project = project::load(&arguments.path, &mut report);
    // What stages serve is one thing; what people work on, and deploy next, is another.
    let is_all = |project: &Project| !project.has_deployments();
    let project = match &project {
        Some(found) if is_all(found) => project,
        _ => project::load_working(&arguments.path, &mut report).and(project),
    };
    terminal.findings(&report, arguments.output)?;
    let Some(project) = project else {
        if arguments.output == Output::Text {
            let findings = report.sorted();
            let errors = findings
                .iter()
                .filter(|found| found.severity == Severity::Error);
            let errors = errors.count();
            terminal.notice(&format!("refused: {} to mend", count(errors, "error")))?;
        }
        return Ok(ExitCode::from(REFUSED));
    };
    if arguments.output == Output::Text {
        terminal.result(&summary(&project))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a sound configuration holds, in one line.
fn summary(project: &Project) -> String {
    let gateway = &project.gateway;
    // An API whose stages serve different deployments has several entries.
    let ids: BTreeSet<&str> = gateway.apis.iter().map(|api| api.id.as_str()).collect();
    let operations: BTreeSet<_> = gateway
        .apis
        .iter()
        .flat_map(|api| {
            let operations = api.operations.iter();
            operations.map(|operation| (&api.id, &operation.path, operation.method))
        })
        .collect();
    let stages = gateway.apis.iter().flat_map(|api| &api.stages);
    let stages = stages.filter(|stage| stage.canary.is_none()).count();
    format!(
        "{}: fine: {} with {} on {}, {}, {}",
        project.file.display(),
        count(ids.len(), "API"),
        count(operations.len(), "operation"),
        count(stages, "stage"),
        count(gateway.usage_plans.len(), "usage plan"),
        count(gateway.api_keys.len(), "API key"),
    )
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
