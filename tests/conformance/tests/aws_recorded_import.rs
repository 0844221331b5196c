//! What AWS made of documents, as recorded: the same resources and methods come from ours, and
//! what is imported has the settings that AWS gave it. Operations that cannot be served yet count
//! as seen when an error names them.

mod declared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attache::diagnostic::Report;
use attache::document::Document;
use attache::openapi::{ImportedApi, ImportedOperation, import};
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{ApiKeySource, Authorization, AuthorizerKind, Integration, Protocol};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    id: String,
    steps: Vec<Value>,
    aws_recorded: BTreeMap<String, Value>,
}

#[test]
fn aws_recorded_import() {
    let Some(folder) = corpus("aws-recorded") else {
        return;
    };
    let mut suite = Suite::new("aws-recorded-import").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("import-cases.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, run(case));
    }
    suite.finish().unwrap();
}

/// A document that was given to AWS, as we see it.
struct Ours {
    api: ImportedApi,
    /// Path and method of every operation that is imported or refused by name.
    operations: BTreeSet<(String, String)>,
}

fn run(case: &Case) -> Result<(), String> {
    let mut ours = None;
    for step in &case.steps {
        if let Some(body) = step.pointer("/params/body").and_then(Value::as_str) {
            ours = Some(read(body)?);
        } else if let Some(name) = step.get("match").and_then(Value::as_str)
            && let (Some(ours), Some(recorded)) = (&ours, case.aws_recorded.get(name))
        {
            compare(name, recorded, ours).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    if ours.is_none() {
        return Err("the case holds no document".to_owned());
    }
    Ok(())
}

fn read(body: &str) -> Result<Ours, String> {
    let mut report = Report::new();
    let document = Document::parse(Path::new("body"), body.as_bytes(), &mut report)
        .ok_or_else(|| format!("not read: {:?}", report.diagnostics()))?;
    let api = import(&document, Protocol::Rest, &mut report)
        .ok_or_else(|| format!("not imported: {:?}", report.diagnostics()))?;
    let operations = declared::operations(&document)
        .into_iter()
        .filter(|operation| operation.is_accounted_for(&api, &report))
        .map(|operation| (operation.path, operation.method))
        .collect();
    Ok(Ours { api, operations })
}

fn compare(name: &str, recorded: &Value, ours: &Ours) -> Result<(), String> {
    if let Some(source) = recorded.get("apiKeySource").and_then(Value::as_str) {
        let own = match ours.api.api_key_source {
            ApiKeySource::Header => "HEADER",
            ApiKeySource::Authorizer => "AUTHORIZER",
        };
        equal("apiKeySource", source, own)?;
    }
    if let Some(items) = recorded.get("items").and_then(Value::as_array)
        && name.contains("resources")
    {
        let mut theirs = BTreeSet::new();
        for item in items {
            let path = item.get("path").and_then(Value::as_str).unwrap_or_default();
            let methods = item.get("resourceMethods").and_then(Value::as_object);
            for method in methods.into_iter().flat_map(|methods| methods.keys()) {
                theirs.insert((path.to_owned(), method.clone()));
            }
        }
        equal("operations", &theirs, &ours.operations)?;
    }
    if let Some(items) = recorded.get("items").and_then(Value::as_array)
        && name.contains("authorizers")
    {
        for item in items {
            authorizer(item, &ours.api)?;
        }
    }
    if let Some((_, resource)) = name.split_once("method-")
        && recorded.get("methodIntegration").is_some()
    {
        method(resource, recorded, ours)?;
    }
    Ok(())
}

/// One method as AWS describes it; nothing to compare when it cannot be served yet.
fn method(resource: &str, recorded: &Value, ours: &Ours) -> Result<(), String> {
    let verb = recorded
        .get("httpMethod")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let path = resource
        .strip_suffix(&format!("-{}", verb.to_lowercase()))
        .unwrap_or(resource);
    let path = if path == "root" {
        "/".to_owned()
    } else {
        format!("/{path}")
    };
    let key = (path.clone(), verb.to_owned());
    if !ours.operations.contains(&key) {
        return Err(format!("{verb} {path} is not there"));
    }
    let Some(imported) = ours.api.operations.iter().find(|imported| {
        imported.operation.path == path && imported.operation.method.as_str() == verb
    }) else {
        return Ok(());
    };
    let text = |pointer: &str| recorded.pointer(pointer).and_then(Value::as_str);
    let required = recorded.get("apiKeyRequired").and_then(Value::as_bool);
    equal(
        "apiKeyRequired",
        &required,
        &Some(imported.operation.api_key_required),
    )?;
    equal(
        "authorizationType",
        &text("/authorizationType"),
        &Some(authorization_type(imported, &ours.api)),
    )?;
    let Integration::HttpProxy(proxy) = &imported.operation.integration else {
        panic!("it is another integration");
    };
    equal(
        "type",
        &text("/methodIntegration/type"),
        &Some("HTTP_PROXY"),
    )?;
    let method = text("/methodIntegration/httpMethod").filter(|method| *method != "ANY");
    equal("httpMethod", &method, &proxy.http_method.as_deref())?;
    let timeout = recorded
        .pointer("/methodIntegration/timeoutInMillis")
        .and_then(Value::as_u64);
    equal(
        "timeoutInMillis",
        &timeout,
        &Some(u64::from(proxy.timeout_in_millis)),
    )?;
    match text("/methodIntegration/uri") {
        Some(uri) if !uri.contains('<') => equal("uri", uri, proxy.uri.as_str()),
        _ => Ok(()),
    }
}

/// What AWS calls the authorization of an operation.
fn authorization_type(imported: &ImportedOperation, api: &ImportedApi) -> &'static str {
    let index = match imported.operation.authorization {
        Authorization::None => return "NONE",
        Authorization::AwsIam => return "AWS_IAM",
        Authorization::Authorizer { index, .. } => index,
    };
    let Some(asked) = api.authorizers.get(index) else {
        return "(no authorizer)";
    };
    match &asked.authorizer.kind {
        AuthorizerKind::Lambda(_) => "CUSTOM",
        AuthorizerKind::Cognito(_) => "COGNITO_USER_POOLS",
        AuthorizerKind::Jwt(_) => "JWT",
    }
}

/// An authorizer as AWS describes it. One that has no operation of ours is not imported.
fn authorizer(recorded: &Value, api: &ImportedApi) -> Result<(), String> {
    let text = |field: &str| recorded.get(field).and_then(Value::as_str);
    let Some(imported) = api
        .authorizers
        .iter()
        .find(|imported| Some(imported.authorizer.name.as_str()) == text("name"))
    else {
        return Ok(());
    };
    let source = match &imported.authorizer.kind {
        AuthorizerKind::Lambda(lambda) => {
            let ttl = recorded.get("authorizerResultTtlInSeconds");
            equal(
                "authorizerResultTtlInSeconds",
                &ttl.and_then(Value::as_u64),
                &Some(u64::from(lambda.result_ttl_in_seconds)),
            )?;
            lambda.identity_sources.join(", ")
        }
        AuthorizerKind::Cognito(cognito) => cognito.identity_source.clone(),
        AuthorizerKind::Jwt(jwt) => jwt.identity_source.clone(),
    };
    equal("identitySource", &text("identitySource"), &Some(&source))
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
