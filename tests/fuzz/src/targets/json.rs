//! A document in json-smart's dialect, and a JSONPath with the document that it is read from.
//!
//! What is written is read again, and is the same then. What is strictly JSON to the reader is
//! JSON to `serde_json`. Errors have a place in the text.

use attache_values::json::{self, ReadOptions};
use attache_values::{JsonPath, Value};

/// The input is a document.
pub(super) fn document(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match json::read(&text, ReadOptions::default()) {
        Ok(document) => {
            let written = document.value.to_json();
            let again = json::read(&written, ReadOptions::default());
            let again = again.expect("what was written is read");
            assert_eq!(again.value.to_json(), written);
            assert!(document.value.equals(&document.value.clone()));
            if document.strict && !is_beyond_serde(&text) {
                assert!(
                    serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                    "{text}"
                );
            }
        }
        Err(error) => {
            assert!(error.offset <= text.len(), "{error}");
            assert!(error.line >= 1 && error.column >= 1, "{error}");
        }
    }
}

/// The input is a path, a byte that is 0, and a document.
pub(super) fn path(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default());
    let (path, text) = (part(), part());
    let Ok(document) = json::read(&text, ReadOptions::default()) else {
        return;
    };
    match JsonPath::compile(&path) {
        Ok(path) => {
            let selected = path.evaluate(&document.value);
            if let Ok(Some(selected)) = &selected {
                assert!(path.is_definite() || matches!(selected, Value::List(_)));
            }
            assert_eq!(
                path.read(&document.value).map(|value| value.to_json()),
                selected.ok().flatten().map(|value| value.to_json())
            );
        }
        Err(error) => assert!(error.offset <= path.len(), "{error}"),
    }
}

/// Whether a text may have what `serde_json` refuses though it is JSON: half a surrogate pair, a
/// number that no double holds, or more nesting than it follows.
fn is_beyond_serde(text: &str) -> bool {
    text.contains("\\u")
        || text.contains(['e', 'E'])
        || text.matches(['[', '{']).count() > 100
        || text.len() > 300
}
