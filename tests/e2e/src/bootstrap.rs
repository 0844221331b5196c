//! Envoy configurations for tests, as small as they can be.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

/// The name of the listener.
pub const LISTENER: &str = "ingress";

/// The largest body that is held: AWS's limit for a payload.
const BUFFER_LIMIT: usize = 10 * 1024 * 1024;

/// One listener on a free port, its filters, its clusters.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    filters: Vec<Value>,
    clusters: Vec<Value>,
    access_log: Vec<Value>,
    idle_timeout: &'static str,
    transport: Option<Value>,
}

impl Bootstrap {
    /// A plain proxy in front of one back end, the cluster `backend`.
    #[must_use]
    pub fn proxying(backend: SocketAddr) -> Self {
        Self {
            filters: Vec::new(),
            clusters: vec![cluster("backend", backend)],
            access_log: Vec::new(),
            idle_timeout: "300s",
            transport: None,
        }
    }

    /// One more cluster.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push(cluster(name, address));
        self
    }

    /// One more filter in front of the router.
    #[must_use]
    pub fn wasm(mut self, module: &Path, configuration: &str) -> Self {
        self.filters.push(Self::filter(module, configuration));
        self
    }

    /// A filter of a module.
    #[must_use]
    pub fn filter(module: &Path, configuration: &str) -> Value {
        json!({
            "name": "attache",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "attache",
                    "failure_policy": "FAIL_RELOAD",
                    "allow_on_headers_stop_iteration": true,
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": configuration,
                    },
                    "vm_config": {
                        "vm_id": "attache",
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": module}},
                        "environment_variables": {"host_env_keys": ["PATH"]},
                    },
                },
            },
        })
    }

    /// A JSON access log in this file.
    #[must_use]
    pub fn access_log(mut self, file: &Path, format: &Value) -> Self {
        self.access_log.push(json!({
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": file,
                "log_format": {"json_format": format},
            },
        }));
        self
    }

    /// Closes connections on which nothing happens for half a second, for tests that leave
    /// requests unfinished.
    #[must_use]
    pub const fn impatient(mut self) -> Self {
        self.idle_timeout = "0.5s";
        self
    }

    /// TLS with this certificate and key; a client may show a certificate of this authority. All
    /// are PEM.
    #[must_use]
    pub fn mutual_tls(mut self, certificate: &str, key: &str, authority: &str) -> Self {
        self.transport = Some(json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": {"inline_string": certificate},
                        "private_key": {"inline_string": key},
                    }],
                    "validation_context": {"trusted_ca": {"inline_string": authority}},
                },
            },
        }));
        self
    }

    /// The whole configuration.
    #[must_use]
    pub fn build(mut self) -> Value {
        self.filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            },
        }));
        let mut bootstrap = json!({
            "admin": {"address": address("127.0.0.1", 0)},
            "static_resources": {
                "listeners": [{
                    "name": LISTENER,
                    "stat_prefix": LISTENER,
                    "address": address("127.0.0.1", 0),
                    "per_connection_buffer_limit_bytes": BUFFER_LIMIT,
                    "filter_chains": [{"filters": [{
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                            "stat_prefix": LISTENER,
                            "http_protocol_options": {"enable_trailers": true},
                            "stream_idle_timeout": self.idle_timeout,
                            "request_timeout": self.idle_timeout,
                            "common_http_protocol_options": {"idle_timeout": self.idle_timeout},
                            "access_log": self.access_log,
                            "forward_client_cert_details": "SANITIZE_SET",
                            "set_current_client_cert_details": {"cert": true, "subject": true},
                            "http_filters": self.filters,
                            "route_config": {"virtual_hosts": [{
                                "name": "all",
                                "domains": ["*"],
                                "routes": [{
                                    "match": {"prefix": "/"},
                                    "route": {"cluster": "backend"},
                                }],
                            }]},
                        },
                    }]}],
                }],
                "clusters": self.clusters,
            },
        });
        if let Some(transport) = self.transport {
            bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] =
                transport;
        }
        bootstrap
    }
}

fn cluster(name: &str, backend: SocketAddr) -> Value {
    json!({
        "name": name,
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": BUFFER_LIMIT,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
            },
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{
                "endpoint": {"address": address(&backend.ip().to_string(), backend.port())},
            }]}],
        },
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}
