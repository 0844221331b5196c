//! One request before limits that many gateways share.

use std::borrow::Cow;

use attache_model::OnFailure;
use sha2::{Digest, Sha256};

use super::Fleet;
use super::lease::{Ask, Care, FOREVER, Grant, Lease, Spend};
use super::renewal::{self, Renewal, Terms};
use crate::exchange::Exchange;
use crate::ports::{Ports, StoreError, Stored, Timestamp};
use crate::redis::{Breaker, Course};
use crate::usage_plan::allowance::{Allowance, Refusal, Remaining};
use crate::usage_plan::counter::{Change, Undecided, change};
use crate::usage_plan::quota::{Allotment, Count};
use crate::usage_plan::request::{Level as LocalLevel, of_key, value};
use crate::usage_plan::throttle::{Bucket, Left};
use crate::usage_plan::{Limit, Limits};

/// How often a request asks, or loses what was there to others, before it is refused.
const ROUNDS: usize = 24;

/// A request and its limits, in the order in which they decide.
pub(super) struct Request<'r> {
    fleet: &'r Fleet,
    exchange: &'r Exchange,
    tells: bool,
    /// The throttles of plan, stage and account, then the quota.
    levels: [Option<Level<'r>>; 4],
}

/// A limit, and how far the request has got with it.
struct Level<'r> {
    rule: Rule<'r>,
    store_key: Cow<'r, [u8]>,
    key_id: &'r str,
    seen: Option<Stored>,
    /// There was nothing left when it was looked at last.
    wants: bool,
    /// Redis was to be asked and did not answer.
    unanswered: bool,
    taken: Taken,
}

enum Rule<'r> {
    Throttle {
        limit: &'r Limit<Bucket>,
        /// The bucket that this gateway has for itself while Redis is away, when it is needed.
        alone: Option<Box<LocalLevel<'r, Bucket, Left>>>,
    },
    Quota(&'r Limit<Allotment>),
}

/// What a request has taken from a limit.
#[derive(Clone, Copy)]
enum Taken {
    Nothing,
    /// One from the lease, which is now this, and whether it is to be renewed.
    Leased(Lease, bool),
    /// One of the gateway's own bucket.
    Alone(Left),
    /// One that nobody has counted.
    Uncounted,
}

/// Where a request stands with a limit.
enum Look {
    Ready,
    Empty,
    Refused(Refusal),
}

/// Why a limit could not be taken from.
enum Missed {
    /// What was there is gone.
    Lost,
    Refused(Refusal),
}

impl<'r> Request<'r> {
    pub(super) fn new(fleet: &'r Fleet, limits: &Limits<'r>, exchange: &'r Exchange) -> Self {
        let key_id = limits.key_id;
        let [plan, stage, account] = limits.throttles;
        let throttle = |limit: Option<&'r Limit<Bucket>>, key_id| {
            let limit = limit?;
            let rule = Rule::Throttle { limit, alone: None };
            Some(Level::new(rule, &limit.lease_key, key_id))
        };
        Self {
            fleet,
            exchange,
            tells: limits.tells,
            levels: [
                throttle(plan, key_id),
                throttle(stage, ""),
                throttle(account, ""),
                limits
                    .quota
                    .map(|limit| Level::new(Rule::Quota(limit), &limit.lease_key, key_id)),
            ],
        }
    }

    /// Takes one from every limit, or from none.
    pub(super) async fn admit(mut self) -> Result<Allowance, Refusal> {
        let ports = self.exchange.ports();
        for _ in 0..ROUNDS {
            let now = ports.now();
            if self.look(ports, now)? {
                match self.take(ports, now) {
                    Ok(()) => return Ok(self.allowance(now)),
                    Err(Missed::Lost) => {}
                    Err(Missed::Refused(refusal)) => return Err(refusal),
                }
            } else {
                self.ask(ports, now).await;
            }
        }
        Err(Refusal::throttled())
    }

    /// Whether every limit has something left. What has nothing is marked as empty by what was
    /// seen of it.
    fn look(&mut self, ports: &dyn Ports, now: Timestamp) -> Result<bool, Refusal> {
        let policy = self.fleet.on_failure();
        let mut ready = true;
        for level in self.levels.iter_mut().flatten() {
            level.wants = false;
        }
        for (place, level) in self.levels.iter_mut().enumerate() {
            let Some(level) = level else { continue };
            let look = level.look(ports, now, policy);
            level.wants = matches!(look, Look::Empty);
            match look {
                Look::Ready => {}
                Look::Empty => ready = false,
                // Only when no earlier limit has still to be asked about.
                Look::Refused(refusal) if ready => return Err(of_place(refusal, place)),
                Look::Refused(_) => return Ok(false),
            }
        }
        Ok(ready)
    }

    /// Asks Redis about every limit that has nothing left.
    async fn ask(&mut self, ports: &dyn Ports, now: Timestamp) {
        let wanting = |level: &&mut Level<'_>| level.wants;
        let fleet = self.fleet;
        let answered = if Breaker::course(ports) == Course::Leave {
            false
        } else if let Some(gateway) = fleet.gateway(ports) {
            let mut asks = Vec::new();
            for level in self.levels.iter_mut().flatten().filter(wanting) {
                let seen = level.seen.take();
                let current = |seen: Option<&[u8]>| level.rule.current(seen, now);
                let key = &level.store_key;
                if let Some(lease) = prepared(ports, key, seen, now, current) {
                    asks.push((level.renewal(), lease.ask(now, 1)));
                }
            }
            let mut callout = renewal::call(&fleet.redis, gateway, &asks);
            callout.shared_as = Some(name_of(&asks));
            let answer = fleet.redis.ask(callout, self.exchange).await;
            let learned = fleet.learn(ports, &asks, now, answer).is_ok();
            if learned {
                let now = ports.now();
                for (renewal, _) in asks {
                    fleet.hold(renewal, now);
                }
            }
            learned
        } else {
            false
        };
        if !answered {
            for level in self.levels.iter_mut().flatten() {
                level.unanswered |= level.wants;
            }
        }
    }

    fn take(&mut self, ports: &dyn Ports, now: Timestamp) -> Result<(), Missed> {
        let policy = self.fleet.on_failure();
        let mut missed = None;
        for (place, level) in self.levels.iter_mut().enumerate() {
            let Some(level) = level else { continue };
            match level.take(ports, now, policy) {
                Ok(taken) => level.taken = taken,
                Err(Missed::Refused(refusal)) => {
                    missed = Some(Missed::Refused(of_place(refusal, place)));
                    break;
                }
                Err(Missed::Lost) => {
                    missed = Some(Missed::Lost);
                    break;
                }
            }
        }
        for level in self.levels.iter_mut().flatten() {
            if missed.is_some() {
                level.give_back(ports);
            } else if let Taken::Leased(_, true) = level.taken {
                self.fleet.renew_soon(level.renewal());
            }
        }
        missed.map_or(Ok(()), Err)
    }

    fn allowance(&self, now: Timestamp) -> Allowance {
        if !self.tells {
            return Allowance::default();
        }
        let [of_plan, _, _, quota] = &self.levels;
        let remaining = |level: &Option<Level<'_>>| level.as_ref()?.remaining(now);
        Allowance {
            throttle: remaining(of_plan),
            quota: remaining(quota),
        }
    }
}

/// What a customer is told of a limit that is not their own is nothing.
fn of_place(refusal: Refusal, place: usize) -> Refusal {
    const OF_THE_PLAN: usize = 0;
    const QUOTA: usize = 3;
    if matches!(place, OF_THE_PLAN | QUOTA) {
        refusal
    } else {
        Refusal {
            allowance: Allowance::default(),
            ..refusal
        }
    }
}

impl<'r> Level<'r> {
    /// `key_id` is empty when everybody shares the limit.
    fn new(rule: Rule<'r>, lease_key: &'r [u8], key_id: &'r str) -> Self {
        Self {
            store_key: of_key(lease_key, key_id),
            rule,
            key_id,
            seen: None,
            wants: false,
            unanswered: false,
            taken: Taken::Nothing,
        }
    }

    /// The limit as Redis is to be asked about it.
    fn renewal(&self) -> Renewal {
        match &self.rule {
            Rule::Throttle { limit, .. } => Renewal {
                store_key: self.store_key.as_ref().into(),
                name: limit.name_for(self.key_id).into(),
                terms: Terms::of_throttle(&limit.rule),
            },
            Rule::Quota(limit) => Renewal::of_quota(limit, self.key_id, &self.store_key),
        }
    }

    fn key(&self) -> &[u8] {
        &self.store_key
    }

    /// The lease as it was seen, or a new one where there is none for this time; `None` beyond
    /// every calendar, or when what is stored is none.
    fn lease(&self, now: Timestamp) -> Option<Lease> {
        self.rule.current(value(self.seen.as_ref()), now).ok()
    }

    fn look(&mut self, ports: &dyn Ports, now: Timestamp, policy: OnFailure) -> Look {
        match ports.get(self.key()) {
            Ok(seen) => self.seen = seen,
            Err(StoreError) => return Look::Refused(self.rule.unknown()),
        }
        let Some(lease) = self.lease(now) else {
            return Look::Refused(self.rule.unknown());
        };
        if let Rule::Throttle { limit, .. } = &self.rule
            && limit.rule.full_after_empty().is_none()
        {
            // It admits nothing, whoever asks.
            return Look::Refused(Refusal::throttled());
        }
        match lease.spend(now) {
            Spend::Spent { .. } => Look::Ready,
            Spend::Closed(wait) => Look::Refused(self.rule.refusal(&lease, wait, now)),
            Spend::Empty if !self.unanswered => Look::Empty,
            Spend::Empty => match (&mut self.rule, policy) {
                (rule, OnFailure::Deny) => Look::Refused(rule.unknown()),
                (_, OnFailure::Allow) => Look::Ready,
                (Rule::Throttle { limit, alone }, OnFailure::Local) => {
                    let alone = alone_in(limit, alone, self.key_id);
                    match alone.look(ports, now) {
                        Ok(()) => Look::Ready,
                        Err(wait) => Look::Refused(alone.refusal(0, wait)),
                    }
                }
                (Rule::Quota(_), OnFailure::Local) => {
                    if lease.pool > 0 {
                        Look::Ready
                    } else {
                        Look::Refused(self.rule.refusal(&lease, 0, now))
                    }
                }
            },
        }
    }

    fn take(
        &mut self,
        ports: &dyn Ports,
        now: Timestamp,
        policy: OnFailure,
    ) -> Result<Taken, Missed> {
        let seen = self.seen.take();
        let (rule, unanswered) = (&self.rule, self.unanswered);
        let leased = change(ports, &self.store_key, seen, |seen| {
            let lease = rule.current(seen, now)?;
            let counts_alone = matches!(rule, Rule::Quota(_)) && unanswered;
            Ok(match lease.spend(now) {
                Spend::Spent { lease, low } => {
                    Change::Write(lease.encode(), Ok(Taken::Leased(lease, low)))
                }
                Spend::Closed(wait) => {
                    Change::Keep(Err(Missed::Refused(rule.refusal(&lease, wait, now))))
                }
                Spend::Empty if counts_alone && policy != OnFailure::Deny => {
                    if lease.pool > 0 || policy == OnFailure::Allow {
                        let lease = lease.overdrawn();
                        Change::Write(lease.encode(), Ok(Taken::Leased(lease, false)))
                    } else {
                        Change::Keep(Err(Missed::Refused(rule.refusal(&lease, 0, now))))
                    }
                }
                Spend::Empty if unanswered => Change::Keep(Ok(Taken::Uncounted)),
                Spend::Empty => Change::Keep(Err(Missed::Lost)),
            })
        });
        let taken = leased.unwrap_or_else(|Undecided| Err(Missed::Refused(self.rule.unknown())))?;
        match (taken, &mut self.rule, policy) {
            (Taken::Uncounted, Rule::Throttle { limit, alone }, OnFailure::Local) => {
                let alone = alone_in(limit, alone, self.key_id);
                match alone.take(ports, now) {
                    Ok(left) => {
                        alone.mark_taken(left);
                        Ok(Taken::Alone(left))
                    }
                    Err(wait) => Err(Missed::Refused(alone.refusal(0, wait))),
                }
            }
            (Taken::Uncounted, rule, OnFailure::Deny) => Err(Missed::Refused(rule.unknown())),
            (taken, ..) => Ok(taken),
        }
    }

    /// Undoes [`take`](Self::take). When that fails the token is lost, which lets nobody through.
    fn give_back(&mut self, ports: &dyn Ports) {
        match std::mem::replace(&mut self.taken, Taken::Nothing) {
            Taken::Nothing | Taken::Uncounted => {}
            Taken::Alone(_) => {
                if let Rule::Throttle {
                    alone: Some(alone), ..
                } = &self.rule
                {
                    alone.give_back(ports);
                }
            }
            Taken::Leased(taken, _) => {
                let Ok(seen) = ports.get(self.key()) else {
                    return;
                };
                let _ = change(ports, self.key(), seen, |seen| {
                    let lease = seen.and_then(Lease::decode).ok_or(Undecided)?;
                    Ok(if lease.period == taken.period {
                        Change::Write(lease.unspent().encode(), ())
                    } else {
                        Change::Keep(())
                    })
                });
            }
        }
    }

    fn remaining(&self, now: Timestamp) -> Option<Remaining> {
        match (&self.rule, self.taken) {
            (Rule::Throttle { limit, .. }, Taken::Leased(lease, _)) => {
                Some(Remaining::of_leased_bucket(&limit.rule, tokens(&lease)))
            }
            (Rule::Throttle { limit, .. }, Taken::Alone(left)) => {
                Some(Remaining::of_bucket(&limit.rule, left))
            }
            (Rule::Quota(limit), Taken::Leased(lease, _)) => {
                let quota = &limit.rule;
                Some(Remaining::of_quota(quota, quota.count(&lease), now))
            }
            _ => None,
        }
    }
}

/// The bucket that a gateway has for itself while Redis is away.
fn alone_in<'a, 'r>(
    limit: &'r Limit<Bucket>,
    alone: &'a mut Option<Box<LocalLevel<'r, Bucket, Left>>>,
    key_id: &'r str,
) -> &'a mut LocalLevel<'r, Bucket, Left> {
    alone.get_or_insert_with(|| Box::new(LocalLevel::new(limit, key_id)))
}

/// What a gateway knows to be left: its own, and what all had when it asked last.
fn tokens(lease: &Lease) -> u64 {
    lease.left().saturating_add(lease.pool)
}

impl Rule<'_> {
    /// The lease that counts now.
    fn current(&self, value: Option<&[u8]>, now: Timestamp) -> Result<Lease, Undecided> {
        let stored = match value {
            Some(bytes) => Some(Lease::decode(bytes).ok_or(Undecided)?),
            None => None,
        };
        match self {
            Self::Throttle { .. } => Ok(stored.unwrap_or(Lease::new(FOREVER, 0))),
            Self::Quota(Limit { rule: quota, .. }) => {
                let period = stored.map(|lease| lease.period);
                let period = quota.period(period, now).ok_or(Undecided)?;
                Ok(stored
                    .filter(|lease| lease.period == period)
                    .unwrap_or(Lease::new(period, quota.limit)))
            }
        }
    }

    /// The refusal of a limit that cannot be known.
    fn unknown(&self) -> Refusal {
        match self {
            Self::Throttle { .. } => Refusal::throttled(),
            Self::Quota(_) => Refusal::uncounted(),
        }
    }

    /// The refusal of a limit that has nothing for so many nanoseconds.
    fn refusal(&self, lease: &Lease, wait: u64, now: Timestamp) -> Refusal {
        match self {
            Self::Throttle { limit, .. } => {
                let mut refusal = Refusal::throttled_for(Some(wait));
                let remaining = Remaining::of_empty_bucket(&limit.rule, Some(wait));
                refusal.allowance.throttle = Some(remaining);
                refusal
            }
            Self::Quota(Limit { rule: quota, .. }) => {
                Refusal::quota_exceeded(quota, quota.count(lease), now)
            }
        }
    }
}

impl Allotment {
    fn count(&self, lease: &Lease) -> Count {
        Count {
            period: lease.period,
            used: self.limit.saturating_sub(tokens(lease)),
            extra: 0,
        }
    }
}

/// The lease that Redis may be told of: stored, so that what is granted has a place, and without what
/// nobody may spend any more.
pub(super) fn prepared(
    ports: &dyn Ports,
    key: &[u8],
    seen: Option<Stored>,
    now: Timestamp,
    current: impl Fn(Option<&[u8]>) -> Result<Lease, Undecided>,
) -> Option<Lease> {
    let stored = change(ports, key, seen, |seen| {
        let lease = current(seen)?.without_expired(now);
        Ok(if seen.and_then(Lease::decode) == Some(lease) {
            Change::Keep(lease)
        } else {
            Change::Write(lease.encode(), lease)
        })
    });
    stored.ok()
}

/// The same of a lease that was stored before.
pub(super) fn known(ports: &dyn Ports, key: &[u8], now: Timestamp) -> Option<Lease> {
    let seen = ports.get(key).ok()?;
    prepared(ports, key, seen, now, |seen| {
        seen.and_then(Lease::decode).ok_or(Undecided)
    })
}

/// Puts what Redis has granted into a lease.
pub(super) fn learn(ports: &dyn Ports, key: &[u8], ask: &Ask, grant: &Grant, now: Timestamp) {
    let Ok(seen) = ports.get(key) else { return };
    let _ = change(ports, key, seen, |seen| {
        let lease = seen.and_then(Lease::decode).ok_or(Undecided)?;
        let next = lease.learn(ask, grant, now);
        Ok(if next == lease {
            Change::Keep(())
        } else {
            Change::Write(next.encode(), ())
        })
    });
}

/// Looks after a lease. What is to be told is stored first: once it is told, it holds.
pub(super) fn tend(ports: &dyn Ports, key: &[u8], now: Timestamp) -> Tended {
    let Ok(seen) = ports.get(key) else {
        return Tended::Keep;
    };
    change(ports, key, seen, |seen| {
        let lease = seen.and_then(Lease::decode).ok_or(Undecided)?;
        Ok(match lease.tend(now) {
            Care::Keep => Change::Keep(Tended::Keep),
            Care::Forget => Change::Keep(Tended::Forget),
            Care::Tell(next) => Change::Write(next.encode(), Tended::Tell),
        })
    })
    .unwrap_or(Tended::Forget)
}

/// Whether a lease is to be renewed with others that are: half of it is spent.
pub(super) fn joins(ports: &dyn Ports, key: &[u8], now: Timestamp) -> bool {
    let Ok(seen) = ports.get(key) else {
        return false;
    };
    let joined = change(ports, key, seen, |seen| {
        let lease = seen.and_then(Lease::decode).ok_or(Undecided)?;
        Ok(match lease.joining(now) {
            Some(next) => Change::Write(next.encode(), true),
            None => Change::Keep(false),
        })
    });
    joined.unwrap_or(false)
}

/// What is to be done about a lease that was looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tended {
    Keep,
    Forget,
    Tell,
}

/// Requests of one worker that ask about the same limits share a call.
fn name_of(asks: &[(Renewal, Ask)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"fleet");
    for (renewal, ask) in asks {
        hash.update(&renewal.store_key);
        hash.update(ask.period.start.to_le_bytes());
    }
    hash.finalize().into()
}
