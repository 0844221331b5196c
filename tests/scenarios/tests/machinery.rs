//! The machinery plays the same scenario in both worlds, with a filter made for tests.
#![allow(
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::module;
use attache_policies::Service;
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
        Probe::compile(b"", &|_: &str| None)
            .map(Arc::new)
            .map_err(|faults| faults.join("\n"))
    }

    fn bootstrap(
        &self,
        folder: &Path,
        services: &BTreeMap<String, SocketAddr>,
    ) -> Result<(String, String), String> {
        let backend = std::fs::read_to_string(folder.join("backend"))
            .map_err(|error| error.to_string())?
            .parse()
            .map_err(|_| "`backend` holds no address".to_owned())?;
        let bootstrap = services
            .iter()
            .filter(|(_, address)| **address != backend)
            .fold(
                Bootstrap::proxying(backend),
                |bootstrap, (name, address)| bootstrap.cluster(name, *address),
            )
            .wasm(&module("probe"), "");
        Ok((bootstrap.build().to_string(), LISTENER.to_owned()))
    }

    fn cluster(&self, name: &str, _: SocketAddr) -> String {
        match name {
            "pets" => "backend".to_owned(),
            service => service.to_owned(),
        }
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
      "POST /denied list.0.name=Rex": {answer: {body: rex}}
      GET /closes: closes
      GET /garbage: garbage
callouts:
  authorizer:
    answers:
      GET /denied: {answer: {status: 403}}
      "*": {answer: {}}
keys:
  one: {algorithm: ES256}
tokens:
  mine: {key: one, claims: {sub: me}}
exchanges:
- request: {path: /pets}
  expect: {status: 200, headers: {x-kind: list, content-length: "3"}, absent: [x-probe], body: all}
  upstream: {sees: {at: pets, method: GET, path: /pets, body: ""}}
  callouts: {authorizer: 0}
- request: {path: "/pets?q=1", headers: {x-probe: callout}}
  expect: {status: 200, body: one}
  upstream: {sees: {at: pets}}
  callouts: {authorizer: {method: GET, path: "/pets?q=1", headers: {host: authorizer}, body: ""}}
- request: {path: /denied, headers: {x-probe: callout}}
  times: 2
  expect: {status: 403, body: refused}
  upstream: nothing
  callouts: {authorizer: {times: 2, path: /denied}}
# From here on the authorizer has changed its mind, and later it is gone.
- scripts: {authorizer: {answers: {GET /denied: {answer: {}}}}}
  request: {method: POST, path: /denied, headers: {x-probe: callout}, body: '{"list":[{"name":"Rex","age":7}]}'}
  expect: {status: 200, body: rex}
  upstream: {sees: {json: {list: [{name: R<any>, <others>: ""}]}}}
  callouts: {authorizer: 1}
- scripts: {authorizer: {answers: {"*": closes}}}
  request: {path: /pets, headers: {x-probe: callout}}
  expect: {status: 403}
# Fields that come twice, what is made when it is sent, and where it comes from.
- request:
    path: "/pets?token={{token mine}}"
    headers: {x-many: [one, two], authorization: "Bearer {{token mine}}"}
    sourceAddress: 127.0.0.2
  expect: {status: 200}
  upstream: {sees: {headers: {authorization: Bearer ey<any>.ey<any>.<any>, x-many: <any>two}}}
- request:
    path: /pets
    sign: {accessKeyId: AKIA, secretAccessKey: secret, at: -5}
  expect: {status: 200}
  upstream:
    sees:
      headers:
        authorization: AWS4-HMAC-SHA256 Credential=AKIA/<any>/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=<any>
        x-amz-date: <any>Z
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
