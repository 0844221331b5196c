//! The event of a `REQUEST` authorizer, format 1.0: of REST APIs, and with three more fields of
//! HTTP APIs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attache_model::{Protocol, Verb};
use serde::{Serialize, Serializer};

use super::fields::{All, Fields, Last};
use super::{Certificate, joined, text};
use crate::integration::context::{host_name, request_time};
use crate::lambda_authorizer::identity_source::IdentityValues;
use crate::lambda_authorizer::request::{API_KEY, AuthorizerRequest, Deployment};

pub(super) struct Event<'e> {
    request: &'e AuthorizerRequest<'e>,
    deployment: &'e Deployment,
    identity: Option<Cow<'e, str>>,
    headers: Fields<'e>,
    query: Fields<'e>,
    path: Fields<'e>,
}

impl<'e> Event<'e> {
    pub(super) fn new(
        request: &'e AuthorizerRequest<'e>,
        deployment: &'e Deployment,
        identity: &'e IdentityValues<'_>,
    ) -> Self {
        // REST APIs take what concerns the connection from every event.
        let is_left_out = |name: &[u8]| {
            deployment.protocol == Protocol::Rest
                && matches!(
                    name,
                    b"content-length" | b"connection" | b"transfer-encoding"
                )
        };
        Self {
            request,
            deployment,
            identity: (!identity.is_empty()).then(|| joined(identity)),
            headers: Fields::of_headers(request.headers, is_left_out),
            query: Fields::of_query(request.route.query),
            path: Fields::of_path(request.route.path_parameters()),
        }
    }

    fn request_context(&self) -> RequestContext<'_> {
        let (request, deployment) = (self.request, self.deployment);
        let domain_name = host_name(request.last_header(b":authority").unwrap_or_default());
        let operation = request.route.operation;
        RequestContext {
            path: text(request.route.path),
            account_id: &deployment.account_id,
            resource_id: match deployment.protocol {
                Protocol::Rest => Some(deployment.resource_id(operation)),
                // Routes of HTTP APIs have none.
                Protocol::Http => None,
            },
            stage: &deployment.stage,
            request_id: request.id(deployment.protocol),
            identity: Identity {
                api_key: request.last_header(API_KEY).map(text),
                source_ip: text(&request.connection.source_address()).into_owned(),
                user_agent: request.last_header(b"user-agent").map(text),
                client_cert: request.client_certificate.map(Certificate::from),
                access_key: (),
                account_id: (),
                caller: (),
                cognito_authentication_provider: (),
                cognito_authentication_type: (),
                cognito_identity_id: (),
                cognito_identity_pool_id: (),
                principal_org_id: (),
                user: (),
                user_arn: (),
            },
            resource_path: deployment.resource_path(operation),
            http_method: Verb::as_str(request.route.verb),
            api_id: &deployment.api_id,
            domain_name: text(domain_name),
            domain_prefix: domain_name.split(|byte| *byte == b'.').next().map(text),
            protocol: text(&request.connection.protocol()).into_owned(),
            request_time: request_time(request.time),
            request_time_epoch: request.time.as_millis(),
            extended_request_id: request.ids.extended(),
        }
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (request, deployment) = (self.request, self.deployment);
        let is_http_api = deployment.protocol == Protocol::Http;
        Written {
            version: is_http_api.then_some("1.0"),
            r#type: "REQUEST",
            method_arn: request.access.resource,
            identity_source: is_http_api.then_some(self.identity.as_deref()),
            authorization_token: is_http_api.then_some(self.identity.as_deref()),
            resource: deployment.resource_path(request.route.operation),
            path: text(request.route.resource_path),
            http_method: Verb::as_str(request.route.verb),
            headers: Last(&self.headers),
            multi_value_headers: All(&self.headers),
            query_string_parameters: Last(&self.query),
            multi_value_query_string_parameters: All(&self.query),
            path_parameters: Last(&self.path),
            stage_variables: &deployment.variables,
            request_context: self.request_context(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'w, 'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    r#type: &'static str,
    method_arn: &'w str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_source: Option<Option<&'w str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_token: Option<Option<&'w str>>,
    resource: &'w str,
    path: Cow<'w, str>,
    http_method: &'static str,
    headers: Last<'w, 'e>,
    multi_value_headers: All<'w, 'e>,
    query_string_parameters: Last<'w, 'e>,
    multi_value_query_string_parameters: All<'w, 'e>,
    path_parameters: Last<'w, 'e>,
    stage_variables: &'w BTreeMap<String, String>,
    request_context: RequestContext<'w>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'w> {
    path: Cow<'w, str>,
    account_id: &'w str,
    resource_id: Option<String>,
    stage: &'w str,
    request_id: &'w str,
    identity: Identity<'w>,
    resource_path: &'w str,
    http_method: &'static str,
    api_id: &'w str,
    domain_name: Cow<'w, str>,
    domain_prefix: Option<Cow<'w, str>>,
    protocol: String,
    request_time: String,
    request_time_epoch: u64,
    extended_request_id: &'w str,
}

/// What is known of the caller. The members that are `()` are `null`: they come of signatures and
/// of Cognito identity pools, which an operation with an authorizer has not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'w> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Cow<'w, str>>,
    source_ip: String,
    user_agent: Option<Cow<'w, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert: Option<Certificate<'w>>,
    access_key: (),
    account_id: (),
    caller: (),
    cognito_authentication_provider: (),
    cognito_authentication_type: (),
    cognito_identity_id: (),
    cognito_identity_pool_id: (),
    principal_org_id: (),
    user: (),
    user_arn: (),
}
