//! What became of each thing that was imported.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::diagnostic::Report;

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It came over and behaves the same.
    Imported,
    /// It came over in part, or depends on something that only the operator knows.
    Decide,
    /// attache does not do it.
    NotSupported,
}

impl Verdict {
    const ALL: [Self; 3] = [Self::Imported, Self::Decide, Self::NotSupported];

    const fn title(self) -> &'static str {
        match self {
            Self::Imported => "Came over",
            Self::Decide => "Needs a decision",
            Self::NotSupported => "Not supported",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Decide => "needsDecision",
            Self::NotSupported => "notSupported",
        }
    }
}

/// One thing of what was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What became of it.
    pub verdict: Verdict,
    /// What it is, such as `stage prod`.
    pub what: String,
    /// What was made of it, or what is missing; never a secret.
    pub outcome: String,
    /// What to do.
    pub hint: Option<String>,
}

/// All of them, in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Notes what became of a thing, once.
    pub(super) fn row(
        &mut self,
        verdict: Verdict,
        what: impl Into<String>,
        outcome: impl Into<String>,
        hint: Option<&str>,
    ) {
        let row = Row {
            verdict,
            what: what.into(),
            outcome: outcome.into(),
            hint: hint.map(str::to_owned),
        };
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
    }

    pub(super) fn imported(&mut self, what: impl Into<String>, outcome: impl Into<String>) {
        self.row(Verdict::Imported, what, outcome, None);
    }

    pub(super) fn decide(
        &mut self,
        what: impl Into<String>,
        outcome: impl Into<String>,
        hint: &str,
    ) {
        self.row(Verdict::Decide, what, outcome, Some(hint));
    }

    pub(super) fn not_supported(&mut self, what: impl Into<String>, outcome: impl Into<String>) {
        self.row(Verdict::NotSupported, what, outcome, None);
    }

    /// Adds what `attache check` says of what was written.
    pub(super) fn found(&mut self, report: &Report) {
        for found in report.sorted() {
            let verdict = match found.code {
                code if code.starts_with("unsupported-") => Verdict::NotSupported,
                code if code.ends_with("-without-effect") => Verdict::NotSupported,
                "not-supported-yet" => Verdict::NotSupported,
                _ => Verdict::Decide,
            };
            let place = match report.position(found) {
                Some(position) => format!("{}:{}", found.file.display(), position.line),
                None => found.file.display().to_string(),
            };
            let severity = found.severity.as_str();
            self.row(
                verdict,
                place,
                format!("{severity}: {}", found.message),
                found.hint.as_deref(),
            );
        }
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// For people: a block for each verdict that there is, its columns aligned.
    #[must_use]
    pub fn text(&self) -> String {
        let widest = self.rows.iter().map(|row| row.what.chars().count()).max();
        let width = widest.unwrap_or_default().min(40);
        let mut text = String::new();
        for verdict in Verdict::ALL {
            let rows: Vec<&Row> = self.of(verdict).collect();
            if rows.is_empty() {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}:", verdict.title());
            for row in rows {
                let _ = writeln!(text, "  {:width$}  {}", row.what, row.outcome);
                if let Some(hint) = &row.hint {
                    let _ = writeln!(text, "  {:width$}  = {hint}", "");
                }
            }
        }
        text
    }

    /// For programs: the rows by verdict.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        for verdict in Verdict::ALL {
            let rows = self
                .of(verdict)
                .map(|row| json!({"what": row.what, "outcome": row.outcome, "hint": row.hint}));
            object.insert(verdict.key().to_owned(), rows.collect());
        }
        object
    }

    fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }
}
