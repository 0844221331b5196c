//! Java's regular expressions (`java.util.regex`), for software that has to read them as Java does
//! and may not run for ever.
//!
//! ```
//! use attache_java_regex::Pattern;
//!
//! let pattern = Pattern::compile(r"(?<year>\d{4})-(?<month>\d\d)")?;
//! assert!(pattern.is_full_match("2024-07").unwrap());
//! assert_eq!(pattern.replace_all("on 2024-07", "${month}/$1").unwrap(), "on 07/2024");
//! # Ok::<(), attache_java_regex::PatternError>(())
//! ```
//!
//! Patterns are compiled once, into a program in proportion to their length whatever their
//! quantifiers say. Matching backtracks as Java's does, without recursion, and gives up with
//! [`MatchError::TooManySteps`] when a text makes it try too much; Java would go on for years, or
//! overflow its stack.
//!
//! Where Java's versions differ this is Java 17. Not supported, and refused: scripts (`\p{IsLatin}`),
//! most blocks, emoji properties, `\X`, `\b{g}` and `\N{…}`. Different: texts are UTF-8, so there
//! are no lone surrogates and all offsets are in bytes.
//!
//! [`Pattern::compile_ecma_script`] reads the dialect of JSON Schema's `pattern` instead.

mod category;
mod class;
mod compiler;
mod matcher;
mod parser;
mod property;
mod replacement;
mod syntax;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use compiler::Program;
use matcher::Matcher;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: Box<str>,
    program: Program,
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Where, in bytes from the beginning of the pattern.
    pub offset: usize,
    /// What is wrong there: lower case, without a full stop.
    pub reason: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at offset {}", self.reason, self.offset)
    }
}

impl std::error::Error for PatternError {}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchError {
    /// The text makes the pattern try more than is allowed.
    TooManySteps,
    /// The replacement is not one: what is wrong with it, in lower case and without a full stop.
    Replacement(String),
}

impl fmt::Display for MatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooManySteps => "the regular expression takes too many steps on this text",
            Self::Replacement(reason) => reason,
        })
    }
}

impl std::error::Error for MatchError {}

/// A match: what of the text each group has matched, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups(Vec<Option<Range<usize>>>);

impl Groups {
    /// What the whole pattern has matched.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.get(0).unwrap_or_default()
    }

    /// What a group has matched; 0 is the whole pattern. `None` when it has matched nothing, or
    /// there is no such group.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        self.0.get(group).cloned().flatten()
    }

    /// How many groups there are, with the whole pattern's.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "group 0 is always there")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Pattern {
    /// Compiles a pattern, as Java's `Pattern.compile` does.
    ///
    /// # Errors
    ///
    /// What Java refuses, what is not supported here, a pattern longer than 64 KiB, and more than
    /// 100 groups or classes in one another.
    pub fn compile(pattern: &str) -> Result<Self, PatternError> {
        Self::compile_as(pattern, parser::Dialect::Java)
    }

    /// Compiles a pattern of ECMA 262, as JSON Schema has them in `pattern` and
    /// `patternProperties`: what browsers accept without the flag `u`, over characters instead of
    /// UTF-16 units.
    ///
    /// # Errors
    ///
    /// As [`Pattern::compile`].
    pub fn compile_ecma_script(pattern: &str) -> Result<Self, PatternError> {
        Self::compile_as(pattern, parser::Dialect::EcmaScript)
    }

    fn compile_as(pattern: &str, dialect: parser::Dialect) -> Result<Self, PatternError> {
        let (node, groups) = parser::parse(pattern, dialect)?;
        Ok(Self {
            source: pattern.into(),
            program: compiler::compile(&node, groups, dialect),
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// How many groups the pattern has beside the whole, 0.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.program.groups.len()
    }

    /// The number of a named group.
    #[must_use]
    pub fn group_of(&self, name: &str) -> Option<usize> {
        self.program.group_of(name)
    }

    /// Whether the whole text matches (`Matcher.matches`).
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`].
    pub fn is_full_match(&self, text: &str) -> Result<bool, MatchError> {
        Matcher::new(&self.program, text)?.match_all()
    }

    /// Whether some part of the text matches (`Matcher.find`).
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`].
    pub fn is_match(&self, text: &str) -> Result<bool, MatchError> {
        Matcher::new(&self.program, text)?.find(0)
    }

    /// The first part of the text that matches, in bytes.
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`].
    pub fn find(&self, text: &str) -> Result<Option<Range<usize>>, MatchError> {
        let mut matcher = Matcher::new(&self.program, text)?;
        Ok(matcher.find(0)?.then(|| matcher.range()))
    }

    /// The first part at or after an offset that matches, with its groups (`Matcher.find(int)`).
    /// An offset inside of a character is taken for the next one; beyond the text nothing matches.
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`].
    pub fn find_from(&self, text: &str, offset: usize) -> Result<Option<Groups>, MatchError> {
        let mut matcher = Matcher::new(&self.program, text)?;
        Ok(matcher.find(offset)?.then(|| matcher.groups()))
    }

    /// All matches from left to right, which do not overlap. After an error there are no more.
    #[must_use]
    pub fn find_all<'a>(&'a self, text: &'a str) -> Matches<'a> {
        Matches(Some(Matcher::new(&self.program, text)))
    }
}

/// The matches of a pattern in a text.
#[derive(Debug)]
pub struct Matches<'a>(Option<Result<Matcher<'a>, MatchError>>);

impl Iterator for Matches<'_> {
    type Item = Result<Groups, MatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = match self.0.as_mut()? {
            Ok(matcher) => match matcher.find_next() {
                Ok(true) => return Some(Ok(matcher.groups())),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error.clone())),
        };
        self.0 = None;
        error
    }
}
