//! Scenarios: what the client and the upstream see of some exchanges under some configuration.
//!
//! A [`Scenario`] is one file. It is [`play`]ed in a [`World`]: in [memory](memory::Memory), where
//! the clock is moved by hand, or in a [real Envoy](in_envoy::InEnvoy). What is tested is a
//! [`Subject`], which knows how a folder of configuration becomes a service.
//!
//! `README.md` beside the files describes their format.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test library says what went wrong by panicking"
)]

mod check;
mod configuration;
mod format;
pub mod gateway;
pub mod in_envoy;
pub mod memory;
mod pattern;
mod placeholder;
mod play;
mod script;
mod signature;
mod subject;
mod token;

#[cfg(test)]
mod tests;

pub use format::{
    Advance, Algorithm, CalloutExpected, Configuration, Exchange, Expected, Key, Only, Presigned,
    Request, Rule, Scenario, Sees, Signature, Signed, Token, Upstream, UpstreamExpected, Values,
};
pub use placeholder::Placeholders;
pub use play::{Observed, Seen, Sent, World, play};
pub use subject::Subject;
