//! How many bytes are in use: one record, changed by compare-and-swap.
//!
//! Bytes are taken before anything is written and given back after it was emptied. Whatever breaks
//! off in between leaves more in the ledger than there is, never less.

use crate::ports::{Store, StoreError, Swap};

/// How often a change is tried. A lost race means that another worker has made its own.
pub(super) const ATTEMPTS: usize = 64;

/// What the ledger itself takes, and the record of the sizes.
const OWN: u64 = 512;

const LENGTH: usize = 32;

/// What is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ledger {
    pub(super) bytes: u64,
    pub(super) entries: u64,
    pub(super) evictions: u64,
    /// How often no room was found since the last recount.
    pub(super) fruitless: u32,
    /// Whether this size is none any more: nothing more is taken.
    pub(super) retired: bool,
}

/// What changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) bytes: i64,
    pub(super) entries: i64,
    pub(super) evictions: u64,
}

impl Delta {
    /// Bytes that are given back.
    pub(super) fn freed(bytes: u64) -> Self {
        Self {
            bytes: i64::try_from(bytes).map_or(0, i64::saturating_neg),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.entries = self.entries.saturating_add(other.entries);
        self.evictions = self.evictions.saturating_add(other.evictions);
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            bytes: OWN,
            entries: 0,
            evictions: 0,
            fruitless: 0,
            retired: false,
        }
    }
}

impl Ledger {
    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let long = [self.bytes, self.entries, self.evictions];
        let parts = (long.into_iter().flat_map(u64::to_le_bytes))
            .chain(self.fruitless.to_le_bytes())
            .chain([u8::from(self.retired)]);
        for (place, byte) in bytes.iter_mut().zip(parts) {
            *place = byte;
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = <&[u8; LENGTH]>::try_from(bytes).ok()?;
        let (words, _) = bytes.as_chunks::<8>();
        let [bytes, entries, evictions, last] = *<&[[u8; 8]; 4]>::try_from(words).ok()?;
        let [a, b, c, d, retired, ..] = last;
        Some(Self {
            bytes: u64::from_le_bytes(bytes),
            entries: u64::from_le_bytes(entries),
            evictions: u64::from_le_bytes(evictions),
            fruitless: u32::from_le_bytes([a, b, c, d]),
            retired: retired != 0,
        })
    }

    /// The ledger as it is now.
    pub(super) fn read(store: &dyn Store, name: &[u8]) -> Result<Self, StoreError> {
        let stored = store.get(name)?;
        let ledger = stored.and_then(|stored| Self::decode(&stored.value));
        Ok(ledger.unwrap_or_default())
    }

    /// Changes it, unless `decide` says no. Whether it was changed.
    pub(super) fn update(
        store: &dyn Store,
        name: &[u8],
        decide: &mut dyn FnMut(&mut Self) -> bool,
    ) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let seen = store.get(name)?;
            let decoded = seen.as_ref().and_then(|seen| Self::decode(&seen.value));
            let mut ledger = decoded.unwrap_or_default();
            if !decide(&mut ledger) {
                return Ok(false);
            }
            let version = seen.map(|seen| seen.version);
            if store.compare_and_swap(name, &ledger.encode(), version)? == Swap::Done {
                return Ok(true);
            }
        }
        Err(StoreError)
    }

    pub(super) fn apply(&mut self, delta: Delta) {
        self.bytes = self.bytes.saturating_add_signed(delta.bytes);
        self.entries = self.entries.saturating_add_signed(delta.entries);
        self.evictions = self.evictions.saturating_add(delta.evictions);
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Delta, Ledger};

    #[wasm_bindgen_test(unsupported = test)]
    fn it_is_read_as_it_was_written() {
        let mut ledger = Ledger {
            bytes: 1 << 40,
            entries: 2,
            evictions: 3,
            fruitless: 4,
            retired: true,
        };
        assert_eq!(Ledger::decode(&ledger.encode()), Some(ledger));
        ledger.retired = false;
        assert_eq!(Ledger::decode(&ledger.encode()), Some(ledger));
        assert_eq!(Ledger::decode(b""), None);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn more_than_there_is_cannot_be_given_back() {
        let mut ledger = Ledger::default();
        ledger.apply(Delta::freed(1_000));
        assert_eq!(ledger.bytes, 0);
    }
}
