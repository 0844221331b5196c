//! Which responses may be kept, and what of them.
//!
//! RFC 9111, sections 3, 3.1, 3.2 and 3.5.

use super::cache_control::{Directives, list};
use super::freshness;
use crate::headers::Headers;

/// Whether the response to a request that may be answered from a cache may be kept for others. That
/// it is complete, and will ever be of use, is found out elsewhere.
///
/// Stricter than RFC 9111: what sets a cookie is for one client, what says nothing may be for whoever
/// has sent one, and a part is not the whole.
pub(super) fn may_be_kept(
    request: &Headers,
    status: u16,
    response: &Headers,
    directives: &Directives,
) -> bool {
    let keeps_no_record = if directives.must_understand {
        !is_understood(status)
    } else {
        directives.no_store
    };
    if keeps_no_record
        || directives.private
        || !(200..600).contains(&status)
        || matches!(status, 206 | 304)
        || Directives::of_request(request).no_store
        || response.contains(b"set-cookie")
    {
        return false;
    }
    let shared = directives.public || directives.must_revalidate || directives.s_maxage.is_some();
    if request.contains(b"authorization") && !shared {
        return false;
    }
    freshness::is_stated(response, directives)
        || directives.public
        || freshness::is_heuristically_cacheable(status) && !is_somebodys(request)
}

/// Whether the request tells who sends it. A response that says nothing about being kept may be for
/// them alone.
fn is_somebodys(request: &Headers) -> bool {
    [&b"cookie"[..], b"x-api-key", b"x-amz-security-token"]
        .iter()
        .any(|name| request.contains(name))
}

/// Whether the end of the body can be told from a connection that broke off.
pub(super) fn has_end(status: u16, response: &Headers) -> bool {
    status == 204 || response.contains(b"content-length") || response.contains(b"transfer-encoding")
}

/// The statuses whose meaning for caches is known here: those of RFC 9110 that are final.
const fn is_understood(status: u16) -> bool {
    matches!(
        status,
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505
    )
}

/// Fields that are about one connection or one message, and not kept (RFC 9111, section 3.1).
const NEVER_KEPT: [&[u8]; 15] = [
    b"age",
    b"cache-status",
    b"connection",
    b"content-length",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"proxy-connection",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"x-envoy-upstream-service-time",
];

/// The fields of a response that are kept. `date`: that of a response without one.
pub(super) fn kept_fields(response: &Headers, directives: &Directives, date: &[u8]) -> Headers {
    let connection: Vec<Vec<u8>> = response
        .all(b"connection")
        .flat_map(list)
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    let mut kept: Headers = response
        .iter()
        .filter(|(name, _)| {
            !name.starts_with(b":")
                && !NEVER_KEPT.contains(name)
                && !connection.iter().any(|named| named == name)
                && !directives.withheld.iter().any(|named| named == name)
        })
        .collect();
    if !kept.contains(b"date") {
        kept.push(b"date", date);
    }
    kept
}

/// The fields of a stored response after the origin has said that it still holds: those that came
/// with that answer replace the stored ones of the same name (RFC 9111, sections 3.2 and 4.3.4).
pub(super) fn freshened(stored: &Headers, answer: &Headers) -> Headers {
    let directives = Directives::of_response(answer);
    let mut fields = kept_fields(answer, &directives, b"");
    if !answer.contains(b"date") {
        // It is as old as it was.
        fields = fields.iter().filter(|(name, _)| *name != b"date").collect();
    }
    let unchanged = stored.iter().filter(|(name, _)| {
        *name != b"age"
            && !fields.contains(name)
            && !directives.withheld.iter().any(|withheld| withheld == name)
    });
    unchanged.chain(fields.iter()).collect()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Directives, Headers, freshened, has_end, kept_fields, may_be_kept};

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    fn kept(request: &[(&str, &str)], status: u16, response: &[(&str, &str)]) -> bool {
        let response = headers(response);
        let directives = Directives::of_response(&response);
        may_be_kept(&headers(request), status, &response, &directives)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn which_responses_are_kept() {
        for (status, control, expected) in [
            (200, "", true),
            (200, "max-age=1", true),
            (200, "no-cache", true),
            (200, "no-store", false),
            (200, "max-age=1, no-store", false),
            (200, "private", false),
            (200, "private=\"a\"", true),
            (201, "", false),
            (201, "max-age=1", true),
            (201, "public", true),
            (206, "max-age=1", false),
            (304, "max-age=1", false),
            (302, "", false),
            (404, "", true),
            (500, "", false),
            (500, "max-age=1", true),
            (599, "max-age=1", true),
            (599, "max-age=1, must-understand", false),
            (599, "max-age=1, no-store, must-understand", false),
            (200, "max-age=1, no-store, must-understand", true),
            (999, "max-age=1", false),
            (103, "max-age=1", false),
        ] {
            let found = kept(&[], status, &[("cache-control", control)]);
            assert_eq!(found, expected, "{status} {control}");
        }
        assert!(kept(&[], 302, &[("expires", "0")]));
        assert!(!kept(&[], 200, &[("set-cookie", "a=b")]));
        assert!(!kept(&[("cache-control", "no-store")], 200, &[]));
        for name in ["cookie", "x-api-key", "x-amz-security-token"] {
            assert!(!kept(&[(name, "a")], 200, &[]), "{name}");
            assert!(kept(&[(name, "a")], 200, &[("expires", "0")]), "{name}");
            assert!(
                kept(&[(name, "a")], 200, &[("cache-control", "public")]),
                "{name}"
            );
        }
        // For whom it is must be known to be everybody.
        for (control, expected) in [
            ("max-age=1", false),
            ("max-age=1, public", true),
            ("max-age=1, must-revalidate", true),
            ("s-maxage=1", true),
            ("private", false),
        ] {
            let found = kept(
                &[("authorization", "x")],
                200,
                &[("cache-control", control)],
            );
            assert_eq!(found, expected, "{control}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_ends_with_its_connection_is_not_kept() {
        for (status, fields, expected) in [
            (200, &[("cache-control", "max-age=1")][..], false),
            (200, &[("transfer-encoding", "chunked")], true),
            (200, &[("content-length", "0")], true),
            (204, &[], true),
        ] {
            assert_eq!(
                has_end(status, &headers(fields)),
                expected,
                "{status} {fields:?}"
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_about_one_message_is_left_out() {
        let response = headers(&[
            (":status", "200"),
            ("connection", "close, X-One"),
            ("x-one", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("age", "5"),
            ("proxy-connection", "x"),
            ("cache-control", "no-cache=\"X-Two\", max-age=5"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("x-three", "4"),
        ]);
        let directives = Directives::of_response(&response);
        let kept = kept_fields(&response, &directives, b"today");
        let expected = headers(&[
            ("cache-control", "no-cache=\"X-Two\", max-age=5"),
            ("x-three", "3"),
            ("x-three", "4"),
            ("date", "today"),
        ]);
        assert_eq!(kept, expected);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_still_holds_takes_the_new_fields() {
        let stored = headers(&[
            ("date", "a"),
            ("age", "9"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-two", "3"),
        ]);
        let answer = headers(&[
            ("x-two", "4"),
            ("x-new", "5"),
            ("content-length", "10"),
            ("set-cookie", "a=b"),
        ]);
        let expected = headers(&[
            ("date", "a"),
            ("x-one", "1"),
            ("x-two", "4"),
            ("x-new", "5"),
        ]);
        assert_eq!(freshened(&stored, &answer), expected);
        let answer = headers(&[("date", "b"), ("cache-control", "private=\"x-one\"")]);
        let expected = headers(&[
            ("x-two", "2"),
            ("x-two", "3"),
            ("date", "b"),
            ("cache-control", "private=\"x-one\""),
        ]);
        assert_eq!(freshened(&stored, &answer), expected);
    }
}
