//! The head of a request, through the whole gateway: `METHOD TARGET` on the first line, fields on
//! the others. Sent three times, so that a plan's burst comes to its end.
//!
//! Whatever the client writes, the answer is one of AWS's, the request line for the back end is
//! visible ASCII, what the proxy reads is the gateway's, and nothing the gateway writes breaks out
//! of its field.

use attache_policies::Headers;
use attache_policies::integration::{CLUSTER_HEADER, TIMEOUT_HEADER};
use attache_testkit::{Host, Message, Proxy, Request, Script};

use crate::fixture;
use crate::head;

const STATUSES: [u16; 6] = [200, 403, 404, 413, 429, 500];

pub(super) fn run(input: &[u8]) {
    let request = request(input);
    let host = Host::new(fixture::gateway(), &Proxy::new());
    for _ in 0..3 {
        let outcome = host.exchange(&request, &mut Script::answering("{}"));
        let status = outcome.status();
        assert!(STATUSES.contains(&status), "{status}");
        match (&outcome.upstream, &outcome.client) {
            (Some(upstream), _) => assert_upstream(&request.headers, upstream),
            (None, Some(client)) => {
                assert!(outcome.replied && status != 200);
                head::assert_clean_edits(&Headers::default(), &client.headers);
                head::assert_refusal(client);
            }
            (None, None) => panic!("nobody has seen anything"),
        }
    }
}

fn request(input: &[u8]) -> Request {
    let (line, fields) = head::lines(input);
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let mut headers: Headers = [(&b":method"[..], method), (b":path", target)]
        .into_iter()
        .collect();
    for (name, value) in fields.iter() {
        headers.push(name, value);
    }
    if !headers.contains(b":authority") {
        headers.push(b":authority", b"shop.localhost");
    }
    Request {
        headers,
        body: Vec::new(),
    }
}

fn assert_upstream(client: &Headers, upstream: &Message) {
    head::assert_clean_edits(client, &upstream.headers);
    let target = upstream.headers.first(b":path").unwrap_or_default();
    assert!(
        target.starts_with(b"/")
            && !target.contains(&b'#')
            && target.iter().all(u8::is_ascii_graphic),
        "{}",
        target.escape_ascii()
    );
    let mut clusters = upstream.headers.all(CLUSTER_HEADER.as_bytes());
    assert!(clusters.next().is_some() && clusters.next().is_none());
    for (name, value) in upstream.headers.iter() {
        let speaks_to_proxy = name.starts_with(b"x-envoy-") || name.starts_with(b"x-attache-");
        if speaks_to_proxy && let Ok(name) = str::from_utf8(name) {
            let written = name == CLUSTER_HEADER
                || name == TIMEOUT_HEADER && value == fixture::TIMEOUT.to_string().as_bytes();
            assert!(written, "{name}");
        }
    }
}
