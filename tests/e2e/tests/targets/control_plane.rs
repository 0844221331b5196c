//! What Istio and Envoy Gateway do with patches, on the smallest configurations of their shapes.
//!
//! - Istio merges as protocol buffers do: fields of messages one by one, lists one after the other.
//!   <https://istio.io/latest/docs/reference/config/networking/envoy-filter/>
//! - Envoy Gateway applies JSON patches, of which JSONPath may say where.
//!   <https://gateway.envoyproxy.io/docs/tasks/extensibility/envoy-patch-policy/>

use std::fs;
use std::path::Path;

use attache_e2e::module;
use serde_json::{Value, json};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const MANAGER_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.filters.http.router";
const ROUTER_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

fn router() -> Value {
    json!({"name": ROUTER, "typed_config": {"@type": ROUTER_TYPE}})
}

/// The only route of a control plane's own, which no request may ever take.
fn routes() -> Value {
    json!([{"match": {"prefix": "/"}, "direct_response": {"status": 503}}])
}

fn bootstrap(listener: &Value) -> Value {
    json!({
        "node": {"id": "proxy", "cluster": "proxy"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": [listener], "clusters": []},
    })
}

fn kind<'r>(resources: &'r [Value], kind: &str) -> Vec<&'r Value> {
    let found: Vec<&Value> = resources
        .iter()
        .filter(|resource| resource["kind"] == kind)
        .collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

/// The module that stands behind the name of an image.
fn local(place: &str) -> Value {
    let (_, image) = place.rsplit_once('/').unwrap();
    let (name, version) = image.split_once(':').unwrap();
    assert_eq!(version, "1.0");
    json!({"local": {"filename": module(&name.replace('-', "_"))}})
}

fn is_sha256(text: &Value) {
    let text = text.as_str().unwrap();
    assert!(
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{text}"
    );
}

/// An Envoy of Istio with a gateway on port 80, after its EnvoyFilters.
pub(crate) fn istio(resources: &[Value]) -> Value {
    let gateway = &kind(resources, "Gateway")[0]["spec"];
    assert_eq!(gateway["servers"][0]["port"]["number"], 80);
    let labels = &kind(resources, "Deployment")[0]["spec"]["template"]["metadata"]["labels"];
    let service = &kind(resources, "Service")[0]["spec"];
    let mut bootstrap = bootstrap(&json!({
        "name": "gateway",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": {
            "@type": MANAGER_TYPE,
            "stat_prefix": "outbound_0.0.0.0_80",
            "http_filters": [router()],
            "route_config": {
                "name": "http.80",
                "virtual_hosts": [{"name": "*:80", "domains": ["*"], "routes": routes()}],
            },
        }}]}],
    }));
    for selector in [&gateway["selector"], &service["selector"]] {
        assert_eq!(labels["istio"], selector["istio"]);
    }
    let filters = kind(resources, "EnvoyFilter");
    for spec in filters.iter().map(|filter| &filter["spec"]) {
        assert_eq!(labels["istio"], spec["workloadSelector"]["labels"]["istio"]);
        for patch in spec["configPatches"].as_array().unwrap() {
            let is_of_process = patch["applyTo"] == "BOOTSTRAP";
            assert!(is_of_process || patch["match"]["context"] == "GATEWAY");
            apply(&mut bootstrap, patch);
        }
    }
    bootstrap
}

fn apply(bootstrap: &mut Value, patch: &Value) {
    let value = &patch["patch"]["value"];
    let operation = patch["patch"]["operation"].as_str().unwrap();
    let matched = &patch["match"]["listener"]["filterChain"]["filter"];
    if !matched.is_null() {
        assert_eq!(matched["name"], MANAGER);
    }
    if patch["applyTo"] == "BOOTSTRAP" {
        assert_eq!(operation, "MERGE");
        return merge(bootstrap, value);
    }
    let resources = &mut bootstrap["static_resources"];
    if patch["applyTo"] == "CLUSTER" {
        assert_eq!(operation, "ADD");
        return resources["clusters"]
            .as_array_mut()
            .unwrap()
            .push(value.clone());
    }
    let listener = &mut resources["listeners"][0];
    if patch["applyTo"] == "LISTENER" {
        assert_eq!(operation, "MERGE");
        return merge(listener, value);
    }
    let filter = &mut listener["filter_chains"][0]["filters"][0];
    if patch["applyTo"] == "NETWORK_FILTER" {
        assert_eq!(operation, "MERGE");
        return merge(filter, value);
    }
    let manager = &mut filter["typed_config"];
    match (patch["applyTo"].as_str().unwrap(), operation) {
        ("HTTP_FILTER", "MERGE") => {
            assert_eq!(matched["subFilter"]["name"], ROUTER);
            let filters = manager["http_filters"].as_array_mut().unwrap();
            merge(filters.last_mut().unwrap(), value);
        }
        ("HTTP_FILTER", "INSERT_FIRST") => {
            manager["http_filters"]
                .as_array_mut()
                .unwrap()
                .insert(0, value.clone());
        }
        ("ROUTE_CONFIGURATION", "MERGE") => merge(&mut manager["route_config"], value),
        ("HTTP_ROUTE", "INSERT_FIRST") => {
            let host = &mut manager["route_config"]["virtual_hosts"][0];
            assert_eq!(
                host["name"],
                patch["match"]["routeConfiguration"]["vhost"]["name"]
            );
            host["routes"]
                .as_array_mut()
                .unwrap()
                .insert(0, value.clone());
        }
        ("EXTENSION_CONFIG", "ADD") => {
            let mut filter = value.clone();
            let code = &mut filter["typed_config"]["config"]["vm_config"]["code"];
            is_sha256(&code["remote"]["sha256"]);
            *code = local(code["remote"]["http_uri"]["uri"].as_str().unwrap());
            let filters = manager["http_filters"].as_array_mut().unwrap();
            let place = filters
                .iter_mut()
                .find(|known| known["name"] == value["name"])
                .unwrap();
            assert_eq!(place["config_discovery"]["type_urls"], json!([WASM_TYPE]));
            *place = filter;
        }
        other => panic!("{other:?} is not known here"),
    }
}

/// As protocol buffers merge.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// An Envoy of Envoy Gateway with a listener on port 80, after its policies.
pub(crate) fn envoy_gateway(resources: &[Value]) -> Value {
    let one = |name: &str| {
        let found = kind(resources, name);
        assert_eq!(found.len(), 1, "{name}");
        found[0]
    };
    let gateway = one("Gateway");
    assert_eq!(
        gateway["spec"]["gatewayClassName"],
        one("GatewayClass")["metadata"]["name"]
    );
    assert_eq!(gateway["spec"]["listeners"][0]["port"], 80);
    let route = &one("HTTPRoute")["spec"];
    assert_eq!(route["parentRefs"][0]["name"], gateway["metadata"]["name"]);
    assert_eq!(
        route["rules"][0]["filters"][0]["extensionRef"]["name"],
        one("HTTPRouteFilter")["metadata"]["name"]
    );
    let policy = one("EnvoyExtensionPolicy");
    assert_eq!(
        policy["spec"]["targetRefs"][0]["name"],
        one("HTTPRoute")["metadata"]["name"]
    );
    let name = format!(
        "{}/{}",
        policy["metadata"]["namespace"].as_str().unwrap(),
        policy["metadata"]["name"].as_str().unwrap()
    );
    let wasm = policy["spec"]["wasm"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate();
    let mut filters: Vec<Value> = wasm
        .map(|(index, wasm)| filter(&name, index, wasm))
        .collect();
    filters.push(router());

    let mut listener = json!({
        "name": "tcp-80",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "per_connection_buffer_limit_bytes": 32768,
        "default_filter_chain": {"filters": [{"name": MANAGER, "typed_config": {
            "@type": MANAGER_TYPE,
            "stat_prefix": "http-80",
            "normalize_path": true,
            "merge_slashes": true,
            "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
            "use_remote_address": true,
            "server_header_transformation": "PASS_THROUGH",
            "http_filters": filters,
        }}]},
    });
    let mut routes = json!({
        "name": "http-80",
        "ignore_port_in_host_matching": true,
        "virtual_hosts": [{"name": "default/attache/http/*", "domains": ["*"], "routes": routes()}],
    });
    let mut clusters = Vec::new();
    let patches = &one("EnvoyPatchPolicy")["spec"]["jsonPatches"];
    for patch in patches.as_array().unwrap() {
        let operation = &patch["operation"];
        match patch["type"].as_str().unwrap().rsplit('.').next().unwrap() {
            "Listener" => {
                assert_eq!(patch["name"], listener["name"]);
                change(&mut listener, operation);
            }
            "RouteConfiguration" => {
                assert_eq!(patch["name"], routes["name"]);
                change(&mut routes, operation);
            }
            "Cluster" => {
                assert_eq!(
                    (&operation["op"], &operation["path"]),
                    (&json!("add"), &json!(""))
                );
                assert_eq!(operation["value"]["name"], patch["name"]);
                clusters.push(operation["value"].clone());
            }
            other => panic!("{other}"),
        }
    }
    listener["name"] = json!("gateway");
    listener["default_filter_chain"]["filters"][0]["typed_config"]["route_config"] = routes;
    let mut bootstrap = bootstrap(&listener);
    bootstrap["static_resources"]["clusters"] = json!(clusters);
    let merged = &one("EnvoyProxy")["spec"]["bootstrap"];
    assert_eq!(merged["type"], "Merge");
    let merged: Value = serde_saphyr::from_str(merged["value"].as_str().unwrap()).unwrap();
    merge(&mut bootstrap, &merged);
    bootstrap
}

fn filter(policy: &str, index: usize, wasm: &Value) -> Value {
    let code = &wasm["code"];
    assert_eq!(code["type"], "Image");
    is_sha256(&code["image"]["sha256"]);
    let name = format!("envoyextensionpolicy/{policy}/wasm/{index}");
    json!({
        "name": format!("envoy.filters.http.wasm/{name}"),
        "disabled": true,
        "typed_config": {"@type": WASM_TYPE, "config": {
            "name": wasm["name"],
            "fail_open": wasm["failOpen"],
            "vm_config": {
                "vm_id": name,
                "runtime": "envoy.wasm.runtime.v8",
                "code": local(code["image"]["url"].as_str().unwrap()),
                "environment_variables": {"host_env_keys": wasm["env"]["hostKeys"]},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": wasm["config"].to_string(),
            },
        }},
    })
}

/// One JSON patch, at a pointer or at `..http_filters[?(@.name=='NAME')]REST` with one below it.
fn change(resource: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().unwrap();
    let (mut place, path) = match operation["jsonPath"].as_str() {
        None => (resource, path.to_owned()),
        Some(expression) => {
            let named = expression
                .strip_prefix("..http_filters[?(@.name=='")
                .unwrap();
            let (name, rest) = named.split_once("')]").unwrap();
            let manager = &mut resource["default_filter_chain"]["filters"][0]["typed_config"];
            let filters = manager["http_filters"].as_array_mut().unwrap();
            let found = filters.iter_mut().find(|filter| filter["name"] == name);
            let mut place = found.unwrap_or_else(|| panic!("no filter {name}"));
            for step in rest.split('.').skip(1) {
                place = place.get_mut(step).unwrap();
            }
            (place, format!("/{path}"))
        }
    };
    let (parent, last) = path.rsplit_once('/').unwrap();
    place = place
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("nothing at {parent}"));
    let fields = place.as_object_mut().unwrap();
    match operation["op"].as_str().unwrap() {
        "add" => {}
        "replace" => assert!(fields.contains_key(last), "nothing to replace at {path}"),
        other => panic!("{other}"),
    }
    fields.insert(last.to_owned(), operation["value"].clone());
}

/// Takes the places of a container out of a configuration that is looked at outside of one.
pub(crate) fn without_container(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("\"/etc/attache/", "\"")).unwrap();
}
