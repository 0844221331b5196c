//! Many who miss the same key at once: one asks the back end, and nobody waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attache_e2e::{Backend, Gate, Raw, RawResponse, Reaction, Request};
use serde_json::json;

use crate::served::{Served, Setup};

const WAITING: usize = 40;

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// So many clients that have asked for the same and wait; they are spread over both workers.
fn ask(served: &Served, count: usize) -> Vec<Raw> {
    let mut clients: Vec<Raw> = (0..count).map(|_| Raw::connect(served.address())).collect();
    for client in &mut clients {
        assert!(client.send(&get("/prod/pets")));
    }
    clients
}

fn assert_answered(clients: &mut [Raw], body: &str) {
    for client in clients {
        let answer = client.response().unwrap();
        assert_eq!(
            (answer.status, String::from_utf8_lossy(&answer.body)),
            (200, body.into())
        );
    }
}

/// A back end that does this with its calls, counted from 1, in their order.
fn scripted(react: impl Fn(usize) -> Reaction + Send + Sync + 'static) -> Backend {
    let calls = AtomicUsize::new(0);
    Backend::start(move |_| react(calls.fetch_add(1, Ordering::SeqCst) + 1))
}

#[test]
fn misses_of_one_key_make_one_call_over_all_workers() {
    let gate = Gate::new();
    let held = gate.clone();
    let served = Served::everything(scripted(move |call| {
        let answer = Reaction::answer(200, format!("call {call}"));
        Reaction::Behind(held.clone(), Box::new(answer))
    }));
    let mut clients = ask(&served, WAITING);
    served.wait_for_active(WAITING as u64);
    // Another key does not wait for this one.
    let mut other = Raw::connect(served.address());
    other.send(&get("/prod/owners"));
    served.wait_for_calls(2);
    let paths = |served: &Served| {
        let mut paths: Vec<_> = served
            .backend
            .seen()
            .into_iter()
            .map(|seen| seen.path)
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(paths(&served), ["/owners", "/pets"]);
    gate.open();
    let of_pets: Vec<RawResponse> = clients
        .iter_mut()
        .map(|client| client.response().unwrap())
        .collect();
    assert!(of_pets.iter().all(|answer| answer.status == 200));
    assert!(of_pets.iter().all(|answer| answer.body == of_pets[0].body));
    assert_eq!(other.response().unwrap().status, 200);
    assert_eq!(paths(&served), ["/owners", "/pets"]);
    let connections = served.connections_of_workers();
    assert!(
        connections.iter().all(|count| *count > 0),
        "{connections:?}"
    );
}

#[test]
fn a_client_that_leaves_hands_its_place_to_one_who_waits() {
    let gate = Gate::new();
    let held = gate.clone();
    let served = Served::everything(scripted(move |call| {
        let answer = Reaction::answer(200, format!("call {call}"));
        Reaction::Behind(held.clone(), Box::new(answer))
    }));
    let first = ask(&served, 1);
    served.wait_for_calls(1);
    let mut waiting = ask(&served, WAITING);
    served.wait_for_active(WAITING as u64 + 1);
    assert_eq!(served.backend.seen().len(), 1);
    drop(first);
    // One of those who wait asks, long before they would give up, and one only.
    served.wait_for_calls(2);
    served.wait_for_active(WAITING as u64);
    assert_eq!(served.backend.seen().len(), 2);
    gate.open();
    assert_answered(&mut waiting, "call 2");
    assert_eq!(served.calls(), 2);
}

#[test]
fn a_back_end_that_breaks_off_frees_those_who_wait() {
    let faults: [(&str, &[u8]); 2] = [
        (
            "half a body",
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        ),
        (
            "half a chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nhalf",
        ),
    ];
    for (name, bytes) in faults {
        let gate = Gate::new();
        let held = gate.clone();
        let served = Served::everything(scripted(move |call| match call {
            1 => Reaction::Behind(
                held.clone(),
                Box::new(Reaction::BytesThenClose(bytes.to_vec())),
            ),
            _ => Reaction::answer(200, format!("call {call}")),
        }));
        let mut first = ask(&served, 1);
        served.wait_for_calls(1);
        let mut waiting = ask(&served, WAITING);
        served.wait_for_active(WAITING as u64 + 1);
        gate.open();
        assert_answered(&mut waiting, "call 2");
        assert_eq!(served.calls(), 2, "{name}");
        let answer = first[0].response();
        assert!(answer.is_none_or(|answer| answer.status >= 500), "{name}");
    }
}

#[test]
fn an_error_of_the_back_end_is_for_nobody_else() {
    let errors = [
        Reaction::answer(500, "broken"),
        Reaction::answer(503, "away"),
        Reaction::BytesThenClose(Vec::new()),
    ];
    for error in errors {
        let gate = Gate::new();
        let held = gate.clone();
        let served = Served::everything(scripted(move |call| match call {
            1 => Reaction::Behind(held.clone(), Box::new(error.clone())),
            _ => Reaction::answer(200, "well"),
        }));
        let mut first = ask(&served, 1);
        served.wait_for_calls(1);
        let mut waiting = ask(&served, WAITING);
        served.wait_for_active(WAITING as u64 + 1);
        gate.open();
        assert_answered(&mut waiting, "well");
        assert!(first[0].response().unwrap().status >= 500);
    }
}

#[test]
fn those_who_wait_for_what_is_not_kept_do_not_queue() {
    let (first_gate, others_gate) = (Gate::new(), Gate::new());
    let (one, others) = (first_gate.clone(), others_gate.clone());
    let served = Served::everything(scripted(move |call| {
        let gate = if call == 1 { &one } else { &others };
        let answer =
            Reaction::answer(200, "for you alone").header("set-cookie", format!("call={call}"));
        Reaction::Behind(gate.clone(), Box::new(answer))
    }));
    let mut clients = ask(&served, 1);
    served.wait_for_calls(1);
    clients.extend(ask(&served, WAITING));
    served.wait_for_active(WAITING as u64 + 1);
    first_gate.open();
    // All at once: had each to wait for the one before it, only one more would come.
    served.wait_for_calls(WAITING + 1);
    others_gate.open();
    let mut cookies: Vec<Vec<u8>> = clients
        .iter_mut()
        .map(|client| {
            client
                .response()
                .unwrap()
                .header("set-cookie")
                .unwrap()
                .to_vec()
        })
        .collect();
    cookies.sort();
    cookies.dedup();
    assert_eq!(cookies.len(), WAITING + 1);
}

#[test]
fn nobody_waits_longer_than_configured() {
    let gate = Gate::new();
    let held = gate.clone();
    let mut setup = Setup::new(scripted(move |call| {
        let answer = Reaction::answer(200, format!("call {call}"));
        match call {
            1 => Reaction::Behind(held.clone(), Box::new(answer)),
            _ => answer,
        }
    }))
    .get("/{proxy+}", &["method.request.path.proxy"]);
    setup.stage()["cacheCluster"]["longestWaitMillis"] = json!(200);
    let served = setup.serve();
    let mut first = ask(&served, 1);
    served.wait_for_calls(1);
    let mut second = ask(&served, 1);
    assert_answered(&mut second, "call 2");
    gate.open();
    assert_answered(&mut first, "call 1");
}

#[test]
fn a_slow_first_one_does_not_undo_an_invalidation() {
    let gate = Gate::new();
    let held = gate.clone();
    let entered = Arc::new(AtomicUsize::new(0));
    let served = Served::everything(scripted({
        let entered = Arc::clone(&entered);
        move |call| {
            entered.store(call, Ordering::SeqCst);
            let answer = Reaction::answer(200, format!("call {call}"));
            match call {
                1 => Reaction::Behind(held.clone(), Box::new(answer)),
                _ => answer,
            }
        }
    }));
    let mut first = ask(&served, 1);
    served.wait_for_calls(1);
    // What the back end has said to the first one is old from here on.
    let anew = Request::new("GET", "/prod/pets").header("cache-control", "max-age=0");
    assert_eq!(served.send(&anew).text(), "call 2");
    gate.open();
    assert_answered(&mut first, "call 1");
    for _ in 0..5 {
        assert_ne!(served.get("/prod/pets").text(), "call 1");
    }
}
