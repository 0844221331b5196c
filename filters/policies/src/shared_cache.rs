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

mod cache;
mod changes;
mod envelope;
#[cfg(test)]
pub(crate) mod redis_model;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

pub(crate) use self::cache::{Looked, Missing, SharedCache};
pub(crate) use self::changes::Change;
use self::changes::{News, Position};
use self::waiting::{Forgotten, Waiting};
use crate::exchange::{Callout, CalloutAnswer, Errand, Exchange};
use crate::fleet::{self, left_behind};
use crate::observation::RedisMetrics;
use crate::ports::Ports;
use crate::redis::{Breaker, Course, Fault, Mark, Redis, eval};
use crate::response_cache::key::KeyParts;

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

/// How many changes the log holds. When there are more it begins anew.
const MOST_CHANGES: usize = 16_384;

/// How many changes are read at once.
const MOST_READ: usize = 256;

/// Where workers leave what Redis has not been told to forget.
const LEFT: &[u8] = b"Fforgotten";

/// What a gateway does for all its caches that are shared.
#[derive(Debug)]
pub(crate) struct SharedCaches {
    redis: Arc<Redis>,
    metrics: Option<RedisMetrics>,
    /// What the caches are, in the order of the configuration.
    caches: Mutex<Vec<String>>,
    /// Where it stands how far the log was read for these caches.
    progress: OnceLock<Vec<u8>>,
    work: Mutex<Work>,
    /// Whether it was told that Redis does not know what is needed.
    is_told: AtomicBool,
}

/// What is done on the side, by this worker.
#[derive(Debug, Default)]
struct Work {
    waiting: Waiting,
    /// Calls under way, by their errands.
    calls: Vec<(usize, Call, Mark)>,
    /// How many calls were made.
    count: usize,
}

/// A call on the side.
#[derive(Debug)]
enum Call {
    Keep,
    /// What changed after this position is read.
    Changes(Position),
    Forget(Forgotten),
}

impl SharedCaches {
    pub(crate) fn new(redis: Arc<Redis>, metrics: Option<RedisMetrics>) -> Self {
        Self {
            redis,
            metrics,
            caches: Mutex::default(),
            progress: OnceLock::new(),
            work: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// Another cache of the gateway. Gateways of two configurations may read the log beside each
    /// other for a while, and each is to read it for all that it has: `identity` tells a cache from
    /// whatever it could be in another configuration.
    pub(crate) fn add(&self, identity: String) {
        self.caches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(identity);
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

    fn progress(&self) -> &[u8] {
        self.progress.get_or_init(|| {
            let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
            let mut parts = KeyParts::new("attache shared caches");
            parts.push_values(&*caches);
            [&b"Fcache-changes"[..], &parts.finish().0].concat()
        })
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
        let ports = exchange.ports();
        if Breaker::course(ports) == Course::Leave {
            return None;
        }
        let callout = Callout {
            shared_as,
            ..self.call(words)
        };
        let answer = self.redis.ask(callout, exchange).await.ok();
        self.count(ports, answer.is_none());
        answer
    }

    fn count(&self, ports: &dyn Ports, failed: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.called(ports, failed);
        }
    }

    /// The command that has something forgotten, by `gateway`.
    fn forget(&self, forgotten: &Forgotten, gateway: &str, ports: &dyn Ports) -> Vec<String> {
        let mut words = eval(FORGET, forgotten.marks.len() + 1);
        words.push(self.log());
        words.extend_from_slice(&forgotten.marks);
        words.push(format!("{:016x}", ports.next_u64()));
        words.push(MARKS_KEPT_MILLIS.to_string());
        words.push([gateway, &forgotten.what].join(" "));
        words.push(MOST_CHANGES.to_string());
        words
    }

    /// Leaves to others what Redis is still to be told to forget.
    pub(crate) fn end(&self, ports: &dyn Ports) {
        let mut work = self.work();
        let mut owed = work.waiting.take_all_owed();
        // Whether those under way are heard this worker will not know. To forget twice harms nobody.
        owed.extend(work.calls.drain(..).filter_map(|(_, call, _)| match call {
            Call::Forget(forgotten) => Some(forgotten),
            _ => None,
        }));
        left_behind::leave(ports, LEFT, owed.iter().map(Forgotten::encode));
    }

    /// What is to be asked now, apart from any request.
    pub(crate) fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        let mut work = self.work();
        if Breaker::course(ports) == Course::Leave {
            work.waiting.keep_nothing();
            return Vec::new();
        }
        let mut errands = Vec::new();
        let now = ports.now();
        let position = Position::due(ports, self.progress(), now);
        if position.is_some() {
            for left in left_behind::take(ports, LEFT, MOST_READ) {
                if let Some(forgotten) = Forgotten::decode(&left) {
                    work.waiting.owe(forgotten);
                }
            }
        }
        // What is to be forgotten goes first: nothing is kept under a version that it ends.
        for forgotten in work.waiting.take_owed(now) {
            let callout = self.call(&self.forget(&forgotten, changes::NOBODY, ports));
            errands.push(work.errand(Call::Forget(forgotten), callout, &self.redis));
        }
        for words in work.waiting.take_new(now) {
            let callout = self.call(&words);
            errands.push(work.errand(Call::Keep, callout, &self.redis));
        }
        if let Some(position) = position {
            let mut words = eval(CHANGES, 2);
            words.extend([
                self.log(),
                self.redis.key("probe"),
                position.0.clone(),
                MOST_READ.to_string(),
                MARKS_KEPT_MILLIS.to_string(),
            ]);
            let callout = self.call(&words);
            errands.push(work.errand(Call::Changes(position), callout, &self.redis));
        }
        errands
    }

    /// What came of an errand. What others have had forgotten is forgotten here by `forget`, which
    /// says whether that is certain.
    pub(crate) fn fetched(
        &self,
        errand: usize,
        answer: CalloutAnswer,
        ports: &dyn Ports,
        forget: impl Fn(&Change) -> bool,
    ) {
        let Some((call, mark)) = self.work().take_call(errand) else {
            return;
        };
        let answer = self.redis.answer(mark, answer);
        let Call::Changes(position) = call else {
            self.count(ports, answer.is_err());
            // What could not be kept is fetched by others once more; what they have not been told
            // they are told again.
            if let Call::Forget(forgotten) = call
                && answer.is_err()
            {
                self.work().waiting.still_owe(forgotten, ports.now());
            }
            return;
        };
        match &answer {
            Err(fault) if is_misunderstood(fault) => {
                self.count(ports, true);
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    let address = &self.redis.authority;
                    log::error!(
                        "caches are not shared: Redis at {address} cannot keep a log: {fault}"
                    );
                }
            }
            answer => {
                let outcome = answer.as_ref().map(|_| ());
                let now = ports.now();
                fleet::ended(&self.redis, self.metrics.as_ref(), ports, now, outcome);
            }
        }
        let gateway = fleet::name_of_gateway(ports).unwrap_or_default();
        let Some(news) = answer.ok().and_then(|answer| News::read(&answer, &gateway)) else {
            return;
        };
        let forgotten = news.changes.iter().map(forget);
        // What could not be forgotten is read again.
        if forgotten.fold(true, |all, certain| all & certain) {
            let more = news.count >= MOST_READ;
            position.advance(ports, self.progress(), &news.position, more);
        }
    }
}

impl Work {
    fn errand(&mut self, call: Call, mut callout: Callout, redis: &Redis) -> Errand {
        let mark = redis.mark(&mut callout);
        let id = FIRST_ERRAND + self.count % (FIRST_ERRAND >> 1);
        self.count = self.count.wrapping_add(1);
        self.calls.push((id, call, mark));
        Errand { id, callout }
    }

    fn take_call(&mut self, errand: usize) -> Option<(Call, Mark)> {
        let position = self.calls.iter().position(|(id, ..)| *id == errand)?;
        let (_, call, mark) = self.calls.swap_remove(position);
        Some((call, mark))
    }
}

/// Whether it answers and does not know the commands: limits may still be kept there.
fn is_misunderstood(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused(message) if message.starts_with("ERR"))
}
