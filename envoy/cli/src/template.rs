//! `attache template`: a mapping template, rendered without a gateway.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attache_policies::mapping_template::{
    MappingTemplate, TemplateBody, TemplateEvent, TemplateScope,
};
use clap::Args;

use crate::command_line::REFUSED;
use crate::memory_proxy::{self, Unreadable};
use crate::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  attache template --template request.vtl --body order.json
  echo '{\"params\": {\"path\": {\"id\": \"7\"}}, \"stageVariables\": {\"table\": \"pets\"}}' |
    attache template --template request.vtl --event -

The event may have `params` with `path`, `querystring` and `header`, `context` and
`stageVariables`.

Exit code 0: the template is rendered. 1: it is none, it fails, or a file cannot be read.";

/// The arguments of `attache template`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The mapping template; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub template: PathBuf,
    /// The message's body (`$input`); `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The request's parameters, `$context` and `$stageVariables`, in JSON; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,
}

/// Renders a template to standard output: what it makes, and nothing besides.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    match render(arguments) {
        Ok(rendered) => {
            terminal.exactly(rendered.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// The rendered template, or what is wrong and where.
fn render(arguments: &Arguments) -> Result<String, String> {
    let files = [
        Some(&arguments.template),
        arguments.body.as_ref(),
        arguments.event.as_ref(),
    ];
    let from_standard_input = files
        .into_iter()
        .flatten()
        .filter(|file| memory_proxy::is_standard_input(file));
    if from_standard_input.count() > 1 {
        return Err("standard input is one of `--template`, `--body` and `--event`".to_owned());
    }
    let name = arguments.template.display();
    let text = text(Some(&arguments.template))?.unwrap_or_default();
    let template = MappingTemplate::compile(&text).map_err(|fault| format!("`{name}`, {fault}"))?;
    let body = text_of_body(arguments.body.as_deref())?;
    let event = match (&arguments.event, self::text(arguments.event.as_deref())?) {
        (Some(file), Some(text)) => TemplateEvent::read(&text)
            .map_err(|fault| format!("`{}` is not JSON: {fault}", file.display()))?,
        _ => TemplateEvent::empty(),
    };
    let mut scope = TemplateScope::new(&event);
    template
        .render(&mut scope, TemplateBody::new(body))
        .map_err(|fault| format!("`{name}`: {fault}"))
}

/// A file that has to be text.
fn text(file: Option<&Path>) -> Result<Option<String>, String> {
    let Some(file) = file else { return Ok(None) };
    let bytes = memory_proxy::read(Some(file)).map_err(unreadable)?;
    String::from_utf8(bytes.unwrap_or_default())
        .map(Some)
        .map_err(|_| format!("`{}` is not UTF-8", file.display()))
}

/// A body is text for a template, whatever is in it.
fn text_of_body(file: Option<&Path>) -> Result<String, String> {
    let bytes = memory_proxy::read(file).map_err(unreadable)?;
    Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
}

fn unreadable(Unreadable { file, error }: Unreadable) -> String {
    format!("`{}`: {error}", file.display())
}
