//! The usage plans that live in Redis, beside those of the configuration.
//!
//! A plan has a place, by which keys and requests know it: those of the configuration have the first,
//! in its order, and every other has the next that is free when its name is first met. A place is never
//! another's, so that what is counted for a plan stays its own, and it does not matter whether a key or
//! its plan is known first.
//!
//! A request keeps to the plans as they were when it came.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_model as model;
use serde_json::Value;

use super::renewal::{Renewal, Terms};
use super::table::{Finding, Kind, Record, Replica, SharedTable, record_words};
use super::{Fleet, Unknown};
use crate::api_facts::ApiFacts;
use crate::api_key::{Key, digest};
use crate::exchange::{Callout, Exchange};
use crate::ports::Ports;
use crate::redis::{Fault, Redis};
use crate::usage_plan::{PlanLimits, UsagePlans};

/// The most places. AWS has 300 plans for an account and a region.
const MOST_PLACES: usize = 10_000;

/// How usage plans are kept.
static KIND: Kind = Kind {
    keys: [
        "usageplans",
        "usageplans:versions",
        "usageplans:removed",
        "usageplans:digests",
        "usageplans:table",
    ],
    progress: b"Fplans",
    one: "usage plan",
    several: "usage plans",
};

impl Record for model::UsagePlan {
    const KIND: &'static Kind = &KIND;

    fn digests(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The usage plans of the configuration and of Redis, as this worker knows them.
#[derive(Debug)]
pub(crate) struct SharedPlans {
    declared: Arc<UsagePlans>,
    apis: Arc<[ApiFacts]>,
    /// Those of Redis, if any are there.
    table: Option<SharedTable<PlanReplica>>,
    places: Mutex<Places>,
    /// All of them.
    current: Mutex<Arc<UsagePlans>>,
}

/// The names that have a place.
#[derive(Debug)]
struct Places {
    by_name: BTreeMap<Arc<str>, u32>,
    /// Those behind the configuration's.
    names: Vec<Arc<str>>,
}

/// The plans of Redis.
#[derive(Default)]
pub(super) struct PlanReplica(BTreeMap<Box<str>, Arc<PlanLimits>>);

impl SharedPlans {
    pub(crate) fn new(declared: Arc<UsagePlans>, apis: Arc<[ApiFacts]>, redis: &Redis) -> Self {
        let declared_places = (0..declared.places()).filter_map(|place| {
            let name: Arc<str> = declared.id(place)?.into();
            Some((name, u32::try_from(place).ok()?))
        });
        let places = Places {
            by_name: declared_places.collect(),
            names: Vec::new(),
        };
        Self {
            current: Mutex::new(Arc::clone(&declared)),
            declared,
            apis,
            table: redis.holds_plans.then(SharedTable::new),
            places: Mutex::new(places),
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> MutexGuard<'_, Arc<UsagePlans>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plans as they are now.
    pub(super) fn current(&self) -> Arc<UsagePlans> {
        Arc::clone(&self.now())
    }

    /// Whether all is known that there is.
    pub(super) fn is_loaded(&self) -> bool {
        self.table.as_ref().is_none_or(SharedTable::is_loaded)
    }

    /// The place of a plan, whether it is known already or not; `None` when there can be none.
    pub(super) fn place(&self, name: &str) -> Option<u32> {
        let mut places = self.places();
        if let Some(place) = places.by_name.get(name) {
            return Some(*place);
        }
        if self.table.is_none() || places.names.len() >= MOST_PLACES {
            return None;
        }
        let place = u32::try_from(self.declared.places() + places.names.len()).ok()?;
        let name: Arc<str> = name.into();
        places.by_name.insert(Arc::clone(&name), place);
        places.names.push(name);
        Some(place)
    }

    /// Whether there is a plan at a place, or may be one that is not known yet.
    pub(super) fn may_have(&self, place: u32) -> bool {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.now().plan(place).is_some() || !self.is_loaded()
    }

    /// The call that asks what has changed, when it is due.
    pub(super) fn call(&self, redis: &Redis, ports: &dyn Ports) -> Option<Callout> {
        self.table.as_ref()?.call(redis, ports)
    }

    /// Takes over what Redis has answered, and tells which plans are others now.
    pub(super) fn learn(
        &self,
        answer: &Result<Value, Fault>,
        ports: &dyn Ports,
        address: &str,
    ) -> Vec<Arc<PlanLimits>> {
        if let Some(table) = &self.table {
            table.learn(answer, self, ports, address);
        }
        self.publish()
    }

    /// Sees to it that the plan at a place is known. Waits for Redis only while not all are.
    async fn find(&self, redis: &Redis, exchange: &Exchange, place: usize) -> Result<(), Fault> {
        let Some(table) = &self.table else {
            return Ok(());
        };
        if self.now().plan(place).is_some() || table.is_loaded() {
            return Ok(());
        }
        let name = {
            let place = place.checked_sub(self.declared.places());
            let name = place.and_then(|place| self.places().names.get(place).cloned());
            let Some(name) = name else {
                return Ok(());
            };
            name
        };
        let words = record_words(redis, &KIND, &name);
        let digest = digest(name.as_bytes());
        if let Some(record) = table.ask(redis, exchange, &digest, &words).await? {
            table.put(&name, &record, self);
            self.publish();
        }
        Ok(())
    }

    /// Makes of what is known the plans that the next requests keep to; those that are others now.
    fn publish(&self) -> Vec<Arc<PlanLimits>> {
        let Some(table) = &self.table else {
            return Vec::new();
        };
        let names = self.places().names.clone();
        let first = self.declared.places();
        let plans = names
            .iter()
            .map(|name| table.find(|known| known.0.get(&**name).cloned()));
        let plans: Vec<_> = plans.collect();
        let before = self.current();
        let is_known =
            |(place, plan): &(usize, &Option<Arc<PlanLimits>>)| match (before.plan(*place), plan) {
                (Some(before), Some(plan)) => Arc::ptr_eq(before, plan),
                (before, plan) => before.is_none() && plan.is_none(),
            };
        let places = (first..).zip(&plans);
        let changed: Vec<_> = places.filter(|place| !is_known(place)).collect();
        if changed.is_empty() {
            return Vec::new();
        }
        let changed = changed
            .into_iter()
            .filter_map(|(_, plan)| plan.clone())
            .collect();
        *self.now() = Arc::new(self.declared.with(plans.into_iter()));
        changed
    }
}

impl Fleet {
    /// The usage plans as they are now.
    pub(crate) fn plans(&self) -> Arc<UsagePlans> {
        self.plans.current()
    }

    /// The same with those that a key belongs to. Waits for Redis only while not all are known.
    ///
    /// # Errors
    ///
    /// When only Redis could tell, and does not.
    pub(crate) async fn plans_of(
        &self,
        key: &Key<'_>,
        exchange: &Exchange,
    ) -> Result<Arc<UsagePlans>, Unknown> {
        for place in key.usage_plans() {
            let found = self.plans.find(&self.redis, exchange, place).await;
            found.map_err(|_| Unknown)?;
        }
        Ok(self.plans.current())
    }

    /// Has what is renewed on the side renewed on the terms that plans have now.
    pub(super) fn renew_on_terms_of(&self, plans: &[Arc<PlanLimits>]) {
        let mut terms: Vec<(&[u8], Terms)> = Vec::new();
        for plan in plans {
            terms.extend(
                plan.quota()
                    .map(|limit| (&*limit.lease_key, Terms::of_quota(&limit.rule))),
            );
            let throttles = plan.throttles();
            terms.extend(
                throttles.map(|limit| (&*limit.lease_key, Terms::of_throttle(&limit.rule))),
            );
        }
        if terms.is_empty() {
            return;
        }
        let change = |renewal: &mut Renewal| {
            // A key id follows, before which everything has its length.
            let mut own = terms.iter();
            if let Some((_, terms)) = own.find(|(key, _)| renewal.store_key.starts_with(key)) {
                renewal.terms = *terms;
            }
        };
        let mut work = self.work();
        work.due.iter_mut().for_each(change);
        let tended = work.tended.iter_mut();
        tended.for_each(|(_, renewal)| change(renewal));
    }
}

impl Replica for PlanReplica {
    type Besides<'b> = &'b SharedPlans;

    const KIND: &'static Kind = &KIND;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn remove(&mut self, id: &str) {
        self.0.remove(id);
    }

    fn put(&mut self, id: &str, record: &str, plans: Self::Besides<'_>) -> Option<Finding> {
        self.remove(id);
        if plans.declared.place(id).is_some() {
            return Some(Finding::Declared);
        }
        let plan = serde_json::from_slice(record.as_bytes()).ok();
        let plan = plan.filter(|plan: &model::UsagePlan| plan.id == id);
        let Some((plan, leaves_out)) = plan.and_then(|plan| PlanLimits::compile(&plans.apis, plan))
        else {
            return Some(Finding::Unreadable);
        };
        if plans.place(id).is_none() {
            return Some(Finding::TooMany);
        }
        self.0.insert(id.into(), Arc::new(plan));
        leaves_out.then_some(Finding::UnknownStage)
    }
}

impl fmt::Debug for PlanReplica {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PlanReplica({})", self.0.len())
    }
}

#[cfg(test)]
mod tests;
