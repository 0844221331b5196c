//! What a REST API says to an unmatched request with an `Authorization` header: it takes the
//! header for an AWS signature (Signature Version 4) and names what is missing in it.

use crate::denial::Denial;
use crate::headers::Headers;
use crate::sigv4::Authorization;

/// The refusal of an unmatched request whose `Authorization` header has this value.
pub(super) fn refusal(value: &[u8], request: &Headers) -> Denial {
    match Authorization::parse(value, request) {
        // A whole signature, only not for anything that exists.
        Ok(_) => Denial::MissingAuthenticationToken,
        Err(message) => Denial::IncompleteSignature(message),
    }
}
