//! Events of functions: a path and a method that call one.

use attache_model::Protocol;

use crate::export::ANY_METHOD;
use crate::import::cloudformation::Building;
use crate::tree::Tree;

/// A path and a method that call a function.
pub(super) struct Event {
    /// The logical id of the function.
    function: String,
    /// Whether its alias is called.
    alias: bool,
    /// The path; the default route of an HTTP API where there is none.
    pub(super) path: String,
    /// The method as a definition writes it.
    pub(super) method: String,
    pub(super) settings: Tree,
}

impl Event {
    pub(super) fn new(function: &str, alias: bool, settings: Tree) -> Self {
        let path = settings.text_of("Path");
        let method = settings.text_of("Method").unwrap_or("any");
        Self {
            function: function.to_owned(),
            alias,
            path: path.unwrap_or("/$default").to_owned(),
            method: match method.to_ascii_lowercase().as_str() {
                "any" | "x-amazon-apigateway-any-method" | "*" => ANY_METHOD.to_owned(),
                plain => plain.to_owned(),
            },
            settings,
        }
    }
}

impl Building<'_, '_> {
    /// The URI that calls a function.
    pub(super) fn invocation(&mut self, arn: &str) -> String {
        let region = Tree::from([("Ref", "AWS::Region")]);
        let region = self.resolver.text(&region).unwrap_or_default();
        format!("arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations")
    }

    /// Adds the operation of an event to a definition that SAM writes.
    pub(super) fn add_event(&mut self, document: &mut Tree, event: &Event, protocol: Protocol) {
        let attribute = if event.alias { "Alias" } else { "Arn" };
        let arn = Tree::from([("Fn::GetAtt", vec![event.function.as_str(), attribute])]);
        let Some(arn) = self.resolver.text(&arn) else {
            return;
        };
        let uri = self.invocation(&arn);
        let mut integration = Tree::from([("type", "aws_proxy"), ("httpMethod", "POST")]);
        integration.set("uri", uri);
        if protocol == Protocol::Http {
            let version = event
                .settings
                .get("PayloadFormatVersion")
                .and_then(Tree::scalar);
            let version = version.unwrap_or_else(|| "2.0".to_owned());
            integration.set("payloadFormatVersion", version);
        }
        integration.set_some(
            "timeoutInMillis",
            event.settings.present("TimeoutInMillis").cloned(),
        );
        let mut operation = Tree::map();
        let mut parameters: Vec<Tree> = Vec::new();
        for segment in event.path.split('/') {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            if let Some(name) = name {
                let name = name.strip_suffix('+').unwrap_or(name);
                parameters.push(parameter(name, "path", true));
            }
        }
        if protocol == Protocol::Rest {
            declared(&event.settings, &mut parameters);
        }
        if !parameters.is_empty() {
            operation.set("parameters", Tree::List(parameters));
        }
        if let Some(model) = event
            .settings
            .at(&["RequestModel", "Model"])
            .and_then(Tree::as_text)
        {
            let mut body = Tree::map();
            body.entry("content")
                .entry("application/json")
                .entry("schema")
                .set("$ref", format!("#/components/schemas/{model}"));
            let required = event.settings.at(&["RequestModel", "Required"]);
            body.set("required", required.and_then(Tree::as_bool) == Some(true));
            operation.set("requestBody", body);
        }
        operation
            .entry("responses")
            .set("default", [("description", "")]);
        if let Some(name) = validator(document, &event.settings) {
            operation.set("x-amazon-apigateway-request-validator", name);
        }
        if event.path == "/$default" {
            operation.set("isDefaultRoute", true);
        }
        operation.set("x-amazon-apigateway-integration", integration);
        document
            .entry("paths")
            .entry(&event.path)
            .set(&event.method, operation);
    }
}

fn parameter(name: &str, place: &str, required: bool) -> Tree {
    let mut parameter = Tree::from([("name", name), ("in", place)]);
    parameter.set("required", required);
    parameter.set("schema", [("type", "string")]);
    parameter
}

/// `RequestParameters`: names, or names with whether they are required.
fn declared(settings: &Tree, parameters: &mut Vec<Tree>) {
    for found in settings
        .get("RequestParameters")
        .map(Tree::items)
        .unwrap_or_default()
    {
        let (expression, required) = match found {
            Tree::Text(text) => (text.as_str(), false),
            Tree::Map(entries) => match entries.as_slice() {
                [(name, settings)] => {
                    let required = settings.get("Required").and_then(Tree::as_bool);
                    (name.as_str(), required == Some(true))
                }
                _ => continue,
            },
            _ => continue,
        };
        let named = expression
            .strip_prefix("method.request.")
            .and_then(|rest| rest.split_once('.'));
        let (place, name) = match named {
            Some(("querystring", name)) => ("query", name),
            Some(("header", name)) => ("header", name),
            _ => continue,
        };
        parameters.push(parameter(name, place, required));
    }
}

/// The validator that an event asks for, which the definition then has.
fn validator(document: &mut Tree, settings: &Tree) -> Option<&'static str> {
    let model = settings.get("RequestModel")?;
    let asks = |key: &str| model.get(key).and_then(Tree::as_bool) == Some(true);
    let (body, parameters) = (asks("ValidateBody"), asks("ValidateParameters"));
    // SAM's names.
    let name = match (body, parameters) {
        (true, true) => "body-and-params",
        (true, false) => "body-only",
        (false, true) => "params-only",
        (false, false) => return None,
    };
    document
        .entry("x-amazon-apigateway-request-validators")
        .set(
            name,
            [
                ("validateRequestBody", body),
                ("validateRequestParameters", parameters),
            ],
        );
    Some(name)
}
