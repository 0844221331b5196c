//! An ordered list of header fields with byte values, as they came from the wire.

use std::borrow::Cow;
use std::ops::Range;

/// Header fields in one buffer. Names are lower-case; values are any bytes. Pseudo-headers such
/// as `:path` are ordinary fields here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// Where one field stands in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name's bytes.
    pub name: Range<usize>,
    /// The value's bytes.
    pub value: Range<usize>,
}

impl Headers {
    /// Takes over a buffer and the places of the fields in it. A place outside of the buffer
    /// reads as empty.
    #[must_use]
    pub const fn from_buffer(bytes: Vec<u8>, fields: Vec<Field>) -> Self {
        Self { bytes, fields }
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.fields.push(Field {
            name: start..middle,
            value: middle..self.bytes.len(),
        });
    }

    /// All fields in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|field| (self.slice(&field.name), self.slice(&field.value)))
    }

    /// All values of a field, in order. `name` is lower-case.
    pub fn all<'h, 'n>(
        &'h self,
        name: &'n [u8],
    ) -> impl DoubleEndedIterator<Item = &'h [u8]> + use<'h, 'n> {
        self.iter()
            .filter(move |(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// The first value of a field.
    #[must_use]
    pub fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// The last value of a field, which is the one AWS reads where only one is read.
    #[must_use]
    pub fn last(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .rev()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// Whether the field is there at all.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.iter().any(|(candidate, _)| candidate == name)
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }
}

/// One change to a list of header fields. Names are lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Replace every value of the field by this one.
    Set(Cow<'static, str>, Vec<u8>),
    /// One more value.
    Add(Cow<'static, str>, Vec<u8>),
    /// Take the field away.
    Remove(Cow<'static, str>),
}

impl HeaderEdit {
    /// The field that changes.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Set(name, _) | Self::Add(name, _) | Self::Remove(name) => name,
        }
    }
}

/// Whether the text is the name of a field (RFC 9110, section 5.1).
pub(crate) fn is_field_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Type and subtype of a content type, in lower case and without its parameters (RFC 9110, section
/// 8.3.1).
pub(crate) fn media_type(content_type: &[u8]) -> Vec<u8> {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase()
}
