//! What both ways between the versions of OpenAPI need.

use crate::document::Pointer;
use crate::openapi::generated_model_name;
use crate::tree::Tree;

/// The extension that stands for every method.
pub(crate) const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

/// The methods of a path item, as OpenAPI writes them.
pub(crate) const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Whether a key of a path item holds an operation.
pub(crate) fn is_method(key: &str) -> bool {
    METHODS.contains(&key) || key == ANY_METHOD || key == "trace"
}

/// How often references are followed.
const MOST_STEPS: usize = 16;

/// One conversion: what it moves, and what it cannot carry over.
#[derive(Debug, Default)]
pub(crate) struct Conversion {
    /// Schemas that stood in an operation, by the names that API Gateway's import gives them.
    hoisted: Vec<(String, Tree)>,
    /// What is lost, in words.
    pub(crate) losses: Vec<String>,
}

impl Conversion {
    /// A reference to the schema of a body in place of the schema itself. API Gateway makes a model
    /// of every schema that has no name, and exports that; so does this, because the name of the
    /// model is made of the place, which is another in the other version of OpenAPI.
    pub(super) fn hoisted(&mut self, schema: &Tree, pointer: &str, folder: &str) -> Tree {
        if schema.is_empty() || !matches!(schema, Tree::Map(_)) || schema.get("$ref").is_some() {
            return schema.clone();
        }
        let name = generated_model_name(pointer);
        let reference = format!("{folder}{name}");
        if !self.hoisted.iter().any(|(other, _)| *other == name) {
            self.hoisted.push((name, schema.clone()));
        }
        Tree::from([("$ref", reference)])
    }

    pub(super) fn take_hoisted(&mut self) -> Vec<(String, Tree)> {
        std::mem::take(&mut self.hoisted)
    }

    /// Notes what cannot be said in the other version.
    pub(super) fn lose(&mut self, what: String) {
        if !self.losses.contains(&what) {
            self.losses.push(what);
        }
    }
}

/// The pointer of a way of keys.
pub(super) fn pointer_of(keys: &[&str]) -> String {
    let pointer = keys
        .iter()
        .fold(Pointer::root(), |pointer, key| pointer.key(key));
    pointer.into()
}

/// What a value refers to within its document; itself where it refers to nothing that is there.
pub(super) fn resolve<'t>(document: &'t Tree, value: &'t Tree) -> &'t Tree {
    let mut current = value;
    for _ in 0..MOST_STEPS {
        let Some(target) = current
            .text_of("$ref")
            .and_then(|text| text.strip_prefix('#'))
        else {
            break;
        };
        let Some(keys) = crate::document::parse_pointer(target) else {
            break;
        };
        match keys.iter().try_fold(document, |tree, key| tree.get(key)) {
            Some(found) => current = found,
            None => break,
        }
    }
    current
}
