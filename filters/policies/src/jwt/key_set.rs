//! The public keys that an issuer publishes.

use std::fmt;

use serde_json::Value;

use super::public_key::PublicKey;

/// The longest key set that is read, in bytes: AWS's limit.
pub(super) const LONGEST_KEY_SET: usize = 150_000;

/// How many keys a set may have.
const MOST_KEYS: usize = 256;

/// A JSON Web Key Set (RFC 7517, section 5): those of its keys that can verify tokens.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

/// Why something is not a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetFault {
    /// It is longer than 150 000 bytes.
    TooLong,
    /// It is not JSON, or JSON without a list `keys`.
    Malformed,
    /// It has more than 256 keys.
    TooManyKeys,
}

impl KeySet {
    /// Reads the text of a key set.
    ///
    /// # Errors
    ///
    /// When it is none, or over a limit. A key that cannot verify tokens is left out.
    pub fn from_slice(text: &[u8]) -> Result<Self, KeySetFault> {
        if text.len() > LONGEST_KEY_SET {
            return Err(KeySetFault::TooLong);
        }
        let set: Value = serde_json::from_slice(text).map_err(|_| KeySetFault::Malformed)?;
        Self::from_json(&set)
    }

    /// Reads a key set.
    ///
    /// # Errors
    ///
    /// When it is none, or has too many keys. A key that cannot verify tokens is left out.
    pub fn from_json(set: &Value) -> Result<Self, KeySetFault> {
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(KeySetFault::Malformed)?;
        if keys.len() > MOST_KEYS {
            return Err(KeySetFault::TooManyKeys);
        }
        let keys = keys.iter().filter_map(Value::as_object);
        Ok(Self(keys.filter_map(PublicKey::from_jwk).collect()))
    }

    /// The keys of an id, mostly one.
    pub fn with_id<'s>(&'s self, id: &'s str) -> impl Iterator<Item = &'s PublicKey> {
        self.0.iter().filter(move |key| key.id() == id)
    }

    /// Whether no key can verify tokens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys can verify tokens.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for KeySetFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "it is longer than 150000 bytes",
            Self::Malformed => "it is not a JSON Web Key Set",
            Self::TooManyKeys => "it has more than 256 keys",
        })
    }
}

impl std::error::Error for KeySetFault {}
