//! What the gateway decides.
//!
//! Everything here is pure: no proxy, no clock of its own, no I/O. A request is an [`Exchange`];
//! what the proxy answers at once comes through [`ports`].

mod api_facts;
pub mod api_key;
pub mod authorization;
mod binary_media_types;
pub mod client_certificate;
mod compile_error;
pub mod cors;
mod denial;
mod exchange;
pub mod execution_log;
pub mod filter;
mod fleet;
mod gateway;
pub mod gateway_response;
mod headers;
pub mod iam;
pub mod integration;
pub mod jwt;
pub mod lambda_authorizer;
mod lambda_event;
mod lambda_function;
pub mod lambda_proxy;
mod management_api;
pub mod mapping_template;
#[cfg(test)]
mod memory_ports;
pub mod metric_name;
mod observation;
pub mod pipeline;
pub mod ports;
pub mod rate_limit_headers;
mod redis;
pub mod request_id;
pub mod request_validation;
pub mod response_cache;
pub mod route;
pub mod sealed_secret;
mod shared_cache;
pub mod sigv4;
#[cfg(test)]
mod test_client;
#[cfg(test)]
mod turns;
pub mod usage_plan;
mod usage_route;
pub mod validation_expression;
mod web_socket;

pub use compile_error::CompileError;
pub use denial::Denial;
pub use exchange::{
    Answer, Callout, CalloutAnswer, ERRAND_INTERVAL_MILLIS, Edits, Errand, Event, Exchange, Hold,
    InFlight, MOST_WAITING, Pauses, Reply, ResponseHead, Service, Shared, Step, Stream,
    UpstreamFailure,
};
pub use fleet::table::{ListPage, ListPosition, Record, Stored, Table, TableChange, Written};
pub use gateway::Gateway;
pub use headers::{Field, HeaderEdit, Headers};
pub use integration::{Scheme, Upstream};
