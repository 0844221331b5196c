//! `attache.yaml`: what people write.
//!
//! The terms are AWS's own, spelled as in AWS's JSON. These types are the one source of its shape:
//! the JSON Schema that `attache schema` prints is generated from them, the same schema finds every
//! fault of a file at once (`shape`), and serde then fills them. What a shape cannot say, such as
//! which stage a plan may name, is decided where the configuration is lowered to the model
//! ([`crate::project`]).

mod api;
mod api_key;
mod authorizer;
mod credential;
mod domain;
mod endpoint;
mod management_api;
mod masking;
mod response_cache;
mod shape;
mod state;
pub(crate) mod suggestion;
mod usage_plan;
mod wording;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use api::{Api, CanarySettings, MethodSettings, Protocol, Stage};
pub use api_key::{ApiKey, PreviousValue};
pub use authorizer::{Authorizer, PolicyDocument, VpcEndpoint};
pub use credential::{Credential, Principal};
pub use domain::{
    ApiMapping, Certificate, Domain, EndpointConfiguration, EndpointType, MutualTlsAuthentication,
    RoutingMode, SecurityPolicy, WebSockets,
};
pub use endpoint::{Endpoint, Endpoints, VpcLink};
pub use management_api::ManagementApi;
pub(crate) use masking::looks_like_a_secret;
pub use masking::{masked, masked_unparsed};
pub use response_cache::{CacheCluster, CacheMode, UnauthorizedCacheControlHeaderStrategy};
pub use shape::{Reading, read, schema};
pub use state::{OnFailure, Redis, RedisAuth, RedisDialect, State};
pub use usage_plan::{ApiStage, Period, Quota, Throttle, UsagePlan};

/// The configuration of one gateway: APIs, usage plans, API keys and credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "attache.yaml")]
pub struct Configuration {
    /// The APIs by their ids. An API answers at `http://ID.localhost:PORT/STAGE/…`, and an only
    /// API at every other host name too.
    #[schemars(extend("minProperties" = 1))]
    pub apis: BTreeMap<String, Api>,
    /// The usage plans by their ids: which stages their keys open, how fast and how often.
    #[serde(default)]
    pub usage_plans: BTreeMap<String, UsagePlan>,
    /// The customers' API keys by their ids.
    #[serde(default)]
    pub api_keys: BTreeMap<String, ApiKey>,
    /// More API keys, in files of AWS's API key file format (CSV with the columns Name, Key,
    /// Description, Enabled, UsagePlanIds). Paths are relative to this file.
    #[serde(default)]
    pub api_key_files: Vec<String>,
    /// The AWS access keys that may sign requests, by their ids (`AKIA…`).
    #[serde(default)]
    pub credentials: BTreeMap<String, Credential>,
    /// Where AWS's services are, by their names in ARNs: `lambda`, `dynamodb`, `sqs`, … What is not
    /// named here is at AWS, and calls to it are signed with the AWS credentials of Envoy's
    /// environment. `cognito` serves `GET /POOL/.well-known/jwks.json`, the keys of user pools.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// The AWS account that the gateway stands for.
    #[serde(default)]
    pub account: Account,
    /// Whether answers under a usage plan carry the IETF `RateLimit` headers, and refusals
    /// `Retry-After`. AWS sends neither.
    #[serde(default)]
    pub rate_limit_headers: bool,
    /// Where the access log goes: `on` for standard output, as when this is left out, `off`, or the
    /// path of a file.
    #[serde(default)]
    pub access_log: AccessLog,
    /// What the gateway answers of API Gateway's management API, for `attache cache flush` and
    /// `attache usage`. Without this it answers nothing of it; only `attache run` makes up a token
    /// for itself, where there is a cache or a usage plan and none but this computer's users can
    /// call.
    pub management_api: Option<ManagementApi>,
    /// A path, such as `/usage`, at which each stage under a usage plan tells the holder of an API
    /// key what this key has used, in the form of AWS's `GetUsage`, for `GET` with the key in
    /// `x-api-key`. It counts towards nothing, comes before what a REST API has at this path, and is
    /// not served by stages whose keys come from an authorizer.
    #[schemars(regex(pattern = "^(/[A-Za-z0-9._~-]+)+$"))]
    pub usage_route: Option<String>,
    /// Custom domain names: `api.example.com`, or `*.example.com` for every name with one more
    /// label.
    #[serde(default)]
    pub domains: BTreeMap<String, Domain>,
    /// The certificates that Envoy shows to `https` back ends, by the ids that stages name.
    #[serde(default)]
    pub client_certificates: BTreeMap<String, Certificate>,
    /// How many proxies in front of Envoy, such as a CDN and a load balancer, have each put the
    /// address of their own caller to the end of `X-Forwarded-For`. The client's address is then the
    /// one that the outermost of them has seen. Only as many as nobody can connect past: with more,
    /// every client can claim any address.
    #[serde(default)]
    #[schemars(range(max = 16))]
    pub num_trusted_hops: u32,
    /// How long WebSocket connections may last.
    #[serde(default)]
    pub web_sockets: WebSockets,
    /// Where several gateways keep what they share.
    pub state: Option<State>,
}

/// The AWS account that the gateway stands for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(title = "account")]
pub struct Account {
    /// Twelve digits, in quotes: seen in ARNs and in `$context.accountId`.
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    pub id: String,
    /// The region in ARNs, such as `eu-central-1`.
    #[schemars(regex(pattern = "^[a-z]{2}(-[a-z]+)+-[0-9]+$"))]
    pub region: String,
    /// The throttle that all APIs share. AWS grants 10000 a second with a burst of 5000; here there
    /// is no limit unless one is set.
    pub throttle: Option<Throttle>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            id: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        }
    }
}

/// Where the access log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String", extend("minLength" = 1))]
pub enum AccessLog {
    /// `on`: standard output, one JSON object a line.
    #[default]
    StandardOutput,
    /// `off`: nowhere.
    Off,
    /// A file, relative to `attache.yaml`.
    File(String),
}

impl From<String> for AccessLog {
    fn from(text: String) -> Self {
        match text.as_str() {
            "on" => Self::StandardOutput,
            "off" => Self::Off,
            _ => Self::File(text),
        }
    }
}
