//! Which header fields of a request pass to the back end, and which a mapping may set.
//!
//! Recorded from AWS in the header remapping cases of HTTP_PROXY, which win over the table in
//! "Amazon API Gateway important notes".

use std::borrow::Cow;

use attache_model::Protocol;

use super::mapping::MappingFault;

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
pub(super) fn mapped(name: &str) -> Result<MappedHeader, MappingFault> {
    // RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return Err(MappingFault::new(
            format!("`{name}` is not the name of a header field"),
            "use letters, digits and hyphens",
        ));
    }
    let lower = name.to_ascii_lowercase();
    Ok(match &*lower {
        "content-length" | "transfer-encoding" | "x-amzn-trace-id" | "x-amzn-apigateway-api-id" => {
            MappedHeader::Illegal
        }
        "connection" | "expect" | "proxy-authenticate" | "te" | "via" => MappedHeader::Dropped,
        "host" => {
            return Err(MappingFault::new(
                "a mapping to the `Host` header is not supported",
                "remove it: the back end gets the host of the integration's URI",
            ));
        }
        "keep-alive" | "proxy-connection" | "trailer" | "upgrade" => {
            return Err(MappingFault::new(
                format!("a mapping to `{name}` is not supported"),
                "remove it: the field belongs to the connection, which is the proxy's",
            ));
        }
        _ if lower.starts_with("x-envoy-") || lower.starts_with("x-attache-") => {
            return Err(MappingFault::new(
                format!("a mapping to `{name}` is not possible"),
                "choose another name: this one speaks to the proxy",
            ));
        }
        _ => MappedHeader::Sent,
    })
}
