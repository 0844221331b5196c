//! Writing an entry: bytes are taken, the place is marked, the values are written, the place is
//! published.

use super::geometry::{NODE, SEGMENT, SEGMENTS, Table, cost_of_entry, table_for};
use super::ledger::Delta;
use super::room::Place;
use super::value::{FOOTER, Generation, seal};
use super::way::{Entry, Lease, State, Way};
use super::{Filled, LONGEST_ENTRY, NewEntry, Storage, fingerprint};
use crate::ports::{Store, StoreError, Timestamp};
use crate::response_cache::key::Key;

/// An entry on its way.
struct Work<'f> {
    key: &'f Key,
    fingerprint: [u8; 16],
    lease: Lease,
    entry: Entry,
    /// The place of the claim.
    set: u32,
    position: usize,
    now: Timestamp,
}

impl Storage {
    pub(super) fn try_fill(
        &self,
        store: &dyn Store,
        key: &Key,
        owner: u64,
        new: NewEntry,
        now: Timestamp,
    ) -> Result<Filled, StoreError> {
        let NewEntry {
            mut bytes,
            fresh_until,
            kept_until,
            encrypted,
        } = new;
        if bytes.len() > LONGEST_ENTRY {
            return Ok(Filled::TooLarge);
        }
        if now >= kept_until {
            return Ok(Filled::Lost);
        }
        let fingerprint = fingerprint(key);
        let set = self.geometry.set(Table::Home, &fingerprint);
        let index = self.read(store, Table::Home, set)?;
        let Some(position) = index.position(&fingerprint) else {
            return Ok(Filled::Lost);
        };
        let way = index.way(position);
        let Some(lease) = way.live(now).filter(|lease| lease.owner == owner) else {
            return Ok(Filled::Lost);
        };
        let inherited = way.entry.map(|before| before.inherit(now));
        let (born, frequency) = inherited.unwrap_or((now.0, 0));
        let mut entry = Entry {
            generation: Generation {
                owner,
                stored_at: now.0,
            },
            born,
            fresh_until: fresh_until.0,
            kept_until: kept_until.0,
            group: lease.group,
            length: 0,
            state: State::Writing,
            frequency,
            encrypted,
        };
        if encrypted {
            let encryption = self.encryption.as_ref();
            let done = encryption.and_then(|with| with.encrypt(key, entry.writing(), &mut bytes));
            if done.is_none() {
                return Ok(Filled::Lost);
            }
        }
        entry.length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let work = Work {
            key,
            fingerprint,
            lease,
            entry,
            set,
            position,
            now,
        };
        match table_for(bytes.len()) {
            Table::Home => self.fill_small(store, &work, bytes, way.nodes == 0),
            Table::Large => self.fill_large(store, &work, &bytes),
        }
    }

    fn fill_small(
        &self,
        store: &dyn Store,
        work: &Work<'_>,
        mut bytes: Vec<u8>,
        new_node: bool,
    ) -> Result<Filled, StoreError> {
        let cost = cost_of_entry(bytes.len()) + NODE * u64::from(new_node);
        let owner = work.lease.owner;
        let Some(evicted) = self.reserve(store, cost, work.now, owner)? else {
            return Ok(Filled::TooLarge);
        };
        // Marked: what the place held is gone from now on.
        let Some(before) = self.put_entry(store, work, State::Writing)? else {
            self.account(store, Delta::freed(cost));
            return Ok(Filled::Lost);
        };
        let delta = self.settle(store, work, before, State::Kept);
        seal(&mut bytes, work.key, work.entry.generation, 0);
        let name = self.geometry.value(Table::Home, work.set, work.position, 0);
        let written = store.put(&name, &bytes);
        let published = match written {
            Ok(()) => self.put_entry(store, work, State::Kept),
            Err(StoreError) => Ok(None),
        };
        if let Ok(Some(_)) = published {
            self.account(
                store,
                Delta {
                    entries: delta.entries + 1,
                    ..delta
                },
            );
            return Ok(Filled::Stored { evicted });
        }
        // What could not be overwritten is still there.
        let overwritten = if written.is_ok() { delta.bytes } else { 0 };
        self.account(
            store,
            Delta {
                bytes: overwritten,
                ..delta
            },
        );
        self.withdraw(
            store,
            Table::Home,
            &work.fingerprint,
            work.position,
            &work.entry,
        );
        Ok(Filled::Lost)
    }

    fn fill_large(
        &self,
        store: &dyn Store,
        work: &Work<'_>,
        bytes: &[u8],
    ) -> Result<Filled, StoreError> {
        let way = Way {
            fingerprint: work.fingerprint,
            lease: Some(work.lease),
            entry: Some(work.entry),
            nodes: 0,
        };
        let (position, evicted) = match self.occupy(store, Table::Large, &way, work.now)? {
            Place::Here { position, evicted } => (position, evicted),
            Place::Taken | Place::None => return Ok(Filled::TooLarge),
        };
        let before = match self.write_large(store, work, bytes, position) {
            Ok(true) => self.put_entry(store, work, State::Elsewhere),
            Ok(false) | Err(StoreError) => Ok(None),
        };
        let Ok(Some(before)) = before else {
            self.withdraw(
                store,
                Table::Large,
                &work.fingerprint,
                position,
                &work.entry,
            );
            return Ok(Filled::Lost);
        };
        let delta = self.settle(store, work, before, State::Elsewhere);
        self.account(
            store,
            Delta {
                entries: delta.entries + 1,
                ..delta
            },
        );
        Ok(Filled::Stored { evicted })
    }

    /// Writes the segments and publishes them in their own table.
    fn write_large(
        &self,
        store: &dyn Store,
        work: &Work<'_>,
        bytes: &[u8],
        position: usize,
    ) -> Result<bool, StoreError> {
        let set = self.geometry.set(Table::Large, &work.fingerprint);
        let generation = work.entry.generation;
        for (segment, part) in bytes.chunks(SEGMENT).take(SEGMENTS).enumerate() {
            let mut value = Vec::with_capacity(part.len() + FOOTER);
            value.extend_from_slice(part);
            seal(&mut value, work.key, generation, segment);
            let name = self.geometry.value(Table::Large, set, position, segment);
            store.put(&name, &value)?;
        }
        self.update(store, Table::Large, set, &mut |index| {
            let Some(position) = index.written(&work.fingerprint, generation) else {
                return false;
            };
            let mut way = index.way(position);
            way.lease = None;
            if let Some(entry) = &mut way.entry {
                entry.state = State::Kept;
            }
            index.put(position, &way);
            true
        })
    }

    /// Puts the entry into the place of the claim, if that still counts, and ends it unless there
    /// is more to write. What the place was before; `None`: the claim is gone.
    fn put_entry(
        &self,
        store: &dyn Store,
        work: &Work<'_>,
        state: State,
    ) -> Result<Option<Way>, StoreError> {
        let mut before = Way::default();
        let put = self.update(store, Table::Home, work.set, &mut |index| {
            before = index.way(work.position);
            let live = before.live(work.now);
            if before.fingerprint != work.fingerprint || live != Some(work.lease) {
                return false;
            }
            let mut way = before;
            way.entry = Some(Entry {
                state,
                ..work.entry
            });
            if state == State::Writing {
                way.nodes = way.nodes.max(1);
            } else {
                way.lease = None;
            }
            index.put(work.position, &way);
            true
        })?;
        Ok(put.then_some(before))
    }

    /// Gives back what was kept in the place before.
    fn settle(&self, store: &dyn Store, work: &Work<'_>, before: Way, now: State) -> Delta {
        match before.entry {
            // Its value is overwritten.
            Some(entry) if now == State::Kept && entry.state != State::Elsewhere => Delta {
                entries: -i64::from(entry.state == State::Kept),
                ..Delta::freed(cost_of_entry(entry.length()))
            },
            _ => self.discard(store, Table::Home, work.set, work.position, &before),
        }
    }
}
