//! `Auth` of an API and of its events: security schemes, and what each operation asks for.

use attache_model::Protocol;

use super::events::Event;
use crate::export::{ANY_METHOD, METHODS};
use crate::import::cloudformation::Building;
use crate::tree::Tree;

const KEY: &str = "api_key";
const IAM: &str = "AWS_IAM";
const NONE: &str = "NONE";

impl Building<'_, '_> {
    /// Adds the authorizers to a definition, and what its operations ask for.
    pub(super) fn authorize(
        &mut self,
        document: &mut Tree,
        properties: &Tree,
        events: &[Event],
        protocol: Protocol,
    ) {
        let nothing = Tree::map();
        let auth = properties.get("Auth").unwrap_or(&nothing);
        let declared = auth
            .get("Authorizers")
            .map(Tree::entries)
            .unwrap_or_default();
        for (name, settings) in declared {
            let scheme = match protocol {
                Protocol::Rest => self.rest_scheme(settings),
                Protocol::Http => self.http_scheme(settings),
            };
            schemes(document).set(name, scheme);
        }
        let default = auth
            .text_of("DefaultAuthorizer")
            .filter(|name| *name != NONE);
        let needs_key = auth.get("ApiKeyRequired").and_then(Tree::as_bool) == Some(true);
        let preflight = auth
            .get("AddDefaultAuthorizerToCorsPreflight")
            .and_then(Tree::as_bool);
        let scopes_of = |name: &str| {
            let found = auth.at(&["Authorizers", name, "AuthorizationScopes"]);
            found.cloned().unwrap_or(Tree::List(Vec::new()))
        };
        let mut used_iam = false;
        let mut used_key = false;
        let paths = document.entry("paths");
        for (path, item) in paths.entries_mut() {
            let path = path.to_owned();
            for (method, operation) in item.entries_mut() {
                let method = method.to_owned();
                if !METHODS.contains(&method.as_str()) && method != ANY_METHOD {
                    continue;
                }
                let event = events
                    .iter()
                    .find(|event| event.path == path && event.method == method);
                let own = event.and_then(|event| event.settings.get("Auth"));
                let is_preflight = method == "options" && event.is_none();
                let asked = own.and_then(|own| own.text_of("Authorizer"));
                let keyed = own
                    .and_then(|own| own.get("ApiKeyRequired"))
                    .and_then(Tree::as_bool);
                let mut security: Vec<Tree> = Vec::new();
                if operation.get("security").is_none() || asked.is_some() {
                    let by_default = default.filter(|_| !is_preflight || preflight != Some(false));
                    match asked.or(by_default) {
                        None | Some(NONE) => {}
                        Some(IAM) => {
                            used_iam = true;
                            security.push(requirement("sigv4", Tree::List(Vec::new())));
                        }
                        Some(name) => {
                            let scopes = own.and_then(|own| own.present("AuthorizationScopes"));
                            let scopes = scopes.cloned().unwrap_or_else(|| scopes_of(name));
                            security.push(requirement(name, scopes));
                        }
                    }
                } else if let Some(Tree::List(known)) = operation.get("security") {
                    security.clone_from(known);
                }
                if keyed.unwrap_or(needs_key && !is_preflight) {
                    used_key = true;
                    security.push(requirement(KEY, Tree::List(Vec::new())));
                }
                if !security.is_empty() {
                    operation.set("security", Tree::List(security));
                }
            }
        }
        if used_iam {
            let mut scheme = key_scheme("Authorization");
            scheme.set("x-amazon-apigateway-authtype", "awsSigv4");
            schemes(document).set("sigv4", scheme);
        }
        if used_key {
            schemes(document).set(KEY, key_scheme("x-api-key"));
        }
    }

    fn rest_scheme(&mut self, settings: &Tree) -> Tree {
        let identity = settings.get("Identity");
        let header = identity.and_then(|identity| identity.text_of("Header"));
        let header = header.unwrap_or("Authorization");
        let mut authorizer = Tree::map();
        let (name, kind) = if let Some(pools) = settings.present("UserPoolArn") {
            authorizer.set("type", "cognito_user_pools");
            let pools = match pools {
                Tree::List(_) => pools.clone(),
                one => Tree::List(vec![one.clone()]),
            };
            authorizer.set("providerARNs", pools);
            (header, "cognito_user_pools")
        } else {
            let is_request = settings.text_of("FunctionPayloadType") == Some("REQUEST");
            authorizer.set("type", if is_request { "request" } else { "token" });
            self.function(settings, &mut authorizer);
            let name = match is_request {
                true => {
                    authorizer.set_some("identitySource", sources(identity, "method.request."));
                    "Unused"
                }
                false => header,
            };
            (name, "custom")
        };
        if let Some(identity) = identity {
            authorizer.set_some(
                "identityValidationExpression",
                identity.present("ValidationExpression").cloned(),
            );
            authorizer.set_some(
                "authorizerResultTtlInSeconds",
                identity.present("ReauthorizeEvery").cloned(),
            );
        }
        let mut scheme = key_scheme(name);
        scheme.set("x-amazon-apigateway-authtype", kind);
        scheme.set("x-amazon-apigateway-authorizer", authorizer);
        scheme
    }

    fn http_scheme(&mut self, settings: &Tree) -> Tree {
        let mut authorizer = Tree::map();
        if let Some(jwt) = settings.present("JwtConfiguration") {
            authorizer.set("type", "jwt");
            let jwt = jwt.entries().iter();
            let lower =
                jwt.map(|(key, value)| (crate::import::http_api::lower_first(key), value.clone()));
            authorizer.set("jwtConfiguration", Tree::Map(lower.collect()));
            let source = settings.text_of("IdentitySource");
            authorizer.set(
                "identitySource",
                source.unwrap_or("$request.header.Authorization"),
            );
            let mut scheme = Tree::from([("type", "oauth2")]);
            scheme.set("x-amazon-apigateway-authorizer", authorizer);
            return scheme;
        }
        authorizer.set("type", "request");
        self.function(settings, &mut authorizer);
        let version = settings.get("AuthorizerPayloadFormatVersion");
        let version = version.and_then(Tree::scalar);
        let version = version.unwrap_or_else(|| "2.0".to_owned());
        authorizer.set("authorizerPayloadFormatVersion", version);
        if settings
            .get("EnableSimpleResponses")
            .and_then(Tree::as_bool)
            == Some(true)
        {
            authorizer.set("enableSimpleResponses", true);
        }
        let identity = settings.get("Identity");
        authorizer.set_some("identitySource", sources(identity, "$request."));
        let ttl = identity.and_then(|identity| identity.present("ReauthorizeEvery"));
        authorizer.set_some("authorizerResultTtlInSeconds", ttl.cloned());
        let mut scheme = key_scheme("Authorization");
        scheme.set("x-amazon-apigateway-authorizer", authorizer);
        scheme
    }

    /// The function of a Lambda authorizer.
    fn function(&mut self, settings: &Tree, authorizer: &mut Tree) {
        match settings.get("FunctionArn") {
            Some(Tree::Text(arn)) => {
                let uri = self.invocation(&arn.clone());
                authorizer.set("authorizerUri", uri);
            }
            // What nothing tells stays, and is reported at its line.
            Some(unknown) => authorizer.set("authorizerUri", unknown.clone()),
            None => {}
        }
    }
}

fn requirement(name: &str, scopes: Tree) -> Tree {
    Tree::from([(name, scopes)])
}

fn key_scheme(header: &str) -> Tree {
    Tree::from([("type", "apiKey"), ("name", header), ("in", "header")])
}

fn schemes(document: &mut Tree) -> &mut Tree {
    match document.get("swagger").is_some() {
        true => document.entry("securityDefinitions"),
        false => document.entry("components").entry("securitySchemes"),
    }
}

/// The identity sources of an authorizer of type `REQUEST`; `prefix` is what stands before the parts
/// of a request.
fn sources(identity: Option<&Tree>, prefix: &str) -> Option<String> {
    let identity = identity?;
    let mut sources = Vec::new();
    let is_http = prefix.starts_with('$');
    for (key, before) in [
        ("Headers", format!("{prefix}header.")),
        ("QueryStrings", format!("{prefix}querystring.")),
        (
            "StageVariables",
            if is_http {
                "$stageVariables."
            } else {
                "stageVariables."
            }
            .to_owned(),
        ),
        (
            "Context",
            if is_http { "$context." } else { "context." }.to_owned(),
        ),
    ] {
        for name in identity.get(key).map(Tree::items).unwrap_or_default() {
            if let Some(name) = name.as_text() {
                sources.push(format!("{before}{name}"));
            }
        }
    }
    (!sources.is_empty()).then(|| sources.join(","))
}
