//! What is answered from the cache, and what is the same of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use attache_e2e::{Backend, Client, Reaction, Request, until};
use serde_json::json;

use crate::served::{Served, Setup};

/// A back end whose every answer is another one.
pub(crate) fn counting() -> Backend {
    let calls = AtomicUsize::new(0);
    Backend::start(move |seen| {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        Reaction::answer(200, format!("{} call {call}", seen.path))
            .header("content-type", "text/plain")
            .header("x-call", call.to_string())
    })
}

#[test]
fn a_hit_never_reaches_the_back_end_whichever_worker_it_lands_on() {
    let served = Served::everything(counting());
    let first = served.get("/prod/pets");
    assert_eq!((first.status, served.calls()), (200, 1));
    // Connections are spread over the workers by the kernel: enough of them for both.
    until("both workers at work", || {
        for _ in 0..20 {
            let hit = served.get("/prod/pets");
            assert_eq!(hit.text(), "/pets call 1");
            assert_eq!(hit.header("x-call"), Some(&b"1"[..]));
        }
        let connections = served.connections_of_workers();
        assert_eq!(connections.len(), 2, "{connections:?}");
        connections.iter().all(|count| *count > 5).then_some(())
    });
    assert_eq!(served.calls(), 0);
    // The other stage has no cache, and nothing of this one's.
    assert_eq!(served.get("/plain/pets").text(), "/pets call 2");
    assert_eq!(served.get("/plain/pets").text(), "/pets call 3");
    assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
}

#[test]
fn a_hit_is_the_answer_to_the_byte_and_has_identifiers_of_its_own() {
    let binary: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let body = binary.clone();
    let backend = Backend::start(move |_| {
        Reaction::answer(200, &body)
            .header("content-type", "application/octet-stream")
            .header("x-twice", "one")
            .header("x-twice", "two")
            .header("x-bytes", b"\xff\xfe caf\xe9")
            .header("x-empty", "")
            .header("etag", "\"1\"")
            .header("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
    });
    let served = Served::everything(backend);
    for protocol in [Client::http1, Client::http2] {
        let mut client = protocol(served.address());
        let miss = client.send(&Request::new("GET", "/prod/file")).unwrap();
        let hits: Vec<_> = (0..3)
            .map(|_| client.send(&Request::new("GET", "/prod/file")).unwrap())
            .collect();
        let own = [
            "x-amzn-requestid",
            "x-amz-apigw-id",
            "x-amzn-trace-id",
            "date",
        ];
        let fields = |answer: &attache_e2e::Response| {
            let mut fields: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| !own.contains(&name.as_str()))
                .cloned()
                .collect();
            // Among others of the same name the order counts, otherwise not.
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields
        };
        for hit in &hits {
            assert_eq!((hit.status, &hit.body), (200, &binary));
            assert_eq!(fields(hit), fields(&miss));
            assert_eq!(hit.header("content-length"), Some(&b"70000"[..]));
        }
        for name in ["x-amzn-requestid", "x-amz-apigw-id"] {
            let mut seen: Vec<_> = hits
                .iter()
                .chain([&miss])
                .map(|answer| answer.header(name).unwrap().to_vec())
                .collect();
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 4, "{name}");
        }
    }
    assert_eq!(served.calls(), 1);
}

#[test]
fn what_is_old_is_fetched_anew() {
    let mut setup = Setup::new(counting()).get("/{proxy+}", &["method.request.path.proxy"]);
    setup.settings()["cacheTtlInSeconds"] = json!(1);
    let served = setup.serve();
    assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
    let second = until("the end of the first answer", || {
        let answer = served.get("/prod/pets").text();
        thread::sleep(Duration::from_millis(50));
        (answer != "/pets call 1").then_some(answer)
    });
    assert_eq!(second, "/pets call 2");
}

#[test]
fn what_was_hit_and_missed_is_counted() {
    let served = Served::everything(counting());
    for _ in 0..5 {
        assert_eq!(served.get("/prod/pets").status, 200);
    }
    assert_eq!(served.get("/prod/owners").status, 200);
    assert_eq!(served.get("/plain/owners").status, 200);
    assert_eq!(served.metric("CacheMissCount"), 2);
    assert_eq!(served.metric("CacheHitCount"), 4);
    assert_eq!(served.metric("Count"), 6);
    // How much is held is told a few times a second.
    until("what is held", || {
        (1..100_000)
            .contains(&served.metric("CacheBytes"))
            .then_some(())
    });
    assert_eq!(served.metric("CacheEvictionCount"), 0);
    // More than there is room for.
    let large = Setup::new(Backend::start(|_| {
        Reaction::answer(200, vec![b'x'; 1_000_000])
    }));
    let served = large
        .get("/{proxy+}", &["method.request.path.proxy"])
        .serve();
    for number in 0..40 {
        assert_eq!(served.get(&format!("/prod/{number}")).body.len(), 1_000_000);
    }
    let evicted = served.metric("CacheEvictionCount");
    assert!((20..=40).contains(&evicted), "{evicted} evictions");
    let held = until("what is held", || {
        let held = served.metric("CacheBytes");
        (held > 4 << 20).then_some(held)
    });
    assert!(held <= 16 << 20, "{held} bytes");
}
