//! The `attache` command line: API definitions in, Envoy configuration out.

pub mod api_key_file;
pub mod api_key_value;
pub mod cache;
pub mod check;
pub mod command_line;
pub mod compile;
pub mod configuration;
pub mod diagnostic;
pub mod document;
pub mod embedded_filters;
pub mod envoy_target;
pub mod export;
pub mod import;
pub mod keys;
mod memory_proxy;
pub mod openapi;
pub mod project;
pub mod run;
pub mod running;
pub mod schema;
pub mod secrets_key;
pub mod template;
pub mod terminal;
pub mod test_authorizer;
pub mod test_invoke;
pub mod tree;
