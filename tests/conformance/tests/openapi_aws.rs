//! Real documents of other people: each is imported whole, or everything in it that cannot be
//! served is named at its place.

mod declared;

use std::path::Path;

use attache::diagnostic::{Diagnostic, Report};
use attache::document::Document;
use attache::openapi::{EXTENSIONS, ImportedApi, Treatment, import};
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{Account, Api, Gateway, Protocol, Stage};
use attache_policies::integration::Integrations;
use attache_policies::route::Routes;
use declared::operations;
use serde::Deserialize;

/// One line of the index.
#[derive(Deserialize)]
struct Case {
    id: String,
    operations: usize,
    extensions: Vec<String>,
}

#[test]
fn openapi_aws() {
    let Some(folder) = corpus("openapi-aws") else {
        return;
    };
    let mut suite = Suite::new("openapi-aws").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("index.jsonl")).unwrap();
    let mut whole = 0;
    for case in &cases {
        for protocol in [Protocol::Rest, Protocol::Http] {
            let result = run(&folder.join("docs").join(&case.id), case, protocol);
            whole += usize::from(protocol == Protocol::Rest && result == Ok(true));
            suite.record(&format!("{}/{protocol:?}", case.id), result.map(|_| ()));
        }
    }
    println!("{whole} of {} documents are served whole", cases.len());
    suite.finish().unwrap();
}

/// Whether the document is imported without an error.
fn run(file: &Path, case: &Case, protocol: Protocol) -> Result<bool, String> {
    let mut report = Report::new();
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let document = Document::parse(file, &bytes, &mut report);
    let api = document
        .as_ref()
        .and_then(|document| import(document, protocol, &mut report));
    for found in report.diagnostics() {
        check_place(&report, document.as_ref(), found)?;
    }
    if let (Some(document), Some(api)) = (&document, &api) {
        let declared = operations(document);
        for operation in &declared {
            if !operation.is_accounted_for(api, &report) {
                let (method, path) = (&operation.method, &operation.path);
                return Err(format!("`{method} {path}` is dropped in silence"));
            }
        }
        if declared.len() != case.operations {
            let (found, listed) = (declared.len(), case.operations);
            return Err(format!("{found} operations instead of {listed}"));
        }
        if !report.has_errors() && api.operations.len() != case.operations {
            return Err(format!("{} operations imported", api.operations.len()));
        }
        compile(api, protocol)?;
    } else if !report.has_errors() {
        return Err("refused without a reason".to_owned());
    }
    for extension in &case.extensions {
        check_extension(extension, protocol, &report)?;
    }
    Ok(!report.has_errors())
}

/// What is imported compiles as the filter will compile it.
fn compile(api: &ImportedApi, protocol: Protocol) -> Result<(), String> {
    let gateway = Gateway {
        apis: vec![Api {
            any_host: true,
            authorizers: api
                .authorizers
                .iter()
                .map(|imported| imported.authorizer.clone())
                .collect(),
            resource_policy: api
                .resource_policy
                .as_ref()
                .map(|imported| imported.policy.clone()),
            binary_media_types: api.binary_media_types.clone(),
            models: api.models.clone(),
            gateway_responses: api.gateway_responses.clone(),
            cors: api.cors.clone(),
            operations: api
                .operations
                .iter()
                .map(|imported| imported.operation.clone())
                .collect(),
            stages: vec![Stage::new("prod")],
            ..Api::new("api", protocol)
        }],
        ..Gateway::new(Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        })
    };
    let routes = Routes::compile(&gateway).err();
    let integrations = Integrations::compile(&gateway).err();
    let faults: Vec<String> = routes
        .into_iter()
        .chain(integrations)
        .flatten()
        .map(|fault| fault.to_string())
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("does not compile: {}", faults.join("; ")))
    }
}

/// Every finding has a file, a line, and a pointer that leads somewhere.
fn check_place(
    report: &Report,
    document: Option<&Document>,
    found: &Diagnostic,
) -> Result<(), String> {
    let position = report.position(found);
    let there = document.is_none_or(|document| {
        document.pointer(&found.pointer).is_some()
            && document.text.get(found.span.clone()).is_some()
    });
    if position.is_some() && there {
        Ok(())
    } else {
        Err(format!("a finding without a place: {found:?}"))
    }
}

fn check_extension(extension: &str, protocol: Protocol, report: &Report) -> Result<(), String> {
    // What became of its integrations is told by the operations that have one.
    if extension.starts_with("type:") {
        return Ok(());
    }
    let known = EXTENSIONS
        .iter()
        .find(|known| known.name == extension)
        .ok_or_else(|| format!("`{extension}` is not in the table"))?;
    let treatment = match protocol {
        Protocol::Rest => known.rest,
        Protocol::Http => known.http,
    };
    let said = || {
        let steps = format!("/{extension}");
        report
            .diagnostics()
            .iter()
            .any(|found| found.pointer.contains(&steps))
    };
    match treatment {
        Treatment::Read | Treatment::NoEffect => Ok(()),
        Treatment::Warned(_) | Treatment::Refused(_) if said() => Ok(()),
        Treatment::Warned(_) | Treatment::Refused(_) => {
            Err(format!("nothing is said about `{extension}`"))
        }
    }
}
