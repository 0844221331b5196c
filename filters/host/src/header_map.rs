//! The form in which a proxy-wasm host hands over a whole header map: the number of fields, the
//! length of each name and value, then the names and values, each followed by a zero byte. All
//! numbers are 32-bit little-endian.

use attache_policies::{Field, Headers};

const NUMBER: usize = 4;

/// Reads a map in place: the buffer becomes the headers' own, nothing is copied. `None` when it
/// is cut short.
#[must_use]
pub fn decode(buffer: Vec<u8>) -> Option<Headers> {
    if buffer.is_empty() {
        return Some(Headers::default());
    }
    let count = number(&buffer, 0)?;
    let mut place = count.checked_mul(2 * NUMBER)?.checked_add(NUMBER)?;
    if place > buffer.len() {
        return None;
    }
    let mut fields = Vec::with_capacity(count);
    for lengths in (NUMBER..place).step_by(2 * NUMBER) {
        let name_end = place.checked_add(number(&buffer, lengths)?)?;
        let value_start = name_end.checked_add(1)?;
        let value_end = value_start.checked_add(number(&buffer, lengths + NUMBER)?)?;
        if value_end >= buffer.len() {
            return None;
        }
        fields.push(Field {
            name: place..name_end,
            value: value_start..value_end,
        });
        place = value_end + 1;
    }
    Some(Headers::from_buffer(buffer, fields))
}

/// Writes fields in the same form.
pub fn encode<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let count = fields.clone().count();
    let size = fields.clone().fold(NUMBER, |size, (name, value)| {
        size + 2 * NUMBER + name.len() + value.len() + 2
    });
    let mut buffer = Vec::with_capacity(size);
    let mut put = |number: usize| {
        buffer.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    };
    put(count);
    for (name, value) in fields.clone() {
        put(name.len());
        put(value.len());
    }
    for (name, value) in fields {
        buffer.extend_from_slice(name);
        buffer.push(0);
        buffer.extend_from_slice(value);
        buffer.push(0);
    }
    buffer
}

fn number(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..at.checked_add(NUMBER)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use attache_policies::Headers;
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{decode, encode};

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn a_map_survives_the_round_trip(
            pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..8)
        ) {
            let pairs_as_slices = pairs.iter().map(|(name, value)| (&name[..], &value[..]));
            let headers = decode(encode(pairs_as_slices.clone())).unwrap();
            prop_assert!(headers.iter().eq(pairs_as_slices));
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            if let Some(headers) = decode(bytes) {
                prop_assert!(headers.iter().count() < 4096);
            }
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn a_map_cut_short_is_refused(
            pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 1..4),
            cut in 1_usize..8
        ) {
            let mut buffer = encode(pairs.iter().map(|(name, value)| (&name[..], &value[..])));
            buffer.truncate(buffer.len().saturating_sub(cut).max(1));
            prop_assert_eq!(decode(buffer), None);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_map_is_an_empty_one() {
        assert_eq!(decode(Vec::new()), Some(Headers::default()));
    }
}
