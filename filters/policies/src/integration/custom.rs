//! The integrations that are not proxies: `HTTP`, `AWS` and `MOCK`. What the back end is given is
//! mapped from the request, and what the client gets is mapped from its answer.
//!
//! ```text
//! request ─► template, or its body as it is ─► parameters, overrides ─► call
//!         ◄─ template, or its body as it is ◄─ parameters, overrides ◄─ response by its pattern
//! ```

mod compile;
mod mock;

use std::sync::Arc;

use attache_model::Verb;
use attache_values::json::Document;

use super::Answered;
use super::call::{BackEndAnswer, Call, Fields, Payload};
use super::context::IntegrationRequest;
use super::destination::{Destination, INVALID_ENDPOINT, RequestTarget};
use super::encoding::Value;
use super::integration_response::{IntegrationResponses, Selector};
use super::request_headers::{self, MappedHeader, Recipient, kept_header};
use super::request_transformation::{RequestTransformation, TransformedRequest};
use super::response::failure;
use super::trace::trace_id;
use super::upstream::Upstream;
use crate::binary_media_types::BinaryMediaTypes;
use crate::denial::Denial;
use crate::exchange::{Edits, Exchange};
use crate::execution_log::misconfigured;
use crate::headers::{HeaderEdit, Headers};
use crate::mapping_template::{OperationContext, RequestFacts, RequestOverrides, TemplateScope};
use crate::observation::Observation;
use crate::web_socket::SWITCHING_PROTOCOLS;

/// An `HTTP`, `AWS` or `MOCK` integration, compiled for one operation in the stages that it is
/// the same in.
#[derive(Debug)]
pub struct Custom {
    request: RequestTransformation,
    back_end: BackEnd,
    responses: IntegrationResponses,
    binary_media_types: Arc<BinaryMediaTypes>,
    api_id: Arc<str>,
    context: OperationContext,
}

/// Who answers.
#[derive(Debug)]
enum BackEnd {
    /// Nobody: the request itself says with which status.
    Mock,
    /// Whomever the proxy's own route leads to.
    Routed,
    /// Somebody who is called.
    Remote(Remote),
}

/// Somebody who is called.
#[derive(Debug)]
struct Remote {
    kind: Kind,
    /// `None` when the endpoint cannot be called as it is configured.
    destination: Option<Destination>,
    /// `None` for the client's own.
    method: Option<Verb>,
    timeout_millis: u32,
}

/// What is called.
#[derive(Debug)]
enum Kind {
    /// An HTTP back end.
    Http,
    /// A service of AWS's.
    Service {
        /// `X-Amz-Target` and the content type of its JSON protocol, where API Gateway adds them.
        target: Option<(Box<str>, &'static str)>,
    },
    /// A Lambda function, by the Invoke API.
    Function,
}

impl Custom {
    /// The back end, `None` when there is none or it cannot be called as it is configured.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        match &self.back_end {
            BackEnd::Mock | BackEnd::Routed => None,
            BackEnd::Remote(remote) => remote
                .destination
                .as_ref()
                .map(|destination| &destination.endpoint.upstream),
        }
    }

    /// Serves one request.
    pub(crate) async fn answer(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        document: Option<Document>,
        seen: &mut Observation<'_>,
    ) -> Result<Answered, Denial> {
        let facts = RequestFacts {
            request: *request,
            operation: &self.context,
        };
        let mut scope = TemplateScope::new(&facts);
        let content_type = request.headers.last(b"content-type");
        let is_binary = self.binary_media_types.contains(content_type);
        let mut transformed = self
            .request
            .transform(exchange, request, is_binary, document, &mut scope)
            .await?;
        let (answer, selector, trace) = match &self.back_end {
            BackEnd::Mock => {
                let status = mock::status(exchange, transformed.payload).await?;
                let answer = BackEndAnswer {
                    status: 200,
                    headers: Headers::default(),
                    body: Some(Vec::new()),
                };
                (answer, Selector::Text(status.to_string()), None)
            }
            BackEnd::Routed => {
                let edits = self.routed_edits(exchange, request, transformed).await?;
                let head = exchange.forward(edits).await;
                if self.responses.is_empty() || head.failure.is_some() {
                    return Ok(Answered::PassThrough {
                        status: head.status,
                        headers: head.headers,
                        edits: Vec::new(),
                    });
                }
                let answer = BackEndAnswer {
                    status: head.status,
                    headers: head.headers,
                    body: None,
                };
                (answer, Selector::Text(head.status.to_string()), None)
            }
            BackEnd::Remote(remote) => {
                if matches!(remote.kind, Kind::Function)
                    && transformed.payload == Payload::AsSent
                    && exchange.ends_with_headers()
                {
                    // A function is always given JSON.
                    transformed.payload = Payload::Replaced(b"{}".to_vec());
                }
                let incoming = request.headers.last(b"x-amzn-trace-id");
                let trace = trace_id(incoming, request.time, exchange.ports())
                    .unwrap_or_else(|| incoming.unwrap_or_default().to_vec());
                let call = self.call(remote, request, transformed, trace.clone())?;
                let ports = exchange.ports();
                seen.forwarded(ports.now());
                let answer = call.make(exchange).await;
                let status = answer.as_ref().ok().map(|answer| answer.status);
                seen.answered(ports.now(), status);
                let mut answer = answer.map_err(failure)?;
                if answer.status == SWITCHING_PROTOCOLS {
                    // There is nothing left to map: from here on it is one connection.
                    return Ok(Answered::PassThrough {
                        status: answer.status,
                        headers: answer.headers,
                        edits: Vec::new(),
                    });
                }
                let selector = match remote.kind {
                    Kind::Http | Kind::Service { .. } => Selector::Text(answer.status.to_string()),
                    Kind::Function => of_function(exchange, &mut answer).await?,
                };
                (answer, selector, Some(trace))
            }
        };
        let response = self.responses.select(&selector)?;
        let mut answered = response
            .answer(
                exchange,
                request,
                &self.binary_media_types,
                &mut scope,
                answer,
            )
            .await?;
        if let Some(trace) = trace {
            answered.set("x-amzn-trace-id", trace);
        }
        Ok(answered)
    }

    /// What changes on a request that goes where the proxy sends it: mapped parameters are put to
    /// the client's own.
    async fn routed_edits(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        transformed: TransformedRequest,
    ) -> Result<Edits, Denial> {
        let mut headers = Vec::new();
        let body = transformed.mapped_body.as_ref();
        let mut fields = Fields::default();
        for field in self.request.parameters.header_fields(request, body) {
            let (name, value) = field?;
            fields.set(name.to_owned(), value.into_field());
        }
        self.override_fields(&mut fields, &transformed.overrides, Recipient::Http)?;
        headers.extend(fields.into_edits(&Headers::default(), |_| true));
        let mut target = RequestTarget::of(request.headers.first(b":path").unwrap_or_default());
        if self.push_query(&mut target, request, &transformed) {
            headers.push(HeaderEdit::Set(":path".into(), target.into_bytes()));
        }
        let body = match transformed.payload {
            Payload::AsSent => None,
            // The proxy cannot add a body to a request that came without one.
            Payload::Replaced(_) if exchange.ends_with_headers() => None,
            Payload::Replaced(body) => {
                // Only a body that is here can be replaced.
                exchange.request_body().await;
                Some(body)
            }
        };
        Ok(Edits { headers, body })
    }

    /// The call of a back end: mapped parameters and nothing else of the client's, API Gateway's
    /// own fields, and what the template overrides.
    fn call<'c>(
        &'c self,
        remote: &'c Remote,
        request: &IntegrationRequest<'_>,
        transformed: TransformedRequest,
        trace: Vec<u8>,
    ) -> Result<Call<'c>, Denial> {
        let destination = remote
            .destination
            .as_ref()
            .ok_or_else(|| misconfigured(INVALID_ENDPOINT))?;
        let method = remote.method.unwrap_or(request.route.verb);
        if matches!(remote.kind, Kind::Function) && method != Verb::Post {
            // AWS takes the configuration and fails the calls.
            return Err(misconfigured("A Lambda function is called with POST."));
        }
        let sends_body = !matches!(method, Verb::Get | Verb::Head | Verb::Options);
        let target = self.target(destination, request, &transformed)?;
        let fields = self.fields(remote, request, &transformed, trace, sends_body)?;
        Ok(Call {
            endpoint: &destination.endpoint,
            method: method.as_str(),
            target,
            fields,
            body: if sends_body {
                transformed.payload
            } else {
                Payload::Replaced(Vec::new())
            },
            timeout_millis: remote.timeout_millis,
        })
    }

    /// The request line: overrides win over parameters.
    fn target(
        &self,
        destination: &Destination,
        request: &IntegrationRequest<'_>,
        transformed: &TransformedRequest,
    ) -> Result<Vec<u8>, Denial> {
        let overrides = &transformed.overrides;
        let body = transformed.mapped_body.as_ref();
        let mut target = destination.target(None, |placeholder| {
            let overridden = overrides.path.iter().rev();
            let mut overridden = overridden.filter(|(name, _)| **name == *placeholder.name);
            match overridden.next() {
                Some((_, value)) => Some(Value::text(value.as_bytes())),
                None => placeholder.source.as_ref()?.value_with(request, body),
            }
        })?;
        self.push_query(&mut target, request, transformed);
        Ok(target.into_bytes())
    }

    /// Adds the query parameters: overrides win over parameters. Tells whether there are any.
    fn push_query(
        &self,
        target: &mut RequestTarget,
        request: &IntegrationRequest<'_>,
        transformed: &TransformedRequest,
    ) -> bool {
        let mut pushed = false;
        let overrides = &transformed.overrides.query;
        let body = transformed.mapped_body.as_ref();
        for mapping in &self.request.parameters.query {
            if !overrides.iter().any(|(name, _)| **name == *mapping.name) {
                for value in mapping.source.all_values(request, body) {
                    target.push(&mapping.name, &value);
                    pushed = true;
                }
            }
        }
        for (name, values) in overrides {
            for value in values {
                target.push(name, &Value::text(value.as_bytes()));
                pushed = true;
            }
        }
        pushed
    }

    /// The header fields: overrides win over parameters, and these over API Gateway's own.
    fn fields(
        &self,
        remote: &Remote,
        request: &IntegrationRequest<'_>,
        transformed: &TransformedRequest,
        trace: Vec<u8>,
        sends_body: bool,
    ) -> Result<Fields, Denial> {
        let mut fields = Fields::default();
        fields.set("accept", b"application/json".to_vec());
        let user_agent = ["AmazonAPIGateway_", &self.api_id].concat();
        fields.set("user-agent", user_agent.into_bytes());
        fields.set("x-amzn-apigateway-api-id", self.api_id.as_bytes().to_vec());
        fields.set("x-amzn-trace-id", trace);
        if sends_body {
            let content_type = request.headers.last(b"content-type");
            let content_type = content_type.unwrap_or(b"application/json");
            fields.set("content-type", content_type.to_vec());
        }
        let recipient = match &remote.kind {
            Kind::Http => Recipient::Http,
            Kind::Function => Recipient::Aws,
            Kind::Service { target } => {
                if let Some((target, content_type)) = target {
                    fields.set("x-amz-target", target.as_bytes().to_vec());
                    if sends_body {
                        fields.set("content-type", content_type.as_bytes().to_vec());
                    }
                }
                Recipient::Aws
            }
        };
        let body = transformed.mapped_body.as_ref();
        for field in self.request.parameters.header_fields(request, body) {
            let (name, value) = field?;
            fields.set(name.to_owned(), value.into_field());
        }
        self.override_fields(&mut fields, &transformed.overrides, recipient)?;
        Ok(fields)
    }

    /// What the template overrides among the header fields.
    fn override_fields(
        &self,
        fields: &mut Fields,
        overrides: &RequestOverrides,
        recipient: Recipient,
    ) -> Result<(), Denial> {
        for (name, values) in &overrides.headers {
            let name = name.to_ascii_lowercase();
            match request_headers::overridden(&name, recipient) {
                MappedHeader::Sent => {
                    fields.remove(&name);
                    for value in values {
                        let value = Value::text(value.as_bytes()).into_field();
                        fields.add(name.clone(), value);
                    }
                }
                MappedHeader::Dropped => {}
                MappedHeader::Illegal => return Err(kept_header(&name)),
            }
        }
        Ok(())
    }
}

/// By what the response to a function's answer is selected: its error message when it has failed.
///
/// # Errors
///
/// [`Denial::ApiConfigurationError`] when Lambda has not run the function: because it may not be
/// called, or is called too often. [`Denial::RequestTooLarge`] when the payload is too large for
/// it.
async fn of_function(exchange: &Exchange, answer: &mut BackEndAnswer) -> Result<Selector, Denial> {
    match answer.status {
        200 if answer.headers.contains(b"x-amz-function-error") => {
            let body = answer.take_body(exchange).await;
            let message = error_message(&body).unwrap_or_default();
            answer.body = Some(body);
            Ok(Selector::Text(message))
        }
        // 202 is the answer to a call that is not waited for.
        200..=299 => Ok(Selector::Default),
        413 => Err(Denial::RequestTooLarge),
        status => {
            log::warn!("Lambda does not run the function: it answers with {status}");
            Err(misconfigured(format_args!(
                "Lambda does not run the function: it answers with {status}."
            )))
        }
    }
}

fn error_message(body: &[u8]) -> Option<String> {
    let failure: serde_json::Value = serde_json::from_slice(body).ok()?;
    failure.get("errorMessage")?.as_str().map(str::to_owned)
}
