//! The event of a `REQUEST` authorizer, format 2.0, which only HTTP APIs have. Members that would
//! be empty are left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attache_model::{Protocol, Verb};
use serde::Serialize;

use super::fields::{Fields, Joined, Last};
use super::{Certificate, text};
use crate::integration::context::{host_name, request_time};
use crate::lambda_authorizer::identity_source::IdentityValues;
use crate::lambda_authorizer::request::{AuthorizerRequest, Deployment};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'e> {
    version: &'static str,
    r#type: &'static str,
    route_arn: &'e str,
    identity_source: Option<Vec<Cow<'e, str>>>,
    route_key: String,
    raw_path: Cow<'e, str>,
    raw_query_string: Cow<'e, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'e, str>>,
    headers: Joined<'e>,
    #[serde(skip_serializing_if = "Joined::is_empty")]
    query_string_parameters: Joined<'e>,
    request_context: RequestContext<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<PathParameters<'e>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stage_variables: &'e BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'e> {
    account_id: &'e str,
    api_id: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication: Option<Authentication<'e>>,
    domain_name: Cow<'e, str>,
    domain_prefix: Option<Cow<'e, str>>,
    http: Http<'e>,
    request_id: &'e str,
    route_key: String,
    stage: &'e str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authentication<'e> {
    client_cert: Certificate<'e>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'e> {
    method: &'static str,
    path: Cow<'e, str>,
    protocol: String,
    source_ip: String,
    user_agent: Cow<'e, str>,
}

struct PathParameters<'e>(Fields<'e>);

impl Serialize for PathParameters<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Last(&self.0).serialize(serializer)
    }
}

impl<'e> Event<'e> {
    pub(super) fn new(
        request: &'e AuthorizerRequest<'e>,
        deployment: &'e Deployment,
        identity: &'e IdentityValues<'_>,
    ) -> Self {
        let route = request.route;
        let route_key = deployment.route_key(route.operation);
        let domain_name = host_name(request.last_header(b":authority").unwrap_or_default());
        let path_parameters = Fields::of_path(route.path_parameters());
        Self {
            version: "2.0",
            r#type: "REQUEST",
            route_arn: request.access.resource,
            identity_source: (!identity.is_empty())
                .then(|| identity.iter().map(|value| text(value)).collect()),
            route_key: route_key.clone(),
            raw_path: text(route.path),
            raw_query_string: text(route.query),
            cookies: request
                .header(b"cookie")
                .flat_map(|line| line.split(|byte| *byte == b';'))
                .map(<[u8]>::trim_ascii)
                .filter(|cookie| !cookie.is_empty())
                .map(text)
                .collect(),
            // They have a place of their own.
            headers: Joined(Fields::of_headers(request.headers, |name| {
                name == b"cookie"
            })),
            query_string_parameters: Joined(Fields::of_query(route.query)),
            request_context: RequestContext {
                account_id: &deployment.account_id,
                api_id: &deployment.api_id,
                authentication: request
                    .client_certificate
                    .map(|certificate| Authentication {
                        client_cert: certificate.into(),
                    }),
                domain_name: text(domain_name),
                domain_prefix: domain_name.split(|byte| *byte == b'.').next().map(text),
                http: Http {
                    method: Verb::as_str(route.verb),
                    path: text(route.path),
                    protocol: text(&request.connection.protocol()).into_owned(),
                    source_ip: text(&request.connection.source_address()).into_owned(),
                    user_agent: text(request.last_header(b"user-agent").unwrap_or_default()),
                },
                request_id: request.id(Protocol::Http),
                route_key,
                stage: &deployment.stage,
                time: request_time(request.time),
                time_epoch: request.time.as_millis(),
            },
            path_parameters: (!path_parameters.is_empty())
                .then_some(PathParameters(path_parameters)),
            stage_variables: &deployment.variables,
        }
    }
}
