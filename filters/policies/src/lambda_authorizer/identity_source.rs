//! What identifies a caller: the parts of a request that have to be there before an authorizer is
//! asked, and that its cached results are found by.

use std::borrow::Cow;

use attache_model::Protocol;

use super::LambdaDenial;
use super::request::{API_KEY, AuthorizerRequest};
use crate::authorization::Caller;
use crate::integration::IntegrationRequest;
use crate::integration::context::ContextVariable;
use crate::integration::encoding::pairs;
use crate::lambda_event::Deployment;
use crate::validation_expression::ValidationExpression;

/// The values of all identity sources, in the order in which they are declared. None is empty.
pub type IdentityValues<'r> = Vec<Cow<'r, [u8]>>;

/// The identity sources of an authorizer in one stage.
#[derive(Debug)]
pub(super) struct IdentitySources {
    pub(super) sources: Box<[IdentitySource]>,
    /// What the token of a TOKEN authorizer must look like.
    pub(super) validation: Option<ValidationExpression>,
}

/// One identity source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentitySource {
    /// A header field, in lower case.
    Header(Box<[u8]>),
    /// A query parameter.
    Query(Box<[u8]>),
    /// A `$context` variable.
    Context(ContextVariable),
    /// `$context.resourcePath`
    ResourcePath,
    /// `$context.resourceId`
    ResourceId,
    /// `$context.routeKey`
    RouteKey,
    /// What the stage decides.
    Fixed(Box<[u8]>),
}

impl IdentitySource {
    /// Reads a source as it is written: `method.request.header.NAME`,
    /// `method.request.querystring.NAME`, `context.NAME`, `stageVariables.NAME` of REST APIs,
    /// `$request.header.NAME`, `$request.querystring.NAME`, `$context.NAME` and
    /// `$stageVariables.NAME` of HTTP APIs.
    ///
    /// A stage variable that the stage does not have is a source that is always missing.
    pub(super) fn parse(text: &str, deployment: &Deployment) -> Result<Self, String> {
        let unknown = || format!("`{text}` is not an identity source");
        let rest = match deployment.protocol {
            Protocol::Rest if text.starts_with("method.request.") => text.strip_prefix("method."),
            Protocol::Rest if text.starts_with("context.") => Some(text),
            Protocol::Rest if text.starts_with("stageVariables.") => Some(text),
            Protocol::Rest => None,
            Protocol::Http => text.strip_prefix('$'),
        };
        let (kind, name) = rest
            .and_then(|rest| rest.split_once('.'))
            .ok_or_else(unknown)?;
        match kind {
            "context" => Self::context(name, deployment)
                .ok_or_else(|| format!("`{text}` is not known before the caller is")),
            "stageVariables" if !name.is_empty() => {
                let value = deployment.variables.get(name).map(String::as_bytes);
                Ok(Self::Fixed(value.unwrap_or_default().into()))
            }
            "request" => {
                let (place, name) = name.split_once('.').ok_or_else(unknown)?;
                match place {
                    "header" if is_field_name(name) => {
                        let name = name.to_ascii_lowercase();
                        // The proxy knows it by this name only.
                        let name = if name == "host" { ":authority" } else { &name };
                        Ok(Self::Header(name.as_bytes().into()))
                    }
                    "querystring" if !name.is_empty() => Ok(Self::Query(name.as_bytes().into())),
                    _ => Err(unknown()),
                }
            }
            _ => Err(unknown()),
        }
    }

    fn context(name: &str, deployment: &Deployment) -> Option<Self> {
        let fixed = |text: &str| Self::Fixed(text.as_bytes().into());
        Some(match (name, deployment.protocol) {
            ("accountId", _) => fixed(&deployment.account_id),
            ("apiId", _) => fixed(&deployment.api_id),
            ("stage", _) => fixed(&deployment.stage),
            ("resourcePath", Protocol::Rest) => Self::ResourcePath,
            ("resourceId", Protocol::Rest) => Self::ResourceId,
            ("routeKey", Protocol::Http) => Self::RouteKey,
            _ => Self::Context(match ContextVariable::from_name(name)? {
                // This one comes of an authorization.
                ContextVariable::ApiKeyId => return None,
                variable => variable,
            }),
        })
    }

    /// The value for one request, `None` when it is missing or empty. Where there are several, it
    /// is the last of them with REST APIs, and all with commas between them with HTTP APIs.
    pub(super) fn value<'r>(
        &'r self,
        request: &AuthorizerRequest<'r>,
        deployment: &'r Deployment,
    ) -> Option<Cow<'r, [u8]>> {
        let operation = request.route.operation;
        let value = match self {
            Self::Header(name) => {
                let values = request.header(name).map(Cow::Borrowed);
                one_of(values, deployment.protocol)?
            }
            Self::Query(name) => {
                let named = pairs(request.route.query).filter(|pair| pair.is_named(name));
                let values = named.map(|pair| Cow::Owned(pair.decoded_value().collect()));
                one_of(values, deployment.protocol)?
            }
            Self::Context(variable) => context_value(*variable, request)?,
            Self::ResourcePath => deployment.resource_path(operation).as_bytes().into(),
            Self::ResourceId => deployment.resource_id(operation).into_bytes().into(),
            Self::RouteKey => deployment.route_key(operation).into_bytes().into(),
            Self::Fixed(text) => Cow::Borrowed(text.as_ref()),
        };
        (!value.is_empty()).then_some(value)
    }
}

impl IdentitySources {
    /// Takes the values from a request.
    ///
    /// # Errors
    ///
    /// [`LambdaDenial::Unauthorized`] when one of them is missing or empty, or when the token does
    /// not look as it must.
    pub(super) fn values<'r>(
        &'r self,
        request: &AuthorizerRequest<'r>,
        deployment: &'r Deployment,
    ) -> Result<IdentityValues<'r>, LambdaDenial> {
        let values = self
            .sources
            .iter()
            .map(|source| source.value(request, deployment))
            .collect::<Option<IdentityValues<'_>>>()
            .ok_or(LambdaDenial::Unauthorized)?;
        match &self.validation {
            Some(expression) if !values.iter().all(|value| expression.matches(value)) => {
                Err(LambdaDenial::Unauthorized)
            }
            _ => Ok(values),
        }
    }
}

fn context_value<'r>(
    variable: ContextVariable,
    request: &AuthorizerRequest<'r>,
) -> Option<Cow<'r, [u8]>> {
    let api_key = request.last_header(API_KEY);
    // Nobody knows yet who calls.
    let caller = Caller::default();
    let value = variable.value(&IntegrationRequest {
        headers: request.headers,
        route: request.route,
        ids: request.ids,
        time: request.time,
        connection: request.connection,
        api_key,
        api_key_id: None,
        caller: &caller,
    })?;
    Some(value.bytes.into_owned().into())
}

fn one_of<'v>(
    mut values: impl Iterator<Item = Cow<'v, [u8]>>,
    protocol: Protocol,
) -> Option<Cow<'v, [u8]>> {
    match protocol {
        Protocol::Rest => values.last(),
        Protocol::Http => {
            let mut joined = values.next()?;
            for value in values {
                let joined = joined.to_mut();
                joined.push(b',');
                joined.extend_from_slice(&value);
            }
            Some(joined)
        }
    }
}

/// RFC 9110, section 5.6.2.
fn is_field_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
