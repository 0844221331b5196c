//! What Envoy answers in the gateway's stead, in AWS's words.
//!
//! Some requests never reach the filter (a head too large, a request that is not HTTP), and a
//! filter that has crashed cannot answer. Envoy then answers by itself, in plain text, which no
//! client of AWS expects.

use minijinja::{Value, context};

struct LocalReply {
    status: u16,
    /// `x-amzn-errortype`, as AWS names the exceptions of that status.
    error_type: &'static str,
    message: &'static str,
    plain_text: bool,
}

const REPLIES: [LocalReply; 10] = [
    json(400, "BadRequestException", "Bad Request"),
    json(404, "NotFoundException", "Not Found"),
    json(408, "RequestTimeoutException", "Request Timeout"),
    // AWS's one refusal in plain text.
    LocalReply {
        status: 413,
        error_type: "RequestTooLargeException",
        message: "HTTP content length exceeded 10485760 bytes.",
        plain_text: true,
    },
    json(
        431,
        "RequestHeaderFieldsTooLargeException",
        "Request Header Fields Too Large",
    ),
    json(500, "InternalServerErrorException", "Internal server error"),
    json(501, "NotImplementedException", "Not Implemented"),
    json(502, "InternalServerErrorException", "Internal server error"),
    json(503, "ServiceUnavailableException", "Service Unavailable"),
    json(
        504,
        "InternalServerErrorException",
        "Endpoint request timed out",
    ),
];

/// Every answer of the gateway filter has an identifier, of REST APIs or of HTTP APIs; also one that
/// takes the place of Envoy's own. A filter of a single concern gives its refusals an error type.
pub(super) const UNANSWERED: &str = "!('x-amzn-requestid' in response.headers) && \
                          !('apigw-requestid' in response.headers) && \
                          !('x-amzn-errortype' in response.headers)";

pub(super) fn context() -> Vec<Value> {
    REPLIES
        .iter()
        .map(|reply| {
            context! {
                status => reply.status,
                // Envoy asks for one. Nobody sets it.
                runtime_key => format!("attache.local_reply.{}", reply.status),
                error_type => reply.error_type,
                message => reply.message,
                plain_text => reply.plain_text,
            }
        })
        .collect()
}

const fn json(status: u16, error_type: &'static str, message: &'static str) -> LocalReply {
    LocalReply {
        status,
        error_type,
        message,
        plain_text: false,
    }
}
