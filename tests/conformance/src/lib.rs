//! What every conformance suite needs: the vectors, the list of failures that are expected, and
//! the verdict.
//!
//! The vectors are other people's and are never copied into the project: they are read from
//! `../shared/corpora` beside the workspace, or from the folder that `ATTACHE_CORPORA` names. A
//! suite without its vectors says so and passes.
//!
//! What a suite is known to fail stands in `expected-failures/SUITE.toml`, one line per case: its
//! id and the reason. A case that passes although it is listed fails the run, and so does an id
//! that the suite does not have, so the lists stay true.

pub mod wycheproof;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of a suite's vectors; `None`, and a line on standard output, when it is not there.
#[must_use]
pub fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ATTACHE_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!(
        "conformance {name}: skipped, there is no folder `{}`",
        folder.display()
    ));
    None
}

/// The lines of a file of JSON values.
///
/// # Errors
///
/// The first line that cannot be read, with its number.
pub fn json_lines<T: serde::de::DeserializeOwned>(file: &Path) -> Result<Vec<T>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("{}:{}: {error}", file.display(), index + 1))
        })
        .collect()
}

/// One run of a suite.
#[derive(Debug)]
pub struct Suite {
    name: String,
    expected: BTreeMap<String, String>,
    results: BTreeMap<String, Result<(), String>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed and are listed.
    pub expected_failures: usize,
}

impl Suite {
    /// Starts a run with the suite's list of expected failures.
    ///
    /// # Errors
    ///
    /// When the list is there and cannot be read.
    pub fn new(name: &str) -> Result<Self, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("expected-failures")
            .join(format!("{name}.toml"));
        let list = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("cannot read `{}`: {error}", file.display())),
        };
        Self::with_list(name, &list)
    }

    /// Starts a run with a list given as TOML: `"id" = "reason"`.
    ///
    /// # Errors
    ///
    /// When the text is not such a list, or a reason is empty.
    pub fn with_list(name: &str, list: &str) -> Result<Self, String> {
        let expected: BTreeMap<String, String> = toml::from_str(list)
            .map_err(|error| format!("expected failures of {name}: {error}"))?;
        match expected.iter().find(|(_, reason)| reason.trim().is_empty()) {
            Some((id, _)) => Err(format!("expected failures of {name}: `{id}` has no reason")),
            None => Ok(Self {
                name: name.to_owned(),
                expected,
                results: BTreeMap::new(),
            }),
        }
    }

    /// Notes the result of a case. Of several results for one id the first failure counts.
    pub fn record(&mut self, id: &str, result: Result<(), String>) {
        let noted = self.results.entry(id.to_owned()).or_insert(Ok(()));
        if noted.is_ok() {
            *noted = result;
        }
    }

    /// Ends the run and writes its one line of summary to standard output.
    ///
    /// # Errors
    ///
    /// Every case that failed and is not listed, passed and is listed, or is listed and does not
    /// exist; and a run without any case.
    pub fn finish(self) -> Result<Summary, String> {
        let (summary, complaints) = self.verdict();
        say(&format!(
            "conformance {}: {} passed, {} expected failures",
            self.name, summary.passed, summary.expected_failures
        ));
        if complaints.is_empty() {
            Ok(summary)
        } else {
            Err(complaints)
        }
    }

    fn verdict(&self) -> (Summary, String) {
        let mut summary = Summary {
            passed: 0,
            expected_failures: 0,
        };
        let mut complaints = String::new();
        let mut complain = |id: &str, text: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(complaints, "{}: {id}: {text}", self.name);
        };
        for (id, result) in &self.results {
            match (result, self.expected.contains_key(id)) {
                (Ok(()), false) => summary.passed += 1,
                (Err(_), true) => summary.expected_failures += 1,
                (Ok(()), true) => complain(id, "passes now: take it off the list"),
                (Err(reason), false) => complain(id, reason),
            }
        }
        for id in self.expected.keys() {
            if !self.results.contains_key(id) {
                complain(id, "is listed, but the suite has no such case");
            }
        }
        if self.results.is_empty() {
            complain("-", "no case was run");
        }
        (summary, complaints)
    }
}

/// Writes a line past the capture of the test harness: the summary is for people to see.
fn say(line: &str) {
    // Nobody to tell when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::{Suite, Summary};

    fn suite(list: &str, results: &[(&str, bool)]) -> (Summary, String) {
        let mut suite = Suite::with_list("s", list).unwrap();
        for (id, passed) in results {
            suite.record(
                id,
                if *passed {
                    Ok(())
                } else {
                    Err("broken".to_owned())
                },
            );
        }
        suite.verdict()
    }

    #[test]
    fn lists_must_be_true() {
        for (list, results, passed, expected_failures, complaint) in [
            ("", &[("a", true), ("b", true)][..], 2, 0, ""),
            ("a = 'why'", &[("a", false), ("b", true)], 1, 1, ""),
            ("", &[("a", false)], 0, 0, "s: a: broken\n"),
            (
                "a = 'why'",
                &[("a", true)],
                0,
                0,
                "s: a: passes now: take it off the list\n",
            ),
            (
                "a = 'why'",
                &[("b", true)],
                1,
                0,
                "s: a: is listed, but the suite has no such case\n",
            ),
            ("", &[], 0, 0, "s: -: no case was run\n"),
            ("", &[("a", false), ("a", true)], 0, 0, "s: a: broken\n"),
        ] {
            let expected = Summary {
                passed,
                expected_failures,
            };
            assert_eq!(
                suite(list, results),
                (expected, complaint.to_owned()),
                "{list} {results:?}"
            );
        }
    }

    #[test]
    fn a_listed_failure_needs_a_reason() {
        assert!(Suite::with_list("s", "a = ' '").is_err());
        assert!(Suite::with_list("s", "a = 1").is_err());
    }
}
