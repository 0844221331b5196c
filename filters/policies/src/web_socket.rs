//! WebSocket connections through the gateway (RFC 6455): their handshakes are requests like others.
//!
//! A handshake goes through key, plan and authorizer, and to the back end of its operation; once
//! that has agreed, the bytes are the proxy's, and no policy sees them. Only methods that are set up
//! for it take one.

use std::collections::BTreeSet;

use attache_model::{Gateway, Integration, Verb};

use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::headers::Headers;
use crate::route::Route;

/// The status with which a back end agrees to a handshake.
pub(crate) const SWITCHING_PROTOCOLS: u16 = 101;

/// The methods that take handshakes, each as positions of API, stage and operation.
#[derive(Debug)]
pub(crate) struct WebSockets(BTreeSet<(usize, usize, usize)>);

impl WebSockets {
    /// Reads which methods take handshakes.
    ///
    /// # Errors
    ///
    /// Every method that cannot: one that no client asks for in a handshake, and one behind which
    /// nobody could agree.
    pub(crate) fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut methods = BTreeSet::new();
        for (api_position, api) in gateway.apis.iter().enumerate() {
            for (stage_position, stage) in api.stages.iter().enumerate() {
                let enabled = stage.methods.iter().enumerate();
                for (position, method) in enabled.filter(|(_, method)| method.web_socket_enabled) {
                    let Some(operation) = api.operations.get(method.operation) else {
                        continue;
                    };
                    let fault = match (&operation.integration, operation.method) {
                        (_, verb) if !matches!(verb, Verb::Get | Verb::Any) => Some((
                            "a WebSocket connection begins with GET",
                            "enable it for a method `GET` or `ANY`",
                        )),
                        (Integration::HttpProxy(_) | Integration::Http(_), _) => None,
                        _ => Some((
                            "a WebSocket connection needs a back end that speaks HTTP",
                            "enable it where the integration is HTTP_PROXY or HTTP",
                        )),
                    };
                    match fault {
                        Some((reason, hint)) => errors.push(
                            CompileError::new(
                                format!(
                                    "/apis/{api_position}/stages/{stage_position}/methods/{position}/\
                                     webSocketEnabled"
                                ),
                                reason,
                            )
                            .hint(hint),
                        ),
                        None => {
                            methods.insert((api_position, stage_position, method.operation));
                        }
                    }
                }
            }
        }
        if errors.is_empty() {
            Ok(Self(methods))
        } else {
            Err(errors)
        }
    }

    /// Whether a request is a handshake.
    ///
    /// # Errors
    ///
    /// [`Denial::UnexpectedUpgrade`] when it is one and its method takes none. The proxy has
    /// promised nothing yet, but it reads whatever follows the head as a part of this request, so
    /// that it cannot be served as if it had not asked.
    pub(crate) fn handshake(&self, request: &Headers, route: Route<'_>) -> Result<bool, Denial> {
        if !is_handshake(request) {
            return Ok(false);
        }
        let method = (route.api, route.stage, route.operation);
        if route.verb == Verb::Get && self.0.contains(&method) {
            Ok(true)
        } else {
            Err(Denial::UnexpectedUpgrade)
        }
    }
}

/// Whether a request asks for a WebSocket connection. The proxy shows those of HTTP/2 (RFC 8441) in
/// the same form.
pub(crate) fn is_handshake(request: &Headers) -> bool {
    has_token(request, b"upgrade", b"websocket") && has_token(request, b"connection", b"upgrade")
}

/// Whether a header field is one of the handshake itself, which passes whatever else is mapped.
pub(crate) fn is_of_handshake(name: &[u8]) -> bool {
    matches!(name, b"upgrade" | b"connection") || name.starts_with(b"sec-websocket-")
}

fn has_token(request: &Headers, name: &[u8], token: &[u8]) -> bool {
    let mut tokens = request
        .all(name)
        .flat_map(|value| value.split(|byte| *byte == b','));
    tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests;
