//! Several workers before one store, in an order that a test chooses.
//!
//! Native only: each worker is a thread, and the wasm that tests run in has none.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::ports::{Store, StoreError, Stored, Swap, Version};

/// Lets one worker at a time do one operation on the store, in an order that is given.
pub(crate) struct Turns {
    order: Vec<usize>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The workers that still have something to do.
    working: Vec<usize>,
    /// The position in `working` of the one whose turn it is.
    current: usize,
    turn: usize,
}

impl Turns {
    pub(crate) fn new(order: Vec<usize>, workers: usize) -> Self {
        Self {
            order,
            state: Mutex::new(State {
                working: (0..workers).collect(),
                current: 0,
                turn: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for the worker's turn, does the operation and gives the turn to the next.
    pub(crate) fn at_turn<T>(&self, worker: usize, operation: impl FnOnce() -> T) -> T {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |state| state.working[state.current] != worker)
            .unwrap_or_else(PoisonError::into_inner);
        let outcome = operation();
        self.pass_on(&mut state);
        outcome
    }

    /// Waits for the worker's turn and takes it out.
    pub(crate) fn leave(&self, worker: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |state| state.working[state.current] != worker)
            .unwrap_or_else(PoisonError::into_inner);
        state.working.retain(|other| *other != worker);
        self.pass_on(&mut state);
    }

    fn pass_on(&self, state: &mut State) {
        let choice = self.order.get(state.turn % self.order.len().max(1));
        state.turn += 1;
        state.current = choice.copied().unwrap_or(0) % state.working.len().max(1);
        self.changed.notify_all();
    }
}

/// The store as one worker sees it.
pub(crate) struct WorkerStore<'s> {
    pub(crate) store: &'s (dyn Store + Sync),
    pub(crate) turns: &'s Turns,
    pub(crate) worker: usize,
}

impl Store for WorkerStore<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.turns.at_turn(self.worker, || self.store.get(key))
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.turns.at_turn(self.worker, || {
            self.store.compare_and_swap(key, value, expected)
        })
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.turns
            .at_turn(self.worker, || self.store.put(key, value))
    }
}
