//! An IAM policy, with a request that it is asked about.
//!
//! The first line is the ARN of a method, the second a client's `User-Agent`, the rest the
//! document. It is read as each kind of policy, or refused with faults that have a place in it.
//! What was read answers; a denial of everything turns every answer into a denial; and what is
//! taken for a user's policy says the same when a Lambda authorizer gives it.

use std::collections::BTreeMap;

use attache_model::Principal;
use attache_policies::iam::{INVOKE, Policy, PolicyKind, Request, RequestKeys, Verdict};
use serde_json::{Value, json};

const API: &str = "arn:aws:execute-api:us-east-1:123456789012:shop";

pub(super) fn run(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (resource, user_agent) = (String::from_utf8_lossy(line()), line());
    let Ok(document) = serde_json::from_slice::<Value>(line()) else {
        return;
    };
    let principal = Principal {
        arn: "arn:aws:sts::123456789012:assumed-role/reader/ada".to_owned(),
        user_id: Some("AROAEXAMPLE:ada".to_owned()),
        organization_id: None,
        organization_paths: vec!["o-1/r-1/".to_owned(), "o-1/r-1/ou-2/".to_owned()],
        tags: BTreeMap::from([("team".to_owned(), "*".to_owned())]),
        multi_factor_auth: true,
    };
    let keys = RequestKeys {
        source_address: b"203.0.113.9",
        user_agent: Some(user_agent),
        principal: Some(&principal),
        temporary_credentials: true,
        ..RequestKeys::default()
    };
    let request = Request {
        action: INVOKE,
        resource: &resource,
        principal: Some(&principal),
        keys: &keys,
    };
    let ask = |document: &Value, kind: PolicyKind<'_>| verdict(document, kind, &request);
    let of_api = ask(&document, PolicyKind::Resource { api_arn: API });
    let of_user = ask(&document, PolicyKind::Identity);
    let of_lambda = ask(&document, PolicyKind::Lambda);
    // What is allowed to users may be longer.
    if of_user.is_some() && document.to_string().len() <= 8_192 {
        assert_eq!(of_user, of_lambda);
    }
    if of_lambda.is_some() {
        let denied = with_denial(&document, None);
        assert!(matches!(
            ask(&denied, PolicyKind::Lambda),
            None | Some(Verdict::ExplicitDeny)
        ));
    }
    if of_api.is_some() {
        let denied = with_denial(&document, Some("*"));
        let verdict = ask(&denied, PolicyKind::Resource { api_arn: API });
        assert!(matches!(verdict, None | Some(Verdict::ExplicitDeny)));
    }
}

/// What the policy says; `None` when it is none.
fn verdict(document: &Value, kind: PolicyKind<'_>, request: &Request<'_>) -> Option<Verdict> {
    match Policy::parse(document, kind) {
        Ok(policy) => {
            let verdict = policy.evaluate(request);
            assert_eq!(policy.evaluate(request), verdict);
            Some(verdict)
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(document.pointer(&fault.pointer).is_some(), "{fault}");
            }
            None
        }
    }
}

/// The document with one statement more, which denies everything. It may be too long then.
fn with_denial(document: &Value, principal: Option<&str>) -> Value {
    let mut denial = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
    if let Some(principal) = principal {
        denial["Principal"] = json!(principal);
    }
    let mut statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        single => vec![single.clone()],
    };
    statements.push(denial);
    let mut document = document.clone();
    document["Statement"] = Value::Array(statements);
    document
}
