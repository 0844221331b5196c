//! Calls to other services, in a real Envoy: shared by requests, made apart from any, and left
//! behind by those that made them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{Backend, Client, Envoy, Gate, Raw, Reaction, Request, module, until};
use serde_json::{Value, json};

/// An Envoy with the probe, a back end, and an authorizer.
struct Setup {
    envoy: Envoy,
    backend: Backend,
    authorizer: Backend,
}

impl Setup {
    fn new(authorizer: Backend, configuration: &str) -> Self {
        let backend = Backend::answering("answer");
        let bootstrap = Bootstrap::proxying(backend.address())
            .cluster("authorizer", authorizer.address())
            .wasm(&module("probe"), configuration)
            .build();
        Self {
            envoy: Envoy::start(&bootstrap, 1),
            backend,
            authorizer,
        }
    }

    /// An authorizer that answers once the gate is open.
    fn behind(gate: &Gate, status: u16) -> Self {
        Self::new(gated(gate, status), "")
    }

    fn listener(&self) -> SocketAddr {
        self.envoy.listener(LISTENER)
    }

    fn active_requests(&self) -> u64 {
        self.envoy.stat("http.ingress.downstream_rq_active")
    }

    fn asked(&self) -> u64 {
        self.envoy.stat("cluster.authorizer.upstream_rq_total")
    }

    fn assert_alive(&self) {
        until("nobody is left", || {
            (self.active_requests() == 0).then_some(())
        });
        let answer = Client::http1(self.listener()).send(&Request::new("GET", "/alive"));
        assert_eq!(answer.unwrap().status, 200);
        assert_eq!(self.envoy.stat("wasm.attache.vm_reload_success"), 0);
        let log = self.envoy.log();
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("[error]"), "{log}");
    }
}

fn gated(gate: &Gate, status: u16) -> Backend {
    let gate = gate.clone();
    Backend::start(move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(status, ""))))
}

/// A request on a connection of its own, whose answer is still to be read.
fn sent(listener: SocketAddr, program: &str, share: &str) -> Raw {
    let mut raw = Raw::connect(listener);
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-probe: {program}\r\nx-share: {share}\r\ncontent-length: 5\r\n\r\n12345"
    );
    assert!(raw.send(request.as_bytes()));
    raw
}

fn status(raw: &mut Raw) -> Option<u16> {
    raw.response().map(|response| response.status)
}

#[test]
fn requests_that_make_the_same_call_share_one() {
    for (status_of_authorizer, expected) in [(200, 200), (403, 403)] {
        let gate = Gate::new();
        let setup = Setup::behind(&gate, status_of_authorizer);
        let listener = setup.listener();
        let mut clients: Vec<Raw> = (0..30)
            .map(|number| sent(listener, "share", ["one", "other"][number % 2]))
            .collect();
        until("all are there", || {
            (setup.active_requests() == 30).then_some(())
        });
        // A call by no name is nobody else's.
        clients.push(sent(listener, "callout", "one"));
        until("all are there", || (setup.asked() == 3).then_some(()));
        assert_eq!(setup.backend.connections(), 0);
        gate.open();
        for client in &mut clients {
            assert_eq!(status(client), Some(expected));
        }
        assert_eq!(setup.authorizer.seen().len(), 3);
        // What was answered is over: the next one asks anew.
        assert_eq!(status(&mut sent(listener, "share", "one")), Some(expected));
        assert_eq!(setup.authorizer.seen().len(), 4);
        let passed = if expected == 200 { 32 } else { 0 };
        assert_eq!(setup.backend.seen().len(), passed);
        setup.assert_alive();
    }
}

#[test]
fn whoever_made_the_call_may_go_away() {
    let gate = Gate::new();
    let setup = Setup::behind(&gate, 200);
    let listener = setup.listener();
    let first = sent(listener, "share", "one");
    until("the authorizer is asked", || {
        (setup.asked() == 1).then_some(())
    });
    let mut second = sent(listener, "share", "one");
    let third = sent(listener, "share", "one");
    until("all are there", || {
        (setup.active_requests() == 3).then_some(())
    });
    drop((first, third));
    until("they are gone", || {
        (setup.active_requests() == 1).then_some(())
    });
    gate.open();
    assert_eq!(status(&mut second), Some(200));
    assert_eq!(setup.asked(), 1);
    assert_eq!(setup.backend.seen().len(), 1);
    setup.assert_alive();
}

/// A pipeline that asks twice, shares both, and holds a body meanwhile.
#[test]
fn an_answer_can_lead_to_the_next_call() {
    let gate = Gate::new();
    let setup = Setup::behind(&gate, 200);
    let listener = setup.listener();
    let mut clients: Vec<Raw> = (0..20)
        .map(|_| sent(listener, "share body share forward share", "one"))
        .collect();
    until("all are there", || {
        (setup.active_requests() == 20).then_some(())
    });
    gate.open();
    for client in &mut clients {
        assert_eq!(status(client), Some(200));
    }
    let seen = setup.backend.take_seen();
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|seen| seen.body == b"12345"));
    setup.assert_alive();
}

/// What a woken request does is carried out inside of what the one before it does. Without a
/// bound, a refusal of so many uses up the worker's stack, and Envoy is gone.
#[test]
fn an_answer_for_thousands_does_not_use_up_the_stack() {
    for expected in [403, 200] {
        let gate = Gate::new();
        let setup = Setup::behind(&gate, expected);
        let listener = setup.listener();
        let mut clients: Vec<Raw> = (0..3000).map(|_| sent(listener, "share", "one")).collect();
        until("all are there", || {
            (setup.active_requests() == 3000).then_some(())
        });
        assert_eq!(setup.asked(), 1);
        gate.open();
        for client in &mut clients {
            assert_eq!(status(client), Some(expected));
        }
        setup.assert_alive();
    }
}

/// Clients that go away at any moment, those that made a call among them.
#[test]
fn no_disconnection_strands_the_others() {
    const ROUNDS: usize = 30;
    const CLIENTS: usize = 200;
    let authorizer = Backend::start(|seen| {
        let status = if seen.path == "/" { 200 } else { 403 };
        Reaction::After(
            Duration::from_millis(20),
            Box::new(Reaction::answer(status, "")),
        )
    });
    let setup = Setup::new(authorizer, "");
    let listener = setup.listener();
    let mut state = 1_u32;
    let mut draw = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for round in 0..ROUNDS {
        let mut staying = Vec::new();
        let mut leaving = Vec::new();
        for number in 0..CLIENTS {
            let share = format!("{round}-{}", draw(4));
            let program = ["share", "share share", "body share body"][number % 3];
            let client = sent(listener, program, &share);
            // The first of a name is as likely to leave as any other.
            if draw(2) == 0 {
                leaving.push(client);
            } else {
                staying.push(client);
            }
            if draw(8) == 0 && !leaving.is_empty() {
                leaving.swap_remove(draw(leaving.len() as u32) as usize);
            }
        }
        drop(leaving);
        for client in &mut staying {
            assert_eq!(status(client), Some(200), "round {round}");
        }
    }
    let asked = setup.asked();
    assert!(asked < (ROUNDS * CLIENTS) as u64 / 4, "{asked} calls");
    setup.assert_alive();
}

#[test]
fn an_errand_is_run_again_and_again_and_its_answer_kept() {
    let authorizer = Backend::start(|seen| Reaction::answer(200, format!("at {}", seen.path)));
    let setup = Setup::new(authorizer, "errands");
    let mut client = Client::http1(setup.listener());
    let mut fetched = || {
        let answer = client
            .send(&Request::new("GET", "/").header("x-probe", "fetched"))
            .unwrap();
        assert_eq!(answer.status, 299);
        answer.text()
    };
    until("three errands have ended", || {
        fetched().starts_with("3 ").then_some(())
    });
    assert!(fetched().ends_with(" at /errand"));
    assert!(
        setup
            .authorizer
            .seen()
            .iter()
            .all(|seen| seen.path == "/errand")
    );
    setup.assert_alive();
}

/// Calls that a busy plugin makes in between do not keep the errands from their turn.
#[test]
fn calls_do_not_hold_errands_up() {
    let authorizer = Backend::answering("yes");
    let setup = Setup::new(authorizer, "errands");
    let mut client = Client::http1(setup.listener());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        let request = Request::new("GET", "/").header("x-probe", "share");
        assert_eq!(client.send(&request).unwrap().status, 200);
    }
    let answer = client
        .send(&Request::new("GET", "/").header("x-probe", "fetched"))
        .unwrap();
    let count: usize = answer.text().split(' ').next().unwrap().parse().unwrap();
    assert!(count >= 3, "{count}");
    setup.assert_alive();
}

#[test]
fn an_answer_that_is_too_long_is_none() {
    let authorizer = Backend::start(|_| Reaction::answer(200, vec![b'x'; 7 * 1024 * 1024]));
    let setup = Setup::new(authorizer, "");
    let mut client = sent(setup.listener(), "share", "one");
    assert_eq!(status(&mut client), Some(403));
    setup.assert_alive();
}

#[test]
fn a_cluster_that_is_not_there_fails_the_call() {
    let backend = Backend::answering("answer");
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("probe"), "errands")
        .build();
    let envoy = Envoy::start(&bootstrap, 1);
    for program in ["share", "callout"] {
        let mut client = sent(envoy.listener(LISTENER), program, "one");
        assert_eq!(status(&mut client), Some(403));
    }
    let mut client = Client::http1(envoy.listener(LISTENER));
    until("the errand has failed", || {
        let request = Request::new("GET", "/").header("x-probe", "fetched");
        client
            .send(&request)
            .unwrap()
            .text()
            .ends_with(" failed")
            .then_some(())
    });
    assert_eq!(backend.seen(), []);
}

/// A request that waits when its filter gets a new configuration is answered by the old one, also
/// when the one that made the call has gone.
#[test]
fn a_new_configuration_does_not_strand_those_who_wait() {
    let gate = Gate::new();
    let backend = Backend::answering("answer");
    let authorizer = gated(&gate, 200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filter.json");
    let mut bootstrap = Bootstrap::proxying(backend.address())
        .cluster("authorizer", authorizer.address())
        .wasm(&module("probe"), "")
        .build();
    let filter = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [0]["typed_config"]["http_filters"][0];
    let mut wasm = filter["typed_config"].take();
    *filter = json!({
        "name": "attache",
        "config_discovery": {
            "config_source": {"path_config_source": {"path": file}},
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        },
    });
    bootstrap["node"] = json!({"id": "test", "cluster": "test"});
    discover(&file, &wasm);
    let envoy = Envoy::start(&bootstrap, 1);
    let listener = envoy.listener(LISTENER);
    let first = sent(listener, "share", "one");
    let mut second = sent(listener, "share share", "one");
    until("both are there", || {
        (envoy.stat("http.ingress.downstream_rq_active") == 2).then_some(())
    });
    let updates = "extension_config_discovery.http_filter.attache.config_reload";
    let before = envoy.stat(updates);
    for configuration in ["new", "newer"] {
        wasm["config"]["configuration"]["value"] = json!(configuration);
        discover(&file, &wasm);
    }
    until("the configuration is there", || {
        (envoy.stat(updates) > before).then_some(())
    });
    drop(first);
    until("one is gone", || {
        (envoy.stat("http.ingress.downstream_rq_active") == 1).then_some(())
    });
    // The new configuration is another plugin: it makes a call of its own.
    let mut third = sent(listener, "share", "one");
    until("it asks", || {
        (envoy.stat("cluster.authorizer.upstream_rq_total") == 2).then_some(())
    });
    gate.open();
    assert_eq!(status(&mut second), Some(200));
    assert_eq!(status(&mut third), Some(200));
    let log = envoy.log();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(status(&mut sent(listener, "share", "one")), Some(200));
}

/// Puts a filter's configuration where Envoy watches for it: under another name first, then moved.
fn discover(file: &Path, wasm: &Value) {
    let mut filter = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "attache",
    });
    filter["typed_config"] = wasm.clone();
    let aside = file.with_extension("new");
    std::fs::write(&aside, json!({"resources": [filter]}).to_string()).unwrap();
    std::fs::rename(aside, file).unwrap();
}
