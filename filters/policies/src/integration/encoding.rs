//! How values move between paths, query strings and header fields.
//!
//! A value keeps the form in which the client sent it as long as it can: what came from a path
//! or a query string is percent-encoded already and goes back into one as it is. Nothing that
//! ends up in a request line is outside of visible ASCII, and nothing in a header field is a
//! control character.

use std::borrow::Cow;

/// A value on its way from the request to the back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value<'v> {
    pub(crate) bytes: Cow<'v, [u8]>,
    pub(crate) form: Form,
}

/// What the bytes of a [`Value`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Percent-encoded, where `+` is a plus sign.
    Path,
    /// Percent-encoded, where `+` is a space.
    Query,
    /// As it is meant.
    Text,
}

impl<'v> Value<'v> {
    pub(crate) fn text(bytes: impl Into<Cow<'v, [u8]>>) -> Self {
        Self {
            bytes: bytes.into(),
            form: Form::Text,
        }
    }

    /// The value of a path parameter.
    pub(crate) const fn path(bytes: &'v [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            form: Form::Path,
        }
    }

    /// Writes the value into the path of a request line.
    pub(super) fn push_to_path(&self, out: &mut Vec<u8>) {
        match self.form {
            Form::Path => push_encoded(out, &self.bytes, is_path_byte),
            Form::Query => {
                for (position, word) in self.bytes.split(|byte| *byte == b'+').enumerate() {
                    if position > 0 {
                        out.extend_from_slice(b"%20");
                    }
                    push_encoded(out, word, is_path_byte);
                }
            }
            Form::Text => push_encoded(out, &self.bytes, |byte| byte != b'%' && is_path_byte(byte)),
        }
    }

    /// Writes the value into the query string of a request line.
    pub(super) fn push_to_query(&self, out: &mut Vec<u8>) {
        match self.form {
            Form::Path => push_encoded(out, &self.bytes, |byte| {
                is_query_byte(byte) && !matches!(byte, b'&' | b';' | b'+' | b'=')
            }),
            Form::Query => push_encoded(out, &self.bytes, is_query_byte),
            Form::Text => push_encoded(out, &self.bytes, is_unreserved),
        }
    }

    /// The value of a header field.
    pub(crate) fn into_field(self) -> Vec<u8> {
        let mut bytes = self.into_bytes();
        // RFC 9110, section 5.5: what must not stand in a field is replaced by a space.
        for byte in &mut bytes {
            if byte.is_ascii_control() && *byte != b'\t' {
                *byte = b' ';
            }
        }
        bytes
    }

    /// The value as it is meant.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self.form {
            // API Gateway does not decode path parameters.
            Form::Path | Form::Text => self.bytes.into_owned(),
            Form::Query => decoded(&self.bytes).collect(),
        }
    }
}

/// The parameters of a query string: name and value, both still encoded. API Gateway separates
/// them at `;` as well as at `&`.
pub(crate) fn pairs(query: &[u8]) -> impl DoubleEndedIterator<Item = Pair<'_>> {
    query
        .split(|byte| matches!(byte, b'&' | b';'))
        .filter(|whole| !whole.is_empty())
        .map(|whole| {
            let equal_sign = whole.iter().position(|byte| *byte == b'=');
            let (name, value) = match equal_sign {
                Some(at) => (whole.get(..at), whole.get(at + 1..)),
                None => (Some(whole), None),
            };
            Pair {
                whole,
                name: name.unwrap_or_default(),
                value: value.unwrap_or_default(),
            }
        })
}

/// One parameter of a query string, encoded.
pub(crate) struct Pair<'q> {
    /// `name=value`, or what else stood there.
    pub(super) whole: &'q [u8],
    name: &'q [u8],
    value: &'q [u8],
}

impl<'q> Pair<'q> {
    /// The name, decoded.
    pub(crate) fn name(&self) -> impl Iterator<Item = u8> + use<'q> {
        decoded(self.name)
    }

    /// The value, decoded.
    pub(crate) fn decoded_value(&self) -> impl Iterator<Item = u8> + use<'q> {
        decoded(self.value)
    }

    /// Whether the parameter has this name once it is decoded.
    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        decoded(self.name).eq(name.iter().copied())
    }

    pub(crate) const fn value(&self) -> Value<'q> {
        Value {
            bytes: Cow::Borrowed(self.value),
            form: Form::Query,
        }
    }
}

/// Writes a client's query string, or a part of one, so that it is fit for a request line.
pub(super) fn push_raw_query(out: &mut Vec<u8>, query: &[u8]) {
    push_encoded(out, query, is_query_byte);
}

/// Whether every byte may stand in the path or the query string of a URI.
pub(super) fn is_uri_text(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| is_query_byte(*byte) || *byte == b'?')
}

/// Reads form encoding: `+` is a space, `%` and two hexadecimal digits a byte. What is not
/// encoded properly stays as it is.
pub(crate) fn decoded(encoded: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = encoded;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        let (byte, after) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', rest.get(1..).unwrap_or_default()),
            },
            (byte, _) => (*byte, after),
        };
        rest = after;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Percent-encodes what is not kept.
pub(crate) fn push_encoded(out: &mut Vec<u8>, bytes: &[u8], keep: impl Fn(u8) -> bool) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |bits: u8| DIGITS.get(usize::from(bits & 0xf)).copied().unwrap_or(b'0');
    if bytes.iter().all(|byte| keep(*byte)) {
        out.extend_from_slice(bytes);
        return;
    }
    for byte in bytes {
        if keep(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(*byte)]);
        }
    }
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What is kept of a path: every visible character but those that RFC 3986 does not allow there.
const fn is_path_byte(byte: u8) -> bool {
    is_query_byte(byte) && byte != b'?'
}

const fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Form, Value, decoded, pairs, push_raw_query};

    fn value(text: &str, form: Form) -> Value<'_> {
        Value {
            bytes: text.as_bytes().into(),
            form,
        }
    }

    fn written(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn values_are_encoded_for_the_place_they_go_to() {
        for (text, form, path, query, field) in [
            ("a%20b+c", Form::Path, "a%20b+c", "a%20b%2Bc", "a%20b+c"),
            ("a%20b+c", Form::Query, "a%20b%20c", "a%20b+c", "a b c"),
            ("a%20b+c", Form::Text, "a%2520b+c", "a%2520b%2Bc", "a%20b+c"),
            (
                "a/b?c#d",
                Form::Text,
                "a/b%3Fc%23d",
                "a%2Fb%3Fc%23d",
                "a/b?c#d",
            ),
            ("x&y=z;w", Form::Path, "x&y=z;w", "x%26y%3Dz%3Bw", "x&y=z;w"),
            (
                "é {|}",
                Form::Text,
                "%C3%A9%20%7B%7C%7D",
                "%C3%A9%20%7B%7C%7D",
                "é {|}",
            ),
            (
                "a%0d%0Ab%00",
                Form::Query,
                "a%0d%0Ab%00",
                "a%0d%0Ab%00",
                "a  b ",
            ),
            ("a\r\nb", Form::Text, "a%0D%0Ab", "a%0D%0Ab", "a  b"),
        ] {
            let value = value(text, form);
            assert_eq!(
                written(|out| value.push_to_path(out)),
                path,
                "{text} {form:?}"
            );
            assert_eq!(
                written(|out| value.push_to_query(out)),
                query,
                "{text} {form:?}"
            );
            assert_eq!(value.into_field(), field.as_bytes(), "{text} {form:?}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn form_encoding_is_decoded_where_it_is_one() {
        for (encoded, expected) in [
            ("a+b%2Bc", "a b+c"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
        ] {
            let text: Vec<u8> = decoded(encoded.as_bytes()).collect();
            assert_eq!(text, expected.as_bytes(), "{encoded}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn parameters_end_at_ampersands_and_semicolons() {
        let found: Vec<_> = pairs(b"a=1&&b;c==2;=3")
            .map(|pair| (pair.name, pair.value))
            .collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b""), (b"c", b"=2"), (b"", b"3")];
        assert_eq!(found, expected);
        assert!(pairs(b"%61%20=1").all(|pair| pair.is_named(b"a ")));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_raw_query_is_made_fit_for_a_request_line() {
        assert_eq!(
            written(|out| push_raw_query(out, b"a=\xff \x00#|&b=%zz")),
            "a=%FF%20%00%23%7C&b=%zz"
        );
    }
}
