//! The response cache in a real Envoy with two workers: what is answered from it, what is never
//! kept, what a client cannot do to another one's answers, and what it costs at most.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

mod access;
mod coalescing;
mod faults;
mod flush;
mod hits;
mod keys;
mod load;
mod reload;
mod served;
mod soak;
mod streaming;
