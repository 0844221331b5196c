//! The index: what is kept where, and who fetches what.
//!
//! A set is one value of the store with up to [`WAYS`] places, and is changed only as a whole by
//! compare-and-swap.

use super::geometry::{WAYS, cost_of_value};
use super::value::Generation;
use super::way::{LENGTH, Way, grace};
use crate::ports::{Store, StoreError, Stored, Timestamp, Version};

/// A record of the index.
#[derive(Debug)]
pub(super) struct Set {
    bytes: Vec<u8>,
    version: Option<Version>,
}

impl Set {
    pub(super) fn read(store: &dyn Store, name: &[u8]) -> Result<Self, StoreError> {
        let (mut bytes, version) = match store.get(name)? {
            Some(Stored { value, version }) => (value, Some(version)),
            None => (Vec::new(), None),
        };
        bytes.truncate(bytes.len().min(WAYS * LENGTH) / LENGTH * LENGTH);
        Ok(Self { bytes, version })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn version(&self) -> Option<Version> {
        self.version
    }

    /// The number of places that there are so far.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len() / LENGTH
    }

    pub(super) fn ways(&self) -> impl Iterator<Item = Way> {
        self.bytes.as_chunks().0.iter().map(Way::decode)
    }

    pub(super) fn way(&self, position: usize) -> Way {
        let (ways, _) = self.bytes.as_chunks();
        ways.get(position).map_or_else(Way::default, Way::decode)
    }

    /// Changes a place. One that is not there yet is added at the end.
    pub(super) fn put(&mut self, position: usize, way: &Way) {
        let bytes = way.encode();
        match self.bytes.as_chunks_mut().0.get_mut(position) {
            Some(place) => *place = bytes,
            None => self.bytes.extend_from_slice(&bytes),
        }
    }

    /// The place of a key.
    pub(super) fn position(&self, fingerprint: &[u8; 16]) -> Option<usize> {
        let (ways, _) = self.bytes.as_chunks::<LENGTH>();
        ways.iter().position(|bytes| {
            bytes.starts_with(fingerprint) && {
                let way = Way::decode(bytes);
                way.lease.is_some() || way.entry.is_some()
            }
        })
    }

    /// The place of one writing of a key.
    pub(super) fn written(&self, fingerprint: &[u8; 16], generation: Generation) -> Option<usize> {
        self.ways().position(|way| {
            way.fingerprint == *fingerprint
                && way
                    .entry
                    .is_some_and(|entry| entry.generation == generation)
        })
    }

    /// The place that a new key takes: one that is free, else a new one, else that of the entry
    /// that is worth the least. `None`: others are fetching for every one.
    pub(super) fn place(&self, now: Timestamp) -> Option<usize> {
        let free = self.ways().position(|way| {
            way.live(now).is_none() && way.entry.is_none_or(|entry| !entry.is_usable(now))
        });
        if free.is_some() {
            return free;
        }
        if self.len() < WAYS {
            return Some(self.len());
        }
        let evictable = || {
            let ways = self.ways().enumerate();
            ways.filter_map(|(position, way)| Some((position, way.evictable(now)?)))
        };
        let grace = grace(evictable().map(|(_, entry)| entry), now);
        let least = evictable().min_by(|(_, one), (_, other)| {
            (one.worth(now, grace)).total_cmp(&other.worth(now, grace))
        });
        least.map(|(position, _)| position)
    }

    /// What it costs to have one place more.
    pub(super) const fn growth(&self) -> u64 {
        // Also what C++ keeps within the node has been counted as if it were not.
        cost_of_value(self.bytes.len() + LENGTH) - cost_of_value(self.bytes.len())
    }
}
