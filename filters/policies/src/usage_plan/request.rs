//! One request before all the limits that apply to it: looked at first, then taken.

use std::borrow::Cow;

use super::Limit;
use super::allowance::{Allowance, Refusal, Remaining};
use super::counter::{Change, Undecided, change};
use super::quota::{self, Allotment, Count};
use super::throttle::{self, Bucket, Left, State};
use crate::ports::{Store, StoreError, Stored, Timestamp};

/// A request and its limits, in the order in which they decide.
pub(crate) struct Request<'r> {
    /// The plan's, the stage's and the account's.
    pub(crate) throttles: [Option<Level<'r, Bucket, Left>>; 3],
    pub(crate) quota: Option<Level<'r, Allotment, Count>>,
    pub(crate) store: &'r dyn Store,
    pub(crate) now: Timestamp,
    /// Whether anybody wants to know what is left.
    pub(crate) tells: bool,
}

/// A limit, and how far the request has got with it.
pub(crate) struct Level<'r, T, L> {
    rule: &'r T,
    store_key: Cow<'r, [u8]>,
    /// What was stored when the limit was looked at.
    seen: Option<Stored>,
    /// What was left when the request took its part; `None` until it did.
    taken: Option<L>,
}

impl<'r, T, L> Level<'r, T, L> {
    /// `key_id` is empty when everybody shares the limit.
    pub(crate) fn new(limit: &'r Limit<T>, key_id: &'r str) -> Self {
        Self {
            rule: &limit.rule,
            store_key: of_key(&limit.store_key, key_id),
            seen: None,
            taken: None,
        }
    }
}

impl Request<'_> {
    /// Whether every limit has something left. Takes nothing.
    pub(crate) fn look(&mut self) -> Result<(), Refusal> {
        let (store, now) = (self.store, self.now);
        for (place, level) in (0..).zip(&mut self.throttles) {
            if let Some(level) = level
                && let Err(wait) = level.look(store, now)
            {
                return Err(level.refusal(place, wait));
            }
        }
        match &mut self.quota {
            Some(level) => level.look(store, now),
            None => Ok(()),
        }
    }

    /// Takes one from every limit, or from none.
    pub(crate) fn take(&mut self) -> Result<Allowance, Refusal> {
        let outcome = self.take_all();
        if outcome.is_err() {
            for level in self.throttles.iter().flatten() {
                level.give_back(self.store);
            }
        }
        outcome
    }

    fn take_all(&mut self) -> Result<Allowance, Refusal> {
        let (store, now) = (self.store, self.now);
        for (place, level) in (0..).zip(&mut self.throttles) {
            if let Some(level) = level {
                let taken = level.take(store, now);
                level.taken = Some(taken.map_err(|wait| level.refusal(place, wait))?);
            }
        }
        if let Some(level) = &mut self.quota {
            level.taken = Some(level.take(store, now)?);
        }
        if !self.tells {
            return Ok(Allowance::default());
        }
        let [of_plan, ..] = &self.throttles;
        Ok(Allowance {
            throttle: of_plan
                .as_ref()
                .and_then(|level| Some(Remaining::of_bucket(level.rule, level.taken?))),
            quota: self
                .quota
                .as_ref()
                .and_then(|level| Some(Remaining::of_quota(level.rule, level.taken?, now))),
        })
    }
}

/// Nanoseconds until a bucket has a token again, if anybody can tell.
pub(crate) type Wait = Option<u64>;

impl Level<'_, Bucket, Left> {
    pub(crate) fn look(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), Wait> {
        let key = &*self.store_key;
        self.seen = store.get(key).map_err(|StoreError| None)?;
        let state = stored_state(value(self.seen.as_ref())).map_err(|Undecided| None)?;
        match self.rule.take(state, now) {
            throttle::Decision::Admit { .. } => Ok(()),
            throttle::Decision::Refuse { wait, repaired } => {
                if let Some(state) = repaired {
                    // Whether it is written or not, this request is refused.
                    let version = self.seen.as_ref().map(|stored| stored.version);
                    let _ = store.compare_and_swap(key, &state.encode(), version);
                }
                Err(wait)
            }
        }
    }

    pub(crate) fn take(&mut self, store: &dyn Store, now: Timestamp) -> Result<Left, Wait> {
        change(store, &self.store_key, self.seen.take(), |seen| {
            Ok(match self.rule.take(stored_state(seen)?, now) {
                throttle::Decision::Admit { state, left } => {
                    Change::Write(state.encode(), Ok(left))
                }
                throttle::Decision::Refuse { wait, .. } => Change::Keep(Err(wait)),
            })
        })
        .unwrap_or(Err(None))
    }

    /// What was taken is [given back](Self::give_back) when the request is refused after all.
    pub(crate) const fn mark_taken(&mut self, left: Left) {
        self.taken = Some(left);
    }

    /// Undoes [`take`](Self::take). When that fails the token is lost, which lets nobody through.
    pub(crate) fn give_back(&self, store: &dyn Store) {
        if self.taken.is_none() {
            return;
        }
        let key = &*self.store_key;
        let Ok(seen) = store.get(key) else {
            return;
        };
        let _ = change(store, key, seen, |seen| {
            let state = stored_state(seen)?.ok_or(Undecided)?;
            Ok(Change::Write(self.rule.give_back(state).encode(), ()))
        });
    }

    /// The refusal of the throttle at this place; the first place is the plan's.
    pub(crate) fn refusal(&self, place: usize, wait: Wait) -> Refusal {
        let mut refusal = Refusal::throttled_for(wait);
        if place == 0 {
            refusal.allowance.throttle = Some(Remaining::of_empty_bucket(self.rule, wait));
        }
        refusal
    }
}

impl Level<'_, Allotment, Count> {
    fn look(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), Refusal> {
        self.seen = store
            .get(&self.store_key)
            .map_err(|StoreError| Refusal::uncounted())?;
        let count =
            stored_count(value(self.seen.as_ref())).map_err(|Undecided| Refusal::uncounted())?;
        match self.rule.take(count, now) {
            quota::Decision::Admit(_) => Ok(()),
            quota::Decision::Refuse(refused) => {
                if Some(refused) != count {
                    // The period has moved with the clock. Whether this is written or not, the
                    // request is refused.
                    let version = self.seen.as_ref().map(|stored| stored.version);
                    let _ = store.compare_and_swap(&self.store_key, &refused.encode(), version);
                }
                Err(Refusal::quota_exceeded(self.rule, refused, now))
            }
            quota::Decision::Timeless => Err(Refusal::uncounted()),
        }
    }

    fn take(&mut self, store: &dyn Store, now: Timestamp) -> Result<Count, Refusal> {
        change(store, &self.store_key, self.seen.take(), |seen| {
            Ok(match self.rule.take(stored_count(seen)?, now) {
                quota::Decision::Admit(count) => Change::Write(count.encode(), Ok(count)),
                quota::Decision::Refuse(count) => {
                    Change::Keep(Err(Refusal::quota_exceeded(self.rule, count, now)))
                }
                quota::Decision::Timeless => Change::Keep(Err(Refusal::uncounted())),
            })
        })
        .unwrap_or_else(|Undecided| Err(Refusal::uncounted()))
    }
}

/// Where something of a limit is kept for a customer; for everybody when `key_id` is empty.
pub(crate) fn of_key<'l>(store_key: &'l [u8], key_id: &str) -> Cow<'l, [u8]> {
    if key_id.is_empty() {
        return Cow::Borrowed(store_key);
    }
    Cow::Owned([store_key, key_id.as_bytes()].concat())
}

pub(crate) fn value(seen: Option<&Stored>) -> Option<&[u8]> {
    seen.map(|stored| stored.value.as_slice())
}

/// Nothing stored is a full bucket; something else than a state is no bucket at all.
fn stored_state(value: Option<&[u8]>) -> Result<Option<State>, Undecided> {
    value
        .map(|bytes| State::decode(bytes).ok_or(Undecided))
        .transpose()
}

fn stored_count(value: Option<&[u8]>) -> Result<Option<Count>, Undecided> {
    value
        .map(|bytes| Count::decode(bytes).ok_or(Undecided))
        .transpose()
}
