use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ContentHandling;

/// What a request becomes before an integration that is not a proxy gets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestTransformation {
    /// `integration.request.{header,querystring,path}.NAME` to a source expression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The mapping templates by the content type of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<MappingTemplate>,
    /// What becomes of a body whose content type has no template.
    #[serde(default)]
    pub passthrough_behavior: PassthroughBehavior,
    /// What becomes of a binary body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<ContentHandling>,
}

/// A mapping template and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MappingTemplate {
    /// The content type, or `$default`.
    pub content_type: String,
    /// Velocity Template Language; of a gateway response plain text with variables.
    pub template: String,
}

/// What becomes of a body whose content type has no mapping template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassthroughBehavior {
    /// It passes unchanged.
    #[default]
    WhenNoMatch,
    /// It passes unchanged where there is no template at all, and is refused otherwise.
    WhenNoTemplates,
    /// It is refused.
    Never,
}

/// What an integration's answer becomes (AWS: an integration response).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationResponse {
    /// A regular expression of Java's that the status code, or the error message of a Lambda
    /// function, matches as a whole; `None` for the default.
    #[serde(default)]
    pub selection_pattern: Option<String>,
    /// The status for the client.
    pub status_code: u16,
    /// `method.response.header.NAME` to a source expression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The mapping templates by the content type of the answer, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<MappingTemplate>,
    /// What becomes of a binary body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<ContentHandling>,
}

/// What a refusal of one type looks like (`x-amazon-apigateway-gateway-responses`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayResponse {
    /// The status; `None` for the type's own.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// `gatewayresponse.header.NAME` to a source expression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The templates by content type, in their order; empty for the default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<MappingTemplate>,
}
