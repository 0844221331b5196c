//! What is forgotten, and what its bytes are given back for.
//!
//! An entry first leaves the index, so that nobody finds it any more. Then its values are emptied,
//! and at last the ledger gets the bytes back: at no moment it has fewer than there are.

use super::Storage;
use super::geometry::{NODE, SEGMENTS, Table, cost_of_entry, cost_of_value, segments};
use super::ledger::{Delta, Ledger};
use super::value::{self, Generation};
use super::way::{State, Way};
use crate::ports::{Store, StoreError};

/// Whose entries and claims are forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    All,
    Group(u32),
    Key([u8; 16]),
}

impl Storage {
    /// Forgets entries and claims of all sets. Whether that is certain.
    pub(super) fn clear_all(&self, store: &dyn Store, whose: Whose) -> bool {
        let mut certain = true;
        // First those by which entries are found.
        for table in [Table::Home, Table::Large] {
            for set in 0..self.geometry.sets(table) {
                certain &= self.clear(store, table, set, whose);
            }
        }
        certain
    }

    /// Forgets entries and claims of one set. Whether that is certain.
    pub(super) fn clear(&self, store: &dyn Store, table: Table, set: u32, whose: Whose) -> bool {
        let mut removed = Vec::new();
        let cleared = self.update(store, table, set, &mut |index| {
            removed.clear();
            let mut changed = false;
            for position in 0..index.len() {
                let before = index.way(position);
                let mut way = before;
                let goes = |group| match whose {
                    Whose::All => true,
                    Whose::Group(whose) => group == whose,
                    Whose::Key(fingerprint) => fingerprint == before.fingerprint,
                };
                way.lease = way.lease.filter(|lease| !goes(lease.group));
                way.entry = way.entry.filter(|entry| !goes(entry.group));
                if way.lease.is_none() && way.entry.is_none() {
                    way = way.vacant();
                }
                if way != before {
                    index.put(position, &way);
                    changed = true;
                }
                if way.entry.is_none() && before.entry.is_some() {
                    removed.push((position, before));
                }
            }
            changed
        });
        let mut delta = Delta::default();
        if cleared == Ok(true) {
            for (position, way) in &removed {
                delta.add(self.discard(store, table, set, *position, way));
            }
        }
        self.account(store, delta);
        cleared.is_ok()
    }

    /// Empties the values of an entry that the index does not have any more; what the ledger gets
    /// back for it. Values of other entries stay.
    pub(super) fn discard(
        &self,
        store: &dyn Store,
        table: Table,
        set: u32,
        position: usize,
        way: &Way,
    ) -> Delta {
        let mut delta = Delta::default();
        let Some(entry) = way.entry else {
            return delta;
        };
        if table == Table::Home && entry.state != State::Writing {
            delta.entries = -1;
        }
        let mut place = (table, set, position);
        if entry.state == State::Elsewhere {
            let set = self.geometry.set(Table::Large, &way.fingerprint);
            match self.take_large(store, set, &way.fingerprint, entry.generation) {
                Some(position) => place = (Table::Large, set, position),
                None => return delta,
            }
        }
        let (table, set, position) = place;
        let emptied = (0..segments(entry.length()).min(SEGMENTS)).all(|segment| {
            let name = self.geometry.value(table, set, position, segment);
            let is_of = |value: &[u8]| value::is_of(value, entry.generation, segment);
            empty(store, &name, &is_of).is_ok()
        });
        if emptied {
            delta.add(Delta::freed(cost_of_entry(entry.length())));
        }
        delta
    }

    /// Takes a large entry out of its set; the place where it was.
    fn take_large(
        &self,
        store: &dyn Store,
        set: u32,
        fingerprint: &[u8; 16],
        generation: Generation,
    ) -> Option<usize> {
        let mut taken = None;
        let done = self.update(store, Table::Large, set, &mut |index| {
            taken = index.written(fingerprint, generation);
            let Some(position) = taken else {
                return false;
            };
            let way = index.way(position).vacant();
            index.put(position, &way);
            true
        });
        taken.filter(|_| done == Ok(true))
    }

    /// Counts what there is, empties what nobody finds any more, and corrects the ledger if nobody
    /// changes it meanwhile.
    pub(super) fn recount(&self, store: &dyn Store) {
        let _ = self.try_recount(store);
    }

    fn try_recount(&self, store: &dyn Store) -> Result<(), StoreError> {
        let name = self.geometry.ledger();
        let before = Ledger::read(store, &name)?;
        let (mut bytes, mut entries) = (Ledger::default().bytes, 0);
        for table in [Table::Home, Table::Large] {
            for set in 0..self.geometry.sets(table) {
                let index = self.read(store, table, set)?;
                if index.len() > 0 {
                    bytes += NODE + cost_of_value(index.bytes().len());
                }
                for (position, way) in index.ways().enumerate() {
                    let nodes = usize::from(way.nodes);
                    bytes += NODE * nodes as u64;
                    let mut used = 0;
                    if let Some(entry) = way.entry {
                        entries += u64::from(table == Table::Home && entry.state != State::Writing);
                        if entry.state != State::Elsewhere {
                            used = segments(entry.length());
                            bytes += cost_of_entry(entry.length());
                        }
                    }
                    for segment in used..nodes {
                        let name = self.geometry.value(table, set, position, segment);
                        empty(store, &name, &|value| !value.is_empty())?;
                    }
                }
            }
        }
        Ledger::update(store, &name, &mut |ledger| {
            let same = *ledger == before;
            (ledger.bytes, ledger.entries, ledger.fruitless) = (bytes, entries, 0);
            same
        })?;
        Ok(())
    }
}

/// Empties a value if it is the one that is meant.
fn empty(
    store: &dyn Store,
    name: &[u8],
    is_meant: &dyn Fn(&[u8]) -> bool,
) -> Result<(), StoreError> {
    match store.get(name)? {
        // Somebody else's, or somebody else writes it now: then it is counted there.
        Some(stored) if is_meant(&stored.value) => store
            .compare_and_swap(name, &[], Some(stored.version))
            .map(|_| ()),
        _ => Ok(()),
    }
}
