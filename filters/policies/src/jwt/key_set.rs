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

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
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

#[cfg(test)]
mod tests {
    use attache_model::JwtAlgorithm;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::super::test_issuer::{base64url, jwk, key_set};
    use super::{KeySet, KeySetFault, LONGEST_KEY_SET, MOST_KEYS};

    fn takes(key: &Value) -> bool {
        let set = KeySet::from_json(&json!({"keys": [key]})).unwrap();
        set.len() == 1
    }

    fn changed(id: &str, member: &str, value: Value) -> Value {
        let mut key = jwk(id);
        key[member] = value;
        key
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn keys_are_for_verification() {
        for (key, expected) in [
            (changed("rsa", "use", json!("sig")), true),
            (changed("rsa", "use", json!("enc")), false),
            (changed("rsa", "use", Value::Null), false),
            (changed("p256", "key_ops", json!(["verify"])), true),
            (changed("p256", "key_ops", json!(["sign", "verify"])), true),
            (changed("p256", "key_ops", json!(["encrypt"])), false),
            (changed("p256", "key_ops", json!("verify")), false),
            (changed("rsa", "alg", json!("RS512")), true),
            (changed("rsa", "alg", json!("PS256")), true),
            (changed("rsa", "alg", json!("ES256")), false),
            (changed("rsa", "alg", json!("RSA-OAEP")), false),
            (changed("rsa", "alg", json!("none")), false),
            (changed("rsa", "alg", json!(1)), false),
            (changed("p256", "alg", json!("ES384")), false),
            (changed("ed25519", "alg", json!("Ed25519")), true),
            (changed("p256", "kid", json!(1)), false),
            (changed("p256", "kid", Value::Null), false),
        ] {
            assert_eq!(takes(&key), expected, "{key}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn keys_that_cannot_verify_are_left_out() {
        let number = |bits: usize| {
            let mut bytes = vec![0xff; bits / 8];
            bytes[bits / 8 - 1] = 0xfd;
            json!(base64url(&bytes))
        };
        let leading_zero = |length: usize| json!(base64url(&vec![0; length]));
        for (key, expected) in [
            (changed("rsa", "n", number(2048)), true),
            (changed("rsa", "n", number(4096)), true),
            (changed("rsa", "n", number(1024)), false),
            (changed("rsa", "n", number(2040)), false),
            (changed("rsa", "n", number(8192)), false),
            (changed("rsa", "n", json!("")), false),
            (changed("rsa", "e", json!("Aw")), false),
            (changed("rsa", "e", json!("")), false),
            (changed("rsa", "e", json!("AQAB=")), false),
            (changed("p256", "x", leading_zero(32)), false),
            (changed("p256", "x", leading_zero(31)), false),
            (changed("p256", "crv", json!("P-384")), false),
            (changed("p256", "crv", json!("secp256k1")), false),
            (changed("p256", "kty", json!("OKP")), false),
            (changed("ed25519", "x", leading_zero(32)), false),
            (changed("ed25519", "x", leading_zero(31)), false),
            (changed("ed25519", "crv", json!("X25519")), false),
            (
                json!({"kty": "oct", "kid": "a", "k": "AAAA", "alg": "HS256"}),
                false,
            ),
            (json!({"kid": "a"}), false),
            (json!("key"), false),
            (json!(null), false),
        ] {
            assert_eq!(takes(&key), expected, "{key}");
        }
        let mixed = json!({"keys": [1, jwk("rsa"), {"kty": "oct"}, jwk("p256")]});
        let set = KeySet::from_json(&mixed).unwrap();
        assert_eq!(set.len(), 2);
        assert!(!set.is_empty());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_is_for_the_algorithms_of_its_kind() {
        use JwtAlgorithm::{EdDsa, Es256, Es384, Es512, Ps256, Rs256, Rs512};
        let set = KeySet::from_json(&key_set()).unwrap();
        for (id, expected) in [
            ("rsa", &[Rs256, Rs512, Ps256][..]),
            ("p256", &[Es256]),
            ("p384", &[Es384]),
            ("ed25519", &[EdDsa]),
        ] {
            let key = set.with_id(id).next().unwrap();
            let algorithms = [Rs256, Rs512, Ps256, Es256, Es384, Es512, EdDsa];
            let own = algorithms
                .iter()
                .filter(|algorithm| key.is_for(**algorithm));
            assert!(own.eq(expected), "{id}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_set_is_bounded() {
        let text = |length: usize| {
            let mut text = key_set().to_string().into_bytes();
            text.resize(length, b' ');
            text
        };
        assert_eq!(KeySet::from_slice(&text(LONGEST_KEY_SET)).unwrap().len(), 4);
        let too_long = KeySet::from_slice(&text(LONGEST_KEY_SET + 1));
        assert_eq!(too_long.unwrap_err(), KeySetFault::TooLong);
        let keys = |count: usize| json!({"keys": vec![json!({}); count]});
        assert!(KeySet::from_json(&keys(MOST_KEYS)).is_ok());
        let too_many = KeySet::from_json(&keys(MOST_KEYS + 1));
        assert_eq!(too_many.unwrap_err(), KeySetFault::TooManyKeys);
        for text in ["", "[]", "{}", "{\"keys\":{}}", "null", "{\"keys\":[}"] {
            let fault = KeySet::from_slice(text.as_bytes()).unwrap_err();
            assert_eq!(fault, KeySetFault::Malformed, "{text}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_proxy_gets_keys_as_jwt_simple_writes_them() {
        use jwt_simple::algorithms::{ES256PublicKey, ES384PublicKey, RSAPublicKey};
        let set = KeySet::from_json(&key_set()).unwrap();
        let der = |id: &'static str| set.with_id(id).next().unwrap().subject_public_key_info();
        let rsa = RSAPublicKey::from_der(der("rsa")).unwrap();
        assert_eq!(rsa.to_der().unwrap(), der("rsa"));
        let p256 = ES256PublicKey::from_der(der("p256")).unwrap();
        assert_eq!(p256.to_der().unwrap(), der("p256"));
        let p384 = ES384PublicKey::from_der(der("p384")).unwrap();
        assert_eq!(p384.to_der().unwrap(), der("p384"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = KeySet::from_slice(&bytes);
        }

        #[test]
        fn no_numbers_panic(n in "[A-Za-z0-9_-]{0,400}", e in "[A-Za-z0-9_-]{0,8}") {
            let key = json!({"kty": "RSA", "kid": "a", "n": n, "e": e});
            let _ = KeySet::from_json(&json!({"keys": [key]}));
        }

        #[test]
        fn no_points_panic(x: [u8; 32], y: [u8; 32]) {
            let (x, y) = (base64url(&x), base64url(&y));
            let point = json!({"kty": "EC", "crv": "P-256", "kid": "a", "x": x, "y": y});
            let edwards = json!({"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": x});
            let _ = KeySet::from_json(&json!({"keys": [point, edwards]}));
        }
    }
}
