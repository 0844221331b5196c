//! A place of the index: whose it is (the first 16 bytes of the key; the stored entry has all of
//! it), who has claimed it, and what is kept there.

use super::encryption::Writing;
use super::value::Generation;
use crate::ports::Timestamp;

/// The length of a place in the record, in bytes.
pub(super) const LENGTH: usize = 96;

/// How far clocks may go back without anything being taken for a message from the future, in
/// nanoseconds. What was written later than that from now is not believed: its lifetime may have
/// been computed with a clock that was wrong.
const SKEW: u64 = 1_000_000_000;

/// After this many uses, further ones are only counted now and then.
const COUNTED_EXACTLY: u8 = 8;

/// A place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// The beginning of the key.
    pub(super) fingerprint: [u8; 16],
    /// Who fetches.
    pub(super) lease: Option<Lease>,
    /// What is kept.
    pub(super) entry: Option<Entry>,
    /// How many keys for values of this place the store has: they stay when the place is empty.
    pub(super) nodes: u8,
}

/// A claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) owner: u64,
    pub(super) since: u64,
    pub(super) until: u64,
    pub(super) group: u32,
}

/// Something that is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) generation: Generation,
    /// Since when uses are counted: before `stored_at` when it was there before.
    pub(super) born: u64,
    pub(super) fresh_until: u64,
    pub(super) kept_until: u64,
    pub(super) group: u32,
    /// The length in bytes as it is stored, without footers.
    pub(super) length: u32,
    pub(super) state: State,
    /// How often it was used: exact up to [`COUNTED_EXACTLY`], then about eight uses per step
    /// above it, squared.
    pub(super) frequency: u8,
    pub(super) encrypted: bool,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It is being written; what its values hold is anybody's guess.
    #[default]
    Writing,
    /// In the values of this place.
    Kept,
    /// In the table of large entries, under the same fingerprint and generation.
    Elsewhere,
}

impl Lease {
    /// Whether the claim still counts.
    pub(super) const fn is_live(&self, now: Timestamp) -> bool {
        self.since <= now.0.saturating_add(SKEW) && now.0 < self.until
    }
}

impl Entry {
    /// Whether it may still be used.
    pub(super) const fn is_usable(&self, now: Timestamp) -> bool {
        !matches!(self.state, State::Writing)
            && self.generation.stored_at <= now.0.saturating_add(SKEW)
            && now.0 < self.kept_until
    }

    /// Which writing it is.
    pub(super) const fn writing(&self) -> Writing {
        Writing {
            owner: self.generation.owner,
            stored_at: self.generation.stored_at,
            fresh_until: self.fresh_until,
            kept_until: self.kept_until,
        }
    }

    pub(super) fn length(&self) -> usize {
        usize::try_from(self.length).unwrap_or(0)
    }

    /// How long its uses have been counted, in nanoseconds.
    fn age(&self, now: Timestamp) -> f64 {
        now.0.saturating_sub(self.born) as f64
    }

    /// How much it deserves to stay: uses per time and per root of its size. What has the least
    /// goes first, and what cannot be used any more is worth less than nothing.
    ///
    /// This is hyperbolic caching (Blankstein, Sen and Freedman, USENIX ATC 2017) with two
    /// changes. A linear share of the size would have more requests answered and fewer bytes. And
    /// what has only just come would seem to be used all the time, and drive out what is: so its
    /// age is taken for greater than it is, by a `grace` ([`grace`]).
    pub(super) fn worth(&self, now: Timestamp, grace: f64) -> f64 {
        if !self.is_usable(now) {
            return -1.0;
        }
        let size = f64::from(self.length) + 512.0;
        (f64::from(self.frequency) + 1.0) / ((self.age(now) + grace) * size.sqrt())
    }

    /// Whether a use now is to be counted.
    pub(super) const fn counts(&self, now: Timestamp) -> bool {
        match self.frequency.checked_sub(COUNTED_EXACTLY) {
            None => true,
            Some(_) if self.frequency == u8::MAX => false,
            Some(above) => mix(now.0 ^ self.generation.owner).is_multiple_of(above as u64 * 8 + 1),
        }
    }

    /// What is kept in place of it takes over half of its uses and half of its age: as good a
    /// claim to stay, but one that is sooner lost.
    pub(super) const fn inherit(&self, now: Timestamp) -> (u64, u8) {
        let age = now.0.saturating_sub(self.born);
        (now.0.saturating_sub(age / 2), self.frequency / 2)
    }
}

impl Way {
    /// The claim, if it still counts.
    pub(super) fn live(&self, now: Timestamp) -> Option<Lease> {
        self.lease.filter(|lease| lease.is_live(now))
    }

    /// What may make room: an entry that nobody is replacing.
    pub(super) fn evictable(&self, now: Timestamp) -> Option<Entry> {
        match self.live(now) {
            Some(_) => None,
            None => self.entry,
        }
    }

    /// The place without what was in it.
    pub(super) fn vacant(&self) -> Self {
        Self {
            nodes: self.nodes,
            ..Self::default()
        }
    }

    pub(super) fn encode(&self) -> [u8; LENGTH] {
        let lease = self.lease.unwrap_or_default();
        let entry = self.entry.unwrap_or_default();
        let long = [
            lease.owner,
            lease.since,
            lease.until,
            entry.generation.owner,
            entry.generation.stored_at,
            entry.born,
            entry.fresh_until,
            entry.kept_until,
        ];
        let short = [lease.group, entry.group, entry.length];
        let state = match self.entry.map(|entry| entry.state) {
            None => 0,
            Some(State::Writing) => 1,
            Some(State::Kept) => 2,
            Some(State::Elsewhere) => 3,
        };
        let flags = u8::from(self.lease.is_some()) | u8::from(entry.encrypted) << 1;
        let mut bytes = [0; LENGTH];
        let parts = (self.fingerprint.into_iter())
            .chain(long.into_iter().flat_map(u64::to_le_bytes))
            .chain(short.into_iter().flat_map(u32::to_le_bytes))
            .chain([flags, state, entry.frequency, self.nodes]);
        for (place, byte) in bytes.iter_mut().zip(parts) {
            *place = byte;
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8; LENGTH]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        let (words, _) = bytes.as_chunks::<4>();
        let short = |at: usize| words.get(at).map_or(0, |word| u32::from_le_bytes(*word));
        let [flags, state, frequency, nodes] = words.last().copied().unwrap_or_default();
        let state = match state {
            1 => Some(State::Writing),
            2 => Some(State::Kept),
            3 => Some(State::Elsewhere),
            _ => None,
        };
        Self {
            fingerprint: bytes.first_chunk().copied().unwrap_or_default(),
            lease: (flags & 1 != 0).then(|| Lease {
                owner: word(2),
                since: word(3),
                until: word(4),
                group: short(20),
            }),
            entry: state.map(|state| Entry {
                generation: Generation {
                    owner: word(5),
                    stored_at: word(6),
                },
                born: word(7),
                fresh_until: word(8),
                kept_until: word(9),
                group: short(21),
                length: short(22),
                state,
                frequency,
                encrypted: flags & 2 != 0,
            }),
            nodes,
        }
    }
}

/// By how much entries that are compared with each other are taken for older than they are: a
/// quarter of their mean age, in nanoseconds.
pub(super) fn grace(entries: impl Iterator<Item = Entry>, now: Timestamp) -> f64 {
    let mut count = 0.0;
    let mut sum = 0.0;
    for entry in entries.filter(|entry| entry.is_usable(now)) {
        count += 1.0;
        sum += entry.age(now);
    }
    // One nanosecond more, so that nothing is divided by zero.
    sum / f64::max(count * 4.0, 1.0) + 1.0
}

/// A number in which every bit depends on every bit of the given one (the finalizer of
/// SplitMix64).
pub(super) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Entry, Lease, State, Way, grace};
    use crate::ports::Timestamp;
    use crate::response_cache::storage::value::Generation;

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn a_place_is_read_as_it_was_written(
            fingerprint: [u8; 16],
            claimed: bool,
            long: [u64; 8],
            short: [u32; 3],
            state in 0..4,
            frequency: u8,
            encrypted: bool,
            nodes: u8,
        ) {
            let states = [State::Writing, State::Kept, State::Elsewhere];
            let way = Way {
                fingerprint,
                lease: claimed.then_some(Lease {
                    owner: long[0],
                    since: long[1],
                    until: long[2],
                    group: short[0],
                }),
                entry: states.get(state as usize).map(|state| Entry {
                    generation: Generation { owner: long[3], stored_at: long[4] },
                    born: long[5],
                    fresh_until: long[6],
                    kept_until: long[7],
                    group: short[1],
                    length: short[2],
                    state: *state,
                    frequency,
                    encrypted,
                }),
                nodes,
            };
            prop_assert_eq!(Way::decode(&way.encode()), way);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_used_more_often_or_smaller_or_newer_is_worth_more() {
        let entry = |frequency, length, born| Entry {
            frequency,
            length,
            born,
            kept_until: u64::MAX,
            state: State::Kept,
            ..Entry::default()
        };
        let worth = |entry: Entry| entry.worth(Timestamp(1_000_000_000), 1e8);
        assert!(worth(entry(1, 1_000, 0)) > worth(entry(0, 1_000, 0)));
        assert!(worth(entry(0, 900, 0)) > worth(entry(0, 1_000, 0)));
        assert!(worth(entry(0, 1_000, 1_000)) > worth(entry(0, 1_000, 0)));
        let gone = Entry {
            kept_until: 1_000_000_000,
            ..entry(9, 10, 0)
        };
        assert!(worth(gone) < 0.0);
        // What has only just come is not worth more than what is used.
        let entries = [entry(0, 1_000, 1_000_000_000), entry(12, 1_000, 0)];
        let now = Timestamp(1_000_000_000);
        let grace = grace(entries.into_iter(), now);
        assert!(entries[0].worth(now, grace) < entries[1].worth(now, grace));
        assert!(entries[0].worth(now, 1.0) > entries[1].worth(now, 1.0));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn many_uses_are_counted_seldom() {
        let mut entry = Entry::default();
        let mut writes = 0;
        for now in 0..10_000 {
            if entry.counts(Timestamp(now)) {
                entry.frequency += 1;
                writes += 1;
            }
        }
        assert!((40..=75).contains(&writes), "{writes}");
        entry.frequency = u8::MAX;
        assert!((0..10_000).all(|now| !entry.counts(Timestamp(now))));
    }
}
