//! Templates.

use std::fmt;

use crate::context::Context;
use crate::error::{ParseError, RenderError};
use crate::limits::Limits;
use crate::parser;
use crate::render;
use crate::syntax::Program;

/// What a reference without a value is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Dialect {
    /// The empty string wherever it stands, as in API Gateway's mapping templates: `$unknown`
    /// prints nothing, and `#if($unknown == "")` and `#if($unknown == $other)` hold.
    #[default]
    ApiGateway,
    /// Null, as in Apache Velocity 1.7 with its defaults: `$unknown` prints itself.
    Apache,
}

/// A compiled template. It can be shared between threads and rendered any number of times.
pub struct Template {
    program: Program,
    dialect: Dialect,
}

impl Template {
    /// Compiles a mapping template of API Gateway.
    ///
    /// # Errors
    ///
    /// The first place where the text is no template. So are `#parse`, `#include` and `#evaluate`:
    /// a mapping template has no files beside it, and what a client sends is not run.
    pub fn compile(text: &str) -> Result<Self, ParseError> {
        Self::with_dialect(text, Dialect::ApiGateway)
    }

    /// Compiles a template of that dialect.
    ///
    /// # Errors
    ///
    /// As [`compile`](Self::compile).
    pub fn with_dialect(text: &str, dialect: Dialect) -> Result<Self, ParseError> {
        let program = parser::parse(text)?;
        Ok(Self { program, dialect })
    }

    /// Renders the template.
    ///
    /// # Errors
    ///
    /// A method that refuses its arguments, or a limit that is reached.
    pub fn render(&self, context: &Context, limits: &Limits) -> Result<String, RenderError> {
        let mut out = String::new();
        self.render_into(context, limits, &mut out)?;
        Ok(out)
    }

    /// Renders the template behind what is in `out`. After an error `out` ends somewhere in it.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render).
    pub fn render_into(
        &self,
        context: &Context,
        limits: &Limits,
        out: &mut String,
    ) -> Result<(), RenderError> {
        render::render(&self.program, self.dialect, context, limits, out)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.program.body.len();
        write!(formatter, "Template({nodes} pieces)")
    }
}
