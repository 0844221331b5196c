//! The gateway as a set of containers: Envoy, what watches it, and what it shares with others.
//!
//! What watches it is the same for every gateway, and stands in `envoy/compose` as it is copied.

use std::collections::BTreeSet;

use attache_policies::sealed_secret::VARIABLE as SECRETS_KEY;
use minijinja::context;

use crate::envoy_target::{TargetError, template};
use crate::project::Project;

/// The version of Envoy that the tests use.
const ENVOY_VERSION: &str = include_str!("../../VERSION");

/// The folder of the gateway's files inside of its container.
pub(crate) const FOLDER: &str = "/etc/attache/";

/// The port on which the gateway's container shows its statistics to the others.
pub(crate) const STATISTICS_PORT: u16 = 9902;

/// The files that are the same for every gateway, by their paths in the folder.
pub(crate) const WATCHING: [(&str, &str); 6] = [
    (
        "prometheus/prometheus.yml",
        include_str!("../../compose/prometheus/prometheus.yml"),
    ),
    (
        "prometheus/alerts.yml",
        include_str!("../../compose/prometheus/alerts.yml"),
    ),
    (
        "grafana/provisioning/datasources/prometheus.yaml",
        include_str!("../../compose/grafana/provisioning/datasources/prometheus.yaml"),
    ),
    (
        "grafana/provisioning/dashboards/attache.yaml",
        include_str!("../../compose/grafana/provisioning/dashboards/attache.yaml"),
    ),
    (
        "grafana/dashboards/operator.json",
        include_str!("../../compose/grafana/dashboards/operator.json"),
    ),
    (
        "grafana/dashboards/api-owner.json",
        include_str!("../../compose/grafana/dashboards/api-owner.json"),
    ),
];

/// What Webdis reads, where limits are shared through it: it lets gateways do what they do, which
/// is to run scripts and to ask whether anybody is there.
pub(crate) const WEBDIS: (&str, &str) = ("webdis.json", include_str!("../../compose/webdis.json"));

/// The service that speaks HTTP for Redis, and the port that it listens on.
const WEBDIS_AUTHORITY: &str = "webdis:7379";

/// Whether a gateway shares its limits through the Webdis of the containers.
#[must_use]
pub(crate) fn shares(project: &Project) -> bool {
    let state = project.gateway.state.as_ref();
    let url = state.and_then(|state| state.redis.url.strip_prefix("http://"));
    url.is_some_and(|rest| rest.split('/').next() == Some(WEBDIS_AUTHORITY))
}

/// What `compose.yaml` depends on.
pub(crate) struct Containers<'a> {
    /// The address of this machine that clients connect to.
    pub(crate) address: String,
    /// The port that clients connect to, outside and inside of the container.
    pub(crate) port: u16,
    /// The port that clients use TLS at, where any does.
    pub(crate) tls_port: Option<u16>,
    /// The modules that lie beside the file.
    pub(crate) files: &'a [&'static str],
    /// The folders of certificates, which are in the container where they are outside.
    pub(crate) certificate_folders: &'a BTreeSet<&'a str>,
    /// Whether the gateway does nothing without the secrets key.
    pub(crate) needs_secrets_key: bool,
    /// Whether the gateway shares its limits through the Redis beside it.
    pub(crate) shares: bool,
    /// Whether the gateway signs calls to AWS's services.
    pub(crate) signs: bool,
}

/// `compose.yaml`.
///
/// # Errors
///
/// [`TargetError`].
pub(crate) fn compose(containers: &Containers<'_>) -> Result<String, TargetError> {
    let host = match containers.address.contains(':') {
        true => format!("[{}]", containers.address),
        false => containers.address.clone(),
    };
    let port = containers.port;
    Ok(template::render(
        "compose.yaml",
        &context! {
            envoy_version => ENVOY_VERSION.trim(),
            published => format!("{host}:{port}:{port}"),
            tls_port => containers.tls_port,
            tls_published => containers.tls_port.map(|port| format!("{host}:{port}:{port}")),
            address => host,
            port,
            files => containers.files.to_vec(),
            certificate_folders => containers
                .certificate_folders
                .iter()
                .map(|folder| format!("{folder}:{folder}:ro"))
                .collect::<Vec<_>>(),
            statistics_port => STATISTICS_PORT,
            secrets_key => containers.needs_secrets_key.then_some(SECRETS_KEY),
            secrets_key_reference => format!("${{{SECRETS_KEY}:?is missing}}"),
            shares => containers.shares,
            signing => containers.signs,
        },
    )?)
}
