use attache_model::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// The part of API Gateway's management API that the gateway itself answers: the flushing of
/// caches, and what keys have used of their plans. Write one of the three.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "management API")]
pub struct ManagementApi {
    /// What requests bring as `Authorization: Bearer TOKEN`: 20 to 512 characters. Better keep it
    /// out of this file.
    #[serde(default, deserialize_with = "super::api_key::secret")]
    #[schemars(with = "Option<String>")]
    pub token: Option<Secret<String>>,
    /// The SHA-256 of the token, as 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub token_sha256: Option<String>,
    /// The file that holds the token, relative to this file.
    #[schemars(length(min = 1))]
    pub token_file: Option<String>,
}
