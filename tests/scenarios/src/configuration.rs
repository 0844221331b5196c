//! The files of a configuration, with their placeholders filled in.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::format::Configuration;
use crate::placeholder::Placeholders;

/// Writes the files into a folder of their own.
pub(crate) fn write(
    configuration: &Configuration,
    placeholders: &Placeholders,
) -> Result<TempDir, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    match configuration {
        Configuration::Files(files) => {
            for (name, text) in files {
                write_file(&folder.path().join(name), text, placeholders)?;
            }
        }
        Configuration::Folder(path) => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            copy(&root.join(path), folder.path(), placeholders)?;
        }
    }
    Ok(folder)
}

fn copy(from: &Path, to: &Path, placeholders: &Placeholders) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|error| format!("`{}`: {error}", from.display()))?;
    for entry in entries.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, placeholders)?;
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(text) => write_file(&target, &text, placeholders)?,
            // Not text: nothing to fill in.
            Err(_) => {
                create_folder(&target)?;
                fs::copy(entry.path(), &target).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

fn write_file(path: &Path, text: &str, placeholders: &Placeholders) -> Result<(), String> {
    create_folder(path)?;
    let filled = placeholders.fill(text)?;
    fs::write(path, filled).map_err(|error| error.to_string())
}

fn create_folder(file: &Path) -> Result<(), String> {
    match file.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}
