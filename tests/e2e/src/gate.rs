use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::wait::DEADLINE;

/// Holds whoever passes through until a test opens it. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody pass from now on.
    pub fn open(&self) {
        let (open, changed) = &*self.state;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits until the gate is open, or a [`DEADLINE`] is over.
    pub fn pass(&self) {
        let (open, changed) = &*self.state;
        let guard = open.lock().unwrap_or_else(PoisonError::into_inner);
        let _passed = changed.wait_timeout_while(guard, DEADLINE, |open| !*open);
    }
}
