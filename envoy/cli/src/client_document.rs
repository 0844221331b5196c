//! An API as its callers see it: OpenAPI 3.0 that tells what to send and nothing of what is behind.
//!
//! [`export`](mod@crate::export) gives the definition without API Gateway's extensions, which also takes
//! out who may call: that stands in the extensions. Here it comes back from the model that the
//! gateway serves, in the words of OpenAPI. Documentation and clients are made of this document.

mod limits;
mod paths;
mod security;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use attache_model::{Api, Gateway, Operation, Stage, Verb};
use clap::Args;

use crate::configuration::suggestion;
use crate::diagnostic::{Diagnostic, Report};
use crate::export::{self, METHODS};
use crate::project;
use crate::terminal::Output;
use crate::tree::Tree;

/// Which API at which stage, and where it is.
#[derive(Clone, Debug, Args)]
pub struct Selection {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The API's id; not needed where there is one API.
    #[arg(long, value_name = "API")]
    pub api: Option<String>,
    /// The stage that is called; not needed where the API has one stage.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Where clients reach the gateway, in place of a custom domain name or this computer.
    #[arg(long, value_name = "URL", value_parser = export::origin)]
    pub server: Option<String>,
}

/// An API as its callers see it.
#[derive(Debug)]
pub(crate) struct ClientDocument {
    /// The document, in OpenAPI 3.0.
    pub(crate) document: Tree,
    /// The API's id.
    pub(crate) api: String,
    /// The stage that is called.
    pub(crate) stage: String,
    /// The operations that want AWS signatures, such as `GET /pets`.
    pub(crate) signed: Vec<String>,
    /// What OpenAPI 3.0 has no words for.
    pub(crate) losses: Vec<String>,
    gateway: Gateway,
}

impl ClientDocument {
    /// Reads a configuration. `None` when it has a fault, or no such API or stage; the report says
    /// which.
    pub(crate) fn read(selection: &Selection, report: &mut Report) -> Option<Self> {
        let arguments = export::Arguments {
            path: selection.path.clone(),
            api: only_api(selection, report)?,
            stage: selection.stage.clone(),
            format: export::description::Format::Oas30,
            // They name the security schemes; what is left of them is taken out at the end.
            extensions: vec![export::description::Extensions::Authorizers],
            server: selection.server.clone(),
            accepts: None,
            out: None,
            output: Output::Text,
        };
        let exported = export::exported(&arguments, report)?;
        let client = Self::new(
            exported.export.document,
            exported.project.gateway,
            &arguments.api,
            &exported.stage,
        )?;
        Some(Self {
            losses: exported.export.losses,
            ..client
        })
    }

    /// Makes it of an export that still has the extensions about authorizers.
    fn new(mut document: Tree, gateway: Gateway, api: &str, stage: &str) -> Option<Self> {
        let (served, _) = find(&gateway, api, stage)?;
        paths::take_out_preflights(&mut document, served);
        let signed = security::tell(&mut document, served, &gateway.account.region);
        paths::name_greedy_parameters(&mut document);
        paths::write_out_servers(&mut document);
        paths::refer_to_own_models(&mut document);
        export::strip(&mut document, &[]);
        Some(Self {
            document,
            api: api.to_owned(),
            stage: stage.to_owned(),
            signed,
            losses: Vec::new(),
            gateway,
        })
    }

    /// What the document is called.
    pub(crate) fn title(&self) -> &str {
        let title = self.document.at(&["info", "title"]);
        title.and_then(Tree::as_text).unwrap_or(&self.api)
    }

    /// Adds sections about authorization and limits to the description, and to each operation the
    /// limits that it has for itself. Of the usage plans those that are named, or all.
    ///
    /// # Errors
    ///
    /// A plan of this name does not hold the stage.
    pub(crate) fn describe(&mut self, plans: &[String]) -> Result<(), String> {
        let Some((api, stage)) = find(&self.gateway, &self.api, &self.stage) else {
            return Ok(());
        };
        let limits = limits::Limits::of(&self.gateway, api, stage, plans)?;
        limits.tell(&mut self.document);
        let mut sections = Vec::new();
        let schemes = self.document.at(&["components", "securitySchemes"]);
        if schemes.is_some_and(|schemes| !schemes.is_empty()) {
            sections.push(security::SECTION.to_owned());
        }
        sections.extend(limits.section(api));
        for section in sections {
            add_paragraph(self.document.entry("info"), &section);
        }
        Ok(())
    }
}

/// The API that was named, or the only one.
fn only_api(selection: &Selection, report: &mut Report) -> Option<String> {
    if let Some(api) = &selection.api {
        return Some(api.clone());
    }
    let mut findings = Report::new();
    let (file, reading) = project::configuration(&selection.path, &mut findings);
    let Some(reading) = reading else {
        *report = findings;
        return None;
    };
    let known: Vec<&str> = reading
        .configuration
        .apis
        .keys()
        .map(String::as_str)
        .collect();
    match known.as_slice() {
        [only] => Some((*only).to_owned()),
        _ => {
            let message = format!("there are {} APIs", known.len());
            let list = suggestion::list(&known, "or");
            report.push(
                Diagnostic::error("unknown-api", &file, 0..0, "/apis", message)
                    .hint(format!("name one with `--api`: {list}")),
            );
            None
        }
    }
}

/// The API that a stage serves to most callers, and the stage.
fn find<'g>(gateway: &'g Gateway, api: &str, stage: &str) -> Option<(&'g Api, &'g Stage)> {
    let apis = gateway.apis.iter().filter(|found| found.id == api);
    apis.flat_map(|api| api.stages.iter().map(move |stage| (api, stage)))
        .find(|(_, found)| found.name == stage && found.canary.is_none())
}

/// The operation that answers a method of a path; its number, too.
fn operation<'a>(api: &'a Api, path: &str, method: &str) -> Option<(usize, &'a Operation)> {
    let operations = || {
        let operations = api.operations.iter().enumerate();
        operations.filter(|(_, operation)| operation.path == path)
    };
    let is_named = |(_, operation): &(usize, &Operation)| {
        operation.method.as_str().eq_ignore_ascii_case(method)
    };
    operations()
        .find(is_named)
        .or_else(|| operations().find(|(_, operation)| operation.method == Verb::Any))
}

/// Each operation of a document, with its path and its method as OpenAPI writes it.
fn each_operation(document: &mut Tree, mut visit: impl FnMut(&str, &str, &mut Tree)) {
    let Some(paths) = document.get_mut("paths") else {
        return;
    };
    for (path, item) in paths.entries_mut() {
        for (method, operation) in item.entries_mut() {
            if METHODS.contains(&method) {
                visit(path, method, operation);
            }
        }
    }
}

/// Adds a paragraph to a description.
fn add_paragraph(tree: &mut Tree, text: &str) {
    let description = match tree.text_of("description").map(str::trim_end) {
        Some(before) if !before.is_empty() => format!("{before}\n\n{text}"),
        _ => text.to_owned(),
    };
    tree.set("description", description);
}
