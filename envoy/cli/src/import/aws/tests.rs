use std::fs;
use std::path::Path;

use super::super::arguments::{Aws, Writing};
use crate::diagnostic::Report;
use crate::project::{self, Project};
use crate::terminal::Output;

const REST_APIS: &str = r#"{"items": [
    {"id": "aaaaaaaaaa", "name": "Shop", "apiKeySource": "HEADER"},
    {"id": "bbbbbbbbbb", "name": "Shop", "apiKeySource": "HEADER"}]}"#;

fn export(address: &str, path: &str) -> String {
    format!(
        r#"{{"openapi": "3.0.1", "info": {{"title": "Shop", "version": "1"}},
            "servers": [{{"url": "{address}/{{basePath}}", "variables": {{"basePath": {{"default": "live"}}}}}}],
            "paths": {{"{path}": {{"get": {{"responses": {{}}, "x-amazon-apigateway-integration":
            {{"type": "http_proxy", "httpMethod": "GET", "uri": "http://a"}}}}}}}}}}"#
    )
}

/// Imports the files and loads what was written; what was told is the second.
fn imported(files: &[(&str, String)]) -> (Option<Project>, String) {
    let folder = tempfile::tempdir().unwrap();
    let printed = folder.path().join("printed");
    for (name, text) in files {
        let file = printed.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let out = folder.path().join("out");
    let arguments = Aws {
        folder: printed,
        writing: Writing {
            out: out.clone(),
            force: false,
            output: Output::Text,
        },
    };
    let mut report = Report::new();
    let Some(imported) = super::import(&arguments, &mut report) else {
        return (None, crate::diagnostic::human(&report));
    };
    imported.write(&out, false).unwrap();
    (load(&out), imported.table().text())
}

fn load(folder: &Path) -> Option<Project> {
    let mut report = Report::new();
    let project = project::load(folder, &mut report);
    assert!(project.is_some(), "{}", crate::diagnostic::human(&report));
    project
}

#[test]
fn files_are_told_apart_by_ids_in_their_names_folders_and_addresses() {
    let address = "https://bbbbbbbbbb.execute-api.us-east-1.amazonaws.com";
    let (project, told) = imported(&[
        ("apis.json", REST_APIS.to_owned()),
        (
            "aaaaaaaaaa/export.json",
            export("https://api.example.com", "/a"),
        ),
        ("other.json", export(address, "/b")),
        (
            "stages_aaaaaaaaaa.json",
            r#"{"item": [{"stageName": "prod"}]}"#.to_owned(),
        ),
        (
            "stages.json",
            r#"{"item": [{"stageName": "lost"}]}"#.to_owned(),
        ),
    ]);
    let project = project.unwrap();
    let apis: Vec<_> = project
        .gateway
        .apis
        .iter()
        .map(|api| {
            let path = api.operations[0].path.as_str();
            (api.id.as_str(), path, api.stages[0].name.as_str())
        })
        .collect();
    assert_eq!(apis, [("shop", "/a", "prod"), ("shop-2", "/b", "live")]);
    assert!(told.contains("file stages.json"), "{told}");
}

#[test]
fn an_export_alone_is_enough() {
    let address = "https://cccccccccc.execute-api.us-east-1.amazonaws.com";
    let (project, _) = imported(&[("export.json", export(address, "/a"))]);
    let project = project.unwrap();
    assert_eq!(project.gateway.apis[0].id, "shop");
    assert_eq!(project.gateway.apis[0].stages[0].name, "live");
}

#[test]
fn an_api_whose_policy_names_it_keeps_its_id() {
    let policy = r#""{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":\\\"execute-api:Invoke\\\",\\\"Resource\\\":\\\"arn:aws:execute-api:us-east-1:123456789012:aaaaaaaaaa\\/*\\\"}]}""#;
    let apis = format!(
        r#"{{"items": [{{"id": "aaaaaaaaaa", "name": "Shop", "apiKeySource": "HEADER", "policy": {policy}}}]}}"#
    );
    let (project, _) = imported(&[
        ("apis.json", apis),
        ("export.json", export("https://api.example.com", "/a")),
    ]);
    let project = project.unwrap();
    assert_eq!(project.gateway.apis[0].id, "aaaaaaaaaa");
    assert!(project.gateway.apis[0].resource_policy.is_some());
}

#[test]
fn what_cannot_be_read_is_named_without_its_text() {
    let (project, told) = imported(&[
        ("export.json", export("https://api.example.com", "/a")),
        (
            "keys.json",
            r#"{"items": [{"id": "k", "value": "secret-value-0123456789""#.to_owned(),
        ),
        ("notes.txt", "not looked at".to_owned()),
    ]);
    assert!(project.is_some());
    assert!(told.contains("file keys.json"), "{told}");
    assert!(
        !told.contains("secret-value") && !told.contains("notes.txt"),
        "{told}"
    );
    let (project, told) = imported(&[("empty.json", "{}".to_owned())]);
    assert!(project.is_none());
    assert!(told.contains("holds no API"), "{told}");
}
