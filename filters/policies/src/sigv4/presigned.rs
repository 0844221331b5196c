//! The query string of a request, and the signature that a presigned URL carries in it.

use super::LONGEST_EXPIRY;
use super::canonical_request::decoded;
use super::fault::SignatureFault;

/// The parameter that makes a request a presigned one.
const ALGORITHM: &[u8] = b"X-Amz-Algorithm";

/// The parameter that is not signed.
pub(super) const SIGNATURE: &[u8] = b"X-Amz-Signature";

/// A query string as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'r>(pub(super) &'r [u8]);

/// The parameters of a presigned URL, decoded.
pub(super) struct Parameters {
    pub(super) algorithm: Vec<u8>,
    pub(super) credential: Vec<u8>,
    pub(super) date: Vec<u8>,
    pub(super) signed_headers: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) expires: Option<u32>,
    pub(super) security_token: Option<Vec<u8>>,
    pub(super) content_sha256: Option<Vec<u8>>,
}

impl<'r> Query<'r> {
    /// Whether the signature stands here.
    pub(super) fn is_presigned(self) -> bool {
        self.pairs().any(|(name, _)| is(name, ALGORITHM))
    }

    /// Names and values, both as they came.
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        self.0
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (
                    pair.get(..at).unwrap_or_default(),
                    pair.get(at + 1..).unwrap_or_default(),
                ),
                None => (pair, &b""[..]),
            })
    }

    /// The parameters of the signature.
    pub(super) fn parameters(self) -> Result<Parameters, SignatureFault> {
        let algorithm = self.single(ALGORITHM)?.unwrap_or_default();
        let credential = self.single(b"X-Amz-Credential")?;
        let signature = self.single(SIGNATURE)?;
        let signed_headers = self.single(b"X-Amz-SignedHeaders")?;
        let date = self.single(b"X-Amz-Date")?;
        match (credential, signature, signed_headers, date) {
            (Some(credential), Some(signature), Some(signed_headers), Some(date)) => {
                Ok(Parameters {
                    algorithm,
                    credential,
                    date,
                    signed_headers,
                    signature,
                    expires: match self.single(b"X-Amz-Expires")? {
                        Some(text) => Some(seconds(&text)?),
                        None => None,
                    },
                    security_token: self.single(b"X-Amz-Security-Token")?,
                    content_sha256: self.single(b"X-Amz-Content-Sha256")?,
                })
            }
            (credential, signature, signed_headers, date) => {
                let given = [
                    (credential.is_some(), "X-Amz-Credential"),
                    (signature.is_some(), "X-Amz-Signature"),
                    (signed_headers.is_some(), "X-Amz-SignedHeaders"),
                    (date.is_some(), "X-Amz-Date"),
                ];
                let mut message = String::new();
                for (_, name) in given.into_iter().filter(|(there, _)| !there) {
                    message.push_str("AWS query-string parameters must include '");
                    message.push_str(name);
                    message.push_str("'. ");
                }
                message.push_str("Re-examine the query-string parameters.");
                Err(SignatureFault::Incomplete(message))
            }
        }
    }

    /// A parameter that may come once only: of two, one would go unseen.
    fn single(self, wanted: &[u8]) -> Result<Option<Vec<u8>>, SignatureFault> {
        let mut found = self.pairs().filter(|(name, _)| is(name, wanted));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(SignatureFault::Mismatch(None)),
            (Some((_, value)), None) => Ok(Some(decoded(value).collect())),
            (None, None) => Ok(None),
        }
    }
}

/// Whether an encoded name is this one.
pub(super) fn is(name: &[u8], wanted: &[u8]) -> bool {
    decoded(name).eq(wanted.iter().copied())
}

/// `X-Amz-Expires`: 1 to 604800.
fn seconds(text: &[u8]) -> Result<u32, SignatureFault> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number @ 1..=LONGEST_EXPIRY) if digits => Ok(number),
        _ => Err(SignatureFault::Incomplete(format!(
            "X-Amz-Expires must be a number of seconds from 1 to {LONGEST_EXPIRY}"
        ))),
    }
}
