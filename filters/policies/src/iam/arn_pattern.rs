//! What the ARN operators compare with.

use super::ConditionKeys;
use super::pattern::{Pattern, Syntax};

/// How many parts an ARN has: `arn:partition:service:region:account:resource`.
const PARTS: usize = 6;

/// A pattern for ARNs whose wildcards and variables stay within their part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArnPattern {
    /// A pattern for each of the six parts.
    Parts(Vec<Pattern>),
    /// `*`, or a variable that stands for a whole ARN.
    Whole(Pattern),
}

impl ArnPattern {
    /// Reads a pattern. Parts that are missing after a `*` at the end may be anything.
    ///
    /// # Errors
    ///
    /// When the text is no pattern of ARNs.
    pub(super) fn parse(text: &str, variables: bool) -> Result<Self, &'static str> {
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let mut parts = split(text, variables);
        if let [whole] = parts.as_slice()
            && (*whole == "*" || (variables && whole.starts_with("${") && whole.ends_with('}')))
        {
            return Pattern::parse(whole, syntax).map(Self::Whole);
        }
        if parts.len() < PARTS && text.ends_with('*') {
            parts.resize(PARTS, "*");
        }
        if parts.len() != PARTS || parts.first() != Some(&"arn") {
            return Err("is not an ARN with its six parts");
        }
        let parts = parts.into_iter().map(|part| Pattern::parse(part, syntax));
        parts.collect::<Result<_, _>>().map(Self::Parts)
    }

    /// Whether an ARN is like the pattern.
    pub(super) fn matches(&self, arn: &str, keys: &dyn ConditionKeys) -> bool {
        match self {
            Self::Whole(pattern) => pattern.matches(arn, keys),
            Self::Parts(patterns) => {
                let mut parts = arn.splitn(PARTS, ':');
                let all = patterns
                    .iter()
                    .all(|pattern| parts.next().is_some_and(|part| pattern.matches(part, keys)));
                all && parts.next().is_none()
            }
        }
    }
}

/// The parts between colons, but for those within `${…}`; the sixth has the rest.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::with_capacity(PARTS);
    let mut rest = text;
    while parts.len() + 1 < PARTS {
        let Some(colon) = colon(rest, variables) else {
            break;
        };
        let Some((part, after)) = rest.split_at_checked(colon) else {
            break;
        };
        parts.push(part);
        rest = after.strip_prefix(':').unwrap_or(after);
    }
    parts.push(rest);
    parts
}

/// Where the first colon outside of `${…}` is.
fn colon(text: &str, variables: bool) -> Option<usize> {
    let mut within = false;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            ':' if !within => return Some(at),
            '{' if variables && before == '$' => within = true,
            '}' => within = false,
            _ => {}
        }
        before = character;
    }
    None
}
