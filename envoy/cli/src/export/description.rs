//! A definition as API Gateway exports it: in either version of OpenAPI, with the address of the
//! stage, and with those extensions that were asked for.

use std::collections::BTreeSet;

use attache_model::Protocol;
use clap::ValueEnum;

use super::conversion::{ANY_METHOD, Conversion, METHODS, is_method, resolve};
use super::{oas30, swagger};
use crate::openapi::path_parameters;
use crate::tree::Tree;

const PREFIX: &str = "x-amazon-apigateway-";
const ENDPOINT_CONFIGURATION: &str = "x-amazon-apigateway-endpoint-configuration";

/// The language of an export (AWS: `--export-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// OpenAPI 3.0.
    Oas30,
    /// Swagger 2.0.
    Swagger,
}

/// Which of AWS's extensions an export has (AWS: `--parameters extensions=…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Extensions {
    /// None: a document for those who call the API.
    None,
    /// `x-amazon-apigateway-integration`.
    Integrations,
    /// `x-amazon-apigateway-authorizer` and what goes with it.
    Authorizers,
    /// All: a document that imports as the same API.
    Apigateway,
}

/// An address of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Scheme, host and port, such as `https://api.example.com`.
    pub origin: String,
    /// What comes before the resource path, without slashes at its ends; empty for nothing.
    pub base_path: String,
}

/// What is exported.
#[derive(Clone, Debug)]
pub struct Options {
    /// The language.
    pub format: Format,
    /// The extensions, of any of these.
    pub extensions: Vec<Extensions>,
    /// What the API is called where its definition has no title.
    pub name: String,
    /// Whether it is a REST or an HTTP API.
    pub protocol: Protocol,
    /// The addresses of the stage.
    pub servers: Vec<Server>,
}

/// What came of an export.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The document.
    pub document: Tree,
    /// What the language has no words for, each as a phrase such as `` `callbacks` ``.
    pub losses: Vec<String>,
}

/// Exports a definition, given as the document that holds it.
#[must_use]
pub fn export(definition: &Tree, options: &Options) -> Exported {
    let mut conversion = Conversion::default();
    let mut definition = definition.clone();
    let endpoint = endpoint_configuration(&mut definition);
    let is_swagger = definition.get("swagger").is_some();
    let mut document = match (is_swagger, options.format) {
        (true, Format::Oas30) => oas30::from_swagger(&definition, &mut conversion),
        (false, Format::Swagger) => swagger::from_oas30(&definition, &mut conversion),
        (true, Format::Swagger) => {
            // In YAML the version may be a number.
            definition.set("swagger", "2.0");
            definition
        }
        (false, Format::Oas30) => version_three(definition, &mut conversion),
    };
    let info = document.entry("info");
    for (key, value) in [("title", options.name.as_str()), ("version", "1.0")] {
        if info.get(key).and_then(Tree::scalar).is_none() {
            info.set(key, value);
        }
    }
    paths(&mut document, options);
    servers(&mut document, options, endpoint);
    if !options.extensions.contains(&Extensions::Apigateway) {
        strip(&mut document, &options.extensions);
    }
    sort(&mut document, options.format);
    Exported {
        document,
        losses: conversion.losses,
    }
}

/// OpenAPI 3.1 as 3.0, which is what AWS exports.
fn version_three(mut document: Tree, conversion: &mut Conversion) -> Tree {
    document.set("openapi", "3.0.1");
    document.remove("jsonSchemaDialect");
    if document.remove("webhooks").is_some() {
        conversion.lose("`webhooks`".to_owned());
    }
    let whole = document.clone();
    if let Some(paths) = document.get_mut("paths") {
        for (_, item) in paths.entries_mut() {
            if item.get("$ref").is_some() {
                *item = resolve(&whole, item).clone();
            }
        }
    }
    if let Some(components) = document.get_mut("components") {
        components.remove("pathItems");
    }
    document
}

/// The configuration of the endpoint, which stands beside the addresses that an export replaces.
fn endpoint_configuration(definition: &mut Tree) -> Option<Tree> {
    let of_servers = definition.get("servers").map(Tree::items);
    let found = of_servers
        .unwrap_or_default()
        .iter()
        .find_map(|server| server.get(ENDPOINT_CONFIGURATION).cloned());
    definition.remove(ENDPOINT_CONFIGURATION).or(found)
}

fn servers(document: &mut Tree, options: &Options, endpoint: Option<Tree>) {
    match options.format {
        Format::Oas30 => {
            let mut servers: Vec<Tree> = options.servers.iter().map(server).collect();
            match (servers.first_mut(), endpoint) {
                (Some(first), Some(endpoint)) => first.set(ENDPOINT_CONFIGURATION, endpoint),
                (None, Some(endpoint)) => document.set(ENDPOINT_CONFIGURATION, endpoint),
                _ => {}
            }
            document.remove("servers");
            if !servers.is_empty() {
                document.set("servers", servers);
            }
        }
        Format::Swagger => {
            for key in ["host", "basePath", "schemes"] {
                document.remove(key);
            }
            if let Some(server) = options.servers.first() {
                let (scheme, host) = server.origin.split_once("://").unwrap_or_default();
                document.set("host", host);
                document.set("basePath", format!("/{}", server.base_path));
                document.set("schemes", vec![scheme]);
            }
            document.set_some(ENDPOINT_CONFIGURATION, endpoint);
        }
    }
}

fn server(server: &Server) -> Tree {
    if server.base_path.is_empty() {
        return Tree::from([("url", server.origin.clone())]);
    }
    let mut tree = Tree::from([("url", format!("{}/{{basePath}}", server.origin))]);
    tree.entry("variables")
        .entry("basePath")
        .set("default", server.base_path.clone());
    tree
}

/// What AWS adds to operations, and, without extensions, what stands for the one that means all
/// methods.
fn paths(document: &mut Tree, options: &Options) {
    let is_bare = !options
        .extensions
        .iter()
        .any(|kept| matches!(kept, Extensions::Apigateway | Extensions::Integrations));
    let is_v2 = options.format == Format::Swagger;
    let declares = is_bare || options.protocol == Protocol::Http;
    let whole = document.clone();
    let Some(paths) = document.get_mut("paths") else {
        return;
    };
    for (path, item) in paths.entries_mut() {
        let shared = names(item.get("parameters"), &whole);
        let path = path.to_owned();
        for (method, operation) in item.entries_mut().filter(|(key, _)| is_method(key)) {
            if operation.get("responses").is_none_or(Tree::is_empty) {
                let verb = match method {
                    ANY_METHOD => "ANY".to_owned(),
                    other => other.to_ascii_uppercase(),
                };
                let description = format!("Default response for {verb} {path}");
                operation
                    .entry("responses")
                    .set("default", [("description", description)]);
            }
            lower_case(operation);
            if declares {
                declare(operation, &path, &shared, &whole, is_v2);
            }
        }
        if is_bare && let Some(any) = item.remove(ANY_METHOD) {
            every_method(item, &any);
        }
    }
    if is_bare && let Tree::Map(paths) = paths {
        // The default route of an HTTP API is no path that a client could call.
        paths.retain(|(path, _)| path.starts_with('/') && path != "/$default");
    }
}

/// AWS writes the words of an integration in lower case, whatever was imported.
fn lower_case(operation: &mut Tree) {
    let Some(integration) = operation.get_mut("x-amazon-apigateway-integration") else {
        return;
    };
    for key in ["type", "passthroughBehavior"] {
        if let Some(Tree::Text(word)) = integration.get_mut(key) {
            word.make_ascii_lowercase();
        }
    }
}

/// The parameters of the path by name.
fn names(parameters: Option<&Tree>, document: &Tree) -> BTreeSet<String> {
    let items = parameters.map(Tree::items).unwrap_or_default();
    items
        .iter()
        .map(|found| resolve(document, found))
        .filter(|found| found.text_of("in") == Some("path"))
        .filter_map(|found| found.text_of("name").map(str::to_owned))
        .collect()
}

/// Declares those parameters of the path that the operation does not.
fn declare(operation: &mut Tree, path: &str, shared: &BTreeSet<String>, whole: &Tree, is_v2: bool) {
    let own = names(operation.get("parameters"), whole);
    let missing: Vec<&str> = path_parameters(path)
        .filter(|name| !own.contains(*name) && !shared.contains(*name))
        .collect();
    if missing.is_empty() {
        return;
    }
    let mut parameters = match operation.get("parameters") {
        Some(Tree::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    for name in missing {
        let mut parameter = Tree::from([("name", name), ("in", "path")]);
        parameter.set("required", true);
        match is_v2 {
            true => parameter.set("type", "string"),
            false => parameter.set("schema", [("type", "string")]),
        }
        parameters.push(parameter);
    }
    operation.set("parameters", Tree::List(parameters));
}

/// The operation of every method that has none of its own.
fn every_method(item: &mut Tree, any: &Tree) {
    for method in METHODS {
        if item.get(method).is_some() {
            continue;
        }
        let mut operation = any.clone();
        // Each operation has a name of its own.
        if let Some(id) = any.text_of("operationId") {
            operation.set("operationId", format!("{id}_{method}"));
        }
        item.set(method, operation);
    }
}

/// Takes out the extensions that were not asked for.
pub(crate) fn strip(tree: &mut Tree, kept: &[Extensions]) {
    match tree {
        Tree::List(items) => items.iter_mut().for_each(|item| strip(item, kept)),
        Tree::Map(entries) => {
            entries.retain(|(key, _)| !key.starts_with(PREFIX) || is_kept(key, kept));
            for (key, value) in entries {
                if !matches!(key.as_str(), "example" | "examples" | "enum") {
                    strip(value, kept);
                }
            }
        }
        _ => {}
    }
}

fn is_kept(key: &str, kept: &[Extensions]) -> bool {
    let name = key.get(PREFIX.len()..).unwrap_or_default();
    kept.iter().any(|extensions| match extensions {
        Extensions::None => false,
        Extensions::Integrations => matches!(name, "integration" | "integrations" | "any-method"),
        Extensions::Authorizers => matches!(name, "authorizer" | "authtype" | "auth"),
        Extensions::Apigateway => true,
    })
}

/// Puts the parts of a document into the order of AWS's exports.
fn sort(document: &mut Tree, format: Format) {
    let order: &[&str] = match format {
        Format::Oas30 => &[
            "openapi",
            "info",
            "externalDocs",
            "servers",
            "tags",
            "security",
            "paths",
            "components",
        ],
        Format::Swagger => &[
            "swagger",
            "info",
            "externalDocs",
            "host",
            "basePath",
            "schemes",
            "consumes",
            "produces",
            "tags",
            "security",
            "paths",
            "securityDefinitions",
            "definitions",
            "parameters",
            "responses",
        ],
    };
    if let Tree::Map(entries) = document {
        let rank = |key: &str| order.iter().position(|known| *known == key);
        entries.sort_by_key(|(key, _)| rank(key).unwrap_or(order.len()));
    }
}

#[cfg(test)]
mod tests;
