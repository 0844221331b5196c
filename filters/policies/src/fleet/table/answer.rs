//! What Redis is asked for changes, and what it answers.

use serde_json::Value;

use super::progress::Position;
use super::{KEPT_SECONDS, Kind};
use crate::redis::{Redis, eval};

/// What Redis runs to tell of changes.
pub(crate) const READ: &str = include_str!("read.lua");

/// How many changed records one answer tells.
pub(crate) const PAGE: usize = 1_000;

/// What Redis has told of one record.
pub(super) struct Change<'a> {
    pub(super) id: &'a str,
    pub(super) version: u64,
    pub(super) record: &'a str,
}

/// The words that ask what has changed since `at`, when all was known as of the version `complete`.
pub(super) fn read_words(redis: &Redis, kind: &Kind, at: Position, complete: u64) -> Vec<String> {
    let mut words = eval(READ, kind.keys.len());
    words.extend(kind.keys.map(|name| redis.key(name)));
    let numbers = [at.table, at.version, complete];
    words.extend(numbers.map(|number| number.to_string()));
    words.push(PAGE.to_string());
    words.push(KEPT_SECONDS.to_string());
    words
}

/// Reads the answer of [`READ`]: the table and its version, whether it is told from the beginning,
/// and the changes.
pub(super) fn read(answer: &Value) -> Option<(Position, bool, Vec<Change<'_>>)> {
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
