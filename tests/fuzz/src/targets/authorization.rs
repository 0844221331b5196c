//! The `Authorization` header of a request that nothing serves, which a REST API takes for a
//! signature.
//!
//! The answer is one of AWS's sentences and holds the header's value as a hash only.

use attache_testkit::{Host, Proxy, Request, Script};
use serde_json::Value;

use crate::fixture;
use crate::head;

/// A SHA-256 in Base64.
const HASH_LENGTH: usize = 44;

pub(super) fn run(input: &[u8]) {
    let mut request = Request::new("GET", "/prod/nowhere");
    request.headers = [
        (":method", &b"GET"[..]),
        (":path", b"/prod/nowhere"),
        (":authority", b"shop.localhost"),
        ("authorization", input),
    ]
    .into_iter()
    .collect();
    let host = Host::new(fixture::gateway(), &Proxy::new());
    let outcome = host.exchange(&request, &mut Script::answering("{}"));
    assert_eq!(outcome.status(), 403);
    assert_eq!(outcome.upstream, None);
    let client = outcome.client.expect("the client has an answer");
    head::assert_refusal(&client);
    let body: Value = serde_json::from_slice(&client.body).expect("a refusal is JSON");
    let message = body["message"].as_str().unwrap_or_default();
    assert!(is_a_sentence_of_aws(message), "{message}");
}

fn is_a_sentence_of_aws(message: &str) -> bool {
    if message == "Missing Authentication Token" {
        return true;
    }
    if let Some(rest) = message.strip_prefix(
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 \
         and encoded with Base64): '",
    ) {
        return rest.strip_suffix("'.").is_some_and(is_hash);
    }
    message
        .split_once(" (Hashed with SHA-256 and encoded with Base64) Authorization=")
        .is_some_and(|(sentences, hash)| {
            is_hash(hash)
                && sentences.split_inclusive('.').all(|sentence| {
                    sentence
                        .trim_start()
                        .starts_with("Authorization header requires ")
                })
        })
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH_LENGTH
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}
