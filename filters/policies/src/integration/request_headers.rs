//! Which header fields of a request pass to the back end, and which a mapping may set.
//!
//! Recorded from AWS in the header remapping cases of HTTP_PROXY, which win over the table in
//! "Amazon API Gateway important notes".

use std::borrow::Cow;

use attache_model::Protocol;

use super::mapping::MappingFault;
use crate::denial::Denial;
use crate::execution_log::misconfigured;
use crate::headers::is_field_name;

/// Whether API Gateway takes the field from a request before it maps anything. `name` is in
/// lower case.
pub(crate) fn is_hidden(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"content-length"
            | b"content-md5"
            | b"expect"
            | b"max-forwards"
            | b"proxy-authenticate"
            | b"server"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
            | b"www-authenticate"
    )
}

/// The name of a client's field that does not pass to the back end; `None` for one that does.
///
/// `content-length` and `transfer-encoding` are the framing between proxy and back end, which
/// the proxy writes itself; `host` it replaces by the back end's.
pub(super) fn removed(name: &[u8], value: &[u8], protocol: Protocol) -> Option<Cow<'static, str>> {
    // Fields of one connection go no further, with either protocol.
    let name = match name {
        b"connection" => "connection",
        b"expect" => "expect",
        b"proxy-authenticate" => "proxy-authenticate",
        b"te" => "te",
        b"trailer" => "trailer",
        b"upgrade" => "upgrade",
        // The proxy writes one of these on every request, and its route takes both off again.
        b"x-envoy-internal" | b"x-envoy-external-address" => return None,
        _ if name.starts_with(b"x-envoy-") || name.starts_with(b"x-attache-") => {
            // These tell the proxy what to do; a client has no say in it.
            return str::from_utf8(name).ok().map(|name| name.to_owned().into());
        }
        _ if protocol == Protocol::Http => return None,
        b"content-encoding" => "content-encoding",
        b"content-md5" => "content-md5",
        b"max-forwards" => "max-forwards",
        b"server" => "server",
        b"via" => "via",
        b"www-authenticate" => "www-authenticate",
        // The signature was for the gateway.
        b"authorization" if value.starts_with(b"AWS4-HMAC-SHA256") => "authorization",
        // It has done its work; AWS only passes it on when it is mapped.
        b"x-http-method-override" => "x-http-method-override",
        _ => return None,
    };
    Some(name.into())
}

/// Whom a mapped header field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recipient {
    /// The back end of an `HTTP_PROXY` integration.
    Proxied,
    /// The back end of an `HTTP` integration.
    Http,
    /// A service of AWS's, or a Lambda function.
    Aws,
    /// Nobody: a `MOCK` integration sends nothing.
    Nobody,
}

/// What becomes of a mapping to a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MappedHeader {
    /// The back end gets it.
    Sent,
    /// AWS accepts the mapping and does not send the field.
    Dropped,
    /// AWS fails every call that has a value for it.
    Illegal,
}

/// What becomes of a mapping to the field `name`, in any case.
///
/// # Errors
///
/// When the field is not one that this gateway can set.
pub(super) fn mapped(name: &str, recipient: Recipient) -> Result<MappedHeader, MappingFault> {
    if !is_field_name(name) {
        return Err(MappingFault::new(
            format!("`{name}` is not the name of a header field"),
            "use letters, digits and hyphens",
        ));
    }
    if recipient == Recipient::Nobody {
        return Ok(MappedHeader::Dropped);
    }
    let lower = name.to_ascii_lowercase();
    match fate(&lower, recipient) {
        Some(fate) => Ok(fate),
        None if lower == "host" => Err(MappingFault::new(
            "a mapping to the `Host` header is not supported",
            "remove it: the back end gets the host of the integration's URI",
        )),
        None if is_the_proxys(&lower) => Err(MappingFault::new(
            format!("a mapping to `{name}` is not possible"),
            "choose another name: this one speaks to the proxy",
        )),
        None => Err(MappingFault::new(
            format!("a mapping to `{name}` is not supported"),
            "remove it: the field belongs to the connection, which is the proxy's",
        )),
    }
}

/// The refusal of a call that sets a field which API Gateway keeps for itself.
pub(super) fn kept_header(name: &str) -> Denial {
    misconfigured(format_args!("The header field `{name}` cannot be mapped."))
}

/// What becomes of a field that an override of a mapping template sets: as a mapped one, but what
/// this gateway cannot set is not sent.
pub(super) fn overridden(lower: &str, recipient: Recipient) -> MappedHeader {
    if !is_field_name(lower) {
        return MappedHeader::Dropped;
    }
    fate(lower, recipient).unwrap_or(MappedHeader::Dropped)
}

/// What AWS does with the field; `None` for one that this gateway cannot set. `lower` is in lower
/// case.
fn fate(lower: &str, recipient: Recipient) -> Option<MappedHeader> {
    Some(match lower {
        "content-length" | "transfer-encoding" | "x-amzn-trace-id" | "x-amzn-apigateway-api-id" => {
            MappedHeader::Illegal
        }
        "authorization" | "connection" | "expect" | "proxy-authenticate" | "te"
            if recipient == Recipient::Aws =>
        {
            MappedHeader::Illegal
        }
        "connection" | "expect" | "proxy-authenticate" | "te" | "via" => MappedHeader::Dropped,
        // AWS takes these mappings too; the endpoint's own host and the connection win.
        "host" | "keep-alive" | "proxy-connection" | "trailer" | "upgrade"
            if recipient != Recipient::Proxied =>
        {
            MappedHeader::Dropped
        }
        "host" | "keep-alive" | "proxy-connection" | "trailer" | "upgrade" => return None,
        _ if is_the_proxys(lower) => return None,
        _ => MappedHeader::Sent,
    })
}

/// Whether a field speaks to the proxy.
fn is_the_proxys(lower: &str) -> bool {
    lower.starts_with("x-envoy-") || lower.starts_with("x-attache-")
}
