//! Holds each customer to their plan, and each stage and the account to their limits.
//!
//! A request passes the throttles in AWS's order: the customer's own under the usage plan (that
//! of the method in the plan, or else the plan's), then the stage's (that of the method, or else
//! the one all other methods share), then the account's. After the throttles comes the quota.
//!
//! All limits are looked at before anything is taken, so that a refused request normally costs
//! reads only. Then each is taken by compare-and-swap. If another worker was faster and a later
//! limit refuses after all, what was taken from the earlier ones is given back: a refused request
//! uses up nothing, and above all a customer over their own limit uses up nothing of what the
//! others share. When a decision cannot be reached the request is refused.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html>

pub(crate) mod allowance;
mod compile;
pub(crate) mod counter;
pub(crate) mod period;
pub(crate) mod quota;
pub(crate) mod request;
pub(crate) mod throttle;
mod usage;

#[cfg(test)]
pub(crate) mod memory_store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workers_tests;

use std::sync::Arc;

use crate::api_key::Key;
use crate::ports::{Store, Timestamp};

pub use allowance::{Allowance, Reason, Refusal, Remaining};
pub(crate) use quota::{Allotment, Count};
use request::{Level, Request};
use throttle::Bucket;
pub use usage::{Counts, Outcome, Usage, UsageRecords, is_kept_usage};
pub(crate) use usage::{
    DAYS_KEPT, DAYS_REPORTED, DayUsage, History, Initial, NotExtended, Report, begin_with, day,
};

/// The usage plans and throttles of a gateway, compiled.
#[derive(Clone, Debug)]
pub struct UsagePlans {
    account: Option<Limit<Bucket>>,
    /// The stages of each API, as in the configuration.
    apis: Vec<Vec<StageLimits>>,
    /// By their places, of which some may be empty.
    plans: Vec<Option<Arc<PlanLimits>>>,
    /// Whether clients are told how they stand.
    tells: bool,
}

/// A limit and the start of the store key under which its state is kept. The states of one
/// customer have the customer's key id after it.
#[derive(Clone, Debug)]
pub(crate) struct Limit<T> {
    pub(crate) rule: T,
    pub(crate) store_key: Box<[u8]>,
    /// The same for what this gateway holds of a limit that many share.
    pub(crate) lease_key: Box<[u8]>,
    /// What Redis calls it; the limit of one customer has the customer's key id after it.
    pub(crate) name: Box<str>,
}

impl<T> Limit<T> {
    fn new(rule: T, store_key: Box<[u8]>, name: Box<str>) -> Self {
        Self {
            rule,
            lease_key: [b"F", &*store_key].concat().into(),
            store_key,
            name,
        }
    }

    /// What Redis calls the limit of one customer, or of everybody when `key_id` is empty.
    pub(crate) fn name_for(&self, key_id: &str) -> String {
        if key_id.is_empty() {
            self.name.to_string()
        } else {
            format!("{}:{key_id}", self.name)
        }
    }
}

#[derive(Clone, Debug, Default)]
struct StageLimits {
    default: Option<Limit<Bucket>>,
    /// Sorted by operation.
    methods: Vec<(usize, Limit<Bucket>)>,
}

/// A usage plan, compiled.
#[derive(Debug)]
pub(crate) struct PlanLimits {
    /// The positions of the APIs and stages that it holds, with their canary releases, sorted.
    stages: Vec<(usize, usize)>,
    throttle: Option<Limit<Bucket>>,
    quota: Option<Limit<Allotment>>,
    /// The throttles of single methods, sorted by API, stage and operation.
    methods: Vec<((usize, usize, usize), Limit<Bucket>)>,
    /// The start of the store keys under which it is kept what was used.
    usage_key: Box<[u8]>,
    id: Box<str>,
    /// The start of the keys under which Redis keeps the same.
    usage_name: Box<str>,
}

/// The limits that apply to one request.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'l> {
    /// Empty when nobody presents a key.
    pub(crate) key_id: &'l str,
    /// The plan's, the stage's and the account's.
    pub(crate) throttles: [Option<&'l Limit<Bucket>>; 3],
    pub(crate) quota: Option<&'l Limit<Allotment>>,
    /// Whether anybody wants to know what is left.
    pub(crate) tells: bool,
}

/// What a request calls: positions in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The position in [`Gateway::apis`](attache_model::Gateway::apis).
    pub api: usize,
    /// The position in [`Api::stages`](attache_model::Api::stages).
    pub stage: usize,
    /// The position in [`Api::operations`](attache_model::Api::operations).
    pub operation: usize,
}

/// Who calls, when the operation needs an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Customer<'c> {
    /// The id of the API key: an id of the configuration, never a client's bytes.
    pub key_id: &'c str,
    /// The plan under which the key opens the stage, as a position in
    /// [`Gateway::usage_plans`](attache_model::Gateway::usage_plans), or behind them.
    pub usage_plan: usize,
}

impl UsagePlans {
    /// Whether a request is within every limit, which it then counts towards.
    ///
    /// `customer` is `None` when the operation needs no key; then no usage plan applies. `now` is
    /// read right before, not when the request came: a bucket that others have changed while this
    /// request was held would look like one whose clock was put back.
    ///
    /// The [`Allowance`] and what a [`Refusal`] holds beside its reason are only filled in when
    /// the configuration has `rateLimitHeaders` on.
    ///
    /// # Errors
    ///
    /// [`Refusal`] by the first limit in AWS's order that has nothing left. A store that cannot be
    /// reached, or that other workers keep changing, counts as a limit that has nothing left, and
    /// so does a position that the configuration does not have.
    pub fn admit(
        &self,
        target: Target,
        customer: Option<Customer<'_>>,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Allowance, Refusal> {
        let limits = self.limits(target, customer)?;
        let key_id = limits.key_id;
        let [plan, stage, account] = limits.throttles;
        let mut request = Request {
            throttles: [
                plan.map(|limit| Level::new(limit, key_id)),
                stage.map(|limit| Level::new(limit, "")),
                account.map(|limit| Level::new(limit, "")),
            ],
            quota: limits.quota.map(|limit| Level::new(limit, key_id)),
            store,
            now,
            tells: self.tells,
        };
        let outcome = request.look().and_then(|()| request.take());
        outcome.map_err(|refusal| self.told(refusal))
    }

    /// What of a refusal clients are told.
    pub(crate) fn told(&self, refusal: Refusal) -> Refusal {
        if self.tells {
            refusal
        } else {
            refusal.untold()
        }
    }

    /// The plan under which a key opens a stage, as [`Customer::usage_plan`]. There is at most one;
    /// without one the key is refused.
    #[must_use]
    pub fn opening(&self, key: &Key<'_>, api: usize, stage: usize) -> Option<usize> {
        key.usage_plans().find(|plan| {
            let plan = self.plan(*plan);
            plan.is_some_and(|plan| plan.stages.binary_search(&(api, stage)).is_ok())
        })
    }

    pub(crate) fn plan(&self, place: usize) -> Option<&Arc<PlanLimits>> {
        self.plans.get(place)?.as_ref()
    }

    /// The place of the plan with an id.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        let named =
            |plan: &Option<Arc<PlanLimits>>| plan.as_ref().is_some_and(|plan| *plan.id == *id);
        self.plans.iter().position(named)
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.plans.len()
    }

    /// The same with others behind them.
    pub(crate) fn with(&self, others: impl Iterator<Item = Option<Arc<PlanLimits>>>) -> Self {
        let mut plans = self.clone();
        plans.plans.extend(others);
        plans
    }

    /// The limits that apply to a request.
    pub(crate) fn limits<'l>(
        &'l self,
        target: Target,
        customer: Option<Customer<'l>>,
    ) -> Result<Limits<'l>, Refusal> {
        let stage = self
            .apis
            .get(target.api)
            .and_then(|stages| stages.get(target.stage))
            .ok_or_else(Refusal::throttled)?;
        let plan = match customer {
            Some(customer) => Some(
                self.plan(customer.usage_plan)
                    .ok_or_else(Refusal::throttled)?,
            ),
            None => None,
        };
        let key_id = customer.map_or("", |customer| customer.key_id);

        Ok(Limits {
            key_id,
            throttles: [
                plan.and_then(|plan| plan.throttle(target)),
                stage.throttle(target.operation),
                self.account.as_ref(),
            ],
            quota: plan.and_then(|plan| plan.quota.as_ref()),
            tells: self.tells,
        })
    }
}

impl PlanLimits {
    pub(crate) fn quota(&self) -> Option<&Limit<Allotment>> {
        self.quota.as_ref()
    }

    /// Its own throttle, and those of single methods.
    pub(crate) fn throttles(&self) -> impl Iterator<Item = &Limit<Bucket>> {
        let methods = self.methods.iter().map(|(_, limit)| limit);
        self.throttle.iter().chain(methods)
    }

    /// A method's own throttle, or the one that the customer's other requests share.
    fn throttle(&self, target: Target) -> Option<&Limit<Bucket>> {
        let method = (target.api, target.stage, target.operation);
        self.methods
            .binary_search_by_key(&method, |(method, _)| *method)
            .ok()
            .and_then(|place| self.methods.get(place))
            .map(|(_, limit)| limit)
            .or(self.throttle.as_ref())
    }
}

impl StageLimits {
    /// A method's own throttle, or the one that the stage's other methods share.
    fn throttle(&self, operation: usize) -> Option<&Limit<Bucket>> {
        self.methods
            .binary_search_by_key(&operation, |(operation, _)| *operation)
            .ok()
            .and_then(|place| self.methods.get(place))
            .map(|(_, limit)| limit)
            .or(self.default.as_ref())
    }
}
