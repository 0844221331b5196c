//! What was used of the usage plans: how many requests of each key were admitted and refused, day by
//! day.
//!
//! A request only adds to a table in its worker's memory. A few times a second the worker adds what
//! has come together to the histories in the shared store, one for each key of each plan, by
//! compare-and-swap; what cannot be stored then is kept for the next time. So what a report tells is
//! at most a moment behind what the limits themselves count.
//!
//! Days are those of UTC, as in API Gateway's own reports.

mod history;
mod kept;
mod report;

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::allowance::{Reason, Refusal};
use super::counter::{Change, Undecided, change};
use super::quota::Allotment;
use super::{Customer, Limit, UsagePlans};
use crate::ports::{Store, Timestamp};

pub(crate) use history::{DAYS_KEPT, DayCounts, History};
pub use kept::is_kept_usage;
pub(crate) use kept::{Initial, begin_with};
pub(crate) use report::{DayUsage, NotExtended, Report};

/// How many days back a report goes, today among them: the longest two months.
pub(crate) const DAYS_REPORTED: u32 = 62;

/// How many histories are changed at once at most. The others have their turn a moment later.
const MOST_AT_ONCE: usize = 512;

const SECONDS_OF_DAY: u64 = 86_400;

/// What became of a request under a usage plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was within every limit.
    Admitted,
    /// A throttle refused it: the plan's, the stage's or the account's.
    Throttled,
    /// The quota refused it.
    Refused,
}

/// Numbers of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Admitted: what API Gateway calls used.
    pub used: u64,
    /// Refused by a throttle.
    pub throttled: u64,
    /// Refused by the quota.
    pub refused: u64,
}

/// What one key has used of one plan on one day, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The position in [`Gateway::usage_plans`](attache_model::Gateway::usage_plans).
    pub usage_plan: usize,
    /// The id of the API key.
    pub key_id: Box<str>,
    /// The day, counted from 1970-01-01 in UTC.
    pub day: u32,
    /// The requests.
    pub counts: Counts,
}

/// What a worker has seen and not stored yet. There is one entry for each key of each plan at most,
/// so that it is bounded by the configuration.
#[derive(Debug, Default)]
pub struct UsageRecords(Mutex<Unstored>);

/// Days and what was counted on them; nearly always one.
type Days = Vec<(u32, Counts)>;

#[derive(Debug, Default)]
struct Unstored {
    /// For each plan, by key id.
    plans: Vec<BTreeMap<Box<str>, Days>>,
    /// What comes next, so that each key has its turn however many there are.
    next: Vec<Usage>,
}

impl UsageRecords {
    /// Counts a request.
    pub fn record(&self, customer: Customer<'_>, outcome: Outcome, now: Timestamp) {
        let mut counts = Counts::default();
        *match outcome {
            Outcome::Admitted => &mut counts.used,
            Outcome::Throttled => &mut counts.throttled,
            Outcome::Refused => &mut counts.refused,
        } = 1;
        let Customer { key_id, usage_plan } = customer;
        self.unstored().add(usage_plan, key_id, day(now), counts);
    }

    /// Takes what was recorded, of so many keys and days at most. Whoever calls stores it, or gives
    /// it back.
    pub fn drain(&self, at_most: usize) -> Vec<Usage> {
        let mut unstored = self.unstored();
        if unstored.next.is_empty() {
            let plans = mem::take(&mut unstored.plans);
            for (usage_plan, keys) in plans.into_iter().enumerate() {
                for (key_id, days) in keys {
                    unstored.next.extend(days.iter().map(|(day, counts)| Usage {
                        usage_plan,
                        key_id: key_id.clone(),
                        day: *day,
                        counts: *counts,
                    }));
                }
            }
        }
        let rest = unstored.next.len().saturating_sub(at_most);
        unstored.next.split_off(rest)
    }

    /// Takes back what could not be stored.
    pub fn give_back(&self, usage: &Usage) {
        self.unstored()
            .add(usage.usage_plan, &usage.key_id, usage.day, usage.counts);
    }

    fn unstored(&self) -> MutexGuard<'_, Unstored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unstored {
    /// How many histories are to be changed, but for days.
    fn len(&self) -> usize {
        self.plans.iter().map(BTreeMap::len).sum::<usize>() + self.next.len()
    }

    fn add(&mut self, plan: usize, key_id: &str, day: u32, counts: Counts) {
        if self.plans.len() <= plan {
            self.plans
                .resize_with(plan.saturating_add(1), BTreeMap::new);
        }
        let Some(keys) = self.plans.get_mut(plan) else {
            return;
        };
        let days = match keys.get_mut(key_id) {
            Some(days) => days,
            None => keys.entry(key_id.into()).or_default(),
        };
        match days.iter_mut().find(|(other, _)| *other == day) {
            Some((_, sum)) => sum.add(counts),
            None => {
                // Only a store that is away for months lets so many come together.
                if u32::try_from(days.len()).is_ok_and(|length| length >= DAYS_REPORTED) {
                    days.remove(0);
                }
                days.push((day, counts));
            }
        }
    }
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.used = self.used.saturating_add(other.used);
        self.throttled = self.throttled.saturating_add(other.throttled);
        self.refused = self.refused.saturating_add(other.refused);
    }
}

impl Outcome {
    /// What the limits' answer to a request comes to.
    pub fn of<T>(answer: &Result<T, Refusal>) -> Self {
        match answer {
            Ok(_) => Self::Admitted,
            Err(refusal) => match refusal.reason {
                Reason::Throttled => Self::Throttled,
                Reason::QuotaExceeded => Self::Refused,
            },
        }
    }
}

impl UsagePlans {
    /// Adds some of what was recorded to the histories in the store. What cannot be stored stays
    /// recorded.
    pub(crate) fn store_usage(&self, records: &UsageRecords, store: &dyn Store) {
        for usage in records.drain(MOST_AT_ONCE) {
            let stored = self.change_history(usage.usage_plan, &usage.key_id, store, |history| {
                if let Some(day) = history.day(usage.day) {
                    day.counts.add(usage.counts);
                }
            });
            if stored.is_err() {
                records.give_back(&usage);
            }
        }
    }

    /// Adds all that was recorded, before the worker ends. What cannot be stored then is lost.
    pub(crate) fn store_all_usage(&self, records: &UsageRecords, store: &dyn Store) {
        let mut rounds = 2 + records.unstored().len() / MOST_AT_ONCE;
        while rounds > 0 {
            self.store_usage(records, store);
            rounds -= 1;
        }
    }

    /// Changes the history of a key under a plan; of a plan that is not there, none.
    fn change_history(
        &self,
        plan: usize,
        key_id: &str,
        store: &dyn Store,
        mut edit: impl FnMut(&mut History),
    ) -> Result<(), Undecided> {
        let Some(key) = self.usage_key(plan, key_id) else {
            return Ok(());
        };
        change(store, &key, store.get(&key)?, |seen| {
            let mut history = History::read(seen);
            edit(&mut history);
            Ok(Change::Write(history.encode(), ()))
        })
    }

    /// What Redis calls the usage of a key under a plan.
    pub(crate) fn usage_name(&self, plan: usize, key_id: &str) -> Option<String> {
        let plan = self.plan(plan)?;
        Some(format!("{}:{key_id}", plan.usage_name))
    }

    /// The quotas of all plans.
    pub(crate) fn quotas(&self) -> impl Iterator<Item = &Limit<Allotment>> {
        self.plans
            .iter()
            .flatten()
            .filter_map(|plan| plan.quota.as_ref())
    }

    /// The quota of a plan.
    pub(crate) fn quota(&self, plan: usize) -> Option<&Limit<Allotment>> {
        self.plan(plan)?.quota.as_ref()
    }

    /// The id of a plan.
    pub(crate) fn id(&self, plan: usize) -> Option<&str> {
        self.plan(plan).map(|plan| &*plan.id)
    }

    /// Where the history of a key under a plan is kept.
    fn usage_key(&self, plan: usize, key_id: &str) -> Option<Vec<u8>> {
        let plan = self.plan(plan)?;
        Some([&*plan.usage_key, key_id.as_bytes()].concat())
    }
}

/// The day in UTC, counted from 1970-01-01.
pub(crate) fn day(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs() / SECONDS_OF_DAY).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
