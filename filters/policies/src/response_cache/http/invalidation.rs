//! What a request that changes something makes unusable.
//!
//! RFC 9111, section 4.4.

use crate::headers::Headers;

/// Whether requests with this method change nothing, as far as anybody knows.
pub(super) const fn is_safe(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE")
}

/// Whether the request asks servers that know the field to act as if its method were another one.
pub(super) fn is_overridden(request: &Headers) -> bool {
    [
        &b"x-http-method-override"[..],
        b"x-http-method",
        b"x-method-override",
    ]
    .iter()
    .any(|name| request.contains(name))
}

/// Whether the answer to a request with an unsafe method says that something has changed.
pub(super) const fn says_changed(status: u16) -> bool {
    matches!(status, 200..=399)
}

/// The paths with queries that `Location` and `Content-Location` of an answer name at the same
/// origin, at most one each. Of a reference that is relative to the path nothing is known here.
pub(super) fn named_paths<'a>(
    answer: &'a Headers,
    authority: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> {
    let fields = [&b"location"[..], b"content-location"];
    fields
        .into_iter()
        .filter_map(|name| answer.first(name))
        .filter_map(move |reference| path_at(reference, authority))
}

/// The path and query of a URI reference at this origin.
pub(super) fn path_at<'a>(reference: &'a [u8], authority: &[u8]) -> Option<&'a [u8]> {
    let reference = reference.split(|byte| *byte == b'#').next()?;
    let rest = strip_scheme(reference);
    let Some(rest) = rest.strip_prefix(b"//") else {
        // Without an authority it is at this one, unless the scheme is one that has none.
        return (rest.len() == reference.len() && rest.starts_with(b"/")).then_some(rest);
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let (host, path) = rest.split_at(end.unwrap_or(rest.len()));
    if !host.eq_ignore_ascii_case(authority) {
        return None;
    }
    match path {
        [] => Some(b"/"),
        [b'/', ..] => Some(path),
        _ => None,
    }
}

fn strip_scheme(reference: &[u8]) -> &[u8] {
    for scheme in [&b"http:"[..], b"https:"] {
        if let Some((start, rest)) = reference.split_at_checked(scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return rest;
        }
    }
    reference
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::path_at;

    #[wasm_bindgen_test(unsupported = test)]
    fn references_at_the_same_origin() {
        for (reference, path) in [
            ("/a?b", Some("/a?b")),
            ("/a#c", Some("/a")),
            ("http://h:80/a", Some("/a")),
            ("HTTPS://H:80/a", Some("/a")),
            ("//h:80/a", Some("/a")),
            ("http://h:80", Some("/")),
            ("http://h/a", None),
            ("http://other/a", None),
            ("//other/a", None),
            ("http://h:80@other/a", None),
            ("http:/a", None),
            ("ftp://h:80/a", None),
            ("a", None),
            ("", None),
        ] {
            let found = path_at(reference.as_bytes(), b"h:80");
            assert_eq!(found, path.map(str::as_bytes), "{reference}");
        }
    }
}
