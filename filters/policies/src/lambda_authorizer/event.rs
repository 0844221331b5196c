//! What the function is given.
//!
//! Field for field and in the order of AWS's samples. The same request makes the same bytes. What
//! a client sent that is not UTF-8 is shown with replacement characters, since JSON has no bytes.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

mod fields;
mod format_1;
mod format_2;

use std::borrow::Cow;

use attache_model::AuthorizerEvent;
use serde::Serialize;

use super::identity_source::IdentityValues;
use super::request::{AuthorizerRequest, Deployment};
use crate::client_certificate::ClientCertificate;

/// The event of a `TOKEN` authorizer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token<'e> {
    r#type: &'static str,
    authorization_token: Cow<'e, str>,
    method_arn: &'e str,
}

/// Writes the event of a request as JSON.
pub(super) fn event(
    format: AuthorizerEvent,
    request: &AuthorizerRequest<'_>,
    deployment: &Deployment,
    identity: &IdentityValues<'_>,
) -> Vec<u8> {
    let written = match format {
        AuthorizerEvent::Token => serde_json::to_vec(&Token {
            r#type: "TOKEN",
            authorization_token: joined(identity),
            method_arn: request.access.resource,
        }),
        AuthorizerEvent::Request1 => {
            serde_json::to_vec(&format_1::Event::new(request, deployment, identity))
        }
        AuthorizerEvent::Request2 => {
            serde_json::to_vec(&format_2::Event::new(request, deployment, identity))
        }
    };
    // Structures of texts and numbers always have JSON; if one had none, no function would take
    // the empty event for a caller.
    written.unwrap_or_default()
}

/// The values of the identity sources in one text.
fn joined<'v>(identity: &'v IdentityValues<'_>) -> Cow<'v, str> {
    match identity.as_slice() {
        [one] => text(one),
        several => {
            let texts: Vec<_> = several.iter().map(|value| text(value)).collect();
            texts.join(",").into()
        }
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// `clientCert`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate<'e> {
    client_cert_pem: &'e str,
    #[serde(rename = "subjectDN")]
    subject_dn: &'e str,
    #[serde(rename = "issuerDN")]
    issuer_dn: &'e str,
    serial_number: &'e str,
    validity: Validity<'e>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validity<'e> {
    not_before: &'e str,
    not_after: &'e str,
}

impl<'e> From<&'e ClientCertificate> for Certificate<'e> {
    fn from(certificate: &'e ClientCertificate) -> Self {
        Self {
            client_cert_pem: &certificate.pem,
            subject_dn: &certificate.subject_dn,
            issuer_dn: &certificate.issuer_dn,
            serial_number: &certificate.serial_number,
            validity: Validity {
                not_before: &certificate.not_before,
                not_after: &certificate.not_after,
            },
        }
    }
}
