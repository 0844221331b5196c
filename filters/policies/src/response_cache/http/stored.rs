//! A response that was found, and what a client is given of it.

use super::cache_control::Directives;
use super::conditional;
use super::freshness::Standing;
use super::range::{self, Asked};
use crate::exchange::Reply;
use crate::headers::Headers;
use crate::ports::Timestamp;
use crate::response_cache::entry::Head;

/// How this cache calls itself in `Cache-Status`.
const NAME: &str = "attache";

/// A stored response.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) status: u16,
    /// `Age` is that of the moment when it was stored.
    pub(super) fields: Headers,
    pub(super) body: Vec<u8>,
    pub(super) directives: Directives,
    stored_at: Timestamp,
    fresh_until: Timestamp,
}

impl Stored {
    pub(super) fn new(
        head: &Head,
        body: Vec<u8>,
        stored_at: Timestamp,
        fresh_until: Timestamp,
    ) -> Self {
        let fields = head.fields.iter().map(|(name, value)| (name, value));
        let fields: Headers = fields.collect();
        Self {
            status: head.status,
            directives: Directives::of_response(&fields),
            fields,
            body,
            stored_at,
            fresh_until,
        }
    }

    /// The same with other fields, so many milliseconds old at this moment.
    pub(super) fn with_fields(
        self,
        fields: Headers,
        directives: Directives,
        age: u64,
        now: Timestamp,
        fresh_until: Timestamp,
    ) -> Self {
        let mut fields = fields;
        fields.push(b"age", (age / 1_000).to_string().as_bytes());
        Self {
            fields,
            directives,
            stored_at: now,
            fresh_until,
            ..self
        }
    }

    /// How it stands now.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let age = self.fields.first(b"age");
        let age = age.and_then(super::cache_control::seconds).unwrap_or(0);
        let left = i128::from(self.fresh_until.0) - i128::from(now.0);
        Standing {
            age: u64::from(age) * 1_000 + now.millis_since(self.stored_at),
            fresh_for: i64::try_from(left / 1_000_000).unwrap_or(i64::MAX),
        }
    }

    /// What a client is given: all of it, the part that it asks for, or that it has it already.
    /// `why` is what `Cache-Status` says (RFC 9211).
    pub(super) fn reply(self, request: &Headers, now: Timestamp, why: &str) -> Reply {
        let standing = self.standing(now);
        let mut status = self.status;
        let mut body = self.body;
        let mut content_range = None;
        if status == 200 && conditional::is_known_to_client(request, &self.fields, now.as_secs()) {
            status = 304;
            body = Vec::new();
        } else if status == 200 && request.first(b":method") == Some(b"GET") {
            let length = body.len();
            match range::asked(request, &self.fields, length) {
                Asked::Whole => {}
                Asked::Part(part) => {
                    status = 206;
                    let last = part.end.saturating_sub(1);
                    content_range = Some(format!("bytes {}-{last}/{length}", part.start));
                    body.truncate(part.end);
                    body.drain(..part.start);
                }
                Asked::Nothing => {
                    status = 416;
                    content_range = Some(format!("bytes */{length}"));
                    body = Vec::new();
                }
            }
        }
        let mut headers: Vec<(String, Vec<u8>)> = self
            .fields
            .iter()
            .filter(|(name, _)| {
                *name != b"age"
                    && (content_range.is_none() || *name != b"content-range")
                    && (status != 304 || conditional::is_part_of_not_modified(name))
            })
            .filter_map(|(name, value)| {
                Some((str::from_utf8(name).ok()?.to_owned(), value.to_vec()))
            })
            .collect();
        let mut add =
            |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
        if let Some(range) = content_range {
            add("content-range", range);
        }
        add("age", (standing.age / 1_000).to_string());
        let ttl = standing.fresh_for.div_euclid(1_000);
        add("cache-status", format!("{NAME}; {why}; ttl={ttl}"));
        Reply {
            status,
            headers,
            body,
        }
    }
}

/// What `Cache-Status` says of an answer that the origin has given.
pub(super) fn forwarded(why: &str) -> Vec<u8> {
    format!("{NAME}; fwd={why}").into_bytes()
}

/// The answer to a client that wants nothing but what is stored, when that is nothing (RFC 9111,
/// section 5.2.1.7).
pub(super) fn nothing_stored() -> Reply {
    Reply {
        status: 504,
        headers: vec![("cache-status".to_owned(), NAME.into())],
        body: Vec::new(),
    }
}
