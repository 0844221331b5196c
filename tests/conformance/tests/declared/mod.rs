//! The operations that a document spells out, and what became of each.

use attache::diagnostic::{Report, Severity};
use attache::document::{Document, Node, Pointer};
use attache::openapi::ImportedApi;

const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

/// An operation as its document spells it out.
pub(crate) struct Declared {
    pub(crate) path: String,
    pub(crate) method: String,
    pointer: String,
    /// Whether the root's `security` holds for it.
    default_security: bool,
    /// Where the security schemes stand that it asks for, or else the root.
    schemes: Vec<String>,
}

/// Every operation under `paths`.
pub(crate) fn operations(document: &Document) -> Vec<Declared> {
    let methods = [
        "get", "put", "post", "delete", "options", "head", "patch", ANY_METHOD,
    ];
    let paths = Pointer::root().key("paths");
    let items = document.root.get("paths").and_then(Node::as_mapping);
    let mut found = Vec::new();
    for path in items.unwrap_or_default() {
        for method in path.value.as_mapping().unwrap_or_default() {
            if methods.contains(&method.key.as_str()) {
                found.push(Declared {
                    path: path.key.clone(),
                    method: match method.key.as_str() {
                        ANY_METHOD => "ANY".to_owned(),
                        other => other.to_ascii_uppercase(),
                    },
                    pointer: paths.key(&path.key).key(&method.key).into(),
                    default_security: method.value.get("security").is_none(),
                    schemes: schemes(document, &method.value),
                });
            }
        }
    }
    found
}

impl Declared {
    /// Whether the operation is imported, or an error says why it is not.
    pub(crate) fn is_accounted_for(&self, api: &ImportedApi, report: &Report) -> bool {
        let imported = api
            .operations
            .iter()
            .any(|operation| operation.places.method.pointer == self.pointer);
        imported
            || report.diagnostics().iter().any(|found| {
                found.severity == Severity::Error
                    && (is_within(&found.pointer, &self.pointer)
                        || self
                            .schemes
                            .iter()
                            .any(|scheme| is_within(&found.pointer, scheme))
                        || (self.default_security && is_within(&found.pointer, "/security")))
            })
    }
}

/// The places of the schemes that an operation's security names.
fn schemes(document: &Document, operation: &Node) -> Vec<String> {
    let security = operation.get("security");
    let security = security.or_else(|| document.root.get("security"));
    let requirements = security.and_then(Node::as_sequence).unwrap_or_default();
    let names = requirements
        .iter()
        .flat_map(|requirement| requirement.as_mapping().unwrap_or_default())
        .map(|entry| entry.key.as_str());
    let mut places = Vec::new();
    for name in names {
        for folder in [
            Pointer::root().key("components").key("securitySchemes"),
            Pointer::root().key("securityDefinitions"),
        ] {
            places.push(folder.key(name).into());
        }
    }
    places
}

fn is_within(pointer: &str, ancestor: &str) -> bool {
    pointer
        .strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
