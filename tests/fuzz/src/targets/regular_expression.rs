//! Regular expressions: of a configuration, and of templates that take them from requests.

use attache_java_regex::{MatchError, Pattern};

/// A line with a pattern, one with a replacement, and a text. Whatever they are, matching ends;
/// what is found is in the text and in order, and splitting loses nothing that was not matched.
pub(super) fn run(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (pattern, rest) = input.split_once('\n').unwrap_or((&input, ""));
    let (replacement, text) = rest.split_once('\n').unwrap_or(("", rest));
    for compiled in [
        Pattern::compile(pattern),
        Pattern::compile_ecma_script(pattern),
    ] {
        match compiled {
            Ok(pattern) => hold(&pattern, replacement, text),
            Err(error) => assert!(error.offset <= pattern.len(), "{error}"),
        }
    }
}

fn hold(pattern: &Pattern, replacement: &str, text: &str) {
    let mut end = 0;
    for groups in pattern.find_all(text) {
        let Ok(groups) = groups else {
            return;
        };
        let range = groups.range();
        assert!(range.start >= end, "matches overlap");
        assert!(text.get(range.clone()).is_some(), "a match is in the text");
        end = range.end;
        for group in 1..groups.len() {
            let matched = groups.get(group);
            assert!(matched.is_none_or(|range| text.get(range).is_some()));
        }
    }
    if let (Ok(true), Ok(found)) = (pattern.is_full_match(text), pattern.is_match(text)) {
        assert!(found, "what matches as a whole is found");
    }
    match pattern.replace_all(text, replacement) {
        Ok(_) | Err(MatchError::TooManySteps | MatchError::Replacement(_)) => {}
    }
    if let (Ok(parts), Ok(rest)) = (pattern.split(text, -1), pattern.replace_all(text, "")) {
        assert_eq!(parts.concat(), rest, "what is between the matches stays");
    }
}
