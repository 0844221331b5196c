//! What keys have used outlasts a run: it is asked of the gateway every minute and at the end, and
//! the next run of the same configuration begins with it.
//!
//! It is the user's state, not the project's: a file for each configuration below `XDG_STATE_HOME`,
//! which only this user can read. In the project's own folder it would be noticed as an edit, and
//! find its way into version control.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attache_model::{Gateway, KeptUsage};

use crate::kept_usage;
use crate::management_client::{self, Failure, Surroundings, Way};
use crate::running;

/// How often it is asked for.
const INTERVAL: Duration = Duration::from_secs(60);

/// What a run begins with, and where it is kept for the next one.
#[derive(Clone, Debug)]
pub struct KeptUsageFile {
    configuration: PathBuf,
    /// `None` when there is no place for it.
    file: Option<PathBuf>,
    usage: Vec<KeptUsage>,
}

impl KeptUsageFile {
    /// What earlier runs of a configuration file have kept. What cannot be read counts for nothing,
    /// and so does all of it when it is to be forgotten.
    #[must_use]
    pub fn of(configuration: &Path, forget: bool) -> Self {
        let folder = running::state_folder().ok();
        let file = folder.and_then(|folder| running::file(&folder, configuration).ok());
        let read = file.as_deref().filter(|_| !forget);
        let read = read.and_then(|file| kept_usage::read(file).ok());
        Self {
            configuration: configuration.to_owned(),
            file,
            usage: read.unwrap_or_default(),
        }
    }

    /// Has a gateway begin with it.
    pub fn begin(&self, gateway: &mut Gateway) {
        kept_usage::begin(gateway, &self.usage);
    }

    /// Asks the gateway that runs, over connections which stay open for the next time.
    pub(super) fn keeper(self) -> Keeper {
        Keeper {
            file: self,
            gateway: None,
            due: Instant::now() + INTERVAL,
        }
    }

    fn write(&self, usage: Vec<KeptUsage>) -> Result<(), String> {
        let file = self.file.as_deref().ok_or("there is no folder for it")?;
        kept_usage::write(file, usage).map_err(|error| format!("`{}`: {error}", file.display()))
    }
}

/// Keeps what the gateway of a run tells.
pub(super) struct Keeper {
    file: KeptUsageFile,
    gateway: Option<management_client::Gateway>,
    due: Instant,
}

impl Keeper {
    /// Keeps what there is once a minute.
    pub(super) fn keep_sometimes(&mut self, gateway: &Gateway) -> Result<(), String> {
        if Instant::now() < self.due {
            return Ok(());
        }
        self.due = Instant::now() + INTERVAL;
        self.keep(gateway)
    }

    /// Keeps what there is now.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept.
    pub(super) fn keep(&mut self, gateway: &Gateway) -> Result<(), String> {
        if gateway.usage_plans.is_empty() {
            return Ok(());
        }
        let reached = match self.gateway.take() {
            Some(reached) => reached,
            None => reach(&self.file.configuration)?,
        };
        let usage = kept_usage::ask(&reached).map_err(Failure::reason)?;
        self.gateway = Some(reached);
        self.file.write(usage)
    }
}

/// The gateway of this run.
fn reach(configuration: &Path) -> Result<management_client::Gateway, String> {
    let surroundings = Surroundings::of(Way {
        path: configuration,
        url: None,
        token_file: None,
    });
    surroundings.own_gateway().ok_or_else(|| {
        "the token of the management API is not known here: give the configuration a \
         `managementApi` with a `tokenFile`"
            .to_owned()
    })
}
