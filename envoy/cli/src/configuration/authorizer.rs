use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an authorizer of the definition does differently here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "authorizer")]
pub struct Authorizer {
    /// A web service in place of the Lambda function: it gets the same event as a POST, and answers
    /// with the same result.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub url: Option<String>,
    /// How long the function may take. AWS waits 29000 in REST APIs and 10000 in HTTP APIs.
    #[schemars(range(min = 50, max = 29000))]
    pub timeout_in_millis: Option<u32>,
    /// The issuer of the tokens, in place of the definition's: their claim `iss`.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub issuer: Option<String>,
    /// A file with the issuer's public keys, a JSON Web Key Set, relative to this file. Nothing is
    /// fetched then.
    #[schemars(length(min = 1))]
    pub jwks: Option<String>,
    /// Where the issuer's JSON Web Key Set is fetched from, in place of what its OpenID
    /// configuration says.
    #[schemars(regex(pattern = "^https?://[^/]"))]
    pub jwks_uri: Option<String>,
    /// By how many seconds the issuer's clock may differ.
    #[schemars(range(min = 0, max = 300))]
    pub leeway_in_seconds: Option<u32>,
}

/// The VPC that an API is called through, as nobody but the operator can know: the keys
/// `aws:SourceVpc` and `aws:SourceVpce` of resource policies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "VPC endpoint")]
pub struct VpcEndpoint {
    /// The VPC, such as `vpc-0abc`.
    pub vpc_id: Option<String>,
    /// The endpoint in it, such as `vpce-0abc`.
    pub vpc_endpoint_id: Option<String>,
}

/// An IAM policy: itself, or the path of the file that holds it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum PolicyDocument {
    /// A JSON or YAML file, relative to `attache.yaml`.
    File(String),
    /// The policy.
    Inline(Map<String, Value>),
}

impl JsonSchema for PolicyDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PolicyDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "object"], "minLength": 1})
    }
}
