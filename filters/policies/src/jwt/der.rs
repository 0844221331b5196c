//! The few structures of ASN.1 that the proxy wants: public keys and ECDSA signatures, in DER
//! (X.690).

/// OID 1.2.840.113549.1.1.1 and the NULL that goes with it (RFC 3279, section 2.3.1).
const RSA_ENCRYPTION: [u8; 13] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// OID 1.2.840.10045.2.1 (RFC 5480, section 2.1.1).
const EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// OID 1.2.840.10045.3.1.7.
pub(super) const SECP256R1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OID 1.3.132.0.34.
pub(super) const SECP384R1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// OID 1.3.132.0.35.
pub(super) const SECP521R1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The SubjectPublicKeyInfo of an RSA key (RFC 3279, section 2.3.1), of modulus and exponent as
/// big-endian numbers.
pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let numbers = [integer(modulus), integer(exponent)].concat();
    public_key(&RSA_ENCRYPTION, &value(SEQUENCE, &numbers))
}

/// The SubjectPublicKeyInfo of a point on a curve (RFC 5480, section 2), uncompressed (SEC 1).
pub(super) fn ec_public_key(curve: &[u8], point: &[u8]) -> Vec<u8> {
    public_key(&[&EC_PUBLIC_KEY, curve].concat(), point)
}

/// The ECDSA-Sig-Value (RFC 3279, section 2.2.3) of a signature as JWS writes it: two numbers of
/// the same length, one after the other (RFC 7518, section 3.4).
pub(super) fn ecdsa_signature(joined: &[u8]) -> Vec<u8> {
    let (r, s) = joined.split_at(joined.len() / 2);
    value(SEQUENCE, &[integer(r), integer(s)].concat())
}

fn public_key(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    // No bits of the last byte are unused.
    let bits = [&[0], key].concat();
    value(
        SEQUENCE,
        &[value(SEQUENCE, algorithm), value(BIT_STRING, &bits)].concat(),
    )
}

/// A number that is not negative, in as few bytes as it needs.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = without_leading_zeros(number);
    match number.first() {
        Some(first) if first & 0x80 == 0 => value(INTEGER, number),
        // The first bit would be a sign; zero itself is one byte.
        _ => value(INTEGER, &[&[0], number].concat()),
    }
}

/// A big-endian number without the zero bytes before it; zero is empty.
pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = Vec::with_capacity(length + 4);
    der.push(tag);
    // What is encoded here is shorter than 64 KiB.
    match (
        u8::try_from(length),
        u16::try_from(length).unwrap_or(u16::MAX),
    ) {
        (Ok(length), _) if length < 0x80 => der.push(length),
        (Ok(length), _) => der.extend_from_slice(&[0x81, length]),
        (Err(_), length) => {
            der.push(0x82);
            der.extend_from_slice(&length.to_be_bytes());
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{ecdsa_signature, integer, value};

    #[wasm_bindgen_test(unsupported = test)]
    fn numbers_are_as_short_as_they_can_be() {
        for (number, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 1], &[2, 1, 1]),
            (&[0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0xff, 0], &[2, 3, 0, 0xff, 0]),
        ] {
            assert_eq!(integer(number), expected, "{number:?}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn lengths_are_as_short_as_they_can_be() {
        for (length, expected) in [
            (0_usize, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (1100, &[4, 0x82, 4, 76]),
        ] {
            let der = value(4, &vec![0; length]);
            assert_eq!(der.len(), expected.len() + length);
            assert!(der.starts_with(expected), "{length}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_signature_is_two_numbers() {
        assert_eq!(
            ecdsa_signature(&[0, 1, 0x80, 2]),
            [0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 2]
        );
        assert_eq!(ecdsa_signature(&[]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }
}
