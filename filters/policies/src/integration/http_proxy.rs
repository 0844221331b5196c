//! The `HTTP_PROXY` integration: the client's request goes to an HTTP back end, with a new
//! request line and a few header fields changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{self as model, Protocol, Verb};

use super::compile::{Deployment, Endpoint, Endpoints};
use super::context::IntegrationRequest;
use super::encoding::{Value, pairs, push_raw_query};
use super::mapping::{Source, Target};
use super::request_headers::{self, MappedHeader};
use super::trace::trace_id;
use super::upstream::Upstream;
use super::uri::{self, Piece, UriFault, has_stage_variables};
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::Edits;
use crate::headers::HeaderEdit;
use crate::ports::Random;

/// The request header that tells the proxy's route which cluster to use.
pub const CLUSTER_HEADER: &str = "x-attache-cluster";

/// The request header that tells the proxy how long the back end may take.
pub const TIMEOUT_HEADER: &str = "x-envoy-upstream-rq-timeout-ms";

/// The time-out of the proxy's route. An integration with another one says so per request.
pub const DEFAULT_TIMEOUT_MILLIS: u32 = 29_000;

/// An `HTTP_PROXY` integration, compiled for one operation in the stages that it is the same in.
#[derive(Debug)]
pub struct HttpProxy {
    /// `None` when the endpoint cannot be called as it is configured.
    destination: Option<Destination>,
    mapped_headers: Box<[HeaderMapping]>,
    mapped_query: Box<[QueryMapping]>,
    /// The method for the back end; `None` for the client's own.
    method: Option<Verb>,
    timeout_millis: u32,
    protocol: Protocol,
    api_id: Arc<str>,
}

/// A back end and the request line that it is called with.
#[derive(Debug)]
struct Destination {
    endpoint: Arc<Endpoint>,
    path: Box<[Piece]>,
    query: Box<[Piece]>,
}

#[derive(Debug)]
struct HeaderMapping {
    name: Box<str>,
    source: Source,
    /// Whether AWS fails the call when this field is mapped.
    illegal: bool,
}

#[derive(Debug)]
struct QueryMapping {
    name: Box<str>,
    source: Source,
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
        let mappings = Mappings::compile(definition, deployment, pointer, &mut errors);
        let destination = destination(
            definition,
            deployment,
            &mappings.path,
            pointer,
            endpoints,
            &mut errors,
        );
        let method = method(definition, pointer, &mut errors);
        check_timeout(definition, deployment.protocol, pointer, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            destination,
            mapped_headers: mappings.headers.into(),
            mapped_query: mappings.query.into(),
            method,
            timeout_millis: definition.timeout_in_millis,
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
    pub fn request_edits(
        &self,
        request: &IntegrationRequest<'_>,
        random: &(impl Random + ?Sized),
    ) -> Result<Edits, Denial> {
        let destination = self
            .destination
            .as_ref()
            .ok_or(Denial::ApiConfigurationError)?;
        let target = self.request_target(destination, request)?;
        let mut headers = self.mapped_fields(request)?;
        let (mut same_target, mut incoming_method, mut incoming_trace) = (false, None, None);
        for (name, value) in request.headers.iter() {
            match name {
                b":path" => same_target = value == target,
                b":method" => incoming_method = Some(value),
                b"x-amzn-trace-id" => incoming_trace = Some(value),
                name => {
                    if let Some(name) = request_headers::removed(name, value, self.protocol)
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

    fn mapped_fields(&self, request: &IntegrationRequest<'_>) -> Result<Vec<HeaderEdit>, Denial> {
        let mut edits = Vec::with_capacity(self.mapped_headers.len() + 6);
        for mapping in &self.mapped_headers {
            // A source that the request does not have sends nothing and hides nothing.
            let Some(value) = mapping.source.value(request) else {
                continue;
            };
            if mapping.illegal {
                return Err(Denial::ApiConfigurationError);
            }
            edits.push(HeaderEdit::Set(
                mapping.name.to_string().into(),
                value.into_field(),
            ));
        }
        Ok(edits)
    }

    /// The request target for the back end: the URI's own query parameters first, then those of
    /// the client that no mapping replaces, then the mapped ones.
    fn request_target(
        &self,
        destination: &Destination,
        request: &IntegrationRequest<'_>,
    ) -> Result<Vec<u8>, Denial> {
        let query = request.route.query;
        let mut target = Vec::with_capacity(64 + query.len());
        for piece in &destination.path {
            match piece {
                Piece::Literal(text) => target.extend_from_slice(text),
                Piece::Placeholder(source) => source
                    .value(request)
                    .ok_or(Denial::ApiConfigurationError)?
                    .push_to_path(&mut target),
            }
        }
        let mut separator = b'?';
        let mut separate = |target: &mut Vec<u8>| {
            target.push(separator);
            separator = b'&';
        };
        if !destination.query.is_empty() {
            separate(&mut target);
        }
        for piece in &destination.query {
            match piece {
                Piece::Literal(text) => target.extend_from_slice(text),
                Piece::Placeholder(source) => source
                    .value(request)
                    .ok_or(Denial::ApiConfigurationError)?
                    .push_to_query(&mut target),
            }
        }
        for pair in pairs(query) {
            let replaced = self.mapped_query.iter().any(|mapping| {
                pair.is_named(mapping.name.as_bytes()) && mapping.source.value(request).is_some()
            });
            if !replaced {
                separate(&mut target);
                push_raw_query(&mut target, pair.whole);
            }
        }
        for mapping in &self.mapped_query {
            for value in mapping.source.all_values(request) {
                separate(&mut target);
                Value::text(mapping.name.as_bytes()).push_to_query(&mut target);
                target.push(b'=');
                value.push_to_query(&mut target);
            }
        }
        Ok(target)
    }
}

/// The parameter mappings of an integration by what they set.
#[derive(Default)]
struct Mappings {
    headers: Vec<HeaderMapping>,
    query: Vec<QueryMapping>,
    path: BTreeMap<Box<str>, Source>,
}

impl Mappings {
    fn compile(
        definition: &model::HttpProxy,
        deployment: &Deployment<'_>,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut mappings = Self::default();
        for (key, expression) in &definition.request_parameters {
            let place = || {
                // RFC 6901, section 3.
                let key = key.replace('~', "~0").replace('/', "~1");
                format!("{pointer}/requestParameters/{key}")
            };
            let target = Target::parse(key, deployment.protocol)
                .map_err(|fault| errors.push(fault.at(place())));
            let source = Source::parse(expression, deployment)
                .map_err(|fault| errors.push(fault.at(place())));
            let (Ok(target), Ok(source)) = (target, source) else {
                continue;
            };
            let kind = match target {
                Target::Header(name) => match request_headers::mapped(name) {
                    Ok(kind) => kind,
                    Err(fault) => {
                        errors.push(fault.at(place()));
                        continue;
                    }
                },
                Target::Query(_) | Target::Path(_) => MappedHeader::Sent,
            };
            let Some(source) = source else {
                continue;
            };
            match (target, kind) {
                (Target::Header(_), MappedHeader::Dropped) => {}
                (Target::Header(name), kind) => mappings.headers.push(HeaderMapping {
                    name: name.to_ascii_lowercase().into(),
                    source,
                    illegal: kind == MappedHeader::Illegal,
                }),
                (Target::Query(name), _) => mappings.query.push(QueryMapping {
                    name: name.into(),
                    source,
                }),
                (Target::Path(name), _) => {
                    mappings.path.insert(name.into(), source);
                }
            }
        }
        mappings
    }
}

fn destination(
    definition: &model::HttpProxy,
    deployment: &Deployment<'_>,
    mapped_path: &BTreeMap<Box<str>, Source>,
    pointer: &str,
    endpoints: &mut Endpoints,
    errors: &mut Vec<CompileError>,
) -> Option<Destination> {
    let text = uri::resolve_stage_variables(&definition.uri, &deployment.stage.variables);
    let parsed = uri::parse(&text, &definition.tls, |name| match deployment.protocol {
        Protocol::Rest => mapped_path.get(name).cloned(),
        // HTTP APIs put path parameters in place by name.
        Protocol::Http => deployment
            .path_parameters
            .as_ref()
            .filter(|names| names.contains(&name))
            .map(|_| Source::Path(name.into())),
    });
    let place = format!("{pointer}/uri");
    match parsed {
        Ok(uri) => Some(Destination {
            endpoint: endpoints.intern(uri.upstream),
            path: uri.path,
            query: uri.query,
        }),
        Err(UriFault::PlaceholderInHost) => {
            errors.push(
                CompileError::new(
                    place,
                    format!(
                        "`{}` has a placeholder in its host, which is not supported",
                        definition.uri
                    ),
                )
                .hint("name the host, or use `${stageVariables.NAME}` for one host per stage"),
            );
            None
        }
        // AWS too finds out at the call what a stage variable made of the endpoint, and takes a
        // placeholder that nothing is mapped to for a character that is not allowed.
        Err(UriFault::Malformed(_)) if has_stage_variables(&definition.uri) => None,
        Err(UriFault::Unmapped) => None,
        Err(UriFault::Malformed(reason)) => {
            errors.push(
                CompileError::new(
                    place,
                    format!("`{}` is not a URI of a back end: {reason}", definition.uri),
                )
                .hint("write it as `http://HOST:PORT/PATH` or `https://…`"),
            );
            None
        }
    }
}

fn method(
    definition: &model::HttpProxy,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Verb> {
    let name = definition.http_method.as_deref()?.to_ascii_uppercase();
    if name == Verb::Any.as_str() {
        return None;
    }
    let verb = Verb::from_request(name.as_bytes());
    if verb.is_none() {
        errors.push(
            CompileError::new(
                format!("{pointer}/httpMethod"),
                format!("`{name}` is not a method that API Gateway sends"),
            )
            .hint(
                "use DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT, or ANY for the client's own",
            ),
        );
    }
    verb
}

fn check_timeout(
    definition: &model::HttpProxy,
    protocol: Protocol,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) {
    let longest = match protocol {
        Protocol::Rest => 29_000,
        Protocol::Http => 30_000,
    };
    if !(50..=longest).contains(&definition.timeout_in_millis) {
        errors.push(
            CompileError::new(
                format!("{pointer}/timeoutInMillis"),
                format!(
                    "a time-out of {} milliseconds is out of range",
                    definition.timeout_in_millis
                ),
            )
            .hint(format!("use 50 to {longest} milliseconds")),
        );
    }
}
