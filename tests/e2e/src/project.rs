use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// A folder of configuration, gone when this is dropped.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder with an `attache.yaml` and an `openapi.json`.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[must_use]
    pub fn new(configuration: &str, definition: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Self { folder };
        project.write("openapi.json", definition);
        project.write("attache.yaml", configuration);
        project
    }

    /// An example, with what it calls on port 9000 at this address.
    ///
    /// # Panics
    ///
    /// When there is no such example, or it calls nothing there.
    #[must_use]
    pub fn of_example(name: &str, address: Option<SocketAddr>) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(name);
        let read = |file: &str| fs::read_to_string(example.join(file)).expect("an example");
        let mut configuration = read("attache.yaml");
        if let Some(address) = address {
            assert!(configuration.contains("127.0.0.1:9000"), "{name}");
            configuration = configuration.replace("127.0.0.1:9000", &address.to_string());
        }
        let project = Self::new(&configuration, "{}");
        project.write("openapi.yaml", &read("openapi.yaml"));
        project
    }

    /// Writes a file as editors do: beside, then in place of what was there.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let next = self.path().join(format!(".{name}.next"));
        fs::write(&next, text).expect("the file is written");
        fs::rename(&next, self.path().join(name)).expect("the file is replaced");
    }

    /// Writes over what was there, as other editors do.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn overwrite(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the file is written");
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// One operation of a definition, with an `http_proxy` integration.
#[derive(Clone, Debug)]
pub struct Operation {
    path: String,
    method: String,
    needs_key: bool,
    fields: Map<String, Value>,
    integration: Map<String, Value>,
}

impl Operation {
    /// An operation that proxies to `uri`, with the client's method. `method` is upper-case, or
    /// `ANY`. What is in braces in both path and URI is mapped.
    #[must_use]
    pub fn new(method: &str, path: &str, uri: &str) -> Self {
        let mut integration = Map::new();
        integration.insert("type".to_owned(), "http_proxy".into());
        integration.insert("httpMethod".to_owned(), method.into());
        integration.insert("uri".to_owned(), uri.into());
        let mapped: Map<String, Value> = parameters(path)
            .filter(|name| uri.contains(&format!("{{{name}}}")))
            .map(|name| {
                (
                    format!("integration.request.path.{name}"),
                    format!("method.request.path.{name}").into(),
                )
            })
            .collect();
        integration.insert("requestParameters".to_owned(), mapped.into());
        Self {
            path: path.to_owned(),
            method: method.to_owned(),
            needs_key: false,
            fields: Map::new(),
            integration,
        }
    }

    /// The same for clients with an API key only.
    #[must_use]
    pub const fn with_key(mut self) -> Self {
        self.needs_key = true;
        self
    }

    /// The same for callers that a security scheme lets in, with these scopes.
    #[must_use]
    pub fn secured(self, scheme: &str, scopes: &[&str]) -> Self {
        self.field("security", json!([{scheme: scopes}]))
    }

    /// The same with one more field of the operation.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The same with one more field of the integration.
    #[must_use]
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.integration.insert(field.to_owned(), value.into());
        self
    }

    /// The same with one more entry of `requestParameters`.
    #[must_use]
    pub fn map(mut self, target: &str, source: &str) -> Self {
        self.integration["requestParameters"][target] = source.into();
        self
    }
}

/// An OpenAPI document of these operations.
#[must_use]
pub fn definition(operations: &[Operation]) -> String {
    definition_with(operations, &json!({}), &json!({}))
}

/// The same with more security schemes, and with more fields at its root.
#[must_use]
pub fn definition_with(operations: &[Operation], schemes: &Value, root: &Value) -> String {
    let mut paths = json!({});
    for operation in operations {
        let method = match operation.method.as_str() {
            "ANY" => "x-amazon-apigateway-any-method".to_owned(),
            other => other.to_ascii_lowercase(),
        };
        let parameters: Vec<Value> = parameters(&operation.path)
            .map(|name| {
                json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
            })
            .collect();
        let security = if operation.needs_key {
            json!([{"api_key": []}])
        } else {
            json!([])
        };
        let mut described = json!({
            "parameters": parameters,
            "security": security,
            "responses": {"200": {"description": "whatever the back end says"}},
            "x-amazon-apigateway-integration": operation.integration,
        });
        add(&mut described, &operation.fields);
        paths[&operation.path][method] = described;
    }
    let mut securities = json!({
        "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
    });
    add(&mut securities, object(schemes));
    let mut document = json!({
        "openapi": "3.0.1",
        "info": {"title": "test", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": securities},
    });
    add(&mut document, object(root));
    document.to_string()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

/// Adds fields to an object, in place of those that it has.
fn add(object: &mut Value, fields: &Map<String, Value>) {
    for (name, value) in fields {
        object[name] = value.clone();
    }
}

fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_suffix('+').unwrap_or(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_spells_its_operations_out() {
        let operation = Operation::new("ANY", "/pets/{id}/{proxy+}", "http://b/{proxy}")
            .with_key()
            .set("timeoutInMillis", 50)
            .map(
                "integration.request.querystring.id",
                "method.request.path.id",
            );
        let document: Value = serde_json::from_str(&definition(&[operation])).unwrap();
        let method = &document["paths"]["/pets/{id}/{proxy+}"]["x-amazon-apigateway-any-method"];
        assert_eq!(method["parameters"][1]["name"], "proxy");
        assert_eq!(method["security"], json!([{"api_key": []}]));
        assert_eq!(
            method["x-amazon-apigateway-integration"]["requestParameters"],
            json!({
                "integration.request.path.proxy": "method.request.path.proxy",
                "integration.request.querystring.id": "method.request.path.id",
            })
        );
    }
}
