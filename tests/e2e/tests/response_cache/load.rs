//! Many clients, two workers, entries that expire, are invalidated, flushed and crowded out: every
//! answer is whole, is of its own key, and is not from before what has ended it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use attache_e2e::{Backend, Client, Reaction, Request, Response};
use serde_json::json;

use crate::served::Setup;

const KEYS: usize = 60;
const CLIENTS: usize = 8;
const TOKEN: &str = "management-token-0123456789-0123456789";
/// How long the load lasts.
const LASTS: Duration = Duration::from_secs(8);

/// The body that belongs to a call: its length and every byte of it are those of key and call.
fn body(key: usize, call: usize) -> Vec<u8> {
    // From nothing to more than is kept, most of them small.
    let length = match key % 10 {
        0 => 0,
        1..=5 => 100 + key,
        6..=7 => 20_000 + 97 * key,
        8 => 300_000 + key,
        _ => 1_000_000 + 10_000 * key,
    };
    let seed = (key as u64) << 32 | call as u64;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut body = Vec::with_capacity(length + 8);
    while body.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        body.extend(state.to_le_bytes());
    }
    body.truncate(length);
    body
}

/// Which call of the back end an answer is, once it is shown to be all of it.
fn call_of(key: usize, answer: &Response) -> usize {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let field = |name| -> usize {
        let value = answer.header(name).unwrap();
        str::from_utf8(value).unwrap().parse().unwrap()
    };
    assert_eq!(field("x-key"), key, "the answer of another key");
    let call = field("x-call");
    assert!(
        answer.body == body(key, call),
        "key {key}, call {call}: another body"
    );
    call
}

/// A back end that counts its calls, and sometimes breaks off.
struct Origin {
    calls: AtomicUsize,
}

impl Origin {
    fn react(&self, path: &str) -> Reaction {
        let key: usize = path.trim_start_matches('/').parse().unwrap();
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let body = body(key, call);
        let fields = format!("x-key: {key}\r\nx-call: {call}\r\n");
        let head = format!("HTTP/1.1 200 OK\r\n{fields}");
        match call % 12 {
            // Broken off, in both framings.
            3 if body.len() > 1 => {
                let length = body.len();
                let bytes = format!("{head}content-length: {length}\r\n\r\n").into_bytes();
                Reaction::BytesThenClose([&bytes, &body[..length / 2]].concat())
            }
            7 if body.len() > 1 => {
                let bytes = format!(
                    "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n",
                    body.len()
                );
                Reaction::BytesThenClose([bytes.as_bytes(), &body[..body.len() / 2]].concat())
            }
            5 => Reaction::answer(503, "away"),
            9 => {
                let bytes = format!("{head}transfer-encoding: chunked\r\n\r\n");
                let mut bytes = bytes.into_bytes();
                for chunk in body.chunks(7_000) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
                Reaction::Bytes(bytes, Box::new(Reaction::KeepOpen))
            }
            _ => Reaction::answer(200, body)
                .header("x-key", key.to_string())
                .header("x-call", call.to_string()),
        }
    }
}

/// A number of its own for each, the same every time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn every_answer_is_one_that_the_back_end_gave_to_this_key() {
    let origin: &'static Origin = Box::leak(Box::new(Origin {
        calls: AtomicUsize::new(0),
    }));
    let backend = Backend::start(move |seen| origin.react(&seen.path));
    let mut setup = Setup::new(backend).get("/{proxy+}", &["method.request.path.proxy"]);
    // Less than all the answers take together, so that they crowd each other out.
    setup.stage()["cacheCluster"]["sizeMiB"] = json!(4);
    setup.settings()["cacheTtlInSeconds"] = json!(1);
    setup.configuration["managementApi"] = json!({"token": TOKEN});
    let served = setup.serve();

    let stop = AtomicBool::new(false);
    let (whole, broken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let load = |number: usize| {
        let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ (number as u64 + 1) << 20;
        let open = || match number % 2 {
            0 => Client::http1(served.address()),
            _ => Client::http2(served.address()),
        };
        let mut client = open();
        while !stop.load(Ordering::Relaxed) {
            let key = {
                // Some keys are asked for far more often than others.
                let drawn = next(&mut random) as usize;
                (drawn % KEYS).min((drawn >> 20) % KEYS)
            };
            let mut request = Request::new("GET", &format!("/prod/{key}"));
            let anew = next(&mut random).is_multiple_of(20);
            if anew {
                request = request.header("cache-control", "max-age=0");
            }
            let before = origin.calls.load(Ordering::SeqCst);
            let answer = match client.send(&request) {
                Ok(answer) if answer.status < 500 => answer,
                // What the back end broke off is broken off for its own client, too.
                _ => {
                    broken.fetch_add(1, Ordering::Relaxed);
                    client = open();
                    continue;
                }
            };
            let call = call_of(key, &answer);
            whole.fetch_add(1, Ordering::Relaxed);
            if anew {
                assert!(
                    call >= before,
                    "asked for a new answer, got call {call} of {before}"
                );
            }
        }
    };
    let flusher = || {
        let flush = Request::new("DELETE", "/restapis/petstore/stages/prod/cache/data")
            .header("authorization", format!("Bearer {TOKEN}"));
        let mut key = 0;
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(300));
            let before = origin.calls.load(Ordering::SeqCst);
            assert_eq!(served.send(&flush).status, 202);
            key = (key + 1) % KEYS;
            let answer =
                Client::http1(served.address()).send(&Request::new("GET", &format!("/prod/{key}")));
            if let Ok(answer) = answer
                && answer.status < 500
            {
                let call = call_of(key, &answer);
                // Whatever was called before, and be it on its way, is not kept.
                assert!(call >= before, "call {call} of {before} after a flush");
            }
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || load(number)))
            .collect();
        let flushing = scope.spawn(flusher);
        let end = Instant::now() + LASTS;
        let ended = |clients: &[thread::ScopedJoinHandle<'_, ()>]| {
            clients.iter().any(thread::ScopedJoinHandle::is_finished)
        };
        while Instant::now() < end && !ended(&clients) && !flushing.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
        flushing.join().unwrap();
    });
    let (whole, broken) = (whole.into_inner(), broken.into_inner());
    println!(
        "{whole} answers, {broken} broken off, {} hits, {} evictions",
        served.metric("CacheHitCount"),
        served.metric("CacheEvictionCount")
    );
    let calls = origin.calls.load(Ordering::SeqCst);
    assert!(whole > 200, "{whole} answers");
    assert!(broken > 0, "the back end never broke off");
    // Broken ones and those that are too long apart, there is something that hits.
    assert!(
        served.metric("CacheHitCount") > 50,
        "{calls} calls, {whole} answers"
    );
    let connections = served.connections_of_workers();
    assert!(
        connections.iter().all(|count| *count > 0),
        "{connections:?}"
    );
    assert_eq!(served.attache.stat("wasm.attache.vm_reload_success"), 0);
}
