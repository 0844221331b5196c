//! Parts of a stored response.
//!
//! RFC 9110, section 14.

use std::ops::Range;

use crate::headers::Headers;

/// What a request asks of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: nothing else was asked for, or nothing that is understood here.
    Whole,
    /// One part.
    Part(Range<usize>),
    /// A part that there is not.
    Nothing,
}

/// What a request asks of a stored body of so many bytes. Several parts at once are not
/// understood here, which a server may do.
pub(super) fn asked(request: &Headers, stored: &Headers, length: usize) -> Asked {
    let mut lines = request.all(b"range");
    let (Some(range), None) = (lines.next(), lines.next()) else {
        return Asked::Whole;
    };
    if !condition_holds(request, stored) {
        return Asked::Whole;
    }
    part(range, length).unwrap_or(Asked::Whole)
}

/// Whether `If-Range` names exactly the stored response. A weak tag never does.
fn condition_holds(request: &Headers, stored: &Headers) -> bool {
    request.first(b"if-range").is_none_or(|condition| {
        let validator: &[u8] = if condition.contains(&b'"') {
            b"etag"
        } else {
            b"last-modified"
        };
        !condition.starts_with(b"W/") && stored.first(validator) == Some(condition)
    })
}

fn part(range: &[u8], length: usize) -> Option<Asked> {
    let (unit, range) = range.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let range = str::from_utf8(range).ok()?.trim_ascii();
    let (first, last) = range.split_once('-')?;
    let part = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(most)) => length.saturating_sub(most)..length,
        (Some(first), None) => first..length,
        (Some(first), Some(last)) if first > last => return None,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(length),
    };
    Some(if part.start < part.end {
        Asked::Part(part)
    } else {
        Asked::Nothing
    })
}

/// A number, or that there is none. `None` when there is something else.
fn number(text: &str) -> Option<Option<usize>> {
    if text.is_empty() {
        return Some(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What does not fit is far behind every end.
    Some(Some(text.parse().unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Asked, Headers, asked};

    fn ask(fields: &[(&str, &str)]) -> Asked {
        let stored = [("etag", "\"a\""), ("last-modified", "then")];
        let stored = stored.into_iter().collect();
        asked(&fields.iter().copied().collect(), &stored, 10)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn one_part_or_the_whole() {
        for (range, expected) in [
            ("bytes=0-1", Asked::Part(0..2)),
            ("Bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=5-99999999999999999999999", Asked::Part(5..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=99999999999999999999999-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=2-1", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(ask(&[("range", range)]), expected, "{range}");
        }
        assert_eq!(ask(&[]), Asked::Whole);
        assert_eq!(
            ask(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]),
            Asked::Whole
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_of_the_response_that_is_meant() {
        for (condition, holds) in [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            ("then", true),
            ("now", false),
        ] {
            let found = ask(&[("range", "bytes=0-1"), ("if-range", condition)]);
            assert_eq!(found == Asked::Part(0..2), holds, "{condition}");
        }
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn a_part_is_within(range in "bytes=[0-9]{0,3}-[0-9]{0,3}", length in 0..200_usize) {
            let request: Headers = [("range", &range)].into_iter().collect();
            if let Asked::Part(part) = asked(&request, &Headers::default(), length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
