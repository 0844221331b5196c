//! What a client sends.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::Signature;

/// What a client sends. `{{token NAME}}` stands for a token in the path, in the values of header
/// fields and in the body.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path with its query, as it goes over the wire.
    pub path: String,
    /// The header fields. `host` is the address of the gateway when absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    /// The body, with its `content-length`.
    #[serde(default)]
    pub body: Option<String>,
    /// The AWS signature that the request gets.
    #[serde(default)]
    pub sign: Option<Signature>,
    /// The address that the client has; `127.0.0.1` when absent. In Envoy it can only be one of
    /// `127.0.0.0/8`.
    #[serde(default)]
    pub source_address: Option<IpAddr>,
    /// The certificate that the client shows, in PEM: in memory alone. `tests/e2e` has real ones.
    #[serde(default)]
    pub client_certificate: Option<String>,
}

/// The values of a header field: one text, or a list of them for a field that comes several times.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
pub enum Values {
    /// The field comes once.
    One(String),
    /// The field comes as often.
    Many(Vec<String>),
}

impl Values {
    /// The values, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl Request {
    /// Whether only a proxy in memory can be sent this.
    pub(crate) fn needs_memory(&self) -> bool {
        let beyond_loopback = match self.source_address {
            Some(IpAddr::V4(address)) => !address.is_loopback(),
            Some(IpAddr::V6(_)) => true,
            None => false,
        };
        beyond_loopback || self.client_certificate.is_some()
    }
}

fn get() -> String {
    "GET".to_owned()
}
