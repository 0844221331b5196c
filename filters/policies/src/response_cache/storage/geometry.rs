//! How much there is of everything, what it costs, and under which keys it lies.
//!
//! The shared store cannot delete, and a key costs memory even when its value is empty. So every
//! key is one of a fixed number that follows from the size of the cache, and nothing that a client
//! sends is part of one. Small entries lie in one value each. Large ones lie in up to [`SEGMENTS`]
//! values, so that no value is longer than [`LONGEST_VALUE`]: the store copies a value while every
//! other worker waits.

use sha2::{Digest, Sha256};

use super::value::FOOTER;

/// How many entries a set describes: one record of the index.
pub(super) const WAYS: usize = 16;

/// The longest value, in bytes. With the byte that ends a text in C++ it is 64 KiB.
pub(super) const LONGEST_VALUE: usize = 0xffff;

/// How much of an entry fits into one value, in bytes.
pub(super) const SEGMENT: usize = LONGEST_VALUE - FOOTER;

/// The most values that an entry lies in.
pub(super) const SEGMENTS: usize = 17;

/// What a key costs, whatever its value: the node of the host's hash map (72 bytes), its share of
/// the table (up to 16 bytes), and what the allocator adds. The key itself is part of the node: it
/// is short enough for C++ to keep it there.
pub(super) const NODE: u64 = 128;

const MEBIBYTE: u64 = 1 << 20;

/// One small entry may be as small as this on average before places run out earlier than bytes.
const BYTES_PER_PLACE: u64 = 1 << 10;

/// As [`BYTES_PER_PLACE`], for large entries. A quarter of what the smallest takes, so that it
/// hardly ever happens that a set is full while others are empty.
const BYTES_PER_LARGE_PLACE: u64 = 1 << 14;

/// A key of the store.
pub(super) type Name = [u8; 16];

/// Where a set stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Every entry and every claim has its place here, by which it is found. Small entries lie
    /// beside it.
    Home,
    /// Where large entries lie.
    Large,
}

/// The measures of one cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    prefix: [u8; 10],
    /// The bytes that everything together may have.
    pub(super) budget: u64,
    home: u32,
    large: u32,
}

impl Geometry {
    pub(super) fn new(name: &str, size_mebibytes: u32) -> Self {
        let budget = u64::from(size_mebibytes) * MEBIBYTE;
        let ways = WAYS as u64;
        let number = |of: u64| u32::try_from((budget / of / ways).max(1)).unwrap_or(u32::MAX);
        Self {
            // Another size lies under other keys: nobody takes a value for what it is not.
            prefix: prefix(name, size_mebibytes),
            budget,
            home: number(BYTES_PER_PLACE),
            large: number(BYTES_PER_LARGE_PLACE),
        }
    }

    /// The number of sets in a table.
    pub(super) const fn sets(&self, table: Table) -> u32 {
        match table {
            Table::Home => self.home,
            Table::Large => self.large,
        }
    }

    /// The set in which a fingerprint has its place.
    pub(super) fn set(&self, table: Table, fingerprint: &[u8; 16]) -> u32 {
        let [a, b, c, d, e, f, g, h, ..] = *fingerprint;
        let hash = match table {
            Table::Home => [a, b, c, d],
            Table::Large => [e, f, g, h],
        };
        u32::from_le_bytes(hash) % self.sets(table)
    }

    /// The key of the ledger.
    pub(super) fn ledger(&self) -> Name {
        self.name(b'b', 0, 0)
    }

    /// The key of a set.
    pub(super) fn index(&self, table: Table, set: u32) -> Name {
        let kind = match table {
            Table::Home => b'h',
            Table::Large => b'l',
        };
        self.name(kind, set, 0)
    }

    /// The key of one of an entry's values: `segment` is 0 in the home table.
    pub(super) fn value(&self, table: Table, set: u32, way: usize, segment: usize) -> Name {
        // Fewer than 2²⁸ sets, and 17 segments at most: each has a number of its own.
        let kind = match table {
            Table::Home => 0x80,
            Table::Large => 0xa0 + u8::try_from(segment).unwrap_or(0),
        };
        self.name(kind, set, u8::try_from(way).unwrap_or(u8::MAX))
    }

    fn name(&self, kind: u8, set: u32, way: u8) -> Name {
        let [a, b, c, d] = set.to_le_bytes();
        let mut name = [0; 16];
        let parts = self.prefix.iter().copied().chain([kind, a, b, c, d, way]);
        for (place, byte) in name.iter_mut().zip(parts) {
            *place = byte;
        }
        name
    }
}

/// The beginning of all keys of a name and a size; of what knows the sizes of a name, with 0.
pub(super) fn prefix(name: &str, size_mebibytes: u32) -> [u8; 10] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"attache response cache\0")
        .chain_update(size_mebibytes.to_le_bytes())
        .chain_update(name)
        .finalize()
        .into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// What a value of this length costs beside its key: allocators have eight sizes between a power
/// of two and the next, or four.
pub(super) const fn cost_of_value(length: usize) -> u64 {
    // What is this short lies in the node.
    if length <= 22 {
        return 0;
    }
    let length = length as u64 + 1;
    let eighth = (1_u64 << (63 - length.leading_zeros())) >> 3;
    let step = if eighth < 16 { 16 } else { eighth };
    length.next_multiple_of(step)
}

/// The table in which an entry of this length lies.
pub(super) const fn table_for(length: usize) -> Table {
    if length <= SEGMENT {
        Table::Home
    } else {
        Table::Large
    }
}

/// The number of values that an entry of this length lies in.
pub(super) fn segments(length: usize) -> usize {
    length.div_ceil(SEGMENT).max(1)
}

/// What the values of an entry of this length cost beside their keys.
pub(super) fn cost_of_entry(length: usize) -> u64 {
    let segments = segments(length);
    let last = length - (segments - 1) * SEGMENT;
    (segments as u64 - 1) * cost_of_value(LONGEST_VALUE) + cost_of_value(last + FOOTER)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Geometry, LONGEST_VALUE, Table, WAYS, cost_of_value};

    #[wasm_bindgen_test(unsupported = test)]
    fn a_value_costs_what_allocators_give_it() {
        let costs = [0, 22, 23, 100, 1_000, 1_023, 5_000, LONGEST_VALUE];
        assert_eq!(
            costs.map(cost_of_value),
            [0, 0, 32, 112, 1_024, 1_024, 5_120, 65_536]
        );
        for length in 23..=LONGEST_VALUE {
            let cost = cost_of_value(length);
            assert!(cost > length as u64 && cost <= (length as u64 + 16) * 9 / 8);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_key_serves_twice() {
        let mut names = BTreeSet::new();
        let mut count = 0;
        for geometry in [
            Geometry::new("a", 1),
            Geometry::new("a", 2),
            Geometry::new("b", 1),
        ] {
            names.insert(geometry.ledger());
            count += 1;
            for (table, segments) in [(Table::Home, 1), (Table::Large, 17)] {
                for set in 0..geometry.sets(table) {
                    names.insert(geometry.index(table, set));
                    count += 1;
                    for way in 0..WAYS {
                        for segment in 0..segments {
                            names.insert(geometry.value(table, set, way, segment));
                            count += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(names.len(), count);
    }
}
