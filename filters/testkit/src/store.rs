//! The store that workers share, as Envoy's shared data behaves.
//!
//! - Nothing is ever deleted; an empty value is a value.
//! - Every write takes the next number of one counter over all keys as its version.
//! - Without an expected version a swap creates: it is done only when the key was never written.
//! - With a version, a swap is done when it is the current one, or when the key was never
//!   written (a real proxy does not check the version of a key that it has not got).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use attache_policies::ports::{StoreError, Stored, Swap, Version};

type Interloper = Box<dyn FnOnce(&mut dyn FnMut(&[u8], &[u8])) + Send>;

/// The values, and the faults that wait to happen.
#[derive(Default)]
pub(crate) struct SharedStore {
    values: BTreeMap<Vec<u8>, Stored>,
    written: u32,
    faults: StoreFaults,
}

/// What goes wrong on the next calls. Faults are used up one per call, in the order in which they
/// were added; reads and writes have a queue each.
#[derive(Default)]
pub struct StoreFaults {
    reads: VecDeque<ReadFault>,
    swaps: VecDeque<SwapFault>,
}

enum ReadFault {
    None,
    Unreachable,
}

enum SwapFault {
    None,
    Unreachable,
    Conflict,
    Interloper(Interloper),
}

impl StoreFaults {
    /// The next `count` reads go well.
    pub fn pass_reads(&mut self, count: usize) -> &mut Self {
        self.reads
            .extend(std::iter::repeat_with(|| ReadFault::None).take(count));
        self
    }

    /// The `count` reads after that find the store unreachable.
    pub fn fail_reads(&mut self, count: usize) -> &mut Self {
        self.reads
            .extend(std::iter::repeat_with(|| ReadFault::Unreachable).take(count));
        self
    }

    /// The next `count` writes go as they would.
    pub fn pass_swaps(&mut self, count: usize) -> &mut Self {
        self.swaps
            .extend(std::iter::repeat_with(|| SwapFault::None).take(count));
        self
    }

    /// The `count` writes after that find the store unreachable.
    pub fn fail_swaps(&mut self, count: usize) -> &mut Self {
        self.swaps
            .extend(std::iter::repeat_with(|| SwapFault::Unreachable).take(count));
        self
    }

    /// The `count` writes after that lose a race against a worker that wrote the same value as
    /// is there already.
    pub fn conflict_swaps(&mut self, count: usize) -> &mut Self {
        self.swaps
            .extend(std::iter::repeat_with(|| SwapFault::Conflict).take(count));
        self
    }

    /// Before the write after that, another worker writes: `interloper` is handed a function of
    /// key and value to do so. Whether the write is then a conflict follows from what it wrote.
    pub fn interlope(
        &mut self,
        interloper: impl FnOnce(&mut dyn FnMut(&[u8], &[u8])) + Send + 'static,
    ) -> &mut Self {
        self.swaps
            .push_back(SwapFault::Interloper(Box::new(interloper)));
        self
    }
}

impl fmt::Debug for StoreFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreFaults")
            .field("reads", &self.reads.len())
            .field("swaps", &self.swaps.len())
            .finish()
    }
}

impl SharedStore {
    pub(crate) const fn faults(&mut self) -> &mut StoreFaults {
        &mut self.faults
    }

    pub(crate) fn get(&mut self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        match self.faults.reads.pop_front() {
            Some(ReadFault::Unreachable) => Err(StoreError),
            Some(ReadFault::None) | None => Ok(self.values.get(key).cloned()),
        }
    }

    pub(crate) fn compare_and_swap(
        &mut self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        match self.faults.swaps.pop_front() {
            Some(SwapFault::Unreachable) => return Err(StoreError),
            Some(SwapFault::Conflict) => {
                if let Some(current) = self.values.get(key).map(|stored| stored.value.clone()) {
                    self.write(key, &current);
                }
                return Ok(Swap::Conflict);
            }
            Some(SwapFault::Interloper(interloper)) => {
                interloper(&mut |key, value| self.write(key, value));
            }
            Some(SwapFault::None) | None => {}
        }
        let current = self.values.get(key).map(|stored| stored.version);
        match (current, expected) {
            (Some(_), None) => Ok(Swap::Conflict),
            (Some(current), Some(expected)) if current != expected => Ok(Swap::Conflict),
            _ => {
                self.write(key, value);
                Ok(Swap::Done)
            }
        }
    }

    /// Nobody is in the way of such a write: of the faults only an unreachable store keeps it from
    /// being done.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        match self.faults.swaps.pop_front() {
            Some(SwapFault::Unreachable) => return Err(StoreError),
            Some(SwapFault::Interloper(interloper)) => {
                interloper(&mut |key, value| self.write(key, value));
            }
            Some(SwapFault::Conflict | SwapFault::None) | None => {}
        }
        self.write(key, value);
        Ok(())
    }

    pub(crate) fn write(&mut self, key: &[u8], value: &[u8]) {
        self.written += 1;
        self.values.insert(
            key.to_vec(),
            Stored {
                value: value.to_vec(),
                version: Version(self.written),
            },
        );
    }

    pub(crate) fn keys(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(store: &mut SharedStore, key: &[u8]) -> Stored {
        store.get(key).unwrap().unwrap()
    }

    #[test]
    fn without_a_version_a_write_creates_and_never_replaces() {
        let mut store = SharedStore::default();
        assert_eq!(store.compare_and_swap(b"k", b"1", None), Ok(Swap::Done));
        assert_eq!(store.compare_and_swap(b"k", b"2", None), Ok(Swap::Conflict));
        assert_eq!(read(&mut store, b"k").value, b"1");
    }

    #[test]
    fn a_version_is_good_for_one_write() {
        let mut store = SharedStore::default();
        store.write(b"k", b"1");
        let version = read(&mut store, b"k").version;
        assert_eq!(
            store.compare_and_swap(b"k", b"2", Some(version)),
            Ok(Swap::Done)
        );
        assert_eq!(
            store.compare_and_swap(b"k", b"3", Some(version)),
            Ok(Swap::Conflict)
        );
        assert_eq!(read(&mut store, b"k").value, b"2");
    }

    #[test]
    fn any_version_is_accepted_for_a_key_never_written() {
        let mut store = SharedStore::default();
        assert_eq!(
            store.compare_and_swap(b"k", b"1", Some(Version(77))),
            Ok(Swap::Done)
        );
    }

    #[test]
    fn a_put_wins_over_whoever_was_first_and_is_seen_by_whoever_comes_after() {
        let mut store = SharedStore::default();
        assert_eq!(store.put(b"k", b"1"), Ok(()));
        let version = read(&mut store, b"k").version;
        store
            .faults()
            .interlope(|write| write(b"k", b"other"))
            .conflict_swaps(1)
            .fail_swaps(1);
        assert_eq!(store.put(b"k", b"2"), Ok(()));
        assert_eq!(store.put(b"k", b"3"), Ok(()));
        assert_eq!(store.put(b"k", b"4"), Err(StoreError));
        assert_eq!(read(&mut store, b"k").value, b"3");
        assert_eq!(
            store.compare_and_swap(b"k", b"5", Some(version)),
            Ok(Swap::Conflict)
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let mut store = SharedStore::default();
        store.write(b"k", b"");
        assert_eq!(read(&mut store, b"k").value, b"");
        assert_eq!(store.compare_and_swap(b"k", b"1", None), Ok(Swap::Conflict));
    }

    #[test]
    fn faults_are_used_up_in_order_and_write_nothing() {
        let mut store = SharedStore::default();
        store.write(b"k", b"1");
        let version = read(&mut store, b"k").version;
        store
            .faults()
            .fail_swaps(1)
            .conflict_swaps(1)
            .interlope(|write| write(b"k", b"other"));
        assert_eq!(
            store.compare_and_swap(b"k", b"2", Some(version)),
            Err(StoreError)
        );
        assert_eq!(
            store.compare_and_swap(b"k", b"2", Some(version)),
            Ok(Swap::Conflict)
        );
        let version = read(&mut store, b"k").version;
        assert_eq!(read(&mut store, b"k").value, b"1");
        assert_eq!(
            store.compare_and_swap(b"k", b"2", Some(version)),
            Ok(Swap::Conflict)
        );
        assert_eq!(read(&mut store, b"k").value, b"other");
        store.faults().pass_reads(1).fail_reads(1);
        assert!(store.get(b"k").is_ok());
        assert_eq!(store.get(b"k"), Err(StoreError));
        assert!(store.get(b"k").is_ok());
    }
}
