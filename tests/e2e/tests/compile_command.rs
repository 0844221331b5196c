//! `attache compile`: what it writes is what Envoy takes.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use attache_e2e::{Envoy, attache_program};

/// What secrets are sealed with: 32 bytes of no meaning.
const SECRETS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compile(project: &Path, out: &Path) -> Output {
    Command::new(attache_program())
        .arg("compile")
        .arg(project)
        .args(["--target", "envoy", "--out"])
        .arg(out)
        .env("ATTACHE_SECRETS_KEY", SECRETS_KEY)
        .output()
        .unwrap()
}

/// The golden cases that can be served, and the example.
fn projects() -> Vec<PathBuf> {
    let golden = fs::read_dir(workspace().join("tests/golden")).unwrap();
    let mut projects: Vec<PathBuf> = golden
        .map(|case| case.unwrap().path())
        .filter(|case| case.join("expected.json").exists())
        .collect();
    projects.push(workspace().join("examples/petstore"));
    projects.sort();
    projects
}

#[test]
fn envoy_takes_what_is_written_and_it_is_the_same_each_time() {
    let projects = projects();
    assert!(projects.len() > 3, "{projects:?}");
    for project in projects {
        let folder = tempfile::tempdir().unwrap();
        let [once, again] = ["once", "again"].map(|name| folder.path().join(name));
        for out in [&once, &again] {
            let output = compile(&project, out);
            assert!(output.status.success(), "{project:?}: {output:?}");
        }
        for file in ["envoy.yaml", "gateway.wasm"] {
            let read = |out: &Path| fs::read(out.join(file)).unwrap();
            assert!(read(&once) == read(&again), "{project:?}: {file} differs");
        }
        let text = fs::read_to_string(once.join("envoy.yaml")).unwrap();
        assert!(text.contains("failure_policy: FAIL_RELOAD"), "{project:?}");
        let (accepted, log) =
            Envoy::validate_file(&once, "envoy.yaml", &[("ATTACHE_SECRETS_KEY", SECRETS_KEY)]);
        assert!(accepted, "{project:?}: {log}");
    }
}

#[test]
fn a_refused_configuration_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let output = compile(&workspace().join("tests/golden/wrong-type"), &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
    assert!(!out.exists());
}

#[test]
fn a_target_that_is_not_there_is_a_usage_error() {
    let output = Command::new(attache_program())
        .args(["compile", "--target", "kong", "--out", "nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("possible values: envoy"), "{message}");
}
