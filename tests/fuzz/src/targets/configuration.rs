//! What people write: `attache.yaml`, and API definitions in YAML and JSON.
//!
//! A file is refused with at least one error, or becomes a document that the filter loads. Every
//! finding has a place in the text, and can be shown.

use std::fs;
use std::path::Path;

use attache::diagnostic::{self, Report};
use attache::project;
use tempfile::TempDir;

const CONFIGURATION: &str = "\
apis:
  shop: {definition: DEFINITION, stages: {prod: {variables: {backend: \"127.0.0.1:9000\"}}}}
  club: {definition: DEFINITION, protocol: HTTP, stages: {$default: {}}}
";

const DEFINITION: &str = "\
openapi: 3.0.1
info: {title: Shop, version: '1'}
paths:
  /items/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: OK}}
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: http://127.0.0.1:9000/{id}
        requestParameters: {integration.request.path.id: method.request.path.id}
";

const KEYS: &str = "Name,Key,Enabled\nacme,an-api-key-for-the-corpus,true\n";

thread_local! {
    /// One folder for each thread, so that a run costs one file.
    static FOLDER: TempDir = tempfile::tempdir().expect("a temporary folder can be made");
}

pub(super) fn configuration(input: &[u8]) {
    load(&[
        (project::FILE_NAME, input),
        ("openapi.yaml", DEFINITION.as_bytes()),
        ("keys.csv", KEYS.as_bytes()),
    ]);
}

pub(super) fn definition_json(input: &[u8]) {
    definition("openapi.json", input);
}

pub(super) fn definition_yaml(input: &[u8]) {
    definition("openapi.yaml", input);
}

fn definition(name: &str, input: &[u8]) {
    let configuration = CONFIGURATION.replace("DEFINITION", name);
    load(&[
        (project::FILE_NAME, configuration.as_bytes()),
        (name, input),
    ]);
}

fn load(files: &[(&str, &[u8])]) {
    FOLDER.with(|folder| {
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("a file can be written");
        }
        judge(folder.path());
    });
}

fn judge(folder: &Path) {
    let mut report = Report::new();
    let project = project::load(folder, &mut report);
    assert_eq!(project.is_some(), !report.has_errors());
    for finding in report.sorted() {
        assert!(!finding.message.is_empty());
        if let Some(text) = report.source(&finding.file) {
            let place = text.get(finding.span.clone());
            assert!(place.is_some(), "{finding:?}");
        }
    }
    let human = diagnostic::human(&report);
    assert_eq!(human.is_empty(), report.diagnostics().is_empty());
    diagnostic::json(&report).expect("findings have JSON");
    if let Some(project) = project {
        let text = serde_json::to_vec(&project.gateway).expect("a document has JSON");
        attache_model::from_json(&text).expect("the filter reads what was compiled");
    }
}
