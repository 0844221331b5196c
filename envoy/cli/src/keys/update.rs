//! `attache keys update` without `--fleet`: where the key is edited instead.

use std::path::Path;

use super::Failure;
use super::arguments::Update;
use super::declaration::Declaration;
use crate::diagnostic::Report;

pub(super) fn run(
    arguments: &Update,
    directory: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    let name = &arguments.name;
    let mut keys = declaration.keys.iter();
    let place = keys.find(|key| key.name == *name).map_or_else(
        || format!("none of them is named `{name}`"),
        |key| {
            format!(
                "`{name}` is declared in `{}` on line {}",
                key.file.display(),
                key.line
            )
        },
    );
    Err(Failure::Usage(format!(
        "API keys of the files are edited in `attache.yaml`, under `apiKeys`, or in their API key \
         file, and {place}; give `--fleet` for those in Redis"
    )))
}
