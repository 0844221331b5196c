//! What the commands that try one request have in common: what they are asked, and how they say
//! that there is no answer.

use std::io;
use std::process::ExitCode;

use serde::Serialize;

use super::Unreadable;
use crate::command_line::REFUSED;
use crate::diagnostic::Report;
use crate::terminal::{Output, Terminal};

/// The exit code for arguments that do not fit together, or do not fit the configuration.
const MISUSED: u8 = 2;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The report says what is wrong.
    Refused,
    /// The arguments do not fit together, or do not fit the configuration.
    Usage(String),
    /// A file cannot be read.
    File(Unreadable),
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        Self::File(unreadable)
    }
}

/// The folder, the method and the path of `[DIR] METHOD PATH`.
pub(crate) fn target(words: &[String]) -> Result<(&str, &str, &str), Failure> {
    match words {
        [method, path] => Ok((".", method.as_str(), path.as_str())),
        [folder, method, path] => Ok((folder.as_str(), method.as_str(), path.as_str())),
        _ => Err(Failure::Usage(
            "`[DIR] METHOD PATH` is what is needed".to_owned(),
        )),
    }
}

/// Prints what was found out, as text or as a JSON document, or why nothing was; gives the exit
/// code for the latter.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub(crate) fn print<T: Serialize>(
    tried: &Result<T, Failure>,
    text: impl FnOnce(&T) -> String,
    report: &Report,
    output: Output,
    terminal: &mut Terminal,
) -> io::Result<Option<ExitCode>> {
    match (tried, output) {
        // Standard output has one document: here what was found out.
        (Ok(_) | Err(Failure::Usage(_) | Failure::File(_)), Output::Json) => {}
        (_, output) => terminal.findings(report, output)?,
    }
    let code = match tried {
        Ok(found) => {
            let printed = match output {
                Output::Text => text(found),
                Output::Json => serde_json::to_string_pretty(found)?,
            };
            terminal.result(printed.trim_end())?;
            return Ok(None);
        }
        Err(Failure::Refused) => REFUSED,
        Err(Failure::Usage(reason)) => {
            terminal.notice(&format!("error: {reason}"))?;
            MISUSED
        }
        Err(Failure::File(Unreadable { file, error })) => {
            terminal.notice(&format!("error: `{}`: {error}", file.display()))?;
            REFUSED
        }
    };
    Ok(Some(ExitCode::from(code)))
}
