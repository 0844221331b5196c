//! What `Cache-Control` and the fields beside it say.

use super::structured;
use crate::headers::Headers;

/// More seconds than this are as good as for ever (RFC 9111, section 1.2.2).
pub(super) const LONGEST: u32 = 1 << 31;

/// The directives of a request or of a response (RFC 9111, section 5.2; RFC 5861).
///
/// Where one that has a number is said twice the first counts; one whose number is not a number
/// counts as 0, so that what it is about is stale (section 4.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) must_understand: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<u32>,
    pub(super) s_maxage: Option<u32>,
    pub(super) min_fresh: Option<u32>,
    pub(super) max_stale: Option<u32>,
    pub(super) stale_while_revalidate: Option<u32>,
    pub(super) stale_if_error: Option<u32>,
    /// The fields that `no-cache` and `private` name, in lower case: no other request gets them.
    pub(super) withheld: Vec<Vec<u8>>,
    /// Whether they are those of a field for caches like this one, which alone counts then: neither
    /// `Cache-Control` nor `Expires` does (RFC 9213, section 2.2).
    pub(super) targeted: bool,
}

/// What the value of a directive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    /// There is none.
    None,
    /// A token, or text in quotes, without them.
    Text(&'v [u8]),
    /// A number; `None`: it should be one.
    Number(Option<u32>),
    /// Of no use.
    Invalid,
}

impl Directives {
    /// Of a request. Without `Cache-Control`, `Pragma: no-cache` means `no-cache` (RFC 9111,
    /// section 5.4).
    pub(super) fn of_request(headers: &Headers) -> Self {
        let mut directives = Self::default();
        for line in headers.all(b"cache-control") {
            directives.read(line);
        }
        if !headers.contains(b"cache-control") {
            let mut pragma = headers.all(b"pragma").flat_map(members);
            directives.no_cache = pragma.any(|(name, _)| name.eq_ignore_ascii_case(b"no-cache"));
        }
        directives
    }

    /// Of a response: of `CDN-Cache-Control` if it is there and can be read (RFC 9213), otherwise
    /// of `Cache-Control`.
    pub(super) fn of_response(headers: &Headers) -> Self {
        let mut directives = Self::default();
        if structured::read(headers.all(b"cdn-cache-control"), &mut directives).is_some() {
            directives.targeted = true;
            return directives;
        }
        directives = Self::default();
        for line in headers.all(b"cache-control") {
            directives.read(line);
        }
        directives
    }

    /// Whether the response says for how long it is fresh, apart from `Expires`.
    pub(super) const fn has_age(&self) -> bool {
        self.max_age.is_some() || self.s_maxage.is_some()
    }

    /// For how many seconds a shared cache may take the response for fresh.
    pub(super) fn shared_max_age(&self) -> Option<u32> {
        self.s_maxage.or(self.max_age)
    }

    /// Reads one line of `Cache-Control`.
    fn read(&mut self, line: &[u8]) {
        for (name, value) in members(line) {
            self.set(
                &name.trim_ascii().to_ascii_lowercase(),
                value.as_value(name),
            );
        }
    }

    /// One more directive.
    pub(super) fn set(&mut self, name: &[u8], value: Value<'_>) {
        match name {
            b"no-store" => self.no_store = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"no-cache" => self.no_cache |= !self.withhold(value),
            b"private" => self.private |= !self.withhold(value),
            b"max-age" => first(&mut self.max_age, value, 0),
            b"s-maxage" => first(&mut self.s_maxage, value, 0),
            b"min-fresh" => first(&mut self.min_fresh, value, LONGEST),
            b"max-stale" if value == Value::None => self.max_stale = Some(LONGEST),
            b"max-stale" => first(&mut self.max_stale, value, 0),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, value, 0),
            b"stale-if-error" => first(&mut self.stale_if_error, value, 0),
            _ => {}
        }
    }

    /// Notes the fields that a directive is about; `false` when it names none and is about the whole
    /// response.
    fn withhold(&mut self, value: Value<'_>) -> bool {
        let Value::Text(names) = value else {
            return false;
        };
        let before = self.withheld.len();
        let names = names.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        self.withheld.extend(
            names
                .filter(|name| !name.is_empty())
                .map(<[u8]>::to_ascii_lowercase),
        );
        self.withheld.len() > before
    }
}

fn first(place: &mut Option<u32>, value: Value<'_>, otherwise: u32) {
    let number = match value {
        Value::Number(number) => number,
        Value::Text(text) => seconds(text),
        Value::None | Value::Invalid => None,
    };
    place.get_or_insert(number.unwrap_or(otherwise));
}

/// A number of seconds, at most [`LONGEST`].
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for byte in text {
        let digit = byte.is_ascii_digit().then_some(u32::from(byte & 15))?;
        number = number.saturating_mul(10).saturating_add(digit);
    }
    (!text.is_empty()).then_some(number.min(LONGEST))
}

/// What stands after the name of a directive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Argument<'v>(Option<&'v [u8]>);

impl<'v> Argument<'v> {
    fn as_value(self, name: &[u8]) -> Value<'v> {
        match self.0 {
            None => Value::None,
            // No space may stand around the equals sign.
            Some([b' ' | b'\t', ..]) => Value::Invalid,
            Some(_) if name.last().is_some_and(u8::is_ascii_whitespace) => Value::Invalid,
            Some([b'"', text @ .., b'"']) => Value::Text(text),
            Some([b'"', ..]) => Value::Invalid,
            Some(token) => Value::Text(token),
        }
    }
}

/// The members of a comma-separated list: names, and what stands after their equals signs. Commas
/// in quotes separate nothing.
pub(super) fn members(line: &[u8]) -> impl Iterator<Item = (&[u8], Argument<'_>)> {
    list(line).map(|member| {
        let equals = member.iter().position(|byte| *byte == b'=');
        match equals.and_then(|at| member.split_at_checked(at)) {
            Some((name, [_, value @ ..])) => (name, Argument(Some(value))),
            _ => (member, Argument(None)),
        }
    })
}

/// The members of a comma-separated list that are not empty, without the space around them (RFC
/// 9110, section 5.6.1). Commas in quotes separate nothing.
pub(super) fn list(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    line.split(move |byte| {
        let separates = *byte == b',' && !quoted;
        if !escaped && *byte == b'"' {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && *byte == b'\\';
        separates
    })
    .map(<[u8]>::trim_ascii)
    .filter(|member| !member.is_empty())
}

#[cfg(test)]
#[path = "cache_control_tests.rs"]
mod tests;
