//! The head of a back end's answer: its status on the first line, fields on the others.
//!
//! The client gets that status, no field that ends at the gateway, and nothing that breaks out of
//! its field.

use attache_policies::Headers;
use attache_testkit::{Host, Proxy, Request, Script, UpstreamAnswer};

use crate::fixture;
use crate::head;

pub(super) fn run(input: &[u8]) {
    let (status, headers) = head::lines(input);
    let status = str::from_utf8(status)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|status| (200..600).contains(status))
        .unwrap_or(200);
    let headers: Headers = headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .collect();
    for (host, path) in [
        ("shop.localhost", "/prod"),
        ("club.localhost", "/members/1"),
    ] {
        let mut request = Request::new("GET", path);
        request.headers = [(":method", "GET"), (":path", path), (":authority", host)]
            .into_iter()
            .collect();
        let gateway = Host::new(fixture::gateway(), &Proxy::new());
        let outcome = gateway.exchange(
            &request,
            &mut Script::new(|_| UpstreamAnswer::Answers {
                status,
                headers: headers.clone(),
                body: vec![b"{}".to_vec()],
                delay_millis: 0,
            }),
        );
        assert_eq!(outcome.status(), status);
        let client = outcome.client.expect("the client has an answer");
        head::assert_clean_edits(&headers, &client.headers);
        assert_eq!(client.headers.all(b":status").count(), 1);
        if host == "shop.localhost" {
            assert!(client.headers.contains(b"content-type"));
            for dropped in [&b"via"[..], b"te", b"upgrade", b"trailer", b"expect"] {
                assert!(!client.headers.contains(dropped));
            }
            assert_eq!(client.headers.all(b"x-amzn-requestid").count(), 1);
        }
    }
}
