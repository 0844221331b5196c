//! What Lambda's Invoke API answers.

use crate::denial::Denial;
use crate::exchange::CalloutAnswer;
use crate::integration::{aside, failure};

/// The result of a function that has run.
///
/// Lambda says 200 both when the function has answered and when it has failed, and tells them
/// apart by a header field. What its API refuses is the gateway's business and not the client's.
pub(super) fn result(answer: CalloutAnswer) -> Result<Vec<u8>, Denial> {
    let answer = aside(answer).map_err(failure)?;
    match answer.status {
        200 if answer.headers.contains(b"x-amz-function-error") => {
            // What it says is for whoever looks after the function.
            log::warn!("Lambda execution failed due to a function error");
            Err(Denial::MalformedLambdaProxyResponse)
        }
        200 => Ok(answer.body.unwrap_or_default()),
        413 => Err(Denial::RequestTooLarge),
        status => {
            log::warn!("Lambda does not run the function: it answers with {status}");
            Err(Denial::ApiConfigurationError)
        }
    }
}
