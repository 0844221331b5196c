//! The only crate that knows proxy-wasm.
//!
//! It turns each stream of callbacks into one [`attache_policies::Stream`], and keeps the rules
//! of the host in one place:
//!
//! - header values are bytes: the SDK's text getters panic on what a client may send;
//! - a hostcall that fails is an error value: the SDK's wrappers panic, and a panic ends every
//!   stream of the worker (`hostcalls`);
//! - while the pipeline waits for anything but the upstream, *every* callback holds the message,
//!   the body's too: one that let a body pass would release the request before it was authorised
//!   (`stream`);
//! - a call is the plugin's, not the stream's: one that several streams share outlives the stream
//!   that made it, and its answer wakes them a few at a time (`plugin`);
//! - a changed body goes out with its own length, or its surplus would be read as the next
//!   request on the connection;
//! - after a reply the stream is not touched again.
//!
//! A filter is one line: [`filter!`](crate::filter).

pub mod header_map;
pub mod upstream_failure;
pub mod verify_signature;

#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod hostcalls;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod plugin;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod ports;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod root;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod stream;

#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
pub use root::start;

/// Makes a crate into a filter: names the [`Service`](attache_policies::Service) that answers.
///
/// ```ignore
/// attache_host::filter!(attache_policies::Gateway);
/// ```
#[macro_export]
macro_rules! filter {
    ($service:ty) => {
        #[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
        #[expect(
            unsafe_code,
            reason = "the module's entry point has a fixed name, and runs the constructors first"
        )]
        const _: () = {
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: called once, by the host, before anything else of the module.
                unsafe { __wasm_call_ctors() };
                $crate::start::<$service>();
            }
        };
    };
}
