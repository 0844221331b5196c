//! Keys without end: what the cache holds in memory stays what the configuration says.
//! `ATTACHE_SOAK=1000000` asks for a million of them in place of thousands.

use std::thread;

use attache_e2e::{Backend, Client, Reaction, Request};
use serde_json::json;

use crate::served::{Served, Setup, resident};

const CONNECTIONS: usize = 4;
const SIZE_IN_MIB: u64 = 8;
/// What comes on top of the cache's size: the allocator's gaps, buffers of connections.
const SLACK_IN_KIB: u64 = 24 * 1024;

/// How many distinct keys are asked for.
fn keys() -> usize {
    std::env::var("ATTACHE_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000)
}

/// The answer of a key: 100 bytes to 8 KiB, a few of 200 KiB.
fn body(key: usize) -> Vec<u8> {
    let length = match key % 500 {
        0 => 200_000,
        other => 100 + other * 16,
    };
    format!("{key};")
        .into_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

fn ask(served: &Served, keys: std::ops::Range<usize>) {
    let address = served.address();
    let part = keys.len().div_ceil(CONNECTIONS);
    thread::scope(|scope| {
        for start in keys.clone().step_by(part) {
            let end = (start + part).min(keys.end);
            scope.spawn(move || {
                let mut client = Client::http1(address);
                for key in start..end {
                    let request = Request::new("GET", &format!("/prod/{key}"));
                    let answer = client.send(&request).unwrap();
                    assert_eq!(answer.status, 200);
                    assert!(answer.body == body(key), "key {key}: another body");
                }
            });
        }
    });
}

#[test]
fn distinct_keys_without_end_leave_memory_at_the_stated_size() {
    let mut setup = Setup::new(Backend::start(|seen| {
        let key = seen.path.trim_start_matches('/').parse().unwrap();
        Reaction::answer(200, body(key))
    }))
    .get("/{proxy+}", &["method.request.path.proxy"]);
    setup.stage()["cacheCluster"]["sizeMiB"] = json!(SIZE_IN_MIB);
    let served = setup.serve();
    // Machine code, pools and buffers are there before anything is kept.
    let warm = |stage: &str| {
        for _ in 0..200 {
            assert_eq!(served.get(&format!("/{stage}/500")).status, 200);
        }
    };
    warm("plain");
    let before = resident(&served.attache);
    let mut asked = 0;
    let mut after_first = 0;
    while asked < keys() {
        ask(&served, asked..asked + 5_000);
        asked += 5_000;
        let _forgotten = served.backend.take_seen();
        let held = served.metric("CacheBytes");
        assert!(held <= SIZE_IN_MIB << 20, "{held} bytes after {asked} keys");
        if after_first == 0 {
            after_first = resident(&served.attache);
        }
        let now = resident(&served.attache);
        assert!(
            now <= before + SIZE_IN_MIB * 1024 + SLACK_IN_KIB,
            "{asked} keys: {before} KiB before the first, {now} KiB now"
        );
    }
    let after = resident(&served.attache);
    assert!(
        after <= after_first + SLACK_IN_KIB / 2,
        "{after_first} KiB after the first 5000 keys, {after} KiB after {asked}"
    );
    assert!(served.metric("CacheEvictionCount") > 1_000);
    // What was asked for last is there still. The connections above do not end together, so what
    // their last keys were does not say what was asked for last.
    ask(&served, asked - 100..asked);
    let _forgotten = served.backend.take_seen();
    ask(&served, asked - 100..asked);
    let calls = served.calls();
    assert!(calls < 50, "{calls} of the last 100 keys are gone");
}
