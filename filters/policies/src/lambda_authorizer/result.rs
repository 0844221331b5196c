//! What the function answers, and what counts as an answer.

use std::fmt;
use std::sync::Arc;

use attache_model::{Protocol, Secret};
use serde_json::{Map, Value};

use super::LambdaDenial;
use super::service::Service;
use crate::exchange::CalloutAnswer;
use crate::iam::{self, Policy, PolicyFault, PolicyKind, Verdict};

/// The longest answer that is read, in bytes.
pub const LARGEST_ANSWER: usize = 64 * 1024;

/// The longest policy document, in bytes of JSON without white space.
pub const LARGEST_POLICY: usize = 8 * 1024;

/// Who calls and what they may do, as an authorizer has answered. Says nothing about one request
/// yet: [`verdict`](Self::verdict) does.
pub struct AuthorizerResult {
    decision: Decision,
    /// `principalId`. Simple responses have none.
    pub principal_id: Option<Arc<str>>,
    /// `context`, with the values that `$context.authorizer` has: texts for REST APIs, any JSON
    /// for HTTP APIs.
    pub context: Arc<Map<String, Value>>,
    /// `usageIdentifierKey`: the API key to be used for the caller.
    pub usage_identifier_key: Option<Secret<Arc<str>>>,
}

enum Decision {
    Policy(Policy),
    /// `isAuthorized`
    Simple(bool),
}

/// How an authorizer's answers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultForm {
    /// REST APIs take fewer kinds of `context` values.
    pub protocol: Protocol,
    /// Whether answers are `{"isAuthorized": …}`.
    pub simple: bool,
}

/// Why an answer is not a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultFault {
    /// It is over [`LARGEST_ANSWER`].
    TooLarge,
    /// It is not a JSON object, or one that is nested too deeply.
    NotAnObject,
    /// `principalId` is missing or not a text.
    PrincipalId,
    /// `policyDocument` is missing.
    NoPolicy,
    /// `policyDocument` is over [`LARGEST_POLICY`].
    PolicyTooLarge,
    /// `policyDocument` is not a policy.
    Policy(Vec<PolicyFault>),
    /// `context` is not an object.
    Context,
    /// This member of `context` is neither text nor number nor boolean.
    ContextValue(String),
    /// `usageIdentifierKey` is not a text.
    UsageIdentifierKey,
    /// `isAuthorized` is missing or not a boolean.
    IsAuthorized,
}

impl AuthorizerResult {
    /// Reads an answer. Members that are not known are passed over; of two with the same name the
    /// last counts.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn parse(answer: &[u8], form: ResultForm) -> Result<Self, ResultFault> {
        if answer.len() > LARGEST_ANSWER {
            return Err(ResultFault::TooLarge);
        }
        // The library refuses what is nested over 128 deep.
        let answer = serde_json::from_slice(answer).map_err(|_| ResultFault::NotAnObject)?;
        Self::from_object(answer, form)
    }

    fn from_object(mut answer: Map<String, Value>, form: ResultForm) -> Result<Self, ResultFault> {
        let (decision, principal_id) = if form.simple {
            let is_authorized = answer.get("isAuthorized").and_then(Value::as_bool);
            let is_authorized = is_authorized.ok_or(ResultFault::IsAuthorized)?;
            (Decision::Simple(is_authorized), None)
        } else {
            let principal_id = answer.get("principalId").and_then(Value::as_str);
            let principal_id = Arc::from(principal_id.ok_or(ResultFault::PrincipalId)?);
            let policy = policy(answer.get("policyDocument"))?;
            (Decision::Policy(policy), Some(principal_id))
        };
        let context = match answer.remove("context") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(context)) => match form.protocol {
                Protocol::Rest => texts(context)?,
                Protocol::Http => context,
            },
            Some(_) => return Err(ResultFault::Context),
        };
        let usage_identifier_key = match answer.get("usageIdentifierKey") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(Secret::new(key.as_str().into())),
            Some(_) => return Err(ResultFault::UsageIdentifierKey),
        };
        Ok(Self {
            decision,
            principal_id,
            context: Arc::new(context),
            usage_identifier_key,
        })
    }

    /// What the result says about one request. A policy is evaluated for each anew: that it
    /// allowed one method says nothing about another.
    #[must_use]
    pub fn verdict(&self, access: &iam::Request<'_>) -> Verdict {
        match &self.decision {
            Decision::Policy(policy) => policy.evaluate(access),
            Decision::Simple(true) if access.action == iam::INVOKE => Verdict::Allow,
            // It is about the call, and about nothing besides.
            Decision::Simple(true) => Verdict::ImplicitDeny,
            Decision::Simple(false) => Verdict::ExplicitDeny,
        }
    }
}

fn policy(document: Option<&Value>) -> Result<Policy, ResultFault> {
    let document = document.filter(|document| !document.is_null());
    let document = document.ok_or(ResultFault::NoPolicy)?;
    if document.to_string().len() > LARGEST_POLICY {
        return Err(ResultFault::PolicyTooLarge);
    }
    Policy::parse(document, PolicyKind::Lambda).map_err(ResultFault::Policy)
}

/// What REST APIs make of the values of a context.
fn texts(context: Map<String, Value>) -> Result<Map<String, Value>, ResultFault> {
    context
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(_) => Ok((name, value)),
            Value::Number(_) | Value::Bool(_) => {
                let text = value.to_string();
                Ok((name, text.into()))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(ResultFault::ContextValue(name))
            }
        })
        .collect()
}

/// Takes the result from the answer to a call.
///
/// Only what was expected is a result. Lambda says 200 both when the function has answered and
/// when it has failed, and tells them apart by a header field; one that has failed with the
/// message `Unauthorized` has refused the caller. A web service refuses them in the same way, or
/// with 401.
///
/// # Errors
///
/// - [`LambdaDenial::Unauthorized`]: the caller is refused.
/// - [`LambdaDenial::AuthorizerFailure`]: there was no answer: the call broke off, took too long,
///   or was answered with a 5xx, which may be the proxy's own.
/// - [`LambdaDenial::AuthorizerConfigurationError`]: the function has failed, may not be called,
///   or its answer is not a result.
pub(super) fn read_answer<'a>(
    answer: &'a CalloutAnswer,
    service: &Service,
    form: ResultForm,
) -> Result<(AuthorizerResult, &'a [u8]), LambdaDenial> {
    let CalloutAnswer::Answered { headers, body } = answer else {
        return Err(LambdaDenial::AuthorizerFailure);
    };
    match (headers.first(b":status"), service) {
        (Some(b"200"), _) => {}
        (Some(b"401"), Service::Web { .. }) => return Err(LambdaDenial::Unauthorized),
        (Some([b'2'..=b'4', _, _]), _) => return Err(LambdaDenial::AuthorizerConfigurationError),
        _ => return Err(LambdaDenial::AuthorizerFailure),
    }
    if headers.contains(b"x-amz-function-error") {
        return Err(failure(body));
    }
    match AuthorizerResult::parse(body, form) {
        Ok(result) => Ok((result, body)),
        // Emulators of Lambda leave the header field out. What has neither principal nor decision
        // is refused in any case.
        Err(ResultFault::PrincipalId | ResultFault::IsAuthorized) => Err(failure(body)),
        Err(_) => Err(LambdaDenial::AuthorizerConfigurationError),
    }
}

/// What the error object of a function that has failed means.
fn failure(error: &[u8]) -> LambdaDenial {
    let message = (error.len() <= LARGEST_ANSWER)
        .then(|| serde_json::from_slice::<Map<String, Value>>(error).ok())
        .flatten()
        .and_then(|mut error| error.remove("errorMessage"));
    match message {
        Some(Value::String(message)) if message == "Unauthorized" => LambdaDenial::Unauthorized,
        _ => LambdaDenial::AuthorizerConfigurationError,
    }
}

/// Tells whether there is a policy and nothing of what the caller has.
impl fmt::Debug for AuthorizerResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision: &dyn fmt::Debug = match &self.decision {
            Decision::Policy(policy) => policy,
            Decision::Simple(is_authorized) => is_authorized,
        };
        formatter
            .debug_struct("AuthorizerResult")
            .field("decision", decision)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ResultFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(formatter, "the answer is over {LARGEST_ANSWER} bytes"),
            Self::NotAnObject => formatter.write_str("the answer is not a JSON object"),
            Self::PrincipalId => formatter.write_str("`principalId` is missing or not a string"),
            Self::NoPolicy => formatter.write_str("`policyDocument` is missing"),
            Self::PolicyTooLarge => {
                write!(formatter, "`policyDocument` is over {LARGEST_POLICY} bytes")
            }
            Self::Policy(faults) => {
                formatter.write_str("`policyDocument` is not a policy")?;
                for fault in faults {
                    write!(formatter, "; {fault}")?;
                }
                Ok(())
            }
            Self::Context => formatter.write_str("`context` is not an object"),
            Self::ContextValue(name) => write!(
                formatter,
                "`context.{name}` is neither a string nor a number nor a boolean"
            ),
            Self::UsageIdentifierKey => formatter.write_str("`usageIdentifierKey` is not a string"),
            Self::IsAuthorized => formatter.write_str("`isAuthorized` is missing or not a boolean"),
        }
    }
}

impl std::error::Error for ResultFault {}
