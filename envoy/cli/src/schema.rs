//! `attache schema`: the JSON Schema of `attache.yaml`.

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::configuration;
use crate::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  attache schema > attache.schema.json

With this as the first line of attache.yaml, editors complete and check it:
  # yaml-language-server: $schema=attache.schema.json";

/// The arguments of `attache schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

/// Prints the schema.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(_: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    terminal.exactly(text().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The schema as it is printed, with a line feed at the end.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", configuration::schema())
}
