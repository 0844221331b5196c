//! One public key of an issuer, and whether it has made a signature.

use std::fmt;

use attache_model::JwtAlgorithm;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike, RSAPublicKey,
};
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Map, Value};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Verifier;

use super::{algorithm, der};
use crate::ports::{HashFunction, Signatures, Signed};

/// A public key that signatures can be verified with, from a JSON Web Key (RFC 7517).
///
/// RSA keys have 2048 to 4096 bits and the exponent 65537, points are on their curves, and
/// Ed25519 keys are not of small order: the limits of `jwt-simple`, which hold for the proxy's
/// verification as well.
#[derive(Clone)]
pub struct PublicKey {
    id: Box<str>,
    algorithm: Option<JwtAlgorithm>,
    kind: Kind,
    /// The SubjectPublicKeyInfo in DER, for the proxy; empty for a kind that it does not take.
    subject_public_key_info: Box<[u8]>,
}

#[derive(Clone)]
enum Kind {
    /// With the length of the modulus in bytes.
    Rsa(Box<RSAPublicKey>, usize),
    P256(ES256PublicKey),
    P384(ES384PublicKey),
    /// Verified by the proxy or not at all: another curve costs 70 KB of module.
    P521,
    Ed25519(Ed25519PublicKey),
}

impl PublicKey {
    /// Reads a JSON Web Key. `None` for every key that cannot verify a token: one of another kind
    /// or use, a symmetric one, one without an id, or one that is malformed or too weak.
    #[must_use]
    pub fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let is_for_signatures = jwk.get("use").is_none_or(|usage| usage == "sig")
            && jwk.get("key_ops").is_none_or(|operations| {
                let operations = operations.as_array();
                operations.is_some_and(|names| names.iter().any(|name| name == "verify"))
            });
        if !is_for_signatures {
            return None;
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(algorithm::named(name.as_str()?)?),
        };
        let bytes = |name| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let (kind, subject_public_key_info) = match (text("kty")?, text("crv")) {
            ("RSA", _) => rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some(curve)) => elliptic_curve(curve, &bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => {
                let key = Ed25519PublicKey::from_bytes(&bytes("x")?).ok()?;
                (Kind::Ed25519(key), Vec::new())
            }
            _ => return None,
        };
        let key = Self {
            id: text("kid")?.into(),
            algorithm,
            kind,
            subject_public_key_info: subject_public_key_info.into(),
        };
        algorithm
            .is_none_or(|algorithm| key.is_of_kind(algorithm))
            .then_some(key)
    }

    /// The key id (`kid`).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[cfg(test)]
    pub(super) const fn subject_public_key_info(&self) -> &[u8] {
        &self.subject_public_key_info
    }

    /// Whether the key is for an algorithm: by its kind, and by its `alg` when it has one.
    #[must_use]
    pub fn is_for(&self, algorithm: JwtAlgorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.is_of_kind(algorithm)
    }

    /// Whether `signature` is this key's over `text`, made with `algorithm`. The proxy is asked
    /// first, where it can tell.
    #[must_use]
    pub fn verify(
        &self,
        algorithm: JwtAlgorithm,
        text: &[u8],
        signature: &[u8],
        proxy: &dyn Signatures,
    ) -> bool {
        if !self.is_for(algorithm) || signature.len() != self.signature_length() {
            return false;
        }
        let hash = algorithm::hash_function(algorithm);
        let ask_proxy = |signature: &[u8]| {
            proxy.verify(&Signed {
                hash,
                public_key: &self.subject_public_key_info,
                signature,
                text,
            })
        };
        match (&self.kind, algorithm) {
            (
                Kind::Rsa(key, _),
                JwtAlgorithm::Ps256 | JwtAlgorithm::Ps384 | JwtAlgorithm::Ps512,
            ) => verify_rsa(key, hash, Padding::PKCS1_PSS, text, signature),
            (Kind::Rsa(key, _), _) => ask_proxy(signature)
                .unwrap_or_else(|| verify_rsa(key, hash, Padding::PKCS1, text, signature)),
            (Kind::P256(key), _) => {
                ask_proxy(&der::ecdsa_signature(signature)).unwrap_or_else(|| {
                    p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                        let key = key.public_key();
                        key.as_ref().verify(text, &signature).is_ok()
                    })
                })
            }
            (Kind::P384(key), _) => {
                ask_proxy(&der::ecdsa_signature(signature)).unwrap_or_else(|| {
                    p384::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                        let key = key.public_key();
                        key.as_ref().verify(text, &signature).is_ok()
                    })
                })
            }
            (Kind::P521, _) => ask_proxy(&der::ecdsa_signature(signature)).unwrap_or(false),
            (Kind::Ed25519(key), _) => signature.try_into().is_ok_and(|signature| {
                let key = key.public_key();
                key.as_ref().verify(text, &signature).is_ok()
            }),
        }
    }

    /// In bytes, as a token has it.
    const fn signature_length(&self) -> usize {
        match self.kind {
            Kind::Rsa(_, modulus_length) => modulus_length,
            Kind::P256(_) | Kind::Ed25519(_) => 64,
            Kind::P384(_) => 96,
            Kind::P521 => 132,
        }
    }

    const fn is_of_kind(&self, algorithm: JwtAlgorithm) -> bool {
        matches!(
            (&self.kind, algorithm),
            (
                Kind::Rsa(..),
                JwtAlgorithm::Rs256
                    | JwtAlgorithm::Rs384
                    | JwtAlgorithm::Rs512
                    | JwtAlgorithm::Ps256
                    | JwtAlgorithm::Ps384
                    | JwtAlgorithm::Ps512
            ) | (Kind::P256(_), JwtAlgorithm::Es256)
                | (Kind::P384(_), JwtAlgorithm::Es384)
                | (Kind::P521, JwtAlgorithm::Es512)
                | (Kind::Ed25519(_), JwtAlgorithm::EdDsa)
        )
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<(Kind, Vec<u8>)> {
    let key = RSAPublicKey::from_components(modulus, exponent).ok()?;
    let length = der::without_leading_zeros(modulus).len();
    let encoded = der::rsa_public_key(modulus, exponent);
    Some((Kind::Rsa(Box::new(key), length), encoded))
}

/// RFC 7518, section 6.2.1: coordinates have the length of the curve's field.
fn elliptic_curve(curve: &str, x: &[u8], y: &[u8]) -> Option<(Kind, Vec<u8>)> {
    let point = [&[0x04], x, y].concat();
    let (kind, curve) = match (curve, x.len(), y.len()) {
        ("P-256", 32, 32) => {
            let key = ES256PublicKey::from_bytes(&point).ok()?;
            (Kind::P256(key), &der::SECP256R1[..])
        }
        ("P-384", 48, 48) => {
            let key = ES384PublicKey::from_bytes(&point).ok()?;
            (Kind::P384(key), &der::SECP384R1[..])
        }
        ("P-521", 66, 66) => (Kind::P521, &der::SECP521R1[..]),
        _ => return None,
    };
    Some((kind, der::ec_public_key(curve, &point)))
}

/// `false` for whatever goes wrong.
fn verify_rsa(
    key: &RSAPublicKey,
    hash: HashFunction,
    padding: Padding,
    text: &[u8],
    signature: &[u8],
) -> bool {
    let digest = match hash {
        HashFunction::Sha256 => MessageDigest::sha256(),
        HashFunction::Sha384 => MessageDigest::sha384(),
        HashFunction::Sha512 => MessageDigest::sha512(),
    };
    let verified = PKey::from_rsa(key.as_ref().clone()).and_then(|key| {
        let mut verifier = Verifier::new(digest, &key)?;
        verifier.set_rsa_padding(padding)?;
        verifier.verify_oneshot(signature, text)
    });
    verified.unwrap_or(false)
}

/// Tells the key's id; the numbers would only fill the screen.
impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({:?})", self.id)
    }
}
