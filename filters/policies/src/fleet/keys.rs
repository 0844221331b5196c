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

mod progress;
mod replica;
mod table;
#[cfg(test)]
mod table_model;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_model as model;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api_key::ApiKeys;
use crate::exchange::{Callout, Exchange};
use crate::ports::{Ports, Timestamp};
use crate::redis::{Breaker, Course, Fault, Redis};
use progress::{Position, Progress, is_ahead, next_after};
use replica::Replica;

pub(crate) use replica::SharedKey;
pub use table::{KeyChange, KeyRecord, KeyTable, ListPage, ListPosition, Written};

/// What Redis runs to tell of changes.
pub(crate) const READ: &str = include_str!("keys/read.lua");

/// What Redis runs to find one key.
pub(crate) const FIND: &str = include_str!("keys/find.lua");

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

/// How many changed keys one answer tells.
const PAGE: usize = 1_000;

/// How long the answer may take, in milliseconds. No request waits for it.
const TIMEOUT_MILLIS: u32 = 1_000;

/// How many digests that Redis did not know are remembered while the table is not loaded.
const MOST_UNKNOWN: usize = 4_096;

/// The API keys of Redis as this worker knows them.
#[derive(Debug)]
pub(crate) struct SharedKeys {
    /// The positions of the usage plans of the configuration, by their ids.
    plans: BTreeMap<Box<str>, u32>,
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
    /// Whether Redis is being asked.
    is_asking: bool,
    /// Not to be asked before.
    not_before: Timestamp,
    /// Whether it was told that Redis does not answer.
    is_failing: bool,
    /// Whether it was told that the table is gone.
    is_lost: bool,
    /// Digests that Redis did not know while the table was not loaded.
    unknown: BTreeSet<[u8; 32]>,
}

/// A table on its way.
#[derive(Debug, Default)]
struct Load {
    replica: Replica,
    at: Position,
    /// The version of the table when it was begun.
    begun_at: u64,
}

/// What Redis has told of one key.
struct Change<'a> {
    id: &'a str,
    version: u64,
    record: &'a str,
}

/// What was wrong with the keys of an answer, each with the first of them.
#[derive(Default)]
struct Findings<'a>([(usize, &'a str); 4]);

/// What can be wrong with a key.
#[derive(Clone, Copy)]
enum Finding {
    Unreadable,
    Declared,
    UnknownPlan,
    TooMany,
}

impl SharedKeys {
    pub(crate) fn new(document: &model::Gateway) -> Self {
        let mut plans = BTreeMap::new();
        for (place, plan) in (0_u32..).zip(&document.usage_plans) {
            plans.entry(plan.id.as_str().into()).or_insert(place);
        }
        Self {
            plans,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that has a value with this digest, if it opens anything now. Waits for Redis only
    /// while the table is not loaded.
    ///
    /// # Errors
    ///
    /// When only Redis could tell, and does not.
    pub(super) async fn find(
        &self,
        redis: &Redis,
        exchange: &Exchange,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Arc<SharedKey>>, Fault> {
        {
            let known = self.known();
            if let Some(key) = known.find(digest) {
                return Ok(key.opens(digest, now).then(|| Arc::clone(key)));
            }
            if known.is_loaded || known.unknown.contains(digest) {
                return Ok(None);
            }
        }
        let ports = exchange.ports();
        if Breaker::course(ports) == Course::Leave {
            return Err(Fault::Unreachable(None));
        }
        let [records, _, _, digests, _] = KEY_TABLES;
        let hexadecimal = String::from(model::KeyDigest(*digest));
        let words = [
            "EVAL",
            FIND,
            "2",
            &redis.key(records),
            &redis.key(digests),
            &hexadecimal,
        ];
        let mut callout = redis.call(words.map(str::as_bytes));
        callout.shared_as = Some(Sha256::digest(&callout.body).into());
        let answer = redis.answer(exchange.callout(callout).await);
        if let Err(fault @ Fault::Unreachable(_)) = &answer {
            Breaker::report(ports, ports.now(), Err(fault), &redis.authority);
        }
        let answer = answer?;
        let record = answer.as_str().unwrap_or_default();
        if record.is_empty() {
            let mut known = self.known();
            if !known.is_loaded && known.unknown.len() < MOST_UNKNOWN {
                known.unknown.insert(*digest);
            }
            return Ok(None);
        }
        let key = self.read(None, record);
        let key = key.filter(|(key, _)| key.opens(digest, now));
        Ok(key.map(|(key, _)| Arc::new(key)))
    }

    /// The keys that belong to a usage plan of the configuration, in the order of their ids.
    pub(crate) fn of_plan(&self, plan: usize) -> Vec<Arc<SharedKey>> {
        let Ok(plan) = u32::try_from(plan) else {
            return Vec::new();
        };
        let known = self.known();
        let keys = known.replica.iter().filter(|key| key.belongs_to(plan));
        keys.cloned().collect()
    }

    fn read(&self, id: Option<&str>, record: &str) -> Option<(SharedKey, bool)> {
        let plan = |name: &str| self.plans.get(name).copied();
        SharedKey::read(id, record.as_bytes(), plan)
    }

    /// The call that asks what has changed, when it is due. Whoever makes it hands on the answer.
    pub(super) fn call(&self, redis: &Redis, ports: &dyn Ports) -> Option<Callout> {
        let now = ports.now();
        let mut known = self.known();
        if known.is_asking || is_ahead(known.not_before, now) {
            return None;
        }
        let is_behind = !known.is_loaded || known.load.is_some();
        if !is_behind && !Progress::asks(ports, known.told, now) {
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
                known.unknown = BTreeSet::new();
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

impl Known {
    fn find(&self, digest: &[u8; 32]) -> Option<&Arc<SharedKey>> {
        let known = self.replica.find(digest);
        if self.is_loaded {
            return known;
        }
        known.or_else(|| self.load.as_ref()?.replica.find(digest))
    }
}

impl<'a> Findings<'a> {
    fn add(&mut self, finding: Finding, id: &'a str) {
        if let Some((count, first)) = self.0.get_mut(finding as usize) {
            if *count == 0 {
                *first = id;
            }
            *count += 1;
        }
    }

    fn tell(&self) {
        let reasons = [
            "cannot be read, and open nothing",
            "have the id of one in the configuration, which counts",
            "belong to usage plans that the configuration does not have",
            "are more than a gateway holds, and open nothing",
        ];
        for ((count, first), reason) in self.0.iter().zip(reasons) {
            if *count > 0 {
                log::warn!("{count} API keys in Redis {reason}: `{first}` is the first");
            }
        }
    }
}

/// The words that ask what has changed since `at`, when all was known as of the version `complete`.
fn read_words(redis: &Redis, at: Position, complete: u64) -> Vec<String> {
    let mut words: Vec<String> = vec!["EVAL".into(), READ.into(), "5".into()];
    words.extend(KEY_TABLES.map(|name| redis.key(name)));
    let numbers = [at.table, at.version, complete];
    words.extend(numbers.map(|number| number.to_string()));
    words.push(PAGE.to_string());
    words.push(KEPT_SECONDS.to_string());
    words
}

/// Reads the answer of [`READ`]: the table and its version, whether it is told from the beginning,
/// and the changes.
fn read(answer: &Value) -> Option<(Position, bool, Vec<Change<'_>>)> {
    let number = |value: &Value| value.as_str()?.parse().ok();
    let ([table, version, anew], words) = answer.as_array()?.split_first_chunk()?;
    let position = Position {
        table: number(table)?,
        version: number(version)?,
    };
    let (changes, rest) = words.as_chunks();
    let changes = changes.iter().map(|[id, version, record]| {
        Some(Change {
            id: id.as_str()?,
            version: number(version)?,
            record: record.as_str()?,
        })
    });
    let changes = changes.collect::<Option<Vec<_>>>()?;
    (rest.is_empty() && changes.len() <= PAGE).then_some((
        position,
        anew.as_str() == Some("1"),
        changes,
    ))
}

#[cfg(test)]
mod tests;
