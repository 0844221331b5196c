//! Answers that a filter passes on while it copies them, and requests that it lets wait, in a real
//! Envoy: no byte is lost or held back, the copy is exact, and nobody passes before the time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::time::{Duration, Instant};

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{
    Backend, Body, Client, Envoy, Gate, Raw, Reaction, Request, Response, module, until,
};

/// The longest body that the tests' pipelines want to have.
const AT_MOST: usize = 1024 * 1024;

/// An Envoy with the probe, a back end, and an authorizer that says yes.
struct Setup {
    envoy: Envoy,
    backend: Backend,
    authorizer: Backend,
}

impl Setup {
    fn new(backend: Backend, configuration: &str) -> Self {
        let authorizer = Backend::answering("yes");
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

    fn answering() -> Self {
        Self::new(Backend::answering("answer"), "")
    }

    fn http1(&self) -> Client {
        Client::http1(self.envoy.listener(LISTENER))
    }

    fn clients(&self) -> [(&'static str, Client); 2] {
        let listener = self.envoy.listener(LISTENER);
        [
            ("HTTP/1.1", Client::http1(listener)),
            ("HTTP/2", Client::http2(listener)),
        ]
    }

    fn active_requests(&self) -> u64 {
        self.envoy.stat("http.ingress.downstream_rq_active")
    }

    /// What stands in the shared store.
    fn stored(&self, name: &str) -> Vec<u8> {
        let answer = self.http1().send(&probe("stored", name)).unwrap();
        assert_eq!(answer.status, 299);
        answer.body
    }

    fn put(&self, name: &str, value: &str) {
        let request = probe("put reply", name).header("x-value", value);
        assert_eq!(self.http1().send(&request).unwrap().status, 299);
    }

    fn assert_alive(&self) {
        until("nobody is left", || {
            (self.active_requests() == 0).then_some(())
        });
        let answer = self.http1().send(&probe("pause:1 reply", "")).unwrap();
        assert_eq!(answer.status, 299);
        assert_eq!(self.envoy.stat("wasm.attache.vm_reload_success"), 0);
        let log = self.envoy.log();
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("[error]"), "{log}");
    }
}

fn probe(program: &str, name: &str) -> Request {
    Request::new("GET", "/")
        .header("x-probe", program)
        .header("x-name", name)
}

fn copy_of(body: &[u8]) -> Vec<u8> {
    [b"copy ", body].concat()
}

/// A body without a pattern that a lost or doubled piece would leave as it is.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|number| (number % 251) as u8 ^ (number / 65_521) as u8)
        .collect()
}

/// How a back end sends a body.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks(usize),
    Trailed,
    UntilClosed,
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", bytes.len());
    [size.as_bytes(), bytes, b"\r\n"].concat()
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn sends(framing: Framing, body: &[u8]) -> Reaction {
    let chunks = |size: usize| -> Vec<u8> { body.chunks(size).flat_map(chunk).collect() };
    match framing {
        Framing::Length => Reaction::answer(200, body),
        Framing::Chunks(size) => {
            let bytes = [CHUNKED, &chunks(size), b"0\r\n\r\n"].concat();
            Reaction::Bytes(bytes, Box::new(Reaction::KeepOpen))
        }
        Framing::Trailed => {
            let bytes = [CHUNKED, &chunks(1000), b"0\r\nx-trailer: end\r\n\r\n"].concat();
            Reaction::Bytes(bytes, Box::new(Reaction::KeepOpen))
        }
        Framing::UntilClosed => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            Reaction::BytesThenClose([head, body].concat())
        }
    }
}

/// A back end that sends a body as long as the path says, framed as it says.
fn sender() -> Backend {
    Backend::start(|seen| {
        let mut parts = seen.path.trim_start_matches('/').split('/');
        let framing = match parts.next().unwrap_or_default() {
            "length" => Framing::Length,
            "trailed" => Framing::Trailed,
            "closed" => Framing::UntilClosed,
            size => Framing::Chunks(size.parse().unwrap()),
        };
        let length = parts.next().unwrap_or_default().parse().unwrap();
        sends(framing, &bytes(length))
    })
}

#[test]
fn every_byte_is_passed_on_and_the_copy_is_exact() {
    let setup = Setup::new(sender(), "");
    let mut number = 0;
    for (protocol, mut client) in setup.clients() {
        for framing in ["length", "1000", "100000", "closed", "trailed"] {
            for length in [0, 1, 70_000, AT_MOST - 1, AT_MOST, AT_MOST + 1, 3_000_000] {
                for program in [
                    "forward pass:1048576",
                    "pause:1 callout forward pass:1048576",
                    "forward callout pause:20 pass:1048576",
                    "forward body pass:1048576",
                ] {
                    if length > 70_000 && program.starts_with("pause") {
                        continue;
                    }
                    let case = format!("{protocol} {framing} {length} {program}");
                    number += 1;
                    let name = format!("copy-{number}");
                    let mut request = probe(program, &name);
                    request.path = format!("/{framing}/{length}");
                    let answer = client.send(&request).unwrap();
                    let body = bytes(length);
                    assert_eq!(answer.status, 200, "{case}");
                    assert_eq!(answer.header("x-passed"), Some(&b"on"[..]), "{case}");
                    assert!(answer.body == body, "{case}");
                    let trailed = framing == "trailed";
                    assert_eq!(answer.trailers.len(), usize::from(trailed), "{case}");
                    let expected = if trailed || length > AT_MOST {
                        b"none".to_vec()
                    } else {
                        copy_of(&body)
                    };
                    assert!(setup.stored(&name) == expected, "{case}");
                }
            }
        }
    }
    setup.assert_alive();
}

#[test]
fn an_answer_without_a_body_has_an_empty_one() {
    let backend = Backend::start(|seen| match seen.path.as_str() {
        "/204" => Reaction::answer(204, ""),
        "/304" => Reaction::answer(304, ""),
        _ => Reaction::answer(200, "answer"),
    });
    let setup = Setup::new(backend, "");
    for (protocol, mut client) in setup.clients() {
        for (method, path, status) in [
            ("GET", "/204", 204),
            ("GET", "/304", 304),
            ("HEAD", "/", 200),
        ] {
            for program in ["forward pass:10", "forward callout pass:10"] {
                let name = format!("{protocol} {method} {path} {program}");
                let mut request = probe(program, &name);
                (request.method, request.path) = (method.to_owned(), path.to_owned());
                let answer = client.send(&request).unwrap();
                assert_eq!((answer.status, answer.text().as_str()), (status, ""));
                assert_eq!(setup.stored(&name), copy_of(b""), "{name}");
            }
        }
    }
    setup.assert_alive();
}

/// The back end sends its last piece only when the client has the first.
#[test]
fn the_first_bytes_arrive_before_the_last_are_sent() {
    for (framing, at_most, program) in [
        ("chunked", AT_MOST, "forward pass:1048576"),
        ("chunked", 3, "forward pass:3"),
        ("length", AT_MOST, "forward pass:1048576"),
        ("chunked", AT_MOST, "forward callout pass:1048576"),
    ] {
        let gates = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Gate>::new()));
        let backend = Backend::start({
            let gates = gates.clone();
            move |_| {
                let gate = Gate::new();
                gates.lock().unwrap().push(gate.clone());
                let (first, last) = if framing == "chunked" {
                    let first = [CHUNKED, &chunk(b"first ")].concat();
                    (first, [chunk(b"last"), b"0\r\n\r\n".to_vec()].concat())
                } else {
                    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst ".to_vec();
                    (head, b"last".to_vec())
                };
                let rest = Reaction::Bytes(last, Box::new(Reaction::KeepOpen));
                Reaction::Bytes(first, Box::new(Reaction::Behind(gate, Box::new(rest))))
            }
        });
        let setup = Setup::new(backend, "");
        for (protocol, mut client) in setup.clients() {
            let name = format!("{protocol} {framing} {program}");
            let mut came = Vec::new();
            let start = Instant::now();
            let answer = client.watch(&probe(program, &name), |piece| {
                came.extend_from_slice(piece);
                if came == b"first " {
                    gates.lock().unwrap().last().unwrap().open();
                }
            });
            assert_eq!(answer.unwrap().text(), "first last", "{name}");
            // A gate that nobody opens opens by itself, much later.
            assert!(start.elapsed() < Duration::from_secs(20), "{name}");
            let expected = if at_most < 10 {
                b"none".to_vec()
            } else {
                copy_of(b"first last")
            };
            assert_eq!(setup.stored(&name), expected, "{name}");
        }
        setup.assert_alive();
    }
}

/// A part of the body that came while the answer was held is neither lost nor passed twice.
#[test]
fn what_was_held_comes_first() {
    let gate = Gate::new();
    let backend = Backend::start({
        let gate = gate.clone();
        move |_| {
            let first = [CHUNKED, &chunk(b"held "), &chunk(b"too ")].concat();
            let last = [chunk(b"later"), b"0\r\n\r\n".to_vec()].concat();
            let rest = Reaction::Bytes(last, Box::new(Reaction::KeepOpen));
            Reaction::Bytes(
                first,
                Box::new(Reaction::Behind(gate.clone(), Box::new(rest))),
            )
        }
    });
    let setup = Setup::new(backend, "");
    let listener = setup.envoy.listener(LISTENER);
    let client = std::thread::spawn(move || {
        let request = probe("forward until pass:100", "held");
        Client::http2(listener).send(&request)
    });
    until("the first part is there", || {
        let received = setup
            .envoy
            .stat("cluster.backend.upstream_cx_rx_bytes_total");
        (received > CHUNKED.len() as u64 + 9).then_some(())
    });
    setup.put("held", "go on");
    gate.open();
    assert_eq!(client.join().unwrap().unwrap().text(), "held too later");
    assert_eq!(setup.stored("held"), copy_of(b"held too later"));
    setup.assert_alive();
}

#[test]
fn of_an_answer_that_breaks_off_there_is_no_copy() {
    let broken: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nno chunk",
    ];
    for bytes in broken {
        let backend = Backend::start(move |_| {
            let close = Reaction::BytesThenClose(Vec::new());
            Reaction::Bytes(
                bytes.to_vec(),
                Box::new(Reaction::After(Duration::from_millis(100), Box::new(close))),
            )
        });
        let setup = Setup::new(backend, "");
        for (protocol, mut client) in setup.clients() {
            let name = format!("{protocol} {}", bytes.escape_ascii());
            let mut came = Vec::new();
            let answer = client.watch(&probe("guard forward pass:1000", &name), |piece| {
                came.extend_from_slice(piece);
            });
            assert!(answer.is_err(), "{name}");
            assert!(came.is_empty() || came == b"half", "{name}");
            until("the pipeline is dropped", || {
                (setup.stored(&name) == b"dropped").then_some(())
            });
        }
        setup.assert_alive();
    }
}

#[test]
fn of_an_answer_whose_client_goes_away_there_is_no_copy() {
    let gate = Gate::new();
    let backend = Backend::start({
        let gate = gate.clone();
        move |_| {
            let first = [CHUNKED, &chunk(b"first ")].concat();
            let last = [chunk(b"last"), b"0\r\n\r\n".to_vec()].concat();
            let rest = Reaction::Bytes(last, Box::new(Reaction::KeepOpen));
            Reaction::Bytes(
                first,
                Box::new(Reaction::Behind(gate.clone(), Box::new(rest))),
            )
        }
    });
    let setup = Setup::new(backend, "");
    let listener = setup.envoy.listener(LISTENER);
    for protocol in [Client::http1, Client::http2] {
        let before = setup.backend.seen().len();
        let name = format!("left {before}");
        let request = probe("guard forward pass:1000", &name);
        protocol(listener).send_and_leave(&request, Duration::from_millis(200));
        until("the pipeline is dropped", || {
            (setup.stored(&name) == b"dropped").then_some(())
        });
        assert_eq!(setup.backend.seen().len(), before + 1);
    }
    gate.open();
    setup.assert_alive();
}

#[test]
fn a_request_is_answered_when_its_pause_is_over_and_not_before() {
    let setup = Setup::answering();
    for (protocol, mut client) in setup.clients() {
        for (program, millis) in [
            ("pause:0", 0),
            ("pause:1", 1),
            ("pause:300", 300),
            ("pause:40 body pause:40 forward pause:40", 120),
            ("pause:30 callout pause:30", 60),
            ("callout pause:30 reply", 30),
        ] {
            for body in [Body::None, Body::Whole(b"12345".to_vec())] {
                let start = Instant::now();
                let mut request = probe(program, "").body(body);
                request.method = "POST".to_owned();
                let answer = client.send(&request).unwrap();
                assert!(matches!(answer.status, 200 | 299), "{protocol} {program}");
                let took = start.elapsed();
                assert!(
                    took >= Duration::from_millis(millis),
                    "{protocol} {program}: {took:?}"
                );
            }
        }
        // With a timer that only goes by the period of the errands this would take 50 seconds.
        let start = Instant::now();
        let program = "pause:1 ".repeat(200);
        assert_eq!(client.send(&probe(&program, "")).unwrap().status, 200);
        assert!(start.elapsed() < Duration::from_secs(25), "{protocol}");
    }
    setup.assert_alive();
}

/// A request on a connection of its own, whose answer is still to be read.
fn sent(setup: &Setup, program: &str, name: &str) -> Raw {
    let mut raw = Raw::connect(setup.envoy.listener(LISTENER));
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-probe: {program}\r\nx-name: {name}\r\ncontent-length: 5\r\n\r\n12345"
    );
    assert!(raw.send(request.as_bytes()));
    raw
}

fn status(raw: &mut Raw) -> Option<u16> {
    raw.response().map(|response| response.status)
}

/// Thousands whose moments are the same are woken a few at a time: what a woken request does is
/// carried out inside of what the one before it does, and the worker's stack is finite.
#[test]
fn thousands_may_pause_at_the_same_time() {
    for (program, expected) in [("pause:400", 200), ("pause:400 reply", 299), ("until", 200)] {
        let setup = Setup::answering();
        let mut clients: Vec<Raw> = (0..2000).map(|_| sent(&setup, program, "go")).collect();
        if program == "until" {
            until("all are there", || {
                (setup.active_requests() == 2000).then_some(())
            });
            assert_eq!(setup.backend.connections(), 0);
            setup.put("go", "go on");
        }
        for client in &mut clients {
            assert_eq!(status(client), Some(expected), "{program}");
        }
        let passed = if expected == 200 { 2000 } else { 0 };
        let seen = setup.backend.take_seen();
        assert_eq!(seen.len(), passed, "{program}");
        assert!(seen.iter().all(|seen| seen.body == b"12345"), "{program}");
        setup.assert_alive();
    }
}

/// Those who wait for one another keep the timer busy, and the plugin's errands come to their turn
/// as before: neither later nor more often.
#[test]
fn pauses_neither_hold_errands_up_nor_multiply_them() {
    let setup = Setup::new(Backend::answering("answer"), "errands");
    let waiting = sent(&setup, "until", "never");
    until("it waits", || (setup.active_requests() == 1).then_some(()));
    let before = setup.authorizer.seen().len();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(3));
    let errands = setup.authorizer.seen().len() - before;
    // The plugin's root context on the main thread runs its own.
    let most = 2 * (start.elapsed().as_millis() as usize / 240 + 1);
    assert!((8..=most).contains(&errands), "{errands} of {most}");
    drop(waiting);
    setup.assert_alive();
}

/// The client goes away: whoever paused is dropped, and does nothing more.
#[test]
fn one_who_pauses_may_go_away() {
    let setup = Setup::answering();
    for (number, program) in [
        "guard pause:30000",
        "guard body pause:30000",
        "guard forward pause:30000",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("left-{number}");
        let leaving = sent(&setup, program, &name);
        let staying = sent(&setup, "pause:500", "");
        until("both are there", || {
            (setup.active_requests() == 2).then_some(())
        });
        drop(leaving);
        until("the pipeline is dropped", || {
            (setup.stored(&name) == b"dropped").then_some(())
        });
        let mut staying = staying;
        assert_eq!(status(&mut staying), Some(200));
    }
    let seen = setup.backend.take_seen();
    assert_eq!(
        seen.len(),
        4,
        "those who stayed, and one that had been sent on"
    );
    setup.assert_alive();
}

/// The case that lets everybody in when it goes wrong: the body arrives while the request pauses.
#[test]
fn a_body_does_not_carry_a_request_past_a_pause() {
    let large = bytes(3_000_000);
    let bodies = [
        Body::Whole(b"12345".to_vec()),
        Body::Pieces(vec![b"123".to_vec(), b"45".to_vec()]),
        Body::Trailed(
            vec![b"12345".to_vec()],
            vec![("x-trailer".to_owned(), b"end".to_vec())],
        ),
        Body::Whole(large.clone()),
        Body::Pieces(large.chunks(100_000).map(<[u8]>::to_vec).collect()),
    ];
    let setup = Setup::answering();
    for (number, body) in bodies.into_iter().enumerate() {
        let whole = match &body {
            Body::None => Vec::new(),
            Body::Whole(bytes) => bytes.clone(),
            Body::Pieces(pieces) | Body::Trailed(pieces, _) => pieces.concat(),
        };
        for (protocol, connect) in [
            ("HTTP/1.1", Client::http1 as fn(_) -> _),
            ("HTTP/2", Client::http2),
        ] {
            for (program, expected) in [("until", 200), ("until reply", 299)] {
                let name = format!("{number} {protocol} {program}");
                let mut request = probe(program, &name).body(body.clone());
                request.method = "POST".to_owned();
                let listener = setup.envoy.listener(LISTENER);
                let received = || {
                    setup
                        .envoy
                        .stat("http.ingress.downstream_cx_rx_bytes_total")
                };
                let before = received();
                let client = std::thread::spawn(move || -> Result<Response, _> {
                    connect(listener).send(&request)
                });
                until("the body has arrived", || {
                    (received() > before + whole.len() as u64).then_some(())
                });
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(setup.backend.seen(), [], "{name}");
                assert_eq!(setup.envoy.stat("cluster.backend.upstream_rq_active"), 0);
                setup.put(&name, "go on");
                let answer = client.join().unwrap().unwrap();
                assert_eq!(answer.status, expected, "{name}");
                let seen = setup.backend.take_seen();
                if expected == 200 {
                    assert_eq!(seen.len(), 1, "{name}");
                    assert!(seen[0].well_formed && seen[0].body == whole, "{name}");
                } else {
                    assert_eq!(seen, [], "{name}");
                }
            }
        }
    }
    setup.assert_alive();
}

/// Envoy refuses by itself what is too large to be held; the end of the pause then finds nobody.
#[test]
fn what_is_too_large_to_be_held_while_a_request_pauses_is_refused() {
    let setup = Setup::new(sender(), "");
    // With HTTP/2 Envoy holds as much as its window has let in, which is more.
    let mut request = probe("guard until", "request").body(Body::Whole(bytes(11_000_000)));
    request.method = "POST".to_owned();
    // A client may find that the connection was closed before it could send everything.
    if let Ok(answer) = setup.http1().send(&request) {
        assert_eq!(answer.status, 413);
    }
    until("the pipeline is dropped", || {
        (setup.stored("request") == b"dropped").then_some(())
    });
    assert_eq!(setup.backend.seen(), []);
    for (protocol, mut client) in setup.clients() {
        let name = format!("{protocol} answer");
        let mut request = probe("guard forward until pass:100", &name);
        request.path = "/100000/20000000".to_owned();
        assert_eq!(client.send(&request).unwrap().status, 500, "{protocol}");
        until("the pipeline is dropped", || {
            (setup.stored(&name) == b"dropped").then_some(())
        });
    }
    setup.assert_alive();
}
