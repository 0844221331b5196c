//! What tests in a real Envoy are made of.
//!
//! - [`Envoy`]: the process, with its configuration, admin interface, logs, and its end.
//! - [`Backend`]: an HTTP/1.1 server that keeps the exact bytes that it saw and does what a script
//!   says, also what no server should do; [`Refusing`]: an address where nobody listens.
//! - [`Attache`]: the command line's process; [`Project`]: a folder for it to serve.
//! - [`Service`]: servers that are not ours, an OpenID issuer, Cognito, Lambda; [`Signer`]:
//!   botocore, which signs requests as AWS's clients do. `make setup-clients` gets them.
//! - [`Redis`], [`Webdis`]: those of Debian, which a test may kill, freeze and fill; [`Upstash`]: the
//!   other way to reach a Redis; [`Fleet`]: gateways that share one; [`Relay`]: a network between two of them that a test may cut.
//!   `make setup-redis` gets the programs.
//! - [`Raw`]: a connection for bytes that no HTTP client would send; [`Client`]: an ordinary
//!   HTTP/1.1 or HTTP/2 client.
//! - [`Gate`]: holds an answer back until a test lets it go, so that no test depends on time.
//! - [`load`]: many connections at once, and what a throttle may admit.
//!
//! Everything listens on loopback only, on ports that the system picks, and ends when it is
//! dropped. Nothing sleeps to wait for something: [`until`] polls with a deadline.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test library says what went wrong by panicking"
)]

mod attache;
mod backend;
pub mod bootstrap;
mod client;
pub mod corpora;
mod envoy;
mod fleet;
mod gate;
pub mod load;
mod project;
mod raw;
mod redis;
mod relay;
mod service;
mod signing;
mod tls;
mod tool;
mod upstash;
mod wait;
mod wasm;
mod webdis;

pub use attache::{Attache, attache_program, is_running};
pub use backend::{Backend, Reaction, Refusing, Seen};
pub use client::{Body, Client, Request, Response};
pub use envoy::Envoy;
pub use fleet::Fleet;
pub use gate::Gate;
pub use project::{Operation, Project, definition, definition_with};
pub use raw::{Raw, RawResponse};
pub use redis::{Redis, redis_folder};
pub use relay::Relay;
pub use service::{Service, client_source, run_client};
pub use signing::{Signer, sign_all};
pub use tls::{CertificateAuthority, TlsBackend};
pub use tool::{installed, tool};
pub use upstash::Upstash;
pub use wait::{DEADLINE, until};
pub use wasm::module;
pub use webdis::Webdis;
