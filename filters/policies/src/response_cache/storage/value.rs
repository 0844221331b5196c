//! A value of the store that says itself whose it is.
//!
//! What is stored ends with a footer: the digest of the key, who wrote it and when, which segment
//! it is, and a checksum of all that. The reader knows what it looks for, and whatever differs is
//! not there. So a value that another writer has put in its place, a segment of another entry, or
//! a value that was damaged is never taken for what was looked for. The footer stands at the end,
//! where it is cut off without copying what stands before it.

use twox_hash::XxHash64;

use crate::response_cache::key::Key;

/// Digest, writer, time, segment, checksum.
pub(super) const FOOTER: usize = 32 + STAMP + CHECKSUM;

const STAMP: usize = 8 + 8 + 1;

const CHECKSUM: usize = 8;

/// Which writing of an entry: the number of its writer, and the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) owner: u64,
    pub(super) stored_at: u64,
}

impl Generation {
    fn stamp(self, segment: usize) -> [u8; STAMP] {
        let mut stamp = [0; STAMP];
        let owner = self.owner.to_le_bytes().into_iter();
        let parts = owner
            .chain(self.stored_at.to_le_bytes())
            .chain([u8::try_from(segment).unwrap_or(u8::MAX)]);
        for (place, byte) in stamp.iter_mut().zip(parts) {
            *place = byte;
        }
        stamp
    }
}

/// Puts the footer at the end of what is to be stored.
pub(super) fn seal(bytes: &mut Vec<u8>, key: &Key, generation: Generation, segment: usize) {
    bytes.reserve_exact(FOOTER);
    bytes.extend_from_slice(&key.0);
    bytes.extend_from_slice(&generation.stamp(segment));
    let checksum = XxHash64::oneshot(0, bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
}

/// What was stored, if it is exactly that.
pub(super) fn open(
    mut value: Vec<u8>,
    key: &Key,
    generation: Generation,
    segment: usize,
) -> Option<Vec<u8>> {
    let (checked, checksum) = value.split_last_chunk::<CHECKSUM>()?;
    let (rest, stamp) = checked.split_last_chunk::<STAMP>()?;
    let (content, digest) = rest.split_last_chunk::<32>()?;
    let is_it = *digest == key.0
        && *stamp == generation.stamp(segment)
        && u64::from_le_bytes(*checksum) == XxHash64::oneshot(0, checked);
    let length = content.len();
    value.truncate(length);
    is_it.then_some(value)
}

/// Whether a value was written by this writing of an entry.
pub(super) fn is_of(value: &[u8], generation: Generation, segment: usize) -> bool {
    value
        .split_last_chunk::<CHECKSUM>()
        .is_some_and(|(checked, _)| checked.ends_with(&generation.stamp(segment)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{FOOTER, Generation, is_of, open, seal};
    use crate::response_cache::key::Key;

    const KEY: Key = Key([9; 32]);

    const GENERATION: Generation = Generation {
        owner: 5,
        stored_at: 6,
    };

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut value = bytes.to_vec();
        seal(&mut value, &KEY, GENERATION, 3);
        value
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_what_was_looked_for_opens() {
        let value = sealed(b"answer");
        assert_eq!(value.len(), 6 + FOOTER);
        let found = |key, owner, stored_at, segment| {
            let generation = Generation { owner, stored_at };
            let found = open(value.clone(), &key, generation, segment);
            (found.is_some(), is_of(&value, generation, segment))
        };
        assert_eq!(open(value.clone(), &KEY, GENERATION, 3).unwrap(), b"answer");
        assert_eq!(found(KEY, 5, 6, 3), (true, true));
        assert_eq!(found(Key([8; 32]), 5, 6, 3), (false, true));
        assert_eq!(found(KEY, 4, 6, 3), (false, false));
        assert_eq!(found(KEY, 5, 7, 3), (false, false));
        assert_eq!(found(KEY, 5, 6, 2), (false, false));
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn no_changed_byte_and_no_other_length_opens(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bits in 1..=255_u8,
        ) {
            let value = sealed(&bytes);
            prop_assert_eq!(open(value.clone(), &KEY, GENERATION, 3), Some(bytes));
            let mut changed = value.clone();
            let at = at.index(value.len());
            changed[at] ^= bits;
            prop_assert_eq!(open(changed, &KEY, GENERATION, 3), None);
            prop_assert_eq!(open(value[..at].to_vec(), &KEY, GENERATION, 3), None);
            prop_assert_eq!(open(value[at + 1..].to_vec(), &KEY, GENERATION, 3), None);
        }
    }
}
