//! An HTTP API made of the routes and integrations that AWS tells of, as the OpenAPI document that
//! imports as the same API.

use crate::export::ANY_METHOD;
use crate::tree::Tree;

/// An HTTP API in the terms, and the spelling, of AWS's own JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct HttpApi {
    /// `GetApi`.
    pub(super) api: Tree,
    /// `GetRoutes`.
    pub(super) routes: Vec<Tree>,
    /// `GetIntegrations`.
    pub(super) integrations: Vec<Tree>,
    /// `GetAuthorizers`.
    pub(super) authorizers: Vec<Tree>,
}

impl HttpApi {
    /// The document.
    pub(super) fn definition(&self) -> Tree {
        let mut document = Tree::from([("openapi", "3.0.1")]);
        let info = document.entry("info");
        info.set("title", self.api.text_of("Name").unwrap_or("api"));
        info.set_some("description", self.api.present("Description").cloned());
        info.set("version", self.api.text_of("Version").unwrap_or("1.0"));
        let mut paths = Tree::map();
        for route in &self.routes {
            let Some(key) = route.text_of("RouteKey") else {
                continue;
            };
            let (method, path) = match key.split_once(' ') {
                Some(("ANY", path)) => (ANY_METHOD.to_owned(), path),
                Some((method, path)) => (method.to_ascii_lowercase(), path),
                None => (ANY_METHOD.to_owned(), "/$default"),
            };
            let mut operation = self.operation(route, key);
            if key == "$default" {
                operation.set("isDefaultRoute", true);
            }
            paths.entry(path).set(&method, operation);
        }
        document.set("paths", paths);
        let iam = self
            .routes
            .iter()
            .any(|route| route.text_of("AuthorizationType") == Some("AWS_IAM"));
        let mut schemes = Tree::map();
        if iam {
            let scheme = schemes.entry("sigv4");
            for (key, value) in [
                ("type", "apiKey"),
                ("name", "Authorization"),
                ("in", "header"),
                ("x-amazon-apigateway-authtype", "awsSigv4"),
            ] {
                scheme.set(key, value);
            }
        }
        for authorizer in &self.authorizers {
            if let Some(name) = authorizer.text_of("Name") {
                schemes.set(name, scheme(authorizer));
            }
        }
        if !schemes.is_empty() {
            document.entry("components").set("securitySchemes", schemes);
        }
        if let Some(cors) = self.api.present("CorsConfiguration") {
            document.set("x-amazon-apigateway-cors", lower_camel(cors));
        }
        if self
            .api
            .get("DisableExecuteApiEndpoint")
            .and_then(Tree::as_bool)
            == Some(true)
        {
            document.set(
                "x-amazon-apigateway-endpoint-configuration",
                [("disableExecuteApiEndpoint", true)],
            );
        }
        document.set("x-amazon-apigateway-importexport-version", "1.0");
        document
    }

    fn operation(&self, route: &Tree, key: &str) -> Tree {
        let mut operation = Tree::map();
        operation.set_some("operationId", route.present("OperationName").cloned());
        operation.entry("responses").set(
            "default",
            [("description", format!("Default response for {key}"))],
        );
        let mut security = Vec::new();
        if route.text_of("AuthorizationType") == Some("AWS_IAM") {
            security.push(Tree::from([("sigv4", Tree::List(Vec::new()))]));
        }
        if let Some(id) = route.present("AuthorizerId").and_then(Tree::scalar) {
            let mut authorizers = self.authorizers.iter();
            let found = authorizers.find(|found| found.text_of("AuthorizerId") == Some(&id));
            let name = found.and_then(|found| found.text_of("Name")).unwrap_or(&id);
            let scopes = route.present("AuthorizationScopes").cloned();
            let scopes = scopes.unwrap_or(Tree::List(Vec::new()));
            security.push(Tree::from([(name, scopes)]));
        }
        if !security.is_empty() {
            operation.set("security", security);
        }
        let target = route
            .text_of("Target")
            .and_then(|text| text.rsplit('/').next());
        let integration = target.and_then(|id| {
            let mut integrations = self.integrations.iter();
            integrations.find(|found| found.text_of("IntegrationId") == Some(id))
        });
        if let Some(integration) = integration {
            operation.set(
                "x-amazon-apigateway-integration",
                integration_of(integration),
            );
        }
        operation
    }
}

fn scheme(authorizer: &Tree) -> Tree {
    let kind = authorizer.text_of("AuthorizerType").unwrap_or_default();
    let mut settings = Tree::from([("type", kind.to_ascii_lowercase())]);
    let source = match authorizer.present("IdentitySource") {
        Some(Tree::List(items)) => {
            let sources: Vec<&str> = items.iter().filter_map(Tree::as_text).collect();
            Some(sources.join(","))
        }
        Some(Tree::Text(text)) => Some(text.clone()),
        _ => None,
    };
    settings.set_some("identitySource", source.filter(|source| !source.is_empty()));
    if let Some(jwt) = authorizer.present("JwtConfiguration") {
        settings.set("jwtConfiguration", lower_camel(jwt));
    }
    for (field, written) in [
        ("AuthorizerUri", "authorizerUri"),
        ("AuthorizerCredentialsArn", "authorizerCredentials"),
        (
            "AuthorizerPayloadFormatVersion",
            "authorizerPayloadFormatVersion",
        ),
        ("EnableSimpleResponses", "enableSimpleResponses"),
        (
            "AuthorizerResultTtlInSeconds",
            "authorizerResultTtlInSeconds",
        ),
    ] {
        let value = authorizer.present(field).cloned();
        settings.set_some(written, value);
    }
    let is_jwt = kind.eq_ignore_ascii_case("JWT");
    let mut scheme = match is_jwt {
        true => Tree::from([("type", "oauth2")]),
        false => Tree::from([
            ("type", "apiKey"),
            ("name", "Authorization"),
            ("in", "header"),
        ]),
    };
    if is_jwt {
        scheme.set("flows", Tree::map());
        // What the function of a REST API heeds, a token's verification does not.
        settings.remove("authorizerResultTtlInSeconds");
    }
    scheme.set("x-amazon-apigateway-authorizer", settings);
    scheme
}

fn integration_of(integration: &Tree) -> Tree {
    let mut converted = Tree::map();
    let kind = integration.text_of("IntegrationType").unwrap_or_default();
    converted.set("type", kind.to_ascii_lowercase());
    let fields = [
        ("IntegrationSubtype", "integrationSubtype"),
        ("IntegrationMethod", "httpMethod"),
        ("IntegrationUri", "uri"),
        ("PayloadFormatVersion", "payloadFormatVersion"),
        ("CredentialsArn", "credentials"),
    ];
    for (field, written) in fields {
        converted.set_some(written, integration.present(field).cloned());
    }
    if integration.text_of("ConnectionType") == Some("VPC_LINK") {
        converted.set("connectionType", "VPC_LINK");
        converted.set_some("connectionId", integration.present("ConnectionId").cloned());
    }
    for (field, written) in [
        ("RequestParameters", "requestParameters"),
        ("ResponseParameters", "responseParameters"),
    ] {
        if let Some(value) = integration.get(field).filter(|value| !value.is_empty()) {
            converted.set(written, response_parameters(value));
        }
    }
    if let Some(tls) = integration.present("TlsConfig") {
        converted.set("tlsConfig", lower_camel(tls));
    }
    let timeout = integration.present("TimeoutInMillis");
    if let Some(timeout) = timeout.filter(|timeout| **timeout != Tree::Integer(30_000)) {
        converted.set("timeoutInMillis", timeout.clone());
    }
    converted
}

/// CloudFormation writes the mappings of a response as a list of `Destination` and `Source`.
fn response_parameters(value: &Tree) -> Tree {
    let mut converted = value.clone();
    for (_, mappings) in converted.entries_mut() {
        let Some(list) = mappings.get("ResponseParameters").map(Tree::items) else {
            continue;
        };
        let mut map = Tree::map();
        for mapping in list {
            if let (Some(to), Some(from)) =
                (mapping.text_of("Destination"), mapping.text_of("Source"))
            {
                map.set(to, from);
            }
        }
        *mappings = map;
    }
    converted
}

/// A mapping with keys as OpenAPI's extensions spell them: `AllowOrigins` as `allowOrigins`.
fn lower_camel(tree: &Tree) -> Tree {
    let entries = tree.entries().iter();
    Tree::Map(
        entries
            .filter(|(_, value)| *value != Tree::Null)
            .map(|(key, value)| (lower_first(key), value.clone()))
            .collect(),
    )
}

/// A name with its first letter in lower case.
pub(super) fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next();
    first
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(characters)
        .collect()
}
