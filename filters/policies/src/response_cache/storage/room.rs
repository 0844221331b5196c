//! Room for what is new: bytes in the ledger, and a place in the index.

use super::Storage;
use super::geometry::{NODE, Table, cost_of_entry, segments};
use super::ledger::{Delta, Ledger};
use super::value::Generation;
use super::way::{Entry, State, Way, grace, mix};
use crate::ports::{Store, StoreError, Timestamp};

/// How often one insertion looks for what may go.
const ROUNDS: u64 = 64;

/// How many entries are compared with each other, at least if there are as many nearby.
const SAMPLE: usize = 32;

/// The sets that are looked at for a sample, if it has at least [`SMALL_SAMPLE`] by then.
const SETS: u32 = 64;

/// As many as must be had before more than [`SETS`] are looked at.
const SMALL_SAMPLE: usize = 4;

/// The sets that are looked at in any case at most.
const MOST_SETS: u32 = 1_024;

/// How often a place is looked for anew because it was taken meanwhile.
const ATTEMPTS: usize = 4;

/// A place that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is taken, and this many entries had to go for it.
    Here { position: usize, evicted: u32 },
    /// Somebody else has a claim on the key.
    Taken,
    /// There is no place, or there are no bytes for it.
    None,
}

struct Candidate {
    table: Table,
    set: u32,
    position: usize,
    way: Way,
    entry: Entry,
}

impl Storage {
    /// Takes bytes from the budget. `None`: there is no room. Otherwise how many entries had to go.
    pub(super) fn reserve(
        &self,
        store: &dyn Store,
        bytes: u64,
        now: Timestamp,
        random: u64,
    ) -> Result<Option<u32>, StoreError> {
        let name = self.geometry.ledger();
        let budget = self.geometry.budget;
        let mut evicted = 0;
        if bytes > budget / 2 {
            return Ok(None);
        }
        for round in 0..ROUNDS {
            let mut short = 0;
            let mut retired = false;
            let done = Ledger::update(store, &name, &mut |ledger| {
                retired = ledger.retired;
                short = ledger.bytes.saturating_add(bytes).saturating_sub(budget);
                ledger.bytes = ledger.bytes.saturating_add(bytes);
                short == 0 && !retired
            })?;
            if done {
                return Ok(Some(evicted));
            }
            if retired {
                return Ok(None);
            }
            let freed = self.make_room(store, short, now, mix(mix(random) ^ now.0 ^ round));
            if freed == Delta::default() {
                self.despair(store);
                return Ok(None);
            }
            evicted += u32::try_from(freed.evictions).unwrap_or(0);
            self.account(store, freed);
        }
        Ok(None)
    }

    /// Nothing can go although the ledger is full. When that happens again and again, it may be
    /// that the ledger has more than there is.
    fn despair(&self, store: &dyn Store) {
        let often = (self.geometry.sets(Table::Home) / 256).max(4);
        let mut recount = false;
        let _ = Ledger::update(store, &self.geometry.ledger(), &mut |ledger| {
            recount = ledger.fruitless >= often;
            ledger.fruitless = if recount { 0 } else { ledger.fruitless + 1 };
            true
        });
        if recount {
            self.recount(store);
        }
    }

    /// Lets go what is worth the least among some entries that happen to lie side by side, until
    /// there is enough room or a quarter of them is gone. What the ledger gets back.
    fn make_room(&self, store: &dyn Store, short: u64, now: Timestamp, random: u64) -> Delta {
        let mut candidates = self.sample(store, now, random);
        let grace = grace(candidates.iter().map(|candidate| candidate.entry), now);
        candidates.sort_unstable_by(|one, other| {
            let (one, other) = (&one.entry, &other.entry);
            (one.worth(now, grace)).total_cmp(&other.worth(now, grace))
        });
        let most = candidates.len().div_ceil(4);
        let mut freed = Delta::default();
        let short = i64::try_from(short).unwrap_or(i64::MAX);
        for candidate in candidates.iter().take(most) {
            if freed.bytes.saturating_neg() >= short {
                break;
            }
            let Candidate {
                table,
                set,
                position,
                way,
                ..
            } = candidate;
            let generation = candidate.entry.generation;
            let gone = self.update(store, *table, *set, &mut |index| {
                let current = index.way(*position);
                let same = current.fingerprint == way.fingerprint
                    && current
                        .evictable(now)
                        .is_some_and(|entry| entry.generation == generation);
                index.put(*position, &current.vacant());
                same
            });
            if gone == Ok(true) {
                freed.add(self.discard(store, *table, *set, *position, way));
                freed.evictions += u64::from(candidate.entry.is_usable(now));
            }
        }
        freed
    }

    fn sample(&self, store: &dyn Store, now: Timestamp, random: u64) -> Vec<Candidate> {
        let mut candidates = Vec::with_capacity(SAMPLE + super::geometry::WAYS);
        let mut look = |table, set, dead_only: bool| {
            let Ok(index) = self.read(store, table, set) else {
                return candidates.len();
            };
            for (position, way) in index.ways().enumerate() {
                if let Some(entry) = way.evictable(now)
                    && (!dead_only || !entry.is_usable(now))
                {
                    candidates.push(Candidate {
                        table,
                        set,
                        position,
                        way,
                        entry,
                    });
                }
            }
            candidates.len()
        };
        let set = |table, offset| {
            let sets = u64::from(self.geometry.sets(table));
            u32::try_from((random.wrapping_add(offset)) % sets).unwrap_or(0)
        };
        // Large entries go with the places by which they are found. What has none is only here.
        look(Table::Large, set(Table::Large, 0), true);
        for seen in 0..self.geometry.sets(Table::Home).min(MOST_SETS) {
            let found = look(Table::Home, set(Table::Home, u64::from(seen)), false);
            if found >= SAMPLE || (seen >= SETS && found >= SMALL_SAMPLE) {
                break;
            }
        }
        candidates
    }

    /// Takes a place in the index, and the bytes that the place and its entry need. In the home
    /// table that is for a claim on a key, beside the entry that may be there; in the large one for
    /// the entry.
    pub(super) fn occupy(
        &self,
        store: &dyn Store,
        table: Table,
        way: &Way,
        now: Timestamp,
    ) -> Result<Place, StoreError> {
        let set = self.geometry.set(table, &way.fingerprint);
        let length = way.entry.map(|entry| entry.length());
        let owner = way.lease.map_or(0, |lease| lease.owner);
        let mut reserved = 0;
        let mut evicted = 0;
        let mut outcome = Place::None;
        for _ in 0..ATTEMPTS {
            let mut needed = 0;
            let mut displaced = None;
            let written = self.update(store, table, set, &mut |index| {
                (needed, displaced, outcome) = (0, None, Place::None);
                let own = match table {
                    Table::Home => index.position(&way.fingerprint),
                    Table::Large => None,
                };
                if let Some(position) = own {
                    let mut own = index.way(position);
                    if own.live(now).is_some() {
                        outcome = Place::Taken;
                        return false;
                    }
                    own.lease = way.lease;
                    index.put(position, &own);
                    outcome = Place::Here { position, evicted };
                    return true;
                }
                let Some(position) = index.place(now) else {
                    return false;
                };
                let before = index.way(position);
                let mut nodes = before.nodes;
                if position == index.len() {
                    needed += index.growth() + NODE * u64::from(index.len() == 0);
                }
                if let Some(length) = length {
                    nodes = nodes.max(u8::try_from(segments(length)).unwrap_or(u8::MAX));
                    needed += cost_of_entry(length) + NODE * u64::from(nodes - before.nodes);
                }
                if needed > reserved {
                    return false;
                }
                displaced = before.entry.map(|entry| (entry, before));
                index.put(position, &Way { nodes, ..*way });
                outcome = Place::Here { position, evicted };
                true
            })?;
            if !written && needed > reserved {
                match self.reserve(store, needed - reserved, now, owner)? {
                    Some(more) => evicted += more,
                    None => break,
                }
                reserved = needed;
                continue;
            }
            if written {
                let mut delta = Delta::freed(reserved - needed);
                if let Place::Here { position, evicted } = &mut outcome
                    && let Some((entry, before)) = displaced
                {
                    delta.add(self.discard(store, table, set, *position, &before));
                    if entry.is_usable(now) {
                        delta.evictions += 1;
                        *evicted += 1;
                    }
                }
                self.account(store, delta);
            } else {
                self.account(store, Delta::freed(reserved));
            }
            return Ok(outcome);
        }
        self.account(store, Delta::freed(reserved));
        Ok(Place::None)
    }

    /// Takes back what was being written, whoever else may have taken it out of the index already.
    pub(super) fn withdraw(
        &self,
        store: &dyn Store,
        table: Table,
        fingerprint: &[u8; 16],
        position: usize,
        entry: &Entry,
    ) {
        let set = self.geometry.set(table, fingerprint);
        let generation: Generation = entry.generation;
        let done = self.update(store, table, set, &mut |index| {
            let Some(position) = index.written(fingerprint, generation) else {
                return false;
            };
            let mut way = index.way(position);
            way.entry = None;
            index.put(position, &way);
            true
        });
        let way = Way {
            fingerprint: *fingerprint,
            entry: Some(Entry {
                state: State::Writing,
                ..*entry
            }),
            ..Way::default()
        };
        if let Ok(was_there) = done {
            let delta = self.discard(store, table, set, position, &way);
            if was_there {
                self.account(store, delta);
            }
        }
    }
}
