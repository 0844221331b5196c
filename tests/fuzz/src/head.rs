//! Message heads as inputs, and what holds of every head that the gateway has written.

use std::collections::HashSet;

use attache_policies::Headers;
use attache_testkit::Message;
use serde_json::Value;

/// The lines of an input: the first, and a field for each of the others (`name: value`; a colon
/// at the start is part of the name). A field's value may hold any byte but the line end. Names
/// are in lower case, as a proxy hands them over.
pub(crate) fn lines(input: &[u8]) -> (&[u8], Headers) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let fields = lines.filter_map(|line| {
        let colon = 1 + line.iter().skip(1).position(|byte| *byte == b':')?;
        let name = line[..colon].trim_ascii().to_ascii_lowercase();
        let value = &line[colon + 1..];
        Some((name, value.strip_prefix(b" ").unwrap_or(value)))
    });
    (first, fields.collect())
}

/// The fields of `after` that are not in `before` are the gateway's, and fit for a message.
pub(crate) fn assert_clean_edits(before: &Headers, after: &Headers) {
    let before: HashSet<_> = before.iter().collect();
    for (name, value) in after.iter().filter(|field| !before.contains(field)) {
        let shown = || format!("{}: {}", name.escape_ascii(), value.escape_ascii());
        let is_token = |byte: &u8| byte.is_ascii_lowercase() || b"0123456789-_".contains(byte);
        let bare = name.strip_prefix(b":").unwrap_or(name);
        assert!(!bare.is_empty() && bare.iter().all(is_token), "{}", shown());
        let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!value.iter().any(ends), "{}", shown());
    }
}

/// A refusal is JSON with a message, except for the one that AWS sends as plain text.
pub(crate) fn assert_refusal(answer: &Message) {
    if answer.status() == Some(413) {
        return;
    }
    let body: Value = serde_json::from_slice(&answer.body).expect("a refusal is JSON");
    assert!(body["message"].is_string(), "{body}");
    let length = answer.body.len().to_string();
    assert_eq!(answer.text("content-length"), Some(length));
}
