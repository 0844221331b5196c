//! What AWS answered to requests, as recorded, against the gateway on the proxy in memory.
//!
//! Only what AWS itself answered counts; a case without such an answer cannot pass. Where a
//! recording keeps no answer because its test asserts the statuses in its own code, they stand in
//! [`ASSERTED`].
//!
//! # Back ends
//!
//! Where a recorded API calls an HTTP back end it was one that echoes: its answer holds the body
//! that it was sent, as JSON, under `json`. A Lambda function of a proxy integration answers 200.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use attache::diagnostic::{self, Report};
use attache::project;
use attache_conformance::{Suite, corpus, json_lines};
use attache_policies::Gateway;
use attache_testkit::{CalloutScript, Host, Outcome, Proxy, Request, Script, UpstreamAnswer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The statuses that a recorded test asserts in its code, in the order of its requests.
const ASSERTED: [(&str, &[u16]); 4] = [
    (
        "common::TestUsagePlans::test_api_key_required_for_methods",
        &[403, 200, 403],
    ),
    (
        "import::TestApiGatewayImportRestApi::test_import_rest_api_with_base_path_oas30[ignore]",
        &[200, 200],
    ),
    (
        "import::TestApiGatewayImportRestApi::test_import_with_circular_models_and_request_validation",
        &[200, 400, 400],
    ),
    (
        "integrations::test_integration_mock_with_path_param",
        &[200],
    ),
];

#[derive(Deserialize)]
struct Case {
    id: String,
    openapi: BTreeMap<String, Value>,
    requests: Vec<Sent>,
    stages: BTreeMap<String, Vec<Stage>>,
    #[serde(default)]
    aws_recorded: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Sent {
    method: String,
    stage: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    next_snapshot_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    stage_name: String,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    canary_settings: Option<CanarySettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CanarySettings {
    percent_traffic: f64,
    #[serde(default)]
    stage_variable_overrides: BTreeMap<String, String>,
    #[serde(default)]
    use_stage_cache: bool,
}

#[test]
fn aws_recorded() {
    let Some(folder) = corpus("aws-recorded") else {
        return;
    };
    let mut suite = Suite::new("aws-recorded").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("http-cases.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, run(case));
    }
    suite.finish().unwrap();
}

fn run(case: &Case) -> Result<(), String> {
    let recorded = case
        .aws_recorded
        .as_ref()
        .ok_or("no answer of AWS is recorded")?;
    let mut of_all = case.stages.values().flatten();
    if of_all.any(|stage| stage.canary_settings.is_some()) {
        return canary_release(case, recorded);
    }
    let mut gateway = Served::new(case, recorded)?;
    if recorded.contains_key("get-resp-from-http") {
        return stage_variables(case, recorded, &gateway);
    }
    let asserted = ASSERTED.iter().find(|(id, _)| *id == case.id);
    let mut judged = 0_usize;
    for (number, sent) in case.requests.iter().enumerate() {
        let outcome = gateway.send(sent);
        let snapshot = sent.next_snapshot_key.as_deref();
        let change = snapshot.and_then(|key| recorded.get(key)?.get("enabled"));
        let verdict = match asserted {
            Some((_, statuses)) => equal("status", &statuses.get(number), &Some(&outcome.status())),
            None if change.is_some() => continue,
            None => match snapshot.and_then(|key| recorded.get(key)) {
                Some(answer) if is_answer(answer) => compare(answer, &outcome),
                _ => continue,
            },
        };
        verdict.map_err(|why| format!("{} {}: {why}", sent.method, sent.path))?;
        judged += 1;
        // What the test changed before its next request.
        let last = case
            .requests
            .get(number + 1)
            .is_none_or(|next| next.next_snapshot_key.as_deref() != snapshot);
        if let (Some(enabled), true) = (change.and_then(Value::as_bool), last) {
            gateway = Served::with_key(case, recorded, enabled)?;
        }
    }
    if judged == 0 {
        return Err("no answer of AWS is recorded".to_owned());
    }
    Ok(())
}

/// A stage and its canary release, of another deployment: first none of the requests is the canary's,
/// then all are. What differs between the deployments is a word of their template.
fn canary_release(case: &Case, recorded: &Map<String, Value>) -> Result<(), String> {
    for (sent, percent_traffic) in case.requests.iter().zip([0.0, 100.0]) {
        let mut gateway = model(case, recorded, &stages(case), true)?;
        let [api] = gateway.apis.as_mut_slice() else {
            return Err("the case has several APIs".to_owned());
        };
        let mut canary = api.clone();
        api.stages.retain(|stage| stage.canary.is_none());
        canary.stages.retain(|stage| stage.canary.is_some());
        for stage in &mut canary.stages {
            if let Some(canary) = &mut stage.canary {
                canary.percent_traffic = percent_traffic;
            }
        }
        let text = serde_json::to_string(api).map_err(|error| error.to_string())?;
        let text = text.replace("canary deployment", "default deployment");
        *api = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        gateway.apis.push(canary);
        let answer = sent
            .next_snapshot_key
            .as_ref()
            .and_then(|key| recorded.get(key))
            .ok_or("no answer of AWS is recorded")?;
        compare(answer, &Served::compile(&gateway)?.send(sent))
            .map_err(|why| format!("{percent_traffic} %: {why}"))?;
    }
    Ok(())
}

/// What was seen behind the gateway, where stage variables make the address; and what a client
/// gets when the one for the host is missing.
fn stage_variables(
    case: &Case,
    recorded: &Map<String, Value>,
    gateway: &Served,
) -> Result<(), String> {
    let [sent, ..] = case.requests.as_slice() else {
        return Err("the case has no request".to_owned());
    };
    let seen = recorded
        .get("get-resp-from-http")
        .ok_or("no answer of AWS is recorded")?;
    let outcome = gateway.send(sent);
    let upstream = outcome.upstream.ok_or("the back end was not called")?;
    equal(
        "method",
        &seen.get("method").and_then(Value::as_str),
        &upstream.text(":method").as_deref(),
    )?;
    let target = upstream.text(":path").unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    // The variable for the host ends with a slash, so that the integration's URI has two. The
    // recording shows one, and not whether AWS or the front end of the echoing function merged
    // them.
    let path = path.trim_start_matches('/');
    let recorded_path = seen
        .get("path")
        .and_then(Value::as_str)
        .map(|path| path.trim_start_matches('/'));
    equal("path", &recorded_path, &Some(path))?;
    let arguments: Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    equal("query", &seen.get("args"), &Some(&arguments.into()))?;
    let mut stages = BTreeMap::new();
    for (api, of_api) in &case.stages {
        let stages: &mut Vec<Value> = stages.entry(api).or_default();
        for stage in of_api {
            let mut variables = stage.variables.clone();
            variables.remove("TestHost");
            stages.push(json!({"stageName": stage.stage_name, "variables": variables}));
        }
    }
    let without = Served::of(case, recorded, &json!(stages), true)?;
    let error = recorded
        .get("get-error-resp-from-http")
        .ok_or("no answer of AWS is recorded")?;
    compare(error, &without.send(sent))
}

/// Whether an entry of a recording is what a client got, not what a call of AWS's own API did.
fn is_answer(recorded: &Value) -> bool {
    recorded.get("ResponseMetadata").is_none()
}

fn compare(recorded: &Value, outcome: &Outcome) -> Result<(), String> {
    let client = outcome.client.as_ref().ok_or("the connection was closed")?;
    let text = String::from_utf8_lossy(&client.body).into_owned();
    if recorded.is_string() {
        return equal("body", recorded, &Value::String(text));
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let error = recorded.get("errorType").and_then(Value::as_str);
    let Some(error) = error else {
        return equal("body", recorded, &body);
    };
    equal(
        "error type",
        &Some(error),
        &client.text("x-amzn-errortype").as_deref(),
    )?;
    let content = recorded.get("content").or_else(|| recorded.get("body"));
    equal("body", &content, &Some(&body))
}

/// A recorded API, served in memory.
struct Served {
    host: Host<Gateway>,
}

impl Served {
    fn new(case: &Case, recorded: &Map<String, Value>) -> Result<Self, String> {
        Self::with_key(case, recorded, true)
    }

    /// The customer's key as the recording left it.
    fn with_key(case: &Case, recorded: &Map<String, Value>, enabled: bool) -> Result<Self, String> {
        Self::of(case, recorded, &stages(case), enabled)
    }

    fn of(
        case: &Case,
        recorded: &Map<String, Value>,
        stages: &Value,
        enabled: bool,
    ) -> Result<Self, String> {
        Self::compile(&model(case, recorded, stages, enabled)?)
    }

    fn compile(gateway: &attache_model::Gateway) -> Result<Self, String> {
        let gateway = Gateway::compile(gateway, &|_: &str| None).map_err(|faults| {
            faults.iter().fold(String::new(), |mut text, fault| {
                let _ = writeln!(text, "{fault}");
                text
            })
        })?;
        Ok(Self {
            host: Host::new(Arc::new(gateway), &Proxy::new()),
        })
    }

    fn send(&self, sent: &Sent) -> Outcome {
        let path = format!("/{}{}", sent.stage, sent.path);
        let request = Request::new(&sent.method, &path);
        let request = sent.headers.iter().fold(request, |request, (name, value)| {
            request.header(&name.to_ascii_lowercase(), value)
        });
        let request = match &sent.body {
            Some(body) => request.body(body),
            None => request,
        };
        let mut script = Script::new(|message| {
            let json: Value = serde_json::from_slice(&message.body).unwrap_or_default();
            UpstreamAnswer::new(200, json!({"json": json}).to_string())
        })
        .callouts(|_| CalloutScript::new(200, r#"{"statusCode": 200}"#));
        self.host.exchange(&request, &mut script)
    }
}

/// The stages of a recording, as they are configured here.
fn stages(case: &Case) -> Value {
    let stage = |stage: &Stage| {
        let canary = stage.canary_settings.as_ref().map(|canary| {
            json!({
                "percentTraffic": canary.percent_traffic,
                "stageVariableOverrides": canary.stage_variable_overrides,
                "useStageCache": canary.use_stage_cache,
            })
        });
        let settings = [
            ("stageName", Some(json!(stage.stage_name))),
            ("variables", Some(json!(stage.variables))),
            ("canarySettings", canary),
        ];
        settings
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<String, Value>>()
    };
    let stages = case.stages.iter();
    stages
        .map(|(api, stages)| {
            (
                api.clone(),
                stages.iter().map(stage).map(Value::Object).collect(),
            )
        })
        .collect::<Map<String, Value>>()
        .into()
}

/// The configuration of a recorded API.
fn model(
    case: &Case,
    recorded: &Map<String, Value>,
    stages: &Value,
    enabled: bool,
) -> Result<attache_model::Gateway, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())
    };
    let mut configuration = Map::new();
    for (api, document) in &case.openapi {
        // Where the recorder saw the models, and where AWS has them.
        let document = document.to_string().replace(
            "http://apigateway.localhost.localstack.cloud:21566/",
            "https://apigateway.amazonaws.com/",
        );
        write(&format!("{api}.json"), &document)?;
        let mut of_api = Map::new();
        for stage in stages
            .get(api)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = stage
                .get("stageName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let settings = ["variables", "canarySettings"];
            let settings = settings
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), stage.get(name)?.clone())));
            of_api.insert(name.to_owned(), Value::Object(settings.collect()));
        }
        configuration.insert(
            api.clone(),
            json!({"definition": format!("{api}.json"), "stages": of_api}),
        );
    }
    let mut configuration = json!({"apis": configuration});
    if let Some(plan) = recorded.get("create-usage-plan") {
        keys(case, plan, enabled, &mut configuration)?;
    }
    write("attache.yaml", &configuration.to_string())?;
    let mut report = Report::new();
    let project =
        project::load(folder.path(), &mut report).ok_or_else(|| diagnostic::human(&report))?;
    Ok(project.gateway)
}

/// The plan and the one key of a recording: the value is the one that its client sent.
fn keys(case: &Case, plan: &Value, enabled: bool, configuration: &mut Value) -> Result<(), String> {
    let value = case
        .requests
        .iter()
        .find_map(|sent| sent.headers.get("x-api-key"))
        .ok_or("no request has a key")?;
    let stages: Vec<Value> = case
        .stages
        .iter()
        .flat_map(|(api, stages)| {
            stages
                .iter()
                .map(move |stage| json!({"api": api, "stage": stage.stage_name}))
        })
        .collect();
    let plan = json!({
        "throttle": plan.get("throttle"),
        "quota": plan.get("quota"),
        "apiStages": stages,
    });
    let key = json!({"value": value, "usagePlans": ["plan"], "enabled": enabled});
    if let Some(configuration) = configuration.as_object_mut() {
        configuration.insert("usagePlans".to_owned(), json!({"plan": plan}));
        configuration.insert("apiKeys".to_owned(), json!({"key": key}));
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    theirs: &T,
    ours: &T,
) -> Result<(), String> {
    if theirs == ours {
        Ok(())
    } else {
        Err(format!("{what}: AWS has {theirs:?}, we have {ours:?}"))
    }
}
