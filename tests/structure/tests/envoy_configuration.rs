//! Every Envoy configuration that is shipped or written fails closed.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use attache::envoy_target::{AccessLog, Dynamic, Settings, Transport, static_configuration};
use attache_model::from_json;
use attache_policies::Gateway;
use attache_structure::root;
use serde_json::Value;

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// The configurations of all wasm filters in a file.
fn plugins<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    if value["@type"] == WASM {
        found.push(&value["config"]);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| plugins(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| plugins(field, found)),
        _ => {}
    }
}

fn assert_closed(file: &str, yaml: &str) {
    let parsed: Value = serde_saphyr::from_str(yaml).unwrap();
    let mut found = Vec::new();
    plugins(&parsed, &mut found);
    assert!(!found.is_empty(), "{file} has no wasm filter");
    for plugin in found {
        assert_eq!(plugin["failure_policy"], "FAIL_RELOAD", "{file}: {plugin}");
        assert_eq!(
            plugin["allow_on_headers_stop_iteration"], true,
            "{file}: {plugin}"
        );
    }
}

#[test]
fn the_examples_fail_closed() {
    let mut seen = 0;
    for example in fs::read_dir(root().join("examples")).unwrap() {
        let file = example.unwrap().path().join("envoy.yaml");
        if let Ok(yaml) = fs::read_to_string(&file) {
            assert_closed(&file.display().to_string(), &yaml);
            seen += 1;
        }
    }
    assert!(seen > 1, "{seen} examples have an envoy.yaml");
}

#[test]
fn what_is_compiled_fails_closed() {
    let document = root().join("tests/golden/everything/expected.json");
    let document = from_json(&fs::read(document).unwrap()).unwrap();
    let upstreams = Gateway::compile(&document, &|_: &str| None)
        .unwrap()
        .upstreams();
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        tls_port: 8443,
        admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
        filter: PathBuf::from("gateway.wasm"),
        access_log: AccessLog::StandardOutput,
        certificate_authorities: Some(PathBuf::from("ca.pem")),
    };
    let text =
        static_configuration(&document, &upstreams, &Transport::default(), &settings).unwrap();
    assert_closed("the static configuration", &text);
    let dynamic = Dynamic::new(settings, PathBuf::from("folder"));
    let plugin = dynamic.plugin(&document).unwrap();
    assert_closed("the filter's own resource", &plugin.text);
}
