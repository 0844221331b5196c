use serde::{Deserialize, Serialize};

/// How browsers may call an HTTP API from pages of other origins (`x-amazon-apigateway-cors`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// Whether cookies and credentials may be sent.
    #[serde(default)]
    pub allow_credentials: bool,
    /// The header fields that a page may send.
    #[serde(default)]
    pub allow_headers: Vec<String>,
    /// The methods that a page may use; `*` for all.
    #[serde(default)]
    pub allow_methods: Vec<String>,
    /// The origins: exact ones, `https://*`, `http://*` or `*`.
    #[serde(default)]
    pub allow_origins: Vec<String>,
    /// The header fields of an answer that a page may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// How many seconds a browser may keep the answer to a preflight request.
    #[serde(default)]
    pub max_age: Option<i32>,
}
