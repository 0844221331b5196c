//! What an operator sees of requests: metrics under AWS's names, and the fields of the access log.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use attache_policies::Gateway;
use attache_scenarios::Subject;
use attache_scenarios::gateway::GatewaySubject;
use attache_testkit::{Host, Proxy, Recorded, Request, Script, UpstreamAnswer};

const CONFIGURATION: &str = r#"
apis:
  petstore:
    definition: openapi.yaml
    stages:
      prod: {methodSettings: {"/pets/{petId}/GET": {metricsEnabled: true}}}
usagePlans:
  gold: {apiStages: [{api: petstore, stage: prod}]}
apiKeys:
  acme: {value: acme-0123456789-0123456789, usagePlans: [gold]}
accessLog: "on"
"#;

const DEFINITION: &str = r#"
openapi: 3.0.1
info: {title: petstore, version: "1"}
paths:
  /pets/{petId}:
    get:
      security: [{api_key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://b.example/"}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
"#;

struct Operator {
    proxy: Proxy,
    host: Host<Gateway>,
}

impl Operator {
    fn new() -> Self {
        Self::of(CONFIGURATION, DEFINITION)
    }

    fn of(configuration: &str, definition: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
        fs::write(folder.path().join("openapi.yaml"), definition).unwrap();
        let service: Arc<Gateway> = GatewaySubject.service(folder.path()).unwrap();
        let proxy = Proxy::new();
        let host = Host::new(service, &proxy);
        Self { proxy, host }
    }

    /// Sends a request to a back end that takes 40 ms.
    fn send(&self, path: &str, key: Option<&str>, status: u16) {
        let request = Request::new("GET", path).header(":authority", "petstore.example.com");
        let request = match key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        };
        let mut script = Script::new(|_| {
            self.proxy.advance(Duration::from_millis(40));
            UpstreamAnswer::new(status, "")
        });
        self.host.exchange(&request, &mut script);
    }

    /// Counters with their sums, and histograms with their last values.
    fn metrics(&self) -> BTreeMap<String, u64> {
        let mut metrics = BTreeMap::new();
        for recorded in self.proxy.record() {
            match recorded {
                Recorded::Counted { metric, amount } => {
                    *metrics.entry(metric.name).or_insert(0) += amount;
                }
                Recorded::Observed { metric, millis } => {
                    metrics.insert(metric.name, millis);
                }
                _ => {}
            }
        }
        metrics
    }

    /// The fields of the last request.
    fn logged(&self) -> BTreeMap<String, String> {
        self.proxy
            .take_record()
            .into_iter()
            .filter_map(|recorded| match recorded {
                Recorded::Published { field, value, .. } => {
                    Some((field, String::from_utf8(value).unwrap()))
                }
                _ => None,
            })
            .collect()
    }
}

#[test]
fn a_request_is_counted_for_its_stage_and_its_method() {
    let operator = Operator::new();
    operator.send("/prod/pets/7", Some("acme-0123456789-0123456789"), 200);
    operator.send("/prod/pets/8", Some("acme-0123456789-0123456789"), 503);
    operator.send("/prod/pets/9", None, 200);
    operator.send("/prod/toys", None, 200);
    operator.send("/dev/pets/7", None, 200);

    let stage = "attache.api.petstore.stage.prod";
    let method = format!("{stage}.method.GET.resource./pets/{{petId}}");
    let expected = [
        (format!("{method}.4XXError"), 1),
        (format!("{method}.5XXError"), 1),
        (format!("{method}.Count"), 3),
        (format!("{method}.IntegrationLatency"), 40),
        (format!("{method}.Latency"), 0),
        (format!("{stage}.4XXError"), 2),
        (format!("{stage}.5XXError"), 1),
        (format!("{stage}.Count"), 4),
        (format!("{stage}.IntegrationLatency"), 40),
        (format!("{stage}.Latency"), 0),
    ];
    assert_eq!(operator.metrics(), BTreeMap::from(expected));
}

#[test]
fn only_the_first_thousand_methods_have_metrics_of_their_own() {
    let configuration = r#"apis: {petstore: {definition: openapi.yaml, stages: {prod: {methodSettings: {"*/*": {metricsEnabled: true}}}}}}"#;
    let mut definition = "swagger: '2.0'\ninfo: {title: petstore}\npaths:\n".to_owned();
    for number in 0..1_001 {
        definition.push_str(&format!(
            "  /p{number}: {{get: {{x-amazon-apigateway-integration: {{type: http_proxy, httpMethod: GET, uri: 'http://b.example/'}}}}}}\n"
        ));
    }
    let operator = Operator::of(configuration, &definition);
    operator.send("/prod/p999", None, 200);
    operator.send("/prod/p1000", None, 200);
    let metrics = operator.metrics();
    let count = |name: &str| metrics.get(name).copied();
    let stage = "attache.api.petstore.stage.prod";
    assert_eq!(count(&format!("{stage}.Count")), Some(2));
    let method = |path: &str| format!("{stage}.method.GET.resource./{path}.Count");
    assert_eq!(count(&method("p999")), Some(1));
    assert_eq!(count(&method("p1000")), None);
}

#[test]
fn the_access_log_has_aws_s_names_and_never_a_key() {
    let operator = Operator::new();
    operator.send("/prod/pets/7", Some("acme-0123456789-0123456789"), 201);
    let logged = operator.logged();
    for (field, value) in [
        ("apiId", "petstore"),
        ("apiKeyId", "acme"),
        ("httpMethod", "GET"),
        ("integrationStatus", "201"),
        ("path", "/prod/pets/7"),
        ("resourcePath", "/pets/{petId}"),
        ("stage", "prod"),
    ] {
        assert_eq!(
            logged.get(field).map(String::as_str),
            Some(value),
            "{field}"
        );
    }
    assert!(!logged.contains_key("errorMessage"));
    assert!(logged.values().all(|value| !value.contains("acme-")));

    operator.send("/prod/pets/7", Some("wrong-0123456789-0123456789"), 200);
    let logged = operator.logged();
    for (field, value) in [
        ("errorMessage", "Forbidden"),
        ("errorResponseType", "INVALID_API_KEY"),
        ("resourcePath", "/pets/{petId}"),
    ] {
        assert_eq!(
            logged.get(field).map(String::as_str),
            Some(value),
            "{field}"
        );
    }
    assert!(!logged.contains_key("apiKeyId"));
    assert!(logged.values().all(|value| !value.contains("wrong-")));
}
