//! Holds many gateways to one limit: what they spend they have taken from Redis ahead of need.
//!
//! ```text
//! a request ─► lease (shared by the gateway's workers) ─► admitted       no call
//!                │ half of it is spent ─► renewed on the side            one call for many limits
//!                └ nothing is left ─► asks, and waits ─► admitted, or refused
//!                                        └ no answer ─► allow, deny or local
//! ```
//!
//! A quota is never exceeded: what Redis has granted to one gateway it grants to no other. A gateway
//! that ends takes with it what it held, a tenth of the quota at most. Of a
//! throttle with rate R and burst B all gateways together admit at most B + R·T + A in any time T,
//! where A is what they may hold ahead: a quarter of B or of R·1 s, whichever is more, and at least
//! one; and one for each call under way that requests wait for.
//!
//! While Redis is away nobody waits for it: a circuit breaker opens after a few failures, and what
//! is held is spent. After that `onFailure` decides. What quotas let through meanwhile is counted
//! when Redis is back.

pub(crate) mod errands;
pub(crate) mod keys;
mod lease;
pub(crate) mod left_behind;
pub(crate) mod plans;
#[cfg(test)]
mod redis_model;
mod renewal;
mod request;
pub(crate) mod table;
mod usage;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use attache_model::OnFailure;

use crate::exchange::Exchange;
use crate::observation::RedisMetrics;
use crate::ports::{Ports, Swap, Timestamp};
use crate::redis::{Breaker, Course, Fault, Redis};
use crate::usage_plan::{Allowance, Customer, Refusal, Target, UsagePlans};
use errands::Work;
use keys::SharedKeys;
use plans::SharedPlans;
use renewal::Renewal;

/// Where the name under which Redis knows this gateway is stored. It lasts as long as the leases.
const GATEWAY: &[u8] = b"Fgateway";

/// How often the service wants to be asked for errands, in milliseconds.
pub(crate) const TICK_MILLIS: u32 = 100;

/// Only Redis could tell, and does not.
pub(crate) struct Unknown;

/// What a gateway that shares its limits does beside counting.
#[derive(Debug)]
pub(crate) struct Fleet {
    redis: Arc<Redis>,
    metrics: Option<RedisMetrics>,
    /// The name of this gateway, once it was read.
    gateway: OnceLock<String>,
    work: Mutex<Work>,
    /// The API keys that live in Redis, if any do.
    keys: Option<SharedKeys>,
    plans: SharedPlans,
}

impl Fleet {
    pub(crate) fn new(
        redis: Arc<Redis>,
        plans: SharedPlans,
        metrics: Option<RedisMetrics>,
    ) -> Self {
        Self {
            keys: redis.holds_keys.then(SharedKeys::new),
            plans,
            redis,
            metrics,
            gateway: OnceLock::new(),
            work: Mutex::default(),
        }
    }

    /// Whether a request is within every limit, which it then counts towards. As
    /// [`UsagePlans::admit`], but for many gateways; waits when a lease has nothing left.
    ///
    /// # Errors
    ///
    /// [`Refusal`] by the first limit in AWS's order that has nothing left.
    pub(crate) async fn admit(
        &self,
        plans: &UsagePlans,
        exchange: &Exchange,
        target: Target,
        customer: Option<Customer<'_>>,
    ) -> Result<Allowance, Refusal> {
        let limits = plans.limits(target, customer)?;
        request::Request::new(self, &limits, exchange)
            .admit()
            .await
            .map_err(|refusal| plans.told(refusal))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_failure(&self) -> OnFailure {
        self.redis.on_failure
    }

    /// The name under which Redis knows all workers of this gateway.
    fn gateway(&self, ports: &dyn Ports) -> Option<&str> {
        if let Some(name) = self.gateway.get() {
            return Some(name);
        }
        let name = name_of_gateway(ports)?;
        Some(self.gateway.get_or_init(|| name))
    }

    /// A lease is half spent.
    fn renew_soon(&self, renewal: Renewal) {
        self.work().is_due(renewal);
    }

    /// Tells what came of a call that was made, or joined, at a moment.
    fn ended(&self, ports: &dyn Ports, asked_at: Timestamp, outcome: Result<(), &Fault>) {
        ended(&self.redis, self.metrics.as_ref(), ports, asked_at, outcome);
    }
}

/// Tells what came of a call of Redis that was made, or joined, at a moment.
pub(crate) fn ended(
    redis: &Redis,
    metrics: Option<&RedisMetrics>,
    ports: &dyn Ports,
    asked_at: Timestamp,
    outcome: Result<(), &Fault>,
) {
    let course = Breaker::report(ports, asked_at, ports.now(), outcome, &redis.authority);
    if let Some(metrics) = metrics {
        metrics.called(ports, outcome.is_err());
        ports.set(&metrics.available, u64::from(course == Course::Ask));
    }
}

/// The name under which all workers of this gateway are known to others.
pub(crate) fn name_of_gateway(ports: &dyn Ports) -> Option<String> {
    let name = match ports.get(GATEWAY).ok()? {
        Some(stored) => stored.value,
        None => {
            let name = format!("{:016x}{:016x}", ports.next_u64(), ports.next_u64());
            match ports
                .compare_and_swap(GATEWAY, name.as_bytes(), None)
                .ok()?
            {
                Swap::Done => name.into_bytes(),
                Swap::Conflict => ports.get(GATEWAY).ok()??.value,
            }
        }
    };
    String::from_utf8(name).ok()
}

#[cfg(test)]
mod tests;
