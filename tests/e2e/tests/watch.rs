//! `attache run --watch`: edits reach a gateway under load, and no request notices.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use attache_e2e::{
    Attache, Backend, Client, Gate, Operation, Project, Raw, Reaction, Request, Response,
    definition, until,
};
use rustix::process::Signal;

/// How often the files are edited under load.
const EDITS: usize = 6;

const ACME: &str = "acme-0123456789-0123456789";

fn customer(number: usize) -> String {
    format!("customer-{number}-0123456789-0123456789")
}

/// As many customers as there were edits. `acme` has limits that the test runs into.
fn configuration(customers: usize) -> String {
    let mut text = format!(
        "accessLog: off
apis:
  petstore: {{definition: openapi.json, stages: {{prod: {{}}}}}}
usagePlans:
  open: {{apiStages: [{{api: petstore, stage: prod}}]}}
  counted:
    throttle: {{rateLimit: 1000, burstLimit: 1000}}
    quota: {{limit: 6, period: MONTH}}
    apiStages:
    - {{api: petstore, stage: prod, throttle: {{\"/slow/GET\": {{rateLimit: 0.0001, burstLimit: 3}}}}}}
apiKeys:
  acme: {{value: {ACME}, usagePlans: [counted]}}
"
    );
    for number in 0..=customers {
        let value = customer(number);
        writeln!(
            text,
            "  customer-{number}: {{value: {value}, usagePlans: [open]}}"
        )
        .unwrap();
    }
    text
}

/// As many operations more as there were edits, and all of them at this back end.
fn operations(edits: usize, backend: SocketAddr) -> String {
    let added = (0..=edits).map(|number| format!("/added/{number}"));
    let operations: Vec<Operation> = ["/pets", "/slow", "/held"]
        .into_iter()
        .map(str::to_owned)
        .chain(added)
        .map(|path| Operation::new("GET", &path, &format!("http://{backend}{path}")).with_key())
        .collect();
    definition(&operations)
}

fn get(address: SocketAddr, path: &str, key: &str) -> Response {
    let request = Request::new("GET", path).header("x-api-key", key);
    Client::http1(address).send(&request).unwrap()
}

/// Sends over a few connections that are kept, until told to stop; how many were served.
struct Load<'t> {
    stop: &'t AtomicBool,
    served: &'t AtomicUsize,
}

impl Load<'_> {
    fn run(&self, address: SocketAddr, http2: bool) {
        let mut client = if http2 {
            Client::http2(address)
        } else {
            Client::http1(address)
        };
        let request = Request::new("GET", "/prod/pets").header("x-api-key", customer(0));
        while !self.stop.load(Ordering::Relaxed) {
            let answer = client.send(&request).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(matches!(answer.text().as_str(), "first" | "second"));
            self.served.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Stops the load also when the test fails.
struct Stop<'t>(&'t AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_request_is_lost_while_the_files_are_edited() {
    let backends = ["first", "second"].map(Backend::answering);
    let project = Project::new(&configuration(0), &operations(0, backends[0].address()));
    let mut attache = Attache::serve(project.path(), &["--watch"]);
    let address = attache.address();
    attache.wait_for("watching for edits");

    // What is used up before the edits.
    for (path, times) in [("/prod/slow", 2), ("/prod/pets", 2)] {
        for _ in 0..times {
            assert_eq!(get(address, path, ACME).status, 200);
        }
    }

    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = Load {
        stop: &stop,
        served: &served,
    };
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        let clients: Vec<_> = (0..6)
            .map(|number| {
                scope.spawn({
                    let load = &load;
                    move || load.run(address, number % 3 == 0)
                })
            })
            .collect();
        for edit in 1..=EDITS {
            let backend = &backends[edit % 2];
            let write = if edit % 3 == 0 {
                Project::overwrite
            } else {
                Project::write
            };
            let definition = operations(edit, backend.address());
            write(&project, "openapi.json", &definition);
            write(&project, "attache.yaml", &configuration(edit));
            let path = format!("/prod/added/{edit}");
            let body = until("the edit is served", || {
                let answer = get(address, &path, &customer(edit));
                (answer.status == 200).then(|| answer.text())
            });
            assert_eq!(body, ["first", "second"][edit % 2]);
            let before = served.load(Ordering::Relaxed);
            until("the load goes on", || {
                (served.load(Ordering::Relaxed) > before + 50
                    || clients.iter().any(thread::ScopedJoinHandle::is_finished))
                .then_some(())
            });
        }
        drop(_stop);
        for client in clients {
            client.join().unwrap();
        }
    });
    // One connection for each client, none of them broken; each `get` has its own.
    assert_eq!(attache.stat("http.gateway.downstream_rq_5xx"), 0);
    assert_eq!(attache.stat("wasm.attache.vm_reload_success"), 0);
    assert!(attache.messages().contains("now served: petstore: "));

    // What is left after the edits: one of three, then three of six.
    let answers = [
        "/prod/slow",
        "/prod/slow",
        "/prod/pets",
        "/prod/pets",
        "/prod/pets",
        "/prod/pets",
    ]
    .map(|path| get(address, path, ACME))
    .map(|answer| {
        let error = answer.header("x-amzn-errortype").unwrap_or_default();
        (answer.status, String::from_utf8(error.to_vec()).unwrap())
    });
    let expected = [
        (200, ""),
        (429, "TooManyRequestsException"),
        (200, ""),
        (429, "LimitExceededException"),
        (429, "LimitExceededException"),
        (429, "LimitExceededException"),
    ]
    .map(|(status, error)| (status, error.to_owned()));
    assert_eq!(answers, expected);
    attache.signal(Signal::TERM);
    assert_eq!(attache.wait().code(), Some(0));
}

#[test]
fn a_broken_edit_is_reported_and_what_was_served_before_still_is() {
    let backend = Backend::answering("first");
    let project = Project::new(&configuration(0), &operations(0, backend.address()));
    let attache = Attache::serve(project.path(), &["--watch"]);
    let address = attache.address();
    attache.wait_for("watching for edits");
    let broken = [
        ("attache.yaml", "apis: [".to_owned()),
        (
            "attache.yaml",
            configuration(0).replace("[counted]", "[no-such-plan]"),
        ),
        ("openapi.json", "{}".to_owned()),
    ];
    for (number, (file, text)) in broken.iter().enumerate() {
        project.write(file, text);
        until("the broken edit is reported", || {
            let reports = attache.messages().matches("the edit is not served").count();
            (reports > number).then_some(())
        });
        assert_eq!(get(address, "/prod/pets", &customer(0)).text(), "first");
        let held = attache.stat("extension_config_discovery.http_filter.attache.update_rejected");
        assert_eq!(held, 0, "envoy never sees a broken edit");
        project.write("openapi.json", &operations(0, backend.address()));
        project.write("attache.yaml", &configuration(0));
    }
    assert!(attache.messages().contains("no-such-plan"));
    assert!(!attache.messages().contains(ACME));
    // And an edit that is right again is served.
    project.write("attache.yaml", &configuration(1));
    until("the edit is served", || {
        (get(address, "/prod/pets", &customer(1)).status == 200).then_some(())
    });
}

#[test]
fn a_request_that_began_before_an_edit_ends_as_it_began() {
    let gate = Gate::new();
    let old = Backend::start({
        let gate = gate.clone();
        move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(200, "first")))
    });
    let new = Backend::answering("second");
    let project = Project::new(&configuration(0), &operations(0, old.address()));
    let attache = Attache::serve(project.path(), &["--watch"]);
    let address = attache.address();
    attache.wait_for("watching for edits");
    let mut raw = Raw::connect(address);
    let request = format!(
        "GET /prod/held HTTP/1.1\r\nhost: localhost\r\nx-api-key: {}\r\n\r\n",
        customer(0)
    );
    raw.send(request.as_bytes());
    until("the request at the back end", || {
        (old.connections() == 1).then_some(())
    });
    project.write("openapi.json", &operations(0, new.address()));
    attache.wait_for("now served: petstore: ");
    assert_eq!(get(address, "/prod/held", &customer(0)).text(), "second");
    gate.open();
    let answer = raw.response().unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"first"[..])
    );
    // The same connection, the new configuration.
    raw.send(request.as_bytes());
    assert_eq!(raw.response().unwrap().body, b"second");
}

/// Keys come, change and go on the command line while the gateway runs.
#[test]
fn keys_are_managed_beside_a_running_gateway() {
    let backend = Backend::answering("first");
    let project = Project::new(&configuration(0), &operations(0, backend.address()));
    let attache = Attache::serve(project.path(), &["--watch"]);
    let address = attache.address();
    attache.wait_for("watching for edits");
    let folder = project.path().to_str().unwrap();
    let keys = |arguments: &[&str]| {
        let mut command = Attache::start(&[&["keys"], arguments, &["-C", folder]].concat());
        assert_eq!(command.wait().code(), Some(0), "{}", command.messages());
        command.output().trim().to_owned()
    };
    let served = |key: &str, status: u16| {
        until("the edited keys are served", || {
            (get(address, "/prod/pets", key).status == status).then_some(())
        });
    };
    let first = keys(&["create", "visitor", "--plan", "open"]);
    served(&first, 200);
    let second = keys(&["rotate", "visitor", "--overlap", "1h"]);
    assert_ne!(first, second);
    served(&second, 200);
    assert_eq!(get(address, "/prod/pets", &first).status, 200);
    let third = keys(&["rotate", "visitor"]);
    served(&third, 200);
    for earlier in [&first, &second] {
        assert_eq!(get(address, "/prod/pets", earlier).status, 403);
    }
    keys(&["revoke", "visitor"]);
    served(&third, 403);
    let text = fs::read_to_string(project.path().join("attache.yaml")).unwrap();
    for value in [&first, &second, &third] {
        assert!(!text.contains(value) && !attache.messages().contains(value));
    }
}
