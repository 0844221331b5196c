//! The laws of the project's own shape, one test file for each kind of law.

use std::path::Path;

/// The workspace.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
