//! `attache keys list`.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::declaration::{Declaration, DeclaredKey};
use super::{Failure, Surroundings};
use crate::columns::aligned;
use crate::diagnostic::Report;
use crate::terminal::Output;

/// A key as it is listed.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) usage_plans: Vec<String>,
    pub(super) enabled: bool,
    pub(super) expires_at: Option<Timestamp>,
    /// When each earlier value ends.
    pub(super) previous: Vec<Timestamp>,
    /// The file and the line that declare it; `None` for one that lives in Redis.
    pub(super) place: Option<(String, usize)>,
}

pub(super) fn run(
    directory: &Path,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    let keys: Vec<_> = declaration.keys.iter().map(Listed::of).collect();
    print(&keys, output, surroundings)
}

pub(super) fn print(
    keys: &[Listed],
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    match output {
        Output::Text => table(keys, surroundings.now, surroundings.output),
        Output::Json => documents(keys, surroundings.output),
    }
    .map_err(Failure::Stream)
}

impl Listed {
    fn of(key: &DeclaredKey) -> Self {
        let previous = key.previous_values.iter().map(|value| value.expires_at);
        Self {
            name: key.name.clone(),
            usage_plans: key.usage_plans.clone(),
            enabled: key.enabled,
            expires_at: key.expires_at,
            previous: previous.collect(),
            place: Some((key.file.display().to_string(), key.line)),
        }
    }
}

/// A key as JSON says it.
pub(super) fn document(key: &Listed) -> Value {
    let mut listed = json!({
        "name": key.name,
        "usagePlans": key.usage_plans,
        "enabled": key.enabled,
        "expiresAt": key.expires_at.map(|moment| moment.to_string()),
        "previousValues": key
            .previous
            .iter()
            .map(|moment| json!({"expiresAt": moment.to_string()}))
            .collect::<Vec<_>>(),
    });
    if let (Some((file, line)), Some(listed)) = (&key.place, listed.as_object_mut()) {
        listed.insert("file".to_owned(), json!(file));
        listed.insert("line".to_owned(), json!(line));
    }
    listed
}

fn documents(keys: &[Listed], output: &mut dyn Write) -> io::Result<()> {
    let keys: Vec<_> = keys.iter().map(document).collect();
    serde_json::to_writer_pretty(&mut *output, &json!({"apiKeys": keys}))?;
    writeln!(output)
}

fn table(keys: &[Listed], now: Timestamp, output: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![["NAME", "PLANS", "ENABLED", "EXPIRES", "DECLARED"].map(str::to_owned)];
    for key in keys {
        let expires = match key.expires_at {
            None => "never".to_owned(),
            Some(moment) if moment <= now => format!("{moment} (expired)"),
            Some(moment) => moment.to_string(),
        };
        let overlap = key.previous.iter().max();
        let overlap = overlap.filter(|moment| **moment > now);
        rows.push([
            key.name.clone(),
            if key.usage_plans.is_empty() {
                "-".to_owned()
            } else {
                key.usage_plans.join(",")
            },
            if key.enabled { "yes" } else { "no" }.to_owned(),
            overlap.map_or_else(
                || expires.clone(),
                |moment| format!("{expires} (old value {moment})"),
            ),
            key.place.as_ref().map_or_else(
                || "in Redis".to_owned(),
                |(file, line)| format!("{file}:{line}"),
            ),
        ]);
    }
    output.write_all(aligned(&rows, 0..0).as_bytes())
}
