//! The name under which a result is cached.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// SHA-256 of everything that two requests must have in common to share a result.
pub type CacheKey = [u8; 32];

/// What an authorizer of one stage is, as the beginning of all its cache keys: a change of its
/// configuration is a change of every key, so that no result of an earlier one is ever found.
///
/// Each part is written with its length before it, so that parts cannot run together.
pub(super) fn generation<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> CacheKey {
    digest(b"Lambda authorizer", parts)
}

/// The key of a request: the values of its identity sources, in the order in which the sources
/// are declared, after the [`generation`] of the authorizer.
pub(super) fn cache_key(generation: &CacheKey, values: &[Cow<'_, [u8]>]) -> CacheKey {
    digest(generation, values.iter().map(AsRef::as_ref))
}

fn digest<'p>(beginning: &[u8], parts: impl IntoIterator<Item = &'p [u8]>) -> CacheKey {
    let mut hash = Sha256::new();
    hash.update(beginning);
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{cache_key, generation};

    fn cows(values: &[Vec<u8>]) -> Vec<Cow<'_, [u8]>> {
        values.iter().map(Cow::from).collect()
    }

    proptest! {
        /// Values from a small alphabet, so that many of them are equal when run together.
        #[wasm_bindgen_test(unsupported = test)]
        fn keys_are_equal_exactly_when_all_values_are(
            one in prop::collection::vec(prop::collection::vec(0_u8..3, 0..4), 0..4),
            other in prop::collection::vec(prop::collection::vec(0_u8..3, 0..4), 0..4),
        ) {
            let generation = generation([&b"a"[..]]);
            let equal = cache_key(&generation, &cows(&one)) == cache_key(&generation, &cows(&other));
            prop_assert_eq!(equal, one == other);
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn authorizers_have_no_key_in_common(
            one in prop::collection::vec("[ab]{0,2}", 0..3),
            other in prop::collection::vec("[ab]{0,2}", 0..3),
            values in prop::collection::vec(any::<Vec<u8>>(), 0..3),
        ) {
            let of = |parts: &[String]| generation(parts.iter().map(String::as_bytes));
            let (first, second) = (of(&one), of(&other));
            let equal = cache_key(&first, &cows(&values)) == cache_key(&second, &cows(&values));
            prop_assert_eq!(equal, one == other);
        }
    }
}
