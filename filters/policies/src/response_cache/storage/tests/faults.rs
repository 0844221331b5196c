//! A store that fails, and workers that end in the middle.

use std::cell::RefCell;
use std::collections::VecDeque;

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Cache, MISS, SharedData, at, claim, entry, key, text};
use crate::ports::{Store, StoreError, Stored, Swap, Version};
use crate::response_cache::storage::{Filled, Occupancy};

/// Does what it is told: `true` works; afterwards, whatever `rest` says.
struct Faulty<'s> {
    store: &'s SharedData,
    works: RefCell<VecDeque<bool>>,
    rest: bool,
}

impl<'s> Faulty<'s> {
    fn new(store: &'s SharedData, works: Vec<bool>, rest: bool) -> Self {
        Self {
            store,
            works: RefCell::new(works.into()),
            rest,
        }
    }

    fn next(&self) -> Result<(), StoreError> {
        match self.works.borrow_mut().pop_front().unwrap_or(self.rest) {
            true => Ok(()),
            false => Err(StoreError),
        }
    }
}

impl Store for Faulty<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.next()?;
        self.store.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.next()?;
        self.store.compare_and_swap(key, value, expected)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.next()?;
        self.store.put(key, value)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn without_a_store_everybody_fetches() {
    let cache = Cache::new();
    cache.store(1, b"answer", 0);
    let unreachable = Faulty::new(&cache.store, Vec::new(), false);
    let storage = &cache.storage;
    assert_eq!(storage.look_up(&unreachable, &key(1), at(1)), MISS);
    assert!(storage.claim(&unreachable, &key(2), claim(1, 1), at(1)));
    let filled = storage.fill(&unreachable, &key(2), 1, entry(b"a", 1), at(1));
    assert_eq!(filled, Filled::Lost);
    storage.release(&unreachable, &key(1), 1);
    assert!(!storage.remove(&unreachable, &key(1)));
    assert!(!storage.flush(&unreachable, None));
    storage.adopt(&unreachable);
    let none = storage.occupancy(&unreachable);
    assert_eq!((none.entries, none.evictions), Occupancy::default().into());
    assert!(cache.bytes(1, 1).is_some());
}

impl From<Occupancy> for (u64, u64) {
    fn from(occupancy: Occupancy) -> Self {
        (occupancy.entries, occupancy.evictions)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A worker ends after any number of operations. What it leaves behind is no harm, and after
    /// its claim has ended everything works again.
    #[wasm_bindgen_test(unsupported = test)]
    fn a_worker_may_end_anywhere(
        survives in 0_usize..30,
        was in prop::sample::select(vec![None, Some(3_000), Some(100_000)]),
        is in prop::sample::select(vec![5_000, 80_000, 150_000]),
        what in 0..4,
    ) {
        let cache = Cache::of(2);
        for number in 100..110 {
            cache.store(number, &text(100_000, number), 0);
        }
        let before = was.map(|length| text(length, 1));
        if let Some(before) = &before {
            cache.store(1, before, 0);
        }
        let after = text(is, 2);
        let dying = Faulty::new(&cache.store, vec![true; survives], false);
        let storage = &cache.storage;
        match what {
            0 => drop(storage.remove(&dying, &key(1))),
            1 => drop(storage.flush(&dying, None)),
            _ => {
                storage.claim(&dying, &key(1), claim(7, 1), at(1));
                storage.fill(&dying, &key(1), 7, entry(&after, 1), at(1));
            }
        }
        let found = cache.bytes(1, 1);
        prop_assert!(
            found.is_none() || found == before || found.as_ref() == Some(&after),
        );
        let (_, taken) = cache.store.taken();
        prop_assert!(taken <= cache.occupancy().bytes);
        // Later, when nothing of all that is kept any more.
        for number in 200..220 {
            let bytes = text(100_000, number);
            let filled = cache.store(number, &bytes, 40);
            prop_assert!(matches!(filled, Filled::Stored { .. }), "{:?}", filled);
            prop_assert_eq!(cache.bytes(number, 40), Some(bytes));
        }
        let filled = cache.store(1, &after, 40);
        prop_assert!(matches!(filled, Filled::Stored { .. }), "{:?}", filled);
        prop_assert_eq!(cache.bytes(1, 40), Some(after));
        let occupancy = cache.occupancy();
        let (_, taken) = cache.store.taken();
        prop_assert!(taken <= occupancy.bytes && occupancy.bytes <= 2 << 20);
    }

    /// Now and then an operation fails.
    #[wasm_bindgen_test(unsupported = test)]
    fn failures_make_misses_and_never_wrong_answers(
        works in prop::collection::vec(prop::bool::weighted(0.9), 0..600),
        steps in prop::collection::vec((0_u64..4, 0..6_u8, 0..4_usize), 1..25),
    ) {
        let cache = Cache::of(2);
        let faulty = Faulty::new(&cache.store, works, true);
        let storage = &cache.storage;
        let mut written = vec![Vec::new(); 4];
        let mut serial = 0;
        for (number, what, length) in steps {
            let known = &mut written[usize::try_from(number).unwrap()];
            match what {
                0 => {
                    if storage.remove(&faulty, &key(number)) {
                        known.clear();
                    }
                }
                1 => {
                    if storage.flush(&faulty, None) {
                        written.iter_mut().for_each(Vec::clear);
                    }
                }
                2 | 3 => {
                    serial += 1;
                    let bytes = text([100, 5_000, 70_000, 140_000][length], serial);
                    if storage.claim(&faulty, &key(number), claim(serial, 0), at(0)) {
                        let new = entry(&bytes, 0);
                        match storage.fill(&faulty, &key(number), serial, new, at(0)) {
                            Filled::Stored { .. } => *known = vec![bytes],
                            _ => known.push(bytes),
                        }
                    }
                }
                _ => {
                    let found = storage.look_up(&faulty, &key(number), at(1)).entry;
                    if let Some(kept) = found {
                        prop_assert!(known.contains(&kept.bytes));
                    }
                }
            }
            let (_, taken) = cache.store.taken();
            prop_assert!(taken <= cache.occupancy().bytes);
        }
    }
}
