//! Expected texts and JSON in which `<any>` stands for what cannot be said beforehand.

use serde_json::Value;

const ANY: &str = "<any>";
const OTHERS: &str = "<others>";

/// Whether a text is as expected; `<any>` in `expected` stands for any characters, also none.
pub(crate) fn text(expected: &str, got: &str) -> bool {
    let Some((first, expected)) = expected.split_once(ANY) else {
        return expected == got;
    };
    let Some(mut rest) = got.strip_prefix(first) else {
        return false;
    };
    let (parts, last) = expected.rsplit_once(ANY).unwrap_or(("", expected));
    for part in parts.split(ANY) {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What of a JSON value is not as expected, with its place.
pub(crate) fn json(expected: &Value, got: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    compare("", expected, got, &mut faults);
    faults
}

fn compare(place: &str, expected: &Value, got: &Value, faults: &mut Vec<String>) {
    match (expected, got) {
        (Value::String(expected), _) if expected == ANY => {}
        (Value::String(expected), Value::String(got)) if text(expected, got) => {}
        (Value::Object(expected), Value::Object(got)) => {
            for (name, expected) in expected.iter().filter(|(name, _)| *name != OTHERS) {
                let place = format!("{place}/{name}");
                match got.get(name) {
                    Some(got) => compare(&place, expected, got, faults),
                    None => faults.push(format!("`{place}`: expected {expected}, got none")),
                }
            }
            if !expected.contains_key(OTHERS) {
                for (name, got) in got {
                    if !expected.contains_key(name) {
                        faults.push(format!("`{place}/{name}`: expected none, got {got}"));
                    }
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (number, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{place}/{number}"), expected, got, faults);
            }
        }
        _ if expected == got => {}
        _ => faults.push(format!("`{place}`: expected {expected}, got {got}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_stands_for_any_characters() {
        for (expected, got) in [
            ("", ""),
            ("abc", "abc"),
            ("<any>", ""),
            ("<any>", "abc"),
            ("a<any>", "abc"),
            ("<any>c", "abc"),
            ("a<any>c", "ac"),
            ("<any>b<any>", "abc"),
            ("a<any>b<any>b", "abxbb"),
        ] {
            assert!(text(expected, got), "{expected} {got}");
        }
        for (expected, got) in [
            ("", "a"),
            ("abc", "abcd"),
            ("abc", "ab"),
            ("a<any>", "ba"),
            ("<any>c", "cb"),
            ("ab<any>ba", "aba"),
            ("<any>b<any>c", "cb"),
        ] {
            assert!(!text(expected, got), "{expected} {got}");
        }
    }

    #[test]
    fn json_is_compared_with_its_places() {
        let got = json!({"a": [1, {"b": "x-1"}], "c": null});
        let cases = [
            (json!({"c": null, "a": [1, {"b": "x-1"}]}), ""),
            (json!({"a": "<any>", "c": "<any>"}), ""),
            (json!({"a": [1, {"b": "x-<any>"}], "<others>": 0}), ""),
            (json!({"a": "<any>"}), "`/c`: expected none, got null"),
            (
                json!({"a": [1, {"b": "y"}], "c": null}),
                "`/a/1/b`: expected \"y\", got \"x-1\"",
            ),
            (json!({"d": 1, "<others>": 0}), "`/d`: expected 1, got none"),
            (
                json!({"a": [1], "<others>": 0}),
                "`/a`: expected [1], got [1,{\"b\":\"x-1\"}]",
            ),
            (json!({"a": "1", "c": null}), "`/a`: expected \"1\""),
        ];
        for (expected, fault) in cases {
            let faults = json(&expected, &got).join("\n");
            assert_eq!(fault.is_empty(), faults.is_empty(), "{expected}: {faults}");
            assert!(faults.contains(fault), "{expected}: {faults}");
        }
    }
}
