//! `format`: those that json-schema-validator checks unless it is told not to.

use std::net::{Ipv4Addr, Ipv6Addr};

use attache_java_regex::Pattern;

/// A format of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Regex,
    Uri,
    Uuid,
}

impl Format {
    /// `None` for those that are not checked: `date`, `int32`, `password` and all others.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "regex" => Self::Regex,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// What is wrong with a text, behind `string "…" is `; for a UUID behind `input string "…" is `.
    pub(super) const fn complaint(self) -> &'static str {
        match self {
            Self::DateTime => {
                "invalid against requested date format(s) \
                 [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]"
            }
            Self::Email => "not a valid email address",
            Self::Hostname => "not a valid hostname",
            Self::Ipv4 => "not a valid IPv4 address",
            Self::Ipv6 => "not a valid IPv6 address",
            Self::Regex => "not a valid ECMA 262 regular expression",
            Self::Uri => "not a valid URI",
            Self::Uuid => "not a valid UUID",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Email => text.rsplit_once('@').is_some_and(|(local, domain)| {
                let odd = |character: char| {
                    character.is_control() || " ()<>,;:\\\"[]@".contains(character)
                };
                let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
                let dots = |text: &str| text.split('.').all(|part| !part.is_empty());
                let literal = domain.starts_with('[') && domain.ends_with(']');
                (quoted || !local.contains(odd) && dots(local))
                    && (literal || !domain.contains(odd) && dots(domain))
            }),
            Self::Hostname => is_host_name(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Regex => Pattern::compile_ecma_script(text).is_ok(),
            Self::Uri => is_uri(text),
            Self::Uuid => has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        }
    }
}

/// Whether a text is like a shape, in which `0` is a digit and `x` a hexadecimal one.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                _ => byte == shape,
            })
}

/// RFC 3339, with the offsets that Java's `Z` takes besides: `+0100`.
fn is_date_time(text: &str) -> bool {
    let Some((time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=12).contains(&(fraction.len() - offset.len())) {
                return false;
            }
            offset
        }
        None => rest,
    };
    let offset = offset
        .strip_prefix(['+', '-'])
        .map_or(offset == "Z", |offset| {
            (has_shape(offset, "00:00") || has_shape(offset, "0000"))
                && number(offset, 0..2) < 24
                && number(offset, offset.len() - 2..offset.len()) < 60
        });
    if !offset || !has_shape(time, "0000-00-00T00:00:00") {
        return false;
    }
    let (year, month, day) = (number(time, 0..4), number(time, 5..7), number(time, 8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
        && number(time, 11..13) < 24
        && number(time, 14..16) < 60
        && number(time, 17..19) < 60
}

/// The digits in a range as a number.
fn number(text: &str, range: std::ops::Range<usize>) -> u32 {
    text.get(range)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(u32::MAX)
}

fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'))
    };
    text.len() <= 253
        && text.split('.').all(label)
        // The last label is not a number: that would be an address.
        && !text.rsplit('.').next().is_some_and(|last| last.starts_with(|it: char| it.is_ascii_digit()))
}

/// What `java.net.URI` takes: relative references too, and characters beyond ASCII.
fn is_uri(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut fragments = 0;
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                let mut hexadecimal =
                    || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                hexadecimal() && hexadecimal()
            }
            b'#' => {
                fragments += 1;
                fragments == 1
            }
            0..=b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7f => {
                false
            }
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    let before_path = text.split(['/', '?', '#']).next().unwrap_or_default();
    before_path.split_once(':').is_none_or(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !text.ends_with(':')
    })
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::Format;

    #[wasm_bindgen_test(unsupported = test)]
    fn texts_fit_or_do_not() {
        for (name, fitting, others) in [
            (
                "date-time",
                &[
                    "2024-02-29T23:59:59Z",
                    "2024-01-01T00:00:00.123+01:00",
                    "2024-01-01T00:00:00-0800",
                ][..],
                &[
                    "2023-02-29T00:00:00Z",
                    "2024-01-01",
                    "2024-13-01T00:00:00Z",
                    "2024-01-01T24:00:00Z",
                    "2024-01-01T00:00:00",
                    "2024-01-01 00:00:00Z",
                    "2024-01-01T00:00:00.Z",
                    "é024-01-01T00:00:00Z",
                ][..],
            ),
            (
                "email",
                &["a@b", "a.b@c.de", "\"a b\"@c", "a@[127.0.0.1]"],
                &["a", "@b", "a@", "a b@c", "a..b@c", "a@b..c"],
            ),
            (
                "hostname",
                &["a", "a.b-c.de", "xn--a.de"],
                &["", "-a", "a-.b", "a..b", "a b", "1.2.3.4"],
            ),
            (
                "ipv4",
                &["127.0.0.1"],
                &["127.0.0", "127.0.0.256", "127.0.0.01", "::1"],
            ),
            (
                "ipv6",
                &["::1", "2001:db8::ff", "::ffff:1.2.3.4"],
                &["1.2.3.4", ":::1", "12345::"],
            ),
            ("regex", &["^a$", "[a]"], &["[a", "a**"]),
            (
                "uri",
                &["http://a/b?c#d", "/a", "a", "urn:a:b", "http://a/%20é"],
                &["a b", "http://a/%2", "1a:b", "a#b#c", "{a}", "http:"],
            ),
            (
                "uuid",
                &["123e4567-e89b-12d3-a456-426614174000"],
                &[
                    "123e4567e89b12d3a456426614174000",
                    "g23e4567-e89b-12d3-a456-426614174000",
                ],
            ),
        ] {
            let format = Format::of_name(name).unwrap();
            for text in fitting {
                assert!(format.fits(text), "{name} {text}");
            }
            for text in others {
                assert!(!format.fits(text), "{name} {text}");
            }
        }
        for name in ["date", "int32", "int64", "password", "byte", ""] {
            assert_eq!(Format::of_name(name), None, "{name}");
        }
    }
}
