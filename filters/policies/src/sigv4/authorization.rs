//! The `Authorization` header as AWS reads it:
//! `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
//!
//! A REST API reads the header like that also where nothing matches the request, and names what
//! is missing in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::headers::Headers;

/// A header that has all of its parameters. Of one that comes twice, the last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Authorization<'r> {
    /// The first word.
    pub(super) algorithm: &'r [u8],
    /// `Credential`.
    pub(super) credential: &'r [u8],
    /// `SignedHeaders`.
    pub(super) signed_headers: &'r [u8],
    /// `Signature`.
    pub(super) signature: &'r [u8],
}

impl<'r> Authorization<'r> {
    /// Reads the header's value. The request must have a date as well.
    ///
    /// # Errors
    ///
    /// AWS's message (`IncompleteSignatureException`): it holds a hash of the value, never the
    /// value.
    pub(crate) fn parse(value: &'r [u8], request: &Headers) -> Result<Self, String> {
        // The pairs stand behind the name of the algorithm; a value of one word is read as a pair.
        let (algorithm, pairs) = match value.iter().position(u8::is_ascii_whitespace) {
            Some(space) => (
                value.get(..space).unwrap_or_default(),
                value.get(space..).unwrap_or_default(),
            ),
            None => (&b""[..], value),
        };
        let mut credential = None;
        let mut signed_headers = None;
        let mut signature = None;
        for pair in pairs.split(|byte| *byte == b',') {
            let Some(equal_sign) = pair.iter().position(|byte| *byte == b'=') else {
                return Err(format!(
                    "Invalid key=value pair (missing equal-sign) in Authorization header \
                     (hashed with SHA-256 and encoded with Base64): '{}'.",
                    hash(value)
                ));
            };
            let given = pair.get(equal_sign + 1..).unwrap_or_default().trim_ascii();
            match pair.get(..equal_sign).unwrap_or_default().trim_ascii() {
                b"Credential" => credential = Some(given),
                b"SignedHeaders" => signed_headers = Some(given),
                b"Signature" => signature = Some(given),
                _ => {}
            }
        }
        let has_date = request.contains(b"x-amz-date") || request.contains(b"date");
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) if has_date => Ok(Self {
                algorithm,
                credential,
                signed_headers,
                signature,
            }),
            _ => {
                let sentences = [
                    (
                        credential.is_some(),
                        "Authorization header requires 'Credential' parameter.",
                    ),
                    (
                        signature.is_some(),
                        "Authorization header requires 'Signature' parameter.",
                    ),
                    (
                        signed_headers.is_some(),
                        "Authorization header requires 'SignedHeaders' parameter.",
                    ),
                    (
                        has_date,
                        "Authorization header requires existence of either a 'X-Amz-Date' or a \
                         'Date' header.",
                    ),
                ];
                let missing = sentences
                    .into_iter()
                    .filter_map(|(there, sentence)| (!there).then_some(sentence));
                Err(format!(
                    "{} (Hashed with SHA-256 and encoded with Base64) Authorization={}",
                    missing.collect::<Vec<_>>().join(" "),
                    hash(value)
                ))
            }
        }
    }
}

/// Which part of the header AWS hashes is not known: neither the token nor `Bearer token` gives
/// the hashes that were recorded. The whole value is hashed here; its secret stays unreadable
/// and the length is AWS's.
fn hash(value: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(value))
}
