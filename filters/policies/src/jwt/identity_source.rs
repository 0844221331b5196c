//! Where a request has its token.

use std::borrow::Cow;

use crate::headers::Headers;
use crate::integration::encoding::pairs;

/// Where an authorizer looks for the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentitySource {
    /// A header field, by its name in lower case.
    Header(Box<[u8]>),
    /// A parameter of the query string.
    Query(Box<[u8]>),
}

impl IdentitySource {
    /// Reads a source as it is written in a definition; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let request = text
            .strip_prefix("$request.")
            .or_else(|| text.strip_prefix("method.request."))?;
        let (place, name) = request.split_once('.')?;
        if name.is_empty() {
            return None;
        }
        match place {
            "header" => Some(Self::Header(name.to_ascii_lowercase().into_bytes().into())),
            "querystring" => Some(Self::Query(name.as_bytes().into())),
            _ => None,
        }
    }

    /// The token, without the word `Bearer` (RFC 6750, section 2.1) that may stand before it.
    /// `None` when there is none, or nothing but spaces.
    ///
    /// Of a header field or parameter that comes several times, the last counts, as elsewhere.
    pub(super) fn token<'r>(&self, request: &'r Headers) -> Option<Cow<'r, [u8]>> {
        let value: Cow<'r, [u8]> = match self {
            Self::Header(name) => request.last(name)?.into(),
            Self::Query(name) => {
                let path = request.last(b":path")?;
                let start = path.iter().position(|byte| *byte == b'?')? + 1;
                let query = path.get(start..)?.split(|byte| *byte == b'#').next()?;
                let pair = pairs(query).rev().find(|pair| pair.is_named(name))?;
                pair.decoded_value().collect::<Vec<u8>>().into()
            }
        };
        let token = match value {
            Cow::Borrowed(value) => Cow::Borrowed(without_scheme(value)),
            Cow::Owned(value) => Cow::Owned(without_scheme(&value).to_vec()),
        };
        (!token.is_empty()).then_some(token)
    }
}

fn without_scheme(value: &[u8]) -> &[u8] {
    const SCHEME: &[u8] = b"Bearer";
    let value = value.trim_ascii();
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, [])) if scheme.eq_ignore_ascii_case(SCHEME) => b"",
        Some((scheme, token @ [b' ', ..])) if scheme.eq_ignore_ascii_case(SCHEME) => {
            token.trim_ascii_start()
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::IdentitySource;
    use crate::headers::Headers;

    #[wasm_bindgen_test(unsupported = test)]
    fn sources_are_written_as_in_both_kinds_of_api() {
        let header = |name: &str| Some(IdentitySource::Header(name.as_bytes().into()));
        let query = |name: &str| Some(IdentitySource::Query(name.as_bytes().into()));
        for (text, expected) in [
            ("$request.header.Authorization", header("authorization")),
            ("method.request.header.X-Token", header("x-token")),
            ("$request.querystring.Token", query("Token")),
            ("method.request.querystring.t.k", query("t.k")),
            ("$request.header.", None),
            ("$request.path.x", None),
            ("$context.routeKey", None),
            ("Authorization", None),
            ("", None),
        ] {
            assert_eq!(IdentitySource::parse(text), expected, "{text}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_token_may_follow_the_word_bearer() {
        let source = IdentitySource::parse("$request.header.Authorization").unwrap();
        for (value, expected) in [
            ("a.b.c", Some("a.b.c")),
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer   a.b.c ", Some("a.b.c")),
            ("Bearera.b.c", Some("Bearera.b.c")),
            ("Basic YTpi", Some("Basic YTpi")),
            ("Bearer", None),
            ("Bearer ", None),
            ("  ", None),
            ("", None),
        ] {
            let request: Headers = [("authorization", value)].into_iter().collect();
            let token = source.token(&request);
            assert_eq!(token.as_deref(), expected.map(str::as_bytes), "{value:?}");
        }
        let absent: Headers = [("x-other", "a.b.c")].into_iter().collect();
        assert_eq!(source.token(&absent), None);
        let twice: Headers = [("authorization", "1"), ("authorization", "2")]
            .into_iter()
            .collect();
        assert_eq!(source.token(&twice).as_deref(), Some(&b"2"[..]));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_token_may_be_a_parameter() {
        let source = IdentitySource::parse("$request.querystring.token").unwrap();
        for (path, expected) in [
            ("/x?token=a.b.c", Some("a.b.c")),
            ("/x?a=1&token=Bearer%20a.b.c&b=2", Some("a.b.c")),
            ("/x?tok%65n=Bearer+a.b.c", Some("a.b.c")),
            ("/x?token=1&token=2", Some("2")),
            ("/x?Token=a", None),
            ("/x?token=", None),
            ("/x?token", None),
            ("/token=a", None),
            ("/x", None),
        ] {
            let request: Headers = [(":path", path)].into_iter().collect();
            let token = source.token(&request);
            assert_eq!(token.as_deref(), expected.map(str::as_bytes), "{path}");
        }
    }
}
