//! One worker, and the store that the other tests use too.

mod adoption;
mod faults;
mod hit_ratio;
mod soak;
mod workers;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::geometry::{NODE, cost_of_value};
use super::{
    Claim, Encryption, Filled, Group, Kept, LONGEST_ENTRY, LookUp, NewEntry, Occupancy, Storage,
};
use crate::ports::{Store, StoreError, Stored, Swap, Timestamp, Version};
use crate::response_cache::key::Key;

const SECOND: u64 = 1_000_000_000;

const NOW: Timestamp = Timestamp(1_795_132_800 * SECOND);

const GROUP: Group = Group(3);

/// Values with the number of their last write.
type Values = HashMap<Vec<u8>, (Vec<u8>, u32)>;

/// A store that does what Envoy's does: a key stays for ever, and one with an empty value cannot be
/// told from one that was never written, but for that nobody can write it as if it were.
#[derive(Default)]
struct SharedData {
    values: Mutex<Values>,
}

impl SharedData {
    fn with<T>(&self, read: impl FnOnce(&mut Values) -> T) -> T {
        read(&mut self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many keys there are, and what they and their values take.
    fn taken(&self) -> (usize, u64) {
        self.with(|values| {
            let bytes = |value: &Vec<u8>| NODE + cost_of_value(value.len());
            let sum = values.values().map(|(value, _)| bytes(value)).sum();
            (values.len(), sum)
        })
    }

    fn contains(&self, text: &[u8]) -> bool {
        self.with(|values| {
            let mut all = values.values();
            all.any(|(value, _)| value.windows(text.len()).any(|window| window == text))
        })
    }

    /// Changes every value that is longer than an index record can be.
    fn change_large_values(&self, change: impl Fn(&mut Vec<u8>)) {
        self.with(|values| {
            for (value, _) in values.values_mut().filter(|(value, _)| value.len() > 1_600) {
                change(value);
            }
        });
    }
}

impl Store for SharedData {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        Ok(self.with(|values| {
            let (value, version) = values.get(key)?;
            (!value.is_empty()).then(|| Stored {
                value: value.clone(),
                version: Version(*version),
            })
        }))
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.with(|values| {
            let current = values.get(key).map_or(0, |(_, version)| *version);
            if current != expected.map_or(0, |Version(number)| number) {
                return Ok(Swap::Conflict);
            }
            values.insert(key.to_vec(), (value.to_vec(), current + 1));
            Ok(Swap::Done)
        })
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.with(|values| {
            let current = values.get(key).map_or(0, |(_, version)| *version);
            values.insert(key.to_vec(), (value.to_vec(), current + 1));
        });
        Ok(())
    }
}

fn key(number: u64) -> Key {
    use sha2::{Digest, Sha256};
    Key(Sha256::digest(number.to_le_bytes()).into())
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * SECOND)
}

fn claim(owner: u64, seconds: u64) -> Claim {
    Claim {
        owner,
        until: at(seconds + 30),
        group: GROUP,
    }
}

/// Fresh for 20 seconds, kept for 30.
fn entry(bytes: &[u8], seconds: u64) -> NewEntry {
    NewEntry {
        bytes: bytes.to_vec(),
        fresh_until: at(seconds + 20),
        kept_until: at(seconds + 30),
        encrypted: false,
    }
}

fn text(length: usize, seed: u64) -> Vec<u8> {
    let numbers = (0..).map(|at: u64| super::way::mix(seed ^ at));
    numbers.flat_map(u64::to_le_bytes).take(length).collect()
}

/// A cache of 4 MiB with one user.
struct Cache {
    storage: Storage,
    store: SharedData,
}

impl Cache {
    fn new() -> Self {
        Self::of(4)
    }

    fn of(mebibytes: u32) -> Self {
        let encryption = Encryption::new([7; 32]);
        Self {
            storage: Storage::new("stage", mebibytes, Some(encryption)),
            store: SharedData::default(),
        }
    }

    fn claim(&self, number: u64, owner: u64, seconds: u64) -> bool {
        let claim = claim(owner, seconds);
        self.storage
            .claim(&self.store, &key(number), claim, at(seconds))
    }

    fn fill(&self, number: u64, owner: u64, bytes: &[u8], seconds: u64) -> Filled {
        let entry = entry(bytes, seconds);
        self.storage
            .fill(&self.store, &key(number), owner, entry, at(seconds))
    }

    fn store(&self, number: u64, bytes: &[u8], seconds: u64) -> Filled {
        assert!(self.claim(number, number, seconds));
        self.fill(number, number, bytes, seconds)
    }

    fn look_up(&self, number: u64, seconds: u64) -> LookUp {
        self.storage.look_up(&self.store, &key(number), at(seconds))
    }

    fn bytes(&self, number: u64, seconds: u64) -> Option<Vec<u8>> {
        self.look_up(number, seconds).entry.map(|kept| kept.bytes)
    }

    fn occupancy(&self) -> Occupancy {
        self.storage.occupancy(&self.store)
    }

    /// That the ledger is right to the byte.
    fn check_ledger(&self) {
        let before = self.occupancy();
        self.storage.recount(&self.store);
        assert_eq!(before, self.occupancy());
        let (_, taken) = self.store.taken();
        assert!(taken <= before.bytes, "{taken} of {before:?}");
    }
}

const STORED: Filled = Filled::Stored { evicted: 0 };

const MISS: LookUp = LookUp {
    entry: None,
    claimed: false,
};

const CLAIMED: LookUp = LookUp {
    entry: None,
    claimed: true,
};

#[wasm_bindgen_test(unsupported = test)]
fn what_was_filled_is_found_until_it_is_forgotten() {
    let cache = Cache::new();
    assert_eq!(cache.look_up(1, 0), MISS);
    assert!(cache.claim(1, 7, 1));
    assert_eq!(cache.look_up(1, 1), CLAIMED);
    assert!(!cache.claim(1, 8, 2));
    assert_eq!(cache.fill(1, 8, b"other", 2), Filled::Lost);
    assert_eq!(cache.fill(1, 7, b"answer", 3), STORED);
    let kept = Kept {
        bytes: b"answer".to_vec(),
        stored_at: at(3),
        fresh_until: at(23),
        kept_until: at(33),
    };
    let hit = LookUp {
        entry: Some(kept),
        claimed: false,
    };
    assert_eq!(cache.look_up(1, 32), hit);
    assert_eq!(cache.look_up(1, 33), MISS);
    assert_eq!(cache.look_up(2, 5), MISS);
    cache.check_ledger();
}

#[wasm_bindgen_test(unsupported = test)]
fn entries_of_every_length_come_back() {
    let cache = Cache::of(8);
    let small = super::SEGMENT;
    let lengths = [
        0,
        1,
        small - 1,
        small,
        small + 1,
        2 * small,
        2 * small + 1,
        LONGEST_ENTRY,
    ];
    for (number, length) in (0..).zip(lengths) {
        let bytes = text(length, number);
        assert_eq!(cache.store(number, &bytes, 0), STORED);
        assert_eq!(cache.bytes(number, 1), Some(bytes));
        cache.check_ledger();
    }
    assert_eq!(
        cache.store(99, &text(LONGEST_ENTRY + 1, 0), 0),
        Filled::TooLarge
    );
    assert_eq!(cache.look_up(99, 1), MISS);
    // In a small cache one may take half.
    let cache = Cache::of(1);
    assert_eq!(cache.store(1, &text(600_000, 0), 0), Filled::TooLarge);
    assert_eq!(cache.store(1, &text(400_000, 0), 0), STORED);
    cache.check_ledger();
}

#[wasm_bindgen_test(unsupported = test)]
fn an_entry_is_used_while_it_is_fetched_anew_and_then_replaced() {
    let cache = Cache::of(8);
    let lengths = [10, 100_000, 200_000, 20, 30, 1_000_000, 70_000, 60_000];
    let mut before = None;
    for (number, length) in (0..).zip(lengths) {
        let bytes = text(length, number);
        assert!(cache.claim(1, number, number));
        assert_eq!(cache.bytes(1, number), before);
        assert!(cache.look_up(1, number).claimed);
        assert_eq!(cache.fill(1, number, &bytes, number), STORED);
        before = Some(bytes);
        assert_eq!(cache.bytes(1, number), before);
        assert_eq!(cache.occupancy().entries, 1);
        cache.check_ledger();
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_claim_ends_by_release_or_by_itself() {
    let cache = Cache::new();
    assert!(cache.claim(1, 7, 0));
    cache.storage.release(&cache.store, &key(1), 8);
    assert!(!cache.claim(1, 8, 1));
    cache.storage.release(&cache.store, &key(1), 7);
    assert_eq!(cache.look_up(1, 1), MISS);
    assert!(cache.claim(1, 8, 1));
    assert_eq!(cache.fill(1, 7, b"late", 2), Filled::Lost);
    assert!(!cache.claim(1, 9, 30));
    assert_eq!(cache.look_up(1, 31), MISS);
    assert_eq!(cache.fill(1, 8, b"late", 31), Filled::Lost);
    assert!(cache.claim(1, 9, 31));
    assert_eq!(cache.fill(1, 9, b"answer", 32), STORED);
    cache.check_ledger();
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_not_stored_is_released() {
    let cache = Cache::new();
    assert_eq!(
        cache.store(1, &text(LONGEST_ENTRY + 1, 0), 0),
        Filled::TooLarge
    );
    assert!(cache.claim(1, 8, 0));
    let forgotten = NewEntry {
        kept_until: at(1),
        ..entry(b"answer", 0)
    };
    let filled = cache
        .storage
        .fill(&cache.store, &key(1), 8, forgotten, at(1));
    assert_eq!(filled, Filled::Lost);
    assert_eq!(cache.look_up(1, 1), MISS);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_removed_is_gone_and_what_is_fetched_now_is_not_stored() {
    for length in [10, 100_000] {
        let cache = Cache::new();
        cache.store(1, &text(length, 1), 0);
        cache.store(2, &text(length, 2), 0);
        assert!(cache.claim(1, 7, 1));
        assert!(cache.storage.remove(&cache.store, &key(1)));
        assert_eq!(cache.look_up(1, 1), MISS);
        assert!(cache.bytes(2, 1).is_some());
        assert_eq!(cache.fill(1, 7, &text(length, 3), 2), Filled::Lost);
        assert_eq!(cache.look_up(1, 2), MISS);
        assert!(!cache.store.contains(&text(length, 1)[..10]));
        assert_eq!(cache.occupancy().entries, 1);
        cache.check_ledger();
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_flush_is_for_one_operation_or_for_all() {
    let cache = Cache::of(8);
    let length = |number| if number % 3 == 0 { 100_000 } else { 2_000 };
    for number in 0..40 {
        let claim = Claim {
            group: Group(u32::from(number % 2 == 0)),
            ..claim(number, 0)
        };
        assert!(
            cache
                .storage
                .claim(&cache.store, &key(number), claim, at(0))
        );
        if number < 30 {
            let filled = cache.fill(number, number, &text(length(number), number), 0);
            assert_eq!(filled, STORED);
        }
    }
    assert!(cache.storage.flush(&cache.store, Some(Group(1))));
    for number in 0..30 {
        let kept = (number % 2 == 1).then(|| text(length(number), number));
        assert_eq!(cache.bytes(number, 1), kept);
    }
    for number in 30..40 {
        let filled = cache.fill(number, number, b"answer", 1);
        assert_eq!(
            filled,
            if number % 2 == 1 {
                STORED
            } else {
                Filled::Lost
            }
        );
    }
    assert_eq!(cache.occupancy().entries, 20);
    cache.check_ledger();
    assert!(cache.storage.flush(&cache.store, None));
    assert!((0..40).all(|number| cache.look_up(number, 1) == MISS));
    assert_eq!(cache.occupancy().entries, 0);
    cache.check_ledger();
    let (keys, taken) = cache.store.taken();
    assert!(taken < keys as u64 * 400, "{keys} keys, {taken} bytes");
}

#[wasm_bindgen_test(unsupported = test)]
fn nothing_is_believed_from_the_future() {
    let cache = Cache::new();
    cache.store(1, b"answer", 3_000);
    assert!(cache.claim(2, 7, 3_000));
    // The clock went back a little: that happens.
    assert!(cache.bytes(1, 2_999).is_some());
    assert_eq!(cache.look_up(2, 2_999), CLAIMED);
    // It went back by an hour.
    assert_eq!(cache.look_up(1, 0), MISS);
    assert_eq!(cache.look_up(2, 0), MISS);
    assert_eq!(cache.fill(2, 7, b"answer", 0), Filled::Lost);
    assert!(cache.claim(1, 8, 0));
    assert_eq!(cache.fill(1, 8, b"new", 0), STORED);
    assert_eq!(cache.bytes(1, 0).unwrap(), b"new");
    cache.check_ledger();
}

#[wasm_bindgen_test(unsupported = test)]
fn an_encrypted_entry_is_only_read_with_its_key() {
    for length in [1_000, 100_000] {
        let cache = Cache::new();
        let bytes = b"a secret answer ".repeat(length / 16);
        let new = NewEntry {
            encrypted: true,
            ..entry(&bytes, 0)
        };
        assert!(cache.claim(1, 7, 0));
        let with = |storage: &Storage| storage.look_up(&cache.store, &key(1), at(1)).entry;
        let fill = |storage: &Storage| storage.fill(&cache.store, &key(1), 7, new.clone(), at(0));
        assert_eq!(fill(&cache.storage), STORED);
        assert!(!cache.store.contains(b"secret"));
        assert_eq!(with(&cache.storage).unwrap().bytes, bytes);
        cache.check_ledger();
        assert_eq!(with(&Storage::new("stage", 4, None)), None);
        let other = Encryption::new([8; 32]);
        assert_eq!(with(&Storage::new("stage", 4, Some(other))), None);
        // Where there is no key nothing is kept in the clear.
        assert!(cache.claim(1, 7, 0));
        assert_eq!(fill(&Storage::new("stage", 4, None)), Filled::Lost);
        assert!(!cache.store.contains(b"secret"));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn names_have_nothing_in_common() {
    let cache = Cache::new();
    cache.store(1, b"answer", 0);
    let other = Storage::new("other", 4, None);
    assert_eq!(other.look_up(&cache.store, &key(1), at(1)), MISS);
    assert!(other.flush(&cache.store, None));
    assert!(cache.bytes(1, 1).is_some());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_hit_writes_only_while_it_counts() {
    let cache = Cache::new();
    cache.store(1, b"answer", 0);
    let versions = |cache: &Cache| {
        cache
            .store
            .with(|values| values.values().map(|(_, version)| *version).sum::<u32>())
    };
    let mut writes = Vec::new();
    for _ in 0..10 {
        let before = versions(&cache);
        for millis in 0..100 {
            let now = Timestamp(at(1).0 + millis * 1_000_000);
            assert!(
                cache
                    .storage
                    .look_up(&cache.store, &key(1), now)
                    .entry
                    .is_some()
            );
        }
        writes.push(versions(&cache) - before);
    }
    assert!(writes[0] <= 25 && writes[9] <= 6, "{writes:?}");
}

#[wasm_bindgen_test(unsupported = test)]
fn more_keys_than_places_are_no_harm() {
    // Every key has its place in the same set.
    let cache = Cache::of(1);
    let same = |number: u32| {
        let mut bytes = [0; 32];
        bytes[8..12].copy_from_slice(&number.to_le_bytes());
        Key(bytes)
    };
    let (storage, store) = (&cache.storage, &cache.store);
    for number in 0..16 {
        assert!(storage.claim(store, &same(number), claim(1, 0), at(0)));
    }
    // There is no place for the claim: everybody fetches, and what is fetched is not stored.
    assert!(storage.claim(store, &same(16), claim(1, 0), at(0)));
    assert!(storage.claim(store, &same(16), claim(2, 0), at(0)));
    assert_eq!(
        storage.fill(store, &same(16), 1, entry(b"a", 0), at(0)),
        Filled::Lost
    );
    for number in 0..16 {
        let filled = storage.fill(store, &same(number), 1, entry(b"answer", 0), at(0));
        assert_eq!(filled, STORED);
    }
    // What is used stays.
    for _ in 0..8 {
        for number in 1..16 {
            assert!(storage.look_up(store, &same(number), at(1)).entry.is_some());
        }
    }
    for number in 16..40 {
        assert!(storage.claim(store, &same(number), claim(1, 2), at(2)));
        let filled = storage.fill(store, &same(number), 1, entry(b"answer", 2), at(2));
        assert_eq!(filled, STORED);
    }
    for number in 1..16 {
        assert!(storage.look_up(store, &same(number), at(2)).entry.is_some());
    }
    assert_eq!(cache.occupancy().entries, 16);
    assert_eq!(cache.occupancy().evictions, 24);
    cache.check_ledger();
}

#[wasm_bindgen_test(unsupported = test)]
fn large_entries_take_the_place_of_small_ones_and_the_other_way_round() {
    let cache = Cache::of(2);
    let mut number = 0;
    for round in 0..6 {
        let length = if round % 2 == 0 { 3_000 } else { 150_000 };
        let mut stored = 0;
        while stored < 3_000_000 {
            number += 1;
            let bytes = text(length, number);
            let filled = cache.store(number, &bytes, round);
            if filled == Filled::TooLarge {
                // Too many would have had to go at once; but they have gone.
                continue;
            }
            assert!(matches!(filled, Filled::Stored { .. }), "{filled:?}");
            assert_eq!(cache.bytes(number, round), Some(bytes));
            stored += length;
        }
        let kept = (0..=number).filter(|number| cache.bytes(*number, round).is_some());
        let occupancy = cache.occupancy();
        assert_eq!(kept.count() as u64, occupancy.entries);
        assert!(
            occupancy.bytes <= 2 << 20 && occupancy.bytes > 1 << 20,
            "{occupancy:?}"
        );
        cache.check_ledger();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[wasm_bindgen_test(unsupported = test)]
    fn a_damaged_value_is_a_miss(
        length in 1_700_usize..140_000,
        at in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
        encrypted: bool,
        cut: bool,
    ) {
        let cache = Cache::new();
        let new = NewEntry { encrypted, ..entry(&text(length, 1), 0) };
        cache.claim(1, 7, 0);
        let filled = cache.storage.fill(&cache.store, &key(1), 7, new, NOW);
        prop_assert_eq!(filled, STORED);
        cache.store.change_large_values(|value| {
            let at = at.index(value.len());
            if cut {
                value.truncate(at);
            } else {
                value[at] ^= bits;
            }
        });
        prop_assert_eq!(cache.look_up(1, 1), MISS);
    }
}
