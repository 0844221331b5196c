//! What `attache compile` writes for clusters and containers, put together as their control planes
//! do, in a real Envoy; and judged by the schemas of its resources and by the tools that read it.
//!
//! No Kubernetes is here. Istio and Envoy Gateway change Envoy's configuration by rules that they
//! document, merges and JSON patches, and so does `targets/control_plane.rs`, on configurations of
//! the shape that they start from. `make setup-targets` gets the schemas and the tools; what is not
//! there is skipped with a message.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

#[path = "targets/control_plane.rs"]
mod control_plane;
#[path = "targets/schemas.rs"]
mod schemas;
#[path = "targets/watching.rs"]
mod watching;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attache_e2e::{
    Backend, Body, CertificateAuthority, Client, Envoy, Operation, Project, Reaction, Request,
    Response, attache_program, definition,
};
use serde_json::Value;

const SECRETS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const IMAGES: &str = "oci://registry.example.com/attache/{filter}:1.0";
const ACME: &str = "acme-example-key-0123456789";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compiles a project for a target, into the folder that comes back.
fn compile(project: &Path, arguments: &[&str]) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(attache_program())
        .arg("compile")
        .arg(project)
        .args(arguments)
        .arg("--out")
        .arg(out.path())
        .env("ATTACHE_SECRETS_KEY", SECRETS_KEY)
        .env("ALICE", "a-secret-of-alice-that-nobody-may-see")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{project:?} {arguments:?}: {output:?}"
    );
    out
}

/// The documents of a YAML file.
fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.split("\n---\n")
        .map(|document| {
            serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{file:?}: {error}"))
        })
        .collect()
}

fn get(envoy: &Envoy, path: &str, key: Option<&str>) -> Response {
    let mut request = Request::new("GET", path);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    Client::http1(envoy.listener("gateway"))
        .send(&request)
        .unwrap()
}

/// The example behind a control plane's Envoy behaves as behind its own.
fn is_the_pet_store(envoy: &Envoy, backend: &Backend) {
    let open = get(envoy, "/prod/status", None);
    assert_eq!(
        (open.status, open.text().as_str()),
        (200, "from the back end")
    );
    let refused = get(envoy, "/prod/pets", None);
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.header("x-amzn-errortype"),
        Some(b"ForbiddenException".as_slice())
    );
    assert_eq!(get(envoy, "/prod/pets", Some(ACME)).status, 200);
    let unknown = get(envoy, "/prod/nothing", None);
    assert_eq!(
        (unknown.status, unknown.text().as_str()),
        (403, r#"{"message":"Missing Authentication Token"}"#)
    );
    let seen = backend.take_seen();
    assert_eq!(seen.len(), 2);
    for request in &seen {
        assert_eq!(request.header("x-envoy-external-address"), None);
        assert_eq!(request.header("x-attache-cluster"), None);
    }
    // The head of the statistics' names has become labels.
    let statistics = envoy.admin("/stats/prometheus");
    let counted = "attache_Count{api=\"petstore\",stage=\"prod\"}";
    assert!(statistics.contains(counted), "{statistics}");
}

fn pet_store() -> (Project, Backend) {
    let backend = Backend::answering("from the back end");
    (
        Project::of_example("petstore", Some(backend.address())),
        backend,
    )
}

#[test]
fn what_istio_makes_of_it_serves() {
    let (project, backend) = pet_store();
    let out = compile(project.path(), &["--target", "istio", "--wasm", IMAGES]);
    let resources = documents(&out.path().join("istio.yaml"));
    let envoy = Envoy::start(&control_plane::istio(&resources), 1);
    is_the_pet_store(&envoy, &backend);
}

#[test]
fn what_envoy_gateway_makes_of_it_serves() {
    let (project, backend) = pet_store();
    let out = compile(
        project.path(),
        &["--target", "envoy-gateway", "--wasm", IMAGES],
    );
    let resources = documents(&out.path().join("envoy-gateway.yaml"));
    let envoy = Envoy::start(&control_plane::envoy_gateway(&resources), 1);
    is_the_pet_store(&envoy, &backend);
}

#[test]
fn what_else_there_is_to_compile_is_taken_by_envoy() {
    let key = [("ATTACHE_SECRETS_KEY", SECRETS_KEY)];
    for project in [
        "examples/aws-services",
        "examples/response-cache",
        "tests/targets/secrets",
    ] {
        let project = workspace().join(project);
        let of = |target, file: &str| {
            let out = compile(&project, &["--target", target, "--wasm", IMAGES]);
            documents(&out.path().join(file))
        };
        for bootstrap in [
            control_plane::istio(&of("istio", "istio.yaml")),
            control_plane::envoy_gateway(&of("envoy-gateway", "envoy-gateway.yaml")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("envoy.json"), bootstrap.to_string()).unwrap();
            let (accepted, log) = Envoy::validate_file(folder.path(), "envoy.json", &key);
            assert!(accepted, "{project:?}: {log}");
        }
        let out = compile(&project, &["--target", "compose"]);
        control_plane::without_container(&out.path().join("envoy.yaml"));
        let (accepted, log) = Envoy::validate_file(out.path(), "envoy.yaml", &key);
        assert!(accepted, "{project:?}: {log}");
    }
}

#[test]
fn certificates_go_into_containers_and_are_refused_for_clusters() {
    let configuration = r#"
apis:
  shop: {definition: openapi.json, stages: {prod: {clientCertificateId: gateway}}}
domains:
  api.example.com:
    certificate: {chain: api.pem, key: api-key.pem}
    mappings: {v1: {api: shop, stage: prod}}
clientCertificates:
  gateway: {chain: api.pem, key: api-key.pem}
accessLog: off
"#;
    let back_end = Operation::new("GET", "/pets", "https://back-end.example.com/pets");
    let project = Project::new(configuration, &definition(&[back_end]));
    let authority = CertificateAuthority::new("an authority");
    let (certificate, key) = authority.certify("api.example.com");
    project.write("api.pem", &certificate);
    project.write("api-key.pem", &key);
    let out = compile(
        project.path(),
        &["--target", "compose", "--tls-port", "8444"],
    );
    let services = documents(&out.path().join("compose.yaml")).remove(0);
    let gateway = &services["services"]["gateway"];
    let folder = fs::canonicalize(project.path()).unwrap();
    let folder = folder.display();
    for volume in [
        "./sds:/etc/attache/sds:ro".to_owned(),
        format!("{folder}:{folder}:ro"),
    ] {
        let volumes = gateway["volumes"].as_array().unwrap();
        assert!(
            volumes.contains(&volume.clone().into()),
            "{volume}: {volumes:?}"
        );
    }
    let ports = gateway["ports"].as_array().unwrap();
    assert!(ports.contains(&"127.0.0.1:8444:8444".into()), "{ports:?}");
    control_plane::without_container(&out.path().join("envoy.yaml"));
    let (accepted, log) = Envoy::validate_file(out.path(), "envoy.yaml", &[]);
    assert!(accepted, "{log}");
    for target in ["istio", "envoy-gateway"] {
        let out = tempfile::tempdir().unwrap();
        let output = Command::new(attache_program())
            .args(["compile", "--target", target, "--wasm", IMAGES, "--out"])
            .arg(out.path())
            .arg(project.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            told.matches("error[certificate-in-cluster]").count(),
            2,
            "{told}"
        );
        assert!(told.contains("attache.yaml:5:"), "{told}");
    }
}

#[test]
fn a_filter_at_a_url_is_fetched_and_its_digest_is_checked() {
    let module = fs::read(attache_e2e::module("gateway")).unwrap();
    let filters = Backend::start(move |_| Reaction::answer(200, &module));
    let (project, backend) = pet_store();
    let url = format!("http://{}/{{filter}}.wasm", filters.address());
    let out = compile(
        project.path(),
        &[
            "--target",
            "envoy",
            "--port",
            "0",
            "--admin-port",
            "0",
            "--wasm",
            &url,
        ],
    );
    assert!(!out.path().join("gateway.wasm").exists());
    let text = fs::read_to_string(out.path().join("envoy.yaml")).unwrap();
    let envoy = Envoy::start_text(out, &text, 1);
    attache_e2e::until("the filter is there", || {
        (get(&envoy, "/prod/status", None).status == 200).then_some(())
    });
    assert_eq!(
        filters.take_seen().first().map(|seen| seen.path.clone()),
        Some("/gateway.wasm".into())
    );
    drop(backend.take_seen());
    is_the_pet_store(&envoy, &backend);
}

/// `tests/targets/split` with the back end of the test.
fn split_project(backend: &Backend) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = workspace().join("tests/targets/split");
    fs::copy(
        source.join("openapi.yaml"),
        folder.path().join("openapi.yaml"),
    )
    .unwrap();
    let settings = fs::read_to_string(source.join("attache.yaml")).unwrap();
    let settings = settings.replace("127.0.0.1:9000", &backend.address().to_string());
    fs::write(folder.path().join("attache.yaml"), settings).unwrap();
    folder
}

/// What the split layout of that project answers, in whatever Envoy.
fn is_the_split_shelter(envoy: &Envoy, backend: &Backend) {
    for (path, key, status, target) in [
        ("/prod", None, 200, Some("/")),
        ("/prod/", None, 200, Some("/")),
        ("/prod/pets/new", None, 200, Some("/v1/new")),
        ("/prod/pets", None, 403, None),
        ("/prod/pets", Some("nobody"), 403, None),
        ("/prod/pets?a=b", Some(ACME), 200, Some("/v1/pets?a=b")),
        ("/prod/pets/7", Some(ACME), 200, Some("/v1/pets/7/card")),
        (
            "/prod/pets/7?a=b",
            Some(ACME),
            200,
            Some("/v1/pets/7/card?a=b"),
        ),
        ("/prod/files/a/b", None, 401, None),
        ("/prod/files/../pets/7", None, 403, None),
        ("/prod/pets/%2e%2e/files/a", Some(ACME), 401, None),
        ("/other", Some(ACME), 403, None),
    ] {
        let answer = get(envoy, path, key);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let seen = backend.take_seen();
        let targets: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
        assert_eq!(targets, target.into_iter().collect::<Vec<_>>(), "{path}");
        if path == "/other" {
            assert_eq!(
                answer.header("x-amzn-errortype"),
                Some(b"MissingAuthenticationTokenException".as_slice())
            );
        }
    }
    let post = |body: &'static str| {
        let request = Request::new("POST", "/prod/pets")
            .header("x-api-key", ACME)
            .header("content-type", "application/json")
            .body(Body::Whole(body.into()));
        Client::http1(envoy.listener("gateway"))
            .send(&request)
            .unwrap()
    };
    assert_eq!(post(r#"{"name": "Rex"}"#).status, 200);
    let refused = post("{}");
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (400, r#"{"message":"Invalid request body"}"#)
    );
    // Two requests a day.
    let visitor = Some("visitor-example-key-0123456789");
    for status in [200, 200, 429] {
        assert_eq!(get(envoy, "/prod/pets", visitor).status, status);
    }
}

#[test]
fn the_split_layout_serves_in_every_target() {
    let backend = Backend::answering("from the back end");
    let project = split_project(&backend);
    let split = |target, wasm| {
        let arguments = [
            "--target",
            target,
            "--layout",
            "split",
            "--wasm",
            wasm,
            "--admin-port",
            "0",
        ];
        compile(project.path(), &arguments)
    };

    let out = split("envoy", "file");
    let text = fs::read_to_string(out.path().join("envoy.yaml")).unwrap();
    let text = text.replace("port_value: 8080", "port_value: 0");
    for filter in ["api_key", "usage_plan", "authorizer", "transform"] {
        let file = format!("{filter}.wasm");
        assert!(out.path().join(&file).exists());
    }
    // Envoy is started elsewhere.
    let text = text.replace(
        "filename: \"",
        &format!("filename: \"{}/", out.path().display()),
    );
    let folder = tempfile::tempdir().unwrap();
    let envoy = Envoy::start_text(folder, &text, 1);
    is_the_split_shelter(&envoy, &backend);
    drop(envoy);
    drop(backend.take_seen());

    let istio = documents(&split("istio", IMAGES).path().join("istio.yaml"));
    let envoy = Envoy::start(&control_plane::istio(&istio), 1);
    is_the_split_shelter(&envoy, &backend);
    drop(envoy);
    drop(backend.take_seen());

    let out = split("envoy-gateway", IMAGES);
    let gateway = documents(&out.path().join("envoy-gateway.yaml"));
    let envoy = Envoy::start(&control_plane::envoy_gateway(&gateway), 1);
    is_the_split_shelter(&envoy, &backend);
}
