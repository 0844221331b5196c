use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Client, Request, Response};
use crate::envoy;
use crate::wait::{DEADLINE, until, until_within};

/// The `attache` command, as people run it. Whatever it started is ended when this is dropped.
pub struct Attache {
    process: Child,
    temporary: TempDir,
    runtime: TempDir,
    output: Arc<Mutex<String>>,
    messages: Arc<Mutex<String>>,
    readers: [JoinHandle<()>; 2],
}

impl Attache {
    /// Runs the command with these arguments. It has a folder for temporary files to itself, and one
    /// in which it finds other runs and is found.
    ///
    /// # Panics
    ///
    /// When there is no such program; the message says how to get it.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// The same with more environment variables.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with(arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let runtime = tempfile::tempdir().expect("a temporary folder");
        let mut process = Command::new(attache_program())
            .args(arguments)
            .env("TMPDIR", temporary.path())
            .env("XDG_RUNTIME_DIR", runtime.path())
            .env("XDG_STATE_HOME", runtime.path())
            .env("ATTACHE_ENVOY", envoy::binary())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("attache starts");
        let (output, messages) = (Arc::default(), Arc::default());
        let readers = [
            follow(process.stdout.take(), &output),
            follow(process.stderr.take(), &messages),
        ];
        Self {
            process,
            temporary,
            runtime,
            output,
            messages,
            readers,
        }
    }

    /// Serves a folder on any free port with two workers, and waits until it says where.
    ///
    /// # Panics
    ///
    /// When it does not come to serve it; the message holds what it said.
    #[must_use]
    pub fn serve(folder: &Path, flags: &[&str]) -> Self {
        Self::serve_with(folder, flags, &[])
    }

    /// The same with more environment variables.
    ///
    /// # Panics
    ///
    /// As [`serve`](Self::serve).
    #[must_use]
    pub fn serve_with(folder: &Path, flags: &[&str], environment: &[(&str, &Path)]) -> Self {
        let folder = folder.to_str().expect("a path in Unicode");
        let run = ["run", folder, "--port", "0", "--concurrency", "2"];
        let mut attache = Self::start_with(&[&run[..], flags].concat(), environment);
        attache.wait_until_served();
        attache
    }

    /// Waits until the command has printed where it serves.
    ///
    /// # Panics
    ///
    /// When it ends before.
    pub fn wait_until_served(&mut self) {
        // Envoy compiles the filter first, which takes seconds of a processor that others use too.
        until_within(4 * DEADLINE, "attache serves", || {
            if self.ended().is_some() {
                let status = self.wait();
                panic!("attache ended with {status}: {}", self.messages());
            }
            self.output().contains("http://").then_some(())
        });
    }

    /// Where clients connect: the first address in what was printed.
    ///
    /// # Panics
    ///
    /// When nothing was printed.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let output = self.output();
        let port = output
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_once(':'))
            .and_then(|(_, rest)| {
                let end = rest.find(|character: char| !character.is_ascii_digit());
                rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
            });
        SocketAddr::from(([127, 0, 0, 1], port.expect("an address is printed")))
    }

    /// What it has printed to its standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        text(&self.output)
    }

    /// What it has printed to its standard error so far.
    #[must_use]
    pub fn messages(&self) -> String {
        text(&self.messages)
    }

    /// Waits until a message holds `part`.
    ///
    /// # Panics
    ///
    /// When none does within the deadline.
    pub fn wait_for(&self, part: &str) {
        let start = Instant::now();
        while !self.messages().contains(part) {
            assert!(
                start.elapsed() < crate::DEADLINE,
                "no message `{part}`: {}",
                self.messages()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What Envoy's own pages answer to a `GET`.
    ///
    /// # Panics
    ///
    /// When no Envoy is running.
    #[must_use]
    pub fn admin(&self, path: &str) -> Response {
        self.ask_admin("GET", path)
    }

    /// The same with another method.
    ///
    /// # Panics
    ///
    /// As [`admin`](Self::admin).
    #[must_use]
    pub fn ask_admin(&self, method: &str, path: &str) -> Response {
        let file = self.working_folder().join("admin-address");
        let address = fs::read_to_string(file)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .expect("envoy's pages have an address");
        Client::http1(address)
            .send(&Request::new(method, path))
            .expect("envoy's pages answer")
    }

    /// A counter or gauge of Envoy; 0 when there is none.
    ///
    /// # Panics
    ///
    /// As [`admin`](Self::admin).
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        let answer = self.admin(&format!("/stats?format=json&filter=^{name}$"));
        let stats: Value = serde_json::from_slice(&answer.body).expect("statistics in JSON");
        stats["stats"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|stat| stat["name"] == name)
            .and_then(|stat| stat["value"].as_u64())
            .unwrap_or(0)
    }

    /// The folder of Envoy's configuration.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn working_folder(&self) -> PathBuf {
        self.leftovers()
            .into_iter()
            .find(|path| path.is_dir())
            .expect("a folder for envoy's configuration")
    }

    /// What lies in the folder for temporary files, then what others find it by.
    #[must_use]
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        list(self.temporary.path())
            .chain(list(&self.runtime.path().join("attache")))
            .map(|entry| entry.path())
            .collect()
    }

    /// `XDG_RUNTIME_DIR`: another command that has the same one finds this run.
    #[must_use]
    pub fn runtime_folder(&self) -> &Path {
        self.runtime.path()
    }

    /// The processes that it has started and that are still there.
    #[must_use]
    pub fn children(&self) -> Vec<Pid> {
        descendants(self.process.id())
    }

    /// Sends a signal to the command alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        let _ended_already = kill_process(Pid::from_child(&self.process), signal);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Waits until it has ended, and its last words are there. It may take longer than most things
    /// for that: it lets requests finish, and asks an Envoy that may be busy.
    ///
    /// # Panics
    ///
    /// When it does not, or something that it started goes on writing.
    pub fn wait(&mut self) -> ExitStatus {
        let status = until_within(4 * DEADLINE, "attache's end", || self.ended());
        until("attache's last words", || {
            self.readers
                .iter()
                .all(JoinHandle::is_finished)
                .then_some(())
        });
        status
    }
}

impl Drop for Attache {
    fn drop(&mut self) {
        let children = self.children();
        if self.ended().is_none() {
            // Twice: the second one does not wait for requests.
            self.signal(Signal::TERM);
            thread::sleep(Duration::from_millis(20));
            self.signal(Signal::TERM);
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(7) && self.ended().is_none() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        let _ended_already = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        for child in children {
            let _ended_already = kill_process(child, Signal::KILL);
        }
        let _status = self.process.wait();
    }
}

/// Whether a process is there.
#[must_use]
pub fn is_running(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}

/// The program: `ATTACHE_BIN`, or the one beside the folder of the test binary.
///
/// # Panics
///
/// When it is not there; the message says how to get it.
#[must_use]
pub fn attache_program() -> PathBuf {
    if let Some(path) = std::env::var_os("ATTACHE_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("the path of this test");
    let program = test
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("attache"))
        .find(|candidate| candidate.is_file());
    program
        .expect("`attache` is not built: run `make test-envoy`, which builds it with its filters")
}

/// The processes below one, found by their parents.
fn descendants(process: u32) -> Vec<Pid> {
    let table = processes();
    let mut found = vec![process];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = table.iter().filter(|(_, of)| *of == parent);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    found
        .into_iter()
        .skip(1)
        .filter_map(|child| Pid::from_raw(i32::try_from(child).ok()?))
        .collect()
}

/// Every process with its parent: from `/proc`, or where there is none from `ps`.
fn processes() -> Vec<(u32, u32)> {
    if let Ok(entries) = fs::read_dir("/proc") {
        return entries
            .flatten()
            .filter_map(|entry| {
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                // The name, in parentheses, may hold anything; state and parent follow it.
                let (before, after) = stat.rsplit_once(") ")?;
                let process = before.split_whitespace().next()?.parse().ok()?;
                let parent = after.split_whitespace().nth(1)?.parse().ok()?;
                Some((process, parent))
            })
            .collect();
    }
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output()
        .expect("`ps` runs");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect()
}

/// Keeps what a process writes, as it comes.
fn follow(stream: Option<impl Read + Send + 'static>, kept: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let kept = Arc::clone(kept);
    thread::spawn(move || {
        let mut lines = BufReader::new(stream.expect("the stream is a pipe"));
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

fn text(kept: &Mutex<String>) -> String {
    kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
