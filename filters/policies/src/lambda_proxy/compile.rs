//! From the configuration document to integrations, one for each stage.

use std::sync::Arc;

use attache_model::{
    Api, Authorization, AwsProxy, Endpoints, Operation, PayloadFormatVersion, Protocol, Verb,
};

use super::LambdaProxy;
use crate::binary_media_types::BinaryMediaTypes;
use crate::compile_error::CompileError;
use crate::integration::HttpApiResponses;
use crate::integration::uri::{has_stage_variables, resolve_stage_variables};
use crate::lambda_event::Deployment;
use crate::lambda_function::{self, Function, Invocation};

/// What an integration is compiled for.
#[derive(Clone, Copy)]
pub(crate) struct LambdaPlace<'m> {
    pub(crate) api: &'m Api,
    pub(crate) operation: &'m Operation,
    /// The stage.
    pub(crate) deployment: &'m Arc<Deployment>,
    /// Where AWS's services are.
    pub(crate) endpoints: &'m Endpoints,
    /// The place of the integration in the configuration document.
    pub(crate) pointer: &'m str,
}

impl LambdaProxy {
    /// Compiles an integration for one operation in one stage. `responses` is what an HTTP API
    /// changes on the response.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer. A URI that only a stage variable makes invalid is
    /// not one: its calls are refused, as AWS does.
    pub(crate) fn compile(
        definition: &AwsProxy,
        place: &LambdaPlace<'_>,
        responses: HttpApiResponses,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let protocol = place.api.protocol;
        let invocation = invocation(definition, place, &mut errors);
        if protocol == Protocol::Rest
            && definition.payload_format_version == PayloadFormatVersion::V2
        {
            errors.push(
                CompileError::new(
                    format!("{}/payloadFormatVersion", place.pointer),
                    "payload format 2.0 is for HTTP APIs only",
                )
                .hint("use payload format 1.0"),
            );
        }
        let longest = match protocol {
            Protocol::Rest => 29_000,
            Protocol::Http => 30_000,
        };
        let timeout = definition.timeout_in_millis;
        if !(50..=longest).contains(&timeout) {
            errors.push(
                CompileError::new(
                    format!("{}/timeoutInMillis", place.pointer),
                    format!("a time-out of {timeout} milliseconds is out of range"),
                )
                .hint(format!("use 50 to {longest} milliseconds")),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let has_scopes = match &place.operation.authorization {
            Authorization::Authorizer { scopes, .. } => !scopes.is_empty(),
            _ => false,
        };
        Ok(Self {
            deployment: Arc::clone(place.deployment),
            format: definition.payload_format_version,
            invocation,
            method: method(definition),
            binary_media_types: BinaryMediaTypes::compile(&place.api.binary_media_types),
            has_scopes,
            timeout_millis: timeout,
            responses,
        })
    }
}

/// The method of the call; `None` for the client's own. One that is not known is not `POST`,
/// which is all that matters.
fn method(definition: &AwsProxy) -> Option<Verb> {
    let name = definition.http_method.as_deref()?.to_ascii_uppercase();
    if name == Verb::Any.as_str() {
        return None;
    }
    Some(Verb::from_request(name.as_bytes()).unwrap_or(Verb::Any))
}

fn invocation(
    definition: &AwsProxy,
    place: &LambdaPlace<'_>,
    errors: &mut Vec<CompileError>,
) -> Option<Invocation> {
    let uri = resolve_stage_variables(&definition.uri, &place.deployment.variables);
    let function = match place.api.protocol {
        // HTTP APIs take the ARN of the function by itself, too.
        Protocol::Http => Function::of_arn(&uri).or_else(|_| Function::of_invocation_uri(&uri)),
        Protocol::Rest => Function::of_invocation_uri(&uri),
    };
    let function = match function {
        Ok(function) => function,
        // AWS too finds out at the call what a stage variable made of it.
        Err(_) if has_stage_variables(&definition.uri) => return None,
        Err(reason) => {
            errors.push(
                CompileError::new(
                    format!("{}/uri", place.pointer),
                    format!("`{}` cannot be called: {reason}", definition.uri),
                )
                .hint(
                    "write it as AWS's invocation URI, \
                     `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`",
                ),
            );
            return None;
        }
    };
    let endpoint = place.endpoints.get(lambda_function::SERVICE);
    match Invocation::compile(&function, endpoint) {
        Ok(invocation) => Some(invocation),
        Err(reason) => {
            errors.push(
                CompileError::new(
                    "/endpoints/lambda/url",
                    format!("it is not a URL: {reason}"),
                )
                .hint("write it as `http://HOST:PORT` or `https://…`"),
            );
            None
        }
    }
}
