use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{KeyDigest, SealedSecret};

/// How an operation finds out who calls and what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Authorization {
    /// Everybody may call (AWS: `NONE`).
    #[default]
    None,
    /// AWS signatures, version 4 (AWS: `AWS_IAM`).
    AwsIam,
    /// An authorizer of the API.
    #[serde(rename_all = "camelCase")]
    Authorizer {
        /// Which one, counted from 0 in [`Api::authorizers`](crate::Api::authorizers).
        index: usize,
        /// `authorizationScopes`: a token needs one of them. Empty: none is asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scopes: Vec<String>,
    },
}

impl Authorization {
    /// Whether everybody may call.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// An authorizer of an API (`x-amazon-apigateway-authorizer`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorizer {
    /// The name of its security scheme.
    pub name: String,
    /// What it asks.
    pub kind: AuthorizerKind,
}

/// The kinds of authorizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthorizerKind {
    /// A function or a web service that answers with a policy.
    Lambda(LambdaAuthorizer),
    /// JSON Web Tokens.
    Jwt(JwtAuthorizer),
    /// Tokens of Amazon Cognito user pools.
    Cognito(CognitoAuthorizer),
}

/// A Lambda authorizer, or a web service that speaks like one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LambdaAuthorizer {
    /// What the function is given.
    pub event: AuthorizerEvent,
    /// Whether the function may answer `{"isAuthorized": …}` (HTTP APIs, format 2.0).
    #[serde(default)]
    pub enable_simple_responses: bool,
    /// What identifies the caller, each as written: `method.request.header.NAME` and its like for
    /// REST APIs, `$request.header.NAME` and its like for HTTP APIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity_sources: Vec<String>,
    /// A regular expression that the token of a TOKEN authorizer must match as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    /// How long a result is kept, 0 to 3600; 0 keeps none.
    pub result_ttl_in_seconds: u32,
    /// Where the function is: AWS's invocation URI
    /// (`arn:aws:apigateway:REGION:lambda:path/…/functions/ARN/invocations`), served by
    /// `lambda` among the [`Endpoints`](crate::Endpoints), or an `http` or `https` URL, which gets the
    /// event as a plain POST. May hold `${stageVariables.NAME}`.
    pub uri: String,
    /// How long the function may take.
    pub timeout_in_millis: u32,
}

/// What a Lambda authorizer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthorizerEvent {
    /// `TOKEN`: one header field (REST APIs).
    Token,
    /// `REQUEST`, payload format 1.0.
    Request1,
    /// `REQUEST`, payload format 2.0 (HTTP APIs).
    Request2,
}

/// A JWT authorizer, of HTTP APIs or of REST APIs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtAuthorizer {
    /// Where the token is, as written: `$request.header.NAME`, `$request.querystring.NAME` or
    /// `method.request.header.NAME`.
    pub identity_source: String,
    /// Whose tokens are taken.
    pub issuers: Vec<JwtIssuer>,
    /// Which algorithms are taken; each must also be the one that the key is for.
    pub algorithms: Vec<JwtAlgorithm>,
    /// By how many seconds the issuer's clock may differ.
    #[serde(default)]
    pub leeway_in_seconds: u32,
}

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtIssuer {
    /// The claim `iss`.
    pub issuer: String,
    /// The token must be for one of these.
    pub audiences: Vec<String>,
    /// Other claims that are asked for (REST APIs).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_claims: Vec<AdditionalClaim>,
    /// The issuer's keys.
    pub keys: JwtKeys,
}

/// A claim that a REST API's JWT authorizer asks for besides the registered ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdditionalClaim {
    /// Its name.
    pub claim_name: String,
    /// Whether a token without it is refused.
    #[serde(default)]
    pub required: bool,
    /// The values that it may have; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_values: Vec<String>,
}

/// Where the public keys of an issuer come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JwtKeys {
    /// A JSON Web Key Set (RFC 7517), as it stands.
    Jwks(serde_json::Value),
    /// The URL of one.
    JwksUri(String),
    /// The URL of an OpenID configuration, whose `jwks_uri` names one.
    Discovery(String),
}

/// The signature algorithms of RFC 7518 and RFC 8037 that can be taken. The symmetric ones cannot:
/// whoever can check such a token can also make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of the RFCs")]
pub enum JwtAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// An authorizer for Amazon Cognito user pools (`COGNITO_USER_POOLS`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CognitoAuthorizer {
    /// Where the token is, as written: `method.request.header.NAME`.
    pub identity_source: String,
    /// `identityValidationExpression`: a regular expression that `aud` must match as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    /// The pools whose tokens are taken.
    pub user_pools: Vec<UserPool>,
    /// By how many seconds the pool's clock may differ.
    #[serde(default)]
    pub leeway_in_seconds: u32,
}

/// A Cognito user pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserPool {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// Its keys.
    pub keys: JwtKeys,
}

/// Credentials that sign requests of operations with [`Authorization::AwsIam`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// The secret, sealed with the key that the filter has from its environment.
    pub secret_access_key: SealedSecret,
    /// SHA-256 of the session token that has to come with temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<KeyDigest>,
    /// The moment from which they are refused, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Whom they stand for.
    pub principal: Principal,
    /// The identity policies of the principal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<serde_json::Value>,
}

/// An IAM principal: what policies and `$context.identity` know of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Principal {
    /// `arn:aws:iam::ACCOUNT:user/NAME`, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` and the
    /// like. Its account decides whether a call is from the gateway's own account.
    pub arn: String,
    /// `aws:userid`, such as `AIDA…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `aws:PrincipalOrgID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// `aws:PrincipalOrgPaths`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organization_paths: Vec<String>,
    /// `aws:PrincipalTag/NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// `aws:MultiFactorAuthPresent`.
    #[serde(default)]
    pub multi_factor_auth: bool,
}

/// The VPC that an API is called through, as far as the gateway's operator vouches for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VpcEndpoint {
    /// `aws:SourceVpc`, such as `vpc-0abc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// `aws:SourceVpce`, such as `vpce-0abc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
}
