use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What answers an operation (`x-amazon-apigateway-integration`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Integration {
    /// An HTTP back end that gets the client's request and whose answer is passed on.
    HttpProxy(HttpProxy),
}

/// The settings of an `HTTP_PROXY` integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpProxy {
    /// The back end's URI as written: may hold `{placeholders}` and `${stageVariables.name}`.
    pub uri: String,
    /// The method sent to the back end; `None` for the client's own.
    #[serde(default)]
    pub http_method: Option<String>,
    /// `integration.request.{header,querystring,path}.NAME` to a source expression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, String>,
    /// How long the back end may take, 50 to 29 000 milliseconds (HTTP APIs: 30 000).
    pub timeout_in_millis: u32,
    /// How an `https` back end is verified.
    #[serde(default)]
    pub tls: TlsOptions,
}

/// `tlsConfig` of an integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsOptions {
    /// Accept a certificate that no trusted authority signed.
    #[serde(default)]
    pub insecure_skip_verification: bool,
    /// The name to present and to verify, in place of the URI's host.
    #[serde(default)]
    pub server_name_to_verify: Option<String>,
}
