//! Which key a request presents: one look into memory, and a question only while that is empty.

use std::cell::OnceCell;
use std::sync::Arc;

use attache_model as model;

use super::{KIND, SharedKey};
use crate::api_key::{ApiKeys, Found, Key, digest};
use crate::exchange::Exchange;
use crate::fleet::{Fleet, Unknown};
use crate::ports::Timestamp;
use crate::redis::eval;

/// What Redis runs to find one key.
pub(crate) const FIND: &str = include_str!("find.lua");

impl Fleet {
    /// The key that a request presents, if it opens anything: of the configuration, or else of
    /// Redis; then it is put into `shared`. Waits for Redis only while the table is not loaded.
    ///
    /// # Errors
    ///
    /// When only Redis could tell, and does not.
    pub(crate) async fn find_key<'k>(
        &self,
        declared: &'k ApiKeys,
        exchange: &Exchange,
        value: &[u8],
        now: Timestamp,
        shared: &'k OnceCell<Arc<SharedKey>>,
    ) -> Result<Option<Key<'k>>, Unknown> {
        let digest = digest(value);
        let keys = match (declared.look_up(&digest, now), &self.keys) {
            (Found::Open(key), _) => return Ok(Some(key)),
            (Found::Unknown, Some(keys)) => keys,
            _ => return Ok(None),
        };
        let known = keys.find(|replica| replica.find(&digest).map(Arc::clone));
        let found = match known {
            Some(key) => Some(key),
            None => {
                let [records, _, _, digests, _] = KIND.keys;
                let mut words = eval(FIND, 2);
                words.extend([records, digests].map(|name| self.redis.key(name)));
                words.push(model::KeyDigest(digest).into());
                let record = keys.ask(&self.redis, exchange, &digest, &words).await;
                let record = record.map_err(|_| Unknown)?;
                let key = record.and_then(|record| SharedKey::read(None, &record, &self.plans));
                let key = key.filter(|(key, _)| !declared.has_id(key.id()));
                key.map(|(key, _)| Arc::new(key))
            }
        };
        let found = found.filter(|key| key.opens(&digest, now));
        Ok(found.map(|key| shared.get_or_init(|| key).key()))
    }

    /// The keys of Redis that belong to a usage plan, always in the same order.
    pub(crate) fn keys_of_plan(&self, plan: usize) -> Vec<Arc<SharedKey>> {
        let (Ok(plan), Some(keys)) = (u32::try_from(plan), &self.keys) else {
            return Vec::new();
        };
        let keys = keys.find(|replica| {
            let keys = replica.iter().filter(|key| key.belongs_to(plan));
            Some(keys.cloned().collect())
        });
        keys.unwrap_or_default()
    }
}
