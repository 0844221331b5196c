//! From the configuration document to gateway responses.

use attache_model::{self as model, MappingTemplate, Protocol};

use super::response_type::GatewayResponseType;
use super::template::{Constants, Piece, Template};
use super::{ApiResponses, GatewayResponses, HeaderMapping, Response, StageContext};
use crate::compile_error::CompileError;
use crate::headers::is_field_name;
use crate::lambda_event::deployment_id;

/// The fields that frame an answer or belong to one connection (RFC 9110, section 7.6.1). The proxy
/// writes them by itself; a second one would make two answers of one.
const FRAMING: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl GatewayResponses {
    /// Compiles the gateway responses of all APIs.
    ///
    /// # Errors
    ///
    /// One for each type that AWS does not know, each status that no answer can have, each target
    /// and source of a mapping that is none, and each header field that the proxy alone writes.
    pub fn compile(gateway: &model::Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let apis = gateway
            .apis
            .iter()
            .enumerate()
            .map(|(position, api)| {
                let constants = Constants {
                    account_id: &gateway.account.id,
                    api_id: &api.id,
                };
                let pointer = format!("/apis/{position}/gatewayResponses");
                compile_api(gateway, api, constants, &pointer, &mut errors)
            })
            .collect();
        if errors.is_empty() {
            Ok(Self { apis })
        } else {
            Err(errors)
        }
    }
}

fn compile_api(
    gateway: &model::Gateway,
    api: &model::Api,
    constants: Constants<'_>,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> ApiResponses {
    let mut compiled = ApiResponses::default();
    if api.gateway_responses.is_empty() {
        return compiled;
    }
    if api.protocol == Protocol::Http {
        errors.push(
            CompileError::new(pointer, "an HTTP API has no gateway responses")
                .hint("remove them, or make the API a REST API"),
        );
        return compiled;
    }
    let stages = api.stages.iter().map(|stage| StageContext {
        variables: stage.variables.clone(),
        deployment_id: deployment_id(&api.id, stage).into(),
        is_canary_request: gateway.is_canary_request(api, stage),
    });
    compiled.stages = stages.collect();
    for (name, definition) in &api.gateway_responses {
        let pointer = format!("{pointer}/{}", escaped(name));
        let Some(response_type) = GatewayResponseType::from_name(name) else {
            let known = GatewayResponseType::ALL.map(GatewayResponseType::as_str);
            errors.push(
                CompileError::new(
                    pointer,
                    format!("`{name}` is not a type of gateway response"),
                )
                .hint(format!("types are {}", known.join(", "))),
            );
            continue;
        };
        let response = compile_response(definition, constants, &pointer, errors);
        compiled.responses.insert(response_type, response);
    }
    compiled
}

fn compile_response(
    definition: &model::GatewayResponse,
    constants: Constants<'_>,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Response {
    if let Some(status) = definition.status_code
        && !(200..=599).contains(&status)
    {
        errors.push(
            CompileError::new(
                format!("{pointer}/statusCode"),
                format!("no answer ends with the status {status}"),
            )
            .hint("use 200 to 599"),
        );
    }
    let mut headers = Vec::with_capacity(definition.parameters.len());
    for (key, expression) in &definition.parameters {
        match mapping(key, expression, constants) {
            Ok(mapping) => headers.extend(mapping),
            Err((reason, hint)) => errors.push(
                CompileError::new(format!("{pointer}/parameters/{}", escaped(key)), reason)
                    .hint(hint),
            ),
        }
    }
    let mut templates = Vec::with_capacity(definition.templates.len());
    for (position, template) in definition.templates.iter().enumerate() {
        let MappingTemplate {
            content_type,
            template,
        } = template;
        if content_type.is_empty() || content_type.contains(|letter: char| letter.is_control()) {
            errors.push(
                CompileError::new(
                    format!("{pointer}/templates/{position}/contentType"),
                    format!("{content_type:?} is not a content type"),
                )
                .hint("write one such as `application/json`"),
            );
        }
        templates.push(Template::compile(content_type, template, constants));
    }
    Response {
        status: definition.status_code,
        headers: headers.into(),
        templates: templates.into(),
    }
}

/// Reads one mapping; `None` for one that has no effect on an answer. What is wrong with it, and
/// what to do about it.
fn mapping(
    key: &str,
    expression: &str,
    constants: Constants<'_>,
) -> Result<Option<HeaderMapping>, (String, &'static str)> {
    let (kind, name) = key
        .strip_prefix("gatewayresponse.")
        .and_then(|rest| rest.split_once('.'))
        .filter(|(kind, name)| {
            matches!(*kind, "header" | "path" | "querystring") && is_field_name(name)
        })
        .ok_or_else(|| {
            (
                format!("`{key}` is not a target of a gateway response"),
                "targets are `gatewayresponse.header.NAME`",
            )
        })?;
    let source = match expression
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        Some(text) => Piece::Text(text.into()),
        None => constants.resolve(expression).ok_or_else(|| {
            (
                format!("the mapping expression `{expression}` is not understood"),
                "sources are `'a static value'`, `method.request.{header,path,querystring}.NAME`, \
                 `context.NAME` and `stageVariables.NAME`",
            )
        })?,
    };
    let name = name.to_ascii_lowercase();
    if kind != "header" {
        // AWS has these two, and an answer has neither a path nor a query string.
        return Ok(None);
    }
    if FRAMING.contains(&name.as_str()) {
        return Err((
            format!("the field `{name}` is written by the proxy alone"),
            "remove it: a gateway response is framed by its body",
        ));
    }
    Ok(Some(HeaderMapping { name, source }))
}

/// A key in a JSON pointer (RFC 6901, section 3).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
