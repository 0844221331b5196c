//! A client's `X-Amzn-Trace-Id`.
//!
//! The back end gets one, with a root, a parent and a decision. It is the client's own as it came,
//! or one without anything in it that is not part of an identifier.

use attache_testkit::{Host, Proxy, Request, Script};

use crate::fixture;

pub(super) fn run(input: &[u8]) {
    let mut request = Request::new("GET", "/prod");
    request.headers = [
        (":method", &b"GET"[..]),
        (":path", b"/prod"),
        (":authority", b"shop.localhost"),
        ("x-amzn-trace-id", input),
    ]
    .into_iter()
    .collect();
    let host = Host::new(fixture::gateway(), &Proxy::new());
    let outcome = host.exchange(&request, &mut Script::answering("{}"));
    let upstream = outcome.upstream.expect("the request is let through");
    let mut values = upstream.headers.all(b"x-amzn-trace-id");
    let value = values.next().expect("there is a trace id");
    assert!(values.next().is_none());
    for key in [&b"root="[..], b"parent=", b"sampled="] {
        let lower = value.to_ascii_lowercase();
        assert!(lower.split(|byte| *byte == b';').any(|part| {
            let part = part.trim_ascii();
            part.len() > key.len() && part.starts_with(key)
        }));
    }
    if value != input {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-?=;".contains(byte);
        assert!(value.iter().all(fits), "{}", value.escape_ascii());
    }
}
