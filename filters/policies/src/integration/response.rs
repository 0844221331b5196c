//! What becomes of a back end's answer, and of its absence.

use attache_model::Protocol;

use super::encoding::Value;
use super::http_proxy::HttpProxy;
use crate::denial::Denial;
use crate::exchange::{ResponseHead, UpstreamFailure};
use crate::headers::HeaderEdit;
use crate::web_socket::SWITCHING_PROTOCOLS;

/// What happens to one field of a back end's answer.
pub(crate) enum Fate {
    /// It reaches the client under another name.
    Remapped(&'static str),
    /// The same, but the field itself stays, because the proxy or the gateway writes its own
    /// over it.
    Copied(&'static str),
    /// It does not reach the client.
    Dropped,
    Passed,
}

impl HttpProxy {
    /// What changes on the back end's answer before it goes to the client.
    ///
    /// REST APIs rename some fields to `x-amzn-remapped-…` and drop others; HTTP APIs pass all, and so
    /// does everything of a handshake that the back end has agreed to.
    /// The gateway's own `x-amzn-requestid` is to be set after these changes.
    #[must_use]
    pub fn response_edits(&self, head: &ResponseHead) -> Vec<HeaderEdit> {
        if self.protocol() == Protocol::Http || head.status == SWITCHING_PROTOCOLS {
            return Vec::new();
        }
        let mut edits: Vec<HeaderEdit> = Vec::with_capacity(8);
        let mut has_content_type = false;
        for (name, value) in head.headers.iter() {
            let (new_name, stays) = match fate(name) {
                Fate::Passed => {
                    has_content_type |= name == b"content-type";
                    continue;
                }
                Fate::Copied(new_name) => (Some(new_name), true),
                Fate::Remapped(new_name) => (Some(new_name), false),
                Fate::Dropped => (None, false),
            };
            if let Some(new_name) = new_name {
                let again = edits.iter().any(|edit| edit.name() == new_name);
                let edit = if again {
                    HeaderEdit::Add
                } else {
                    HeaderEdit::Set
                };
                edits.push(edit(new_name.into(), Value::text(value).into_field()));
            }
            // Only names of the table above come here, and they are text.
            if let (false, Ok(name)) = (stays, str::from_utf8(name))
                && !edits.iter().any(|edit| edit.name() == name)
            {
                edits.push(HeaderEdit::Remove(name.to_owned().into()));
            }
        }
        if !has_content_type {
            edits.push(HeaderEdit::Set(
                "content-type".into(),
                b"application/json".to_vec(),
            ));
        }
        edits
    }
}

/// The recorded answers of `HTTP_PROXY` show the first four and the request id; the rest is the
/// table in "Amazon API Gateway important notes". `content-encoding` passes, as that table says:
/// without it the client could not read the body, which is not touched.
pub(crate) fn fate(name: &[u8]) -> Fate {
    match name {
        // Written by the proxy: the connection is its own, and so is the framing of the body.
        b"connection" => Fate::Copied("x-amzn-remapped-connection"),
        b"content-length" => Fate::Copied("x-amzn-remapped-content-length"),
        b"date" => Fate::Remapped("x-amzn-remapped-date"),
        b"server" => Fate::Remapped("x-amzn-remapped-server"),
        b"x-amzn-requestid" => Fate::Copied("x-amzn-remapped-x-amzn-requestid"),
        b"authorization" => Fate::Remapped("x-amzn-remapped-authorization"),
        b"content-md5" => Fate::Remapped("x-amzn-remapped-content-md5"),
        b"max-forwards" => Fate::Remapped("x-amzn-remapped-max-forwards"),
        b"user-agent" => Fate::Remapped("x-amzn-remapped-user-agent"),
        b"www-authenticate" => Fate::Remapped("x-amzn-remapped-www-authenticate"),
        b"expect" | b"host" | b"proxy-authenticate" | b"te" | b"trailer" | b"upgrade" | b"via" => {
            Fate::Dropped
        }
        // `transfer-encoding` does not reach the client either: the proxy writes its own.
        _ => Fate::Passed,
    }
}

/// What happens to a field that is mapped or overridden for the client. Recorded from AWS with
/// every field of the table mapped.
pub(super) fn custom_fate(name: &str) -> Fate {
    match name {
        "connection" => Fate::Remapped("x-amzn-remapped-connection"),
        "content-length" => Fate::Remapped("x-amzn-remapped-content-length"),
        "date" => Fate::Remapped("x-amzn-remapped-date"),
        "server" => Fate::Remapped("x-amzn-remapped-server"),
        "authorization" => Fate::Remapped("x-amzn-remapped-authorization"),
        "content-md5" => Fate::Remapped("x-amzn-remapped-content-md5"),
        "expect" => Fate::Remapped("x-amzn-remapped-expect"),
        "host" => Fate::Remapped("x-amzn-remapped-host"),
        "max-forwards" => Fate::Remapped("x-amzn-remapped-max-forwards"),
        "proxy-authenticate" => Fate::Remapped("x-amzn-remapped-proxy-authenticate"),
        "trailer" => Fate::Remapped("x-amzn-remapped-trailer"),
        "upgrade" => Fate::Remapped("x-amzn-remapped-upgrade"),
        "user-agent" => Fate::Remapped("x-amzn-remapped-user-agent"),
        "www-authenticate" => Fate::Remapped("x-amzn-remapped-www-authenticate"),
        // The connection is the proxy's.
        "transfer-encoding" | "keep-alive" | "proxy-connection" => Fate::Dropped,
        _ => Fate::Passed,
    }
}

/// The refusal that takes the place of a back end's answer.
#[must_use]
pub const fn failure(failure: UpstreamFailure) -> Denial {
    match failure {
        UpstreamFailure::Timeout => Denial::IntegrationTimeout,
        UpstreamFailure::Unreachable => Denial::IntegrationFailure,
        UpstreamFailure::Malformed => Denial::IntegrationMalformed,
        // The proxy could not even try, as when it knows no such cluster.
        UpstreamFailure::Other => Denial::ApiConfigurationError,
    }
}
