//! Encryption of what is kept, as API Gateway offers it.
//!
//! AES-256 in Galois/Counter mode (NIST SP 800-38D). Every entry has a key of its own, derived
//! from the given one (the one-step key derivation of NIST SP 800-56C, section 4.1, with SHA-256)
//! and from what tells one writing of an entry from every other: the digest of its key, the random
//! number of its writer, the nanosecond, and how long it is good for. The same goes into the nonce
//! and is authenticated. Two texts would meet under one key and nonce only if one writer's 64
//! random bits came up again for the same cache key in the same nanosecond. And an entry that was
//! moved, or whose lifetime was changed in the index, does not open.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Tag};
use sha2::{Digest, Sha256};

use crate::response_cache::key::Key;

/// The length of the tag that stands behind an encrypted text, in bytes.
pub(super) const TAG: usize = 16;

/// What tells one writing of an entry from every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// A number that no other writer has, 64 random bits.
    pub owner: u64,
    /// When it was written, in nanoseconds since 1970, as all of these.
    pub stored_at: u64,
    /// Until when it may be used without asking.
    pub fresh_until: u64,
    /// When it is forgotten.
    pub kept_until: u64,
}

impl Writing {
    /// The four numbers, little-endian.
    pub(crate) fn to_bytes(self) -> impl Iterator<Item = u8> {
        let numbers = [
            self.owner,
            self.stored_at,
            self.fresh_until,
            self.kept_until,
        ];
        numbers.into_iter().flat_map(u64::to_le_bytes)
    }

    /// The same the other way round.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut numbers = bytes.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it));
        let mut next = || numbers.next().unwrap_or_default();
        Self {
            owner: next(),
            stored_at: next(),
            fresh_until: next(),
            kept_until: next(),
        }
    }
}

/// The key that entries are encrypted with.
#[derive(Clone)]
pub struct Encryption {
    key: [u8; 32],
}

impl Encryption {
    /// The key with these bytes, which must be as good as random and serve for nothing else.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Encrypts in place and puts the tag behind. `None`: it cannot be.
    pub(crate) fn encrypt(&self, key: &Key, writing: Writing, bytes: &mut Vec<u8>) -> Option<()> {
        let context = context(key, writing);
        let nonce = nonce(writing).into();
        let tag = self
            .cipher(&context)
            .encrypt_inout_detached(&nonce, &context, bytes.as_mut_slice().into())
            .ok()?;
        bytes.extend_from_slice(&tag);
        Some(())
    }

    /// Decrypts in place and takes the tag away. `None`: it is not what was encrypted.
    pub(crate) fn decrypt(&self, key: &Key, writing: Writing, bytes: &mut Vec<u8>) -> Option<()> {
        let context = context(key, writing);
        let tag = Tag::from(*bytes.last_chunk::<TAG>()?);
        bytes.truncate(bytes.len() - TAG);
        self.cipher(&context)
            .decrypt_inout_detached(
                &nonce(writing).into(),
                &context,
                bytes.as_mut_slice().into(),
                &tag,
            )
            .ok()
    }

    fn cipher(&self, context: &[u8]) -> Aes256Gcm {
        let key: [u8; 32] = Sha256::new()
            .chain_update(1_u32.to_be_bytes())
            .chain_update(self.key)
            .chain_update(b"attache response cache entry")
            .chain_update(context)
            .finalize()
            .into();
        Aes256Gcm::new(&key.into())
    }
}

/// Of which entry this is which writing. Always of the same length.
fn context(key: &Key, writing: Writing) -> Vec<u8> {
    key.0.into_iter().chain(writing.to_bytes()).collect()
}

fn nonce(writing: Writing) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (place, byte) in nonce.iter_mut().zip(writing.to_bytes()) {
        *place = byte;
    }
    nonce
}

/// Tells nothing.
impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryption")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Encryption, TAG, Writing};
    use crate::response_cache::key::Key;

    const KEY: Key = Key([9; 32]);

    const WRITING: Writing = Writing {
        owner: 1,
        stored_at: 2,
        fresh_until: 3,
        kept_until: 4,
    };

    fn encrypted(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        Encryption::new([7; 32])
            .encrypt(&KEY, WRITING, &mut bytes)
            .unwrap();
        bytes
    }

    fn opens(secret: u8, key: Key, writing: Writing, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let opened = Encryption::new([secret; 32]).decrypt(&key, writing, &mut bytes);
        opened.map(|()| bytes)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn another_key_another_place_or_another_lifetime_does_not_open_it() {
        let bytes = encrypted(b"answer");
        let read = |secret, key, change: &dyn Fn(&mut Writing)| {
            let mut writing = WRITING;
            change(&mut writing);
            opens(secret, key, writing, bytes.clone())
        };
        assert_eq!(read(7, KEY, &|_| ()).unwrap(), b"answer");
        assert_eq!(read(8, KEY, &|_| ()), None);
        assert_eq!(read(7, Key([8; 32]), &|_| ()), None);
        assert_eq!(read(7, KEY, &|writing| writing.owner = 9), None);
        assert_eq!(read(7, KEY, &|writing| writing.stored_at = 9), None);
        assert_eq!(read(7, KEY, &|writing| writing.fresh_until = 9), None);
        assert_eq!(read(7, KEY, &|writing| writing.kept_until = 9), None);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn every_writing_looks_different() {
        let text = [0; 64];
        let first = encrypted(&text);
        let mut second = text.to_vec();
        let writing = Writing {
            stored_at: WRITING.stored_at + (1 << 40),
            ..WRITING
        };
        Encryption::new([7; 32])
            .encrypt(&KEY, writing, &mut second)
            .unwrap();
        assert_ne!(first, second);
        assert!(!first.windows(4).any(|window| window == [0; 4]));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_tells_nothing() {
        assert_eq!(format!("{:?}", Encryption::new([7; 32])), "Encryption");
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn whatever_is_encrypted_opens_and_no_changed_byte_does(
            text in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bits in 1..=255_u8,
        ) {
            let bytes = encrypted(&text);
            prop_assert_eq!(bytes.len(), text.len() + TAG);
            prop_assert_eq!(opens(7, KEY, WRITING, bytes.clone()), Some(text));
            let mut changed = bytes.clone();
            let at = at.index(bytes.len());
            changed[at] ^= bits;
            prop_assert_eq!(opens(7, KEY, WRITING, changed), None);
            prop_assert_eq!(opens(7, KEY, WRITING, bytes[..at].to_vec()), None);
        }
    }
}
