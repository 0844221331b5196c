//! `attache keys rotate`.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use super::arguments::Rotate;
use super::declaration::{Declaration, PreviousValue, Source};
use super::edit::{Change, Stored};
use super::revoke::edit_key_file;
use super::{Failure, Surroundings, new_value, notify, show_value};
use crate::api_key_file;
use crate::diagnostic::Report;
use crate::terminal::Output;

pub(super) fn run(
    arguments: &Rotate,
    directory: &Path,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let now = surroundings.now;
    let until = overlap_end(arguments, now)?;
    let declaration = Declaration::read(directory, report)?;
    let key = declaration.key(&arguments.name, report)?;
    if key.source == Source::KeyFile && (until.is_some() || arguments.storage.hashed) {
        let message = format!(
            "`{}` declares the API key `{}`, and AWS's file format has no room for an expiry or a \
             digest",
            key.file.display(),
            key.name
        );
        return Err(declaration.refuse(
            report,
            "api-key-file",
            &message,
            "rotate it without overlap, or take the file over with `attache keys import` and \
             remove it from `apiKeyFiles`",
        ));
    }
    let value = new_value(arguments.value_stdin, surroundings)?;
    if let Some(holder) = declaration.holder_of(value.digest()) {
        let message = format!("the value belongs to the API key `{}` already", holder.name);
        return Err(declaration.refuse(
            report,
            "repeated-api-key",
            &message,
            "a new value is one that no key has or had",
        ));
    }

    match key.source {
        Source::KeyFile => edit_key_file(key, &api_key_file::edit::Change::Replace(&value))?,
        Source::Configuration => {
            let mut previous_values = Vec::new();
            if let Some(until) = until {
                previous_values.push(PreviousValue {
                    digest: key.digest,
                    expires_at: until,
                });
                // Values of earlier rotations end when it was said that they would.
                let earlier = key.previous_values.iter();
                previous_values.extend(earlier.filter(|value| value.expires_at > now).cloned());
            }
            let change = Change::Rotate {
                name: key.name.clone(),
                stored: Stored::new(&value, arguments.storage.plain),
                previous_values,
            };
            declaration.write(&change)?;
        }
    }
    if !arguments.value_stdin {
        show_value(&key.name, &value, output, surroundings)?;
    }
    let message = format!(
        "rotated the API key `{}` in `{}`; the old value {}",
        key.name,
        key.file.display(),
        until.map_or_else(
            || "no longer works".to_owned(),
            |until| format!("works until {until}")
        )
    );
    notify(surroundings, &message)
}

/// Until when the old value keeps working; `None` when it stops at once.
pub(super) fn overlap_end(
    arguments: &Rotate,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let too_long = |_| Failure::Usage("`--overlap` is longer than the calendar".to_owned());
    let end = match (arguments.overlap, arguments.expires_at) {
        (Some(overlap), _) => {
            let end = now
                .to_zoned(TimeZone::UTC)
                .checked_add(overlap)
                .map_err(too_long)?;
            // Whole seconds read better, and the overlap is at least as long as asked for.
            let end = end
                .timestamp()
                .round(
                    jiff::TimestampRound::new()
                        .smallest(Unit::Second)
                        .mode(jiff::RoundMode::Ceil),
                )
                .map_err(too_long)?;
            Some(end)
        }
        (None, end) => end,
    };
    if end.is_some_and(|end| end <= now) {
        return Err(Failure::Usage(
            "`--expires-at` is past: leave it out to end the old value at once".to_owned(),
        ));
    }
    Ok(end)
}
