//! Where a `$ref` leads: URIs (RFC 3986) and JSON pointers (RFC 6901).

use serde_json::Value as Json;

/// The URI that a reference means where the base is another one.
pub(super) fn join(base: &str, reference: &str) -> String {
    let without_fragment = base.split('#').next().unwrap_or_default();
    if has_scheme(reference) {
        return reference.to_owned();
    }
    if reference.is_empty() || reference.starts_with('#') {
        return format!("{without_fragment}{reference}");
    }
    let authority = without_fragment.find("://").map_or(0, |at| {
        let rest = without_fragment.get(at + 3..).unwrap_or_default();
        at + 3 + rest.find('/').unwrap_or(rest.len())
    });
    let (origin, path) = without_fragment
        .split_at_checked(authority)
        .unwrap_or((without_fragment, ""));
    if reference.starts_with("//") {
        let scheme = origin.split("//").next().unwrap_or_default();
        return format!("{scheme}{reference}");
    }
    let (reference, fragment) = match reference.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (reference, None),
    };
    let folder = match path.rfind('/') {
        _ if reference.starts_with('/') => "",
        Some(at) => path.get(..=at).unwrap_or_default(),
        None if origin.is_empty() => "",
        None => "/",
    };
    let mut segments: Vec<&str> = Vec::new();
    let path = format!("{folder}{reference}");
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let path = segments.join("/");
    match fragment {
        Some(fragment) => format!("{origin}{path}#{fragment}"),
        None => format!("{origin}{path}"),
    }
}

fn has_scheme(reference: &str) -> bool {
    let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let mut bytes = scheme.bytes();
        bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// The parts of a JSON pointer in a fragment.
pub(super) fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|token| percent_decoded(token).replace("~1", "/").replace("~0", "~"))
}

/// A step of a JSON pointer.
pub(super) fn step<'s>(value: &'s Json, token: &str) -> Option<&'s Json> {
    match value {
        Json::Object(entries) => entries.get(token),
        Json::Array(items) => items.get(token.parse::<usize>().ok()?),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = match after {
            [high, low, ..] if *first == b'%' => hexadecimal(*high).zip(hexadecimal(*low)),
            _ => None,
        };
        let (byte, length) = match code {
            Some((high, low)) => (high << 4 | low, 3),
            None => (*first, 1),
        };
        bytes.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{join, tokens};

    #[wasm_bindgen_test(unsupported = test)]
    fn references_are_joined_to_their_base() {
        for (base, reference, expected) in [
            ("", "#/a", "#/a"),
            ("", "a.json", "a.json"),
            ("http://h/a/b", "c", "http://h/a/c"),
            ("http://h/a/b#x", "#y", "http://h/a/b#y"),
            ("http://h/a/b", "/c#y", "http://h/c#y"),
            ("http://h", "c", "http://h/c"),
            ("http://h/a/b/", "../c", "http://h/a/c"),
            ("http://h/a", "https://i/b", "https://i/b"),
            ("http://h/a", "//i/b", "http://i/b"),
            ("http://h/a", "urn:x:y", "urn:x:y"),
            ("file:///c:/a.json", "b.json", "file:///c:/b.json"),
            ("http://h/a", "", "http://h/a"),
        ] {
            assert_eq!(join(base, reference), expected, "{base} {reference}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn pointers_are_decoded() {
        let all = |pointer| tokens(pointer).collect::<Vec<_>>();
        assert_eq!(all(""), [""; 0]);
        assert_eq!(all("/"), [""]);
        assert_eq!(
            all("/a~1b/~0/%25/%c3%a9/%zz"),
            ["a/b", "~", "%", "é", "%zz"]
        );
    }
}
