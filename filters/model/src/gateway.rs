use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Api, ApiKey, Credential, Domain, KeptUsage, ManagementApi, Stage, State, Throttle, UsagePlan,
};

/// The version of the document that this build writes and reads.
pub const VERSION: u32 = 1;

/// The whole configuration of one gateway: every API, plan and key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// [`VERSION`]; another number is refused.
    pub version: u32,
    /// What holds for all APIs together.
    pub account: Account,
    /// The APIs, each with its stages and operations.
    pub apis: Vec<Api>,
    /// The custom domain names, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
    /// The usage plans that keys may belong to.
    #[serde(default)]
    pub usage_plans: Vec<UsagePlan>,
    /// The customers' keys, as digests.
    #[serde(default)]
    pub api_keys: Vec<ApiKey>,
    /// The credentials that may sign requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
    /// Where AWS's services are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: Endpoints,
    /// Whether answers of operations under a usage plan carry the IETF `RateLimit` and
    /// `Retry-After` headers. AWS sends none, so this is off unless asked for.
    #[serde(default)]
    pub rate_limit_headers: bool,
    /// Whether the filter publishes the `$context` fields of the access log.
    #[serde(default)]
    pub access_log: bool,
    /// What the gateway answers of API Gateway's management API; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_api: Option<ManagementApi>,
    /// Where what gateways share is kept; `None`: this gateway is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The path, below each stage of a REST API, at which the holder of an API key is told what the
    /// key has used; `None`: nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_route: Option<String>,
    /// The counts to begin with where the proxy has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_usage: Vec<KeptUsage>,
}

/// Where AWS's services are: by the name of the service as it stands in ARNs, such as `lambda` or
/// `dynamodb`. One that is not named is at AWS.
pub type Endpoints = BTreeMap<String, Endpoint>;

/// Where a service of AWS's is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// The `http` or `https` URL of its API.
    pub url: String,
    /// Whether calls are signed with the proxy's own AWS credentials.
    #[serde(default)]
    pub sign: bool,
}

impl Gateway {
    /// A gateway of an account, without APIs, plans and keys.
    #[must_use]
    pub const fn new(account: Account) -> Self {
        Self {
            version: VERSION,
            account,
            apis: Vec::new(),
            domains: Vec::new(),
            usage_plans: Vec::new(),
            api_keys: Vec::new(),
            credentials: Vec::new(),
            endpoints: Endpoints::new(),
            rate_limit_headers: false,
            access_log: false,
            management_api: None,
            state: None,
            usage_route: None,
            kept_usage: Vec::new(),
        }
    }

    /// Whether the requests that one of the stages of one of the APIs serves are those of a canary
    /// release (`$context.isCanaryRequest`); `None` when the stage has none.
    #[must_use]
    pub fn is_canary_request(&self, api: &Api, stage: &Stage) -> Option<bool> {
        if stage.canary.is_some() {
            return Some(true);
        }
        let entries = self.apis.iter().filter(|entry| entry.id == api.id);
        let mut stages = entries.flat_map(|entry| &entry.stages);
        let has_canary = stages.any(|other| other.name == stage.name && other.canary.is_some());
        has_canary.then_some(false)
    }
}

/// The AWS account that the gateway stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// Twelve digits, for ARNs and `$context.accountId`.
    pub id: String,
    /// The region in ARNs, such as `us-east-1`.
    pub region: String,
    /// The account-level throttle over all APIs; `None` means no limit at this level.
    #[serde(default)]
    pub throttle: Option<Throttle>,
}
