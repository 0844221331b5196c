//! The `$context` variables that a parameter mapping can read before the back end is called.

use attache_model::Verb;
use jiff::tz::TimeZone;

use super::encoding::{Form, Value};
use crate::authorization::Caller;
use crate::headers::Headers;
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;

/// One request as the integration sees it.
#[derive(Clone, Copy)]
pub struct IntegrationRequest<'r> {
    /// The client's header fields, pseudo-headers included.
    pub headers: &'r Headers,
    /// Where the request goes.
    pub route: Route<'r>,
    /// Its names.
    pub ids: &'r RequestIds,
    /// When it arrived.
    pub time: Timestamp,
    /// Where the client's address and the protocol are asked for, when a mapping wants them.
    pub connection: &'r dyn Connection,
    /// The caller's API key, when the operation needs one.
    pub api_key: Option<&'r [u8]>,
    /// The id of that key.
    pub api_key_id: Option<&'r str>,
    /// Who calls, as far as it is known.
    pub caller: &'r Caller,
}

/// A `$context` variable that differs from request to request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextVariable {
    HttpMethod,
    Path,
    Protocol,
    RequestId,
    ExtendedRequestId,
    RequestTime,
    RequestTimeEpoch,
    SourceIp,
    UserAgent,
    ApiKey,
    ApiKeyId,
    DomainName,
    DomainPrefix,
    BasePathMatched,
}

impl ContextVariable {
    /// Reads a name as it stands behind `context.`; `None` for one that is not known.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "httpMethod" => Self::HttpMethod,
            "path" => Self::Path,
            "protocol" => Self::Protocol,
            "requestId" => Self::RequestId,
            "extendedRequestId" => Self::ExtendedRequestId,
            "requestTime" => Self::RequestTime,
            "requestTimeEpoch" => Self::RequestTimeEpoch,
            "identity.sourceIp" => Self::SourceIp,
            "identity.userAgent" => Self::UserAgent,
            "identity.apiKey" => Self::ApiKey,
            "identity.apiKeyId" => Self::ApiKeyId,
            "domainName" => Self::DomainName,
            "domainPrefix" => Self::DomainPrefix,
            "customDomain.basePathMatched" => Self::BasePathMatched,
            _ => return None,
        })
    }

    /// The value for one request, `None` when it has none.
    pub(crate) fn value<'r>(self, request: &IntegrationRequest<'r>) -> Option<Value<'r>> {
        let bytes: &'r [u8] = match self {
            Self::HttpMethod => Verb::as_str(request.route.verb).as_bytes(),
            Self::Path => {
                return Some(Value {
                    bytes: request.route.path.into(),
                    form: Form::Path,
                });
            }
            Self::Protocol => return Some(Value::text(request.connection.protocol())),
            Self::RequestId => request.ids.request_id().as_bytes(),
            Self::ExtendedRequestId => request.ids.extended().as_bytes(),
            Self::RequestTime => return Some(Value::text(request_time(request.time).into_bytes())),
            Self::RequestTimeEpoch => {
                return Some(Value::text(
                    request.time.as_millis().to_string().into_bytes(),
                ));
            }
            Self::SourceIp => return Some(Value::text(request.connection.source_address())),
            Self::UserAgent => request.headers.last(b"user-agent")?,
            Self::ApiKey => request.api_key?,
            Self::ApiKeyId => request.api_key_id?.as_bytes(),
            Self::BasePathMatched => request.route.domain?.base_path.as_bytes(),
            Self::DomainName => host_name(request.headers.last(b":authority")?),
            Self::DomainPrefix => host_name(request.headers.last(b":authority")?)
                .split(|byte| *byte == b'.')
                .next()?,
        };
        Some(Value::text(bytes))
    }
}

/// An authority without its port; an IPv6 address keeps its brackets.
pub(crate) fn host_name(authority: &[u8]) -> &[u8] {
    let in_brackets = authority.iter().position(|byte| *byte == b']');
    let from = in_brackets.unwrap_or(0);
    let colon = authority
        .iter()
        .skip(from)
        .position(|byte| *byte == b':')
        .map(|colon| from + colon);
    colon
        .and_then(|colon| authority.get(..colon))
        .unwrap_or(authority)
}

/// `$context.requestTime`: the time of the Common Log Format, `dd/MMM/yyyy:HH:mm:ss +0000`.
pub(crate) fn request_time(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let moment = i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .unwrap_or_default();
    let time = TimeZone::UTC.to_datetime(moment);
    let month = usize::from(time.month().unsigned_abs()).saturating_sub(1);
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        time.day(),
        MONTHS.get(month).unwrap_or(&""),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{host_name, request_time};
    use crate::ports::Timestamp;

    #[wasm_bindgen_test(unsupported = test)]
    fn request_time_is_that_of_the_common_log_format() {
        for (seconds, expected) in [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (951_782_399, "28/Feb/2000:23:59:59 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (951_868_800, "01/Mar/2000:00:00:00 +0000"),
            (1_583_798_639, "10/Mar/2020:00:03:59 +0000"),
            (1_798_761_599, "31/Dec/2026:23:59:59 +0000"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000"),
            (4_107_542_399, "28/Feb/2100:23:59:59 +0000"),
        ] {
            assert_eq!(request_time(Timestamp(seconds * 1_000_000_000)), expected);
        }
        assert!(!request_time(Timestamp(u64::MAX)).is_empty());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_host_name_has_no_port() {
        for (authority, expected) in [
            ("a.example:80", "a.example"),
            ("a.example", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            (":80", ""),
            ("", ""),
        ] {
            assert_eq!(host_name(authority.as_bytes()), expected.as_bytes());
        }
    }
}
