//! Which requests share an answer: only those that the back end cannot tell apart by anything that
//! the key holds, and nobody can have an answer kept for others that was made for them alone.

use attache_e2e::{Backend, Body, Client, Raw, RawResponse, Reaction, Request, Seen};
use serde_json::json;

use crate::served::{Served, Setup, keyed};

/// A back end that says what it was asked, to the byte.
fn echo() -> Backend {
    Backend::start(|seen| Reaction::answer(200, format!("{} {}", seen.method, seen.path)))
}

/// A back end that says what it has understood: a query says the same however it is escaped.
fn reader() -> Backend {
    Backend::start(|seen| {
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let tenants: Vec<String> = seen
            .headers
            .iter()
            .filter(|(name, _)| name == "x-tenant")
            .map(|(_, value)| value.escape_ascii().to_string())
            .collect();
        let (q, r) = (values_of(query, "q"), values_of(query, "r"));
        Reaction::answer(200, format!("{path} {q:?} {r:?} {tenants:?}"))
    })
}

fn send(served: &Served, stage: &str, target: &[u8], fields: &[&[u8]]) -> Option<RawResponse> {
    let mut bytes = [
        b"GET /",
        stage.as_bytes(),
        target,
        b" HTTP/1.1\r\nhost: localhost\r\n",
    ]
    .concat();
    for field in fields {
        bytes.extend([field, &b"\r\n"[..]].concat());
    }
    bytes.extend(b"\r\n");
    let mut raw = Raw::connect(served.address());
    assert!(raw.send(&bytes));
    raw.response()
}

/// Asserts that each of these gets from the cached stage what it gets from the one without a
/// cache, the first time and ever after, whatever was asked before.
fn assert_each_has_its_own(served: &Served, requests: &[(&[u8], Vec<&[u8]>)]) {
    let judged = |answer: Option<RawResponse>| answer.map(|answer| (answer.status, answer.body));
    let expected: Vec<_> = requests
        .iter()
        .map(|(target, fields)| judged(send(served, "plain", target, fields)))
        .collect();
    let served_whole = expected
        .iter()
        .flatten()
        .filter(|(status, _)| *status == 200);
    assert!(served_whole.count() > requests.len() / 2, "{expected:?}");
    for round in 0..4 {
        let mut order: Vec<usize> = (0..requests.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let (target, fields) = &requests[number];
            let answer = judged(send(served, "prod", target, fields));
            assert_eq!(
                answer,
                expected[number],
                "round {round}: {} {:?}",
                target.escape_ascii(),
                fields
                    .iter()
                    .map(|field| field.escape_ascii().to_string())
                    .collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn paths_that_differ_by_a_byte_are_different() {
    let served = Served::everything(echo());
    let targets: [&[u8]; 50] = [
        b"/pets",
        b"/Pets",
        b"/PETS",
        b"/pets/",
        b"//pets",
        b"/pets//",
        b"/pets//1",
        b"/pets/1",
        b"/pets%2f1",
        b"/pets%2F1",
        b"/pets%252f1",
        b"/pets/%31",
        b"/%70ets",
        b"/pets%2f",
        b"/pets/1/2",
        b"/pets/12",
        b"/pets/1%2f2",
        b"/pets;a=b",
        b"/pets;a",
        b"/pets%3ba",
        b"/pets,a",
        b"/pets&a",
        b"/pets%26a",
        b"/pets=a",
        b"/pets|a",
        b"/pets:a",
        b"/pets@a",
        b"/pets%3Fq=a",
        b"/pets%23",
        b"/pets%00",
        b"/pets%0a",
        b"/pets%0d%0a",
        b"/pets%09",
        b"/pets%20",
        b"/pets+",
        b"/pets%2b",
        b"/pets%",
        b"/pets%zz",
        b"/pets%2",
        b"/pets\\1",
        b"/pets%5c1",
        b"/pets%5C1",
        b"/pets%ff",
        b"/pets%c3%a9",
        b"/pets%C3%A9",
        b"/pets%e9",
        b"/pets\xc3\xa9",
        b"/pets.css",
        b"/pets.json",
        b"/pets/.css",
    ];
    let requests: Vec<(&[u8], Vec<&[u8]>)> =
        targets.iter().map(|target| (*target, Vec::new())).collect();
    assert_each_has_its_own(&served, &requests);
}

#[test]
fn values_of_parameters_do_not_run_together() {
    let setup = Setup::new(reader());
    let uri = format!("http://{}/echo/{{a}}/{{b}}", setup.backend.address());
    let operation = attache_e2e::Operation::new("GET", "/{a}/{b}", &uri)
        .set("type", "http")
        .set("responses", json!({"default": {"statusCode": "200"}}))
        .map(
            "integration.request.querystring.q",
            "method.request.querystring.q",
        )
        .map(
            "integration.request.querystring.r",
            "method.request.querystring.r",
        )
        .map(
            "integration.request.header.x-tenant",
            "method.request.header.X-Tenant",
        );
    let key = [
        "method.request.path.a",
        "method.request.path.b",
        "method.request.querystring.q",
        "method.request.querystring.r",
        "method.request.header.X-Tenant",
    ];
    let operation = keyed(operation, "/{a}/{b}", &key);
    let served = setup.with(operation).serve();
    let queries: [&[u8]; 34] = [
        b"/x/y",
        b"/xy/z",
        b"/x/yz",
        b"/x/y?",
        b"/x/y?q",
        b"/x/y?q=",
        b"/x/y?q=&r=",
        b"/x/y?r=",
        b"/x/y?q=a",
        b"/x/y?q=A",
        b"/x/y?Q=a",
        b"/x/y?r=a",
        b"/x/y?q=a&r=b",
        b"/x/y?q=ab",
        b"/x/y?q=b&r=a",
        b"/x/y?r=b&q=a",
        b"/x/y?q=a&q=b",
        b"/x/y?q=b&q=a",
        b"/x/y?q=a&q=a",
        b"/x/y?q=a,b",
        b"/x/y?q=a%2Cb",
        b"/x/y?q=a%26r=b",
        b"/x/y?q=a%26r%3Db",
        b"/x/y?q=a%00",
        b"/x/y?q=a%00&r=b",
        b"/x/y?q=a%20b",
        b"/x/y?q=a+b",
        b"/x/y?q=a%2Bb",
        b"/x/y?q=%ff",
        b"/x/y?q=%C3%A9",
        b"/x/y?q[]=a",
        b"/x/y?q=a;r=b",
        b"/x/y?other=a",
        b"/x/y?q=1%7C2",
    ];
    let tenants: [&[&[u8]]; 9] = [
        &[b"x-tenant: a"],
        &[b"X-TENANT: a"],
        &[b"x-tenant: A"],
        &[b"x-tenant:"],
        &[b"x-tenant: a", b"x-tenant: b"],
        &[b"x-tenant: b", b"x-tenant: a"],
        &[b"x-tenant: a,b"],
        &[b"x-tenant: \xff"],
        &[b"x-tenant: y", b"x-tenant-other: a"],
    ];
    let mut requests: Vec<(&[u8], Vec<&[u8]>)> =
        queries.iter().map(|target| (*target, Vec::new())).collect();
    for tenant in tenants {
        for target in [&b"/x/y"[..], b"/x/y?q=a", b"/x/ya"] {
            requests.push((target, tenant.to_vec()));
        }
    }
    assert_each_has_its_own(&served, &requests);
}

/// What a query says to a server that reads it as forms are written: the values of one name.
fn values_of(query: &str, name: &str) -> Vec<String> {
    let decoded = |text: &str| {
        let bytes = text.replace('+', " ").into_bytes();
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let escape = (bytes[at] == b'%')
                .then(|| bytes.get(at + 1..at + 3))
                .flatten()
                .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
            decoded.push(escape.unwrap_or(bytes[at]));
            at += if escape.is_some() { 3 } else { 1 };
        }
        decoded.escape_ascii().to_string()
    };
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .filter(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
        .collect()
}

#[test]
fn a_query_that_is_passed_on_is_keyed_by_all_its_values() {
    let served = Setup::new(reader())
        .get("/search", &["method.request.querystring.q"])
        .serve();
    let requests: Vec<(&[u8], Vec<&[u8]>)> = [
        &b"/search"[..],
        b"/search?",
        b"/search?q",
        b"/search?q=",
        b"/search?q=a",
        b"/search?q=A",
        b"/search?q=%61",
        b"/search?%71=a",
        b"/search?%71=b",
        b"/search?q=a&q=b",
        b"/search?q=b&q=a",
        b"/search?q=a&q=a",
        b"/search?q=b&%71=a",
        b"/search?q=a&%71=c",
        b"/search?q=a%26q=b",
        b"/search?q=a%26q%3db",
        b"/search?q=a+b",
        b"/search?q=a%20b",
        b"/search?q=a%2bb",
        b"/search?q=a;q=b",
        b"/search?q=a%3bq=b",
        b"/search?&q=a",
        b"/search?q=a&",
        b"/search?q=a=b",
        b"/search?q=%",
        b"/search?q=%2",
        b"/search?q=%00",
        b"/search?q=%ff",
        b"/search?q=\xff",
        b"/search?q=%C3%BF",
        b"/search?q=a?q=b",
        b"/search?q=a/b",
    ]
    .iter()
    .map(|target| (*target, Vec::new()))
    .collect();
    assert_each_has_its_own(&served, &requests);
}

/// What frameworks and proxies take for the host, the path or the method of a request.
const OVERRIDES: [&str; 18] = [
    "Forwarded: host=evil.example",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Server: evil.example",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Path: /evil",
    "X-Forwarded-Scheme: evil",
    "X-Forwarded-SSL: evil",
    "X-Forwarded-Proto: evil",
    "X-Forwarded-Port: 666",
    "X-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-Host: evil.example",
    "X-Original-URL: /evil",
    "X-Rewrite-URL: /evil",
    "X-Script-Name: /evil",
    "X-HTTP-Method: EVIL",
    "X-HTTP-Method-Override: EVIL",
    "X-Method-Override: EVIL",
];

/// A back end that believes each of them, and fails at fields that are long.
fn gullible() -> Backend {
    Backend::start(|seen| {
        let believed = seen.headers.iter().find(|(name, value)| {
            let value = value.to_ascii_lowercase();
            (name == "forwarded" || name.starts_with("x-"))
                && value
                    .windows(4)
                    .any(|part| part == b"evil" || part == b"666")
                || value == b"666"
        });
        match believed {
            _ if seen.headers.iter().any(|(_, value)| value.len() > 4_000) => {
                Reaction::answer(400, "a field is too long")
            }
            Some((name, _)) if name.contains("method") => Reaction::answer(404, "no evil"),
            Some((name, _)) => Reaction::answer(200, format!("evil by {name}")),
            None if !seen.body.is_empty() => Reaction::answer(200, "evil by a body"),
            None => Reaction::answer(200, "good"),
        }
    })
}

#[test]
fn no_field_beside_the_key_chooses_what_others_get() {
    let served = Served::everything(gullible());
    for (number, field) in OVERRIDES.iter().enumerate() {
        let target = format!("/{number}");
        let attack = send(&served, "prod", target.as_bytes(), &[field.as_bytes()]).unwrap();
        // The gateway itself takes the method from one of them, as AWS does, and knows none like it.
        assert!(
            matches!(attack.status, 200 | 403 | 404),
            "{field}: {}",
            attack.status
        );
        for _ in 0..2 {
            let answer = served.get(&format!("/prod/{number}"));
            assert_eq!(
                (answer.status, answer.text()),
                (200, "good".into()),
                "{field}"
            );
        }
    }
    let long = format!("X-Long: {}", "x".repeat(6_000));
    let refused = send(&served, "prod", b"/long", &[long.as_bytes()]).unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(served.get("/prod/long").text(), "good");
}

#[test]
fn a_field_in_the_key_chooses_for_itself_alone() {
    let served = Setup::new(gullible())
        .get("/pets", &["method.request.header.X-Forwarded-Host"])
        .serve();
    let evil: &[u8] = b"x-forwarded-host: evil.example";
    for _ in 0..2 {
        let answer = send(&served, "prod", b"/pets", &[evil]).unwrap();
        assert_eq!(answer.body, b"evil by x-forwarded-host");
        assert_eq!(served.get("/prod/pets").text(), "good");
    }
    assert_eq!(served.calls(), 2);
}

#[test]
fn a_body_makes_no_difference_for_others() {
    let served = Served::everything(gullible());
    for (number, body) in [
        Body::Whole(b"evil".to_vec()),
        Body::Pieces(vec![b"ev".to_vec(), b"il".to_vec()]),
    ]
    .into_iter()
    .enumerate()
    {
        for protocol in [Client::http1, Client::http2] {
            let path = format!("/prod/{number}");
            let attack = Request::new("GET", &path).body(body.clone());
            let _any = protocol(served.address()).send(&attack).unwrap();
            assert_eq!(served.get(&path).text(), "good");
        }
    }
}

/// A server that reads paths as many do: decoded, without parameters, dots resolved. `/account` is
/// what a caller may see of themselves; everything else is the same for everybody.
fn lenient(seen: &Seen) -> Reaction {
    let path = seen
        .path
        .split('?')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let path = path
        .replace("%2f", "/")
        .replace("%5c", "/")
        .replace('\\', "/")
        .replace("%2e", ".")
        .replace("%3b", ";")
        .replace("%00", ";");
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let is_account = segments
        .first()
        .is_some_and(|first| first.split('.').next() == Some("account"));
    if is_account {
        let cookie = seen.header("cookie").unwrap_or(b"nobody");
        return Reaction::answer(200, [b"account of ", cookie].concat());
    }
    Reaction::answer(200, format!("public {}", segments.join("/")))
}

#[test]
fn nobody_is_lured_into_keeping_their_own_page_for_others() {
    let setup = Setup::new(Backend::start(lenient));
    let account = setup.at("GET", "/account");
    let mut setup = setup
        .get("/static/{proxy+}", &["method.request.path.proxy"])
        .with(account);
    setup.stage()["methodSettings"]["/account/GET"] = json!({"cachingEnabled": false});
    let served = setup.serve();
    let lures: [&[u8]; 32] = [
        b"/account",
        b"/account/",
        b"/account.css",
        b"/account/x.css",
        b"/account%2fx.css",
        b"/account;x.css",
        b"/account%3bx.css",
        b"/account%00x.css",
        b"/account%3fx.css",
        b"/account%23x.css",
        b"/account?x.css",
        b"/account?/static/x.css",
        b"/account/..%2fstatic/x.css",
        b"/account%2f%2e%2e%2fstatic%2fx.css",
        b"/account/../static/x.css",
        b"/ACCOUNT",
        b"/static/../account",
        b"/static/..%2faccount",
        b"/static/..%2Faccount?x.css",
        b"/static/%2e%2e/account",
        b"/static/%2E%2E%2Faccount",
        b"/static/.%2e/account",
        b"/static/..;/account",
        b"/static/..;x=y/account",
        b"/static/..%3b/account",
        b"/static/..%00/account",
        b"/static/..\\account",
        b"/static/..%5caccount",
        b"/static/..%5Caccount/x.css",
        b"/static/x/../../account",
        b"/static/x/..%2f..%2faccount",
        b"/static/./../account",
    ];
    for lure in lures {
        for _ in 0..2 {
            let own = send(&served, "prod", lure, &[b"cookie: ada"]);
            if let Some(own) = own.filter(|own| own.body.starts_with(b"account")) {
                assert_eq!(own.body, b"account of ada", "{}", lure.escape_ascii());
            }
        }
        for cookie in [&b"cookie: eve"[..], b"x-no-cookie: 1"] {
            let answer = send(&served, "prod", lure, &[cookie]);
            let told = answer.map(|answer| answer.body).unwrap_or_default();
            assert!(
                !told.windows(3).any(|part| part == b"ada"),
                "{}: {}",
                lure.escape_ascii(),
                told.escape_ascii()
            );
        }
    }
    // What is the same for everybody is kept all the same.
    let _of_before = served.calls();
    for _ in 0..3 {
        let answer = send(&served, "prod", b"/static/x.css", &[b"cookie: ada"]).unwrap();
        assert_eq!(answer.body, b"public static/x.css");
    }
    assert_eq!(served.calls(), 1);
}

#[test]
fn operations_with_the_same_parameters_are_not_confused() {
    let served = Setup::new(echo())
        .get("/cats/{id}", &["method.request.path.id"])
        .get("/dogs/{id}", &["method.request.path.id"])
        .get("/cats/{id}/owner", &["method.request.path.id"])
        .get("/without", &[])
        .get("/with-none", &[])
        .serve();
    let requests: Vec<(&[u8], Vec<&[u8]>)> = [
        &b"/cats/1"[..],
        b"/dogs/1",
        b"/cats/1/owner",
        b"/cats/2",
        b"/without",
        b"/with-none",
    ]
    .iter()
    .map(|target| (*target, Vec::new()))
    .collect();
    assert_each_has_its_own(&served, &requests);
}
