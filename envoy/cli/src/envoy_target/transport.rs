//! TLS and connections: what Envoy does before and beside the filter.
//!
//! Certificates and keys stand in no configuration. Each is a resource of its own (Envoy's secret
//! discovery, by file), which names the user's PEM files; Envoy reads those, and reads them again
//! when a new file takes their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attache_model::Gateway;
use minijinja::{Value, context};

use super::{Resource, TargetError, resource, template, text};
use crate::configuration::SecurityPolicy;

/// The folder of [`SecretFile`]s beside Envoy's configuration.
pub const SECRETS_FOLDER: &str = "sds";

/// What lies between clients, Envoy and back ends beyond the gateway's document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// The custom domain names that are served under TLS.
    pub domains: Vec<TlsDomain>,
    /// The certificates that are shown to back ends, by the ids that stages name.
    pub client_certificates: BTreeMap<String, CertificateFiles>,
    /// How many proxies in front of Envoy are believed what they say of their caller.
    pub num_trusted_hops: u32,
    /// How long WebSocket connections may last.
    pub web_sockets: WebSocketLimits,
}

/// A custom domain name that is served under TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDomain {
    /// The name, such as `api.example.com` or `*.example.com`.
    pub name: String,
    /// Its certificate.
    pub certificate: CertificateFiles,
    /// Which versions of TLS and which ciphers clients may use.
    pub security_policy: SecurityPolicy,
    /// The authorities that clients' certificates must come from, a PEM file; `None` asks for none.
    pub truststore: Option<PathBuf>,
}

/// A certificate with its chain, and its key: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those between it and a root.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// How long WebSocket connections may last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Without a byte in either direction.
    pub idle_timeout: u32,
    /// In any case.
    pub connection_duration: u32,
}

impl Default for WebSocketLimits {
    /// AWS's quotas.
    fn default() -> Self {
        let quotas = crate::configuration::WebSockets::default();
        Self {
            idle_timeout: quotas.idle_timeout_in_seconds,
            connection_duration: quotas.connection_duration_in_seconds,
        }
    }
}

/// A file that tells Envoy of a certificate or a trust store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// Its name in the folder [`SECRETS_FOLDER`].
    pub name: String,
    /// What it holds.
    pub resource: Resource,
}

impl Transport {
    /// The files that Envoy's configuration names: one for each certificate and trust store.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn secret_files(&self) -> Result<Vec<SecretFile>, TargetError> {
        let mut files = Vec::new();
        for domain in &self.domains {
            files.push(certificate(
                &certificate_of(&domain.name),
                &domain.certificate,
            )?);
            if let Some(truststore) = &domain.truststore {
                let name = truststore_of(&domain.name);
                let values = context! {
                    name => &name,
                    truststore => text(truststore)?,
                    watched => text(folder(truststore))?,
                };
                files.push(secret(&name, &values)?);
            }
        }
        for (id, files_of) in &self.client_certificates {
            files.push(certificate(&client_certificate_of(id), files_of)?);
        }
        Ok(files)
    }

    /// The folders of [`files`](Self::files): what is in them may be replaced.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.files().map(folder)
    }

    /// The PEM files that [`secret_files`](Self::secret_files) name.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let of_domains = self.domains.iter().flat_map(|domain| {
            let CertificateFiles { chain, key } = &domain.certificate;
            [Some(chain), Some(key), domain.truststore.as_ref()]
        });
        let of_back_ends = self
            .client_certificates
            .values()
            .flat_map(|files| [Some(&files.chain), Some(&files.key)]);
        of_domains
            .chain(of_back_ends)
            .flatten()
            .map(PathBuf::as_path)
    }
}

/// Whether any method takes WebSocket handshakes. Where none does, Envoy answers requests to upgrade
/// a connection as if they had not asked.
pub(super) fn has_web_sockets(gateway: &Gateway) -> bool {
    let mut stages = gateway.apis.iter().flat_map(|api| &api.stages);
    stages.any(|stage| stage.methods.iter().any(|method| method.web_socket_enabled))
}

/// What the template of listeners wants to know. `folder` is where Envoy finds the secrets' files.
pub(super) fn context(
    transport: &Transport,
    folder: &Path,
    gateway: &Gateway,
) -> Result<Value, TargetError> {
    let domains = transport
        .domains
        .iter()
        .map(|domain| {
            let name = certificate_of(&domain.name);
            let truststore = match &domain.truststore {
                Some(_) => Some(source(&truststore_of(&domain.name), folder)?),
                None => None,
            };
            Ok(context! {
                name => &domain.name,
                certificate => source(&name, folder)?,
                truststore,
                tls => Parameters::of(domain.security_policy).context(),
            })
        })
        .collect::<Result<Vec<_>, TargetError>>()?;
    let limits = transport.web_sockets;
    Ok(context! {
        domains,
        num_trusted_hops => transport.num_trusted_hops,
        web_sockets => has_web_sockets(gateway).then(|| context! {
            idle_timeout => limits.idle_timeout,
            connection_duration => limits.connection_duration,
        }),
        ignored_upgrades => if has_web_sockets(gateway) {
            every_word_but("websocket")
        } else {
            ".*".to_owned()
        },
    })
}

/// The certificate that is shown to a back end, for the template of clusters.
pub(super) fn client_certificate(id: &str, folder: &Path) -> Result<Value, TargetError> {
    source(&client_certificate_of(id), folder)
}

/// What a security policy means for Envoy. The ciphers of TLS 1.3 are always all three, as on AWS.
struct Parameters {
    minimum: &'static str,
    /// Of TLS 1.2 and earlier; Envoy's own where there are none: those with forward secrecy that
    /// authenticate what they encrypt.
    ciphers: &'static [&'static str],
    /// Envoy's own where there are none.
    curves: &'static [&'static str],
    fips: bool,
}

/// Envoy's own, and those that clients without them understand. TLS 1.0 and 1.1 have no others.
const CIPHERS_SINCE_TLS_1_0: [&str; 12] = [
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
];

const POST_QUANTUM: [&str; 4] = ["X25519MLKEM768", "X25519", "P-256", "P-384"];

impl Parameters {
    const fn of(policy: SecurityPolicy) -> Self {
        use SecurityPolicy as Policy;

        let (minimum, ciphers): (_, &[_]) = match policy {
            Policy::Tls10 => ("TLSv1_0", &CIPHERS_SINCE_TLS_1_0),
            Policy::Tls12
            | Policy::Tls12PfsPq
            | Policy::Tls12FipsPq
            | Policy::Tls12FipsPfsPq
            | Policy::Tls12Pq
            | Policy::Tls122021
            | Policy::Tls12PfsEdge
            | Policy::Tls122018Edge => ("TLSv1_2", &[]),
            Policy::Tls13 | Policy::Tls13Fips | Policy::Tls13Edge => ("TLSv1_3", &[]),
        };
        let curves: &[_] = match policy {
            Policy::Tls12PfsPq | Policy::Tls12Pq => &POST_QUANTUM,
            _ => &[],
        };
        let fips = matches!(
            policy,
            Policy::Tls13Fips | Policy::Tls12FipsPq | Policy::Tls12FipsPfsPq
        );
        Self {
            minimum,
            ciphers,
            curves,
            fips,
        }
    }

    fn context(&self) -> Value {
        context! {
            minimum => self.minimum,
            ciphers => self.ciphers.to_vec(),
            curves => self.curves.to_vec(),
            fips => self.fips,
        }
    }
}

/// An expression that matches every text but one word, which is of ASCII letters in any case. Envoy
/// can be told which upgrades to ignore, and not which to heed, and its expressions cannot say "not".
fn every_word_but(word: &str) -> String {
    let mut expression = ".+".to_owned();
    for letter in word.chars().rev() {
        let (lower, upper) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
        expression = format!("(|[^{lower}{upper}].*|[{lower}{upper}]{expression})");
    }
    expression
}

fn certificate(name: &str, files: &CertificateFiles) -> Result<SecretFile, TargetError> {
    // Of two folders Envoy is told none, and then watches both files.
    let watched = Some(folder(&files.chain)).filter(|watched| *watched == folder(&files.key));
    let values = context! {
        name => name,
        chain => text(&files.chain)?,
        key => text(&files.key)?,
        watched => watched.map(text).transpose()?,
    };
    secret(name, &values)
}

fn secret(name: &str, values: &Value) -> Result<SecretFile, TargetError> {
    Ok(SecretFile {
        name: file_name(name),
        resource: resource(&template::render("secret.yaml", values)?)?,
    })
}

/// By which name Envoy asks for a secret, and where.
fn source(name: &str, folder: &Path) -> Result<Value, TargetError> {
    let file = folder.join(file_name(name));
    Ok(context! { name => name, file => text(&file)? })
}

fn certificate_of(domain: &str) -> String {
    named("certificate-of", domain)
}

fn truststore_of(domain: &str) -> String {
    named("truststore-of", domain)
}

fn client_certificate_of(id: &str) -> String {
    named("client-certificate", id)
}

/// Shells and some file systems take an asterisk for something else.
fn named(what: &str, whose: &str) -> String {
    format!("{what}-{}", whose.replace('*', "any"))
}

fn file_name(secret: &str) -> String {
    format!("{secret}.yaml")
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests;
