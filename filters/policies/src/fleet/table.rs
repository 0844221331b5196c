//! What lives in Redis for every gateway to know: changed there, and known by every gateway soon after.
//!
//! ```text
//! attache … --fleet ─► Redis: a table with a version ◄─ "what has changed since?" ── gateway
//!                                                     ── what has changed ──► every worker
//! ```
//!
//! Each worker holds a replica of the whole table, so that a look-up costs no call, and neither does
//! looking for what is not there. One worker of a gateway asks for the version once a second; the
//! others see the answer in the memory that they share, and fetch what they lack.
//!
//! While a worker has not loaded the table, it asks Redis for the single records that it does not know.
//!
//! What is known stays in force while Redis is away, and also when it has lost the table: it ends by a
//! change, and by nothing else. A new table replaces the old one.

mod answer;
mod finding;
mod management;
#[cfg(test)]
pub(super) mod model;
mod progress;
#[cfg(test)]
pub(super) mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::exchange::{Callout, Exchange};
use crate::ports::{Ports, Timestamp};
use crate::redis::{Breaker, Course, Fault, Redis};
pub(super) use answer::PAGE;
#[cfg(test)]
pub(super) use answer::READ;
use answer::{Change, read, read_words};
pub(super) use finding::Finding;
use finding::Findings;
use progress::{Position, Progress, is_ahead, next_after};

pub(super) use management::record_words;
pub use management::{ListPage, ListPosition, Record, Stored, Table, TableChange, Written};
#[cfg(test)]
pub(super) use management::{RECORD, WRITE};

/// How a kind of records is kept and spoken of.
#[derive(Debug)]
pub struct Kind {
    /// The keys of Redis that hold the table, in the order in which the scripts take them: the records
    /// by id, the versions by id, those of removed records, the ids by digest, and what is known of the
    /// table.
    pub(super) keys: [&'static str; 5],
    /// Where the workers of a gateway tell each other how far Redis has come.
    pub(super) progress: &'static [u8],
    /// What one is called.
    pub one: &'static str,
    /// What several are called.
    pub several: &'static str,
}

/// For how long Redis keeps a table after it was last read or written, in seconds.
const KEPT_SECONDS: u32 = 30 * 86_400;

/// How long the answer may take, in milliseconds. No request waits for it.
const TIMEOUT_MILLIS: u32 = 1_000;

/// How many digests that Redis did not know are remembered while the table is not loaded. After that it
/// is asked for nothing single: who guesses does not decide how often.
pub(super) const MOST_UNKNOWN: usize = 4_096;

/// What a worker makes of the records.
pub(super) trait Replica: Default {
    /// What else decides what a record means.
    type Besides<'b>: Copy;

    /// Of what it is.
    const KIND: &'static Kind;

    fn is_empty(&self) -> bool;

    fn remove(&mut self, id: &str);

    /// Takes a record in place of the one that has its id, which goes in any case. What is wrong with it.
    fn put(&mut self, id: &str, record: &str, besides: Self::Besides<'_>) -> Option<Finding>;
}

/// A table of Redis as this worker knows it.
#[derive(Debug)]
pub(super) struct SharedTable<R>(Mutex<Known<R>>);

#[derive(Debug)]
struct Known<R> {
    replica: R,
    /// How far the replica has come.
    at: Position,
    /// What Redis told last.
    told: Position,
    /// A table that is being loaded to take the replica's place.
    load: Option<Load<R>>,
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
#[derive(Debug)]
struct Load<R> {
    replica: R,
    at: Position,
    /// The version of the table when it was begun.
    begun_at: u64,
}

impl<R: Replica> SharedTable<R> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            replica: R::default(),
            at: Position::default(),
            told: Position::default(),
            load: None,
            is_loaded: false,
            is_complete: false,
            is_asking: false,
            not_before: Timestamp::default(),
            is_failing: false,
            is_lost: false,
            unknown: Vec::new(),
        }))
    }

    fn known(&self) -> MutexGuard<'_, Known<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is found in the replica, or while that is not loaded in what has been loaded of it.
    pub(super) fn find<T>(&self, find: impl Fn(&R) -> Option<T>) -> Option<T> {
        let known = self.known();
        find(&known.replica).or_else(|| {
            let load = known.load.as_ref().filter(|_| !known.is_loaded)?;
            find(&load.replica)
        })
    }

    /// Whether what is not found is not there.
    pub(super) fn is_loaded(&self) -> bool {
        self.known().is_loaded
    }

    /// Asks Redis for a single record while the table is not loaded; `None` when there is none.
    /// `digest` stands for what is looked for.
    ///
    /// # Errors
    ///
    /// When only Redis could tell, and does not.
    pub(super) async fn ask(
        &self,
        redis: &Redis,
        exchange: &Exchange,
        digest: &[u8; 32],
        words: &[String],
    ) -> Result<Option<String>, Fault> {
        {
            let known = self.known();
            if known.is_loaded || known.unknown.contains(digest) {
                return Ok(None);
            }
            if known.is_failing || known.unknown.len() >= MOST_UNKNOWN {
                return Err(Fault::Unreachable(None));
            }
        }
        let ports = exchange.ports();
        if Breaker::course(ports) == Course::Leave {
            return Err(Fault::Unreachable(None));
        }
        let mut callout = redis.call(words.iter().map(String::as_bytes));
        callout.shared_as = Some(Sha256::digest(&callout.body).into());
        let asked_at = ports.now();
        let answer = redis.ask(callout, exchange).await;
        if let Err(fault @ Fault::Unreachable(_)) = &answer {
            Breaker::report(ports, asked_at, ports.now(), Err(fault), &redis.authority);
        }
        let record = match answer? {
            Value::String(record) if !record.is_empty() => record,
            _ => {
                let mut known = self.known();
                if !known.is_loaded && known.unknown.len() < MOST_UNKNOWN {
                    known.unknown.push(*digest);
                }
                return Ok(None);
            }
        };
        Ok(Some(record))
    }

    /// Takes a single record that Redis was [asked](Self::ask) for, unless all is known by now.
    pub(super) fn put(&self, id: &str, record: &str, besides: R::Besides<'_>) {
        let mut known = self.known();
        if !known.is_loaded {
            let _ = known.replica.put(id, record, besides);
        }
    }

    /// The call that asks what has changed, when it is due. Whoever makes it hands on the answer.
    pub(super) fn call(&self, redis: &Redis, ports: &dyn Ports) -> Option<Callout> {
        let now = ports.now();
        let mut known = self.known();
        if known.is_asking || is_ahead(known.not_before, now) {
            return None;
        }
        if known.is_complete && !Progress(R::KIND).asks(ports, known.told, now) {
            return None;
        }
        known.is_asking = true;
        let (at, complete) = match &known.load {
            Some(load) => (load.at, load.begun_at),
            None => (known.at, known.at.version),
        };
        let words = read_words(redis, R::KIND, at, complete);
        let mut callout = redis.call(words.iter().map(String::as_bytes));
        callout.timeout_millis = TIMEOUT_MILLIS;
        Some(callout)
    }

    /// Takes over what Redis has answered.
    pub(super) fn learn(
        &self,
        answer: &Result<Value, Fault>,
        besides: R::Besides<'_>,
        ports: &dyn Ports,
        address: &str,
    ) {
        let now = ports.now();
        let (one, several) = (R::KIND.one, R::KIND.several);
        let mut known = self.known();
        let known = &mut *known;
        known.is_asking = false;
        let changed = match answer {
            Ok(answer) => {
                read(answer).ok_or_else(|| Fault::Refused(format!("something else than {several}")))
            }
            Err(fault) => Err(fault.clone()),
        };
        let (position, anew, changes) = match changed {
            Ok(changed) => changed,
            Err(fault) => {
                known.not_before = Timestamp(next_after(now));
                // Whatever was unknown may be known when it answers again.
                known.unknown = Vec::new();
                if !std::mem::replace(&mut known.is_failing, true) {
                    log::warn!(
                        "Redis at {address} does not tell its {several}, and those that are known \
                         stay in force: {fault}"
                    );
                }
                return;
            }
        };
        if std::mem::take(&mut known.is_failing) {
            log::warn!("Redis at {address} tells its {several} again");
        }
        if position.table == 0 {
            known.load = None;
            known.is_loaded = true;
            known.is_complete = true;
            known.told = position;
            if !known.replica.is_empty() && !std::mem::replace(&mut known.is_lost, true) {
                log::error!(
                    "Redis at {address} has lost its {several}, and those that are known stay in \
                     force: create them anew, or restart the gateway to forget them"
                );
            }
            Progress(R::KIND).tell(ports, position, now);
            return;
        }
        known.is_lost = false;
        if anew {
            known.load = Some(Load {
                replica: R::default(),
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
        for Change { id, record, .. } in &changes {
            if record.is_empty() {
                replica.remove(id);
            } else if let Some(finding) = replica.put(id, record, besides) {
                findings.add(finding, id);
            }
        }
        findings.tell(one, several);
        if is_last {
            if let Some(load) = known.load.take() {
                known.replica = load.replica;
                known.at = at;
                known.is_loaded = true;
                known.unknown = Vec::new();
            }
            known.told = at;
            Progress(R::KIND).tell(ports, at, now);
        }
    }
}
