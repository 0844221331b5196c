//! What AWS made of documents, as recorded: the same resources and methods come from ours, and
//! what is imported has the settings that AWS gave it: who may call, what a request must have, and
//! every part of the integration.

mod declared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attache::diagnostic::Report;
use attache::document::Document;
use attache::openapi::{ImportedApi, ImportedOperation, import};
use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{
    ApiKeySource, Authorization, AuthorizerKind, ContentHandling, Integration, IntegrationResponse,
    MappingTemplate, PassthroughBehavior, Protocol,
};
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

/// One method as AWS describes it.
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
        return Err(format!("{verb} {path} is refused"));
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
    validation(recorded, imported)?;
    let empty = Value::Null;
    let theirs = recorded.get("methodIntegration").unwrap_or(&empty);
    integration(theirs, &imported.operation.integration)
}

/// The parameters that AWS wants in every request, when it has a validator.
fn validation(recorded: &Value, imported: &ImportedOperation) -> Result<(), String> {
    let own = &imported.operation.request_validation;
    if recorded.get("requestValidatorId").is_none() {
        return equal("requestValidatorId", &true, &own.is_empty());
    }
    let parameters = recorded.get("requestParameters").and_then(Value::as_object);
    let theirs: BTreeSet<&str> = parameters
        .into_iter()
        .flatten()
        .filter(|(_, required)| required.as_bool() == Some(true))
        .map(|(name, _)| name.as_str())
        .collect();
    let required = own.required_parameters.iter().map(String::as_str);
    equal("required parameters", &theirs, &required.collect())?;
    let models = recorded.get("requestModels").and_then(Value::as_object);
    let theirs: BTreeMap<&str, &str> = models
        .into_iter()
        .flatten()
        .filter_map(|(content_type, model)| Some((content_type.as_str(), model.as_str()?)))
        .collect();
    let own = own.request_models.iter();
    let ours = own.map(|model| (model.content_type.as_str(), model.model.as_str()));
    equal("requestModels", &theirs, &ours.collect())
}

/// An integration as AWS describes it, part by part.
fn integration(theirs: &Value, ours: &Integration) -> Result<(), String> {
    let (kind, timeout, request, responses) = match ours {
        Integration::HttpProxy(proxy) => {
            address(theirs, &proxy.uri, proxy.http_method.as_deref())?;
            parameters(theirs, "requestParameters", &proxy.request_parameters)?;
            ("HTTP_PROXY", Some(proxy.timeout_in_millis), None, None)
        }
        Integration::AwsProxy(function) => {
            address(theirs, &function.uri, function.http_method.as_deref())?;
            ("AWS_PROXY", Some(function.timeout_in_millis), None, None)
        }
        Integration::Http(http) => {
            address(theirs, &http.uri, http.http_method.as_deref())?;
            let timeout = Some(http.timeout_in_millis);
            ("HTTP", timeout, Some(&http.request), Some(&http.responses))
        }
        Integration::Aws(aws) => {
            address(theirs, &aws.uri, aws.http_method.as_deref())?;
            let timeout = Some(aws.timeout_in_millis);
            ("AWS", timeout, Some(&aws.request), Some(&aws.responses))
        }
        Integration::Mock(mock) => ("MOCK", None, Some(&mock.request), Some(&mock.responses)),
    };
    let text = |field: &str| theirs.get(field).and_then(Value::as_str);
    equal("type", &text("type"), &Some(kind))?;
    if let Some(timeout) = timeout {
        let recorded = theirs.get("timeoutInMillis").and_then(Value::as_u64);
        equal("timeoutInMillis", &recorded, &Some(u64::from(timeout)))?;
    }
    if let Some(request) = request {
        parameters(theirs, "requestParameters", &request.parameters)?;
        templates(theirs, "requestTemplates", &request.templates)?;
        let behavior = match request.passthrough_behavior {
            PassthroughBehavior::WhenNoMatch => "WHEN_NO_MATCH",
            PassthroughBehavior::WhenNoTemplates => "WHEN_NO_TEMPLATES",
            PassthroughBehavior::Never => "NEVER",
        };
        equal(
            "passthroughBehavior",
            &text("passthroughBehavior"),
            &Some(behavior),
        )?;
        let handling = content_handling(request.content_handling);
        equal("contentHandling", &text("contentHandling"), &handling)?;
    }
    if let Some(responses) = responses {
        integration_responses(theirs, responses)?;
    }
    Ok(())
}

fn address(theirs: &Value, uri: &str, http_method: Option<&str>) -> Result<(), String> {
    let text = |field: &str| theirs.get(field).and_then(Value::as_str);
    let method = text("httpMethod").filter(|method| *method != "ANY");
    equal("httpMethod", &method, &http_method)?;
    match text("uri") {
        Some(recorded) if !recorded.contains('<') => equal("uri", recorded, uri),
        _ => Ok(()),
    }
}

fn parameters(theirs: &Value, field: &str, ours: &BTreeMap<String, String>) -> Result<(), String> {
    let recorded = theirs.get(field).and_then(Value::as_object);
    let recorded: BTreeMap<&str, &str> = recorded
        .into_iter()
        .flatten()
        .filter_map(|(name, source)| Some((name.as_str(), source.as_str()?)))
        .collect();
    let ours = ours
        .iter()
        .map(|(name, source)| (name.as_str(), source.as_str()));
    equal(field, &recorded, &ours.collect())
}

/// The recording has templates that are JSON as values.
fn templates(theirs: &Value, field: &str, ours: &[MappingTemplate]) -> Result<(), String> {
    let recorded = theirs.get(field).and_then(Value::as_object);
    let recorded: BTreeMap<&str, Value> = recorded
        .into_iter()
        .flatten()
        .map(|(content_type, template)| (content_type.as_str(), template.clone()))
        .collect();
    let ours = ours.iter().map(|ours| {
        let name = ours.content_type.as_str();
        let is_text = recorded
            .get(name)
            .is_none_or(|template| template.is_string() || template.is_null());
        let template = match serde_json::from_str(&ours.template) {
            Ok(value) if !is_text => value,
            // An empty template is null there.
            _ if ours.template.is_empty() => Value::Null,
            _ => Value::from(ours.template.as_str()),
        };
        (name, template)
    });
    equal(field, &recorded, &ours.collect())
}

fn integration_responses(theirs: &Value, ours: &[IntegrationResponse]) -> Result<(), String> {
    let recorded = theirs
        .get("integrationResponses")
        .and_then(Value::as_object);
    let statuses: BTreeSet<&str> = recorded
        .into_iter()
        .flatten()
        .map(|(status, _)| status.as_str())
        .collect();
    let own: BTreeSet<String> = ours
        .iter()
        .map(|ours| ours.status_code.to_string())
        .collect();
    equal(
        "integrationResponses",
        &statuses,
        &own.iter().map(String::as_str).collect(),
    )?;
    for response in ours {
        let status = response.status_code.to_string();
        let Some(recorded) = recorded.and_then(|recorded| recorded.get(&status)) else {
            continue;
        };
        let text = |field: &str| recorded.get(field).and_then(Value::as_str);
        let pattern = response.selection_pattern.as_deref();
        equal("selectionPattern", &text("selectionPattern"), &pattern)?;
        let handling = content_handling(response.content_handling);
        equal("contentHandling", &text("contentHandling"), &handling)?;
        parameters(recorded, "responseParameters", &response.parameters)?;
        templates(recorded, "responseTemplates", &response.templates)?;
    }
    Ok(())
}

fn content_handling(ours: Option<ContentHandling>) -> Option<&'static str> {
    ours.map(|handling| match handling {
        ContentHandling::ConvertToText => "CONVERT_TO_TEXT",
        ContentHandling::ConvertToBinary => "CONVERT_TO_BINARY",
    })
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
