//! `requestContext` of both formats.
//!
//! The members stand in the order of AWS's samples of integration events:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use attache_model::{Protocol, Verb};

use super::{Deployment, EventRequest, Object};
use crate::authorization::{Caller, IdentityField};
use crate::client_certificate::ClientCertificate;
use crate::integration::context::request_time;

/// What `requestContext.identity` says beyond the connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Identity<'i> {
    /// The API key, and its id once it is known to be somebody's.
    pub(crate) api_key: Option<&'i [u8]>,
    pub(crate) api_key_id: Option<&'i str>,
    /// Whose signature the request has, if it has one.
    pub(crate) caller: Option<&'i Caller>,
}

/// Writes `requestContext` of format 1.0. `push_authorizer` writes what an authorizer has found
/// out, between its neighbours.
pub(crate) fn request_context_1(
    event: &mut Object<'_>,
    request: &EventRequest<'_>,
    deployment: &Deployment,
    identity: Identity<'_>,
    push_authorizer: &dyn Fn(&mut Object<'_>),
) {
    let operation = request.route.operation;
    let mut context = event.object("requestContext");
    context.text("accountId", &deployment.account_id);
    context.text("apiId", &deployment.api_id);
    push_authorizer(&mut context);
    if deployment.protocol == Protocol::Rest {
        // HTTP APIs are deployed by themselves.
        context.text("deploymentId", &deployment.id);
    }
    context.bytes("domainName", request.domain_name());
    context.bytes("domainPrefix", request.domain_prefix());
    context.text("extendedRequestId", request.ids.extended());
    context.text("httpMethod", Verb::as_str(request.route.verb));
    push_identity(&mut context, request, identity);
    context.bytes("path", request.route.path);
    context.bytes("protocol", &request.connection.protocol());
    context.text("requestId", request.id(deployment.protocol));
    context.text("requestTime", &request_time(request.time));
    context.number("requestTimeEpoch", request.time.as_millis());
    match deployment.protocol {
        Protocol::Rest => context.text("resourceId", &deployment.resource_id(operation)),
        // Routes of HTTP APIs have none.
        Protocol::Http => context.null("resourceId"),
    }
    context.text("resourcePath", deployment.resource_path(operation));
    context.text("stage", &deployment.stage);
    context.end();
}

fn push_identity(context: &mut Object<'_>, request: &EventRequest<'_>, identity: Identity<'_>) {
    let mut object = context.object("identity");
    let of_signer = |field| {
        let value = identity
            .caller
            .and_then(|caller| caller.identity_value(field));
        value.map(str::as_bytes)
    };
    object.bytes_or_null("accessKey", of_signer(IdentityField::AccessKey));
    object.bytes_or_null("accountId", of_signer(IdentityField::AccountId));
    if let Some(key) = identity.api_key {
        object.bytes("apiKey", key);
    }
    if let Some(id) = identity.api_key_id {
        object.text("apiKeyId", id);
    }
    object.bytes_or_null("caller", of_signer(IdentityField::Caller));
    if let Some(certificate) = request.client_certificate {
        push_certificate(&mut object, certificate);
    }
    // Cognito identity pools sign with credentials that this gateway does not know.
    object.null("cognitoAuthenticationProvider");
    object.null("cognitoAuthenticationType");
    object.null("cognitoIdentityId");
    object.null("cognitoIdentityPoolId");
    object.bytes_or_null("principalOrgId", of_signer(IdentityField::PrincipalOrgId));
    object.bytes("sourceIp", &request.connection.source_address());
    object.bytes_or_null("user", of_signer(IdentityField::User));
    object.bytes_or_null("userAgent", request.user_agent());
    object.bytes_or_null("userArn", of_signer(IdentityField::UserArn));
    object.end();
}

/// Writes `requestContext` of format 2.0. Members that would be empty are left out.
pub(crate) fn request_context_2(
    event: &mut Object<'_>,
    request: &EventRequest<'_>,
    deployment: &Deployment,
    push_authorizer: &dyn Fn(&mut Object<'_>),
) {
    let mut context = event.object("requestContext");
    context.text("accountId", &deployment.account_id);
    context.text("apiId", &deployment.api_id);
    if let Some(certificate) = request.client_certificate {
        let mut authentication = context.object("authentication");
        push_certificate(&mut authentication, certificate);
        authentication.end();
    }
    push_authorizer(&mut context);
    context.bytes("domainName", request.domain_name());
    context.bytes("domainPrefix", request.domain_prefix());
    let mut http = context.object("http");
    http.text("method", Verb::as_str(request.route.verb));
    http.bytes("path", request.route.raw_path());
    http.bytes("protocol", &request.connection.protocol());
    http.bytes("sourceIp", &request.connection.source_address());
    http.bytes("userAgent", request.user_agent().unwrap_or_default());
    http.end();
    context.text("requestId", request.id(Protocol::Http));
    context.text("routeKey", &deployment.route_key(request.route.operation));
    context.text("stage", &deployment.stage);
    context.text("time", &request_time(request.time));
    context.number("timeEpoch", request.time.as_millis());
    context.end();
}

fn push_certificate(object: &mut Object<'_>, certificate: &ClientCertificate) {
    let mut object = object.object("clientCert");
    object.text("clientCertPem", &certificate.pem);
    object.text("subjectDN", &certificate.subject_dn);
    object.text("issuerDN", &certificate.issuer_dn);
    object.text("serialNumber", &certificate.serial_number);
    let mut validity = object.object("validity");
    validity.text("notBefore", &certificate.not_before);
    validity.text("notAfter", &certificate.not_after);
    validity.end();
    object.end();
}
