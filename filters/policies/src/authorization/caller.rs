use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use attache_model::{Principal, Secret};
use serde_json::{Map, Value};

use crate::iam;

/// Who calls, as far as the operation's authorization has found out: `$context.authorizer` and the
/// caller's part of `$context.identity`. Of an open operation nothing is known.
#[derive(Clone, Default)]
pub struct Caller {
    /// `$context.authorizer.principalId`.
    pub principal_id: Option<Arc<str>>,
    /// What a Lambda authorizer left for later: `$context.authorizer.NAME`.
    pub context: Option<Arc<Map<String, Value>>>,
    /// The claims of a token, each as its text: `$context.authorizer.claims.NAME`.
    pub claims: Option<Arc<Map<String, Value>>>,
    /// The API key that a Lambda authorizer names.
    pub usage_identifier_key: Option<Secret<Arc<str>>>,
    /// Whose signature the request has.
    pub signer: Option<Signer>,
    /// How long the authorizer took, in milliseconds, when it was asked.
    pub authorizer_latency: Option<u64>,
}

/// The IAM principal whose signature a request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The access key id: `$context.identity.accessKey`.
    pub access_key_id: Arc<str>,
    /// The principal.
    pub principal: Arc<Principal>,
}

/// What `$context.identity` says of the principal whose signature a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityField {
    /// `accessKey`
    AccessKey,
    /// `accountId`
    AccountId,
    /// `caller`: the principal's id.
    Caller,
    /// `principalOrgId`
    PrincipalOrgId,
    /// `user`: the id of the user.
    User,
    /// `userArn`
    UserArn,
}

/// Something that is known of a caller, by its name in `$context`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerField {
    /// `authorizer.NAME`
    Authorizer(Box<str>),
    /// `identity.NAME`
    Identity(IdentityField),
}

impl CallerField {
    /// Reads a name as it stands behind `$context.`; `None` for one that is not of the caller.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.split_once('.')? {
            ("authorizer", name) if !name.is_empty() => Some(Self::Authorizer(name.into())),
            ("identity", name) => IdentityField::parse(name).map(Self::Identity),
            _ => None,
        }
    }

    /// The value for one caller.
    #[must_use]
    pub fn value<'c>(&self, caller: &'c Caller) -> Option<Cow<'c, str>> {
        match self {
            Self::Authorizer(name) => caller.authorizer_value(name),
            Self::Identity(field) => caller.identity_value(*field).map(Cow::Borrowed),
        }
    }
}

impl IdentityField {
    /// Reads a name as it stands behind `$context.identity.`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "accessKey" => Self::AccessKey,
            "accountId" => Self::AccountId,
            "caller" => Self::Caller,
            "principalOrgId" => Self::PrincipalOrgId,
            "user" => Self::User,
            "userArn" => Self::UserArn,
            _ => return None,
        })
    }
}

impl Caller {
    /// `$context.authorizer.NAME`, with `claims.` before the name of a claim. The values of a
    /// context are texts in a mapping, whatever they were in the authorizer's answer.
    #[must_use]
    pub fn authorizer_value(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(claim) = name.strip_prefix("claims.") {
            return self.claims.as_ref()?.get(claim).map(text);
        }
        if let Some(value) = self.context.as_ref().and_then(|context| context.get(name)) {
            return Some(text(value));
        }
        match name {
            "principalId" => self.principal_id.as_deref().map(Cow::Borrowed),
            "integrationLatency" => self
                .authorizer_latency
                .map(|latency| latency.to_string().into()),
            _ => None,
        }
    }

    /// A field of `$context.identity`.
    #[must_use]
    pub fn identity_value(&self, field: IdentityField) -> Option<&str> {
        let signer = self.signer.as_ref()?;
        let principal = &signer.principal;
        match field {
            IdentityField::AccessKey => Some(&signer.access_key_id),
            IdentityField::AccountId => iam::account_of(&principal.arn),
            IdentityField::Caller | IdentityField::User => principal.user_id.as_deref(),
            IdentityField::PrincipalOrgId => principal.organization_id.as_deref(),
            IdentityField::UserArn => Some(&principal.arn),
        }
    }
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// Tells who calls, and nothing that they have brought.
impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Caller")
            .field("principal_id", &self.principal_id)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use attache_model::Principal;
    use serde_json::json;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Caller, IdentityField, Signer};

    #[wasm_bindgen_test(unsupported = test)]
    fn what_an_authorizer_left_is_found_by_its_name_as_text() {
        let caller = Caller {
            principal_id: Some("ann".into()),
            context: json!({"tier": "gold", "limit": 1.5, "beta": true, "list": [1, "a"]})
                .as_object()
                .cloned()
                .map(Arc::new),
            claims: json!({"sub": "42", "custom:x": "y"})
                .as_object()
                .cloned()
                .map(Arc::new),
            authorizer_latency: Some(7),
            ..Caller::default()
        };
        for (name, expected) in [
            ("principalId", Some("ann")),
            ("tier", Some("gold")),
            ("limit", Some("1.5")),
            ("beta", Some("true")),
            ("list", Some("[1,\"a\"]")),
            ("integrationLatency", Some("7")),
            ("claims.sub", Some("42")),
            ("claims.custom:x", Some("y")),
            ("claims", None),
            ("claims.tier", None),
            ("sub", None),
            ("", None),
        ] {
            assert_eq!(caller.authorizer_value(name).as_deref(), expected, "{name}");
        }
        assert_eq!(Caller::default().authorizer_value("principalId"), None);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_signer_is_known_by_their_principal() {
        let caller = Caller {
            signer: Some(Signer {
                access_key_id: "AKIDEXAMPLE".into(),
                principal: Arc::new(Principal {
                    arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
                    user_id: Some("AIDAEXAMPLE".to_owned()),
                    organization_id: None,
                    organization_paths: Vec::new(),
                    tags: BTreeMap::new(),
                    multi_factor_auth: false,
                }),
            }),
            ..Caller::default()
        };
        for (field, expected) in [
            (IdentityField::AccessKey, Some("AKIDEXAMPLE")),
            (IdentityField::AccountId, Some("123456789012")),
            (IdentityField::Caller, Some("AIDAEXAMPLE")),
            (IdentityField::PrincipalOrgId, None),
            (IdentityField::User, Some("AIDAEXAMPLE")),
            (
                IdentityField::UserArn,
                Some("arn:aws:iam::123456789012:user/ann"),
            ),
        ] {
            assert_eq!(caller.identity_value(field), expected, "{field:?}");
            assert_eq!(Caller::default().identity_value(field), None);
        }
    }
}
