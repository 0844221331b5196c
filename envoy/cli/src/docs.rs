//! `attache docs`: the reference of an API as one page that needs nothing else.

mod page;
mod renderer;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::client_document::{ClientDocument, Selection};
use crate::command_line::REFUSED;
use crate::diagnostic::Report;
use crate::terminal::{Output, Terminal};

const EXAMPLES: &str = "\
Examples:
  attache docs --out petstore.html
  attache docs examples/petstore --server https://api.example.com --out petstore.html
  attache docs --api petstore --stage prod --plan gold --out for-gold.html

The page shows operations, models, authorization and the limits of the usage plans. It holds its
renderer, Redoc, which npm fetches the first time; the page itself fetches nothing, and its browser
is told to let it fetch nothing.

Exit code 0: the page is written. 1: the configuration is refused, or there is no renderer.";

/// The arguments of `attache docs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Which API.
    #[command(flatten)]
    pub selection: Selection,
    /// A usage plan whose limits the page shows; may be given several times. All unless set.
    #[arg(long = "plan", value_name = "PLAN")]
    pub plans: Vec<String>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Redoc's `redoc.standalone.js`, in place of the one that npm fetches.
    #[arg(long, value_name = "FILE", env = "ATTACHE_REDOC")]
    pub renderer: Option<PathBuf>,
    /// How to print findings.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Writes the page.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let document = ClientDocument::read(&arguments.selection, &mut report);
    let Some(mut document) = document else {
        terminal.findings(&report, arguments.output)?;
        return Ok(ExitCode::from(REFUSED));
    };
    // Standard output is for what was written.
    terminal.findings(&report, Output::Text)?;
    for loss in &document.losses {
        terminal.notice(&format!("left out: {loss}"))?;
    }
    match write(&mut document, arguments) {
        Ok(()) => {}
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            return Ok(ExitCode::from(REFUSED));
        }
    }
    match arguments.output {
        Output::Text => terminal.notice(&format!("wrote {}", arguments.out.display()))?,
        Output::Json => terminal.result(&format!(
            "{:#}",
            json!({
                "api": document.api,
                "stage": document.stage,
                "files": [arguments.out],
            })
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(document: &mut ClientDocument, arguments: &Arguments) -> Result<(), String> {
    document.describe(&arguments.plans)?;
    let renderer = renderer::find(arguments.renderer.as_deref())?;
    let page = page::of(document, &renderer)?;
    std::fs::write(&arguments.out, page)
        .map_err(|error| format!("cannot write `{}`: {error}", arguments.out.display()))
}
