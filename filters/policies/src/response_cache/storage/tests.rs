use wasm_bindgen_test::wasm_bindgen_test;

use super::super::key::Key;
use super::{Claim, Filled, Group, Kept, NewEntry, Storage};
use crate::ports::Timestamp;
use crate::usage_plan::memory_store::MemoryStore;

const KEY: Key = Key([7; 32]);

fn claim(owner: u64) -> Claim {
    Claim {
        owner,
        until: Timestamp(10),
        group: Group(3),
    }
}

fn entry(bytes: &[u8]) -> NewEntry {
    NewEntry {
        bytes: bytes.to_vec(),
        fresh_until: Timestamp(20),
        kept_until: Timestamp(30),
        encrypted: false,
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_filled_is_found_until_it_is_forgotten() {
    let (storage, store) = (Storage::new("stage", 1, None), MemoryStore::default());
    assert!(storage.claim(&store, &KEY, claim(1), Timestamp(1)));
    assert!(!storage.claim(&store, &KEY, claim(2), Timestamp(2)));
    let filled = storage.fill(&store, &KEY, 1, entry(b"answer"), Timestamp(3));
    assert_eq!(filled, Filled::Stored { evicted: 0 });
    let found = storage.look_up(&store, &KEY, Timestamp(29));
    assert!(!found.claimed);
    assert_eq!(
        found.entry,
        Some(Kept {
            bytes: b"answer".to_vec(),
            stored_at: Timestamp(3),
            fresh_until: Timestamp(20),
            kept_until: Timestamp(30),
        })
    );
    assert_eq!(storage.look_up(&store, &KEY, Timestamp(30)).entry, None);
}
