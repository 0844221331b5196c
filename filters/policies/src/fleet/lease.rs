//! What a gateway holds of a limit that others share: granted by Redis ahead of need, spent without
//! asking anybody.
//!
//! ```text
//! left = granted − spent − returned
//! ```
//!
//! All three only ever grow, and each side knows which of them are its own to raise: Redis grants,
//! the gateway spends and gives back. An ask that is lost, comes twice or late therefore changes
//! nothing that the next one does not put right: both sides take the larger of what they know and
//! what they are told. What was granted to a gateway that is gone is not given out again, so that a
//! quota can only ever be undercut.

use crate::ports::Timestamp;
use crate::usage_plan::period::Bounds;

/// The length of a stored [`Lease`].
pub(crate) const LEASE_LENGTH: usize = 96;

const MILLI: u64 = 1_000_000;

const SECOND: u64 = 1_000 * MILLI;

/// For how long what a throttle has granted may be spent, in nanoseconds, from before it was asked
/// for. Redis leaves a gateway out of its sums after twice as long.
pub(crate) const LIFETIME: u64 = 10 * SECOND;

/// After how long something that is held and not used is given back, in nanoseconds.
pub(crate) const IDLE: u64 = 4 * SECOND;

/// For how long a gateway wants to be able to go on without asking, in nanoseconds.
const AHEAD: u64 = 2 * SECOND;

/// How long an ask on the side may take before another one is made, in nanoseconds.
const ASK_AGAIN: u64 = 500 * MILLI;

/// What is held ahead at first.
const FIRST_TARGET: u64 = 2;

/// How much more is held ahead after each ask at most.
const GROWTH: u64 = 4;

/// The longest that a limit is believed to be closed. A clock that was put back shuts nothing for
/// longer.
const LONGEST_CLOSED: u64 = 15 * SECOND;

/// A gateway's part of a limit. What is stored, times in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Of a quota; [`FOREVER`] for a throttle.
    pub(crate) period: Bounds,
    /// By Redis, and by the gateway to itself while Redis was away.
    pub(crate) granted: u64,
    /// By requests.
    pub(crate) spent: u64,
    /// Held for too long without use.
    pub(crate) returned: u64,
    /// What was left for all when Redis answered last, as far as this gateway knows.
    pub(crate) pool: u64,
    /// What is wanted ahead.
    target: u64,
    /// With so much left it is time to ask for more on the side.
    low: u64,
    /// What was spent by then.
    spent_then: u64,
    /// When the last ask that was answered was made.
    heard_at: u64,
    /// When the ask on the side was made that is not answered yet.
    asked_at: u64,
    /// Until when asking is of no use.
    closed_until: u64,
}

/// The period of a limit that has none.
pub(crate) const FOREVER: Bounds = Bounds {
    start: 0,
    end: u64::MAX,
};

/// What a lease says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spend {
    /// One was left.
    Spent {
        /// The lease with one less.
        lease: Lease,
        /// Whether it is time to ask for more on the side.
        low: bool,
    },
    /// Nothing is left, here or anywhere, for so many nanoseconds.
    Closed(u64),
    /// Nothing is left here.
    Empty,
}

/// What a gateway tells Redis, and wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) period: Bounds,
    pub(crate) granted: u64,
    pub(crate) spent: u64,
    pub(crate) returned: u64,
    /// To be spent at once.
    pub(crate) need: u64,
    /// To be held ahead.
    pub(crate) target: u64,
    pub(crate) at: Timestamp,
}

/// What Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Since the gateway began.
    pub(crate) granted: u64,
    /// What is left for all.
    pub(crate) pool: u64,
    /// For how many milliseconds asking again is of no use.
    pub(crate) wait_millis: u64,
}

impl Lease {
    /// Of a gateway that has heard nothing yet, and takes so much to be left for all.
    pub(crate) const fn new(period: Bounds, pool: u64) -> Self {
        Self {
            period,
            granted: 0,
            spent: 0,
            returned: 0,
            pool,
            target: 0,
            low: 0,
            spent_then: 0,
            heard_at: 0,
            asked_at: 0,
            closed_until: 0,
        }
    }

    /// What can be spent without asking.
    pub(crate) const fn left(&self) -> u64 {
        self.granted
            .saturating_sub(self.spent)
            .saturating_sub(self.returned)
    }

    const fn is_throttle(&self) -> bool {
        self.period.end == u64::MAX
    }

    /// What is too old to be spent counts as given back. Redis may only be told of it once it is
    /// stored: what it is told to be given back nobody may spend any more.
    pub(crate) fn without_expired(self, now: Timestamp) -> Self {
        let fresh = self.heard_at.saturating_add(LIFETIME) > now.0
            && self.heard_at <= now.0.saturating_add(LIFETIME);
        if fresh || !self.is_throttle() {
            self
        } else {
            self.giving_back(0)
        }
    }

    /// Keeps so much of what is left, and gives the rest back.
    const fn giving_back(self, keep: u64) -> Self {
        Self {
            returned: self
                .returned
                .saturating_add(self.left().saturating_sub(keep)),
            ..self
        }
    }

    /// Whether a request that comes `now` is within it.
    pub(crate) fn spend(self, now: Timestamp) -> Spend {
        let lease = self.without_expired(now);
        let left = lease.left();
        if left == 0 {
            let closed = lease.closed_until.saturating_sub(now.0);
            return if closed > 0 && closed <= LONGEST_CLOSED {
                Spend::Closed(closed)
            } else {
                Spend::Empty
            };
        }
        let asks = now.0.abs_diff(lease.asked_at) >= ASK_AGAIN;
        let low = asks && left - 1 <= lease.low;
        Spend::Spent {
            lease: Self {
                spent: lease.spent + 1,
                asked_at: if low { now.0 } else { lease.asked_at },
                ..lease
            },
            low,
        }
    }

    /// Whether to ask for more because others are asked for anyway: half of what was held when Redis
    /// answered last is spent. Leases that are used alike are renewed together from then on.
    pub(crate) fn joining(self, now: Timestamp) -> Option<Self> {
        let lease = self.without_expired(now);
        let used = lease.spent.saturating_sub(lease.spent_then);
        let joins = used > 0 && used >= lease.left() && now.0.abs_diff(lease.asked_at) >= ASK_AGAIN;
        joins.then_some(Self {
            asked_at: now.0,
            ..lease
        })
    }

    /// One that was spent was not needed after all.
    pub(crate) const fn unspent(self) -> Self {
        Self {
            spent: self.spent.saturating_sub(1),
            ..self
        }
    }

    /// Grants itself one and spends it: Redis will be told.
    pub(crate) const fn overdrawn(self) -> Self {
        Self {
            granted: self.granted.saturating_add(1),
            spent: self.spent.saturating_add(1),
            pool: self.pool.saturating_sub(1),
            ..self
        }
    }

    /// What to tell Redis, for as many requests as wait. As much is wanted ahead as was spent
    /// lately, but no more than a few times of what was held ahead before.
    ///
    /// Only of a lease that is stored as it is.
    pub(crate) fn ask(self, now: Timestamp, need: u64) -> Ask {
        let spent = u128::from(self.spent.saturating_sub(self.spent_then).max(need));
        let elapsed = u128::from(now.0.saturating_sub(self.heard_at).max(MILLI));
        let demand = u64::try_from(spent * u128::from(AHEAD) / elapsed).unwrap_or(u64::MAX);
        let most = self.target.saturating_mul(GROWTH).max(FIRST_TARGET);
        Ask {
            period: self.period,
            granted: self.granted,
            spent: self.spent,
            returned: self.returned,
            need,
            target: demand.min(most),
            at: now,
        }
    }

    /// The lease after an answer. An answer about another period changes nothing, and one to an
    /// older ask than the last nothing but what was granted.
    pub(crate) fn learn(self, ask: &Ask, grant: &Grant, now: Timestamp) -> Self {
        if ask.period != self.period {
            return self;
        }
        let granted = self.granted.max(grant.granted);
        let lease = Self { granted, ..self };
        if ask.at.0 < self.heard_at {
            return lease;
        }
        let wait = grant.wait_millis.saturating_mul(MILLI);
        Self {
            pool: grant.pool,
            target: ask.target,
            low: low(lease.left(), ask.target),
            spent_then: lease.spent,
            heard_at: ask.at.0,
            asked_at: 0,
            closed_until: if wait == 0 {
                0
            } else {
                now.0.saturating_add(wait)
            },
            ..lease
        }
    }

    /// What becomes of it when it is looked at on the side: nothing for now, nothing any more, or
    /// Redis is to be told. What is not used is given back.
    pub(crate) fn tend(self, now: Timestamp) -> Care {
        if now.0 / SECOND >= self.period.end {
            return Care::Forget;
        }
        let lease = self.without_expired(now);
        let since = now.0.saturating_sub(lease.heard_at);
        if since < IDLE {
            return Care::Keep;
        }
        let used = lease.spent.saturating_sub(lease.spent_then);
        if used == 0 && lease.left() == 0 {
            return if lease == self {
                Care::Forget
            } else {
                Care::Tell(lease)
            };
        }
        // Twice what is used until the next look.
        let lease = lease.giving_back(used.saturating_mul(2));
        Care::Tell(Self {
            asked_at: now.0,
            ..lease
        })
    }

    /// The stored form: twelve numbers of eight bytes, little-endian.
    pub(crate) fn encode(self) -> [u8; LEASE_LENGTH] {
        let mut bytes = [0; LEASE_LENGTH];
        let (parts, _) = bytes.as_chunks_mut();
        let numbers = [
            self.period.start,
            self.period.end,
            self.granted,
            self.spent,
            self.returned,
            self.pool,
            self.target,
            self.low,
            self.spent_then,
            self.heard_at,
            self.asked_at,
            self.closed_until,
        ];
        for (part, number) in parts.iter_mut().zip(numbers) {
            *part = number.to_le_bytes();
        }
        bytes
    }

    /// Reads the stored form; `None` when it is not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (parts, []) = bytes.as_chunks() else {
            return None;
        };
        let parts: &[[u8; 8]; 12] = parts.try_into().ok()?;
        let [
            start,
            end,
            granted,
            spent,
            returned,
            pool,
            target,
            low,
            spent_then,
            heard_at,
            asked_at,
            closed_until,
        ] = parts.map(u64::from_le_bytes);
        Some(Self {
            period: Bounds { start, end },
            granted,
            spent,
            returned,
            pool,
            target,
            low,
            spent_then,
            heard_at,
            asked_at,
            closed_until,
        })
    }
}

/// What lasts three rounds of asking on the side when the target lasts [`AHEAD`], and no more than
/// half of what is held.
const fn low(left: u64, target: u64) -> u64 {
    let rounds = target.saturating_mul(3) / 20;
    if rounds < left / 2 { rounds } else { left / 2 }
}

/// What is to be done about a lease that nobody has asked about for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// It is in use.
    Keep,
    /// There is nothing in it any more.
    Forget,
    /// Redis is to be told of this state, which is to be stored.
    Tell(Lease),
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
