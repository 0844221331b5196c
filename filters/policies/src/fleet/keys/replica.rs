//! The API keys of Redis as one worker knows them: a change of one costs that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model as model;

use crate::api_key::{ApiKeys, Key, digest};
use crate::fleet::plans::SharedPlans;
use crate::fleet::table::{Finding, Kind, Record, Replica};
use crate::ports::Timestamp;

/// The most keys that are known. Each takes about 300 bytes of every worker's memory.
const MOST_KEYS: usize = 250_000;

/// The most values that are known, those from before rotations included.
const MOST_VALUES: usize = 2 * MOST_KEYS;

/// A key that lives in Redis.
#[derive(Debug)]
pub(crate) struct SharedKey {
    id: Box<str>,
    /// The places of its usage plans.
    usage_plans: Box<[u32]>,
    /// The digests of its values, and the first moment, in milliseconds since 1970, at which each
    /// opens nothing.
    values: Box<[([u8; 32], u64)]>,
}

impl SharedKey {
    /// Reads a record, which has to have the id if there is one, and tells whether it names usage plans
    /// that nobody knows.
    pub(super) fn read(
        id: Option<&str>,
        record: &str,
        plans: &SharedPlans,
    ) -> Option<(Self, bool)> {
        let record: model::ApiKey = serde_json::from_slice(record.as_bytes()).ok()?;
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
        let places = record.usage_plans.iter().map(|name| plans.place(name));
        let places: Vec<_> = places.collect();
        let is_unknown = |place: &Option<u32>| !place.is_some_and(|place| plans.may_have(place));
        let has_unknown_plans = places.iter().any(is_unknown);
        let key = Self {
            id: record.id.as_str().into(),
            usage_plans: places.into_iter().flatten().collect(),
            values: values.collect(),
        };
        Some((key, has_unknown_plans))
    }

    /// The key as requests use it.
    pub(crate) const fn key(&self) -> Key<'_> {
        Key::new(&self.id, &self.usage_plans)
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
pub(in crate::fleet) struct KeyReplica {
    /// By the digests of their ids, so that one kind of map does.
    keys: Keys,
    /// By the digests of their values.
    values: Keys,
}

type Keys = BTreeMap<[u8; 32], Arc<SharedKey>>;

impl KeyReplica {
    /// Takes a key whose id no other has. Whether there is room for it.
    fn take(&mut self, key: SharedKey) -> bool {
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

    /// The key that has a value with this digest, whether it opens anything or not.
    pub(super) fn find(&self, digest: &[u8; 32]) -> Option<&Arc<SharedKey>> {
        self.values.get(digest)
    }

    /// The keys, always in the same order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<SharedKey>> {
        self.keys.values()
    }
}

impl Replica for KeyReplica {
    /// Keys of the configuration come before those of Redis.
    type Besides<'b> = (&'b ApiKeys, &'b SharedPlans);

    const KIND: &'static Kind = <model::ApiKey as Record>::KIND;

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn remove(&mut self, id: &str) {
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

    fn put(
        &mut self,
        id: &str,
        record: &str,
        (declared, plans): Self::Besides<'_>,
    ) -> Option<Finding> {
        // It may have been revoked: it is safer to open nothing.
        self.remove(id);
        if declared.has_id(id) {
            return Some(Finding::Declared);
        }
        let Some((key, has_unknown_plans)) = SharedKey::read(Some(id), record, plans) else {
            return Some(Finding::Unreadable);
        };
        if !self.take(key) {
            return Some(Finding::TooMany);
        }
        has_unknown_plans.then_some(Finding::UnknownPlan)
    }
}
