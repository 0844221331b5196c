//! Text with wildcards and policy variables.

use std::borrow::Cow;

use super::ConditionKeys;
use super::variable::Variable;
use super::wildcard::{self, Piece};

/// A text that others are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    AnyRun,
    AnyCharacter,
    Variable(Variable),
}

/// What has a meaning in a pattern beside plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?`.
    pub(super) wildcards: bool,
    /// `${…}`.
    pub(super) variables: bool,
}

impl Pattern {
    /// Reads a pattern. A `${` that is not closed is plain text: a Lambda authorizer may have it
    /// from the path that was asked for.
    ///
    /// # Errors
    ///
    /// A policy variable that is none.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, &'static str> {
        let mut parts = Parts::default();
        let mut rest = text;
        loop {
            let mut characters = rest.chars();
            let Some(character) = characters.next() else {
                break;
            };
            let after = characters.as_str();
            match character {
                '*' if syntax.wildcards => parts.run(),
                '?' if syntax.wildcards => parts.push(Part::AnyCharacter),
                '$' if syntax.variables => {
                    if let Some((inner, after)) = braces(after) {
                        match inner {
                            // How a pattern says that these are meant themselves.
                            "*" | "?" | "$" => parts.text(inner),
                            _ => parts.push(Part::Variable(Variable::parse(inner)?)),
                        }
                        rest = after;
                        continue;
                    }
                    parts.text("$");
                }
                other => parts.text(other.encode_utf8(&mut [0; 4])),
            }
            rest = after;
        }
        Ok(Self { parts: parts.0 })
    }

    /// Whether `text` as a whole is like the pattern. What a variable stands for is compared as it
    /// is: a `*` in it, perhaps from a client's header, is no wildcard. A pattern with a variable
    /// that has no value is like nothing.
    pub(super) fn matches(&self, text: &str, keys: &dyn ConditionKeys) -> bool {
        // Most patterns are a text, or a text and a `*`: they need no list of pieces.
        match self.parts.as_slice() {
            [] => text.is_empty(),
            [Part::Text(exact)] => exact == text,
            [Part::AnyRun] => true,
            [Part::Text(start), Part::AnyRun] => text.starts_with(start.as_str()),
            _ => self
                .pieces(keys)
                .is_some_and(|pieces| wildcard::matches(&pieces, text)),
        }
    }

    /// [`Pattern::matches`] for a pattern without wildcards, whatever the case of ASCII letters.
    pub(super) fn equals_ignoring_case(&self, text: &str, keys: &dyn ConditionKeys) -> bool {
        let mut rest = Some(text);
        for part in &self.parts {
            let expected = match part {
                Part::Text(expected) => Cow::Borrowed(expected.as_str()),
                Part::Variable(variable) => match variable.value(keys) {
                    Some(value) => value,
                    None => return false,
                },
                Part::AnyRun | Part::AnyCharacter => return false,
            };
            rest = rest
                .and_then(|rest| rest.split_at_checked(expected.len()))
                .filter(|(start, _)| start.eq_ignore_ascii_case(&expected))
                .map(|(_, rest)| rest);
        }
        rest == Some("")
    }

    fn pieces<'p>(&'p self, keys: &'p dyn ConditionKeys) -> Option<Vec<Piece<'p>>> {
        self.parts
            .iter()
            .map(|part| {
                Some(match part {
                    Part::Text(text) => Piece::Text(Cow::Borrowed(text)),
                    Part::AnyRun => Piece::AnyRun,
                    Part::AnyCharacter => Piece::AnyCharacter,
                    Part::Variable(variable) => Piece::Text(variable.value(keys)?),
                })
            })
            .collect()
    }
}

/// The parts that were read so far; texts and runs side by side are one.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn push(&mut self, part: Part) {
        self.0.push(part);
    }

    fn run(&mut self) {
        if self.0.last() != Some(&Part::AnyRun) {
            self.push(Part::AnyRun);
        }
    }

    fn text(&mut self, more: &str) {
        if let Some(Part::Text(text)) = self.0.last_mut() {
            text.push_str(more);
        } else {
            self.push(Part::Text(more.to_owned()));
        }
    }
}

/// `inner` and what follows of `{inner}…`.
fn braces(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('{')?.split_once('}')
}
