//! Dependencies point one way, and only the host knows the proxy.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use attache_structure::root;
use serde_json::Value;

/// For each crate that is no test, the crates of the workspace that it may depend on.
const ALLOWED: [(&str, &[&str]); 14] = [
    ("attache-model", &[]),
    ("attache-java-regex", &[]),
    ("attache-values", &["attache-java-regex"]),
    (
        "attache-velocity",
        &["attache-java-regex", "attache-values"],
    ),
    (
        "attache-policies",
        &[
            "attache-java-regex",
            "attache-model",
            "attache-values",
            "attache-velocity",
        ],
    ),
    ("attache-host", &["attache-policies"]),
    ("attache-gateway", FILTER),
    ("attache-api-key", FILTER),
    ("attache-authorizer", FILTER),
    ("attache-response-cache", FILTER),
    ("attache-transform", FILTER),
    ("attache-usage-plan", FILTER),
    ("attache-trim", &[]),
    ("attache", &["attache-model", "attache-policies"]),
];

const FILTER: &[&str] = &["attache-host", "attache-policies"];

/// Who may name the proxy: the host, and the filter that does nothing, for comparison.
const KNOW_THE_PROXY: [&str; 2] = ["attache-bench-empty", "attache-host"];

/// What the filters are made of.
const BELOW_THE_HOST: [&str; 5] = [
    "attache-java-regex",
    "attache-model",
    "attache-policies",
    "attache-values",
    "attache-velocity",
];

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().unwrap().iter()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

/// Normal dependencies of the workspace's crates, by name.
fn dependencies(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    list(metadata, "packages")
        .map(|package| {
            let normal = list(package, "dependencies").filter(|it| it["kind"].is_null());
            (
                text(package, "name"),
                normal.map(|it| text(it, "name")).collect(),
            )
        })
        .collect()
}

#[test]
fn crates_depend_on_what_is_below_them() {
    let metadata = metadata(&["--no-deps"]);
    let dependencies = dependencies(&metadata);
    for (name, depends_on) in &dependencies {
        let Some((_, allowed)) = ALLOWED.iter().find(|(candidate, _)| candidate == name) else {
            continue;
        };
        for other in depends_on {
            let inside = dependencies.contains_key(other);
            assert!(
                !inside || allowed.contains(other),
                "`{name}` may not depend on `{other}`"
            );
        }
    }
}

#[test]
fn every_crate_of_the_product_has_its_place() {
    let metadata = metadata(&["--no-deps"]);
    let placed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let product = list(&metadata, "packages").filter(|package| {
        let manifest = text(package, "manifest_path");
        // The test kit stands beside what it tests, and only tests depend on it.
        ["/filters/", "/envoy/"]
            .iter()
            .any(|room| manifest.contains(room))
            && package["name"] != "attache-testkit"
    });
    let product: BTreeSet<&str> = product.map(|package| text(package, "name")).collect();
    assert_eq!(product, placed);
}

#[test]
fn only_the_host_names_the_proxy() {
    let metadata = metadata(&["--no-deps"]);
    let named: Vec<&str> = dependencies(&metadata)
        .into_iter()
        .filter(|(_, depends_on)| depends_on.contains("proxy-wasm"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(named, KNOW_THE_PROXY);
}

#[test]
fn nothing_below_the_host_reaches_the_proxy() {
    let metadata = metadata(&["--filter-platform", "wasm32-wasip1"]);
    let names: BTreeMap<&str, &str> = list(&metadata, "packages")
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let edges: BTreeMap<&str, Vec<&str>> = list(&metadata["resolve"], "nodes")
        .map(|node| {
            let normal = list(node, "deps")
                .filter(|it| list(it, "dep_kinds").any(|kind| kind["kind"] != "dev"));
            (text(node, "id"), normal.map(|it| text(it, "pkg")).collect())
        })
        .collect();
    let mut most = 0;
    for start in BELOW_THE_HOST {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = names
            .iter()
            .filter(|(_, name)| **name == start)
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(open.len(), 1, "`{start}`");
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                open.extend(&edges[id]);
            }
        }
        most = most.max(reached.len());
        for id in reached {
            assert_ne!(names[id], "proxy-wasm", "`{start}` reaches the proxy");
        }
    }
    assert!(most > 3, "they depend on something");
}
