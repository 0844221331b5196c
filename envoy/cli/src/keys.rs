//! `attache keys`: the customers' API keys, edited where they are declared.
//!
//! A key stands under `apiKeys` in `attache.yaml`, or in one of the CSV files that `apiKeyFiles`
//! names. The verbs change these files in place. Comments and everything else that is not meant
//! stay byte for byte: after every edit the file is read again, and unless exactly the intended
//! change is found the file is left as it was.
//!
//! With `--fleet` they change the keys that live in Redis, which every gateway then knows, and the
//! files stay as they are. `update` is for those keys alone: a key of the files is edited where it
//! is declared.
//!
//! A new value is shown once, on standard output, and by default only its SHA-256 is written.
//!
//! Rotation keeps the key's name, because usage is counted by it: a customer who changes the value
//! in the middle of the month keeps one quota and one throttle, whichever of the two values a
//! request carries. The old value moves to `previousValues` with the moment at which it ends. AWS
//! cannot do this; there a rotated key is another key with a quota of its own.

mod arguments;
mod create;
mod declaration;
mod edit;
mod fleet;
mod import;
mod list;
mod replace_file;
mod revoke;
mod rotate;
mod update;

use std::io::{self, Read};
use std::process::ExitCode;

use crate::api_key_value::{ApiKeyValue, InvalidValue, LONGEST};
use crate::diagnostic::Report;
use crate::record_command::{self, notify};
use crate::terminal::{Output, Terminal};

pub use crate::record_command::{Failure, Surroundings};
pub use arguments::{Arguments, Create, Import, List, Revoke, Rotate, Update, Verb};

/// Runs one of the `keys` verbs.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn command(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    record_command::run(arguments.output, terminal, |surroundings, report| {
        run(arguments, surroundings, report)
    })
}

/// Runs one verb.
///
/// What is wrong with the declared files, and what is refused, goes to `report`; so do the
/// warnings of an import that went well.
///
/// # Errors
///
/// [`Failure`]; the declared files are then unchanged.
pub fn run(
    arguments: &Arguments,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    if arguments.fleet {
        return fleet::run(arguments, surroundings, report);
    }
    let directory = &arguments.directory;
    let output = arguments.output;
    match &arguments.verb {
        Verb::Create(verb) => create::run(verb, directory, output, surroundings, report),
        Verb::List(List {}) => list::run(directory, output, surroundings, report),
        Verb::Import(verb) => import::run(verb, directory, output, surroundings, report),
        Verb::Revoke(verb) => revoke::run(verb, directory, surroundings, report),
        Verb::Rotate(verb) => rotate::run(verb, directory, output, surroundings, report),
        Verb::Update(verb) => update::run(verb, directory, report),
    }
}

/// The value of a new key: from standard input, or generated.
fn new_value(
    from_input: bool,
    surroundings: &mut Surroundings<'_>,
) -> Result<ApiKeyValue, Failure> {
    if !from_input {
        return ApiKeyValue::generate().map_err(Failure::Randomness);
    }
    let mut value = String::new();
    // Enough to tell that a value is too long, whatever is piped in.
    let enough = LONGEST * 4 + 2;
    (&mut *surroundings.input)
        .take(u64::try_from(enough).unwrap_or(u64::MAX))
        .read_to_string(&mut value)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Failure::Usage(InvalidValue::NotAHeaderValue.to_string()),
            _ => Failure::Stream(error),
        })?;
    let line_end = value.trim_end_matches(['\r', '\n']).len();
    value.truncate(line_end);
    ApiKeyValue::new(value).map_err(|reason| Failure::Usage(reason.to_string()))
}

/// Shows a value that was generated: the only line that ever holds it.
fn show_value(
    name: &str,
    value: &ApiKeyValue,
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    match output {
        Output::Text => writeln!(surroundings.output, "{}", value.reveal()),
        Output::Json => writeln!(
            surroundings.output,
            "{}",
            serde_json::json!({"name": name, "value": value.reveal()})
        ),
    }
    .map_err(Failure::Stream)
}

#[cfg(test)]
mod tests;
