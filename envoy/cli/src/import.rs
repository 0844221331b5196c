//! `attache import`: what others have written, as `attache.yaml` and the files that it names.
//!
//! Each source fills a draft and a table: what is written, and what
//! became of each thing. Then the draft is written, nothing that exists replaced, and looked at as
//! `attache check` looks at it.

mod arguments;
mod aws;
mod cloudformation;
mod definition;
mod draft;
mod http_api;
mod openapi;
mod rest_api;
mod settings;
pub mod table;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::command_line::REFUSED;
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::project;
use crate::terminal::{Output, Terminal};
pub use arguments::{Arguments, Aws, Cloudformation, Openapi, Source, Writing};
use draft::Draft;
use table::Table;

/// What a source gives: what is to be written, and what became of each thing.
#[derive(Debug)]
pub struct Imported {
    draft: Draft,
    table: Table,
}

impl Imported {
    /// What became of each thing.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Writes `attache.yaml` and the files that it names into a folder, and gives their paths.
    ///
    /// # Errors
    ///
    /// When a file exists, unless `force` says to replace it, or cannot be written.
    pub fn write(&self, folder: &Path, force: bool) -> Result<Vec<PathBuf>, String> {
        let written = self.draft.write(folder, force);
        written.map_err(|refusal| refusal.to_string())
    }
}

/// Reads a source. `None` when there is nothing to import; the report says why.
pub fn read(source: &Source, report: &mut Report) -> Option<Imported> {
    match source {
        Source::Openapi(arguments) => openapi::import(arguments, report),
        Source::Aws(arguments) => aws::import(arguments, report),
        Source::Sam(arguments) => cloudformation::import(arguments, report),
    }
}

/// The text of a document; `None` when it cannot be written, which the report then says.
fn cannot_write<E: std::fmt::Display>(
    text: Result<String, E>,
    report: &mut Report,
) -> Option<String> {
    text.map_err(|error| {
        report.push(Diagnostic::error(
            "import-refused",
            "",
            0..0,
            "",
            format!("the definition cannot be written: {error}"),
        ));
    })
    .ok()
}

/// Imports.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let writing = match &arguments.source {
        Source::Openapi(Openapi { writing, .. })
        | Source::Aws(Aws { writing, .. })
        | Source::Sam(Cloudformation { writing, .. }) => writing,
    };
    let Some(mut imported) = read(&arguments.source, &mut report) else {
        terminal.findings(&report, writing.output)?;
        return Ok(ExitCode::from(REFUSED));
    };
    let written = match imported.write(&writing.out, writing.force) {
        Ok(written) => written,
        Err(refusal) => {
            report.push(Diagnostic {
                severity: Severity::Error,
                code: "import-refused",
                message: refusal,
                file: writing.out.clone(),
                span: 0..0,
                pointer: String::new(),
                hint: None,
            });
            terminal.findings(&report, writing.output)?;
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let mut checked = Report::new();
    let project = project::load(&writing.out, &mut checked);
    imported.table.found(&checked);
    show(
        &imported.table,
        &written,
        project.is_some(),
        writing,
        terminal,
    )?;
    Ok(match project {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(REFUSED),
    })
}

/// Prints the table, what was written, and whether it can be served.
fn show(
    table: &Table,
    written: &[PathBuf],
    is_sound: bool,
    writing: &Writing,
    terminal: &mut Terminal,
) -> io::Result<()> {
    if writing.output == Output::Json {
        let mut result = table.json();
        result.insert("files".to_owned(), json!(written));
        result.insert("canBeServed".to_owned(), json!(is_sound));
        return terminal.result(&format!("{:#}", Value::Object(result)));
    }
    terminal.exactly(table.text().as_bytes())?;
    for file in written {
        terminal.notice(&format!("wrote {}", file.display()))?;
    }
    let folder = writing.out.display();
    terminal.notice(&match is_sound {
        true => format!("`attache run {folder}` serves it"),
        false => format!(
            "refused until what is marked `error` above is mended: `attache check {folder}` shows it"
        ),
    })
}
