//! The API keys of Redis as one worker knows them: a change of one costs that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model as model;

use crate::api_key::{ApiKeys, Key, digest};
use crate::ports::Timestamp;

/// The most keys that are known. Each takes about 300 bytes of every worker's memory.
const MOST_KEYS: usize = 250_000;

/// The most values that are known, those from before rotations included.
const MOST_VALUES: usize = 2 * MOST_KEYS;

/// A key that lives in Redis.
#[derive(Debug)]
pub(crate) struct SharedKey {
    id: Box<str>,
    /// Positions in the configuration's usage plans.
    usage_plans: Box<[u32]>,
    /// The digests of its values, and the first moment, in milliseconds since 1970, at which each
    /// opens nothing.
    values: Box<[([u8; 32], u64)]>,
}

impl SharedKey {
    /// Reads a record, which has to have the id if there is one. `plan` finds the position of a usage
    /// plan by its id; plans that are not there are left out, and it is told whether there are any.
    pub(super) fn read(
        id: Option<&str>,
        record: &[u8],
        plan: impl Fn(&str) -> Option<u32>,
    ) -> Option<(Self, bool)> {
        let record: model::ApiKey = serde_json::from_slice(record).ok()?;
        if id.is_some_and(|id| record.id != id) {
            return None;
        }
        let closed_from = match (record.enabled, record.expires_at) {
            (false, _) => 0,
            (true, expires_at) => expires_at.unwrap_or(u64::MAX),
        };
        let previous = record.previous_values.iter();
        let previous = previous.map(|value| (value.digest.0, value.expires_at.min(closed_from)));
        let values = std::iter::once((record.digest.0, closed_from)).chain(previous);
        let plans = record.usage_plans.iter().filter_map(|name| plan(name));
        let usage_plans: Box<[u32]> = plans.collect();
        let has_unknown_plans = usage_plans.len() < record.usage_plans.len();
        let key = Self {
            id: record.id.as_str().into(),
            usage_plans,
            values: values.collect(),
        };
        Some((key, has_unknown_plans))
    }

    /// The key as requests use it.
    pub(crate) fn key<'k>(&'k self, declared: &'k ApiKeys) -> Key<'k> {
        declared.shared(&self.id, &self.usage_plans)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it belongs to a usage plan.
    pub(super) fn belongs_to(&self, plan: u32) -> bool {
        self.usage_plans.contains(&plan)
    }

    /// Whether the value with this digest opens anything.
    pub(super) fn opens(&self, digest: &[u8; 32], now: Timestamp) -> bool {
        let mut values = self.values.iter();
        values.any(|(own, closed_from)| own == digest && now.as_millis() < *closed_from)
    }
}

/// Those that a worker knows.
#[derive(Debug, Default)]
pub(super) struct Replica {
    /// By the digests of their ids, so that one kind of map does.
    keys: Keys,
    /// By the digests of their values.
    values: Keys,
}

type Keys = BTreeMap<[u8; 32], Arc<SharedKey>>;

impl Replica {
    /// Takes a key in place of the one that has its id. Whether there is room for it.
    pub(super) fn put(&mut self, key: SharedKey) -> bool {
        self.remove(&key.id);
        let values = self.values.len().saturating_add(key.values.len());
        if self.keys.len() >= MOST_KEYS || values > MOST_VALUES {
            return false;
        }
        let key = Arc::new(key);
        for (value, _) in &key.values {
            self.values.insert(*value, Arc::clone(&key));
        }
        self.keys.insert(digest(key.id.as_bytes()), key);
        true
    }

    pub(super) fn remove(&mut self, id: &str) {
        let Some(key) = self.keys.remove(&digest(id.as_bytes())) else {
            return;
        };
        for (value, _) in &key.values {
            // Another key may have the value now.
            let holder = self.values.get(value);
            if holder.is_some_and(|holder| Arc::ptr_eq(holder, &key)) {
                self.values.remove(value);
            }
        }
    }

    /// The key that has a value with this digest, whether it opens anything or not.
    pub(super) fn find(&self, digest: &[u8; 32]) -> Option<&Arc<SharedKey>> {
        self.values.get(digest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys, always in the same order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<SharedKey>> {
        self.keys.values()
    }
}
