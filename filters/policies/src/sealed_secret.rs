//! Secrets that stand in the configuration document and that only the filter can read.
//!
//! Envoy shows its whole configuration, and with it the filter's document, to everybody who
//! reaches its admin port or its control plane. A secret that a signature is verified with cannot
//! be kept as a digest, so it is sealed: encrypted and authenticated with a key that the filter
//! has from its environment. Whoever reads the document without the key learns how long each
//! secret is and which secrets have stayed the same, and can neither use one nor put one under
//! another name. Whoever reads the memory or the environment of the proxy has them.
//!
//! The seal is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with the name of the secret as
//! associated data. The nonce is an HMAC of name and secret, as in RFC 5297: sealing needs no
//! randomness, the same secret under the same name always gives the same text, so that compiled
//! files change only when a secret does, and no nonce ever serves two different secrets.

use std::fmt;

use attache_model::{SealedSecret, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ports::Environment;

/// The environment variable that holds the key: 32 bytes in base64 (RFC 4648, section 4).
pub const VARIABLE: &str = "ATTACHE_SECRETS_KEY";

/// The length of a nonce of XChaCha20, in bytes.
const NONCE_LENGTH: usize = 24;

/// The length of a tag of Poly1305, in bytes.
const TAG_LENGTH: usize = 16;

/// The key that secrets are sealed with.
#[derive(Clone)]
pub struct SealingKey {
    encryption: [u8; 32],
    nonces: [u8; 32],
    cached_responses: [u8; 32],
    authorizer_results: [u8; 32],
}

/// Why a key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSealingKey;

/// Why a sealed secret cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// It is not base64, or too short for a seal.
    Malformed,
    /// It was sealed with another key or under another name, or was changed since.
    Refused,
}

impl SealingKey {
    /// The key with these bytes, which must be as good as random.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        // Four uses of one key: each has a key of its own.
        Self {
            encryption: mac(key, &[b"attache sealed secret: encryption"]),
            nonces: mac(key, &[b"attache sealed secret: nonces"]),
            cached_responses: mac(key, &[b"attache response cache: encryption"]),
            authorizer_results: mac(key, &[b"attache authorizer results: encryption"]),
        }
    }

    /// Reads a key: 32 bytes in base64, with or without white space around it.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn from_base64(text: &str) -> Result<Self, InvalidSealingKey> {
        let bytes = STANDARD
            .decode(text.trim_ascii())
            .map_err(|_| InvalidSealingKey)?;
        let key = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| InvalidSealingKey)?;
        Ok(Self::new(key))
    }

    /// The key in [`VARIABLE`]; `None` when it is not set, or empty.
    ///
    /// # Errors
    ///
    /// When something else than 32 bytes in base64 stands there.
    pub fn from_environment(
        environment: &dyn Environment,
    ) -> Result<Option<Self>, InvalidSealingKey> {
        match environment.variable(VARIABLE) {
            Some(text) if !text.trim_ascii().is_empty() => Self::from_base64(&text).map(Some),
            _ => Ok(None),
        }
    }

    /// The key that responses are encrypted with while they are kept.
    #[must_use]
    pub const fn for_cached_responses(&self) -> [u8; 32] {
        self.cached_responses
    }

    /// The key that results of authorizers are encrypted with where gateways share them.
    #[must_use]
    pub(crate) const fn for_authorizer_results(&self) -> [u8; 32] {
        self.authorizer_results
    }

    /// Seals a secret under a name, such as its access key id. The same three always give the
    /// same text.
    #[must_use]
    pub fn seal(&self, name: &str, secret: &[u8]) -> SealedSecret {
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
        let derived = mac(&self.nonces, &[&length, name.as_bytes(), secret]);
        let nonce: [u8; NONCE_LENGTH] =
            std::array::from_fn(|at| derived.get(at).copied().unwrap_or(0));
        let mut text = secret.to_vec();
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce.into(), name.as_bytes(), text.as_mut_slice().into())
            // Only for a text of 256 GiB, and then nothing opens it.
            .unwrap_or_default();
        SealedSecret(STANDARD.encode([nonce.as_slice(), &text, tag.as_slice()].concat()))
    }

    /// Opens what was sealed under this name.
    ///
    /// # Errors
    ///
    /// When it is no sealed secret, or was not sealed with this key under this name.
    pub fn open(&self, name: &str, sealed: &SealedSecret) -> Result<Secret<Vec<u8>>, OpenError> {
        let bytes = STANDARD
            .decode(&sealed.0)
            .map_err(|_| OpenError::Malformed)?;
        let (nonce, rest) = bytes
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or(OpenError::Malformed)?;
        let (text, tag) = rest
            .split_last_chunk::<TAG_LENGTH>()
            .ok_or(OpenError::Malformed)?;
        let mut text = text.to_vec();
        self.cipher()
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                name.as_bytes(),
                text.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| OpenError::Refused)?;
        Ok(Secret::new(text))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.encryption.into())
    }
}

/// HMAC-SHA256 (RFC 2104) over the parts, one after the other.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104, section 2: a key that is shorter than a block is filled up with zeros.
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Tells nothing.
impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealingKey")
    }
}

impl fmt::Display for InvalidSealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{VARIABLE}` does not hold 32 bytes in base64")
    }
}

impl std::error::Error for InvalidSealingKey {}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "this is not a sealed secret",
            Self::Refused => "the secret was sealed with another key, or for something else",
        })
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use attache_model::SealedSecret;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{InvalidSealingKey, OpenError, SealingKey, VARIABLE};

    const NAME: &str = "AKIDEXAMPLE";

    fn key() -> SealingKey {
        SealingKey::new(&[7; 32])
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_same_secret_is_sealed_the_same_way() {
        let sealed = key().seal(NAME, b"wJalrXUtnFEMI");
        assert_eq!(sealed, key().seal(NAME, b"wJalrXUtnFEMI"));
        assert_ne!(sealed, key().seal("AKIDOTHER", b"wJalrXUtnFEMI"));
        assert_ne!(sealed, key().seal(NAME, b"wJalrXUtnFEMJ"));
        assert_ne!(
            sealed,
            SealingKey::new(&[8; 32]).seal(NAME, b"wJalrXUtnFEMI")
        );
        // As another implementation seals it; earlier documents must open, so it never changes.
        assert_eq!(
            sealed.0,
            "6ok/grtGLs+zzXr3V/5apjI/dJLF/tcGQfYqOMePec12Qf97/VMfGPr+ecV/aLm43gOedv8="
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn name_and_secret_are_told_apart_in_the_nonce() {
        let nonce = |sealed: SealedSecret| STANDARD.decode(sealed.0).unwrap()[..24].to_vec();
        assert_ne!(nonce(key().seal("ab", b"c")), nonce(key().seal("a", b"bc")));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_the_same_key_and_name_open_it() {
        let sealed = key().seal(NAME, b"secret");
        assert_eq!(key().open(NAME, &sealed).unwrap().reveal(), b"secret");
        assert_eq!(key().open("AKIDOTHER", &sealed), Err(OpenError::Refused));
        let other = SealingKey::new(&[8; 32]);
        assert_eq!(other.open(NAME, &sealed), Err(OpenError::Refused));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_no_sealed_secret_is_refused() {
        for text in ["", "secret", "c2VjcmV0", &"A".repeat(52), "é"] {
            let sealed = SealedSecret(text.to_owned());
            assert_eq!(
                key().open(NAME, &sealed),
                Err(OpenError::Malformed),
                "{text}"
            );
        }
        let shortest = SealedSecret(STANDARD.encode([0; 40]));
        assert_eq!(key().open(NAME, &shortest), Err(OpenError::Refused));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_key_comes_from_the_environment() {
        let read = |value: Option<&str>| {
            let value = value.map(str::to_owned);
            SealingKey::from_environment(&|name: &str| {
                assert_eq!(name, VARIABLE);
                value.clone()
            })
        };
        let bytes = STANDARD.encode([7; 32]);
        let sealed = key().seal(NAME, b"secret");
        for text in [bytes.clone(), format!(" {bytes}\n")] {
            let found = read(Some(&text)).unwrap().unwrap();
            assert!(found.open(NAME, &sealed).is_ok());
        }
        for unset in [None, Some(""), Some(" \n")] {
            assert!(read(unset).unwrap().is_none());
        }
        for wrong in [
            "secret",
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
        ] {
            assert_eq!(read(Some(wrong)).unwrap_err(), InvalidSealingKey, "{wrong}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_tells_nothing() {
        assert_eq!(format!("{:?}", key()), "SealingKey");
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn whatever_is_sealed_opens_and_no_changed_byte_does(
            name in ".{0,20}",
            secret in prop::collection::vec(any::<u8>(), 0..80),
            at in any::<prop::sample::Index>(),
            bits in 1..=255_u8,
        ) {
            let sealed = key().seal(&name, &secret);
            let opened = key().open(&name, &sealed).unwrap();
            prop_assert_eq!(opened.reveal(), &secret);
            let mut bytes = STANDARD.decode(&sealed.0).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            let changed = SealedSecret(STANDARD.encode(bytes));
            prop_assert_eq!(key().open(&name, &changed), Err(OpenError::Refused));
        }
    }
}
