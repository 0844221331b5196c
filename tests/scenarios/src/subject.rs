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
    /// `callouts` are the addresses of the clusters that the service calls by itself.
    ///
    /// # Errors
    ///
    /// Why the configuration is refused.
    fn bootstrap(
        &self,
        folder: &Path,
        callouts: &[(String, std::net::SocketAddr)],
    ) -> Result<(String, String), String>;

    /// The name under which the service knows an upstream at this address.
    fn cluster(&self, address: std::net::SocketAddr) -> String;
}
