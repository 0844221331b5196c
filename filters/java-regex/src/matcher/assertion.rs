//! What must be true of a place.

use super::Matcher;
use crate::MatchError;
use crate::category::Categories;
use crate::syntax::{Assertion, Word};

/// What ends a line outside of `(?d)`, `\r\n` aside.
const fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Matcher<'_> {
    pub(super) fn holds(&mut self, assertion: Assertion, at: u32) -> Result<bool, MatchError> {
        let before = self.character_before(at);
        let after = self.character(at);
        let last = after.is_none_or(|after| at as usize + after.len_utf8() == self.text.len());
        let between = before == Some('\r') && after == Some('\n');
        Ok(match assertion {
            Assertion::Begin => at == 0,
            Assertion::End => after.is_none(),
            Assertion::EndOfLastMatch => at == self.last_end,
            Assertion::EndOfInput => match after {
                None => true,
                Some('\r') => last || self.text.get(at as usize..) == Some("\r\n"),
                Some(after) => last && ends_line(after) && !between,
            },
            Assertion::UnixEndOfInput => last && after.is_none_or(|after| after == '\n'),
            // Not at the end of the text, even after a line terminator: as in Perl.
            Assertion::BeginOfLine => after.is_some() && before.is_none_or(ends_line) && !between,
            Assertion::UnixBeginOfLine => after.is_some() && before.is_none_or(|it| it == '\n'),
            Assertion::EndOfLine => after.is_none_or(ends_line) && !between,
            Assertion::UnixEndOfLine => after.is_none_or(|after| after == '\n'),
            Assertion::WordBoundary(word) => self.is_boundary(word, at)?,
            Assertion::NotWordBoundary(word) => !self.is_boundary(word, at)?,
        })
    }

    fn is_boundary(&mut self, word: Word, at: u32) -> Result<bool, MatchError> {
        Ok(self.is_in_word(word, self.character_before(at), at)?
            != self.is_in_word(word, self.character(at), at)?)
    }

    /// Whether the character before or after a place is part of a word.
    fn is_in_word(
        &mut self,
        word: Word,
        character: Option<char>,
        at: u32,
    ) -> Result<bool, MatchError> {
        let Some(character) = character else {
            return Ok(false);
        };
        if character.is_ascii() {
            return Ok(character.is_ascii_alphanumeric() || character == '_');
        }
        Ok(match word {
            Word::Ascii => false,
            Word::Unicode => {
                let others = Categories::MARK
                    .or(Categories::DIGIT)
                    .or(Categories::CONNECTOR);
                character.is_alphabetic()
                    || others.contain(character)
                    || matches!(character, '\u{200c}' | '\u{200d}')
            }
            Word::Letters => {
                is_letter_or_digit(character)
                    || Categories::NON_SPACING_MARK.contain(character) && self.is_on_letter(at)?
            }
        })
    }

    /// Whether the marks up to a place are on a letter or a digit.
    fn is_on_letter(&mut self, at: u32) -> Result<bool, MatchError> {
        let text = self.text.get(..at as usize).unwrap_or_default();
        for character in text.chars().rev() {
            self.spend(1)?;
            if is_letter_or_digit(character) {
                return Ok(true);
            }
            if !Categories::NON_SPACING_MARK.contain(character) {
                break;
            }
        }
        Ok(false)
    }
}

fn is_letter_or_digit(character: char) -> bool {
    Categories::LETTER.or(Categories::DIGIT).contain(character)
}
