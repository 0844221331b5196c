//! What is wrong with the user's files: where, and what to do about it.

mod rendering;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use rendering::{human, json};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// Worth knowing; nothing is refused.
    Warning,
}

impl Severity {
    /// The word in front of the message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of finding, such as `unknown-field`.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop, user text in backticks, never a secret.
    pub message: String,
    /// The file.
    pub file: PathBuf,
    /// Where in the file's text, in bytes.
    pub span: Range<usize>,
    /// The JSON pointer of the value.
    pub pointer: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding that refuses the configuration.
    pub fn error(
        code: &'static str,
        file: impl Into<PathBuf>,
        span: Range<usize>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: file.into(),
            span,
            pointer: pointer.into(),
            hint: None,
        }
    }

    /// A finding that refuses nothing.
    pub fn warning(
        code: &'static str,
        file: impl Into<PathBuf>,
        span: Range<usize>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, file, span, pointer, message)
        }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Every finding of one command, and the texts that they point into.
#[derive(Debug, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    sources: BTreeMap<PathBuf, Arc<str>>,
}

impl Report {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a file's text known, so that findings in it are shown with their lines and have line
    /// numbers. Where the file holds secrets, `text` is the masked text: every byte of a secret
    /// replaced by one `*`, so that all spans stay true.
    pub fn add_source(&mut self, file: impl Into<PathBuf>, text: impl Into<Arc<str>>) {
        self.sources.insert(file.into(), text.into());
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// All findings, in the order in which they were found.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The findings by file and place, whatever the order in which they were found; of findings
    /// that are alike only one.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        type Order<'a> = (&'a Path, usize, usize, Severity, &'a str, &'a str, &'a str);
        fn order(diagnostic: &Diagnostic) -> Order<'_> {
            (
                &diagnostic.file,
                diagnostic.span.start,
                diagnostic.span.end,
                diagnostic.severity,
                diagnostic.code,
                &diagnostic.pointer,
                &diagnostic.message,
            )
        }
        let mut sorted: Vec<&Diagnostic> = self.diagnostics.iter().collect();
        sorted.sort_by(|left, right| order(left).cmp(&order(right)));
        sorted.dedup_by(|left, right| order(left) == order(right));
        sorted
    }

    /// Whether anything refuses the configuration.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// How many findings refuse the configuration.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }

    /// Every file that was read, so that a change of one of them can be noticed.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.keys().map(PathBuf::as_path)
    }

    /// Line and column, both from 1, of the start of a finding.
    #[must_use]
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<Position> {
        self.source(&diagnostic.file)
            .map(|text| Position::of(text, diagnostic.span.start))
    }

    /// The text of a file as it may be shown.
    #[must_use]
    pub fn source(&self, file: &Path) -> Option<&str> {
        self.sources.get(file).map(AsRef::as_ref)
    }
}

/// A place in a text as an editor shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1. A byte order mark is not counted.
    pub column: usize,
}

impl Position {
    /// Where the byte at `offset` stands. An offset past the end means the end; one inside a
    /// character means that character.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let mut position = Self { line: 1, column: 1 };
        let mut characters = text.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            if start + character.len_utf8() > offset {
                break;
            }
            match character {
                '\u{feff}' if start == 0 => {}
                '\r' if characters.peek().is_some_and(|(_, next)| *next == '\n') => {}
                '\n' | '\r' => {
                    position.line += 1;
                    position.column = 1;
                }
                _ => position.column += 1,
            }
        }
        position
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Report};

    #[test]
    fn findings_come_by_file_and_place_and_only_once() {
        let mut report = Report::new();
        for (file, start) in [("b", 0), ("a", 9), ("a", 1), ("a", 9)] {
            report.push(Diagnostic::error("x", file, start..10, "", "m"));
        }
        let places: Vec<_> = report
            .sorted()
            .iter()
            .map(|found| (found.file.display().to_string(), found.span.start))
            .collect();
        assert_eq!(
            places,
            [
                ("a".to_owned(), 1),
                ("a".to_owned(), 9),
                ("b".to_owned(), 0)
            ]
        );
    }
}
