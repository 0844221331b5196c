//! An entry as the text that Redis holds of it, in base64.
//!
//! ```text
//! content   as it is kept, or encrypted
//! footer    whose it is (32 bytes), its writing (32), form (1), checksum (8)
//! ```
//!
//! The reader knows whose entry it looks for and whether that is encrypted, and whatever differs is
//! not there. A checksum finds what was damaged; only encryption finds what was forged.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use twox_hash::XxHash64;

use crate::response_cache::key::Key;
use crate::response_cache::storage::{Encryption, Writing};

/// Its last bytes say how an entry was written. What another version of the filter has written in
/// another form is nothing.
const PLAIN: u8 = 1;
const ENCRYPTED: u8 = 2;

const WRITING: usize = 32;

/// The text of an entry; `None` when it cannot be encrypted.
pub(super) fn seal(
    name: &Key,
    writing: Writing,
    content: &[u8],
    encryption: Option<&Encryption>,
) -> Option<String> {
    let mut bytes = Vec::with_capacity(content.len() + 128);
    bytes.extend_from_slice(content);
    if let Some(encryption) = encryption {
        encryption.encrypt(name, writing, &mut bytes)?;
    }
    bytes.extend_from_slice(&name.0);
    bytes.extend(writing.to_bytes());
    bytes.push(form(encryption));
    let checksum = XxHash64::oneshot(0, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// What was sealed under this name, and how it was written.
pub(super) fn open(
    text: &str,
    name: &Key,
    encryption: Option<&Encryption>,
) -> Option<(Writing, Vec<u8>)> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (checked, checksum) = bytes.split_last_chunk()?;
    let (last, rest) = checked.split_last()?;
    let (rest, writing) = rest.split_last_chunk::<WRITING>()?;
    let (content, owner) = rest.split_last_chunk::<32>()?;
    let is_it = *owner == name.0
        && *last == form(encryption)
        && u64::from_le_bytes(*checksum) == XxHash64::oneshot(0, checked);
    if !is_it {
        return None;
    }
    let (writing, length) = (Writing::from_bytes(*writing), content.len());
    bytes.truncate(length);
    if let Some(encryption) = encryption {
        encryption.decrypt(name, writing, &mut bytes)?;
    }
    Some((writing, bytes))
}

const fn form(encryption: Option<&Encryption>) -> u8 {
    match encryption {
        Some(_) => ENCRYPTED,
        None => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{open, seal};
    use crate::response_cache::key::Key;
    use crate::response_cache::storage::{Encryption, Writing};

    const NAME: Key = Key([9; 32]);

    const WRITING: Writing = Writing {
        owner: 1,
        stored_at: 2,
        fresh_until: 3,
        kept_until: 4,
    };

    fn encryption(secret: u8) -> Option<Encryption> {
        (secret > 0).then(|| Encryption::new([secret; 32]))
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_what_was_looked_for_opens() {
        for (written, read, name, opens) in [
            (0, 0, NAME, true),
            (7, 7, NAME, true),
            (7, 8, NAME, false),
            // What is to be encrypted and is not may be anybody's.
            (0, 7, NAME, false),
            (7, 0, NAME, false),
            (0, 0, Key([8; 32]), false),
            (7, 7, Key([8; 32]), false),
        ] {
            let text = seal(&NAME, WRITING, b"answer", encryption(written).as_ref()).unwrap();
            let opened = open(&text, &name, encryption(read).as_ref());
            let expected = opens.then(|| (WRITING, b"answer".to_vec()));
            assert_eq!(opened, expected, "{written} {read}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_encrypted_is_not_seen() {
        let holds = |secret| {
            let text = seal(&NAME, WRITING, b"answer", encryption(secret).as_ref()).unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes.windows(6).any(|window| window == b"answer")
        };
        assert!(holds(0));
        assert!(!holds(7));
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn whatever_is_sealed_opens_and_nothing_that_was_changed(
            content in prop::collection::vec(any::<u8>(), 0..200),
            secret in 0..2_u8,
            at in any::<prop::sample::Index>(),
            bits in 1..=255_u8,
        ) {
            let encryption = encryption(secret);
            let text = seal(&NAME, WRITING, &content, encryption.as_ref()).unwrap();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            prop_assert!(text.bytes().all(is_plain));
            prop_assert_eq!(open(&text, &NAME, encryption.as_ref()), Some((WRITING, content)));
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(open(&text, &NAME, encryption.as_ref()), None);
            let text = URL_SAFE_NO_PAD.encode(&bytes[..at]);
            prop_assert_eq!(open(&text, &NAME, encryption.as_ref()), None);
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn any_text_opens_or_does_not(text in "[A-Za-z0-9_=/é-]{0,120}", secret in 0..2_u8) {
            prop_assert_eq!(open(&text, &NAME, encryption(secret).as_ref()), None);
        }
    }
}
