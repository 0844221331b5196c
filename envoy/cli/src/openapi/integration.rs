//! `x-amazon-apigateway-integration`.

use std::collections::BTreeMap;

use attache_model::{HttpProxy, Integration, Protocol, TlsOptions, Verb};

use super::{Located, OperationPlaces, Reading};
use crate::document::{Node, Pointer};

/// What an `http_proxy` integration may say.
const FIELDS: &[&str] = &[
    "type",
    "uri",
    "httpMethod",
    "requestParameters",
    "timeoutInMillis",
    "tlsConfig",
    "connectionType",
    "connectionId",
    "cacheKeyParameters",
    "cacheNamespace",
    "passthroughBehavior",
    "requestTemplates",
    "responses",
    "responseParameters",
    "payloadFormatVersion",
    "contentHandling",
    "credentials",
    "integrationSubtype",
    "integrationTarget",
    "responseTransferMode",
    "description",
];

/// AWS: the shortest time-out of an integration.
const MIN_TIMEOUT: u32 = 50;

/// AWS: the longest time-out, which is also the default.
const fn max_timeout(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Rest => 29_000,
        Protocol::Http => 30_000,
    }
}

/// Reads an integration, `$ref` included. `None` when it cannot be served; the report says why.
pub(super) fn read<'d>(
    reading: &mut Reading<'d, '_>,
    integration: Located<'d>,
    places: &mut OperationPlaces,
) -> Option<Integration> {
    places.insert("/integration", integration.place());
    let integration = reading.follow(integration)?;
    places.insert("/integration/httpProxy", integration.place());
    reading.mapping(&integration)?;
    let Some(kind) = integration.get("type") else {
        reading.error(
            "missing-field",
            integration.place(),
            "the integration has no `type`",
            Some("write `type: http_proxy`"),
        );
        return None;
    };
    let name = reading.text(&kind)?;
    match name.to_ascii_lowercase().as_str() {
        "http_proxy" => http_proxy(reading, &integration, places).map(Integration::HttpProxy),
        "http" | "aws" | "aws_proxy" | "mock" => {
            reading.error(
                "unsupported-integration",
                kind.place(),
                format!("integration type `{name}` is not supported yet"),
                None,
            );
            None
        }
        _ => {
            reading.error(
                "unknown-value",
                kind.place(),
                format!("`{name}` is not a type of integration"),
                Some("the types are `http_proxy`, `http`, `aws_proxy`, `aws` and `mock`"),
            );
            None
        }
    }
}

fn http_proxy<'d>(
    reading: &mut Reading<'d, '_>,
    integration: &Located<'d>,
    places: &mut OperationPlaces,
) -> Option<HttpProxy> {
    reading.fields(integration, FIELDS);
    without_effect(reading, integration);
    unsupported(reading, integration);
    let within = |field: &str| format!("/integration/httpProxy/{field}");
    let uri = match integration.get("uri") {
        Some(uri) => {
            places.insert(within("uri"), uri.place());
            reading.text(&uri).map(str::to_owned)
        }
        None => {
            reading.error(
                "missing-field",
                integration.place(),
                "the integration has no `uri`",
                Some("write the address of the back end: `uri: https://…`"),
            );
            None
        }
    };
    let http_method = integration.get("httpMethod").and_then(|method| {
        places.insert(within("httpMethod"), method.place());
        http_method(reading, &method)
    });
    let request_parameters = integration
        .get("requestParameters")
        .map(|parameters| {
            places.insert(within("requestParameters"), parameters.place());
            request_parameters(reading, &parameters, places)
        })
        .unwrap_or_default();
    let timeout_in_millis = match integration.get("timeoutInMillis") {
        Some(timeout) => {
            places.insert(within("timeoutInMillis"), timeout.place());
            timeout_in_millis(reading, &timeout)
        }
        None => Some(max_timeout(reading.protocol)),
    };
    let tls = integration
        .get("tlsConfig")
        .map(|tls| {
            places.insert(within("tls"), tls.place());
            tls_options(reading, &tls, places)
        })
        .unwrap_or_default();
    Some(HttpProxy {
        http_method,
        request_parameters,
        timeout_in_millis: timeout_in_millis?,
        tls,
        ..HttpProxy::new(uri?)
    })
}

/// `None` is the client's own method: for `ANY`, under either of its names.
fn http_method<'d>(reading: &mut Reading<'d, '_>, method: &Located<'d>) -> Option<String> {
    let name = reading.text(method)?;
    let upper = name.to_ascii_uppercase();
    if upper == "ANY" || name == "x-amazon-apigateway-any-method" {
        return None;
    }
    if Verb::from_request(upper.as_bytes()).is_none() {
        reading.error(
            "method",
            method.place(),
            format!("`{name}` is not a method that API Gateway sends"),
            Some("use DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT, or ANY for the client's own"),
        );
        return None;
    }
    Some(upper)
}

fn request_parameters<'d>(
    reading: &mut Reading<'d, '_>,
    parameters: &Located<'d>,
    places: &mut OperationPlaces,
) -> BTreeMap<String, String> {
    let mut mapped = BTreeMap::new();
    for entry in reading.mapping(parameters).unwrap_or_default() {
        let name = entry.key.as_str();
        let value = parameters.value_of(entry);
        let own = ["append:", "overwrite:", "remove:"]
            .iter()
            .any(|action| name.starts_with(action));
        if own && reading.protocol == Protocol::Http {
            reading.error(
                "unsupported-parameter-mapping",
                parameters.key_of(entry),
                format!("parameter mapping of HTTP APIs (`{name}`) is not supported yet"),
                None,
            );
        } else if super::intrinsic::is_name(name) {
            reading.intrinsic(parameters.key_of(entry), name);
        } else if let Some(text) = reading.text(&value) {
            let place = Pointer::from("/integration/httpProxy/requestParameters".to_owned());
            places.insert(place.key(name), value.place());
            mapped.insert(name.to_owned(), text.to_owned());
        }
    }
    mapped
}

fn timeout_in_millis<'d>(reading: &mut Reading<'d, '_>, timeout: &Located<'d>) -> Option<u32> {
    let value = reading.whole_number(timeout)?;
    let longest = max_timeout(reading.protocol);
    let millis = u32::try_from(value)
        .ok()
        .filter(|millis| (MIN_TIMEOUT..=longest).contains(millis));
    if millis.is_none() {
        reading.error(
            "out-of-range",
            timeout.place(),
            format!("`timeoutInMillis` must be between {MIN_TIMEOUT} and {longest}, not {value}"),
            None,
        );
    }
    millis
}

fn tls_options<'d>(
    reading: &mut Reading<'d, '_>,
    tls: &Located<'d>,
    places: &mut OperationPlaces,
) -> TlsOptions {
    let mut options = TlsOptions::default();
    if reading.mapping(tls).is_none() {
        return options;
    }
    reading.fields(tls, &["insecureSkipVerification", "serverNameToVerify"]);
    if let Some(flag) = tls.get("insecureSkipVerification") {
        let part = "/integration/httpProxy/tls/insecureSkipVerification";
        places.insert(part, flag.place());
        options.insecure_skip_verification = reading.boolean(&flag).unwrap_or_default();
    }
    if let Some(name) = tls.get("serverNameToVerify") {
        let part = "/integration/httpProxy/tls/serverNameToVerify";
        places.insert(part, name.place());
        options.server_name_to_verify = reading.text(&name).map(str::to_owned);
    }
    options
}

/// What AWS accepts beside `http_proxy` and does nothing with, and what only matters to a cache.
/// `passthroughBehavior`, templates and `responses` are for integrations that are no proxies, and
/// every export holds them: no word about those.
fn without_effect<'d>(reading: &mut Reading<'d, '_>, integration: &Located<'d>) {
    let caching = "nothing is cached yet";
    let fields = [
        ("cacheKeyParameters", caching),
        ("cacheNamespace", caching),
        (
            "credentials",
            "a back end of `http_proxy` is called without any",
        ),
        ("connectionId", "it belongs to a VPC link"),
    ];
    for (field, reason) in fields {
        if let Some(value) = integration.get(field)
            && !value.node.is_null()
            && value
                .node
                .as_sequence()
                .is_none_or(|items| !items.is_empty())
            && !(field == "connectionId" && is_vpc_link(integration))
        {
            reading.warning(
                "field-without-effect",
                value.place(),
                format!("`{field}` has no effect: {reason}"),
                None,
            );
        }
    }
}

fn is_vpc_link(integration: &Located<'_>) -> bool {
    integration
        .node
        .get("connectionType")
        .and_then(Node::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("VPC_LINK"))
}

/// What changes the answer and cannot be served.
fn unsupported<'d>(reading: &mut Reading<'d, '_>, integration: &Located<'d>) {
    if let Some(connection) = integration.get("connectionType")
        && let Some(kind) = reading.text(&connection)
    {
        if kind.eq_ignore_ascii_case("VPC_LINK") {
            reading.error(
                "unsupported-integration",
                connection.place(),
                "connection type `VPC_LINK` is not supported yet",
                Some("take it out where Envoy reaches the back end itself, and write its address as `uri`"),
            );
        } else if !kind.eq_ignore_ascii_case("INTERNET") {
            reading.error(
                "unknown-value",
                connection.place(),
                format!("`{kind}` is not a connection type"),
                Some("write `INTERNET`"),
            );
        }
    }
    if let Some(mode) = integration.get("responseTransferMode")
        && let Some(kind) = reading.text(&mode)
        && !kind.eq_ignore_ascii_case("BUFFERED")
    {
        reading.error(
            "unsupported-integration",
            mode.place(),
            format!("response transfer mode `{kind}` is not supported yet"),
            None,
        );
    }
    if let Some(format) = integration.get("payloadFormatVersion")
        && format.node.as_str() != Some("1.0")
        && format.node.as_i64() != Some(1)
        && !format.node.is_null()
    {
        reading.error(
            "unknown-value",
            format.place(),
            "an `http_proxy` integration has payload format version 1.0",
            None,
        );
    }
    for field in [
        "contentHandling",
        "integrationSubtype",
        "integrationTarget",
        "responseParameters",
    ] {
        if let Some(value) = integration.get(field)
            && !value.node.is_null()
            && value
                .node
                .as_mapping()
                .is_none_or(|entries| !entries.is_empty())
        {
            reading.error(
                "unsupported-integration",
                value.place(),
                format!("`{field}` of an `http_proxy` integration is not supported yet"),
                None,
            );
        }
    }
}
