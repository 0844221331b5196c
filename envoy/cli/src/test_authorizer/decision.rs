//! What is told of a decision: the fields of `--output json`.

use serde::Serialize;
use serde_json::{Map, Value};

/// A decision, and everything that it came from. What plays no part is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Decision {
    pub(super) request: Asked,
    pub(super) authorization: Authorization,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Identity>,
    /// What a Lambda authorizer was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<CallMade>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<ResultRead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<TokenRead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<SignatureRead>,
    pub(super) evaluation: Evaluation,
    pub(super) answer: ClientAnswer,
}

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) api: String,
    pub(super) stage: String,
    pub(super) operation: String,
    pub(super) source_ip: String,
    /// What policies judge the request by; `None` when it is too long to be judged.
    pub(super) method_arn: Option<String>,
}

/// What the operation asks for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authorization {
    pub(super) r#type: AuthorizationType,
    /// The name of the authorizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authorizer: Option<String>,
}

/// AWS's words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AuthorizationType {
    None,
    AwsIam,
    /// A Lambda authorizer.
    Custom,
    Jwt,
    CognitoUserPools,
}

/// Who calls, as a Lambda authorizer's result is found by.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    pub(super) sources: Vec<IdentitySource>,
    /// Why the caller is refused without the authorizer having been asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    /// In hexadecimal digits; `null` when results are not kept.
    pub(super) cache_key: Option<String>,
    pub(super) ttl_in_seconds: u32,
}

/// An identity source and its value.
#[derive(Debug, Serialize)]
pub(super) struct IdentitySource {
    pub(super) source: String,
    /// `null` when it is not known, because one of the sources is missing.
    pub(super) value: Option<String>,
}

/// A call to another service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallMade {
    pub(super) method: String,
    pub(super) url: String,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// `null` when the answer was given with `--result`.
    pub(super) milliseconds: Option<u128>,
}

/// What a Lambda authorizer has answered.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultRead {
    /// Why it is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal_id: Option<String>,
    /// As `$context.authorizer` has it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) context: Map<String, Value>,
    /// Whether it names an API key, which is a secret.
    pub(super) has_usage_identifier_key: bool,
}

/// What came of a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenRead {
    /// Why it is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    /// What it claims, as `$context.authorizer.claims` has it; only of a token that is taken.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) claims: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) scopes: Vec<String>,
}

/// What came of a signature.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignatureRead {
    /// Why it is not right, in AWS's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<String>,
    /// What should have been signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) canonical_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) string_to_sign: Option<String>,
}

/// What the policies say.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Evaluation {
    /// The caller's: of the Lambda authorizer's answer, or of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caller: Option<PolicySaid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_policy: Option<PolicySaid>,
    /// Whether caller and API are of two accounts, so that both policies have to allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cross_account: Option<bool>,
    /// Both together; `None` when it did not come to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<Verdict>,
}

/// What one policy says.
#[derive(Debug, Serialize)]
pub(super) struct PolicySaid {
    pub(super) statements: Vec<StatementSaid>,
    pub(super) verdict: Verdict,
}

/// A statement of a policy.
#[derive(Debug, Serialize)]
pub(super) struct StatementSaid {
    /// Whether it is about the request.
    pub(super) applies: bool,
    pub(super) statement: Value,
}

/// What holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

impl From<attache_policies::iam::Verdict> for Verdict {
    fn from(verdict: attache_policies::iam::Verdict) -> Self {
        use attache_policies::iam::Verdict::{Allow, ExplicitDeny, ImplicitDeny};
        match verdict {
            Allow => Self::Allow,
            ImplicitDeny => Self::ImplicitDeny,
            ExplicitDeny => Self::ExplicitDeny,
        }
    }
}

/// What the client is answered.
#[derive(Debug, Serialize)]
pub(super) struct ClientAnswer {
    /// Whether the request goes on, to API key, usage plan and integration.
    pub(super) allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}
