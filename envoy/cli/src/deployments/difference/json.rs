//! Where two values differ.

use serde_json::{Map, Value};

/// A part that is not the same on both sides.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    /// The way to it, such as ` uri` or ` requestParameters integration.request.path.id`: names may
    /// hold dots.
    pub(super) name: String,
    /// What it was; null for nothing.
    pub(super) before: Value,
    /// What it is; null for nothing.
    pub(super) after: Value,
}

/// The smallest parts that differ, in the order of their names. Lists are compared as a whole,
/// unless they hold mappings and are of one length.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    collect(String::new(), before, after, &mut parts);
    parts
}

fn collect(name: String, before: &Value, after: &Value, parts: &mut Vec<Part>) {
    if before == after {
        return;
    }
    let empty = Map::new();
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => members(&name, old, new, parts),
        // What appears is told member by member as well.
        (Value::Null, Value::Object(new)) if !new.is_empty() => {
            members(&name, &empty, new, parts);
        }
        (Value::Object(old), Value::Null) if !old.is_empty() => {
            members(&name, old, &empty, parts);
        }
        (Value::Array(old), Value::Array(new))
            if old.len() == new.len() && old.iter().chain(new).all(Value::is_object) =>
        {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                collect(format!("{name} {index}"), old, new, parts);
            }
        }
        _ => parts.push(Part {
            name,
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

fn members(
    name: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    parts: &mut Vec<Part>,
) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for member in names {
        let of = |side: &Map<String, Value>| side.get(member).cloned().unwrap_or_default();
        collect(format!("{name} {member}"), &of(before), &of(after), parts);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    #[test]
    fn the_smallest_parts_are_told() {
        let parts = |before: Value, after: Value| {
            let parts = differences(&before, &after).into_iter();
            parts
                .map(|part| format!("{}: {} → {}", part.name, part.before, part.after))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            parts(
                json!({"a": 1, "b": {"c": [1, 2], "d.e": true}, "same": [{}]}),
                json!({"a": 2, "b": {"c": [1]}, "same": [{}], "new": {"x": 1, "y": []}}),
            ),
            [
                " a: 1 → 2",
                " b c: [1,2] → [1]",
                " b d.e: true → null",
                " new x: null → 1",
                " new y: null → []",
            ]
        );
        assert_eq!(
            parts(json!([{"a": 1}, {"b": 2}]), json!([{"a": 1}, {"b": 3}])),
            [" 1 b: 2 → 3"]
        );
        assert_eq!(parts(json!(null), json!({})), [": null → {}"]);
        assert!(parts(json!({"a": [1]}), json!({"a": [1]})).is_empty());
    }
}
