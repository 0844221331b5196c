//! Foreign bytes for everything that reads them.
//!
//! A [`Target`] hands an input to one reader and panics when the reader breaks its promise: that
//! it neither panics nor runs on, and what else is said at each target. `corpus/` holds a folder
//! of inputs for each target. They run in every `cargo test`, and so do a fixed number of random
//! mutations of them; `make fuzz` looks for new ones, guided by coverage. An input that has
//! broken a promise is kept in the corpus once that is mended.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test library says that a promise is broken by panicking"
)]

pub mod corpus;
mod fixture;
mod head;
mod targets;

pub use targets::TARGETS;

/// A reader of foreign bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its folder in the corpus.
    pub name: &'static str,
    /// Reads one input.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    pub run: fn(&[u8]),
}

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.iter().copied().find(|target| target.name == name)
    }
}
