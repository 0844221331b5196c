//! What workers leave to others of their proxy. An edit of the configuration ends all of them and
//! begins new ones, which share nothing but the store.

use crate::ports::Ports;
use crate::usage_plan::counter::{Change, Undecided, change};

/// How many bytes are left behind under one key at most. What does not fit is lost.
const MOST_BYTES: usize = 1 << 20;

/// Leaves pieces under a key, behind those that are there.
pub(super) fn leave(ports: &dyn Ports, key: &[u8], pieces: impl Iterator<Item = Vec<u8>>) {
    let mut bytes = Vec::new();
    for piece in pieces {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        if bytes.len() + piece.len() < MOST_BYTES {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&piece);
        }
    }
    if bytes.is_empty() {
        return;
    }
    let Ok(seen) = ports.get(key) else { return };
    let _ = change(ports, key, seen, |seen| {
        let seen = seen.unwrap_or_default();
        Ok(if seen.len() + bytes.len() < MOST_BYTES {
            Change::Write([seen, &bytes].concat(), ())
        } else {
            Change::Keep(())
        })
    });
}

/// Takes so many pieces at most from under a key: nobody else gets them.
pub(super) fn take(ports: &dyn Ports, key: &[u8], at_most: usize) -> Vec<Vec<u8>> {
    let Ok(Some(seen)) = ports.get(key) else {
        return Vec::new();
    };
    let taken = change(ports, key, Some(seen), |seen| {
        let mut rest = seen.unwrap_or_default();
        if rest.is_empty() {
            return Ok(Change::Keep(Vec::new()));
        }
        let mut pieces = Vec::new();
        while pieces.len() < at_most
            && let Some((piece, after)) = first(rest)
        {
            pieces.push(piece.to_vec());
            rest = after;
        }
        // What is no piece goes with the last one.
        let rest = first(rest).map_or(&[][..], |_| rest);
        Ok::<_, Undecided>(Change::Write(rest.to_vec(), pieces))
    });
    taken.unwrap_or_default()
}

/// The first piece, and what comes behind it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{MOST_BYTES, leave, take};
    use crate::memory_ports::MemoryPorts;
    use crate::ports::Store;

    const KEY: &[u8] = b"left";

    fn pieces(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn each_piece_is_taken_once_and_in_order() {
        let ports = MemoryPorts::default();
        assert!(take(&ports, KEY, 9).is_empty());
        leave(&ports, KEY, pieces(&["one", "", "three"]).into_iter());
        leave(&ports.another(), KEY, pieces(&["four"]).into_iter());
        assert_eq!(
            take(&ports.another(), KEY, 3),
            pieces(&["one", "", "three"])
        );
        assert_eq!(take(&ports, KEY, 3), pieces(&["four"]));
        assert!(take(&ports, KEY, 3).is_empty());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_does_not_fit_is_lost_and_what_is_there_stays() {
        let ports = MemoryPorts::default();
        leave(&ports, KEY, pieces(&["one"]).into_iter());
        leave(&ports, KEY, [vec![0; MOST_BYTES - 8]].into_iter());
        assert_eq!(take(&ports, KEY, 9), pieces(&["one"]));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_no_piece_is_thrown_away() {
        let ports = MemoryPorts::default();
        for bytes in [&b"\x01"[..], b"\xff\xff\xff\xffabc", b"\x03\0\0\0ab"] {
            ports.put(KEY, bytes).unwrap();
            assert!(take(&ports, KEY, 9).is_empty());
            leave(&ports, KEY, pieces(&["next"]).into_iter());
            assert_eq!(take(&ports, KEY, 9), pieces(&["next"]));
        }
    }
}
