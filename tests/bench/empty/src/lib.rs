//! A filter that does nothing, written as the SDK's own examples are: what a wasm filter costs
//! before it does anything.

#![cfg(target_arch = "wasm32")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }
}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {}

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
        proxy_wasm::set_root_context(|_| Box::new(Root));
    }
};
