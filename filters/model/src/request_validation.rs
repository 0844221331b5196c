use serde::{Deserialize, Serialize};

/// What a request must have before it goes any further (`x-amazon-apigateway-request-validator`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestValidation {
    /// `method.request.{header,querystring,path}.NAME` of every parameter that must be there, when
    /// parameters are validated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_parameters: Vec<String>,
    /// The models by the content type of the request, when bodies are validated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_models: Vec<RequestModel>,
}

impl RequestValidation {
    /// Whether every request passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.required_parameters.is_empty() && self.request_models.is_empty()
    }
}

/// Which model the bodies of a content type must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestModel {
    /// The content type, or `$default`.
    pub content_type: String,
    /// Its name among the models of the API.
    pub model: String,
}
