//! What is asked of a request before it goes on.

use std::collections::BTreeSet;

use attache_model::{Api, Operation};
use serde_json::Value;

use super::Changes;

/// The parameters that are required, the models of bodies, and what these models say.
pub(super) fn compare(
    before: &Api,
    old: &Operation,
    after: &Api,
    new: &Operation,
    changes: &mut Changes,
) {
    let parameters = |operation: &Operation| -> BTreeSet<String> {
        let required = operation.request_validation.required_parameters.iter();
        required.cloned().collect()
    };
    let (was, is) = (parameters(old), parameters(new));
    for gone in was.difference(&is) {
        changes.setting("required parameter", gone.as_str(), Value::Null, false);
    }
    for added in is.difference(&was) {
        changes.setting("required parameter", Value::Null, added.as_str(), true);
    }

    let model = |operation: &Operation, content_type: &str| {
        let models = operation.request_validation.request_models.iter();
        let mut models = models.filter(|model| model.content_type == content_type);
        models.next().map(|model| model.model.clone())
    };
    let models = [old, new].map(|operation| operation.request_validation.request_models.iter());
    let content_types: BTreeSet<&str> = models
        .into_iter()
        .flatten()
        .map(|model| model.content_type.as_str())
        .collect();
    let mut told = BTreeSet::new();
    for content_type in content_types {
        let (was, is) = (model(old, content_type), model(new, content_type));
        let name = format!("model of {content_type}");
        let breaking = is.is_some();
        if was != is {
            changes.setting(name, was, is, breaking);
        } else if let Some(model) = is {
            let names: BTreeSet<String> = reachable(before, &model)
                .into_iter()
                .chain(reachable(after, &model))
                .collect();
            for name in names {
                if told.insert(name.clone()) {
                    let of = |api: &Api| api.models.get(&name).cloned().unwrap_or_default();
                    changes.parts(&format!("model {name}"), &of(before), &of(after), true);
                }
            }
        }
    }
}

/// A model and those that it refers to, by their names.
fn reachable(api: &Api, model: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![model.to_owned()];
    while let Some(name) = next.pop() {
        if let Some(schema) = api.models.get(&name)
            && found.insert(name)
        {
            references(schema, &mut next);
        }
    }
    found
}

/// The models that a schema refers to.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let name = reference.rsplit('/').next().unwrap_or_default();
                found.push(name.replace("~1", "/").replace("~0", "~"));
            }
            for member in members.values() {
                references(member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                references(item, found);
            }
        }
        _ => {}
    }
}
