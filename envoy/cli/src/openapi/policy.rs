//! `x-amazon-apigateway-policy`: the resource policy of a REST API.

use attache_model::Protocol;
use serde_json::Value as Json;

use super::{Located, Place, Reading, intrinsic};
use crate::document::{Pointer, Value};

/// AWS: the longest resource policy, in characters.
pub const LONGEST: usize = 8192;

/// A resource policy and where it stands.
#[derive(Clone, Debug)]
pub struct ImportedPolicy {
    /// The policy document.
    pub policy: Json,
    /// Where its parts stand, by their pointers within it. The empty pointer is the whole.
    pub places: Vec<(String, Place)>,
}

/// The resource policy of a document. `None` where there is none, and after a fault. What it says
/// is judged where it is compiled.
pub(super) fn read(reading: &mut Reading<'_, '_>, root: &Located<'_>) -> Option<ImportedPolicy> {
    let found = root.get("x-amazon-apigateway-policy")?;
    // The table of extensions has said that an HTTP API has none.
    let is_empty = found.node.as_mapping().is_some_and(<[_]>::is_empty);
    if reading.protocol == Protocol::Http || found.node.is_null() || is_empty {
        return None;
    }
    let errors = reading.error_count();
    let policy = match &found.node.value {
        Value::String(text) => from_text(reading, &found, text)?,
        Value::Mapping(_) => {
            functions(reading, &found);
            found.node.to_json()
        }
        _ => {
            reading.expected(&found, "an IAM policy");
            return None;
        }
    };
    let length = policy.to_string().chars().count();
    if length > LONGEST {
        reading.error(
            "out-of-range",
            found.place(),
            format!("the resource policy has {length} characters; AWS allows {LONGEST}"),
            None,
        );
    }
    if reading.error_count() > errors {
        return None;
    }
    let mut places = Vec::new();
    collect(&found, &Pointer::root(), &mut places);
    Some(ImportedPolicy { policy, places })
}

fn from_text(reading: &mut Reading<'_, '_>, found: &Located<'_>, text: &str) -> Option<Json> {
    match serde_json::from_str(text) {
        Ok(policy @ Json::Object(_)) => Some(policy),
        Ok(_) | Err(_) => {
            reading.error(
                "wrong-kind",
                found.place(),
                "the text of the resource policy is not a JSON object",
                Some("write the policy itself in place of the text"),
            );
            None
        }
    }
}

/// Reports every function of CloudFormation in a policy. A condition whose value is not known
/// cannot be judged.
fn functions(reading: &mut Reading<'_, '_>, located: &Located<'_>) {
    if let Some(function) = intrinsic::find(located.node) {
        return reading.intrinsic(located.key_of(function), &function.key);
    }
    for item in located.items() {
        functions(reading, &item);
    }
    for entry in located.entries() {
        functions(reading, &located.value_of(entry));
    }
}

fn collect(located: &Located<'_>, within: &Pointer, places: &mut Vec<(String, Place)>) {
    places.push((within.as_str().to_owned(), located.place()));
    for (index, item) in located.items().enumerate() {
        collect(&item, &within.index(index), places);
    }
    for entry in located.entries() {
        collect(&located.value_of(entry), &within.key(&entry.key), places);
    }
}

#[cfg(test)]
mod tests;
