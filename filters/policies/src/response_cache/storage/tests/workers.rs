//! Several workers before one store, in every order that proptest can think of.
//!
//! Native only: each worker is a thread, and the wasm that tests run in has none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use proptest::prelude::*;

use super::{Cache, at, entry, key, text};
use crate::ports::Store;
use crate::response_cache::storage::{Claim, Filled, Group, Storage};
use crate::turns::{Turns, WorkerStore};

/// What a worker does next. Keys are 0 to 2; the group of a key is its number.
#[derive(Clone, Copy, Debug)]
enum Step {
    LookUp(u64),
    /// Claims a key, and fills it if it may, with so many bytes.
    Fetch(u64, usize),
    /// Claims a key, and releases it.
    Fail(u64),
    Remove(u64),
    Flush(Option<u64>),
    /// Stores something that others have to go for.
    Crowd(usize),
    /// Lets seconds go by for everybody.
    Wait(u64),
}

/// Something that was done, between two moments of a clock that never stands still.
#[derive(Clone, Debug)]
struct Done {
    began: u64,
    ended: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Hit(u64, Vec<u8>),
    /// A claim that was had: its key and owner.
    Claimed(u64, u64),
    Filled(u64, u64, Vec<u8>, Filled),
    Released(u64),
    /// Of one key, or of all.
    Gone(Option<u64>),
}

struct World {
    moments: AtomicU64,
    seconds: AtomicU64,
    owners: AtomicU64,
    done: Mutex<Vec<Done>>,
}

impl World {
    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn record<T>(&self, act: impl FnOnce() -> T, what: impl FnOnce(T) -> Option<What>) {
        let began = self.moment();
        let outcome = act();
        let ended = self.moment();
        if let Some(what) = what(outcome) {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push(Done { began, ended, what });
        }
    }

    fn act(&self, storage: &Storage, store: &dyn Store, step: Step) {
        let now = self.seconds.load(Ordering::SeqCst);
        match step {
            Step::LookUp(number) => self.record(
                || storage.look_up(store, &key(number), at(now)),
                |found| Some(What::Hit(number, found.entry?.bytes)),
            ),
            Step::Fetch(number, length) => {
                if let Some(owner) = self.claim(storage, store, number, now) {
                    let bytes = text(length, owner);
                    // The back end takes its time.
                    let now = self.seconds.load(Ordering::SeqCst);
                    let new = entry(&bytes, now);
                    self.record(
                        || storage.fill(store, &key(number), owner, new, at(now)),
                        |filled| Some(What::Filled(number, owner, bytes, filled)),
                    );
                }
            }
            Step::Fail(number) => {
                if let Some(owner) = self.claim(storage, store, number, now) {
                    self.record(
                        || storage.release(store, &key(number), owner),
                        |()| Some(What::Released(owner)),
                    );
                }
            }
            Step::Remove(number) => self.record(
                || assert!(storage.remove(store, &key(number))),
                |()| Some(What::Gone(Some(number))),
            ),
            Step::Flush(group) => self.record(
                || assert!(storage.flush(store, group.map(|of| Group(of as u32)))),
                |()| Some(What::Gone(group)),
            ),
            Step::Crowd(length) => {
                let owner = self.owners.fetch_add(1, Ordering::SeqCst);
                let number = 1_000 + owner;
                let claim = Claim {
                    owner,
                    until: at(now + 10),
                    group: Group(9),
                };
                storage.claim(store, &key(number), claim, at(now));
                let new = entry(&text(length, owner), now);
                storage.fill(store, &key(number), owner, new, at(now));
            }
            Step::Wait(seconds) => {
                self.seconds.fetch_add(seconds, Ordering::SeqCst);
            }
        }
    }

    fn claim(&self, storage: &Storage, store: &dyn Store, number: u64, now: u64) -> Option<u64> {
        let owner = self.owners.fetch_add(1, Ordering::SeqCst);
        let claim = Claim {
            owner,
            until: at(now + 10),
            group: Group(number as u32),
        };
        let mut had = false;
        self.record(
            || had = storage.claim(store, &key(number), claim, at(now)),
            |()| Some(What::Claimed(number, owner)),
        );
        if !had {
            self.done
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|done| !matches!(done.what, What::Claimed(_, by) if by == owner));
        }
        had.then_some(owner)
    }
}

/// That every hit is what was stored under that very key last, or what is being stored; and that
/// it was not to be gone by then.
fn check_hits(done: &[Done]) -> Result<(), TestCaseError> {
    for hit in done {
        let What::Hit(number, bytes) = &hit.what else {
            continue;
        };
        let fill = done.iter().find_map(|fill| match &fill.what {
            What::Filled(of, owner, filled, how) if of == number && filled == bytes => {
                Some((fill, *owner, *how))
            }
            _ => None,
        });
        prop_assert!(
            fill.is_some(),
            "nobody stored what was found under {}",
            number
        );
        let Some((fill, owner, how)) = fill else {
            continue;
        };
        prop_assert!(matches!(how, Filled::Stored { .. }), "{:?}", how);
        prop_assert!(fill.began < hit.ended);
        for other in done.iter().filter(|other| other.ended < hit.began) {
            match &other.what {
                // Whatever was fetched when it was to be gone is gone.
                What::Gone(of) if of.is_none_or(|of| of == *number) => {
                    let claimed_before = done.iter().any(|claim| {
                        matches!(claim.what, What::Claimed(_, by) if by == owner)
                            && claim.ended < other.began
                    });
                    prop_assert!(!claimed_before, "{:?} after {:?}", number, other);
                }
                What::Filled(of, _, _, Filled::Stored { .. }) if of == number => {
                    prop_assert!(other.began < fill.ended || other.ended <= fill.ended);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// That nobody has a claim that somebody else has.
fn check_claims(done: &[Done], waited: bool) -> Result<(), TestCaseError> {
    if waited || done.iter().any(|one| matches!(one.what, What::Gone(_))) {
        return Ok(());
    }
    for first in done {
        let What::Claimed(number, owner) = first.what else {
            continue;
        };
        let end = done.iter().find_map(|end| match &end.what {
            What::Filled(_, by, _, _) | What::Released(by) if *by == owner => Some(end.began),
            _ => None,
        });
        for second in done {
            if let What::Claimed(of, by) = second.what
                && (of, by != owner) == (number, true)
            {
                let while_had =
                    first.ended < second.began && end.is_none_or(|end| second.ended < end);
                prop_assert!(!while_had, "{:?} while {:?}", second, first);
            }
        }
    }
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0_u64..3;
    let length = prop::sample::select(vec![100, 2_000, 70_000]);
    let step = prop_oneof![
        6 => number.clone().prop_map(Step::LookUp),
        6 => (number.clone(), length).prop_map(|(number, length)| Step::Fetch(number, length)),
        1 => number.clone().prop_map(Step::Fail),
        1 => number.prop_map(Step::Remove),
        1 => prop::option::of(0_u64..3).prop_map(Step::Flush),
        1 => prop::sample::select(vec![20_000, 300_000]).prop_map(Step::Crowd),
        1 => prop::sample::select(vec![1_u64, 11, 31]).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_the_order_every_hit_is_one_whole_answer_of_its_key(
        order in prop::collection::vec(0_usize..3, 1..200),
        workers in prop::collection::vec(steps(), 2..=3),
    ) {
        let cache = Cache::of(1);
        let world = World {
            moments: AtomicU64::new(0),
            seconds: AtomicU64::new(0),
            owners: AtomicU64::new(1),
            done: Mutex::default(),
        };
        let turns = Turns::new(order, workers.len());
        thread::scope(|scope| {
            for (worker, steps) in workers.iter().enumerate() {
                let (cache, world, turns) = (&cache, &world, &turns);
                scope.spawn(move || {
                    let store = WorkerStore { store: &cache.store, turns, worker };
                    for step in steps {
                        world.act(&cache.storage, &store, *step);
                    }
                    turns.leave(worker);
                });
            }
        });
        let done = world.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        check_hits(&done)?;
        let waited = workers.iter().flatten().any(|step| matches!(step, Step::Wait(_)));
        check_claims(&done, waited)?;
        let (_, taken) = cache.store.taken();
        let bytes = cache.occupancy().bytes;
        prop_assert!(taken <= bytes, "{} of {}", taken, bytes);
        // Nobody is working any more: whoever comes later finds everything in order.
        let now = world.seconds.into_inner() + 60;
        for number in 0..3 {
            let bytes = text(3_000, number);
            let filled = cache.store(number, &bytes, now);
            prop_assert!(matches!(filled, Filled::Stored { .. }), "{:?}", filled);
            prop_assert_eq!(cache.bytes(number, now), Some(bytes));
        }
    }
}
