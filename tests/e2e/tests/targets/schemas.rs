//! What is written for clusters and containers, by the schemas of its resources.
//!
//! The schemas of Kubernetes, Istio, the Gateway API and Compose come from packages that carry them
//! (`make setup-targets`). No package of a registry carries Envoy Gateway's; what of them is used
//! stands in `envoy_gateway.json`, written by hand after the definitions of version 1.10, and closed,
//! so that a field that is not there is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{IMAGES, compile, documents, workspace};

/// The projects, and the layout of each, that the schemas are asked about.
const PROJECTS: [(&str, &str); 5] = [
    ("examples/petstore", "fused"),
    ("examples/response-cache", "fused"),
    ("tests/targets/secrets", "fused"),
    ("tests/targets/shared-state", "fused"),
    ("tests/targets/split", "split"),
];

/// Where `make setup-targets` puts what it gets, or `ATTACHE_TARGET_TOOLS` says it is. `None`, with
/// a message, when it is not there.
pub(crate) fn tools(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ATTACHE_TARGET_TOOLS")
        .map_or_else(|| workspace().join(".tools/targets"), PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        eprintln!(
            "skipped: {} is not there; `make setup-targets` gets it",
            path.display()
        );
        return None;
    }
    Some(path)
}

/// What the schemas of the packages find wrong with some resources, and how many they have judged.
fn judge(schemas: &Path, resources: &[Value]) -> (Vec<String>, usize) {
    let own = workspace().join(".tools/node/bin/node");
    let node = if own.exists() {
        own
    } else {
        PathBuf::from("node")
    };
    let mut process = Command::new(node)
        .arg(schemas.join("check.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(process.stdin.take().unwrap(), resources).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut lines: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let last = lines.pop().unwrap();
    let judged = last.strip_prefix("judged ").unwrap().parse().unwrap();
    (lines, judged)
}

fn resources(project: &str, layout: &str, target: &str) -> Vec<Value> {
    let arguments = ["--target", target, "--layout", layout, "--wasm", IMAGES];
    let out = compile(&workspace().join(project), &arguments);
    documents(&out.path().join(format!("{target}.yaml")))
}

#[test]
fn resources_of_kubernetes_istio_and_the_gateway_api_fit_their_schemas() {
    let Some(schemas) = tools("schemas") else {
        return;
    };
    for (project, layout) in PROJECTS {
        for (target, kinds) in [("istio", 6), ("envoy-gateway", 3)] {
            let resources = resources(project, layout, target);
            assert_eq!(
                judge(&schemas, &resources),
                (Vec::new(), kinds),
                "{project}: {target}"
            );
        }
    }
    let wrong = json!([
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"type": "Loud"}},
        {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "b"}, "spec": {"severs": []}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "c"}, "spec": {"parentRefs": [{}]}},
    ]);
    let (findings, judged) = judge(&schemas, wrong.as_array().unwrap());
    assert_eq!((findings.len(), judged), (3, 3), "{findings:?}");
}

#[test]
fn resources_of_envoy_gateway_fit_its_definitions() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets/envoy_gateway.json");
    let schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (project, layout) in PROJECTS {
        let resources = resources(project, layout, "envoy-gateway");
        let own: Vec<&Value> = resources
            .iter()
            .filter(|resource| resource["apiVersion"] == "gateway.envoyproxy.io/v1alpha1")
            .collect();
        assert_eq!(own.len(), 4, "{project}");
        for resource in own {
            let found: Vec<String> = validator
                .iter_errors(resource)
                .map(|error| error.to_string())
                .collect();
            assert!(found.is_empty(), "{project}: {found:?}");
        }
    }
    for (kind, spec) in [
        (
            "EnvoyProxy",
            json!({"bootstrap": {"type": "Blend", "value": ""}}),
        ),
        (
            "EnvoyExtensionPolicy",
            json!({"targetRefs": [], "wasm": [{"name": "a"}]}),
        ),
        (
            "EnvoyPatchPolicy",
            json!({"type": "JSONPatch", "jsonPatches": [{"type": "Listener"}]}),
        ),
        ("HTTPRouteFilter", json!({"directResponses": {}})),
    ] {
        let resource = json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": "attache", "namespace": "default"},
            "spec": spec,
        });
        assert!(!validator.is_valid(&resource), "{resource}");
    }
}

#[test]
fn the_containers_fit_the_schema_of_compose() {
    let Some(schemas) = tools("schemas") else {
        return;
    };
    let file = schemas.join("node_modules/dclint/schemas/compose.schema.json");
    let mut schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    // It names its draft in a spelling of its own.
    schema.as_object_mut().unwrap().remove("$schema");
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&schema)
        .unwrap();
    let mut files = vec![workspace().join("envoy/compose/compose.override.yaml")];
    let mut folders = Vec::new();
    for (project, layout) in PROJECTS {
        let arguments = ["--target", "compose", "--layout", layout];
        let out = compile(&workspace().join(project), &arguments);
        files.push(out.path().join("compose.yaml"));
        folders.push(out);
    }
    for file in files {
        let compose = &documents(&file)[0];
        let found: Vec<String> = validator
            .iter_errors(compose)
            .map(|error| error.to_string())
            .collect();
        assert!(found.is_empty(), "{}: {found:?}", file.display());
        for (name, service) in compose["services"].as_object().unwrap() {
            let Some(image) = service["image"].as_str() else {
                continue;
            };
            let (_, version) = image.rsplit_once(':').unwrap_or_default();
            assert!(
                version.contains(|letter: char| letter.is_ascii_digit()),
                "{name}: `{image}` is of no version"
            );
            // What is mounted from the folder is written to it.
            for volume in service["volumes"].as_array().into_iter().flatten() {
                let volume = volume.as_str().unwrap();
                if let Some(path) = volume
                    .strip_prefix("./")
                    .and_then(|rest| rest.split(':').next())
                {
                    let folder = file.parent().unwrap();
                    assert!(folder.join(path).exists(), "{name}: {volume}");
                }
            }
        }
    }
    let wrong = json!({"services": {"gateway": {"imag": "envoy"}}});
    assert!(!validator.is_valid(&wrong));
}
