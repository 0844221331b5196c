//! Real documents of other people, there and back: what is imported from an export is what was
//! imported from the document; and `attache import openapi` makes of each a configuration that can
//! be served, or says what is missing.

use std::path::Path;

use attache::command_line::{CommandLine, Verb};
use attache::diagnostic::Report;
use attache::document::Document;
use attache::export::description::{Extensions, Format, Options, Server, export};
use attache::import;
use attache::openapi::{self, ImportedApi};
use attache::project;
use attache::tree::{Flow, Tree};
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{Api, Protocol};
use clap::Parser;
use serde::Deserialize;

/// One line of the index.
#[derive(Deserialize)]
struct Case {
    id: String,
}

#[test]
fn a_round_trip_loses_nothing() {
    let Some(folder) = corpus("openapi-aws") else {
        return;
    };
    let mut suite = Suite::new("openapi-round-trip").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("index.jsonl")).unwrap();
    for case in &cases {
        let file = folder.join("docs").join(&case.id);
        for protocol in [Protocol::Rest, Protocol::Http] {
            for format in [Format::Oas30, Format::Swagger] {
                let id = format!("{}/{protocol:?}/{format:?}", case.id);
                suite.record(&id, there_and_back(&file, protocol, format));
            }
        }
    }
    suite.finish().unwrap();
}

/// Imports a document, exports it, and imports that.
fn there_and_back(file: &Path, protocol: Protocol, format: Format) -> Result<(), String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut report = Report::new();
    let Some(document) = Document::parse(file, &bytes, &mut report) else {
        return Ok(());
    };
    let Some(before) = openapi::import(&document, protocol, &mut report) else {
        return Ok(());
    };
    let options = Options {
        format,
        extensions: vec![Extensions::Apigateway],
        name: before.name.clone(),
        protocol,
        servers: vec![Server {
            origin: "https://api.example.com".to_owned(),
            base_path: "prod".to_owned(),
        }],
    };
    let exported = export(&Tree::from(&document.root), &options);
    if !exported.losses.is_empty() {
        return Err(format!("left out: {}", exported.losses.join("; ")));
    }
    let json = exported
        .document
        .json()
        .map_err(|error| error.to_string())?;
    let yaml = exported
        .document
        .yaml(Flow::Never)
        .map_err(|error| error.to_string())?;
    for (name, text) in [("export.json", json), ("export.yaml", yaml)] {
        let mut report = Report::new();
        let document = Document::parse(Path::new(name), text.as_bytes(), &mut report)
            .ok_or_else(|| format!("{name} does not parse: {:?}", report.diagnostics()))?;
        let after = openapi::import(&document, protocol, &mut report)
            .ok_or_else(|| format!("{name} does not import: {:?}", report.diagnostics()))?;
        same(&before, &after).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// Whether two imports come to the same model.
fn same(before: &ImportedApi, after: &ImportedApi) -> Result<(), String> {
    let (before, after) = (model(before), model(after));
    if before == after {
        return Ok(());
    }
    let lines = |api: &Api| serde_json::to_string_pretty(api).unwrap_or_default();
    let (before, after) = (lines(&before), lines(&after));
    let (mut left, mut right) = (before.lines(), after.lines());
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => return Err(format!("{one:?} became {other:?}")),
        }
    }
}

fn model(api: &ImportedApi) -> Api {
    Api {
        name: api.name.clone(),
        api_key_source: api.api_key_source,
        authorizers: api
            .authorizers
            .iter()
            .map(|imported| imported.authorizer.clone())
            .collect(),
        resource_policy: api
            .resource_policy
            .as_ref()
            .map(|imported| imported.policy.clone()),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        binary_media_types: api.binary_media_types.clone(),
        models: api.models.clone(),
        gateway_responses: api.gateway_responses.clone(),
        cors: api.cors.clone(),
        operations: api
            .operations
            .iter()
            .map(|imported| imported.operation.clone())
            .collect(),
        ..Api::new("api", Protocol::Rest)
    }
}

#[test]
fn every_document_imports_or_says_why_not() {
    let Some(folder) = corpus("openapi-aws") else {
        return;
    };
    let mut suite = Suite::new("openapi-import").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("index.jsonl")).unwrap();
    let mut served = 0;
    for case in &cases {
        let result = set_up(&folder.join("docs").join(&case.id));
        served += usize::from(result.is_ok());
        suite.record(&case.id, result);
    }
    println!("{served} of {} documents can be served", cases.len());
    suite.finish().unwrap();
}

/// Imports a document as a user would: once to be told what is missing, and again with it.
fn set_up(file: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let imported = imported(file, &[])?;
    let mut parameters = Vec::new();
    for row in imported.table().rows() {
        if let Some(name) = row.what.strip_prefix("value ") {
            parameters.push(format!("{name}={}", likely(name)));
        }
    }
    let again = self::imported(file, &parameters)?;
    again.write(folder.path(), false)?;
    let mut report = Report::new();
    if project::load(folder.path(), &mut report).is_some() {
        return Ok(());
    }
    let reasons: Vec<String> = report
        .diagnostics()
        .iter()
        .filter(|found| found.severity == attache::diagnostic::Severity::Error)
        .map(|found| format!("{}: {}", found.code, found.message))
        .collect();
    Err(reasons.join("; "))
}

/// What somebody would give for a name.
fn likely(name: &str) -> String {
    match name {
        "AWS::Region" => "eu-central-1".to_owned(),
        "AWS::AccountId" => "123456789012".to_owned(),
        _ if name.contains("Pool") => {
            "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbC".to_owned()
        }
        _ if name.ends_with("Arn") => {
            "arn:aws:lambda:eu-central-1:123456789012:function:orders".to_owned()
        }
        _ => "value".to_owned(),
    }
}

fn imported(file: &Path, parameters: &[String]) -> Result<import::Imported, String> {
    let mut words = vec![
        "attache".to_owned(),
        "import".to_owned(),
        "openapi".to_owned(),
    ];
    words.push(file.display().to_string());
    for parameter in parameters {
        words.extend(["--parameter".to_owned(), parameter.clone()]);
    }
    let command = CommandLine::try_parse_from(words).map_err(|error| error.to_string())?;
    let Verb::Import(arguments) = command.verb else {
        return Err("another command".to_owned());
    };
    let mut report = Report::new();
    import::read(&arguments.source, &mut report).ok_or_else(|| {
        let found = report.diagnostics();
        let reasons: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
        format!("not imported: {}", reasons.join("; "))
    })
}
