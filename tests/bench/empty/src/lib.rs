//! A filter that does nothing, written as the SDK's own examples are: what a wasm filter costs
//! before it does anything. With a number for its configuration it answers every request with so
//! many bytes: what an answer costs that a wasm filter has at hand.

#![cfg(target_arch = "wasm32")]

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

#[derive(Default)]
struct Root {
    answer: Rc<[u8]>,
}

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        let size = str::from_utf8(&configuration).map_or(0, |text| text.parse().unwrap_or(0));
        self.answer = vec![b'x'; size].into();
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            answer: Rc::clone(&self.answer),
        }))
    }
}

struct Stream {
    answer: Rc<[u8]>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _ended: bool) -> Action {
        if self.answer.is_empty() {
            return Action::Continue;
        }
        self.send_http_response(
            200,
            vec![("content-type", "text/plain")],
            Some(&self.answer),
        );
        Action::Pause
    }
}

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
        proxy_wasm::set_root_context(|_| Box::<Root>::default());
    }
};
