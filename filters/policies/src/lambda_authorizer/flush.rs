//! `FlushStageAuthorizersCache`: what authorizers have said to a stage's requests is forgotten.
//!
//! The results stand where nobody finds all of a stage's. So they are not looked for: a random mark,
//! which all workers see, becomes a part of every key of the stage. What was kept under the keys
//! before is not found any more, and goes when its time is over or its place is needed; what
//! authorizers are being asked meanwhile is kept under a key of before.

use std::sync::Arc;

use super::Results;
use super::cache_key::{CacheKey, cache_key};
use super::compile::LambdaAuthorizers;
use crate::exchange::Exchange;
use crate::ports::{Ports, StoreError};
use crate::shared_cache::Change;

/// Where the mark of a stage stands.
pub(super) fn store_key(api: &str, stage: &str) -> Arc<[u8]> {
    let parts = [
        &b"lambda-authorizer/flushed/"[..],
        api.as_bytes(),
        b"\0",
        stage.as_bytes(),
    ];
    parts.concat().into()
}

impl Results {
    /// Under which key a result is kept here. `None` when nobody can say, and nothing is kept.
    pub(super) fn key(&self, key: CacheKey, ports: &dyn Ports) -> Option<CacheKey> {
        let Some(flushed) = &self.flushed else {
            return Some(key);
        };
        match ports.get(flushed) {
            Ok(Some(mark)) => Some(cache_key(&key, &[mark.value.into()])),
            Ok(None) => Some(key),
            Err(StoreError) => None,
        }
    }

    /// Forgets all of them at this gateway. Whether that is certain.
    fn forget(&self, ports: &dyn Ports) -> bool {
        self.flushed
            .as_ref()
            .is_none_or(|flushed| ports.put(flushed, &ports.next_u64().to_le_bytes()).is_ok())
    }
}

impl LambdaAuthorizers {
    /// Forgets what authorizers have said to the requests of a stage; where gateways share it, all
    /// of them do. Whether that is certain.
    pub(crate) async fn flush(&self, exchange: &Exchange, api: usize, stage: usize) -> bool {
        let in_stage = self.apis.get(api).into_iter().flatten();
        let mut in_stage = in_stage.filter_map(|stages| stages.get(stage));
        let Some(keeping) = in_stage.find(|authorizer| authorizer.ttl_seconds > 0) else {
            return true;
        };
        let results = &keeping.results;
        // First there: what is found there from now on is not what was to be forgotten here.
        let everywhere = match &results.shared {
            Some(shared) => shared.flush(exchange, None).await,
            None => true,
        };
        results.forget(exchange.ports()) && everywhere
    }

    /// Forgets what other gateways have had forgotten. Whether that is certain.
    pub(crate) fn forget(&self, ports: &dyn Ports, change: &Change) -> bool {
        let authorizers = self.apis.iter().flatten().flatten();
        authorizers.fold(true, |certain, authorizer| {
            let results = &authorizer.results;
            let is_meant = match (&results.shared, change) {
                (None, _) => false,
                (Some(_), Change::All) => true,
                (
                    Some(shared),
                    Change::Cache(cache) | Change::Group(cache, _) | Change::Entry(cache, _),
                ) => shared.is_meant(cache),
            };
            certain & (!is_meant || results.forget(ports))
        })
    }
}
