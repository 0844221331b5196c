//! What `attache run` leaves for other commands while it serves: where, and the token of the
//! management API where it made one up.
//!
//! One file for each configuration that is served, in a folder that only this user can enter. It is
//! gone when the run is over.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use attache_model::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The permissions that other users have to a file or folder.
const OF_OTHERS: u32 = 0o077;

/// A gateway that is served.
#[derive(Debug)]
pub struct Running {
    /// Where it is called, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// The token that was made for this run.
    pub token: Option<Secret<String>>,
}

/// The file, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    url: String,
    process: u32,
    token: Option<String>,
}

/// A run that others can find until this is dropped.
#[derive(Debug)]
pub struct Announcement {
    file: PathBuf,
    written: Vec<u8>,
}

impl Running {
    /// A gateway at this address, which may be that of all interfaces.
    #[must_use]
    pub fn at(listen: SocketAddr, token: Option<Secret<String>>) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            url: format!("http://{}", SocketAddr::new(ip, listen.port())),
            token,
        }
    }

    /// The run of a configuration file, if there is one; the process may have been killed since.
    #[must_use]
    pub fn find(configuration: &Path) -> Option<Self> {
        Self::find_in(&folder().ok()?, configuration)
    }

    fn find_in(folder: &Path, configuration: &Path) -> Option<Self> {
        let bytes = fs::read(file(folder, configuration).ok()?).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        Some(Self {
            url: record.url,
            token: record.token.map(Secret::new),
        })
    }

    /// Lets others find it.
    ///
    /// # Errors
    ///
    /// When there is no folder that only this user can enter, or the file cannot be written.
    pub fn announce(&self, configuration: &Path) -> io::Result<Announcement> {
        self.announce_in(&folder()?, configuration)
    }

    /// The same in another folder than the user's own.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn announce_in(&self, folder: &Path, configuration: &Path) -> io::Result<Announcement> {
        let file = file(folder, configuration)?;
        let written = serde_json::to_vec(&Record {
            url: self.url.clone(),
            process: std::process::id(),
            token: self.token.as_ref().map(|token| token.reveal().clone()),
        })?;
        // Only this user can read a temporary file, and nobody finds half of one.
        let mut next = tempfile::NamedTempFile::new_in(folder)?;
        next.write_all(&written)?;
        next.persist(&file).map_err(|error| error.error)?;
        Ok(Announcement { file, written })
    }
}

impl Drop for Announcement {
    /// Another run of the same configuration may have taken its place.
    fn drop(&mut self) {
        if fs::read(&self.file).is_ok_and(|found| found == self.written) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// A token that nobody can guess.
///
/// # Errors
///
/// When the system has no randomness.
pub fn new_token() -> Result<Secret<String>, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(hexadecimal(&bytes)))
}

/// The folder for such files, which is made where it is not there: in `XDG_RUNTIME_DIR`, or else in
/// the folder for temporary files, where others may have made one of this name.
fn folder() -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() && runtime.is_dir() => runtime.join("attache"),
        _ => std::env::temp_dir().join(format!("attache-{user}")),
    };
    private(&folder, user)?;
    Ok(folder)
}

fn private(folder: &Path, user: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    if found.is_dir() && found.uid() == user && found.mode() & OF_OTHERS == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("`{}` is not this user's alone", folder.display()),
    ))
}

/// The folder for what outlasts a run, which is made where it is not there: in `XDG_STATE_HOME`, or
/// else in `.local/state` of the user's home.
///
/// # Errors
///
/// When the user has no home, or the folder is not this user's alone.
pub(crate) fn state_folder() -> io::Result<PathBuf> {
    let variable = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let state = variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    fs::create_dir_all(&state)?;
    let folder = state.join("attache");
    private(&folder, rustix::process::getuid().as_raw())?;
    Ok(folder)
}

/// The file of one configuration, wherever that is named from.
///
/// # Errors
///
/// When there is no such configuration.
pub(crate) fn file(folder: &Path, configuration: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(configuration)?;
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name = hexadecimal(digest.get(..16).unwrap_or_default());
    Ok(folder.join(format!("{name}.json")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::{Running, new_token, private};

    #[test]
    fn a_run_is_found_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("attache.yaml");
        fs::write(&configuration, "").unwrap();
        let find = || Running::find_in(folder.path(), &configuration);
        assert!(find().is_none());

        let token = new_token().unwrap();
        assert_eq!(token.reveal().len(), 64);
        assert_ne!(token.reveal(), new_token().unwrap().reveal());
        let running = Running::at("0.0.0.0:8080".parse().unwrap(), Some(token.clone()));
        let announced = running.announce_in(folder.path(), &configuration).unwrap();
        let found = find().unwrap();
        assert_eq!(found.url, "http://127.0.0.1:8080");
        assert_eq!(found.token.unwrap().reveal(), token.reveal());
        assert!(!format!("{running:?}").contains(token.reveal().as_str()));
        let written = fs::metadata(&announced.file).unwrap();
        assert_eq!(written.mode() & 0o777, 0o600);

        // The other run goes on when this one ends.
        let other = Running::at("[::]:9".parse().unwrap(), None);
        let other = other.announce_in(folder.path(), &configuration).unwrap();
        drop(announced);
        assert_eq!(find().unwrap().url, "http://[::1]:9");
        drop(other);
        assert!(find().is_none());
    }

    #[test]
    fn a_folder_that_others_can_enter_holds_no_token() {
        let parent = tempfile::tempdir().unwrap();
        let user = parent.path().metadata().unwrap().uid();
        let folder = parent.path().join("attache");
        private(&folder, user).unwrap();
        private(&folder, user).unwrap();
        assert!(private(&folder, user + 1).is_err());
        fs::set_permissions(&folder, Permissions::from_mode(0o750)).unwrap();
        assert!(private(&folder, user).is_err());

        let real = parent.path().join("real");
        private(&real, user).unwrap();
        let link = parent.path().join("link");
        symlink(&real, &link).unwrap();
        assert!(private(&link, user).is_err());
    }
}
