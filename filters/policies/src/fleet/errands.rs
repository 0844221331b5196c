//! What a gateway that shares its limits does on the side: it renews leases, gives back what is held for
//! nothing, tells what was used, and asks what has changed among keys and plans. Each worker does its
//! part, and one that ends leaves the rest to the others, or to those that come after it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::iter;

use serde_json::Value;

use super::lease::Ask;
use super::renewal::{self, Renewal, Terms};
use super::request::{self, Tended};
use super::usage::UsageReport;
use super::{Fleet, left_behind};
use crate::api_key::ApiKeys;
use crate::exchange::{Callout, CalloutAnswer, Errand};
use crate::ports::{Ports, Timestamp};
use crate::redis::{Breaker, Course, Fault, Mark};
use crate::usage_plan::{UsagePlans, UsageRecords};

/// Where workers leave what they have not told Redis.
const REPORTS_LEFT: &[u8] = b"Freports";

/// Where workers leave the store keys of the quotas' leases that they have looked after. Those of
/// throttles lapse by themselves.
const LEASES_LEFT: &[u8] = b"Fleases";

/// The most limits that one call renews.
const MOST_IN_CALL: usize = 256;

/// The most limits that wait for a call on the side. What does not fit is asked for by requests.
const MOST_DUE: usize = 16_384;

/// The most leases that are looked after at one time.
const MOST_TENDED: usize = 512;

/// How many leases are looked at to be renewed with those that are due.
const MOST_JOINED: usize = 64;

/// How often a lease is looked after, in milliseconds.
const TENDED_EVERY_MILLIS: u64 = 1_000;

/// How often Redis is told what was used, in milliseconds.
const REPORTED_EVERY_MILLIS: u64 = 1_000;

/// Tries whether Redis can be written to: one that is full or a replica answers to everything else.
pub(super) const PROBE: &[u8] = b"redis.call('SET', KEYS[1], '', 'EX', 60) return 1";

/// The first [`Errand::id`] of those made here.
pub(crate) const FIRST_ERRAND: usize = 1 << 30;

/// What is done on the side, by this worker.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// To be renewed with the next call.
    pub(super) due: Vec<Renewal>,
    /// What this worker has asked for, and when each is looked after again.
    pub(super) tended: VecDeque<(Timestamp, Renewal)>,
    /// The store keys of those.
    known: BTreeSet<Box<[u8]>>,
    /// Calls under way, by their errands.
    calls: BTreeMap<usize, (Call, Mark)>,
    /// What Redis has not confirmed to have counted, and whether it is being told.
    report: Option<(UsageReport, bool)>,
    /// When what was used was last gathered.
    reported_at: Timestamp,
    /// How many calls were made.
    count: usize,
}

/// A call on the side.
#[derive(Debug)]
enum Call {
    Probe,
    Renewals(Vec<(Renewal, Ask)>),
    Usage,
    Keys,
    Plans,
}

impl Work {
    pub(super) fn is_due(&mut self, renewal: Renewal) {
        if self.due.len() < MOST_DUE {
            self.due.push(renewal);
        }
    }

    fn tend_next(&mut self, renewal: Renewal, now: Timestamp) {
        let next = now.0.saturating_add(TENDED_EVERY_MILLIS * 1_000_000);
        self.tended.push_back((Timestamp(next), renewal));
    }
}

impl Fleet {
    /// What is to be asked now, apart from any request.
    pub(crate) fn errands(&self, records: &UsageRecords, ports: &dyn Ports) -> Vec<Errand> {
        let now = ports.now();
        if Breaker::course(ports) == Course::Leave {
            if !Breaker::probes(ports, now) {
                return Vec::new();
            }
            let key = self.redis.key("probe");
            let words: [&[u8]; 4] = [b"EVAL", PROBE, b"1", key.as_bytes()];
            return vec![self.errand(Call::Probe, self.redis.call(words))];
        }
        let Some(gateway) = self.gateway(ports) else {
            return Vec::new();
        };
        self.tend(ports, now);
        let mut errands = Vec::new();
        let due = self.due(ports, now);
        for due in due.chunks(MOST_IN_CALL) {
            let mut asks: Vec<(Renewal, Ask)> = Vec::with_capacity(due.len());
            for renewal in due {
                if let Some(lease) = request::known(ports, &renewal.store_key, now) {
                    asks.push((renewal.clone(), lease.ask(now, 0)));
                }
            }
            if !asks.is_empty() {
                let callout = renewal::call(&self.redis, gateway, &asks);
                errands.push(self.errand(Call::Renewals(asks), callout));
            }
        }
        errands.extend(self.report(records, ports));
        if let Some(callout) = self.plans.call(&self.redis, ports) {
            errands.push(self.errand(Call::Plans, callout));
        }
        let keys = self.keys.as_ref();
        if let Some(callout) = keys.and_then(|keys| keys.call(&self.redis, ports)) {
            errands.push(self.errand(Call::Keys, callout));
        }
        errands
    }

    /// Leaves to others what this worker has still to tell Redis, and what it looks after.
    pub(crate) fn end(&self, records: &UsageRecords, ports: &dyn Ports) {
        let plans = self.plans();
        let mut work = self.work();
        let unanswered = work.report.take().map(|(report, _)| report);
        let reports = unanswered.into_iter().chain(iter::from_fn(|| {
            work.count = work.count.wrapping_add(1);
            UsageReport::of(self, &plans, records, work.count, ports)
        }));
        let reports = reports.map(|report| report.encode());
        left_behind::leave(ports, REPORTS_LEFT, reports);
        let mut leases = Vec::new();
        for (_, renewal) in work.tended.drain(..) {
            if matches!(renewal.terms, Terms::Quota { .. }) {
                leases.push(renewal.store_key.into_vec());
            }
        }
        left_behind::leave(ports, LEASES_LEFT, leases.into_iter());
    }

    /// Looks after what others have left.
    fn take_over(&self, plans: &UsagePlans, ports: &dyn Ports, now: Timestamp) {
        // Those of a plan that is not known yet are not let go of.
        if !self.plans.is_loaded() {
            return;
        }
        for store_key in left_behind::take(ports, LEASES_LEFT, MOST_TENDED) {
            let mut quotas = plans.quotas();
            let renewal = quotas.find_map(|quota| Renewal::of_stored(quota, &store_key));
            // A quota that is gone is held for nobody.
            if let Some(renewal) = renewal {
                self.hold(renewal, now);
            }
        }
    }

    /// What is to be renewed now, and what may as well be renewed with it.
    fn due(&self, ports: &dyn Ports, now: Timestamp) -> Vec<Renewal> {
        let mut work = self.work();
        let mut due = std::mem::take(&mut work.due);
        if (1..MOST_JOINED).contains(&due.len()) {
            let others = work.tended.iter().take(MOST_JOINED);
            let others = others.filter(|(_, other)| request::joins(ports, &other.store_key, now));
            due.extend(others.map(|(_, other)| other.clone()));
        }
        due
    }

    /// Tells Redis what was used, once a second and one report at a time.
    fn report(&self, records: &UsageRecords, ports: &dyn Ports) -> Option<Errand> {
        let now = ports.now();
        if now.millis_since(self.work().reported_at) >= REPORTED_EVERY_MILLIS {
            let plans = self.plans();
            self.take_over(&plans, ports, now);
            let mut work = self.work();
            work.reported_at = now;
            if work.report.is_none() {
                let left = left_behind::take(ports, REPORTS_LEFT, 1);
                let left = left.first().and_then(|left| UsageReport::decode(left));
                let report =
                    left.or_else(|| UsageReport::of(self, &plans, records, work.count, ports));
                work.report = report.map(|report| (report, false));
            }
        }
        let callout = {
            let mut work = self.work();
            let (report, under_way) = work.report.as_mut()?;
            if std::mem::replace(under_way, true) {
                return None;
            }
            report.call(&self.redis)
        };
        Some(self.errand(Call::Usage, callout))
    }

    fn errand(&self, call: Call, mut callout: Callout) -> Errand {
        let mark = self.redis.mark(&mut callout);
        let mut work = self.work();
        let id = FIRST_ERRAND + work.count % FIRST_ERRAND;
        work.count = work.count.wrapping_add(1);
        work.calls.insert(id, (call, mark));
        Errand { id, callout }
    }

    /// What came of an errand.
    pub(crate) fn fetched(
        &self,
        errand: usize,
        answer: CalloutAnswer,
        declared: &ApiKeys,
        ports: &dyn Ports,
    ) {
        let Some((call, mark)) = self.work().calls.remove(&errand) else {
            return;
        };
        let outcome = self.redis.answer(mark, answer);
        // Nobody has joined it.
        let now = ports.now();
        match call {
            Call::Probe => self.ended(ports, now, outcome.as_ref().map(|_| ())),
            // Who asks for nothing at once is not kept waiting by a failure either: the next
            // request that has nothing left finds out.
            Call::Renewals(asks) => {
                let _ = self.learn(ports, &asks, now, outcome);
            }
            Call::Keys | Call::Plans => {
                // Other answers say nothing to the breaker: one that cannot be written to may read.
                if let Err(fault @ Fault::Unreachable(_)) = &outcome {
                    self.ended(ports, now, Err(fault));
                } else if let Some(metrics) = &self.metrics {
                    metrics.called(ports, outcome.is_err());
                }
                let address = &self.redis.authority;
                if matches!(call, Call::Plans) {
                    let changed = self.plans.learn(&outcome, ports, address);
                    self.renew_on_terms_of(&changed);
                } else if let Some(keys) = &self.keys {
                    keys.learn(&outcome, (declared, &self.plans), ports, address);
                }
            }
            Call::Usage => {
                self.ended(ports, now, outcome.as_ref().map(|_| ()));
                let mut work = self.work();
                if outcome.is_ok() {
                    work.report = None;
                } else if let Some((_, under_way)) = &mut work.report {
                    // The same again: it counts once.
                    *under_way = false;
                }
            }
        }
    }

    /// Takes down what Redis has answered to a call that was made, or joined, at a moment.
    pub(super) fn learn(
        &self,
        ports: &dyn Ports,
        asks: &[(Renewal, Ask)],
        asked_at: Timestamp,
        answer: Result<Value, Fault>,
    ) -> Result<(), ()> {
        let grants = answer.and_then(|answer| renewal::grants(&answer, asks.len()));
        let grants = match grants {
            Ok(grants) => grants,
            Err(fault) => {
                self.ended(ports, asked_at, Err(&fault));
                return Err(());
            }
        };
        self.ended(ports, asked_at, Ok(()));
        let now = ports.now();
        for ((renewal, ask), grant) in asks.iter().zip(&grants) {
            request::learn(ports, &renewal.store_key, ask, grant, now);
        }
        Ok(())
    }

    /// Looks after a lease that this worker has asked for.
    pub(super) fn hold(&self, renewal: Renewal, now: Timestamp) {
        let mut work = self.work();
        if !work.known.contains(&renewal.store_key) {
            work.known.insert(renewal.store_key.clone());
            work.tend_next(renewal, now);
        }
    }

    /// Gives back what is held for nothing.
    fn tend(&self, ports: &dyn Ports, now: Timestamp) {
        let mut work = self.work();
        for _ in 0..MOST_TENDED {
            // A clock that was put back leaves nobody waiting for it.
            let latest = now.0.saturating_add(2 * TENDED_EVERY_MILLIS * 1_000_000);
            let due = |next: &Timestamp| *next <= now || next.0 > latest;
            if !work.tended.front().is_some_and(|(next, _)| due(next)) {
                return;
            }
            let Some((_, renewal)) = work.tended.pop_front() else {
                return;
            };
            match request::tend(ports, &renewal.store_key, now) {
                Tended::Forget => {
                    work.known.remove(&renewal.store_key);
                }
                Tended::Keep => work.tend_next(renewal, now),
                Tended::Tell => {
                    work.is_due(renewal.clone());
                    work.tend_next(renewal, now);
                }
            }
        }
    }
}
