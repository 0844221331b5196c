use std::cell::Cell;

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::memory_store::MemoryStore;
use super::{ATTEMPTS, Change, Undecided, change};
use crate::ports::{Store, StoreError, Stored, Swap, Version};

/// A store in which each operation goes as the next fate says: well, lost to another worker, or
/// not at all. When the fates are used up, all goes well.
struct FatefulStore {
    inner: MemoryStore,
    fates: Vec<Fate>,
    operations: Cell<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Well,
    Conflict,
    Unreachable,
}

impl FatefulStore {
    fn new(fates: Vec<Fate>) -> Self {
        Self {
            inner: MemoryStore::default(),
            fates,
            operations: Cell::new(0),
        }
    }

    fn fate(&self) -> Fate {
        let operation = self.operations.get();
        self.operations.set(operation + 1);
        self.fates.get(operation).copied().unwrap_or(Fate::Well)
    }
}

impl Store for FatefulStore {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        match self.fate() {
            Fate::Unreachable => Err(StoreError),
            Fate::Well | Fate::Conflict => self.inner.get(key),
        }
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        match self.fate() {
            Fate::Unreachable => Err(StoreError),
            Fate::Conflict => Ok(Swap::Conflict),
            Fate::Well => self.inner.compare_and_swap(key, value, expected),
        }
    }
}

fn number(value: Option<&[u8]>) -> u8 {
    value.map_or(0, |bytes| bytes[0])
}

/// Reads and adds one, up to `limit`; says whether there was room.
fn count_up(store: &dyn Store, limit: u8) -> Result<bool, Undecided> {
    change(store, b"key", store.get(b"key")?, |seen| {
        let count = number(seen);
        Ok(if count < limit {
            Change::Write([count + 1], true)
        } else {
            Change::Keep(false)
        })
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lost_race_is_run_again_with_the_newer_value() {
    let store = MemoryStore::default();
    let before = store.get(b"key").unwrap();
    count_up(&store, 9).unwrap();
    let mut seen = Vec::new();
    change(&store, b"key", before, |value| {
        seen.push(number(value));
        Ok(Change::Write([number(value) + 1], ()))
    })
    .unwrap();
    assert_eq!(seen, [0, 1]);
    assert_eq!(number(Some(&store.get(b"key").unwrap().unwrap().value)), 2);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_kept_is_not_written() {
    let store = FatefulStore::new(Vec::new());
    assert_eq!(count_up(&store, 0), Ok(false));
    assert_eq!((store.operations.get(), store.inner.keys().len()), (1, 0));
}

#[wasm_bindgen_test(unsupported = test)]
fn after_the_last_attempt_nothing_is_decided() {
    let fates = |conflicts: usize| {
        let mut fates = vec![Fate::Well];
        fates.extend([Fate::Conflict, Fate::Well].repeat(conflicts));
        FatefulStore::new(fates)
    };
    assert_eq!(count_up(&fates(ATTEMPTS - 1), 9), Ok(true));
    let exhausted = fates(ATTEMPTS);
    assert_eq!(count_up(&exhausted, 9), Err(Undecided));
    assert_eq!(exhausted.inner.keys().len(), 0);
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn whatever_the_store_does_no_more_is_counted_than_allowed(
        fates in prop::collection::vec(
            prop_oneof![Just(Fate::Well), Just(Fate::Conflict), Just(Fate::Unreachable)],
            0..200,
        ),
        limit in 0_u8..10,
    ) {
        let unreachable = fates.contains(&Fate::Unreachable);
        let store = FatefulStore::new(fates);
        let outcomes: Vec<_> = (0..20).map(|_| count_up(&store, limit)).collect();
        let counted = outcomes.iter().filter(|outcome| **outcome == Ok(true)).count();
        let stored = store.inner.get(b"key").unwrap().map_or(0, |stored| number(Some(&stored.value)));
        prop_assert_eq!(counted, usize::from(stored));
        prop_assert!(stored <= limit);
        if !unreachable && !outcomes.contains(&Err(Undecided)) {
            prop_assert_eq!(stored, limit);
        }
    }
}
