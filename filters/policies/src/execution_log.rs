//! Why an integration failed, in the words of API Gateway's execution log.
//!
//! A client is told `Internal server error`; whoever runs the gateway sees the reason at the log
//! level `debug`, and `attache test-invoke` prints it. Reasons name what is configured, and never
//! quote what a client or a back end has sent.

use std::fmt::Display;

use crate::denial::Denial;

/// What the lines are known by among others.
pub const TARGET: &str = "execution";

/// An integration cannot be called, or its answer cannot be used, as it is configured.
pub fn configuration_error(reason: impl Display) {
    log::debug!(target: TARGET, "Execution failed due to configuration error: {reason}");
}

/// The same, and the refusal that the client gets.
pub(crate) fn misconfigured(reason: impl Display) -> Denial {
    configuration_error(reason);
    Denial::ApiConfigurationError
}

/// What the back end or the function did made the execution fail.
pub fn failed(reason: impl Display) {
    log::debug!(target: TARGET, "Execution failed due to {reason}");
}
