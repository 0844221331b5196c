//! What events for Lambda functions have in common, whether a function is asked who calls or for
//! the answer: the request in JSON, field by field.
//!
//! The same request makes the same bytes. What a client sent that is not UTF-8 is shown with
//! replacement characters, since JSON has no bytes.
//!
//! Envoy gives the names of all header fields in lower case, as HTTP/2 has them. AWS writes those
//! that API Gateway itself looks after in its own way in events of format 1.0, whatever the
//! client wrote (`Host`, `User-Agent`, `X-Forwarded-For` and so on), and so do these events; the
//! others stay as they are. Format 2.0 has them all in lower case.

mod deployment;
mod fields;
mod json;
mod request_context;

use std::borrow::Cow;

use attache_model::Protocol;

use crate::client_certificate::ClientCertificate;
use crate::headers::Headers;
use crate::integration::context::host_name;
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;

pub(crate) use deployment::{Deployment, deployment_id, is_canary_request, resource_id};
pub(crate) use fields::{Fields, Names};
pub(crate) use json::Object;
pub(crate) use request_context::{Identity, request_context_1, request_context_2};

/// One request, as far as all events tell of it.
#[derive(Clone, Copy)]
pub(crate) struct EventRequest<'r> {
    /// The client's header fields, pseudo-headers included.
    pub(crate) headers: &'r Headers,
    pub(crate) route: Route<'r>,
    pub(crate) ids: &'r RequestIds,
    /// When it arrived.
    pub(crate) time: Timestamp,
    pub(crate) connection: &'r dyn Connection,
    pub(crate) client_certificate: Option<&'r ClientCertificate>,
}

impl<'r> EventRequest<'r> {
    /// `requestId` as the client is told it: of HTTP APIs it is the short one.
    pub(crate) fn id(&self, protocol: Protocol) -> &'r str {
        match protocol {
            Protocol::Rest => self.ids.request_id(),
            Protocol::Http => self.ids.extended(),
        }
    }

    fn domain_name(&self) -> &'r [u8] {
        host_name(self.headers.last(b":authority").unwrap_or_default())
    }

    /// The first label of the domain name.
    fn domain_prefix(&self) -> &'r [u8] {
        let mut labels = self.domain_name().split(|byte| *byte == b'.');
        labels.next().unwrap_or_default()
    }

    fn user_agent(&self) -> Option<&'r [u8]> {
        self.headers.last(b"user-agent")
    }
}

pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The cookies of a request one by one, as events of format 2.0 list them.
pub(crate) fn push_cookies(headers: &Headers, event: &mut Object<'_>) {
    let mut cookies = headers
        .all(b"cookie")
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|cookie| !cookie.is_empty())
        .peekable();
    if cookies.peek().is_some() {
        event.list("cookies", cookies.map(text));
    }
}
