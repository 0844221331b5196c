//! Keys and the tokens that they sign (RFC 7515, RFC 7517, RFC 7519), with `ring`: what the
//! filters verify with other code.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::{Map, Value, json};

use crate::format::{Algorithm, Key, Token};

/// RSA keys take long to make, so these are always the same. They open nothing.
const RSA: [&str; 2] = [
    include_str!("token/rsa-1.pem"),
    include_str!("token/rsa-2.pem"),
];

/// The keys of a scenario, by their `kid`.
pub(crate) struct Keys(BTreeMap<String, SigningKey>);

struct SigningKey {
    algorithm: Algorithm,
    secret: Secret,
    jwk: Map<String, Value>,
}

enum Secret {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Keys {
    /// Makes the keys.
    ///
    /// # Errors
    ///
    /// When more RSA keys are asked for than there are.
    pub(crate) fn new(keys: &BTreeMap<String, Key>) -> Result<Self, String> {
        let mut rsa = RSA.into_iter();
        let mut made = BTreeMap::new();
        for (name, key) in keys {
            let secret = Secret::new(key.algorithm, &mut rsa)?;
            let mut jwk = secret.public_members();
            jwk.insert("kid".to_owned(), json!(name));
            jwk.insert("alg".to_owned(), json!(key.algorithm.name()));
            jwk.insert("use".to_owned(), json!("sig"));
            replace(&mut jwk, &key.jwk);
            made.insert(
                name.clone(),
                SigningKey {
                    algorithm: key.algorithm,
                    secret,
                    jwk,
                },
            );
        }
        Ok(Self(made))
    }

    /// The JSON Web Key Set of the public halves of these keys.
    ///
    /// # Errors
    ///
    /// The name of a key that there is not.
    pub(crate) fn set<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<String, String> {
        let keys: Vec<&Map<String, Value>> = names
            .map(|name| self.find(name).map(|key| &key.jwk))
            .collect::<Result<_, _>>()?;
        Ok(json!({ "keys": keys }).to_string())
    }

    /// Makes a token.
    ///
    /// # Errors
    ///
    /// The name of a key that there is not.
    pub(crate) fn sign(&self, token: &Token, now: u64) -> Result<String, String> {
        let key = self.find(&token.key)?;
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(key.algorithm.name()));
        header.insert("kid".to_owned(), json!(token.key));
        header.insert("typ".to_owned(), json!("JWT"));
        replace(&mut header, &token.header);
        let claims: Map<String, Value> = token
            .claims
            .iter()
            .map(|(name, value)| (name.clone(), claim(name, value, now)))
            .collect();
        let encode = |part: Map<String, Value>| {
            BASE64_URL_SAFE_NO_PAD.encode(Value::Object(part).to_string())
        };
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = match &token.signature {
            Some(signature) => signature.clone(),
            None => BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())),
        };
        Ok(format!("{signed}.{signature}"))
    }

    fn find(&self, name: &str) -> Result<&SigningKey, String> {
        self.0
            .get(name)
            .ok_or_else(|| format!("there is no key `{name}`"))
    }
}

/// A claim's value; those that are moments are given in seconds from now.
fn claim(name: &str, value: &Value, now: u64) -> Value {
    match (name, value.as_i64()) {
        ("exp" | "nbf" | "iat", Some(seconds)) => json!(now.saturating_add_signed(seconds)),
        _ => value.clone(),
    }
}

fn replace(members: &mut Map<String, Value>, others: &BTreeMap<String, Value>) {
    for (name, value) in others {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

impl Secret {
    fn new(
        algorithm: Algorithm,
        rsa: &mut impl Iterator<Item = &'static str>,
    ) -> Result<Self, String> {
        let random = SystemRandom::new();
        let ecdsa = |algorithm| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new key");
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key of its own")
        };
        Ok(match algorithm {
            Algorithm::RS256 | Algorithm::RS512 | Algorithm::PS256 => {
                let pem = rsa
                    .next()
                    .ok_or_else(|| format!("there are no more than {} RSA keys", RSA.len()))?;
                Self::Rsa(Box::new(
                    RsaKeyPair::from_pkcs8(&der(pem)).expect("a key of the test's"),
                ))
            }
            Algorithm::ES256 => Self::Ecdsa(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            Algorithm::ES384 => Self::Ecdsa(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)),
            Algorithm::EdDSA => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("a new key");
                Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key of its own"))
            }
        })
    }

    /// The members of the JSON Web Key that hold the public key (RFC 7518, section 6; RFC 8037).
    fn public_members(&self) -> Map<String, Value> {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let members = match self {
            Self::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encode(&public.n), "e": encode(&public.e)})
            }
            Self::Ecdsa(pair) => {
                // An uncompressed point: a byte 4, and both coordinates.
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at((point.len() - 1) / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        };
        members.as_object().cloned().unwrap_or_default()
    }
}

impl SigningKey {
    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match self.algorithm {
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    Algorithm::RS512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, text, &mut signature)
                    .expect("a signature");
                signature
            }
            Secret::Ecdsa(pair) => pair
                .sign(&random, text)
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Secret::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
        }
    }
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }
}

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    BASE64_STANDARD.decode(text).expect("base64")
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn keys() -> Keys {
        let key = |algorithm| Key {
            algorithm,
            jwk: BTreeMap::from([("use".to_owned(), Value::Null)]),
        };
        let names = [
            ("rsa", Algorithm::RS256),
            ("ec", Algorithm::ES256),
            ("ed", Algorithm::EdDSA),
        ];
        Keys::new(
            &names
                .map(|(name, algorithm)| (name.to_owned(), key(algorithm)))
                .into(),
        )
        .unwrap()
    }

    fn token(key: &str) -> Token {
        Token {
            key: key.to_owned(),
            header: BTreeMap::from([("typ".to_owned(), Value::Null), ("x".to_owned(), json!(1))]),
            claims: BTreeMap::from([
                ("exp".to_owned(), json!(300)),
                ("nbf".to_owned(), json!(-10)),
                ("iat".to_owned(), json!("soon")),
                ("age".to_owned(), json!(7)),
            ]),
            signature: None,
        }
    }

    #[test]
    fn a_key_s_public_half_verifies_what_it_has_signed() {
        let keys = keys();
        let set: Value =
            serde_json::from_str(&keys.set(["rsa", "ec", "ed"].into_iter()).unwrap()).unwrap();
        for (number, name) in ["rsa", "ec", "ed"].into_iter().enumerate() {
            let jwk = &set["keys"][number];
            assert_eq!(jwk["kid"], name);
            assert_eq!(jwk.get("use"), None);
            let member = |member: &str| decode(jwk[member].as_str().unwrap());
            let token = keys.sign(&token(name), 1000).unwrap();
            let (text, signature) = token.rsplit_once('.').unwrap();
            let (text, signature) = (text.as_bytes(), decode(signature));
            let verified = match name {
                "rsa" => PublicKeyComponents {
                    n: member("n"),
                    e: member("e"),
                }
                .verify(
                    &ring::signature::RSA_PKCS1_2048_8192_SHA256,
                    text,
                    &signature,
                ),
                "ec" => {
                    let point = [vec![4], member("x"), member("y")].concat();
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text, &signature)
                }
                _ => UnparsedPublicKey::new(&ED25519, member("x")).verify(text, &signature),
            };
            assert!(verified.is_ok(), "{name}");
        }
    }

    #[test]
    fn header_and_claims_are_as_said_and_moments_count_from_now() {
        let token = keys().sign(&token("ec"), 1000).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let part =
            |number: usize| -> Value { serde_json::from_slice(&decode(parts[number])).unwrap() };
        assert_eq!(part(0), json!({"alg": "ES256", "kid": "ec", "x": 1}));
        assert_eq!(
            part(1),
            json!({"exp": 1300, "nbf": 990, "iat": "soon", "age": 7})
        );
    }

    #[test]
    fn a_signature_can_be_another_and_a_key_has_to_be_there() {
        let wrong = Token {
            signature: Some("AA".to_owned()),
            ..token("ec")
        };
        assert!(keys().sign(&wrong, 0).unwrap().ends_with(".AA"));
        assert!(keys().sign(&token("none"), 0).is_err());
        assert!(keys().set(["none"].into_iter()).is_err());
    }
}
