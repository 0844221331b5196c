//! The gateway in a real Envoy: exact over workers, and unmoved by what trips others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeSet;

use attache_e2e::corpora::{naughty_strings, smuggling};
use attache_e2e::{Request, load};
use attache_scenarios::gateway::GatewaySubject;
use attache_scenarios::in_envoy::InEnvoy;
use attache_scenarios::{Scenario, World};
use serde_json::Value;

const KEY: &str = "acme-0123456789-0123456789";

/// A gateway with one operation that needs a key and one that does not; `plan` is the plan's
/// limits.
fn gateway(plan: &str) -> InEnvoy {
    let text = format!(
        r#"
description: for tests
configuration:
  files:
    attache.yaml: |
      accessLog: access.log
      apis:
        petstore: {{definition: openapi.yaml, stages: {{prod: {{}}}}}}
      usagePlans:
        gold: {{{plan}, apiStages: [{{api: petstore, stage: prod}}]}}
      apiKeys:
        acme: {{value: {KEY}, usagePlans: [gold]}}
    openapi.yaml: |
      openapi: 3.0.1
      info: {{title: petstore, version: "1"}}
      paths:
        /pets:
          get:
            security: [{{api_key: []}}]
            responses: {{"200": {{description: pets}}}}
            x-amazon-apigateway-integration: {{type: http_proxy, httpMethod: GET, uri: "http://{{{{pets}}}}/pets"}}
        /open/{{proxy+}}:
          x-amazon-apigateway-any-method:
            parameters: [{{name: proxy, in: path, required: true, schema: {{type: string}}}}]
            responses: {{"200": {{description: anything}}}}
            x-amazon-apigateway-integration:
              type: http_proxy
              httpMethod: ANY
              uri: "http://{{{{pets}}}}/open/{{proxy}}"
              requestParameters: {{integration.request.path.proxy: method.request.path.proxy}}
      components:
        securitySchemes:
          api_key: {{type: apiKey, name: x-api-key, in: header}}
upstreams:
  pets: {{answers: {{"*": {{answer: {{body: served}}}}}}}}
exchanges:
- request: {{path: /prod/pets}}
  expect: {{status: 403}}
"#
    );
    InEnvoy::new(&GatewaySubject, &Scenario::read(&text).unwrap()).unwrap()
}

fn pets() -> Request {
    Request::new("GET", "/prod/pets").header("x-api-key", KEY)
}

#[test]
fn two_workers_admit_what_a_quota_allows_and_no_more() {
    const LIMIT: usize = 700;
    let mut gateway = gateway(&format!("quota: {{limit: {LIMIT}, period: MONTH}}"));
    let attempts = load::hammer(gateway.listener(), 32, 50, &pets());
    let admitted = attempts.iter().filter(|it| it.status == 200).count();
    let refused = attempts.iter().filter(|it| it.status == 429).count();
    assert_eq!((admitted, refused), (LIMIT, 32 * 50 - LIMIT));
    assert_eq!(gateway.saw().len(), LIMIT);
    assert!(both_workers_served(&gateway));
}

#[test]
fn two_workers_admit_what_a_throttle_allows_over_a_window() {
    let mut gateway = gateway("throttle: {rateLimit: 100, burstLimit: 50}");
    let attempts = load::hammer(gateway.listener(), 32, 60, &pets());
    let admitted = attempts.iter().filter(|it| it.status == 200).count();
    let bounds = load::admissible(&attempts, 100.0, 50.0);
    assert!(bounds.contains(&admitted), "{admitted} not in {bounds:?}");
    assert!(admitted < attempts.len(), "nothing was refused");
    assert_eq!(gateway.saw().len(), admitted);
    assert!(both_workers_served(&gateway));
}

fn both_workers_served(gateway: &InEnvoy) -> bool {
    let stats = gateway
        .envoy()
        .admin("/stats?filter=listener.*worker_.*cx_total");
    let mut connections = stats.lines().filter_map(|line| line.split(": ").nth(1));
    connections.all(|count| count != "0")
}

#[test]
fn naughty_strings_are_only_strings() {
    let Some(strings) = naughty_strings() else {
        return;
    };
    let mut gateway = gateway("quota: {limit: 1, period: MONTH}");
    let mut requests: Vec<_> = strings
        .iter()
        .flat_map(|string| string.requests("/prod/pets/", &["cookie", "authorization"]))
        .collect();
    requests.extend(strings.iter().flat_map(|string| {
        let mut requests = string.requests("/prod/pets", &["x-api-key"]);
        requests.drain(..4);
        requests
    }));
    requests.extend(
        strings
            .iter()
            .flat_map(|string| string.requests("/prod/open/", &["x-amzn-trace-id"])),
    );
    let bytes: Vec<_> = requests
        .iter()
        .map(|request| request.bytes.clone())
        .collect();
    let answers = load::send_all(gateway.listener(), &bytes);
    for (request, answers) in requests.iter().zip(&answers) {
        let [answer] = answers.as_slice() else {
            panic!("{}: {answers:?}", request.name);
        };
        assert!(
            matches!(answer.status, 200 | 400 | 403),
            "{}: {answer:?}",
            request.name
        );
        if answer.status != 200 {
            let body: Value = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|error| panic!("{}: {error}: {answer:?}", request.name));
            assert!(body["message"].is_string(), "{}: {body}", request.name);
        }
    }
    gateway.saw();
    assert_eq!(gateway.faults(), [""; 0]);
    assert_eq!(gateway.envoy().stat("wasm.attache.vm_reload_success"), 0);
    // What Envoy still holds of the log is written when it ends.
    let folder = gateway.envoy().folder().to_owned();
    gateway.envoy_mut().stop();
    let log = std::fs::read_to_string(folder.join("access.log")).unwrap();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert_eq!(log.lines().count(), requests.len());
}

#[test]
fn no_request_is_smuggled_past_the_key() {
    let Some(cases) = smuggling() else {
        return;
    };
    let mut gateway = gateway("quota: {limit: 1, period: MONTH}");
    let guarded = b"GET /prod/pets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let attempts: Vec<_> = cases
        .iter()
        .enumerate()
        .flat_map(|(number, case)| case.attempts(&format!("/prod/open/{number}"), guarded))
        .collect();
    let answers = load::send_all(gateway.listener(), &attempts);
    let known: BTreeSet<String> = (0..cases.len())
        .map(|number| format!("/open/{number}"))
        .collect();
    let seen = gateway.saw();
    assert!(!seen.is_empty());
    for seen in seen {
        assert!(known.contains(&seen.path), "smuggled: {seen:?}");
    }
    assert_eq!(gateway.faults(), [""; 0]);
    for (answers, attempt) in answers.iter().zip(&attempts) {
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer.status, 200 | 400 | 403 | 501)),
            "{}: {answers:?}",
            attempt.escape_ascii()
        );
    }
}
