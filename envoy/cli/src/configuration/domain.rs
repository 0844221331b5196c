use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A custom domain name: its certificate, and what is found under it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "domain")]
pub struct Domain {
    /// The certificate. With one, the domain is served under TLS only, at the port `--tls-port`;
    /// without, at the port of all others, for a load balancer in front that ends TLS itself.
    pub certificate: Option<Certificate>,
    /// Which stages the base paths lead to: `v1` is the first segment of a path, `v1/orders` the
    /// first two, and `(none)` stands for none. The longest that fits a request counts.
    #[serde(default)]
    pub mappings: BTreeMap<String, ApiMapping>,
    /// The oldest version of TLS that clients may use, and the ciphers, by AWS's names; `TLS_1_2`
    /// unless set.
    pub security_policy: Option<SecurityPolicy>,
    /// Whether clients have to show a certificate.
    pub mutual_tls_authentication: Option<MutualTlsAuthentication>,
    /// What kind of endpoint the domain has.
    pub endpoint_configuration: Option<EndpointConfiguration>,
    /// How requests are led to APIs.
    #[schemars(extend("x-not-supported-yet" = {"feature": "routing rules", "unless": "BASE_PATH_MAPPING_ONLY"}))]
    pub routing_mode: Option<RoutingMode>,
}

/// A certificate and its key: PEM files, relative to `attache.yaml`. Envoy reads them, and reads
/// them again when they are replaced.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "certificate")]
pub struct Certificate {
    /// The certificate, and behind it those of the authorities between it and a root.
    #[schemars(length(min = 1))]
    pub chain: String,
    /// The private key, which only Envoy and its operator may read.
    #[schemars(length(min = 1))]
    pub key: String,
}

/// The stage that a base path leads to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "API mapping")]
pub struct ApiMapping {
    /// The id of the API.
    pub api: String,
    /// The name of its stage.
    pub stage: String,
}

/// A certificate that clients have to show.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "mutual TLS authentication")]
pub struct MutualTlsAuthentication {
    /// A PEM file with the certificates of the authorities that clients' certificates must come
    /// from, relative to `attache.yaml`.
    #[schemars(length(min = 1))]
    pub truststore: String,
}

/// What kind of endpoint an API or a domain has.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "endpoint configuration")]
pub struct EndpointConfiguration {
    /// `REGIONAL`, `EDGE` behind a CDN, or `PRIVATE`.
    #[serde(default)]
    #[schemars(length(max = 1))]
    pub types: Vec<EndpointType>,
    /// The VPC endpoints that a private API is reached through. Not used: say in the resource
    /// policy who may call.
    #[serde(default)]
    pub vpc_endpoint_ids: Vec<String>,
}

/// The kinds of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum EndpointType {
    /// Clients connect to Envoy.
    Regional,
    /// Clients connect to a CDN, which connects to Envoy.
    Edge,
    /// Only clients of a private network can connect.
    Private,
}

/// How the requests of a domain are led to APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum RoutingMode {
    /// By base paths.
    BasePathMappingOnly,
    /// By rules.
    RoutingRuleOnly,
    /// By rules, and where none applies by base paths.
    RoutingRuleThenBasePathMapping,
}

/// AWS's security policies
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum SecurityPolicy {
    /// TLS 1.0 and later.
    #[serde(rename = "TLS_1_0")]
    Tls10,
    /// TLS 1.2 and later.
    #[default]
    #[serde(rename = "TLS_1_2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "SecurityPolicy_TLS13_1_3_2025_09")]
    Tls13,
    /// TLS 1.3, with what FIPS 140 approves of.
    #[serde(rename = "SecurityPolicy_TLS13_1_3_FIPS_2025_09")]
    Tls13Fips,
    /// TLS 1.2 and later, with forward secrecy and hybrid post-quantum key exchange.
    #[serde(rename = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09")]
    Tls12PfsPq,
    /// TLS 1.2 and later, with what FIPS 140 approves of, and hybrid post-quantum key exchange.
    #[serde(rename = "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09")]
    Tls12FipsPq,
    /// The same with forward secrecy.
    #[serde(rename = "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09")]
    Tls12FipsPfsPq,
    /// TLS 1.2 and later, with hybrid post-quantum key exchange.
    #[serde(rename = "SecurityPolicy_TLS13_1_2_PQ_2025_09")]
    Tls12Pq,
    /// TLS 1.2 and later.
    #[serde(rename = "SecurityPolicy_TLS13_1_2_2021_06")]
    Tls122021,
    /// TLS 1.3, of edge-optimized endpoints.
    #[serde(rename = "SecurityPolicy_TLS13_2025_EDGE")]
    Tls13Edge,
    /// TLS 1.2 and later with forward secrecy, of edge-optimized endpoints.
    #[serde(rename = "SecurityPolicy_TLS12_PFS_2025_EDGE")]
    Tls12PfsEdge,
    /// TLS 1.2 and later, of edge-optimized endpoints.
    #[serde(rename = "SecurityPolicy_TLS12_2018_EDGE")]
    Tls122018Edge,
}

/// How long WebSocket connections may last.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(title = "WebSocket connections")]
pub struct WebSockets {
    /// After how many seconds without a byte in either direction a connection is closed.
    #[schemars(range(min = 1, max = 86400))]
    pub idle_timeout_in_seconds: u32,
    /// After how many seconds a connection is closed in any case.
    #[schemars(range(min = 1, max = 604_800))]
    pub connection_duration_in_seconds: u32,
}

impl Default for WebSockets {
    /// AWS's quotas of WebSocket APIs: ten minutes and two hours.
    fn default() -> Self {
        Self {
            idle_timeout_in_seconds: 600,
            connection_duration_in_seconds: 7200,
        }
    }
}
