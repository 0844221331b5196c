//! The pages on moving here do what they say: every `attache` command of theirs is run, in a folder
//! with the files that the page shows and those that a reader would have.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a reader has before the first command, by its name there and in `tests/imports`.
const GIVEN: [(&str, &str); 3] = [
    ("exported", "aws-rest/printed"),
    ("template.yaml", "sam/template.yaml"),
    (
        "petstore-prod-oas30-apigateway.json",
        "openapi/petstore-prod-oas30-apigateway.json",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_command_of_every_page_works() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs/migrating"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    assert!(pages.len() >= 3, "only {} pages were found", pages.len());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in GIVEN {
            copy(
                &root().join("tests/imports").join(source),
                &folder.path().join(name),
            );
        }
        let mut commands = 0;
        for (language, block) in blocks(&text) {
            if let Some(name) = language.strip_prefix("yaml file=") {
                fs::write(folder.path().join(name), block).unwrap();
            } else if language == "sh" {
                for line in block.lines() {
                    run(line, folder.path(), &page);
                    commands += 1;
                }
            }
        }
        assert!(commands > 0, "{} shows no command", page.display());
    }
}

fn run(line: &str, folder: &Path, page: &Path) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (program, arguments) = words.split_first().unwrap();
    assert_eq!(*program, "attache", "{}: {line}", page.display());
    let output = Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {line}\n{}{}",
        page.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The blocks of code of a page, with what stands behind their first backticks.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn copy(source: &Path, target: &Path) {
    if source.is_dir() {
        fs::create_dir_all(target).unwrap();
        for entry in fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            copy(&path, &target.join(path.file_name().unwrap()));
        }
    } else {
        fs::copy(source, target).unwrap();
    }
}
