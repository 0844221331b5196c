use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use crate::wait::DEADLINE;

/// A certificate authority that nobody knows.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl CertificateAuthority {
    /// A new one.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(parameters, key),
        }
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server or a client of this name, and its key, both in PEM.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    #[must_use]
    pub fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters =
            CertificateParams::new(vec![name.to_owned()]).expect("the name of a host");
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CountryName, "US");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// What a client that trusts this authority and shows a certificate, if it has one, gets for
    /// these bytes, up to the end of the connection.
    ///
    /// # Panics
    ///
    /// When nobody listens there, or the certificate is none.
    #[must_use]
    pub fn exchange(
        &self,
        address: SocketAddr,
        certificate: Option<&(String, String)>,
        request: &[u8],
    ) -> Vec<u8> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(authority).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(roots);
        let config = match certificate {
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
                config
                    .with_client_auth_cert(
                        vec![certificate.expect("a certificate")],
                        key.expect("a key"),
                    )
                    .expect("a certificate and its key")
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = TcpStream::connect(address).expect("somebody listens there");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a socket option");
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        tls.write_all(request).expect("the request is sent");
        let mut answer = Vec::new();
        // A server may close without a last word of TLS.
        let _ended = tls.read_to_end(&mut answer);
        answer
    }

    /// Its certificate as a file in this folder.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self, folder: &Path) -> PathBuf {
        let file = folder.join("authority.pem");
        fs::write(&file, &self.pem).expect("the certificate is written");
        file
    }

    /// Starts an HTTPS server with a certificate for these names. It answers every request with
    /// the name that the client has asked for, or `-`.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> TlsBackend {
        self.server_for(names, None)
    }

    /// The same for clients with a certificate of this authority only.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn server_for_clients_of(&self, names: &[&str], clients: &Self) -> TlsBackend {
        self.server_for(names, Some(clients))
    }

    fn server_for(&self, names: &[&str], clients: Option<&Self>) -> TlsBackend {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(names)
            .expect("names of hosts")
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let pem = authority.pem.as_bytes();
                let certificate = CertificateDer::from_pem_slice(pem).expect("PEM");
                roots.add(certificate).expect("a certificate");
                let provider = Arc::new(ring::default_provider());
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().expect("an authority"))
            }
        };
        let config = config
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate and its key");
        TlsBackend::start(Arc::new(config))
    }
}

/// An HTTPS server that ends when it is dropped.
pub struct TlsBackend {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<String>>>,
    accepting: Option<JoinHandle<()>>,
}

impl TlsBackend {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request line of every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the port");
        let closing = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let accepting = thread::spawn({
            let (closing, seen) = (Arc::clone(&closing), Arc::clone(&seen));
            move || {
                for stream in listener.incoming().flatten() {
                    if closing.load(Ordering::Relaxed) {
                        return;
                    }
                    let (config, seen) = (Arc::clone(&config), Arc::clone(&seen));
                    // A client that does not trust the certificate goes away.
                    thread::spawn(move || answer(stream, config, &seen));
                }
            }
        });
        Self {
            address,
            closing,
            seen,
            accepting: Some(accepting),
        }
    }
}

impl Drop for TlsBackend {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ended = accepting.join();
        }
    }
}

/// Answers one request and closes the connection. `None` when the client went away before.
fn answer(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut connection = ServerConnection::new(config).ok()?;
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !received.ends_with(b"\r\n\r\n") {
        let count = tls.read(&mut buffer).ok().filter(|count| *count > 0)?;
        received.extend_from_slice(&buffer[..count]);
    }
    let line = String::from_utf8_lossy(&received);
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line.lines().next().unwrap_or_default().to_owned());
    let name = tls.conn.server_name().unwrap_or("-").to_owned();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{name}",
        name.len()
    );
    tls.write_all(answer.as_bytes()).ok()?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}
