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
fn what_a_stage_serves_is_exported_and_not_what_is_worked_on() {
    let copy = tempfile::tempdir().unwrap();
    for file in ["attache.yaml", "openapi.yaml"] {
        std::fs::copy(example("petstore").join(file), copy.path().join(file)).unwrap();
    }
    let run = |words: &[&str]| {
        let output = attache(words, copy.path());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let export = [
        "export", "--api", "petstore", "--stage", "prod", "--format", "oas30",
    ];
    let before = run(&export);
    run(&["deploy", "--stage", "prod", "-m", "first"]);
    let definition = copy.path().join("openapi.yaml");
    let edited = std::fs::read_to_string(&definition).unwrap();
    assert!(edited.contains("/pets"), "{edited}");
    std::fs::write(&definition, edited.replace("/pets", "/animals")).unwrap();
    assert_eq!(run(&export), before);
}

fn first_of(mapping: &Value) -> (&str, &Value) {
    let (name, value) = mapping.as_object().unwrap().iter().next().unwrap();
    (name, value)
}

/// A copy of an example with the certificates that its script makes.
fn with_certificates(example: &Path, copy: &Path) -> PathBuf {
    for file in std::fs::read_dir(example).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
        }
    }
    let made = Command::new("sh")
        .arg(copy.join("certificates.sh"))
        .output();
    let made = made.unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
    copy.to_owned()
}

#[test]
fn every_example_comes_back_as_it_was() {
    for entry in std::fs::read_dir(example("")).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("attache.yaml").is_file() {
            continue;
        }
        let copy = tempfile::tempdir().unwrap();
        let path = match path.join("certificates.sh").is_file() {
            false => path,
            true if Command::new("openssl").arg("version").output().is_err() => {
                println!("skipped: {}, as `openssl` is not installed", path.display());
                continue;
            }
            true => with_certificates(&path, copy.path()),
        };
        let configuration = std::fs::read_to_string(path.join("attache.yaml")).unwrap();
        let configuration: Value = serde_saphyr::from_str(&configuration).unwrap();
        let (api, settings) = first_of(&configuration["apis"]);
        let (stage, _) = first_of(&settings["stages"]);
        for (format, file) in [("oas30", "a.yaml"), ("swagger", "a.json")] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(file).display().to_string();
            let dir = path.display().to_string();
            let words = [
                "export", &dir, "--api", api, "--stage", stage, "--format", format,
            ];
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
