//! AWS's extensions: which there are, where they may stand, and what becomes of each.

use std::collections::BTreeMap;

use attache_model::{ApiKeySource, Protocol};

use super::{Located, Place, Reading, intrinsic, mapping};
use crate::configuration::suggestion::closest;
use crate::document::{Node, Pointer, Value};

/// What becomes of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is read, and what is wrong with it or not supported in it is reported.
    Read,
    /// It changes no answer to a client.
    NoEffect,
    /// It changes something that is worth knowing, but no answer that a client is owed.
    Warned(&'static str),
    /// It changes answers and is not supported: the document is refused. The text says what
    /// would be different.
    Refused(&'static str),
}

/// Which object of a document an extension belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The document itself.
    Root,
    /// A path item.
    PathItem,
    /// An operation.
    Operation,
    /// A security scheme.
    SecurityScheme,
    /// `components`.
    Components,
    /// A tag.
    Tag,
    /// A server.
    Server,
    /// Any other object: no extension belongs here.
    Elsewhere,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Root => "the root of the document",
            Self::PathItem => "a path item",
            Self::Operation => "an operation",
            Self::SecurityScheme => "a security scheme",
            Self::Components => "`components`",
            Self::Tag => "a tag",
            Self::Server => "a server",
            Self::Elsewhere => "another object",
        }
    }
}

/// An extension of AWS's.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    /// Its key.
    pub name: &'static str,
    /// The objects that it may stand in.
    pub levels: &'static [Level],
    /// What becomes of it in a REST API.
    pub rest: Treatment,
    /// What becomes of it in an HTTP API.
    pub http: Treatment,
}

const fn both(name: &'static str, levels: &'static [Level], treatment: Treatment) -> Extension {
    Extension {
        name,
        levels,
        rest: treatment,
        http: treatment,
    }
}

const HTTP_ONLY: Treatment = Treatment::Warned("API Gateway reads it for HTTP APIs only");
const REST_ONLY: Treatment = Treatment::Warned("API Gateway reads it for REST APIs only");

/// Every extension (API Gateway developer guide, "x-amazon-apigateway extensions to OpenAPI"). An
/// extension is refused when a client would see another answer without it, or when leaving it out
/// would open a door; it is passed over when neither is so.
pub const EXTENSIONS: &[Extension] = &[
    both(
        "x-amazon-apigateway-any-method",
        &[Level::PathItem],
        Treatment::Read,
    ),
    Extension {
        name: "x-amazon-apigateway-api-key-source",
        levels: &[Level::Root],
        rest: Treatment::Read,
        http: REST_ONLY,
    },
    both(
        "x-amazon-apigateway-auth",
        &[Level::Root, Level::Operation],
        Treatment::Read,
    ),
    // Only what an operation asks for matters: decided where `security` names the scheme.
    both(
        "x-amazon-apigateway-authorizer",
        &[Level::SecurityScheme],
        Treatment::Read,
    ),
    both(
        "x-amazon-apigateway-authtype",
        &[Level::SecurityScheme],
        Treatment::Read,
    ),
    Extension {
        name: "x-amazon-apigateway-binary-media-types",
        levels: &[Level::Root],
        rest: Treatment::Read,
        http: REST_ONLY,
    },
    Extension {
        name: "x-amazon-apigateway-cors",
        levels: &[Level::Root],
        rest: HTTP_ONLY,
        http: Treatment::Read,
    },
    both(
        "x-amazon-apigateway-documentation",
        &[Level::Root],
        Treatment::NoEffect,
    ),
    both(
        "x-amazon-apigateway-endpoint-access-mode",
        &[Level::Root],
        Treatment::Warned("how clients may connect is set on Envoy's listener"),
    ),
    both(
        "x-amazon-apigateway-endpoint-configuration",
        &[Level::Root, Level::Server],
        Treatment::Read,
    ),
    Extension {
        name: "x-amazon-apigateway-gateway-responses",
        levels: &[Level::Root],
        rest: Treatment::Read,
        http: REST_ONLY,
    },
    both(
        "x-amazon-apigateway-importexport-version",
        &[Level::Root],
        Treatment::NoEffect,
    ),
    both(
        "x-amazon-apigateway-integration",
        &[Level::Operation],
        Treatment::Read,
    ),
    both(
        "x-amazon-apigateway-integrations",
        &[Level::Components],
        Treatment::Read,
    ),
    Extension {
        name: "x-amazon-apigateway-minimum-compression-size",
        levels: &[Level::Root],
        // It also unpacks compressed requests before the back end sees them.
        rest: Treatment::Refused("bodies would not be compressed and unpacked"),
        http: REST_ONLY,
    },
    Extension {
        name: "x-amazon-apigateway-policy",
        levels: &[Level::Root],
        rest: Treatment::Read,
        http: Treatment::Warned("HTTP APIs have no resource policies, and let everybody through"),
    },
    both(
        "x-amazon-apigateway-request-validator",
        &[Level::Root, Level::Operation],
        Treatment::Read,
    ),
    // Definitions: what counts is which operation uses one.
    both(
        "x-amazon-apigateway-request-validators",
        &[Level::Root],
        Treatment::Read,
    ),
    both(
        "x-amazon-apigateway-security-policy",
        &[Level::Root],
        Treatment::Warned("TLS versions and ciphers are set on Envoy's listener"),
    ),
    both(
        "x-amazon-apigateway-tag-value",
        &[Level::Tag],
        Treatment::NoEffect,
    ),
];

const PREFIX: &str = "x-amazon-";

/// The extension of a name.
fn find(name: &str) -> Option<&'static Extension> {
    EXTENSIONS.iter().find(|extension| extension.name == name)
}

/// Looks at every extension of the document: unknown ones, ones in the wrong place, and those
/// that are refused or warned about wherever they stand.
pub(super) fn check(reading: &mut Reading<'_, '_>, root: &Located<'_>) {
    walk(reading, root, Level::Root);
}

fn walk(reading: &mut Reading<'_, '_>, located: &Located<'_>, level: Level) {
    for item in located.items() {
        walk(reading, &item, Level::Elsewhere);
    }
    for entry in located.entries() {
        let key = entry.key.as_str();
        let value = located.value_of(entry);
        if key
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        {
            extension(reading, located.key_of(entry), key, &value, level);
            if key == "x-amazon-apigateway-any-method" {
                walk(reading, &value, Level::Operation);
            }
        } else if key.starts_with("x-") || is_data(key) || intrinsic::is_name(key) {
            // Not ours to judge; a function is reported where its value is needed.
        } else {
            descend(reading, &value, key, level);
        }
    }
}

/// Fields that hold values of the API's own, in which every key is allowed.
fn is_data(key: &str) -> bool {
    matches!(key, "example" | "examples" | "default" | "enum" | "const")
}

fn descend(reading: &mut Reading<'_, '_>, value: &Located<'_>, key: &str, level: Level) {
    let children = match (level, key) {
        (Level::Root, "paths") | (Level::Components, "pathItems") => Level::PathItem,
        (Level::Root, "securityDefinitions") | (Level::Components, "securitySchemes") => {
            Level::SecurityScheme
        }
        (Level::Root, "tags") => Level::Tag,
        (Level::Root | Level::PathItem | Level::Operation, "servers") => Level::Server,
        (Level::Root, "components") => return walk(reading, value, Level::Components),
        (Level::PathItem, _) if super::operation::is_meant_as_method(key) => {
            return walk(reading, value, Level::Operation);
        }
        _ => return walk(reading, value, Level::Elsewhere),
    };
    for item in value.items() {
        walk(reading, &item, children);
    }
    for entry in value.entries() {
        if !entry.key.starts_with("x-") {
            walk(reading, &value.value_of(entry), children);
        }
    }
}

fn extension(
    reading: &mut Reading<'_, '_>,
    place: Place,
    name: &str,
    value: &Located<'_>,
    level: Level,
) {
    let Some(extension) = find(name) else {
        let names = EXTENSIONS.iter().map(|extension| extension.name);
        let hint = closest(name, names).map(|meant| format!("did you mean `{meant}`?"));
        return reading.error(
            "unknown-extension",
            place,
            format!("the extension `{name}` is not known"),
            hint.as_deref(),
        );
    };
    if !extension.levels.contains(&level) {
        let wanted: Vec<_> = extension.levels.iter().map(|level| level.name()).collect();
        return reading.error(
            "misplaced-extension",
            place,
            format!("`{name}` has no effect in {}", level.name()),
            Some(&format!("it belongs in {}", wanted.join(" or "))),
        );
    }
    let treatment = match reading.protocol {
        Protocol::Rest => extension.rest,
        Protocol::Http => extension.http,
    };
    match treatment {
        Treatment::NoEffect => {}
        Treatment::Read => read(reading, name, value),
        Treatment::Warned(_) | Treatment::Refused(_) if asks_for_nothing(value.node) => {}
        Treatment::Warned(reason) => {
            reading.warning(
                "extension-without-effect",
                place,
                format!("`{name}` has no effect: {reason}"),
                None,
            );
        }
        Treatment::Refused(consequence) => {
            reading.error(
                "unsupported-extension",
                place,
                format!("`{name}` is not supported yet: {consequence}"),
                Some("take it out to serve the API without it"),
            );
        }
    }
}

fn asks_for_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}

/// The extensions that are read where they stand; operations, security and keys read theirs.
fn read(reading: &mut Reading<'_, '_>, name: &str, value: &Located<'_>) {
    if name == "x-amazon-apigateway-endpoint-configuration" {
        endpoint_configuration(reading, value);
    }
}

fn endpoint_configuration(reading: &mut Reading<'_, '_>, value: &Located<'_>) {
    let Some(disabled) = value.get("disableExecuteApiEndpoint") else {
        if let Some(function) = intrinsic::find(value.node) {
            reading.intrinsic(value.key_of(function), &function.key);
        }
        return;
    };
    reading.boolean(&disabled);
}

/// `disableExecuteApiEndpoint`, which may stand at the root or, in HTTP APIs' documents, in a server.
pub(super) fn is_closed(root: &Located<'_>, places: &mut BTreeMap<String, Place>) -> bool {
    const EXTENSION: &str = "x-amazon-apigateway-endpoint-configuration";
    let servers = root.get("servers");
    let servers = servers.iter().flat_map(Located::items);
    let mut found: Vec<Located<'_>> = servers.filter_map(|server| server.get(EXTENSION)).collect();
    found.extend(root.get(EXTENSION));
    for endpoint in found {
        if let Some(disabled) = endpoint.get("disableExecuteApiEndpoint")
            && disabled.node.as_bool() == Some(true)
        {
            let pointer = Pointer::root().key("disableExecuteApiEndpoint");
            places.insert(pointer.into(), disabled.place());
            return true;
        }
    }
    false
}

/// `x-amazon-apigateway-binary-media-types`.
pub(super) fn binary_media_types<'d>(
    reading: &mut Reading<'d, '_>,
    root: &Located<'d>,
    places: &mut BTreeMap<String, Place>,
) -> Vec<String> {
    match root.get("x-amazon-apigateway-binary-media-types") {
        Some(types) if reading.protocol == Protocol::Rest && !types.node.is_null() => {
            let pointer = Pointer::root().key("binaryMediaTypes");
            mapping::list(reading, &types, &pointer, places)
        }
        _ => Vec::new(),
    }
}

/// `x-amazon-apigateway-api-key-source`.
pub(super) fn api_key_source(reading: &mut Reading<'_, '_>, root: &Located<'_>) -> ApiKeySource {
    let Some(source) = root.get("x-amazon-apigateway-api-key-source") else {
        return ApiKeySource::Header;
    };
    if reading.protocol == Protocol::Http {
        return ApiKeySource::Header;
    }
    match reading.text(&source) {
        Some("AUTHORIZER") => ApiKeySource::Authorizer,
        Some("HEADER") | None => ApiKeySource::Header,
        Some(other) => {
            reading.error(
                "unknown-value",
                source.place(),
                format!("`{other}` is not a source of API keys"),
                Some("write `HEADER` or `AUTHORIZER`"),
            );
            ApiKeySource::Header
        }
    }
}
