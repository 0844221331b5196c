//! OpenAPI documents with AWS's extensions, read as API Gateway's import reads them.
//!
//! [`import`] takes a parsed document and gives the operations that the gateway can serve. What
//! it cannot serve, or cannot understand, becomes a diagnostic at its place: nothing that would
//! change an answer, and above all nothing that keeps someone out, is dropped in silence.
//! [`EXTENSIONS`] says for each of AWS's extensions what becomes of it.
//!
//! Server addresses (`servers`, `host`, `basePath`, `schemes`) play no part, as in an AWS import
//! with its default `basepath=ignore`.

mod authorizer;
mod cors;
mod extensions;
mod gateway_response;
mod integration;
mod intrinsic;
mod located;
mod mapping;
mod method_response;
mod model;
mod operation;
mod policy;
mod reading;
mod request_validation;
mod security;

use std::collections::BTreeMap;
use std::ops::Range;

use attache_model::{ApiKeySource, Cors, GatewayResponse, Operation, Protocol};

use crate::diagnostic::Report;
use crate::document::{Document, Pointer};

pub use authorizer::{ImportedAuthorizer, discovery_of};
pub use extensions::{EXTENSIONS, Extension, Level, Treatment};
pub(crate) use integration::cache_key::path_parameters;
pub use integration::{ImportedVpcLink, service_of};
use located::Located;
pub(crate) use model::generated_name as generated_model_name;
pub use policy::{ImportedPolicy, LONGEST as LONGEST_POLICY};
use reading::Reading;
use request_validation::Validators;
use security::Security;

/// What a document says about its API.
#[derive(Clone, Debug)]
pub struct ImportedApi {
    /// `info.title`; the name of the file where there is none.
    pub name: String,
    /// Where the key of a request is found.
    pub api_key_source: ApiKeySource,
    /// The authorizers that operations ask for, in the order in which they first do.
    pub authorizers: Vec<ImportedAuthorizer>,
    /// The names of all security schemes with an authorizer, asked for or not.
    pub declared_authorizers: Vec<String>,
    /// The resource policy.
    pub resource_policy: Option<ImportedPolicy>,
    /// Whether the API answers under custom domain names only.
    pub disable_execute_api_endpoint: bool,
    /// The content types of binary bodies.
    pub binary_media_types: Vec<String>,
    /// The models that operations need, by name.
    pub models: BTreeMap<String, serde_json::Value>,
    /// What refusals look like, by AWS's name of the type.
    pub gateway_responses: BTreeMap<String, GatewayResponse>,
    /// How pages of other origins may call.
    pub cors: Option<Cors>,
    /// Where the parts of all these stand, by their pointers in [`attache_model::Api`].
    pub places: BTreeMap<String, Place>,
    /// The operations that can be served, in the order of the document. One with a fault is
    /// missing here, and the report has the reason.
    pub operations: Vec<ImportedOperation>,
}

/// An operation and where the document says so.
#[derive(Clone, Debug)]
pub struct ImportedOperation {
    /// The operation as the gateway serves it.
    pub operation: Operation,
    /// The VPC link that its integration goes through. Where it leads is not for the document to
    /// say: until that is known, the integration is not complete.
    pub vpc_link: Option<ImportedVpcLink>,
    /// Where its parts stand.
    pub places: OperationPlaces,
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where in the text, in bytes.
    pub span: Range<usize>,
    /// The JSON pointer.
    pub pointer: String,
}

/// Where the parts of an operation stand in its document.
#[derive(Clone, Debug)]
pub struct OperationPlaces {
    /// The key of the method in its path item.
    pub method: Place,
    /// By the pointer of the part in [`Operation`]'s JSON.
    parts: BTreeMap<String, Place>,
}

impl OperationPlaces {
    fn new(path: Place, method: Place) -> Self {
        let parts = [
            ("/path".to_owned(), path),
            ("/method".to_owned(), method.clone()),
        ];
        Self {
            method,
            parts: parts.into(),
        }
    }

    fn insert(&mut self, part: impl Into<String>, place: Place) {
        self.parts.insert(part.into(), place);
    }

    /// Where a part stands that is named by its pointer within the operation's JSON, such as
    /// `/integration/httpProxy/uri`. A part that the document does not spell out stands where the
    /// nearest part around it does, at last at the method.
    #[must_use]
    pub fn of(&self, part: &str) -> &Place {
        let mut rest = part;
        loop {
            if let Some(place) = self.parts.get(rest) {
                return place;
            }
            match rest.rsplit_once('/') {
                Some((parent, _)) => rest = parent,
                None => return &self.method,
            }
        }
    }
}

/// The versions of OpenAPI that differ in where things stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V2,
    V3,
}

/// Reads an API from a document.
///
/// Every fault is reported, not only the first, with severity `Error` where the document must not
/// be served. `None` when there is nothing to look at: not a mapping, or not OpenAPI 2.0, 3.0 or
/// 3.1.
pub fn import(document: &Document, protocol: Protocol, report: &mut Report) -> Option<ImportedApi> {
    let root = Located::root(document);
    let mut reading = Reading::new(document, protocol, report);
    reading.mapping(&root)?;
    let version = version(&mut reading, &root)?;
    reading.fields(&root, root_fields(version));
    let name = name(&mut reading, &root);
    extensions::check(&mut reading, &root);
    let api_key_source = extensions::api_key_source(&mut reading, &root);
    let resource_policy = policy::read(&mut reading, &root);
    let mut security = Security::new(&mut reading, &root, version);
    let mut validators = Validators::new(&root, version);
    let operations = operation::all(&mut reading, &root, &mut security, &mut validators);
    let (models, mut places) = validators.models.into_parts();
    let binary_media_types = extensions::binary_media_types(&mut reading, &root, &mut places);
    let gateway_responses = gateway_response::read(&mut reading, &root, &mut places);
    let cors = cors::read(&mut reading, &root, &mut places);
    let disable_execute_api_endpoint = extensions::is_closed(&root, &mut places);
    Some(ImportedApi {
        name,
        binary_media_types,
        models,
        gateway_responses,
        cors,
        places,
        api_key_source,
        declared_authorizers: security.declared_authorizers(),
        authorizers: security.into_authorizers(),
        resource_policy,
        disable_execute_api_endpoint,
        operations,
    })
}

const fn root_fields(version: Version) -> &'static [&'static str] {
    match version {
        Version::V2 => &[
            "swagger",
            "info",
            "host",
            "basePath",
            "schemes",
            "consumes",
            "produces",
            "paths",
            "definitions",
            "parameters",
            "responses",
            "securityDefinitions",
            "security",
            "tags",
            "externalDocs",
        ],
        Version::V3 => &[
            "openapi",
            "info",
            "jsonSchemaDialect",
            "servers",
            "paths",
            "webhooks",
            "components",
            "security",
            "tags",
            "externalDocs",
        ],
    }
}

fn version(reading: &mut Reading<'_, '_>, root: &Located<'_>) -> Option<Version> {
    const HINT: &str = "write `openapi: 3.0.1`, or `swagger: \"2.0\"`";
    let (key, value) = match (root.get("openapi"), root.get("swagger")) {
        (Some(value), None) => ("openapi", value),
        (None, Some(value)) => ("swagger", value),
        (Some(_), Some(value)) => {
            reading.error(
                "openapi-version",
                value.place(),
                "the document calls itself both `openapi` and `swagger`",
                Some("keep the one that is true"),
            );
            return None;
        }
        (None, None) => {
            reading.error(
                "openapi-version",
                Place {
                    span: root.node.span.start..root.node.span.start,
                    pointer: String::new(),
                },
                "this is not an OpenAPI document: neither `openapi` nor `swagger` is there",
                Some(HINT),
            );
            return None;
        }
    };
    // A number in YAML (`swagger: 2.0`): what counts is how it is written.
    let written = value.node.as_str().or_else(|| {
        value.node.as_f64()?;
        reading.document.text.get(value.node.span.clone())
    });
    let Some(written) = written else {
        reading.expected(&value, "a version");
        return None;
    };
    let mut numbers = written.split('.');
    let version = match (key, numbers.next(), numbers.next()) {
        ("swagger", Some("2"), Some("0")) => Some(Version::V2),
        ("openapi", Some("3"), Some("0" | "1")) => Some(Version::V3),
        _ => None,
    };
    if version.is_none() {
        reading.error(
            "openapi-version",
            value.place(),
            format!("`{key}: {written}` is not a version that can be read"),
            Some("OpenAPI 2.0, 3.0 and 3.1 can"),
        );
    }
    version
}

fn name(reading: &mut Reading<'_, '_>, root: &Located<'_>) -> String {
    let title = match root.get("info") {
        Some(info) => match reading.mapping(&info).map(|_| info.get("title")) {
            Some(Some(title)) => reading.text(&title).map(str::to_owned),
            Some(None) => {
                reading.warning(
                    "no-title",
                    info.place(),
                    "`info` has no `title`: the API is called like its file",
                    None,
                );
                None
            }
            None => None,
        },
        None => {
            reading.warning(
                "no-title",
                Place {
                    span: root.node.span.start..root.node.span.start,
                    pointer: String::new(),
                },
                "the document has no `info`: the API is called like its file",
                Some("write `info: {title: …, version: …}`"),
            );
            None
        }
    };
    title.unwrap_or_else(|| {
        reading
            .document
            .file
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    })
}

impl Place {
    fn new(span: Range<usize>, pointer: Pointer) -> Self {
        Self {
            span,
            pointer: pointer.into(),
        }
    }
}

#[cfg(test)]
mod tests;
