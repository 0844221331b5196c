//! The `AWS_PROXY` integration: a Lambda function is given the request as an event, and answers
//! with a response.
//!
//! ```text
//! request ─► event (1.0 or 2.0) ─► Invoke API ─► result ─► response (1.0 or 2.0)
//!                                     │            └─ malformed: 502, of an HTTP API 500
//!                                     └─ not reached: 504, of an HTTP API 503
//! ```
//!
//! The function is always called aside of the client's request, which ends here: an event is
//! never the client's body, and a response never what Lambda's API answers.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod authorizer;
mod body;
mod compile;
mod event;
mod invoke;
mod response;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use attache_model::{PayloadFormatVersion, Protocol, Verb};

use crate::binary_media_types::BinaryMediaTypes;
use crate::denial::Denial;
use crate::exchange::{Callout, CalloutAnswer, Exchange, Reply};
use crate::integration::{HttpApiResponses, IntegrationRequest, Upstream, trace_id};
use crate::lambda_event::Deployment;
use crate::lambda_function::{Invocation, LARGEST_PAYLOAD};
use crate::observation::Observation;
use crate::pipeline::LARGEST_BODY;

pub(crate) use compile::LambdaPlace;
pub use response::{ResponseFault, ResponseForm, read_response};

/// An `AWS_PROXY` integration with a Lambda function, compiled for one operation in one stage.
#[derive(Debug)]
pub struct LambdaProxy {
    deployment: Arc<Deployment>,
    format: PayloadFormatVersion,
    /// `None`: a stage variable makes the URI one that cannot be called.
    invocation: Option<Invocation>,
    /// The method of the call; `None` for the client's own. REST APIs call nothing but `POST`.
    method: Option<Verb>,
    binary_media_types: BinaryMediaTypes,
    /// Whether the route asks for scopes, which is when the event has them.
    has_scopes: bool,
    timeout_millis: u32,
    /// What an HTTP API changes on the response.
    responses: HttpApiResponses,
}

impl LambdaProxy {
    /// Where the function is called, `None` when it cannot be.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        let invocation = self.invocation.as_ref()?;
        Some(&invocation.upstream)
    }

    /// Has the function answer a request.
    ///
    /// # Errors
    ///
    /// As [`callout`](Self::callout) and [`answer`](Self::answer), and
    /// [`Denial::RequestTooLarge`] for a body over 10 MB that did not say so beforehand.
    pub(crate) async fn serve(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        seen: &mut Observation<'_>,
    ) -> Result<Reply, Denial> {
        let incoming = request.headers.last(b"x-amzn-trace-id");
        let trace = match trace_id(incoming, request.time, exchange.ports()) {
            Some(trace) => trace,
            None => incoming.unwrap_or_default().to_vec(),
        };
        let body = exchange.request_body().await;
        if u64::try_from(body.len()).is_ok_and(|length| length > LARGEST_BODY) {
            return Err(Denial::RequestTooLarge);
        }
        let callout = self.callout(request, body, &trace)?;
        let ports = exchange.ports();
        seen.forwarded(ports.now());
        let answer = exchange.callout(callout).await;
        let reply = self.answer(request, answer, &trace);
        // AWS's log tells what Lambda has answered, and not what the function has.
        seen.answered(ports.now(), reply.is_ok().then_some(200));
        reply
    }

    /// Whether answers carry `x-amzn-trace-id`: those of REST APIs do.
    pub(crate) fn tells_trace_id(&self) -> bool {
        self.deployment.protocol == Protocol::Rest
    }

    /// The call that hands over the event of a request. `trace` is the value of
    /// `X-Amzn-Trace-Id`.
    ///
    /// # Errors
    ///
    /// - [`Denial::LambdaMethodNotPost`] when a REST API is to call it with another method.
    /// - [`Denial::ApiConfigurationError`] when a stage variable makes the URI one that cannot be
    ///   called.
    /// - [`Denial::RequestTooLarge`] when the event is over the 6 MB that Lambda takes.
    pub fn callout(
        &self,
        request: &IntegrationRequest<'_>,
        body: &[u8],
        trace: &[u8],
    ) -> Result<Callout, Denial> {
        let is_post = self.method.unwrap_or(request.route.verb) == Verb::Post;
        if !is_post && self.deployment.protocol == Protocol::Rest {
            return Err(Denial::LambdaMethodNotPost);
        }
        let invocation = self.invocation.as_ref();
        let invocation = invocation.ok_or(Denial::ApiConfigurationError)?;
        let event = self.event(request, body, trace);
        if event.len() > LARGEST_PAYLOAD {
            return Err(Denial::RequestTooLarge);
        }
        let mut callout = invocation.callout(event, self.timeout_millis);
        callout
            .headers
            .push(("x-amzn-trace-id".to_owned(), trace.to_vec()));
        Ok(callout)
    }

    /// What the function is given for a request, in JSON.
    #[must_use]
    pub fn event(&self, request: &IntegrationRequest<'_>, body: &[u8], trace: &[u8]) -> Vec<u8> {
        event::event(self, request, body, trace)
    }

    /// What the answer to the call is to the client.
    ///
    /// # Errors
    ///
    /// - [`Denial::IntegrationTimeout`] and [`Denial::IntegrationFailure`] when there was no
    ///   answer.
    /// - [`Denial::ApiConfigurationError`] when Lambda does not run the function: because it may
    ///   not be called, or is called too often.
    /// - [`Denial::MalformedLambdaProxyResponse`] when the function has failed, or its result is not a
    ///   response.
    pub fn answer(
        &self,
        request: &IntegrationRequest<'_>,
        answer: CalloutAnswer,
        trace: &[u8],
    ) -> Result<Reply, Denial> {
        let result = invoke::result(answer)?;
        let form = ResponseForm {
            protocol: self.deployment.protocol,
            format: self.format,
            // REST APIs send bytes to who asks for them.
            decodes: self.deployment.protocol == Protocol::Http
                || self
                    .binary_media_types
                    .are_accepted(request.headers.last(b"accept")),
        };
        let mut reply = read_response(&result, form).map_err(|fault| {
            log::warn!(
                "{}: malformed Lambda proxy response: {fault}",
                request.ids.request_id()
            );
            Denial::MalformedLambdaProxyResponse
        })?;
        if self.deployment.protocol == Protocol::Rest {
            reply
                .headers
                .push(("x-amzn-trace-id".to_owned(), trace.to_vec()));
        }
        self.responses.apply(request, &mut reply);
        Ok(reply)
    }
}
