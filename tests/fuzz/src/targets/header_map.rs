//! A header map as the proxy hands it over.
//!
//! What can be read can be written and read again, and takes no more room than the buffer says.

use attache_host::header_map;

pub(super) fn run(input: &[u8]) {
    let Some(headers) = header_map::decode(input.to_vec()) else {
        return;
    };
    assert!(headers.iter().count() <= input.len() / 8);
    let fields: Vec<_> = headers.iter().collect();
    let again = header_map::decode(header_map::encode(fields.iter().copied()));
    assert!(again.is_some_and(|again| again.iter().eq(fields)));
}
