//! IAM policies: what real IAM refuses as one, and which methods the policies of an authorizer
//! allow.

use attache_conformance::{Suite, corpus, json_lines};
use attache_policies::iam::{INVOKE, Policy, PolicyKind, Request, RequestKeys, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

/// A document, and whether IAM takes it for the policy of a user.
#[derive(Deserialize)]
struct Grammar {
    id: String,
    document: Option<Value>,
    valid: bool,
    error: Option<String>,
}

/// A policy and what it says about a method, or a resource and whether it is like one.
#[derive(Deserialize)]
struct Evaluation {
    id: String,
    policy: Option<Value>,
    resource_pattern: Option<Value>,
    method_arn: String,
    expected: Option<String>,
    matches: Option<bool>,
}

#[test]
fn iam_policy() {
    let Some(folder) = corpus("iam-policy") else {
        return;
    };
    let mut suite = Suite::new("iam-policy").unwrap();
    let cases: Vec<Grammar> = json_lines(&folder.join("policy-grammar.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, check_grammar(case));
    }
    let cases: Vec<Evaluation> = json_lines(&folder.join("execute-api-policies.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, check_evaluation(case));
    }
    suite.finish().unwrap();
}

fn check_grammar(case: &Grammar) -> Result<(), String> {
    let document = case.document.as_ref().ok_or("no document is recorded")?;
    match (Policy::parse(document, PolicyKind::Identity), case.valid) {
        (Ok(_), true) | (Err(_), false) => Ok(()),
        (Ok(_), false) => Err(format!("taken, but IAM says: {:?}", case.error)),
        (Err(faults), true) => Err(format!("refused: {faults:?}")),
    }
}

/// The functions that the vectors are of look at effects and resources only, so the policies have
/// no actions; here each has the one that is asked about.
fn check_evaluation(case: &Evaluation) -> Result<(), String> {
    let statements = match (&case.policy, &case.resource_pattern) {
        (Some(policy), _) => policy["Statement"].clone(),
        (None, Some(resource)) => json!([{"Effect": "Allow", "Resource": resource}]),
        (None, None) => return Err("neither a policy nor a resource".to_owned()),
    };
    let mut statements: Vec<Value> =
        serde_json::from_value(statements).map_err(|error| error.to_string())?;
    for statement in &mut statements {
        statement["Action"] = json!(INVOKE);
    }
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let policy = Policy::parse(&document, PolicyKind::Lambda)
        .map_err(|faults| format!("refused: {faults:?}"))?;
    let allowed = policy.evaluate(&Request {
        action: INVOKE,
        resource: &case.method_arn,
        principal: None,
        keys: &RequestKeys::default(),
    }) == Verdict::Allow;
    let expected = match (case.matches, case.expected.as_deref()) {
        (Some(matches), _) => matches,
        (None, Some("Allow")) => true,
        (None, Some("Deny")) => false,
        (None, other) => return Err(format!("expects {other:?}")),
    };
    if allowed == expected {
        Ok(())
    } else {
        Err(format!("allowed: {allowed}"))
    }
}
