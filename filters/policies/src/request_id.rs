//! The two names of a request: `$context.requestId` and `$context.extendedRequestId`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use attache_model::Protocol;

use crate::ports::Random;

/// A UUID in text has this many characters.
const REQUEST_ID_LENGTH: usize = 36;

/// An extended request id is this many characters of base64 …
const EXTENDED_LENGTH: usize = 16;

/// … over this many bytes, so that it ends in one `=` as AWS's do.
const EXTENDED_BYTES: usize = 11;

/// The identifiers of one request, in text and without a heap allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIds {
    request_id: [u8; REQUEST_ID_LENGTH],
    extended: [u8; EXTENDED_LENGTH],
}

impl RequestIds {
    /// Draws new identifiers.
    #[must_use]
    pub fn generate(random: &(impl Random + ?Sized)) -> Self {
        let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
        let more = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
        let mut bytes = [0; EXTENDED_BYTES];
        for (byte, bits) in bytes.iter_mut().zip(more.to_be_bytes()) {
            *byte = bits;
        }
        let mut extended = [b'='; EXTENDED_LENGTH];
        // The buffer has exactly the length of the text, so this cannot fail; if it did, the
        // identifier would be a row of `=`.
        let _ = URL_SAFE.encode_slice(bytes, &mut extended);
        Self {
            request_id: uuid(bits),
            extended,
        }
    }

    /// `$context.requestId`: a random UUID (RFC 9562, version 4).
    #[must_use]
    pub fn request_id(&self) -> &str {
        str::from_utf8(&self.request_id).unwrap_or_default()
    }

    /// `$context.extendedRequestId`: 16 characters of base64.
    #[must_use]
    pub fn extended(&self) -> &str {
        str::from_utf8(&self.extended).unwrap_or_default()
    }

    /// The header fields that tell the client: `x-amzn-requestid` and `x-amz-apigw-id`, or
    /// `apigw-requestid` of an HTTP API.
    pub fn header_fields(
        &self,
        protocol: Protocol,
    ) -> impl Iterator<Item = (&'static str, Vec<u8>)> + use<> {
        let (first, second) = match protocol {
            Protocol::Rest => (
                ("x-amzn-requestid", self.request_id.to_vec()),
                Some(("x-amz-apigw-id", self.extended.to_vec())),
            ),
            Protocol::Http => (("apigw-requestid", self.extended.to_vec()), None),
        };
        std::iter::once(first).chain(second)
    }
}

fn uuid(bits: u128) -> [u8; REQUEST_ID_LENGTH] {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = bits & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62;
    let mut text = [b'-'; REQUEST_ID_LENGTH];
    let digits = text
        .iter_mut()
        .enumerate()
        .filter(|(position, _)| !matches!(position, 8 | 13 | 18 | 23))
        .map(|(_, digit)| digit);
    for (digit, shift) in digits.zip((0..32).rev()) {
        *digit = hex_digit(bits >> (4 * shift));
    }
    text
}

/// The last four bits as a lower-case hexadecimal digit.
pub(crate) fn hex_digit(bits: u128) -> u8 {
    match (bits & 0xf) as u8 {
        digit @ 0..=9 => b'0' + digit,
        digit => b'a' - 10 + digit,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{RequestIds, uuid};
    use crate::ports::Random;
    use attache_model::Protocol;

    struct Fixed(Cell<u64>);

    impl Random for Fixed {
        fn next_u64(&self) -> u64 {
            let next = self.0.get();
            self.0
                .set(next.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
            next
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_uuid_has_its_version_and_variant() {
        assert_eq!(uuid(0), *b"00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), *b"ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            *b"01234567-89ab-4def-8123-456789abcdef"
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn each_protocol_has_its_own_headers() {
        let ids = RequestIds::generate(&Fixed(Cell::new(1)));
        let fields = |protocol| ids.header_fields(protocol).collect::<Vec<_>>();
        assert_eq!(
            fields(Protocol::Rest),
            [
                ("x-amzn-requestid", ids.request_id().into()),
                ("x-amz-apigw-id", ids.extended().into()),
            ]
        );
        assert_eq!(
            fields(Protocol::Http),
            [("apigw-requestid", ids.extended().into())]
        );
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn identifiers_have_the_form_of_aws(seed in any::<u64>()) {
            let ids = RequestIds::generate(&Fixed(Cell::new(seed)));
            prop_assert_eq!(ids.request_id().len(), 36);
            prop_assert_eq!(ids.extended().len(), 16);
            prop_assert!(ids.extended().ends_with('='));
            prop_assert_eq!(ids.extended().matches('=').count(), 1);
        }
    }
}
