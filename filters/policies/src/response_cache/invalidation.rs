//! Requests that want a response fetched anew: `Cache-Control: max-age=0`.
//!
//! Whatever else a client says there API Gateway does not listen to.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html#invalidate-method-caching>

use crate::headers::Headers;

/// What the answer tells those whose wish was not granted.
pub(super) const WARNING: &[u8] =
    b"199 Cache-control headers were ignored because the caller was unauthorized.";

/// Whether a request says `max-age=0` among the directives of its `Cache-Control` (RFC 9111,
/// section 5.2).
pub(super) fn is_asked_for(request: &Headers) -> bool {
    request.all(b"cache-control").any(|field| {
        let mut in_quotes = false;
        field
            .split(|byte| {
                in_quotes ^= *byte == b'"';
                *byte == b',' && !in_quotes
            })
            .any(is_max_age_of_zero)
    })
}

fn is_max_age_of_zero(directive: &[u8]) -> bool {
    const NAME: &[u8] = b"max-age=";
    let Some((name, age)) = directive.trim_ascii().split_at_checked(NAME.len()) else {
        return false;
    };
    // RFC 9111, section 5.2: an argument may be quoted.
    let age = age
        .strip_prefix(b"\"")
        .and_then(|age| age.strip_suffix(b"\""))
        .unwrap_or(age);
    name.eq_ignore_ascii_case(NAME) && !age.is_empty() && age.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::is_asked_for;
    use crate::headers::Headers;

    #[wasm_bindgen_test(unsupported = test)]
    fn only_an_age_of_zero_asks_for_it() {
        for (fields, expected) in [
            (&[][..], false),
            (&["max-age=0"], true),
            (&["Max-Age=0"], true),
            (&["max-age=000"], true),
            (&["max-age=\"0\""], true),
            (&["no-cache,max-age=0 ,x"], true),
            (&["no-cache", " max-age=0"], true),
            (&["no-cache"], false),
            (&["no-store"], false),
            (&["max-age"], false),
            (&["max-age="], false),
            (&["max-age=1"], false),
            (&["max-age=01"], false),
            (&["max-age=-0"], false),
            (&["max-age=0x"], false),
            (&["max-age = 0"], false),
            (&["s-maxage=0"], false),
            (&["x-max-age=0"], false),
            (&["x=\"a, max-age=0, b\""], false),
            (&["x=\"a\", max-age=0"], true),
        ] {
            let headers: Headers = fields
                .iter()
                .map(|field| ("cache-control", *field))
                .collect();
            assert_eq!(is_asked_for(&headers), expected, "{fields:?}");
        }
    }
}
