//! How an operation's back end is called, and what becomes of its answer.
//!
//! An integration is compiled once for each stage that it differs in, with the stage's variables
//! put in place. At request time it only writes down what changes: the request line and a few
//! header fields on the way in ([`HttpProxy::request_edits`]), a few header fields on the way
//! out ([`HttpProxy::response_edits`]).

mod compile;
pub(crate) mod context;
pub(crate) mod encoding;
mod http_proxy;
mod mapping;
mod request_headers;
mod response;
mod trace;
mod upstream;
pub(crate) mod uri;

pub use compile::Integrations;
pub use context::IntegrationRequest;
pub use http_proxy::{CLUSTER_HEADER, DEFAULT_TIMEOUT_MILLIS, HttpProxy, TIMEOUT_HEADER};
pub(crate) use request_headers::is_hidden;
pub use response::failure;
pub(crate) use response::{Fate, fate};
pub(crate) use trace::trace_id;
pub use upstream::{Scheme, Signing, Upstream};

#[cfg(test)]
mod tests;
