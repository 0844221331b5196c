//! A REST API made of the resources, methods and integrations that AWS tells of, as the OpenAPI
//! document that imports as the same API.

use crate::export::ANY_METHOD;
use crate::tree::Tree;

/// What every API has without being told.
const BUILT_IN_MODELS: [&str; 2] = ["Empty", "Error"];

/// How long AWS waits for a back end unless told otherwise.
const TIMEOUT_IN_MILLIS: i64 = 29_000;

/// A REST API in the terms, and the spelling, of AWS's own JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct RestApi {
    /// `GetRestApi`.
    pub(super) api: Tree,
    /// The resources: the id, the path, and the methods by their names.
    pub(super) resources: Vec<Resource>,
    /// `GetAuthorizers`.
    pub(super) authorizers: Vec<Tree>,
    /// `GetModels`.
    pub(super) models: Vec<Tree>,
    /// `GetRequestValidators`.
    pub(super) request_validators: Vec<Tree>,
    /// `GetGatewayResponses`.
    pub(super) gateway_responses: Vec<Tree>,
}

/// A resource of a REST API.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) path: String,
    /// By HTTP method, `GetMethod`.
    pub(super) methods: Vec<(String, Tree)>,
}

impl RestApi {
    /// The document.
    pub(super) fn definition(&self) -> Tree {
        let mut document = Tree::from([("openapi", "3.0.1")]);
        let info = document.entry("info");
        info.set("title", self.api.text_of("name").unwrap_or("api"));
        info.set_some("description", self.api.present("description").cloned());
        info.set("version", self.api.text_of("version").unwrap_or("1.0"));
        let mut paths = Tree::map();
        for resource in self
            .resources
            .iter()
            .filter(|found| !found.methods.is_empty())
        {
            for (name, method) in &resource.methods {
                let key = match name.as_str() {
                    "ANY" => ANY_METHOD.to_owned(),
                    other => other.to_ascii_lowercase(),
                };
                let operation = self.operation(resource, method);
                paths.entry(&resource.path).set(&key, operation);
            }
        }
        document.set("paths", paths);
        let mut components = Tree::map();
        for model in &self.models {
            if let Some(name) = model.text_of("name") {
                components.entry("schemas").set(name, schema(model));
            }
        }
        for (name, scheme) in self.security_schemes() {
            components.entry("securitySchemes").set(&name, scheme);
        }
        if !components.is_empty() {
            document.set("components", components);
        }
        self.extensions(&mut document);
        document
    }

    fn extensions(&self, document: &mut Tree) {
        let mut put = |name: &str, value: Option<Tree>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                document.set(&format!("x-amazon-apigateway-{name}"), value);
            }
        };
        let source = self.api.text_of("apiKeySource");
        put(
            "api-key-source",
            source.filter(|source| *source != "HEADER").map(Tree::from),
        );
        put(
            "binary-media-types",
            self.api.present("binaryMediaTypes").cloned(),
        );
        put(
            "minimum-compression-size",
            self.api.present("minimumCompressionSize").cloned(),
        );
        put("policy", self.api.present("policy").and_then(policy));
        if self
            .api
            .get("disableExecuteApiEndpoint")
            .and_then(Tree::as_bool)
            == Some(true)
        {
            let configuration = Tree::from([("disableExecuteApiEndpoint", true)]);
            put("endpoint-configuration", Some(configuration));
        }
        let mut validators = Tree::map();
        for validator in &self.request_validators {
            let entry = validators.entry(validator_name(validator));
            for flag in ["validateRequestBody", "validateRequestParameters"] {
                let is_on = validator.get(flag).and_then(Tree::as_bool);
                entry.set(flag, is_on.unwrap_or_default());
            }
        }
        put("request-validators", Some(validators));
        let mut responses = Tree::map();
        for response in &self.gateway_responses {
            let Some(kind) = response.text_of("responseType") else {
                continue;
            };
            if response.get("defaultResponse").and_then(Tree::as_bool) == Some(true) {
                continue;
            }
            let entry = responses.entry(kind);
            for field in ["statusCode", "responseParameters", "responseTemplates"] {
                entry.set_some(field, response.present(field).cloned());
            }
        }
        put("gateway-responses", Some(responses));
    }

    fn security_schemes(&self) -> Vec<(String, Tree)> {
        let mut schemes = Vec::new();
        let methods = || {
            let resources = self.resources.iter();
            resources.flat_map(|resource| resource.methods.iter().map(|(_, method)| method))
        };
        if methods().any(|method| flag(method, "apiKeyRequired")) {
            schemes.push(("api_key".to_owned(), key_scheme("x-api-key")));
        }
        if methods().any(|method| method.text_of("authorizationType") == Some("AWS_IAM")) {
            let mut scheme = key_scheme("Authorization");
            scheme.set("x-amazon-apigateway-authtype", "awsSigv4");
            schemes.push(("sigv4".to_owned(), scheme));
        }
        for authorizer in &self.authorizers {
            if let Some(name) = authorizer.text_of("name") {
                schemes.push((name.to_owned(), authorizer_scheme(authorizer)));
            }
        }
        schemes
    }

    fn operation(&self, resource: &Resource, method: &Tree) -> Tree {
        let mut operation = Tree::map();
        operation.set_some("operationId", method.present("operationName").cloned());
        let parameters = parameters(method.get("requestParameters"));
        if !parameters.is_empty() {
            operation.set("parameters", parameters);
        }
        let mut content = Tree::map();
        for (content_type, model) in method
            .get("requestModels")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            if let Some(name) = model.as_text() {
                content.set(content_type, [("schema", self.model(name))]);
            }
        }
        if !content.is_empty() {
            let mut body = Tree::from([("content", content)]);
            body.set("required", true);
            operation.set("requestBody", body);
        }
        let mut responses = Tree::map();
        for response in values(method.get("methodResponses")) {
            let Some(status) = response.get("statusCode").and_then(Tree::scalar) else {
                continue;
            };
            responses.set(&status, self.method_response(&status, response));
        }
        if responses.is_empty() {
            responses.set("default", [("description", "")]);
        }
        operation.set("responses", responses);
        let security = self.security(method);
        if !security.is_empty() {
            operation.set("security", security);
        }
        let validator = method.present("requestValidatorId").and_then(Tree::scalar);
        let validator = validator.and_then(|id| {
            let mut validators = self.request_validators.iter();
            let found = validators.find(|found| found.text_of("id") == Some(&id))?;
            Some(validator_name(found).to_owned())
        });
        operation.set_some("x-amazon-apigateway-request-validator", validator);
        if let Some(integration) = method.present("methodIntegration") {
            let integration = integration_of(integration, &resource.id);
            operation.set("x-amazon-apigateway-integration", integration);
        }
        operation
    }

    fn security(&self, method: &Tree) -> Vec<Tree> {
        let mut security = Vec::new();
        let mut ask = |name: &str, scopes: Option<&Tree>| {
            let scopes = scopes.cloned().unwrap_or(Tree::List(Vec::new()));
            security.push(Tree::from([(name, scopes)]));
        };
        if flag(method, "apiKeyRequired") {
            ask("api_key", None);
        }
        if method.text_of("authorizationType") == Some("AWS_IAM") {
            ask("sigv4", None);
        }
        if let Some(id) = method.present("authorizerId").and_then(Tree::scalar) {
            let mut authorizers = self.authorizers.iter();
            let found = authorizers.find(|found| found.text_of("id") == Some(&id));
            // An authorizer that is not told of is asked for all the same: the definition is refused
            // then, in place of an operation that is open.
            let name = found.and_then(|found| found.text_of("name")).unwrap_or(&id);
            ask(name, method.present("authorizationScopes"));
        }
        security
    }

    fn method_response(&self, status: &str, response: &Tree) -> Tree {
        let mut converted = Tree::from([("description", format!("{status} response"))]);
        for (expression, _) in response
            .get("responseParameters")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            if let Some(name) = expression.strip_prefix("method.response.header.") {
                converted
                    .entry("headers")
                    .entry(name)
                    .set("schema", [("type", "string")]);
            }
        }
        for (content_type, model) in response
            .get("responseModels")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            if let Some(name) = model.as_text() {
                converted
                    .entry("content")
                    .set(content_type, [("schema", self.model(name))]);
            }
        }
        converted
    }

    /// The schema that stands for a model of this name.
    fn model(&self, name: &str) -> Tree {
        let mut models = self.models.iter();
        if models.any(|model| model.text_of("name") == Some(name)) {
            return Tree::from([("$ref", format!("#/components/schemas/{name}"))]);
        }
        match BUILT_IN_MODELS.contains(&name) {
            true => Tree::from([("type", "object")]),
            // A model that is not told of is refused where it is needed.
            false => Tree::from([("$ref", format!("#/components/schemas/{name}"))]),
        }
    }
}

/// The items of a list, or the values of a mapping: AWS writes one, CloudFormation the other.
fn values(tree: Option<&Tree>) -> Vec<&Tree> {
    match tree {
        Some(Tree::List(items)) => items.iter().collect(),
        Some(Tree::Map(entries)) => entries.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

fn flag(tree: &Tree, key: &str) -> bool {
    tree.get(key).and_then(Tree::as_bool) == Some(true)
}

fn validator_name(validator: &Tree) -> &str {
    let name = validator.text_of("name").filter(|name| !name.is_empty());
    name.or_else(|| validator.text_of("id"))
        .unwrap_or("validator")
}

fn key_scheme(header: &str) -> Tree {
    Tree::from([("type", "apiKey"), ("name", header), ("in", "header")])
}

fn authorizer_scheme(authorizer: &Tree) -> Tree {
    let source = authorizer.text_of("identitySource").unwrap_or_default();
    let header = source
        .strip_prefix("method.request.header.")
        .filter(|name| !name.contains(','));
    let kind = authorizer.text_of("type").unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    let mut scheme = key_scheme(header.unwrap_or("Authorization"));
    let auth_type = match kind.as_str() {
        "cognito_user_pools" => "cognito_user_pools",
        _ => "custom",
    };
    let auth_type = authorizer.text_of("authType").unwrap_or(auth_type);
    scheme.set("x-amazon-apigateway-authtype", auth_type);
    let mut settings = Tree::from([("type", kind)]);
    for (field, written) in [
        ("authorizerUri", "authorizerUri"),
        ("authorizerCredentials", "authorizerCredentials"),
        ("identitySource", "identitySource"),
        (
            "identityValidationExpression",
            "identityValidationExpression",
        ),
        (
            "authorizerResultTtlInSeconds",
            "authorizerResultTtlInSeconds",
        ),
        ("providerARNs", "providerARNs"),
    ] {
        settings.set_some(written, authorizer.present(field).cloned());
    }
    scheme.set("x-amazon-apigateway-authorizer", settings);
    scheme
}

/// `requestParameters` of a method: whether each is required, by its expression.
fn parameters(declared: Option<&Tree>) -> Vec<Tree> {
    let mut parameters = Vec::new();
    for (expression, required) in declared.map(Tree::entries).unwrap_or_default() {
        let named = expression
            .strip_prefix("method.request.")
            .and_then(|rest| rest.split_once('.'));
        let (place, name) = match named {
            Some(("path", name)) => ("path", name),
            Some(("header" | "multivalueheader", name)) => ("header", name),
            Some(("querystring" | "multivaluequerystring", name)) => ("query", name),
            _ => continue,
        };
        let mut parameter = Tree::from([("name", name), ("in", place)]);
        let required = required.as_bool().unwrap_or_default();
        // OpenAPI: a parameter of the path is always there.
        parameter.set("required", required);
        parameter.set("schema", [("type", "string")]);
        parameters.push(parameter);
    }
    parameters
}

fn integration_of(integration: &Tree, resource: &str) -> Tree {
    let mut converted = Tree::map();
    let lower = |key: &str| integration.text_of(key).map(str::to_ascii_lowercase);
    converted.set_some("type", lower("type"));
    for field in ["httpMethod", "uri"] {
        converted.set_some(field, integration.present(field).cloned());
    }
    if integration.text_of("connectionType") == Some("VPC_LINK") {
        for field in ["connectionType", "connectionId", "integrationTarget"] {
            converted.set_some(field, integration.present(field).cloned());
        }
    }
    converted.set_some("credentials", integration.present("credentials").cloned());
    for field in ["requestParameters", "requestTemplates"] {
        set_filled(&mut converted, field, integration.get(field));
    }
    converted.set_some("passthroughBehavior", lower("passthroughBehavior"));
    converted.set_some(
        "contentHandling",
        integration.present("contentHandling").cloned(),
    );
    let timeout = integration.present("timeoutInMillis");
    if let Some(timeout) = timeout.filter(|timeout| **timeout != Tree::Integer(TIMEOUT_IN_MILLIS)) {
        converted.set("timeoutInMillis", timeout.clone());
    }
    set_filled(&mut converted, "tlsConfig", integration.get("tlsConfig"));
    set_filled(
        &mut converted,
        "cacheKeyParameters",
        integration.get("cacheKeyParameters"),
    );
    let namespace = integration.present("cacheNamespace");
    // Unless told otherwise the operations of a resource share one, which has its id.
    if let Some(namespace) = namespace.filter(|name| name.as_text() != Some(resource)) {
        converted.set("cacheNamespace", namespace.clone());
    }
    let responses = values(integration.get("integrationResponses"));
    for response in responses {
        let pattern = response
            .text_of("selectionPattern")
            .filter(|text| !text.is_empty());
        let entry = converted
            .entry("responses")
            .entry(pattern.unwrap_or("default"));
        entry.set_some(
            "statusCode",
            response.get("statusCode").and_then(Tree::scalar),
        );
        for field in ["responseParameters", "responseTemplates"] {
            set_filled(entry, field, response.get(field));
        }
        entry.set_some(
            "contentHandling",
            response.present("contentHandling").cloned(),
        );
    }
    converted
}

/// Sets what is not empty. A template that is null is empty text.
fn set_filled(tree: &mut Tree, key: &str, value: Option<&Tree>) {
    let Some(mut value) = value.filter(|value| !value.is_empty()).cloned() else {
        return;
    };
    for (_, text) in value.entries_mut() {
        if *text == Tree::Null {
            *text = Tree::from("");
        }
    }
    tree.set(key, value);
}

/// A policy, which AWS writes as JSON within JSON, its quotes escaped.
fn policy(policy: &Tree) -> Option<Tree> {
    let Some(text) = policy.as_text() else {
        return Some(policy.clone());
    };
    let parsed = serde_json::from_str::<serde_json::Value>(text)
        .or_else(|_| serde_json::from_str(&text.replace("\\\"", "\"").replace("\\/", "/")));
    parsed.ok().map(|value| Tree::from(&value))
}

/// The schema of a model, whose references name models by their addresses.
fn schema(model: &Tree) -> Tree {
    let mut schema = match model.get("schema") {
        Some(Tree::Text(text)) => serde_json::from_str::<serde_json::Value>(text)
            .map_or_else(|_| Tree::map(), |value| Tree::from(&value)),
        Some(other) => other.clone(),
        None => Tree::map(),
    };
    schema.remove("$schema");
    name_references(&mut schema);
    schema
}

fn name_references(tree: &mut Tree) {
    match tree {
        Tree::List(items) => items.iter_mut().for_each(name_references),
        Tree::Map(entries) => {
            for (key, value) in entries {
                if key == "$ref"
                    && let Tree::Text(text) = value
                    && text.contains("/models/")
                    && let Some(name) = text.rsplit('/').next()
                {
                    *text = format!("#/components/schemas/{name}");
                } else {
                    name_references(value);
                }
            }
        }
        _ => {}
    }
}
