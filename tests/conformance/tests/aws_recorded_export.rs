//! What AWS's `GetExport` gave for documents, as recorded: ours says the same.
//!
//! AWS keeps descriptions, summaries and tags as documentation parts and leaves them out of an export
//! unless a version of the documentation is published; ours keeps them, and they are not compared.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::BTreeMap;
use std::path::Path;

use attache::diagnostic::Report;
use attache::document::Document;
use attache::export::description::{Extensions, Format, Options, Server, export};
use attache::tree::Tree;
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::Protocol;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    id: String,
    steps: Vec<Value>,
    aws_recorded: BTreeMap<String, Value>,
}

#[test]
fn aws_recorded_export() {
    let Some(folder) = corpus("aws-recorded") else {
        return;
    };
    let mut suite = Suite::new("aws-recorded-export").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("import-cases.jsonl")).unwrap();
    for case in cases.iter().filter(|case| case.id.contains("export")) {
        for (name, extensions) in [
            ("get-export", Extensions::None),
            ("get-export-with-extensions", Extensions::Apigateway),
        ] {
            let result = run(case, name, extensions);
            suite.record(&format!("{}/{name}", case.id), result);
        }
    }
    suite.finish().unwrap();
}

fn run(case: &Case, name: &str, extensions: Extensions) -> Result<(), String> {
    let mut bodies = case
        .steps
        .iter()
        .filter_map(|step| step.pointer("/params/body")?.as_str());
    let body = bodies.next().ok_or("the case holds no document")?;
    let document = Document::parse(Path::new("body"), body.as_bytes(), &mut Report::new())
        .ok_or("not read")?;
    let exported = export(
        &Tree::from(&document.root),
        &Options {
            format: Format::Swagger,
            extensions: vec![extensions],
            name: "api".to_owned(),
            protocol: Protocol::Rest,
            servers: vec![Server {
                origin: "https://ID.execute-api.REGION.amazonaws.com".to_owned(),
                base_path: "local".to_owned(),
            }],
        },
    );
    let mut ours: Value = serde_json::from_str(&exported.document.to_string()).unwrap();
    let mut theirs = case
        .aws_recorded
        .get(name)
        .and_then(|recorded| recorded.get("body"))
        .ok_or("nothing was recorded")?
        .clone();
    for side in [&mut ours, &mut theirs] {
        plain(side);
    }
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{ours:#}\nis not\n{theirs:#}"))
    }
}

/// Takes out what is not compared: documentation, and what differs from one recording to the next.
fn plain(document: &mut Value) {
    for key in ["host", "info", "x-amazon-apigateway-documentation", "tags"] {
        document.as_object_mut().unwrap().remove(key);
    }
    let methods = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in methods.flat_map(|item| item.as_object_mut().unwrap().values_mut()) {
        let operation = operation.as_object_mut().unwrap();
        for key in ["summary", "description", "tags"] {
            operation.remove(key);
        }
        if let Some(integration) = operation.get_mut("x-amazon-apigateway-integration")
            && let Some(uri) = integration.get("uri").and_then(Value::as_str)
        {
            let uri = uri.replace("us-east-1", "<region>");
            integration["uri"] = uri.into();
        }
        if let Some(parameters) = operation.get_mut("parameters") {
            for parameter in parameters.as_array_mut().unwrap() {
                parameter.as_object_mut().unwrap().remove("description");
            }
        }
        for response in operation["responses"].as_object_mut().unwrap().values_mut() {
            response.as_object_mut().unwrap().remove("description");
            if let Some(headers) = response.get_mut("headers") {
                for header in headers.as_object_mut().unwrap().values_mut() {
                    header.as_object_mut().unwrap().remove("description");
                }
            }
        }
    }
}
