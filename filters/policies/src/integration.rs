//! How an operation's back end is called, and what becomes of its answer.
//!
//! An integration is compiled once for each stage that it differs in, with the stage's variables
//! put in place. A proxy ([`HttpProxy`]) only writes down what changes: the request line and a few
//! header fields on the way in, a few header fields on the way out. What is none ([`Custom`]) makes
//! a new request of the client's, and a new answer of the back end's.

mod body;
mod cache_key_parameters;
mod call;
mod compile;
mod content;
pub(crate) mod context;
mod custom;
mod destination;
pub(crate) mod encoding;
mod http_api;
mod http_proxy;
mod integration_response;
mod mapping;
mod parameters;
mod request_headers;
mod request_transformation;
mod response;
mod response_parameters;
mod service;
mod templates;
mod trace;
mod upstream;
pub(crate) mod uri;

use std::borrow::Cow;

use attache_values::json::Document;

use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange, Reply};
use crate::headers::{HeaderEdit, Headers};
use crate::lambda_proxy::LambdaProxy;
use crate::observation::Observation;
use crate::pipeline::LARGEST_BODY;
use crate::ports::Random;

pub(crate) use cache_key_parameters::CacheKeyParameters;
pub(crate) use call::aside;
pub use compile::Integrations;
pub(crate) use compile::Transformations;
pub use context::IntegrationRequest;
pub use custom::Custom;
pub(crate) use http_api::HttpApiResponses;
pub use http_proxy::{
    CLUSTER_HEADER, DEFAULT_TIMEOUT_MILLIS, HttpProxy, MAPPED_HEADER, TIMEOUT_HEADER,
};
pub(crate) use request_headers::is_hidden;
pub use response::failure;
pub(crate) use response::{Fate, fate};
pub(crate) use trace::trace_id;
pub use upstream::{Scheme, Signing, Upstream};

#[cfg(test)]
mod tests;

/// A back end's answer that has to be held may have 10 MB, as AWS's may.
const LARGEST_ANSWER: usize = 10_485_760;

/// What answers an operation, compiled.
#[derive(Debug)]
pub enum Integration {
    /// `HTTP_PROXY`.
    HttpProxy(HttpProxy),
    /// `HTTP`, `AWS` or `MOCK`.
    Custom(Custom),
    /// `AWS_PROXY` with a Lambda function.
    LambdaProxy(LambdaProxy),
}

/// What the client gets.
#[derive(Debug)]
pub enum Answered {
    /// The back end's answer, changed like this.
    PassThrough {
        /// The status that the client sees.
        status: u16,
        /// The header fields that the back end sent.
        headers: Headers,
        /// What changes on them.
        edits: Vec<HeaderEdit>,
    },
    /// An answer of the gateway's own.
    Reply(Reply),
}

impl Integration {
    /// Where the request goes, `None` when nobody is called, or nobody can be as it is
    /// configured.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        match self {
            Self::HttpProxy(integration) => integration.upstream(),
            Self::Custom(integration) => integration.upstream(),
            Self::LambdaProxy(integration) => integration.upstream(),
        }
    }

    /// What `x-amzn-trace-id` says on an answer that was kept: what it would have said on one that
    /// the back end had given now. `None` for an integration whose answers do not tell.
    pub(crate) fn trace_id_of_answer(
        &self,
        request: &IntegrationRequest<'_>,
        random: &(impl Random + ?Sized),
    ) -> Option<Vec<u8>> {
        let tells = match self {
            Self::HttpProxy(_) => false,
            Self::Custom(integration) => integration.upstream().is_some(),
            Self::LambdaProxy(integration) => integration.tells_trace_id(),
        };
        let incoming = request.headers.last(b"x-amzn-trace-id");
        tells.then(|| {
            trace_id(incoming, request.time, random)
                .unwrap_or_else(|| incoming.unwrap_or_default().to_vec())
        })
    }

    /// Whether a back end that is asked on a condition says itself that it does not hold: the
    /// request's header fields reach it, and its status the client.
    pub(crate) fn passes_conditions_on(&self) -> bool {
        match self {
            Self::HttpProxy(integration) => integration.passes_answers_on(),
            Self::Custom(_) | Self::LambdaProxy(_) => false,
        }
    }

    /// Serves one request: calls the back end and makes the client's answer of its. `document` is
    /// the client's body when its validation has read it. `conditions` are for a back end that they
    /// are [passed on](Self::passes_conditions_on) to.
    ///
    /// # Errors
    ///
    /// Why there is no answer: the request cannot be mapped, the back end does not answer, or what
    /// it says cannot be mapped.
    pub(crate) async fn answer(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        document: Option<Document>,
        conditions: Vec<HeaderEdit>,
        seen: &mut Observation<'_>,
    ) -> Result<Answered, Denial> {
        match self {
            Self::HttpProxy(integration) => {
                integration
                    .answer(exchange, request, conditions, seen)
                    .await
            }
            Self::Custom(integration) => {
                integration.answer(exchange, request, document, seen).await
            }
            Self::LambdaProxy(integration) => {
                let reply = integration.serve(exchange, request, seen).await;
                reply.map(Answered::Reply)
            }
        }
    }
}

impl Answered {
    /// The status that the client sees.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::PassThrough { status, .. } => *status,
            Self::Reply(reply) => reply.status,
        }
    }

    /// Sets a header field of the answer, in place of whatever it has under that name, which is in
    /// lower case.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Vec<u8>) {
        let name = name.into();
        match self {
            Self::PassThrough { edits, .. } => edits.push(HeaderEdit::Set(name, value)),
            Self::Reply(reply) => reply.set_header(&name, value),
        }
    }
}

impl From<Answered> for Answer {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::PassThrough { edits, .. } => Self::PassThrough(Edits {
                headers: edits,
                body: None,
            }),
            Answered::Reply(reply) => Self::Reply(reply),
        }
    }
}

/// The client's body, held until it is complete.
///
/// # Errors
///
/// [`Denial::RequestTooLarge`] for one over 10 MB that did not say so beforehand.
pub(crate) async fn held_body(exchange: &Exchange) -> Result<&[u8], Denial> {
    let body = exchange.request_body().await;
    if u64::try_from(body.len()).is_ok_and(|length| length > LARGEST_BODY) {
        Err(Denial::RequestTooLarge)
    } else {
        Ok(body)
    }
}
