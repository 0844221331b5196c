//! A proxy in memory for the tests of filters and of policies that wait.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ports::{
    AccessLog, Clock, Connection, FilterState, Meter, Metric, Random, Signatures, Signed, Store,
    StoreError, Stored, Swap, Timestamp, Version,
};
use crate::usage_plan::memory_store::MemoryStore;

/// The moment at which tests begin, in seconds since 1970: 2026-11-20T00:00:00Z.
pub(crate) const START: u64 = 1_795_132_800;

/// Time stands at [`START`] until it is moved.
pub(crate) struct MemoryPorts {
    pub(crate) millis: Rc<Cell<u64>>,
    pub(crate) store: Rc<MemoryStore>,
    /// How often the proxy was asked to verify a signature.
    pub(crate) asked_to_verify: Cell<usize>,
    filter_state: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Default for MemoryPorts {
    fn default() -> Self {
        Self {
            millis: Rc::new(Cell::new(START * 1_000)),
            store: Rc::default(),
            asked_to_verify: Cell::default(),
            filter_state: RefCell::default(),
        }
    }
}

impl MemoryPorts {
    /// Lets time go by.
    pub(crate) fn advance(&self, seconds: u64) {
        self.millis.update(|now| now + seconds * 1_000);
    }

    /// Another request of the same proxy.
    pub(crate) fn another(&self) -> Self {
        Self {
            millis: Rc::clone(&self.millis),
            store: Rc::clone(&self.store),
            asked_to_verify: Cell::default(),
            filter_state: RefCell::default(),
        }
    }
}

impl Clock for MemoryPorts {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.get() * 1_000_000)
    }
}

impl Random for MemoryPorts {
    fn next_u64(&self) -> u64 {
        4
    }
}

impl Store for MemoryPorts {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.store.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.store.compare_and_swap(key, value, expected)
    }
}

impl Meter for MemoryPorts {
    fn count(&self, _: &Metric, _: u64) {}

    fn observe(&self, _: &Metric, _: u64) {}

    fn set(&self, _: &Metric, _: u64) {}
}

impl AccessLog for MemoryPorts {
    fn publish(&self, _: &str, _: &[u8]) {}
}

impl FilterState for MemoryPorts {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.filter_state.borrow().get(name).cloned()
    }

    fn write(&self, name: &str, value: &[u8]) {
        self.filter_state
            .borrow_mut()
            .insert(name.to_owned(), value.to_vec());
    }
}

impl Connection for MemoryPorts {
    fn source_address(&self) -> Vec<u8> {
        b"127.0.0.1".to_vec()
    }

    fn protocol(&self) -> Vec<u8> {
        b"HTTP/1.1".to_vec()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}

impl Signatures for MemoryPorts {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        self.asked_to_verify.update(|asked| asked + 1);
        None
    }
}
