//! What Envoy's foreign function `verify_signature` is told, and what it says: two messages of
//! protocol buffers, small enough to be written by hand.
//!
//! `VerifySignatureArguments` and `VerifySignatureResult` of Envoy's
//! `source/extensions/common/wasm/ext/verify_signature.proto`.

use attache_policies::ports::{HashFunction, Signed};

/// The name of the function.
pub const NAME: &str = "verify_signature";

const HASH_FUNCTION: u8 = 1;
const PUBLIC_KEY: u8 = 2;
const SIGNATURE: u8 = 3;
const TEXT: u8 = 4;

const RESULT: u64 = 1;
const ERROR: u64 = 2;

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// How the error for a wrong signature begins. Every other one speaks of a key or a hash function
/// that Envoy cannot use.
const WRONG: &[u8] = b"Failed to verify ";

/// The function's arguments.
#[must_use]
pub fn arguments(signed: &Signed<'_>) -> Vec<u8> {
    let hash: &[u8] = match signed.hash {
        HashFunction::Sha256 => b"sha256",
        HashFunction::Sha384 => b"sha384",
        HashFunction::Sha512 => b"sha512",
    };
    let fields = [
        (HASH_FUNCTION, hash),
        (PUBLIC_KEY, signed.public_key),
        (SIGNATURE, signed.signature),
        (TEXT, signed.text),
    ];
    // A tag of one byte and a length of at most ten for each.
    let length = fields.iter().map(|(_, bytes)| bytes.len() + 11).sum();
    let mut message = Vec::with_capacity(length);
    for (number, bytes) in fields {
        message.push(number << 3 | 2);
        write_varint(&mut message, bytes.len());
        message.extend_from_slice(bytes);
    }
    message
}

/// Whether the signature is right; `None` when Envoy could not tell.
#[must_use]
pub fn verdict(mut message: &[u8]) -> Option<bool> {
    let mut result = false;
    let mut error: &[u8] = b"";
    while !message.is_empty() {
        let tag = read_varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (RESULT, VARINT) => result = read_varint(&mut message)? != 0,
            (number, LENGTH_DELIMITED) => {
                let length = usize::try_from(read_varint(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(length)?;
                message = rest;
                if number == ERROR {
                    error = bytes;
                }
            }
            (_, VARINT) => {
                read_varint(&mut message)?;
            }
            _ => return None,
        }
    }
    match (result, error) {
        (true, b"") => Some(true),
        (false, b"") => Some(false),
        (false, error) if error.starts_with(WRONG) => Some(false),
        _ => None,
    }
}

fn write_varint(message: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            message.push(low);
            return;
        }
        message.push(low | 0x80);
    }
}

fn read_varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test(unsupported = test)]
    fn arguments_are_encoded_as_protocol_buffers() {
        let text = [b't'; 300];
        let signed = Signed {
            hash: HashFunction::Sha384,
            public_key: b"key",
            signature: b"",
            text: &text,
        };
        let mut expected = b"\x0a\x06sha384\x12\x03key\x1a\x00\x22\xac\x02".to_vec();
        expected.extend_from_slice(&text);
        assert_eq!(arguments(&signed), expected);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn verdicts() {
        let cases: [(&[u8], Option<bool>); 10] = [
            (b"\x08\x01", Some(true)),
            (b"", Some(false)),
            (b"\x08\x00", Some(false)),
            // A field of a later version is passed over, whatever it holds.
            (b"\x18\x96\x01\x22\x01x\x08\x01", Some(true)),
            (b"\x12\x15md5 is not supported.", None),
            (b"\x08\x01\x12\x01x", None),
            (b"\x08", None),
            (b"\x12\x05abc", None),
            (b"\x0d\x00\x00\x00\x00", None),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", None),
        ];
        for (message, expected) in cases {
            assert_eq!(verdict(message), expected, "{}", message.escape_ascii());
        }
        let wrong = b"\x12\x26Failed to verify digest. Error code: 0";
        assert_eq!(verdict(wrong), Some(false));
        let key = b"\x12\x23Failed to initialize digest verify.";
        assert_eq!(verdict(key), None);
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn numbers_survive_the_round_trip(number in any::<u32>()) {
            let mut message = Vec::new();
            write_varint(&mut message, number as usize);
            let mut rest = message.as_slice();
            prop_assert_eq!(read_varint(&mut rest), Some(u64::from(number)));
            prop_assert!(rest.is_empty());
        }

        /// Only the one message that says so makes a signature right.
        #[wasm_bindgen_test(unsupported = test)]
        fn no_other_bytes_are_a_yes(message in prop::collection::vec(any::<u8>(), 0..24)) {
            if verdict(&message) == Some(true) {
                prop_assert!(message.windows(2).any(|pair| pair[0] == 0x08 && pair[1] != 0));
            }
        }
    }
}
