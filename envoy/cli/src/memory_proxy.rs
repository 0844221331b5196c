//! A proxy in memory, for commands that show what would become of one request without Envoy.
//!
//! What the filter decides is decided by the filter's own code. Only what the proxy does is done
//! here: calls go out through an HTTP client, and the clock is this computer's.

mod client;
mod memory;
mod outcome;
mod request;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) use client::{Call, Client, agent};
pub(crate) use memory::Memory;
pub(crate) use outcome::{Failure, print, target};
pub(crate) use request::{Subject, field, name, unknown};

/// Where a file's name stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A file that was named and cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) file: PathBuf,
    pub(crate) error: io::Error,
}

/// Whether a file's name stands for standard input.
pub(crate) fn is_standard_input(file: &Path) -> bool {
    file == Path::new(STANDARD_INPUT)
}

/// The bytes of a file that was named; `-` is standard input.
pub(crate) fn read(file: Option<&Path>) -> Result<Option<Vec<u8>>, Unreadable> {
    let Some(file) = file else { return Ok(None) };
    let read = if is_standard_input(file) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map(Some).map_err(|error| Unreadable {
        file: file.to_owned(),
        error,
    })
}
