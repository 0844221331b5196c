//! A token, and the key set of an issuer.

use std::sync::LazyLock;

use attache_model::JwtAlgorithm;
use attache_policies::jwt::{Claims, KeySet, Rendering, Token};
use attache_policies::ports::{Signatures, Signed};
use serde_json::json;

/// A proxy that cannot verify anything.
struct NoProxy;

impl Signatures for NoProxy {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}

/// A key that has signed nothing here.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "a",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    KeySet::from_json(&json!({"keys": [key]})).expect("a key set")
});

/// What can be read has three parts and no claim that is not a text, and is not taken.
pub(super) fn token(input: &[u8]) {
    let Ok(token) = Token::read(input) else {
        return;
    };
    assert_eq!(input.iter().filter(|byte| **byte == b'.').count(), 2);
    for rendering in [Rendering::Http, Rendering::Rest] {
        if let Some(claims) = Claims::read(&token.payload, rendering) {
            assert!(claims.texts.values().all(serde_json::Value::is_string));
        }
    }
    assert!(token.verify(&KEYS, &NoProxy).is_err());
}

/// Every key that is read is for some algorithm, and has not signed what nobody has signed.
pub(super) fn key_set(input: &[u8]) {
    const ALGORITHMS: [JwtAlgorithm; 5] = [
        JwtAlgorithm::Rs256,
        JwtAlgorithm::Es256,
        JwtAlgorithm::Es384,
        JwtAlgorithm::Es512,
        JwtAlgorithm::EdDsa,
    ];
    let Ok(set) = KeySet::from_slice(input) else {
        return;
    };
    for key in set.iter().take(8) {
        let own = ALGORITHMS
            .into_iter()
            .find(|algorithm| key.is_for(*algorithm));
        let other = [
            JwtAlgorithm::Rs384,
            JwtAlgorithm::Rs512,
            JwtAlgorithm::Ps256,
            JwtAlgorithm::Ps384,
            JwtAlgorithm::Ps512,
        ];
        assert!(own.is_some() || other.into_iter().any(|algorithm| key.is_for(algorithm)));
        for algorithm in ALGORITHMS {
            assert!(!key.verify(algorithm, b"text", &[1; 64], &NoProxy));
        }
    }
}
