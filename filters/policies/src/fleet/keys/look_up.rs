//! Which key a request presents: one look into memory, and a question only while that is empty.

use std::cell::OnceCell;
use std::sync::Arc;

use attache_model as model;
use sha2::{Digest, Sha256};

use super::{KEY_TABLES, Known, SharedKey, SharedKeys};
use crate::api_key::{ApiKeys, Found, Key, digest};
use crate::exchange::Exchange;
use crate::fleet::Fleet;
use crate::ports::Timestamp;
use crate::redis::{Breaker, Course, Fault, Redis};

/// What Redis runs to find one key.
pub(crate) const FIND: &str = include_str!("find.lua");

/// How many digests that Redis did not know are remembered while the table is not loaded. After that
/// it is asked for no single key: who guesses keys does not decide how often.
pub(super) const MOST_UNKNOWN: usize = 4_096;

/// Whose key it is could not be found out.
pub(crate) struct KeyUnknown;

impl Fleet {
    /// The key that a request presents, if it opens anything: of the configuration, or else of
    /// Redis; then it is put into `shared`.
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
    ) -> Result<Option<Key<'k>>, KeyUnknown> {
        let digest = digest(value);
        let keys = match (declared.look_up(&digest, now), &self.keys) {
            (Found::Open(key), _) => return Ok(Some(key)),
            (Found::Unknown, Some(keys)) => keys,
            _ => return Ok(None),
        };
        let found = keys.find(&self.redis, declared, exchange, &digest, now);
        let found = found.await.map_err(|_| KeyUnknown)?;
        Ok(found.map(|key| shared.get_or_init(|| key).key(declared)))
    }

    /// The keys of Redis that belong to a usage plan, always in the same order.
    pub(crate) fn keys_of_plan(&self, plan: usize) -> Vec<Arc<SharedKey>> {
        let keys = self.keys.as_ref().map(|keys| keys.of_plan(plan));
        keys.unwrap_or_default()
    }
}

impl SharedKeys {
    /// The key that has a value with this digest, if it opens anything now and its id is none of the
    /// configuration's. Waits for Redis only while the table is not loaded.
    ///
    /// # Errors
    ///
    /// When only Redis could tell, and does not.
    pub(super) async fn find(
        &self,
        redis: &Redis,
        declared: &ApiKeys,
        exchange: &Exchange,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Arc<SharedKey>>, Fault> {
        {
            let known = self.known();
            if let Some(key) = known.find(digest) {
                return Ok(key.opens(digest, now).then(|| Arc::clone(key)));
            }
            if known.is_loaded || known.unknown.contains(digest) {
                return Ok(None);
            }
            if known.is_failing || known.unknown.len() >= MOST_UNKNOWN {
                return Err(Fault::Unreachable(None));
            }
        }
        let ports = exchange.ports();
        if Breaker::course(ports) == Course::Leave {
            return Err(Fault::Unreachable(None));
        }
        let [records, _, _, digests, _] = KEY_TABLES;
        let hexadecimal = String::from(model::KeyDigest(*digest));
        let words = [
            "EVAL",
            FIND,
            "2",
            &redis.key(records),
            &redis.key(digests),
            &hexadecimal,
        ];
        let mut callout = redis.call(words.map(str::as_bytes));
        callout.shared_as = Some(Sha256::digest(&callout.body).into());
        let answer = redis.ask(callout, exchange).await;
        if let Err(fault @ Fault::Unreachable(_)) = &answer {
            Breaker::report(ports, ports.now(), Err(fault), &redis.authority);
        }
        let answer = answer?;
        let record = answer.as_str().unwrap_or_default();
        if record.is_empty() {
            let mut known = self.known();
            if !known.is_loaded && known.unknown.len() < MOST_UNKNOWN {
                known.unknown.push(*digest);
            }
            return Ok(None);
        }
        let key = self.read(None, record);
        let key = key.filter(|(key, _)| key.opens(digest, now) && !declared.has_id(key.id()));
        Ok(key.map(|(key, _)| Arc::new(key)))
    }

    /// The keys that belong to a usage plan of the configuration, always in the same order.
    pub(crate) fn of_plan(&self, plan: usize) -> Vec<Arc<SharedKey>> {
        let Ok(plan) = u32::try_from(plan) else {
            return Vec::new();
        };
        let known = self.known();
        let keys = known.replica.iter().filter(|key| key.belongs_to(plan));
        keys.cloned().collect()
    }
}

impl Known {
    fn find(&self, digest: &[u8; 32]) -> Option<&Arc<SharedKey>> {
        let known = self.replica.find(digest);
        if self.is_loaded {
            return known;
        }
        known.or_else(|| self.load.as_ref()?.replica.find(digest))
    }
}
