//! What watches the gateway: dashboards and alerts name statistics that there are, and alerts come
//! when they have to. And the images of the filters, by a tool that is not ours.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attache_e2e::{Backend, Client, Envoy, Project, Reaction, Refusing, Request, attache_program};
use serde_json::Value;

use super::schemas::tools;
use super::{compile, control_plane, documents, workspace};

const CONFIGURATION: &str = "\
apis:
  shop:
    definition: openapi.json
    stages:
      prod:
        methodSettings:
          \"*/*\": {metricsEnabled: true}
          \"/kept/{n}/GET\": {cachingEnabled: true, cacheTtlInSeconds: 60}
        cacheCluster: {enabled: true, sizeMiB: 1}
";

fn operation(uri: &str) -> Value {
    serde_json::json!({"x-amazon-apigateway-integration": {
        "type": "http_proxy", "httpMethod": "GET", "uri": uri, "timeoutInMillis": 50,
    }})
}

/// The names of all statistics that a gateway has shown after it has served whatever there is.
fn statistics() -> BTreeSet<String> {
    let backend = Backend::start(|seen| match seen.path.as_str() {
        "/late" => Reaction::Never,
        "/broken" => Reaction::answer(500, "broken"),
        // Twenty of these are more than a megabyte.
        _ => Reaction::answer(200, "x".repeat(1 << 16)),
    });
    let nobody = Refusing::new();
    let uri = |path: &str| format!("http://{}{path}", backend.address());
    let mut kept = operation(&uri("/kept/{n}"));
    kept["parameters"] = serde_json::json!([{"name": "n", "in": "path", "required": true, "schema": {"type": "string"}}]);
    let integration = &mut kept["x-amazon-apigateway-integration"];
    integration["requestParameters"] =
        serde_json::json!({"integration.request.path.n": "method.request.path.n"});
    integration["cacheKeyParameters"] = serde_json::json!(["method.request.path.n"]);
    integration["timeoutInMillis"] = 5000.into();
    let definition = serde_json::json!({
        "openapi": "3.0.1",
        "info": {"title": "Shop", "version": "1"},
        "paths": {
            "/kept/{n}": {"get": kept},
            "/broken": {"get": operation(&uri("/broken"))},
            "/late": {"get": operation(&uri("/late"))},
            "/gone": {"get": operation(&format!("http://{}/", nobody.address()))},
        },
    });
    // Redis is away, so that each gateway counts by itself.
    let shared = format!(
        "{CONFIGURATION}account: {{throttle: {{rateLimit: 1000, burstLimit: 1000}}}}\n\
         state: {{redis: {{url: \"http://{}\"}}}}\n",
        nobody.address()
    );
    let project = Project::new(&shared, &definition.to_string());
    let out = compile(
        project.path(),
        &["--target", "compose", "--port", "0", "--admin-port", "0"],
    );
    let file = out.path().join("envoy.yaml");
    control_plane::without_container(&file);
    let text = fs::read_to_string(&file).unwrap();
    let text = text
        .replace(
            "filename: \"gateway.wasm\"",
            &format!("filename: \"{}/gateway.wasm\"", out.path().display()),
        )
        .replace("port_value: 9902", "port_value: 0")
        .replace("0.0.0.0", "127.0.0.1");
    let envoy = Envoy::start_text(tempfile::tempdir().unwrap(), &text, 1);
    let mut client = Client::http1(envoy.listener("gateway"));
    for (path, status) in [
        ("/kept/0", 200),
        ("/kept/0", 200),
        ("/broken", 500),
        ("/late", 504),
        ("/gone", 504),
        ("/nothing", 403),
    ] {
        let answer = client
            .send(&Request::new("GET", &format!("/prod{path}")))
            .unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    for n in 1..40 {
        let request = Request::new("GET", &format!("/prod/kept/{n}"));
        assert_eq!(client.send(&request).unwrap().status, 200, "{n}");
    }
    // Histograms show when they have been merged, every few seconds.
    let names = attache_e2e::until("the histograms", || {
        let text = envoy.admin("/stats/prometheus");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let names: BTreeSet<String> = lines
            .filter_map(|line| line.split(['{', ' ']).next())
            .map(str::to_owned)
            .collect();
        let late = [
            "attache_Latency_bucket",
            "attache_CacheBytes",
            "attache_redis_Available",
        ];
        late.iter()
            .all(|name| names.contains(*name))
            .then_some(names)
    });
    // The page that Prometheus reads leads to the same, and no other page is behind it.
    let mut statistics = Client::http1(envoy.listener("statistics"));
    let mut status = |path: &str| statistics.send(&Request::new("GET", path)).unwrap().status;
    // Envoy was given any port for its own pages, which the route to them does not know.
    assert_eq!(status("/quitquitquit"), 404);
    assert_eq!(status("/config_dump"), 404);
    assert_ne!(status("/stats/prometheus"), 404);
    names
}

/// The names of statistics in an expression of Prometheus.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("attache_") || word.starts_with("envoy_"))
        // Labels, which stand in braces or after `by`.
        .filter(|word| {
            ![
                "envoy_cluster_name",
                "envoy_http_conn_manager_prefix",
                "envoy_response_code_class",
                "envoy_admin",
            ]
            .contains(word)
        })
}

/// All expressions under the key `expr` or `query`.
fn expressions<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("expr" | "query" | "definition", Some(text)) => found.push(text),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn watching() -> PathBuf {
    workspace().join("envoy/compose")
}

#[test]
fn dashboards_and_alerts_name_statistics_that_there_are() {
    let there = statistics();
    let mut seen = 0;
    for file in [
        "grafana/dashboards/operator.json",
        "grafana/dashboards/api-owner.json",
        "prometheus/alerts.yml",
    ] {
        let parsed = &documents(&watching().join(file))[0];
        let mut found = Vec::new();
        expressions(parsed, &mut found);
        assert!(found.len() > 5, "{file}");
        for expression in found {
            for name in named(expression) {
                assert!(there.contains(name), "{file}: no `{name}` among {there:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn dashboards_are_whole() {
    for name in ["operator", "api-owner"] {
        let file = watching().join(format!("grafana/dashboards/{name}.json"));
        let dashboard: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        assert_eq!(dashboard["uid"], format!("attache-{name}"));
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels
            .iter()
            .map(|panel| panel["id"].as_u64().unwrap())
            .collect();
        assert_eq!(ids.len(), panels.len());
        let mut taken = BTreeSet::new();
        for panel in panels {
            let text = |field: &str| !panel[field].as_str().unwrap().is_empty();
            assert!(text("title") && text("description"), "{panel}");
            assert_eq!(panel["datasource"]["uid"], "prometheus");
            let place = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24);
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{}: overlaps", panel["title"]);
                }
            }
        }
    }
}

/// Runs a tool; `None`, with a message, when it is not installed.
fn run(tool: &Path, folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .env("LD_LIBRARY_PATH", libraries())
        .output();
    let Ok(output) = output else {
        eprintln!(
            "skipped: {} is not there; `make setup-targets` gets it",
            tool.display()
        );
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool:?} {arguments:?}: {said}");
    Some(said)
}

/// Where the libraries of unpacked tools are.
fn libraries() -> std::ffi::OsString {
    let folders = tools("debian/usr/lib").and_then(|folder| fs::read_dir(folder).ok());
    let folders = folders
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    std::env::join_paths(folders).unwrap()
}

/// A tool of Debian's, unpacked by `make setup-targets` or installed.
fn debian(name: &str) -> PathBuf {
    let installed = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
    match installed {
        true => PathBuf::from(name),
        false => {
            tools("debian/usr/bin").map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
        }
    }
}

#[test]
fn alerts_come_when_they_have_to() {
    let promtool = debian("promtool");
    let folder = watching().join("prometheus");
    let Some(said) = run(&promtool, &folder, &["test", "rules", "alerts_test.yml"]) else {
        return;
    };
    assert!(said.contains("SUCCESS"), "{said}");
    run(&promtool, &folder, &["check", "rules", "alerts.yml"]).unwrap();
    run(&promtool, &folder, &["check", "config", "prometheus.yml"]).unwrap();
    // Each alert has its test.
    let rules = &documents(&folder.join("alerts.yml"))[0]["groups"][0]["rules"];
    let tests = fs::read_to_string(folder.join("alerts_test.yml")).unwrap();
    for rule in rules.as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            tests.contains(&format!("alertname: {name}\n    exp_alerts:\n")),
            "{name}"
        );
    }
}

#[test]
fn the_images_are_images_to_a_tool_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let output = Command::new(attache_program())
            .args(["image", "--out", name])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr)
            .unwrap()
            .replace(name, "image")
    };
    let told = write("image");
    assert_eq!(write("again"), told, "digests differ");
    let index = |name: &str| fs::read(folder.path().join(name).join("index.json")).unwrap();
    assert!(index("image") == index("again"));
    assert_eq!(told.lines().count(), 6);
    for line in told.lines() {
        let (reference, digest) = line
            .strip_prefix("wrote ")
            .unwrap()
            .split_once(' ')
            .unwrap();
        let reference = format!("oci:{reference}");
        let Some(said) = run(&debian("skopeo"), folder.path(), &["inspect", &reference]) else {
            return;
        };
        let inspected: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(inspected["Digest"], digest);
        assert_eq!(
            (&inspected["Os"], &inspected["Architecture"]),
            (&"wasip1".into(), &"wasm".into())
        );
        // Copied as it is, by a tool that checks every digest on the way.
        let copy = [
            "--insecure-policy",
            "copy",
            "--preserve-digests",
            &reference,
            "oci:copy:copy",
        ];
        run(&debian("skopeo"), folder.path(), &copy).unwrap();
        let copied = run(
            &debian("skopeo"),
            folder.path(),
            &["inspect", "oci:copy:copy"],
        )
        .unwrap();
        let copied: Value = serde_json::from_str(&copied).unwrap();
        assert_eq!(copied["Digest"], digest);
    }
}
