//! The cache of `mode: http`: what RFC 9111 asks of a shared cache.
//!
//! A response is kept under its URI, and when it depends on fields of the request, under their
//! values too. What is fresh answers; what is stale is asked about, with its validators. A response
//! may say that it answers a while longer, while it is fetched anew or when the origin fails.
//! Requests with unsafe methods make the responses of their URI unusable.
//!
//! Where RFC 9111 leaves a choice, the careful one is made: what sets a cookie is not kept, nor a
//! part of a response, nor one that ends with its connection; a number that is none makes a response
//! stale; a request with a body is never answered from here.

mod cache;
mod cache_control;
mod conditional;
mod date;
mod freshness;
mod invalidation;
mod metrics;
mod place;
mod range;
mod refresh;
mod stored;
mod storing;
mod structured;
mod vary;

pub use cache::{HttpCache, Rules};
pub use metrics::Metrics;
