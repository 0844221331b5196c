use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Directives, LONGEST, list};
use crate::headers::Headers;

fn response(lines: &[&str]) -> Directives {
    let fields = lines.iter().map(|line| ("cache-control", line));
    Directives::of_response(&fields.collect::<Headers>())
}

#[wasm_bindgen_test(unsupported = test)]
fn lifetimes() {
    for (lines, max_age) in [
        (&["max-age=3600"][..], Some(3600)),
        (&["MaX-aGe=3600"], Some(3600)),
        (&["public,max-age=3600 ,"], Some(3600)),
        (&["max-age=003600"], Some(3600)),
        (&["max-age=\"3600\""], Some(3600)),
        (&["max-age=1, max-age=1800"], Some(1)),
        (&["max-age=1800, max-age=1"], Some(1800)),
        (&["max-age=1800", "max-age=1"], Some(1800)),
        (&["max-age=2147483648"], Some(LONGEST)),
        (&["max-age=99999999999999999999"], Some(LONGEST)),
        (&["extension=\"max-age=3600\", max-age=1"], Some(1)),
        (&["extension=\"a, max-age=3600\", max-age=1"], Some(1)),
        (&["extension=\"\\\", max-age=3600\", max-age=1"], Some(1)),
        (&["max-age=1, extension=\"max-age=3600\""], Some(1)),
        // What is not a number makes the response stale.
        (&["max-age"], Some(0)),
        (&["max-age="], Some(0)),
        (&["max-age= 3600"], Some(0)),
        (&["max-age =3600"], Some(0)),
        (&["max-age='3600'"], Some(0)),
        (&["max-age=3600.5"], Some(0)),
        (&["max-age=-3600"], Some(0)),
        (&["max-age=+3600"], Some(0)),
        (&["max-age=a3600"], Some(0)),
        (&["max-age=3600a"], Some(0)),
        (&["max-age=\"3600"], Some(0)),
        (&["x-max-age=3600"], None),
        (&["max-agex=3600"], None),
        (&[""], None),
        (&[], None),
    ] {
        assert_eq!(response(lines).max_age, max_age, "{lines:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn fields_are_withheld_or_the_whole_response_is() {
    for (line, no_cache, private, withheld) in [
        ("no-cache", true, false, &[][..]),
        ("no-cache=\"\"", true, false, &[]),
        ("no-cache=\" , \"", true, false, &[]),
        ("no-cache=\"A\"", false, false, &["a"]),
        ("no-cache=a", false, false, &["a"]),
        (
            "no-cache=\"A, b\",private=C",
            false,
            false,
            &["a", "b", "c"],
        ),
        ("private=\"a\", private", false, true, &["a"]),
        ("no-cache=\"a", true, false, &[]),
        ("no-cache =x", true, false, &[]),
    ] {
        let directives = response(&[line]);
        let withheld: Vec<_> = withheld
            .iter()
            .map(|it: &&str| it.as_bytes().to_vec())
            .collect();
        assert_eq!(
            (directives.no_cache, directives.private),
            (no_cache, private),
            "{line}"
        );
        assert_eq!(directives.withheld, withheld, "{line}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn of_requests() {
    let request = |fields: &[(&str, &str)]| {
        Directives::of_request(&fields.iter().copied().collect::<Headers>())
    };
    assert!(request(&[("pragma", "no-cache")]).no_cache);
    assert!(request(&[("pragma", "x, No-Cache")]).no_cache);
    assert!(!request(&[("pragma", "no-cache"), ("cache-control", "max-age=1")]).no_cache);
    assert!(!request(&[("pragma", "foo")]).no_cache);
    assert_eq!(
        request(&[("cache-control", "max-stale")]).max_stale,
        Some(LONGEST)
    );
    assert_eq!(
        request(&[("cache-control", "max-stale=5")]).max_stale,
        Some(5)
    );
    // What cannot be read asks for the most.
    assert_eq!(
        request(&[("cache-control", "max-stale=x")]).max_stale,
        Some(0)
    );
    assert_eq!(
        request(&[("cache-control", "min-fresh=x")]).min_fresh,
        Some(LONGEST)
    );
    assert!(request(&[("cache-control", "only-if-cached")]).only_if_cached);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_field_for_caches_like_this_one_counts_alone() {
    for (lines, max_age, targeted) in [
        (&["max-age=10"][..], Some(10), true),
        (&["max-age=99999999999"], Some(LONGEST), true),
        (&["max-age=1", "max-age=10"], Some(10), true),
        (&["max-age=10;a=1, no-cache=\"x\""], Some(10), true),
        (
            &["x=(a b \"c\";q=1.5);p, y=:aGk=:, z=?0, max-age=10"],
            Some(10),
            true,
        ),
        (&["no-store"], None, true),
        // A string is no number.
        (&["max-age=\"10\""], Some(0), true),
        (&["max-age=1.5"], Some(0), true),
        (&["max-age=-1"], Some(0), true),
        (&["max-age"], Some(0), true),
        // Not a dictionary, or an empty one.
        (&["max-age= 10"], Some(3), false),
        (&["MAX-AGE=10"], Some(3), false),
        (&["max-age=10, &&&"], Some(3), false),
        (&["max-age=10,"], Some(3), false),
        (&["max-age=10 no-store"], Some(3), false),
        (&["x=\"a"], Some(3), false),
        (&["x=(a"], Some(3), false),
        (&["x=1234567890123456"], Some(3), false),
        (&[""], Some(3), false),
        (&[], Some(3), false),
    ] {
        let fields = lines.iter().map(|line| ("cdn-cache-control", *line));
        let headers: Headers = fields.chain([("cache-control", "max-age=3")]).collect();
        let directives = Directives::of_response(&headers);
        assert_eq!(
            (directives.max_age, directives.targeted),
            (max_age, targeted),
            "{lines:?}"
        );
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..60)) {
        let field = |name: &'static str| -> Headers { [(name, &line)].into_iter().collect() };
        Directives::of_response(&field("cache-control"));
        Directives::of_response(&field("cdn-cache-control"));
        Directives::of_request(&field("cache-control"));
        list(&line).count();
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_dictionary_panics(line in "[a-z=,; \"\\\\:?()0-9.*@-]{0,40}") {
        let headers: Headers = [("cdn-cache-control", &line)].into_iter().collect();
        Directives::of_response(&headers);
    }

    /// Whatever else is said, and however it is cut into lines, a response that may not be kept is
    /// not.
    #[wasm_bindgen_test(unsupported = test)]
    fn no_store_is_always_heard(
        before in prop::collection::vec("[a-z=-]{0,6}|x=\"[a-z,=]{0,4}\"", 0..4),
        after in prop::collection::vec("[a-z=-]{0,6}", 0..4),
        spaces in "[ \t]{0,2}",
    ) {
        let mut members = before;
        members.push(format!("{spaces}No-Store{spaces}"));
        members.extend(after);
        prop_assert!(response(&[&members.join(",")]).no_store);
        let lines: Vec<&str> = members.iter().map(String::as_str).collect();
        prop_assert!(response(&lines).no_store);
    }
}
