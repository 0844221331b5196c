//! Certificates, keys and trust stores: what Envoy would refuse, or serve to nobody, is found before
//! it starts.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;

use super::{Lowering, Pointer};
use crate::configuration;
use crate::envoy_target::CertificateFiles;

/// Nobody's chain of certificates is larger, in bytes.
const LARGEST_FILE: u64 = 1_048_576;

/// What to write where a PEM file is wanted.
const PEM: &str = "it is a PEM file, with `-----BEGIN CERTIFICATE-----`";

impl Lowering<'_> {
    /// A certificate and its key; `name` is the domain that it is for, when it is for one. `None`
    /// after a fault.
    pub(super) fn certificate(
        &mut self,
        certificate: &configuration::Certificate,
        name: Option<&str>,
        pointer: &Pointer,
    ) -> Option<CertificateFiles> {
        let (chain_at, key_at) = (pointer.key("chain"), pointer.key("key"));
        let chain = self.file_beside(&certificate.chain, "certificate", &chain_at);
        let key = self.file_beside(&certificate.key, "private key", &key_at);
        let (chain, key) = (chain?, key?);
        let certificates = self.certificates(&chain, &chain_at)?;
        let Some(private_key) =
            small(&key).and_then(|pem| PrivateKeyDer::from_pem_slice(&pem).ok())
        else {
            self.refuse(
                "certificate",
                &key_at,
                format!("`{}` holds no private key", certificate.key),
                "it is a PEM file without a passphrase, with `-----BEGIN PRIVATE KEY-----`",
            );
            return None;
        };
        self.check_dates(&certificates, &chain_at);
        if let (Some(name), Some(first)) = (name, certificates.first()) {
            self.check_name(first, name, &chain_at);
        }
        match CertifiedKey::from_der(certificates, private_key, &ring::default_provider()) {
            Ok(_) => Some(CertificateFiles {
                chain: absolute(chain),
                key: absolute(key),
            }),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                self.refuse(
                    "certificate",
                    &key_at,
                    format!(
                        "`{}` is not the key of the first certificate in `{}`",
                        certificate.key, certificate.chain
                    ),
                    "name the key that the certificate was made for; its own certificate goes \
                     before those of authorities",
                );
                None
            }
            Err(_) => {
                self.refuse(
                    "certificate",
                    &key_at,
                    format!("`{}` is not a key that TLS servers use", certificate.key),
                    "use an RSA key, or an ECDSA key on P-256 or P-384",
                );
                None
            }
        }
    }

    /// The certificates of authorities, a PEM file.
    pub(super) fn truststore(&mut self, path: &str, pointer: &Pointer) -> Option<PathBuf> {
        let file = self.file_beside(path, "trust store", pointer)?;
        let authorities = self.certificates(&file, pointer)?;
        self.check_dates(&authorities, pointer);
        Some(absolute(file))
    }

    fn certificates(
        &mut self,
        file: &Path,
        pointer: &Pointer,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let pem = small(file).unwrap_or_default();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.ok().filter(|certificates| {
            let readable = |one| CertificateInner::<Raw>::from_der(one).is_ok();
            !certificates.is_empty() && certificates.iter().all(|one| readable(one))
        });
        if certificates.is_none() {
            self.refuse(
                "certificate",
                pointer,
                format!("`{}` holds no certificate", file.display()),
                PEM,
            );
        }
        certificates
    }

    fn check_dates(&mut self, certificates: &[CertificateDer<'_>], pointer: &Pointer) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or(Duration::ZERO);
        let expired = certificates.iter().any(|certificate| {
            CertificateInner::<Raw>::from_der(certificate).is_ok_and(|certificate| {
                let validity = certificate.tbs_certificate().validity();
                validity.not_after.to_unix_duration() < now
            })
        });
        if expired {
            self.warn(
                "certificate-expired",
                pointer,
                "a certificate in this file has expired",
                "replace the file; a running Envoy reads the new one by itself",
            );
        }
    }

    /// A wildcard is tried with a name that it stands for.
    fn check_name(&mut self, certificate: &CertificateDer<'_>, name: &str, pointer: &Pointer) {
        let host = match name.strip_prefix("*.") {
            Some(parent) => format!("attache.{parent}"),
            None => name.to_owned(),
        };
        let is_for = ParsedCertificate::try_from(certificate)
            .ok()
            .zip(ServerName::try_from(host).ok())
            .is_some_and(|(certificate, host)| verify_server_name(&certificate, &host).is_ok());
        if !is_for {
            self.warn(
                "certificate-name",
                pointer,
                format!("the certificate is not for `{name}`, and clients will not accept it"),
                format!("use one that has `{name}` among its subject alternative names"),
            );
        }
    }
}

fn small(file: &Path) -> Option<Vec<u8>> {
    let facts = std::fs::metadata(file).ok()?;
    (facts.len() <= LARGEST_FILE).then(|| std::fs::read(file).ok())?
}

/// Envoy may be started in another folder.
fn absolute(file: PathBuf) -> PathBuf {
    std::path::absolute(&file).unwrap_or(file)
}
