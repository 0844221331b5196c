//! `attache usage` as a process: what it asks of a gateway, and what it prints of the answers.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod shared_redis;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};

use attache::embedded_filters::Filter;
use serde_json::{Value, json};
use shared_redis::{Redis, attache};

const TOKEN: &str = "secret-token-0123456789";

const CONFIGURATION: &str = "
apis: {shop: {definition: openapi.yaml, stages: {prod: {}}}}
usagePlans:
  gold: {quota: {limit: 100, period: DAY}, apiStages: [{api: shop, stage: prod}]}
  trial: {apiStages: [{api: shop, stage: prod}]}
managementApi: {token: secret-token-0123456789}
";

/// A configuration whose gateways share usage plans.
const SHARED: &str = "
apis: {shop: {definition: openapi.yaml, stages: {prod: {}}}}
usagePlans: {gold: {apiStages: [{api: shop, stage: prod}]}}
managementApi: {token: secret-token-0123456789}
state:
  redis: {url: 'http://REDIS', auth: {token: a-token-0123456789}, apiKeys: true, usagePlans: true}
";

fn folder(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
    folder
}

/// The command, in a world of its own.
fn usage(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command
        .arg("usage")
        .args(arguments)
        .current_dir(folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("ATTACHE_MANAGEMENT_TOKEN");
    command.output().unwrap()
}

fn printed(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    str::from_utf8(&output.stdout).unwrap()
}

/// What is told of a failure, and its exit code.
fn told(output: &Output) -> (Option<i32>, &str) {
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = str::from_utf8(&output.stderr).unwrap();
    assert!(!said.contains(TOKEN), "{said}");
    (output.status.code(), said)
}

/// A gateway that gives these answers, one after the other.
struct Gateway {
    address: SocketAddr,
    asked: JoinHandle<Vec<(String, String)>>,
}

impl Gateway {
    fn answering(answers: &[(u16, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.to_vec();
        let asked = thread::spawn(move || {
            let answer = |(status, body): &(u16, Value)| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    lines.push(line.trim().to_lowercase());
                }
                assert!(lines.contains(&format!("authorization: bearer {TOKEN}")));
                let length = lines
                    .iter()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let mut asked = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                reader.read_exact(&mut asked).unwrap();
                let body = body.to_string();
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
                stream
                    .write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes())
                    .unwrap();
                (lines.remove(0), String::from_utf8(asked).unwrap())
            };
            answers.iter().map(answer).collect()
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The two pages of `gold` over three days, and `trial` without a quota.
fn answers() -> [(u16, Value); 3] {
    let values = |name: &str, pairs: Value, refusals: Value| {
        json!({
            "usagePlanId": "x", "startDate": "2026-01-30", "endDate": "2026-02-01",
            "values": {name: pairs}, "refusals": {name: refusals},
        })
    };
    let mut first = values(
        "acme",
        json!([[0, 100], [5, 95], [100, 0]]),
        json!([[0, 0], [2, 0], [0, 3]]),
    );
    first["position"] = json!("500");
    [
        (200, first),
        (
            200,
            values("idle", json!([[0, 100], [0, 100], [0, 100]]), json!([])),
        ),
        (
            200,
            values("guest", json!([[0, -1], [7, -1], [0, -1]]), json!([])),
        ),
    ]
}

const FROM_TO: [&str; 4] = ["--from", "2026-01-30", "--to", "2026-02-01"];

#[test]
fn people_see_the_days_with_requests() {
    let folder = folder(CONFIGURATION);
    let gateway = Gateway::answering(&answers());
    let url = gateway.url();
    let output = usage(folder.path(), &[&FROM_TO[..], &["--url", &url]].concat());
    assert_eq!(
        printed(&output),
        "\
PLAN   KEY    DATE        USED  REMAINING  THROTTLED  REFUSED
gold   acme   2026-01-31     5         95          2        0  █░░░░░░░░░
gold   acme   2026-02-01   100          0          0        3  ██████████
gold   idle   -              0        100          0        0  ░░░░░░░░░░
trial  guest  2026-01-31     7          -          0        0
"
    );
    let asked: Vec<_> = gateway
        .asked
        .join()
        .unwrap()
        .into_iter()
        .map(|(line, _)| line)
        .collect();
    let query = "startdate=2026-01-30&enddate=2026-02-01&limit=500&include=refusals";
    assert_eq!(
        asked,
        [
            format!("get /usageplans/gold/usage?{query} http/1.1"),
            format!("get /usageplans/gold/usage?{query}&position=500 http/1.1"),
            format!("get /usageplans/trial/usage?{query} http/1.1"),
        ]
    );
}

#[test]
fn programs_get_what_they_know() {
    let folder = folder(CONFIGURATION);
    let print = |arguments: &[&str], answers: &[(u16, Value)]| {
        let gateway = Gateway::answering(answers);
        let url = gateway.url();
        let output = usage(
            folder.path(),
            &[&FROM_TO[..], &["--url", &url], arguments].concat(),
        );
        gateway.asked.join().unwrap();
        printed(&output).to_owned()
    };
    // As `aws apigateway get-usage` prints it.
    let one = print(
        &["--plan", "trial", "--key", "guest", "--output", "json"],
        &answers()[2..],
    );
    let trial = json!({
        "usagePlanId": "trial", "startDate": "2026-01-30", "endDate": "2026-02-01",
        "items": {"guest": [[0, -1], [7, -1], [0, -1]]},
    });
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap(), trial);
    let all: Value = serde_json::from_str(&print(&["--output", "json"], &answers())).unwrap();
    assert_eq!(
        all[0]["items"]["acme"],
        json!([[0, 100], [5, 95], [100, 0]])
    );
    assert_eq!(all[1], trial);

    assert_eq!(
        print(&["--plan", "trial", "--output", "csv"], &answers()[2..]),
        "usagePlan,apiKey,date,used,remaining,throttled,refused\n\
         trial,guest,2026-01-30,0,,0,0\n\
         trial,guest,2026-01-31,7,,0,0\n\
         trial,guest,2026-02-01,0,,0,0\n"
    );

    let events = ["--output", "cloudevents", "--source", "//gateway.example/1"];
    let events: Vec<Value> = serde_json::from_str(&print(&events, &answers())).unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(
        events[0],
        json!({
            "specversion": "1.0", "id": "gold/acme/2026-01-31", "source": "//gateway.example/1",
            "type": "attache.usage", "subject": "acme", "time": "2026-01-31T23:59:59Z",
            "datacontenttype": "application/json",
            "data": {
                "usagePlan": "gold", "apiKey": "acme", "date": "2026-01-31",
                "used": 5, "throttled": 2, "refused": 0,
            },
        })
    );
}

#[test]
fn what_is_not_over_is_not_sent_to_a_billing_system() {
    let folder = folder(CONFIGURATION);
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let yesterday = today.yesterday().unwrap();
    let gateway =
        Gateway::answering(&[(200, json!({"values": {"acme": [[1, 9], [2, 8], [3, 7]]}}))]);
    let url = gateway.url();
    let from = yesterday.to_string();
    let to = today.tomorrow().unwrap().to_string();
    let output = usage(
        folder.path(),
        &[
            "--plan",
            "gold",
            "--from",
            &from,
            "--to",
            &to,
            "--url",
            &url,
            "--output",
            "cloudevents",
        ],
    );
    let events: Vec<Value> = serde_json::from_str(printed(&output)).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["date"], json!(from));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("today is left out"), "{said}");
    gateway.asked.join().unwrap();
}

#[test]
fn more_can_be_granted() {
    let folder = folder(CONFIGURATION);
    let answer = json!({
        "usagePlanId": "gold", "startDate": "2026-02-01", "endDate": "2026-02-01",
        "values": {"a b": [[100, 10]]},
    });
    let gateway = Gateway::answering(&[(200, answer.clone()), (200, answer)]);
    let url = gateway.url();
    let extend = ["extend", "gold", "a b", "--remaining", "10", "--url", &url];
    let output = usage(folder.path(), &extend);
    assert_eq!(
        printed(&output),
        format!("a b has 10 requests left of gold at {url}, until the period ends\n")
    );
    let output = usage(
        folder.path(),
        &[&extend[..], &["--output", "json"]].concat(),
    );
    let printed: Value = serde_json::from_str(printed(&output)).unwrap();
    assert_eq!(printed["items"], json!({"a b": [[100, 10]]}));
    assert_eq!(printed.get("values"), None);
    let (line, body) = gateway.asked.join().unwrap().remove(0);
    assert_eq!(line, "patch /usageplans/gold/keys/a%20b/usage http/1.1");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"patchOperations": [{"op": "replace", "path": "/remaining", "value": "10"}]})
    );
}

#[test]
fn a_refusal_says_what_to_do() {
    let folder = folder(CONFIGURATION);
    for (status, message, wanted) in [
        (
            403,
            "Forbidden",
            &["refuses the token (status 403: Forbidden)", "--token-file"],
        ),
        (
            404,
            "Invalid Usage Plan ID specified",
            &["knows nothing of the plan `gold`", "older"],
        ),
        (
            400,
            "Usage is told of 62 days.",
            &["does not take", "62 days"],
        ),
        (503, "x", &["cannot tell (status 503", "try again"]),
        (200, "x", &["does not tell of usage", "--url"]),
    ] {
        let gateway = Gateway::answering(&[(status, json!({"message": message}))]);
        let url = gateway.url();
        let output = usage(folder.path(), &["--plan", "gold", "--url", &url]);
        let (code, said) = told(&output);
        assert_eq!(code, Some(1), "{said}");
        for wanted in wanted {
            assert!(said.contains(wanted), "{said}");
        }
        gateway.asked.join().unwrap();
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused_before_anything_is_asked() {
    let with_plans = folder(CONFIGURATION);
    let without = folder("apis: {}\n");
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("token"), TOKEN).unwrap();
    let nowhere = ["--url", "http://127.0.0.1:9", "--token-file", "token"];
    for (folder, arguments, wanted) in [
        (
            with_plans.path(),
            &["--plan", "glod"] as &[&str],
            "did you mean `gold`",
        ),
        (
            with_plans.path(),
            &["--from", "2026-02-02", "--to", "2026-02-01"],
            "is after",
        ),
        (with_plans.path(), &["--from", "yesterday"], "--from"),
        (empty.path(), &nowhere, "--plan"),
    ] {
        let output = usage(folder, arguments);
        let (code, said) = told(&output);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    let output = usage(without.path(), &[]);
    assert_ne!(output.status.code(), Some(0));
    // No plan holds the key.
    let missing = (
        404,
        json!({"message": "Invalid API Key identifier specified"}),
    );
    let gateway = Gateway::answering(&[missing.clone(), missing]);
    let url = gateway.url();
    let output = usage(with_plans.path(), &["--key", "none", "--url", &url]);
    let (code, said) = told(&output);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("holds the key `none`"), "{said}");
    gateway.asked.join().unwrap();
}

#[test]
fn a_snapshot_is_what_another_gateway_begins_with() {
    let folder = folder(CONFIGURATION);
    std::fs::write(
        folder.path().join("openapi.yaml"),
        "openapi: 3.0.1
info: {title: shop, version: '1'}
paths:
  /x: {get: {x-amazon-apigateway-integration: {type: mock}}}
",
    )
    .unwrap();
    let quota = "A".repeat(32);
    let kept = |plan: &str| json!({"usagePlan": plan, "apiKey": "acme", "quota": quota});
    let first = json!({"keptUsage": [kept("gold")], "position": "7"});
    let second = json!({"keptUsage": [kept("gone")]});
    let gateway = Gateway::answering(&[(200, first), (200, second)]);
    let url = gateway.url();
    let output = usage(
        folder.path(),
        &["snapshot", "--out", "usage.json", "--url", &url],
    );
    assert_eq!(
        printed(&output),
        format!("wrote usage.json: what 2 keys used at {url}\n")
    );
    let asked = gateway.asked.join().unwrap();
    assert!(asked[1].0.contains("position=7"), "{asked:?}");

    let compile = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
        let command = command.args(["compile", "--target", "envoy", "--out", "out"]);
        command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    // A build without filters in it has nothing to deploy.
    if Filter::Gateway.module().is_ok() {
        let output = compile(&["--usage", "usage.json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let written = std::fs::read_to_string(folder.path().join("out/envoy.yaml")).unwrap();
        assert!(
            written.contains(&quota) && !written.contains("gone"),
            "{written}"
        );
    }
    for (arguments, wanted) in [
        (
            &["--usage", "none.json"] as &[&str],
            "attache usage snapshot",
        ),
        (&["--usage", "attache.yaml"], "this is no snapshot of usage"),
        (
            &["--usage", "usage.json", "--layout", "split"],
            "--layout fused",
        ),
    ] {
        let output = compile(arguments);
        let (code, said) = told(&output);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    std::fs::write(
        folder.path().join("attache.yaml"),
        format!("{CONFIGURATION}state: {{redis: {{url: 'http://127.0.0.1:7379'}}}}\n"),
    )
    .unwrap();
    let outputs = [
        compile(&["--usage", "usage.json"]),
        usage(folder.path(), &["snapshot", "--out", "usage.json"]),
    ];
    for output in outputs {
        assert_ne!(output.status.code(), Some(0));
        let said = str::from_utf8(&output.stderr).unwrap();
        assert!(said.contains("counted in Redis"), "{said}");
    }
}

#[test]
fn what_does_not_tell_counts_is_no_gateway() {
    let folder = folder(CONFIGURATION);
    for status in [200, 403, 503] {
        let gateway = Gateway::answering(&[(status, json!({"message": "x"}))]);
        let url = gateway.url();
        let output = usage(
            folder.path(),
            &["snapshot", "--out", "usage.json", "--url", &url],
        );
        let (code, said) = told(&output);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("does not tell its counts"), "{said}");
        assert!(!folder.path().join("usage.json").exists());
        gateway.asked.join().unwrap();
    }
}

#[test]
fn plans_of_redis_are_told_like_those_of_the_configuration() {
    let redis = Redis::start();
    let folder = shared_redis::folder(&redis, SHARED);
    for plan in ["silver", "bronze"] {
        let created = attache(
            folder.path(),
            &["usage-plans", "create", plan, "--fleet"],
            "",
        );
        assert!(created.status.success(), "{created:?}");
    }
    let asked = |arguments: &[&str], answers: &[(u16, Value)]| {
        let gateway = Gateway::answering(answers);
        let url = gateway.url();
        printed(&usage(
            folder.path(),
            &[arguments, &["--url", &url]].concat(),
        ));
        let asked = gateway.asked.join().unwrap().into_iter();
        let plan = |(line, _): (String, String)| line.split('/').nth(2).unwrap().to_owned();
        asked.map(plan).collect::<Vec<_>>()
    };
    let [_, _, trial] = answers();
    let three = [trial.clone(), trial.clone(), trial.clone()];
    assert_eq!(asked(&FROM_TO, &three), ["bronze", "gold", "silver"]);
    let of_one = [&FROM_TO[..], &["--plan", "silver"]].concat();
    assert_eq!(asked(&of_one, &three[..1]), ["silver"]);
    let extended = ["extend", "silver", "guest", "--remaining", "5"];
    assert_eq!(asked(&extended, &three[..1]), ["silver"]);
    // Also without an address it is the gateway that knows a plan, or not.
    let output = usage(folder.path(), &["--plan", "silver"]);
    let (code, said) = told(&output);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("is no usage plan"), "{said}");
}

#[test]
fn plans_of_redis_that_cannot_be_told_are_not_left_out_in_silence() {
    let redis = Redis::start();
    let folder = shared_redis::folder(&redis, SHARED);
    let url = "http://127.0.0.1:1";
    let refused = |code, reason: &str| {
        let output = usage(folder.path(), &["--url", url]);
        let (found, said) = told(&output);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(reason), "{said}");
    };
    let file = folder.path().join("attache.yaml");
    let configuration = SHARED.replace("REDIS", &redis.address());
    let plans = "usagePlans: {gold: {apiStages: [{api: shop, stage: prod}]}}";
    std::fs::write(&file, configuration.replace(plans, "")).unwrap();
    refused(
        2,
        "there are no usage plans in the configuration, and none in Redis",
    );
    std::fs::write(&file, configuration.replace("openapi.yaml", "none.yaml")).unwrap();
    refused(1, "cannot be asked for, as the configuration has faults");
    std::fs::write(&file, configuration).unwrap();
    redis.answers(r#"{"EVAL": [false, "READONLY no"]}"#);
    refused(
        1,
        "the usage plans in Redis are not known: Redis at http://",
    );
}
