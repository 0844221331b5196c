//! What Redis is told beside the requests, and what it has not been told yet.

use std::collections::VecDeque;

use super::{KEEP, LONGEST_LIFE_MILLIS};
use crate::ports::Timestamp;
use crate::redis::eval;

/// How much waits to be written, in bytes. What does not fit is not written.
const MOST_WAITING: usize = 4 << 20;

/// After how many bytes of text a call is full, after how many entries, and how many calls write at
/// one time.
const FULL_CALL: usize = 256 << 10;
const MOST_IN_CALL: usize = 32;
const MOST_CALLS: usize = 16;

/// How many changes are owed at most before whole caches are forgotten in their stead, how many are
/// told at one time, and after how many milliseconds those that Redis did not hear are told again.
const MOST_OWED: usize = 256;
const MOST_TOLD: usize = 64;
const TOLD_AGAIN_MILLIS: u64 = 500;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// To be written with the next calls.
    new: VecDeque<NewEntry>,
    /// Their lengths.
    length: usize,
    /// What Redis was not told when it was to be forgotten.
    owed: Vec<Forgotten>,
    /// When Redis did not hear it last.
    unheard_at: Option<Timestamp>,
}

/// An entry to be kept.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) keys: [String; 4],
    pub(super) version: String,
    pub(super) text: String,
    pub(super) until: Timestamp,
}

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// The keys of the marks: of a cache, or of it and a group, or of both and an entry. The last one
    /// is set.
    pub(super) marks: Vec<String>,
    /// What the log says of it.
    pub(super) what: String,
}

impl Forgotten {
    /// As a worker leaves it to others.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&(&self.marks, &self.what)).unwrap_or_default()
    }

    /// What was left; `None` when it is something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (marks, what) = serde_json::from_slice(bytes).ok()?;
        Some(Self { marks, what })
    }

    /// The whole cache of it.
    fn widened(mut self) -> Self {
        self.marks.truncate(1);
        let cache = self.what.find(' ').unwrap_or(self.what.len());
        self.what.truncate(cache);
        self
    }
}

impl NewEntry {
    fn length(&self) -> usize {
        let keys = self.keys.iter().map(String::len).sum::<usize>();
        self.text.len() + self.version.len() + keys
    }
}

impl Waiting {
    pub(super) fn keep(&mut self, new: NewEntry) {
        let length = self.length + new.length();
        if length <= MOST_WAITING {
            self.length = length;
            self.new.push_back(new);
        }
    }

    pub(super) fn keep_nothing(&mut self) {
        self.new.clear();
        self.length = 0;
    }

    /// Redis has not been told that something is to be forgotten.
    pub(super) fn owe(&mut self, forgotten: Forgotten) {
        if self.owed.len() >= MOST_OWED {
            // Nothing is lost: whole caches are forgotten.
            for owed in std::mem::take(&mut self.owed) {
                self.add(owed.widened());
            }
        }
        self.add(forgotten);
    }

    fn add(&mut self, forgotten: Forgotten) {
        if !self.owed.contains(&forgotten) {
            self.owed.push(forgotten);
        }
    }

    /// Nor has it heard it now.
    pub(super) fn still_owe(&mut self, forgotten: Forgotten, now: Timestamp) {
        self.unheard_at = Some(now);
        self.owe(forgotten);
    }

    /// What Redis is to be told now.
    pub(super) fn take_owed(&mut self, now: Timestamp) -> Vec<Forgotten> {
        // A clock that was put back leaves nobody waiting for it.
        let rests =
            |unheard: Timestamp| unheard <= now && now.millis_since(unheard) < TOLD_AGAIN_MILLIS;
        if self.unheard_at.is_some_and(rests) {
            return Vec::new();
        }
        let count = self.owed.len().min(MOST_TOLD);
        self.owed.drain(..count).collect()
    }

    /// All that Redis is still to be told.
    pub(super) fn take_all_owed(&mut self) -> Vec<Forgotten> {
        std::mem::take(&mut self.owed)
    }

    /// The calls that write now.
    pub(super) fn take_new(&mut self, now: Timestamp) -> Vec<Vec<String>> {
        let calls = std::iter::from_fn(|| self.next_call(now));
        calls.take(MOST_CALLS).collect()
    }

    fn next_call(&mut self, now: Timestamp) -> Option<Vec<String>> {
        let (mut keys, mut arguments, mut length) = (Vec::new(), Vec::new(), 0);
        while length < FULL_CALL && keys.len() < 4 * MOST_IN_CALL {
            let Some(new) = self.new.pop_front() else {
                break;
            };
            self.length = self.length.saturating_sub(new.length());
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
        let mut words = eval(KEEP, keys.len());
        words.append(&mut keys);
        words.append(&mut arguments);
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Forgotten, MOST_CALLS, MOST_IN_CALL, MOST_OWED, MOST_TOLD, NewEntry, Waiting};
    use crate::ports::Timestamp;

    fn at(millis: u64) -> Timestamp {
        Timestamp((1_800_000_000_000 + millis) * 1_000_000)
    }

    fn entry(cache: &str, number: usize) -> Forgotten {
        Forgotten {
            marks: vec![
                format!("mark:{cache}"),
                format!("mark:{cache}:1"),
                format!("mark:{number}"),
            ],
            what: format!("{cache} 1 {number:064x}"),
        }
    }

    fn whole(cache: &str) -> Forgotten {
        Forgotten {
            marks: vec![format!("mark:{cache}")],
            what: cache.to_owned(),
        }
    }

    fn new(text: &str, until: u64) -> NewEntry {
        NewEntry {
            keys: ["e", "c", "g", "m"].map(str::to_owned),
            version: ",,".to_owned(),
            text: text.to_owned(),
            until: at(until),
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_owed_is_never_lost() {
        let mut waiting = Waiting::default();
        for number in 0..MOST_OWED {
            waiting.owe(entry(["one", "two"][number % 2], number));
        }
        waiting.owe(entry("two", 7));
        // Where there is no room for each there is for all of them together.
        assert_eq!(
            waiting.take_owed(at(0)),
            [whole("one"), whole("two"), entry("two", 7)]
        );
        assert_eq!(waiting.take_owed(at(0)), []);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_was_not_heard_is_told_again_after_a_while() {
        let mut waiting = Waiting::default();
        for number in 0..=MOST_TOLD {
            waiting.owe(entry("one", number));
        }
        let told = waiting.take_owed(at(0));
        assert_eq!(told.len(), MOST_TOLD);
        waiting.still_owe(told[0].clone(), at(10));
        assert_eq!(waiting.take_owed(at(509)), []);
        assert_eq!(waiting.take_owed(at(510)).len(), 2);
        waiting.still_owe(told[0].clone(), at(10_000));
        // A clock that was put back.
        assert_eq!(waiting.take_owed(at(0)).len(), 1);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_more_is_written_at_one_time_than_there_is_time_for() {
        let mut waiting = Waiting::default();
        let count = MOST_CALLS * MOST_IN_CALL + 1;
        for _ in 0..count {
            waiting.keep(new("text", 1_000));
        }
        let calls = waiting.take_new(at(0));
        assert_eq!(calls.len(), MOST_CALLS);
        // Four keys and three arguments for each, behind the script and the number of keys.
        assert!(
            calls
                .iter()
                .all(|words| words.len() == 3 + 7 * MOST_IN_CALL)
        );
        assert_eq!(calls[0][2], (4 * MOST_IN_CALL).to_string());
        assert_eq!(waiting.take_new(at(0)).len(), 1);
        assert_eq!(waiting.length, 0);
        // What is large goes alone, and what is over by now does not go at all.
        waiting.keep(new(&"x".repeat(300 << 10), 1_000));
        waiting.keep(new("late", 10));
        waiting.keep(new("text", 11));
        let calls = waiting.take_new(at(10));
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1][calls[1].len() - 2..], ["text", "1"]);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_more_waits_than_there_is_room_for() {
        let mut waiting = Waiting::default();
        let text = "x".repeat(1 << 20);
        for _ in 0..6 {
            waiting.keep(new(&text, 1_000));
        }
        assert_eq!(waiting.new.len(), 3);
        waiting.keep_nothing();
        waiting.keep(new(&text, 1_000));
        assert_eq!(waiting.take_new(at(0)).len(), 1);
    }
}
