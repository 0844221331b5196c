//! One folder per case under `tests/imports`: what is imported, and what becomes of it.
//!
//! `command` is what stands after `attache import`, in the words of a shell without quotes;
//! `expected` holds the files that are written, `told.txt` what a person is told. `UPDATE_GOLDEN=1`
//! writes both anew: read the difference before it is committed.
//!
//! Every API key value in these cases starts with `secret-`, and none may be seen in any output.

#![expect(
    clippy::expect_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn every_case_is_imported_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/imports");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 8, "only {} cases were found", cases.len());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differences = String::new();
    for case in &cases {
        let found = outcome(case);
        let expected = expected(case);
        if found == expected {
            continue;
        }
        if update {
            let _ = fs::remove_dir_all(case.join("expected"));
            for (name, text) in &found {
                let file = case.join(name);
                fs::create_dir_all(file.parent().expect("a folder")).expect("made");
                fs::write(file, text).expect("written");
            }
        } else {
            differences.push_str(&format!(
                "\n=== {}\n--- expected\n{expected:#?}\n--- found\n{found:#?}\n",
                case.display()
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "set UPDATE_GOLDEN=1 to accept:\n{differences}"
    );
}

/// What is expected: the files by their names in the case.
fn expected(case: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    collect(&case.join("expected"), "expected", &mut files);
    if let Ok(text) = fs::read_to_string(case.join("told.txt")) {
        files.insert("told.txt".to_owned(), text);
    }
    files
}

fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let name = format!(
            "{name}/{}",
            path.file_name().expect("a name").to_string_lossy()
        );
        // The schema is the same in all of them, and has a test of its own.
        if path.is_dir() {
            collect(&path, &name, files);
        } else if !name.ends_with("attache.schema.json") {
            files.insert(name, fs::read_to_string(path).expect("text"));
        }
    }
}

/// What becomes of a case, and the laws that hold for all.
fn outcome(case: &Path) -> BTreeMap<String, String> {
    let command = fs::read_to_string(case.join("command")).expect("a command");
    let words: Vec<&str> = command.split_whitespace().collect();
    let out = tempfile::tempdir().expect("a folder");
    let target = out.path().join("out");
    let text = attache(case, &words, &target, &[]);
    let mut files = BTreeMap::new();
    collect(&target, "expected", &mut files);
    let told = [&text.stdout[..], &text.stderr[..]].concat();
    let told = String::from_utf8(told).expect("UTF-8");
    let told = told.replace(&target.display().to_string(), "OUT");
    let code = text.status.code().expect("a code");
    assert_ne!(code, 2, "{}: {told}", case.display());
    files.insert("told.txt".to_owned(), format!("{told}exit code {code}\n"));

    for (name, text) in &files {
        assert!(
            !text.contains("secret-"),
            "{}: {name}: {text}",
            case.display()
        );
    }
    if let Some(configuration) = files.get("expected/attache.yaml") {
        assert!(
            configuration.starts_with("# yaml-language-server: $schema=attache.schema.json\n"),
            "{configuration}"
        );
        let check = Command::new(env!("CARGO_BIN_EXE_attache"))
            .args(["check"])
            .arg(&target)
            .output()
            .expect("attache runs");
        assert_eq!(check.status.code(), Some(code), "{}", case.display());
        // A second import replaces nothing, with `--force` it does, and comes to the same.
        let again = attache(case, &words, &target, &[]);
        assert_eq!(again.status.code(), Some(1), "{}", case.display());
        assert!(
            String::from_utf8_lossy(&again.stderr).contains("nothing was written"),
            "{}",
            case.display()
        );
        let json = attache(case, &words, &target, &["--force", "--output", "json"]);
        let result: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
        for key in ["imported", "needsDecision", "notSupported", "files"] {
            assert!(
                result.get(key).is_some_and(serde_json::Value::is_array),
                "{}: {result:#}",
                case.display()
            );
        }
        assert_eq!(
            result.get("canBeServed"),
            Some(&(code == 0).into()),
            "{}",
            case.display()
        );
        assert!(
            !result.to_string().contains("secret-"),
            "{}",
            case.display()
        );
        let mut second = BTreeMap::new();
        collect(&target, "expected", &mut second);
        files.retain(|name, _| name == "told.txt" || second.contains_key(name));
        for (name, text) in second {
            assert_eq!(files.get(&name), Some(&text), "{}: {name}", case.display());
        }
    }
    files
}

fn attache(case: &Path, words: &[&str], target: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attache"))
        .arg("import")
        .args(words)
        .args(flags)
        .arg("--out")
        .arg(target)
        .current_dir(case)
        .output()
        .expect("attache runs")
}
