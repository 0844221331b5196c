//! The signature algorithms and what they are made of.

use attache_model::JwtAlgorithm;

use crate::ports::HashFunction;

/// The algorithm of a name as it stands in a header or a key; `None` for one that cannot be taken.
pub(super) fn named(name: &str) -> Option<JwtAlgorithm> {
    Some(match name {
        "RS256" => JwtAlgorithm::Rs256,
        "RS384" => JwtAlgorithm::Rs384,
        "RS512" => JwtAlgorithm::Rs512,
        "PS256" => JwtAlgorithm::Ps256,
        "PS384" => JwtAlgorithm::Ps384,
        "PS512" => JwtAlgorithm::Ps512,
        "ES256" => JwtAlgorithm::Es256,
        "ES384" => JwtAlgorithm::Es384,
        "ES512" => JwtAlgorithm::Es512,
        // RFC 9864 gives the one curve of it that is in use its own name.
        "EdDSA" | "Ed25519" => JwtAlgorithm::EdDsa,
        _ => return None,
    })
}

/// The hash function, for all but EdDSA, which has its own.
pub(super) const fn hash_function(algorithm: JwtAlgorithm) -> HashFunction {
    match algorithm {
        JwtAlgorithm::Rs256 | JwtAlgorithm::Ps256 | JwtAlgorithm::Es256 => HashFunction::Sha256,
        JwtAlgorithm::Rs384 | JwtAlgorithm::Ps384 | JwtAlgorithm::Es384 => HashFunction::Sha384,
        JwtAlgorithm::Rs512 | JwtAlgorithm::Ps512 | JwtAlgorithm::Es512 | JwtAlgorithm::EdDsa => {
            HashFunction::Sha512
        }
    }
}
