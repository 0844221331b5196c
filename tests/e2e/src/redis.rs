use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ::redis::{FromRedisValue, IntoConnectionInfo, RedisError};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::backend::Refusing;
use crate::wait::until;

/// A Redis of Debian's on a port of loopback, in a folder of its own. It is killed when this is
/// dropped, as it is by [`kill`](Self::kill).
pub struct Redis {
    server: Server,
    arguments: Vec<String>,
}

impl Redis {
    /// One that forgets everything when it ends.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// One that has written each change into its append-only file before it answers.
    #[must_use]
    pub fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One with these settings, as on its command line.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let taken = Refusing::new();
        let server = Server::at(taken.address());
        let port = taken.address().port().to_string();
        let arguments = ["--bind", "127.0.0.1", "--port", &port, "--save", ""];
        let arguments = arguments.iter().chain(settings);
        let mut redis = Self {
            server,
            arguments: arguments.map(|word| (*word).to_owned()).collect(),
        };
        drop(taken);
        redis.restart();
        redis
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What it answers to a command.
    ///
    /// # Panics
    ///
    /// When it does not answer, with an error, or with something else than was asked for.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The same.
    ///
    /// # Errors
    ///
    /// When it does not answer within a second, with an error, or with something else than was
    /// asked for.
    pub fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> Result<T, RedisError> {
        let patience = Duration::from_secs(1);
        let place = (self.address().ip().to_string(), self.address().port());
        let client = ::redis::Client::open(place.into_connection_info()?)?;
        let mut connection = client.get_connection_with_timeout(patience)?;
        connection.set_read_timeout(Some(patience))?;
        let (name, rest) = words.split_first().expect("a command");
        ::redis::cmd(name).arg(rest).query(&mut connection)
    }

    /// Ends it at once, as a crash does. What it had not written yet is lost.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again, at the same address and with what its folder holds, and waits until it
    /// answers.
    ///
    /// # Panics
    ///
    /// When it is running, or does not start.
    pub fn restart(&mut self) {
        let mut command = program("redis-server");
        command.args(&self.arguments);
        self.server.start(command);
        until("a Redis that answers", || {
            self.server.check();
            self.try_ask::<String>(&["PING"]).ok()
        });
    }

    /// Stops it without ending it: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it go on after [`freeze`](Self::freeze), with all that was sent to it meanwhile.
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Makes it the replica of a server that is not there: it answers `READONLY` to what writes.
    pub fn make_read_only(&self) {
        // Port 1 of loopback belongs to nobody.
        self.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    }

    /// Ends [`make_read_only`](Self::make_read_only).
    pub fn make_writable(&self) {
        self.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Lets it have no memory left: it answers `OOM` to what writes.
    pub fn fill(&self) {
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    }

    /// Ends [`fill`](Self::fill).
    pub fn relieve(&self) {
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// A process that a test may kill and start again, with its address and its folder.
pub(crate) struct Server {
    process: Option<Child>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// One that was not started yet.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            process: None,
            folder: tempfile::tempdir().expect("a temporary folder"),
            address,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn start(&mut self, mut command: Command) {
        assert!(self.process.is_none(), "the server is running");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log file");
        let process = command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("the server starts");
        self.process = Some(process);
    }

    /// Panics when it has ended by itself.
    pub(crate) fn check(&mut self) {
        let process = self.process.as_mut();
        let ended = process.and_then(|process| process.try_wait().ok().flatten());
        if let Some(status) = ended {
            panic!("the server ended with {status}: {}", self.log());
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            let _ended_already = kill_process_group(Pid::from_child(process), signal);
        }
    }

    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut process) = self.process.take() {
            let _status = process.wait();
        }
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `make setup-redis` unpacks Debian's packages, if it has to.
#[must_use]
pub fn redis_folder() -> PathBuf {
    let tools = std::env::var_os("ATTACHE_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools"),
        PathBuf::from,
    );
    tools.join("redis")
}

/// A program of Debian's packages for Redis: the one that `make setup-redis` has unpacked, or else
/// an installed one.
pub(crate) fn program(name: &str) -> Command {
    let unpacked = redis_folder().join("usr");
    let program = unpacked.join("bin").join(name);
    if !program.exists() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_installed = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        assert!(
            is_installed,
            "`{name}` is missing, which these tests need: run `make setup-redis`"
        );
        return Command::new(name);
    }
    let libraries = fs::read_dir(unpacked.join("lib")).into_iter().flatten();
    let libraries = libraries.flatten().map(|folder| folder.path());
    let libraries = std::env::join_paths(libraries).expect("paths without colons");
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", libraries);
    command
}
