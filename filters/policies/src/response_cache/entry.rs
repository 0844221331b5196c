//! A response as the bytes that are kept of it.
//!
//! ```text
//! body   as it is sent
//! head   status, annotation, then each header field: name and value, with their lengths
//! footer length of the head (4 bytes), form (1 byte)
//! ```
//!
//! The body stands first, so that reading takes the head off the end and leaves the body where it
//! is. Header fields are kept in the form in which they are sent. All numbers are little-endian.

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A response.
    Response {
        /// Status and header fields.
        head: Head,
        /// The whole body.
        body: Vec<u8>,
    },
    /// The last answer was not one to keep: whoever asks next need not wait for another one's
    /// answer.
    NotStored,
}

/// Status and header fields of a response that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// Header fields in order, without pseudo-headers and without `content-length`. Names are in
    /// lower case.
    pub fields: Vec<(String, Vec<u8>)>,
    /// What whoever keeps the response wants to know of it later.
    pub annotation: Vec<u8>,
}

/// The last byte says what the rest is. A form that is not known reads as nothing, so that what an
/// earlier or later version of the filter has left in the proxy's memory is not misread.
const RESPONSE: u8 = 1;
const NOT_STORED: u8 = 2;

impl Head {
    /// The response as bytes. The body is not copied, but may be moved to make room.
    #[must_use]
    pub fn with_body(&self, body: Vec<u8>) -> Vec<u8> {
        let mut bytes = body;
        let start = bytes.len();
        let fields = self.fields.iter();
        let length: usize = fields
            .map(|(name, value)| name.len() + value.len() + 8)
            .sum();
        bytes.reserve_exact(length + self.annotation.len() + 11);
        bytes.extend_from_slice(&self.status.to_le_bytes());
        push(&mut bytes, &self.annotation);
        for (name, value) in &self.fields {
            push(&mut bytes, name.as_bytes());
            push(&mut bytes, value);
        }
        let head = length_of(bytes.len() - start);
        bytes.extend_from_slice(&head);
        bytes.push(RESPONSE);
        bytes
    }

    /// The first value of a field. `name` is in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| &**value)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (status, mut rest) = bytes.split_first_chunk()?;
        let annotation = take(&mut rest)?.to_vec();
        let mut fields = Vec::with_capacity(12);
        while !rest.is_empty() {
            let name = str::from_utf8(take(&mut rest)?).ok()?;
            fields.push((name.to_owned(), take(&mut rest)?.to_vec()));
        }
        Some(Self {
            status: u16::from_le_bytes(*status),
            fields,
            annotation,
        })
    }
}

impl Entry {
    /// [`NotStored`](Self::NotStored) as bytes.
    #[must_use]
    pub fn not_stored() -> Vec<u8> {
        vec![NOT_STORED]
    }

    /// Reads what was kept; `None` for what is no entry.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let mut body = bytes;
        let (form, rest) = body.split_last()?;
        match *form {
            NOT_STORED if rest.is_empty() => Some(Self::NotStored),
            RESPONSE => {
                let (rest, length) = rest.split_last_chunk()?;
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                let start = rest.len().checked_sub(length)?;
                let head = Head::read(rest.get(start..)?)?;
                body.truncate(start);
                Some(Self::Response { head, body })
            }
            _ => None,
        }
    }
}

/// A length that does not fit, which no message of the proxy has, makes bytes that are no entry.
fn length_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&length_of(part.len()));
    bytes.extend_from_slice(part);
}

fn take<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Entry, Head};

    fn head() -> impl Strategy<Value = Head> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let field = ("[ -~é]{0,12}", bytes());
        let fields = prop::collection::vec(field, 0..6);
        (any::<u16>(), fields, bytes()).prop_map(|(status, fields, annotation)| Head {
            status,
            fields,
            annotation,
        })
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_no_entry_is_nothing() {
        for bytes in [
            &b""[..],
            &[0],
            &[1],
            &[3],
            &[0, 2],
            &[0, 0, 0, 0, 1],
            &[255, 255, 255, 255, 1],
            // A head of seven bytes: one after the annotation.
            &[200, 0, 0, 0, 0, 0, 9, 7, 0, 0, 0, 1],
            // An annotation that is longer than the head.
            &[200, 0, 1, 0, 0, 0, 6, 0, 0, 0, 1],
            // A name without a value, and one that is no text.
            &[200, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'a', 11, 0, 0, 0, 1],
            &[
                200, 0, 0, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0, 0, 0, 15, 0, 0, 0, 1,
            ],
        ] {
            assert_eq!(Entry::from_bytes(bytes.to_vec()), None, "{bytes:?}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn an_answer_that_is_not_kept_is_remembered_as_one() {
        assert_eq!(
            Entry::from_bytes(Entry::not_stored()),
            Some(Entry::NotStored)
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_first_value_of_a_field_is_found() {
        let field = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let head = Head {
            fields: vec![field("a", b"1"), field("a", b"2")],
            ..Head::default()
        };
        assert_eq!(head.field("a"), Some(&b"1"[..]));
        assert_eq!(head.field("b"), None);
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn every_response_reads_back(
            head in head(),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = head.with_body(body.clone());
            prop_assert_eq!(Entry::from_bytes(bytes), Some(Entry::Response { head, body }));
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn two_responses_are_never_the_same_bytes(
            one in head(),
            other in head(),
            body in prop::collection::vec(any::<u8>(), 0..20),
            other_body in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let same = one == other && body == other_body;
            prop_assert_eq!(one.with_body(body) == other.with_body(other_body), same);
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn any_bytes_are_an_entry_or_nothing(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            form in 0..4_u8,
        ) {
            bytes.push(form);
            if let Some(Entry::Response { head, body }) = Entry::from_bytes(bytes.clone()) {
                prop_assert_eq!(head.with_body(body), bytes);
            }
        }
    }
}
