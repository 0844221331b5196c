//! What was used of the usage plans, by the requests of all gateways.
//!
//! Each worker adds what it has counted to Redis a few times a second, in one call for many keys. A
//! report has a name, under which it is made again until it is answered, and counts once. A worker that
//! ends leaves what it has not told to the others of its gateway, or to those that come after it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::renewal::{expiry_millis, quota_key};
use crate::exchange::{Callout, Exchange};
use crate::ports::Ports;
use crate::redis::{Breaker, Course, Fault, Redis, eval};
use crate::usage_plan::{Count, DAYS_KEPT, History, NotExtended, UsagePlans, UsageRecords, day};

use super::Fleet;

pub(super) const COUNT: &str = include_str!("count_usage.lua");

const READ: &str = include_str!("read_usage.lua");

const SET_REMAINING: &str = include_str!("set_remaining.lua");

/// How many keys one report is about at most.
const MOST_IN_REPORT: usize = 256;

const SECONDS_OF_DAY: usize = 86_400;

/// What is to be added, under a name that makes it count once: the words of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsageReport(Vec<String>);

impl UsageReport {
    /// What has come together; `None` when nothing has.
    ///
    /// No other report of this worker has its `number`.
    pub(super) fn of(
        fleet: &Fleet,
        plans: &UsagePlans,
        records: &UsageRecords,
        number: usize,
        ports: &dyn Ports,
    ) -> Option<Self> {
        let redis = &fleet.redis;
        let gateway = fleet.gateway(ports)?;
        let usages = records.drain(MOST_IN_REPORT);
        let named = usages.iter().filter_map(|usage| {
            let name = plans.usage_name(usage.usage_plan, &usage.key_id)?;
            Some((redis.key(&name), usage))
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return None;
        }
        let mut words = eval(COUNT, named.len() + 1);
        let name = format!("report:{gateway}:{:016x}:{number}", ports.next_u64());
        words.push(redis.key(&name));
        words.extend(named.iter().map(|(key, _)| key.clone()));
        let kept = u32::try_from(DAYS_KEPT).unwrap_or(u32::MAX);
        words.push(day(ports.now()).saturating_sub(kept).to_string());
        words.push(kept_seconds());
        for (_, usage) in named {
            let counts = &usage.counts;
            words.push(usage.day.to_string());
            let counts = [counts.used, counts.throttled, counts.refused];
            words.extend(counts.iter().map(u64::to_string));
        }
        Some(Self(words))
    }

    pub(super) fn call(&self, redis: &Redis) -> Callout {
        redis.call(self.0.iter().map(String::as_bytes))
    }

    /// As it is left behind.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// A report that was left behind; `None` when it is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }
}

/// What is known of a key under a plan.
type KeyUsage = (History, Option<Count>);

impl Fleet {
    /// What keys have used of a plan.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub(crate) async fn usage(
        &self,
        plans: &UsagePlans,
        plan: usize,
        key_ids: &[&str],
        exchange: &Exchange,
    ) -> Result<Vec<KeyUsage>, Fault> {
        let now = exchange.ports().now();
        let quota = plans.quota(plan);
        let period = quota.and_then(|quota| quota.rule.period(None, now));
        let mut words = eval(READ, key_ids.len() * 2);
        for key_id in key_ids {
            let usage = plans.usage_name(plan, key_id).unwrap_or_default();
            words.push(self.redis.key(&usage));
            words.push(match quota.zip(period) {
                Some((quota, period)) => quota_key(&self.redis, &quota.name_for(key_id), period),
                None => self.redis.key(&usage),
            });
        }
        // However many ask, a worker asks once.
        let answer = self.run(&words, true, exchange).await?;
        let mut rest = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut usages = Vec::with_capacity(key_ids.len());
        while let Some((fields, [used, extra], after)) = next_usage(rest) {
            let count = period.and_then(|period| {
                Some(Count {
                    period,
                    used: used.as_str()?.parse().ok()?,
                    extra: extra.as_str()?.parse().ok()?,
                })
            });
            usages.push((history(fields), count));
            rest = after;
        }
        if usages.len() == key_ids.len() {
            Ok(usages)
        } else {
            Err(Fault::Refused("something else than usage".to_owned()))
        }
    }

    /// Sets what is left to a key of the quota's current period. Gateways that refuse the key's
    /// requests look again within ten seconds.
    ///
    /// # Errors
    ///
    /// [`NotExtended`].
    pub(crate) async fn set_remaining(
        &self,
        plans: &UsagePlans,
        plan: usize,
        key_id: &str,
        remaining: u64,
        exchange: &Exchange,
    ) -> Result<(), NotExtended> {
        let now = exchange.ports().now();
        let quota = plans.quota(plan).ok_or(NotExtended::NoQuota)?;
        let period = quota.rule.period(None, now).ok_or(NotExtended::Undecided)?;
        let usage = plans.usage_name(plan, key_id).unwrap_or_default();
        let mut words = eval(SET_REMAINING, 2);
        words.push(quota_key(&self.redis, &quota.name_for(key_id), period));
        words.push(self.redis.key(&usage));
        words.push(quota.rule.limit.to_string());
        words.push(remaining.to_string());
        words.push(expiry_millis(period).to_string());
        words.push(day(now).to_string());
        words.push(kept_seconds());
        let done = self.run(&words, false, exchange).await;
        done.map(|_| ()).map_err(|_| NotExtended::Undecided)
    }

    async fn run(
        &self,
        words: &[String],
        is_shared: bool,
        exchange: &Exchange,
    ) -> Result<Value, Fault> {
        let ports = exchange.ports();
        if Breaker::course(ports) == Course::Leave {
            return Err(Fault::Unreachable(None));
        }
        let mut callout = self.redis.call(words.iter().map(String::as_bytes));
        callout.shared_as = is_shared.then(|| Sha256::digest(&callout.body).into());
        let asked_at = ports.now();
        let answer = self.redis.ask(callout, exchange).await;
        self.ended(ports, asked_at, answer.as_ref().map(|_| ()));
        answer
    }
}

fn kept_seconds() -> String {
    (DAYS_KEPT * SECONDS_OF_DAY).to_string()
}

/// The fields of the next usage of an answer, what stands behind them, and the rest.
fn next_usage(answer: &[Value]) -> Option<(&[Value], &[Value; 2], &[Value])> {
    let (length, rest) = answer.split_first()?;
    let length = usize::try_from(length.as_u64()?).ok()?;
    let (fields, rest) = rest.split_at_checked(length)?;
    let (quota, rest) = rest.split_first_chunk()?;
    Some((fields, quota, rest))
}

/// Reads the fields of a usage, `DAY:NAME` and a number each. What is none is left out.
fn history(fields: &[Value]) -> History {
    let (pairs, _) = fields.as_chunks();
    let mut read: Vec<(u32, &str, &str)> = pairs
        .iter()
        .filter_map(|[name, value]| {
            let (day, name) = name.as_str()?.split_once(':')?;
            Some((day.parse().ok()?, name, value.as_str()?))
        })
        .collect();
    // The latest days are kept.
    read.sort_unstable_by_key(|(day, ..)| *day);
    let mut history = History::default();
    for (day, name, value) in read {
        let Some(day) = history.day(day) else {
            continue;
        };
        let count = || value.parse().unwrap_or(0);
        match name {
            "used" => day.counts.used = count(),
            "throttled" => day.counts.throttled = count(),
            "refused" => day.counts.refused = count(),
            "granted" => day.granted = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    history
}
