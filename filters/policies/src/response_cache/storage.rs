//! Where responses are kept: a fixed number of bytes of the memory that all workers share.
//!
//! Every key has its place in one set of an index (`set`), by the bits of its digest. A hit reads
//! that set and the entry's value, or its values when it is longer than 64 KiB, and as a rule
//! writes nothing: uses are counted exactly only as long as they are few.
//!
//! The bytes in use stand in a `ledger`. Who wants to write takes what it needs there first, and
//! when there is not enough lets the entries go that are worth the least (`room`). Index, keys
//! and what allocators add are counted like the entries themselves (`geometry`).
//!
//! Workers meet only in the store, and any of them may be late or end at any moment. So a value
//! says itself whose it is (`value`): what is not exactly what the index promises is not there.
//! An entry is written in four steps: bytes are taken, the place is marked, the values are written,
//! the place is published. What is left behind in between is found and given back when the claim
//! has run out.

mod adoption;
mod encryption;
mod fill;
mod geometry;
mod ledger;
mod reclaim;
mod room;
mod set;
mod value;
mod way;

use std::sync::atomic::AtomicU8;

use self::geometry::{Geometry, SEGMENT, SEGMENTS, Table, segments};
use self::ledger::{ATTEMPTS, Delta, Ledger};
use self::reclaim::Whose;
use self::set::Set;
use self::way::{Entry, Lease, State, Way};
use super::key::Key;
use crate::ports::{Store, StoreError, Swap, Timestamp};

pub use self::encryption::{Encryption, Writing};

/// The longest entry, in bytes: 1 MiB of body, and 64,534 bytes for its head.
pub const LONGEST_ENTRY: usize = SEGMENTS * SEGMENT - encryption::TAG;

/// The largest cache, in MiB.
pub const LARGEST: u32 = 65_536;

/// The memory of one stage's cache.
///
/// Its methods never fail: what cannot be read is not there, what cannot be written is not kept.
#[derive(Debug)]
pub struct Storage {
    name: String,
    size_mebibytes: u32,
    geometry: Geometry,
    encryption: Option<Encryption>,
    /// What [`Storage::adopt`] has come to.
    adoption: AtomicU8,
}

/// The operation that an entry belongs to, as the caller numbers them: what is flushed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(pub u32);

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// What is kept under it, fresh or not.
    pub entry: Option<Kept>,
    /// Whether somebody is fetching it.
    pub claimed: bool,
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What was stored.
    pub bytes: Vec<u8>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Until when it may be used without asking.
    pub fresh_until: Timestamp,
    /// When it is forgotten.
    pub kept_until: Timestamp,
}

/// The wish to fetch what a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who fetches: a number that nobody else has, 64 random bits.
    pub owner: u64,
    /// When others may claim the key if it was neither filled nor released.
    pub until: Timestamp,
    /// What the entry will belong to.
    pub group: Group,
}

/// What a claimed key is filled with. It belongs to the claim's group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// What is to be kept: at most [`LONGEST_ENTRY`] bytes.
    pub bytes: Vec<u8>,
    /// Until when it may be used without asking.
    pub fresh_until: Timestamp,
    /// When it is forgotten.
    pub kept_until: Timestamp,
    /// Whether it is encrypted while it is kept. Without a key for that it is not kept.
    pub encrypted: bool,
}

/// What became of a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// It is kept, and this many others had to go.
    Stored {
        /// The number of entries that were evicted.
        evicted: u32,
    },
    /// It is too large, or more would have to go for it than one request may take the time for.
    TooLarge,
    /// The claim is gone: it has expired, or it was removed or flushed. Or the store cannot be
    /// written, or the entry is to be forgotten already, or there is no key to encrypt it with.
    Lost,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// The bytes in use, with everything that they need: at most the size of the cache.
    pub bytes: u64,
    /// The number of entries.
    pub entries: u64,
    /// How many entries have been evicted so far to make room.
    pub evictions: u64,
}

impl Storage {
    /// The memory with this name, which no other stage of the proxy has.
    ///
    /// `size_mebibytes`: what it may hold, everything that it needs for itself included; from 1 to
    /// [`LARGEST`]. An entry may take half of that at most, so that responses of 1 MiB need 3.
    /// `encryption`: for the entries that are to be encrypted.
    #[must_use]
    pub fn new(name: &str, size_mebibytes: u32, encryption: Option<Encryption>) -> Self {
        let size_mebibytes = size_mebibytes.clamp(1, LARGEST);
        Self {
            name: name.to_owned(),
            size_mebibytes,
            geometry: Geometry::new(name, size_mebibytes),
            encryption,
            adoption: AtomicU8::default(),
        }
    }

    /// What is kept under a key, until it is to be forgotten, and whether somebody is fetching it.
    pub fn look_up(&self, store: &dyn Store, key: &Key, now: Timestamp) -> LookUp {
        let fingerprint = fingerprint(key);
        let set = self.geometry.set(Table::Home, &fingerprint);
        let mut found = LookUp {
            entry: None,
            claimed: false,
        };
        // Between the two reads another worker may have replaced it: then it is there now.
        for _ in 0..2 {
            let Ok(index) = self.read(store, Table::Home, set) else {
                break;
            };
            let Some(position) = index.position(&fingerprint) else {
                return found;
            };
            let way = index.way(position);
            found.claimed = way.live(now).is_some();
            let Some(entry) = way.entry.filter(|entry| entry.is_usable(now)) else {
                return found;
            };
            if let Some(bytes) = self.bytes(store, key, set, position, &entry) {
                found.entry = Some(Kept {
                    bytes,
                    stored_at: Timestamp(entry.generation.stored_at),
                    fresh_until: Timestamp(entry.fresh_until),
                    kept_until: Timestamp(entry.kept_until),
                });
                if entry.counts(now) {
                    self.count(store, set, index, position, way);
                }
                break;
            }
        }
        found
    }

    /// The bytes of an entry, if they are exactly what was stored.
    fn bytes(
        &self,
        store: &dyn Store,
        key: &Key,
        set: u32,
        position: usize,
        entry: &Entry,
    ) -> Option<Vec<u8>> {
        let generation = entry.generation;
        let read = |table, set, position, segment| {
            let name = self.geometry.value(table, set, position, segment);
            let value = store.get(&name).ok()??.value;
            value::open(value, key, generation, segment)
        };
        let mut bytes = if entry.state == State::Kept {
            read(Table::Home, set, position, 0)?
        } else {
            let fingerprint = fingerprint(key);
            let set = self.geometry.set(Table::Large, &fingerprint);
            let index = self.read(store, Table::Large, set).ok()?;
            let position = index.written(&fingerprint, generation)?;
            let mut bytes = Vec::with_capacity(entry.length().min(SEGMENTS * SEGMENT));
            for segment in 0..segments(entry.length()).min(SEGMENTS) {
                bytes.extend_from_slice(&read(Table::Large, set, position, segment)?);
            }
            bytes
        };
        if bytes.len() != entry.length() {
            return None;
        }
        if entry.encrypted {
            let encryption = self.encryption.as_ref()?;
            encryption.decrypt(key, entry.writing(), &mut bytes)?;
        }
        Some(bytes)
    }

    /// Counts a use. One that another worker's change gets in the way of is not counted.
    fn count(&self, store: &dyn Store, set: u32, mut index: Set, position: usize, mut way: Way) {
        if let Some(entry) = &mut way.entry {
            entry.frequency = entry.frequency.saturating_add(1);
            index.put(position, &way);
            let name = self.geometry.index(Table::Home, set);
            let _ = store.compare_and_swap(&name, index.bytes(), index.version());
        }
    }

    /// Whether the caller is the one who fetches what the key stands for, beside an entry that may
    /// be there or not. Otherwise somebody else does, until its claim's end at most.
    ///
    /// Where a claim cannot be kept, because the store cannot be reached or is full, everybody
    /// fetches: nobody waits for a claim that nobody has.
    pub fn claim(&self, store: &dyn Store, key: &Key, claim: Claim, now: Timestamp) -> bool {
        let way = Way {
            fingerprint: fingerprint(key),
            lease: Some(Lease {
                owner: claim.owner,
                since: now.0,
                until: claim.until.0,
                group: claim.group.0,
            }),
            ..Way::default()
        };
        let place = self.occupy(store, Table::Home, &way, now);
        !matches!(place, Ok(room::Place::Taken))
    }

    /// Keeps what the owner of the claim has fetched, in place of what was kept before, and ends
    /// the claim, whatever comes of it.
    pub fn fill(
        &self,
        store: &dyn Store,
        key: &Key,
        owner: u64,
        entry: NewEntry,
        now: Timestamp,
    ) -> Filled {
        let filled = self.try_fill(store, key, owner, entry, now);
        let filled = filled.unwrap_or(Filled::Lost);
        if !matches!(filled, Filled::Stored { .. }) {
            self.release(store, key, owner);
        }
        filled
    }

    /// Ends the owner's claim, so that others may fetch.
    pub fn release(&self, store: &dyn Store, key: &Key, owner: u64) {
        let fingerprint = fingerprint(key);
        let set = self.geometry.set(Table::Home, &fingerprint);
        let _ = self.update(store, Table::Home, set, &mut |index| {
            let Some(position) = index.position(&fingerprint) else {
                return false;
            };
            let mut way = index.way(position);
            if way.lease.is_none_or(|lease| lease.owner != owner) {
                return false;
            }
            way.lease = None;
            if way.entry.is_none() {
                way = way.vacant();
            }
            index.put(position, &way);
            true
        });
    }

    /// Forgets what is kept under a key. What is being fetched for it now will not be kept.
    /// Whether that is certain; otherwise the store could not be written.
    pub fn remove(&self, store: &dyn Store, key: &Key) -> bool {
        let fingerprint = fingerprint(key);
        let set = self.geometry.set(Table::Home, &fingerprint);
        self.clear(store, Table::Home, set, Whose::Key(fingerprint))
    }

    /// Forgets everything, or everything of one operation. What is being fetched for it now will
    /// not be kept. Whether that is certain; otherwise the store could not be written.
    ///
    /// Looks at every set: it takes about a microsecond for each 16 KiB of the cache's size.
    pub fn flush(&self, store: &dyn Store, group: Option<Group>) -> bool {
        let whose = group.map_or(Whose::All, |group| Whose::Group(group.0));
        // Requests of an earlier configuration may still be answered from another size.
        let retired = self.retired(store);
        let mut certain = retired.is_ok();
        for size in retired.unwrap_or_default() {
            certain &= Self::new(&self.name, size, None).clear_all(store, whose);
        }
        certain &= self.clear_all(store, whose);
        if group.is_none() {
            self.recount(store);
        }
        certain
    }

    /// How much is kept now.
    pub fn occupancy(&self, store: &dyn Store) -> Occupancy {
        let ledger = Ledger::read(store, &self.geometry.ledger()).unwrap_or_default();
        Occupancy {
            bytes: ledger.bytes,
            entries: ledger.entries,
            evictions: ledger.evictions,
        }
    }

    fn read(&self, store: &dyn Store, table: Table, set: u32) -> Result<Set, StoreError> {
        Set::read(store, &self.geometry.index(table, set))
    }

    /// Changes a set, unless `decide` says no; asks again whenever another worker was faster.
    /// Whether it was changed.
    fn update(
        &self,
        store: &dyn Store,
        table: Table,
        set: u32,
        decide: &mut dyn FnMut(&mut Set) -> bool,
    ) -> Result<bool, StoreError> {
        let name = self.geometry.index(table, set);
        for _ in 0..ATTEMPTS {
            let mut index = Set::read(store, &name)?;
            if !decide(&mut index) {
                return Ok(false);
            }
            if store.compare_and_swap(&name, index.bytes(), index.version())? == Swap::Done {
                return Ok(true);
            }
        }
        Err(StoreError)
    }

    /// Enters a change into the ledger. One that cannot be entered leaves more in it than there is.
    fn account(&self, store: &dyn Store, delta: Delta) {
        if delta != Delta::default() {
            let _ = Ledger::update(store, &self.geometry.ledger(), &mut |ledger| {
                ledger.apply(delta);
                true
            });
        }
    }
}

/// The part of a key that the index has, and that says where its place is.
fn fingerprint(key: &Key) -> [u8; 16] {
    key.0.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
