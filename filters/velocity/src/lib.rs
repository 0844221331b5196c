#![doc = include_str!("../README.md")]

mod arithmetic;
mod comparison;
mod context;
mod error;
mod lexer;
mod limits;
mod methods;
mod parser;
mod render;
mod syntax;
mod template;
mod token;

pub use context::Context;
pub use error::{ParseError, RenderError, RenderErrorKind};
pub use limits::Limits;
pub use template::{Dialect, Template};

#[cfg(test)]
mod tests;
