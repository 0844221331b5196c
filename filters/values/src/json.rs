//! JSON, as API Gateway reads and writes it: with the library json-smart 2.2.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Document, JsonError, JsonFault, ReadOptions, read};
pub use write::Style;
pub(crate) use write::write;
