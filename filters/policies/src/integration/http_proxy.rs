//! The `HTTP_PROXY` integration: the client's request goes to an HTTP back end, with a new
//! request line and a few header fields changed.

use std::borrow::Cow;
use std::sync::Arc;

use attache_model::{self as model, ContentHandling, Protocol, Verb};

use super::body::MappedBody;
use super::compile::{Deployment, Endpoints, check_timeout, method, of_http_apis};
use super::content::Conversion;
use super::context::IntegrationRequest;
use super::destination::{self, Destination, INVALID_ENDPOINT};
use super::encoding::pairs;
use super::http_api::{HttpApiRequest, HttpApiResponses};
use super::mapping::Source;
use super::parameters::RequestParameters;
use super::request_headers::{self, Recipient};
use super::response::failure;
use super::trace::trace_id;
use super::upstream::Upstream;
use super::uri::Placeholder;
use super::{Answered, LARGEST_ANSWER, held_body};
use crate::binary_media_types::BinaryMediaTypes;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::{Edits, Exchange};
use crate::execution_log::misconfigured;
use crate::headers::HeaderEdit;
use crate::observation::Observation;
use crate::ports::Random;
use crate::web_socket;

/// The request header that tells the proxy's route which cluster to use.
pub const CLUSTER_HEADER: &str = "x-attache-cluster";

/// The request header that tells the proxy's route to take off what the proxy has written for
/// itself, because the back end is to see what is mapped and nothing else.
pub const MAPPED_HEADER: &str = "x-attache-mapped";

/// The request header that tells the proxy how long the back end may take.
pub const TIMEOUT_HEADER: &str = "x-envoy-upstream-rq-timeout-ms";

/// The time-out of the proxy's route. An integration with another one says so per request.
pub const DEFAULT_TIMEOUT_MILLIS: u32 = 29_000;

/// An `HTTP_PROXY` integration, compiled for one operation in the stages that it is the same in.
#[derive(Debug)]
pub struct HttpProxy {
    /// `None` when the endpoint cannot be called as it is configured.
    destination: Option<Destination>,
    /// Of REST APIs.
    parameters: RequestParameters,
    /// Of HTTP APIs.
    request: HttpApiRequest,
    responses: HttpApiResponses,
    /// The method for the back end; `None` for the client's own.
    method: Option<Verb>,
    timeout_millis: u32,
    content_handling: Option<ContentHandling>,
    binary_media_types: Arc<BinaryMediaTypes>,
    protocol: Protocol,
    api_id: Arc<str>,
}

impl HttpProxy {
    /// Compiles an integration for one operation in one stage. `pointer` is its place in the
    /// configuration document.
    pub(super) fn compile(
        definition: &model::HttpProxy,
        deployment: &Deployment<'_>,
        pointer: &str,
        endpoints: &mut Endpoints,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let (mut parameters, mut request) =
            (RequestParameters::default(), HttpApiRequest::default());
        let mapped = &definition.request_parameters;
        let place = format!("{pointer}/requestParameters");
        match deployment.protocol {
            Protocol::Rest => {
                let recipient = Recipient::Proxied;
                parameters =
                    RequestParameters::compile(mapped, recipient, deployment, &place, &mut errors);
            }
            Protocol::Http => {
                request = HttpApiRequest::compile(mapped, deployment, &place, &mut errors);
            }
        }
        let mapped = &definition.response_parameters;
        let place = format!("{pointer}/responseParameters");
        if deployment.protocol == Protocol::Rest && !mapped.is_empty() {
            errors.push(of_http_apis(place.clone()));
        }
        let responses = HttpApiResponses::compile(mapped, deployment, &place, &mut errors);
        let source = |name: &str| match deployment.protocol {
            Protocol::Rest => parameters.path.get(name).cloned(),
            // HTTP APIs put path parameters in place by name.
            Protocol::Http => deployment
                .path_parameters
                .as_ref()
                .filter(|names| names.contains(&name))
                .map(|_| Source::Path(name.into())),
        };
        let destination = Destination::compile(
            &destination::Definition {
                uri: &definition.uri,
                tls: &definition.tls,
                vpc_link: definition.vpc_link.as_deref(),
                pointer,
            },
            deployment,
            |name| {
                source(name).map(|source| Placeholder {
                    name: name.into(),
                    source: Some(source),
                })
            },
            endpoints,
            &mut errors,
        );
        let method = method(definition.http_method.as_deref(), pointer, &mut errors);
        check_timeout(
            definition.timeout_in_millis,
            deployment,
            pointer,
            &mut errors,
        );
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            destination,
            parameters,
            request,
            responses,
            method,
            timeout_millis: definition.timeout_in_millis,
            content_handling: definition.content_handling,
            binary_media_types: Arc::clone(&deployment.binary_media_types),
            protocol: deployment.protocol,
            api_id: Arc::clone(&deployment.api_id),
        })
    }

    /// The back end, `None` when the endpoint cannot be called as it is configured.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        self.destination
            .as_ref()
            .map(|destination| &destination.endpoint.upstream)
    }

    /// Which of AWS's two products answers.
    #[must_use]
    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the back end's answers are the client's, but for a few header fields.
    pub(super) fn passes_answers_on(&self) -> bool {
        self.responses.is_empty()
    }

    /// Serves one request. A body is held only where a mapping reads it or it is to be converted.
    /// `conditions` are changes for the back end beside its own.
    pub(super) async fn answer(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        conditions: Vec<HeaderEdit>,
        seen: &mut Observation<'_>,
    ) -> Result<Answered, Denial> {
        let ports = exchange.ports();
        let content_type = request.headers.last(b"content-type");
        let is_binary = self.binary_media_types.contains(content_type);
        let conversion = Conversion::of_request(self.content_handling, is_binary);
        let mapped_body = if self.parameters.read_body {
            let body = held_body(exchange).await?;
            Some(MappedBody::read(body).map_err(|_| Denial::InvalidJsonInBody)?)
        } else if self.request.read_body {
            Some(MappedBody::read_start(held_body(exchange).await?))
        } else {
            None
        };
        let mut edits = self.request_edits(request, mapped_body.as_ref(), ports)?;
        edits.headers.extend(conditions);
        if !conversion.changes_nothing() && !exchange.ends_with_headers() {
            let body = Cow::Borrowed(held_body(exchange).await?);
            edits.body = Some(conversion.apply(body)?.into_owned());
        }

        seen.forwarded(ports.now());
        let head = exchange.forward(edits).await;
        seen.answered(ports.now(), head.failure.is_none().then_some(head.status));
        if let Some(why) = head.failure {
            return Err(failure(why));
        }
        let mut status = head.status;
        let mut edits = self.response_edits(&head);
        if let Some(response) = self.responses.of(status) {
            let body = if response.read_body {
                let body = exchange.response_body().await;
                if body.len() > LARGEST_ANSWER {
                    return Err(Denial::ApiConfigurationError);
                }
                Some(MappedBody::read_start(&body))
            } else {
                None
            };
            let (new_status, mapped) = response.edits(request, &head.headers, body.as_ref());
            edits.extend(mapped);
            if let Some(new_status) = new_status.filter(|new_status| *new_status != status) {
                status = new_status;
                let digits = status.to_string().into_bytes();
                edits.push(HeaderEdit::Set(":status".into(), digits));
            }
        }
        Ok(Answered::PassThrough {
            status,
            edits,
            headers: head.headers,
        })
    }

    /// What changes on the client's request before it goes to the back end.
    ///
    /// `:authority` is not among it: the proxy writes the back end's own, and adds
    /// `X-Forwarded-For` and its kin.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when the endpoint is not one, when a placeholder of its
    /// URI gets no value, or when a mapping sets a header field that API Gateway keeps for
    /// itself.
    pub(super) fn request_edits(
        &self,
        request: &IntegrationRequest<'_>,
        body: Option<&MappedBody>,
        random: &(impl Random + ?Sized),
    ) -> Result<Edits, Denial> {
        let destination = self
            .destination
            .as_ref()
            .ok_or_else(|| misconfigured(INVALID_ENDPOINT))?;
        let target = self.request_target(destination, request, body)?;
        let mut headers = Vec::with_capacity(self.parameters.headers.len() + 6);
        for field in self.parameters.header_fields(request, body) {
            let (name, value) = field?;
            headers.push(HeaderEdit::Set(name.to_owned().into(), value.into_field()));
        }
        headers.extend(self.request.header_edits(request, body));
        let is_handshake = web_socket::is_handshake(request.headers);
        let (mut same_target, mut incoming_method, mut incoming_trace) = (false, None, None);
        for (name, value) in request.headers.iter() {
            match name {
                b":path" => same_target = value == target,
                b":method" => incoming_method = Some(value),
                b"x-amzn-trace-id" => incoming_trace = Some(value),
                name => {
                    if !(is_handshake && web_socket::is_of_handshake(name))
                        && let Some(name) = request_headers::removed(name, value, self.protocol)
                        && !self.sets(&name)
                        && !headers.iter().any(|edit| edit.name() == name)
                    {
                        headers.push(HeaderEdit::Remove(name));
                    }
                }
            }
        }
        let mut set = |name: &'static str, value: Vec<u8>| {
            headers.push(HeaderEdit::Set(name.into(), value));
        };
        if !same_target {
            set(":path", target);
        }
        let method = self.method.unwrap_or(request.route.verb).as_str();
        if incoming_method != Some(method.as_bytes()) {
            set(":method", method.into());
        }
        set(CLUSTER_HEADER, destination.endpoint.cluster.clone().into());
        if self.timeout_millis != DEFAULT_TIMEOUT_MILLIS {
            set(TIMEOUT_HEADER, self.timeout_millis.to_string().into());
        }
        if let Some(trace) = trace_id(incoming_trace, request.time, random) {
            set("x-amzn-trace-id", trace);
        }
        if self.protocol == Protocol::Rest {
            set("x-amzn-apigateway-api-id", self.api_id.as_bytes().to_vec());
        }
        Ok(Edits {
            headers,
            body: None,
        })
    }

    /// Whether a header field of the gateway's own is written in any case, so that the client's
    /// need not be removed.
    fn sets(&self, name: &str) -> bool {
        name == CLUSTER_HEADER
            || name == TIMEOUT_HEADER && self.timeout_millis != DEFAULT_TIMEOUT_MILLIS
    }

    /// The request target for the back end: the URI's own query parameters first, then those of
    /// the client that no mapping replaces, then the mapped ones.
    fn request_target(
        &self,
        destination: &Destination,
        request: &IntegrationRequest<'_>,
        body: Option<&MappedBody>,
    ) -> Result<Vec<u8>, Denial> {
        let path = self.request.path(request, body);
        let mut target = destination.target(path, |placeholder| {
            placeholder
                .source
                .as_ref()
                .and_then(|source| source.value_with(request, body))
        })?;
        if self.protocol == Protocol::Http {
            self.request.push_query(&mut target, request, body);
            return Ok(target.into_bytes());
        }
        for pair in pairs(request.route.query) {
            let replaced = self.parameters.query.iter().any(|mapping| {
                pair.is_named(mapping.name.as_bytes())
                    && mapping.source.value_with(request, body).is_some()
            });
            if !replaced {
                target.push_raw(pair.whole);
            }
        }
        for mapping in &self.parameters.query {
            for value in mapping.source.all_values(request, body) {
                target.push(&mapping.name, &value);
            }
        }
        Ok(target.into_bytes())
    }
}
