//! A configuration that states another size.

use wasm_bindgen_test::wasm_bindgen_test;

use super::{Cache, Filled, GROUP, MISS, STORED, SharedData, at, claim, entry, key, text};
use crate::response_cache::storage::Storage;

fn store(storage: &Storage, store: &SharedData, number: u64) -> Filled {
    storage.claim(store, &key(number), claim(number, 0), at(0));
    let length = if number.is_multiple_of(5) {
        80_000
    } else {
        2_000
    };
    let entry = entry(&text(length, number), 0);
    storage.fill(store, &key(number), number, entry, at(0))
}

fn has(storage: &Storage, store: &SharedData, number: u64) -> bool {
    storage.look_up(store, &key(number), at(1)) != MISS
}

#[wasm_bindgen_test(unsupported = test)]
fn the_memory_of_another_size_is_given_back() {
    let Cache {
        storage: old,
        store: data,
    } = Cache::of(4);
    assert!(!old.adopt(&data));
    assert!((0..40).all(|number| store(&old, &data, number) == STORED));
    let new = Storage::new("stage", 2, None);
    assert!((0..40).all(|number| !has(&new, &data, number)));
    let mut calls = 0;
    while new.adopt(&data) {
        calls += 1;
        assert!(calls < 100);
        // Meanwhile both can be used, but nothing more goes into the old one.
        assert_eq!(store(&new, &data, 100), STORED);
        assert_ne!(store(&old, &data, 200 + calls), STORED);
        assert!(new.remove(&data, &key(100)));
    }
    assert!(calls > 3);
    assert!((0..40).all(|number| !has(&old, &data, number)));
    let (keys, taken) = data.taken();
    assert!(
        taken < keys as u64 * 140 + 2_000,
        "{keys} keys, {taken} bytes"
    );
    // The old one has requests still, and does not take the memory back.
    assert!(!old.adopt(&data));
    assert!(!new.adopt(&data));
    assert_ne!(store(&old, &data, 1), STORED);
    assert_eq!(store(&new, &data, 1), STORED);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_size_can_come_back() {
    let Cache {
        storage: first,
        store: data,
    } = Cache::of(4);
    first.adopt(&data);
    assert!((0..40).all(|number| store(&first, &data, number) == STORED));
    let second = Storage::new("stage", 2, None);
    assert!(second.adopt(&data));
    // Before everything of it was given back.
    let third = Cache::of(4).storage;
    while third.adopt(&data) {}
    assert!(!second.adopt(&data));
    assert_ne!(store(&second, &data, 50), STORED);
    assert!((50..90).all(|number| store(&third, &data, number) == STORED));
    // And after it.
    let fourth = Storage::new("stage", 2, None);
    while fourth.adopt(&data) {}
    let fifth = Cache::of(4);
    while fifth.storage.adopt(&data) {}
    assert!((50..90).all(|number| !has(&fifth.storage, &data, number)));
    assert!((50..90).all(|number| store(&fifth.storage, &data, number) == STORED));
    let fifth = Cache {
        store: data,
        ..fifth
    };
    let before = fifth.occupancy();
    fifth.storage.recount(&fifth.store);
    assert_eq!(before, fifth.occupancy());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_flush_reaches_what_is_still_to_be_given_back() {
    let Cache {
        storage: old,
        store: data,
    } = Cache::of(4);
    old.adopt(&data);
    assert!((0..40).all(|number| store(&old, &data, number) == STORED));
    let new = Storage::new("stage", 2, None);
    assert!(new.adopt(&data));
    assert!((0..40).any(|number| has(&old, &data, number)));
    assert!(new.flush(&data, Some(GROUP)));
    assert!((0..40).all(|number| !has(&old, &data, number)));
}

#[wasm_bindgen_test(unsupported = test)]
fn several_workers_give_it_back_together() {
    let Cache {
        storage: old,
        store: data,
    } = Cache::of(4);
    old.adopt(&data);
    assert!((0..40).all(|number| store(&old, &data, number) == STORED));
    let workers: Vec<_> = (0..3).map(|_| Storage::new("stage", 2, None)).collect();
    let mut calls = 0;
    while workers.iter().filter(|worker| worker.adopt(&data)).count() > 0 {
        calls += 1;
        assert!(calls < 100);
    }
    let (keys, taken) = data.taken();
    assert!(
        taken < keys as u64 * 140 + 2_000,
        "{keys} keys, {taken} bytes"
    );
}
