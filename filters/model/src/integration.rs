use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{IntegrationResponse, RequestTransformation};

/// What answers an operation (`x-amazon-apigateway-integration`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Integration {
    /// An HTTP back end that gets the client's request and whose answer is passed on.
    HttpProxy(HttpProxy),
    /// An HTTP back end that gets what is mapped, and whose answer is mapped.
    Http(Http),
    /// A Lambda function that gets the request as an event and answers with a response.
    AwsProxy(AwsProxy),
    /// An action of an AWS service, or a Lambda function that gets what is mapped.
    Aws(Aws),
    /// No back end: the answer is made of the request.
    Mock(Mock),
}

/// The settings of an `HTTP_PROXY` integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpProxy {
    /// The back end's URI as written: may hold `{placeholders}` and `${stageVariables.name}`.
    pub uri: String,
    /// The method sent to the back end; `None` for the client's own.
    #[serde(default)]
    pub http_method: Option<String>,
    /// REST APIs: `integration.request.{header,querystring,path}.NAME` to a source expression.
    /// HTTP APIs: `append:`, `overwrite:` or `remove:` and `header.NAME`, `querystring.NAME` or
    /// `path` to a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, String>,
    /// HTTP APIs: by status code, what changes on the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<u16, BTreeMap<String, String>>,
    /// What becomes of a binary body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<ContentHandling>,
    /// How long the back end may take, 50 to 29 000 milliseconds (HTTP APIs: 30 000).
    pub timeout_in_millis: u32,
    /// How an `https` back end is verified.
    #[serde(default)]
    pub tls: TlsOptions,
    /// The `http` or `https` URL to connect to in place of the URI's own: where a VPC link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_link: Option<String>,
}

impl HttpProxy {
    /// A back end that gets the request as it is.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            http_method: None,
            request_parameters: BTreeMap::new(),
            response_parameters: BTreeMap::new(),
            content_handling: None,
            timeout_in_millis: 29_000,
            tls: TlsOptions::default(),
            vpc_link: None,
        }
    }
}

/// The settings of an `HTTP` integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// The back end's URI as written: may hold `{placeholders}` and `${stageVariables.name}`.
    pub uri: String,
    /// The method sent to the back end; `None` for the client's own.
    #[serde(default)]
    pub http_method: Option<String>,
    /// What the request becomes.
    #[serde(default)]
    pub request: RequestTransformation,
    /// What the answer becomes; at most one entry has no pattern.
    #[serde(default)]
    pub responses: Vec<IntegrationResponse>,
    /// How long the back end may take, 50 to 29 000 milliseconds.
    pub timeout_in_millis: u32,
    /// How an `https` back end is verified.
    #[serde(default)]
    pub tls: TlsOptions,
    /// The `http` or `https` URL to connect to in place of the URI's own: where a VPC link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_link: Option<String>,
}

/// The settings of an `AWS_PROXY` integration with a Lambda function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsProxy {
    /// `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION_ARN/invocations`, or
    /// in HTTP APIs the function's ARN alone; may hold `${stageVariables.name}`.
    pub uri: String,
    /// The method of the call; AWS serves `POST` only.
    #[serde(default)]
    pub http_method: Option<String>,
    /// What the function is given and what it answers with.
    #[serde(default)]
    pub payload_format_version: PayloadFormatVersion,
    /// HTTP APIs: by status code, what changes on the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<u16, BTreeMap<String, String>>,
    /// How long the function may take, 50 to 29 000 milliseconds (HTTP APIs: 30 000).
    pub timeout_in_millis: u32,
}

/// The settings of an `AWS` integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Aws {
    /// `arn:aws:apigateway:REGION:SERVICE:action/ACTION` or `…:path/PATH`, with
    /// `SUBDOMAIN.SERVICE` where the service has one; may hold `{placeholders}` and
    /// `${stageVariables.name}`.
    pub uri: String,
    /// The method sent to the service; `None` for the client's own.
    #[serde(default)]
    pub http_method: Option<String>,
    /// What the request becomes.
    #[serde(default)]
    pub request: RequestTransformation,
    /// What the answer becomes; at most one entry has no pattern.
    #[serde(default)]
    pub responses: Vec<IntegrationResponse>,
    /// How long the service may take, 50 to 29 000 milliseconds.
    pub timeout_in_millis: u32,
}

/// The settings of a `MOCK` integration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mock {
    /// What the request becomes: JSON whose `statusCode` chooses the answer.
    #[serde(default)]
    pub request: RequestTransformation,
    /// The answers; at most one entry has no pattern.
    #[serde(default)]
    pub responses: Vec<IntegrationResponse>,
}

/// The form of the event of a Lambda function and of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayloadFormatVersion {
    /// That of REST APIs.
    #[default]
    #[serde(rename = "1.0")]
    V1,
    /// That of HTTP APIs.
    #[serde(rename = "2.0")]
    V2,
}

/// How a body changes between text and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContentHandling {
    /// A binary body becomes its Base64 text.
    ConvertToText,
    /// A Base64 text becomes the bytes that it stands for.
    ConvertToBinary,
}

/// `tlsConfig` of an integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsOptions {
    /// Accept a certificate that no trusted authority signed.
    #[serde(default)]
    pub insecure_skip_verification: bool,
    /// The name to present and to verify, in place of the URI's host.
    #[serde(default)]
    pub server_name_to_verify: Option<String>,
}
