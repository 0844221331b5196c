//! What a customer is told about their plan, whether a request was admitted or refused.

use super::quota::{Allotment, Count};
use super::throttle::{Bucket, Left};
use crate::denial::Denial;
use crate::ports::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// How the customer stands with their usage plan after a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The bucket that the plan gives the customer.
    pub throttle: Option<Remaining>,
    /// The plan's quota.
    pub quota: Option<Remaining>,
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Requests at most: the burst or the quota.
    pub limit: u64,
    /// The time, in seconds, over which the limit holds: the filling time of the bucket or the
    /// length of the period; `None` for a bucket that never fills.
    pub window: Option<u64>,
    /// Requests left.
    pub requests: u64,
    /// Seconds until the limit is whole again; `None` when it never is.
    pub reset: Option<u64>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind of limit has nothing left.
    pub reason: Reason,
    /// Seconds after which it is worth trying again; `None` when nobody can tell.
    pub retry_after: Option<u64>,
    /// How the customer stands with the limit that refused, if it was one of their plan.
    pub allowance: Allowance,
}

/// The kinds of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A throttle, of the plan, the stage or the account.
    Throttled,
    /// The quota of the plan.
    QuotaExceeded,
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Throttled => Self::Throttled,
            Reason::QuotaExceeded => Self::QuotaExceeded,
        }
    }
}

impl Refusal {
    /// By a throttle that cannot say when it will have a token.
    pub(crate) fn throttled() -> Self {
        Self {
            reason: Reason::Throttled,
            retry_after: None,
            allowance: Allowance::default(),
        }
    }

    /// By a throttle that has a token after `wait` nanoseconds.
    pub(crate) fn throttled_for(wait: Option<u64>) -> Self {
        Self {
            retry_after: wait.map(|wait| wait.div_ceil(SECOND)),
            ..Self::throttled()
        }
    }

    /// The same with nothing but its reason.
    pub(crate) fn untold(self) -> Self {
        Self {
            reason: self.reason,
            ..Self::throttled()
        }
    }

    /// By a quota that cannot be counted.
    pub(crate) fn uncounted() -> Self {
        Self {
            reason: Reason::QuotaExceeded,
            ..Self::throttled()
        }
    }

    /// By a quota that is used up.
    pub(crate) fn quota_exceeded(quota: &Allotment, count: Count, now: Timestamp) -> Self {
        let remaining = Remaining::of_quota(quota, count, now);
        Self {
            reason: Reason::QuotaExceeded,
            retry_after: remaining.reset,
            allowance: Allowance {
                throttle: None,
                quota: Some(remaining),
            },
        }
    }
}

impl Remaining {
    pub(crate) fn of_bucket(bucket: &Bucket, left: Left) -> Self {
        Self {
            requests: bucket.tokens(left).into(),
            reset: Some(left.full_in.div_ceil(SECOND)),
            ..Self::of_empty_bucket(bucket, None)
        }
    }

    /// A bucket of many gateways, of which one knows that so many tokens are left.
    pub(crate) fn of_leased_bucket(bucket: &Bucket, tokens: u64) -> Self {
        let burst = u64::from(bucket.burst());
        let tokens = tokens.min(burst);
        let missing = u128::from(burst - tokens) * u128::from(SECOND);
        let full_in = (missing * u128::from(SECOND)).checked_div(bucket.rate().into());
        let reset = full_in.and_then(|nanos| u64::try_from(nanos).ok());
        Self {
            requests: tokens,
            reset: reset.map(|nanos| nanos.div_ceil(SECOND)),
            ..Self::of_empty_bucket(bucket, None)
        }
    }

    /// A bucket that has its next token after `wait` nanoseconds.
    pub(crate) fn of_empty_bucket(bucket: &Bucket, wait: Option<u64>) -> Self {
        Self {
            limit: bucket.burst().into(),
            window: bucket.full_after_empty().map(|full| full.div_ceil(SECOND)),
            requests: 0,
            reset: wait.and_then(|wait| Some(bucket.full_after(wait)?.div_ceil(SECOND))),
        }
    }

    pub(crate) fn of_quota(quota: &Allotment, count: Count, now: Timestamp) -> Self {
        let period = count.period;
        Self {
            limit: quota.limit,
            window: Some(period.end - period.start),
            requests: quota.left(count),
            reset: Some(period.end.saturating_sub(now.as_secs())),
        }
    }
}
