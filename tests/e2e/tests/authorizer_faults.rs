//! Authorizers that are slow, absent, broken or asked by many at once: nobody is let in by
//! mistake, and nothing reaches a back end before the authorizer has answered.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use attache_e2e::{
    Attache, Backend, Body, Client, Gate, Operation, Project, Raw, Reaction, Refusing, Request,
    Response, Seen, definition_with, until,
};
use serde_json::{Value, json};

/// `attache run` in front of a back end, with an authorizer that does what a test says.
struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    /// A REST API whose TOKEN authorizer answers at `authorizer` within half a second, or with
    /// `patience` milliseconds. Results are kept for `ttl` seconds.
    fn new(authorizer: SocketAddr, ttl: u32, patience: u32) -> Self {
        let backend = Backend::answering("pets");
        let uri = format!("http://{}", backend.address());
        let operations = [
            Operation::new("ANY", "/pets", &format!("{uri}/pets")).secured("token", &[]),
            Operation::new("ANY", "/admin", &format!("{uri}/admin")).secured("token", &[]),
        ];
        let schemes = json!({"token": {
            "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token",
                "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                                  arn:aws:lambda:us-east-1:000000000000:function:auth/invocations",
                "authorizerResultTtlInSeconds": ttl,
            },
        }});
        let configuration = json!({
            "accessLog": "off",
            "apis": {"petstore": {
                "definition": "openapi.json",
                "stages": {"prod": {}},
                "authorizers": {"token": {
                    "url": format!("http://{authorizer}/decide"), "timeoutInMillis": patience,
                }},
            }},
        });
        let definition = definition_with(&operations, &schemes, &json!({}));
        let project = Project::new(&configuration.to_string(), &definition);
        let attache = Attache::serve(project.path(), &[]);
        Self {
            attache,
            backend,
            _project: project,
        }
    }

    fn address(&self) -> SocketAddr {
        self.attache.address()
    }

    fn get(&self, path: &str, token: &str) -> Response {
        let request = Request::new("GET", path).header("authorization", token);
        Client::http1(self.address()).send(&request).unwrap()
    }

    /// How many requests of clients Envoy is at work on.
    fn active(&self) -> u64 {
        self.attache.stat("http.gateway.downstream_rq_active")
    }
}

/// What an authorizer answers that allows or denies these resources.
fn policy(effect: &str, resource: &str) -> Reaction {
    let result = json!({
        "principalId": "ada",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
    });
    Reaction::answer(200, result.to_string())
}

fn token(seen: &Seen) -> String {
    let event: Value = serde_json::from_slice(&seen.body).unwrap();
    event["authorizationToken"].as_str().unwrap().to_owned()
}

fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\r\n").into_bytes()
}

#[test]
fn an_authorizer_that_fails_lets_nobody_in() {
    let moved = Backend::start(|_| policy("Allow", "*"));
    let elsewhere = format!("http://{}/decide", moved.address());
    let whole = || -> Vec<u8> {
        match policy("Allow", "*") {
            Reaction::Answer { body, .. } => body,
            _ => Vec::new(),
        }
    };
    let authorizer = Backend::start(move |seen| match token(seen).as_str() {
        "allow" => policy("Allow", "*"),
        "never" => Reaction::Never,
        "closed" => Reaction::BytesThenClose(Vec::new()),
        "half-a-head" => Reaction::BytesThenClose(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        "half-a-body" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
            bytes.extend(whole());
            Reaction::BytesThenClose(bytes)
        }
        "half-a-chunk" => {
            let body = whole();
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            bytes.extend(format!("{:x}\r\n", body.len()).into_bytes());
            bytes.extend(body);
            bytes.extend(b"\r\n");
            Reaction::BytesThenClose(bytes)
        }
        "no-http" => Reaction::BytesThenClose(b"220 smtp.example.com ESMTP\r\n".to_vec()),
        "empty" => Reaction::answer(200, ""),
        "null" => Reaction::answer(200, "null"),
        "garbage" => Reaction::answer(200, b"\xff\xfe\0garbage"),
        "deep" => Reaction::answer(200, "[".repeat(50_000)),
        "huge" => {
            let mut body = whole();
            body.resize(20_000_000, b' ');
            Reaction::answer(200, body)
        }
        "page" => Reaction::answer(200, "<html>ok</html>").header("content-type", "text/html"),
        "no-principal" => Reaction::answer(200, r#"{"policyDocument": {"Version": "2012-10-17"}}"#),
        "bool" => Reaction::answer(200, "true"),
        "simple" => Reaction::answer(200, r#"{"isAuthorized": true}"#),
        "redirect" => Reaction::answer(302, whole()).header("location", &elsewhere),
        "forbidden" => Reaction::answer(403, whole()),
        "no-content" => Reaction::answer(204, ""),
        "error" => Reaction::answer(500, whole()),
        "unavailable" => Reaction::answer(503, whole()),
        other => Reaction::answer(200, format!("no script for {other}")),
    });
    let served = Served::new(authorizer.address(), 0, 500);
    assert_eq!(served.get("/prod/pets", "allow").text(), "pets");
    assert_eq!(served.backend.take_seen().len(), 1);
    for token in [
        "never",
        "closed",
        "half-a-head",
        "half-a-body",
        "half-a-chunk",
        "no-http",
        "empty",
        "null",
        "garbage",
        "deep",
        "huge",
        "page",
        "no-principal",
        "bool",
        "simple",
        "redirect",
        "forbidden",
        "no-content",
        "error",
        "unavailable",
    ] {
        let answer = served.get("/prod/pets", token);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (500, r#"{"message":null}"#),
            "{token}"
        );
        let kind = String::from_utf8_lossy(answer.header("x-amzn-errortype").unwrap()).into_owned();
        assert!(
            matches!(
                kind.as_str(),
                "AuthorizerConfigurationException" | "AuthorizerFailureException"
            ),
            "{token}: {kind}"
        );
    }
    assert_eq!(served.backend.take_seen(), []);
    assert_eq!(moved.take_seen(), []);
    // None of that is remembered, and the next one is let in.
    assert_eq!(served.get("/prod/pets", "allow").text(), "pets");
}

#[test]
fn an_authorizer_that_is_not_there_lets_nobody_in() {
    let refusing = Refusing::new();
    let served = Served::new(refusing.address(), 300, 500);
    for _ in 0..5 {
        let answer = served.get("/prod/pets", "allow");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (500, r#"{"message":null}"#)
        );
    }
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn an_allow_for_one_route_opens_no_other() {
    let arn = "arn:aws:execute-api:us-east-1:000000000000:petstore/prod/GET/pets";
    let authorizer = Backend::start(move |_| policy("Allow", arn));
    let served = Served::new(authorizer.address(), 300, 5_000);
    let denied = r#"{"Message":"User is not authorized to access this resource"}"#;
    for _ in 0..10 {
        assert_eq!(served.get("/prod/pets", "ada").text(), "pets");
        let answer = served.get("/prod/admin", "ada");
        assert_eq!((answer.status, answer.text().as_str()), (403, denied));
        let post = Request::new("POST", "/prod/pets").header("authorization", "ada");
        let answer = Client::http1(served.address()).send(&post).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (403, denied));
    }
    // What is kept is the policy, for all workers.
    assert_eq!(authorizer.take_seen().len(), 1);
    assert!(
        served
            .backend
            .take_seen()
            .iter()
            .all(|seen| seen.path == "/pets")
    );
    // Another token is another caller.
    assert_eq!(served.get("/prod/pets", "ada2").text(), "pets");
    assert_eq!(authorizer.take_seen().len(), 1);
}

#[test]
fn a_burst_of_one_caller_asks_once_for_each_worker() {
    const BURST: u64 = 200;
    let gate = Gate::new();
    let held = gate.clone();
    let authorizer =
        Backend::start(move |_| Reaction::Behind(held.clone(), Box::new(policy("Allow", "*"))));
    let served = Served::new(authorizer.address(), 300, 29_000);
    let mut connections: Vec<Raw> = (0..BURST).map(|_| Raw::connect(served.address())).collect();
    for connection in &mut connections {
        assert!(connection.send(&get("/prod/pets", "ada")));
    }
    until("all of them at the gateway", || {
        (served.active() == BURST).then_some(())
    });
    assert_eq!(served.backend.take_seen(), []);
    gate.open();
    for connection in &mut connections {
        let answer = connection.response().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"pets"[..]));
    }
    let asked = authorizer.take_seen().len();
    assert!((1..=2).contains(&asked), "{asked} calls with two workers");
    assert_eq!(served.backend.take_seen().len(), 200);
}

#[test]
fn without_a_time_to_live_every_request_asks() {
    let authorizer = Backend::start(|_| policy("Allow", "*"));
    let served = Served::new(authorizer.address(), 0, 5_000);
    for _ in 0..10 {
        assert_eq!(served.get("/prod/pets", "ada").status, 200);
    }
    assert_eq!(authorizer.take_seen().len(), 10);
}

#[test]
fn a_client_that_goes_away_leaves_nobody_waiting() {
    const WAITING: u64 = 20;
    let gate = Gate::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let authorizer = Backend::start({
        let (gate, asked) = (gate.clone(), Arc::clone(&asked));
        move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Reaction::Behind(gate.clone(), Box::new(policy("Allow", "*")))
        }
    });
    let served = Served::new(authorizer.address(), 300, 29_000);
    let mut first = Raw::connect(served.address());
    assert!(first.send(&get("/prod/pets", "ada")));
    until("the call", || {
        (asked.load(Ordering::Relaxed) == 1).then_some(())
    });
    let mut waiting: Vec<Raw> = (0..WAITING)
        .map(|_| Raw::connect(served.address()))
        .collect();
    for connection in &mut waiting {
        assert!(connection.send(&get("/prod/pets", "ada")));
    }
    until("all of them at the gateway", || {
        (served.active() == WAITING + 1).then_some(())
    });
    drop(first);
    until("the first one gone", || {
        (served.active() == WAITING).then_some(())
    });
    gate.open();
    for connection in &mut waiting {
        let answer = connection.response().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"pets"[..]));
    }
    // The one that went away was forwarded nowhere.
    assert_eq!(served.backend.take_seen().len(), 20);
}

#[test]
fn no_byte_of_a_body_passes_an_authorizer_that_will_deny() {
    let gate = Gate::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let authorizer = Backend::start({
        let (gate, asked) = (gate.clone(), Arc::clone(&asked));
        move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Reaction::Behind(gate.clone(), Box::new(policy("Deny", "*")))
        }
    });
    let served = Served::new(authorizer.address(), 300, 29_000);
    let large = vec![b'x'; 3_000_000];
    let pieces = |size: usize| large.chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let bodies = [
        Body::None,
        Body::Whole(b"12345".to_vec()),
        Body::Whole(large.clone()),
        Body::Pieces(vec![b"12".to_vec(), b"345".to_vec()]),
        Body::Pieces(pieces(10_000)),
        Body::Trailed(
            vec![b"12345".to_vec()],
            vec![("x-trailer".to_owned(), b"1".to_vec())],
        ),
    ];
    let requests: Vec<(bool, Request)> = [false, true]
        .into_iter()
        .flat_map(|newer| {
            bodies.iter().enumerate().map(move |(number, body)| {
                let request = Request::new("POST", "/prod/pets")
                    .header("authorization", format!("caller-{newer}-{number}"))
                    .body(body.clone());
                (newer, request)
            })
        })
        .collect();
    let answers: Vec<Option<Response>> = thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|(newer, request)| {
                let address = served.address();
                scope.spawn(move || {
                    let mut client = match newer {
                        true => Client::http2(address),
                        false => Client::http1(address),
                    };
                    client.send(request).ok()
                })
            })
            .collect();
        until("every call", || {
            (asked.load(Ordering::Relaxed) == requests.len()).then_some(())
        });
        assert_eq!(served.backend.connections(), 0);
        gate.open();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for ((newer, request), answer) in requests.iter().zip(answers) {
        let small = match &request.body {
            Body::Whole(bytes) => bytes.len() < 10,
            Body::Pieces(pieces) => pieces.len() < 10,
            _ => true,
        };
        // Whoever is still sending may see the connection end in place of the answer.
        let status = answer.map(|answer| answer.status);
        assert!(
            status == Some(403) || (status.is_none() && !small),
            "HTTP/2: {newer}, small: {small}, {status:?}"
        );
    }
    assert_eq!(served.backend.connections(), 0);
}
