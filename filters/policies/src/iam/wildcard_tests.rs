//! The matcher against one that is obviously right.

use std::borrow::Cow;

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Piece, matches};

/// Tries everything.
pub(in crate::iam) fn reference(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| reference(rest, &text[skipped..])),
        Some((wanted, rest)) => text.split_first().is_some_and(|(found, text)| {
            (*wanted == '?' || wanted == found) && reference(rest, text)
        }),
    }
}

fn pieces(pattern: &str) -> Vec<Piece<'static>> {
    pattern
        .chars()
        .map(|character| match character {
            '*' => Piece::AnyRun,
            '?' => Piece::AnyCharacter,
            other => Piece::Text(Cow::Owned(other.to_string())),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[wasm_bindgen_test(unsupported = test)]
    fn finds_what_the_reference_finds(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(
            matches(&pieces(&pattern), &text),
            reference(&characters(&pattern), &characters(&text)),
            "{} {}", pattern, text
        );
    }

    /// A text is like every pattern that is made from it.
    #[wasm_bindgen_test(unsupported = test)]
    fn a_pattern_made_from_a_text_matches_it(
        text in "\\PC{0,40}",
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
    ) {
        let mut pieces: Vec<_> = text
            .chars()
            .map(|character| Piece::Text(Cow::Owned(character.to_string())))
            .collect();
        for (at, run) in changes {
            if run {
                pieces.insert(at.index(pieces.len() + 1), Piece::AnyRun);
            } else if !pieces.is_empty() {
                let at = at.index(pieces.len());
                if matches!(pieces[at], Piece::Text(_)) {
                    pieces[at] = Piece::AnyCharacter;
                }
            }
        }
        prop_assert!(matches(&pieces, &text), "{pieces:?} {text}");
    }
}

/// One try for each way to divide the text among the runs would never end.
#[wasm_bindgen_test(unsupported = test)]
fn many_runs_end_soon() {
    let text = "a".repeat(1_600);
    assert!(matches(&pieces(&"*a".repeat(1_600)), &text));
    assert!(!matches(&pieces(&"*a".repeat(1_601)), &text));
    assert!(!matches(&pieces(&format!("{}b", "*a?".repeat(500))), &text));
    assert!(!matches(&pieces(&format!("*{}b*", "a".repeat(800))), &text));
}
