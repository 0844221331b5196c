//! The API keys that live in Redis: created and revoked there, and known by every gateway soon after.
//!
//! ```text
//! attache keys create --fleet ─► Redis: a table with a version ◄─ "what has changed since?" ── gateway
//!                                                              ── the changed keys ──► every worker
//! a request ─► the keys of the configuration ─► the replica of the worker ─► 403
//! ```
//!
//! Each worker holds a replica of the whole table, so that a look-up costs no call, and neither does a
//! key that nobody has: who guesses keys asks the worker's memory. One worker of a gateway asks for the
//! version once a second; the others see the answer in the memory that they share, and fetch what they
//! lack.
//!
//! While a worker has not loaded the table, it asks Redis for the single keys that it does not know.
//!
//! What is known stays in force while Redis is away, and also when it has lost the table: a key is
//! closed by a change or by its own expiry, and by nothing else. A new table replaces the old one.

mod answer;
mod finding;
mod look_up;
mod progress;
mod replica;
mod table;
#[cfg(test)]
mod table_model;

use std::sync::{Mutex, MutexGuard, PoisonError};

use attache_model as model;
use serde_json::Value;

use crate::api_key::ApiKeys;
use crate::exchange::Callout;
use crate::ports::{Ports, Timestamp};
use crate::redis::{Fault, Redis};
use answer::{Change, PAGE, read, read_words};
use finding::{Finding, Findings};
use progress::{Position, Progress, is_ahead, next_after};
use replica::Replica;

pub(crate) use replica::SharedKey;
pub use table::{KeyChange, KeyRecord, KeyTable, ListPage, ListPosition, Written};

/// The keys of Redis that hold the table, in the order in which the scripts take them.
const KEY_TABLES: [&str; 5] = [
    "apikeys",
    "apikeys:versions",
    "apikeys:removed",
    "apikeys:digests",
    "apikeys:table",
];

/// For how long Redis keeps the table after it was last read or written, in seconds.
const KEPT_SECONDS: u32 = 30 * 86_400;

/// How long the answer may take, in milliseconds. No request waits for it.
const TIMEOUT_MILLIS: u32 = 1_000;

/// The API keys of Redis as this worker knows them.
#[derive(Debug)]
pub(crate) struct SharedKeys {
    /// The ids of the usage plans of the configuration.
    plans: Vec<Box<str>>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    replica: Replica,
    /// How far the replica has come.
    at: Position,
    /// What Redis told last.
    told: Position,
    /// A table that is being loaded to take the replica's place.
    load: Option<Load>,
    /// Whether a table was loaded, or there is none.
    is_loaded: bool,
    /// Whether all was told that there was to tell.
    is_complete: bool,
    /// Whether Redis is being asked.
    is_asking: bool,
    /// Not to be asked before.
    not_before: Timestamp,
    /// Whether Redis does not tell of changes, which the log has said.
    is_failing: bool,
    /// Whether it was told that the table is gone.
    is_lost: bool,
    /// Digests that Redis did not know while the table was not loaded.
    unknown: Vec<[u8; 32]>,
}

/// A table on its way.
#[derive(Debug, Default)]
struct Load {
    replica: Replica,
    at: Position,
    /// The version of the table when it was begun.
    begun_at: u64,
}

impl SharedKeys {
    pub(crate) fn new(document: &model::Gateway) -> Self {
        let plans = document.usage_plans.iter();
        Self {
            plans: plans.map(|plan| plan.id.as_str().into()).collect(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, id: Option<&str>, record: &str) -> Option<(SharedKey, bool)> {
        let plan = |name: &str| {
            let place = self.plans.iter().position(|plan| **plan == *name)?;
            u32::try_from(place).ok()
        };
        SharedKey::read(id, record.as_bytes(), plan)
    }

    /// The call that asks what has changed, when it is due. Whoever makes it hands on the answer.
    pub(super) fn call(&self, redis: &Redis, ports: &dyn Ports) -> Option<Callout> {
        let now = ports.now();
        let mut known = self.known();
        if known.is_asking || is_ahead(known.not_before, now) {
            return None;
        }
        if known.is_complete && !Progress::asks(ports, known.told, now) {
            return None;
        }
        known.is_asking = true;
        let (at, complete) = match &known.load {
            Some(load) => (load.at, load.begun_at),
            None => (known.at, known.at.version),
        };
        let words = read_words(redis, at, complete);
        let mut callout = redis.call(words.iter().map(String::as_bytes));
        callout.timeout_millis = TIMEOUT_MILLIS;
        Some(callout)
    }

    /// Takes over what Redis has answered. Keys of the configuration come before those of Redis.
    pub(super) fn learn(
        &self,
        answer: &Result<Value, Fault>,
        declared: &ApiKeys,
        ports: &dyn Ports,
        address: &str,
    ) {
        let now = ports.now();
        let mut known = self.known();
        let known = &mut *known;
        known.is_asking = false;
        let changed = match answer {
            Ok(answer) => read(answer)
                .ok_or_else(|| Fault::Refused("something else than API keys".to_owned())),
            Err(fault) => Err(fault.clone()),
        };
        let (position, anew, changes) = match changed {
            Ok(changed) => changed,
            Err(fault) => {
                known.not_before = Timestamp(next_after(now));
                // Whoever was unknown may be known when it answers again.
                known.unknown = Vec::new();
                if !std::mem::replace(&mut known.is_failing, true) {
                    log::warn!(
                        "Redis at {address} does not tell its API keys, and those that are known \
                         stay in force: {fault}"
                    );
                }
                return;
            }
        };
        if std::mem::take(&mut known.is_failing) {
            log::warn!("Redis at {address} tells its API keys again");
        }
        if position.table == 0 {
            known.load = None;
            known.is_loaded = true;
            known.is_complete = true;
            known.told = position;
            if !known.replica.is_empty() && !std::mem::replace(&mut known.is_lost, true) {
                log::error!(
                    "Redis at {address} has lost its API keys, and those that are known stay in \
                     force: create them anew, or restart the gateway to forget them"
                );
            }
            Progress::tell(ports, position, now);
            return;
        }
        known.is_lost = false;
        if anew {
            known.load = Some(Load {
                replica: Replica::default(),
                at: Position {
                    table: position.table,
                    version: 0,
                },
                begun_at: position.version,
            });
        }
        let is_last = changes.len() < PAGE;
        known.is_complete = is_last;
        let at = Position {
            table: position.table,
            version: match changes.last() {
                Some(change) if !is_last => change.version,
                _ => position.version,
            },
        };
        let replica = match &mut known.load {
            Some(load) => {
                load.at = at;
                &mut load.replica
            }
            None => {
                known.at = at;
                &mut known.replica
            }
        };
        let mut findings = Findings::default();
        for change in &changes {
            self.apply(change, replica, declared, &mut findings);
        }
        findings.tell();
        if is_last {
            if let Some(load) = known.load.take() {
                known.replica = load.replica;
                known.at = at;
                known.is_loaded = true;
                known.unknown = Vec::new();
            }
            known.told = at;
            Progress::tell(ports, at, now);
        }
    }

    fn apply<'c>(
        &self,
        change: &Change<'c>,
        replica: &mut Replica,
        declared: &ApiKeys,
        findings: &mut Findings<'c>,
    ) {
        let finding = if change.record.is_empty() {
            replica.remove(change.id);
            return;
        } else if declared.has_id(change.id) {
            replica.remove(change.id);
            Finding::Declared
        } else {
            match self.read(Some(change.id), change.record) {
                Some((key, has_unknown_plans)) => {
                    if !replica.put(key) {
                        Finding::TooMany
                    } else if has_unknown_plans {
                        Finding::UnknownPlan
                    } else {
                        return;
                    }
                }
                None => {
                    // It may have been revoked: it is safer to open nothing.
                    replica.remove(change.id);
                    Finding::Unreadable
                }
            }
        };
        findings.add(finding, change.id);
    }
}

#[cfg(test)]
mod tests;
