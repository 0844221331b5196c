use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Authorization, Authorizer, CacheCluster, CacheKey, Cors, GatewayResponse, Integration,
    RequestValidation, Throttle, VpcEndpoint,
};

/// One API: its operations, and the stages that serve them.
///
/// A stage serves what was deployed to it, so that the stages of one API may serve different
/// operations: then there are several of these with one [`id`](Self::id), each with the stages that
/// serve it. They agree in [`protocol`](Self::protocol) and [`any_host`](Self::any_host). Among all
/// stages of one id a name stands once without [`canary`](Stage::canary), and at most once with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// The API id: its name under `apis` in `attache.yaml`, and the first label of its host name.
    pub id: String,
    /// `info.title` of the definition.
    pub name: String,
    /// Which of AWS's two products answers: their routing and their errors differ.
    pub protocol: Protocol,
    /// Whether requests whose host names no API belong to this one. At most one API may say so.
    #[serde(default)]
    pub any_host: bool,
    /// Whether the API answers under custom domain names only, and not at its own host name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_execute_api_endpoint: bool,
    /// Where the key of a request is found.
    #[serde(default)]
    pub api_key_source: ApiKeySource,
    /// The authorizers that operations name by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorizers: Vec<Authorizer>,
    /// `x-amazon-apigateway-policy`: the resource policy, an IAM policy document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<serde_json::Value>,
    /// The VPC that requests come through, for resource policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint: Option<VpcEndpoint>,
    /// `x-amazon-apigateway-binary-media-types`: the content types of binary bodies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binary_media_types: Vec<String>,
    /// The models by name, each a JSON Schema of draft 4. A `$ref` to
    /// `https://apigateway.amazonaws.com/restapis/ID/models/NAME`, to `#/definitions/NAME` or to
    /// `#/components/schemas/NAME` is to another one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, serde_json::Value>,
    /// `x-amazon-apigateway-gateway-responses`: what refusals look like, by AWS's name of the type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateway_responses: BTreeMap<String, GatewayResponse>,
    /// HTTP APIs: how pages of other origins may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// The methods of all resources. [`MethodSettings::operation`] counts from 0 in this list.
    pub operations: Vec<Operation>,
    /// The stages; each serves every operation.
    pub stages: Vec<Stage>,
}

impl Api {
    /// An API with nothing in it.
    #[must_use]
    pub fn new(id: impl Into<String>, protocol: Protocol) -> Self {
        Self {
            id: id.into(),
            name: String::new(),
            protocol,
            any_host: false,
            disable_execute_api_endpoint: false,
            api_key_source: ApiKeySource::default(),
            authorizers: Vec::new(),
            resource_policy: None,
            vpc_endpoint: None,
            binary_media_types: Vec::new(),
            models: BTreeMap::new(),
            gateway_responses: BTreeMap::new(),
            cors: None,
            operations: Vec::new(),
            stages: Vec::new(),
        }
    }
}

/// REST API (v1) or HTTP API (v2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// API Gateway v1.
    #[serde(rename = "REST")]
    Rest,
    /// API Gateway v2.
    #[serde(rename = "HTTP")]
    Http,
}

/// Where the API key of a request is found (`x-amazon-apigateway-api-key-source`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApiKeySource {
    /// The `X-API-Key` header.
    #[default]
    Header,
    /// `usageIdentifierKey` of the Lambda authorizer's result.
    Authorizer,
}

/// One method of one resource, or one route of an HTTP API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// The resource path, such as `/pets/{petId}` or `/{proxy+}`; `$default` for the catch-all
    /// route of an HTTP API.
    pub path: String,
    /// The method, or `ANY`.
    pub method: Verb,
    /// Whether a key that belongs to a plan of the stage is needed.
    #[serde(default)]
    pub api_key_required: bool,
    /// Who may call.
    #[serde(default, skip_serializing_if = "Authorization::is_none")]
    pub authorization: Authorization,
    /// What a request must have.
    #[serde(default, skip_serializing_if = "RequestValidation::is_empty")]
    pub request_validation: RequestValidation,
    /// Which requests get the same response from a stage's cache.
    #[serde(default, skip_serializing_if = "CacheKey::is_empty")]
    pub cache_key: CacheKey,
    /// What answers.
    pub integration: Integration,
}

impl Operation {
    /// An operation that everybody may call.
    #[must_use]
    pub fn new(path: impl Into<String>, method: Verb, integration: Integration) -> Self {
        Self {
            path: path.into(),
            method,
            api_key_required: false,
            authorization: Authorization::default(),
            request_validation: RequestValidation::default(),
            cache_key: CacheKey::default(),
            integration,
        }
    }
}

/// The methods that API Gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// Every method above that the resource does not name itself.
    Any,
}

impl Verb {
    /// The seven methods that `ANY` stands for.
    pub const ALL: [Self; 7] = [
        Self::Delete,
        Self::Get,
        Self::Head,
        Self::Options,
        Self::Patch,
        Self::Post,
        Self::Put,
    ];

    /// The name on the wire and in ARNs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Any => "ANY",
        }
    }

    /// Reads a request's method; `None` for every method that API Gateway does not know, and for
    /// the word `ANY`, which no client may send.
    #[must_use]
    pub fn from_request(method: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str().as_bytes() == method)
    }
}

/// One deployed version of an API, or the canary release of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// The first path segment of its requests; `$default` serves an HTTP API without one.
    pub name: String,
    /// Which deployment it serves (`$context.deploymentId`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// That this is no stage of its own but the canary release of the API's stage with this name,
    /// and how much of its traffic it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Stage variables; those of a canary release are the stage's with its own over them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Which certificate the proxy shows to `https` back ends (AWS: `clientCertificateId`); the
    /// certificate itself is the proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_id: Option<String>,
    /// The throttle that all methods of the stage share, except those with one of their own.
    #[serde(default)]
    pub throttle: Option<Throttle>,
    /// Whether metrics are also kept per method (AWS: detailed metrics).
    #[serde(default)]
    pub metrics_enabled: bool,
    /// The methods whose settings differ from the stage's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<MethodSettings>,
    /// The cache of responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_cluster: Option<CacheCluster>,
}

impl Stage {
    /// A stage without settings.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            deployment_id: None,
            canary: None,
            variables: BTreeMap::new(),
            client_certificate_id: None,
            throttle: None,
            metrics_enabled: false,
            methods: Vec::new(),
            cache_cluster: None,
        }
    }
}

/// A canary release: a part of a stage's traffic for the version that may come next (AWS:
/// `canarySettings`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Canary {
    /// How many of a hundred requests it gets, from 0 to 100; each request by chance.
    pub percent_traffic: f64,
    /// Whether it answers from the stage's cache, rather than from one of its own.
    #[serde(default)]
    pub use_stage_cache: bool,
}

/// What one method of one stage has for itself (AWS: `methodSettings["/path/METHOD"]`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MethodSettings {
    /// Which operation, counted from 0.
    pub operation: usize,
    /// Replaces the stage's throttle for this method.
    #[serde(default)]
    pub throttle: Option<Throttle>,
    /// Replaces the stage's [`metrics_enabled`](Stage::metrics_enabled).
    #[serde(default)]
    pub metrics_enabled: Option<bool>,
    /// Whether a client may turn its request into a WebSocket connection with the back end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub web_socket_enabled: bool,
}
