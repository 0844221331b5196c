//! A proxy in memory, for tests only.
//!
//! [`Proxy`] stands for what all workers of a real proxy share: the clock (moved by hand), the
//! shared store, and one list in which everything that happens is [recorded](Recorded) in order.
//! [`Host`] drives a [`Service`](attache_policies::Service) through a
//! [`Stream`](attache_policies::Stream) as the real host does, against a scripted upstream and
//! scripted callouts, and says what the client and the upstream saw. [`Plugin`] drives many
//! requests at the same time, which share their calls and pause as they do on a real worker. Every run is held to the
//! [laws] of an exchange.
//!
//! # What is not imitated
//!
//! - HTTP framing. Messages are header lists and bytes; chunked coding, HTTP/2 frames, what
//!   stands in trailers, `HEAD` and connection re-use belong to the tests in a real Envoy.
//! - What Envoy adds by itself: `x-forwarded-for`, `x-request-id`, `server`, `date`, and the
//!   normalisation of paths.
//! - Buffer limits: a body of any size is held.
//! - Retries, time-outs of idle streams, and the router: an upstream is whatever the script says,
//!   for whatever cluster the pipeline chose.
//! - Parallelism inside one exchange. Workers are views of one store that take turns;
//!   [`Store faults`](StoreFaults) stand for the races that turns cannot show.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test library says that a law is broken by panicking"
)]

mod host;
pub mod laws;
mod message;
mod plugin;
mod ports;
mod record;
mod script;
mod session;
mod store;

#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod plugin_tests;
#[cfg(test)]
mod program;

pub use host::{Host, Outcome, Pace};
pub use message::{Message, apply, with_length};
pub use plugin::Plugin;
pub use ports::{ClientConnection, Proxy, RequestPorts, Worker};
pub use record::Recorded;
pub use script::{CalloutScript, Request, Script, UpstreamAnswer};
pub use session::Session;
pub use store::StoreFaults;
