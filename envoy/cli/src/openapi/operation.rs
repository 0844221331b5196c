//! Paths and methods.

use attache_model::{Operation, Protocol, Verb};

use super::integration::cache_key;
use super::method_response::MethodResponses;
use super::request_validation::Validators;
use super::security::Security;
use super::{ImportedOperation, Located, OperationPlaces, Place, Reading, integration};

const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const DEFAULT_ROUTE: &str = "$default";

const PATH_ITEM_FIELDS: &[&str] = &["$ref", "summary", "description", "servers", "parameters"];

const OPERATION_FIELDS: &[&str] = &[
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "consumes",
    "produces",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "schemes",
    "deprecated",
    "security",
    "servers",
    "isDefaultRoute",
];

/// Whether a key of a path item is a method, or was meant to be one.
pub(super) fn is_meant_as_method(key: &str) -> bool {
    is_method(key) || misspelt_method(key).is_some()
}

/// Whether a key of a path item is a method of OpenAPI, `trace` included.
fn is_method(key: &str) -> bool {
    key == "trace" || verb(key).is_some()
}

fn verb(key: &str) -> Option<Verb> {
    Some(match key {
        "get" => Verb::Get,
        "put" => Verb::Put,
        "post" => Verb::Post,
        "delete" => Verb::Delete,
        "options" => Verb::Options,
        "head" => Verb::Head,
        "patch" => Verb::Patch,
        ANY_METHOD => Verb::Any,
        _ => return None,
    })
}

/// All operations of the document.
pub(super) fn all<'d>(
    reading: &mut Reading<'d, '_>,
    root: &Located<'d>,
    security: &mut Security<'d>,
    validators: &mut Validators<'d>,
) -> Vec<ImportedOperation> {
    let Some(paths) = root.get("paths") else {
        let start = root.node.span.start;
        reading.error(
            "missing-field",
            Place {
                span: start..start,
                pointer: String::new(),
            },
            "the document has no `paths`",
            Some("an API needs at least one path with one operation"),
        );
        return Vec::new();
    };
    let mut importer = Importer {
        security,
        validators,
        operations: Vec::new(),
    };
    for entry in reading.mapping(&paths).unwrap_or_default() {
        if entry.key.starts_with("x-") {
            continue;
        }
        let path = Path {
            text: &entry.key,
            place: paths.key_of(entry),
        };
        if super::intrinsic::is_name(&entry.key) {
            reading.intrinsic(path.place, &entry.key);
        } else if !entry.key.starts_with('/') && entry.key != DEFAULT_ROUTE {
            reading.error(
                "path",
                path.place,
                format!("the path `{}` does not start with `/`", entry.key),
                None,
            );
        } else {
            importer.path_item(reading, &path, paths.value_of(entry));
        }
    }
    importer.operations
}

struct Path<'d> {
    text: &'d str,
    place: Place,
}

struct Importer<'s, 'd> {
    security: &'s mut Security<'d>,
    validators: &'s mut Validators<'d>,
    operations: Vec<ImportedOperation>,
}

impl<'d> Importer<'_, 'd> {
    fn path_item(&mut self, reading: &mut Reading<'d, '_>, path: &Path<'d>, item: Located<'d>) {
        if reading.mapping(&item).is_none() {
            return;
        }
        if item.get("$ref").is_some() {
            for entry in item.entries() {
                if is_method(&entry.key) {
                    reading.error(
                        "reference",
                        item.key_of(entry),
                        format!("`{}` has no effect beside `$ref`", entry.key),
                        Some("move it to what `$ref` names"),
                    );
                }
            }
        }
        let Some(item) = reading.follow(item) else {
            return;
        };
        for entry in reading.mapping(&item).unwrap_or_default() {
            let key = entry.key.as_str();
            let place = item.key_of(entry);
            if let Some(method) = verb(key) {
                let operation = item.value_of(entry);
                self.operation(reading, path, (method, place), &item, &operation);
            } else if key == "trace" {
                reading.error(
                    "method",
                    place,
                    "API Gateway has no method TRACE",
                    Some("take the operation out"),
                );
            } else if let Some(meant) = misspelt_method(key) {
                reading.error(
                    "method",
                    place,
                    format!("`{key}` is not a method of a path"),
                    Some(&format!("did you mean `{meant}`?")),
                );
            }
        }
        let mut known = PATH_ITEM_FIELDS.to_vec();
        let entries = item.entries().iter().map(|entry| entry.key.as_str());
        known.extend(entries.filter(|key| is_meant_as_method(key)));
        reading.fields(&item, &known);
    }

    fn operation(
        &mut self,
        reading: &mut Reading<'d, '_>,
        path: &Path<'d>,
        (method, place): (Verb, Place),
        item: &Located<'d>,
        operation: &Located<'d>,
    ) {
        let errors = reading.error_count();
        if reading.mapping(operation).is_none() {
            return;
        }
        reading.fields(operation, OPERATION_FIELDS);
        let path_text = if default_route(reading, path, operation) {
            DEFAULT_ROUTE
        } else {
            path.text
        };
        let needs = self.security.needs(reading, operation);
        let mut places = OperationPlaces::new(path.place.clone(), place.clone());
        let validation = self.validators.read(reading, item, operation, &mut places);
        if let Some(security) = operation.get("security") {
            places.insert("/apiKeyRequired", security.place());
            places.insert("/authorization", security.place());
        }
        if let Some(place) = needs.authorization_place.clone() {
            places.insert("/authorization", place);
        }
        let Some(integration) = operation.get(INTEGRATION) else {
            return reading.error(
                "no-integration",
                place,
                format!("`{} {}` has no integration", method.as_str(), path.text),
                Some(
                    "add `x-amazon-apigateway-integration`, which says what answers the operation",
                ),
            );
        };
        let method_responses = MethodResponses::read(reading, operation);
        let declared = cache_key::declared(reading.document, path.text, item, operation);
        let read = integration::read(
            reading,
            integration,
            &method_responses,
            &declared,
            &mut places,
        );
        if let (Some(read), Some(request_validation)) = (read, validation)
            && !needs.refused
            && reading.error_count() == errors
        {
            self.operations.push(ImportedOperation {
                operation: Operation {
                    api_key_required: needs.api_key,
                    authorization: needs.authorization,
                    request_validation,
                    cache_key: read.cache_key,
                    ..Operation::new(path_text, method, read.integration)
                },
                vpc_link: read.vpc_link,
                places,
            });
        }
    }
}

/// The field that a key was meant to be, when it names a method in another way.
fn misspelt_method(key: &str) -> Option<String> {
    let lower = key.to_ascii_lowercase();
    match lower.as_str() {
        "any" | "x-amazon-apigateway-any" => Some(ANY_METHOD.to_owned()),
        _ if lower != key && verb(&lower).is_some() && lower != ANY_METHOD => Some(lower),
        _ => None,
    }
}

/// Whether the operation is the catch-all route of an HTTP API: `isDefaultRoute`, or the path
/// that AWS's exports give it.
fn default_route<'d>(
    reading: &mut Reading<'d, '_>,
    path: &Path<'d>,
    operation: &Located<'d>,
) -> bool {
    let flag = operation.get("isDefaultRoute");
    let said = flag.as_ref().and_then(|flag| reading.boolean(flag));
    match reading.protocol {
        Protocol::Http => said == Some(true) || matches!(path.text, "$default" | "/$default"),
        Protocol::Rest => {
            if let Some(flag) = flag
                && said == Some(true)
            {
                reading.error(
                    "default-route",
                    flag.place(),
                    "a REST API has no default route",
                    Some("serve the API with `protocol: HTTP`, or use the path `/{proxy+}`"),
                );
            }
            false
        }
    }
}
