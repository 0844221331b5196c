//! One folder per case under `tests/golden`: the user's files, and what attache makes of them.
//!
//! `expected.json` is the model that the filter loads; a case without it is refused.
//! `diagnostics.txt` is what `attache check` tells a person; a case without it is told nothing.
//! `UPDATE_GOLDEN=1` writes both anew: read the difference before it is committed.
//!
//! Every API key value and every secret in these cases starts with `secret-`, and none may be seen in any output.

#![expect(
    clippy::expect_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use attache::diagnostic::Report;
use attache::project;
use attache::secrets_key::SecretsKey;

/// What the secrets of all cases are sealed with, so that they look the same every time.
const SECRETS_KEY: (&str, &str) = (
    "ATTACHE_SECRETS_KEY",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);

#[test]
fn every_case_is_read_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 25, "only {} cases were found", cases.len());

    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differences = String::new();
    for case in &cases {
        for (name, found) in outcome(case) {
            let path = case.join(name);
            let expected = fs::read_to_string(&path).ok();
            if found == expected {
                continue;
            }
            match (update, &found) {
                (true, Some(found)) => fs::write(&path, found).expect("written"),
                (true, None) => fs::remove_file(&path).expect("removed"),
                (false, _) => {
                    let absent = "(nothing)".to_owned();
                    write!(
                        differences,
                        "\n=== {}\n--- expected\n{}\n--- found\n{}\n",
                        path.display(),
                        expected.as_ref().unwrap_or(&absent),
                        found.as_ref().unwrap_or(&absent)
                    )
                    .expect("written");
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "set UPDATE_GOLDEN=1 to accept:\n{differences}"
    );
}

/// The two files of a case as they should be, and the laws that hold for all cases.
fn outcome(case: &Path) -> [(&'static str, Option<String>); 2] {
    let text = attache(case, &["check"]);
    let json = attache(case, &["check", "--output", "json"]);
    let told = String::from_utf8(text.stderr.clone()).expect("UTF-8");
    for output in [&text, &json] {
        for stream in [&output.stdout, &output.stderr] {
            let stream = String::from_utf8_lossy(stream);
            assert!(!stream.contains("secret-"), "{}: {stream}", case.display());
            assert!(!stream.contains('\u{1b}'), "{}: {stream}", case.display());
        }
    }

    let mut report = Report::new();
    let given = |name: &str| (name == SECRETS_KEY.0).then(|| SECRETS_KEY.1.to_owned());
    let secrets_key = SecretsKey::from_environment(&given);
    let project = project::load_with(case, secrets_key, &mut report);
    let code = if project.is_some() { 0 } else { 1 };
    assert_eq!(text.status.code(), Some(code), "{}", case.display());
    assert_eq!(json.status.code(), Some(code), "{}", case.display());
    assert_eq!(project.is_none(), report.has_errors(), "{}", case.display());
    check_findings(case, &json, &report);

    let model = project.map(|project| {
        let model = serde_json::to_string_pretty(&project.gateway).expect("JSON") + "\n";
        assert_eq!(
            attache_model::from_json(model.as_bytes()).expect("strict"),
            project.gateway,
            "{}",
            case.display()
        );
        model
    });
    [
        ("expected.json", model),
        ("diagnostics.txt", (!told.is_empty()).then_some(told)),
    ]
}

/// Programs are told as much as people: every finding with its place and advice.
fn check_findings(case: &Path, output: &Output, report: &Report) {
    let findings: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("an array");
    assert_eq!(findings.len(), report.sorted().len(), "{}", case.display());
    for finding in &findings {
        let message = finding["message"].as_str().expect("a message");
        assert!(!message.ends_with('.'), "{}: {message}", case.display());
        assert!(
            finding["hint"].is_string() || finding["file"] != "attache.yaml",
            "{}: `{message}` says nothing of what to do",
            case.display()
        );
        let has_place = finding["line"].is_u64() && finding["column"].is_u64();
        let has_text =
            finding["code"] != "no-configuration" && finding["code"] != "unreadable-file";
        assert_eq!(has_place, has_text, "{}: {message}", case.display());
    }
}

fn attache(case: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(arguments)
        .current_dir(case)
        .env(SECRETS_KEY.0, SECRETS_KEY.1)
        .output()
        .expect("attache runs")
}
