//! A signed token in its compact form (RFC 7515, section 3.1), read but not believed.

use std::fmt;

use attache_model::JwtAlgorithm;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::algorithm;
use super::fault::TokenFault;
use super::key_set::KeySet;
use crate::ports::Signatures;

/// The longest token that is looked at, in bytes.
pub(super) const LONGEST_TOKEN: usize = 16_384;

/// The longest header, in base64url: `jwt-simple`'s limit.
const LONGEST_HEADER: usize = 8_192;

/// How many keys of one id are tried.
const MOST_CANDIDATES: usize = 4;

/// The longest name of an algorithm that is repeated to a client.
const LONGEST_NAME: usize = 16;

/// A token whose signature nobody has verified yet.
#[derive(Clone)]
pub struct Token<'t> {
    /// The algorithm that it says it is signed with (`alg`).
    pub algorithm: JwtAlgorithm,
    /// The id of the key that it says it is signed with (`kid`).
    pub key_id: Option<String>,
    /// What is signed besides the header: the claims, as JSON.
    pub payload: Vec<u8>,
    /// Header and payload as they are signed.
    signed: &'t [u8],
    signature: Vec<u8>,
}

/// The members of a JOSE header that `jwt-simple` knows, each of its type. Keys and addresses of
/// keys that a token brings along are not used.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what nobody asks for has its type all the same")]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<String>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
    x5c: Option<Vec<String>>,
    jku: Option<String>,
    jwk: Option<String>,
    x5u: Option<String>,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
}

impl<'t> Token<'t> {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// When it is too long, malformed, of an algorithm that nobody takes here, or has a critical
    /// header.
    pub fn read(token: &'t [u8]) -> Result<Self, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenFault::Segments);
        };
        if header.len() > LONGEST_HEADER {
            return Err(TokenFault::Malformed);
        }
        let signed = token.get(..=header.len() + payload.len());
        let header: Header =
            serde_json::from_slice(&decoded(header)?).map_err(|_| TokenFault::Malformed)?;
        // RFC 7797 wants `b64` to be critical as well; nothing critical is understood.
        if header.crit.is_some() || header.b64.is_some() {
            return Err(TokenFault::CriticalHeader);
        }
        if header.typ.is_some_and(|kind| !is_jwt(&kind)) {
            return Err(TokenFault::Malformed);
        }
        let algorithm = algorithm::named(&header.alg)
            .ok_or_else(|| TokenFault::Algorithm(repeatable(&header.alg)))?;
        Ok(Self {
            algorithm,
            key_id: header.kid,
            payload: decoded(payload)?,
            signed: signed.unwrap_or_default(),
            signature: decoded(signature)?,
        })
    }

    /// Verifies the signature with the keys of the token's key id. Each of them is tried: ids are
    /// not unique where keys of several kinds have the same.
    ///
    /// # Errors
    ///
    /// When no key of that id is for the algorithm, or the signature is none of theirs.
    pub fn verify(&self, keys: &KeySet, proxy: &dyn Signatures) -> Result<(), TokenFault> {
        let id = self.key_id.as_deref().ok_or(TokenFault::UnknownKey)?;
        let mut fault = TokenFault::UnknownKey;
        let candidates = keys.with_id(id).filter(|key| key.is_for(self.algorithm));
        for key in candidates.take(MOST_CANDIDATES) {
            if key.verify(self.algorithm, self.signed, &self.signature, proxy) {
                return Ok(());
            }
            fault = TokenFault::Signature;
        }
        Err(fault)
    }
}

/// Tells what it is signed with; the token itself is a secret.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Token")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

fn decoded(part: &[u8]) -> Result<Vec<u8>, TokenFault> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFault::Malformed)
}

/// `JWT`, or a kind of it such as `at+jwt` (RFC 9068).
fn is_jwt(kind: &str) -> bool {
    let kind = kind.to_ascii_uppercase();
    kind == "JWT" || kind.ends_with("+JWT")
}

/// A name from a token that may stand in a header field: one that looks like an algorithm's.
pub(super) fn repeatable(name: &str) -> Option<Box<str>> {
    let looks_right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+');
    (!name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(looks_right))
        .then(|| name.into())
}

#[cfg(test)]
mod tests;
