use serde::{Deserialize, Serialize};

/// An API key: who holds it and what it opens. The value itself is never part of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// The key id: `$context.identity.apiKeyId`.
    pub id: String,
    /// SHA-256 of the value.
    pub digest: KeyDigest,
    /// Values that this key had before it was rotated and that still open it for a while. They
    /// share its id, so they draw on its one quota and its one throttle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_values: Vec<PreviousValue>,
    /// A disabled key is refused like an unknown one.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// The moment from which the key is refused, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The ids of the plans that the key belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage_plans: Vec<String>,
}

/// A value that a key had before it was rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviousValue {
    /// SHA-256 of the value.
    pub digest: KeyDigest,
    /// The moment from which this value is refused, in milliseconds since 1970. The key's own
    /// `expiresAt`, when earlier, ends it too.
    pub expires_at: u64,
}

const fn enabled() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_enabled(value: &bool) -> bool {
    *value
}

/// The SHA-256 of a key's value, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyDigest(pub [u8; 32]);

impl From<KeyDigest> for String {
    fn from(digest: KeyDigest) -> Self {
        digest
            .0
            .iter()
            .fold(Self::with_capacity(64), |mut text, byte| {
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
                text
            })
    }
}

impl TryFrom<String> for KeyDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const SHAPE: &str = "a key digest is 64 hexadecimal digits";
        if text.len() != 64 {
            return Err(SHAPE);
        }
        let mut digest = [0_u8; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).ok_or(SHAPE)?;
                *byte = (*byte << 4) | u8::try_from(value).map_err(|_| SHAPE)?;
            }
        }
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::KeyDigest;

    #[wasm_bindgen_test(unsupported = test)]
    fn a_digest_survives_the_round_trip() {
        let digest = KeyDigest(std::array::from_fn(|index| {
            u8::try_from(index * 7).unwrap_or(0)
        }));
        assert_eq!(KeyDigest::try_from(String::from(digest)), Ok(digest));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn other_texts_are_refused() {
        for text in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert!(KeyDigest::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
