//! The log of what is to be forgotten, and how far this gateway has read it.
//!
//! A line says who wrote it, which cache is meant, and what of it:
//!
//! ```text
//! GATEWAY CACHE              everything
//! GATEWAY CACHE GROUP        one group
//! GATEWAY CACHE GROUP KEY    one entry
//! - *                        nothing: the log begins with it
//! ```
//!
//! Instead of its name, a gateway that forgets together with the others writes `-`.
//!
//! Who reads goes on from the line that was read last. When that is not there any more, anything may
//! have been forgotten: Redis has lost its data, or there were more changes than the log has room
//! for.

use serde_json::Value;

use crate::ports::{Store, Swap, Timestamp, Version};
use crate::response_cache::key::Key;
use crate::response_cache::storage::Group;
use crate::sigv4::hexadecimal;

/// How often a gateway reads the log, in milliseconds.
const READ_EVERY_MILLIS: u64 = 500;

/// More groups of one cache than these are the whole of it: to forget each takes as long.
const MOST_GROUPS: usize = 8;

/// In place of a gateway's name: all of them are to forget it.
pub(super) const NOBODY: &str = "-";

/// Who has never read it.
const NOWHERE: &str = "$";

/// The longest position that is believed.
const LONGEST: usize = 64;

/// How far the log was read, as Redis says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position(pub(super) String);

/// What is to be forgotten in the first level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Everything that is shared.
    All,
    /// What the cache with this id holds.
    Cache(String),
    /// One group of it.
    Group(String, Group),
    /// One entry of it.
    Entry(String, Key),
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Up to where.
    pub(super) position: String,
    /// How many lines.
    pub(super) count: usize,
    /// What others have written, each once.
    pub(super) changes: Vec<Change>,
}

/// What the log is to say is forgotten, behind the name of who has it forgotten.
pub(super) fn what(cache: &str, group: Option<Group>, key: Option<&str>) -> String {
    let group = group.map(|Group(group)| group.to_string());
    let words = [Some(cache), group.as_deref(), key];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

impl News {
    /// Reads what `changes.lua` answers; `None` for anything else. What this gateway has written
    /// itself it has done.
    pub(super) fn read(answer: &Value, gateway: &str) -> Option<Self> {
        let [Value::Number(whole), Value::String(position), lines @ ..] =
            answer.as_array()?.as_slice()
        else {
            return None;
        };
        if position.len() > LONGEST {
            return None;
        }
        let changes = if whole.as_u64() == Some(1) {
            let changes = lines.iter().map(|line| match line.as_str() {
                Some(line) => Change::read(line, gateway),
                None => Some(Change::All),
            });
            Change::summed_up(changes.flatten())
        } else {
            vec![Change::All]
        };
        Some(Self {
            position: position.clone(),
            count: lines.len(),
            changes,
        })
    }
}

impl Change {
    /// Each of them once.
    fn summed_up(all: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut changes = Vec::new();
        let mut groups = 0;
        for mut change in all {
            if change == Self::All {
                return vec![change];
            }
            if let Self::Group(cache, _) = &mut change {
                groups += 1;
                if groups > MOST_GROUPS {
                    change = Self::Cache(std::mem::take(cache));
                }
            }
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        changes
    }

    /// Reads a line that somebody else has written. What cannot be read may mean anything.
    fn read(line: &str, gateway: &str) -> Option<Self> {
        let mut words = line.split(' ');
        if words.next() == Some(gateway) && !gateway.is_empty() {
            return None;
        }
        let words = [words.next(), words.next(), words.next(), words.next()];
        Some(match words {
            [Some(cache), None, None, None] if cache != "*" => Self::Cache(cache.to_owned()),
            [Some(cache), Some(group), None, None] => match group.parse() {
                Ok(group) => Self::Group(cache.to_owned(), Group(group)),
                Err(_) => Self::All,
            },
            [Some(cache), Some(_), Some(key), None] => match hexadecimal::decode(key.as_bytes()) {
                Some(key) => Self::Entry(cache.to_owned(), Key(key)),
                None => Self::All,
            },
            _ => Self::All,
        })
    }
}

impl Position {
    /// From where the log is to be read now, by the caller alone. Under `progress` stands when it is
    /// read next (nanoseconds since 1970, 8 bytes), and how far it was.
    pub(super) fn due(
        store: &(impl Store + ?Sized),
        progress: &[u8],
        now: Timestamp,
    ) -> Option<Self> {
        let (due, position, version) = read(store, progress)?;
        let next = now.0.saturating_add(READ_EVERY_MILLIS * 1_000_000);
        // A clock that was put back leaves nobody waiting for it.
        if now.0 < due && due <= next {
            return None;
        }
        write(store, progress, next, &position, version).then_some(Self(position))
    }

    /// The log was read from here up to another place; `more` of it is there.
    pub(super) fn advance(
        &self,
        store: &(impl Store + ?Sized),
        progress: &[u8],
        to: &str,
        more: bool,
    ) {
        // When another worker has read meanwhile, the same is read again.
        if let Some((due, position, version)) = read(store, progress)
            && position == self.0
        {
            write(store, progress, if more { 0 } else { due }, to, version);
        }
    }
}

fn read(store: &(impl Store + ?Sized), progress: &[u8]) -> Option<(u64, String, Option<Version>)> {
    let Some(stored) = store.get(progress).ok()? else {
        return Some((0, NOWHERE.to_owned(), None));
    };
    let version = Some(stored.version);
    let read = stored.value.split_first_chunk().and_then(|(due, rest)| {
        let position = String::from_utf8(rest.to_vec()).ok()?;
        Some((u64::from_le_bytes(*due), position, version))
    });
    Some(read.unwrap_or_else(|| (0, NOWHERE.to_owned(), version)))
}

fn write(
    store: &(impl Store + ?Sized),
    progress: &[u8],
    due: u64,
    position: &str,
    version: Option<Version>,
) -> bool {
    let value = [&due.to_le_bytes()[..], position.as_bytes()].concat();
    store.compare_and_swap(progress, &value, version) == Ok(Swap::Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Change, MOST_GROUPS, News, Position, READ_EVERY_MILLIS, what};
    use crate::ports::Timestamp;
    use crate::response_cache::key::Key;
    use crate::response_cache::storage::Group;
    use crate::usage_plan::memory_store::MemoryStore;

    const DIGITS: &str = "0909090909090909090909090909090909090909090909090909090909090909";

    const PROGRESS: &[u8] = b"progress";

    fn line(gateway: &str, cache: &str, group: Option<Group>, key: Option<&str>) -> String {
        format!("{gateway} {}", what(cache, group, key))
    }

    fn read(lines: &[&str]) -> Vec<Change> {
        let mut answer = vec![json!(1), json!("7-0")];
        answer.extend(lines.iter().map(|line| json!(line)));
        let news = News::read(&Value::Array(answer), "me").unwrap();
        assert_eq!((&*news.position, news.count), ("7-0", lines.len()));
        news.changes
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_others_have_written_is_read() {
        let cache = || "c".to_owned();
        for (written, expected) in [
            (line("you", "c", None, None), Change::Cache(cache())),
            (
                line("you", "c", Some(Group(7)), None),
                Change::Group(cache(), Group(7)),
            ),
            (
                line("you", "c", Some(Group(7)), Some(DIGITS)),
                Change::Entry(cache(), Key([9; 32])),
            ),
        ] {
            assert_eq!(read(&[&written]), Vec::from([expected]), "{written}");
            // What it has written itself it has done.
            assert_eq!(read(&[&written.replace("you", "me")]), Vec::new());
        }
        let twice = line("you", "c", None, None);
        assert_eq!(read(&[&twice, &twice]).len(), 1);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_cannot_be_read_may_mean_anything() {
        for line in [
            "",
            "you",
            "- *",
            "you c x",
            "you c 7 x",
            "you c -1",
            "you c 7 8 9",
            "you c 4294967296",
        ] {
            assert_eq!(read(&[line]), Vec::from([Change::All]), "{line}");
        }
        let news = News::read(&json!([1, "7-0", 7]), "me").unwrap();
        assert_eq!(news.changes, Vec::from([Change::All]));
        let missing = News::read(&json!([0, "8-0"]), "me").unwrap();
        assert_eq!(missing.changes, Vec::from([Change::All]));
        for answer in [
            json!(null),
            json!([]),
            json!([1]),
            json!(["1", "7-0"]),
            json!([1, 7]),
            json!([1, "7".repeat(65)]),
        ] {
            assert_eq!(News::read(&answer, "me"), None, "{answer}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn many_groups_are_a_whole_cache() {
        let lines = |groups: usize| -> Vec<String> {
            let groups = (0..groups).map(|group| u32::try_from(group).unwrap());
            let lines = groups.map(|group| line("you", "c", Some(Group(group)), None));
            lines
                .chain([line("you", "d", Some(Group(0)), Some(DIGITS))])
                .collect()
        };
        let count = |groups| {
            let lines = lines(groups);
            read(&lines.iter().map(String::as_str).collect::<Vec<_>>()).len()
        };
        assert_eq!(count(MOST_GROUPS), MOST_GROUPS + 1);
        assert_eq!(count(2 * MOST_GROUPS), MOST_GROUPS + 2);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn one_reads_at_a_time_and_goes_on_where_it_was() {
        let store = MemoryStore::default();
        let at = |millis: u64| Timestamp((1_800_000_000_000 + millis) * 1_000_000);
        let due = |millis| Position::due(&store, PROGRESS, at(millis)).map(|position| position.0);
        let begun = Position::due(&store, PROGRESS, at(0)).unwrap();
        assert_eq!(begun.0, "$");
        assert_eq!(due(READ_EVERY_MILLIS - 1), None);
        assert_eq!(due(READ_EVERY_MILLIS).as_deref(), Some("$"));
        begun.advance(&store, PROGRESS, "7-0", false);
        assert_eq!(due(2 * READ_EVERY_MILLIS - 1), None);
        // Another worker's answer, which came late, changes nothing.
        begun.advance(&store, PROGRESS, "5-0", false);
        let now = Position::due(&store, PROGRESS, at(2 * READ_EVERY_MILLIS)).unwrap();
        assert_eq!(now.0, "7-0");
        // What is left is read at once.
        now.advance(&store, PROGRESS, "8-0", true);
        assert_eq!(due(2 * READ_EVERY_MILLIS).as_deref(), Some("8-0"));
        // A clock that was put back leaves nobody waiting.
        assert_eq!(due(0).as_deref(), Some("8-0"));
    }
}
