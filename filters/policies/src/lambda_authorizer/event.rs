//! What the function is given.
//!
//! Field for field and in the order of AWS's samples; what `requestContext` says is in the order
//! of those of integrations, which is the same object.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

use std::borrow::Cow;

use attache_model::{AuthorizerEvent, Protocol, Verb};

use super::identity_source::IdentityValues;
use super::request::{API_KEY, AuthorizerRequest};
use crate::lambda_event::{
    Deployment, Fields, Identity, Names, Object, push_cookies, request_context_1,
    request_context_2, text,
};

/// Writes the event of a request as JSON.
pub(super) fn event(
    format: AuthorizerEvent,
    request: &AuthorizerRequest<'_>,
    deployment: &Deployment,
    identity: &IdentityValues<'_>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut event = Object::begin(&mut out);
    match format {
        AuthorizerEvent::Token => {
            event.text("type", "TOKEN");
            event.text("authorizationToken", &joined(identity));
            event.text("methodArn", request.access.resource);
        }
        AuthorizerEvent::Request1 => push_format_1(&mut event, request, deployment, identity),
        AuthorizerEvent::Request2 => push_format_2(&mut event, request, deployment, identity),
    }
    event.end();
    out
}

/// The values of the identity sources in one text.
fn joined<'v>(identity: &'v IdentityValues<'_>) -> Cow<'v, str> {
    match identity.as_slice() {
        [one] => text(one),
        several => {
            let texts: Vec<_> = several.iter().map(|value| text(value)).collect();
            texts.join(",").into()
        }
    }
}

/// The event of a `REQUEST` authorizer, format 1.0: of REST APIs, and with three more fields of
/// HTTP APIs.
fn push_format_1(
    event: &mut Object<'_>,
    request: &AuthorizerRequest<'_>,
    deployment: &Deployment,
    identity: &IdentityValues<'_>,
) {
    let protocol = deployment.protocol;
    if protocol == Protocol::Http {
        event.text("version", "1.0");
    }
    event.text("type", "REQUEST");
    event.text("methodArn", request.access.resource);
    if protocol == Protocol::Http {
        let identity = (!identity.is_empty()).then(|| joined(identity));
        for name in ["identitySource", "authorizationToken"] {
            event.bytes_or_null(name, identity.as_deref().map(str::as_bytes));
        }
    }
    event.text(
        "resource",
        deployment.resource_path(request.route.operation),
    );
    event.bytes("path", request.route.event_path());
    event.text("httpMethod", Verb::as_str(request.route.verb));
    // REST APIs take what concerns the connection from every event.
    let headers = Fields::of_headers(request.headers, Names::AsAws, |name| {
        protocol == Protocol::Rest
            && matches!(
                name,
                b"content-length" | b"connection" | b"transfer-encoding"
            )
    });
    headers.push_last(event, "headers");
    headers.push_all(event, "multiValueHeaders");
    let query = Fields::of_query(request.route.query);
    query.push_last(event, "queryStringParameters");
    query.push_all(event, "multiValueQueryStringParameters");
    Fields::of_path(request.route.path_parameters()).push_last(event, "pathParameters");
    Fields::of_variables(&deployment.variables).push_last(event, "stageVariables");
    let identity = Identity {
        api_key: request.last_header(API_KEY),
        ..Identity::default()
    };
    request_context_1(event, &request.described(), deployment, identity, &|_| {});
}

/// The event of a `REQUEST` authorizer, format 2.0, which only HTTP APIs have. Members that would
/// be empty are left out.
fn push_format_2(
    event: &mut Object<'_>,
    request: &AuthorizerRequest<'_>,
    deployment: &Deployment,
    identity: &IdentityValues<'_>,
) {
    let route = request.route;
    event.text("version", "2.0");
    event.text("type", "REQUEST");
    event.text("routeArn", request.access.resource);
    if identity.is_empty() {
        event.null("identitySource");
    } else {
        event.list("identitySource", identity.iter().map(|value| text(value)));
    }
    event.text("routeKey", &deployment.route_key(route.operation));
    event.bytes("rawPath", route.raw_path());
    event.bytes("rawQueryString", route.query);
    // They have a place of their own.
    push_cookies(request.headers, event);
    let headers = Fields::of_headers(request.headers, Names::Lower, |name| name == b"cookie");
    headers.push_joined(event, "headers");
    let query = Fields::of_query(route.query);
    if !query.is_empty() {
        query.push_joined(event, "queryStringParameters");
    }
    request_context_2(event, &request.described(), deployment, &|_| {});
    let path = Fields::of_path(route.path_parameters());
    if !path.is_empty() {
        path.push_last(event, "pathParameters");
    }
    if !deployment.variables.is_empty() {
        Fields::of_variables(&deployment.variables).push_last(event, "stageVariables");
    }
}
