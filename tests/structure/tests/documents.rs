//! What the documents name exists, and no file names the machine that it was written on.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::process::Command;

use attache_structure::root;

/// The words in backticks that are paths from the root of the workspace.
fn paths(markdown: &str) -> Vec<&str> {
    let rooms = ["docs/", "envoy/", "examples/", "filters/", "tests/", ".ci/"];
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    markdown
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.bytes().all(is_path))
        .filter(|word| rooms.iter().any(|room| word.starts_with(room)))
        .collect()
}

#[test]
fn paths_are_found() {
    let text = "a `filters/host` b `.wasm` `tests/*/x` `docs/parity.md`, `x/y`";
    assert_eq!(paths(text), ["filters/host", "docs/parity.md"]);
}

#[test]
fn the_architecture_names_what_exists() {
    let file = root().join("ARCHITECTURE.md");
    let Ok(text) = fs::read_to_string(&file) else {
        println!("skipped: there is no ARCHITECTURE.md");
        return;
    };
    let paths = paths(&text);
    assert!(
        paths.len() > 5,
        "ARCHITECTURE.md names {} paths",
        paths.len()
    );
    let missing: Vec<&str> = paths
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names {missing:#?}");
}

fn tracked() -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).unwrap();
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

#[test]
fn no_file_names_this_machine() {
    let Some(tracked) = tracked() else {
        println!("skipped: this is no git repository");
        return;
    };
    assert!(tracked.len() > 100, "{} files are tracked", tracked.len());
    let root = root().canonicalize().unwrap();
    let above = root.parent().map(|folder| folder.join(""));
    let home = std::env::home_dir().map(|folder| folder.join(""));
    let places: Vec<Vec<u8>> = [Some(root.join("")), above, home]
        .into_iter()
        .flatten()
        // The top of the file system is no place of this machine alone, and neither is the folder for
        // what is temporary, into which this project may have been cloned.
        .filter(|place| place.components().count() > 1 && *place != std::env::temp_dir().join(""))
        .map(|place| place.display().to_string().into_bytes())
        .collect();
    for name in tracked {
        // A file that was just removed is tracked still.
        let Ok(content) = fs::read(root.join(&name)) else {
            continue;
        };
        for place in &places {
            let named = content.windows(place.len()).any(|part| part == place);
            assert!(!named, "`{name}` holds {}", place.escape_ascii());
        }
    }
}
