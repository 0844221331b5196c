//! Very many keys.

use std::cell::Cell;

use super::super::way::mix;
use super::{Cache, Filled, SECOND, text};
use crate::ports::Timestamp;
use crate::response_cache::key::Key;
use crate::response_cache::storage::{Claim, Group, NewEntry, Storage};

/// Keys that cost no SHA-256.
fn cheap_key(number: u64) -> Key {
    let mut bytes = [0; 32];
    for (place, byte) in bytes
        .iter_mut()
        .zip((0..4_u64).flat_map(|part| mix(number.wrapping_mul(4) + part).to_le_bytes()))
    {
        *place = byte;
    }
    Key(bytes)
}

fn store(storage: &Storage, cache: &Cache, number: u64, bytes: &[u8], now: u64) -> Filled {
    let key = cheap_key(number);
    let claim = Claim {
        owner: number,
        until: Timestamp(now + 10 * SECOND),
        group: Group(0),
    };
    assert!(storage.claim(&cache.store, &key, claim, Timestamp(now)));
    let entry = NewEntry {
        bytes: bytes.to_vec(),
        fresh_until: Timestamp(now + 300 * SECOND),
        kept_until: Timestamp(now + 300 * SECOND),
        encrypted: false,
    };
    storage.fill(&cache.store, &key, number, entry, Timestamp(now))
}

#[test]
fn keys_without_end_take_no_more_than_the_cache_may_have() {
    soak(20_000);
}

#[test]
#[ignore = "takes minutes unless it is optimised: `cargo test --release -p attache-policies soak -- --ignored`"]
fn a_million_keys_take_no_more_than_the_cache_may_have() {
    soak(1_000_000);
}

fn soak(total: u64) {
    let cache = Cache::of(1);
    let now = Cell::new(SECOND);
    let bodies: Vec<_> = (0..64)
        .map(|seed| text(300 + seed * 40, seed as u64))
        .collect();
    let mut most = 0;
    let mut after_half = 0;
    for number in 0..total {
        now.set(now.get() + SECOND / 1_000);
        let body = &bodies[(number % 64) as usize];
        let filled = store(&cache.storage, &cache, number, body, now.get());
        assert!(
            matches!(filled, Filled::Stored { .. }),
            "{number}: {filled:?}"
        );
        if number % 1_000 == 0 {
            let (keys, taken) = cache.store.taken();
            most = most.max(taken);
            assert!(taken <= 1 << 20, "{taken} bytes after {number}");
            if number == total / 2 {
                after_half = keys;
            }
        }
    }
    let (keys, taken) = cache.store.taken();
    let occupancy = cache.occupancy();
    println!(
        "after {total} keys: {keys} keys of the store ({after_half} after half of them), \
         {taken} bytes, at most {most}, ledger {occupancy:?}"
    );
    // The ledger, 64 sets, and 16 places in each.
    assert!(keys <= 1 + 64 + 64 * 16);
    assert!(taken <= occupancy.bytes && occupancy.bytes <= 1 << 20);
    assert!(taken > 950_000);
    assert_eq!(occupancy.entries + occupancy.evictions, total);
    cache.check_ledger();
}
