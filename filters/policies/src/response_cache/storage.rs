//! Where responses are kept: a fixed number of bytes of the memory that all workers share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::ports::{Store, StoreError, Swap, Timestamp};

/// The longest entry, in bytes: 1 MiB of body, and 64 KiB for its head.
pub const LONGEST_ENTRY: usize = 0x11_0000;

/// The memory of one stage's cache.
///
/// Its methods never fail: what cannot be read is not there, what cannot be written is not kept.
#[derive(Debug)]
pub struct Storage {
    name: Vec<u8>,
    encryption: Option<Encryption>,
}

/// The key that entries are encrypted with.
#[derive(Clone)]
pub struct Encryption {
    #[expect(dead_code, reason = "read as soon as entries are encrypted")]
    key: [u8; 32],
}

impl Encryption {
    /// The key with these bytes, which must be as good as random and serve for nothing else.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }
}

/// Tells nothing.
impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryption")
    }
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
    /// It is too large, or everything else is used more.
    TooLarge,
    /// The claim is gone: it has expired or was flushed. Or the store cannot be written.
    Lost,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// The bytes in use, with everything that they need.
    pub bytes: u64,
    /// The number of entries.
    pub entries: u64,
    /// How many entries have been evicted so far to make room.
    pub evictions: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    slots: Vec<Slot>,
}

#[derive(Serialize, Deserialize)]
struct Slot {
    key: [u8; 32],
    /// Owner, until, group.
    claim: Option<(u64, u64, u32)>,
    /// Bytes, stored at, fresh until, kept until, group.
    entry: Option<(Vec<u8>, u64, u64, u64, u32)>,
}

impl Storage {
    /// The memory with this name, which no other stage of the proxy has.
    ///
    /// `size_mebibytes`: what it may hold, everything that it needs for itself included.
    /// `encryption`: for the entries that are to be encrypted.
    #[must_use]
    pub fn new(name: &str, size_mebibytes: u32, encryption: Option<Encryption>) -> Self {
        let _ = size_mebibytes;
        Self {
            name: format!("cache\0{name}").into_bytes(),
            encryption,
        }
    }

    fn change<T>(
        &self,
        store: &dyn Store,
        mut decide: impl FnMut(&mut Contents) -> T,
    ) -> Result<T, StoreError> {
        for _ in 0..64 {
            let seen = store.get(&self.name)?;
            let mut contents = seen
                .as_ref()
                .and_then(|seen| serde_json::from_slice(&seen.value).ok())
                .unwrap_or_default();
            let outcome = decide(&mut contents);
            let bytes = serde_json::to_vec(&contents).map_err(|_| StoreError)?;
            let version = seen.map(|seen| seen.version);
            if store.compare_and_swap(&self.name, &bytes, version)? == Swap::Done {
                return Ok(outcome);
            }
        }
        Err(StoreError)
    }

    /// What is kept under a key, until it is to be forgotten, and whether somebody is fetching it.
    pub fn look_up(&self, store: &dyn Store, key: &Key, now: Timestamp) -> LookUp {
        self.change(store, |contents| {
            let slot = contents.slots.iter().find(|slot| slot.key == key.0);
            LookUp {
                claimed: slot
                    .and_then(|slot| slot.claim)
                    .is_some_and(|(_, until, _)| now.0 < until),
                entry: slot
                    .and_then(|slot| slot.entry.as_ref())
                    .filter(|entry| now.0 < entry.3)
                    .map(|(bytes, stored_at, fresh_until, kept_until, _)| Kept {
                        bytes: bytes.clone(),
                        stored_at: Timestamp(*stored_at),
                        fresh_until: Timestamp(*fresh_until),
                        kept_until: Timestamp(*kept_until),
                    }),
            }
        })
        .unwrap_or(LookUp {
            entry: None,
            claimed: false,
        })
    }

    /// Whether the caller is the one who fetches what the key stands for, beside an entry that may
    /// be there or not. Otherwise somebody else does.
    pub fn claim(&self, store: &dyn Store, key: &Key, claim: Claim, now: Timestamp) -> bool {
        self.change(store, |contents| {
            let claimed = Some((claim.owner, claim.until.0, claim.group.0));
            match contents.slots.iter_mut().find(|slot| slot.key == key.0) {
                Some(slot) if slot.claim.is_some_and(|(_, until, _)| now.0 < until) => false,
                Some(slot) => {
                    slot.claim = claimed;
                    true
                }
                None => {
                    contents.slots.push(Slot {
                        key: key.0,
                        claim: claimed,
                        entry: None,
                    });
                    true
                }
            }
        })
        .unwrap_or(false)
    }

    /// Keeps what the owner of the claim has fetched, in place of what was kept before, and ends
    /// the claim.
    pub fn fill(
        &self,
        store: &dyn Store,
        key: &Key,
        owner: u64,
        entry: NewEntry,
        now: Timestamp,
    ) -> Filled {
        if entry.encrypted && self.encryption.is_none() {
            self.release(store, key, owner);
            return Filled::Lost;
        }
        if entry.bytes.len() > LONGEST_ENTRY {
            self.release(store, key, owner);
            return Filled::TooLarge;
        }
        self.change(store, |contents| {
            let slot = contents.slots.iter_mut().find(|slot| slot.key == key.0);
            match slot.and_then(|slot| slot.claim.map(|claim| (slot, claim))) {
                Some((slot, (by, until, group))) if by == owner && now.0 < until => {
                    slot.claim = None;
                    slot.entry = Some((
                        entry.bytes.clone(),
                        now.0,
                        entry.fresh_until.0,
                        entry.kept_until.0,
                        group,
                    ));
                    Filled::Stored { evicted: 0 }
                }
                _ => Filled::Lost,
            }
        })
        .unwrap_or(Filled::Lost)
    }

    /// Ends the owner's claim, so that others may fetch.
    pub fn release(&self, store: &dyn Store, key: &Key, owner: u64) {
        let _ = self.change(store, |contents| {
            for slot in &mut contents.slots {
                if slot.key == key.0 {
                    slot.claim = slot.claim.filter(|(by, _, _)| *by != owner);
                }
            }
        });
    }

    /// Forgets what is kept under a key. What is being fetched for it now will not be kept.
    /// Whether that is certain; otherwise the store could not be written.
    pub fn remove(&self, store: &dyn Store, key: &Key) -> bool {
        self.change(store, |contents| {
            contents.slots.retain(|slot| slot.key != key.0);
        })
        .is_ok()
    }

    /// Forgets everything, or everything of one operation. What is being fetched for it now will
    /// not be kept. Whether that is certain; otherwise the store could not be written.
    pub fn flush(&self, store: &dyn Store, group: Option<Group>) -> bool {
        self.change(store, |contents| {
            for slot in &mut contents.slots {
                slot.claim = slot
                    .claim
                    .filter(|(_, _, of)| group.is_some_and(|group| group.0 != *of));
                slot.entry = slot
                    .entry
                    .take()
                    .filter(|entry| group.is_some_and(|group| group.0 != entry.4));
            }
        })
        .is_ok()
    }

    /// How much is kept now.
    pub fn occupancy(&self, store: &dyn Store) -> Occupancy {
        self.change(store, |contents| {
            let entries = contents.slots.iter().filter_map(|slot| slot.entry.as_ref());
            Occupancy {
                bytes: entries
                    .clone()
                    .map(|entry| u64::try_from(entry.0.len()).unwrap_or(u64::MAX))
                    .sum(),
                entries: u64::try_from(entries.count()).unwrap_or(u64::MAX),
                evictions: 0,
            }
        })
        .unwrap_or_default()
    }

    /// Makes this the memory of its name: gives back what the name held while the configuration
    /// stated another size. Does a bounded part of that, and says whether there is more to do.
    pub fn adopt(&self, store: &dyn Store) -> bool {
        let _ = store;
        false
    }
}

#[cfg(test)]
mod tests;
