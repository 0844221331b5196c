//! What the other tests rely on: Envoy starts and ends, the back end and the clients are honest.

use std::net::TcpStream;
use std::time::Duration;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{
    Backend, Body, Client, Envoy, Gate, Raw, Reaction, Refusing, Request, Service, Signer,
    run_client, sign_all, until,
};
use serde_json::{Value, json};

#[test]
fn envoy_ends_with_its_handle() {
    let backend = Backend::answering("hello");
    let envoy = Envoy::start(&Bootstrap::proxying(backend.address()).build(), 2);
    let (listener, admin) = (envoy.listener(LISTENER), envoy.admin_address());
    assert_eq!(
        Client::http1(listener)
            .send(&Request::new("GET", "/"))
            .unwrap()
            .text(),
        "hello"
    );
    drop(envoy);
    assert!(TcpStream::connect(listener).is_err());
    assert!(TcpStream::connect(admin).is_err());
}

#[test]
fn envoy_stops_on_request_and_says_so() {
    let backend = Backend::answering("hello");
    let mut envoy = Envoy::start(&Bootstrap::proxying(backend.address()).build(), 1);
    assert!(envoy.stop().success());
    assert!(envoy.log().contains("exiting"), "{}", envoy.log());
}

#[test]
fn a_configuration_is_validated_without_a_start() {
    let backend = Backend::answering("hello");
    let good = Bootstrap::proxying(backend.address()).build();
    assert!(Envoy::validate(&good).0);
    let mut bad = good;
    bad["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["name"] = 5.into();
    assert!(!Envoy::validate(&bad).0);
}

#[test]
fn the_back_end_keeps_the_exact_head_and_body() {
    let backend = Backend::start(|seen| {
        Reaction::answer(201, &seen.body).header("x-path", seen.path.as_bytes())
    });
    let mut raw = Raw::connect(backend.address());
    let head =
        b"POST /a?b=%20 HTTP/1.1\r\nHoSt: x\r\nX-Bytes: \xff\xfe\r\ncontent-length: 3\r\n\r\n";
    raw.send(head);
    raw.send(b"abcGET /next HTTP/1.1\r\n\r\n");
    let answer = raw.response().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"abc"[..]));
    assert_eq!(answer.header("x-path"), Some(&b"/a?b=%20"[..]));
    assert_eq!(
        raw.response().unwrap().header("x-path"),
        Some(&b"/next"[..])
    );
    let seen = backend.take_seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].head, head);
    assert_eq!(seen[0].header("x-bytes"), Some(&b"\xff\xfe"[..]));
    assert_eq!((seen[1].path.as_str(), seen[1].connection), ("/next", 0));
    assert!(seen.iter().all(|seen| seen.well_formed));
}

#[test]
fn the_back_end_notices_what_is_not_well_formed() {
    let cases: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nbroken line\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
    ];
    for bytes in cases {
        let backend = Backend::answering("hello");
        let mut raw = Raw::connect(backend.address());
        raw.send(bytes);
        assert_eq!(raw.response(), None, "{}", bytes.escape_ascii());
        let seen = backend.take_seen();
        assert_eq!(seen.len(), 1);
        assert!(!seen[0].well_formed, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_a_broken_back_end_makes_of_envoy() {
    let cases: [(&[u8], u16); 4] = [
        (b"", 503),
        (b"HTTP/1.1 200 OK\r\ncontent-le", 502),
        (b"this is no HTTP\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", 200),
    ];
    for (bytes, status) in cases {
        let backend = Backend::start(move |_| Reaction::BytesThenClose(bytes.to_vec()));
        let envoy = Envoy::start(&Bootstrap::proxying(backend.address()).build(), 1);
        let mut raw = Raw::connect(envoy.listener(LISTENER));
        raw.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let rest = raw.rest();
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            rest.starts_with(expected.as_bytes()),
            "{} became {}",
            bytes.escape_ascii(),
            rest.escape_ascii()
        );
    }
    let refusing = Refusing::new();
    let envoy = Envoy::start(&Bootstrap::proxying(refusing.address()).build(), 1);
    let answer = Client::http1(envoy.listener(LISTENER))
        .send(&Request::new("GET", "/"))
        .unwrap();
    assert_eq!(answer.status, 503);
}

#[test]
fn both_protocols_carry_every_kind_of_body() {
    let backend = Backend::start(|seen| Reaction::answer(200, &seen.body));
    let envoy = Envoy::start(&Bootstrap::proxying(backend.address()).build(), 1);
    let listener = envoy.listener(LISTENER);
    let pieces = || vec![b"one ".to_vec(), b"two".to_vec()];
    let trailers = vec![("x-trailer".to_owned(), b"end".to_vec())];
    for mut client in [Client::http1(listener), Client::http2(listener)] {
        for body in [
            Body::Whole(b"one two".to_vec()),
            Body::Pieces(pieces()),
            Body::Trailed(pieces(), trailers.clone()),
        ] {
            let answer = client
                .send(&Request::new("POST", "/").body(body.clone()))
                .unwrap();
            assert_eq!(answer.text(), "one two", "{body:?}");
        }
        assert_eq!(client.send(&Request::new("GET", "/")).unwrap().text(), "");
    }
    assert!(backend.seen().iter().all(|seen| seen.well_formed));
}

#[test]
fn a_gate_holds_an_answer_back() {
    let gate = Gate::new();
    let backend = Backend::start({
        let gate = gate.clone();
        move |_| Reaction::Behind(gate.clone(), Box::new(Reaction::answer(200, "late")))
    });
    let envoy = Envoy::start(&Bootstrap::proxying(backend.address()).build(), 1);
    let mut raw = Raw::connect(envoy.listener(LISTENER));
    raw.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    until("the request at the back end", || {
        (!backend.seen().is_empty()).then_some(())
    });
    assert_eq!(envoy.stat("cluster.backend.upstream_rq_completed"), 0);
    gate.open();
    assert_eq!(raw.response().unwrap().body, b"late");
}

#[test]
fn services_that_are_not_ours_answer_and_end() {
    let issuer = Service::issuer();
    let claims = [json!({"sub": "ada"}), json!({"sub": "grace"})];
    let tokens = issuer.tokens("EdDSA", &claims);
    assert_ne!(tokens[0], tokens[1]);
    let keys = |issuer: &Service| issuer.get("/keys")["keys"].as_array().unwrap().len();
    let before = keys(&issuer);
    issuer.post("/rotate", &Value::Null);
    assert_eq!(keys(&issuer), 2 * before);
    issuer.post("/withdraw", &Value::Null);
    assert_eq!(keys(&issuer), before);
    assert_eq!(issuer.get("/fetches"), 3);
    let (issuer_address, lambda) = (issuer.address(), Service::ministack());
    let source = "def handler(event, context):\n    return event\n";
    let order = json!({"url": lambda.url(), "name": "echo", "source": source});
    assert!(
        run_client("function.py", &order)["arn"]
            .as_str()
            .unwrap()
            .ends_with(":function:echo")
    );
    let event = json!({"as": "it is"});
    assert_eq!(
        lambda.post("/2015-03-31/functions/echo/invocations", &event),
        event
    );
    let lambda_address = lambda.address();
    drop((issuer, lambda));
    assert!(TcpStream::connect(issuer_address).is_err());
    assert!(TcpStream::connect(lambda_address).is_err());
}

#[test]
fn botocore_signs_what_it_is_told_and_sends_it() {
    let backend = Backend::answering("hello");
    let request = Request::new("POST", "/a%20b?c=%2F")
        .header("x-purpose", "signing")
        .header("host", backend.address().to_string())
        .body(Body::Whole(b"body".to_vec()));
    let signer = Signer::new("AKIDEXAMPLE", "secret");
    let link = Signer {
        expires: Some(60),
        skew: -3600,
        ..signer.clone()
    };
    let signed = sign_all(backend.address(), &[(&signer, &request), (&link, &request)]);
    let field = |request: &Request, name: &str| {
        let found = request.headers.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(signed[0].path, request.path);
    let authorization = field(&signed[0], "authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert!(authorization.contains(
        "/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date;x-purpose, "
    ));
    assert!(
        signed[1].path.starts_with(
            "/a%20b?c=%2F&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE"
        )
    );
    assert!(signed[1].path.contains("&X-Amz-Expires=60&"));
    assert_eq!(field(&signed[1], "authorization"), None);
    assert_eq!(field(&signed[1], "host"), field(&request, "host"));
    assert_eq!(signer.send(backend.address(), &request).text(), "hello");
    let seen = backend.take_seen();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].body.as_slice()),
        ("/a%20b?c=%2F", &b"body"[..])
    );
    assert!(seen[0].header("authorization").is_some());
}

#[test]
fn a_script_sends_its_bytes_in_parts_and_keeps_the_connection() {
    let gate = Gate::new();
    let held = gate.clone();
    let backend = Backend::start(move |_| {
        let end = Reaction::Bytes(b"second".to_vec(), Box::new(Reaction::KeepOpen));
        Reaction::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nfirst,".to_vec(),
            Box::new(Reaction::Behind(held.clone(), Box::new(end))),
        )
    });
    let mut raw = Raw::connect(backend.address());
    for _ in 0..2 {
        raw.send(b"GET / HTTP/1.1\r\n\r\n");
        // The second time the gate is open, and both parts may come as one.
        assert!(raw.wait_for(b"first,"));
        gate.open();
        assert_eq!(raw.response().unwrap().body, b"first,second");
    }
    assert_eq!(backend.connections(), 1);
    assert!(!raw.patience(Duration::from_millis(50)).wait_for(b"more"));
}
