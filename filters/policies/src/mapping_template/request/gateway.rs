//! The facts of a request that the gateway serves.

use std::sync::Arc;

use attache_model::{Stage, Verb};
use attache_values::{Map, MapKind, Value};

use super::{Place, TemplateRequest};
use crate::authorization::IdentityField;
use crate::client_certificate::ClientCertificate;
use crate::integration::IntegrationRequest;
use crate::integration::context::{host_name, request_time};
use crate::integration::encoding::pairs;
use crate::lambda_event::{Names, deployment_id, is_canary_request, resource_id};
use crate::mapping_template::needs::ContextNeeds;
use crate::mapping_template::scope::overrides;

/// What `$context` and `$stageVariables` say of an operation in a stage, whatever the request.
#[derive(Debug)]
pub struct OperationContext {
    account_id: Arc<str>,
    api_id: Arc<str>,
    stage: Arc<str>,
    deployment_id: Arc<str>,
    is_canary_request: Option<bool>,
    resource_id: Arc<str>,
    resource_path: Arc<str>,
    stage_variables: Box<[(Arc<str>, Arc<str>)]>,
}

impl OperationContext {
    /// The context of the operation with that resource path. `is_canary_request` is as of
    /// [`Gateway::is_canary_request`](attache_model::Gateway::is_canary_request).
    #[must_use]
    pub fn new(
        account_id: &str,
        api_id: &str,
        stage: &Stage,
        is_canary_request: Option<bool>,
        resource_path: &str,
    ) -> Self {
        let variables = stage.variables.iter();
        Self {
            account_id: account_id.into(),
            api_id: api_id.into(),
            stage: stage.name.as_str().into(),
            deployment_id: deployment_id(api_id, stage).into(),
            is_canary_request,
            resource_id: resource_id(api_id, resource_path).into(),
            resource_path: resource_path.into(),
            stage_variables: variables
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
        }
    }
}

/// A request of the gateway as templates see it.
#[derive(Clone, Copy)]
pub struct RequestFacts<'r> {
    /// The request.
    pub request: IntegrationRequest<'r>,
    /// What it is for.
    pub operation: &'r OperationContext,
}

/// The variables of `$context`, in the order in which AWS has been seen to list them.
const CONTEXT: [&str; 21] = [
    "resourceId",
    "authorizer",
    "resourcePath",
    "httpMethod",
    "extendedRequestId",
    "requestTime",
    "path",
    "accountId",
    "protocol",
    "requestOverride",
    "stage",
    "domainPrefix",
    "requestTimeEpoch",
    "requestId",
    "identity",
    "domainName",
    "deploymentId",
    "responseOverride",
    "apiId",
    // Only where there is a canary release, and in which place AWS lists it is not known.
    "isCanaryRequest",
    // Only of requests under a custom domain name, of which no list was seen either.
    "customDomain",
];

/// The variables of `$context.identity`, in AWS's order, and which of them are null where there is
/// no such thing; the others are left out.
const IDENTITY: [(&str, bool); 15] = [
    ("cognitoIdentityPoolId", true),
    ("accountId", true),
    ("cognitoIdentityId", true),
    ("caller", true),
    ("sourceIp", true),
    ("principalOrgId", true),
    ("accessKey", true),
    ("cognitoAuthenticationType", true),
    ("cognitoAuthenticationProvider", true),
    ("userArn", true),
    ("userAgent", true),
    ("user", true),
    ("apiKey", false),
    ("apiKeyId", false),
    ("clientCert", false),
];

/// Header fields that AWS takes from every request before a template sees it.
const DROPPED: [&[u8]; 12] = [
    b"connection",
    b"content-length",
    b"content-md5",
    b"expect",
    b"max-forwards",
    b"proxy-authenticate",
    b"server",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"www-authenticate",
];

impl RequestFacts<'_> {
    fn variable(&self, name: &str, needs: &ContextNeeds) -> Option<Value> {
        let (request, operation) = (&self.request, self.operation);
        let authority = || host_name(request.headers.last(b":authority").unwrap_or_default());
        let shared = |text: &Arc<str>| Value::String(Arc::clone(text));
        Some(match name {
            "resourceId" => shared(&operation.resource_id),
            "resourcePath" => shared(&operation.resource_path),
            "accountId" => shared(&operation.account_id),
            "stage" => shared(&operation.stage),
            "apiId" => shared(&operation.api_id),
            "deploymentId" => shared(&operation.deployment_id),
            "isCanaryRequest" => Value::string(is_canary_request(operation.is_canary_request?)),
            "authorizer" => Value::Map(self.authorizer()?),
            "httpMethod" => Value::string(Verb::as_str(request.route.verb)),
            "extendedRequestId" => Value::string(request.ids.extended()),
            "requestId" => Value::string(request.ids.request_id()),
            "requestTime" => Value::string(request_time(request.time)),
            "requestTimeEpoch" => {
                Value::integer(i64::try_from(request.time.as_millis()).unwrap_or(i64::MAX))
            }
            "path" => Value::String(text(request.route.path)),
            "protocol" => Value::String(text(&request.connection.protocol())),
            "domainName" => Value::String(text(authority())),
            "domainPrefix" => Value::String(text(authority().split(|byte| *byte == b'.').next()?)),
            "customDomain" => {
                let map = Map::of(MapKind::Context);
                let base_path = request.route.domain?.base_path;
                map.insert("basePathMatched", Value::string(base_path));
                Value::Map(map)
            }
            "identity" => Value::Map(self.identity(needs)),
            "requestOverride" | "responseOverride" => overrides(name),
            _ => return None,
        })
    }

    fn identity(&self, needs: &ContextNeeds) -> Map {
        let identity = Map::of(MapKind::Context);
        for (name, is_null) in IDENTITY {
            if !needs.wants(&["identity.", name].concat()) {
                continue;
            }
            match self.identity_value(name) {
                Some(value) => identity.insert(name, value),
                None if is_null => identity.insert(name, Value::Null),
                None => None,
            };
        }
        identity
    }

    fn identity_value(&self, name: &str) -> Option<Value> {
        let request = &self.request;
        match name {
            "sourceIp" => Some(Value::String(text(&request.connection.source_address()))),
            "userAgent" => Some(Value::String(text(request.headers.last(b"user-agent")?))),
            "apiKey" => Some(Value::String(text(request.api_key?))),
            "apiKeyId" => Some(Value::string(request.api_key_id?)),
            "clientCert" => {
                let certificate = ClientCertificate::of(request.headers, request.connection)?;
                Some(Value::Map(client_certificate(certificate)))
            }
            name => {
                let field = IdentityField::parse(name)?;
                request.caller.identity_value(field).map(Value::string)
            }
        }
    }

    /// What the authorizer has found out; None when there was none.
    fn authorizer(&self) -> Option<Map> {
        let caller = self.request.caller;
        if caller.principal_id.is_none() && caller.context.is_none() && caller.claims.is_none() {
            return None;
        }
        let authorizer = Map::of(MapKind::Context);
        if let Some(claims) = &caller.claims {
            let claims = claims.iter().map(|(name, value)| (name.as_str(), value));
            let map = Map::of(MapKind::Context);
            for (name, value) in claims {
                map.insert(name, Value::String(texts(value)));
            }
            authorizer.insert("claims", Value::Map(map));
        }
        for (name, value) in caller.context.iter().flat_map(|context| context.iter()) {
            authorizer.insert(name.as_str(), Value::String(texts(value)));
        }
        if let Some(principal) = &caller.principal_id {
            authorizer.insert("principalId", Value::String(Arc::clone(principal)));
        }
        if let Some(latency) = caller.authorizer_latency {
            authorizer.insert("integrationLatency", Value::string(latency.to_string()));
        }
        Some(authorizer)
    }
}

impl TemplateRequest for RequestFacts<'_> {
    fn context(&self, needs: &ContextNeeds) -> Map {
        let context = Map::of(MapKind::Context);
        for name in CONTEXT {
            if needs.wants(name)
                && let Some(value) = self.variable(name, needs)
            {
                context.insert(name, value);
            }
        }
        context
    }

    fn parameter(&self, place: Place, name: &str) -> Option<Arc<str>> {
        let (route, headers) = (&self.request.route, self.request.headers);
        match place {
            Place::Path => route.path_parameter(name).map(text),
            Place::Query => {
                let pair = pairs(route.query)
                    .rev()
                    .find(|pair| pair.is_named(name.as_bytes()))?;
                let value: Vec<u8> = pair.decoded_value().collect();
                Some(text(&value))
            }
            Place::Header => {
                let mut name = name.as_bytes().to_ascii_lowercase();
                if name == b"host" {
                    name = b":authority".to_vec();
                }
                let is_there = name == b":authority" || is_client_field(&name);
                is_there.then(|| headers.last(&name).map(text))?
            }
        }
    }

    fn parameters(&self, place: Place) -> Map {
        let (route, headers) = (&self.request.route, self.request.headers);
        match place {
            Place::Path => route
                .path_parameters()
                .map(|(name, value)| (name, Value::String(text(value))))
                .collect(),
            Place::Query => pairs(route.query)
                .map(|pair| {
                    let name: Vec<u8> = pair.name().collect();
                    let value: Vec<u8> = pair.decoded_value().collect();
                    (text(&name), Value::String(text(&value)))
                })
                .collect(),
            Place::Header => {
                let map = Map::of(MapKind::Fields);
                for (name, value) in headers.iter() {
                    let name = match name {
                        b":authority" => b"host",
                        name if is_client_field(name) => name,
                        _ => continue,
                    };
                    let name: Arc<str> = Names::AsAws.of(name).into();
                    map.insert(name, Value::String(text(value)));
                }
                map
            }
        }
    }

    fn stage_variables(&self) -> Map {
        let variables = self.operation.stage_variables.iter();
        variables
            .map(|(name, value)| (Arc::clone(name), Value::String(Arc::clone(value))))
            .collect()
    }
}

/// Whether a header field is the client's and one that AWS leaves.
fn is_client_field(name: &[u8]) -> bool {
    let is_internal = name.starts_with(b":")
        || name.starts_with(b"x-envoy-")
        || name.starts_with(b"x-attache-")
        || name == b"x-forwarded-client-cert";
    !is_internal && !DROPPED.contains(&name)
}

fn client_certificate(certificate: ClientCertificate) -> Map {
    let validity = Map::of(MapKind::Context);
    validity.insert("notBefore", Value::string(certificate.not_before));
    validity.insert("notAfter", Value::string(certificate.not_after));
    let map = Map::of(MapKind::Context);
    map.insert("clientCertPem", Value::string(certificate.pem));
    map.insert("subjectDN", Value::string(certificate.subject_dn));
    map.insert("issuerDN", Value::string(certificate.issuer_dn));
    map.insert("serialNumber", Value::string(certificate.serial_number));
    map.insert("validity", Value::Map(validity));
    map
}

/// What an authorizer left is text, whatever it was.
fn texts(value: &serde_json::Value) -> Arc<str> {
    match value {
        serde_json::Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// Bytes from the wire as text.
fn text(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}

#[cfg(test)]
mod tests;
