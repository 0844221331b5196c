//! `attache export` as it is typed.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
}

fn attache(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn exported(name: &str, arguments: &[&str]) -> Value {
    let mut words = vec!["export"];
    words.extend(arguments);
    let output = attache(&words, &example(name));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_document_is_for_those_who_call() {
    let document = exported("petstore", &["--api", "petstore", "--format", "oas30"]);
    assert_eq!(document["openapi"], "3.0.1");
    assert_eq!(
        document["servers"],
        serde_json::json!([{
            "url": "http://127.0.0.1:8080/{basePath}",
            "variables": {"basePath": {"default": "prod"}}
        }])
    );
    assert!(!document.to_string().contains("x-amazon-"), "{document:#}");
    assert!(document["paths"]["/pets"]["get"].is_object());

    let document = exported(
        "petstore",
        &[
            "--api",
            "petstore",
            "--stage",
            "prod",
            "--format",
            "swagger",
            "--server",
            "https://api.example.com/",
        ],
    );
    assert_eq!(document["swagger"], "2.0");
    assert_eq!(document["host"], "api.example.com");
    assert_eq!(document["basePath"], "/prod");
    assert_eq!(document["schemes"], serde_json::json!(["https"]));
}

#[test]
fn every_example_comes_back_as_it_was() {
    for entry in std::fs::read_dir(example("")).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("attache.yaml").is_file() {
            continue;
        }
        let configuration = std::fs::read_to_string(path.join("attache.yaml")).unwrap();
        let (_, apis) = configuration.split_once("\napis:\n  ").unwrap();
        let (api, _) = apis.split_once(':').unwrap();
        for (format, file) in [("oas30", "a.yaml"), ("swagger", "a.json")] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(file).display().to_string();
            let dir = path.display().to_string();
            let words = ["export", &dir, "--api", api, "--format", format];
            let flags = ["--extensions", "apigateway", "--out", &file];
            let output = attache(&[&words[..], &flags[..]].concat(), folder.path());
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{dir}: {told}");
            assert!(!told.contains("left out"), "{dir}: {told}");
            let words = ["import", "openapi", &file, "--out", "back", "--id", api];
            let output = attache(&words, folder.path());
            let told = String::from_utf8_lossy(&output.stdout);
            // Without its stage variables an example may be refused; nothing else may be.
            assert!(!told.contains("wrong-"), "{dir}: {told}");
            assert!(
                folder.path().join("back/attache.yaml").is_file(),
                "{dir}: {told}"
            );
        }
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    for (arguments, message, hint) in [
        (
            &["--api", "petshop"][..],
            "there is no API `petshop`",
            "the APIs are `petstore`",
        ),
        (
            &["--api", "petstore", "--stage", "beta"],
            "`petstore` has no stage `beta`",
            "the stages are `prod`",
        ),
    ] {
        let words = [&["export", "--format", "oas30"][..], arguments].concat();
        let output = attache(&words, &example("petstore"));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(message) && told.contains(hint), "{told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");

        let words = [&words[..], &["--output", "json"]].concat();
        let output = attache(&words, &example("petstore"));
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(findings[0]["message"], message);
    }
    for wrong in ["api.example.com", "https://", "https://a/b", "ftp://a"] {
        let words = [
            "export", "--api", "petstore", "--format", "oas30", "--server", wrong,
        ];
        let output = attache(&words, &example("petstore"));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
