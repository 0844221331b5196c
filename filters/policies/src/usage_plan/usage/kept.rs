//! Counts that outlast the proxy: an earlier one tells them, and the next one is configured with
//! them.
//!
//! They are put where nothing is stored yet, and nowhere else. So it does not matter how often that
//! is done: by each worker, by a virtual machine that only tries a configuration, or again with
//! every edit while the proxy goes on.

use attache_model::{Gateway, KeptUsage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::UsagePlans;
use super::super::counter::Undecided;
use super::super::quota::Count;
use super::History;
use super::report::count_key;
use crate::compile_error::CompileError;
use crate::ports::Store;

/// Store keys and the values they begin with.
pub(crate) type Initial = Vec<(Vec<u8>, Vec<u8>)>;

/// Whether both values are such as a gateway has stored.
#[must_use]
pub fn is_kept_usage(kept: &KeptUsage) -> bool {
    decode(kept).is_some()
}

type Decoded = (Option<(Count, Vec<u8>)>, Option<Vec<u8>>);

/// Both values as they are stored, and the count in the first. `None` when something cannot be read.
fn decode(kept: &KeptUsage) -> Option<Decoded> {
    let bytes = |text: &String| BASE64_STANDARD.decode(text).ok();
    let quota = match &kept.quota {
        Some(text) => {
            let value = bytes(text)?;
            Some((Count::decode(&value)?, value))
        }
        None => None,
    };
    let history = match &kept.history {
        Some(text) => Some(bytes(text).filter(|value| History::decode(value).is_some())?),
        None => None,
    };
    Some((quota, history))
}

impl UsagePlans {
    /// What there is to keep of a key under a plan: the stored count of its quota and its history, in
    /// base64.
    pub(crate) fn kept(
        &self,
        plan: usize,
        key_id: &str,
        store: &dyn Store,
    ) -> Result<[Option<String>; 2], Undecided> {
        let quota = self.quota(plan);
        let keys = [
            quota.map(|limit| count_key(limit, key_id)),
            self.usage_key(plan, key_id),
        ];
        let mut kept = [None, None];
        for (key, kept) in keys.into_iter().zip(&mut kept) {
            if let Some(stored) = key.map(|key| store.get(&key)).transpose()?.flatten() {
                *kept = Some(BASE64_STANDARD.encode(stored.value));
            }
        }
        Ok(kept)
    }

    /// What the store begins with, of what an earlier gateway has kept. A plan or a key that is gone
    /// since begins with nothing, and neither does a quota whose periods are others now.
    ///
    /// # Errors
    ///
    /// One for each value that no gateway has written.
    pub(crate) fn initial(&self, gateway: &Gateway) -> Result<Initial, Vec<CompileError>> {
        let mut initial = Initial::new();
        let mut errors = Vec::new();
        for (place, kept) in gateway.kept_usage.iter().enumerate() {
            let mut plans = gateway.usage_plans.iter();
            let Some(plan) = plans.position(|plan| plan.id == kept.usage_plan) else {
                continue;
            };
            if self.add_initial(plan, kept, &mut initial).is_none() {
                errors.push(
                    CompileError::new(
                        format!("/keptUsage/{place}"),
                        "this is not what a gateway has kept of its counts",
                    )
                    .hint("leave it out, and counting starts anew"),
                );
            }
        }
        if errors.is_empty() {
            Ok(initial)
        } else {
            Err(errors)
        }
    }

    /// `None` when something cannot be read.
    fn add_initial(&self, plan: usize, kept: &KeptUsage, initial: &mut Initial) -> Option<()> {
        let (quota, history) = decode(kept)?;
        if let Some((count, value)) = quota
            && let Some(limit) = self.quota(plan)
            && limit.rule.calendar.bounds(count.period.start) == Some(count.period)
        {
            initial.push((count_key(limit, &kept.api_key), value));
        }
        if let Some(value) = history {
            initial.push((self.usage_key(plan, &kept.api_key)?, value));
        }
        Some(())
    }
}

/// Puts each value where there is none. One that cannot be put now is missing until it is put again.
pub(crate) fn begin_with(initial: &Initial, store: &dyn Store) {
    for (key, value) in initial {
        let _ = store.compare_and_swap(key, value, None);
    }
}
