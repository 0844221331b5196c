//! Back ends that fail, or answer what is not to be kept: nothing partial is ever stored, and who
//! asks next gets the whole answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use attache_e2e::{Backend, Client, Reaction, Request, Response, Seen};
use serde_json::json;

use crate::served::{Served, Setup};

/// The largest body that is kept.
const LARGEST: usize = 1_048_576;

/// A back end that does this with the first call of each path, and answers all others whole.
fn failing_first(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Backend {
    let calls: Mutex<HashMap<String, usize>> = Mutex::default();
    Backend::start(move |seen| {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let call = calls.entry(seen.path.clone()).or_default();
        *call += 1;
        match *call {
            1 => react(seen),
            call => Reaction::answer(200, format!("whole {call}")),
        }
    })
}

/// The head of a first answer, then what there is of its body.
fn bytes(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes()
}

/// What a first call comes to that breaks off.
fn broken(name: &str) -> Option<Reaction> {
    let close = |bytes: Vec<u8>| Some(Reaction::BytesThenClose(bytes));
    match name {
        "nothing" => close(Vec::new()),
        "half-a-head" => close(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        "no-http" => close(b"220 smtp.example.com ESMTP\r\n".to_vec()),
        "no-body" => close(bytes("200 OK\r\ncontent-length: 100", "")),
        "half-a-body" => close(bytes("200 OK\r\ncontent-length: 100", "half")),
        "one-byte-short" => close(bytes("200 OK\r\ncontent-length: 5", "four")),
        "a-megabyte-short" => close(bytes(
            "200 OK\r\ncontent-length: 1048576",
            &"x".repeat(1_048_575),
        )),
        "no-chunk" => close(bytes("200 OK\r\ntransfer-encoding: chunked", "")),
        "half-a-chunk" => close(bytes("200 OK\r\ntransfer-encoding: chunked", "64\r\nhalf")),
        "no-last-chunk" => close(bytes(
            "200 OK\r\ntransfer-encoding: chunked",
            "4\r\nhalf\r\n",
        )),
        "half-a-last-chunk" => close(bytes(
            "200 OK\r\ntransfer-encoding: chunked",
            "4\r\nhalf\r\n0\r\n",
        )),
        "no-chunk-length" => close(bytes(
            "200 OK\r\ntransfer-encoding: chunked",
            "4\r\nhalf\r\nxyz\r\n",
        )),
        "two-lengths" => close(bytes(
            "200 OK\r\ncontent-length: 4\r\ncontent-length: 5",
            "four5",
        )),
        _ => None,
    }
}

const BROKEN: [&str; 13] = [
    "nothing",
    "half-a-head",
    "no-http",
    "no-body",
    "half-a-body",
    "one-byte-short",
    "a-megabyte-short",
    "no-chunk",
    "half-a-chunk",
    "no-last-chunk",
    "half-a-last-chunk",
    "no-chunk-length",
    "two-lengths",
];

/// What the next request for it gets, which has to be the second call's answer, and the one after
/// it, which has to be that from the cache.
fn assert_next_is_whole(served: &Served, path: &str) {
    for protocol in [Client::http1, Client::http2] {
        let next = protocol(served.address())
            .send(&Request::new("GET", path))
            .unwrap();
        assert_eq!(
            (next.status, next.text()),
            (200, "whole 2".into()),
            "{path}"
        );
        assert_eq!(next.trailers, [], "{path}");
    }
    assert_eq!(served.calls(), 2, "{path}");
}

#[test]
fn an_answer_that_breaks_off_is_never_kept() {
    let served = Served::everything(failing_first(|seen| {
        let name = seen.path.rsplit('/').next().unwrap();
        broken(name).unwrap_or_else(|| Reaction::answer(200, "no script"))
    }));
    for (protocol, name) in BROKEN.iter().flat_map(|name| [("1", name), ("2", name)]) {
        let path = format!("/prod/{protocol}/{name}");
        let mut client = match protocol {
            "1" => Client::http1(served.address()),
            _ => Client::http2(served.address()),
        };
        let first = client.send(&Request::new("GET", &path));
        // Broken off for the client too, or refused: never a whole answer.
        if let Ok(answer) = first {
            assert!(answer.status >= 500, "{path}: {answer:?}");
        }
        assert_next_is_whole(&served, &path);
    }
}

#[test]
fn a_back_end_that_is_too_slow_leaves_nothing_behind() {
    let setup = Setup::new(failing_first(|_| Reaction::Never));
    let operation = setup
        .at("GET", "/{proxy+}")
        .set("timeoutInMillis", 50)
        .set("cacheKeyParameters", json!(["method.request.path.proxy"]));
    let served = setup.with(operation).serve();
    assert_eq!(served.get("/prod/late").status, 504);
    assert_next_is_whole(&served, "/prod/late");
}

#[test]
fn answers_that_are_not_for_everybody_or_no_answer_at_all_are_not_kept() {
    type Case = (&'static str, u16, &'static [(&'static str, &'static str)]);
    const CASES: [Case; 15] = [
        ("cookie", 200, &[("set-cookie", "session=secret")]),
        ("cookie-not-found", 404, &[("Set-Cookie", "session=secret")]),
        ("part", 206, &[("content-range", "bytes 0-9/100")]),
        ("vary", 200, &[("vary", "*")]),
        ("vary-listed", 200, &[("vary", "accept, *")]),
        ("found", 302, &[("location", "/elsewhere")]),
        ("see-other", 303, &[("location", "/elsewhere")]),
        ("temporary", 307, &[("location", "/elsewhere")]),
        ("bad", 400, &[]),
        ("unauthorized", 401, &[("www-authenticate", "Basic")]),
        ("forbidden", 403, &[]),
        ("many", 429, &[("retry-after", "1")]),
        ("error", 500, &[]),
        ("gateway", 502, &[]),
        ("away", 503, &[("retry-after", "1")]),
    ];
    let served = Served::everything(failing_first(|seen| {
        let name = seen.path.trim_start_matches('/');
        let (_, status, fields) = CASES.iter().find(|(case, ..)| *case == name).unwrap();
        fields.iter().fold(
            Reaction::answer(*status, "ten bytes."),
            |answer, (name, value)| answer.header(name, value),
        )
    }));
    for (name, status, fields) in CASES {
        let path = format!("/prod/{name}");
        let first = served.get(&path);
        assert_eq!(
            (first.status, first.text()),
            (status, "ten bytes.".into()),
            "{name}"
        );
        for (field, value) in fields {
            let field = field.to_ascii_lowercase();
            // Some fields have other names on the way out, as on AWS.
            let renamed = format!("x-amzn-remapped-{field}");
            let passed = first.header(&field).or_else(|| first.header(&renamed));
            assert_eq!(passed, Some(value.as_bytes()), "{name}");
        }
        assert_next_is_whole(&served, &path);
    }
}

#[test]
fn an_answer_whose_end_is_not_told_is_passed_on_and_not_kept() {
    const CASES: [(&str, &str); 2] = [
        (
            "closed",
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nup to the end",
        ),
        (
            "older",
            "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nup to the end",
        ),
    ];
    let served = Served::everything(failing_first(|seen| {
        let name = seen.path.trim_start_matches('/');
        let (_, text) = CASES.iter().find(|(case, _)| *case == name).unwrap();
        Reaction::BytesThenClose(text.as_bytes().to_vec())
    }));
    for (name, _) in CASES {
        let path = format!("/prod/{name}");
        assert_eq!(served.get(&path).text(), "up to the end", "{name}");
        assert_next_is_whole(&served, &path);
    }
}

#[test]
fn whole_answers_are_kept_however_they_are_framed() {
    let large = "x".repeat(LARGEST);
    let chunks = |body: &str, size: usize, end: &str| {
        let mut text = String::from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        for chunk in body.as_bytes().chunks(size) {
            text.push_str(&format!("{:x}\r\n", chunk.len()));
            text.push_str(str::from_utf8(chunk).unwrap());
            text.push_str("\r\n");
        }
        text.push_str(end);
        Reaction::Bytes(text.into_bytes(), Box::new(Reaction::KeepOpen))
    };
    let cases: Vec<(&str, u16, String, Reaction)> = vec![
        ("length", 200, "whole".into(), Reaction::answer(200, "whole")),
        ("empty", 200, String::new(), Reaction::answer(200, "")),
        ("chunks", 200, "whole".into(), chunks("whole", 2, "0\r\n\r\n")),
        ("no-chunks", 200, String::new(), chunks("", 1, "0\r\n\r\n")),
        (
            "extensions",
            200,
            "whole".into(),
            Reaction::Bytes(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nwhole\r\n0;c\r\n\r\n"
                    .to_vec(), Box::new(Reaction::KeepOpen)),
        ),
        ("no-content", 204, String::new(), Reaction::answer(204, "")),
        ("moved", 301, "there".into(), Reaction::answer(301, "there").header("location", "/x")),
        ("missing", 404, "nothing".into(), Reaction::answer(404, "nothing")),
        ("gone", 410, "gone".into(), Reaction::answer(410, "gone")),
        ("largest", 200, large.clone(), Reaction::answer(200, &large)),
        ("largest-in-chunks", 200, large.clone(), chunks(&large, 10_000, "0\r\n\r\n")),
    ];
    let scripts: HashMap<String, Reaction> = cases
        .iter()
        .map(|(name, _, _, reaction)| (format!("/{name}"), reaction.clone()))
        .collect();
    let served = Served::everything(failing_first(move |seen| scripts[&seen.path].clone()));
    for (name, status, body, _) in &cases {
        for protocol in [Client::http1, Client::http1, Client::http2] {
            let answer = protocol(served.address())
                .send(&Request::new("GET", &format!("/prod/{name}")))
                .unwrap();
            assert_eq!(answer.status, *status, "{name}");
            assert!(
                answer.body == body.as_bytes(),
                "{name}: {} bytes",
                answer.body.len()
            );
        }
        assert_eq!(served.calls(), 1, "{name}");
    }
}

#[test]
fn trailers_never_become_part_of_what_is_kept() {
    let served = Served::everything(Backend::start(|seen| {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                    5\r\nwhole\r\n0\r\nx-sum: 1\r\ncontent-length: 0\r\nset-cookie: a=b\r\n\r\n";
        let _any = seen;
        Reaction::Bytes(text.as_bytes().to_vec(), Box::new(Reaction::KeepOpen))
    }));
    for protocol in [Client::http1, Client::http2, Client::http1, Client::http2] {
        let answer = protocol(served.address())
            .send(&Request::new("GET", "/prod/trailed"))
            .unwrap();
        assert_eq!((answer.status, answer.text()), (200, "whole".into()));
        for name in ["x-sum", "set-cookie"] {
            assert_eq!(answer.header(name), None);
        }
    }
}

#[test]
fn what_is_over_the_limit_is_passed_on_whole_each_time() {
    for size in [LARGEST + 1, 5_000_000] {
        let served = Served::everything(Backend::start(move |seen| {
            let body: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            if seen.path == "/length" {
                return Reaction::answer(200, body);
            }
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            bytes.extend(format!("{:x}\r\n", body.len()).into_bytes());
            bytes.extend(body);
            bytes.extend(b"\r\n0\r\n\r\n");
            Reaction::Bytes(bytes, Box::new(Reaction::KeepOpen))
        }));
        for path in ["/prod/length", "/prod/chunks"] {
            for protocol in [Client::http1, Client::http2] {
                let answer = protocol(served.address())
                    .send(&Request::new("GET", path))
                    .unwrap();
                let right = |(at, byte): (usize, &u8)| *byte == (at % 251) as u8;
                assert_eq!((answer.status, answer.body.len()), (200, size));
                assert!(answer.body.iter().enumerate().all(right));
            }
            assert_eq!(served.calls(), 2, "{path} of {size} bytes");
        }
    }
}

#[test]
fn a_part_is_never_taken_for_the_whole_nor_a_head_for_a_body() {
    let backend = Backend::start(|seen| {
        let whole = format!("{} {} of ten bytes", seen.method, seen.path);
        match (seen.method.as_str(), seen.header("range")) {
            ("GET", Some(_)) => Reaction::answer(206, "HTTP")
                .header("content-range", format!("bytes 0-3/{}", whole.len())),
            ("HEAD", _) => Reaction::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-length: 23\r\nx-method: HEAD\r\n\r\n".to_vec(),
                Box::new(Reaction::KeepOpen),
            ),
            _ => Reaction::answer(200, whole),
        }
    });
    let setup = Setup::new(backend);
    let key = json!(["method.request.path.proxy"]);
    let head = setup
        .at("HEAD", "/{proxy+}")
        .set("cacheKeyParameters", key.clone());
    let mut setup = setup
        .get("/{proxy+}", &["method.request.path.proxy"])
        .with(head);
    let settings = setup.settings().clone();
    setup.stage()["methodSettings"]["/{proxy+}/HEAD"] = settings;
    let served = setup.serve();
    let ask = |method: &str, path: &str, fields: &[(&str, &str)]| -> Response {
        let request = fields
            .iter()
            .fold(Request::new(method, path), |request, (name, value)| {
                request.header(name, value)
            });
        served.send(&request)
    };
    // A head first: then the whole is asked for.
    for _ in 0..2 {
        let head = ask("HEAD", "/prod/head-first", &[]);
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
    for _ in 0..2 {
        let whole = ask("GET", "/prod/head-first", &[]);
        assert_eq!(whole.text(), "GET /head-first of ten bytes");
        assert_eq!(whole.header("x-method"), None);
        let head = ask("HEAD", "/prod/head-first", &[]);
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
    // A part first: whoever asks for the whole gets the whole.
    let part = ask("GET", "/prod/part-first", &[("range", "bytes=0-3")]);
    assert!(matches!(part.status, 200 | 206), "{}", part.status);
    for _ in 0..2 {
        let whole = ask("GET", "/prod/part-first", &[]);
        assert_eq!(
            (whole.status, whole.text()),
            (200, "GET /part-first of ten bytes".into())
        );
    }
    // And whoever asks for a part of what is kept gets the whole, or that part of it.
    let again = ask("GET", "/prod/part-first", &[("range", "bytes=0-3")]);
    match again.status {
        206 => assert_eq!(again.text(), "GET "),
        _ => assert_eq!(
            (again.status, again.text()),
            (200, "GET /part-first of ten bytes".into())
        ),
    }
}

#[test]
fn a_client_with_a_copy_of_its_own_does_not_leave_an_empty_one_for_others() {
    let served = Served::everything(Backend::start(|seen| match seen.header("if-none-match") {
        Some(_) => Reaction::answer(304, "").header("etag", "\"1\""),
        None => Reaction::answer(200, "whole").header("etag", "\"1\""),
    }));
    let conditional = Request::new("GET", "/prod/pets").header("if-none-match", "\"1\"");
    let first = served.send(&conditional);
    assert!(matches!(first.status, 200 | 304), "{}", first.status);
    for _ in 0..2 {
        let whole = served.get("/prod/pets");
        assert_eq!((whole.status, whole.text()), (200, "whole".into()));
    }
}
