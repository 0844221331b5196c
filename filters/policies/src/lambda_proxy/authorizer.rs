//! `requestContext.authorizer`: what is known of the caller.
//!
//! | operation asks | REST, 1.0 | HTTP, 1.0 | HTTP, 2.0 |
//! |---|---|---|---|
//! | a Lambda authorizer | context, `principalId`, `integrationLatency` | the same | `lambda`: context |
//! | a token | `claims` | `claims`, `scopes` | `jwt`: `claims`, `scopes` |
//! | a signature | none; see `identity` | none; see `identity` | `iam` |

use attache_model::{PayloadFormatVersion, Protocol};
use serde_json::{Map, Value};

use crate::authorization::{Caller, IdentityField};
use crate::lambda_event::Object;

pub(super) struct AuthorizerForm {
    pub(super) protocol: Protocol,
    pub(super) format: PayloadFormatVersion,
    /// Whether the route asks for scopes.
    pub(super) has_scopes: bool,
}

/// Writes the member `authorizer`, when there is anything to say.
pub(super) fn push_authorizer(context: &mut Object<'_>, caller: &Caller, form: &AuthorizerForm) {
    let is_2 = form.format == PayloadFormatVersion::V2;
    if let Some(claims) = &caller.claims {
        let mut authorizer = context.object("authorizer");
        if is_2 {
            let mut jwt = authorizer.object("jwt");
            push_token(&mut jwt, claims, form);
            jwt.end();
        } else {
            push_token(&mut authorizer, claims, form);
        }
        authorizer.end();
    } else if let Some(values) = &caller.context {
        let mut authorizer = context.object("authorizer");
        if is_2 {
            let mut lambda = authorizer.object("lambda");
            push_members(&mut lambda, values);
            lambda.end();
        } else {
            push_members(&mut authorizer, values);
            if let Some(principal) = &caller.principal_id {
                authorizer.text("principalId", principal);
            }
            // Nobody was asked when a result was kept.
            authorizer.number("integrationLatency", caller.authorizer_latency.unwrap_or(0));
        }
        authorizer.end();
    } else if is_2 && caller.signer.is_some() {
        let mut authorizer = context.object("authorizer");
        push_signer(&mut authorizer, caller);
        authorizer.end();
    }
}

fn push_token(object: &mut Object<'_>, claims: &Map<String, Value>, form: &AuthorizerForm) {
    let mut members = object.object("claims");
    push_members(&mut members, claims);
    members.end();
    if form.protocol == Protocol::Rest {
        return;
    }
    let scopes = ["scope", "scp"]
        .into_iter()
        .find_map(|name| claims.get(name)?.as_str())
        .filter(|_| form.has_scopes);
    match scopes {
        // A list among the claims is the text `[a b]`.
        Some(scopes) => object.list(
            "scopes",
            scopes
                .split(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '[' | ']'))
                .filter(|scope| !scope.is_empty())
                .map(Into::into),
        ),
        None => object.null("scopes"),
    }
}

fn push_members(object: &mut Object<'_>, values: &Map<String, Value>) {
    for (name, value) in values {
        object.value(name, value);
    }
}

fn push_signer(authorizer: &mut Object<'_>, caller: &Caller) {
    let mut iam = authorizer.object("iam");
    let field = |field| caller.identity_value(field).map(str::as_bytes);
    iam.bytes_or_null("accessKey", field(IdentityField::AccessKey));
    iam.bytes_or_null("accountId", field(IdentityField::AccountId));
    iam.bytes_or_null("callerId", field(IdentityField::Caller));
    iam.null("cognitoIdentity");
    iam.bytes_or_null("principalOrgId", field(IdentityField::PrincipalOrgId));
    iam.bytes_or_null("userArn", field(IdentityField::UserArn));
    iam.bytes_or_null("userId", field(IdentityField::User));
    iam.end();
}
