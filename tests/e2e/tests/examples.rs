//! The examples of integrations, as they stand there, in a real Envoy.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use attache_e2e::{
    Attache, Body, Client, Project, Refusing, Request, Response, Service, attache_program, load,
    redis_folder,
};
use serde_json::{Value, json};

fn send(attache: &Attache, request: &Request) -> Response {
    Client::http1(attache.address()).send(request).unwrap()
}

fn get(attache: &Attache, path: &str) -> (u16, Value) {
    judged(&send(attache, &Request::new("GET", path)))
}

fn post(attache: &Attache, path: &str, body: &str) -> (u16, Value) {
    let request = Request::new("POST", path)
        .header("content-type", "application/json")
        .body(Body::Whole(body.into()));
    judged(&send(attache, &request))
}

fn judged(answer: &Response) -> (u16, Value) {
    assert_eq!(
        answer.header("content-type"),
        Some(&b"application/json"[..])
    );
    let text = answer.text();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (answer.status, body)
}

#[test]
fn soap_is_spoken_behind_json() {
    let exchange = Service::of_example("soap-bridge", "/");
    let project = Project::of_example("soap-bridge", Some(exchange.address()));
    let attache = Attache::serve(project.path(), &[]);

    let quotes = json!([
        {"symbol": "ACME", "price": 12.50},
        {"symbol": "GLOBEX", "price": 99.90},
        {"symbol": "INITECH", "price": 0.75},
    ]);
    assert_eq!(get(&attache, "/prod/quotes"), (200, quotes));
    assert_eq!(
        get(&attache, "/prod/quotes/ACME"),
        (200, json!({"symbol": "ACME", "price": 12.50}))
    );
    // What XML and JSON each have to escape arrives as it was sent.
    assert_eq!(
        get(&attache, "/prod/quotes/A%26%3CB%3E%22'%5C"),
        (404, json!({"message": r#"there is no stock 'A&<B>"'\'"#}))
    );

    let order = json!({
        "items": [{"symbol": "ACME", "quantity": 4}, {"symbol": "INITECH", "quantity": 10}],
        "note": "a \"gift\" for Ann & Bob <3\nit's 5% off",
    });
    assert_eq!(
        post(&attache, "/prod/orders", &order.to_string()),
        (201, json!({"id": 1, "total": 57.50, "note": order["note"]}))
    );
    let order = json!({"items": [{"symbol": "GLOBEX", "quantity": 1}]});
    assert_eq!(
        post(&attache, "/prod/orders", &order.to_string()),
        (201, json!({"id": 2, "total": 99.90}))
    );
    let order = json!({"items": [{"symbol": "NONE", "quantity": 1}]});
    assert_eq!(
        post(&attache, "/prod/orders", &order.to_string()),
        (422, json!({"message": "there is no stock 'NONE'"}))
    );
    // The exchange is not asked about what the model does not allow.
    for body in [
        "",
        "<order/>",
        "[]",
        r#"{"items": []}"#,
        r#"{"items": [{"symbol": "ACME", "quantity": 0.5}]}"#,
    ] {
        assert_eq!(
            post(&attache, "/prod/orders", body),
            (400, json!({"message": "Invalid request body"})),
            "{body}"
        );
    }
    let text = Request::new("POST", "/prod/orders")
        .header("content-type", "text/plain")
        .body(Body::Whole(order.to_string().into_bytes()));
    assert_eq!(
        judged(&send(&attache, &text)),
        (415, json!({"message": "Unsupported Media Type"}))
    );
}

#[test]
fn a_mock_answers_by_itself_and_to_pages_of_any_origin() {
    let project = Project::of_example("mock", None);
    let attache = Attache::serve(project.path(), &[]);
    let from_page = |method: &str, path: &str| {
        Request::new(method, path).header("origin", "https://shop.example")
    };
    let ask = |request: &Request| {
        let answer = send(&attache, request);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(&b"*"[..]),
            "{request:?}"
        );
        answer
    };

    let preflight =
        from_page("OPTIONS", "/prod/greetings/Ann").header("access-control-request-method", "GET");
    let answer = ask(&preflight);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some(&b"GET,POST,OPTIONS"[..])
    );

    let answer = ask(&from_page("GET", "/prod/greetings/Ann%20O'Hara"));
    assert_eq!(
        judged(&answer),
        (200, json!({"message": "Hello, Ann O'Hara!", "letters": 10}))
    );
    let answer = ask(&from_page("GET", "/prod/greetings/Ann?mood=bad"));
    assert_eq!(judged(&answer), (503, json!({"message": "Not today."})));

    let posted = |body: &str| {
        ask(&from_page("POST", "/prod/greetings")
            .header("content-type", "application/json")
            .body(Body::Whole(body.into())))
    };
    let answer = posted(r#"{"name": "Ann", "mood": "good"}"#);
    let id = answer.header("x-amzn-requestid").unwrap();
    let id = str::from_utf8(id).unwrap();
    assert_eq!(judged(&answer), (201, json!({"id": id})));
    // The API says itself what its refusals look like.
    let (status, body) = judged(&posted(r#"{"mood": "good"}"#));
    assert_eq!(status, 400);
    assert_eq!(body["message"], "Invalid request body");
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.contains(r#"(["name"])"#), "{reason}");

    let answer = ask(&from_page("GET", "/prod/nothing"));
    let (status, body) = judged(&answer);
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("nothing is at /prod/nothing"))
    );
    let answer = ask(&from_page("GET", "/prod/nothing").header("accept", "text/plain"));
    assert_eq!(answer.header("content-type"), Some(&b"text/plain"[..]));
    assert_eq!(answer.text(), "nothing is at /prod/nothing");
}

#[test]
fn a_stage_serves_what_was_deployed_to_it() {
    let project = Project::of_example("deployments", None);
    let folder = project.path().to_str().unwrap();
    let gateway = Attache::serve(project.path(), &[]);
    let run = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').chain([folder]).collect();
        let mut command = Attache::start(&arguments);
        assert_eq!(
            command.wait().code(),
            Some(0),
            "{line}: {}",
            command.messages()
        );
        command.output()
    };
    let dish = || {
        let (status, body) = get(&gateway, "/prod/menu");
        assert_eq!(status, 200);
        body["dish"].as_str().unwrap().to_owned()
    };
    let edit = |from: &str, to: &str| {
        let file = project.path().join("attache.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from));
        project.write("attache.yaml", &text.replace(from, to));
    };
    let serves = |wanted: &str| {
        attache_e2e::until("the deployment is served", || {
            (dish() == wanted).then_some(())
        });
    };
    run("deploy --stage prod -m Soup");
    gateway.wait_for("prod serves ");
    edit("soup", "dumplings");
    let diff = run("diff prod .");
    assert!(
        diff.ends_with("variable dish: soup → dumplings\n\n  settings changed\n"),
        "{diff}"
    );
    assert_eq!(dish(), "soup");
    run("deploy --stage prod --canary 50 -m Dumplings");
    serves("dumplings");
    serves("soup");
    run("promote --stage prod");
    gateway.wait_for("has no canary release any more");
    assert_eq!(dish(), "dumplings");
    run("rollback --stage prod -m flour");
    serves("soup");
    run("deploy --stage dev");
    let told = run("promote --stage prod --from dev");
    assert!(told.contains("with the operations of dev"), "{told}");
    serves("dumplings");
    let list = run("deployments");
    assert_eq!(list.lines().count(), 4, "{list}");
}

#[test]
fn a_forecast_is_made_once_and_read_often() {
    let weather = Service::of_example("response-cache", "/forecasts-made");
    let project = Project::of_example("response-cache", Some(weather.address()));
    let attache = Attache::serve(project.path(), &[]);
    let ask = |path: &str| get(&attache, &format!("/prod/{path}"));
    let forecast = |city: &str, days: &[&str], number: u32| {
        let body = json!({"city": city, "days": days, "forecast": number});
        (200, body)
    };
    let rain = ["rain", "rain", "rain"];

    for _ in 0..5 {
        assert_eq!(ask("forecasts/bergen"), forecast("bergen", &rain, 1));
    }
    // Fifty who ask at once wait for one.
    let cairo = Request::new("GET", "/prod/forecasts/cairo");
    let attempts = load::hammer(attache.address(), 50, 1, &cairo);
    assert!(attempts.iter().all(|attempt| attempt.status == 200));
    assert_eq!(ask("forecasts-made"), (200, json!({"forecasts": 2})));
    // What is in the key makes a difference, and nothing else does.
    assert_eq!(
        ask("forecasts/bergen?days=1"),
        forecast("bergen", &rain[..1], 3)
    );
    assert_eq!(
        ask("forecasts/bergen?utm_source=mail"),
        forecast("bergen", &rain, 1)
    );
    // Before its time is over.
    let anew = Request::new("GET", "/prod/forecasts/bergen").header("cache-control", "max-age=0");
    assert_eq!(judged(&send(&attache, &anew)), forecast("bergen", &rain, 4));
    assert_eq!(ask("forecasts/bergen"), forecast("bergen", &rain, 4));
    // And all of them.
    let flush = Request::new("DELETE", "/restapis/weather/stages/prod/cache/data")
        .header("authorization", "Bearer an-example-token-0123456789");
    assert_eq!(send(&attache, &flush).status, 202);
    assert_eq!(ask("forecasts/cairo"), forecast("cairo", &["sun"; 3], 5));
}

#[test]
fn a_fleet_holds_one_limit_and_leaves_nothing_running() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let taken = [(); 4].map(|()| Refusing::new());
    let ports = taken
        .each_ref()
        .map(|taken| taken.address().port().to_string());
    drop(taken);
    let [first, second, redis, webdis] = &ports;
    let output = Command::new("python3")
        .arg(folder.join("examples/fleet/fleet.py"))
        .arg("--attache")
        .arg(attache_program())
        .arg("--redis-folder")
        .arg(redis_folder())
        .args(["--ports", first, second, "--redis-port", redis])
        .args(["--webdis-port", webdis, "--seconds", "2"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{said}");
    assert!(told.contains("✓ admitted 500 of 500\n"), "{told}");
    assert!(told.contains("✓ nothing is left of the quota\n"), "{told}");
    assert!(
        told.contains("created: both gateways answer with 200"),
        "{told}"
    );
    assert_eq!(told.matches('✓').count(), 6, "{told}");
    for port in ports {
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let patience = Duration::from_secs(1);
        assert!(TcpStream::connect_timeout(&address, patience).is_err());
    }
}
