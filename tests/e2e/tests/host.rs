//! The rules of the host, in a real Envoy: nothing passes before the pipeline says so, bodies
//! keep their lengths, and no bytes end the filter.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::time::Duration;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{
    Backend, Body, Client, Envoy, Gate, Raw, Reaction, Request, load, module, until,
};

/// An Envoy with the probe, a back end that answers `answer`, and an authorizer.
struct Setup {
    envoy: Envoy,
    backend: Backend,
    authorizer: Backend,
}

impl Setup {
    fn new(authorizer: Backend, workers: usize) -> Self {
        let backend = Backend::answering("answer");
        let bootstrap = Bootstrap::proxying(backend.address())
            .cluster("authorizer", authorizer.address())
            .wasm(&module("probe"), "")
            .build();
        Self {
            envoy: Envoy::start(&bootstrap, workers),
            backend,
            authorizer,
        }
    }

    fn allowing() -> Self {
        Self::new(Backend::answering("yes"), 1)
    }

    /// Every protocol that a client may come with.
    fn clients(&self) -> [(&'static str, Client); 2] {
        let listener = self.envoy.listener(LISTENER);
        [
            ("HTTP/1.1", Client::http1(listener)),
            ("HTTP/2", Client::http2(listener)),
        ]
    }
}

fn probe(program: &str) -> Request {
    Request::new("POST", "/").header("x-probe", program)
}

fn bodies() -> [Body; 4] {
    let large: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let pieces = large.chunks(100_000).map(<[u8]>::to_vec).collect();
    [
        Body::Whole(b"12345".to_vec()),
        Body::Pieces(vec![b"123".to_vec(), b"45".to_vec()]),
        Body::Whole(large),
        Body::Pieces(pieces),
    ]
}

fn bytes(body: &Body) -> Vec<u8> {
    match body {
        Body::None => Vec::new(),
        Body::Whole(bytes) => bytes.clone(),
        Body::Pieces(pieces) | Body::Trailed(pieces, _) => pieces.concat(),
    }
}

/// The case that lets everybody in when it goes wrong: the body arrives while the authorizer is
/// still thinking.
#[test]
fn a_body_does_not_carry_a_request_past_a_pending_authorizer() {
    for allow in [false, true] {
        for body in bodies() {
            for protocol in [Client::http1, Client::http2] {
                let gate = Gate::new();
                let authorizer = Backend::start({
                    let gate = gate.clone();
                    let status = if allow { 200 } else { 403 };
                    move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(status, "")))
                });
                let setup = Setup::new(authorizer, 1);
                let listener = setup.envoy.listener(LISTENER);
                let request = probe("callout").body(body.clone());
                let client = std::thread::spawn(move || protocol(listener).send(&request));
                until("the authorizer is asked", || {
                    (!setup.authorizer.seen().is_empty()).then_some(())
                });
                // Envoy has taken all of the body, or as much as it wants while it waits.
                let received = || {
                    setup
                        .envoy
                        .stat("http.ingress.downstream_cx_rx_bytes_total")
                };
                until("the body has arrived", || {
                    (received() > bytes(&body).len() as u64).then_some(())
                });
                assert_eq!(setup.envoy.stat("cluster.backend.upstream_rq_total"), 0);
                assert_eq!(setup.backend.connections(), 0);
                gate.open();
                let answer = client.join().unwrap().unwrap();
                let seen = setup.backend.take_seen();
                if allow {
                    assert_eq!(answer.status, 200);
                    assert_eq!(seen.len(), 1);
                    assert!(seen[0].well_formed);
                    assert_eq!(seen[0].body, bytes(&body));
                } else {
                    assert_eq!((answer.status, answer.text().as_str()), (403, "refused"));
                    assert_eq!(seen, []);
                    assert_eq!(setup.envoy.stat("cluster.backend.upstream_rq_total"), 0);
                }
            }
        }
    }
}

/// A request whose body changed its length must not bleed into the next one on the connection.
#[test]
fn a_changed_body_goes_out_with_its_own_length() {
    let setup = Setup::allowing();
    let trailed = Body::Trailed(
        vec![b"12345".to_vec()],
        vec![("x-trailer".to_owned(), b"end".to_vec())],
    );
    for (protocol, mut client) in setup.clients() {
        for body in bodies().into_iter().chain([trailed.clone()]) {
            let old = bytes(&body);
            for program in [
                "body forward:short",
                "body forward:long",
                "callout body forward:long",
                "body callout forward:short",
            ] {
                let new = if program.ends_with("short") {
                    old[..old.len() / 2].to_vec()
                } else {
                    [old.repeat(3), b"+".to_vec()].concat()
                };
                if new.len() > 9_000_000 {
                    continue;
                }
                let answer = client.send(&probe(program).body(body.clone())).unwrap();
                assert_eq!(answer.status, 200, "{protocol} {program}");
                let next = client.send(&Request::new("GET", "/next")).unwrap();
                assert_eq!(next.status, 200, "{protocol} {program}");
                let seen = setup.backend.take_seen();
                assert_eq!(seen.len(), 2, "{protocol} {program}");
                assert!(
                    seen.iter().all(|seen| seen.well_formed),
                    "{protocol} {program}"
                );
                assert!(seen[0].body == new, "{protocol} {program}");
                assert_eq!(
                    (seen[1].method.as_str(), seen[1].path.as_str()),
                    ("GET", "/next")
                );
                assert_eq!(seen[1].body, b"");
            }
        }
    }
    assert_eq!(setup.backend.connections(), 1, "one connection is kept");
}

#[test]
fn a_changed_answer_has_its_own_length() {
    let setup = Setup::allowing();
    for (protocol, mut client) in setup.clients() {
        for (program, expected) in [
            ("forward body release:short", "ans"),
            ("forward body release:long", "answeransweranswer+"),
            ("forward callout body release:long", "answeransweranswer+"),
            ("forward body", "answer"),
            ("forward callout", "answer"),
            ("forward body reply", "answer"),
            ("body forward body reply", "12345answer"),
        ] {
            let request = probe(program).body(Body::Whole(b"12345".to_vec()));
            for _ in 0..2 {
                let answer = client.send(&request).unwrap();
                assert_eq!(answer.text(), expected, "{protocol} {program}");
                let length = answer.header("content-length");
                if let Some(length) = length {
                    assert_eq!(length, expected.len().to_string().as_bytes());
                }
            }
        }
    }
}

#[test]
fn a_reply_after_the_body_never_reaches_the_back_end() {
    let setup = Setup::allowing();
    for (protocol, mut client) in setup.clients() {
        for body in bodies() {
            for program in ["body reply", "callout body reply", "body callout reply"] {
                let answer = client.send(&probe(program).body(body.clone())).unwrap();
                assert_eq!(answer.status, 299, "{protocol} {program}");
                assert!(answer.body == bytes(&body), "{protocol} {program}");
            }
        }
        let answer = client.send(&probe("body reply")).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (299, ""));
    }
    assert_eq!(setup.backend.seen(), []);
}

#[test]
fn trailers_end_a_body() {
    let setup = Setup::allowing();
    let body = Body::Trailed(
        vec![b"123".to_vec(), b"45".to_vec()],
        vec![("x-trailer".to_owned(), b"end".to_vec())],
    );
    for (protocol, mut client) in setup.clients() {
        for (program, status, text) in [
            ("body reply", 299, "12345"),
            ("callout", 200, "answer"),
            ("body", 200, "answer"),
            ("body callout", 200, "answer"),
            ("callout body forward body", 200, "answer"),
        ] {
            let answer = client.send(&probe(program).body(body.clone())).unwrap();
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, text),
                "{protocol} {program}"
            );
        }
    }
    let seen = setup.backend.take_seen();
    assert!(
        seen.iter()
            .all(|seen| seen.well_formed && seen.body == b"12345")
    );
}

#[test]
fn a_field_that_is_set_has_one_value_whatever_the_client_sent() {
    let setup = Setup::allowing();
    let request = probe("strip")
        .header("x-strip", "client")
        .header("x-strip", "client again");
    for (_, mut client) in setup.clients() {
        assert_eq!(client.send(&request).unwrap().status, 200);
    }
    for seen in setup.backend.take_seen() {
        assert_eq!(seen.count("x-strip"), 1);
        assert_eq!(seen.header("x-strip"), Some(&b"gateway"[..]));
    }
}

#[test]
fn no_bytes_of_a_client_end_the_filter() {
    let setup = Setup::allowing();
    let listener = setup.envoy.listener(LISTENER);
    let fields: [&[u8]; 5] = [
        b"x-probe: \xff\xfe\x80",
        b"x-probe: body \xc3\x28",
        b"x-other: \x80\x81",
        b"cookie: \xf0\x9f\x92\xa9",
        b"x-probe: callout\r\nauthorization: \xff",
    ];
    for field in fields {
        let mut raw = Raw::connect(listener);
        raw.send(b"GET / HTTP/1.1\r\nhost: x\r\n");
        raw.send(field);
        raw.send(b"\r\n\r\n");
        let answer = raw.response().unwrap();
        assert!(
            matches!(answer.status, 200 | 400),
            "{}: {}",
            field.escape_ascii(),
            answer.status
        );
    }
    assert_alive(&setup);
}

/// A client that goes away while its callout is pending: the late answer finds nobody.
#[test]
fn late_answers_find_nobody() {
    let gate = Gate::new();
    let authorizer = Backend::start({
        let gate = gate.clone();
        move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(200, "")))
    });
    let setup = Setup::new(authorizer, 1);
    let listener = setup.envoy.listener(LISTENER);
    for protocol in [Client::http1, Client::http2] {
        let before = setup.authorizer.seen().len();
        let request = probe("callout body").body(Body::Whole(b"12345".to_vec()));
        protocol(listener).send_and_leave(&request, Duration::from_millis(200));
        until("the authorizer is asked", || {
            (setup.authorizer.seen().len() > before).then_some(())
        });
    }
    until("the clients are gone", || {
        (setup.envoy.stat("http.ingress.downstream_cx_active") == 0).then_some(())
    });
    gate.open();
    assert_alive(&setup);
    assert_eq!(setup.backend.take_seen().len(), 1);
}

#[test]
fn a_configuration_that_does_not_compile_is_refused() {
    let backend = Backend::answering("answer");
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("probe"), "refuse")
        .build();
    let (accepted, log) = Envoy::validate(&bootstrap);
    assert!(!accepted);
    assert!(log.contains("asked to refuse its configuration"), "{log}");
}

/// Two workers share one counter, and admit together exactly what it allows.
#[test]
fn a_counter_in_the_shared_store_is_exact_over_workers() {
    const LIMIT: usize = 500;
    // Enough that the system does not give them all to one worker.
    const CONNECTIONS: usize = 32;
    let setup = Setup::new(Backend::answering("yes"), 2);
    let request = Request::new("GET", "/")
        .header("x-probe", "admit")
        .header("x-name", "counter")
        .header("x-limit", LIMIT.to_string());
    let attempts = load::hammer(setup.envoy.listener(LISTENER), CONNECTIONS, 60, &request);
    let admitted = attempts.iter().filter(|it| it.status == 200).count();
    let refused = attempts.iter().filter(|it| it.status == 429).count();
    assert_eq!((admitted, refused), (LIMIT, CONNECTIONS * 60 - LIMIT));
    assert_eq!(setup.backend.seen().len(), LIMIT);
    for worker in 0..2 {
        let stat = format!("listener.ingress.worker_{worker}.downstream_cx_total");
        let requests = setup.envoy.stat(&stat);
        assert!(requests > 0, "worker {worker} had no connection");
    }
}

fn assert_alive(setup: &Setup) {
    let answer = Client::http1(setup.envoy.listener(LISTENER))
        .send(&probe("callout body").body(Body::Whole(b"12345".to_vec())))
        .unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(setup.envoy.stat("wasm.attache.vm_reload_success"), 0);
    let log = setup.envoy.log();
    assert!(!log.contains("panicked"), "{log}");
}
