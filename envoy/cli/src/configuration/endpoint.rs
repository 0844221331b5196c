use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where AWS's services are, by their names in ARNs.
pub type Endpoints = BTreeMap<String, Endpoint>;

/// Where an AWS service is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "endpoint")]
pub struct Endpoint {
    /// Its address, such as `http://127.0.0.1:9001`.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub url: String,
    /// Whether calls are signed, with the AWS credentials of Envoy's environment.
    #[serde(default)]
    pub sign: bool,
}

/// Where a VPC link leads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "VPC link")]
pub struct VpcLink {
    /// The address of the load balancer, or of the back end itself, such as `http://10.0.0.7:8080`.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub url: String,
}
