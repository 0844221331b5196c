//! What was used and what is left, day by day, and how more is granted.
//!
//! What was left at the end of a day follows from the histories: the quota, what was granted and what
//! was used since the day on which its period began. What is left now is what the quota itself
//! counts.

use std::ops::RangeInclusive;

use super::super::counter::{Change, Undecided, change};
use super::super::period::Bounds;
use super::super::quota::{Allotment, Count};
use super::super::{Limit, UsagePlans};
use super::{Counts, DayCounts, History, SECONDS_OF_DAY, day};
use crate::ports::{Store, Timestamp};

/// One day of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayUsage {
    pub(crate) counts: Counts,
    /// What was left of the quota at the end of the day, or is now; `None` when there is no quota.
    pub(crate) remaining: Option<u64>,
}

/// Why nothing more was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotExtended {
    /// The plan has no quota.
    NoQuota,
    /// The store cannot be reached.
    Undecided,
}

/// A plan over some days, for any of its keys.
pub(crate) struct Report<'p> {
    plans: &'p UsagePlans,
    plan: usize,
    quota: Option<&'p Limit<Allotment>>,
    now: Timestamp,
    /// With each day the quota's period in which it ends.
    days: Vec<(u32, Option<Bounds>)>,
}

impl<'p> Report<'p> {
    /// A report over these days; `None` when there is no such plan.
    pub(crate) fn new(
        plans: &'p UsagePlans,
        plan: usize,
        days: RangeInclusive<u32>,
        now: Timestamp,
    ) -> Option<Self> {
        let quota = plans.plan(plan)?.quota.as_ref();
        let period = |day| quota?.rule.calendar.bounds(last_second(day));
        Some(Self {
            plans,
            plan,
            quota,
            now,
            days: days.map(|day| (day, period(day))).collect(),
        })
    }

    /// The position of the plan.
    pub(crate) const fn plan(&self) -> usize {
        self.plan
    }

    /// What one key has used on each of the days.
    pub(crate) fn of(&self, key_id: &str, store: &dyn Store) -> Result<Vec<DayUsage>, Undecided> {
        let history = match self.plans.usage_key(self.plan, key_id) {
            Some(key) => store.get(&key)?,
            None => None,
        };
        let history = History::read(history.as_ref().map(|stored| &*stored.value));
        let current = match self.quota {
            Some(limit) => {
                let count = store.get(&count_key(limit, key_id))?;
                let count = count.and_then(|stored| Count::decode(&stored.value));
                limit.rule.current(count, self.now)
            }
            None => None,
        };
        Ok(self.days(&history, current))
    }

    /// The same from what is known of the key.
    pub(crate) fn days(&self, history: &History, current: Option<Count>) -> Vec<DayUsage> {
        let today = day(self.now);
        let all = history.days();
        let days = self.days.iter().map(|(day, period)| {
            let of_day = all.binary_search_by_key(day, |found| found.day);
            let counts = of_day.ok().and_then(|place| all.get(place));
            let remaining = self.quota.zip(*period).map(|(limit, period)| {
                let goes_on =
                    |count: &Count| *day == today || (*day > today && count.period == period);
                match current.filter(goes_on) {
                    Some(count) => limit.rule.left(count),
                    None => left_after(&limit.rule, all, *day, period),
                }
            });
            DayUsage {
                counts: counts.map_or_else(Counts::default, |found| found.counts),
                remaining,
            }
        });
        days.collect()
    }
}

/// What was left at the end of a day of a period.
fn left_after(quota: &Allotment, days: &[DayCounts], day: u32, period: Bounds) -> u64 {
    let mut count = Count {
        period,
        used: 0,
        extra: 0,
    };
    for found in days {
        if found.day <= day && last_second(found.day) >= period.start {
            count.used = count.used.saturating_add(found.counts.used);
            count.extra = count.extra.saturating_add(found.granted);
        }
    }
    quota.left(count)
}

/// Where the count of a key is kept.
pub(super) fn count_key(quota: &Limit<Allotment>, key_id: &str) -> Vec<u8> {
    [&*quota.store_key, key_id.as_bytes()].concat()
}

const fn last_second(day: u32) -> u64 {
    (day as u64 + 1) * SECONDS_OF_DAY - 1
}

impl UsagePlans {
    /// Sets what is left to a key of the quota's current period, be it more or less than what was.
    ///
    /// # Errors
    ///
    /// [`NotExtended`].
    pub(crate) fn set_remaining(
        &self,
        plan: usize,
        key_id: &str,
        remaining: u64,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<(), NotExtended> {
        let limit = self.quota(plan).ok_or(NotExtended::NoQuota)?;
        let key = count_key(limit, key_id);
        let seen = store.get(&key).map_err(Undecided::from);
        let granted = seen.and_then(|seen| {
            change(store, &key, seen, |seen| {
                let count = match seen {
                    Some(bytes) => Some(Count::decode(bytes).ok_or(Undecided)?),
                    None => None,
                };
                let count = limit.rule.current(count, now).ok_or(Undecided)?;
                let extra =
                    i128::from(remaining) + i128::from(count.used) - i128::from(limit.rule.limit);
                let extra = i64::try_from(extra).map_err(|_| Undecided)?;
                let granted = extra.saturating_sub(count.extra);
                Ok(Change::Write(Count { extra, ..count }.encode(), granted))
            })
        });
        let granted = granted.map_err(|Undecided| NotExtended::Undecided)?;
        // It is granted, whether the history can say so or not.
        let _ = self.change_history(plan, key_id, store, |history| {
            if let Some(day) = history.day(day(now)) {
                day.granted = day.granted.saturating_add(granted);
            }
        });
        Ok(())
    }
}
