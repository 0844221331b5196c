//! Writing a file so that no reader ever sees half of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::Failure;

/// Replaces a file that still holds `before` by `after`.
///
/// The new text is written beside the file, with its permissions, and takes its place in one
/// step. Where the path is a symbolic link, the file that it leads to is replaced.
pub(super) fn replace_file(file: &Path, before: &[u8], after: &[u8]) -> Result<(), Failure> {
    let failure = |error: io::Error| Failure::File {
        file: file.to_owned(),
        error,
    };
    let target = fs::canonicalize(file).map_err(failure)?;
    let permissions = fs::metadata(&target).map_err(failure)?.permissions();
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new()
        .prefix(".attache-")
        .permissions(permissions.clone())
        .tempfile_in(folder)
        .map_err(failure)?;
    new.write_all(after).map_err(failure)?;
    // Creation masks permissions; this does not.
    new.as_file()
        .set_permissions(permissions)
        .map_err(failure)?;
    new.as_file().sync_all().map_err(failure)?;
    if fs::read(&target).map_err(failure)? != before {
        return Err(Failure::Changed {
            file: file.to_owned(),
        });
    }
    new.persist(&target).map_err(|error| failure(error.error))?;
    Ok(())
}
