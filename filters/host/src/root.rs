//! A plugin: its configuration, compiled once, and a stream for each request.

use std::rc::Rc;

use attache_policies::Service;
use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use crate::hostcalls::{self, Buffer};
use crate::plugin::Plugin;
use crate::stream::HttpStream;

/// Registers the service with the SDK; called once when the module is loaded.
pub fn start<S: Service>() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context| {
        Box::new(Root::<S> {
            context,
            plugin: None,
        })
    });
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

struct Root<S: Service> {
    context: u32,
    plugin: Option<Rc<Plugin<S>>>,
}

/// The SDK drops it when the proxy deletes the root context, which is after all of its streams.
impl<S: Service> Drop for Root<S> {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.end();
        }
    }
}

impl<S: Service> Context for Root<S> {
    fn on_http_call_response(
        &mut self,
        token: u32,
        num_headers: usize,
        body_size: usize,
        _num_trailers: usize,
    ) {
        if let Some(plugin) = &self.plugin {
            plugin.answered(token, num_headers, body_size);
        }
    }
}

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
                let plugin = Plugin::new(self.context, service);
                plugin.start();
                self.plugin = Some(Rc::new(plugin));
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

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.tick();
        }
    }

    /// No queue is ever registered: it is a stream that calls, see [`hostcalls::turn_to`].
    fn on_queue_ready(&mut self, _queue: u32) {
        if let Some(plugin) = &self.plugin {
            plugin.make_outgoing_call();
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        // Never `None`: the SDK panics on it. Without a plugin the stream refuses by itself.
        Some(Box::new(HttpStream::new(context, self.plugin.clone())))
    }
}
