//! What workers tell each other about a source: when it was asked, and what it said.

use sha2::{Digest, Sha256};

use crate::ports::{Store, Swap, Timestamp, Version};

/// The state of a source in the shared store. Times are in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// When the key set was last fetched; 0: never.
    pub(super) fetched_at: u64,
    /// From when on it is to be fetched again.
    pub(super) due_at: u64,
    /// Until when one worker is at it.
    pub(super) leased_until: u64,
    /// How often in a row it could not be fetched.
    pub(super) failures: u32,
    /// SHA-256 of the key set.
    pub(super) digest: [u8; 32],
}

/// A layout of the bytes.
const LAYOUT: u8 = 1;

const LENGTH: usize = 1 + 8 + 8 + 8 + 4 + 32;

/// How often a write is tried again that another worker was faster with.
const MOST_ATTEMPTS: usize = 4;

/// Where the record and the key set of a source are in the store.
#[derive(Clone, Debug)]
pub(super) struct SharedKeySet {
    record: Box<[u8]>,
    key_set: Box<[u8]>,
}

impl SharedKeySet {
    /// For a source that `name` tells from all others.
    pub(super) fn named(name: &[u8; 32]) -> Self {
        Self {
            record: [b"jwks_record:".as_slice(), name].concat().into(),
            key_set: [b"jwks:".as_slice(), name].concat().into(),
        }
    }

    /// The record and the version that it was read with. One that is not there, or cannot be read,
    /// says that nothing was ever fetched.
    pub(super) fn read(&self, store: &(impl Store + ?Sized)) -> (Record, Option<Version>) {
        match store.get(&self.record) {
            Ok(Some(stored)) => (
                Record::decode(&stored.value).unwrap_or_default(),
                Some(stored.version),
            ),
            Ok(None) | Err(_) => (Record::default(), None),
        }
    }

    /// Writes the record if nobody else has since it was read.
    pub(super) fn replace(
        &self,
        store: &(impl Store + ?Sized),
        record: &Record,
        version: Option<Version>,
    ) -> bool {
        let written = store.compare_and_swap(&self.record, &record.encode(), version);
        written == Ok(Swap::Done)
    }

    /// Changes the record. Gives up when others are faster again and again: then the record is
    /// fresh anyway.
    pub(super) fn update(
        &self,
        store: &(impl Store + ?Sized),
        change: impl Fn(Record) -> Record,
    ) -> Record {
        let mut changed = Record::default();
        for _ in 0..MOST_ATTEMPTS {
            let (record, version) = self.read(store);
            changed = change(record);
            if self.replace(store, &changed, version) {
                break;
            }
        }
        changed
    }

    /// The key set that a record is about; `None` when another one is there, whose record comes
    /// yet.
    pub(super) fn key_set(
        &self,
        store: &(impl Store + ?Sized),
        record: &Record,
    ) -> Option<Vec<u8>> {
        let stored = store.get(&self.key_set).ok()??;
        (digest(&stored.value) == record.digest).then_some(stored.value)
    }

    /// Leaves a key set for the other workers. Its record follows.
    pub(super) fn write_key_set(&self, store: &(impl Store + ?Sized), key_set: &[u8]) {
        for _ in 0..MOST_ATTEMPTS {
            let Ok(stored) = store.get(&self.key_set) else {
                return;
            };
            let version = stored.as_ref().map(|stored| stored.version);
            if stored.is_some_and(|stored| stored.value == key_set)
                || store.compare_and_swap(&self.key_set, key_set, version) != Ok(Swap::Conflict)
            {
                return;
            }
        }
    }
}

/// SHA-256.
pub(super) fn digest(key_set: &[u8]) -> [u8; 32] {
    Sha256::digest(key_set).into()
}

impl Record {
    /// Whether somebody has to fetch the key set now. A time that is further away than it can be
    /// was written before the clock was put back, and does not count.
    pub(super) const fn is_due(&self, now: Timestamp, refresh: u64, lease: u64) -> bool {
        let now = now.as_millis();
        has_passed(self.due_at, now, refresh) && has_passed(self.leased_until, now, lease)
    }

    fn encode(&self) -> Vec<u8> {
        [
            &[LAYOUT][..],
            &self.fetched_at.to_be_bytes(),
            &self.due_at.to_be_bytes(),
            &self.leased_until.to_be_bytes(),
            &self.failures.to_be_bytes(),
            &self.digest,
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let (&layout, rest) = bytes.split_first_chunk::<1>()?;
        let (&fetched_at, rest) = rest.split_first_chunk()?;
        let (&due_at, rest) = rest.split_first_chunk()?;
        let (&leased_until, rest) = rest.split_first_chunk()?;
        let (&failures, rest) = rest.split_first_chunk()?;
        let (&digest, _) = rest.split_first_chunk()?;
        (layout == [LAYOUT]).then(|| Self {
            fetched_at: u64::from_be_bytes(fetched_at),
            due_at: u64::from_be_bytes(due_at),
            leased_until: u64::from_be_bytes(leased_until),
            failures: u32::from_be_bytes(failures),
            digest,
        })
    }
}

const fn has_passed(moment: u64, now: u64, furthest: u64) -> bool {
    now >= moment || moment > now.saturating_add(furthest)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Record, SharedKeySet, digest};
    use crate::ports::{Store, Timestamp};
    use crate::usage_plan::memory_store::MemoryStore;

    fn record() -> Record {
        Record {
            fetched_at: 1,
            due_at: 0x0102_0304_0506_0708,
            leased_until: 3,
            failures: 4,
            digest: [5; 32],
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_record_is_read_as_it_was_written() {
        let bytes = record().encode();
        assert_eq!(Record::decode(&bytes), Some(record()));
        let mut other = bytes.clone();
        other[0] = 2;
        for bytes in [&b""[..], &bytes[..60], &[&bytes[..], b"x"].concat(), &other] {
            assert_eq!(Record::decode(bytes), None);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn it_is_due_when_it_is_time_and_nobody_is_at_it() {
        let record = Record {
            due_at: 10,
            leased_until: 20,
            ..record()
        };
        let is_due =
            |record: Record, millis: u64| record.is_due(Timestamp(millis * 1_000_000), 100, 50);
        for (millis, expected) in [(9, false), (10, false), (19, false), (20, true)] {
            assert_eq!(is_due(record, millis), expected);
        }
        assert!(is_due(Record::default(), 0));
        let before_the_clock_went_back = Record {
            due_at: 1_000,
            leased_until: 2_000,
            ..record
        };
        assert!(is_due(before_the_clock_went_back, 7));
        assert!(!is_due(before_the_clock_went_back, 950));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_set_counts_with_its_record_only() {
        let store = MemoryStore::default();
        let shared = SharedKeySet::named(&[7; 32]);
        assert_eq!(shared.read(&store), (Record::default(), None));
        shared.write_key_set(&store, b"one");
        let written = shared.update(&store, |record| Record {
            digest: digest(b"one"),
            failures: record.failures + 1,
            ..record
        });
        let (read, version) = shared.read(&store);
        assert_eq!(read, written);
        assert_eq!(read.failures, 1);
        assert_eq!(shared.key_set(&store, &read), Some(b"one".to_vec()));
        shared.write_key_set(&store, b"two");
        assert_eq!(shared.key_set(&store, &read), None);

        assert!(shared.replace(&store, &record(), version));
        assert!(!shared.replace(&store, &record(), version));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_cannot_be_read_is_written_over() {
        let store = MemoryStore::default();
        let shared = SharedKeySet::named(&[7; 32]);
        store
            .compare_and_swap(&shared.record, b"junk", None)
            .unwrap();
        let (read, version) = shared.read(&store);
        assert_eq!(read, Record::default());
        assert!(shared.replace(&store, &record(), version));
        assert_eq!(shared.read(&store).0, record());
    }
}
