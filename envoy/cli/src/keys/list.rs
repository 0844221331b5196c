//! `attache keys list`.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::declaration::{Declaration, DeclaredKey};
use super::{Failure, Surroundings};
use crate::diagnostic::Report;
use crate::terminal::Output;

pub(super) fn run(
    directory: &Path,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    match output {
        Output::Text => table(&declaration.keys, surroundings.now, surroundings.output),
        Output::Json => document(&declaration.keys, surroundings.output),
    }
    .map_err(Failure::Stream)
}

fn document(keys: &[DeclaredKey], output: &mut dyn Write) -> io::Result<()> {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            let previous = key.previous_values.iter();
            json!({
                "name": key.name,
                "usagePlans": key.usage_plans,
                "enabled": key.enabled,
                "expiresAt": key.expires_at.map(|moment| moment.to_string()),
                "previousValues": previous
                    .map(|value| json!({"expiresAt": value.expires_at.to_string()}))
                    .collect::<Vec<_>>(),
                "file": key.file.display().to_string(),
                "line": key.line,
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *output, &json!({"apiKeys": keys}))?;
    writeln!(output)
}

fn table(keys: &[DeclaredKey], now: Timestamp, output: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![["NAME", "PLANS", "ENABLED", "EXPIRES", "DECLARED"].map(str::to_owned)];
    for key in keys {
        let expires = match key.expires_at {
            None => "never".to_owned(),
            Some(moment) if moment <= now => format!("{moment} (expired)"),
            Some(moment) => moment.to_string(),
        };
        let overlap = key.previous_values.iter().map(|value| value.expires_at);
        let overlap = overlap.max().filter(|moment| *moment > now);
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
            format!("{}:{}", key.file.display(), key.line),
        ]);
    }
    let mut widths = [0_usize; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        writeln!(
            output,
            "{}",
            cells.collect::<Vec<_>>().join("  ").trim_end()
        )?;
    }
    Ok(())
}
