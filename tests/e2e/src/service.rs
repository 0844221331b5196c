use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backend::Refusing;
use crate::client::{Body, Client, Request};
use crate::raw::Raw;
use crate::wait::until;

/// A server that is not ours, on a port of loopback. It is ended when this is dropped, with
/// everything that it started.
pub struct Service {
    process: Child,
    folder: TempDir,
    /// What only this service needs.
    project: Option<TempDir>,
    address: SocketAddr,
}

impl Service {
    /// An OpenID issuer (`clients/issuer.py` says what it serves).
    #[must_use]
    pub fn issuer() -> Self {
        Self::issuer_at(Refusing::new())
    }

    /// The same at an address that refused connections until now.
    #[must_use]
    pub fn issuer_at(taken: Refusing) -> Self {
        let address = taken.address();
        let mut command = Command::new(program("python"));
        command
            .arg(script("issuer.py"))
            .arg(address.port().to_string());
        Self::start(command, taken, ("/fetches", 200))
    }

    /// An authorizer as a plain web service (`clients/authorizer.py`).
    #[must_use]
    pub fn authorizer() -> Self {
        let taken = Refusing::new();
        let mut command = Command::new(program("python"));
        command
            .arg(script("authorizer.py"))
            .arg(taken.address().port().to_string());
        Self::start(command, taken, ("/", 200))
    }

    /// `MiniStack`: services of AWS, among them Cognito and a Lambda that runs functions.
    #[must_use]
    pub fn ministack() -> Self {
        let taken = Refusing::new();
        let mut command = Command::new(program("ministack"));
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", taken.address().port().to_string());
        Self::start(command, taken, ("/_ministack/health", 200))
    }

    /// `moto`: services of AWS, among them DynamoDB and SQS.
    #[must_use]
    pub fn moto() -> Self {
        let taken = Refusing::new();
        let mut command = Command::new(program("moto_server"));
        command
            .args(["--host", "127.0.0.1", "--port"])
            .arg(taken.address().port().to_string());
        Self::start(command, taken, ("/moto-api/data.json", 200))
    }

    /// Lambda's APIs as `cargo lambda` emulates them, for one function of this name: the program
    /// at `function`, which AWS's own runtime runs.
    ///
    /// # Panics
    ///
    /// When either does not start.
    #[must_use]
    pub fn lambda(name: &str, function: &Path) -> Self {
        let taken = Refusing::new();
        let project = tempfile::tempdir().expect("a temporary folder");
        // It serves the binaries of a project by their names, and wants one although it starts
        // none of them.
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\n");
        fs::create_dir(project.path().join("src")).expect("a folder");
        fs::write(project.path().join("Cargo.toml"), manifest).expect("a manifest");
        fs::write(project.path().join("src/main.rs"), "fn main() {}").expect("a program");
        let mut command = Command::new("/bin/sh");
        command
            .env("EMULATOR", program("cargo-lambda"))
            .env("FUNCTION", function)
            .env("PORT", taken.address().port().to_string())
            .env("PROJECT", project.path())
            .env("NAME", name)
            .arg(script("lambda.sh"));
        // The emulator asks cargo about the project, in the home that it is given.
        let home = std::env::home_dir().expect("a home");
        for (variable, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
            let place = std::env::var_os(variable);
            command.env(variable, place.unwrap_or_else(|| home.join(folder).into()));
        }
        let mut service = Self::start(command, taken, ("/lambda-url/none/", 404));
        service.project = Some(project);
        service
    }

    /// The back end of an example: its `backend.py`, which answers a `GET` of `ready`.
    #[must_use]
    pub fn of_example(example: &str, ready: &str) -> Self {
        let taken = Refusing::new();
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(example)
            .join("backend.py");
        let mut command = Command::new("python3");
        command
            .arg(file)
            .arg("--port")
            .arg(taken.address().port().to_string());
        Self::start(command, taken, (ready, 200))
    }

    /// Starts a server where nobody listened, and waits until it answers a `GET` of `ready` with
    /// this status.
    fn start(mut command: Command, taken: Refusing, (ready, status): (&str, u16)) -> Self {
        let address = taken.address();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a log file");
        command
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file"))
            .stderr(log)
            .process_group(0);
        drop(taken);
        let process = command.spawn().expect("the service starts");
        let mut service = Self {
            process,
            folder,
            project: None,
            address,
        };
        until("a service that answers", || {
            if let Ok(Some(status)) = service.process.try_wait() {
                panic!("the service ended with {status}: {}", service.log());
            }
            let mut connection = Raw::try_connect(address)?;
            let head =
                format!("GET {ready} HTTP/1.1\r\nhost: service\r\nconnection: close\r\n\r\n");
            connection.send(head.as_bytes());
            (connection.response()?.status == status).then_some(())
        });
        service
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a `GET` of `path` answers, in JSON.
    ///
    /// # Panics
    ///
    /// When it is not 200, or no JSON.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        self.ask(&Request::new("GET", path))
    }

    /// What a `POST` of JSON answers, in JSON.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn post(&self, path: &str, document: &Value) -> Value {
        let body = Body::Whole(document.to_string().into_bytes());
        self.ask(&Request::new("POST", path).body(body))
    }

    fn ask(&self, request: &Request) -> Value {
        let answer = Client::http1(self.address)
            .send(request)
            .expect("the service answers");
        assert_eq!(answer.status, 200, "{}: {}", request.path, self.log());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// Tokens of an [`issuer`](Self::issuer), one for each of these claims, which are added to
    /// its own: `iss`, `iat`, `exp`.
    #[must_use]
    pub fn tokens(&self, algorithm: &str, claims: &[Value]) -> Vec<String> {
        let tokens = self.post(
            "/tokens",
            &json!({"algorithm": algorithm, "claims": claims}),
        );
        serde_json::from_value(tokens).expect("a list of tokens")
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn signal(&self, signal: Signal) {
        let _ended_already = kill_process_group(Pid::from_child(&self.process), signal);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if let Ok(Some(_)) = self.process.try_wait() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // What it started may outlive it.
        self.signal(Signal::KILL);
        let _status = self.process.wait();
    }
}

/// Runs a program of `clients` to its end: JSON in, JSON out.
///
/// # Panics
///
/// When it fails; the message holds what it said.
#[must_use]
pub fn run_client(file: &str, input: &Value) -> Value {
    let mut process = Command::new(program("python"))
        .arg(script(file))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Dropped at once: the program reads until its input ends.
    process
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.to_string().as_bytes())
        .expect("the program reads its input");
    let output = process.wait_with_output().expect("the program ends");
    assert!(
        output.status.success(),
        "{file}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("the program writes JSON")
}

/// The text of a program of `clients`.
///
/// # Panics
///
/// When there is none of this name.
#[must_use]
pub fn client_source(file: &str) -> String {
    fs::read_to_string(script(file)).expect("a program of `tests/e2e/clients`")
}

fn script(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(file)
}

fn program(name: &str) -> PathBuf {
    let clients = std::env::var_os("ATTACHE_CLIENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/clients"),
        PathBuf::from,
    );
    let path = clients.join("bin").join(name);
    assert!(
        path.exists(),
        "the clients of these tests are missing: run `make setup-clients`"
    );
    path
}
