//! What a cache does with HTTP: the tests of <https://cache-tests.fyi>, played by a client and an
//! origin against a real Envoy with `response_cache.wasm` between them.
//!
//! With `ATTACHE_HTTP_CACHE` and `ATTACHE_HTTP_CACHE_ORIGIN` another cache is tried: the former is
//! the address where it listens, the latter the one of its origin, which the test is. Its results
//! are printed in the form of `yardstick/http-cache.toml`, which has those of nginx and Varnish.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "http_cache/case.rs"]
mod case;
#[path = "http_cache/client.rs"]
mod client;
#[path = "http_cache/origin.rs"]
mod origin;
#[path = "http_cache/play.rs"]
mod play;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use attache_conformance::{Suite, corpus, json_lines};
use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{Envoy, module};
use serde::Deserialize;

use case::Case;
use origin::Origin;

/// How many tests are played at the same time: most of them wait most of the time.
const AT_ONCE: usize = 32;

const CONFIGURATION: &str = r#"{
    "sizeMebibytes": 64,
    "revalidatesInBackground": true,
    "operations": [{"path": "/{proxy+}"}]
}"#;

/// The tests that are required and that another cache does not pass.
#[derive(Deserialize)]
struct Other {
    required_failures: BTreeSet<String>,
}

#[test]
fn http_cache() {
    let Some(folder) = corpus("http-cache-tests") else {
        return;
    };
    let cases: Vec<Case> = json_lines(&folder.join("tests.jsonl")).unwrap();
    // Browsers have caches of their own, for one person.
    let cases: Vec<Case> = cases
        .into_iter()
        .filter(|case| !case.browser_only)
        .collect();
    if let Some(cache) = std::env::var_os("ATTACHE_HTTP_CACHE") {
        let address = |text: &std::ffi::OsStr| text.to_str().unwrap().parse().unwrap();
        let origin = std::env::var_os("ATTACHE_HTTP_CACHE_ORIGIN").expect("the origin's address");
        let origin = Origin::start(address(&origin));
        print(&cases, &play_all(&cases, &origin, address(&cache)));
        return;
    }
    let origin = Origin::start("127.0.0.1:0".parse().unwrap());
    let mut bootstrap = Bootstrap::proxying(origin.address())
        .wasm(&module("response_cache"), CONFIGURATION)
        .build();
    // Some tests use a method that nobody knows.
    bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        ["http_protocol_options"]["allow_custom_methods"] = true.into();
    let envoy = Envoy::start(&bootstrap, 2);
    let results = play_all(&cases, &origin, envoy.listener(LISTENER));
    count(&cases, &results);
    let mut suite = Suite::new("http-cache").unwrap();
    for (id, result) in &results {
        suite.record(id, result.clone());
    }
    suite.finish().unwrap();
    let others = Path::new(env!("CARGO_MANIFEST_DIR")).join("yardstick/http-cache.toml");
    let others: BTreeMap<String, Other> =
        toml::from_str(&std::fs::read_to_string(others).unwrap()).unwrap();
    assert!(others.len() > 1, "there is more than one to compare with");
    for case in cases.iter().filter(|case| case.is_required()) {
        let excused = others
            .values()
            .any(|other| other.required_failures.contains(&case.id));
        let result = &results[&case.id];
        assert!(
            result.is_ok() || excused,
            "{}: all others pass, but {result:?}",
            case.id
        );
    }
}

type Results = BTreeMap<String, Result<(), String>>;

/// Plays all tests, and those that fail again: on a busy machine more time passes than a test
/// says, and what is fresh by its script is stale.
fn play_all(cases: &[Case], origin: &Origin, cache: SocketAddr) -> Results {
    let all: Vec<&Case> = cases.iter().collect();
    let mut results = play_each(&all, origin, cache);
    for _ in 0..2 {
        let failed = |case: &Case| results[&case.id].is_err();
        let again: Vec<&Case> = cases.iter().filter(|case| failed(case)).collect();
        results.extend(play_each(&again, origin, cache));
    }
    results
}

fn play_each(cases: &[&Case], origin: &Origin, cache: SocketAddr) -> Results {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Results::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = play::play(case, origin, cache);
                    results.lock().unwrap().insert(case.id.clone(), result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn count(cases: &[Case], results: &Results) {
    for kind in ["required", "optimal", "check"] {
        let all = cases.iter().filter(|case| case.kind == kind);
        let passed = all.clone().filter(|case| results[&case.id].is_ok()).count();
        println!("http-cache: {kind}: {passed} of {}", all.count());
    }
}

fn print(cases: &[Case], results: &Results) {
    count(cases, results);
    for (id, result) in results {
        if let Err(reason) = result {
            println!("failed: {id}: {reason}");
        }
    }
    println!("required_failures = [");
    for case in cases.iter().filter(|case| case.is_required()) {
        if results[&case.id].is_err() {
            println!("    \"{}\",", case.id);
        }
    }
    println!("]");
}
