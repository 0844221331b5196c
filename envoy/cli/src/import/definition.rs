//! What the definition of an API tells of itself: its product, its stage, and what it needs beside it.

use std::collections::{BTreeMap, BTreeSet};

use attache_model::Protocol;

use super::table::Table;
use crate::export::{ANY_METHOD, METHODS};
use crate::openapi::service_of;
use crate::tree::Tree;

const INTEGRATION: &str = "x-amazon-apigateway-integration";
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

/// What `attache.yaml` says of an API beside its definition.
pub(super) struct Api<'a> {
    pub(super) id: &'a str,
    pub(super) file: &'a str,
    pub(super) protocol: Protocol,
    /// The names of the stage variables that each stage has.
    pub(super) stages: BTreeMap<String, BTreeSet<String>>,
    /// Whether a usage plan opens it.
    pub(super) has_plan: bool,
}

impl Api<'_> {
    /// Its entry under `apis`, without stages.
    pub(super) fn settings(&self) -> Tree {
        let mut settings = Tree::from([("definition", self.file)]);
        if self.protocol == Protocol::Http {
            settings.set("protocol", "HTTP");
        }
        settings
    }

    /// Tells what came over with a definition, and what it needs beside it.
    pub(super) fn describe(&self, definition: &Tree, table: &mut Table) {
        let operations: Vec<&Tree> = operations(definition).collect();
        let product = match self.protocol {
            Protocol::Rest => "REST API",
            Protocol::Http => "HTTP API",
        };
        let stages: Vec<&str> = self.stages.keys().map(String::as_str).collect();
        let (count, noun) = (
            operations.len(),
            if operations.len() == 1 {
                "operation"
            } else {
                "operations"
            },
        );
        table.imported(
            format!("API {}", self.id),
            format!(
                "{product} with {count} {noun} in `{}`, on {}",
                self.file,
                stages.join(", ")
            ),
        );
        for (name, scheme) in schemes(definition) {
            if let Some(kind) = scheme.at(&[AUTHORIZER, "type"]).and_then(Tree::as_text) {
                let kind = kind.to_ascii_lowercase();
                table.imported(format!("authorizer {name}"), format!("of type {kind}"));
            }
        }
        self.variables(definition, table);
        self.services(definition, &operations, table);
        self.vpc_links(&operations, table);
        let default = definition.get("security");
        let needs_key = |operation: &&&Tree| {
            let security = operation.get("security").or(default);
            let asked = security.map(Tree::items).unwrap_or_default();
            let mut names = asked.iter().flat_map(Tree::entries).map(|(name, _)| name);
            names.any(|name| is_key_scheme(definition, name))
        };
        let keyed = operations.iter().filter(needs_key).count();
        if keyed > 0 && !self.has_plan {
            table.decide(
                format!("API {}", self.id),
                format!("{keyed} of its operations need an API key, and no usage plan opens it"),
                "declare `usagePlans`, and keys with `attache keys create NAME --plan PLAN`",
            );
        }
    }

    /// The stage variables that the definition uses and a stage does not set.
    fn variables(&self, definition: &Tree, table: &mut Table) {
        let mut used = BTreeSet::new();
        collect_variables(definition, &mut used);
        for (stage, set) in &self.stages {
            let missing: Vec<&str> = used
                .iter()
                .filter(|name| !set.contains(*name))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                table.decide(
                    format!("stage {stage} of {}", self.id),
                    format!("no value is known of its variables {}", missing.join(", ")),
                    "set them under `variables` of the stage",
                );
            }
        }
    }

    /// The services of AWS's that it calls.
    fn services(&self, definition: &Tree, operations: &[&Tree], table: &mut Table) {
        let mut called: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut uris: Vec<&str> = operations
            .iter()
            .filter_map(|operation| integration(definition, operation)?.text_of("uri"))
            .collect();
        for (_, scheme) in schemes(definition) {
            uris.extend(
                scheme
                    .at(&[AUTHORIZER, "authorizerUri"])
                    .and_then(Tree::as_text),
            );
        }
        for uri in uris {
            if let Some(function) = function_of(uri) {
                called
                    .entry("lambda".to_owned())
                    .or_default()
                    .insert(function.to_owned());
            } else if let Some(service) = service_of(uri) {
                called.entry(service.to_owned()).or_default();
            }
        }
        for (service, functions) in called {
            let what = match functions.len() {
                0 => format!("service {service}"),
                1 => "1 Lambda function".to_owned(),
                count => format!("{count} Lambda functions"),
            };
            let names: Vec<&str> = functions.iter().take(5).map(String::as_str).collect();
            let more = match functions.len() {
                count if count > names.len() => format!(" and {} more", count - names.len()),
                _ => String::new(),
            };
            let names = match names.is_empty() {
                true => String::new(),
                false => format!("{}{more}: ", names.join(", ")),
            };
            table.decide(
                what,
                format!("{names}called at AWS, signed with the credentials of Envoy's environment"),
                &format!("to have it elsewhere, write `endpoints: {{{service}: {{url: …}}}}`"),
            );
        }
    }

    fn vpc_links(&self, operations: &[&Tree], table: &mut Table) {
        let mut links = BTreeSet::new();
        for operation in operations {
            let Some(integration) = operation.get(INTEGRATION) else {
                continue;
            };
            let kind = integration.text_of("connectionType").unwrap_or_default();
            if kind.eq_ignore_ascii_case("VPC_LINK")
                && let Some(id) = integration.text_of("connectionId")
            {
                links.insert(id);
            }
        }
        for id in links {
            table.decide(
                format!("VPC link {id}"),
                "where it leads is known to AWS alone",
                &format!(
                    "write `vpcLinks: {{\"{id}\": {{url: \"http://HOST:PORT\"}}}}` under the API `{}`",
                    self.id
                ),
            );
        }
    }
}

/// The operations of a definition.
pub(super) fn operations(definition: &Tree) -> impl Iterator<Item = &Tree> {
    let paths = definition
        .get("paths")
        .map(Tree::entries)
        .unwrap_or_default();
    paths.iter().flat_map(|(_, item)| {
        let methods = item.entries().iter();
        methods.filter_map(|(key, operation)| {
            (METHODS.contains(&key.as_str()) || key == ANY_METHOD).then_some(operation)
        })
    })
}

fn integration<'t>(definition: &'t Tree, operation: &'t Tree) -> Option<&'t Tree> {
    let found = operation.get(INTEGRATION)?;
    let Some(reference) = found.text_of("$ref") else {
        return Some(found);
    };
    let keys: Vec<&str> = reference.strip_prefix("#/")?.split('/').collect();
    definition.at(&keys)
}

fn schemes(definition: &Tree) -> &[(String, Tree)] {
    let found = definition
        .at(&["components", "securitySchemes"])
        .or_else(|| definition.get("securityDefinitions"));
    found.map(Tree::entries).unwrap_or_default()
}

fn is_key_scheme(definition: &Tree, name: &str) -> bool {
    let found = schemes(definition).iter().find(|(other, _)| other == name);
    found.is_some_and(|(_, scheme)| {
        let header = scheme.text_of("name").unwrap_or_default();
        scheme.text_of("type") == Some("apiKey")
            && header.eq_ignore_ascii_case("x-api-key")
            && scheme.get(AUTHORIZER).is_none()
    })
}

/// The name of the function that a URI calls.
fn function_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(":function:")?;
    let name = rest.split('/').next().unwrap_or(rest);
    (!name.is_empty()).then_some(name)
}

/// Where the functions of a definition are.
pub(super) struct Functions {
    pub(super) region: String,
    pub(super) account: Option<String>,
    /// Whether one of them decides about callers.
    pub(super) decide: bool,
}

/// Where the functions of a definition are; `None` where it calls none.
pub(super) fn functions(definition: &Tree) -> Option<Functions> {
    let of_schemes = schemes(definition).iter().filter_map(|(_, scheme)| {
        let uri = scheme.at(&[AUTHORIZER, "authorizerUri"])?.as_text()?;
        Some((uri, true))
    });
    let of_operations = operations(definition).filter_map(|operation| {
        let uri = integration(definition, operation)?.text_of("uri")?;
        Some((uri, false))
    });
    let found: Vec<(&str, bool)> = of_schemes.chain(of_operations).collect();
    let known = found.iter().find_map(|(uri, _)| {
        let (before, _) = uri.split_once(":function:")?;
        let mut parts = before.rsplit(':');
        let (account, region) = (parts.next()?, parts.next()?);
        Some((region.to_owned(), Some(account.to_owned())))
    });
    let called = || {
        found.iter().find_map(|(uri, _)| {
            let is_function = service_of(uri) == Some("lambda");
            let region = uri.split(':').nth(3).filter(|_| is_function)?;
            Some((region.to_owned(), None))
        })
    };
    let (region, account) = known.or_else(called)?;
    Some(Functions {
        region,
        account,
        decide: found.iter().any(|(_, decides)| *decides),
    })
}

/// Which product a definition was written for: HTTP where it holds what REST APIs do not have.
pub(super) fn protocol(definition: &Tree) -> Protocol {
    let of_root = [
        "x-amazon-apigateway-importexport-version",
        "x-amazon-apigateway-cors",
    ];
    let is_http = of_root.iter().any(|key| definition.get(key).is_some())
        || definition
            .at(&["components", "x-amazon-apigateway-integrations"])
            .is_some()
        || definition
            .get("paths")
            .map(Tree::entries)
            .unwrap_or_default()
            .iter()
            .any(|(path, _)| matches!(path.as_str(), "$default" | "/$default"))
        || operations(definition).any(|operation| {
            let version = operation.at(&[INTEGRATION, "payloadFormatVersion"]);
            let is_second = version.and_then(Tree::scalar).as_deref() == Some("2.0")
                || version.and_then(Tree::as_f64) == Some(2.0);
            is_second || operation.get("isDefaultRoute").is_some()
        })
        || schemes(definition).iter().any(|(_, scheme)| {
            let authorizer = scheme.get(AUTHORIZER);
            authorizer.is_some_and(|authorizer| {
                authorizer.get("authorizerPayloadFormatVersion").is_some()
                    || authorizer.at(&["jwtConfiguration", "issuer"]).is_some()
            })
        });
    match is_http {
        true => Protocol::Http,
        false => Protocol::Rest,
    }
}

/// The stage whose address an export of API Gateway's has.
pub(super) fn stage(definition: &Tree) -> Option<String> {
    let (address, path) = match definition.text_of("host") {
        Some(host) => (host, definition.text_of("basePath")?),
        None => {
            let server = definition.get("servers")?.items().first()?;
            let path = server.at(&["variables", "basePath", "default"])?;
            (server.text_of("url")?, path.as_text()?)
        }
    };
    let name = path.trim_matches('/');
    let is_stage = address.contains("execute-api") && !name.is_empty() && !name.contains('/');
    is_stage.then(|| name.to_owned())
}

/// The id of the API whose address an export of API Gateway's has.
pub(super) fn id_in_address(definition: &Tree) -> Option<&str> {
    let address = match definition.text_of("host") {
        Some(host) => host,
        None => definition.get("servers")?.items().first()?.text_of("url")?,
    };
    let host = address.split_once("://").map_or(address, |(_, host)| host);
    let (id, rest) = host.split_once('.')?;
    rest.starts_with("execute-api").then_some(id)
}

fn collect_variables(tree: &Tree, names: &mut BTreeSet<String>) {
    match tree {
        Tree::List(items) => items.iter().for_each(|item| collect_variables(item, names)),
        Tree::Map(entries) => {
            for (_, value) in entries {
                collect_variables(value, names);
            }
        }
        Tree::Text(text) => {
            for rest in text.split("stageVariables.").skip(1) {
                let end = rest
                    .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                    .unwrap_or(rest.len());
                if let Some(name) = rest.get(..end).filter(|name| !name.is_empty()) {
                    names.insert(name.to_owned());
                }
            }
        }
        _ => {}
    }
}
