//! `attache export`: a definition as AWS's `GetExport` and `ExportApi` give it.

mod conversion;
pub mod description;
mod oas30;
mod swagger;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attache_model::Gateway;
use clap::{Args, ValueEnum};

use crate::command_line::REFUSED;
use crate::configuration::{self, PolicyDocument};
use crate::deployments::{Deployments, Snapshot};
use crate::diagnostic::{Diagnostic, Report};
use crate::document::Document;
use crate::project::{self, Project};
use crate::terminal::{Output, Terminal};
use crate::tree::{Flow, Tree};
use description::{Exported, Extensions, Format, Options, Server, export};

pub(crate) use conversion::{ANY_METHOD, METHODS};
pub(crate) use description::strip;

const EXAMPLES: &str = "\
Examples:
  attache export --api petstore --format oas30 --out petstore.json
  attache export --api petstore --format oas30 --extensions apigateway --accepts application/yaml
  attache export examples/petstore --api petstore --format swagger --server https://api.example.com

Without extensions the document is for those who call the API; with `--extensions apigateway` it
imports as the same API, here and on AWS. `integrations` and `authorizers` keep those alone.";

/// Where `attache run` listens unless told otherwise.
const OWN_ADDRESS: &str = "http://127.0.0.1:8080";

/// The arguments of `attache export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The API's id.
    #[arg(long, value_name = "API")]
    pub api: String,
    /// The stage whose address the document has; not needed where the API has one stage.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// The language of the document.
    #[arg(long, value_enum)]
    pub format: Format,
    /// The extensions that the document has, with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "none")]
    pub extensions: Vec<Extensions>,
    /// Where clients reach the gateway, in place of a custom domain name or this computer.
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub server: Option<String>,
    /// Whether the document is JSON or YAML; by the name of the file unless set, else JSON.
    #[arg(long, value_enum, value_name = "TYPE")]
    pub accepts: Option<Accepts>,
    /// The file to write, in place of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How to print findings.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// The notation of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accepts {
    /// JSON.
    #[value(name = "application/json")]
    Json,
    /// YAML.
    #[value(name = "application/yaml")]
    Yaml,
}

pub(crate) fn origin(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("write scheme and host, such as `https://api.example.com`".to_owned()),
    }
}

/// Exports an API.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let exported = exported(arguments, &mut report).map(|exported| exported.export);
    // Standard output is for the document.
    match arguments.out {
        None if exported.is_some() => terminal.findings(&report, Output::Text)?,
        _ => terminal.findings(&report, arguments.output)?,
    }
    let Some(exported) = exported else {
        return Ok(ExitCode::from(REFUSED));
    };
    for loss in &exported.losses {
        terminal.notice(&format!("left out: {loss}"))?;
    }
    let text = match text(&exported.document, arguments) {
        Ok(text) => text,
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            return Ok(ExitCode::from(REFUSED));
        }
    };
    match &arguments.out {
        None => terminal.exactly(text.as_bytes())?,
        Some(file) => {
            if let Err(error) = std::fs::write(file, text) {
                terminal.notice(&format!(
                    "error: cannot write `{}`: {error}",
                    file.display()
                ))?;
                return Ok(ExitCode::from(REFUSED));
            }
            if arguments.output == Output::Text {
                terminal.notice(&format!("wrote {}", file.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(document: &Tree, arguments: &Arguments) -> Result<String, String> {
    let extension = arguments.out.as_deref().and_then(Path::extension);
    let is_yaml = match arguments.accepts {
        Some(accepts) => accepts == Accepts::Yaml,
        None => extension.is_some_and(|name| name == "yaml" || name == "yml"),
    };
    match is_yaml {
        true => document
            .yaml(Flow::Never)
            .map_err(|error| error.to_string()),
        false => document.json().map_err(|error| error.to_string()),
    }
}

/// An API that is exported, and what the definition does not say of it.
pub(crate) struct ExportedApi {
    /// The document.
    pub(crate) export: Exported,
    /// The configuration that it belongs to.
    pub(crate) project: Project,
    /// The stage whose address it has.
    pub(crate) stage: String,
}

/// Exports the API and stage that the arguments name. `None` when there are none, or the
/// configuration has a fault; the report says which.
pub(crate) fn exported(arguments: &Arguments, report: &mut Report) -> Option<ExportedApi> {
    let project = project::load(&arguments.path, report)?;
    // Its findings stand in the report already.
    let mut unheard = Report::new();
    let (file, reading) = project::configuration(&arguments.path, &mut unheard);
    let configuration = reading?.configuration;
    let Some(api) = configuration.apis.get(&arguments.api) else {
        let known: Vec<&str> = configuration.apis.keys().map(String::as_str).collect();
        report.push(
            Diagnostic::error(
                "unknown-api",
                &file,
                0..0,
                "/apis",
                format!("there is no API `{}`", arguments.api),
            )
            .hint(known_names("APIs", &known)),
        );
        return None;
    };
    let stages: Vec<&str> = api.stages.keys().map(String::as_str).collect();
    let stage = match (&arguments.stage, stages.as_slice()) {
        (Some(stage), known) if known.contains(&stage.as_str()) => stage.as_str(),
        (None, [only]) => only,
        (asked, known) => {
            let message = match asked {
                Some(asked) => format!("`{}` has no stage `{asked}`", arguments.api),
                None => format!("`{}` has several stages", arguments.api),
            };
            report.push(
                Diagnostic::error("unknown-stage", &file, 0..0, "/apis", message)
                    .hint(known_names("stages", known)),
            );
            return None;
        }
    };
    let deployments = Deployments::read(&file, &mut unheard);
    let definition = match deployments.stage(&arguments.api, stage) {
        Some(deployed) => {
            let id = &deployed.state.deployment;
            definition_deployed(&*deployments.snapshot(&arguments.api, id).ok()?)?
        }
        None => {
            let read = |name: &str| {
                let document = Document::read(&project::beside(&file, name), &mut Report::new())?;
                Some(Tree::from(&document.root))
            };
            definition_of(&api.definition, api.resource_policy.as_ref(), &read)?
        }
    };
    let servers = servers(
        &project.gateway,
        &arguments.api,
        stage,
        arguments.server.as_deref(),
    );
    let serves = |found: &&attache_model::Api| {
        let mut stages = found.stages.iter();
        found.id == arguments.api
            && stages.any(|found| found.name == stage && found.canary.is_none())
    };
    let lowered = project.gateway.apis.iter().find(serves)?;
    let export = export(
        &definition,
        &Options {
            name: lowered.name.clone(),
            format: arguments.format,
            extensions: arguments.extensions.clone(),
            protocol: lowered.protocol,
            servers,
        },
    );
    let stage = stage.to_owned();
    Some(ExportedApi {
        export,
        project,
        stage,
    })
}

fn known_names(what: &str, names: &[&str]) -> String {
    let list = configuration::suggestion::list(names, "and");
    format!("the {what} are {list}")
}

/// A definition with the resource policy that stands beside it.
fn definition_of(
    definition: &str,
    policy: Option<&PolicyDocument>,
    read: &dyn Fn(&str) -> Option<Tree>,
) -> Option<Tree> {
    let mut definition = read(definition)?;
    if let Some(policy) = policy {
        let policy = match policy {
            PolicyDocument::Inline(policy) => {
                Tree::from(&serde_json::Value::Object(policy.clone()))
            }
            PolicyDocument::File(path) => read(path)?,
        };
        definition.set("x-amazon-apigateway-policy", policy);
    }
    Some(definition)
}

/// The definition that a deployment was made of.
fn definition_deployed(snapshot: &Snapshot) -> Option<Tree> {
    let configuration = &snapshot.configuration;
    let policy = match configuration.get("resourcePolicy") {
        Some(policy) => serde_json::from_value(policy.clone()).ok()?,
        None => None,
    };
    let read = |name: &str| {
        let text = snapshot.sources.get(name)?;
        let document = Document::parse(Path::new(name), text.as_bytes(), &mut Report::new())?;
        Some(Tree::from(&document.root))
    };
    let definition = configuration.get("definition")?.as_str()?;
    definition_of(definition, Option::as_ref(&policy), &read)
}

/// Where clients find a stage: under the custom domain names that lead to it, or else at the
/// gateway's own address.
fn servers(gateway: &Gateway, api: &str, stage: &str, given: Option<&str>) -> Vec<Server> {
    let of_stage = match stage {
        "$default" => String::new(),
        name => name.to_owned(),
    };
    if let Some(given) = given {
        return vec![Server {
            origin: given.to_owned(),
            base_path: of_stage,
        }];
    }
    let mut servers = Vec::new();
    for domain in &gateway.domains {
        for mapping in &domain.mappings {
            if mapping.api == api && mapping.stage == stage && !domain.name.starts_with('*') {
                servers.push(Server {
                    origin: format!("https://{}", domain.name),
                    base_path: mapping.path.clone(),
                });
            }
        }
    }
    if servers.is_empty() {
        let own = gateway.apis.iter().find(|found| found.id == api);
        let origin = match own.is_some_and(|found| found.any_host) {
            true => OWN_ADDRESS.to_owned(),
            false => OWN_ADDRESS.replace("127.0.0.1", &format!("{api}.localhost")),
        };
        servers.push(Server {
            origin,
            base_path: of_stage,
        });
    }
    servers
}
