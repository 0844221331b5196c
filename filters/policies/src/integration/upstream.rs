use attache_model::TlsOptions;

/// A back end as the proxy must know it: one cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upstream {
    /// Whether the connection is encrypted.
    pub scheme: Scheme,
    /// The host name or address, lower-case; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How an encrypted back end is verified.
    pub tls: TlsOptions,
    /// The id of the certificate that the proxy shows it.
    pub client_certificate_id: Option<String>,
    /// Whose requests the proxy signs, when it does.
    pub signing: Option<Signing>,
}

/// What the proxy's own AWS signatures are for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signing {
    /// The service as signatures name it, such as `dynamodb`.
    pub service: String,
    /// The region, such as `us-east-1`.
    pub region: String,
}

/// How a back end is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Upstream {
    /// The name of its cluster: the same for the filter, which sets it as the route's cluster
    /// header, and for the compiler, which writes the cluster.
    #[must_use]
    pub fn cluster(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let mut name = format!("{scheme}_{}_{}", self.host, self.port);
        if self.tls.insecure_skip_verification {
            name.push_str("_insecure");
        }
        if let Some(server_name) = &self.tls.server_name_to_verify {
            name.push('_');
            name.push_str(server_name);
        }
        if let Some(id) = &self.client_certificate_id {
            name.push_str("_certificate_");
            name.push_str(id);
        }
        if let Some(signing) = &self.signing {
            name.push_str("_signed_");
            name.push_str(&signing.service);
            name.push('_');
            name.push_str(&signing.region);
        }
        name
    }

    /// The `Host` that the back end is to see: without the port where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}
