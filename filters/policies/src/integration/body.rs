//! A body as parameter mappings read it.

use std::borrow::Cow;

use attache_values::json::{self, ReadOptions};
use attache_values::{JsonPath, Value as JsonValue};

use super::encoding::Value;

/// A body that a parameter mapping has asked for.
#[derive(Debug)]
pub(super) struct MappedBody {
    text: String,
    /// `None` for a text that API Gateway does not take for JSON.
    document: Option<JsonValue>,
}

/// The body begins like JSON and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

impl MappedBody {
    /// Reads a body. An empty one is `{}`, and one that does not begin like JSON is plain text.
    pub(super) fn read(body: &[u8]) -> Result<Self, NotJson> {
        let text = match String::from_utf8_lossy(body) {
            text if text.is_empty() => "{}".to_owned(),
            text => text.into_owned(),
        };
        let begins_like_json = text.trim_start().starts_with(['{', '[', '\'', '"']);
        let document = if begins_like_json {
            let document = json::read(&text, ReadOptions::default()).map_err(|_| NotJson)?;
            Some(document.value)
        } else {
            None
        };
        Ok(Self { text, document })
    }

    /// Reads a body as HTTP APIs do: its first 100 KB, which are a document when they are JSON.
    pub(super) fn read_start(body: &[u8]) -> Self {
        const LONGEST: usize = 100 * 1024;
        let start = body.get(..LONGEST).unwrap_or(body);
        let text = String::from_utf8_lossy(start).into_owned();
        let document = json::read(&text, ReadOptions::default());
        Self {
            document: document.ok().map(|document| document.value),
            text,
        }
    }

    /// The whole text, or what a path selects of the document: text as it is, everything else as
    /// JSON. What is not there, or null, has no value.
    pub(super) fn value<'v>(&'v self, path: Option<&JsonPath>) -> Option<Value<'v>> {
        let Some(path) = path else {
            return Some(Value::text(self.text.as_bytes()));
        };
        let text: Cow<'v, [u8]> = match path.read(self.document.as_ref()?)? {
            JsonValue::Null => return None,
            JsonValue::String(text) => text.as_bytes().to_vec().into(),
            selected => selected.to_json().into_bytes().into(),
        };
        Some(Value::text(text))
    }
}

#[cfg(test)]
mod tests {
    use attache_values::JsonPath;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{MappedBody, NotJson};

    fn selected(body: &str, path: Option<&str>) -> Option<String> {
        let path = path.map(|path| JsonPath::compile(path).unwrap());
        let body = MappedBody::read(body.as_bytes()).unwrap();
        let value = body.value(path.as_ref())?;
        Some(String::from_utf8(value.into_field()).unwrap())
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_mapping_reads_the_body_as_aws_does() {
        let body = r#" {"a": {"b": [1, "x"]}, "t": "é", "n": 1.50, "z": null, "f": false}"#;
        for (body, path, expected) in [
            (body, Some("$.t"), Some("é")),
            (body, Some("$.n"), Some("1.5")),
            (body, Some("$.f"), Some("false")),
            (body, Some("$.a"), Some(r#"{"b":[1,"x"]}"#)),
            (body, Some("$.a.b"), Some(r#"[1,"x"]"#)),
            (body, Some("$.a.b[1]"), Some("x")),
            (body, Some("$.z"), None),
            (body, Some("$.none"), None),
            ("plain", None, Some("plain")),
            ("plain", Some("$.a"), None),
            ("", None, Some("{}")),
            ("", Some("$.a"), None),
            ("[1]", None, Some("[1]")),
        ] {
            assert_eq!(
                selected(body, path),
                expected.map(str::to_owned),
                "{body} {path:?}"
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_begins_like_json_must_be_json() {
        for body in ["{", "  [1,", r#"{"a":"#, "'"] {
            assert_eq!(
                MappedBody::read(body.as_bytes()).err(),
                Some(NotJson),
                "{body}"
            );
        }
        assert!(MappedBody::read(b"1,").is_ok());
        assert!(MappedBody::read(&b"[".repeat(100_000)).is_err());
    }
}
