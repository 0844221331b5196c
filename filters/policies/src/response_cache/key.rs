//! What makes two requests the same for a cache.
//!
//! A key is the SHA-256 of its parts, each with its length in front, and a list of values ends with
//! a mark of its own. So no two lists of parts are the same bytes: `ab` and `c` are not `a` and
//! `bc`, one value with a comma is not two, and a value that is empty is not one that is missing.

use sha2::{Digest, Sha256};

/// The SHA-256 of everything that tells a response from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

/// The parts of a key, as far as they are known. What many keys have in common is hashed once and
/// cloned.
#[derive(Clone, Debug)]
pub struct KeyParts(Sha256);

/// Before each value of a list.
const VALUE: [u8; 1] = [1];

/// After the last value of a list.
const END: [u8; 1] = [0];

impl KeyParts {
    /// Keys for one purpose, which have nothing in common with those for another.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.push(purpose.as_bytes());
        parts
    }

    /// Adds a part that every key has.
    pub fn push(&mut self, part: &[u8]) {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_le_bytes());
        self.0.update(part);
    }

    /// Adds what may be there any number of times: no value, one or several, in order.
    pub fn push_values<V: AsRef<[u8]>>(&mut self, values: impl IntoIterator<Item = V>) {
        for value in values {
            self.0.update(VALUE);
            self.push(value.as_ref());
        }
        self.0.update(END);
    }

    /// The key.
    #[must_use]
    pub fn finish(self) -> Key {
        Key(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Key, KeyParts};

    fn key(parts: &[&str], values: &[&[&str]]) -> Key {
        let mut key = KeyParts::new("test");
        for part in parts {
            key.push(part.as_bytes());
        }
        for values in values {
            key.push_values(*values);
        }
        key.finish()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_looks_alike_is_told_apart() {
        let keys = [
            key(&[], &[]),
            key(&[""], &[]),
            key(&["ab"], &[]),
            key(&["a", "b"], &[]),
            key(&[], &[&[]]),
            key(&[], &[&[""]]),
            key(&[], &[&[], &[]]),
            key(&[], &[&["", ""]]),
            key(&[], &[&["a", "b"]]),
            key(&[], &[&["b", "a"]]),
            key(&[], &[&["a,b"]]),
            key(&[], &[&["a"], &["b"]]),
            key(&[], &[&["a"], &[]]),
            key(&[], &[&[], &["a"]]),
            key(&[], &[&["A"]]),
            key(&[], &[&["\u{1}"]]),
            key(&[], &[&["\0"]]),
        ];
        for (position, one) in keys.iter().enumerate() {
            for other in keys.iter().skip(position + 1) {
                assert_ne!(one, other);
            }
        }
        let mut other = KeyParts::new("tes");
        other.push(b"t");
        assert_ne!(other.finish(), KeyParts::new("test").finish());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_stays_what_it_is() {
        // What is kept must be found by the next version, too.
        let mut parts = KeyParts::new("a");
        parts.push_values([b"b".as_slice(), b""]);
        let hashed = [
            &[1, 0, 0, 0, 0, 0, 0, 0, b'a'][..],
            &[1, 1, 0, 0, 0, 0, 0, 0, 0, b'b'],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0],
        ];
        assert_eq!(parts.finish(), Key(Sha256::digest(hashed.concat()).into()));
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn two_keys_are_the_same_for_the_same_parts_only(
            one in prop::collection::vec(prop::collection::vec("[ab,]{0,3}", 0..3), 3),
            other in prop::collection::vec(prop::collection::vec("[ab,]{0,3}", 0..3), 3),
        ) {
            let key = |lists: &[Vec<String>]| {
                let mut parts = KeyParts::new("test");
                for list in lists {
                    parts.push_values(list);
                }
                parts.finish()
            };
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
