//! A plugin: its configuration, compiled once, and a stream for each request.

use std::rc::Rc;
use std::sync::Arc;

use attache_policies::Service;
use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use crate::hostcalls::{self, Buffer};
use crate::ports::HostPorts;
use crate::stream::HttpStream;

/// Registers the service with the SDK; called once when the module is loaded.
pub fn start<S: Service>() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::<S>::default()));
}

/// The one thing that a configuration may not hold: what the proxy's operator keeps from the
/// proxy's configuration dump.
#[expect(
    clippy::disallowed_methods,
    reason = "the policies ask for it through their port, at configure time only"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

struct Root<S> {
    service: Option<Arc<S>>,
    ports: Option<Rc<HostPorts>>,
}

// Derived, it would ask for a default of the service.
impl<S> Default for Root<S> {
    fn default() -> Self {
        Self {
            service: None,
            ports: None,
        }
    }
}

impl<S: Service> Context for Root<S> {}

impl<S: Service> RootContext for Root<S> {
    fn on_configure(&mut self, _size: usize) -> bool {
        if let Ok(level) = proxy_wasm::hostcalls::get_log_level() {
            proxy_wasm::set_log_level(level);
        }
        let Ok(configuration) = hostcalls::buffer(Buffer::PluginConfiguration) else {
            error!("the configuration cannot be read");
            return false;
        };
        match S::compile(&configuration, &environment) {
            Ok(service) => {
                self.service = Some(Arc::new(service));
                self.ports = Some(Rc::new(HostPorts::new()));
                true
            }
            Err(reasons) => {
                for reason in reasons {
                    error!("configuration refused: {reason}");
                }
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        // Never `None`: the SDK panics on it. Without a service the stream refuses by itself.
        Some(Box::new(HttpStream::new(
            self.service.clone(),
            self.ports.clone(),
        )))
    }
}
