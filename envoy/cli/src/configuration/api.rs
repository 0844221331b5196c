use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Authorizer, CacheCluster, EndpointConfiguration, PolicyDocument,
    UnauthorizedCacheControlHeaderStrategy, VpcEndpoint, VpcLink,
};

/// One API: its definition, who may call it, and the stages that serve it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "API")]
pub struct Api {
    /// The OpenAPI document (2.0, 3.0 or 3.1, YAML or JSON) with AWS's
    /// `x-amazon-apigateway-*` extensions, relative to this file.
    #[schemars(length(min = 1))]
    pub definition: String,
    /// Which of AWS's two products answers: REST, also when this is left out, is API Gateway v1, and
    /// HTTP is v2. They differ in routing and in the errors that clients see.
    #[serde(default)]
    pub protocol: Protocol,
    /// What authorizers of the definition do differently here, by the names of their security
    /// schemes.
    #[serde(default)]
    pub authorizers: BTreeMap<String, Authorizer>,
    /// The resource policy of a REST API, in place of `x-amazon-apigateway-policy`: an IAM policy
    /// document, or the path of a file that holds one, relative to this file.
    pub resource_policy: Option<PolicyDocument>,
    /// Whether the API answers under custom domain names only, and not at `ID.localhost`; in place of
    /// what the definition says in `x-amazon-apigateway-endpoint-configuration`.
    pub disable_execute_api_endpoint: Option<bool>,
    /// What kind of endpoint the API has.
    pub endpoint_configuration: Option<EndpointConfiguration>,
    /// The VPC that the API is called through, for resource policies.
    pub vpc_endpoint: Option<VpcEndpoint>,
    /// Where VPC links lead, by the `connectionId` of the integrations that go through them.
    #[serde(default)]
    pub vpc_links: BTreeMap<String, VpcLink>,
    /// The stages by name: the first path segment of their requests.
    #[schemars(extend("minProperties" = 1))]
    pub stages: BTreeMap<String, Stage>,
}

/// REST API (v1) or HTTP API (v2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Protocol {
    /// API Gateway v1.
    #[default]
    Rest,
    /// API Gateway v2.
    Http,
    /// API Gateway v2, with routes for messages. Not yet.
    WebSocket,
}

/// One deployed version of an API. Write `{}` for a stage without settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "stage")]
pub struct Stage {
    /// What the stage is for. Not used.
    pub description: Option<String>,
    /// Stage variables: `${stageVariables.NAME}` in integration URIs.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Settings by method: `*/*` for all methods of the stage, `/path/METHOD` for one.
    #[serde(default)]
    pub method_settings: BTreeMap<String, MethodSettings>,
    /// Which of `clientCertificates` Envoy shows to the stage's `https` back ends.
    pub client_certificate_id: Option<String>,
    /// The response cache of a REST API's stage.
    pub cache_cluster: Option<CacheCluster>,
    /// The canary release of a REST API's stage: a part of its requests that other stage variables
    /// hold for. `$context.isCanaryRequest` tells which they are.
    pub canary_settings: Option<CanarySettings>,
    /// AWS X-Ray tracing.
    #[schemars(extend("x-not-supported-yet" = {"feature": "AWS X-Ray tracing", "unless": false, "harmless": true}))]
    pub tracing_enabled: Option<bool>,
    /// The format of the stage's access log.
    #[schemars(extend("x-not-supported-yet" = {"feature": "an access log format", "harmless": true}))]
    pub access_log_settings: Option<Map<String, Value>>,
}

/// The canary release of a stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "canary release")]
pub struct CanarySettings {
    /// How many of a hundred requests it gets, each by chance: 0 to 100, such as 10 or 0.5.
    #[schemars(range(min = 0, max = 100))]
    pub percent_traffic: f64,
    /// Stage variables that it has in place of the stage's, or besides them.
    #[serde(default)]
    pub stage_variable_overrides: BTreeMap<String, String>,
    /// Whether it answers from the stage's cache; it has one of its own unless this is `true`.
    #[serde(default)]
    pub use_stage_cache: bool,
}

/// What a method, or all methods of a stage, have for themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "method setting")]
pub struct MethodSettings {
    /// Requests a second, such as 100 or 0.5; goes with `throttlingBurstLimit`. `-1` in both, as AWS
    /// writes it, is as if neither were set.
    #[schemars(range(min = -1))]
    pub throttling_rate_limit: Option<f64>,
    /// Requests at once, such as 200; goes with `throttlingRateLimit`.
    #[schemars(range(min = -1, max = 4_294_967_295_u32))]
    pub throttling_burst_limit: Option<i64>,
    /// Whether metrics are kept for each method (AWS: detailed metrics).
    pub metrics_enabled: Option<bool>,
    /// Whether a client may turn its request into a WebSocket connection with the back end; for single
    /// methods, whose integration is `HTTP_PROXY` or `HTTP`.
    pub web_socket_enabled: Option<bool>,
    /// The level of the execution log.
    #[schemars(extend("x-not-supported-yet" = {"feature": "execution logging", "unless": "OFF"}))]
    pub logging_level: Option<LoggingLevel>,
    /// Whether whole requests and responses are logged.
    #[schemars(extend("x-not-supported-yet" = {"feature": "execution logging", "unless": false}))]
    pub data_trace_enabled: Option<bool>,
    /// Whether responses are kept in the stage's cache and requests answered from it; needs
    /// `cacheCluster`. Under `*/*` it means GET methods; others, and `ANY`, need a setting of their
    /// own, and `ANY` then means its GET requests. Requests that agree in the integration's
    /// `cacheKeyParameters` get the same response, whoever sends them and whatever else they say.
    pub caching_enabled: Option<bool>,
    /// How long a response is kept, in seconds; 300 unless set, 0 for not at all.
    #[schemars(range(min = 0, max = 3600))]
    pub cache_ttl_in_seconds: Option<u16>,
    /// Whether responses are encrypted while they are kept, with the key in `ATTACHE_SECRETS_KEY`.
    pub cache_data_encrypted: Option<bool>,
    /// Whether `Cache-Control: max-age=0`, which has a response fetched anew, needs the permission
    /// `execute-api:InvalidateCache`; it does unless this is `false`.
    pub require_authorization_for_cache_control: Option<bool>,
    /// What becomes of `Cache-Control: max-age=0` without that permission: the request is refused, or
    /// answered from the cache, with a `Warning` unless set otherwise.
    pub unauthorized_cache_control_header_strategy: Option<UnauthorizedCacheControlHeaderStrategy>,
}

/// The level of the execution log.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum LoggingLevel {
    /// None.
    Off,
    /// Errors only.
    Error,
    /// Every step of every request.
    Info,
}
