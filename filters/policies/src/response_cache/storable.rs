//! Which answers are kept, and what of them.
//!
//! API Gateway does not say which it keeps. These are the answers that are the same for everybody
//! who asks: of a status that RFC 9110 (section 15.1) allows to keep without being told to, without
//! a cookie, of at most 1 MiB, and known to be whole.

use std::borrow::Cow;

use super::entry::Head;
use crate::exchange::Reply;
use crate::headers::{HeaderEdit, Headers};
use crate::integration::Answered;

/// The largest body that is kept, in bytes: as large as AWS's.
pub const LARGEST_BODY: usize = 1_048_576;

/// An answer that is to be kept once its body is there.
#[derive(Debug)]
pub(crate) struct Storable {
    pub(crate) head: Head,
    /// What the body's length must be, as far as the head says.
    length: Option<usize>,
}

impl Storable {
    /// What is kept of an answer to a request, which is a `HEAD` or not; `None` for one that is not
    /// kept. Call it before fields are added that only this request's answer has.
    pub(crate) fn of(answered: &Answered, is_head: bool) -> Option<Self> {
        match answered {
            Answered::Reply(reply) => Self::of_reply(reply, is_head),
            Answered::PassThrough {
                status,
                headers,
                edits,
            } => Self::passing(*status, headers, edits, is_head),
        }
    }

    fn of_reply(reply: &Reply, is_head: bool) -> Option<Self> {
        if reply.body.len() > LARGEST_BODY {
            return None;
        }
        let fields = reply.headers.iter();
        let fields = fields.map(|(name, value)| (Cow::Borrowed(name.as_str()), value.as_slice()));
        let head = head(reply.status, fields)?;
        Some(Self {
            // What the proxy tells who asks for the head alone.
            head: with_length_for_head(head, is_head.then_some(reply.body.len())),
            length: None,
        })
    }

    fn passing(
        status: u16,
        headers: &Headers,
        edits: &[HeaderEdit],
        is_head: bool,
    ) -> Option<Self> {
        let declared = match headers.first(b"content-length") {
            Some(length) => Some(str::from_utf8(length).ok()?.parse::<usize>().ok()?),
            None => None,
        };
        let has_body = !is_head && !matches!(status, 204 | 304);
        let is_chunked = headers.last(b"transfer-encoding").is_some_and(|field| {
            let last = field.rsplit(|byte| *byte == b',').next();
            last.unwrap_or_default()
                .trim_ascii()
                .eq_ignore_ascii_case(b"chunked")
        });
        // A body that ends with the connection ends where the connection breaks off, too.
        if has_body && declared.is_none() && !is_chunked
            || declared.is_some_and(|length| length > LARGEST_BODY)
        {
            return None;
        }
        let head = head(status, edited(headers, edits))?;
        Some(Self {
            head: with_length_for_head(head, declared.filter(|_| is_head)),
            length: declared.filter(|_| has_body && !is_chunked),
        })
    }

    /// The response as it is kept; `None` when the body is not as long as the head has said.
    pub(crate) fn with_body(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        let whole = self.length.is_none_or(|length| length == body.len());
        (whole && body.len() <= LARGEST_BODY).then(|| self.head.with_body(body))
    }
}

/// How long the body is that the answer to a `HEAD` does not have.
fn with_length_for_head(mut head: Head, length: Option<usize>) -> Head {
    if let Some(length) = length {
        head.annotation = length.to_string().into_bytes();
    }
    head
}

/// What is kept of a status and the header fields that a client gets; `None` when the answer is not
/// for everybody.
fn head<'f>(status: u16, fields: impl Iterator<Item = (Cow<'f, str>, &'f [u8])>) -> Option<Head> {
    if !matches!(status, 200 | 203 | 204 | 300 | 301 | 308 | 404 | 410) {
        return None;
    }
    let mut kept = Vec::with_capacity(12);
    for (name, value) in fields {
        let varies = || {
            let mut names = value.split(|byte| *byte == b',');
            names.any(|name| name.trim_ascii() == b"*")
        };
        if name == "set-cookie" || name == "vary" && varies() {
            return None;
        }
        if !is_of_one_answer(&name) {
            kept.push((name.into_owned(), value.to_vec()));
        }
    }
    Some(Head {
        status,
        fields: kept,
        annotation: Vec::new(),
    })
}

/// Fields of one connection or of one request, which every answer has anew.
fn is_of_one_answer(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "content-length"
            | "date"
            | "server"
            | "x-amzn-requestid"
            | "x-amz-apigw-id"
            | "apigw-requestid"
            | "x-amzn-trace-id"
            | "ratelimit"
            | "ratelimit-policy"
    ) || name.starts_with(':')
        || name.starts_with("x-envoy-")
}

/// The header fields of a message once they are changed. Names that are no text are not kept.
fn edited<'f>(
    headers: &'f Headers,
    edits: &'f [HeaderEdit],
) -> impl Iterator<Item = (Cow<'f, str>, &'f [u8])> {
    let mut fields: Vec<(Cow<'f, str>, &'f [u8])> = Vec::with_capacity(16);
    for (name, value) in headers.iter() {
        if let Ok(name) = str::from_utf8(name) {
            fields.push((name.into(), value));
        }
    }
    for edit in edits {
        let name = edit.name();
        let value = match edit {
            HeaderEdit::Set(_, value) => {
                fields.retain(|(candidate, _)| candidate != name);
                value
            }
            HeaderEdit::Add(_, value) => value,
            HeaderEdit::Remove(_) => {
                fields.retain(|(candidate, _)| candidate != name);
                continue;
            }
        };
        fields.push((name.into(), value));
    }
    fields.into_iter()
}

#[cfg(test)]
#[path = "storable_tests.rs"]
mod tests;
