//! JSON, written as it comes.

use std::borrow::Cow;

/// A JSON object that is being written, member by member.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    /// What stands before the next member.
    separator: u8,
}

impl<'o> Object<'o> {
    pub(crate) const fn begin(out: &'o mut Vec<u8>) -> Self {
        Self {
            out,
            separator: b'{',
        }
    }

    pub(crate) fn end(self) {
        if self.separator == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }

    /// A member whose value is written by whoever asks.
    pub(crate) fn member(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.push(self.separator);
        self.separator = b',';
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// An object within this one.
    pub(crate) fn object(&mut self, name: &str) -> Object<'_> {
        Object::begin(self.member(name))
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        push_text(self.member(name), value);
    }

    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) {
        self.text(name, &super::text(value));
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.member(name).extend_from_slice(b"null");
    }

    /// Bytes, or `null`.
    pub(crate) fn bytes_or_null(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        let digits = value.to_string();
        self.member(name).extend_from_slice(digits.as_bytes());
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        let value: &[u8] = if value { b"true" } else { b"false" };
        self.member(name).extend_from_slice(value);
    }

    pub(crate) fn value(&mut self, name: &str, value: &serde_json::Value) {
        let text = value.to_string();
        self.member(name).extend_from_slice(text.as_bytes());
    }

    pub(crate) fn list<'t>(&mut self, name: &str, texts: impl Iterator<Item = Cow<'t, str>>) {
        push_list(self.member(name), texts);
    }
}

/// Writes a list of texts.
pub(super) fn push_list<T: AsRef<str>>(out: &mut Vec<u8>, texts: impl Iterator<Item = T>) {
    out.push(b'[');
    for (position, text) in texts.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        push_text(out, text.as_ref());
    }
    out.push(b']');
}

/// Writes a text in quotation marks.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::Object;

    #[wasm_bindgen_test(unsupported = test)]
    fn members_stand_in_their_order() {
        let mut out = b"> ".to_vec();
        let mut whole = Object::begin(&mut out);
        whole.object("empty").end();
        whole.text("a\"", "b\n\u{e9}");
        whole.bytes("bytes", b"\xff\0");
        whole.bytes_or_null("none", None);
        whole.number("n", u64::MAX);
        whole.boolean("yes", true);
        whole.value("v", &json!({"x": [1, null]}));
        whole.list("l", ["a".into(), "b".into()].into_iter());
        let mut inner = whole.object("o");
        inner.null("n");
        inner.end();
        whole.end();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "> {\"empty\":{},\"a\\\"\":\"b\\n\u{e9}\",\"bytes\":\"\u{fffd}\\u0000\",\"none\":null,\
             \"n\":18446744073709551615,\"yes\":true,\"v\":{\"x\":[1,null]},\"l\":[\"a\",\"b\"],\
             \"o\":{\"n\":null}}"
        );
    }
}
