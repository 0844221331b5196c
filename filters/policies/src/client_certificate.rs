//! The certificate that a client has shown.

/// A client's certificate as AWS writes it down (`$context.identity.clientCert`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `clientCertPem`: the certificate in PEM.
    pub pem: String,
    /// `subjectDN`
    pub subject_dn: String,
    /// `issuerDN`
    pub issuer_dn: String,
    /// `serialNumber`: bytes in hexadecimal with colons between them.
    pub serial_number: String,
    /// `validity.notBefore`, such as `May 28 12:30:02 2019 GMT`.
    pub not_before: String,
    /// `validity.notAfter`
    pub not_after: String,
}
