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

mod configuration;
mod format;
pub mod gateway;
pub mod in_envoy;
pub mod memory;
mod play;
mod script;
mod subject;

#[cfg(test)]
mod tests;

pub use format::{
    Advance, Configuration, Exchange, Expected, Only, Request, Rule, Scenario, Sees, Upstream,
    UpstreamExpected,
};
pub use play::{Observed, Seen, World, play};
pub use subject::Subject;
