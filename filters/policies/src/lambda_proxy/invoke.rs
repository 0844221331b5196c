//! What Lambda's Invoke API answers, and what the proxy answers in its stead.

use crate::denial::Denial;
use crate::exchange::CalloutAnswer;

/// The result of a function that has run.
///
/// Lambda says 200 both when the function has answered and when it has failed, and tells them
/// apart by a header field. What its API refuses is the gateway's business and not the client's.
/// A call that failed on the way is an ordinary 503 or 504 of the proxy in plain text, and
/// Lambda's own are JSON.
pub(super) fn result(answer: CalloutAnswer) -> Result<Vec<u8>, Denial> {
    let CalloutAnswer::Answered { headers, body } = answer else {
        return Err(Denial::IntegrationFailure);
    };
    let is_proxys = headers.last(b"content-type") == Some(b"text/plain");
    match headers.first(b":status") {
        Some(b"200") if headers.contains(b"x-amz-function-error") => {
            // What it says is for whoever looks after the function.
            log::warn!("Lambda execution failed due to a function error");
            Err(Denial::MalformedLambdaProxyResponse)
        }
        Some(b"200") => Ok(body),
        Some(b"504") if is_proxys => Err(Denial::IntegrationTimeout),
        Some(b"503") if is_proxys => Err(Denial::IntegrationFailure),
        Some(b"413") => Err(Denial::RequestTooLarge),
        status => {
            let status = String::from_utf8_lossy(status.unwrap_or_default());
            log::warn!("Lambda does not run the function: it answers with {status}");
            Err(Denial::ApiConfigurationError)
        }
    }
}
