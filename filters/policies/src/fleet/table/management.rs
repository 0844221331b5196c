//! A table in Redis, for whoever manages it: what to ask, and what the answers mean. Who asks
//! is another's matter.

use std::cell::Cell;
use std::marker::PhantomData;

use attache_model as model;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Change, KEPT_SECONDS, Kind, PAGE, Position, read, read_words};
use crate::compile_error::CompileError;
use crate::exchange::{Callout, CalloutAnswer};
use crate::integration::Upstream;
use crate::ports::Environment;
use crate::redis::{Mark, Redis, eval};

/// What Redis runs to tell of a record.
pub(in crate::fleet) const RECORD: &str = include_str!("record.lua");

/// What Redis runs to change records.
pub(in crate::fleet) const WRITE: &str = include_str!("write.lua");

/// How many removed records are remembered, for gateways that have not heard of it. One that has missed
/// more loads the whole table.
const MOST_REMOVED: u32 = 10_000;

/// How long Redis may take, in milliseconds.
const TIMEOUT_MILLIS: u32 = 10_000;

/// What a table can hold.
pub trait Record: Serialize + DeserializeOwned {
    /// How it is kept.
    const KIND: &'static Kind;

    /// What no other record may have.
    fn digests(&self) -> Vec<String>;
}

/// The API keys, or the usage plans, that the gateways of a fleet share.
#[derive(Debug)]
pub struct Table<R> {
    redis: Redis,
    /// The call that was made last. One is made after the other.
    asked: Cell<Mark>,
    records: PhantomData<R>,
}

/// A record, and how Redis has it written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<R> {
    /// The record.
    pub value: R,
    text: String,
}

/// The change of one record.
#[derive(Clone, Copy, Debug)]
pub struct TableChange<'r, R> {
    /// Its id.
    pub id: &'r str,
    /// What Redis must have for the change to be made; `None`: no such record.
    pub before: Option<&'r Stored<R>>,
    /// What it has then; `None`: no such record.
    pub after: Option<&'r R>,
}

/// What became of changes: all were made, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// They were made.
    Done,
    /// Redis has another record with this id than the change expects.
    Changed(String),
    /// The key of the first id was to have a value that the one of the second has.
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
pub struct ListPage<R> {
    /// The records, each as of its last change. One that was changed meanwhile comes again.
    pub changes: Vec<(String, Option<Stored<R>>)>,
    /// Whether the list begins anew with this part, because the table is another one.
    pub begins_anew: bool,
    /// Where the next part begins; `None` after the last.
    pub next: Option<ListPosition>,
}

impl<R: Record> Table<R> {
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
            records: PhantomData,
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
        let words = read_words(&self.redis, R::KIND, position.at, position.begun_at);
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
    ) -> Result<ListPage<R>, String> {
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
            .map(|Change { id, record, .. }| Ok(((*id).to_owned(), Stored::read(id, record)?)))
            .collect::<Result<_, String>>()?;
        Ok(ListPage {
            changes,
            begins_anew,
            next,
        })
    }

    /// Asks for the record with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Callout {
        let words = record_words(&self.redis, R::KIND, id);
        self.call(words.iter().map(String::as_bytes))
    }

    /// The record that was asked for.
    ///
    /// # Errors
    ///
    /// Why nobody knows whether there is one.
    pub fn got(&self, id: &str, answer: CalloutAnswer) -> Result<Option<Stored<R>>, String> {
        match self.answer(answer)? {
            Value::String(record) => Stored::read(id, &record),
            _ => Err(unexpected()),
        }
    }

    /// Makes changes: a few hundred at once.
    #[must_use]
    pub fn write(&self, changes: &[TableChange<'_, R>]) -> Callout {
        let mut words = eval(WRITE, R::KIND.keys.len());
        words.extend(R::KIND.keys.map(|name| self.redis.key(name)));
        words.push(KEPT_SECONDS.to_string());
        words.push(MOST_REMOVED.to_string());
        for change in changes {
            let none = || "-".to_owned();
            words.push(change.id.to_owned());
            let before = change.before.map(|record| record.text.clone());
            words.push(before.unwrap_or_else(none));
            let after = change
                .after
                .and_then(|record| serde_json::to_string(record).ok());
            words.push(after.unwrap_or_else(none));
            let before = change.before.map(|record| &record.value);
            for record in [before, change.after] {
                let digests = record.map(R::digests).unwrap_or_default();
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

impl<R: Record> Stored<R> {
    /// An empty record is that of a removed one.
    fn read(id: &str, record: &str) -> Result<Option<Self>, String> {
        if record.is_empty() {
            return Ok(None);
        }
        let value = serde_json::from_slice(record.as_bytes());
        let value = value.map_err(|_| {
            let one = R::KIND.one;
            format!("the record of the {one} `{id}` cannot be read: another version has written it")
        })?;
        Ok(Some(Self {
            value,
            text: record.to_owned(),
        }))
    }
}

fn unexpected() -> String {
    "it answered something else than was asked for".to_owned()
}

/// The words that ask for the record with an id. A script, as everything is: all else may be forbidden
/// to whoever comes through Webdis.
pub(in crate::fleet) fn record_words(redis: &Redis, kind: &Kind, id: &str) -> Vec<String> {
    let mut words = eval(RECORD, 1);
    let [records, ..] = kind.keys;
    words.push(redis.key(records));
    words.push(id.to_owned());
    words
}
