//! Parameter mappings: `integration.request.header.x: method.request.querystring.y`.

use std::borrow::Cow;
use std::sync::Arc;

use attache_values::JsonPath;

use super::body::MappedBody;
use super::compile::Deployment;
use super::context::{ContextVariable, IntegrationRequest};
use super::encoding::{Form, Value, pairs};
use super::request_headers;
use crate::authorization::CallerField;
use crate::compile_error::CompileError;
use crate::lambda_event::{deployment_id, is_canary_request, resource_id};

/// Where a mapped value comes from, with all that is known before the request put in place.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A static value, a stage variable, or what the stage and resource decide.
    Fixed(Box<[u8]>),
    /// A path parameter.
    Path(Box<str>),
    /// The path without the stage.
    ResourcePath,
    /// A query parameter: its last value, or all of them.
    Query { name: Box<[u8]>, all: bool },
    /// A header field: its last value, or all of them.
    Header { name: Box<[u8]>, all: bool },
    /// The body, or what a path selects of it.
    Body(Option<Arc<JsonPath>>),
    /// A `$context` variable.
    Context(ContextVariable),
    /// What `$context` knows of the caller.
    Caller(CallerField),
}

/// What a value is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'k> {
    Header(&'k str),
    Query(&'k str),
    Path(&'k str),
}

/// Why a mapping is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MappingFault {
    reason: String,
    hint: &'static str,
}

impl MappingFault {
    pub(super) fn new(reason: impl Into<String>, hint: &'static str) -> Self {
        Self {
            reason: reason.into(),
            hint,
        }
    }

    /// The fault at its place in the configuration document.
    pub(super) fn at(self, pointer: String) -> CompileError {
        CompileError::new(pointer, self.reason).hint(self.hint)
    }
}

impl<'k> Target<'k> {
    pub(super) fn parse(key: &'k str) -> Result<Self, MappingFault> {
        let unknown = || {
            MappingFault::new(
                format!("`{key}` is not a target of a parameter mapping"),
                "targets are `integration.request.header.NAME`, \
                 `integration.request.querystring.NAME` and `integration.request.path.NAME`",
            )
        };
        let (kind, name) = key
            .strip_prefix("integration.request.")
            .and_then(|rest| rest.split_once('.'))
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(unknown)?;
        match kind {
            "header" => Ok(Self::Header(name)),
            "querystring" => Ok(Self::Query(name)),
            "path" => Ok(Self::Path(name)),
            _ => Err(unknown()),
        }
    }
}

impl Source {
    /// Reads a mapping expression. `None` is an expression that never has a value.
    pub(super) fn parse(
        expression: &str,
        deployment: &Deployment<'_>,
    ) -> Result<Option<Self>, MappingFault> {
        if let Some(text) = expression
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''))
        {
            return Ok(Some(Self::fixed(text)));
        }
        if let Some(name) = expression.strip_prefix("stageVariables.") {
            let value = deployment.stage.variables.get(name);
            return Ok(value
                .filter(|value| !value.is_empty())
                .map(|value| Self::fixed(value)));
        }
        if expression == "context.isCanaryRequest" {
            let is_canary = deployment.is_canary_request;
            return Ok(is_canary.map(|is_canary| Self::fixed(is_canary_request(is_canary))));
        }
        if let Some(name) = expression.strip_prefix("context.") {
            return Self::context(name, deployment).map(Some);
        }
        let Some(rest) = expression.strip_prefix("method.request.") else {
            return Err(not_understood(expression));
        };
        if rest == "body" {
            return Ok(Some(Self::Body(None)));
        }
        if let Some(path) = rest.strip_prefix("body.") {
            return body_path(path).map(|path| Some(Self::Body(Some(path))));
        }
        let (kind, name) = rest
            .split_once('.')
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(|| not_understood(expression))?;
        match kind {
            "path" => deployment
                .has_path_parameter(name)
                .then(|| Some(Self::Path(name.into())))
                .ok_or_else(|| {
                    MappingFault::new(
                        format!("`{expression}` names a parameter that the path does not have"),
                        "name a parameter of the resource path; a greedy one without its `+`",
                    )
                }),
            "querystring" | "multivaluequerystring" => Ok(Some(Self::Query {
                name: name.as_bytes().into(),
                all: kind == "multivaluequerystring",
            })),
            "header" | "multivalueheader" => {
                let name = match name.to_ascii_lowercase() {
                    host if host == "host" => ":authority".to_owned(),
                    name => name,
                };
                // API Gateway takes these away before it maps anything.
                let hidden = request_headers::is_hidden(name.as_bytes());
                Ok((!hidden).then(|| Self::Header {
                    name: name.into_bytes().into(),
                    all: kind == "multivalueheader",
                }))
            }
            _ => Err(not_understood(expression)),
        }
    }

    pub(super) fn context(name: &str, deployment: &Deployment<'_>) -> Result<Self, MappingFault> {
        if let Some(field) = CallerField::parse(name) {
            return Ok(Self::Caller(field));
        }
        Ok(match name {
            "accountId" => Self::fixed(deployment.account_id),
            "apiId" => Self::fixed(&deployment.api_id),
            "stage" => Self::fixed(&deployment.stage.name),
            "resourcePath" => Self::fixed(deployment.resource_path),
            "resourceId" => Self::fixed(&resource_id(
                &deployment.api_id,
                deployment.resource_path,
            )),
            "deploymentId" => {
                Self::fixed(&deployment_id(&deployment.api_id, deployment.stage))
            }
            name => Self::Context(ContextVariable::from_name(name).ok_or_else(|| {
                MappingFault::new(
                    format!("`context.{name}` is not known"),
                    "known are accountId, apiId, authorizer.NAME, authorizer.claims.NAME, \
                     authorizer.principalId, customDomain.basePathMatched, deploymentId, domainName, \
                     domainPrefix, extendedRequestId, httpMethod, isCanaryRequest, path, protocol, \
                     requestId, requestTime, requestTimeEpoch, \
                     resourceId, resourcePath, stage and identity.{accessKey, accountId, apiKey, apiKeyId, \
                     caller, principalOrgId, sourceIp, user, userAgent, userArn}",
                )
            })?),
        })
    }

    fn fixed(text: &str) -> Self {
        Self::Fixed(text.as_bytes().into())
    }

    /// The value for one request, `None` when the request does not have it. Several values are
    /// joined with a comma.
    pub(super) fn value<'v>(&'v self, request: &IntegrationRequest<'v>) -> Option<Value<'v>> {
        match self {
            Self::Fixed(text) => Some(Value::text(&**text)),
            Self::Path(name) => request.route.path_parameter(name).map(|bytes| Value {
                bytes: bytes.into(),
                form: Form::Path,
            }),
            Self::ResourcePath => Some(Value::path(request.route.resource_path)),
            Self::Query { name, all: false } => pairs(request.route.query)
                .rev()
                .find(|pair| pair.is_named(name))
                .map(|pair| pair.value()),
            Self::Query { .. } => self.all_values(request, None).reduce(|mut joined, next| {
                let bytes = joined.bytes.to_mut();
                bytes.push(b',');
                bytes.extend_from_slice(&next.bytes);
                joined
            }),
            Self::Header { name, all: false } => request.headers.last(name).map(Value::text),
            Self::Header { name, .. } => {
                let mut values = request.headers.all(name);
                let mut joined = Cow::Borrowed(values.next()?);
                for value in values {
                    let joined = joined.to_mut();
                    joined.push(b',');
                    joined.extend_from_slice(value);
                }
                Some(Value::text(joined))
            }
            // Only whoever holds the body has its value.
            Self::Body(_) => None,
            Self::Context(variable) => variable.value(request),
            Self::Caller(field) => field
                .value(request.caller)
                .map(|text| Value::text(cow_bytes(text))),
        }
    }

    /// The value for one request whose body is held, if a mapping reads it.
    pub(super) fn value_with<'v>(
        &'v self,
        request: &IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) -> Option<Value<'v>> {
        match self {
            Self::Body(path) => body?.value(path.as_deref()),
            source => source.value(request),
        }
    }

    /// The values for one request one by one: several only of a multi-value query parameter.
    pub(super) fn all_values<'v>(
        &'v self,
        request: &IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) -> impl Iterator<Item = Value<'v>> {
        let query = match self {
            Self::Query { name, all: true } => Some((name, request.route.query)),
            _ => None,
        };
        let single = if query.is_some() {
            None
        } else {
            self.value_with(request, body)
        };
        single.into_iter().chain(
            query
                .into_iter()
                .flat_map(|(name, query)| pairs(query).filter(move |pair| pair.is_named(name)))
                .map(|pair| pair.value()),
        )
    }
}

/// Reads a path into a body, which AWS's documents write with the `$.` in front or without.
///
/// # Errors
///
/// When it is not a JSONPath expression.
pub(super) fn body_path(path: &str) -> Result<Arc<JsonPath>, MappingFault> {
    let whole = if path.starts_with('$') {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(format!("$.{path}"))
    };
    JsonPath::compile(&whole).map(Arc::new).map_err(|fault| {
        MappingFault::new(
            format!("`{path}` is not a JSONPath expression: {fault}"),
            "write it like `$.order.items[0]`",
        )
    })
}

fn cow_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn not_understood(expression: &str) -> MappingFault {
    MappingFault::new(
        format!("the mapping expression `{expression}` is not understood"),
        "sources are `method.request.{path,querystring,multivaluequerystring,header,\
         multivalueheader}.NAME`, `method.request.body[.PATH]`, `stageVariables.NAME`, `context.NAME` and `'a static value'`",
    )
}
