//! `attache sdk`: a client for an API, by openapi-generator.

mod generator;
mod language;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::client_document::{ClientDocument, Selection};
use crate::command_line::REFUSED;
use crate::diagnostic::Report;
use crate::terminal::{Output, Terminal};
use generator::Generator;

const EXAMPLES: &str = "\
Examples:
  attache sdk --language python --out client
  attache sdk examples/petstore --language typescript-fetch --server https://api.example.com \\
    --out client
  attache sdk --language java --property groupId=com.example --property artifactId=petstore \\
    --out client
  attache sdk --language go --out client -- --skip-validate-spec

LANGUAGE is the name of a generator of openapi-generator, such as python, typescript-fetch,
typescript-axios, java, kotlin, go, rust, csharp, php, ruby, swift6. Clients send API keys and tokens
in every language; AWS signatures those in java, go, rust and typescript-axios.

The generator is the one of `--generator`, of ATTACHE_OPENAPI_GENERATOR, of `.tools/sdk` above this
program, or on the PATH.

Exit code 0: the client is written. 1: the configuration is refused, or the generator.";

/// What the generator leaves in the folder of each client.
const MARK: &str = ".openapi-generator";

/// The arguments of `attache sdk`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Which API.
    #[command(flatten)]
    pub selection: Selection,
    /// What the client is written in: the name of a generator.
    #[arg(long, value_name = "LANGUAGE")]
    pub language: String,
    /// The folder that the client is written to; it is made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// A setting of the generator (`--additional-properties`); may be given several times.
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub properties: Vec<(String, String)>,
    /// openapi-generator: a program, or its `.jar`.
    #[arg(long, value_name = "PATH", env = "ATTACHE_OPENAPI_GENERATOR")]
    pub generator: Option<PathBuf>,
    /// Write into a folder that holds something else than such a client.
    #[arg(long)]
    pub force: bool,
    /// How to print findings, and what was written.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// What else the generator is told, after `--`.
    #[arg(last = true, value_name = "GENERATOR-ARGUMENTS")]
    pub rest: Vec<String>,
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        // The generator has commas between them.
        Some((name, value)) if !name.is_empty() && !text.contains(',') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write `NAME=VALUE`, without commas".to_owned()),
    }
}

/// Has a client made.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let Some(client) = ClientDocument::read(&arguments.selection, &mut report) else {
        terminal.findings(&report, arguments.output)?;
        return Ok(ExitCode::from(REFUSED));
    };
    // Standard output is for what was written.
    terminal.findings(&report, Output::Text)?;
    for loss in &client.losses {
        terminal.notice(&format!("left out: {loss}"))?;
    }
    let files = match generate(&client, arguments) {
        Ok(files) => files,
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let signs = language::signs(&arguments.language);
    if let (false, [first, ..]) = (signs, client.signed.as_slice()) {
        terminal.notice(&format!(
            "note: `{first}`{} asks for AWS signatures, which the generator cannot write in {}: \
             sign before sending, or take one of {}",
            match client.signed.len() {
                1 => String::new(),
                many => format!(" and {} more", many - 1),
            },
            arguments.language,
            language::SIGNING.join(", "),
        ))?;
    }
    match arguments.output {
        Output::Text => terminal.notice(&format!(
            "wrote {}: {} files",
            arguments.out.display(),
            files.len()
        ))?,
        Output::Json => terminal.result(&format!(
            "{:#}",
            json!({
                "api": client.api,
                "stage": client.stage,
                "language": arguments.language,
                "signs": signs,
                "files": files,
            })
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn generate(client: &ClientDocument, arguments: &Arguments) -> Result<Vec<PathBuf>, String> {
    let folder = &arguments.out;
    if !arguments.force && holds_something_else(folder) {
        return Err(format!(
            "`{}` holds something else than a client: name another folder, or write into it with \
             `--force`",
            folder.display()
        ));
    }
    let generator = Generator::find(arguments.generator.as_deref())?;
    let mut properties = language::properties(&arguments.language, &client.api);
    if !client.signed.is_empty() && language::signs(&arguments.language) {
        properties.push(("withAWSV4Signature".to_owned(), "true".to_owned()));
    }
    for (name, value) in &arguments.properties {
        properties.retain(|(other, _)| other != name);
        properties.push((name.clone(), value.clone()));
    }
    let document = client.document.json().map_err(|error| error.to_string())?;
    generator.run(
        &document,
        &arguments.language,
        folder,
        &properties,
        &arguments.rest,
    )?;
    Ok(generator::files(folder))
}

fn holds_something_else(folder: &Path) -> bool {
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        // What cannot be written there, the generator says.
        Err(_) => true,
    };
    !is_empty && !folder.join(MARK).is_dir()
}
