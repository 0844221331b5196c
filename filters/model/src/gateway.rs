use serde::{Deserialize, Serialize};

use crate::{Api, ApiKey, Credential, Throttle, UsagePlan};

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
    #[serde(default, skip_serializing_if = "Endpoints::is_empty")]
    pub endpoints: Endpoints,
    /// Whether answers of operations under a usage plan carry the IETF `RateLimit` and
    /// `Retry-After` headers. AWS sends none, so this is off unless asked for.
    #[serde(default)]
    pub rate_limit_headers: bool,
    /// Whether the filter publishes the `$context` fields of the access log.
    #[serde(default)]
    pub access_log: bool,
}

/// Where AWS's services are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The `http` or `https` URL of the Lambda Invoke API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<String>,
}

impl Endpoints {
    /// Whether none is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lambda.is_none()
    }
}

/// The AWS account that the gateway stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
