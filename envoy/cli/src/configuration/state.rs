use attache_model::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where several gateways keep what they share: how much is left of throttles and quotas, API
/// keys and usage plans. Without this each gateway counts by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "state")]
pub struct State {
    /// The Redis that all of them reach.
    pub redis: Redis,
}

/// A Redis, or a server that speaks its commands, behind HTTP: Envoy's filters reach nothing else.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Redis")]
pub struct Redis {
    /// Its address over HTTP, such as `http://127.0.0.1:7379` for Webdis, with a path where it has
    /// one.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub url: String,
    /// Who speaks HTTP for it: `webdis`, or `upstash` for the REST API of Upstash.
    #[serde(default)]
    pub dialect: RedisDialect,
    /// What Envoy shows it with every call. Without this, nothing: whoever reaches it can change
    /// what is counted there.
    pub auth: Option<RedisAuth>,
    /// What the names of all keys begin with. Gateways with the same prefix share what they count:
    /// 1 to 64 letters, digits and `_.:-`.
    #[serde(default = "prefix")]
    #[schemars(regex(pattern = "^[A-Za-z0-9_.:-]{1,64}$"))]
    pub prefix: String,
    /// What becomes of requests that need an answer of Redis when there is none: `local` holds them
    /// to the limits as if each gateway were the only one, `allow` lets them through, `deny` refuses
    /// them.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long a request waits for Redis at most, in milliseconds. Few ever do: gateways fetch
    /// ahead.
    #[serde(default = "timeout_ms")]
    #[schemars(range(min = 1, max = 1000))]
    pub timeout_ms: u32,
    /// Whether API keys live there as well, beside those of this file: `attache keys … --fleet`
    /// creates, changes and revokes them, and every gateway knows within two seconds.
    #[serde(default)]
    pub api_keys: bool,
    /// Whether usage plans live there as well, beside those of this file, for keys that do:
    /// `attache usage-plans … --fleet` creates and changes them, and every gateway knows within two
    /// seconds. Needs `apiKeys`.
    #[serde(default)]
    pub usage_plans: bool,
}

/// Who speaks HTTP for Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum RedisDialect {
    /// Webdis.
    #[default]
    Webdis,
    /// The REST API of Upstash: commands are JSON arrays.
    Upstash,
}

/// What becomes of requests that need an answer of Redis when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum OnFailure {
    /// They are let through.
    Allow,
    /// They are refused.
    Deny,
    /// Each gateway counts by itself.
    #[default]
    Local,
}

/// What Envoy shows in `Authorization`: a token (`Bearer`), or a user's name and password
/// (`Basic`). Better keep the secret out of this file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Redis authorization")]
pub struct RedisAuth {
    /// The token itself; or rather `tokenFile`.
    #[serde(default, deserialize_with = "super::api_key::secret")]
    #[schemars(with = "Option<String>")]
    pub token: Option<Secret<String>>,
    /// The file that holds the token, relative to this file.
    #[schemars(length(min = 1))]
    pub token_file: Option<String>,
    /// The user's name, which has no colon in it.
    #[schemars(length(min = 1))]
    pub username: Option<String>,
    /// The user's password; or rather `passwordFile`.
    #[serde(default, deserialize_with = "super::api_key::secret")]
    #[schemars(with = "Option<String>")]
    pub password: Option<Secret<String>>,
    /// The file that holds the password, relative to this file.
    #[schemars(length(min = 1))]
    pub password_file: Option<String>,
}

fn prefix() -> String {
    "attache".to_owned()
}

const fn timeout_ms() -> u32 {
    5
}
