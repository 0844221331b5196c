//! Apache Velocity in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What Velocity is made of, in the folder where Debian puts Java's libraries.
const LIBRARIES: [&str; 5] = [
    "velocity-1.7.jar",
    "json-smart.jar",
    "commons-lang.jar",
    "commons-collections3.jar",
    "asm.jar",
];

#[derive(Debug)]
pub(crate) enum Answer {
    Printed(String),
    Refused(String),
}

pub(crate) struct Oracle {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _classes: tempfile::TempDir,
}

impl Oracle {
    /// Compiles and starts it; None, and a line on standard output, where that cannot be done.
    pub(crate) fn start() -> Option<Self> {
        let folder = Path::new("/usr/share/java");
        let libraries: Vec<PathBuf> = LIBRARIES.iter().map(|name| folder.join(name)).collect();
        if let Some(missing) = libraries.iter().find(|library| !library.is_file()) {
            say(&format!(
                "velocity_oracle: skipped, there is no `{}`",
                missing.display()
            ));
            return None;
        }
        let classes = tempfile::tempdir().unwrap();
        let mut path = libraries;
        path.push(classes.path().to_owned());
        let path = std::env::join_paths(path).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/Oracle.java");
        let compiled = Command::new("javac")
            .args(["-nowarn", "-cp"])
            .arg(&path)
            .arg("-d")
            .arg(classes.path())
            .arg(source)
            .status();
        let Ok(compiled) = compiled else {
            say("velocity_oracle: skipped, there is no `javac`");
            return None;
        };
        assert!(compiled.success(), "the oracle does not compile");
        let mut process = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
            .arg(&path)
            .arg("Oracle")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Self {
            questions: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            _classes: classes,
        })
    }

    /// What Velocity makes of a template.
    pub(crate) fn render(&mut self, dialect: &str, template: &str, variables: &str) -> Answer {
        let [template, variables] = [template, variables].map(|text| BASE64_STANDARD.encode(text));
        writeln!(self.questions, "{dialect} {template} {variables}").unwrap();
        self.questions.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (verdict, text) = line.trim_end_matches('\n').split_once(' ').unwrap();
        let text = String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
        match verdict {
            "ok" => Answer::Printed(text),
            _ => Answer::Refused(text),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It ends by itself when nobody asks any more; nobody waits for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes a line past the capture of the test harness.
pub(crate) fn say(line: &str) {
    // Nobody to tell when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
