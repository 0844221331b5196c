//! From what was typed to an edit of the declared files.

use std::io;
use std::process::ExitCode;

use jiff::Timestamp;

use super::{Arguments, Failure, Surroundings, run};
use crate::diagnostic::Report;
use crate::terminal::{Output, Terminal};

/// Runs one of the `keys` verbs.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn command(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let mut input = io::stdin();
    let (output, notices) = terminal.streams();
    let outcome = run(
        arguments,
        &mut Surroundings {
            input: &mut input,
            output,
            notices,
            now: Timestamp::now(),
        },
        &mut report,
    );
    let findings = match arguments.output {
        Output::Json if outcome.is_err() => Output::Json,
        _ => Output::Text,
    };
    terminal.findings(&report, findings)?;
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            if !matches!(failure, Failure::Refused) {
                terminal.notice(&format!("error: {failure}"))?;
            }
            Ok(ExitCode::from(failure.exit_code()))
        }
    }
}
