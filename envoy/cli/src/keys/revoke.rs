//! `attache keys revoke`.

use std::path::Path;

use super::arguments::Revoke;
use super::declaration::{Declaration, DeclaredKey, Source};
use super::edit::Change;
use super::replace_file::replace_file;
use super::{Failure, Surroundings, notify};
use crate::api_key_file;
use crate::diagnostic::Report;

pub(super) fn run(
    arguments: &Revoke,
    directory: &Path,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    let key = declaration.key(&arguments.name, report)?;
    if !key.enabled && !arguments.delete {
        let message = format!("the API key `{}` is disabled already", key.name);
        return notify(surroundings, &message);
    }
    match key.source {
        Source::Configuration => {
            let change = if arguments.delete {
                Change::Delete(key.name.clone())
            } else {
                Change::Disable(key.name.clone())
            };
            declaration.write(&change)?;
        }
        Source::KeyFile => {
            let change = if arguments.delete {
                api_key_file::edit::Change::Delete
            } else {
                api_key_file::edit::Change::Disable
            };
            edit_key_file(key, &change)?;
        }
    }
    let message = format!(
        "{} the API key `{}` in `{}`",
        if arguments.delete {
            "removed"
        } else {
            "disabled"
        },
        key.name,
        key.file.display()
    );
    notify(surroundings, &message)
}

/// Changes the record of a key in an API key file, and writes the file if it then says what it
/// said before but for this key.
pub(super) fn edit_key_file(
    key: &DeclaredKey,
    change: &api_key_file::edit::Change<'_>,
) -> Result<(), Failure> {
    use api_key_file::edit::Change;

    let before = std::fs::read(&key.file).map_err(|error| Failure::File {
        file: key.file.clone(),
        error,
    })?;
    let failure = || Failure::Edit {
        file: key.file.clone(),
    };
    let after = api_key_file::edit::apply(&before, &key.name, change).ok_or_else(failure)?;
    let keys = |bytes: &[u8]| {
        let read = api_key_file::read(&key.file, bytes).map_err(|_| failure())?;
        // Lines and places move with the edit; what the records say does not.
        let entries = read.entries.into_iter().map(|entry| {
            (
                entry.name,
                entry.digest,
                entry.enabled,
                entry.description,
                entry.usage_plans,
            )
        });
        Ok(entries.collect::<Vec<_>>())
    };
    let mut meant = keys(&before)?;
    match change {
        Change::Delete => meant.retain(|(name, ..)| *name != key.name),
        Change::Disable => {
            for (name, _, enabled, ..) in &mut meant {
                *enabled &= *name != key.name;
            }
        }
        Change::Replace(value) => {
            for (name, digest, ..) in &mut meant {
                if *name == key.name {
                    *digest = value.digest();
                }
            }
        }
    }
    if keys(&after)? != meant {
        return Err(failure());
    }
    replace_file(&key.file, &before, &after)
}
