//! What a running Envoy is told to serve, and how it is told something else.
//!
//! A change reaches Envoy in an order in which every request finds what it needs: first the
//! clusters of the old and of the new definition together, then, once Envoy has taken them, the
//! filter's configuration. The clusters that nothing names any more stay until no request can
//! still be on its way to them. A file replaces its predecessor by a rename, so that Envoy never
//! reads half of one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use attache_policies::Upstream;

use super::Compiled;
use super::admin::{Admin, AdminError};
use super::process::POLL_INTERVAL;
use crate::envoy_target::{Dynamic, FILTER_NAME, Resource, TargetError, Transport};

/// How long a cluster outlives its last operation: more than AWS's longest integration, and than
/// a body may take to arrive.
const RETIREMENT: Duration = Duration::from_secs(120);

/// How long Envoy may take to load a configuration. It compiles the filter's module once, at
/// about a megabyte a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a change waits for the names of its new back ends.
const NAME_LOOKUP: Duration = Duration::from_secs(5);

/// The files, and what stands in them.
#[derive(Debug)]
pub(super) struct Deployment {
    files: Dynamic,
    listeners: Resource,
    clusters: Resource,
    plugin: Resource,
    upstreams: BTreeSet<Upstream>,
    retired: BTreeMap<Upstream, Instant>,
}

/// Why Envoy does not serve what it was told to.
#[derive(Debug)]
pub enum DeployError {
    /// No configuration could be written for the gateway.
    Target(TargetError),
    /// A file could not be written.
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Envoy read a file and refused it; what it served before it goes on serving.
    Refused {
        /// Which: `clusters`, `listeners` or `filter`.
        what: &'static str,
    },
    /// Envoy has not answered in time.
    Silent,
    /// Envoy has ended.
    Ended,
    /// Envoy's own pages do not answer.
    Admin(AdminError),
}

impl fmt::Display for DeployError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(formatter),
            Self::File { file, error } => {
                write!(formatter, "`{}` cannot be written: {error}", file.display())
            }
            Self::Refused { what } => write!(formatter, "Envoy refused the new {what}"),
            Self::Silent => write!(
                formatter,
                "Envoy has not loaded the configuration within {} seconds",
                PATIENCE.as_secs()
            ),
            Self::Ended => formatter.write_str("Envoy has ended"),
            Self::Admin(error) => write!(formatter, "Envoy's own pages do not answer: {error}"),
        }
    }
}

impl std::error::Error for DeployError {}

impl From<TargetError> for DeployError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl Deployment {
    /// Writes all files, for an Envoy that has not been started yet.
    pub(super) fn write(files: Dynamic, compiled: &Compiled) -> Result<Self, DeployError> {
        let deployment = Self {
            listeners: files.listeners(&compiled.gateway, &compiled.transport)?,
            clusters: files.clusters(&compiled.upstreams)?,
            plugin: files.plugin(&compiled.gateway)?,
            upstreams: compiled.upstreams.clone(),
            retired: BTreeMap::new(),
            files,
        };
        write_secrets(&deployment.files, &compiled.transport)?;
        replace(
            &deployment.files.bootstrap_file(),
            &deployment.files.bootstrap()?,
        )?;
        replace(
            &deployment.files.listeners_file(),
            &deployment.listeners.text,
        )?;
        replace(&deployment.files.clusters_file(), &deployment.clusters.text)?;
        replace(&deployment.files.plugin_file(), &deployment.plugin.text)?;
        Ok(deployment)
    }

    /// Waits until a fresh Envoy serves all of it. `ended` says whether Envoy is gone.
    pub(super) fn wait_until_served(
        &self,
        admin: &Admin,
        ended: &mut dyn FnMut() -> bool,
    ) -> Result<(), DeployError> {
        let deadline = Instant::now() + PATIENCE;
        for (kind, resource) in [
            (Kind::Clusters, &self.clusters),
            (Kind::Filter, &self.plugin),
            (Kind::Listeners, &self.listeners),
        ] {
            kind.wait(admin, &resource.version, "0", deadline, ended)?;
        }
        while !admin.is_ready() {
            pause(deadline, ended)?;
        }
        Ok(())
    }

    /// Brings another gateway to the running Envoy.
    ///
    /// On an error Envoy serves what it served before.
    pub(super) fn apply(
        &mut self,
        edited: &Compiled,
        admin: &Admin,
        ended: &mut dyn FnMut() -> bool,
    ) -> Result<(), DeployError> {
        let upstreams = &edited.upstreams;
        let plugin = self.files.plugin(&edited.gateway)?;
        let listeners = self.files.listeners(&edited.gateway, &edited.transport)?;
        let now = Instant::now();
        let mut retired = self.retired.clone();
        retired.retain(|_, since| now.duration_since(*since) < RETIREMENT);
        retired.extend(
            self.upstreams
                .difference(upstreams)
                .map(|gone| (gone.clone(), now)),
        );
        retired.retain(|upstream, _| !upstreams.contains(upstream));
        let kept: BTreeSet<Upstream> = upstreams.iter().chain(retired.keys()).cloned().collect();
        let clusters = self.files.clusters(&kept)?;

        write_secrets(&self.files, &edited.transport)?;
        Kind::Clusters.replace(&self.files, &mut self.clusters, clusters, admin, ended)?;
        wait_until_warm(admin, ended)?;
        Kind::Filter.replace(&self.files, &mut self.plugin, plugin, admin, ended)?;
        self.upstreams.clone_from(upstreams);
        self.retired = retired;
        Kind::Listeners.replace(&self.files, &mut self.listeners, listeners, admin, ended)
    }
}

/// The kinds of resources that Envoy reads from files.
#[derive(Clone, Copy)]
enum Kind {
    Clusters,
    Filter,
    Listeners,
}

impl Kind {
    fn file(self, files: &Dynamic) -> PathBuf {
        match self {
            Self::Clusters => files.clusters_file(),
            Self::Filter => files.plugin_file(),
            Self::Listeners => files.listeners_file(),
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Filter => "filter",
            Self::Listeners => "listeners",
        }
    }

    /// Where Envoy keeps the statistics of this kind.
    fn scope(self) -> String {
        match self {
            Self::Clusters => "cluster_manager.cds".to_owned(),
            Self::Filter => format!("extension_config_discovery.http_filter.{FILTER_NAME}"),
            Self::Listeners => "listener_manager.lds".to_owned(),
        }
    }

    /// Puts `next` in the place of `current` and waits until Envoy has taken it. If it does not,
    /// `current` is put back.
    fn replace(
        self,
        files: &Dynamic,
        current: &mut Resource,
        next: Resource,
        admin: &Admin,
        ended: &mut dyn FnMut() -> bool,
    ) -> Result<(), DeployError> {
        if *current == next {
            return Ok(());
        }
        let file = self.file(files);
        let refused = self.state(admin)?.refused;
        replace(&file, &next.text)?;
        let deadline = Instant::now() + PATIENCE;
        match self.wait(admin, &next.version, &refused, deadline, ended) {
            Ok(()) => {
                *current = next;
                Ok(())
            }
            Err(error) => {
                replace(&file, &current.text)?;
                Err(error)
            }
        }
    }

    fn wait(
        self,
        admin: &Admin,
        version: &str,
        refused_before: &str,
        deadline: Instant,
        ended: &mut dyn FnMut() -> bool,
    ) -> Result<(), DeployError> {
        loop {
            let state = self.state(admin)?;
            if state.version == version {
                return Ok(());
            }
            if state.refused != refused_before {
                return Err(DeployError::Refused { what: self.what() });
            }
            pause(deadline, ended)?;
        }
    }

    fn state(self, admin: &Admin) -> Result<State, DeployError> {
        let scope = self.scope();
        let mut statistics = admin
            .statistics(&format!(
                "^{}\\.(version_text|update_rejected)$",
                scope.replace('.', "\\.")
            ))
            .map_err(DeployError::Admin)?;
        let mut take = |name: &str, default: &str| {
            statistics
                .remove(&format!("{scope}.{name}"))
                .unwrap_or_else(|| default.to_owned())
        };
        Ok(State {
            version: take("version_text", ""),
            refused: take("update_rejected", "0"),
        })
    }
}

/// Waits until new clusters have found their addresses; until then Envoy does not know them. A
/// name that does not resolve must not hold up the others for ever.
fn wait_until_warm(admin: &Admin, ended: &mut dyn FnMut() -> bool) -> Result<(), DeployError> {
    const WARMING: &str = "cluster_manager.warming_clusters";
    let deadline = Instant::now() + NAME_LOOKUP;
    loop {
        let statistics = admin
            .statistics("^cluster_manager\\.warming_clusters$")
            .map_err(DeployError::Admin)?;
        if statistics.get(WARMING).is_none_or(|count| count == "0") {
            return Ok(());
        }
        match pause(deadline, ended) {
            Err(DeployError::Silent) => return Ok(()),
            other => other?,
        }
    }
}

struct State {
    /// The version that Envoy serves.
    version: String,
    /// How many it has refused.
    refused: String,
}

fn pause(deadline: Instant, ended: &mut dyn FnMut() -> bool) -> Result<(), DeployError> {
    if ended() {
        return Err(DeployError::Ended);
    }
    if Instant::now() > deadline {
        return Err(DeployError::Silent);
    }
    thread::sleep(POLL_INTERVAL);
    Ok(())
}

/// Writes which certificates there are. Those that nothing names any more stay: Envoy may still read
/// them.
fn write_secrets(files: &Dynamic, transport: &Transport) -> Result<(), DeployError> {
    for file in transport.secret_files()? {
        let path = files.secrets_folder().join(&file.name);
        let current = std::fs::read_to_string(&path);
        if current.is_ok_and(|current| current == file.resource.text) {
            continue;
        }
        replace(&path, &file.resource.text)?;
    }
    Ok(())
}

/// Writes a file beside `file` and renames it into its place.
fn replace(file: &Path, text: &str) -> Result<(), DeployError> {
    let write = || -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut next = tempfile::NamedTempFile::new_in(folder)?;
        next.write_all(text.as_bytes())?;
        next.persist(file).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| DeployError::File {
        file: file.to_owned(),
        error,
    })
}
