//! Deployments reach a gateway under load, and no request notices; what is only worked on does not.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Request, Response, definition, until,
};
use rustix::process::Signal;
use serde_json::Value;

const CONFIGURATION: &str = "\
accessLog: off
apis:
  petstore: {definition: openapi.json, stages: {prod: {}, dev: {}}}
";

/// Every request of the load is for this.
const PETS: &str = "/prod/pets";

fn operations(version: usize, backend: SocketAddr) -> String {
    let version = format!("/version/{version}");
    let operations = ["/pets", &version].map(|path| {
        let uri = format!("http://{backend}{path}");
        Operation::new("GET", path, &uri)
    });
    definition(&operations)
}

fn get(address: SocketAddr, path: &str) -> Response {
    Client::http1(address)
        .send(&Request::new("GET", path))
        .unwrap()
}

/// Runs a verb of deployments, and returns what it printed.
fn attache(folder: &Path, line: &str) -> String {
    let mut arguments: Vec<&str> = line.split(' ').collect();
    arguments.push(folder.to_str().unwrap());
    let mut command = Attache::start(&arguments);
    let status = command.wait();
    assert_eq!(status.code(), Some(0), "{line}: {}", command.messages());
    command.output()
}

/// Sends over a few connections that are kept, until it is dropped; every request has to be served.
struct Load<'s> {
    stop: &'s AtomicBool,
    served: &'s AtomicUsize,
}

impl<'s> Load<'s> {
    fn start<'e>(
        scope: &'s thread::Scope<'s, 'e>,
        stop: &'s AtomicBool,
        served: &'s AtomicUsize,
        address: SocketAddr,
        answers: &'static [&'static str],
    ) -> Self {
        for number in 0..6 {
            scope.spawn(move || {
                let mut client = match number % 3 {
                    0 => Client::http2(address),
                    _ => Client::http1(address),
                };
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.send(&Request::new("GET", PETS)).unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(answers.contains(&answer.text().as_str()));
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { stop, served }
    }

    /// Waits until some more requests have been served.
    fn goes_on(&self) {
        let before = self.served.load(Ordering::Relaxed);
        until("the load goes on", || {
            (self.served.load(Ordering::Relaxed) > before + 60).then_some(())
        });
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_request_is_lost_while_stages_are_told_to_serve_something_else() {
    let backends = ["first", "second", "third"].map(Backend::answering);
    let define = |project: &Project, version: usize| {
        let definition = operations(version, backends[version].address());
        project.write("openapi.json", &definition);
    };
    let project = Project::new(CONFIGURATION, &operations(0, backends[0].address()));
    let folder = project.path();
    // Without `--watch`: what is deployed is served all the same.
    let gateway = Attache::serve(folder, &[]);
    let address = gateway.address();
    let serves = |versions: [bool; 3]| {
        until("the deployment is served", || {
            let status = |version: usize| get(address, &format!("/prod/version/{version}")).status;
            let found = [0, 1, 2].map(|version| status(version) == 200);
            (found == versions).then_some(())
        });
    };
    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let load = Load::start(
            scope,
            &stop,
            &served,
            address,
            &["first", "second", "third"],
        );
        load.goes_on();
        attache(folder, "deploy --stage prod -m first");
        gateway.wait_for("now served: petstore: prod serves ");
        serves([true, false, false]);
        load.goes_on();

        define(&project, 1);
        // Nobody has deployed it, to this stage.
        attache(folder, "deploy --stage dev -m second");
        until("the other stage serves it", || {
            (get(address, "/dev/version/1").status == 200).then_some(())
        });
        assert_eq!(get(address, PETS).text(), "first");
        load.goes_on();

        attache(folder, "promote --stage prod --from dev");
        serves([false, true, false]);
        load.goes_on();

        define(&project, 2);
        attache(folder, "deploy --stage prod --canary 50 -m third");
        gateway.wait_for("to 50 % of the requests");
        until("both are served", || {
            let seen = |backend: &Backend| !backend.take_seen().is_empty();
            (seen(&backends[1]) && seen(&backends[2])).then_some(())
        });
        load.goes_on();

        attache(folder, "abandon --stage prod");
        gateway.wait_for("prod has no canary release any more");
        serves([false, true, false]);
        load.goes_on();

        attache(folder, "deploy --stage prod --canary 100");
        gateway.wait_for("to 100 % of the requests");
        attache(folder, "promote --stage prod");
        serves([false, false, true]);
        load.goes_on();

        attache(folder, "rollback --stage prod");
        serves([false, true, false]);
        load.goes_on();
        drop(load);
    });
    assert_eq!(gateway.stat("http.gateway.downstream_rq_5xx"), 0);
    assert_eq!(gateway.stat("wasm.attache.vm_reload_success"), 0);
    assert!(served.load(Ordering::Relaxed) > 400);
    assert!(
        !gateway.messages().contains("not served"),
        "{}",
        gateway.messages()
    );
}

#[test]
fn a_broken_deployment_is_reported_and_what_was_served_before_still_is() {
    let backend = Backend::answering("first");
    let project = Project::new(CONFIGURATION, &operations(0, backend.address()));
    let folder = project.path();
    attache(folder, "deploy --stage prod");
    let gateway = Attache::serve(folder, &[]);
    let address = gateway.address();
    let stage = folder.join("deployments/petstore/stages/prod.json");
    let before = fs::read_to_string(&stage).unwrap();
    let state: Value = serde_json::from_str(&before).unwrap();
    let id = state["deployment"].as_str().unwrap();
    // As version control may bring a stage's file before the deployment that it names.
    fs::write(&stage, before.replace(id, "000000000000")).unwrap();
    gateway.wait_for("error[missing-deployment]");
    gateway.wait_for("what was served before still is");
    assert_eq!(get(address, PETS).text(), "first");
    fs::write(&stage, "{").unwrap();
    gateway.wait_for("deployments/petstore/stages/prod.json:1:");
    assert_eq!(get(address, PETS).text(), "first");
    fs::write(&stage, &before).unwrap();
    project.write("openapi.json", &operations(1, backend.address()));
    attache(folder, "deploy --stage prod");
    until("the mended stage is served", || {
        (get(address, "/prod/version/1").status == 200).then_some(())
    });
}

/// The process itself, and not only its writes one by one: killed at moments that nobody chooses.
#[test]
fn a_killed_deployment_leaves_a_stage_that_can_be_served() {
    const KILLED: u64 = 24;
    let backend = Backend::answering("first");
    let project = Project::new(CONFIGURATION, &operations(0, backend.address()));
    let folder = project.path();
    attache(folder, "deploy --stage prod");
    let stage = folder.join("deployments/petstore/stages/prod.json");
    let mut finished = 0;
    let history = |stage: &Path| -> Vec<Value> {
        let state: Value = serde_json::from_slice(&fs::read(stage).unwrap()).unwrap();
        state["history"].as_array().unwrap().clone()
    };
    for number in 1..=KILLED {
        project.write(
            "openapi.json",
            &operations(1, backend.address()).replace("\"test\"", &format!("\"test {number}\"")),
        );
        let before = history(&stage);
        let mut command = Attache::start(&["deploy", folder.to_str().unwrap(), "--stage", "prod"]);
        // From before it has begun to after it is done.
        thread::sleep(Duration::from_millis(number * 4));
        command.signal(Signal::KILL);
        let _ = command.wait();
        attache(folder, "check");
        let after = history(&stage);
        assert!(after.starts_with(&before) && after.len() <= before.len() + 1);
        finished = after.len();
    }
    // The next one is not kept from anything.
    attache(folder, "deploy --stage prod -m last");
    assert!(history(&stage).len() >= finished);
    let unfinished = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).count()
    };
    assert_eq!(unfinished(&folder.join("deployments/petstore")), 0);
    assert_eq!(unfinished(&folder.join("deployments/petstore/stages")), 0);
}
