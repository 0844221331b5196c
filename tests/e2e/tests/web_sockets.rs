//! WebSocket connections through a real Envoy: handshakes are requests, and the bytes are nobody's
//! business.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;
use std::process::Command;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Raw, Request, Service, definition, run_client,
};
use serde_json::{Value, json};

const KEY: &str = "ann-0123456789-0123456789";

/// An echo behind a key, by both kinds of integrations; a method that takes no handshake, one whose
/// back end takes none, and one without a back end.
fn project(echo: SocketAddr, limits: &str) -> Project {
    let back_end =
        |method: &str, path: &str| Operation::new(method, path, &format!("http://{echo}{path}"));
    let mapped = Operation::new("GET", "/mapped", &format!("http://{echo}/echo"))
        .set("type", "http")
        .set("responses", json!({"default": {"statusCode": "200"}}))
        .field("responses", json!({"200": {"description": "fine"}}));
    let nobody = Operation::new("GET", "/nobody", "http://127.0.0.1:1/");
    let operations = [
        back_end("GET", "/echo").with_key(),
        back_end("GET", "/status"),
        Operation::new("GET", "/plain", &format!("http://{echo}/echo")),
        back_end("POST", "/echo"),
        mapped,
        nobody,
    ];
    let enabled = |path: &str| format!("          \"{path}/GET\": {{webSocketEnabled: true}}\n");
    let methods: String = ["/echo", "/status", "/mapped", "/nobody"]
        .map(enabled)
        .concat();
    let configuration = format!(
        "accessLog: off
webSockets: {limits}
apis:
  chat:
    definition: openapi.json
    stages:
      prod:
        methodSettings:
{methods}
usagePlans:
  members:
    throttle: {{rateLimit: 0.0001, burstLimit: 4}}
    apiStages: [{{api: chat, stage: prod}}]
apiKeys:
  ann: {{value: {KEY}, usagePlans: [members]}}
"
    );
    Project::new(&configuration, &definition(&operations))
}

fn task(attache: &Attache, path: &str, steps: Value) -> Value {
    json!({
        "url": format!("ws://{}{path}", attache.address()),
        "headers": {"x-api-key": KEY},
        "steps": steps,
    })
}

fn talk(tasks: Vec<Value>) -> Vec<Value> {
    let results = run_client("web_sockets.py", &Value::from(tasks));
    results.as_array().unwrap().clone()
}

#[test]
fn what_both_sides_say_arrives_as_they_said_it() {
    let echo = Service::of_example("websocket", "/status");
    let project = project(echo.address(), "{}");
    let attache = Attache::serve(project.path(), &[]);
    let steps = json!([
        {"echo": 0},
        {"echo": 1},
        {"echo": 2_000_000},
        {"echoBytes": [1, 125, 126, 65_536, 0, 1_500_000]},
        {"ping": true},
        {"close": 4001, "reason": "enough"},
    ]);
    let mut compressed = task(&attache, "/prod/echo", json!([]));
    compressed["compression"] = "deflate".into();
    let results = talk(vec![
        task(&attache, "/prod/echo", steps.clone()),
        task(&attache, "/prod/mapped", steps),
        compressed,
    ]);
    for result in &results[..2] {
        assert_eq!(result["steps"], json!([true, true, true, true, true, true]));
        assert_eq!(result["closed"], json!({"code": 4001, "reason": "enough"}));
    }
    // The back end has not agreed to the extension, and nobody else may.
    assert_eq!(results[2]["closed"]["code"], 1000);
    assert_eq!(
        attache.stat("http.gateway.downstream_cx_upgrades_active"),
        0
    );
    assert_eq!(attache.stat("http.gateway.downstream_cx_upgrades_total"), 3);
}

#[test]
fn a_handshake_is_refused_as_every_other_request() {
    let echo = Service::of_example("websocket", "/status");
    let project = project(echo.address(), "{idleTimeoutInSeconds: 20}");
    let attache = Attache::serve(project.path(), &[]);
    let closing = || json!([{"close": 1000}]);
    let mut without_key = task(&attache, "/prod/echo", closing());
    without_key["headers"] = json!({});
    let throttled = (0..5).map(|_| task(&attache, "/prod/echo", closing()));
    let results = talk(
        [
            without_key,
            task(&attache, "/prod/none", closing()),
            task(&attache, "/prod/plain", closing()),
            task(&attache, "/prod/status", closing()),
            task(&attache, "/prod/nobody", closing()),
        ]
        .into_iter()
        .chain(throttled)
        .collect(),
    );
    let message = |text: &str| json!({"message": text}).to_string();
    for (result, (status, body)) in results.iter().zip([
        (403, message("Forbidden")),
        (403, message("Missing Authentication Token")),
        (400, message("Bad Request")),
        // What a back end says that does not agree is not passed on by Envoy, but its status is.
        (200, String::new()),
        (504, message("Network error communicating with endpoint")),
    ]) {
        assert_eq!(*result, json!({"refused": status, "body": body}));
    }
    let of_throttle: Vec<u64> = results[5..]
        .iter()
        .map(|result| result["refused"].as_u64().unwrap_or(101))
        .collect();
    assert_eq!(of_throttle, [101, 101, 101, 101, 429]);
    assert_eq!(results[9]["body"], message("Too Many Requests"));

    // The same methods serve what asks for no connection.
    let mut client = Client::http1(attache.address());
    let answer = client.send(&Request::new("GET", "/prod/status")).unwrap();
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "at your service\n")
    );
    // Another upgrade is none.
    let mut raw = Raw::connect(attache.address());
    raw.send(
        b"GET /prod/status HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\n\
          upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    );
    assert_eq!(raw.response().unwrap().status, 200);
    let mut raw = Raw::connect(attache.address());
    raw.send(b"GET /prod/plain HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n");
    assert_eq!(raw.response().unwrap().status, 426);
}

#[test]
fn connections_end_when_they_are_idle_or_old() {
    let echo = Service::of_example("websocket", "/status");
    let project = project(
        echo.address(),
        "{idleTimeoutInSeconds: 2, connectionDurationInSeconds: 60}",
    );
    let attache = Attache::serve(project.path(), &[]);
    let waiting = || json!([{"echo": 5}, {"wait": true}]);
    let results = talk(vec![task(&attache, "/prod/echo", waiting())]);
    let idle = results[0]["steps"][1].as_f64().unwrap();
    assert!((1.0..20.0).contains(&idle), "{results:?}");
    drop(attache);

    let limits = "{idleTimeoutInSeconds: 60, connectionDurationInSeconds: 2}";
    let project = self::project(echo.address(), limits);
    let attache = Attache::serve(project.path(), &[]);
    let results = talk(vec![task(&attache, "/prod/echo", waiting())]);
    let old = results[0]["steps"][1].as_f64().unwrap();
    assert!((0.5..20.0).contains(&old), "{results:?}");
    // Nobody says goodbye: the gateway can end a connection, and not speak on it.
    assert_eq!(results[0]["closed"]["code"], 1006);
}

#[test]
fn what_follows_a_refused_handshake_is_no_request() {
    let backend = Backend::answering("no");
    let operations = [Operation::new(
        "GET",
        "/a",
        &format!("http://{}/a", backend.address()),
    )];
    let configuration = "accessLog: off
apis:
  chat:
    definition: openapi.json
    stages: {prod: {methodSettings: {\"/a/GET\": {webSocketEnabled: true}}}}
";
    let project = Project::new(configuration, &definition(&operations));
    let attache = Attache::serve(project.path(), &[]);
    let mut raw = Raw::connect(attache.address());
    raw.send(
        b"GET /prod/a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
          GET /smuggled HTTP/1.1\r\nhost: b\r\n\r\n",
    );
    assert_eq!(raw.response().unwrap().status, 200);
    assert_eq!(raw.rest(), b"");
    let answer = Client::http1(attache.address())
        .send(&Request::new("GET", "/prod/a"))
        .unwrap();
    assert_eq!(answer.status, 200);
    let seen: Vec<String> = backend
        .take_seen()
        .into_iter()
        .map(|seen| seen.path)
        .collect();
    assert_eq!(seen, ["/a", "/a"]);
}

#[test]
fn a_gateway_without_web_sockets_answers_as_if_nobody_had_asked() {
    let backend = Backend::answering("pets");
    let operations = [Operation::new(
        "GET",
        "/a",
        &format!("http://{}/a", backend.address()),
    )];
    let configuration =
        "accessLog: off\napis: {pets: {definition: openapi.json, stages: {prod: {}}}}\n";
    let project = Project::new(configuration, &definition(&operations));
    let attache = Attache::serve(project.path(), &[]);
    let mut raw = Raw::connect(attache.address());
    raw.send(
        b"GET /prod/a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert_eq!(raw.response().unwrap().status, 200);
}

#[test]
fn the_example_is_a_chat_behind_a_key() {
    let echo = Service::of_example("websocket", "/status");
    let project = Project::of_example("websocket", Some(echo.address()));
    let attache = Attache::serve(project.path(), &[]);
    let steps = json!([{"echo": 100}, {"close": 1000, "reason": "good night"}]);
    let mut stranger = task(&attache, "/prod/echo", steps.clone());
    stranger["headers"] = json!({});
    let results = talk(vec![task(&attache, "/prod/echo", steps), stranger]);
    assert_eq!(results[0]["steps"], json!([true, true]));
    assert_eq!(
        results[0]["closed"],
        json!({"code": 1000, "reason": "good night"})
    );
    assert_eq!(results[1]["refused"], 403);
}

/// Autobahn's test suite is written in a Python that hardly any machine has any more.
#[test]
fn autobahn_finds_nothing_that_it_does_not_find_without_the_gateway() {
    let has_suite = Command::new("wstest").arg("--help").output();
    if has_suite.is_err() {
        println!("skipped: `wstest` is not installed (PyPI: autobahntestsuite, for Python 2.7)");
        return;
    }
    let echo = Service::of_example("websocket", "/status");
    let project = project(echo.address(), "{}");
    let attache = Attache::serve(project.path(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let judge = |name: &str, url: String| {
        let specification = json!({
            "outdir": folder.path().join(name),
            "servers": [{"agent": name, "url": url}],
            "cases": ["*"],
            "exclude-cases": ["9.*", "12.*", "13.*"],
            "exclude-agent-cases": {},
        });
        let file = folder.path().join(format!("{name}.json"));
        std::fs::write(&file, specification.to_string()).unwrap();
        let status = Command::new("wstest")
            .args(["-m", "fuzzingclient", "-s"])
            .arg(&file)
            .status();
        assert!(status.unwrap().success());
        let index = folder.path().join(name).join("index.json");
        let index: Value = serde_json::from_slice(&std::fs::read(index).unwrap()).unwrap();
        index[name].as_object().unwrap().clone()
    };
    let direct = judge("direct", format!("ws://{}/echo", echo.address()));
    let through = judge("through", format!("ws://{}/prod/mapped", attache.address()));
    for (case, found) in through {
        let before = &direct[&case]["behavior"];
        assert!(
            found["behavior"] == "OK" || found["behavior"] == *before,
            "{case}: {found}"
        );
    }
}
