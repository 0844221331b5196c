//! How far Redis has come, as the workers of a gateway tell each other: so that one asks for all.

use super::Kind;
use crate::ports::{Store, Swap, Timestamp, Version};

/// How often a gateway asks what has changed, and how long a worker waits after a failure, in
/// milliseconds.
const ASKED_EVERY_MILLIS: u64 = 1_000;

const NANOS_OF_MILLI: u64 = 1_000_000;

/// Which table, and which version of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// 0: none.
    pub(super) table: u64,
    pub(super) version: u64,
}

/// How far Redis has come, and when to ask again, as the workers of a gateway tell each other: three
/// numbers of 64 bits.
pub(super) struct Progress(pub(super) &'static Kind);

impl Progress {
    fn read(&self, store: &dyn Store) -> (Option<(u64, Position)>, Option<Version>) {
        let Ok(Some(stored)) = store.get(self.0.progress) else {
            return (None, None);
        };
        let (words, _) = stored.value.as_chunks::<8>();
        let progress = match words {
            [next, table, version] => Some((
                u64::from_le_bytes(*next),
                Position {
                    table: u64::from_le_bytes(*table),
                    version: u64::from_le_bytes(*version),
                },
            )),
            _ => None,
        };
        (progress, Some(stored.version))
    }

    fn write(
        &self,
        store: &dyn Store,
        next: u64,
        position: Position,
        expected: Option<Version>,
    ) -> bool {
        let mut value = Vec::with_capacity(24);
        for number in [next, position.table, position.version] {
            value.extend(number.to_le_bytes());
        }
        store.compare_and_swap(self.0.progress, &value, expected) == Ok(Swap::Done)
    }

    /// Whether this worker is to ask: it is another version than the one that it knows, or the second
    /// is over and no other worker asks.
    pub(super) fn asks(&self, store: &dyn Store, told: Position, now: Timestamp) -> bool {
        let (progress, version) = self.read(store);
        let (next, position) = progress.unwrap_or((0, told));
        if position != told {
            return true;
        }
        !is_ahead(Timestamp(next), now) && self.write(store, next_after(now), position, version)
    }

    /// Tells the other workers what Redis has told.
    pub(super) fn tell(&self, store: &dyn Store, position: Position, now: Timestamp) {
        const ATTEMPTS: usize = 8;
        for _ in 0..ATTEMPTS {
            let (progress, version) = self.read(store);
            if progress.is_some_and(|(_, known)| known == position)
                || self.write(store, next_after(now), position, version)
            {
                return;
            }
        }
    }
}

pub(super) const fn next_after(now: Timestamp) -> u64 {
    now.0.saturating_add(ASKED_EVERY_MILLIS * NANOS_OF_MILLI)
}

/// Whether a moment is still to come. A clock that was put back leaves nobody waiting for it.
pub(super) fn is_ahead(moment: Timestamp, now: Timestamp) -> bool {
    moment > now && moment.0 <= next_after(now)
}
