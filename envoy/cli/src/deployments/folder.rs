//! The folder `deployments` beside `attache.yaml`, fit for version control.
//!
//! ```text
//! deployments/petstore/3f2ab91c04de.json     a deployment, never changed
//! deployments/petstore/stages/prod.json      which one a stage serves
//! ```
//!
//! A snapshot is on the disk before a stage names it, and the file of a stage is replaced in one
//! step: whatever ends a command in the middle, the stage serves what it did before.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::replace::{UNFINISHED, Watcher, replace, tidy};
use super::{DeploymentId, Snapshot, SnapshotFault, StageDeployment};
use crate::diagnostic::{Diagnostic, Report};
use crate::document::{Document, Pointer};

/// The name of the folder.
pub(crate) const NAME: &str = "deployments";
const STAGES: &str = "stages";

/// An API and one of its stages, by their names.
pub(crate) type ApiStage = (String, String);

/// What all stages were told to serve.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deployments {
    folder: PathBuf,
    stages: BTreeMap<ApiStage, Deployed>,
    /// Those that have not been written yet.
    new: BTreeMap<(String, DeploymentId), Arc<Snapshot>>,
}

/// What one stage was told to serve.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    /// Its file.
    pub(crate) file: PathBuf,
    /// What stands in it.
    pub(crate) state: StageDeployment,
    /// The bytes that were read; `None` for what is not written yet.
    read: Option<Arc<str>>,
    deployment: Range<usize>,
    canary: Range<usize>,
}

impl Deployed {
    /// Where the file names the deployment, or that of the canary release.
    pub(crate) fn place(&self, is_canary: bool) -> (Range<usize>, &'static str) {
        if is_canary {
            (self.canary.clone(), "/canary/deployment")
        } else {
            (self.deployment.clone(), "/deployment")
        }
    }
}

impl Deployments {
    /// No deployments: every stage serves the working files.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What stands beside a configuration file. Stages whose file has a fault are in the report, and
    /// nowhere else.
    pub(crate) fn read(configuration: &Path, report: &mut Report) -> Self {
        let folder = beside(configuration);
        let mut stages = BTreeMap::new();
        // What cannot be listed must not pass for nothing: its stages would serve the working files.
        let mut list = |listed: io::Result<BTreeSet<String>>, folder: &Path| {
            listed.unwrap_or_else(|error| {
                report.push(unreadable(folder, &error));
                BTreeSet::new()
            })
        };
        let mut found = Vec::new();
        for api in list(folders(&folder), &folder) {
            let within = folder.join(&api).join(STAGES);
            found.extend(
                list(files(&within), &within)
                    .into_iter()
                    .map(|stage| (api.clone(), stage)),
            );
        }
        for (api, stage) in found {
            let file = stage_file(&folder, &api, &stage);
            if let Some(deployed) = deployed(&file, report) {
                stages.insert((api, stage), deployed);
            }
        }
        Self {
            folder,
            stages,
            new: BTreeMap::new(),
        }
    }

    /// Every stage that was told what to serve, in the order of the names.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (&ApiStage, &Deployed)> {
        self.stages.iter()
    }

    /// What a stage was told to serve.
    pub(crate) fn stage(&self, api: &str, stage: &str) -> Option<&Deployed> {
        self.stages.get(&(api.to_owned(), stage.to_owned()))
    }

    /// The same where one stage serves the working files.
    pub(crate) fn without(&self, api: &str, stage: &str) -> Self {
        let mut other = self.clone();
        other.stages.remove(&(api.to_owned(), stage.to_owned()));
        other
    }

    /// The same where one stage is told something else, with the snapshots that this needs and that
    /// are not written yet.
    pub(crate) fn with(
        &self,
        api: &str,
        stage: &str,
        state: StageDeployment,
        new: impl IntoIterator<Item = (DeploymentId, Arc<Snapshot>)>,
    ) -> Self {
        let mut other = self.clone();
        let new = new.into_iter();
        other
            .new
            .extend(new.map(|(id, snapshot)| ((api.to_owned(), id), snapshot)));
        let deployed = Deployed {
            file: stage_file(&self.folder, api, stage),
            state,
            read: None,
            deployment: 0..0,
            canary: 0..0,
        };
        other
            .stages
            .insert((api.to_owned(), stage.to_owned()), deployed);
        other
    }

    /// A deployment of an API.
    pub(crate) fn snapshot(
        &self,
        api: &str,
        id: &DeploymentId,
    ) -> Result<Arc<Snapshot>, SnapshotFault> {
        if let Some(snapshot) = self.new.get(&(api.to_owned(), id.clone())) {
            return Ok(Arc::clone(snapshot));
        }
        match fs::read(self.snapshot_file(api, id)) {
            Ok(text) => Snapshot::decode(id, &text).map(Arc::new),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SnapshotFault::Missing),
            Err(error) => Err(SnapshotFault::Unreadable(error.to_string())),
        }
    }

    /// Where a deployment of an API stands.
    pub(crate) fn snapshot_file(&self, api: &str, id: &DeploymentId) -> PathBuf {
        self.folder.join(api).join(format!("{id}.json"))
    }

    /// The APIs that have deployments, whatever becomes of them.
    pub(crate) fn apis(&self) -> BTreeSet<String> {
        folders(&self.folder).unwrap_or_default()
    }

    /// The deployments of an API, whatever becomes of them.
    pub(crate) fn ids(&self, api: &str) -> BTreeSet<DeploymentId> {
        let names = files(&self.folder.join(api))
            .unwrap_or_default()
            .into_iter();
        names
            .filter_map(|name| DeploymentId::try_from(name).ok())
            .collect()
    }

    /// Writes a snapshot, unless it is there already as it should be.
    ///
    /// # Errors
    ///
    /// When the system refuses, or the name belongs to another content.
    pub(super) fn write_snapshot(
        &self,
        api: &str,
        id: &DeploymentId,
        text: &str,
        watcher: Watcher<'_>,
    ) -> Result<bool, WriteError> {
        let file = self.snapshot_file(api, id);
        let failure = |error| WriteError::File(file.clone(), error);
        match fs::read(&file) {
            Ok(found) if Snapshot::decode(id, &found).is_ok() => return Ok(false),
            _ => {}
        }
        replace(&file, text, watcher).map_err(failure)?;
        Ok(true)
    }

    /// Writes what a stage was told to serve, unless its file is no longer what was read.
    ///
    /// # Errors
    ///
    /// When the system refuses, or somebody else has written the file.
    pub(super) fn write_stage(
        &self,
        api: &str,
        stage: &str,
        state: &StageDeployment,
        watcher: Watcher<'_>,
    ) -> Result<(), WriteError> {
        let file = stage_file(&self.folder, api, stage);
        let failure = |error| WriteError::File(file.clone(), error);
        let text = state.encode().map_err(|error| failure(error.into()))?;
        let before = self
            .stage(api, stage)
            .and_then(|deployed| deployed.read.clone());
        let found = match fs::read(&file) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failure(error)),
        };
        if found.as_deref() != before.as_deref().map(str::as_bytes) {
            return Err(WriteError::Changed(file));
        }
        replace(&file, &text, watcher).map_err(failure)
    }

    /// Keeps other commands from changing anything until this is dropped, however the process ends,
    /// and removes what they left unfinished.
    ///
    /// # Errors
    ///
    /// When the system has no locks there.
    pub(super) fn lock(configuration: &Path) -> Result<File, WriteError> {
        // The folder of the configuration is there before any deployment is.
        let above = configuration.parent();
        let above = above.filter(|path| !path.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        let lock = File::open(above)
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|error| WriteError::File(above.to_owned(), error))?;
        let folder = beside(configuration);
        for api in folders(&folder).unwrap_or_default() {
            tidy(&folder.join(&api));
            tidy(&folder.join(&api).join(STAGES));
        }
        Ok(lock)
    }
}

/// Why nothing was written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// What the system says of a file.
    File(PathBuf, io::Error),
    /// Another program has written the file since it was read.
    Changed(PathBuf),
}

/// The folder of deployments that belongs to a configuration file.
pub(crate) fn beside(configuration: &Path) -> PathBuf {
    crate::project::beside(configuration, NAME)
}

fn stage_file(folder: &Path, api: &str, stage: &str) -> PathBuf {
    folder.join(api).join(STAGES).join(format!("{stage}.json"))
}

/// What one stage was told to serve, by its file.
fn deployed(file: &Path, report: &mut Report) -> Option<Deployed> {
    let document = Document::read(file, report)?;
    let state = match serde_json::from_value::<StageDeployment>(document.root.to_json()) {
        Ok(state) => state,
        Err(error) => {
            let diagnostic = Diagnostic::error(
                "deployment-file",
                file,
                document.root.span.start..document.root.span.start,
                "",
                format!("the file does not say what a stage serves: {error}"),
            );
            report.push(diagnostic.hint(RESTORE));
            return None;
        }
    };
    let span = |pointer: &str| {
        let node = document.pointer(pointer);
        node.map_or(0..0, |node| node.span.clone())
    };
    let canary = state.canary.as_ref();
    if let Some(canary) = canary.filter(|canary| !is_percentage(canary.percent_traffic)) {
        let pointer = Pointer::root().key("canary").key("percentTraffic");
        let diagnostic = Diagnostic::error(
            "deployment-file",
            file,
            span(pointer.as_str()),
            pointer.as_str(),
            format!("{} is no percentage", canary.percent_traffic),
        );
        report.push(diagnostic.hint("write a number from 0 to 100"));
        return None;
    }
    Some(Deployed {
        file: file.to_owned(),
        deployment: span("/deployment"),
        canary: span("/canary/deployment"),
        read: Some(Arc::clone(&document.text)),
        state,
    })
}

/// What to do about a file that was changed by hand.
pub(crate) const RESTORE: &str =
    "restore the file from version control, or remove it: then the stage serves the working files";

/// Whether a canary release can get this share of the traffic.
pub(crate) fn is_percentage(number: f64) -> bool {
    (0.0..=100.0).contains(&number)
}

fn unreadable(folder: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot list `{}`: {error}", folder.display());
    Diagnostic::error("unreadable-file", folder, 0..0, "", message)
}

/// The folders in a folder, which need not be there.
fn folders(folder: &Path) -> io::Result<BTreeSet<String>> {
    names(folder, |path| path.is_dir().then(|| path.file_name())?)
}

/// The JSON files in a folder, which need not be there, without their extension.
fn files(folder: &Path) -> io::Result<BTreeSet<String>> {
    names(folder, |path| {
        let is_json = path.extension() == Some(OsStr::new("json")) && !path.is_dir();
        is_json.then(|| path.file_stem())?
    })
}

fn names(folder: &Path, name: impl Fn(&Path) -> Option<&OsStr>) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        let name = name(&path).and_then(OsStr::to_str);
        found.extend(
            name.filter(|name| !name.starts_with(UNFINISHED))
                .map(str::to_owned),
        );
    }
    Ok(found)
}
