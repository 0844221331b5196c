//! Whether a client can read a response that is encoded (RFC 9110, sections 8.4 and 12.5.3).

/// Whether every coding of a `Content-Encoding` is among those that a client's `Accept-Encoding`
/// fields name. A client that names none is given what is not encoded: RFC 9110 would allow
/// anything, and most clients of that kind can read nothing else.
pub fn is_accepted<'a>(
    content_encoding: &[u8],
    accept_encoding: impl Iterator<Item = &'a [u8]> + Clone,
) -> bool {
    let codings = content_encoding
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
    let members = accept_encoding.flat_map(|field| field.split(|byte| *byte == b','));
    // Whether the first member for which it holds has any weight.
    let accepts = |is_meant: &dyn Fn(&[u8]) -> bool| {
        members.clone().find_map(|member| {
            let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            is_meant(parts.next().unwrap_or_default()).then(|| !parts.any(is_weight_of_zero))
        })
    };
    codings
        .map(|coding| {
            accepts(&|name| is_same(name, coding)).or_else(|| accepts(&|name| name == b"*"))
        })
        .all(|accepted| accepted == Some(true))
}

/// RFC 9110, section 8.4.1.3: `x-gzip` is `gzip`, and so with `compress`.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let plain = |name: &[u8]| -> usize {
        match name.split_at_checked(2) {
            Some((start, _)) if start.eq_ignore_ascii_case(b"x-") => 2,
            _ => 0,
        }
    };
    let one = one.get(plain(one)..).unwrap_or_default();
    one.eq_ignore_ascii_case(other.get(plain(other)..).unwrap_or_default())
}

/// `q=0`, `q=0.0` and so on.
fn is_weight_of_zero(parameter: &[u8]) -> bool {
    let weight = match parameter {
        [b'q' | b'Q', b'=', weight @ ..] => weight,
        _ => return false,
    };
    !weight.is_empty() && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::is_accepted;

    #[wasm_bindgen_test(unsupported = test)]
    fn what_a_client_can_read_is_what_it_says() {
        for (coding, fields, expected) in [
            ("", &[][..], true),
            ("identity", &[], true),
            ("Identity", &["gzip"], true),
            ("gzip", &[], false),
            ("gzip", &[""], false),
            ("gzip", &["gzip"], true),
            ("gzip", &["GZip;q=0.5"], true),
            ("x-gzip", &["gzip"], true),
            ("gzip", &["X-GZIP"], true),
            ("gzip", &["gzip;q=0"], false),
            ("gzip", &["gzip; q=0.000, *"], false),
            ("gzip", &["*, gzip;q=0"], false),
            ("gzip", &["*"], true),
            ("gzip", &["*;q=0"], false),
            ("gzip", &["br, deflate"], false),
            ("gzip", &["br", "deflate, gzip"], true),
            ("gzip, br", &["gzip"], false),
            ("gzip, br", &["br, gzip"], true),
            ("gzip", &["gzipped"], false),
        ] {
            let fields = fields.iter().map(|field| field.as_bytes());
            assert_eq!(
                is_accepted(coding.as_bytes(), fields.clone()),
                expected,
                "{coding} for {:?}",
                fields.collect::<Vec<_>>()
            );
        }
    }
}
