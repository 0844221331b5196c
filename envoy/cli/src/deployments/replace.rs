//! Writing a file so that a crash at any moment leaves it as it was or as it shall be.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What files are called while they are written. No file of a deployment begins with it.
pub(super) const UNFINISHED: &str = ".attache-";

/// What has just been done to the disk, for a test that looks at it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A folder is there that was not.
    Folder,
    /// A file is there under a name that nobody reads, with nothing in it.
    Created,
    /// All of it is written.
    Written,
    /// It has come to the disk.
    Synced,
    /// It has its name.
    Named,
    /// The name has come to the disk.
    NameSynced,
}

/// Sees every [`Step`] with the path that it is about.
pub(super) type Watcher<'w> = &'w mut dyn FnMut(Step, &Path);

/// Puts a text where `file` is, or is to be. The folders that lead there are made.
pub(super) fn replace(file: &Path, text: &str, watcher: Watcher<'_>) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    make(folder, watcher)?;
    let mut next = tempfile::Builder::new()
        .prefix(UNFINISHED)
        // As other new files, for whoever may read those: the process's mask takes bits away.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    watcher(Step::Created, next.path());
    next.write_all(text.as_bytes())?;
    watcher(Step::Written, next.path());
    next.as_file().sync_all()?;
    watcher(Step::Synced, next.path());
    next.persist(file).map_err(|error| error.error)?;
    watcher(Step::Named, file);
    File::open(folder)?.sync_all()?;
    watcher(Step::NameSynced, file);
    Ok(())
}

/// Makes a folder and those above it, each of which comes to the disk before anything is in it.
fn make(folder: &Path, watcher: Watcher<'_>) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|path| !path.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    make(above, watcher)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(above)?.sync_all()?;
    watcher(Step::Folder, folder);
    Ok(())
}

/// Removes what a command that was killed has left unfinished in a folder.
pub(super) fn tidy(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if name
            .to_str()
            .is_some_and(|name| name.starts_with(UNFINISHED))
        {
            // It is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}
