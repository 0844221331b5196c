//! The value of an API key: what the customer sends in `x-api-key`.
//!
//! It lives in memory only as long as it takes to digest it or to show it to the one who asked
//! for it, and no error of this module repeats it.

use std::fmt;

use attache_model::{KeyDigest, Secret};
use sha2::{Digest, Sha256};

/// The shortest value that AWS accepts, in characters.
pub const SHORTEST: usize = 20;
/// The longest value that AWS accepts, in characters.
pub const LONGEST: usize = 128;

/// The length of the values that AWS generates.
const GENERATED: usize = 40;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A value that can be sent in a header and has a length that AWS accepts. Its `Debug` output
/// does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyValue(Secret<String>);

/// Why a text is no API key value. It says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidValue {
    /// Fewer than [`SHORTEST`] characters.
    TooShort,
    /// More than [`LONGEST`] characters.
    TooLong,
    /// Holds a character that a header cannot carry unchanged: a control character, one outside
    /// ASCII, or a space at an end.
    NotAHeaderValue,
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(
                formatter,
                "an API key value has at least {SHORTEST} characters"
            ),
            Self::TooLong => write!(
                formatter,
                "an API key value has at most {LONGEST} characters"
            ),
            Self::NotAHeaderValue => formatter.write_str(
                "an API key value is printable ASCII without a space at either end, or no client \
                 could send it",
            ),
        }
    }
}

impl std::error::Error for InvalidValue {}

impl ApiKeyValue {
    /// Takes a value that exists already.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`], by the bounds of AWS's `CreateApiKey`.
    pub fn new(value: String) -> Result<Self, InvalidValue> {
        let length = value.chars().count();
        if length < SHORTEST {
            return Err(InvalidValue::TooShort);
        }
        if length > LONGEST {
            return Err(InvalidValue::TooLong);
        }
        let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !printable || value.starts_with(' ') || value.ends_with(' ') {
            return Err(InvalidValue::NotAHeaderValue);
        }
        Ok(Self(Secret::new(value)))
    }

    /// Makes a new value as AWS does: 40 letters and digits, from the operating system's
    /// randomness.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut value = String::with_capacity(GENERATED);
        while value.len() < GENERATED {
            let mut bytes = [0_u8; 64];
            getrandom::fill(&mut bytes)?;
            // A byte of 248 or more would favour the first letters, so it is thrown away.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
            value.extend(
                letters
                    .map(|letter| char::from(*letter))
                    .take(GENERATED - value.len()),
            );
        }
        Ok(Self(Secret::new(value)))
    }

    /// The SHA-256 by which the filter knows the value.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.reveal().as_bytes()).into())
    }

    /// The value itself, to be written where the user asked for it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKeyValue, InvalidValue};

    #[test]
    fn the_bounds_are_those_of_aws() {
        for (value, expected) in [
            ("a".repeat(19), Err(InvalidValue::TooShort)),
            ("a".repeat(20), Ok(())),
            ("a".repeat(128), Ok(())),
            ("a".repeat(129), Err(InvalidValue::TooLong)),
            ("a b".repeat(10), Ok(())),
            (" ".repeat(30), Err(InvalidValue::NotAHeaderValue)),
            ("é".repeat(20), Err(InvalidValue::NotAHeaderValue)),
            ("line\n".repeat(10), Err(InvalidValue::NotAHeaderValue)),
        ] {
            assert_eq!(
                ApiKeyValue::new(value.clone()).map(|_| ()),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn generated_values_are_forty_letters_and_digits_and_differ() {
        let one = ApiKeyValue::generate().unwrap();
        let other = ApiKeyValue::generate().unwrap();
        assert_ne!(one, other);
        for value in [one, other] {
            assert_eq!(value.reveal().len(), 40);
            assert!(
                value
                    .reveal()
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric())
            );
            assert_eq!(ApiKeyValue::new(value.reveal().to_owned()), Ok(value));
        }
    }

    #[test]
    fn the_digest_is_sha_256_of_the_bytes() {
        let value = ApiKeyValue::new(
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
             hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
                .to_owned(),
        )
        .unwrap();
        assert_eq!(
            String::from(value.digest()),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        );
    }

    #[test]
    fn a_value_does_not_show_in_debug_output() {
        let value = ApiKeyValue::new("never-to-be-seen-anywhere".to_owned()).unwrap();
        assert!(!format!("{value:?}").contains("never"));
    }
}
