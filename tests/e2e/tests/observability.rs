//! What is seen of the gateway from outside: statistics for Prometheus and the access log, both
//! under AWS's names, and never a key.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use attache::diagnostic::{self, Report};
use attache::envoy_target::{self, AccessLog, Settings};
use attache::project;
use attache_e2e::{
    Backend, Client, Envoy, Operation, Project, Raw, Reaction, Request, Response, definition,
    module, until,
};
use serde_json::Value;

const KEY: &str = "acme-secret-value-0123456789";
/// `printf %s acme-secret-value-0123456789 | sha256sum`
const DIGEST: &str = "a3561357b26902ce0a5209f519e36cdfb013578fd0c728bc154aa328d733c7f0";

struct Served {
    envoy: Envoy,
    log: PathBuf,
    _backend: Backend,
    _logs: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let backend = Backend::start(|seen| match seen.path.as_str() {
            "/broken" => Reaction::answer(500, "broken"),
            "/slow" => Reaction::After(
                Duration::from_millis(80),
                Box::new(Reaction::answer(200, "slow")),
            ),
            "/late" => Reaction::Never,
            _ => Reaction::answer(200, "pets"),
        });
        let at = |path: &str| {
            Operation::new("GET", path, &format!("http://{}{path}", backend.address()))
        };
        let operations = [
            at("/pets/{petId}").with_key(),
            at("/broken"),
            at("/slow"),
            at("/late").set("timeoutInMillis", 50),
            Operation::new(
                "ANY",
                "/any/{proxy+}",
                &format!("http://{}/any", backend.address()),
            ),
        ];
        let configuration = format!(
            "accessLog: access.log
apis:
  petstore:
    definition: openapi.json
    stages:
      prod: {{methodSettings: {{\"/pets/{{petId}}/GET\": {{metricsEnabled: true}}}}}}
      beta: {{}}
usagePlans:
  gold:
    quota: {{limit: 3, period: MONTH}}
    apiStages: [{{api: petstore, stage: prod}}]
apiKeys:
  acme: {{value: {KEY}, usagePlans: [gold]}}
"
        );
        let files = Project::new(&configuration, &definition(&operations));
        let mut report = Report::new();
        let Some(project) = project::load(files.path(), &mut report) else {
            panic!("{}", diagnostic::human(&report));
        };
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let logs = tempfile::tempdir().unwrap();
        let log = logs.path().join("access.log");
        let settings = Settings {
            listen: any_port,
            tls_port: 0,
            admin: any_port,
            filter: module("gateway"),
            access_log: AccessLog::File(log.clone()),
            certificate_authorities: None,
        };
        let bootstrap = envoy_target::static_configuration(
            &project.gateway,
            &project.upstreams,
            &project.transport,
            &settings,
        )
        .unwrap();
        let envoy = Envoy::start_text(tempfile::tempdir().unwrap(), &bootstrap, 2);
        Self {
            envoy,
            log,
            _backend: backend,
            _logs: logs,
        }
    }

    fn listener(&self) -> SocketAddr {
        self.envoy.listener("gateway")
    }

    fn send(&self, path: &str, key: Option<&str>) -> Response {
        let mut request = Request::new("GET", path);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        Client::http1(self.listener()).send(&request).unwrap()
    }

    /// Every statistic of the gateway's as Prometheus gets it: name and labels to value.
    fn statistics(&self) -> BTreeMap<String, f64> {
        self.envoy
            .admin("/stats/prometheus")
            .lines()
            .filter(|line| line.starts_with("attache_"))
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap();
                (name.to_owned(), value.parse().unwrap())
            })
            .collect()
    }

    /// Ends Envoy, which writes what it still holds, and reads the access log.
    fn log(&mut self) -> Vec<Value> {
        self.envoy.stop();
        let text = String::from_utf8(fs::read(&self.log).unwrap()).unwrap();
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

fn text(value: Option<&[u8]>) -> String {
    String::from_utf8(value.unwrap_or(b"-").to_vec()).unwrap()
}

#[test]
fn prometheus_gets_what_was_sent_under_aws_s_names() {
    let served = Served::new();
    for (path, key, times, status) in [
        ("/prod/pets/1", Some(KEY), 3, 200),
        ("/prod/pets/2", Some(KEY), 1, 429),
        ("/prod/pets/3", None, 2, 403),
        ("/prod/broken", None, 2, 500),
        ("/prod/slow", None, 1, 200),
        ("/prod/late", None, 1, 504),
        ("/beta/slow", None, 1, 200),
        ("/nowhere/pets", None, 1, 403),
    ] {
        for _ in 0..times {
            assert_eq!(served.send(path, key).status, status, "{path}");
        }
    }
    assert_eq!(served.send("/prod/any/first", None).status, 200);
    // Nothing that a client sends makes a new series.
    let before: BTreeSet<String> = served.statistics().into_keys().collect();
    for number in 0..20 {
        assert_eq!(served.send(&format!("/prod/{number}"), None).status, 403);
        assert_eq!(
            served.send(&format!("/prod/any/{number}"), None).status,
            200
        );
    }
    let stage = |stage: &str| format!("{{api=\"petstore\",stage=\"{stage}\"}}");
    let method = "{api=\"petstore\",stage=\"prod\",method=\"GET\",resource=\"/pets/{petId}\"}";
    let expected = [
        ("Count", stage("prod"), 51.0),
        ("4XXError", stage("prod"), 23.0),
        ("5XXError", stage("prod"), 3.0),
        ("Latency_count", stage("prod"), 51.0),
        ("IntegrationLatency_count", stage("prod"), 28.0),
        ("Count", stage("beta"), 1.0),
        ("Count", method.to_owned(), 6.0),
        ("4XXError", method.to_owned(), 3.0),
        ("Latency_count", method.to_owned(), 6.0),
        ("IntegrationLatency_count", method.to_owned(), 3.0),
    ];
    // Envoy merges histograms every few seconds.
    let statistics = until("the histograms", || {
        let statistics = served.statistics();
        let latency = statistics.get(&format!("attache_Latency_count{}", stage("prod")))?;
        (*latency >= 51.0).then_some(statistics)
    });
    for (name, labels, value) in expected {
        let name = format!("attache_{name}{labels}");
        assert_eq!(
            statistics.get(&name),
            Some(&value),
            "{name}: {statistics:#?}"
        );
    }
    let after: BTreeSet<String> = statistics.keys().cloned().collect();
    let counters = |names: &BTreeSet<String>| {
        let is_counter = |name: &&String| name.contains("Count{") || name.contains("XXError{");
        names.iter().filter(is_counter).cloned().collect::<Vec<_>>()
    };
    assert_eq!(counters(&before), counters(&after));
    // 80 ms, in milliseconds: in the bucket up to 100 or, on a slow machine, above; not below.
    let below = statistics
        .iter()
        .find(|(name, _)| {
            name.starts_with("attache_IntegrationLatency_bucket")
                && name.contains("stage=\"beta\"")
                && name.contains("le=\"50\"")
        })
        .unwrap();
    assert_eq!(*below.1, 0.0);
}

#[test]
fn the_access_log_has_aws_s_fields() {
    let mut served = Served::new();
    let cases = [
        (
            served.send("/prod/pets/1?a=b", Some(KEY)),
            [
                ("apiId", "petstore"),
                ("apiKeyId", "acme"),
                ("errorMessage", "-"),
                ("errorResponseType", "-"),
                ("httpMethod", "GET"),
                ("integrationStatus", "200"),
                ("path", "/prod/pets/1"),
                ("resourcePath", "/pets/{petId}"),
                ("stage", "prod"),
                ("status", "200"),
            ],
        ),
        (
            served.send("/prod/pets/1", Some("wrong-0123456789-0123456789")),
            [
                ("apiId", "petstore"),
                ("apiKeyId", "-"),
                ("errorMessage", "Forbidden"),
                ("errorResponseType", "INVALID_API_KEY"),
                ("httpMethod", "GET"),
                ("integrationStatus", "-"),
                ("path", "/prod/pets/1"),
                ("resourcePath", "/pets/{petId}"),
                ("stage", "prod"),
                ("status", "403"),
            ],
        ),
        (
            served.send("/prod/late", None),
            [
                ("apiId", "petstore"),
                ("apiKeyId", "-"),
                ("errorMessage", "Endpoint request timed out"),
                ("errorResponseType", "INTEGRATION_TIMEOUT"),
                ("httpMethod", "GET"),
                ("integrationStatus", "-"),
                ("path", "/prod/late"),
                ("resourcePath", "/late"),
                ("stage", "prod"),
                ("status", "504"),
            ],
        ),
        (
            served.send("/prod/nowhere", None),
            [
                ("apiId", "petstore"),
                ("apiKeyId", "-"),
                ("errorMessage", "Missing Authentication Token"),
                ("errorResponseType", "MISSING_AUTHENTICATION_TOKEN"),
                ("httpMethod", "GET"),
                ("integrationStatus", "-"),
                ("path", "/prod/nowhere"),
                ("resourcePath", "-"),
                ("stage", "prod"),
                ("status", "403"),
            ],
        ),
    ];
    let lines = served.log();
    assert_eq!(lines.len(), cases.len());
    for (answer, fields) in cases {
        let id = text(answer.header("x-amzn-requestid"));
        let line = lines.iter().find(|line| line["requestId"] == id.as_str());
        let line = line.unwrap_or_else(|| panic!("no line of {id}: {lines:#?}"));
        for (name, expected) in fields {
            assert_eq!(line[name], expected, "{name}: {line:#}");
        }
        let extended = text(answer.header("x-amz-apigw-id"));
        assert_eq!(line["extendedRequestId"], extended.as_str());
        assert_eq!(line["domainName"], "127.0.0.1");
        assert_eq!(line["ip"], "127.0.0.1");
        assert_eq!(line["protocol"], "HTTP/1.1");
        assert_eq!(line["responseLength"], answer.body.len().to_string());
        for latency in ["responseLatency", "integrationLatency"] {
            let value = line[latency].as_str().unwrap();
            let forwarded = latency == "responseLatency" || line["integrationStatus"] != "-";
            assert_eq!(
                value.parse::<u64>().is_ok(),
                forwarded || value != "-",
                "{line:#}"
            );
        }
        assert!(line["requestTime"].as_str().unwrap().ends_with(" +0000"));
    }
}

#[test]
fn hostile_bytes_do_not_end_a_line() {
    let mut served = Served::new();
    let requests: [&[u8]; 10] = [
        b"GET /prod/any/harmless HTTP/1.1\r\n",
        b"GET /prod/any/\"},{\"status\":\"forged HTTP/1.1\r\n",
        b"GET /prod/any/%22%0a%0d%00%ff HTTP/1.1\r\n",
        b"GET /prod/any/\\u0000\\ HTTP/1.1\r\n",
        b"GET /prod/any/\xff\xfe\xc3\x28 HTTP/1.1\r\n",
        b"GET /prod/any/\xe2\x80\xa8 HTTP/1.1\r\n",
        b"GET /prod/any/x HTTP/1.1\r\nuser-agent: \"}\t\xff\x80\r\n",
        b"GET /prod/any/x HTTP/1.1\r\nx-forwarded-for: \"}, \xff\r\n",
        b"GET /prod/pets/\"}\xff HTTP/1.1\r\nx-api-key: \"}\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\r\n",
        b"GET /nowhere/\"}\xff HTTP/1.1\r\nhost: \"}\r\nauthorization: \"}\r\n",
    ];
    let listener = served.listener();
    for request in requests {
        let mut raw = Raw::connect(listener);
        raw.send(request);
        if !request.windows(5).any(|window| window == b"host:") {
            raw.send(b"host: localhost\r\n");
        }
        raw.send(b"connection: close\r\n\r\n");
        let answer = raw.response().unwrap();
        assert!(
            matches!(answer.status, 200 | 400 | 403),
            "{}: {}",
            request.escape_ascii(),
            answer.status
        );
    }
    // Envoy refuses this one by itself.
    let mut raw = Raw::connect(listener);
    raw.send(b"GET /prod/any/x HTTP/1.1\r\nhost: localhost\r\nx-large: ");
    raw.send(&[b'x'; 30_000]);
    raw.send(b"\r\n\r\n");
    let answer = raw.response().unwrap();
    assert_eq!(answer.status, 431);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_ok());
    assert_eq!(served.envoy.stat("wasm.attache.vm_reload_success"), 0);

    let lines = served.log();
    assert_eq!(lines.len(), requests.len() + 1);
    let fields =
        |line: &Value| -> Vec<String> { line.as_object().unwrap().keys().cloned().collect() };
    let harmless = lines
        .iter()
        .find(|line| line["path"] == "/prod/any/harmless")
        .expect("the harmless request has a line");
    for line in &lines {
        assert_eq!(fields(line), fields(harmless), "{line:#}");
        assert_ne!(line["status"], "forged");
    }
}

#[test]
fn a_key_is_nowhere_to_be_read() {
    const WRONG: &str = "wrong-secret-value-0123456789";
    let mut served = Served::new();
    let admin = served.envoy.admin_address();
    let answer = Client::http1(admin)
        .send(&Request::new("POST", "/logging?wasm=trace"))
        .unwrap();
    assert_eq!(answer.status, 200);
    // Served, over the quota, and unknown.
    for (key, status) in [(KEY, 200), (KEY, 200), (KEY, 200), (KEY, 429), (WRONG, 403)] {
        let answer = served.send("/prod/pets/1", Some(key));
        assert_eq!(answer.status, status);
        let shown = format!("{answer:?}");
        assert!(!shown.contains(KEY) && !shown.contains(WRONG));
    }
    let dump = served.envoy.admin("/config_dump");
    assert!(dump.contains(DIGEST), "this is the dump of the keys");
    let mut places = vec![("the configuration".to_owned(), dump)];
    for page in [
        "/stats",
        "/stats/prometheus",
        "/clusters",
        "/listeners",
        "/server_info",
    ] {
        places.push((page.to_owned(), served.envoy.admin(page)));
    }
    let lines = served.log();
    assert_eq!(lines.len(), 5);
    places.push(("the access log".to_owned(), format!("{lines:?}")));
    places.push(("the log".to_owned(), served.envoy.log()));
    for (place, text) in places {
        assert!(!text.contains(KEY), "{place} shows a key");
        assert!(!text.contains(WRONG), "{place} shows what a client sent");
    }
}
