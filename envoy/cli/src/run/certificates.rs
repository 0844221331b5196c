//! Notices that a certificate, a key or a trust store is another one.
//!
//! Envoy reads them again when a file is moved into a folder that it watches, and does not see one
//! that is written over where it is. So this command looks after them, however they are replaced, and
//! Envoy watches the folder of its secrets, where [`Deployment`](super::deployment::Deployment) puts
//! a file when they are to be read again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::envoy_target::Transport;

/// The files, and which of their contents Envoy knows.
#[derive(Debug)]
pub(super) struct Certificates {
    read: BTreeMap<PathBuf, Option<State>>,
    seen: BTreeMap<PathBuf, Option<State>>,
}

/// What differs between two contents of a file: where it is, when it was changed last, its size.
type State = (u64, i64, i64, u64);

impl Certificates {
    /// The files that Envoy is about to read.
    pub(super) fn of(transport: &Transport) -> Self {
        let seen = look(transport.files());
        Self {
            read: seen.clone(),
            seen,
        }
    }

    /// The same for another configuration. Of a file that was there before it still counts what Envoy
    /// has read.
    pub(super) fn follow(&mut self, transport: &Transport) {
        let mut next = Self::of(transport);
        for (file, state) in &mut next.read {
            if let Some(read) = self.read.get(file) {
                *state = *read;
            }
        }
        *self = next;
    }

    /// Whether Envoy is to read them again: once, when they have changed and not gone on changing
    /// since the last call. A certificate and its key are two files.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = look(self.read.keys().map(PathBuf::as_path));
        let calm = now == self.seen;
        self.seen = now;
        let changed = calm && self.seen != self.read;
        if changed {
            self.read.clone_from(&self.seen);
        }
        changed
    }
}

fn look<'f>(files: impl Iterator<Item = &'f Path>) -> BTreeMap<PathBuf, Option<State>> {
    files
        .map(|file| {
            let state = std::fs::metadata(file).ok().map(|metadata| {
                (
                    metadata.ino(),
                    metadata.ctime(),
                    metadata.ctime_nsec(),
                    metadata.size(),
                )
            });
            (file.to_owned(), state)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::Certificates;
    use crate::configuration::SecurityPolicy;
    use crate::envoy_target::{CertificateFiles, TlsDomain, Transport};

    fn transport(folder: &Path, names: &[&str]) -> Transport {
        let domain = |name: &&str| TlsDomain {
            name: (*name).to_owned(),
            certificate: CertificateFiles {
                chain: folder.join(format!("{name}.pem")),
                key: folder.join(format!("{name}-key.pem")),
            },
            security_policy: SecurityPolicy::Tls12,
            truststore: None,
        };
        Transport {
            domains: names.iter().map(domain).collect(),
            ..Transport::default()
        }
    }

    #[test]
    fn a_change_counts_once_and_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a.pem", "1");
        write("a-key.pem", "1");
        let mut certificates = Certificates::of(&transport(folder.path(), &["a"]));
        assert!(!certificates.have_changed());

        write("a.pem", "22");
        assert!(!certificates.have_changed());
        write("a-key.pem", "22");
        assert!(!certificates.have_changed());
        assert!(certificates.have_changed());
        assert!(!certificates.have_changed());

        fs::remove_file(folder.path().join("a.pem")).unwrap();
        assert!(!certificates.have_changed());
        assert!(certificates.have_changed());

        // What moves into its place is another file, whatever it holds.
        write("next.pem", "22");
        fs::rename(folder.path().join("next.pem"), folder.path().join("a.pem")).unwrap();
        assert!(!certificates.have_changed());
        assert!(certificates.have_changed());
    }

    #[test]
    fn another_configuration_does_not_hide_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["a.pem", "a-key.pem", "b.pem", "b-key.pem"] {
            write(name, "1");
        }
        let mut certificates = Certificates::of(&transport(folder.path(), &["a"]));
        write("a.pem", "22");
        write("b.pem", "22");
        certificates.follow(&transport(folder.path(), &["a", "b"]));
        assert!(certificates.have_changed());
        certificates.follow(&transport(folder.path(), &["b"]));
        assert!(!certificates.have_changed());
    }
}
