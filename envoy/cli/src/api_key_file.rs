//! AWS's API key file: one key per CSV record, as `ImportApiKeys` takes it.
//!
//! The first record names the columns, in any order and any case: `Name` and `Key` are required,
//! `Description`, `Enabled` and `UsagePlanIds` are optional, others are ignored. See
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html>.
//!
//! A key's value is digested as soon as it is read. No finding repeats a cell of the file before
//! the record is known to be well formed: in a shifted record any cell may be the secret.

pub(crate) mod edit;
mod record;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use attache_model::KeyDigest;

use crate::api_key_value::ApiKeyValue;
use crate::diagnostic::{Diagnostic, Severity};
use record::{Column, Columns, Record};

/// The longest key name that AWS accepts, in characters.
pub const LONGEST_NAME: usize = 1024;

/// One key of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The column `Name`, which is also the key's id.
    pub name: String,
    /// SHA-256 of the column `Key`.
    pub digest: KeyDigest,
    /// The column `Enabled`; true when the cell is empty or the column absent.
    pub enabled: bool,
    /// The column `Description`, when it says something.
    pub description: Option<String>,
    /// The column `UsagePlanIds`, each plan once.
    pub usage_plans: Vec<String>,
    /// The line on which the record starts, counted from 1.
    pub line: usize,
    /// Where the record stands in the file, in bytes, without its line end.
    pub span: Range<usize>,
}

/// A file that could be read.
#[derive(Clone, Debug)]
pub struct ApiKeyFile {
    /// The keys in the order of the file; of a repeated key, only the last record.
    pub entries: Vec<Entry>,
    /// What is worth knowing: keys that are repeated.
    pub warnings: Vec<Diagnostic>,
}

/// Reads an API key file. `file` is only for messages.
///
/// # Errors
///
/// Every fault of the file, each at its record: missing columns and cells, cells too many, a
/// quote left open, text that is not UTF-8, names and values out of AWS's bounds, an `Enabled`
/// that is neither true nor false, two different keys of one name.
pub fn read(file: &Path, bytes: &[u8]) -> Result<ApiKeyFile, Vec<Diagnostic>> {
    let mut reading = Reading {
        file,
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    let records = record::read(bytes).map_err(|fault| vec![reading.fault(&fault.span, &fault)])?;
    let mut records = records.into_iter();
    let Some(header) = records.next() else {
        return Err(vec![reading.error(
            "missing-column",
            &(0..0),
            "the file is empty".to_owned(),
            Some("start with a line that names the columns: `Name,Key,Enabled,UsagePlanIds`"),
        )]);
    };
    let columns = match Columns::read(&header) {
        Ok(columns) => columns,
        Err(faults) => {
            return Err(faults
                .iter()
                .map(|fault| reading.fault(&header.span, fault))
                .collect());
        }
    };

    let mut entries = Vec::new();
    for record in records {
        if let Some(entry) = reading.entry(&columns, &record) {
            entries.push(entry);
        }
    }
    let entries = reading.without_repetitions(entries);
    if reading.faults.is_empty() {
        Ok(ApiKeyFile {
            entries,
            warnings: reading.warnings,
        })
    } else {
        Err(reading.faults)
    }
}

/// The state of one reading: what was found so far.
struct Reading<'a> {
    file: &'a Path,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn error(
        &self,
        code: &'static str,
        span: &Range<usize>,
        message: String,
        hint: Option<&str>,
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message,
            file: self.file.to_owned(),
            span: span.clone(),
            pointer: String::new(),
            hint: hint.map(str::to_owned),
        }
    }

    fn fault(&self, span: &Range<usize>, fault: &record::Fault) -> Diagnostic {
        self.error(fault.code, span, fault.message.clone(), fault.hint)
    }

    /// One record as a key, or its faults on the list.
    fn entry(&mut self, columns: &Columns, record: &Record<'_>) -> Option<Entry> {
        let before = self.faults.len();
        let refuse = |reading: &mut Self, code, message: String, hint| {
            let fault = reading.error(code, &record.span, message, hint);
            reading.faults.push(fault);
        };
        if let Some(fault) = record.fault(columns) {
            let fault = self.fault(&record.span, &fault);
            self.faults.push(fault);
            return None;
        }

        let name = columns.cell(record, Column::Name);
        if let Err(reason) = check_name(name) {
            refuse(self, "api-key-name", reason.to_owned(), None);
        }
        let value = match ApiKeyValue::new(columns.cell(record, Column::Key).to_owned()) {
            Ok(value) => Some(value),
            Err(reason) => {
                refuse(self, "api-key-value", reason.to_string(), None);
                None
            }
        };
        let enabled = match columns.cell(record, Column::Enabled) {
            "" => true,
            text if text.eq_ignore_ascii_case("true") => true,
            text if text.eq_ignore_ascii_case("false") => false,
            _ => {
                refuse(
                    self,
                    "api-key-enabled",
                    "`Enabled` is neither `true` nor `false`".to_owned(),
                    Some("leave the cell empty for `true`"),
                );
                true
            }
        };
        if self.faults.len() > before {
            return None;
        }

        let mut usage_plans: Vec<String> = Vec::new();
        for plan in columns.cell(record, Column::UsagePlanIds).split(',') {
            let plan = plan.trim();
            if !plan.is_empty() && !usage_plans.iter().any(|known| known == plan) {
                usage_plans.push(plan.to_owned());
            }
        }
        let description = columns.cell(record, Column::Description);
        Some(Entry {
            name: name.to_owned(),
            digest: value?.digest(),
            enabled,
            description: (!description.is_empty()).then(|| description.to_owned()),
            usage_plans,
            line: record.line,
            span: record.span.clone(),
        })
    }

    /// Of the records with one value, the last; two values under one name are a fault.
    fn without_repetitions(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut last: HashMap<KeyDigest, usize> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            last.insert(entry.digest, index);
        }
        let line_of: Vec<usize> = entries.iter().map(|entry| entry.line).collect();
        let mut first_of_name: HashMap<String, usize> = HashMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let winner = last.get(&entry.digest).copied().unwrap_or(index);
            if winner != index {
                let line = line_of.get(winner).copied().unwrap_or_default();
                let mut warning = self.error(
                    "repeated-api-key",
                    &entry.span,
                    format!("the key `{}` stands again on line {line}", entry.name),
                    Some("the later record counts; remove this one"),
                );
                warning.severity = Severity::Warning;
                self.warnings.push(warning);
                continue;
            }
            if let Some(line) = first_of_name.get(&entry.name) {
                let fault = self.error(
                    "repeated-api-key-name",
                    &entry.span,
                    format!(
                        "another key is named `{}`: the one on line {line}",
                        entry.name
                    ),
                    Some("give each key a name of its own"),
                );
                self.faults.push(fault);
                continue;
            }
            first_of_name.insert(entry.name.clone(), entry.line);
            kept.push(entry);
        }
        kept
    }
}

/// What of a file may be shown beside a finding: nothing, but every place stays true. Each byte
/// is a `*`, except the line ends. A first line that lacks the column names may be a key itself.
#[must_use]
pub fn masked(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'\n' | b'\r' => char::from(*byte),
            _ => '*',
        })
        .collect()
}

/// Whether a text can name an API key.
///
/// # Errors
///
/// The reason, by the bounds of AWS's `CreateApiKey`, and because a name has to fit on a line.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("an API key has a name")
    } else if name.chars().count() > LONGEST_NAME {
        Err("an API key name has at most 1024 characters")
    } else if name.chars().any(char::is_control) {
        Err("an API key name holds no control characters")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
