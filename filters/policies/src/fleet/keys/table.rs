//! The API keys in Redis, for whoever manages them: what to ask, and what the answers mean. Who asks
//! is another's matter.

use std::cell::Cell;

use attache_model::{self as model, ApiKey};
use serde_json::Value;

use super::{Change, KEPT_SECONDS, KEY_TABLES, PAGE, Position, read, read_words};
use crate::compile_error::CompileError;
use crate::exchange::{Callout, CalloutAnswer};
use crate::integration::Upstream;
use crate::ports::Environment;
use crate::redis::{Mark, Redis, eval};

/// What Redis runs to tell of a key.
pub(super) const RECORD: &str = include_str!("record.lua");

/// What Redis runs to change keys.
pub(super) const WRITE: &str = include_str!("write.lua");

/// How many removed keys are remembered, for gateways that have not heard of it. One that has missed
/// more loads the whole table.
const MOST_REMOVED: u32 = 10_000;

/// How long Redis may take, in milliseconds.
const TIMEOUT_MILLIS: u32 = 10_000;

/// The API keys that the gateways of a fleet share.
#[derive(Debug)]
pub struct KeyTable {
    redis: Redis,
    /// The call that was made last. One is made after the other.
    asked: Cell<Mark>,
}

/// A key, and how Redis has it written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key.
    pub key: ApiKey,
    text: String,
}

/// The change of one key.
#[derive(Clone, Copy, Debug)]
pub struct KeyChange<'k> {
    /// Its id.
    pub id: &'k str,
    /// What Redis must have for the change to be made; `None`: no such key.
    pub before: Option<&'k KeyRecord>,
    /// What it has then; `None`: no such key.
    pub after: Option<&'k ApiKey>,
}

/// What became of changes: all were made, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// They were made.
    Done,
    /// Redis has another record of the key with this id than the change expects.
    Changed(String),
    /// The key of the first id was to have a value that the key of the second has.
    Taken(String, String),
    /// A part of the table is not there any more.
    Lost,
}

/// How far a list has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListPosition {
    at: Position,
    begun_at: u64,
}

/// A part of the list.
#[derive(Debug)]
pub struct ListPage {
    /// The keys, each as of its last change. A key that was changed meanwhile comes again.
    pub changes: Vec<(String, Option<KeyRecord>)>,
    /// Whether the list begins anew with this part, because the table is another one.
    pub begins_anew: bool,
    /// Where the next part begins; `None` after the last.
    pub next: Option<ListPosition>,
}

impl KeyTable {
    /// # Errors
    ///
    /// As for [`Gateway::compile`](crate::Gateway::compile).
    pub fn compile(
        redis: &model::Redis,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<CompileError>> {
        let mut redis = Redis::compile(redis, environment)?;
        redis.timeout_millis = TIMEOUT_MILLIS;
        Ok(Self {
            redis,
            asked: Cell::default(),
        })
    }

    /// Where Redis is.
    #[must_use]
    pub const fn upstream(&self) -> &Upstream {
        &self.redis.upstream
    }

    /// Asks for a part of the list.
    #[must_use]
    pub fn list(&self, position: ListPosition) -> Callout {
        let words = read_words(&self.redis, position.at, position.begun_at);
        self.call(words.iter().map(String::as_bytes))
    }

    /// The part that was asked for.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn listed(
        &self,
        position: ListPosition,
        answer: CalloutAnswer,
    ) -> Result<ListPage, String> {
        let answer = self.answer(answer)?;
        let (told, begins_anew, changes) = read(&answer).ok_or_else(unexpected)?;
        let begun_at = if begins_anew {
            told.version
        } else {
            position.begun_at
        };
        let next = changes.last().filter(|_| changes.len() == PAGE);
        let next = next.map(|last| ListPosition {
            at: Position {
                version: last.version,
                ..told
            },
            begun_at,
        });
        let changes = changes
            .iter()
            .map(|Change { id, record, .. }| Ok(((*id).to_owned(), KeyRecord::read(id, record)?)))
            .collect::<Result<_, String>>()?;
        Ok(ListPage {
            changes,
            begins_anew,
            next,
        })
    }

    /// Asks for the key with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Callout {
        let [records, ..] = KEY_TABLES;
        let records = self.redis.key(records);
        // A script, as everything is: all else may be forbidden to whoever comes through Webdis.
        let words = ["EVAL", RECORD, "1", &records, id];
        self.call(words.map(str::as_bytes))
    }

    /// The key that was asked for.
    ///
    /// # Errors
    ///
    /// Why nobody knows whether there is one.
    pub fn got(&self, id: &str, answer: CalloutAnswer) -> Result<Option<KeyRecord>, String> {
        match self.answer(answer)? {
            Value::String(record) => KeyRecord::read(id, &record),
            _ => Err(unexpected()),
        }
    }

    /// Makes changes: a few hundred at once.
    #[must_use]
    pub fn write(&self, changes: &[KeyChange<'_>]) -> Callout {
        let mut words = eval(WRITE, KEY_TABLES.len());
        words.extend(KEY_TABLES.map(|name| self.redis.key(name)));
        words.push(KEPT_SECONDS.to_string());
        words.push(MOST_REMOVED.to_string());
        for change in changes {
            let none = || "-".to_owned();
            words.push(change.id.to_owned());
            let before = change.before.map(|record| record.text.clone());
            words.push(before.unwrap_or_else(none));
            let after = change.after.and_then(|key| serde_json::to_string(key).ok());
            words.push(after.unwrap_or_else(none));
            for key in [change.before.map(|record| &record.key), change.after] {
                let digests: Vec<_> = key.map(digests).unwrap_or_default();
                words.push(digests.len().to_string());
                words.extend(digests);
            }
        }
        self.call(words.iter().map(String::as_bytes))
    }

    /// What became of the changes.
    ///
    /// # Errors
    ///
    /// Why nobody knows.
    pub fn written(&self, answer: CalloutAnswer) -> Result<Written, String> {
        let answer = self.answer(answer)?;
        let words: Vec<&str> = answer
            .as_array()
            .map(|words| words.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        match *words {
            ["done", _] => Ok(Written::Done),
            ["changed", id] => Ok(Written::Changed(id.to_owned())),
            ["taken", id, holder] => Ok(Written::Taken(id.to_owned(), holder.to_owned())),
            ["lost"] => Ok(Written::Lost),
            _ => Err(unexpected()),
        }
    }

    fn call<'w>(&self, words: impl IntoIterator<Item = &'w [u8]>) -> Callout {
        let mut callout = self.redis.call(words);
        self.asked.set(self.redis.mark(&mut callout));
        callout
    }

    fn answer(&self, answer: CalloutAnswer) -> Result<Value, String> {
        let answer = self.redis.answer(self.asked.get(), answer);
        answer.map_err(|fault| fault.to_string())
    }
}

impl KeyRecord {
    /// An empty record is that of a removed key.
    fn read(id: &str, record: &str) -> Result<Option<Self>, String> {
        if record.is_empty() {
            return Ok(None);
        }
        let key = serde_json::from_slice(record.as_bytes());
        let key = key.map_err(|_| {
            format!(
                "the record of the API key `{id}` cannot be read: another version has written it"
            )
        })?;
        Ok(Some(Self {
            key,
            text: record.to_owned(),
        }))
    }
}

fn unexpected() -> String {
    "it answered something else than was asked for".to_owned()
}

fn digests(key: &ApiKey) -> Vec<String> {
    let previous = key.previous_values.iter().map(|value| value.digest);
    let all = std::iter::once(key.digest).chain(previous);
    all.map(String::from).collect()
}
