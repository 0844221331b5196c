//! What AWS tells of APIs that were made of documents, as recorded: `attache import aws` makes the
//! same operations of it as the import of the document does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::BTreeMap;
use std::path::Path;

use attache::command_line::{CommandLine, Verb};
use attache::diagnostic::Report;
use attache::document::Document;
use attache::{import, openapi, project};
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{Integration, Operation, Protocol};
use clap::Parser;
use serde::Deserialize;
use serde_json::{Value, json};

/// What stands for the URIs of functions, which the recorder has taken out.
const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:111111111111:function:f/invocations";

#[derive(Deserialize)]
struct Case {
    id: String,
    steps: Vec<Value>,
    aws_recorded: BTreeMap<String, Value>,
}

#[test]
fn aws_recorded_account() {
    let Some(folder) = corpus("aws-recorded") else {
        return;
    };
    let mut suite = Suite::new("aws-recorded-account").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("import-cases.jsonl")).unwrap();
    for case in &cases {
        if let Some((resources, prefix)) = resources(case) {
            suite.record(&case.id, run(case, resources, prefix));
        }
    }
    suite.finish().unwrap();
}

/// The recording of the resources of a case's first document, and what stands before the names of
/// its methods.
fn resources(case: &Case) -> Option<(&Value, &'static str)> {
    // Only where the document's paths are the API's: `basepath=ignore`.
    if case.id.contains("[prepend]") || case.id.contains("[split]") {
        return None;
    }
    for (name, prefix) in [
        ("resources", ""),
        ("get-resources-swagger-json", ""),
        ("get-resources-oas30-srv-var", "srv-var-"),
    ] {
        if let Some(found) = case.aws_recorded.get(name) {
            return Some((found, prefix));
        }
    }
    None
}

fn run(case: &Case, resources: &Value, prefix: &str) -> Result<(), String> {
    let body = case
        .steps
        .iter()
        .find_map(|step| step.pointer("/params/body")?.as_str())
        .ok_or("the case holds no document")?;
    let mut report = Report::new();
    let document =
        Document::parse(Path::new("body"), body.as_bytes(), &mut report).ok_or("not read")?;
    let expected = openapi::import(&document, Protocol::Rest, &mut report).ok_or("not imported")?;

    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let put = |name: &str, value: &Value| {
        let text = plain(value).to_string();
        std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())
    };
    put(
        "apis.json",
        &json!({"items": [{"id": "api", "name": "api", "apiKeySource": "HEADER"}]}),
    )?;
    put("resources.json", &embedded(case, resources, prefix))?;
    for (name, list) in [
        ("get-models", "models.json"),
        ("get-authorizers", "authorizers.json"),
        ("request-validators", "validators.json"),
    ] {
        if let Some(found) = case.aws_recorded.get(name) {
            let found = match found {
                Value::Array(items) => json!({"items": items}),
                other => other.clone(),
            };
            put(list, &found)?;
        }
    }
    let out = folder.path().join("out");
    let words = [
        "attache",
        "import",
        "aws",
        &folder.path().display().to_string(),
        "--out",
        &out.display().to_string(),
    ]
    .map(str::to_owned);
    let command = CommandLine::try_parse_from(words).map_err(|error| error.to_string())?;
    let Verb::Import(arguments) = command.verb else {
        return Err("another command".to_owned());
    };
    let imported = import::read(&arguments.source, &mut Report::new()).ok_or("nothing imported")?;
    imported.write(&out, false)?;
    let mut report = Report::new();
    let project = project::load(&out, &mut report)
        .ok_or_else(|| format!("refused: {}", attache::diagnostic::human(&report)))?;
    let found = project.gateway.apis.first().ok_or("no API")?;
    let key = |operation: &Operation| (operation.path.clone(), operation.method.as_str());
    let expected: BTreeMap<_, _> = expected
        .operations
        .iter()
        .map(|imported| (key(&imported.operation), &imported.operation))
        .collect();
    let found: BTreeMap<_, _> = found
        .operations
        .iter()
        .map(|operation| (key(operation), operation))
        .collect();
    for (name, expected) in &expected {
        let found = found
            .get(name)
            .ok_or_else(|| format!("{name:?} is not there"))?;
        same(expected, found).map_err(|why| format!("{name:?}: {why}"))?;
    }
    match found.len() == expected.len() {
        true => Ok(()),
        false => Err(format!("{} operations", found.len())),
    }
}

/// The resources with their methods, as `get-resources --embed methods` gives them.
fn embedded(case: &Case, resources: &Value, prefix: &str) -> Value {
    let mut resources = resources.clone();
    let items = resources["items"].as_array_mut().unwrap();
    for item in items {
        let path = item["path"]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .to_owned();
        let path = if path.is_empty() {
            "root".to_owned()
        } else {
            path
        };
        let methods = item
            .get_mut("resourceMethods")
            .and_then(Value::as_object_mut);
        for (name, method) in methods.into_iter().flatten() {
            let recorded = format!("{prefix}method-{path}-{}", name.to_lowercase());
            if let Some(recorded) = case.aws_recorded.get(&recorded) {
                *method = recorded.clone();
            }
        }
    }
    resources
}

/// A recording without what its recorder put in: placeholders, and templates that it has parsed.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => entries
            .iter()
            .filter(|(key, _)| *key != "ResponseMetadata")
            .map(|(key, value)| {
                let is_templates = key == "requestTemplates" || key == "responseTemplates";
                let value = match value.as_object() {
                    Some(templates) if is_templates => templates
                        .iter()
                        .map(|(name, template)| {
                            let text = match template {
                                Value::Object(_) => template.to_string().into(),
                                other => other.clone(),
                            };
                            (name.clone(), text)
                        })
                        .collect(),
                    _ => plain(value),
                };
                (key.clone(), value)
            })
            .collect(),
        Value::String(text) => text
            .replace("<partition>", "aws")
            .replace("<region>", "us-east-1")
            .replace("<authorizer-uri:1>", FUNCTION)
            .replace("<uri:1>", FUNCTION)
            .replace("<external-aws-endpoint>", "petstore")
            .into(),
        other => other.clone(),
    }
}

/// Whether two operations are the same, as far as the recording tells: its recorder has replaced
/// names of hosts, and parsed templates.
fn same(expected: &Operation, found: &Operation) -> Result<(), String> {
    let facts = |operation: &Operation| {
        let mut model = serde_json::to_value(operation).unwrap_or_default();
        for field in ["uri", "templates"] {
            remove(&mut model, field);
        }
        // In the order of the document, or by name.
        let kind = match &operation.integration {
            Integration::HttpProxy(_) => "http_proxy",
            Integration::Http(_) => "http",
            Integration::AwsProxy(_) => "aws_proxy",
            Integration::Aws(_) => "aws",
            Integration::Mock(_) => "mock",
        };
        json!({"kind": kind, "model": model})
    };
    let (expected, found) = (facts(expected), facts(found));
    if expected == found {
        Ok(())
    } else {
        Err(format!("{expected} became {found}"))
    }
}

fn remove(value: &mut Value, field: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, field)),
        Value::Object(entries) => {
            entries.remove(field);
            entries.values_mut().for_each(|value| remove(value, field));
        }
        _ => {}
    }
}
