//! Third-party test vectors, which live outside of the project.

mod naughty;
mod smuggling;

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use naughty::{NaughtyRequest, NaughtyString, naughty_strings};
pub use smuggling::{Smuggling, smuggling};

/// The lines of a JSON Lines file of the corpora, or `None` after a line on standard error that
/// says that the test is skipped.
///
/// The folder is `ATTACHE_CORPORA`, or `../shared/corpora` beside the workspace.
///
/// # Panics
///
/// When the file is there but not what it should be.
#[must_use]
pub fn read<T: DeserializeOwned>(file: &str) -> Option<Vec<T>> {
    let path = folder().join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        skip(&path);
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line of the corpora is JSON"))
            .collect(),
    )
}

/// A whole file of the corpora as text, or `None` as [`read`].
#[must_use]
pub fn file(name: &str) -> Option<String> {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        skip(&path);
    }
    text
}

fn folder() -> PathBuf {
    std::env::var_os("ATTACHE_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    )
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was not run"
)]
fn skip(path: &Path) {
    eprintln!(
        "skipped: `{}` is not there; set ATTACHE_CORPORA to the folder of test vectors",
        path.display()
    );
}
