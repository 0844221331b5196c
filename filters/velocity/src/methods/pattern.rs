//! The methods of strings that take a regular expression.

use std::borrow::Cow;

use attache_java_regex::{MatchError, Pattern, PatternError};
use attache_values::Value;

use super::{Answer, Refusal, int, produced};
use crate::limits::{Budget, Exhausted};

/// What a step of matching costs beside one of the template: bytes of text for each byte that is
/// searched.
const SEARCHED: usize = 16;

/// A pattern that stands in the template itself, compiled with it; None when the method takes
/// none, or the pattern is no constant. What cannot be compiled is refused when it is used, as in
/// Java.
pub(crate) fn constant(method: &str, pattern: &str) -> Option<Pattern> {
    match takes_pattern(method) {
        true => Pattern::compile(pattern).ok(),
        false => None,
    }
}

fn takes_pattern(method: &str) -> bool {
    matches!(method, "matches" | "replaceAll" | "replaceFirst" | "split")
}

impl From<MatchError> for Refusal {
    fn from(error: MatchError) -> Self {
        match error {
            MatchError::TooManySteps => {
                Self::Limit(Exhausted("a regular expression takes too many steps"))
            }
            MatchError::Replacement(reason) => Self::Method(reason.into()),
        }
    }
}

impl From<PatternError> for Refusal {
    fn from(error: PatternError) -> Self {
        Self::Method(
            ["the regular expression: ", &error.to_string()]
                .concat()
                .into(),
        )
    }
}

/// The answer of one of the methods; None when it is none of them.
pub(super) fn call(
    text: &str,
    method: &str,
    arguments: &[Value],
    constant: Option<&Pattern>,
    budget: &mut Budget,
) -> Option<Answer> {
    if !takes_pattern(method) {
        return None;
    }
    let (source, rest) = match arguments {
        [Value::String(source), rest @ ..] => (source, rest),
        [Value::Null, ..] => return Some(Err("it does not take null".into())),
        _ => return None,
    };
    let run = |budget: &mut Budget| -> Result<Option<Value>, Refusal> {
        budget.text(text.len().saturating_mul(SEARCHED))?;
        let pattern = match constant {
            Some(pattern) => Cow::Borrowed(pattern),
            None => {
                budget.text(source.len().saturating_mul(SEARCHED))?;
                Cow::Owned(Pattern::compile(source)?)
            }
        };
        Ok(match (method, rest) {
            ("matches", []) => Some(Value::Boolean(pattern.is_full_match(text)?)),
            ("replaceAll", [Value::String(replacement)]) => {
                fits(&pattern, text, replacement, budget)?;
                let replaced = pattern.replace_all(text, replacement)?;
                Some(produced(replaced, budget)?)
            }
            ("replaceFirst", [Value::String(replacement)]) => {
                budget.fits(largest(text, replacement, 1))?;
                let replaced = pattern.replace_first(text, replacement)?;
                Some(produced(replaced, budget)?)
            }
            ("replaceAll" | "replaceFirst", [Value::Null]) => {
                return Err("it does not take null".into());
            }
            ("split", []) => Some(split(&pattern, text, 0, budget)?),
            ("split", [limit]) => match int(limit).and_then(|limit| i32::try_from(limit).ok()) {
                Some(limit) => Some(split(&pattern, text, limit, budget)?),
                None => None,
            },
            _ => None,
        })
    };
    run(budget).transpose()
}

fn split(pattern: &Pattern, text: &str, limit: i32, budget: &mut Budget) -> Answer {
    let pieces = pattern.split(text, limit)?;
    budget.items(pieces.len())?;
    Ok(Value::list(pieces.into_iter().map(Value::string).collect()))
}

/// How long a text can become with so many matches replaced.
fn largest(text: &str, replacement: &str, matches: usize) -> usize {
    let groups = replacement.bytes().filter(|byte| *byte == b'$').count();
    let copied = text.len().saturating_mul(groups.saturating_add(1));
    copied.saturating_add(replacement.len().saturating_mul(matches))
}

/// Refuses what may become too large, before it does.
fn fits(
    pattern: &Pattern,
    text: &str,
    replacement: &str,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    // There is at most one match more than there are characters.
    if budget
        .fits(largest(text, replacement, text.len() + 1))
        .is_ok()
    {
        return Ok(());
    }
    budget.text(text.len().saturating_mul(SEARCHED))?;
    let mut matches = 0;
    for found in pattern.find_all(text) {
        found?;
        matches += 1;
    }
    Ok(budget.fits(largest(text, replacement, matches))?)
}
