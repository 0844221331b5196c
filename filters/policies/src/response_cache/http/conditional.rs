//! Conditions: what a client has already, and whether the origin's response still holds.
//!
//! RFC 9110, section 13; RFC 9111, section 4.3.

use super::cache_control::list;
use super::date;
use crate::headers::{HeaderEdit, Headers};

/// Whether a client that has sent these fields has the stored response already and is told so by a
/// 304. `If-None-Match` goes before `If-Modified-Since`.
pub(super) fn is_known_to_client(request: &Headers, stored: &Headers, now: u64) -> bool {
    if request.contains(b"if-none-match") {
        let tag = stored.first(b"etag").map(opaque);
        return request
            .all(b"if-none-match")
            .flat_map(list)
            .any(|known| known == b"*" || tag.is_some_and(|tag| tag == opaque(known)));
    }
    let Some(since) = request.first(b"if-modified-since") else {
        return false;
    };
    let Some(since) = date::parse(since, now) else {
        return false;
    };
    let modified = stored
        .first(b"last-modified")
        .or_else(|| stored.first(b"date"));
    modified
        .and_then(|text| date::parse(text, now))
        .is_some_and(|modified| modified <= since)
}

/// A tag without the mark of a weak one: here a weak one is as good as a strong one.
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether the request asks the origin to act only on a condition that a cache cannot judge.
pub(super) fn is_for_the_origin(request: &Headers) -> bool {
    request.contains(b"if-match") || request.contains(b"if-unmodified-since")
}

/// Whether the request is about what the client has already, so that its answer may be a 304 or a
/// part, which is of no use to others.
pub(super) fn is_for_one_client(request: &Headers) -> bool {
    [&b"if-none-match"[..], b"if-modified-since", b"range"]
        .iter()
        .any(|name| request.contains(name))
}

/// What changes on a request that asks the origin whether the stored response still holds.
pub(super) fn revalidation(stored: &Headers) -> Vec<HeaderEdit> {
    let condition = |name: &'static str, validator: &[u8]| match stored.first(validator) {
        Some(value) => HeaderEdit::Set(name.into(), value.to_vec()),
        None => HeaderEdit::Remove(name.into()),
    };
    vec![
        condition("if-none-match", b"etag"),
        condition("if-modified-since", b"last-modified"),
        // The whole of it is what is kept.
        HeaderEdit::Remove("range".into()),
        HeaderEdit::Remove("if-range".into()),
    ]
}

/// The fields of a stored response that a 304 has (RFC 9110, section 15.4.5).
pub(super) fn is_part_of_not_modified(name: &[u8]) -> bool {
    !name.starts_with(b"content-") || name == b"content-location"
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Headers, is_known_to_client};

    const OLD: &str = "Sat, 21 Nov 2026 10:00:00 GMT";
    const NEW: &str = "Sat, 21 Nov 2026 11:00:00 GMT";

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_a_client_has() {
        for (request, stored, known) in [
            (&[][..], &[("etag", "\"a\"")][..], false),
            (&[("if-none-match", "\"a\"")], &[("etag", "\"a\"")], true),
            (
                &[("if-none-match", "\"b\", \"a\"")],
                &[("etag", "\"a\"")],
                true,
            ),
            (
                &[("if-none-match", "\"b\""), ("if-none-match", "\"a\"")],
                &[("etag", "\"a\"")],
                true,
            ),
            (
                &[("if-none-match", "\"a,b\"")],
                &[("etag", "\"a,b\"")],
                true,
            ),
            (&[("if-none-match", "\"a,b\"")], &[("etag", "\"a")], false),
            (&[("if-none-match", "W/\"a\"")], &[("etag", "\"a\"")], true),
            (&[("if-none-match", "\"a\"")], &[("etag", "W/\"a\"")], true),
            (&[("if-none-match", "\"A\"")], &[("etag", "\"a\"")], false),
            (&[("if-none-match", "a")], &[("etag", "a")], true),
            (&[("if-none-match", "\"a\"")], &[("etag", "a")], false),
            (&[("if-none-match", "*")], &[], true),
            (&[("if-none-match", "\"\"")], &[], false),
            (&[("if-none-match", "")], &[("etag", "")], false),
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", NEW)],
                &[("etag", "\"a\""), ("last-modified", OLD)],
                false,
            ),
            (
                &[("if-none-match", "\"a\""), ("if-modified-since", OLD)],
                &[("etag", "\"a\""), ("last-modified", NEW)],
                true,
            ),
            (
                &[("if-modified-since", OLD)],
                &[("last-modified", OLD)],
                true,
            ),
            (
                &[("if-modified-since", NEW)],
                &[("last-modified", OLD)],
                true,
            ),
            (
                &[("if-modified-since", OLD)],
                &[("last-modified", NEW)],
                false,
            ),
            (&[("if-modified-since", NEW)], &[("date", OLD)], true),
            (&[("if-modified-since", OLD)], &[("date", NEW)], false),
            (&[("if-modified-since", OLD)], &[], false),
            (
                &[("if-modified-since", "x")],
                &[("last-modified", OLD)],
                false,
            ),
            (
                &[("if-modified-since", NEW)],
                &[("last-modified", "x")],
                false,
            ),
        ] {
            let found = is_known_to_client(&headers(request), &headers(stored), 1_795_302_000);
            assert_eq!(found, known, "{request:?} {stored:?}");
        }
    }
}
