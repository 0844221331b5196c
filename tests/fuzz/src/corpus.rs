//! The committed inputs.

use std::fs;
use std::path::{Path, PathBuf};

/// One input and where it stands.
#[derive(Clone, Debug)]
pub struct Input {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The folder that holds a folder for each target.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

/// The names of the folders.
///
/// # Panics
///
/// When the corpus cannot be read.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The inputs of a target, by name.
///
/// # Panics
///
/// When the corpus cannot be read.
#[must_use]
pub fn inputs(target: &str) -> Vec<Input> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join(target))
        .expect("each target has a folder in the corpus")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| Input {
            bytes: fs::read(&file).expect("an input can be read"),
            file,
        })
        .collect()
}
