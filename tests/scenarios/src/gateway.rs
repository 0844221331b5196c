//! The gateway as a subject: its configuration is what users write.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use attache::diagnostic::{self, Report};
use attache::envoy_target::{self, AccessLog, CLUSTER_HEADER, Settings, Transport};
use attache::project;
use attache::secrets_key::SecretsKey;
use attache_model::TlsOptions;
use attache_policies::sealed_secret::VARIABLE;
use attache_policies::{Gateway, Scheme, Service, Upstream};

use crate::subject::Subject;

/// `attache.yaml` and what it names, compiled and served as by the command line.
pub struct GatewaySubject;

/// The key that secrets are sealed with: 32 bytes in base64, which only tests have.
const SECRETS_KEY: &str = "c2NlbmFyaW9zLWhhdmUtc2VjcmV0cy1vZi10aGVpci4=";

fn environment(name: &str) -> Option<String> {
    (name == VARIABLE).then(|| SECRETS_KEY.to_owned())
}

impl GatewaySubject {
    fn load(folder: &Path) -> Result<attache_model::Gateway, String> {
        let mut report = Report::new();
        project::load_with(
            folder,
            SecretsKey::from_environment(&environment),
            &mut report,
        )
        .map(|project| project.gateway)
        .ok_or_else(|| diagnostic::human(&report))
    }
}

impl Subject for GatewaySubject {
    type Service = Gateway;

    const CLUSTER_HEADER: &'static str = CLUSTER_HEADER;

    /// Through the document's JSON, as the filter gets it.
    fn service(&self, folder: &Path) -> Result<Arc<Gateway>, String> {
        let document = Self::load(folder)?;
        let json = serde_json::to_vec(&document).map_err(|error| error.to_string())?;
        <Gateway as Service>::compile(&json, &environment)
            .map(Arc::new)
            .map_err(|faults| faults.join("\n"))
    }

    fn bootstrap(
        &self,
        folder: &Path,
        _: &BTreeMap<String, SocketAddr>,
    ) -> Result<(String, String), String> {
        let document = Self::load(folder)?;
        let gateway = Gateway::compile(&document, &environment).map_err(|faults| {
            faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?;
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings {
            listen: any_port,
            tls_port: 0,
            admin: any_port,
            filter: attache_e2e::module("gateway"),
            access_log: AccessLog::File(folder.join("access.log")),
            certificate_authorities: envoy_target::system_certificate_authorities(),
        };
        let bootstrap = envoy_target::static_configuration(
            &document,
            &gateway.upstreams(),
            &Transport::default(),
            &settings,
        )
        .map_err(|error| error.to_string())?;
        Ok((bootstrap, "gateway".to_owned()))
    }

    fn environment(&self) -> &[(&str, &str)] {
        &[(VARIABLE, SECRETS_KEY)]
    }

    fn cluster(&self, _: &str, address: SocketAddr) -> String {
        Upstream {
            scheme: Scheme::Http,
            host: address.ip().to_string(),
            port: address.port(),
            tls: TlsOptions::default(),
            client_certificate_id: None,
            signing: None,
        }
        .cluster()
    }
}
