//! The second level of caches: what one gateway has fetched the others find in Redis.
//!
//! ```text
//! first level, in the proxy's memory ─► there: the answer, and no call
//!        └─► not there: one request asks ─► Redis ─► there: kept in the first level, too
//!                                             └─► not there: the back end ─► first level
//!                                                                  └─► Redis, on the side
//! ```
//!
//! An entry says under which *version* it was written: the marks of its cache, of its group and of
//! itself, which are random and not there at first. Whoever has something forgotten sets one of
//! them. So what was written before is not found any more, and what is being fetched meanwhile is
//! not kept: it was not found under another version.
//!
//! What was forgotten also stands in a log, which every gateway reads twice a second, so that all
//! of them forget it in their first levels too. A gateway that cannot be sure to have read all of
//! it forgets everything that is shared.
//!
//! While Redis is away nothing is there, and nothing waits for it. Every key in it has an expiry,
//! and none holds anything of a request but digests.

mod changes;
mod envelope;
#[cfg(test)]
pub(crate) mod redis_model;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub(crate) use self::changes::Change;
use self::changes::{News, Position};
use crate::exchange::{Callout, CalloutAnswer, Errand, Exchange};
use crate::fleet;
use crate::ports::{Ports, Timestamp};
use crate::redis::{Breaker, Course, Fault, Redis};
use crate::response_cache::ResponseCaches;
use crate::response_cache::coalescing::after;
use crate::response_cache::key::{Key, KeyParts};
use crate::response_cache::storage::{Encryption, Group, LONGEST_ENTRY, Writing};
use crate::sigv4::hexadecimal;

pub(crate) const FIND: &str = include_str!("shared_cache/find.lua");

pub(crate) const KEEP: &str = include_str!("shared_cache/keep.lua");

pub(crate) const FORGET: &str = include_str!("shared_cache/forget.lua");

pub(crate) const CHANGES: &str = include_str!("shared_cache/changes.lua");

/// The first [`Errand::id`] of those made here.
pub(crate) const FIRST_ERRAND: usize = 1 << 31;

/// For how long marks and the log of changes are kept, in milliseconds. Nothing that was there
/// before is there after it: entries live for an hour at most.
const MARKS_KEPT_MILLIS: u64 = 7_200_000;

/// The longest life of an entry, in milliseconds.
const LONGEST_LIFE_MILLIS: u64 = 3_600_000;

/// How many changes the log holds. When there are more it begins anew with one that means all.
const MOST_CHANGES: usize = 16_384;

/// How many changes are read at once.
const MOST_READ: usize = 256;

/// How much waits to be written, in bytes of text. What does not fit is not written.
const MOST_WAITING: usize = 4 << 20;

/// After how many bytes of text a call is full, and after how many entries.
const FULL_CALL: usize = 256 << 10;
const MOST_IN_CALL: usize = 32;

/// How many calls of an owed change are made at once, and how many are owed at most.
const MOST_TOLD: usize = 16;
const MOST_OWED: usize = 1_024;

/// The longest version that Redis may answer with.
const LONGEST_VERSION: usize = 64;

/// What a gateway does for all its caches that are shared.
#[derive(Debug)]
pub(crate) struct SharedCaches {
    redis: Arc<Redis>,
    work: Mutex<Work>,
}

/// What is done on the side, by this worker.
#[derive(Debug, Default)]
struct Work {
    /// To be written with the next call.
    new: VecDeque<NewEntry>,
    /// The length of their texts.
    waiting: usize,
    /// What Redis was not told when it was to be forgotten.
    owed: VecDeque<Vec<String>>,
    /// Calls under way, by their errands.
    calls: BTreeMap<usize, Call>,
    /// How many calls were made.
    count: usize,
}

#[derive(Debug)]
struct NewEntry {
    keys: [String; 4],
    version: String,
    text: String,
    until: Timestamp,
}

/// A call on the side.
#[derive(Debug)]
enum Call {
    Keep,
    /// What changed after this position is read.
    Changes(Position),
    Forget(Vec<String>),
}

/// One cache that gateways share.
#[derive(Debug)]
pub(crate) struct SharedCache {
    caches: Arc<SharedCaches>,
    /// A digest of its name, in hexadecimal digits.
    id: String,
    /// What the names of all its entries begin with.
    names: KeyParts,
    encryption: Option<Encryption>,
}

/// What is found.
pub(crate) enum Looked<'c> {
    /// This is there.
    Found(Found),
    /// Nothing is there. What is fetched may be kept.
    Missing(Box<Missing<'c>>),
    /// Nobody knows.
    Unknown,
}

/// An entry that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) content: Vec<u8>,
    /// Until when it may be used, by this gateway's clock.
    pub(crate) until: Timestamp,
}

/// What is not there, as it was asked for.
#[derive(Debug)]
pub(crate) struct Missing<'c> {
    cache: &'c SharedCache,
    name: Key,
    keys: [String; 4],
    version: String,
    encrypted: bool,
}

impl SharedCaches {
    pub(crate) fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            work: Mutex::default(),
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, words: &[String]) -> Callout {
        self.redis.call(words.iter().map(String::as_bytes))
    }

    fn log(&self) -> String {
        self.redis.key("cache:changes")
    }

    /// What a script answers; `None` while Redis is away. Calls of one name are one call.
    ///
    /// Whether it is, is for small calls to find out: one for a large entry may take too long.
    async fn ask(
        &self,
        exchange: &Exchange,
        words: &[String],
        shared_as: Option<[u8; 32]>,
    ) -> Option<Value> {
        if Breaker::course(exchange.ports()) == Course::Leave {
            return None;
        }
        let callout = Callout {
            shared_as,
            ..self.call(words)
        };
        self.redis.answer(exchange.callout(callout).await).ok()
    }

    /// What is to be asked now, apart from any request.
    pub(crate) fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        let mut work = self.work();
        if Breaker::course(ports) == Course::Leave {
            work.new.clear();
            work.waiting = 0;
            return Vec::new();
        }
        let mut errands = Vec::new();
        let now = ports.now();
        // What is to be forgotten goes first: nothing is kept under a version that it ends.
        for _ in 0..MOST_TOLD {
            let Some(words) = work.owed.pop_front() else {
                break;
            };
            let callout = self.call(&words);
            errands.push(work.errand(Call::Forget(words), callout));
        }
        while let Some(words) = work.take_new(now) {
            let callout = self.call(&words);
            errands.push(work.errand(Call::Keep, callout));
        }
        if let Some(position) = Position::due(ports, now) {
            let words = [
                "EVAL".to_owned(),
                CHANGES.to_owned(),
                "2".to_owned(),
                self.log(),
                self.redis.key("probe"),
                position.0.clone(),
                MOST_READ.to_string(),
                MARKS_KEPT_MILLIS.to_string(),
            ];
            let callout = self.call(&words);
            errands.push(work.errand(Call::Changes(position), callout));
        }
        errands
    }

    /// What came of an errand. What others have had forgotten is forgotten in `caches`.
    pub(crate) fn fetched(
        &self,
        errand: usize,
        answer: CalloutAnswer,
        caches: &ResponseCaches,
        ports: &dyn Ports,
    ) {
        let call = self.work().calls.remove(&errand);
        let answer = self.redis.answer(answer);
        match call {
            // What could not be kept is fetched by others once more.
            None | Some(Call::Keep) => {}
            Some(Call::Forget(words)) => {
                if answer.is_err_and(|fault| !is_misunderstood(&fault)) {
                    self.work().owe(words);
                }
            }
            Some(Call::Changes(position)) => {
                let outcome = answer.as_ref().map(|_| ());
                if !outcome.is_err_and(is_misunderstood) {
                    let address = &self.redis.authority;
                    Breaker::report(ports, ports.now(), outcome, address);
                }
                let gateway = fleet::name_of_gateway(ports).unwrap_or_default();
                let Some(news) = answer.ok().and_then(|answer| News::read(&answer, &gateway))
                else {
                    return;
                };
                let forgotten = news
                    .changes
                    .iter()
                    .map(|change| caches.forget(ports, change));
                // What could not be forgotten is read again.
                if forgotten.fold(true, |all, certain| all & certain) {
                    position.advance(ports, &news.position, news.count >= MOST_READ);
                }
            }
        }
    }
}

impl Work {
    fn errand(&mut self, call: Call, callout: Callout) -> Errand {
        let id = FIRST_ERRAND + self.count % (FIRST_ERRAND >> 1);
        self.count = self.count.wrapping_add(1);
        self.calls.insert(id, call);
        Errand { id, callout }
    }

    fn owe(&mut self, words: Vec<String>) {
        if self.owed.len() < MOST_OWED {
            self.owed.push_back(words);
        }
    }

    /// The next call that writes.
    fn take_new(&mut self, now: Timestamp) -> Option<Vec<String>> {
        let (mut keys, mut arguments, mut length) = (Vec::new(), Vec::new(), 0);
        while length < FULL_CALL && keys.len() < 4 * MOST_IN_CALL {
            let Some(new) = self.new.pop_front() else {
                break;
            };
            self.waiting = self.waiting.saturating_sub(new.text.len());
            let left = new.until.millis_since(now).min(LONGEST_LIFE_MILLIS);
            if left > 0 {
                length += new.text.len();
                keys.extend(new.keys);
                arguments.extend([new.version, new.text, left.to_string()]);
            }
        }
        if keys.is_empty() {
            return None;
        }
        let mut words = vec!["EVAL".to_owned(), KEEP.to_owned(), keys.len().to_string()];
        words.append(&mut keys);
        words.append(&mut arguments);
        Some(words)
    }
}

impl SharedCache {
    /// The cache with this name, which no other of the gateway has. Who knows the `secret`, if there
    /// is one, can tell what the name of an entry is made of.
    pub(crate) fn new(
        caches: Arc<SharedCaches>,
        name: &str,
        secret: Option<&[u8; 32]>,
        encryption: Option<Encryption>,
    ) -> Self {
        let mut names = KeyParts::new("attache shared cache");
        names.push_values(secret);
        names.push(name.as_bytes());
        Self {
            caches,
            id: text(&names.clone().finish()),
            names,
            encryption,
        }
    }

    /// Looks for an entry.
    pub(crate) async fn find(
        &self,
        exchange: &Exchange,
        key: &Key,
        group: Group,
        encrypted: bool,
    ) -> Looked<'_> {
        let (name, keys) = self.keys(key, group);
        let mut words = vec!["EVAL".to_owned(), FIND.to_owned(), keys.len().to_string()];
        words.extend_from_slice(&keys);
        let asked_at = exchange.ports().now();
        // However many ask, a worker asks once.
        let answer = self.caches.ask(exchange, &words, Some(name.0)).await;
        let answer = answer.as_ref().and_then(Value::as_array);
        let Some([Value::String(version), left, Value::String(text)]) = answer.map(Vec::as_slice)
        else {
            return Looked::Unknown;
        };
        if version.len() > LONGEST_VERSION {
            return Looked::Unknown;
        }
        let now = exchange.ports().now();
        let encryption = self.encryption.as_ref().filter(|_| encrypted);
        let opened = if encrypted && encryption.is_none() {
            None
        } else {
            envelope::open(text, &name, encryption)
        };
        if let Some((writing, content)) = opened {
            // Clocks may differ; how long Redis still keeps it they all know.
            let left = left.as_u64().unwrap_or(0).min(LONGEST_LIFE_MILLIS);
            let until = after(asked_at, left).min(Timestamp(writing.fresh_until));
            if now < until {
                return Looked::Found(Found { content, until });
            }
        }
        Looked::Missing(Box::new(Missing {
            cache: self,
            name,
            keys,
            version: version.clone(),
            encrypted,
        }))
    }

    /// Has one entry forgotten by all gateways, and asks for what is to come in its place.
    pub(crate) async fn replace(
        &self,
        exchange: &Exchange,
        key: &Key,
        group: Group,
        encrypted: bool,
    ) -> Option<Box<Missing<'_>>> {
        let (name, keys) = self.keys(key, group);
        let words = self.words(exchange.ports(), Some((key, group)), Some(group));
        match self.caches.ask(exchange, &words, None).await {
            Some(Value::String(version)) if version.len() <= LONGEST_VERSION => {
                Some(Box::new(Missing {
                    cache: self,
                    name,
                    keys,
                    version,
                    encrypted,
                }))
            }
            _ => {
                self.caches.work().owe(words);
                None
            }
        }
    }

    /// Has one entry forgotten by all gateways. Whether that is certain.
    pub(crate) async fn remove(&self, exchange: &Exchange, key: &Key, group: Group) -> bool {
        let words = self.words(exchange.ports(), Some((key, group)), Some(group));
        self.caches.ask(exchange, &words, None).await.is_some()
    }

    /// Has everything forgotten by all gateways, or everything of a group. Whether that is certain.
    pub(crate) async fn flush(&self, exchange: &Exchange, group: Option<Group>) -> bool {
        let words = self.words(exchange.ports(), None, group);
        self.caches.ask(exchange, &words, None).await.is_some()
    }

    /// Whether a change is one of this cache.
    pub(crate) fn is_meant(&self, cache: &str) -> bool {
        self.id == cache
    }

    /// The command that has something forgotten.
    fn words(
        &self,
        ports: &dyn Ports,
        entry: Option<(&Key, Group)>,
        group: Option<Group>,
    ) -> Vec<String> {
        let mut keys = vec![self.caches.log(), self.mark(None)];
        keys.extend(group.map(|group| self.mark(Some(group))));
        let key = entry.map(|(key, group)| {
            let (_, [_, _, _, mark]) = self.keys(key, group);
            keys.push(mark);
            text(key)
        });
        let mut words = vec!["EVAL".to_owned(), FORGET.to_owned(), keys.len().to_string()];
        words.append(&mut keys);
        words.push(format!("{:016x}", ports.next_u64()));
        words.push(MARKS_KEPT_MILLIS.to_string());
        let gateway = fleet::name_of_gateway(ports).unwrap_or_default();
        words.push(changes::line(&gateway, &self.id, group, key.as_deref()));
        words.push(MOST_CHANGES.to_string());
        words
    }

    /// The name of an entry, and the keys that Redis is asked about.
    fn keys(&self, key: &Key, group: Group) -> (Key, [String; 4]) {
        let mut name = self.names.clone();
        name.push(&key.0);
        let name = name.finish();
        let digits = text(&name);
        let entry = self.caches.redis.key(&format!("cache:entry:{digits}"));
        let mark = self.caches.redis.key(&format!("cache:mark:{digits}"));
        (name, [entry, self.mark(None), self.mark(Some(group)), mark])
    }

    fn mark(&self, group: Option<Group>) -> String {
        let mut name = format!("cache:mark:{}", self.id);
        if let Some(Group(number)) = group {
            name.push_str(&format!(":{number}"));
        }
        self.caches.redis.key(&name)
    }
}

impl Missing<'_> {
    /// Has what was fetched kept in Redis, a moment later.
    pub(crate) fn keep(self, ports: &dyn Ports, content: &[u8], until: Timestamp) {
        let now = ports.now();
        let writing = Writing {
            owner: ports.next_u64(),
            stored_at: now.0,
            fresh_until: until.0,
            kept_until: until.0,
        };
        let encryption = self.cache.encryption.as_ref();
        if content.len() > LONGEST_ENTRY || self.encrypted && encryption.is_none() {
            return;
        }
        let encryption = encryption.filter(|_| self.encrypted);
        let Some(text) = envelope::seal(&self.name, writing, content, encryption) else {
            return;
        };
        let mut work = self.cache.caches.work();
        if work.waiting + text.len() <= MOST_WAITING {
            work.waiting += text.len();
            work.new.push_back(NewEntry {
                keys: self.keys,
                version: self.version,
                text,
                until,
            });
        }
    }
}

/// Whether it answers and does not know the commands: limits may still be kept there.
fn is_misunderstood(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused(message) if message.starts_with("ERR"))
}

/// A digest in hexadecimal digits.
fn text(key: &Key) -> String {
    String::from_utf8(hexadecimal::encode(&key.0)).unwrap_or_default()
}
