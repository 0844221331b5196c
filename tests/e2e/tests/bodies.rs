//! Bodies that trip others, through validation and mapping templates in a real Envoy: API
//! Gateway's answer or a clear refusal, whatever the framing, and the back end gets a body whole or
//! not at all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;

use attache_e2e::{
    Attache, Backend, Body, Client, Operation, Project, Reaction, Request, Response,
    definition_with,
};
use serde_json::{Value, json};

/// The largest body that AWS takes.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

const REQUEST_TEMPLATE: &str = r#"#set($root = $input.path('$'))
{"statusCode": 200, "name": "$util.escapeJavaScript($root.name)", "all": $input.json('$')}"#;

const MOCK_ANSWER: &str = r#"{"name": "$input.params('name')", "path": "$context.resourcePath"}"#;

struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    /// A back end that answers with the body it was sent, behind every kind of rule.
    fn new() -> Self {
        let backend = Backend::start(|seen| {
            Reaction::answer(200, &seen.body).header("content-type", "application/json")
        });
        let base = format!("http://{}", backend.address());
        let templates = json!({"application/json": REQUEST_TEMPLATE});
        let model = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}});
        let responses = json!({"default": {"statusCode": "200"}});
        let operations = [
            Operation::new("POST", "/plain", &base),
            Operation::new("POST", "/validated", &base)
                .field("x-amazon-apigateway-request-validator", "body")
                .field("requestBody", model),
            Operation::new("POST", "/mapped", &base)
                .set("type", "http")
                .set("requestTemplates", templates.clone())
                .set("passthroughBehavior", "never")
                .set("responses", responses),
            Operation::new("POST", "/mock", &base)
                .set("type", "mock")
                .set("requestTemplates", templates)
                .set("passthroughBehavior", "never")
                .set(
                    "responses",
                    json!({"default": {
                        "statusCode": "200",
                        "responseTemplates": {"application/json": MOCK_ANSWER},
                    }}),
                ),
        ];
        let root = json!({
            "x-amazon-apigateway-request-validators": {
                "body": {"validateRequestBody": true, "validateRequestParameters": false},
            },
            "components": {"schemas": {"Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            }}},
        });
        let project = Project::new(
            "accessLog: off\napis: {test: {definition: openapi.json, stages: {s: {}}}}\n",
            &definition_with(&operations, &json!({}), &root),
        );
        Self {
            attache: Attache::serve(project.path(), &[]),
            backend,
            _project: project,
        }
    }

    fn address(&self) -> SocketAddr {
        self.attache.address()
    }

    /// A request on a connection of its own: one that is refused before its body is read ends the
    /// connection.
    fn send(&self, version: &str, request: &Request) -> Response {
        let mut client = match version {
            "HTTP/2" => Client::http2(self.address()),
            _ => Client::http1(self.address()),
        };
        client.send(request).unwrap()
    }

    fn clients(&self) -> [(&'static str, Client); 2] {
        [
            ("HTTP/1.1", Client::http1(self.address())),
            ("HTTP/2", Client::http2(self.address())),
        ]
    }
}

fn post(path: &str, body: Body) -> Request {
    Request::new("POST", path)
        .header("content-type", "application/json")
        .body(body)
}

fn message(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("{error}: {response:?}"));
    body["message"].as_str().unwrap_or_default().to_owned()
}

/// The same bytes with a stated length, in pieces of several sizes, and with trailers.
fn framings(body: &[u8]) -> Vec<Body> {
    let pieces = |size: usize| body.chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let trailers = vec![("x-checksum".to_owned(), b"1".to_vec())];
    vec![
        Body::Whole(body.to_vec()),
        Body::Pieces(pieces(body.len().max(1))),
        Body::Pieces(pieces((body.len() / 7).max(1))),
        Body::Trailed(pieces((body.len() / 3).max(1)), trailers),
    ]
}

#[test]
fn a_body_means_the_same_however_it_is_framed() {
    let served = Served::new();
    let body = br#"{"name":"Ada \u00e9 \"x\"","n":12345678901234567890}"#;
    for (version, mut client) in served.clients() {
        for framing in framings(body) {
            let told = format!("{version}, {framing:?}");
            let _of_before = served.backend.take_seen();
            for path in ["/s/plain", "/s/validated"] {
                let answer = client.send(&post(path, framing.clone())).unwrap();
                assert_eq!(answer.status, 200, "{path}, {told}");
                assert_eq!(answer.body, body, "{path}, {told}");
            }
            let answer = client.send(&post("/s/mapped", framing.clone())).unwrap();
            assert_eq!(answer.status, 200, "{told}");
            let mapped: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(mapped["name"], "Ada é \"x\"", "{told}");
            assert!(answer.text().contains("12345678901234567890"), "{told}");
            let answer = client.send(&post("/s/mock", framing.clone())).unwrap();
            assert_eq!(answer.status, 200, "{told}");
            assert_eq!(answer.text(), r#"{"name": "", "path": "/mock"}"#, "{told}");
            let seen = served.backend.take_seen();
            assert_eq!(seen.len(), 3, "{told}");
            assert!(seen.iter().all(|seen| seen.well_formed), "{told}");
        }
    }
}

/// What is no JSON, or not what it seems.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let megabyte = |text: &str| text.repeat(1024 * 1024 / text.len()).into_bytes();
    vec![
        ("unfinished", br#"{"name": "#.to_vec()),
        ("XML", b"<pet><name>Ada</name></pet>".to_vec()),
        ("opening brackets", megabyte("[")),
        ("opening braces", megabyte("{\"a\":")),
        ("closing brackets", megabyte("]")),
        ("quotes", megabyte("\"")),
        ("backslashes", megabyte("\\")),
        ("not a number", br#"{"name": NaN}"#.to_vec()),
        ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("control characters", b"{\"name\": \"\0\x01\"}".to_vec()),
        ("two documents", br#"{"name": "a"} {"name": "b"}"#.to_vec()),
        ("a lone surrogate", br#"{"name": "\ud800"}"#.to_vec()),
        ("duplicate names", br#"{"name": 1, "name": "b"}"#.to_vec()),
        ("a huge number", br#"{"name": 1e999999999}"#.to_vec()),
        (
            "a byte order mark",
            b"\xef\xbb\xbf{\"name\": \"a\"}".to_vec(),
        ),
        ("nothing", Vec::new()),
        ("blanks", b" \r\n\t ".to_vec()),
    ]
}

#[test]
fn malformed_bodies_are_answered_and_nothing_breaks() {
    let served = Served::new();
    for version in ["HTTP/1.1", "HTTP/2"] {
        for (name, body) in malformed() {
            let framing = match body.is_empty() {
                true => Body::None,
                false => Body::Pieces(vec![body.clone()]),
            };
            for path in ["/s/validated", "/s/mapped", "/s/mock"] {
                let told = format!("{name} to {path} with {version}");
                let _of_before = served.backend.take_seen();
                let answer = served.send(version, &post(path, framing.clone()));
                let seen = served.backend.take_seen();
                assert!(seen.iter().all(|seen| seen.well_formed), "{told}");
                match answer.status {
                    200 => {
                        assert_eq!(seen.len(), usize::from(path != "/s/mock"), "{told}");
                    }
                    400 => {
                        let message = message(&answer);
                        let expected = match path {
                            "/s/validated" => "Invalid request body",
                            _ => "Invalid JSON in request body",
                        };
                        assert_eq!(message, expected, "{told}");
                        assert!(seen.is_empty(), "{told}");
                    }
                    // A template whose output is no JSON has no status for a MOCK.
                    500 => {
                        assert_eq!(message(&answer), "Internal server error", "{told}");
                        assert_ne!(path, "/s/validated", "{told}");
                        assert!(seen.is_empty(), "{told}");
                    }
                    other => panic!("{other}: {told}"),
                }
            }
        }
        // And the next request is served as if nothing had been.
        let whole = Body::Whole(br#"{"name":"a"}"#.to_vec());
        let answer = served.send(version, &post("/s/validated", whole));
        assert_eq!(answer.status, 200, "{version}");
    }
}

#[test]
fn what_a_validator_says_of_bodies() {
    let served = Served::new();
    for (body, status) in [
        (r#"{"name":"a"}"#, 200),
        (r#"{"name":1}"#, 400),
        (r#"{}"#, 400),
        (r#"[]"#, 400),
        (r#""name""#, 400),
        (r#"{'name':'a'}"#, 400),
        (r#"{"name":"a",}"#, 400),
    ] {
        let whole = Body::Whole(body.as_bytes().to_vec());
        let answer = served.send("HTTP/1.1", &post("/s/validated", whole));
        assert_eq!(answer.status, status, "{body}");
    }
    // Without a content type it is JSON; with another one there is no model for it.
    for (content_type, status) in [
        (None, 400),
        (Some("application/json; charset=utf-8"), 400),
        (Some("text/plain"), 200),
    ] {
        let mut request = Request::new("POST", "/s/validated").body(Body::Whole(b"{}".to_vec()));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = served.send("HTTP/1.1", &request);
        assert_eq!(answer.status, status, "{content_type:?}");
    }
    // A mapped operation takes what it has a template for.
    let request = Request::new("POST", "/s/mapped")
        .header("content-type", "text/xml")
        .body(Body::Whole(b"<a/>".to_vec()));
    let answer = served.send("HTTP/1.1", &request);
    assert_eq!(
        (answer.status, message(&answer).as_str()),
        (415, "Unsupported Media Type")
    );
}

#[test]
fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let served = Served::new();
    let padded = |length: usize| {
        let frame = br#"{"name":""}"#.len();
        format!(r#"{{"name":"{}"}}"#, "x".repeat(length - frame)).into_bytes()
    };
    for (version, mut client) in served.clients() {
        for path in ["/s/plain", "/s/validated"] {
            let told = format!("{path} with {version}");
            let body = padded(LARGEST_BODY);
            for framing in [
                Body::Whole(body.clone()),
                Body::Pieces(body.chunks(65_536).map(<[u8]>::to_vec).collect()),
            ] {
                let answer = client.send(&post(path, framing)).unwrap();
                assert_eq!(answer.status, 200, "{told}");
                assert_eq!(answer.body.len(), LARGEST_BODY, "{told}");
            }
        }
        let _of_before = served.backend.take_seen();
        let body = padded(LARGEST_BODY + 1);
        let told = format!("over the limit with {version}");
        let mut client = Client::http1(served.address());
        let answer = client
            .send(&post("/s/validated", Body::Pieces(vec![body])))
            .unwrap();
        assert_eq!(answer.status, 413, "{told}");
        assert!(served.backend.take_seen().is_empty(), "{told}");
    }
}
