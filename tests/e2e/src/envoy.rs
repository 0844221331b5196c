use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::raw::{Raw, RawResponse};
use crate::wait::until;

/// A running Envoy. It is ended when this is dropped, with everything that it started.
pub struct Envoy {
    process: Child,
    folder: TempDir,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts Envoy with this bootstrap configuration and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready; the message holds the end of its log.
    #[must_use]
    pub fn start(bootstrap: &Value, workers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_text(folder, &bootstrap.to_string(), workers)
    }

    /// The same with a configuration in YAML or JSON, in a folder to which it may refer.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_text(folder: TempDir, bootstrap: &str, workers: usize) -> Self {
        Self::start_text_with(folder, bootstrap, workers, &[])
    }

    /// The same with more environment variables.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_text_with(
        folder: TempDir,
        bootstrap: &str,
        workers: usize,
        environment: &[(&str, &str)],
    ) -> Self {
        let configuration = folder.path().join("envoy.yaml");
        fs::write(&configuration, bootstrap).expect("the configuration is written");
        let admin_file = folder.path().join("admin-address");
        let log = File::create(folder.path().join("envoy.log")).expect("a log file");
        let mut process = Command::new(binary())
            .arg("--config-path")
            .arg(&configuration)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .arg("--concurrency")
            .arg(workers.to_string())
            .args(["--disable-hot-restart", "--log-level", "info"])
            // Access logs are written at once, not every ten seconds.
            .args(["--file-flush-interval-msec", "10"])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // The binary may be a wrapper script: the whole group is ended with it.
            .process_group(0)
            .spawn()
            .expect("envoy starts; set ATTACHE_ENVOY to its path");
        let admin = until("envoy's admin address", || {
            if let Ok(Some(status)) = process.try_wait() {
                panic!("envoy ended with {status}: {}", log_tail(folder.path()));
            }
            fs::read_to_string(&admin_file).ok()?.parse().ok()
        });
        let mut envoy = Self {
            process,
            folder,
            admin,
        };
        until("envoy ready", || {
            if let Ok(Some(status)) = envoy.process.try_wait() {
                panic!("envoy ended with {status}: {}", log_tail(envoy.folder()));
            }
            let answer = envoy.admin_request("GET", "/ready")?;
            (answer.status == 200).then_some(())
        });
        envoy
    }

    /// Whether Envoy would accept this bootstrap configuration, with its log.
    #[must_use]
    pub fn validate(bootstrap: &Value) -> (bool, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("envoy.json"), bootstrap.to_string())
            .expect("the configuration is written");
        Self::validate_file(folder.path(), "envoy.json", &[])
    }

    /// Whether Envoy, started in a folder, would accept the configuration file there, with its
    /// log.
    ///
    /// # Panics
    ///
    /// When there is no Envoy.
    #[must_use]
    pub fn validate_file(
        folder: &Path,
        file: &str,
        environment: &[(&str, &str)],
    ) -> (bool, String) {
        let output = Command::new(binary())
            .current_dir(folder)
            .envs(environment.iter().copied())
            .args(["--mode", "validate", "--disable-hot-restart"])
            .args(["--config-path", file])
            .output()
            .expect("envoy starts; set ATTACHE_ENVOY to its path");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), log)
    }

    /// Where a listener listens.
    ///
    /// # Panics
    ///
    /// When there is no such listener.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        let listeners = self.admin_json("/listeners?format=json");
        let address = listeners["listener_statuses"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|listener| listener["name"] == name)
            .map(|listener| &listener["local_address"]["socket_address"]);
        let Some(address) = address else {
            panic!("envoy has no listener `{name}`: {listeners}");
        };
        let (host, port) = (address["address"].as_str(), address["port_value"].as_u64());
        format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default())
            .parse()
            .expect("an address with a port")
    }

    /// A counter or gauge; 0 when there is none.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        let stats = self.admin_json(&format!("/stats?format=json&filter=^{name}$"));
        stats["stats"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|stat| stat["name"] == name)
            .and_then(|stat| stat["value"].as_u64())
            .unwrap_or(0)
    }

    /// What the admin interface answers to a `GET`.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    #[must_use]
    pub fn admin(&self, path: &str) -> String {
        let answer = self
            .admin_request("GET", path)
            .expect("the admin interface answers");
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    /// Where the admin interface listens.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// What Envoy has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        read_lossy(&self.folder().join("envoy.log"))
    }

    /// The folder of this Envoy's files, gone when it is dropped.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process that was started.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        until("envoy's end", || self.process.try_wait().ok().flatten())
    }

    fn admin_json(&self, path: &str) -> Value {
        serde_json::from_str(&self.admin(path)).expect("the admin interface answers JSON")
    }

    fn admin_request(&self, method: &str, path: &str) -> Option<RawResponse> {
        let mut connection = Raw::try_connect(self.admin)?;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        connection.send(request.as_bytes());
        connection.response()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
        {
            let _ended_already = kill_process_group(group, signal);
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.process.try_wait() {
            return;
        }
        self.signal(Signal::TERM);
        // A worker in an endless loop keeps the process from ending by itself.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal(Signal::KILL);
        let _status = self.process.wait();
    }
}

/// `ATTACHE_ENVOY`, or the one that the project has set up, or the one on the path.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ATTACHE_ENVOY") {
        return PathBuf::from(path);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/envoy/bin/envoy");
    if own.is_file() {
        return own;
    }
    PathBuf::from("envoy")
}

fn log_tail(folder: &Path) -> String {
    let log = read_lossy(&folder.join("envoy.log"));
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
