//! `$input`

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use attache_values::json::JsonError;
use attache_values::{CallError, JsonPath, Object, Value};

use super::body::TemplateBody;

/// The body and the parameters of the request. In a response's template it is the back end's
/// body, and still the request's parameters.
#[derive(Debug)]
pub(super) struct Input {
    body: TemplateBody,
    parameters: Parameters,
    paths: Arc<BTreeMap<Box<str>, JsonPath>>,
    body_error: Cell<Option<JsonError>>,
}

/// The parameters that a template names.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// `$input.params()`: maps of path, query string and header.
    pub(super) all: Option<Value>,
    /// `$input.params('name')`, for names that stand in the template.
    pub(super) named: Vec<(Box<str>, Value)>,
}

impl Input {
    pub(super) fn new(
        body: TemplateBody,
        parameters: Parameters,
        paths: Arc<BTreeMap<Box<str>, JsonPath>>,
    ) -> Self {
        Self {
            body,
            parameters,
            paths,
            body_error: Cell::new(None),
        }
    }

    /// Why the body could not be read, when a template wanted it as JSON.
    pub(super) fn body_error(&self) -> Option<JsonError> {
        self.body_error.get()
    }

    fn select(&self, path: &str) -> Result<Option<Value>, CallError> {
        let document = self.body.document().map_err(|error| {
            self.body_error.set(Some(error));
            CallError::new("the body is not JSON")
        })?;
        let selected = match self.paths.get(path) {
            Some(path) => path.evaluate(&document.value),
            None => JsonPath::compile(path)
                .map_err(|error| CallError::new(error.to_string()))?
                .evaluate(&document.value),
        };
        selected.map_err(|error| CallError::new(error.to_string()))
    }

    fn json(&self, path: &str) -> Result<Value, CallError> {
        Ok(Value::string(match self.select(path)? {
            Some(value) => value.to_json(),
            None => "\"\"".to_owned(),
        }))
    }

    /// `$input.params('name')`: a parameter of the path, of the query string, or of the header.
    fn parameter(&self, name: &str) -> Value {
        let mut named = self.parameters.named.iter();
        if let Some((_, value)) = named.find(|(known, _)| **known == *name) {
            return value.clone();
        }
        let Some(Value::Map(all)) = &self.parameters.all else {
            return Value::Null;
        };
        ["path", "querystring", "header"]
            .into_iter()
            .find_map(|place| match all.get(place) {
                Some(Value::Map(place)) => place.get(name),
                _ => None,
            })
            .unwrap_or(Value::Null)
    }
}

impl Object for Input {
    fn property(&self, name: &str) -> Option<Value> {
        (name == "body").then(|| Value::string(self.body.text()))
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>> {
        match (method, arguments) {
            ("json", [Value::String(path)]) => Some(self.json(path)),
            ("path", [Value::String(path)]) => Some(
                self.select(path)
                    .map(|selected| selected.unwrap_or(Value::Null)),
            ),
            ("params", []) => Some(Ok(self.parameters.all.clone().unwrap_or(Value::Null))),
            ("params", [Value::String(name)]) => Some(Ok(self.parameter(name))),
            _ => None,
        }
    }

    fn print(&self, _out: &mut String) {}
}
