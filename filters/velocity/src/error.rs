//! Why a template cannot be compiled or rendered.

use std::fmt;

/// Why a text is no template, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong: lower case, without a full stop.
    pub message: Box<str>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
        } = self;
        write!(formatter, "line {line}, column {column}: {message}")
    }
}

impl std::error::Error for ParseError {}

/// Why a template ended before its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenderError {
    /// The line of the template, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What kind of fault it is.
    pub kind: RenderErrorKind,
    /// What happened: lower case, without a full stop. It can hold names from the template, never
    /// values.
    pub message: Box<str>,
}

/// What kind of fault ended a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RenderErrorKind {
    /// A method refused its arguments, as a Java method does with an exception.
    Method,
    /// One of the [`Limits`](crate::Limits) was reached.
    Limit,
}

impl fmt::Display for RenderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
            ..
        } = self;
        write!(formatter, "line {line}, column {column}: {message}")
    }
}

impl std::error::Error for RenderError {}

/// A fault at a place in the text, before the place is a line and a column.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) message: Box<str>,
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<Box<str>>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}
