//! The Envoy that this command starts, listens to, and ends.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Event;
use super::envoy_binary::Envoy;
use crate::secrets_key::SecretsKey;

/// How many of Envoy's last complaints are kept for the case that it does not start.
const KEPT_LINES: usize = 8;

/// How much of one of them is shown. What Envoy has to say stands at the front; what it quotes
/// from a file follows.
const SHOWN_CHARACTERS: usize = 400;

/// How often Envoy is asked whether something has happened.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A started Envoy. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    complaints: Arc<Mutex<VecDeque<String>>>,
}

/// What differs from one start to another.
#[derive(Debug)]
pub(super) struct Start<'s> {
    pub(super) bootstrap: &'s Path,
    /// Where Envoy writes the address of its own pages.
    pub(super) admin_address: &'s Path,
    pub(super) concurrency: Option<u32>,
    /// Whether Envoy's standard output, which is the access log, is this command's.
    pub(super) show_output: bool,
    /// The key that the filter opens secrets with.
    pub(super) secrets_key: &'s SecretsKey,
}

impl Process {
    /// Starts Envoy. What it complains about while it runs is sent as [`Event::Complaint`].
    pub(super) fn start(
        envoy: &Envoy,
        start: &Start<'_>,
        events: &Sender<Event>,
    ) -> io::Result<Self> {
        let mut command = Command::new(&envoy.program);
        let (variable, key) = start.secrets_key.variable();
        command
            .env(variable, key.reveal())
            .arg("--config-path")
            .arg(start.bootstrap)
            .arg("--admin-address-path")
            .arg(start.admin_address)
            .args(["--disable-hot-restart", "--log-level", "warning"])
            .args(["--log-format", "%l %v"])
            .stdin(Stdio::null())
            .stdout(if start.show_output {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stderr(Stdio::piped());
        if let Some(workers) = start.concurrency {
            command.args(["--concurrency", &workers.to_string()]);
        }
        // A group of its own: Ctrl-C in the terminal is for this process, which drains first.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stderr) = child.stderr.take() {
            let complaints = Arc::clone(&complaints);
            let events = events.clone();
            thread::spawn(move || listen(stderr, &complaints, &events));
        }
        Ok(Self {
            child,
            pid,
            complaints,
        })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines that Envoy marked as errors.
    pub(super) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).iter().cloned().collect()
    }

    /// Asks Envoy to end, and ends it when it has not within five seconds: a filter that loops
    /// keeps it from listening.
    pub(super) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // It can only fail because the process has just ended.
        let _ = kill_process(self.pid, Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.ended().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads the address that Envoy wrote once it had bound its own pages.
pub(super) fn admin_address(file: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Envoy's lines are `LEVEL MESSAGE`. A line without a level goes on with the message before it:
/// Envoy quotes there what it has read, which is nobody's business on a terminal.
fn listen(stderr: impl Read, complaints: &Mutex<VecDeque<String>>, events: &Sender<Event>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        if let Some(message) = complaint(&String::from_utf8_lossy(&line)) {
            let mut kept = lock(complaints);
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(message.clone());
            drop(kept);
            // Nobody listens any more: the command is about to end.
            let _ = events.send(Event::Complaint(message));
        }
        line.clear();
    }
}

fn complaint(line: &str) -> Option<String> {
    let (level, message) = line.trim_end().split_once(' ')?;
    // To Envoy, which goes on with the old ones, it is a warning.
    let of_certificates = message.starts_with("Failed to reload certificates");
    // Whoever was told that it has gone wants to know that it is back.
    let of_redis = message.starts_with("wasm log attache: Redis at ");
    if !matches!(level, "error" | "critical") && !of_certificates && !of_redis {
        return None;
    }
    let mut shown: String = message.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < message.len() {
        shown.push('…');
    }
    Some(shown)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{SHOWN_CHARACTERS, complaint};

    #[test]
    fn only_errors_are_complaints_and_only_their_first_part_is_shown() {
        assert_eq!(complaint("warning deprecated field\n"), None);
        assert_eq!(
            complaint("warning Failed to reload certificates: a.pem is none\n"),
            Some("Failed to reload certificates: a.pem is none".to_owned())
        );
        assert!(complaint("warning wasm log attache: Redis at a:1 can be used again\n").is_some());
        assert_eq!(complaint("  value: \"a quoted piece\"\n"), None);
        assert_eq!(
            complaint("critical cannot bind\n"),
            Some("cannot bind".to_owned())
        );
        let long = format!("error {}", "é".repeat(SHOWN_CHARACTERS + 1));
        assert_eq!(
            complaint(&long).unwrap().chars().count(),
            SHOWN_CHARACTERS + 1
        );
    }
}
