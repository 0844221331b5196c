//! `*` and `?`.

use std::borrow::Cow;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'p> {
    /// This text, as it stands.
    Text(Cow<'p, str>),
    /// `*`: any characters, or none.
    AnyRun,
    /// `?`: any one character.
    AnyCharacter,
}

/// Whether the pattern matches the whole text.
///
/// Where a run ends is only ever tried again for the last run: when the pieces between two runs
/// fit somewhere, the first place where they fit leaves the most for the rest. The time is bounded
/// by the length of the pattern times that of the text.
pub(super) fn matches(pieces: &[Piece<'_>], text: &str) -> bool {
    let mut ahead = (pieces, text);
    let mut last_run = None;
    loop {
        let (pieces, text) = ahead;
        let next = match pieces.split_first() {
            None if text.is_empty() => return true,
            None => None,
            Some((Piece::AnyRun, [])) => return true,
            Some((Piece::AnyRun, rest)) => {
                last_run = Some((rest, text));
                Some((rest, text))
            }
            Some((Piece::AnyCharacter, rest)) => without_first(text).map(|text| (rest, text)),
            Some((Piece::Text(expected), rest)) => text
                .strip_prefix(expected.as_ref())
                .map(|text| (rest, text)),
        };
        ahead = match next {
            Some(next) => next,
            None => {
                let Some((rest, from)) = last_run else {
                    return false;
                };
                let Some(from) = without_first(from) else {
                    return false;
                };
                last_run = Some((rest, from));
                (rest, from)
            }
        };
    }
}

fn without_first(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next().map(|_| characters.as_str())
}

#[cfg(test)]
#[path = "wildcard_tests.rs"]
pub(super) mod tests;
