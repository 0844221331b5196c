//! What a request may say beside its key that has a back end answer it in another way.
//!
//! Whoever sends such a request is answered, and from the cache if there is an answer. But nothing
//! is kept of what the back end says to them: it would be served to others, who have said nothing
//! of the kind. Only what has no honest use in a request for what is the same for everybody is
//! looked at here; other header fields reach the back end as they are, as on AWS.
//!
//! Poisoning: <https://portswigger.net/web-security/web-cache-poisoning>.
//! Deception: <https://portswigger.net/web-security/web-cache-deception>.

use std::borrow::Cow;

use crate::headers::Headers;

/// How often a path may be decoded on its way through the servers behind the gateway.
const DECODINGS: usize = 2;

/// Whether a request names a host, a path, a scheme or a method other than its own, in a header
/// field that frameworks and proxies believe, and that is not `keyed`.
pub(super) fn overrides_itself(request: &Headers, keyed: impl Fn(&str) -> bool) -> bool {
    request
        .iter()
        .any(|(name, _)| is_override(name) && !str::from_utf8(name).is_ok_and(&keyed))
}

/// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Port` are missing: the proxy writes them
/// itself.
const fn is_override(name: &[u8]) -> bool {
    matches!(
        name,
        b"forwarded"
            | b"front-end-https"
            | b"x-forwarded-host"
            | b"x-forwarded-path"
            | b"x-forwarded-prefix"
            | b"x-forwarded-scheme"
            | b"x-forwarded-server"
            | b"x-forwarded-ssl"
            | b"x-forwarded-uri"
            | b"x-host"
            | b"x-http-host-override"
            | b"x-http-method"
            | b"x-http-method-override"
            | b"x-method-override"
            | b"x-original-host"
            | b"x-original-uri"
            | b"x-original-url"
            | b"x-rewrite-url"
            | b"x-script-name"
    )
}

/// Whether a server may read a path as one that leads elsewhere: it has a segment `..`, with or
/// without parameters, once its escapes are decoded, and `\` is taken for `/`.
pub(super) fn leads_elsewhere(path: &[u8]) -> bool {
    let end = path.iter().position(|byte| *byte == b'?');
    let mut path = Cow::Borrowed(path.get(..end.unwrap_or(path.len())).unwrap_or_default());
    for _ in 0..DECODINGS {
        if has_dots(&path) {
            return true;
        }
        if !path.contains(&b'%') {
            return false;
        }
        path = Cow::Owned(decoded(&path));
    }
    has_dots(&path)
}

fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| {
            let rest = segment.strip_prefix(b"..");
            // What comes after it is a parameter, or where some servers think that the path ends.
            rest.is_some_and(|rest| {
                matches!(rest.first(), None | Some(b';' | b'?' | b'#' | 0..=b' '))
            })
        })
}

/// What is no escape stays as it is.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = match after {
            [high, low, ..] if *byte == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        decoded.push(match escaped {
            Some((high, low)) => {
                rest = after.get(2..).unwrap_or_default();
                high << 4 | low
            }
            None => *byte,
        });
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{decoded, leads_elsewhere, overrides_itself};
    use crate::headers::Headers;

    #[wasm_bindgen_test(unsupported = test)]
    fn dots_are_found_however_they_are_written() {
        for path in [
            "/static/../account",
            "/static/..",
            "..",
            "/static/..%2faccount",
            "/static/..%2Faccount?x.css",
            "/static/%2e%2e/account",
            "/static/%2E./account",
            "/static/.%2e%2faccount",
            "/static/%252e%252e/account",
            "/static/..%252faccount",
            "/static/..;/account",
            "/static/..;x=y/account",
            "/static/..%3b/account",
            "/static/..%00/account",
            "/static/..%20/account",
            "/static/..%23/account",
            "/static/..\\account",
            "/static/..%5caccount",
            "/static/x/../../account",
        ] {
            assert!(leads_elsewhere(path.as_bytes()), "{path}");
        }
        for path in [
            "/",
            "",
            "/static/x.css",
            "/static/...",
            "/static/..x",
            "/static/x..",
            "/static/x../y",
            "/static/.",
            "/static/./x",
            "/static/.well-known/x",
            "/static/%2e",
            "/static/100%",
            "/static/%zz/%2",
            "/static/x?path=../account",
            "/static/x?/../account",
            "/static/%25252e%25252e/account",
        ] {
            assert!(!leads_elsewhere(path.as_bytes()), "{path}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_field_that_overrides_counts_unless_it_is_keyed() {
        let request = |name: &str| -> Headers {
            [(":path", "/pets"), ("accept", "*/*"), (name, "x")]
                .into_iter()
                .collect()
        };
        for name in ["x-forwarded-host", "x-original-url", "forwarded"] {
            assert!(overrides_itself(&request(name), |_| false), "{name}");
            assert!(!overrides_itself(&request(name), |keyed| keyed == name));
        }
        for name in ["x-forwarded-for", "x-forwarded-proto", "cookie", "host"] {
            assert!(!overrides_itself(&request(name), |_| false), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(path: Vec<u8>) {
            let _either = leads_elsewhere(&path);
            prop_assert!(decoded(&path).len() <= path.len());
        }

        #[test]
        fn no_escape_hides_dots(before in "[a-z/]{0,8}", after in "[a-z/]{0,8}", escaped: [bool; 4], twice: bool) {
            let mut path = before;
            for (byte, escaped) in "/../".bytes().zip(escaped) {
                match (escaped, twice) {
                    (false, _) => path.push(char::from(byte)),
                    (true, false) => path.push_str(&format!("%{byte:02x}")),
                    (true, true) => path.push_str(&format!("%25{byte:02X}")),
                }
            }
            path.push_str(&after);
            prop_assert!(leads_elsewhere(path.as_bytes()), "{path}");
        }
    }
}
