use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use attache_policies::Service;

/// What scenarios test: how a folder of configuration becomes something that serves.
pub trait Subject {
    /// What serves in memory.
    type Service: Service;

    /// The request header in which the service names the cluster of its upstream. A proxy takes
    /// it off again, so no upstream sees it.
    const CLUSTER_HEADER: &'static str;

    /// The service of this configuration.
    ///
    /// # Errors
    ///
    /// Why the configuration is refused.
    fn service(&self, folder: &Path) -> Result<Arc<Self::Service>, String>;

    /// The bootstrap of an Envoy of this configuration, as YAML or JSON, with the name of its
    /// listener. It listens, its admin interface too, on port 0 of the loopback address.
    ///
    /// `services` are the addresses of the upstreams and of what the service calls by itself, by
    /// their names in the scenario; a configuration need not name them all.
    ///
    /// # Errors
    ///
    /// Why the configuration is refused.
    fn bootstrap(
        &self,
        folder: &Path,
        services: &BTreeMap<String, SocketAddr>,
    ) -> Result<(String, String), String>;

    /// What that Envoy needs in its environment.
    fn environment(&self) -> &[(&str, &str)] {
        &[]
    }

    /// The name of the cluster under which the service knows an upstream, or something that it
    /// calls, of this name and at this address.
    fn cluster(&self, name: &str, address: SocketAddr) -> String;
}
