//! What a REST API says to an unmatched request with an `Authorization` header: it takes the
//! header for an AWS signature (Signature Version 4) and names what is missing in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::denial::Denial;
use crate::headers::Headers;

/// The refusal of an unmatched request whose `Authorization` header has this value.
pub(super) fn refusal(value: &[u8], request: &Headers) -> Denial {
    // The pairs stand behind the name of the algorithm; a value of one word is read as a pair.
    let pairs = match value.iter().position(u8::is_ascii_whitespace) {
        Some(space) => value.get(space..).unwrap_or_default(),
        None => value,
    };
    let has_equal_sign = |pair: &[u8]| pair.contains(&b'=');
    if !pairs.split(|byte| *byte == b',').all(has_equal_sign) {
        return Denial::IncompleteSignature(format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header \
             (hashed with SHA-256 and encoded with Base64): '{}'.",
            hash(value)
        ));
    }
    let has_key = |wanted: &[u8]| {
        pairs
            .split(|byte| *byte == b',')
            .filter_map(|pair| pair.split(|byte| *byte == b'=').next())
            .any(|key| key.trim_ascii() == wanted)
    };
    let mut sentences = Vec::new();
    if !has_key(b"Credential") {
        sentences.push("Authorization header requires 'Credential' parameter.");
    }
    if !has_key(b"Signature") {
        sentences.push("Authorization header requires 'Signature' parameter.");
    }
    if !has_key(b"SignedHeaders") {
        sentences.push("Authorization header requires 'SignedHeaders' parameter.");
    }
    if !request.contains(b"x-amz-date") && !request.contains(b"date") {
        sentences.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        );
    }
    if sentences.is_empty() {
        // A whole signature, only not for anything that exists.
        return Denial::MissingAuthenticationToken;
    }
    Denial::IncompleteSignature(format!(
        "{} (Hashed with SHA-256 and encoded with Base64) Authorization={}",
        sentences.join(" "),
        hash(value)
    ))
}

/// Which part of the header AWS hashes is not known: neither the token nor `Bearer token` gives
/// the hashes that were recorded. The whole value is hashed here; its secret stays unreadable
/// and the length is AWS's.
fn hash(value: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(value))
}
