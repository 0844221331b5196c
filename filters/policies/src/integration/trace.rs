//! `X-Amzn-Trace-Id` on the way to the back end.

use crate::ports::{Random, Timestamp};
use crate::request_id::hex_digit;

/// The header's value for the back end, or `None` when the client's own is whole and stays.
///
/// `Root` and `Parent` are kept and what is missing of them is made up. `Sampled` is kept, and
/// otherwise 1 exactly when the client named a `Parent`.
pub(crate) fn trace_id(
    incoming: Option<&[u8]>,
    time: Timestamp,
    random: &(impl Random + ?Sized),
) -> Option<Vec<u8>> {
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for part in incoming.unwrap_or_default().split(|byte| *byte == b';') {
        let part = part.trim_ascii();
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let key = halves.next().unwrap_or_default();
        let value = halves.next().filter(|value| is_trace_text(value));
        if key.eq_ignore_ascii_case(b"root") {
            root = value;
        } else if key.eq_ignore_ascii_case(b"parent") {
            parent = value;
        } else if key.eq_ignore_ascii_case(b"sampled") {
            sampled = value;
        }
    }
    if root.is_some() && parent.is_some() && sampled.is_some() {
        return None;
    }
    let mut text = Vec::with_capacity(74);
    text.extend_from_slice(b"Root=");
    match root {
        Some(root) => text.extend_from_slice(root),
        None => {
            text.extend_from_slice(b"1-");
            push_hex(&mut text, u128::from(time.as_secs()), 8);
            text.push(b'-');
            let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            push_hex(&mut text, bits, 24);
        }
    }
    text.extend_from_slice(b";Parent=");
    match parent {
        Some(parent) => text.extend_from_slice(parent),
        None => push_hex(&mut text, u128::from(random.next_u64()), 16),
    }
    text.extend_from_slice(b";Sampled=");
    match (sampled, parent) {
        (Some(sampled), _) => text.extend_from_slice(sampled),
        (None, Some(_)) => text.push(b'1'),
        (None, None) => text.push(b'0'),
    }
    Some(text)
}

/// Identifiers, and the `?` that asks for a sampling decision.
fn is_trace_text(value: &[u8]) -> bool {
    !value.is_empty()
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'?'))
}

fn push_hex(out: &mut Vec<u8>, bits: u128, digits: u32) {
    out.extend(
        (0..digits)
            .rev()
            .map(|digit| hex_digit(bits >> (4 * digit))),
    );
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::trace_id;
    use crate::ports::Timestamp;
    use crate::test_client::Constant;

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_missing_is_made_up() {
        let time = Timestamp(0x5e66_d96f * 1_000_000_000);
        let root = "1-5e66d96f-89abcdef0123456789abcdef";
        let parent = "0123456789abcdef";
        for (incoming, expected) in [
            (None, Some(format!("Root={root};Parent={parent};Sampled=0"))),
            (
                Some(""),
                Some(format!("Root={root};Parent={parent};Sampled=0")),
            ),
            (
                Some("Root=1-a-b"),
                Some(format!("Root=1-a-b;Parent={parent};Sampled=0")),
            ),
            (
                Some("Root=1-a-b;Parent=c"),
                Some("Root=1-a-b;Parent=c;Sampled=1".to_owned()),
            ),
            (
                Some("sampled=1; root=1-a-b"),
                Some(format!("Root=1-a-b;Parent={parent};Sampled=1")),
            ),
            (
                Some("Parent=c"),
                Some(format!("Root={root};Parent=c;Sampled=1")),
            ),
            (Some("Root=1-a-b;Parent=c;Sampled=0"), None),
            (Some("Root=1-a-b;Parent=c;Sampled=?;Lineage=x"), None),
            (
                Some("Root=a\r\nb;Root"),
                Some(format!("Root={root};Parent={parent};Sampled=0")),
            ),
        ] {
            let made = trace_id(incoming.map(str::as_bytes), time, &Constant);
            assert_eq!(
                made.map(|text| String::from_utf8(text).unwrap()),
                expected,
                "{incoming:?}"
            );
        }
    }
}
