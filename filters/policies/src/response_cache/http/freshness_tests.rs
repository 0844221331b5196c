use wasm_bindgen_test::wasm_bindgen_test;

use super::{Standing, Use, age_on_arrival, kept_for, lifetime};
use crate::headers::Headers;
use crate::ports::Timestamp;
use crate::response_cache::http::cache_control::{Directives, LONGEST};
use crate::response_cache::http::date;

/// 2026-11-21T23:00:00Z.
const NOW: u64 = 1_795_302_000;

/// Fields; a value such as `@-10` is the date ten seconds ago.
fn headers(fields: &[(&str, &str)]) -> Headers {
    fields
        .iter()
        .map(|(name, value)| {
            let value = value.strip_prefix('@').map_or_else(
                || value.as_bytes().to_vec(),
                |offset| date::format(NOW.saturating_add_signed(offset.parse().unwrap())),
            );
            (*name, value)
        })
        .collect()
}

fn at(millis: i64) -> Timestamp {
    Timestamp((NOW * 1_000).saturating_add_signed(millis) * 1_000_000)
}

#[wasm_bindgen_test(unsupported = test)]
fn lifetimes_in_order_of_precedence() {
    for (status, fields, seconds) in [
        (
            200,
            &[
                ("cache-control", "s-maxage=5, max-age=9"),
                ("expires", "@100"),
            ][..],
            5,
        ),
        (
            200,
            &[("cache-control", "max-age=9"), ("expires", "@100")],
            9,
        ),
        (
            200,
            &[
                ("cache-control", "max-age=0"),
                ("expires", "@100"),
                ("date", "@0"),
            ],
            0,
        ),
        (200, &[("expires", "@100"), ("date", "@0")], 100),
        (200, &[("expires", "@100"), ("date", "@-50")], 150),
        (200, &[("expires", "@300"), ("date", "@400")], 0),
        (200, &[("expires", "@100")], 100),
        (200, &[("expires", "@100"), ("expires", "@900")], 100),
        (200, &[("expires", "0"), ("last-modified", "@-1000")], 0),
        (
            200,
            &[("expires", "Fri, 31 Dec 9999 00:00:00 GMT")],
            LONGEST,
        ),
        (
            200,
            &[
                ("cdn-cache-control", "max-age=9"),
                ("cache-control", "max-age=5"),
            ],
            9,
        ),
        (
            200,
            &[("cdn-cache-control", "public"), ("expires", "@100")],
            0,
        ),
        (200, &[("last-modified", "@-1000"), ("date", "@0")], 100),
        (200, &[("last-modified", "@-100000000")], 86_400),
        (200, &[("last-modified", "@1000")], 0),
        (200, &[("last-modified", "yesterday")], 0),
        (200, &[], 0),
        (201, &[("last-modified", "@-1000")], 0),
        (403, &[("last-modified", "@-1000")], 0),
        (501, &[("last-modified", "@-1000")], 100),
        (
            599,
            &[("last-modified", "@-1000"), ("cache-control", "public")],
            100,
        ),
        (599, &[("cache-control", "max-age=7")], 7),
    ] {
        let headers = headers(fields);
        let directives = Directives::of_response(&headers);
        assert_eq!(
            lifetime(status, &headers, &directives, at(0), None),
            seconds,
            "{status} {fields:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_setting_is_for_responses_that_say_nothing() {
    for (status, fields, seconds) in [
        (200, &[][..], 30),
        (200, &[("last-modified", "@-1000")], 30),
        (200, &[("cache-control", "max-age=9")], 9),
        (200, &[("expires", "0")], 0),
        (500, &[], 0),
    ] {
        let headers = headers(fields);
        let directives = Directives::of_response(&headers);
        let found = lifetime(status, &headers, &directives, at(0), Some(30));
        assert_eq!(found, seconds, "{status} {fields:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn ages() {
    for (fields, age) in [
        (&[][..], 250),
        (&[("age", "30")], 30_250),
        (&[("age", "0"), ("age", "7200")], 250),
        (&[("age", "7200"), ("age", "0")], 7_200_250),
        (&[("age", "7200, 0")], 7_200_250),
        (&[("age", "7200;foo=1")], 7_200_250),
        (&[("age", "abc")], 250),
        (&[("age", "-7200")], 250),
        (&[("age", "99999999999")], u64::from(LONGEST) * 1_000 + 250),
        (&[("date", "@-90")], 90_000),
        (&[("date", "@-90"), ("age", "100")], 100_250),
        (&[("date", "@90")], 250),
        (&[("date", "soon")], 250),
    ] {
        assert_eq!(
            age_on_arrival(&headers(fields), at(-250), at(0)),
            age,
            "{fields:?}"
        );
    }
}

fn decide(fresh_for: i64, request: &str, response: &str) -> Use {
    let standing = Standing {
        age: 100_000,
        fresh_for,
    };
    let request = Directives::of_request(&headers(&[("cache-control", request)]));
    let response = Directives::of_response(&headers(&[("cache-control", response)]));
    standing.decide(&request, &response)
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_stored_response_is_good_for() {
    for (fresh_for, request, response, expected) in [
        (1, "", "", Use::Answer),
        (1, "", "must-revalidate", Use::Answer),
        (1, "", "no-cache", Use::Revalidate),
        (1, "", "no-cache=\"a\"", Use::Answer),
        (1, "no-cache", "", Use::Revalidate),
        (1, "max-age=100", "", Use::Answer),
        (1, "max-age=99", "", Use::Revalidate),
        (1, "max-age=0", "", Use::Revalidate),
        (5_000, "min-fresh=5", "", Use::Answer),
        (4_999, "min-fresh=5", "", Use::Revalidate),
        (4_999, "min-fresh=5, max-stale", "", Use::Revalidate),
        (0, "", "", Use::Revalidate),
        (-5_000, "max-stale=5", "", Use::Answer),
        (-5_001, "max-stale=5", "", Use::Revalidate),
        (-5_001, "max-stale", "", Use::Answer),
        (-1, "max-stale", "must-revalidate", Use::Revalidate),
        (-1, "max-stale", "proxy-revalidate", Use::Revalidate),
        (-1, "max-stale", "s-maxage=1", Use::Revalidate),
        (-1, "max-stale", "no-cache", Use::Revalidate),
        (
            -5_000,
            "",
            "stale-while-revalidate=5",
            Use::AnswerWhileRevalidating,
        ),
        (-5_001, "", "stale-while-revalidate=5", Use::Revalidate),
        (
            -1,
            "",
            "s-maxage=1, stale-while-revalidate=5",
            Use::AnswerWhileRevalidating,
        ),
        (
            -1,
            "",
            "must-revalidate, stale-while-revalidate=5",
            Use::Revalidate,
        ),
        (
            -1,
            "max-age=99",
            "stale-while-revalidate=5",
            Use::Revalidate,
        ),
        (
            -1,
            "min-fresh=1",
            "stale-while-revalidate=5",
            Use::Revalidate,
        ),
    ] {
        let found = decide(fresh_for, request, response);
        assert_eq!(found, expected, "{fresh_for} {request:?} {response:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn who_stands_in_for_an_origin_that_fails() {
    for (fresh_for, request, response, failed, unreachable) in [
        (-5_000, "", "", false, true),
        (-60_001, "", "", false, false),
        (-5_000, "", "stale-if-error=5", true, true),
        (-100_000, "", "stale-if-error=100", true, true),
        (-100_001, "", "stale-if-error=100", false, false),
        (-5_000, "stale-if-error=5", "", true, true),
        (-5_000, "", "s-maxage=1", false, false),
        (-5_000, "", "s-maxage=1, stale-if-error=5", true, true),
        (
            -5_000,
            "",
            "stale-if-error=5, must-revalidate",
            false,
            false,
        ),
        (
            -5_000,
            "",
            "stale-if-error=5, proxy-revalidate",
            false,
            false,
        ),
        (-5_000, "", "stale-if-error=5, no-cache", false, false),
        (5_000, "no-cache", "stale-if-error=5", false, false),
        (5_000, "max-age=0", "", false, true),
    ] {
        let standing = Standing {
            age: 100_000,
            fresh_for,
        };
        let request = Directives::of_request(&headers(&[("cache-control", request)]));
        let response = Directives::of_response(&headers(&[("cache-control", response)]));
        let found = [false, true].map(|it| standing.may_stand_in(&request, &response, it));
        assert_eq!(
            found,
            [failed, unreachable],
            "{fresh_for} {request:?} {response:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_may_be_of_use_later_is_kept() {
    for (fields, seconds) in [
        (&[][..], 60),
        (&[("etag", "\"a\"")], 86_400),
        (&[("last-modified", "@-10")], 86_400),
        (
            &[(
                "cache-control",
                "stale-if-error=90, stale-while-revalidate=70",
            )],
            90,
        ),
        (
            &[
                ("cache-control", "stale-while-revalidate=100000"),
                ("etag", "a"),
            ],
            100_000,
        ),
    ] {
        let headers = headers(fields);
        let directives = Directives::of_response(&headers);
        assert_eq!(kept_for(&headers, &directives, true), seconds, "{fields:?}");
    }
    let directives = Directives::default();
    assert_eq!(kept_for(&headers(&[]), &directives, false), 0);
}
