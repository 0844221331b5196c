//! `attache run`: one Envoy with the gateway's filter, from a definition to its end.
//!
//! ```text
//! compile ─► find Envoy ─► write files ─► start ─► wait until it serves ─► print the addresses
//!                                                                               │
//!              stop ◄─ drain ◄─ SIGINT, SIGTERM ◄───────────── wait ◄───────────┤
//!                                                               │ edited        │
//!                                                               └► compile ─► apply
//! ```
//!
//! With [`Options::watch`], an edit that compiles is brought to the running Envoy without a lost
//! request, and one that does not is reported while Envoy goes on with what it has. What is deployed
//! is brought there with it or without: deploying is not editing.

mod addresses;
mod admin;
mod arguments;
mod certificates;
mod changes;
mod command;
mod deployment;
mod deployment_files;
mod envoy_binary;
mod kept_usage;
mod management;
mod process;
mod sample_body;
mod watch;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use attache_model::Gateway;
use attache_policies::Upstream;
use indicatif::{ProgressBar, ProgressFinish};

use crate::embedded_filters::{Filter, NoFilters};
use crate::envoy_target::{
    AccessLog, Dynamic, Settings, Transport, system_certificate_authorities,
};
use crate::running::Announcement;
use crate::secrets_key::SecretsKey;
use admin::Admin;
use certificates::Certificates;
use deployment::Deployment;
use deployment_files::DeploymentFiles;
use kept_usage::Keeper;
use process::{POLL_INTERVAL, Process, Start};

pub use arguments::Arguments;
pub use command::command;

pub use addresses::{SampleKey, write as write_addresses};
pub use changes::describe as describe_changes;
pub use deployment::DeployError;
pub use envoy_binary::{Envoy, EnvoyError, OLDEST, TESTED, Version};
pub use kept_usage::KeptUsageFile;
pub use management::Management;

/// How long requests may take to finish once a signal has come: AWS's longest integration and
/// a little more.
const DRAIN: Duration = Duration::from_secs(31);

/// How long it takes at most until what workers have counted can be asked for: they store it four
/// times a second.
const LAST_COUNTS: Duration = Duration::from_millis(600);

/// The same where they tell it to Redis, once a second.
const LAST_REPORTS: Duration = Duration::from_millis(1_600);

/// How long the files must be left alone before an edit counts as finished.
const CALM: Duration = Duration::from_millis(150);

const NOT_SERVED: &str = "the edit is not served; what was served before still is";

/// The flags of `attache run`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients connect; port 0 for any free one.
    pub listen: SocketAddr,
    /// The port at the same address for clients that use TLS; port 0 for any free one.
    pub tls_port: u16,
    /// The port of Envoy's own pages, on the loopback interface; `None` for any free one.
    pub admin_port: Option<u16>,
    /// The Envoy to start, in place of the one that is found.
    pub envoy: Option<PathBuf>,
    /// How many worker threads Envoy has; `None` for one per processor.
    pub concurrency: Option<u32>,
    /// The folder whose edits are followed.
    pub watch: Option<PathBuf>,
    /// The folder that says which deployments are served, which need not be there.
    pub deployments: PathBuf,
    /// Where the access log goes, when the gateway keeps one.
    pub access_log: AccessLog,
    /// The key that secrets are sealed with. Envoy has it in its environment, so that an edit may
    /// add the first secret.
    pub secrets_key: SecretsKey,
    /// How other commands find the gateway and get at its management API.
    pub management: Management,
    /// What was used in earlier runs, and what is told to the next.
    pub kept_usage: KeptUsageFile,
}

/// A definition, ready to be served.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the filter loads.
    pub gateway: Gateway,
    /// Every back end that an operation of it can reach.
    pub upstreams: BTreeSet<Upstream>,
    /// What Envoy has to know of connections.
    pub transport: Transport,
    /// Keys for the `curl` lines.
    pub sample_keys: Vec<SampleKey>,
}

/// Why `run` ended without being asked to. `R` is the compiler's report.
#[derive(Debug)]
pub enum RunError<R> {
    /// The definition has faults; nothing was started.
    Refused(R),
    /// The binary has no filter in it.
    NoFilters(NoFilters),
    /// There is no Envoy.
    Envoy(EnvoyError),
    /// Another process listens there.
    AddressTaken {
        /// The address.
        address: SocketAddr,
        /// The flag that chooses another port.
        flag: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// Envoy did not come to serve the definition.
    NotServed {
        /// Why.
        error: DeployError,
        /// What Envoy said.
        complaints: Vec<String>,
    },
    /// Envoy ended by itself.
    EnvoyEnded {
        /// How.
        status: Option<ExitStatus>,
        /// What it said.
        complaints: Vec<String>,
    },
    /// The folder cannot be watched.
    Watch(notify::Error),
    /// Something of the system's failed.
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

impl<R: Display> Display for RunError<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(report) => report.fmt(formatter),
            Self::NoFilters(error) => error.fmt(formatter),
            Self::Envoy(error) => error.fmt(formatter),
            Self::AddressTaken {
                address,
                flag,
                error,
            } => write!(
                formatter,
                "cannot listen on {address} ({error}): end what listens there, or choose another \
                 port with `{flag}`"
            ),
            Self::NotServed { error, complaints } => {
                error.fmt(formatter)?;
                said(formatter, complaints)
            }
            Self::EnvoyEnded { status, complaints } => {
                formatter.write_str("Envoy ended by itself")?;
                if let Some(status) = status {
                    write!(formatter, " ({status})")?;
                }
                said(formatter, complaints)
            }
            Self::Watch(error) => write!(formatter, "the folder cannot be watched: {error}"),
            Self::System { what, error } => write!(formatter, "{what}: {error}"),
        }
    }
}

impl<R: Display + fmt::Debug> std::error::Error for RunError<R> {}

fn said(formatter: &mut fmt::Formatter<'_>, complaints: &[String]) -> fmt::Result {
    for complaint in complaints {
        write!(formatter, "\n  envoy: {complaint}")?;
    }
    Ok(())
}

/// What happens while Envoy serves.
#[derive(Debug)]
enum Event {
    /// SIGHUP, SIGINT or SIGTERM.
    Signal,
    /// A file of the definition has changed, or may have.
    Edited,
    /// Envoy has written an error.
    Complaint(String),
}

/// Serves what `compile` makes until SIGHUP, SIGINT or SIGTERM comes. `output` gets the addresses,
/// `messages` what happens afterwards.
///
/// # Errors
///
/// [`RunError`]. An edit that does not compile is not one.
pub fn run<R: Display>(
    options: &Options,
    compile: &dyn Fn() -> Result<Compiled, R>,
    output: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<(), RunError<R>> {
    let progress = progress();
    progress.set_message("compiling the definition");
    let mut deployments = DeploymentFiles::new(&options.deployments);
    let compiled = compile().map_err(RunError::Refused)?;
    let module = Filter::Gateway.module().map_err(RunError::NoFilters)?;
    let envoy = Envoy::find(options.envoy.as_deref()).map_err(RunError::Envoy)?;
    if !envoy.is_tested() {
        tell(
            messages,
            &format!(
                "warning: Envoy {} is not tested with attache; {TESTED} is",
                envoy.version
            ),
        );
    }
    let admin_port = options.admin_port.unwrap_or(0);
    let admin = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), admin_port);
    let mut addresses = vec![(options.listen, "--port"), (admin, "--admin-port")];
    if !compiled.transport.domains.is_empty() {
        let tls = SocketAddr::new(options.listen.ip(), options.tls_port);
        addresses.push((tls, "--tls-port"));
    }
    for (address, flag) in addresses {
        // Several Envoys would share one port without a word.
        TcpListener::bind(address).map_err(|error| RunError::AddressTaken {
            address,
            flag,
            error,
        })?;
    }
    let folder = tempfile::Builder::new()
        .prefix("attache-")
        .tempdir()
        .map_err(system("no folder for Envoy's configuration"))?;
    let filter = folder.path().join(Filter::Gateway.file_name());
    std::fs::write(&filter, module).map_err(system("the filter cannot be written"))?;

    let (sender, events) = channel();
    forward_signals(&sender).map_err(system("signals cannot be received"))?;
    let settings = Settings {
        listen: options.listen,
        tls_port: options.tls_port,
        admin,
        filter,
        access_log: options.access_log.clone(),
        certificate_authorities: system_certificate_authorities(),
    };
    progress.set_message(format!("starting Envoy {}", envoy.version));
    let mut serving = Serving::start(&envoy, options, settings, folder.path(), &compiled, &sender)?;
    serving.announce(&compiled.gateway, messages);
    let watcher = options
        .watch
        .as_deref()
        .map(|folder| watch::watch(folder, sender.clone()))
        .transpose()
        .map_err(RunError::Watch)?;
    progress.finish_and_clear();

    write_addresses(
        output,
        &compiled.gateway,
        &compiled.sample_keys,
        serving.listen,
        serving.tls_port(options.tls_port),
    )
    .map_err(system("the addresses cannot be printed"))?;
    if watcher.is_some() {
        // What was edited since the definition was read.
        let _ = sender.send(Event::Edited);
        tell(messages, "watching for edits; Ctrl-C ends");
    }
    let ended = serving.follow(
        &events,
        &mut deployments,
        compiled.gateway,
        compile,
        messages,
    );
    drop(watcher);
    ended
}

/// An Envoy that serves a definition.
struct Serving {
    process: Process,
    admin: Admin,
    deployment: Deployment,
    certificates: Certificates,
    listen: SocketAddr,
    management: Management,
    announced: Option<Announcement>,
    keeper: Keeper,
    /// Whether it was said that nothing can be kept.
    said_not_kept: bool,
}

impl Serving {
    fn start<R>(
        envoy: &Envoy,
        options: &Options,
        settings: Settings,
        folder: &Path,
        compiled: &Compiled,
        events: &Sender<Event>,
    ) -> Result<Self, RunError<R>> {
        let files = Dynamic::new(settings, folder.to_owned());
        let bootstrap = files.bootstrap_file();
        let certificates = Certificates::of(&compiled.transport);
        let deployment =
            Deployment::write(files, compiled).map_err(|error| RunError::NotServed {
                error,
                complaints: Vec::new(),
            })?;
        let address_file = folder.join("admin-address");
        let start = Start {
            bootstrap: &bootstrap,
            admin_address: &address_file,
            concurrency: options.concurrency,
            show_output: compiled.gateway.access_log
                && options.access_log == AccessLog::StandardOutput,
            secrets_key: &options.secrets_key,
        };
        let mut process =
            Process::start(envoy, &start, events).map_err(system("Envoy cannot be started"))?;
        let admin = loop {
            if let Some(address) = process::admin_address(&address_file) {
                break Admin::new(address);
            }
            if let Some(status) = process.ended() {
                return Err(RunError::EnvoyEnded {
                    status: Some(status),
                    complaints: process.complaints(),
                });
            }
            thread::sleep(POLL_INTERVAL);
        };
        let served = deployment
            .wait_until_served(&admin, &mut || process.ended().is_some())
            .and_then(|()| admin.listener("gateway").map_err(DeployError::Admin));
        match served {
            Ok(listen) => Ok(Self {
                process,
                admin,
                deployment,
                certificates,
                listen: listen.unwrap_or(options.listen),
                management: options.management.clone(),
                announced: None,
                keeper: options.kept_usage.clone().keeper(),
                said_not_kept: false,
            }),
            Err(error) => Err(RunError::NotServed {
                error,
                complaints: process.complaints(),
            }),
        }
    }

    /// Where clients that use TLS connect, which is news when port 0 was asked for.
    fn tls_port(&self, asked_for: u16) -> u16 {
        let listener = self.admin.listener("gateway_tls").ok().flatten();
        listener.map_or(asked_for, |address| address.port())
    }

    /// Lets other commands find the gateway.
    fn announce(&mut self, gateway: &Gateway, messages: &mut dyn Write) {
        // What was announced before is taken back first: it may be the same file.
        self.announced = None;
        match self.management.announce(gateway, self.listen) {
            Ok(announced) => self.announced = announced,
            Err(error) => tell(
                messages,
                &format!(
                    "warning: `attache cache` and `attache usage` will not find this gateway: {error}"
                ),
            ),
        }
    }

    /// Waits for what happens, and ends with the process.
    fn follow<R: Display>(
        mut self,
        events: &Receiver<Event>,
        deployments: &mut DeploymentFiles,
        mut gateway: Gateway,
        compile: &dyn Fn() -> Result<Compiled, R>,
        messages: &mut dyn Write,
    ) -> Result<(), RunError<R>> {
        // Each worker of Envoy says the same.
        let mut last_complaint = String::new();
        loop {
            let event = match events.recv_timeout(Duration::from_millis(200)) {
                Err(RecvTimeoutError::Timeout) if deployments.have_changed() => Ok(Event::Edited),
                event => event,
            };
            match event {
                Ok(Event::Signal) => {
                    self.drain(events, &gateway, messages);
                    return Ok(());
                }
                Ok(Event::Complaint(complaint)) => {
                    if complaint != last_complaint {
                        tell(messages, &format!("envoy: {complaint}"));
                    }
                    last_complaint = complaint;
                }
                Ok(Event::Edited) => {
                    if wait_for_calm(events, messages) == Calm::Signal {
                        self.drain(events, &gateway, messages);
                        return Ok(());
                    }
                    // What is read now need not be noticed again.
                    deployments.have_changed();
                    match compile() {
                        Ok(edited) => self.apply(edited, &mut gateway, messages),
                        Err(report) => tell(
                            messages,
                            &format!(
                                "{report}\nthe edit is not served; what was served before still is"
                            ),
                        ),
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let kept = self.keeper.keep_sometimes(&gateway);
                    self.say_whether_kept(kept, messages);
                    if self.certificates.have_changed() {
                        self.read_certificates_again(messages);
                    }
                }
            }
            if let Some(status) = self.process.ended() {
                return Err(RunError::EnvoyEnded {
                    status: Some(status),
                    complaints: self.process.complaints(),
                });
            }
        }
    }

    fn say_whether_kept(&mut self, kept: Result<(), String>, messages: &mut dyn Write) {
        if let Err(reason) = kept
            && !self.said_not_kept
        {
            self.said_not_kept = true;
            tell(
                messages,
                &format!("warning: what keys use is not kept for the next run: {reason}"),
            );
        }
    }

    fn read_certificates_again(&self, messages: &mut dyn Write) {
        match self.deployment.read_certificates_again() {
            Ok(()) => tell(messages, "Envoy reads the certificates again"),
            Err(error) => tell(messages, &error.to_string()),
        }
    }

    fn apply(&mut self, edited: Compiled, gateway: &mut Gateway, messages: &mut dyn Write) {
        self.certificates.follow(&edited.transport);
        let process = &mut self.process;
        let applied = self
            .deployment
            .apply(&edited, &self.admin, &mut || process.ended().is_some());
        match applied {
            Ok(()) => {
                let changes = describe_changes(gateway, &edited.gateway);
                if !changes.is_empty() {
                    tell(messages, &format!("now served: {changes}"));
                }
                if gateway.management_api != edited.gateway.management_api {
                    self.announce(&edited.gateway, messages);
                }
                *gateway = edited.gateway;
            }
            Err(error) => tell(messages, &format!("{error}\n{NOT_SERVED}")),
        }
    }

    /// Lets the requests that are on their way finish, then ends Envoy. A second signal ends it
    /// at once.
    fn drain(mut self, events: &Receiver<Event>, gateway: &Gateway, messages: &mut dyn Write) {
        const ACTIVE: &str = "http.gateway.downstream_rq_active";
        let deadline = Instant::now() + DRAIN;
        let mut told = false;
        let mut ends_at_once = false;
        // It opens the connection over which the last requests are told, too: no new ones are taken
        // then.
        let kept = self.keeper.keep(gateway);
        let is_kept = kept.is_ok() && !gateway.usage_plans.is_empty();
        self.say_whether_kept(kept, messages);
        if self.admin.drain().is_ok() {
            while Instant::now() < deadline && self.process.ended().is_none() {
                let active = self
                    .admin
                    .statistics("^http\\.gateway\\.downstream_rq_active$")
                    .ok()
                    .and_then(|mut statistics| statistics.remove(ACTIVE))
                    .unwrap_or_default();
                if active.is_empty() || active == "0" {
                    break;
                }
                if !told {
                    tell(
                        messages,
                        "waiting for requests that are on their way; Ctrl-C again ends at once",
                    );
                    told = true;
                }
                if let Ok(Event::Signal) = events.recv_timeout(POLL_INTERVAL) {
                    ends_at_once = true;
                    break;
                }
            }
        }
        if is_kept && !ends_at_once && self.process.ended().is_none() {
            // Until then every worker has stored what it has seen.
            let is_shared = gateway.state.is_some();
            let _ = events.recv_timeout(if is_shared { LAST_REPORTS } else { LAST_COUNTS });
            // What is not told now was told before the end began, but for the last requests.
            let _ = self.keeper.keep(gateway);
        }
        self.process.stop();
    }
}

#[derive(PartialEq, Eq)]
enum Calm {
    Edited,
    Signal,
}

/// Waits until nothing has been edited for a moment: editors write a file in several steps.
fn wait_for_calm(events: &Receiver<Event>, messages: &mut dyn Write) -> Calm {
    loop {
        match events.recv_timeout(CALM) {
            Ok(Event::Edited) => {}
            Ok(Event::Signal) => return Calm::Signal,
            Ok(Event::Complaint(complaint)) => tell(messages, &format!("envoy: {complaint}")),
            Err(_) => return Calm::Edited,
        }
    }
}

fn forward_signals(events: &Sender<Event>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !ignores(&status, SIGHUP) {
        // The terminal is gone. Envoy, in a group of its own, would stay.
        signals.add_signal(SIGHUP)?;
    }
    let events = events.clone();
    thread::spawn(move || {
        for _ in signals.forever() {
            if events.send(Event::Signal).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Whether a process was started to ignore a signal, as by `nohup`: Linux's description of the
/// process has a bit for each.
fn ignores(status: &str, signal: i32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .zip(u32::try_from(signal - 1).ok())
        .and_then(|(mask, bit)| mask.checked_shr(bit))
        .is_some_and(|mask| mask & 1 == 1)
}

/// A line that moves on a terminal, and nothing anywhere else.
fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

/// A message that nobody can read does not end the gateway.
fn tell(messages: &mut dyn Write, message: &str) {
    let _ = writeln!(messages, "{message}").and_then(|()| messages.flush());
}

fn system<R>(what: &'static str) -> impl FnOnce(io::Error) -> RunError<R> {
    move |error| RunError::System { what, error }
}

#[cfg(test)]
mod tests {
    use super::ignores;

    #[test]
    fn what_a_process_ignores_stands_in_its_description() {
        let status = "Name:\tattache\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        for (signal, ignored) in [(1, true), (2, false), (13, true), (15, false)] {
            assert_eq!(ignores(status, signal), ignored, "{signal}");
        }
        assert!(!ignores("", 1));
    }
}
