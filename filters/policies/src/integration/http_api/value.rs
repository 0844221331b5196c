//! The values of mappings.

use std::borrow::Cow;
use std::sync::Arc;

use attache_values::JsonPath;

use crate::authorization::CallerField;
use crate::headers::Headers;
use crate::integration::body::MappedBody;
use crate::integration::compile::Deployment;
use crate::integration::context::{ContextVariable, IntegrationRequest};
use crate::integration::encoding::Value;
use crate::integration::mapping::{MappingFault, Source, body_path};

/// A value, with all that is known before the request put in place.
#[derive(Debug)]
pub(super) struct MappedValue {
    parts: Box<[Part]>,
}

/// Whose values a mapping reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

#[derive(Debug)]
enum Part {
    /// What the request decides, a static text, or what the stage decides.
    Request(Source),
    /// All values of a field of the answer.
    ResponseHeader(Box<[u8]>),
    /// The body of the message, or what a path selects of it.
    Body(Option<Arc<JsonPath>>),
    /// Nothing, as of a stage variable that the stage does not have.
    Missing,
}

/// What a value is read from.
#[derive(Clone, Copy)]
pub(super) struct Scope<'v> {
    pub(super) request: &'v IntegrationRequest<'v>,
    /// The answer's header fields, once there is one.
    pub(super) response: Option<&'v Headers>,
    /// The body of the request, or then of the answer, when a mapping reads it.
    pub(super) body: Option<&'v MappedBody>,
}

impl MappedValue {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(
        text: &str,
        side: Side,
        deployment: &Deployment<'_>,
    ) -> Result<Self, MappingFault> {
        let is_reference = text.starts_with('$') && !text.starts_with("${");
        let mut parts = Vec::new();
        if let Some(reference) = text.strip_prefix('$').filter(|_| is_reference) {
            parts.push(Part::parse(reference, side, deployment)?);
            return Ok(Self {
                parts: parts.into(),
            });
        }
        let mut rest = text;
        loop {
            let (literal, reference) = match rest.split_once("${") {
                Some((literal, tail)) => {
                    let reference = tail.split_once('}').ok_or_else(|| {
                        MappingFault::new(
                            format!("`{text}` has a reference that does not end"),
                            "close it with `}`",
                        )
                    })?;
                    (literal, Some(reference))
                }
                None => (rest, None),
            };
            if !literal.is_empty() || parts.is_empty() && reference.is_none() {
                parts.push(Part::fixed(literal));
            }
            let Some((reference, after)) = reference else {
                return Ok(Self {
                    parts: parts.into(),
                });
            };
            parts.push(Part::parse(reference, side, deployment)?);
            rest = after;
        }
    }

    /// Whether the value is, or has in it, something of the body.
    pub(super) fn reads_body(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Body(_)))
    }

    /// The value for one message; `None` when it refers to something that is not there. In a
    /// longer text that is empty.
    pub(super) fn value<'v>(&'v self, scope: Scope<'v>) -> Option<Value<'v>> {
        if let [part] = &*self.parts {
            return part.value(scope);
        }
        let mut whole = Vec::new();
        for part in &self.parts {
            if let Some(value) = part.value(scope) {
                whole.extend_from_slice(&value.into_bytes());
            }
        }
        Some(Value::text(whole))
    }
}

impl Part {
    /// Reads a reference without its `$`.
    fn parse(
        reference: &str,
        side: Side,
        deployment: &Deployment<'_>,
    ) -> Result<Self, MappingFault> {
        let not_understood = || {
            MappingFault::new(
                format!("`${reference}` is not understood"),
                match side {
                    Side::Request => {
                        "values are `$request.{header,querystring,path}.NAME`, `$request.path`, \
                         `$request.body[.PATH]`, `$context.NAME`, `$stageVariables.NAME`, and \
                         texts with `${request.header.NAME}` and so on in them"
                    }
                    Side::Response => {
                        "values are `$response.header.NAME`, `$response.body[.PATH]`, \
                         `$context.NAME`, `$stageVariables.NAME`, and texts with \
                         `${response.header.NAME}` and so on in them"
                    }
                },
            )
        };
        let (root, rest) = reference.split_once('.').ok_or_else(not_understood)?;
        let (kind, name) = match rest.split_once('.') {
            Some((kind, name)) if !name.is_empty() => (kind, Some(name)),
            Some(_) => return Err(not_understood()),
            None => (rest, None),
        };
        Ok(match (root, side, kind, name) {
            ("stageVariables", ..) => {
                let value = deployment.stage.variables.get(rest);
                value.map_or(Self::Missing, |value| Self::fixed(value))
            }
            ("context", ..) => Self::Request(context(rest, deployment)?),
            ("request", Side::Request, "header", Some(name)) => {
                let name = match name.to_ascii_lowercase() {
                    host if host == "host" => ":authority".to_owned(),
                    name => name,
                };
                Self::Request(Source::Header {
                    name: name.into_bytes().into(),
                    all: true,
                })
            }
            ("request", Side::Request, "querystring", Some(name)) => Self::Request(Source::Query {
                name: name.as_bytes().into(),
                all: true,
            }),
            ("request", Side::Request, "path", None) => Self::Request(Source::ResourcePath),
            ("request", Side::Request, "path", Some(name)) => {
                if !deployment.has_path_parameter(name) {
                    return Err(MappingFault::new(
                        format!("`${reference}` names a parameter that the route does not have"),
                        "name a parameter of the route's path; a greedy one without its `+`",
                    ));
                }
                Self::Request(Source::Path(name.into()))
            }
            ("response", Side::Response, "header", Some(name)) => {
                Self::ResponseHeader(name.to_ascii_lowercase().into_bytes().into())
            }
            ("request", Side::Request, "body", path)
            | ("response", Side::Response, "body", path) => {
                Self::Body(path.map(definite_path).transpose()?)
            }
            _ => return Err(not_understood()),
        })
    }

    fn fixed(text: &str) -> Self {
        Self::Request(Source::Fixed(text.as_bytes().into()))
    }

    fn value<'v>(&'v self, scope: Scope<'v>) -> Option<Value<'v>> {
        match self {
            Self::Request(source) => source.value(scope.request),
            Self::ResponseHeader(name) => {
                let mut values = scope.response?.all(name);
                let mut joined = Cow::Borrowed(values.next()?);
                for value in values {
                    let joined = joined.to_mut();
                    joined.push(b',');
                    joined.extend_from_slice(value);
                }
                Some(Value::text(joined))
            }
            Self::Body(path) => scope.body?.value(path.as_deref()),
            Self::Missing => None,
        }
    }
}

/// HTTP APIs neither search a document nor filter it.
fn definite_path(path: &str) -> Result<Arc<JsonPath>, MappingFault> {
    if path.contains("..") || path.contains("?(") || path.starts_with('.') {
        return Err(MappingFault::new(
            format!("`{path}` searches or filters, which HTTP APIs do not"),
            "name the way to the value, like `order.items[0]`",
        ));
    }
    body_path(path)
}

/// A `$context` variable of HTTP APIs.
fn context(name: &str, deployment: &Deployment<'_>) -> Result<Source, MappingFault> {
    let fixed = |text: &str| Source::Fixed(text.as_bytes().into());
    Ok(match name {
        "routeKey" => fixed(&deployment.route_key()),
        // It is the short one that the client is told.
        "requestId" => Source::Context(ContextVariable::ExtendedRequestId),
        name if CallerField::parse(name).is_some() => Source::context(name, deployment)?,
        name => Source::context(name, deployment).map_err(|_| {
            MappingFault::new(
                format!("`$context.{name}` is not known"),
                "known are accountId, apiId, authorizer.NAME, authorizer.claims.NAME, \
                 customDomain.basePathMatched, domainName, domainPrefix, extendedRequestId, httpMethod, identity.sourceIp, \
                 identity.userAgent, path, protocol, requestId, requestTime, requestTimeEpoch, \
                 routeKey and stage",
            )
        })?,
    })
}
