//! JSONPath, as API Gateway reads it: with the library Jayway JsonPath 2.0.
//!
//! Where that version gives an answer, the answer is the same. Where it fails on what later
//! versions read (`[-1]`, `["name"]`, `in`, `.length()`), this is read as there.

mod evaluate;
mod filter;
mod parse;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::Value;
use filter::Filter;

/// A path, compiled once and read many times.
#[derive(Debug)]
pub struct JsonPath {
    segments: Box<[Segment]>,
    definite: bool,
}

/// One part of a path.
#[derive(Debug)]
struct Segment {
    /// Behind `..`: wherever the step applies, at any depth.
    scan: bool,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// `.name`, `['name']`
    Property(Box<str>),
    /// `['a','b']`: a map of these two.
    Properties(Box<[Box<str>]>),
    /// `*`
    Wildcard,
    /// `[0]`, `[-1]`, `[0,2]`
    Items(Box<[i64]>),
    /// `[1:3]`, `[:2]`, `[-2:]`
    Slice(Option<i64>, Option<i64>),
    /// `[(@.length-1)]`
    FromEnd(u32),
    /// `.length()`
    Length,
    /// `[?(@.price < 10)]`
    Filter(Box<Filter>),
}

impl Step {
    /// Whether it leads to one value at most.
    fn is_definite(&self) -> bool {
        match self {
            Self::Property(_) | Self::Properties(_) | Self::FromEnd(_) | Self::Length => true,
            Self::Items(positions) => positions.len() == 1,
            Self::Wildcard | Self::Slice(..) | Self::Filter(_) => false,
        }
    }
}

/// Why a path does not compile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JsonPathError {
    /// The byte of the path at which it is wrong, from 0.
    pub offset: usize,
    /// Lower case, without a full stop.
    pub reason: &'static str,
}

impl fmt::Display for JsonPathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} at character {}",
            self.reason,
            self.offset + 1
        )
    }
}

impl std::error::Error for JsonPathError {}

/// A path that would look at more values than one request may: such as `$..*..*..*` does in a
/// large document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooMuchWork;

impl fmt::Display for TooMuchWork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the path looks at too many values")
    }
}

impl std::error::Error for TooMuchWork {}

impl JsonPath {
    /// Compiles a path. `$.a`, `@.a`, `a` and `['a']` are the same.
    ///
    /// # Errors
    ///
    /// Where and why it is no path.
    pub fn compile(path: &str) -> Result<Self, JsonPathError> {
        let segments = parse::path(path)?;
        let definite = segments
            .iter()
            .all(|segment| !segment.scan && segment.step.is_definite());
        Ok(Self { segments, definite })
    }

    /// Whether the path leads to one value at most, not to a list of all that it finds.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        self.definite
    }

    /// What the path selects: one value, or for a path that is not definite the list of all of
    /// them, which may be empty. None when there is no such value. Lists and maps are the
    /// document's own.
    ///
    /// # Errors
    ///
    /// The path looks at too many values.
    pub fn evaluate(&self, document: &Value) -> Result<Option<Value>, TooMuchWork> {
        evaluate::read(self, document)
    }

    /// As [`evaluate`](Self::evaluate), with None also for a path that looks at too many values.
    #[must_use]
    pub fn read(&self, document: &Value) -> Option<Value> {
        self.evaluate(document).ok().flatten()
    }
}
