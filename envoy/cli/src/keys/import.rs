//! `attache keys import`: AWS's `ImportApiKeys` on the declared keys.
//!
//! A key that exists already, by its value or by its name, is left as it is and reported, and the
//! others are imported, unless warnings are to fail the whole import.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use attache_model::KeyDigest;
use serde_json::json;

use super::arguments::Import;
use super::declaration::Declaration;
use super::edit::{Change, NewKey, Stored};
use super::{Failure, Surroundings, notify};
use crate::api_key_file::{self, Entry};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::terminal::Output;

pub(super) fn run(
    arguments: &Import,
    directory: &Path,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    let holders = Holders::of(&declaration);
    let (keys, warned) = read(arguments, &declaration, &holders, report)?;
    let keys: Vec<_> = keys.into_iter().map(NewKey::from).collect();

    let names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
    if !keys.is_empty() {
        declaration.write(&Change::Add(keys))?;
    }
    match output {
        Output::Text => notify(
            surroundings,
            &format!(
                "imported {} of the API keys in `{}` into `{}`, with {warned} warnings",
                names.len(),
                arguments.file.display(),
                declaration.file.display()
            ),
        ),
        Output::Json => writeln!(
            surroundings.output,
            "{}",
            json!({"imported": names, "warnings": warned})
        )
        .map_err(Failure::Stream),
    }
}

/// Who has which name and which value.
pub(super) struct Holders {
    names: HashSet<String>,
    values: HashMap<KeyDigest, String>,
}

impl Holders {
    /// Those of the files.
    pub(super) fn of(declaration: &Declaration) -> Self {
        let mut holders = Self {
            names: HashSet::new(),
            values: HashMap::new(),
        };
        for key in &declaration.keys {
            let previous = key.previous_values.iter().map(|value| value.digest);
            holders.add(&key.name, std::iter::once(key.digest).chain(previous));
        }
        holders
    }

    pub(super) fn add(&mut self, name: &str, digests: impl Iterator<Item = KeyDigest>) {
        self.names.insert(name.to_owned());
        self.values
            .extend(digests.map(|digest| (digest, name.to_owned())));
    }
}

/// The keys of a file that can be imported, and how many warnings there are.
pub(super) fn read(
    arguments: &Import,
    declaration: &Declaration,
    holders: &Holders,
    report: &mut Report,
) -> Result<(Vec<Entry>, usize), Failure> {
    let bytes = std::fs::read(&arguments.file).map_err(|error| Failure::File {
        file: arguments.file.clone(),
        error,
    })?;
    report.add_source(arguments.file.clone(), api_key_file::masked(&bytes));
    let read = match api_key_file::read(&arguments.file, &bytes) {
        Ok(read) => read,
        Err(faults) => {
            faults.into_iter().for_each(|fault| report.push(fault));
            return Err(Failure::Refused);
        }
    };

    let mut warnings = read.warnings;
    let mut keys = Vec::new();
    for entry in read.entries {
        let key = importable(entry, declaration, holders, &arguments.file, &mut warnings);
        keys.extend(key);
    }
    let warned = warnings.len();
    warnings.into_iter().for_each(|found| report.push(found));
    if arguments.fail_on_warnings && warned > 0 {
        return Err(Failure::Refused);
    }
    Ok((keys, warned))
}

/// The key as it will be taken over; `None` when one of its value or name exists.
fn importable(
    entry: Entry,
    declaration: &Declaration,
    holders: &Holders,
    file: &Path,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Entry> {
    let mut warn = |code, message: String, hint: &str| {
        warnings.push(Diagnostic {
            severity: Severity::Warning,
            code,
            message,
            file: file.to_owned(),
            span: entry.span.clone(),
            pointer: String::new(),
            hint: Some(hint.to_owned()),
        });
    };
    let exists = "it is left as it is";
    if let Some(holder) = holders.values.get(&entry.digest) {
        let message = format!(
            "the value of `{}` belongs to the API key `{holder}` already",
            entry.name
        );
        warn("repeated-api-key", message, exists);
        return None;
    }
    if holders.names.contains(&entry.name) {
        let message = format!("an API key is named `{}` already", entry.name);
        warn("repeated-api-key-name", message, exists);
        return None;
    }
    let (mut usage_plans, unknown): (Vec<_>, Vec<_>) = entry
        .usage_plans
        .iter()
        .cloned()
        .partition(|plan| declaration.plans.contains(plan));
    for plan in unknown {
        warn(
            "unknown-usage-plan",
            format!(
                "no usage plan is named `{plan}`, so `{}` does not belong to it",
                entry.name
            ),
            "name the plan under `usagePlans` as AWS names it, by its id",
        );
    }
    while let Some((one, other, (api, stage))) = declaration.plans.overlap(&usage_plans) {
        let other = other.to_owned();
        warn(
            "overlapping-usage-plans",
            format!(
                "`{one}` and `{other}` both hold the stage `{stage}` of the API `{api}`, so `{}` \
                 belongs to `{one}` alone",
                entry.name
            ),
            "a key belongs to one plan per stage",
        );
        usage_plans.retain(|plan| *plan != other);
    }
    Some(Entry {
        usage_plans,
        ..entry
    })
}

impl From<Entry> for NewKey {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            stored: Stored::Hashed(entry.digest),
            description: entry.description,
            usage_plans: entry.usage_plans,
            enabled: entry.enabled,
            expires_at: None,
        }
    }
}
