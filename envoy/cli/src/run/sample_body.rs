//! A body that fits a model, for the `curl` line of an operation that validates.

use std::collections::BTreeMap;

use attache_model::{Api, Operation, Verb};
use serde_json::{Map, Value, json};

/// How deep a sample follows schemas, which may refer to themselves.
const DEEPEST: usize = 16;
/// How many items and characters a sample has at most.
const MOST: u64 = 8;

const JSON: &str = "application/json";

/// What is sent with the request of a `curl` line.
pub(super) struct SampleBody {
    pub(super) content_type: String,
    pub(super) text: String,
}

/// A body where the operation validates one or its method usually has one.
pub(super) fn of(api: &Api, operation: &Operation) -> Option<SampleBody> {
    let models = &operation.request_validation.request_models;
    let chosen = models
        .iter()
        .find(|model| model.content_type == JSON)
        .or_else(|| models.first());
    if let Some(chosen) = chosen {
        let schema = api.models.get(&chosen.model).unwrap_or(&Value::Null);
        let content_type = match chosen.content_type.as_str() {
            "$default" => JSON,
            other => other,
        };
        return Some(SampleBody {
            content_type: content_type.to_owned(),
            text: sample(&api.models, schema, 0).to_string(),
        });
    }
    let usual = matches!(operation.method, Verb::Post | Verb::Put | Verb::Patch);
    usual.then(|| SampleBody {
        content_type: JSON.to_owned(),
        text: "{}".to_owned(),
    })
}

/// The smallest value that a schema describes, as far as that can be told without searching.
fn sample(models: &BTreeMap<String, Value>, schema: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let within = |schema: &Value| sample(models, schema, depth + 1);
    let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        return models.get(&name).map_or(Value::Null, within);
    }
    if let Some(first) = list("enum").and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(parts) = list("allOf") {
        let mut whole = Map::new();
        for part in parts.iter().map(within) {
            match part {
                Value::Object(members) => whole.extend(members),
                other => return other,
            }
        }
        if let Value::Object(own) = of_kind(schema, &within) {
            whole.extend(own);
        }
        return whole.into();
    }
    match list("anyOf").or_else(|| list("oneOf")) {
        Some(choices) if schema.get("type").is_none() => {
            choices.first().map_or(Value::Null, within)
        }
        _ => of_kind(schema, &within),
    }
}

/// A value of the schema's type.
fn of_kind(schema: &Value, within: &dyn Fn(&Value) -> Value) -> Value {
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None if schema.get("items").is_some() => Some("array"),
        None => None,
    };
    let at_least = |keyword: &str| schema.get(keyword).and_then(Value::as_u64).unwrap_or(0);
    match kind {
        Some("string") => {
            let format = schema.get("format").and_then(Value::as_str);
            let text = match format {
                Some("date-time") => "2027-01-31T00:00:00Z",
                Some("date") => "2027-01-31",
                Some("email") => "ann@example.com",
                Some("uri") => "https://example.com",
                Some("uuid") => "00000000-0000-4000-8000-000000000000",
                _ => {
                    return "a"
                        .repeat(length(at_least("minLength").clamp(1, MOST)))
                        .into();
                }
            };
            text.into()
        }
        Some("integer" | "number") => number(schema),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        Some("array") => {
            let empty = json!({});
            let item = match schema.get("items") {
                Some(Value::Array(items)) => items.first().unwrap_or(&empty),
                Some(item) => item,
                None => &empty,
            };
            vec![within(item); length(at_least("minItems").min(MOST))].into()
        }
        _ => {
            let required = schema.get("required").and_then(Value::as_array);
            let members = required.into_iter().flatten().filter_map(Value::as_str);
            members
                .map(|name| {
                    let property = schema.get("properties").and_then(|all| all.get(name));
                    (name.to_owned(), property.map_or_else(|| json!({}), within))
                })
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

/// The least number that is allowed, or else the greatest, or else none at all.
fn number(schema: &Value) -> Value {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    let excluded = |keyword: &str| i64::from(schema.get(keyword) == Some(&Value::Bool(true)));
    let least = limit("minimum")
        .map(|least| least.saturating_add(excluded("exclusiveMinimum")))
        .filter(|least| *least > 0);
    let greatest = limit("maximum")
        .map(|greatest| greatest.saturating_sub(excluded("exclusiveMaximum")))
        .filter(|greatest| *greatest < 0);
    least.or(greatest).unwrap_or(0).into()
}

fn length(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::sample;

    #[test]
    fn a_sample_fits_its_schema() {
        let schemas = [
            json!({}),
            json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "minLength": 3}}}),
            json!({"type": "array", "minItems": 2, "items": {"type": "integer", "minimum": 4, "exclusiveMinimum": true}}),
            json!({"allOf": [{"required": ["a"]}, {"$ref": "#/definitions/b"}], "required": ["c"]}),
            json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
            json!({"enum": ["x", 2]}),
            json!({"type": ["number", "null"], "maximum": -3}),
            json!({"items": [{"type": "string", "format": "date-time"}], "minItems": 1}),
            json!({"type": "object", "required": ["f"], "properties": {"f": {"type": "boolean"}}}),
        ];
        let models = BTreeMap::from([(
            "b".to_owned(),
            json!({"type": "object", "required": ["d"], "properties": {"d": {"type": "integer"}}}),
        )]);
        for schema in schemas {
            let mut whole = schema.clone();
            if let Value::Object(members) = &mut whole {
                members.insert("definitions".to_owned(), json!(models));
            }
            let found = sample(&models, &schema, 0);
            let validator = jsonschema::draft4::new(&whole).unwrap();
            assert!(validator.is_valid(&found), "{schema}: {found}");
        }
    }

    #[test]
    fn a_schema_that_holds_itself_has_a_sample_all_the_same() {
        let itself =
            json!({"required": ["a"], "properties": {"a": {"$ref": "#/definitions/itself"}}});
        let models = BTreeMap::from([("itself".to_owned(), itself.clone())]);
        assert!(sample(&models, &itself, 0).is_object());
    }
}
