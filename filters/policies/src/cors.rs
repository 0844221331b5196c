//! How pages of other origins may call an HTTP API: its `corsConfiguration`.
//!
//! ```text
//! OPTIONS with Origin and Access-Control-Request-Method ─► 204, whatever the routes and without
//!                                                          authorization
//! any other request ─► … ─► the back end's own Access-Control-* fields go, the API's are set
//! ```
//!
//! What the API allows is said in full to every origin that it knows, and nothing to others: it is
//! the browser that keeps a page from what is not allowed.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

mod compile;

use crate::exchange::Reply;
use crate::headers::{HeaderEdit, Headers};

/// The CORS configurations of all APIs.
#[derive(Debug, Default)]
pub struct CorsConfigurations {
    apis: Vec<Option<Cors>>,
}

/// The CORS configuration of one API.
#[derive(Debug)]
pub struct Cors {
    origins: Origins,
    allow_credentials: bool,
    /// What every answer to a preflight request says beside the origin.
    preflight: Box<[(&'static str, Vec<u8>)]>,
    expose_headers: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Origins {
    /// `*`
    Any,
    These {
        exact: Box<[Box<str>]>,
        /// `http://` and `https://`: all with this scheme.
        schemes: Box<[&'static str]>,
    },
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";

impl CorsConfigurations {
    /// The configuration of an API, counted from 0; `None` when it has none.
    #[must_use]
    pub fn get(&self, api: usize) -> Option<&Cors> {
        self.apis.get(api)?.as_ref()
    }
}

impl Cors {
    /// The answer to a preflight request; `None` for any other request.
    #[must_use]
    pub fn preflight(&self, request: &Headers) -> Option<Reply> {
        let is_preflight = request.first(b":method") == Some(b"OPTIONS")
            && request.contains(b"access-control-request-method");
        let origin = request.first(b"origin").filter(|_| is_preflight)?;
        let mut headers = Vec::new();
        if let Some(allowed) = self.origins.allowed(origin) {
            let fields = self.of_origin(allowed);
            headers.extend(fields.map(|(name, value)| (name.to_owned(), value)));
            let fields = self.preflight.iter();
            headers.extend(fields.map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        if let Some(vary) = self.vary() {
            headers.push(("vary".to_owned(), vary));
        }
        Some(Reply {
            status: 204,
            headers,
            body: Vec::new(),
        })
    }

    /// What changes on the header fields of an answer, whoever it is from.
    #[must_use]
    pub fn response_edits(&self, request: &Headers, response: &Headers) -> Vec<HeaderEdit> {
        let mut edits: Vec<HeaderEdit> = Vec::new();
        for (name, _) in response.iter() {
            if let Ok(name) = str::from_utf8(name)
                && is_cors(name)
                && !edits.iter().any(|edit| edit.name() == name)
            {
                edits.push(HeaderEdit::Remove(name.to_owned().into()));
            }
        }
        for (name, value) in self.of_response(request) {
            edits.push(HeaderEdit::Set(name.into(), value));
        }
        if let Some(vary) = self.vary() {
            edits.push(HeaderEdit::Add("vary".into(), vary));
        }
        edits
    }

    /// The same on an answer of the gateway's own.
    pub fn apply(&self, request: &Headers, reply: &mut Reply) {
        reply.headers.retain(|(name, _)| !is_cors(name));
        let fields = self.of_response(request);
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        reply.headers.extend(fields);
        if let Some(vary) = self.vary() {
            reply.headers.push(("vary".to_owned(), vary));
        }
    }

    fn of_response(
        &self,
        request: &Headers,
    ) -> impl Iterator<Item = (&'static str, Vec<u8>)> + use<> {
        let origin = request.first(b"origin");
        let allowed = origin.and_then(|origin| self.origins.allowed(origin));
        let exposed = self.expose_headers.clone().filter(|_| allowed.is_some());
        let fields = allowed.map(|allowed| self.of_origin(allowed));
        let exposed = exposed.map(|names| (EXPOSE_HEADERS, names));
        fields.into_iter().flatten().chain(exposed)
    }

    /// What every answer says to a page of an origin that is allowed.
    fn of_origin(&self, allowed: &[u8]) -> impl Iterator<Item = (&'static str, Vec<u8>)> + use<> {
        let credentials = self
            .allow_credentials
            .then(|| (ALLOW_CREDENTIALS, b"true".to_vec()));
        std::iter::once((ALLOW_ORIGIN, allowed.to_vec())).chain(credentials)
    }

    /// An answer that is not the same for all origins says so to caches.
    fn vary(&self) -> Option<Vec<u8>> {
        match self.origins {
            Origins::Any => None,
            Origins::These { .. } => Some(b"Origin".to_vec()),
        }
    }
}

impl Origins {
    /// What `access-control-allow-origin` says to an origin; `None` when it may not call.
    fn allowed<'o>(&self, origin: &'o [u8]) -> Option<&'o [u8]> {
        let Self::These { exact, schemes } = self else {
            return Some(b"*");
        };
        // RFC 6454, section 4: neither scheme nor host has upper and lower case.
        let is_exact = exact
            .iter()
            .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin));
        let has_scheme = || {
            schemes.iter().any(|scheme| {
                origin
                    .split_at_checked(scheme.len())
                    .is_some_and(|(start, host)| {
                        start.eq_ignore_ascii_case(scheme.as_bytes()) && is_host(host)
                    })
            })
        };
        (is_exact || has_scheme()).then_some(origin)
    }
}

/// A host and maybe a port, and nothing that could be taken for more than that.
fn is_host(host: &[u8]) -> bool {
    let allowed = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.iter().all(allowed)
}

fn is_cors(name: &str) -> bool {
    name.starts_with("access-control-")
}

#[cfg(test)]
mod tests;
