//! What was deployed to the stages of APIs, and the verbs that change it.
//!
//! A stage serves the files that people work on until something is deployed to it. `attache deploy`
//! takes what the stage would serve, the lowered model with what it was made of, under the hash of
//! that content, and from then on it is this that the stage serves, whatever becomes of the working
//! files. All of it is plain files (`deployments/folder.rs`), and so are a canary release, a rollback and a
//! promotion: a file for each stage that names deployments.
//!
//! As on AWS, a deployment is of one API, and stages are told one by one which of them they serve.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html>
//! More than on AWS, the settings of the stage are a part of it: a rollback brings the variables,
//! throttles and cache settings back that belong to what is served. Usage plans, API keys,
//! credentials and endpoints are those of the whole gateway, and always as `attache.yaml` has them.

mod abandon;
mod arguments;
mod change;
mod content;
mod deploy;
mod diff;
mod difference;
mod folder;
mod list;
mod promote;
mod replace;
mod rollback;
mod secrets;
mod snapshot;
mod stage;
mod target;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub use arguments::{Abandon, Deploy, Diff, List, Promote, Rollback};
pub use snapshot::{DeploymentId, Snapshot, SnapshotFault};
pub use stage::{Action, CanaryRelease, Event, StageDeployment};

pub use abandon::run as abandon;
pub use deploy::run as deploy;
pub use diff::run as diff;
pub use list::run as list;
pub use promote::run as promote;
pub use rollback::run as rollback;

pub(crate) use folder::{Deployed, Deployments, beside};

/// Why a verb did nothing.
#[derive(Debug)]
enum Failure {
    /// The report says why.
    Refused,
    /// The arguments do not fit together, or do not fit the configuration.
    Usage(String),
    /// A file could not be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another program changed a file meanwhile.
    Changed(PathBuf),
}

impl Failure {
    /// 2 for wrong arguments, 1 for everything else.
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("nothing was changed"),
            Self::Usage(reason) => formatter.write_str(reason),
            Self::File { file, error } => {
                write!(formatter, "`{}`: {error}", file.display())
            }
            Self::Changed(file) => write!(
                formatter,
                "`{}` was changed by another program meanwhile, so it was left as it is: run the \
                 command again",
                file.display()
            ),
        }
    }
}

impl From<folder::WriteError> for Failure {
    fn from(error: folder::WriteError) -> Self {
        match error {
            folder::WriteError::File(file, error) => Self::File { file, error },
            folder::WriteError::Changed(file) => Self::Changed(file),
        }
    }
}
