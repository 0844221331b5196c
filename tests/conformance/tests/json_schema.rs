//! JSON Schema draft 4 as its own test suite has it, for the models of requests.

use std::collections::BTreeMap;

use attache_conformance::{Suite, corpus, json_lines};
use attache_values::json::{ReadOptions, read};
use attache_values::json_schema::Schema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A schema and values that fit it or do not.
#[derive(Deserialize)]
struct Group {
    id: String,
    schema: Value,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    /// As it is written: `1.0` is not `1`, and long numbers are not rounded.
    data: Box<RawValue>,
    valid: bool,
}

#[test]
fn json_schema() {
    let Some(folder) = corpus("jsonschema-draft4") else {
        return;
    };
    let remotes = std::fs::read_to_string(folder.join("remotes.json")).unwrap();
    let remotes: BTreeMap<String, Value> = serde_json::from_str(&remotes).unwrap();
    let groups: Vec<Group> = json_lines(&folder.join("draft4.jsonl")).unwrap();
    let mut suite = Suite::new("json-schema").unwrap();
    for group in &groups {
        let resolve = |uri: &str| remotes.get(uri);
        let schema = Schema::compile(&group.schema, &resolve);
        for test in &group.tests {
            let id = format!("{} {}", group.id, test.description);
            let result = match &schema {
                Ok(schema) => check(schema, test),
                Err(faults) => Err(format!("the schema is refused: {faults:?}")),
            };
            suite.record(&id, result);
        }
    }
    suite.finish().unwrap();
}

fn check(schema: &Schema, test: &Test) -> Result<(), String> {
    let document = read(test.data.get(), ReadOptions::default());
    let document = document.map_err(|error| error.to_string())?;
    if !document.strict {
        return Err("the value is not taken for JSON".to_owned());
    }
    match (schema.validate(&document.value), test.valid) {
        (Ok(()), true) | (Err(_), false) => Ok(()),
        (Ok(()), false) => Err("is not valid, but was taken".to_owned()),
        (Err(errors), true) => Err(format!("is valid, but refused: {errors:?}")),
    }
}
