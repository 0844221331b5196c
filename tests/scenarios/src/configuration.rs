//! The files of a configuration, with the upstreams' addresses filled in.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::format::Configuration;

/// Writes the files into a folder of their own.
pub(crate) fn write(
    configuration: &Configuration,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Result<TempDir, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    match configuration {
        Configuration::Files(files) => {
            for (name, text) in files {
                write_file(&folder.path().join(name), text, addresses)?;
            }
        }
        Configuration::Folder(path) => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            copy(&root.join(path), folder.path(), addresses)?;
        }
    }
    Ok(folder)
}

fn copy(from: &Path, to: &Path, addresses: &BTreeMap<String, SocketAddr>) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|error| format!("`{}`: {error}", from.display()))?;
    for entry in entries.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, addresses)?;
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(text) => write_file(&target, &text, addresses)?,
            // Not text: nothing to fill in.
            Err(_) => {
                create_folder(&target)?;
                fs::copy(entry.path(), &target).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

fn write_file(
    path: &Path,
    text: &str,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Result<(), String> {
    create_folder(path)?;
    let filled = addresses
        .iter()
        .fold(text.to_owned(), |text, (name, address)| {
            text.replace(&format!("{{{{{name}}}}}"), &address.to_string())
        });
    fs::write(path, filled).map_err(|error| error.to_string())
}

fn create_folder(file: &Path) -> Result<(), String> {
    match file.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}
