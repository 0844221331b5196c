//! The command line as a process: exit codes, streams, and the schema in the documentation.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::path::Path;
use std::process::{Command, Output};

use attache::configuration;

fn attache(arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn exit_codes_tell_fine_refused_and_misused() {
    for (arguments, code) in [
        (&["check", "smallest"] as &[&str], 0),
        (&["check", "smallest/attache.yaml"], 0),
        (&["check", "settings-without-effect"], 0),
        (&["check", "unknown-field"], 1),
        (&["check", "nowhere"], 1),
        (&["schema"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
        (&["man", "nothing"], 1),
        (&["docs", "unknown-field", "--out", "nowhere/page.html"], 1),
        (&["docs", "smallest"], 2),
        (
            &[
                "sdk",
                "unknown-field",
                "--language",
                "go",
                "--out",
                "nowhere",
            ],
            1,
        ),
        (&["sdk", "smallest", "--out", "nowhere"], 2),
        (&["--help"], 0),
        (&["check", "--help"], 0),
        (&["--version"], 0),
        (&[], 2),
        (&["chekc"], 2),
        (&["check", "--output", "xml"], 2),
        (&["check", "smallest", "smallest"], 2),
    ] {
        let output = attache(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
    }
}

#[test]
fn findings_go_to_standard_error_and_arrays_to_standard_output() {
    let text = attache(&["check", "unknown-field"]);
    assert!(text.stdout.is_empty());
    let told = String::from_utf8(text.stderr).unwrap();
    assert!(
        told.contains("--> unknown-field/attache.yaml:7:5"),
        "{told}"
    );

    let json = attache(&["check", "unknown-field", "--output", "json"]);
    assert!(json.stderr.is_empty());
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        findings[0],
        serde_json::json!({
            "severity": "error",
            "code": "unknown-field",
            "message": "`throtle` is not a setting of this usage plan",
            "file": "unknown-field/attache.yaml",
            "line": 7,
            "column": 5,
            "pointer": "/usagePlans/gold/throtle",
            "hint": "did you mean `throttle`?",
        })
    );

    let fine = attache(&["check", "smallest", "--output", "json"]);
    assert_eq!(String::from_utf8(fine.stdout).unwrap(), "[]\n");
}

#[test]
fn a_sound_configuration_is_summed_up_in_one_line() {
    let output = attache(&["check", "everything"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "everything/attache.yaml: fine: 2 APIs with 8 operations on 3 stages, 2 usage plans, \
         4 API keys\n"
    );
    assert!(output.stderr.is_empty());
}

/// A folder whose one credential has its secret in an environment variable.
fn with_a_credential() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    std::fs::copy(
        golden.join("smallest/openapi.yaml"),
        folder.path().join("openapi.yaml"),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("attache.yaml"),
        "apis: {pets: {definition: openapi.yaml, stages: {prod: {}}}}\ncredentials:\n  \
         AKIAIOSFODNN7EXAMPLE:\n    secretAccessKeyEnv: ALICE\n    principal: {arn: \
         'arn:aws:iam::000000000000:user/alice'}\n",
    )
    .unwrap();
    folder
}

#[test]
fn a_secret_may_stand_in_the_environment_and_is_printed_nowhere() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let folder = with_a_credential();
    for (secret, code) in [(Some(SECRET), 0), (Some(" "), 1), (None, 1)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
        command.arg("check").arg(folder.path());
        match secret {
            Some(secret) => command.env("ALICE", secret),
            None => command.env_remove("ALICE"),
        };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(said).unwrap().contains(SECRET));
    }
}

#[test]
fn files_to_deploy_need_a_key_that_stays() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let folder = with_a_credential();
    for (key, code, told) in [
        (
            None,
            1,
            "error[secrets-key]: secrets are sealed with a key that Envoy needs too",
        ),
        (
            Some("c2hvcnQ="),
            1,
            "error[secrets-key]: no secret can be sealed: `ATTACHE_SECRETS_KEY` does not hold 32 bytes in base64",
        ),
        (Some(KEY), 0, "wrote "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
        command
            .args(["compile", "--target", "envoy", "--out"])
            .arg(folder.path().join("out"))
            .arg(folder.path())
            .env("ALICE", "a-secret-of-alice-that-nobody-may-see")
            .env_remove("ATTACHE_SECRETS_KEY");
        if let Some(key) = key {
            command.env("ATTACHE_SECRETS_KEY", key);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // A build without filters in it has nothing to deploy.
        if said.contains("carries no filters") && key == Some(KEY) {
            eprintln!("skipped: {said}");
            return;
        }
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(
            said.contains("openssl rand -base64 32") == (code == 1),
            "{said}"
        );
    }
    let written = std::fs::read_to_string(folder.path().join("out/envoy.yaml")).unwrap();
    assert!(!written.contains("a-secret-of-alice") && !written.contains(KEY));
    assert!(written.contains("ATTACHE_SECRETS_KEY"));
}

#[test]
fn what_redis_is_shown_needs_a_key_too() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/shared-state");
    for file in ["attache.yaml", "openapi.yaml", "token.txt"] {
        std::fs::copy(golden.join(file), folder.path().join(file)).unwrap();
    }
    for (key, told) in [
        (None, "secrets are sealed with a key that Envoy needs too"),
        (Some("c2hvcnQ="), "no secret can be sealed"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
        command.env_remove("ATTACHE_SECRETS_KEY");
        if let Some(key) = key {
            command.env("ATTACHE_SECRETS_KEY", key);
        }
        let out = folder.path().join("out");
        command.args(["compile", "--target", "envoy", "--out"]);
        let output = command.arg(out).arg(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(told), "{said}");
        // At the setting that asks for it.
        assert!(said.contains("attache.yaml:7:"), "{said}");
        assert!(!said.contains("secret-"), "{said}");
    }
}

#[test]
fn encrypted_responses_need_a_key_too() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    std::fs::copy(
        golden.join("response-cache/openapi.yaml"),
        folder.path().join("openapi.yaml"),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("attache.yaml"),
        "apis:\n  pets:\n    definition: openapi.yaml\n    stages:\n      prod:\n        \
         cacheCluster: {enabled: true}\n        methodSettings:\n          '/pets/GET': \
         {cachingEnabled: true, cacheDataEncrypted: true}\n",
    )
    .unwrap();
    for (verb, key, code, told) in [
        ("check", None, 0, ""),
        (
            "check",
            Some("c2hvcnQ="),
            1,
            "error[secrets-key]: no response can be encrypted: `ATTACHE_SECRETS_KEY` does not hold 32 bytes in base64",
        ),
        (
            "compile",
            None,
            1,
            "error[secrets-key]: responses are encrypted with a key that Envoy needs too",
        ),
        ("compile", Some(KEY), 0, "wrote "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
        command.arg(verb).env_remove("ATTACHE_SECRETS_KEY");
        if verb == "compile" {
            command.args(["--target", "envoy", "--out"]);
            command.arg(folder.path().join("out"));
        }
        if let Some(key) = key {
            command.env("ATTACHE_SECRETS_KEY", key);
        }
        let output = command.arg(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // A build without filters in it has nothing to deploy.
        if said.contains("carries no filters") && key == Some(KEY) {
            eprintln!("skipped: {said}");
            return;
        }
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(told), "{said}");
        // At the setting that asks for it.
        assert_eq!(said.contains("attache.yaml:8:"), code == 1, "{said}");
    }
    let written = std::fs::read_to_string(folder.path().join("out/envoy.yaml")).unwrap();
    assert!(written.contains("cached responses are\n# encrypted with it"));
}

#[test]
fn the_schema_in_the_documentation_is_the_one_that_is_printed() {
    let printed = String::from_utf8(attache(&["schema"]).stdout).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema, configuration::schema());
    jsonschema::meta::validate(&schema).unwrap();

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attache.schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == printed,
        "{} is out of date: run this test with UPDATE_GOLDEN=1",
        file.display()
    );
}
