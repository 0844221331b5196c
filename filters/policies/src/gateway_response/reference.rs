//! What a gateway response can tell of a refused request.

use std::borrow::Cow;

use attache_model::Protocol;

use crate::authorization::CallerField;
use crate::denial::Denial;
use crate::integration::IntegrationRequest;
use crate::integration::context::ContextVariable;
use crate::integration::encoding::{Value, pairs};
use crate::lambda_event::is_canary_request;
use crate::route::Route;

use super::{RefusedRequest, StageContext};

/// A value that differs from refusal to refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// `context.error.message`
    Message,
    /// `context.error.messageString`: the message as a JSON string, or `null`.
    MessageString,
    /// `context.error.responseType`
    ResponseType,
    /// `context.error.validationErrorString`
    ValidationError,
    /// `context.httpMethod`
    HttpMethod,
    /// `context.resourcePath`
    ResourcePath,
    /// `context.stage`
    Stage,
    /// `context.deploymentId`
    DeploymentId,
    /// `context.isCanaryRequest`
    IsCanaryRequest,
    /// Another variable of `context`.
    Context(ContextVariable),
    /// What `context` knows of the caller.
    Caller(CallerField),
    /// `stageVariables.NAME`
    StageVariable(Box<str>),
    /// `method.request.header.NAME`, in lower case.
    Header(Box<[u8]>),
    /// `method.request.path.NAME`
    Path(Box<str>),
    /// `method.request.querystring.NAME`
    Query(Box<[u8]>),
    /// One that AWS has and that never has a value here.
    Absent,
}

/// One refusal with all that a reference may ask of it.
pub(super) struct Refusal<'r> {
    pub(super) denial: &'r Denial,
    pub(super) request: &'r RefusedRequest<'r>,
    pub(super) stage: Option<&'r StageContext>,
}

impl Reference {
    /// Reads a name as it stands in a mapping expression or behind the `$` of a template; `None`
    /// for one that is not known.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        if let Some(name) = name.strip_prefix("context.") {
            return Self::of_context(name);
        }
        if let Some(name) = name.strip_prefix("stageVariables.") {
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return is_name.then(|| Self::StageVariable(name.into()));
        }
        let (kind, name) = name
            .strip_prefix("method.request.")?
            .split_once('.')
            .filter(|(_, name)| !name.is_empty())?;
        Some(match kind {
            "path" => Self::Path(name.into()),
            "querystring" => Self::Query(name.as_bytes().into()),
            "header" => {
                let name = match name.to_ascii_lowercase() {
                    host if host == "host" => ":authority".to_owned(),
                    name => name,
                };
                Self::Header(name.into_bytes().into())
            }
            _ => return None,
        })
    }

    fn of_context(name: &str) -> Option<Self> {
        if let Some(field) = CallerField::parse(name) {
            return Some(Self::Caller(field));
        }
        Some(match name {
            "error.message" => Self::Message,
            "error.messageString" => Self::MessageString,
            "error.responseType" => Self::ResponseType,
            "error.validationErrorString" => Self::ValidationError,
            "httpMethod" => Self::HttpMethod,
            "resourcePath" => Self::ResourcePath,
            "stage" => Self::Stage,
            "deploymentId" => Self::DeploymentId,
            "isCanaryRequest" => Self::IsCanaryRequest,
            name => match ContextVariable::from_name(name) {
                Some(variable) => Self::Context(variable),
                None if is_absent(name) => Self::Absent,
                None => return None,
            },
        })
    }

    /// The value for one refusal, `None` when it has none.
    pub(super) fn value<'r>(&self, refusal: &Refusal<'r>) -> Option<Value<'r>> {
        let request = refusal.request;
        let text: Cow<'r, str> = match self {
            Self::Message => refusal.denial.message(Protocol::Rest)?,
            Self::MessageString => {
                let message = refusal.denial.message(Protocol::Rest);
                serde_json::Value::from(message).to_string().into()
            }
            Self::ResponseType => refusal
                .denial
                .response_type(Protocol::Rest)?
                .as_str()
                .into(),
            Self::ValidationError => in_json_string(refusal.denial.validation_error()?).into(),
            Self::ResourcePath => request.resource_path?.into(),
            Self::Stage => request.stage_name?.into(),
            Self::DeploymentId => (&*refusal.stage?.deployment_id).into(),
            Self::IsCanaryRequest => is_canary_request(refusal.stage?.is_canary_request?).into(),
            Self::StageVariable(name) => refusal.stage?.variables.get(&**name)?.as_str().into(),
            Self::Caller(field) => field.value(request.caller)?,
            Self::HttpMethod => {
                return Some(match request.route {
                    Some(route) => Value::text(route.verb.as_str().as_bytes()),
                    None => Value::text(request.headers.first(b":method")?),
                });
            }
            Self::Context(variable) => return variable.value(&integration_request(request)),
            Self::Header(name) => return request.headers.last(name).map(Value::text),
            Self::Path(name) => return request.route?.path_parameter(name).map(Value::path),
            Self::Query(name) => {
                return pairs(route(request).query)
                    .rev()
                    .find(|pair| pair.is_named(name))
                    .map(|pair| pair.value());
            }
            Self::Absent => return None,
        };
        Some(Value::text(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }))
    }
}

/// Whether AWS has such a variable behind `context.`, of something that this gateway does not have,
/// such as a firewall or an identity pool.
fn is_absent(name: &str) -> bool {
    name.starts_with("identity.")
        || matches!(
            name,
            "awsEndpointRequestId" | "resourceId" | "wafResponseCode" | "webaclArn"
        )
}

/// A text as it stands in a JSON string, without the quotes around it.
fn in_json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// Where the request went, or would have gone.
fn route<'r>(request: &RefusedRequest<'r>) -> Route<'r> {
    request
        .route
        .unwrap_or_else(|| Route::of_unmatched(request.headers))
}

fn integration_request<'r>(request: &RefusedRequest<'r>) -> IntegrationRequest<'r> {
    IntegrationRequest {
        headers: request.headers,
        route: route(request),
        ids: request.ids,
        time: request.time,
        connection: request.connection,
        api_key: request.api_key,
        api_key_id: request.api_key_id,
        caller: request.caller,
    }
}
