use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::PolicyDocument;

/// An AWS access key that may sign requests, by its id. Its secret stands in a file or in an
/// environment variable, never here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "credential")]
pub struct Credential {
    /// The file that holds the secret access key, relative to this file.
    #[schemars(length(min = 1))]
    pub secret_access_key_file: Option<String>,
    /// The environment variable that holds the secret access key when this file is read.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub secret_access_key_env: Option<String>,
    /// The file that holds the session token, which requests then have to bring too.
    #[schemars(length(min = 1))]
    pub session_token_file: Option<String>,
    /// The environment variable that holds the session token.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub session_token_env: Option<String>,
    /// From when on the credentials are refused, such as `2027-01-31T00:00:00Z`.
    pub expires_at: Option<String>,
    /// Whom they stand for.
    pub principal: Principal,
    /// The identity policies of the principal: what it may call. Each is an IAM policy document, or
    /// the path of a file that holds one.
    #[serde(default)]
    pub policies: Vec<PolicyDocument>,
}

/// An IAM principal, as policies and `$context.identity` know it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "principal")]
pub struct Principal {
    /// Its ARN, such as `arn:aws:iam::123456789012:user/alice`.
    #[schemars(regex(pattern = "^arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+$"))]
    pub arn: String,
    /// Its unique id, such as `AIDA…` (`aws:userid`).
    pub user_id: Option<String>,
    /// The organization of its account (`aws:PrincipalOrgID`).
    pub organization_id: Option<String>,
    /// The paths of its account in the organization (`aws:PrincipalOrgPaths`).
    #[serde(default)]
    pub organization_paths: Vec<String>,
    /// Its tags (`aws:PrincipalTag/NAME`).
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether it signed in with a second factor (`aws:MultiFactorAuthPresent`).
    #[serde(default)]
    pub multi_factor_auth: bool,
}
