//! Header fields and query parameters as JSON objects.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::json::{Object, push_list, push_text};
use super::text;
use crate::headers::Headers;
use crate::integration::encoding::pairs;

/// Names with all their values, both in the order in which they came.
#[derive(Default)]
pub(crate) struct Fields<'e> {
    entries: Vec<(Cow<'e, str>, Vec<Cow<'e, str>>)>,
    /// Where a name stands, so that many names take no more time than they must.
    places: BTreeMap<Cow<'e, str>, usize>,
}

/// How the values of one name become JSON.
type WriteValues<'w> = dyn Fn(&mut Vec<u8>, &[Cow<'_, str>]) + 'w;

/// How the names of header fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// In AWS's way where API Gateway looks after the field: `Host`, `X-Forwarded-For`.
    AsAws,
    /// In lower case.
    Lower,
}

impl Names {
    /// The name of a field as it is written.
    pub(crate) fn of<'e>(self, name: &'e [u8]) -> Cow<'e, str> {
        if self == Self::AsAws {
            let known = match name {
                b"content-length" => "Content-Length",
                b"host" => "Host",
                b"authorization" => "Authorization",
                b"user-agent" => "User-Agent",
                b"x-amzn-trace-id" => "X-Amzn-Trace-Id",
                b"x-forwarded-for" => "X-Forwarded-For",
                b"x-forwarded-port" => "X-Forwarded-Port",
                b"x-forwarded-proto" => "X-Forwarded-Proto",
                _ => return text(name),
            };
            return Cow::Borrowed(known);
        }
        text(name)
    }
}

impl<'e> Fields<'e> {
    /// A client's header fields, but for those that are not the client's: the proxy's own, and
    /// those that `is_left_out`.
    pub(crate) fn of_headers(
        headers: &'e Headers,
        names: Names,
        is_left_out: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers.iter() {
            match name {
                // HTTP/2 and the proxy have this name for it.
                b":authority" => fields.push(names.of(b"host"), text(value)),
                // RFC 9440 and the proxy's own way of passing a certificate on.
                b"x-forwarded-client-cert" => {}
                _ if name.starts_with(b":")
                    || name.starts_with(b"x-envoy-")
                    || name.starts_with(b"x-attache-")
                    || is_left_out(name) => {}
                _ => fields.push(names.of(name), text(value)),
            }
        }
        fields
    }

    /// One more value of a header field, under the name that `names` give it.
    pub(crate) fn add(&mut self, names: Names, name: &'static [u8], value: Vec<u8>) {
        self.push(names.of(name), owned(&value));
    }

    /// The parameters of a query string, decoded.
    pub(crate) fn of_query(query: &[u8]) -> Self {
        let mut fields = Self::default();
        for pair in pairs(query) {
            let name: Vec<u8> = pair.name().collect();
            let value: Vec<u8> = pair.decoded_value().collect();
            fields.push(owned(&name), owned(&value));
        }
        fields
    }

    /// Path parameters, each with one value.
    pub(crate) fn of_path(parameters: impl Iterator<Item = (&'e str, &'e [u8])>) -> Self {
        let mut fields = Self::default();
        for (name, value) in parameters {
            fields.push(Cow::Borrowed(name), text(value));
        }
        fields
    }

    /// Stage variables.
    pub(crate) fn of_variables(variables: &'e BTreeMap<String, String>) -> Self {
        let mut fields = Self::default();
        for (name, value) in variables {
            fields.push(Cow::Borrowed(name), Cow::Borrowed(value));
        }
        fields
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the last value of each name.
    pub(crate) fn push_last(&self, event: &mut Object<'_>, name: &str) {
        self.push_each(event, name, &|out, values| {
            push_text(out, values.last().map_or("", |value| value));
        });
    }

    /// Writes a list of all values of each name.
    pub(crate) fn push_all(&self, event: &mut Object<'_>, name: &str) {
        self.push_each(event, name, &|out, values| push_list(out, values.iter()));
    }

    /// Writes all values of each name with commas between them.
    pub(crate) fn push_joined(&self, event: &mut Object<'_>, name: &str) {
        self.push_each(event, name, &|out, values| match values {
            [one] => push_text(out, one),
            several => push_text(out, &several.join(",")),
        });
    }

    fn push_each(&self, event: &mut Object<'_>, name: &str, write: &WriteValues<'_>) {
        let mut object = event.object(name);
        for (name, values) in &self.entries {
            write(object.member(name), values);
        }
        object.end();
    }

    fn push(&mut self, name: Cow<'e, str>, value: Cow<'e, str>) {
        let next = self.entries.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        match self.entries.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => self.entries.push((name, vec![value])),
        }
    }
}

fn owned(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(text(bytes).into_owned())
}
