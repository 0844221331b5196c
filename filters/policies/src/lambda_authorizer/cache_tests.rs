//! Results that several workers keep in one store.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::Protocol;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use super::result_cache::{Kept, ResultCache};
use super::{AuthorizerResult, LARGEST_ENTRY, ResultForm, SHARED_PLACES};
use crate::ports::{Store, StoreError, Stored, Swap, Timestamp, Version};
use crate::usage_plan::memory_store::MemoryStore;

const FORM: ResultForm = ResultForm {
    protocol: Protocol::Http,
    simple: true,
};

const TTL: u32 = 60;

fn kept(name: u64) -> Kept {
    Kept {
        key: Sha256::digest(name.to_be_bytes()).into(),
        ttl_seconds: TTL,
    }
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp((1_800_000_000 + seconds) * 1_000_000_000)
}

/// An answer that says what it is an answer to.
fn answer(name: u64, number: u64) -> Vec<u8> {
    format!(r#"{{"isAuthorized": true, "context": {{"name": {name}, "number": {number}}}}}"#)
        .into_bytes()
}

fn keep(cache: &ResultCache, store: &dyn Store, name: u64, number: u64, now: Timestamp) {
    let answer = answer(name, number);
    let result = Arc::new(AuthorizerResult::parse(&answer, FORM).unwrap());
    cache.keep(&kept(name), &result, &answer, store, now);
}

fn find(cache: &ResultCache, store: &dyn Store, name: u64, now: Timestamp) -> Option<(u64, u64)> {
    let result = cache.find(&kept(name), FORM, store, now)?;
    let number = |name: &str| result.context[name].as_u64().unwrap();
    Some((number("name"), number("number")))
}

#[derive(Clone, Debug)]
enum Action {
    /// A worker asks about a name; what it does not find it keeps.
    Ask {
        worker: usize,
        name: u64,
    },
    Pass(u64),
    SetBack(u64),
    /// A worker loses what it has parsed.
    Restart(usize),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (0_usize..3, 0_u64..4).prop_map(|(worker, name)| Action::Ask { worker, name }),
        2 => (0_u64..40).prop_map(Action::Pass),
        1 => (0_u64..100).prop_map(Action::SetBack),
        1 => (0_usize..3).prop_map(Action::Restart),
    ]
}

proptest! {
    /// Whatever is found is an answer to the same name, and one that was given within its time
    /// to live by the clock that all go by.
    #[wasm_bindgen_test(unsupported = test)]
    fn workers_find_what_was_answered_to_the_same_and_no_longer_than_it_lives(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let store = MemoryStore::default();
        let mut workers: [ResultCache; 3] = Default::default();
        let mut clock = 1000;
        // When which answer was given.
        let mut given: BTreeMap<u64, u64> = BTreeMap::new();
        let mut known_by_all: BTreeMap<u64, u64> = BTreeMap::new();
        for action in actions {
            match action {
                Action::Ask { worker, name } => match find(&workers[worker], &store, name, at(clock)) {
                    Some((found, number)) => {
                        prop_assert_eq!(found, name);
                        let age = clock.abs_diff(given[&number]);
                        prop_assert!(age < u64::from(TTL), "{age} seconds");
                    }
                    None => {
                        // Nobody has asked within the time, or the clock was set back since.
                        if let Some(since) = known_by_all.get(&name) {
                            prop_assert!(clock < *since || clock - since >= u64::from(TTL));
                        }
                        let number = u64::try_from(given.len()).unwrap();
                        given.insert(number, clock);
                        known_by_all.insert(name, clock);
                        keep(&workers[worker], &store, name, number, at(clock));
                    }
                },
                Action::Pass(seconds) => clock += seconds,
                Action::SetBack(seconds) => clock -= seconds.min(clock),
                Action::Restart(worker) => workers[worker] = ResultCache::default(),
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn any_bytes_in_the_store_are_found_to_be_nothing(value: Vec<u8>, cut in 0_usize..120) {
        let store = MemoryStore::default();
        let cache = ResultCache::default();
        keep(&cache, &store, 1, 1, at(0));
        let place = store.keys().remove(0);
        let whole = store.get(&place).unwrap().unwrap();
        let cut = cut.min(whole.value.len() - 1);
        let changed = [&whole.value[..cut], &value].concat();
        if changed != whole.value {
            store.compare_and_swap(&place, &changed, Some(whole.version)).unwrap();
            if let Some(found) = find(&ResultCache::default(), &store, 1, at(0)) {
                // Only an answer of the same authorizer can have been put there.
                prop_assert!(AuthorizerResult::parse(&changed[41..], FORM).is_ok(), "{found:?}");
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn many_callers_take_no_more_places_than_there_are() {
    let store = MemoryStore::default();
    let cache = ResultCache::default();
    for name in 0..3 * u64::try_from(SHARED_PLACES).unwrap() {
        keep(&cache, &store, name, 0, at(0));
        assert_eq!(find(&cache, &store, name, at(0)), Some((name, 0)));
    }
    let contents = store.contents();
    assert!(contents.len() <= SHARED_PLACES);
    // Nearly all of them are in use: no set is left out.
    assert!(
        contents.len() > SHARED_PLACES * 9 / 10,
        "{}",
        contents.len()
    );
    let mut longest = 0;
    for value in contents.values() {
        longest = longest.max(value.len());
    }
    assert!(longest <= LARGEST_ENTRY + 41);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_has_expired_goes_first() {
    let store = MemoryStore::default();
    let fresh = 100_000;
    let writer = ResultCache::default();
    keep(&writer, &store, fresh, 0, at(30));
    for name in 0..4000 {
        keep(&writer, &store, name, 0, at(0));
    }
    for name in 5000..5300 {
        keep(&writer, &store, name, 0, at(61));
    }
    let reader = ResultCache::default();
    assert_eq!(find(&reader, &store, fresh, at(62)), Some((fresh, 0)));
}

#[wasm_bindgen_test(unsupported = test)]
fn results_from_before_the_clock_was_set_back_take_no_places() {
    let store = MemoryStore::default();
    let writer = ResultCache::default();
    for name in 0..20_000 {
        keep(&writer, &store, name, 0, at(1_000_000));
    }
    let count = 1000;
    for name in 0..count {
        keep(&writer, &store, 50_000 + name, 1, at(0));
    }
    let reader = ResultCache::default();
    let found = (0..count)
        .filter(|name| find(&reader, &store, 50_000 + name, at(1)).is_some())
        .count();
    // 1000 in 1024 sets of four: hardly a set has five of them.
    assert!(found >= 985, "{found}");
}

/// A store that nobody can reach.
struct Unreachable;

impl Store for Unreachable {
    fn get(&self, _: &[u8]) -> Result<Option<Stored>, StoreError> {
        Err(StoreError)
    }

    fn compare_and_swap(&self, _: &[u8], _: &[u8], _: Option<Version>) -> Result<Swap, StoreError> {
        Err(StoreError)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_worker_keeps_its_own_when_the_store_is_gone() {
    let cache = ResultCache::default();
    assert_eq!(find(&cache, &Unreachable, 1, at(0)), None);
    keep(&cache, &Unreachable, 1, 1, at(0));
    assert_eq!(find(&cache, &Unreachable, 1, at(59)), Some((1, 1)));
    assert_eq!(find(&cache, &Unreachable, 1, at(60)), None);
}

/// A store that another worker always writes first.
struct Contended(MemoryStore);

impl Store for Contended {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.0.get(key)
    }

    fn compare_and_swap(&self, _: &[u8], _: &[u8], _: Option<Version>) -> Result<Swap, StoreError> {
        Ok(Swap::Conflict)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lost_race_loses_nothing_but_the_place() {
    let cache = ResultCache::default();
    let store = Contended(MemoryStore::default());
    keep(&cache, &store, 1, 1, at(0));
    assert_eq!(find(&cache, &store, 1, at(1)), Some((1, 1)));
    assert_eq!(find(&ResultCache::default(), &store, 1, at(1)), None);
}
