use attache_model::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// An API key: its value, and what it opens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "API key")]
pub struct ApiKey {
    /// What the client sends in `x-api-key`: 20 to 128 characters. In place of it the file may hold
    /// `valueSha256`, and then it holds no secret.
    #[serde(default, deserialize_with = "secret")]
    #[schemars(with = "Option<String>")]
    pub value: Option<Secret<String>>,
    /// The SHA-256 of the value, as 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub value_sha256: Option<String>,
    /// Values that the key had before it was rotated, and that open it until they expire.
    #[serde(default)]
    pub previous_values: Vec<PreviousValue>,
    /// What the key is for. Not used.
    pub description: Option<String>,
    /// The ids of the usage plans that the key belongs to.
    #[serde(default)]
    pub usage_plans: Vec<String>,
    /// A disabled key is refused like an unknown one.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// From when on the key is refused, such as `2027-01-31T00:00:00Z`.
    pub expires_at: Option<String>,
}

/// A value that a key had before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "previous value")]
pub struct PreviousValue {
    /// The value itself; or rather `valueSha256`.
    #[serde(default, deserialize_with = "secret")]
    #[schemars(with = "Option<String>")]
    pub value: Option<Secret<String>>,
    /// The SHA-256 of the value, as 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub value_sha256: Option<String>,
    /// From when on this value is refused, such as `2027-01-31T00:00:00Z`.
    pub expires_at: String,
}

const fn enabled() -> bool {
    true
}

pub(super) fn secret<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
