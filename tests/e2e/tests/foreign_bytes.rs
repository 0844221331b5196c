//! Third-party collections of what trips a proxy, against the host in a real Envoy.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;
use std::fs;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::corpora::{naughty_strings, smuggling};
use attache_e2e::{Backend, Envoy, RawResponse, Reaction, load, module, until};
use serde_json::{Value, json};

fn statuses(answers: &[RawResponse]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[test]
fn naughty_strings_are_only_strings() {
    let Some(strings) = naughty_strings() else {
        return;
    };
    let backend = Backend::answering("answer");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let bootstrap = Bootstrap::proxying(backend.address())
        .cluster("authorizer", backend.address())
        .wasm(&module("probe"), "")
        .access_log(
            &log,
            &json!({"path": "%REQ(:PATH)%", "key": "%REQ(X-API-KEY)%", "status": "%RESPONSE_CODE%"}),
        )
        .impatient()
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    let requests: Vec<_> = strings
        .iter()
        .flat_map(|string| string.requests("/pets/", &["x-api-key", "x-probe", "cookie"]))
        .collect();
    let bytes: Vec<_> = requests
        .iter()
        .map(|request| request.bytes.clone())
        .collect();
    let answers = load::send_all(envoy.listener(LISTENER), &bytes);
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(
            matches!(statuses(answer).as_slice(), [200 | 400]),
            "{}: {answer:?}",
            request.name
        );
    }
    let seen = backend.take_seen();
    assert!(seen.iter().all(|seen| seen.well_formed));
    let served = answers.iter().filter(|it| statuses(it) == [200]).count();
    assert_eq!(seen.len(), served);
    assert!(served > requests.len() / 2);
    // One line for each request, whatever was in it.
    let lines = until("the access log", || {
        let text = fs::read_to_string(&log).ok()?;
        let lines: Vec<Value> = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .ok()?;
        (lines.len() >= served).then_some(lines)
    });
    assert!(lines.iter().all(|line| line["status"].is_number()));
    assert_eq!(envoy.stat("wasm.attache.vm_reload_success"), 0);
}

/// Envoy and the back end agree on where each request ends, so that the second one on a
/// connection is looked at by the filter, and one inside of a body is no request.
#[test]
fn no_request_is_smuggled_past_the_filter() {
    let Some(cases) = smuggling() else {
        return;
    };
    let backend = Backend::answering("answer");
    // Answers 200 for everything but what is guarded, which nobody may see.
    let authorizer = Backend::start(|_| Reaction::answer(403, ""));
    let bootstrap = Bootstrap::proxying(backend.address())
        .cluster("authorizer", authorizer.address())
        .wasm(&module("probe"), "")
        .impatient()
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    let guarded =
        b"GET /guarded HTTP/1.1\r\nhost: localhost\r\nx-probe: callout\r\nconnection: close\r\n\r\n";
    let mut targets = BTreeMap::new();
    let mut attempts = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        for (version, _) in case.attempts("", guarded).iter().enumerate() {
            let target = format!("/{number}/{version}");
            attempts.push(case.attempts(&target, guarded)[version].clone());
            targets.insert(target, &case.id);
        }
    }
    let answers = load::send_all(envoy.listener(LISTENER), &attempts);
    let seen = backend.take_seen();
    let mut times = BTreeMap::new();
    for seen in &seen {
        assert!(seen.well_formed, "{}", seen.head.escape_ascii());
        let Some(id) = targets.get(&seen.path) else {
            panic!("smuggled: {}", seen.head.escape_ascii());
        };
        *times.entry(id).or_insert(0) += 1;
        assert!(times[id] <= 2, "{id} was seen too often");
    }
    assert!(!seen.is_empty());
    for (answer, attempt) in answers.iter().zip(&attempts) {
        assert!(
            statuses(answer)
                .iter()
                .all(|status| matches!(status, 200 | 400 | 403 | 408 | 501)),
            "{}: {answer:?}",
            attempt.escape_ascii()
        );
    }
    assert_eq!(
        envoy.stat("cluster.backend.upstream_rq_total"),
        seen.len() as u64
    );
    assert_eq!(envoy.stat("wasm.attache.vm_reload_success"), 0);
}
