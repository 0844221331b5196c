//! Header fields and query parameters as JSON objects.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::text;
use crate::headers::Headers;
use crate::integration::encoding::pairs;

/// Names with all their values, both in the order in which they came.
#[derive(Default)]
pub(super) struct Fields<'e> {
    entries: Vec<(Cow<'e, str>, Vec<Cow<'e, str>>)>,
    /// Where a name stands, so that many names take no more time than they must.
    places: BTreeMap<Cow<'e, str>, usize>,
}

/// The last value of each name.
pub(super) struct Last<'f, 'e>(pub(super) &'f Fields<'e>);

/// A list of all values of each name.
pub(super) struct All<'f, 'e>(pub(super) &'f Fields<'e>);

/// All values of each name with commas between them.
pub(super) struct Joined<'e>(pub(super) Fields<'e>);

impl<'e> Fields<'e> {
    /// A client's header fields, but for those that are not the client's: the proxy's own, and
    /// those that `is_left_out`.
    pub(super) fn of_headers(headers: &'e Headers, is_left_out: impl Fn(&[u8]) -> bool) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers.iter() {
            match name {
                // HTTP/2 and the proxy have this name for it.
                b":authority" => fields.push(Cow::Borrowed("host"), text(value)),
                // RFC 9440 and the proxy's own way of passing a certificate on.
                b"x-forwarded-client-cert" => {}
                _ if name.starts_with(b":")
                    || name.starts_with(b"x-envoy-")
                    || name.starts_with(b"x-attache-")
                    || is_left_out(name) => {}
                _ => fields.push(text(name), text(value)),
            }
        }
        fields
    }

    /// The parameters of a query string, decoded.
    pub(super) fn of_query(query: &[u8]) -> Self {
        let mut fields = Self::default();
        for pair in pairs(query) {
            let name: Vec<u8> = pair.name().collect();
            let value: Vec<u8> = pair.decoded_value().collect();
            fields.push(owned(&name), owned(&value));
        }
        fields
    }

    /// Path parameters, each with one value.
    pub(super) fn of_path(parameters: impl Iterator<Item = (&'e str, &'e [u8])>) -> Self {
        let mut fields = Self::default();
        for (name, value) in parameters {
            fields.push(Cow::Borrowed(name), text(value));
        }
        fields
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
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

impl Serialize for Last<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries.iter();
        serializer.collect_map(entries.map(|(name, values)| (name, values.last())))
    }
}

impl Serialize for All<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries.iter();
        serializer.collect_map(entries.map(|(name, values)| (name, values)))
    }
}

impl Joined<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries.iter();
        serializer.collect_map(entries.map(|(name, values)| (name, values.join(","))))
    }
}
