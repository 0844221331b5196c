//! An issuer of tokens for the tests of this room.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike, ECDSAP256PublicKeyLike, ECDSAP384KeyPairLike, ECDSAP384PublicKeyLike,
    ES256KeyPair, ES384KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, RSAKeyPair,
};
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Signer;

use crate::ports::{HashFunction, Signatures, Signed};

/// Made for these tests and used nowhere else: making one takes a debug build half a minute.
const RSA_KEY: &str = "\
    MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCvEf10MssPRqUUdlGVDO27RNkPWH7aHzqq6GNEN7ut\
    pyVFKkhp8ho38pDOesCPwrgWelQEO9eLupg3362FVrenOS6vewOxYnLqrRIhI3fXi8O31ZJ0+wvvzTug8eT6WLW9dfH/\
    d5HHVF6mFkyM18wBmNx92hc//wlqUZRlhuv90EuxXQLNNR4yW1JKwVic/zgDCUKGj65O541s6ZYm0rTZZRmOfYT+ukrM\
    HrPOr7B2Gv7RRrBJeEehu60xuR1V7AfuHnbQpHpBFZO8lAyr6j666qZhWRM36fyCTWXTDtsRT3XeQptLP+TwVIaC8WZ1\
    UXpSe2mMsCpbjWLcABLJHyiXAgMBAAECggEARX8+vgHr2gSRQ640dJbNSKnsAMuAj9YV1AKsZUg6mJThlrNSS7xv7AW+\
    tjjEeE00BrhI4eVfi3hnNMb2exgRj7CDd+W9cY1DUSWjLMSHrmktKKz/lrCR7H/sS9e6ribI/ozzpBYzKI21hPkVKlQA\
    CCJGZS9OS3lSo4H/Bs6on/iGu1RMkEEE+DN+IwOJbLhc91waAFWO5yJxoEhLyqH0DPi2L0HLYrJNZzpIlA0du2+i2TQT\
    KucNfj764l5PelSdcfldCxfwziXn7qQZ6HZzMDRkqXc/P83d6blipITCBA8QcyJCP+O29sir4HxzAUiSi1WU+aXkZlXc\
    9DKBshO6AQKBgQDvUdUZ2BGlOchKCqp5Zj1RjLa9E5Wrp9YO+8y93HzdkjpZfRXGAHND0T/F7PsmOY/vipzcT4QsOuNX\
    2r+W48rPrlP3L2WGPMYN6VqMH/56JXfW5h+YT6xVEeKEsBJJbgSAU8WVRMSJPI+6Zjeu1jrVvFQor4/9jw7yj3Tp+84B\
    OQKBgQC7RcJmjRfti2JSBsOe0Vjy5x5lDR3B0bjEoktUKwbRdpa5YIUVOiDEmnDhJTEPCHS4SAMiE9SxjIIfe0DT+r+v\
    1wZ+U5QDEkHD+EMt7G3bgTiqqTzbqhRtRLv/YtXGIveg0NaOCKCau6T3ynWCvk4un9WyEmQ1fsYzHNgXH5sITwKBgQCh\
    aUYbmjm8gM5v8eWs36I34HpX6F+oWRjtHjOnUpD9OGUWemE3HJKhiP5EVmPGEkjcPVcy2IbC9izj0mwqLxVZIbEMJPGK\
    qm7Cb0NdAy813xOG48snhYUsE1X+PGr5D7UFgHrhBHKyRSCDjfG8gE1KXy08C71IPTbNrqgiMG1vMQKBgQClnNKHaH1h\
    qGMh0TOMLuzvmu5pRQksz3AMDM57N7XG5Y3zkGUA2bACzeXHZeGVvs+h7KVArLLq9SxZ9ODm1hhQw+LNMtJxSOL6EIIw\
    iaa5ePSJEDNuu2FnJGLxPhF5MJE3GZi0cPK/A/Sm4de78NopJ1aPLO6L1Hoo13hOMrgixwKBgG2Jy+6oUDpguk6dDnei\
    /6WRCxd0vAdy5OzRLe185YO3k+pgYcc61qXUAMGeu569PzKaFEewdvsOJdwWUTScFNTbaFFbif/+2FO3eMh7avP6B6Ln\
    ZMQC05rZl3B93jXTccZcyRRB7IRDwMOOyNY57naaq5tnFGyN+I6rRdLzlw9G";

static RSA: LazyLock<RSAKeyPair> =
    LazyLock::new(|| RSAKeyPair::from_der(&BASE64_STANDARD.decode(RSA_KEY).unwrap()).unwrap());
static P256: LazyLock<ES256KeyPair> = LazyLock::new(|| ES256KeyPair::from_bytes(&[7; 32]).unwrap());
static P384: LazyLock<ES384KeyPair> = LazyLock::new(|| ES384KeyPair::from_bytes(&[7; 48]).unwrap());
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(Ed25519KeyPair::generate);

/// What [`token`] can sign with.
pub(super) const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// The issuer's public keys. The key ids are `rsa`, `p256`, `p384` and `ed25519`.
pub(super) fn key_set() -> Value {
    json!({"keys": [jwk("rsa"), jwk("p256"), jwk("p384"), jwk("ed25519")]})
}

/// One of them.
pub(super) fn jwk(id: &str) -> Value {
    let point = |point: &[u8], curve: &str| {
        let (x, y) = point[1..].split_at((point.len() - 1) / 2);
        json!({"kty": "EC", "crv": curve, "kid": id, "x": base64url(x), "y": base64url(y)})
    };
    match id {
        "rsa" => {
            let public = RSA.public_key().to_components();
            let (n, e) = (base64url(&public.n), base64url(&public.e));
            json!({"kty": "RSA", "kid": id, "use": "sig", "n": n, "e": e})
        }
        "p256" => {
            let key = P256.public_key();
            point(&key.public_key().to_bytes_uncompressed(), "P-256")
        }
        "p384" => {
            let key = P384.public_key();
            point(&key.public_key().to_bytes_uncompressed(), "P-384")
        }
        _ => {
            let key = base64url(&ED25519.public_key().to_bytes());
            json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": key})
        }
    }
}

/// A token with the usual header.
pub(super) fn token(algorithm: &str, claims: &Value) -> String {
    let key = key_id(algorithm);
    let header = json!({"alg": algorithm, "kid": key, "typ": "JWT"});
    sign(algorithm, &header.to_string(), &claims.to_string())
}

/// A token with any header and payload, signed in truth with `algorithm`.
pub(super) fn sign(algorithm: &str, header: &str, payload: &str) -> String {
    let text = format!(
        "{}.{}",
        base64url(header.as_bytes()),
        base64url(payload.as_bytes())
    );
    let signature = signature(algorithm, text.as_bytes());
    format!("{text}.{}", base64url(&signature))
}

/// A signature as a token has it.
pub(super) fn signature(algorithm: &str, text: &[u8]) -> Vec<u8> {
    match algorithm {
        "ES256" => {
            let signature: p256::ecdsa::Signature = P256.key_pair().as_ref().sign(text);
            signature.to_bytes().to_vec()
        }
        "ES384" => {
            let signature: p384::ecdsa::Signature = P384.key_pair().as_ref().sign(text);
            signature.to_bytes().to_vec()
        }
        "EdDSA" => ED25519.key_pair().as_ref().sk.sign(text, None).to_vec(),
        _ => {
            let (padding, bits) = algorithm.split_at(2);
            let padding = match padding {
                "RS" => Padding::PKCS1,
                _ => Padding::PKCS1_PSS,
            };
            let digest = match bits {
                "256" => MessageDigest::sha256(),
                "384" => MessageDigest::sha384(),
                _ => MessageDigest::sha512(),
            };
            let key = PKey::from_rsa(RSA.as_ref().clone()).unwrap();
            let mut signer = Signer::new(digest, &key).unwrap();
            signer.set_rsa_padding(padding).unwrap();
            signer.update(text).unwrap();
            signer.sign_to_vec().unwrap()
        }
    }
}

/// The id of the key that an algorithm is used with.
pub(super) fn key_id(algorithm: &str) -> &'static str {
    match algorithm {
        "ES256" => "p256",
        "ES384" => "p384",
        "EdDSA" => "ed25519",
        _ => "rsa",
    }
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A proxy that verifies as Envoy does: with keys and signatures in DER.
pub(super) struct VerifyingProxy;

impl Signatures for VerifyingProxy {
    fn verify(&self, signed: &Signed<'_>) -> Option<bool> {
        use jwt_simple::algorithms::{ES256PublicKey, ES384PublicKey, RSAPublicKey};
        use p256::ecdsa::signature::Verifier as _;

        let (text, der) = (signed.text, signed.signature);
        if let Ok(key) = RSAPublicKey::from_der(signed.public_key) {
            let digest = match signed.hash {
                HashFunction::Sha256 => MessageDigest::sha256(),
                HashFunction::Sha384 => MessageDigest::sha384(),
                HashFunction::Sha512 => MessageDigest::sha512(),
            };
            let key = PKey::from_rsa(key.as_ref().clone()).unwrap();
            let mut verifier = superboring::sign::Verifier::new(digest, &key).unwrap();
            verifier.set_rsa_padding(Padding::PKCS1).unwrap();
            return Some(verifier.verify_oneshot(der, text).unwrap());
        }
        if let Ok(key) = ES256PublicKey::from_der(signed.public_key) {
            assert_eq!(signed.hash, HashFunction::Sha256);
            let signature = p256::ecdsa::Signature::from_der(der);
            let verify = |signature| key.public_key().as_ref().verify(text, &signature).is_ok();
            return Some(signature.is_ok_and(verify));
        }
        let key = ES384PublicKey::from_der(signed.public_key).expect("one of three kinds");
        assert_eq!(signed.hash, HashFunction::Sha384);
        let signature = p384::ecdsa::Signature::from_der(der);
        let verify = |signature| key.public_key().as_ref().verify(text, &signature).is_ok();
        Some(signature.is_ok_and(verify))
    }
}

/// A proxy that cannot verify anything.
pub(super) struct NoProxy;

impl Signatures for NoProxy {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}
