//! Which requests one of several stored responses is for.
//!
//! RFC 9111, section 4.1.

use sha2::{Digest, Sha256};

use super::cache_control::list;
use crate::headers::Headers;

/// The fields of requests on which a response depends, in lower case and sorted, each once; `None`
/// when it depends on something that cannot be known.
pub(super) fn fields(response: &Headers) -> Option<Vec<Vec<u8>>> {
    let names = response.all(b"vary").flat_map(list);
    let mut names: Vec<Vec<u8>> = names.map(<[u8]>::to_ascii_lowercase).collect();
    if names.iter().any(|name| name == b"*") {
        return None;
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

/// A digest of what a request says in these fields. `seed` tells apart what was stored before a
/// URI was invalidated from what is stored after.
pub(super) fn digest<'n>(
    names: impl Iterator<Item = &'n [u8]>,
    request: &Headers,
    seed: &[u8],
) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |text: &[u8]| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text);
    };
    add(seed);
    for name in names {
        add(name);
        // Several lines say what one with all of their values says.
        let values: Vec<&[u8]> = if is_list_of_choices(name) {
            request.all(name).flat_map(list).collect()
        } else {
            request.all(name).collect()
        };
        // A field that is not there is not an empty one.
        add(&[u8::from(request.contains(name))]);
        let mut value = values.join(&b", "[..]);
        if is_list_of_choices(name) {
            value.make_ascii_lowercase();
            value.retain(|byte| !byte.is_ascii_whitespace());
        }
        add(&value);
    }
    digest.finalize().into()
}

/// The fields in which neither case nor space nor the cut into lines means anything.
fn is_list_of_choices(name: &[u8]) -> bool {
    matches!(
        name,
        b"accept-charset" | b"accept-encoding" | b"accept-language"
    )
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Headers, digest, fields};

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn names_of_fields() {
        for (lines, names) in [
            (&[][..], Some(&[][..])),
            (&["Foo"], Some(&["foo"])),
            (&["Foo, bar", "FOO"], Some(&["bar", "foo"])),
            (&["*"], None),
            (&["*, Foo"], None),
            (&[", *"], None),
            (&["", "*"], None),
            (&[""], Some(&[])),
        ] {
            let response = lines.iter().map(|line| ("vary", *line)).collect();
            let names = names.map(|names: &[&str]| {
                names
                    .iter()
                    .map(|name| name.as_bytes().to_vec())
                    .collect::<Vec<_>>()
            });
            assert_eq!(fields(&response), names, "{lines:?}");
        }
    }

    fn same(names: &[&str], one: &[(&str, &str)], other: &[(&str, &str)]) -> bool {
        let of = |fields| {
            digest(
                names.iter().map(|name| name.as_bytes()),
                &headers(fields),
                b"",
            )
        };
        of(one) == of(other)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn requests_that_are_the_same() {
        let names = &["a", "b", "accept-language"];
        for (one, other, expected) in [
            (&[("a", "1")][..], &[("a", "1"), ("c", "2")][..], true),
            (&[("a", "1")], &[("a", "2")], false),
            (&[("a", "1")], &[], false),
            (&[("a", "")], &[], false),
            (&[("a", "1")], &[("b", "1")], false),
            (&[("a", "1"), ("a", "2")], &[("a", "2"), ("a", "1")], false),
            (&[("a", "1"), ("a", "2")], &[("a", "1, 2")], true),
            (&[("a", "1"), ("a", "2")], &[("a", "1,2")], false),
            (&[("a", "x")], &[("a", "X")], false),
            (
                &[("accept-language", "en, de")],
                &[("accept-language", "EN,de")],
                true,
            ),
            (
                &[("accept-language", "en; q=1")],
                &[("accept-language", "en;q=1")],
                true,
            ),
            (
                &[("accept-language", "en, de")],
                &[("accept-language", "de, en")],
                false,
            ),
            (
                &[("accept-language", "en")],
                &[("accept-language", "e"), ("accept-language", "n")],
                false,
            ),
        ] {
            assert_eq!(same(names, one, other), expected, "{one:?} {other:?}");
        }
        let digests = [b"1", b"2"].map(|seed| digest(std::iter::empty(), &headers(&[]), seed));
        assert_ne!(digests[0], digests[1]);
    }
}
