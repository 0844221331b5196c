//! Answers kept: the cache of a stage.
//!
//! A request that has passed every check is looked up before the integration is asked. What is kept
//! is the integration's answer as it is mapped, without what only one request's answer has.
//!
//! ```text
//! … validation ─► key ─► look-up ─► kept: the answer
//!                            └────► not kept: one asks the integration, the others wait for it
//! ```
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

pub mod accept_encoding;
mod answer;
pub mod coalescing;
mod compile;
pub mod entry;
pub mod http;
mod invalidation;
pub mod key;
mod storable;
pub mod storage;
mod unkeyed_input;

use std::sync::Arc;

use attache_model::{CacheInvalidation, Verb};

use crate::exchange::Exchange;
use crate::headers::Headers;
use crate::integration::CacheKeyParameters;
use crate::ports::Ports;
use crate::route::Route;
use crate::shared_cache::{Change, SharedCache};

pub(crate) use answer::{Filling, answer};
pub(crate) use compile::uses_stage_cache;
use http::{HttpCache, Rules};
use key::KeyParts;
pub use storable::LARGEST_BODY;
use storage::{Group, Occupancy, Storage};

#[cfg(test)]
mod tests;

/// The caches of all stages of a gateway.
#[derive(Debug)]
pub struct ResponseCaches {
    apis: Vec<Vec<Option<Box<StageCache>>>>,
}

/// The cache of one stage.
#[derive(Debug)]
pub(crate) struct StageCache {
    memory: Memory,
    /// Where other gateways find it, too.
    shared: Option<Box<SharedCache>>,
    longest_wait_millis: u32,
    /// One place per operation of the API.
    operations: Vec<Option<Box<CachedOperation>>>,
}

/// Where responses are kept, and by which rules.
#[derive(Debug)]
enum Memory {
    ApiGateway(Storage),
    Http(Box<HttpCache>),
}

/// How the responses of one operation are kept in one stage.
#[derive(Debug)]
pub(crate) struct CachedOperation {
    /// The only method whose responses are.
    verb: Verb,
    ttl_seconds: u32,
    encrypted: bool,
    invalidation: CacheInvalidation,
    group: Group,
    /// Whether the back end is told all header fields, or is not unless a mapping says so.
    passes_headers: bool,
    /// What every key begins with.
    key: KeyParts,
    parameters: CacheKeyParameters,
    /// The same in the mode `http`.
    rules: Arc<Rules>,
}

/// The cache that a request is looked up in.
#[derive(Clone, Copy)]
pub(crate) enum Cached<'c> {
    ApiGateway(CachedByStage<'c>),
    Http {
        cache: &'c HttpCache,
        /// `None` for a request that may change what is kept, and is not looked up.
        rules: Option<&'c Arc<Rules>>,
    },
}

/// The same for the mode of API Gateway.
#[derive(Clone, Copy)]
pub(crate) struct CachedByStage<'c> {
    storage: &'c Storage,
    shared: Option<&'c SharedCache>,
    longest_wait_millis: u32,
    operation: &'c CachedOperation,
    /// Whether the response is to be fetched anew.
    invalidates: bool,
}

impl ResponseCaches {
    /// The cache that a request is looked up in; `None` when its operation has none, or its method
    /// is not the one.
    pub(crate) fn find(&self, route: Route<'_>, request: &Headers) -> Option<Cached<'_>> {
        let cache = self.stage(route.api, route.stage)?;
        let operation = cache.operations.get(route.operation)?.as_deref();
        let operation = operation.filter(|operation| operation.verb == route.verb);
        let storage = match &cache.memory {
            Memory::ApiGateway(storage) => storage,
            Memory::Http(http) => {
                let is_safe = matches!(route.verb, Verb::Get | Verb::Head | Verb::Options);
                return (operation.is_some() || !is_safe).then(|| Cached::Http {
                    cache: http,
                    rules: operation.map(|operation| &operation.rules),
                });
            }
        };
        let operation = operation?;
        // A client that says another method than it means is answered by the rules of the one that
        // it says: only `HEAD` has an answer without a body.
        let says_head = request.first(b":method") == Some(b"HEAD");
        (says_head == (route.verb == Verb::Head)).then(|| {
            Cached::ApiGateway(CachedByStage {
                storage,
                shared: cache.shared.as_deref(),
                longest_wait_millis: cache.longest_wait_millis,
                operation,
                invalidates: invalidation::is_asked_for(request),
            })
        })
    }

    pub(crate) fn stage(&self, api: usize, stage: usize) -> Option<&StageCache> {
        self.apis.get(api)?.get(stage)?.as_deref()
    }

    /// Forgets what other gateways have had forgotten. Whether that is certain.
    pub(crate) fn forget(&self, ports: &dyn Ports, change: &Change) -> bool {
        self.iter().fold(true, |certain, (_, cache)| {
            certain & cache.forget(ports, change)
        })
    }

    /// All caches, with the positions of API and stage.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((usize, usize), &StageCache)> {
        let apis = self.apis.iter().enumerate();
        apis.flat_map(|(api, stages)| {
            let stages = stages.iter().enumerate();
            stages.filter_map(move |(stage, cache)| Some(((api, stage), cache.as_deref()?)))
        })
    }
}

impl StageCache {
    /// Forgets what is kept: everything, or for one operation; where gateways share it, all of them
    /// do. Whether that is certain.
    pub(crate) async fn flush(&self, exchange: &Exchange, operation: Option<usize>) -> bool {
        let group = match operation {
            None => None,
            Some(operation) => match self.operations.get(operation).and_then(Option::as_ref) {
                Some(operation) => Some(operation.group),
                // Nothing is kept for it.
                None => return true,
            },
        };
        // First there: what is found there from now on is not what was to be forgotten here.
        let everywhere = match &self.shared {
            Some(shared) => shared.flush(exchange, group).await,
            None => true,
        };
        self.storage().flush(exchange.ports(), group) && everywhere
    }

    fn forget(&self, ports: &dyn Ports, change: &Change) -> bool {
        let Some(shared) = &self.shared else {
            return true;
        };
        let storage = self.storage();
        match change {
            Change::All => storage.flush(ports, None),
            Change::Cache(cache) if shared.is_meant(cache) => storage.flush(ports, None),
            Change::Group(cache, group) if shared.is_meant(cache) => {
                storage.flush(ports, Some(*group))
            }
            Change::Entry(cache, key) if shared.is_meant(cache) => storage.remove(ports, key),
            Change::Cache(_) | Change::Group(..) | Change::Entry(..) => true,
        }
    }

    /// Does a part of what is to be done beside the requests, and tells how much is kept.
    pub(crate) fn tend(&self, ports: &dyn Ports) -> Occupancy {
        self.storage().adopt(ports);
        self.storage().occupancy(ports)
    }

    const fn storage(&self) -> &Storage {
        match &self.memory {
            Memory::ApiGateway(storage) => storage,
            Memory::Http(http) => http.storage(),
        }
    }
}
