//! A request in the one form in which both sides sign it.

use std::borrow::Cow;

use super::fault::SignatureFault;
use super::presigned::{self, Query};
use crate::headers::Headers;

/// What a canonical request is made from.
pub(super) struct CanonicalRequest<'c> {
    pub(super) request: &'c Headers,
    /// The path as it came.
    pub(super) path: &'c [u8],
    pub(super) query: Query<'c>,
    /// Whether the signature stands in the query string, which it does not sign itself.
    pub(super) without_signature: bool,
    pub(super) signed_headers: &'c SignedHeaders,
    pub(super) payload_hash: &'c [u8],
}

/// The names of the header fields that are signed: in lower case, sorted, and separated by
/// semicolons.
#[derive(Clone, Debug)]
pub(super) struct SignedHeaders(Vec<u8>);

impl CanonicalRequest<'_> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(self.request.last(b":method").unwrap_or_default());
        out.push(b'\n');
        push_path(&mut out, self.path);
        out.push(b'\n');
        self.push_query(&mut out);
        out.push(b'\n');
        for name in self.signed_headers.names() {
            out.extend_from_slice(name);
            out.push(b':');
            for (position, value) in values(self.request, name).enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                push_folded(&mut out, value);
            }
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(&self.signed_headers.0);
        out.push(b'\n');
        out.extend_from_slice(self.payload_hash);
        out
    }

    /// Names and values, each decoded and encoded again, sorted by name and then by value.
    fn push_query(&self, out: &mut Vec<u8>) {
        let mut pairs: Vec<_> = self
            .query
            .pairs()
            .filter(|(name, _)| {
                !(self.without_signature && presigned::is(name, presigned::SIGNATURE))
            })
            .map(|(name, value)| (recoded(name), recoded(value)))
            .collect();
        pairs.sort_unstable();
        for (position, (name, value)) in pairs.iter().enumerate() {
            if position > 0 {
                out.push(b'&');
            }
            out.extend_from_slice(name);
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
}

impl SignedHeaders {
    /// Reads a list of names.
    pub(super) fn parse(list: &[u8]) -> Self {
        let list = list.to_ascii_lowercase();
        let mut names: Vec<&[u8]> = list.split(|byte| *byte == b';').collect();
        names.sort_unstable();
        Self(names.join(&b';'))
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b';')
    }

    /// Whether the host and every `x-amz-` field of the request are signed, as AWS asks for.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
    pub(super) fn check_required(&self, request: &Headers) -> Result<(), SignatureFault> {
        let is_signed = |wanted: &[u8]| self.names().any(|name| name == wanted);
        if !is_signed(b"host") && !is_signed(b":authority") {
            return Err(SignatureFault::UnsignedHeader(
                "'Host' or ':authority'".to_owned(),
            ));
        }
        let mut names = request.iter().map(|(name, _)| name);
        match names.find(|name| name.starts_with(b"x-amz-") && !is_signed(name)) {
            None => Ok(()),
            Some(name) => Err(SignatureFault::UnsignedHeader(format!(
                "'{}'",
                String::from_utf8_lossy(name)
            ))),
        }
    }

    /// Whether each name is there, and comes once.
    pub(super) fn are_all_in(&self, request: &Headers) -> bool {
        let mut before = None;
        self.names().all(|name| {
            let again = before.replace(name) == Some(name);
            !again && values(request, name).next().is_some()
        })
    }
}

/// All values of a field. The proxy keeps `host` under its name in HTTP/2.
fn values<'h>(request: &'h Headers, name: &'h [u8]) -> impl Iterator<Item = &'h [u8]> {
    let in_http_2: &[u8] = b":authority";
    let name = if name == b"host" && request.contains(in_http_2) {
        in_http_2
    } else {
        name
    };
    request.all(name)
}

/// Trims a value and writes each white space within it as one space.
fn push_folded(out: &mut Vec<u8>, value: &[u8]) {
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        if position > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// Whether a path names what its canonical form names.
///
/// The canonical form has no empty and relative segments. API Gateway routes a request by the path
/// that came, slashes at its start aside: a signature for `/prod/pets` is one for
/// `/prod/admin/../pets` too, which may be another operation. Whoever was given a presigned URL
/// could call that instead, in the name of whoever has signed.
pub(super) fn is_unambiguous(path: &[u8]) -> bool {
    let start = path.iter().position(|byte| *byte != b'/');
    let rest = start
        .and_then(|start| path.get(start..))
        .unwrap_or_default();
    let rest = rest.strip_suffix(b"/").unwrap_or(rest);
    let mut segments = rest.split(|byte| *byte == b'/');
    path.starts_with(b"/")
        && (rest.is_empty() || segments.all(|segment| !matches!(segment, b"" | b"." | b"..")))
}

/// Writes a path without its empty and relative segments (RFC 3986, section 5.2.4). What is
/// encoded on the wire is encoded once more, as for every service but S3.
fn push_path(out: &mut Vec<u8>, path: &[u8]) {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        push_encoded(out, segment.iter().copied());
    }
    if segments.is_empty() || path.ends_with(b"/") {
        out.push(b'/');
    }
}

/// A name or value of a query string in its one encoding.
fn recoded(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().copied().all(is_unreserved) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    push_encoded(&mut out, decoded(text));
    out.into()
}

fn push_encoded(out: &mut Vec<u8>, bytes: impl Iterator<Item = u8>) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |bits: u8| DIGITS.get(usize::from(bits)).copied().unwrap_or(b'0');
    for byte in bytes {
        if is_unreserved(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Reads a piece of a query string: `+` is a space, as everywhere in API Gateway, and `%` with
/// two hexadecimal digits a byte. What is not encoded properly stays as it is.
pub(super) fn decoded(encoded: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut rest = encoded;
    std::iter::from_fn(move || {
        let (first, mut after) = rest.split_first()?;
        let mut byte = if *first == b'+' { b' ' } else { *first };
        if let (b'%', [high, low, others @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = u8::try_from(high << 4 | low).unwrap_or(b'%');
            after = others;
        }
        rest = after;
        Some(byte)
    })
}
