//! Filters that do one thing only, for chains that somebody else has put together.
//!
//! They hand each other what they know through the proxy's filter state, which no client can
//! reach, and never through a header.

pub mod api_key;
pub mod authorizer;
mod configuration;
mod identity;
pub mod response_cache;
pub mod transform;
pub mod usage_plan;
