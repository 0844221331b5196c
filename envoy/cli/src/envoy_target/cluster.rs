//! A back end as an Envoy cluster.

use std::net::IpAddr;
use std::path::Path;

use attache_policies::{Scheme, Upstream};
use minijinja::{Value, context};

use super::{TargetError, transport};

/// What the template of clusters wants to know. `authorities` is there when a certificate is to
/// be verified; `secrets` is where Envoy finds the certificates that it shows.
pub(super) fn context(
    upstream: &Upstream,
    authorities: Option<&str>,
    secrets: &Path,
) -> Result<Value, TargetError> {
    let client_certificate = match &upstream.client_certificate_id {
        Some(id) => Some(transport::client_certificate(id, secrets)?),
        None => None,
    };
    Ok(context! {
        name => upstream.cluster(),
        stat_name => upstream.cluster().replace('.', "_"),
        host => &upstream.host,
        port => upstream.port,
        authority => upstream.authority(),
        is_address => is_address(&upstream.host),
        signing => upstream.signing.as_ref().map(|signing| context! {
            service => &signing.service,
            region => &signing.region,
        }),
        tls => (upstream.scheme == Scheme::Https)
            .then(|| tls(upstream, authorities, client_certificate)),
    })
}

fn tls(upstream: &Upstream, authorities: Option<&str>, client_certificate: Option<Value>) -> Value {
    let verified_name = upstream
        .tls
        .server_name_to_verify
        .as_ref()
        .unwrap_or(&upstream.host);
    let by_address = is_address(verified_name);
    context! {
        // RFC 6066, section 3: an address is not a server name.
        sni => (!by_address).then_some(verified_name),
        insecure => upstream.tls.insecure_skip_verification,
        client_certificate,
        certificate_authorities => authorities,
        san_type => if by_address { "IP_ADDRESS" } else { "DNS" },
        verified_name,
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}
