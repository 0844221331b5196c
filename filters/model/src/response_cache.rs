use serde::{Deserialize, Serialize};

/// The cache of a stage: which of its operations answer from it, and how much it may hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheCluster {
    /// How much the cache may hold, everything that it needs for itself included, in MiB.
    pub size_mebibytes: u32,
    /// Whether what one gateway has fetched the others find in Redis, and so it is with the results
    /// of the stage's Lambda authorizers. Needs [`State::redis`](crate::State::redis).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// How a response's lifetime is found.
    #[serde(default, skip_serializing_if = "CacheMode::is_api_gateway")]
    pub mode: CacheMode,
    /// How long a request waits at most for the answer to another one with the same key before it
    /// asks the back end itself, in milliseconds. 0: it never waits.
    #[serde(default = "CacheCluster::default_longest_wait_millis")]
    pub longest_wait_millis: u32,
    /// The operations that answer from the cache, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<CachedOperation>,
}

impl CacheCluster {
    /// A cache that nobody answers from.
    #[must_use]
    pub const fn new(size_mebibytes: u32) -> Self {
        Self {
            size_mebibytes,
            shared: false,
            mode: CacheMode::ApiGateway,
            longest_wait_millis: Self::default_longest_wait_millis(),
            operations: Vec::new(),
        }
    }

    const fn default_longest_wait_millis() -> u32 {
        5_000
    }
}

/// How a response's lifetime is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// As API Gateway does: by the operation's setting, whatever the response says.
    #[default]
    ApiGateway,
    /// As RFC 9111 asks of a shared cache: by the response's `Cache-Control` and `Expires`, within
    /// what `Vary` allows. The operation's setting is for responses that say nothing.
    Http,
}

impl CacheMode {
    /// Whether it is API Gateway's own, which need not be written.
    #[must_use]
    pub const fn is_api_gateway(&self) -> bool {
        matches!(self, Self::ApiGateway)
    }
}

/// How the responses of one operation are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CachedOperation {
    /// The operation, counted from 0 in [`Api::operations`](crate::Api::operations).
    pub operation: usize,
    /// How long a response is kept, in seconds: 1 to 3600.
    pub ttl_seconds: u32,
    /// Whether responses are encrypted while they are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// Who may have a response fetched anew with `Cache-Control: max-age=0`.
    #[serde(default)]
    pub invalidation: CacheInvalidation,
}

/// Who may have a response fetched anew with `Cache-Control: max-age=0`, and what becomes of the
/// requests of others that say so: `requireAuthorizationForCacheControl` and
/// `unauthorizedCacheControlHeaderStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CacheInvalidation {
    /// Everybody.
    Anyone,
    /// Who may `execute-api:InvalidateCache`; others are refused with 403.
    #[serde(rename = "FAIL_WITH_403")]
    FailWith403,
    /// Who may `execute-api:InvalidateCache`; others are answered from the cache, with a `Warning`.
    #[default]
    SucceedWithResponseHeader,
    /// Who may `execute-api:InvalidateCache`; others are answered from the cache.
    SucceedWithoutResponseHeader,
}

/// What makes two requests of an operation the same for the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheKey {
    /// `cacheNamespace`: operations with the same one share their responses. By default those of
    /// one resource do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `cacheKeyParameters`: `method.request.{path,querystring,header}.NAME` or
    /// `integration.request.{path,querystring,header}.NAME`. Whatever else differs between two
    /// requests, they get the same response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

impl CacheKey {
    /// Whether nothing is said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.namespace.is_none() && self.parameters.is_empty()
    }
}

/// The part of API Gateway's management API that the gateway itself answers, such as
/// `DELETE /restapis/ID/stages/STAGE/cache/data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagementApi {
    /// SHA-256 of the token that requests must bring as `Authorization: Bearer TOKEN`, in
    /// hexadecimal.
    pub token_sha256: String,
}
