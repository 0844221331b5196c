//! Notices that another deployment is to be served.
//!
//! A look five times a second rather than a notification by the system: the folder need not be there
//! yet, it may lie on a disk of another computer, and the parts of it may come in any order, as when
//! version control brings them.

use std::fs;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What a file or folder is recognised by: a file that takes another's place is another one.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    path: PathBuf,
    number: u64,
    size: u64,
    modified: (i64, i64),
}

/// The files that say what stages serve, as they were last seen.
#[derive(Debug)]
pub(super) struct DeploymentFiles {
    folder: PathBuf,
    seen: Vec<Facts>,
}

impl DeploymentFiles {
    /// The files in a folder, which need not be there, as they are now.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: look(folder),
        }
    }

    /// Whether they are others than when they were looked at last.
    pub(super) fn have_changed(&mut self) -> bool {
        let seen = look(&self.folder);
        let changed = seen != self.seen;
        self.seen = seen;
        changed
    }
}

/// The deployments of all APIs, which never change, by their names alone, and the files of stages.
fn look(folder: &Path) -> Vec<Facts> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for api in list(folder) {
        found.extend(list(&api.path()).map(|entry| Facts {
            path: entry.path(),
            number: entry.ino(),
            size: 0,
            modified: (0, 0),
        }));
        found.extend(list(&api.path().join("stages")).filter_map(|entry| {
            let facts = entry.metadata().ok()?;
            Some(Facts {
                path: entry.path(),
                number: facts.ino(),
                size: facts.size(),
                modified: (facts.mtime(), facts.mtime_nsec()),
            })
        }));
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::DeploymentFiles;

    #[test]
    fn every_way_to_another_deployment_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deployments");
        let mut files = DeploymentFiles::new(&folder);
        assert!(!files.have_changed());
        let stages = folder.join("pets/stages");
        fs::create_dir_all(&stages).unwrap();
        assert!(files.have_changed());
        let stage = stages.join("prod.json");
        let mut expect = |step: &dyn Fn()| {
            assert!(!files.have_changed());
            step();
            assert!(files.have_changed());
        };
        expect(&|| fs::write(&stage, "1").unwrap());
        expect(&|| fs::write(&stage, "12").unwrap());
        let next = stages.join("next");
        expect(&|| {
            fs::write(&next, "21").unwrap();
            fs::rename(&next, &stage).unwrap();
        });
        // A snapshot that comes after the stage that names it.
        expect(&|| fs::write(folder.join("pets/0.json"), "").unwrap());
        expect(&|| fs::remove_file(&stage).unwrap());
        assert!(!files.have_changed());
    }
}
