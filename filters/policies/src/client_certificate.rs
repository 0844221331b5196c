//! The certificate of a client whose connection is mutual TLS: AWS's
//! `$context.identity.clientCert`.
//!
//! The proxy asks for the certificate and verifies it. It says which one it was in
//! `x-forwarded-client-cert`, and takes that field away from clients (`SANITIZE_SET`). The field
//! counts for nothing on a connection without a verified certificate.
//!
//! The texts are formed as in AWS's examples
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>):
//! names in the order of the certificate under OpenSSL's short names, a serial number as OpenSSL
//! prints it, and its form of a date.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::{
    BmpString, Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef,
};
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::headers::Headers;
use crate::ports::Connection;

/// The field in which the proxy says which certificate it has verified.
pub const HEADER: &str = "x-forwarded-client-cert";

/// No client shows a longer certificate, in bytes of PEM as the proxy writes it.
const LONGEST: usize = 64 * 1024;

/// The short names of attributes, as OpenSSL has them; the others are named by their numbers.
const ATTRIBUTES: [(&str, &str); 16] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// A client's certificate, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `clientCertPem`: the certificate itself.
    pub pem: String,
    /// `subjectDN`, such as `C=US,O=Example,CN=client`.
    pub subject_dn: String,
    /// `issuerDN`.
    pub issuer_dn: String,
    /// `serialNumber`: a decimal number, or bytes in hexadecimal digits with colons between them
    /// when it has more than eight.
    pub serial_number: String,
    /// `validity.notBefore`, such as `Aug  5 09:36:04 2021 GMT`.
    pub not_before: String,
    /// `validity.notAfter`.
    pub not_after: String,
}

impl ClientCertificate {
    /// The certificate that the proxy has verified for this request's connection; `None` when
    /// there is none.
    #[must_use]
    pub fn of(request: &Headers, connection: &(impl Connection + ?Sized)) -> Option<Self> {
        // The cheap look goes first: most requests have no such field.
        let mut fields = request.all(HEADER.as_bytes());
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return None;
        };
        if field.len() > LONGEST || !connection.is_mutual_tls() {
            return None;
        }
        Self::from_pem(&percent_decoded(certificate(field)?)?)
    }

    /// Reads a certificate.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        let base64: String = pem
            .trim()
            .strip_prefix("-----BEGIN CERTIFICATE-----")?
            .strip_suffix("-----END CERTIFICATE-----")?
            .split_ascii_whitespace()
            .collect();
        let der = STANDARD.decode(base64).ok()?;
        let certificate = CertificateInner::<Raw>::from_der(&der).ok()?;
        let certificate = certificate.tbs_certificate();
        Some(Self {
            pem: pem.to_owned(),
            subject_dn: distinguished_name(certificate.subject())?,
            issuer_dn: distinguished_name(certificate.issuer())?,
            serial_number: serial_number(certificate.serial_number().as_bytes()),
            not_before: date(&certificate.validity().not_before)?,
            not_after: date(&certificate.validity().not_after)?,
        })
    }
}

/// The value of `Cert` in the field's one element. More than one element means that the proxy
/// does not keep what clients send to itself.
fn certificate(field: &[u8]) -> Option<&str> {
    let field = str::from_utf8(field).ok()?;
    let mut found = None;
    let mut rest = field;
    loop {
        let (key, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = value.find([';', ',']).unwrap_or(value.len());
                value.split_at_checked(end)?
            }
        };
        if key.eq_ignore_ascii_case("cert") && found.replace(value).is_some() {
            return None;
        }
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None if after.is_empty() => return found,
            None => return None,
        }
    }
}

/// What stands before the closing quote, and what after it.
fn quoted_text(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.find(|character| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    })?;
    let (inside, rest) = text.split_at_checked(end)?;
    Some((inside, rest.strip_prefix('"')?))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(if *first == b'%' {
            let (digits, after) = rest.split_first_chunk::<2>()?;
            rest = after;
            u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?
        } else {
            *first
        });
    }
    String::from_utf8(bytes).ok()
}

/// A name in the order of the certificate. What would read as the beginning of another attribute
/// is escaped (RFC 4514, section 2.4).
fn distinguished_name(name: &Name) -> Option<String> {
    let mut text = String::new();
    for (position, relative) in name.iter_rdn().enumerate() {
        for (part, attribute) in relative.iter().enumerate() {
            if part > 0 {
                text.push('+');
            } else if position > 0 {
                text.push(',');
            }
            let oid = attribute.oid;
            match short_name(oid) {
                Some(name) => text.push_str(name),
                None => write!(text, "{oid}").ok()?,
            }
            text.push('=');
            match attribute_value(attribute) {
                Some(value) => escape(&value, &mut text),
                None => {
                    text.push('#');
                    for byte in attribute.value.value() {
                        write!(text, "{byte:02x}").ok()?;
                    }
                }
            }
        }
    }
    Some(text)
}

fn short_name(oid: ObjectIdentifier) -> Option<&'static str> {
    ATTRIBUTES
        .into_iter()
        .find(|(number, _)| ObjectIdentifier::new(number).is_ok_and(|known| known == oid))
        .map(|(_, name)| name)
}

fn attribute_value(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    Some(match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::PrintableString => PrintableStringRef::try_from(value)
            .ok()?
            .as_str()
            .to_owned(),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::TeletexString => TeletexStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::BmpString => value.decode_as::<BmpString>().ok()?.to_string(),
        _ => return None,
    })
}

fn escape(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => position == 0,
            ' ' => position == 0 || position == last,
            _ => false,
        };
        if character.is_ascii_control() {
            // Writing into a string does not fail.
            let _ = write!(text, "\\{:02X}", u32::from(character));
            continue;
        }
        if special {
            text.push('\\');
        }
        text.push(character);
    }
}

fn serial_number(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    if bytes.len() <= size_of::<u64>() {
        let number = bytes
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        return number.to_string();
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

fn date(time: &Time) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let time = time.to_date_time();
    let month = MONTHS.get(usize::from(time.month()).checked_sub(1)?)?;
    Some(format!(
        "{month} {:2} {:02}:{:02}:{:02} {} GMT",
        time.day(),
        time.hour(),
        time.minutes(),
        time.seconds(),
        time.year()
    ))
}

#[cfg(test)]
mod tests;
