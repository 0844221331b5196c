//! Custom domain names, and what Envoy has to know of connections.

use std::collections::{BTreeMap, BTreeSet};

use attache_model::{Api, ApiMapping, Domain};

use super::usage_plan::advice;
use super::{Lowering, Pointer};
use crate::configuration::{self, Configuration, EndpointConfiguration, EndpointType};
use crate::envoy_target::{TlsDomain, Transport, WebSocketLimits};

/// What AWS's first interface calls the mapping without a base path.
pub(crate) const NO_BASE_PATH: &str = "(none)";

impl Lowering<'_> {
    /// The custom domain names, and what becomes of connections to them and to back ends.
    pub(super) fn domains(
        &mut self,
        configuration: &Configuration,
        apis: &[Api],
    ) -> (Vec<Domain>, Transport) {
        let mut transport = Transport {
            num_trusted_hops: configuration.num_trusted_hops,
            web_sockets: WebSocketLimits {
                idle_timeout: configuration.web_sockets.idle_timeout_in_seconds,
                connection_duration: configuration.web_sockets.connection_duration_in_seconds,
            },
            ..Transport::default()
        };
        let mut domains = Vec::new();
        for (name, domain) in &configuration.domains {
            let pointer = Pointer::root().key("domains").key(name);
            let model = format!("/domains/{}", domains.len());
            self.remember_name(&model, &pointer);
            let lower = self.domain_name(name, &pointer, configuration);
            let mappings = self.mappings(name, domain, &pointer, &model);
            self.check_endpoint(
                domain.endpoint_configuration.as_ref(),
                configuration.num_trusted_hops,
                &pointer,
            );
            let tls = self.tls_domain(&lower, domain, &pointer);
            let has_certificate = domain.certificate.is_some();
            transport.domains.extend(tls);
            domains.push(Domain {
                name: lower,
                tls: has_certificate,
                mappings,
            });
        }
        self.client_certificates(configuration, &mut transport);
        self.check_closed_apis(apis, configuration);
        (domains, transport)
    }

    /// The name in lower case. One that cannot be a host name is refused.
    fn domain_name(
        &mut self,
        name: &str,
        pointer: &Pointer,
        configuration: &Configuration,
    ) -> String {
        let lower = name.to_ascii_lowercase();
        let host = lower.strip_prefix("*.").unwrap_or(&lower);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        };
        let is_name = host.len() <= 253 && host.contains('.') && host.split('.').all(is_label);
        if !is_name {
            self.refuse_name(
                "domain-name",
                pointer,
                format!("`{name}` cannot be a domain name"),
                "write a whole host name without a scheme and a port, such as `api.example.com`, or \
                 `*.example.com` for all of them",
            );
        } else if name != lower && configuration.domains.contains_key(&lower) {
            self.refuse_name(
                "domain-name",
                pointer,
                format!("`{name}` and `{lower}` are one domain name"),
                "keep one of them",
            );
        }
        lower
    }

    fn mappings(
        &mut self,
        name: &str,
        domain: &configuration::Domain,
        pointer: &Pointer,
        model: &str,
    ) -> Vec<ApiMapping> {
        let pointer = pointer.key("mappings");
        if domain.mappings.is_empty() && !self.is_partial {
            self.warn(
                "domain-without-mapping",
                &Pointer::root().key("domains").key(name),
                format!("nothing is found under `{name}`"),
                "say which stages its base paths lead to: `mappings: {v1: {api: …, stage: …}}`",
            );
        }
        let mut mappings = Vec::new();
        let mut paths = BTreeSet::new();
        for (base_path, mapping) in &domain.mappings {
            let pointer = pointer.key(base_path);
            let model = format!("{model}/mappings/{}", mappings.len());
            self.remember_name(&model, &pointer);
            let path = match base_path.as_str() {
                NO_BASE_PATH => "",
                path => path,
            };
            let trimmed = path.trim_matches('/');
            if path != trimmed {
                let meant = if trimmed.is_empty() {
                    NO_BASE_PATH
                } else {
                    trimmed
                };
                self.refuse_name(
                    "base-path",
                    &pointer,
                    format!("the base path `{base_path}` begins or ends with a slash"),
                    format!("write `{meant}`"),
                );
            }
            if !paths.insert(trimmed) {
                self.refuse_name(
                    "base-path",
                    &pointer,
                    format!("`{name}` has a second mapping without a base path"),
                    format!("keep one of `{NO_BASE_PATH}` and the empty name"),
                );
            }
            self.named_stage("the mapping", &mapping.api, &mapping.stage, &pointer);
            mappings.push(ApiMapping {
                path: trimmed.to_owned(),
                api: mapping.api.clone(),
                stage: mapping.stage.clone(),
            });
        }
        mappings
    }

    /// What Envoy needs for a domain that is served under TLS; `None` for another, and after a fault.
    fn tls_domain(
        &mut self,
        name: &str,
        domain: &configuration::Domain,
        pointer: &Pointer,
    ) -> Option<TlsDomain> {
        let mutual = domain.mutual_tls_authentication.as_ref();
        let Some(certificate) = &domain.certificate else {
            if mutual.is_some() && !self.is_partial {
                // Nobody would ask for the certificates that it wants.
                self.refuse_name(
                    "domain-without-certificate",
                    &pointer.key("mutualTlsAuthentication"),
                    format!("`{name}` has no certificate, so that no client can show its own"),
                    "give the domain a `certificate: {chain: …, key: …}`",
                );
            }
            if domain.security_policy.is_some() && !self.is_partial {
                self.warn(
                    "field-without-effect",
                    &pointer.key("securityPolicy"),
                    "`securityPolicy` has no effect: the domain has no certificate, and is not \
                     served under TLS",
                    "remove it, or give the domain a `certificate: {chain: …, key: …}`",
                );
            }
            return None;
        };
        let files = self.certificate(certificate, Some(name), &pointer.key("certificate"));
        let truststore = mutual.map(|mutual| {
            let pointer = pointer.key("mutualTlsAuthentication").key("truststore");
            self.truststore(&mutual.truststore, &pointer)
        });
        Some(TlsDomain {
            name: name.to_owned(),
            certificate: files?,
            security_policy: domain.security_policy.unwrap_or_default(),
            truststore: match truststore {
                Some(found) => Some(found?),
                None => None,
            },
        })
    }

    /// The certificates for back ends. One that no stage names is warned about.
    fn client_certificates(&mut self, configuration: &Configuration, transport: &mut Transport) {
        let pointer = Pointer::root().key("clientCertificates");
        for (id, certificate) in &configuration.client_certificates {
            let pointer = pointer.key(id);
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
                self.refuse_name(
                    "client-certificate-id",
                    &pointer,
                    format!("`{id}` cannot be the id of a client certificate"),
                    "write letters, digits, `-` and `_`, 64 at most",
                );
            }
            if let Some(files) = self.certificate(certificate, None, &pointer) {
                transport.client_certificates.insert(id.clone(), files);
            }
            let mut stages = configuration.apis.values().flat_map(|api| &api.stages);
            let is_used = stages.any(|(_, stage)| stage.client_certificate_id.as_ref() == Some(id));
            if !is_used && !self.is_partial {
                self.warn(
                    "client-certificate-without-stage",
                    &pointer,
                    format!("no stage shows the client certificate `{id}` to its back ends"),
                    format!("name it in a stage: `clientCertificateId: {id}`"),
                );
            }
        }
    }

    /// The id of the certificate that a stage shows to its back ends.
    pub(super) fn client_certificate_id(
        &mut self,
        stage: &configuration::Stage,
        pointer: &Pointer,
    ) -> Option<String> {
        let id = stage.client_certificate_id.as_ref()?;
        let certificates = Pointer::root().key("clientCertificates");
        if !self.stands_in_file(&certificates.key(id)) {
            let ids = self.names_at(&certificates);
            self.refuse(
                "unknown-client-certificate",
                &pointer.key("clientCertificateId"),
                format!("the stage names the client certificate `{id}`, which is not there"),
                advice(id, &ids, "the client certificates are"),
            );
        }
        Some(id.clone())
    }

    /// An endpoint behind a CDN whose word about its callers is not taken sees the CDN in everybody.
    pub(super) fn check_endpoint(
        &mut self,
        endpoint: Option<&EndpointConfiguration>,
        num_trusted_hops: u32,
        pointer: &Pointer,
    ) {
        let is_edge = endpoint.is_some_and(|endpoint| endpoint.types.contains(&EndpointType::Edge));
        if is_edge && num_trusted_hops == 0 && !self.is_partial {
            self.warn(
                "edge-without-trusted-hops",
                &pointer.key("endpointConfiguration"),
                "clients of an edge-optimized endpoint come through a CDN, and nothing says that it \
                 is trusted to tell their addresses",
                "write `numTrustedHops: 1` at the top of the file if nobody can connect past the CDN",
            );
        }
    }

    /// An API that answers under custom domain names only needs one.
    fn check_closed_apis(&mut self, apis: &[Api], configuration: &Configuration) {
        let mapped: BTreeMap<&str, ()> = configuration
            .domains
            .values()
            .flat_map(|domain| domain.mappings.values())
            .map(|mapping| (mapping.api.as_str(), ()))
            .collect();
        for (index, api) in apis.iter().enumerate() {
            if !api.disable_execute_api_endpoint
                || mapped.contains_key(api.id.as_str())
                || self.is_partial
            {
                continue;
            }
            let model = format!("/apis/{index}/disableExecuteApiEndpoint");
            if let Some(place) = self.places.find(&model) {
                self.report.push(
                    crate::diagnostic::Diagnostic::warning(
                        "api-without-address",
                        place.file,
                        place.span,
                        place.pointer,
                        format!("`{}` has no address: its default one is switched off", api.id),
                    )
                    .hint(
                        "map a custom domain name to it: `domains: {api.example.com: {mappings: …}}`",
                    ),
                );
            }
        }
    }
}
