//! A filter that keeps responses as RFC 9111 asks of a shared cache, on routes that are the proxy's
//! own.
//!
//! ```json
//! {
//!   "api": "shop",
//!   "stage": "prod",
//!   "sizeMebibytes": 64,
//!   "longestWaitMillis": 5000,
//!   "operations": [
//!     {"path": "/orders/{id}", "ttlSeconds": 60, "keyHeaders": ["x-tenant"]},
//!     {"path": "/images/{proxy+}", "encrypted": true},
//!     {"path": "/accounts/{proxy+}", "cached": false},
//!     {"path": "/{proxy+}"}
//!   ]
//! }
//! ```
//!
//! `sizeMebibytes` and `operations` must be there; of an operation, `path` must. The first operation
//! whose path fits a request is the one that counts; a request that none is for passes as it is, and
//! so does one of an operation with `"cached": false`. `{id}` is one segment of a path, `{proxy+}`
//! all that are left, none included.
//!
//! Responses are kept as they say themselves: by `Cache-Control`, `CDN-Cache-Control`, `Expires` and
//! `Vary`. `ttlSeconds` is for those that say nothing; without it that is a tenth of the time since
//! they were last modified. Where a response depends on fields of the request that its `Vary` does
//! not name, `keyHeaders` does. A response is found by scheme, host, path and query, exactly as they
//! came. Of a request that names another host, path or method in a field such as `X-Forwarded-Host`
//! nothing is kept, unless that field is one of the key's; nor of one whose path has a segment `..`,
//! however it is written.
//!
//! `api` and `stage` are the names in the statistics, such as
//! `attache.api.shop.stage.prod.CacheHitCount`. What is kept under both is shared by all workers, and
//! by all filters of the proxy that say the same. `longestWaitMillis` is how long a request waits at
//! most for the answer to another one like it; 5000 by default.
//!
//! What is stale is fetched anew by the first request that sees it, while others are answered with it
//! where it says `stale-while-revalidate`. With `"revalidatesInBackground": true` that first one is
//! answered too, and the filter calls the route's cluster itself, with the request as it came to the
//! filter. That is right only for a route that changes nothing of the request: no `prefix_rewrite`,
//! no `host_rewrite_literal`, no header fields added. Behind `gateway.wasm` it has no effect.
//!
//! Operations with `"encrypted": true` need the key in the environment variable
//! `ATTACHE_SECRETS_KEY`: 32 random bytes in base64.
//!
//! A response that is kept answers whoever asks for it. So this filter stands behind all those that
//! say who may: in a chain with `gateway.wasm`, `authorizer.wasm`, `api_key.wasm` or
//! `usage_plan.wasm` it comes after them, right before the proxy's router.

use std::sync::Arc;

use serde::Deserialize;

use super::configuration::from_json;
use crate::exchange::{Answer, CalloutAnswer, Edits, Errand, Exchange, Service};
use crate::headers::is_field_name;
use crate::metric_name;
use crate::ports::{Environment, Ports};
use crate::response_cache::http::{HttpCache, Metrics, Rules};
use crate::response_cache::storage::{Encryption, Group, Storage};
use crate::sealed_secret::{SealingKey, VARIABLE};

/// The most that a cache may hold, in MiB: API Gateway's largest cluster is not larger.
const LARGEST_MEBIBYTES: u32 = 242_688;

/// The filter of `response_cache.wasm`.
#[derive(Debug)]
pub struct ResponseCacheFilter {
    cache: HttpCache,
    operations: Vec<(PathTemplate, Option<Arc<Rules>>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    #[serde(default)]
    api: String,
    #[serde(default)]
    stage: String,
    size_mebibytes: u32,
    #[serde(default = "default_wait")]
    longest_wait_millis: u32,
    #[serde(default)]
    revalidates_in_background: bool,
    operations: Vec<OperationRules>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OperationRules {
    path: String,
    #[serde(default = "is_cached")]
    cached: bool,
    ttl_seconds: Option<u32>,
    #[serde(default)]
    key_headers: Vec<String>,
    #[serde(default)]
    encrypted: bool,
}

const fn default_wait() -> u32 {
    5_000
}

const fn is_cached() -> bool {
    true
}

impl Service for ResponseCacheFilter {
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let configuration: Configuration = from_json(configuration)?;
        let mut faults = Vec::new();
        let size = configuration.size_mebibytes;
        if size == 0 || size > LARGEST_MEBIBYTES {
            faults.push(format!(
                "/sizeMebibytes: must be between 1 and {LARGEST_MEBIBYTES}"
            ));
        }
        let encrypted = configuration.operations.iter().any(|rules| rules.encrypted);
        let encryption = encrypted
            .then(|| match SealingKey::from_environment(environment) {
                Ok(Some(key)) => Some(Encryption::new(key.for_cached_responses())),
                Ok(None) => {
                    faults.push(format!(
                        "/operations: responses are to be encrypted, and `{VARIABLE}` is not set"
                    ));
                    None
                }
                Err(invalid) => {
                    faults.push(invalid.to_string());
                    None
                }
            })
            .flatten();
        let mut operations = Vec::new();
        for (position, rules) in configuration.operations.into_iter().enumerate() {
            let place = format!("/operations/{position}");
            if let Some(name) = rules.key_headers.iter().find(|name| !is_field_name(name)) {
                faults.push(format!(
                    "{place}/keyHeaders: `{name}` is not the name of a header field"
                ));
            }
            let Some(path) = PathTemplate::compile(&rules.path) else {
                faults.push(format!(
                    "{place}/path: `{}` is no path: it begins with `/`, and only its last segment may be `{{name+}}`",
                    rules.path
                ));
                continue;
            };
            let names = rules.key_headers.iter();
            let rules = rules.cached.then(|| {
                Arc::new(Rules {
                    group: Group(u32::try_from(position).unwrap_or(u32::MAX)),
                    without_statement: rules.ttl_seconds,
                    depends_on: names
                        .map(|name| name.to_ascii_lowercase().into_bytes())
                        .collect(),
                    encrypted: rules.encrypted,
                    passes_headers: true,
                    guarded: false,
                })
            });
            operations.push((path, rules));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (api, stage) = (&configuration.api, &configuration.stage);
        // No gateway's cache has a name that begins so.
        let storage = Storage::new(&format!("\0{api}\0{stage}"), size, encryption);
        let metrics = Metrics::new(|measure| metric_name::stage(api, stage, measure));
        Ok(Self {
            cache: HttpCache::new(
                storage,
                configuration.longest_wait_millis,
                configuration.revalidates_in_background,
                metrics,
            ),
            operations,
        })
    }

    fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        self.cache.errands(ports)
    }

    fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        self.cache.fetched(errand, answer, ports);
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let target = exchange.request().first(b":path").unwrap_or_default();
        let path = target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default();
        let operation = self.operations.iter().find(|(it, _)| it.fits(path));
        match operation {
            Some((_, Some(rules))) => self.cache.serve(&exchange, rules).await,
            // It is no operation's, or one's that keeps nothing.
            _ => Answer::PassThrough(Edits::default()),
        }
    }
}

/// The paths of an operation.
#[derive(Debug)]
struct PathTemplate {
    /// `None`: any segment.
    segments: Vec<Option<Vec<u8>>>,
    /// Whether more segments may follow.
    greedy: bool,
}

impl PathTemplate {
    fn compile(path: &str) -> Option<Self> {
        let mut segments = Vec::new();
        let mut rest = path.strip_prefix('/')?.split('/').peekable();
        while let Some(segment) = rest.next() {
            let parameter = segment
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'));
            match parameter {
                Some(name) if name.ends_with('+') => {
                    return rest.next().is_none().then_some(Self {
                        segments,
                        greedy: true,
                    });
                }
                Some("") => return None,
                Some(_) => segments.push(None),
                None if segment.contains(['{', '}', '?', '#']) => return None,
                None => segments.push(Some(segment.as_bytes().to_vec())),
            }
        }
        Some(Self {
            segments,
            greedy: false,
        })
    }

    fn fits(&self, path: &[u8]) -> bool {
        let Some(path) = path.strip_prefix(b"/") else {
            return false;
        };
        let mut rest = path.split(|byte| *byte == b'/');
        let all = self.segments.iter().all(|expected| {
            rest.next().is_some_and(|segment| match expected {
                Some(text) => text == segment,
                None => !segment.is_empty(),
            })
        });
        all && (self.greedy || rest.next().is_none())
    }
}

#[cfg(test)]
#[path = "response_cache_tests.rs"]
mod tests;
