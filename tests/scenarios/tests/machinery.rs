//! The machinery plays the same scenario in both worlds, with a filter made for tests.
#![allow(
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::module;
use attache_scenarios::in_envoy::InEnvoy;
use attache_scenarios::memory::Memory;
use attache_scenarios::{Scenario, Subject, World, play};
use probe::Probe;

/// The configuration's file `backend` holds the address of the only upstream.
struct ProbeSubject;

impl Subject for ProbeSubject {
    type Service = Probe;

    const CLUSTER_HEADER: &'static str = "x-no-such-header";

    fn service(&self, _: &Path) -> Result<Arc<Probe>, String> {
        Ok(Arc::new(Probe))
    }

    fn bootstrap(
        &self,
        folder: &Path,
        callouts: &[(String, SocketAddr)],
    ) -> Result<(String, String), String> {
        let backend = std::fs::read_to_string(folder.join("backend"))
            .map_err(|error| error.to_string())?
            .parse()
            .map_err(|_| "`backend` holds no address".to_owned())?;
        let bootstrap = callouts
            .iter()
            .fold(
                Bootstrap::proxying(backend),
                |bootstrap, (name, address)| bootstrap.cluster(name, *address),
            )
            .wasm(&module("probe"), "");
        Ok((bootstrap.build().to_string(), LISTENER.to_owned()))
    }

    fn cluster(&self, _: SocketAddr) -> String {
        "backend".to_owned()
    }
}

const SCENARIO: &str = r#"
description: every part of the format in one scenario
configuration: {files: {backend: "{{pets}}"}}
upstreams:
  pets:
    answers:
      GET /pets: {answer: {headers: {x-kind: list}, body: all}}
      "GET /pets?q=1": {answer: {body: one, delayMillis: 10}}
      POST /pets: {answer: {status: 201}}
      GET /closes: closes
      GET /garbage: garbage
callouts:
  authorizer:
    answers:
      GET /denied: {answer: {status: 403}}
      "*": {answer: {}}
exchanges:
- request: {path: /pets}
  expect: {status: 200, headers: {x-kind: list, content-length: "3"}, absent: [x-probe], body: all}
  upstream: {sees: {at: pets, method: GET, path: /pets, body: ""}}
- request: {path: "/pets?q=1", headers: {x-probe: callout}}
  expect: {status: 200, body: one}
- request: {path: /denied, headers: {x-probe: callout}}
  expect: {status: 403, body: refused}
  upstream: nothing
- request: {method: POST, path: /pets, headers: {x-probe: body forward:long, host: example.com}, body: abc}
  expect: {status: 201, body: ""}
  upstream: {sees: {headers: {content-length: "10", host: example.com}, body: abcabcabc+}}
- request: {path: /pets, headers: {x-probe: admit, x-name: n, x-limit: "7"}}
  times: 5
  connections: 2
  statuses: {200: 7, 429: 3}
- request: {path: /closes}
  expect: {status: 503}
- request: {path: /garbage}
  expect: {status: 502}
"#;

#[test]
fn in_memory_and_in_envoy_the_same_is_seen() {
    let scenario = Scenario::read(SCENARIO).unwrap();
    let mut memory = Memory::new(&ProbeSubject, &scenario).unwrap();
    assert_eq!(play(&scenario, &mut memory), [""; 0]);
    let mut envoy = InEnvoy::new(&ProbeSubject, &scenario).unwrap();
    assert_eq!(play(&scenario, &mut envoy), [""; 0]);
}

#[test]
fn a_request_without_a_rule_fails_the_scenario() {
    let text = SCENARIO.replace("GET /pets: ", "GET /other: ");
    let scenario = Scenario::read(&text).unwrap();
    let mut memory = Memory::new(&ProbeSubject, &scenario).unwrap();
    let mut envoy = InEnvoy::new(&ProbeSubject, &scenario).unwrap();
    let worlds: [&mut dyn World; 2] = [&mut memory, &mut envoy];
    for world in worlds {
        let faults = play(&scenario, world).join("\n");
        assert!(faults.contains("has no answer for GET /pets"), "{faults}");
    }
}
