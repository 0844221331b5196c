//! `response_cache.wasm` in a real Envoy: behind a filter that says who may, and before back ends
//! that break off.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{Backend, Client, Envoy, Reaction, Request, Response, module, until};

const CACHE: &str =
    r#"{"api": "shop", "stage": "prod", "sizeMebibytes": 16, "operations": [{"path": "/{all+}"}]}"#;
/// The key is `acme-example-key-0123456789`.
const KEYS: &str = r#"{
    "header": "x-api-key",
    "apiKeys": [{
        "id": "acme",
        "digest": "fa1d1172d70142007616cad88b6a2191fe298bf283bb95edefaa3c1feb0910ee",
        "usagePlans": ["gold"]
    }]
}"#;

fn get(envoy: &Envoy, path: &str, fields: &[(&str, &str)]) -> Option<Response> {
    let request = fields
        .iter()
        .fold(Request::new("GET", path), |request, (name, value)| {
            request.header(name, value)
        });
    Client::http1(envoy.listener(LISTENER)).send(&request).ok()
}

fn kept(body: &str) -> Reaction {
    Reaction::answer(200, body).header("cache-control", "max-age=600")
}

#[test]
fn what_is_kept_is_for_those_who_may() {
    let backend = Backend::start(|_| kept("hello"));
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("api_key"), KEYS)
        .wasm(&module("response_cache"), CACHE)
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    let key = [("x-api-key", "acme-example-key-0123456789")];
    for _ in 0..10 {
        let answer = get(&envoy, "/a", &key).unwrap();
        assert_eq!((answer.status, &*answer.text()), (200, "hello"));
        for fields in [&[][..], &[("x-api-key", "other")]] {
            let answer = get(&envoy, "/a", fields).unwrap();
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
    }
    // Whichever worker a hit lands on, the back end does not see it.
    assert_eq!(backend.seen().len(), 1);
    let name = "wasmcustom.attache.api.shop.stage.prod.CacheHitCount";
    until("the hits are counted", || {
        (envoy.stat(name) == 9).then_some(())
    });
    let name = "wasmcustom.attache.api.shop.stage.prod.CacheEntries";
    until("an entry is held", || (envoy.stat(name) == 1).then_some(()));
}

#[test]
fn nothing_is_kept_in_part() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\n";
    let backend = Backend::start(|seen| {
        let bytes = |rest: &str| Reaction::BytesThenClose(format!("{HEAD}{rest}").into_bytes());
        match &*seen.path {
            "/truncated" => bytes("content-length: 9\r\n\r\nhello"),
            "/chunks" => bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            "/close" => bytes("\r\nhello"),
            "/trailers" => {
                bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-a: b\r\n\r\n")
            }
            "/part" => Reaction::answer(206, "he")
                .header("cache-control", "max-age=600")
                .header("content-range", "bytes 0-1/5"),
            "/cookie" => kept("hello").header("set-cookie", "a=b"),
            "/error" => Reaction::answer(500, "oh"),
            "/long" => kept(&"x".repeat(1_048_577)),
            "/whole" => bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "/longest" => kept(&"x".repeat(1_048_576)),
            "/none" => Reaction::BytesThenClose(
                b"HTTP/1.1 204 No Content\r\ncache-control: max-age=600\r\n\r\n".to_vec(),
            ),
            path => Reaction::answer(404, path),
        }
    });
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("response_cache"), CACHE)
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    for (path, is_kept) in [
        ("/truncated", false),
        ("/chunks", false),
        ("/close", false),
        ("/trailers", false),
        ("/part", false),
        ("/cookie", false),
        ("/error", false),
        ("/long", false),
        ("/whole", true),
        ("/longest", true),
        ("/none", true),
    ] {
        let answers = [(); 2].map(|()| get(&envoy, path, &[]));
        let asked = backend
            .seen()
            .iter()
            .filter(|seen| seen.path == path)
            .count();
        assert_eq!(asked == 1, is_kept, "{path}: {asked}");
        if is_kept {
            let [first, second] = answers.map(Option::unwrap);
            assert_eq!(
                (first.status, first.body),
                (second.status, second.body),
                "{path}"
            );
        }
    }
}
