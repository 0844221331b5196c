//! What keys use of their plans: told while a gateway runs, and kept for the next one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;

use attache_e2e::{
    Attache, Backend, Client, Envoy, Operation, Project, Request, definition, until,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const CONFIGURATION: &str = "\
accessLog: off
apis:
  petstore: {definition: openapi.json, stages: {prod: {}}}
usagePlans:
  gold: {quota: {limit: 10, period: MONTH}, apiStages: [{api: petstore, stage: prod}]}
apiKeys:
  acme: {value: secret-acme-0123456789-0123456789, usagePlans: [gold]}
  other: {value: secret-other-0123456789-0123456789, usagePlans: [gold]}
";

/// An operation that asks for a key, before this back end.
fn project(backend: &Backend) -> Project {
    let uri = format!("http://{}/pets", backend.address());
    let operation = Operation::new("GET", "/pets", &uri).with_key();
    Project::new(CONFIGURATION, &definition(&[operation]))
}

/// The statuses of so many requests of a key, each over a connection of its own.
fn call(gateway: &Attache, key: &str, times: usize) -> Vec<u16> {
    let key = format!("secret-{key}-0123456789-0123456789");
    let request = Request::new("GET", "/prod/pets").header("x-api-key", &key);
    let send = |_| {
        Client::http1(gateway.address())
            .send(&request)
            .unwrap()
            .status
    };
    (0..times).map(send).collect()
}

/// What `attache usage` prints of today.
fn usage(gateway: &Attache, folder: &Path, arguments: &str) -> String {
    let mut command = vec!["usage", "--directory", folder.to_str().unwrap()];
    command.extend(arguments.split_whitespace());
    let runtime = [("XDG_RUNTIME_DIR", gateway.runtime_folder())];
    let mut command = Attache::start_with(&command, &runtime);
    let status = command.wait();
    assert_eq!(status.code(), Some(0), "{}", command.messages());
    command.output()
}

/// Used and remaining of today, by key.
fn today(gateway: &Attache, folder: &Path) -> Value {
    let printed = usage(gateway, folder, "--plan gold --output json");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let keys = printed["items"].as_object().unwrap().iter();
    let last = keys.map(|(key, days)| {
        (
            key.clone(),
            days.as_array().unwrap().last().unwrap().clone(),
        )
    });
    last.collect::<serde_json::Map<_, _>>().into()
}

/// Both workers store what they have seen within a moment.
fn until_told(gateway: &Attache, folder: &Path, expected: &Value) {
    until("the usage is told", || {
        (today(gateway, folder) == *expected).then_some(())
    });
}

#[test]
fn usage_is_told_extended_and_outlasts_a_planned_restart() {
    let backend = Backend::answering("pets");
    let project = project(&backend);
    let folder = project.path();
    let state = tempfile::tempdir().unwrap();
    let environment = [("XDG_STATE_HOME", state.path())];
    let mut gateway = Attache::serve_with(folder, &[], &environment);
    assert_eq!(
        call(&gateway, "acme", 12),
        [[200; 10].as_slice(), &[429; 2]].concat()
    );
    assert_eq!(call(&gateway, "other", 3), [200; 3]);
    until_told(&gateway, folder, &json!({"acme": [10, 0], "other": [3, 7]}));
    let csv = usage(&gateway, folder, "--key acme --output csv");
    assert!(csv.ends_with(",10,0,0,2\n"), "{csv}");

    let granted = usage(&gateway, folder, "extend gold acme --remaining 4");
    assert!(
        granted.starts_with("acme has 4 requests left of gold"),
        "{granted}"
    );
    assert_eq!(call(&gateway, "acme", 3), [200; 3]);
    // The very last requests are kept too.
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.messages());

    let mut gateway = Attache::serve_with(folder, &[], &environment);
    until_told(&gateway, folder, &json!({"acme": [13, 1], "other": [3, 7]}));
    assert_eq!(call(&gateway, "acme", 2), [200, 429]);
    gateway.signal(Signal::TERM);
    gateway.wait();

    let gateway = Attache::serve_with(folder, &["--forget-usage"], &environment);
    until_told(
        &gateway,
        folder,
        &json!({"acme": [0, 10], "other": [0, 10]}),
    );
    assert_eq!(call(&gateway, "acme", 2), [200; 2]);
}

#[test]
fn an_edit_neither_loses_nor_repeats_what_was_counted() {
    let backend = Backend::answering("pets");
    let project = project(&backend);
    let folder = project.path();
    let state = tempfile::tempdir().unwrap();
    let environment = [("XDG_STATE_HOME", state.path())];
    let mut gateway = Attache::serve_with(folder, &[], &environment);
    assert_eq!(call(&gateway, "acme", 2), [200; 2]);
    gateway.signal(Signal::TERM);
    gateway.wait();

    let gateway = Attache::serve_with(folder, &["--watch"], &environment);
    for limit in [20, 30] {
        // Right before the edit: the old root context stores what it has seen when it goes.
        assert_eq!(call(&gateway, "acme", 2), [200; 2]);
        let edited = CONFIGURATION.replace("limit: 10", &format!("limit: {limit}"));
        project.write("attache.yaml", &edited);
        until("the edit is served", || {
            let told = today(&gateway, folder);
            (told["other"] == json!([0, limit])).then_some(())
        });
    }
    until_told(
        &gateway,
        folder,
        &json!({"acme": [6, 24], "other": [0, 30]}),
    );
}

/// An Envoy of one's own, which nobody but its user starts and ends.
#[test]
fn counts_pass_from_one_envoy_to_the_next_with_a_file() {
    const TOKEN: &str = "a-token-of-the-tests-0123456789";
    let backend = Backend::answering("pets");
    let project = project(&backend);
    let configuration = format!("{CONFIGURATION}managementApi: {{token: {TOKEN}}}\n");
    project.write("attache.yaml", &configuration);
    let folder = project.path().to_str().unwrap();
    let file = project.path().join("usage.json");
    let file = file.to_str().unwrap();
    let serve = |arguments: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let to = out.path().to_str().unwrap();
        let common = ["compile", folder, "--target", "envoy", "--out", to];
        let ports = ["--port", "0", "--admin-port", "0"];
        let mut compile = Attache::start(&[&common[..], &ports, arguments].concat());
        assert!(compile.wait().success(), "{}", compile.messages());
        let text = std::fs::read_to_string(out.path().join("envoy.yaml")).unwrap();
        let module = out.path().join("gateway.wasm").display().to_string();
        let text = text.replace("\"gateway.wasm\"", &format!("{module:?}"));
        Envoy::start_text(out, &text, 2)
    };
    let call = |envoy: &Envoy, times: usize| -> Vec<u16> {
        let key = "secret-acme-0123456789-0123456789";
        let request = Request::new("GET", "/prod/pets").header("x-api-key", key);
        let send = |_| {
            let mut client = Client::http1(envoy.listener("gateway"));
            client.send(&request).unwrap().status
        };
        (0..times).map(send).collect()
    };
    let first = serve(&[]);
    assert_eq!(call(&first, 7), [200; 7]);
    let url = format!("http://{}", first.listener("gateway"));
    let arguments = [
        "usage", "snapshot", "-C", folder, "--out", file, "--url", &url,
    ];
    let mut snapshot = Attache::start(&arguments);
    assert!(snapshot.wait().success(), "{}", snapshot.messages());
    drop(first);
    let second = serve(&["--usage", file]);
    assert_eq!(call(&second, 4), [200, 200, 200, 429]);
}
