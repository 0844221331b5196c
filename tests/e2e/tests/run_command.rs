//! `attache run` from its start to its end, as whoever types it sees it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use attache_e2e::{
    Attache, Backend, Client, Gate, Operation, Project, Raw, Reaction, Request, attache_program,
    definition, is_running, until,
};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

const KEY: &str = "acme-0123456789-0123456789";

/// The pet store of the examples, with its back end at another address.
fn petstore(backend: &Backend) -> Project {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/petstore");
    let configuration = fs::read_to_string(example.join("attache.yaml")).unwrap();
    let backend = backend.address().to_string();
    let project = Project::new(&configuration.replace("127.0.0.1:9000", &backend), "{}");
    let definition = fs::read_to_string(example.join("openapi.yaml")).unwrap();
    project.write("openapi.yaml", &definition);
    project
}

/// One open operation.
fn open(backend: &Backend) -> Project {
    let uri = format!("http://{}/pets", backend.address());
    Project::new(
        "apis: {petstore: {definition: openapi.json, stages: {prod: {}}}}\naccessLog: off\n",
        &definition(&[Operation::new("GET", "/pets", &uri)]),
    )
}

fn run(folder: &Path, flags: &[&str]) -> Attache {
    let folder = folder.to_str().unwrap();
    Attache::start(&[&["run", folder][..], flags].concat())
}

#[test]
fn every_printed_line_can_be_pasted_into_a_shell() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: `curl` is not installed");
        return;
    }
    let backend = Backend::answering("{}");
    let project = petstore(&backend);
    let mut attache = Attache::serve(project.path(), &[]);
    let printed = until("all lines", || {
        let output = attache.output();
        (output.matches("curl").count() == 11).then_some(output)
    });
    assert!(
        printed.starts_with(&format!(
            "petstore (prod): http://{}/prod\n",
            attache.address()
        )),
        "{printed}"
    );
    for line in printed.lines().filter(|line| line.contains("curl")) {
        let script = format!(
            "curl() {{ command curl -s -o /dev/null -w '%{{http_code}}' \"$@\"; }}; {line}"
        );
        let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "200",
            "{line}: {output:?}"
        );
    }
    let mut seen: Vec<String> = backend
        .take_seen()
        .into_iter()
        .map(|seen| format!("{} {}", seen.method, seen.path))
        .collect();
    seen.sort();
    let mut expected = [
        "GET /status",
        "GET /pets",
        "POST /pets",
        "GET /pets/1",
        "PUT /pets/1",
        "DELETE /pets/1",
        "GET /pets/1/photos/proxy/1",
        "GET /owners",
        "GET /owners/1",
        "GET /pets?owner=1",
        "GET /reports/adoptions",
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected);
    attache.signal(Signal::TERM);
    assert!(attache.wait().success());
}

/// Whether this process was started to ignore the end of its terminal, as by `nohup`, which what it
/// starts inherits.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    ignored & 1 != 0
}

#[test]
fn a_signal_ends_it_and_leaves_nothing_behind() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        if signal == Signal::HUP && ignores_hangup() {
            println!("skipped: these tests run under nohup, and so does whatever they start");
            continue;
        }
        let mut attache = Attache::serve(project.path(), &[]);
        let answer = Client::http1(attache.address())
            .send(&Request::new("GET", "/prod/pets"))
            .unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "pets"));
        let started = attache.children();
        assert!(!started.is_empty());
        attache.signal(signal);
        assert_eq!(attache.wait().code(), Some(0), "{signal:?}");
        until("what was started is gone", || {
            (!started.iter().any(|process| is_running(*process))).then_some(())
        });
        assert_eq!(attache.leftovers(), [""; 0].map(std::path::PathBuf::from));
        assert_eq!(attache.messages(), "");
    }
}

#[test]
fn a_signal_while_it_starts_leaves_nothing_behind() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    let mut attache = run(project.path(), &["--port", "0"]);
    until("envoy is being started", || {
        let folder = attache.leftovers().pop()?;
        folder.join("bootstrap.yaml").is_file().then_some(())
    });
    attache.signal(Signal::TERM);
    let started = attache.children();
    assert_eq!(attache.wait().code(), Some(0), "{}", attache.messages());
    assert!(!started.iter().any(|process| is_running(*process)));
    assert!(attache.leftovers().is_empty());
}

#[test]
fn requests_on_their_way_are_finished_first() {
    let gate = Gate::new();
    let backend = Backend::start({
        let gate = gate.clone();
        move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(200, "late")))
    });
    let project = open(&backend);
    let mut attache = Attache::serve(project.path(), &[]);
    let mut raw = Raw::connect(attache.address());
    raw.send(b"GET /prod/pets HTTP/1.1\r\nhost: localhost\r\n\r\n");
    until("the request at the back end", || {
        (backend.connections() == 1).then_some(())
    });
    attache.signal(Signal::TERM);
    attache.wait_for("waiting for requests that are on their way");
    gate.open();
    let answer = raw.response().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"late"[..]));
    assert_eq!(attache.wait().code(), Some(0));
}

#[test]
fn a_second_signal_does_not_wait() {
    let gate = Gate::new();
    let backend = Backend::start({
        let gate = gate.clone();
        move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(200, "late")))
    });
    let project = open(&backend);
    let mut attache = Attache::serve(project.path(), &[]);
    let mut raw = Raw::connect(attache.address());
    raw.send(b"GET /prod/pets HTTP/1.1\r\nhost: localhost\r\n\r\n");
    until("the request at the back end", || {
        (backend.connections() == 1).then_some(())
    });
    attache.signal(Signal::INT);
    attache.wait_for("waiting for requests that are on their way");
    attache.signal(Signal::INT);
    assert_eq!(attache.wait().code(), Some(0));
    assert_eq!(raw.response(), None);
    gate.open();
}

#[test]
fn a_port_in_use_is_one_line() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in ["--port", "--admin-port"] {
        let flags = match flag {
            "--port" => vec![flag, &port],
            _ => vec!["--port", "0", flag, &port],
        };
        let mut attache = run(project.path(), &flags);
        assert_eq!(attache.wait().code(), Some(1), "{flag}");
        let messages = attache.messages();
        assert_eq!(messages.lines().count(), 1, "{messages}");
        assert!(
            messages.starts_with(&format!("error: cannot listen on 127.0.0.1:{port} (")),
            "{messages}"
        );
        assert!(
            messages.contains(&format!("choose another port with `{flag}`")),
            "{messages}"
        );
        assert_eq!(attache.output(), "");
    }
}

#[test]
fn a_faulty_configuration_starts_nothing_and_every_fault_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    // An Envoy that leaves a mark when it is started, even when only asked for its version.
    let (program, mark) = (folder.path().join("envoy"), folder.path().join("mark"));
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let configuration = format!(
        "apis:\n  petstore: {{definition: openapi.json, stages: {{prod: {{}}}}}}\n\
         usagePlans:\n  gold: {{apiStages: [{{api: petstore, stage: test}}]}}\n\
         apiKeys:\n  acme: {{value: {KEY}, usagePlans: [silver]}}\n"
    );
    let uri = "http://127.0.0.1:1/";
    let strange = Operation::new("GET", "/strange", uri).set("type", "strange");
    let slow = Operation::new("GET", "/slow", uri).set("timeoutInMillis", 29_001);
    let project = Project::new(&configuration, &definition(&[strange, slow]));
    let folder = project.path().to_str().unwrap();
    let mut attache = Attache::start_with(
        &["run", folder, "--port", "0"],
        &[("ATTACHE_ENVOY", &program)],
    );
    assert_eq!(attache.wait().code(), Some(1));
    let messages = attache.messages();
    for part in [
        "test",
        "silver",
        "strange",
        "29001",
        "attache.yaml:4:",
        "attache.yaml:6:",
        "openapi.json:1:",
    ] {
        assert!(messages.contains(part), "no `{part}` in {messages}");
    }
    assert_eq!(messages.matches("error").count(), 4, "{messages}");
    assert!(!messages.contains(KEY));
    assert_eq!(attache.output(), "");
    assert!(attache.leftovers().is_empty());
    assert!(!mark.exists());
}

#[test]
fn a_missing_envoy_is_one_line() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    let folder = project.path().to_str().unwrap();
    let missing = project.path().join("no-envoy");
    let mut attache = Attache::start_with(
        &["run", folder, "--port", "0"],
        &[("ATTACHE_ENVOY", &missing)],
    );
    assert_eq!(attache.wait().code(), Some(1));
    let messages = attache.messages();
    assert_eq!(messages.lines().count(), 1, "{messages}");
    assert!(messages.contains("no-envoy` does not run"), "{messages}");

    // Nowhere at all: the program elsewhere, an empty path.
    let elsewhere = tempfile::tempdir().unwrap();
    let program = elsewhere.path().join("attache");
    fs::copy(attache_program(), &program).unwrap();
    let output = Command::new(&program)
        .args(["run", folder, "--port", "0"])
        .env_remove("ATTACHE_ENVOY")
        .env("PATH", elsewhere.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(messages.lines().count(), 1, "{messages}");
    assert!(
        messages.starts_with("error: no Envoy found: install one with "),
        "{messages}"
    );
}

#[test]
fn it_ends_when_envoy_does() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    let mut attache = Attache::serve(project.path(), &[]);
    for process in attache.children() {
        let _ended_already = kill_process(process, Signal::KILL);
    }
    assert_eq!(attache.wait().code(), Some(1));
    assert!(
        attache.messages().contains("Envoy ended by itself"),
        "{}",
        attache.messages()
    );
    assert!(attache.leftovers().is_empty());
}

#[test]
fn the_access_log_goes_where_the_configuration_says() {
    let backend = Backend::answering("pets");
    let project = open(&backend);
    let silent = fs::read_to_string(project.path().join("attache.yaml")).unwrap();
    let lines = |setting: &str| {
        project.write("attache.yaml", &silent.replace("accessLog: off", setting));
        let mut attache = Attache::serve(project.path(), &[]);
        let mut client = Client::http1(attache.address());
        for _ in 0..3 {
            assert_eq!(
                client
                    .send(&Request::new("GET", "/prod/pets"))
                    .unwrap()
                    .status,
                200
            );
        }
        drop(client);
        attache.signal(Signal::TERM);
        assert_eq!(attache.wait().code(), Some(0));
        attache.output()
    };
    let entries = |text: &str| {
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|entry| entry["path"] == "/prod/pets" && entry["status"] == "200")
            .count()
    };
    assert_eq!(entries(&lines("accessLog: off")), 0);
    assert_eq!(entries(&lines("accessLog: on")), 3);
    assert_eq!(entries(&lines("accessLog: access.log")), 0);
    let file = fs::read_to_string(project.path().join("access.log")).unwrap();
    assert_eq!((entries(&file), file.lines().count()), (3, 3));
}
