use serde::{Deserialize, Serialize};

use crate::SealedSecret;

/// Where gateways that share their limits keep what they share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// The Redis that all of them reach.
    pub redis: Redis,
}

/// A server that speaks Redis's commands over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redis {
    /// Its `http` or `https` URL, with a path where it has one.
    pub url: String,
    /// How commands and answers are written.
    pub dialect: RedisDialect,
    /// What stands in `Authorization`, sealed under the name [`Redis::AUTHORIZATION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<SealedSecret>,
    /// What the names of all keys begin with: gateways with the same prefix share their limits.
    pub prefix: String,
    /// What becomes of requests that need an answer of Redis when there is none.
    pub on_failure: OnFailure,
    /// How long a request waits for Redis at most, in milliseconds.
    pub timeout_millis: u32,
    /// Whether API keys live there as well, beside those of the document.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub api_keys: bool,
    /// Whether usage plans live there as well, for keys that do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usage_plans: bool,
}

impl Redis {
    /// The name under which [`Redis::authorization`] is sealed.
    pub const AUTHORIZATION: &str = "state.redis.auth";
}

/// How commands go over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RedisDialect {
    /// Webdis: a command's words are percent-encoded, with slashes between them, and the answer
    /// stands under the command's name.
    Webdis,
    /// The REST API of Upstash, which Dragonfly speaks too: a command is a JSON array, and the
    /// answer stands under `result` or `error`.
    Upstash,
}

/// What becomes of a request whose limits nobody can say anything about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// It is let through. What a quota has let through is counted when Redis is back.
    Allow,
    /// It is refused, as by a limit that has nothing left.
    Deny,
    /// Each gateway holds it to the limit by itself, as if it were the only one.
    Local,
}
