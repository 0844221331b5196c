//! What a gateway in a real Envoy does that only the bytes of a connection show.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::BTreeMap;
use std::fs;

use attache_e2e::{Backend, Envoy, Raw, RawResponse, Reaction};
use attache_scenarios::Subject;
use attache_scenarios::gateway::GatewaySubject;

const CONFIGURATION: &str = "apis: {petstore: {definition: openapi.yaml, stages: {prod: {}}}}";

/// A gateway with one operation, `ANY /prod/{proxy+}`.
fn gateway(backend: &Backend) -> Envoy {
    let folder = tempfile::tempdir().unwrap();
    let address = backend.address();
    let definition = format!(
        r#"
openapi: 3.0.1
info: {{title: petstore, version: "1"}}
paths:
  /{{proxy+}}:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: {{type: http_proxy, httpMethod: ANY, uri: "http://{address}/"}}
"#
    );
    fs::write(folder.path().join("attache.yaml"), CONFIGURATION).unwrap();
    fs::write(folder.path().join("openapi.yaml"), definition).unwrap();
    let (bootstrap, _) = GatewaySubject
        .bootstrap(folder.path(), &BTreeMap::new())
        .unwrap();
    Envoy::start_text(folder, &bootstrap, 1)
}

fn answer(envoy: &Envoy, request: &[u8]) -> RawResponse {
    let mut raw = Raw::connect(envoy.listener("gateway"));
    raw.send(request);
    raw.response().unwrap()
}

fn with_field(length: usize) -> Vec<u8> {
    let value = "v".repeat(length);
    format!("GET /prod/pets HTTP/1.1\r\nhost: x\r\nx-own: {value}\r\n\r\n").into_bytes()
}

#[test]
fn a_head_that_is_too_large_is_refused_in_json() {
    let backend = Backend::answering("served");
    let envoy = gateway(&backend);
    assert_eq!(answer(&envoy, &with_field(16_000)).status, 200);
    assert_eq!(backend.take_seen().len(), 1);

    let url = format!(
        "GET /prod/{} HTTP/1.1\r\nhost: x\r\n\r\n",
        "p".repeat(21_000)
    );
    for (request, status, error_type, body) in [
        (
            with_field(21_000),
            431,
            "RequestHeaderFieldsTooLargeException",
            r#"{"message":"Request Header Fields Too Large"}"#,
        ),
        (
            url.into_bytes(),
            431,
            "RequestHeaderFieldsTooLargeException",
            r#"{"message":"Request Header Fields Too Large"}"#,
        ),
        (
            b"GET /prod/pets HTTP/1.1\r\nno field\r\n\r\n".to_vec(),
            400,
            "BadRequestException",
            r#"{"message":"Bad Request"}"#,
        ),
    ] {
        let answer = answer(&envoy, &request);
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("x-amzn-errortype"),
            Some(error_type.as_bytes())
        );
        assert_eq!(
            answer.header("content-type"),
            Some(&b"application/json"[..])
        );
        assert!(answer.header("x-amzn-requestid").is_some());
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(text.trim_end(), body);
    }
    assert!(backend.seen().is_empty());
}

#[test]
fn names_arrive_in_lower_case() {
    let backend = Backend::start(|_| Reaction::answer(200, "").header("X-Reply", "Kept"));
    let envoy = gateway(&backend);
    let mut raw = Raw::connect(envoy.listener("gateway"));
    raw.send(b"GET /prod/pets HTTP/1.1\r\nHost: x\r\nX-Own: Kept\r\nConnection: close\r\n\r\n");
    let text = String::from_utf8(raw.rest()).unwrap();
    for name in ["\r\nx-reply: Kept\r\n", "\r\nx-amzn-requestid: "] {
        assert!(text.contains(name), "{text}");
    }
    let [seen] = backend.seen().try_into().unwrap();
    let head = String::from_utf8(seen.head).unwrap();
    assert!(head.contains("\r\nx-own: Kept\r\n"), "{head}");
}

#[test]
fn a_body_that_is_announced_as_too_large_is_never_received() {
    let backend = Backend::answering("served");
    let envoy = gateway(&backend);
    let request = b"POST /prod/pets HTTP/1.1\r\nhost: x\r\ncontent-length: 10485761\r\n\r\n";
    let answer = answer(&envoy, request);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("content-type"), Some(&b"text/plain"[..]));
    assert_eq!(answer.body, b"HTTP content length exceeded 10485760 bytes.");
    assert!(backend.seen().is_empty());
}

#[test]
fn redirects_are_the_clients_to_follow() {
    let backend = Backend::start(|_| {
        Reaction::answer(302, "").header("location", "http://elsewhere.example/")
    });
    let envoy = gateway(&backend);
    let answer = answer(&envoy, b"GET /prod/pets HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.header("location"),
        Some(&b"http://elsewhere.example/"[..])
    );
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn of_several_keys_the_last_one_counts() {
    let backend = Backend::answering("served");
    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        "{}\n{}\n{}",
        CONFIGURATION,
        "usagePlans: {gold: {apiStages: [{api: petstore, stage: prod}]}}",
        "apiKeys: {acme: {value: acme-0123456789-0123456789, usagePlans: [gold]}}",
    );
    let address = backend.address();
    let definition = format!(
        r#"
openapi: 3.0.1
info: {{title: petstore, version: "1"}}
paths:
  /pets:
    get:
      security: [{{api_key: []}}]
      x-amazon-apigateway-integration: {{type: http_proxy, httpMethod: GET, uri: "http://{address}/"}}
components:
  securitySchemes:
    api_key: {{type: apiKey, name: x-api-key, in: header}}
"#
    );
    fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
    fs::write(folder.path().join("openapi.yaml"), definition).unwrap();
    let (bootstrap, _) = GatewaySubject
        .bootstrap(folder.path(), &BTreeMap::new())
        .unwrap();
    let envoy = Envoy::start_text(folder, &bootstrap, 1);

    let with_keys = |keys: &[&str]| {
        let fields: String = keys
            .iter()
            .map(|key| format!("x-api-key: {key}\r\n"))
            .collect();
        let request = format!("GET /prod/pets HTTP/1.1\r\nhost: x\r\n{fields}\r\n");
        answer(&envoy, request.as_bytes()).status
    };
    let (known, unknown) = ("acme-0123456789-0123456789", "nobody-0123456789-0123456789");
    assert_eq!(with_keys(&[unknown, known]), 200);
    assert_eq!(with_keys(&[known, unknown]), 403);
    assert_eq!(with_keys(&[known, ""]), 403);
    assert_eq!(with_keys(&[&format!("{known}, {known}")]), 403);
    assert_eq!(backend.take_seen().len(), 1);
}
