//! `x-amazon-apigateway-gateway-responses`: what refusals look like.

use std::collections::BTreeMap;

use attache_model::{GatewayResponse, Protocol};

use super::mapping::{templates, texts};
use super::reading::status_code;
use super::{Located, Place, Reading, intrinsic};
use crate::configuration::suggestion::{closest, list};
use crate::document::Pointer;

/// The types (API Gateway developer guide, "Gateway response types").
const TYPES: &[&str] = &[
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
];

const FIELDS: &[&str] = &[
    "statusCode",
    "responseParameters",
    "responseTemplates",
    "responseType",
    "defaultResponse",
];

/// The gateway responses by type.
pub(super) fn read<'d>(
    reading: &mut Reading<'d, '_>,
    root: &Located<'d>,
    places: &mut BTreeMap<String, Place>,
) -> BTreeMap<String, GatewayResponse> {
    let mut responses = BTreeMap::new();
    let Some(found) = root.get("x-amazon-apigateway-gateway-responses") else {
        return responses;
    };
    // A warning says that HTTP APIs have none.
    if reading.protocol == Protocol::Http || found.node.is_null() {
        return responses;
    }
    let pointer = Pointer::root().key("gatewayResponses");
    for entry in reading.mapping(&found).unwrap_or_default() {
        let name = entry.key.as_str();
        let place = found.key_of(entry);
        if intrinsic::is_name(name) {
            reading.intrinsic(place, name);
        } else if TYPES.contains(&name) {
            let pointer = pointer.key(name);
            places.insert(pointer.clone().into(), place);
            let response = response(reading, &found.value_of(entry), &pointer, places);
            responses.insert(name.to_owned(), response);
        } else {
            let hint = closest(name, TYPES.iter().copied()).map_or_else(
                || format!("the types are {}", list(TYPES, "and")),
                |meant| format!("did you mean `{meant}`?"),
            );
            reading.error(
                "unknown-value",
                place,
                format!("`{name}` is not a type of gateway response"),
                Some(&hint),
            );
        }
    }
    responses
}

fn response<'d>(
    reading: &mut Reading<'d, '_>,
    found: &Located<'d>,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
) -> GatewayResponse {
    let mut response = GatewayResponse::default();
    if found.node.is_null() || reading.mapping(found).is_none() {
        return response;
    }
    reading.fields(found, FIELDS);
    let field = |name| {
        let value: Option<Located<'d>> = found.get(name);
        value.filter(|value| !value.node.is_null())
    };
    if let Some(status) = field("statusCode") {
        places.insert(pointer.key("statusCode").into(), status.place());
        response.status_code = status_code(reading, &status);
    }
    if let Some(parameters) = field("responseParameters") {
        let pointer = pointer.key("parameters");
        response.parameters = texts(reading, &parameters, &pointer, places);
    }
    if let Some(found) = field("responseTemplates") {
        response.templates = templates(reading, &found, &pointer.key("templates"), places);
    }
    response
}

#[cfg(test)]
mod tests;
