//! What becomes of the old memory when a configuration states another size.
//!
//! A cache of another size lies under other keys, so nothing of the old one can be taken for
//! something of the new one. A record under the name says which sizes there are. Whoever is
//! configured anew writes its own as the current one and retires the others: nothing more is
//! written to them, and they are emptied step by step. The keys themselves stay, at 128 bytes each,
//! until the proxy is started anew or the size is used again.

use std::sync::atomic::Ordering;

use super::Storage;
use super::geometry::{NODE, Name, Table, cost_of_value, prefix};
use super::ledger::{ATTEMPTS, Delta, Ledger};
use super::reclaim::Whose;
use crate::ports::{Store, StoreError, Swap};

/// The most sizes that are remembered. The oldest is forgotten first.
const SIZES: usize = 32;

/// The sets that are emptied in one step.
const STEP: u32 = 64;

/// Nothing was done yet.
const NEW: u8 = 0;

/// This is the current size; others are still to be emptied.
const CURRENT: u8 = 1;

/// There is nothing more to do, or it is for others to do.
const SETTLED: u8 = 2;

/// An index record of a retired size. One that is empty cannot be told from one that never was
/// written, and so not be replaced.
const EMPTIED: &[u8] = &[0];

/// The sizes of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sizes {
    /// How many sets of the first retired size are empty.
    progress: u32,
    /// The current size, then the retired ones that are not yet empty.
    sizes: Vec<u32>,
}

impl Sizes {
    fn encode(&self) -> Vec<u8> {
        let numbers = std::iter::once(&self.progress).chain(&self.sizes);
        numbers.copied().flat_map(u32::to_le_bytes).collect()
    }

    fn decode(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let mut numbers = words.iter().map(|word| u32::from_le_bytes(*word));
        Self {
            progress: numbers.next().unwrap_or(0),
            sizes: numbers.take(SIZES).collect(),
        }
    }
}

impl Storage {
    /// Makes this the memory of its name: gives back what the name held while the configuration
    /// stated another size. To be called again and again, by every worker: each call does a bounded
    /// part, and most do nothing at all. Whether there is more to do.
    ///
    /// The one that was configured last is the current one; of an older one that still has
    /// requests nothing is kept any more.
    pub fn adopt(&self, store: &dyn Store) -> bool {
        let before = self.adoption.load(Ordering::Relaxed);
        if before == SETTLED {
            return false;
        }
        // Tried again at the next call.
        let after = self.try_adopt(store, before).unwrap_or(before);
        self.adoption.store(after, Ordering::Relaxed);
        after != SETTLED
    }

    fn try_adopt(&self, store: &dyn Store, state: u8) -> Result<u8, StoreError> {
        let mut retired = None;
        let mut left = 0;
        let mut progress = 0;
        let size = self.size_mebibytes;
        let superseded = !self.update_sizes(store, &mut |sizes| {
            let current = sizes.sizes.first().copied();
            if state != NEW && current != Some(size) {
                return None;
            }
            let changed = current != Some(size);
            if changed {
                sizes.sizes.retain(|other| *other != size);
                sizes.sizes.insert(0, size);
                sizes.sizes.truncate(SIZES);
                sizes.progress = 0;
            }
            (left, progress) = (sizes.sizes.len() - 1, sizes.progress);
            retired = sizes.sizes.get(1).copied();
            Some(changed)
        })?;
        if superseded {
            return Ok(SETTLED);
        }
        if state == NEW {
            self.set_retired(store, false)?;
        }
        let Some(retired) = retired else {
            return Ok(SETTLED);
        };
        let retired = Self::new(&self.name, retired, None);
        let done = retired.empty(store, progress)?;
        let total = retired.steps();
        self.update_sizes(store, &mut |sizes| {
            let same = sizes.sizes.first() == Some(&size)
                && sizes.sizes.get(1) == Some(&retired.size_mebibytes)
                && sizes.progress == progress;
            if !same {
                return Some(false);
            }
            sizes.progress = done;
            if done >= total {
                sizes.progress = 0;
                sizes.sizes.remove(1);
            }
            Some(true)
        })?;
        Ok(if left == 1 && done >= total {
            SETTLED
        } else {
            CURRENT
        })
    }

    /// The other sizes that may still hold something.
    pub(super) fn retired(&self, store: &dyn Store) -> Result<Vec<u32>, StoreError> {
        let stored = store.get(&sizes_name(&self.name))?;
        let sizes = stored.map_or_else(Vec::new, |stored| Sizes::decode(&stored.value).sizes);
        let others = sizes.into_iter();
        Ok(others.filter(|size| *size != self.size_mebibytes).collect())
    }

    fn steps(&self) -> u32 {
        self.geometry.sets(Table::Home) + self.geometry.sets(Table::Large)
    }

    /// Empties a step's sets, from this one on; the first that is left.
    fn empty(&self, store: &dyn Store, from: u32) -> Result<u32, StoreError> {
        if from == 0 {
            self.set_retired(store, true)?;
        }
        let until = self.steps().min(from.saturating_add(STEP));
        for step in from..until {
            let home = self.geometry.sets(Table::Home);
            let (table, set) = match step.checked_sub(home) {
                None => (Table::Home, step),
                Some(set) => (Table::Large, set),
            };
            let name = self.geometry.index(table, set);
            if !self.clear(store, table, set, Whose::All) {
                return Err(StoreError);
            }
            let index = self.read(store, table, set)?;
            let nodes: u64 = index.ways().map(|way| u64::from(way.nodes)).sum();
            if index.len() == 0 {
                continue;
            }
            // What the keys take is counted again when they are used again.
            let counted = NODE * (nodes + 1) + cost_of_value(index.bytes().len());
            if store.compare_and_swap(&name, EMPTIED, index.version())? == Swap::Conflict {
                return Err(StoreError);
            }
            self.account(store, Delta::freed(counted));
        }
        Ok(until)
    }

    fn set_retired(&self, store: &dyn Store, retired: bool) -> Result<(), StoreError> {
        Ledger::update(store, &self.geometry.ledger(), &mut |ledger| {
            let changed = ledger.retired != retired;
            ledger.retired = retired;
            changed
        })?;
        Ok(())
    }

    /// Changes the record of the sizes if `decide` says so. Whether it did not say `None`.
    fn update_sizes(
        &self,
        store: &dyn Store,
        decide: &mut dyn FnMut(&mut Sizes) -> Option<bool>,
    ) -> Result<bool, StoreError> {
        let name = sizes_name(&self.name);
        for _ in 0..ATTEMPTS {
            let seen = store.get(&name)?;
            let decoded = seen.as_ref().map(|seen| Sizes::decode(&seen.value));
            let mut sizes = decoded.unwrap_or_default();
            match decide(&mut sizes) {
                None => return Ok(false),
                Some(false) => return Ok(true),
                Some(true) => {}
            }
            let version = seen.map(|seen| seen.version);
            if store.compare_and_swap(&name, &sizes.encode(), version)? == Swap::Done {
                return Ok(true);
            }
        }
        Err(StoreError)
    }
}

/// The key of the record of the sizes.
fn sizes_name(name: &str) -> Name {
    let mut key = [0; 16];
    for (place, byte) in key.iter_mut().zip(prefix(name, 0)) {
        *place = byte;
    }
    key
}
