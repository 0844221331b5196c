//! Which call an answer of AWS's belongs to, by the fields of its items.

use crate::tree::Tree;

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `get-export`, `export-api`: an OpenAPI document.
    Export,
    /// `apigateway get-rest-apis`.
    RestApis,
    /// `apigateway get-stages`.
    RestStages,
    /// `apigateway get-resources --embed methods`.
    Resources,
    /// `apigateway get-authorizers`.
    RestAuthorizers,
    /// `apigateway get-models`.
    Models,
    /// `apigateway get-request-validators`.
    RequestValidators,
    /// `apigateway get-gateway-responses`.
    GatewayResponses,
    /// `apigateway get-usage-plans`.
    UsagePlans,
    /// `apigateway get-usage-plan-keys`.
    UsagePlanKeys,
    /// `apigateway get-api-keys`.
    ApiKeys,
    /// `apigateway get-domain-names`.
    RestDomainNames,
    /// `apigateway get-base-path-mappings`.
    BasePathMappings,
    /// `apigatewayv2 get-apis`.
    HttpApis,
    /// `apigatewayv2 get-stages`.
    HttpStages,
    /// `apigatewayv2 get-routes`.
    Routes,
    /// `apigatewayv2 get-integrations`.
    Integrations,
    /// `apigatewayv2 get-authorizers`.
    HttpAuthorizers,
    /// `apigatewayv2 get-domain-names`.
    HttpDomainNames,
    /// `apigatewayv2 get-api-mappings`.
    ApiMappings,
    /// An answer that holds nothing, or nothing that is needed.
    Empty,
}

/// The items of an answer: those of a list, or the one that it is.
pub(super) fn items(answer: &Tree) -> Vec<&Tree> {
    let list = ["items", "item", "Items"]
        .iter()
        .find_map(|key| answer.get(key));
    match (list, answer) {
        (Some(list), _) => list.items().iter().collect(),
        (None, Tree::List(items)) => items.iter().collect(),
        (None, one) => vec![one],
    }
}

/// The call of an answer; `None` for what is none that is known.
pub(super) fn recognise(answer: &Tree) -> Option<Kind> {
    if answer.get("openapi").is_some() || answer.get("swagger").is_some() {
        return Some(Kind::Export);
    }
    let items = items(answer);
    let Some(first) = items.first() else {
        return Some(Kind::Empty);
    };
    // An optional field may be absent in the first and stand in the next.
    let any = |key: &str| items.iter().any(|item| item.get(key).is_some());
    let all = |keys: &[&str]| keys.iter().all(|key| first.get(key).is_some());
    Some(if all(&["RouteKey", "RouteId"]) {
        Kind::Routes
    } else if all(&["IntegrationId"]) {
        Kind::Integrations
    } else if all(&["AuthorizerId"]) {
        Kind::HttpAuthorizers
    } else if all(&["ApiMappingId"]) {
        Kind::ApiMappings
    } else if all(&["DomainName"]) {
        Kind::HttpDomainNames
    } else if all(&["StageName"]) {
        Kind::HttpStages
    } else if all(&["ApiId"]) && any("ProtocolType") {
        Kind::HttpApis
    } else if all(&["stageName"]) {
        Kind::RestStages
    } else if all(&["domainName"]) {
        Kind::RestDomainNames
    } else if all(&["basePath", "restApiId"]) {
        Kind::BasePathMappings
    } else if all(&["responseType"]) {
        Kind::GatewayResponses
    } else if all(&["id", "path"]) && (any("resourceMethods") || any("parentId")) {
        Kind::Resources
    } else if any("validateRequestBody") || any("validateRequestParameters") {
        Kind::RequestValidators
    } else if any("schema") && any("contentType") {
        Kind::Models
    } else if all(&["id", "type"])
        && (any("authType") || any("authorizerUri") || any("providerARNs"))
    {
        Kind::RestAuthorizers
    } else if first.text_of("type") == Some("API_KEY") {
        Kind::UsagePlanKeys
    } else if all(&["id"]) && (any("stageKeys") || any("enabled")) {
        Kind::ApiKeys
    } else if all(&["id", "name"]) && (any("apiStages") || any("quota") || any("throttle")) {
        Kind::UsagePlans
    } else if all(&["id", "name"]) && (any("apiKeySource") || any("endpointConfiguration")) {
        Kind::RestApis
    } else if is_not_needed(first) {
        Kind::Empty
    } else {
        return None;
    })
}

/// Deployments, VPC links, documentation and the rest of what tells nothing that a gateway needs.
fn is_not_needed(item: &Tree) -> bool {
    let keys = [
        "DeploymentId",
        "ModelId",
        "VpcLinkId",
        "targetArns",
        "clientCertificateId",
        "location",
        "cloudwatchRoleArn",
        "throttleSettings",
        "RouteResponseId",
        "IntegrationResponseId",
    ];
    let is_deployment = item.get("id").is_some() && item.get("createdDate").is_some();
    keys.iter().any(|key| item.get(key).is_some()) || is_deployment
}

#[cfg(test)]
mod tests {
    use super::{Kind, recognise};
    use crate::tree::Tree;

    #[test]
    fn answers_are_told_apart() {
        for (answer, kind) in [
            (r#"{"openapi": "3.0.1"}"#, Some(Kind::Export)),
            (r#"{"items": []}"#, Some(Kind::Empty)),
            (
                r#"{"items": [{"id": "a", "name": "n", "apiKeySource": "HEADER"}]}"#,
                Some(Kind::RestApis),
            ),
            (
                r#"{"id": "a", "name": "n", "endpointConfiguration": {}}"#,
                Some(Kind::RestApis),
            ),
            (
                r#"{"item": [{"stageName": "prod"}]}"#,
                Some(Kind::RestStages),
            ),
            (
                r#"{"items": [{"id": "r", "path": "/"}, {"id": "s", "path": "/a", "parentId": "r"}]}"#,
                Some(Kind::Resources),
            ),
            (
                r#"{"items": [{"id": "p", "name": "gold", "apiStages": []}]}"#,
                Some(Kind::UsagePlans),
            ),
            (
                r#"{"items": [{"id": "k", "name": "acme", "enabled": true, "stageKeys": []}]}"#,
                Some(Kind::ApiKeys),
            ),
            (
                r#"{"items": [{"id": "k", "type": "API_KEY", "name": "acme"}]}"#,
                Some(Kind::UsagePlanKeys),
            ),
            (
                r#"{"items": [{"id": "a", "type": "TOKEN", "authorizerUri": "arn"}]}"#,
                Some(Kind::RestAuthorizers),
            ),
            (
                r#"{"items": [{"basePath": "v1", "restApiId": "a", "stage": "prod"}]}"#,
                Some(Kind::BasePathMappings),
            ),
            (
                r#"{"Items": [{"ApiId": "a", "ProtocolType": "HTTP"}]}"#,
                Some(Kind::HttpApis),
            ),
            (
                r#"{"Items": [{"RouteKey": "GET /", "RouteId": "r"}]}"#,
                Some(Kind::Routes),
            ),
            (
                r#"{"items": [{"id": "d", "createdDate": 1}]}"#,
                Some(Kind::Empty),
            ),
            (r#"{"Reservations": []}"#, None),
        ] {
            let value: serde_json::Value = serde_json::from_str(answer).unwrap();
            assert_eq!(recognise(&Tree::from(&value)), kind, "{answer}");
        }
    }
}
