//! `attache cache`: what can be done with the caches of a gateway that runs.

mod arguments;
mod flush;
mod request;

use std::io;
use std::process::ExitCode;

pub use arguments::{Arguments, Flush, Verb};

use crate::terminal::Terminal;

/// Runs one of the `cache` verbs.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    match &arguments.verb {
        Verb::Flush(arguments) => flush::run(arguments, terminal),
    }
}
