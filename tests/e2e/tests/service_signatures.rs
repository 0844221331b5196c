//! Calls to AWS's services in a real Envoy: what arrives is signed, whichever way it was sent, and
//! the signature is that of what arrives.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;

use attache_e2e::{Attache, Backend, Body, Client, Operation, Project, Request, Seen, definition};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

const SECRET: &str = "not-a-real-secret-of-anybody";

/// More than Envoy holds unless it is told to.
const LARGE_BODY: usize = 4 * 1024 * 1024;

#[test]
fn what_a_service_gets_is_signed_as_it_gets_it() {
    let backend = Backend::answering("{}");
    let operation = |method: &str, path: &str, kind: &str, action: &str| {
        let uri = format!("arn:aws:apigateway:eu-west-1:{action}");
        Operation::new(method, path, &uri)
            .field("responses", json!({"200": {"description": "done"}}))
            .set("type", kind)
            .set("responses", json!({"default": {"statusCode": "200"}}))
    };
    let function = "lambda:path/2015-03-31/functions/\
                    arn:aws:lambda:eu-west-1:000000000000:function:f/invocations";
    let operations = [
        operation("POST", "/queue", "aws", "sqs:path/000000000000/orders"),
        operation("PUT", "/object/{key}", "aws", "s3:path/bucket/{key}"),
        operation("POST", "/function", "aws_proxy", function),
    ];
    let configuration = "accessLog: off
apis: {test: {definition: openapi.json, stages: {s: {}}}}
endpoints:
  sqs: {url: \"http://BACKEND\", sign: true}
  s3: {url: \"http://BACKEND\", sign: true}
  lambda: {url: \"http://BACKEND\", sign: true}
"
    .replace("BACKEND", &backend.address().to_string());
    let project = Project::new(&configuration, &definition(&operations));
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name, Path::new(value)));
    let attache = Attache::serve_with(project.path(), &[], &environment);
    let mut client = Client::http1(attache.address());
    for (method, path, service, size) in [
        ("POST", "/s/queue", "sqs", 7),
        ("POST", "/s/queue", "sqs", LARGE_BODY),
        ("PUT", "/s/object/a%20b", "s3", 7),
        ("POST", "/s/function", "lambda", 7),
    ] {
        let _of_before = backend.take_seen();
        let request = Request::new(method, path)
            .header("content-type", "text/plain")
            .body(Body::Whole(vec![b'a'; size]));
        client.send(&request).unwrap();
        let seen = backend.take_seen();
        assert_eq!(seen.len(), 1, "{path}");
        let scope = format!("/eu-west-1/{service}/aws4_request");
        assert_signed(&seen[0], service, &scope);
    }
}

/// Asserts that the signature of a request is that of AWS's Signature Version 4 (IAM user guide,
/// "Create a signed AWS API request").
fn assert_signed(seen: &Seen, service: &str, scope: &str) {
    let field = |name: &str| {
        let value = seen.header(name).unwrap_or_else(|| panic!("no `{name}`"));
        String::from_utf8(value.to_vec()).unwrap()
    };
    let authorization = field("authorization");
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let credential = part("Credential=");
    let credential_scope = credential.strip_prefix("AKIAEXAMPLE/").unwrap();
    assert!(credential_scope.ends_with(scope), "{credential_scope}");
    let names = part("SignedHeaders=");
    assert!(names.contains("host"), "{names}");
    let payload = field("x-amz-content-sha256");
    assert_eq!(
        payload,
        hexadecimal(&Sha256::digest(&seen.body)),
        "the body"
    );
    let path = match service {
        "s3" => seen.path.clone(),
        // Every service but S3 escapes a path twice.
        _ => seen.path.replace('%', "%25"),
    };
    let mut canonical = format!("{}\n{path}\n\n", seen.method);
    for name in names.split(';') {
        canonical.push_str(&format!("{name}:{}\n", field(name)));
    }
    canonical.push_str(&format!("\n{names}\n{payload}"));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{credential_scope}\n{}",
        field("x-amz-date"),
        hexadecimal(&Sha256::digest(canonical.as_bytes()))
    );
    let key = credential_scope
        .split('/')
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
            digest(&key, part)
        });
    let wanted = hexadecimal(&digest(&key, &to_sign));
    assert_eq!(part("Signature="), wanted, "{canonical}");
}

fn digest(key: &[u8], text: &str) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
