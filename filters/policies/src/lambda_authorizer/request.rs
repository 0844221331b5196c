//! What an authorizer is asked about.

use crate::client_certificate::ClientCertificate;
use crate::headers::Headers;
use crate::iam;
use crate::lambda_event::EventRequest;
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;

/// One request as an authorizer sees it.
#[derive(Clone, Copy)]
pub struct AuthorizerRequest<'r> {
    /// The client's header fields, pseudo-headers included.
    pub headers: &'r Headers,
    /// Where the request goes.
    pub route: Route<'r>,
    /// Its names.
    pub ids: &'r RequestIds,
    /// When it arrived.
    pub time: Timestamp,
    /// Where the client's address and the protocol are asked for.
    pub connection: &'r dyn Connection,
    /// The certificate that the client has shown and the proxy has verified.
    pub client_certificate: Option<&'r ClientCertificate>,
    /// What the policy is asked: its resource is the method ARN that the function is told, too.
    pub access: iam::Request<'r>,
}

/// The header of an API key.
pub(super) const API_KEY: &[u8] = b"x-api-key";

impl<'r> AuthorizerRequest<'r> {
    /// All values of a header field, in order. `name` is in lower case.
    pub(super) fn header<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'r [u8]> + use<'r, 'n> {
        self.headers.all(name)
    }

    /// The last value of a header field. `name` is in lower case.
    pub(super) fn last_header(&self, name: &[u8]) -> Option<&'r [u8]> {
        self.headers.last(name)
    }

    /// The request as all events tell of it.
    pub(super) const fn described(&self) -> EventRequest<'r> {
        EventRequest {
            headers: self.headers,
            route: self.route,
            ids: self.ids,
            time: self.time,
            connection: self.connection,
            client_certificate: self.client_certificate,
        }
    }
}
