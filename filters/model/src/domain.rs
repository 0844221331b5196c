use serde::{Deserialize, Serialize};

/// A custom domain name, and what is found under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Domain {
    /// The host name in lower case, such as `api.example.com`; `*.example.com` stands for every name
    /// with one more label.
    pub name: String,
    /// Whether only connections under TLS whose server name (SNI) is this name may ask for it: its
    /// certificate, its minimum version of TLS and the certificates that it asks clients for then
    /// hold for every request. The proxy's listener has to see to those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// Which paths lead where; the longest that fits a request counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<ApiMapping>,
}

impl Domain {
    /// A domain name under which nothing is found.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tls: false,
            mappings: Vec::new(),
        }
    }
}

/// A base path of a custom domain name, and the stage that it leads to (AWS: base path mapping, API
/// mapping).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiMapping {
    /// The segments before the resource path, such as `v1` or `v1/orders`; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The id of the API.
    pub api: String,
    /// The name of its stage.
    pub stage: String,
}
