//! The call that renews leases: many of them at once, by one script that Redis runs as a whole.

use serde_json::Value;

use super::lease::{Ask, Grant};
use crate::exchange::Callout;
use crate::redis::{Fault, Redis, eval};
use crate::usage_plan::period::Bounds;
use crate::usage_plan::throttle::Bucket;
use crate::usage_plan::{Allotment, Limit};

/// What Redis runs.
pub(crate) const SCRIPT: &str = include_str!("renew.lua");

/// For how long after its end a quota's key is kept, in seconds.
const KEPT_AFTER_PERIOD: u64 = 86_400;

/// A limit as Redis must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Requests per period.
    Quota { limit: u64 },
    /// Capacity in tokens, and billionths of a token per second.
    Throttle { burst: u32, rate: u64 },
}

impl Terms {
    pub(crate) const fn of_quota(quota: &Allotment) -> Self {
        Self::Quota { limit: quota.limit }
    }

    pub(crate) const fn of_throttle(throttle: &Bucket) -> Self {
        Self::Throttle {
            burst: throttle.burst(),
            rate: throttle.rate(),
        }
    }

    /// How many tokens all gateways together may hold ahead: a quarter of the burst or of what a
    /// second brings, whichever is more.
    pub(crate) fn most_ahead(burst: u32, rate: u64) -> u64 {
        let second = rate / 1_000_000_000;
        u64::from(burst).max(second).div_ceil(4).max(1)
    }
}

/// One limit of one customer in such a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Where the lease is stored.
    pub(crate) store_key: Box<[u8]>,
    /// Where Redis keeps the limit, without prefix and period.
    pub(crate) name: Box<str>,
    pub(crate) terms: Terms,
}

impl Renewal {
    /// A customer's part of a quota.
    pub(crate) fn of_quota(quota: &Limit<Allotment>, key_id: &str, store_key: &[u8]) -> Self {
        Self {
            store_key: store_key.into(),
            name: quota.name_for(key_id).into(),
            terms: Terms::of_quota(&quota.rule),
        }
    }

    /// The same of what is stored under a key; `None` when that belongs to something else.
    pub(crate) fn of_stored(quota: &Limit<Allotment>, store_key: &[u8]) -> Option<Self> {
        let key_id = store_key.strip_prefix(&*quota.lease_key)?;
        let key_id = str::from_utf8(key_id).ok()?;
        Some(Self::of_quota(quota, key_id, store_key))
    }
}

/// Where Redis keeps one period of a quota.
pub(super) fn quota_key(redis: &Redis, name: &str, period: Bounds) -> String {
    format!("{}:{}", redis.key(name), period.start)
}

/// When Redis may forget one period of a quota, in milliseconds since 1970.
pub(super) const fn expiry_millis(period: Bounds) -> u64 {
    period
        .end
        .saturating_add(KEPT_AFTER_PERIOD)
        .saturating_mul(1_000)
}

/// The call that tells Redis of these, and asks for what they want.
pub(crate) fn call(redis: &Redis, gateway: &str, asks: &[(Renewal, Ask)]) -> Callout {
    let mut words = eval(SCRIPT, asks.len());
    words.reserve(1 + asks.len() * 10);
    for (renewal, ask) in asks {
        words.push(match renewal.terms {
            Terms::Quota { .. } => quota_key(redis, &renewal.name, ask.period),
            Terms::Throttle { .. } => redis.key(&renewal.name),
        });
    }
    words.push(gateway.to_owned());
    for (renewal, ask) in asks {
        let (kind, terms) = match renewal.terms {
            Terms::Quota { limit } => ("quota", [limit, expiry_millis(ask.period), 0]),
            Terms::Throttle { burst, rate } => {
                let most = Terms::most_ahead(burst, rate);
                ("throttle", [u64::from(burst), rate, most])
            }
        };
        words.push(kind.to_owned());
        let counts = [ask.granted, ask.spent, ask.returned, ask.need, ask.target];
        words.extend(counts.iter().chain(&terms).map(u64::to_string));
    }
    redis.call(words.iter().map(String::as_bytes))
}

/// What Redis has answered, in the order of the asks.
pub(crate) fn grants(answer: &Value, asks: usize) -> Result<Vec<Grant>, Fault> {
    let numbers = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let (grants, rest) = numbers.as_chunks();
    let grants: Option<Vec<_>> = grants
        .iter()
        .map(|[granted, pool, wait_millis]| {
            Some(Grant {
                granted: granted.as_u64()?,
                pool: pool.as_u64()?,
                wait_millis: wait_millis.as_u64()?,
            })
        })
        .collect();
    grants
        .filter(|grants| grants.len() == asks && rest.is_empty())
        .ok_or_else(|| Fault::Refused("something else than grants".to_owned()))
}
