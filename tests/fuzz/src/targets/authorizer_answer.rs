//! What a Lambda authorizer answers.
//!
//! It is a result or it is none. Whatever it is, nothing is allowed unless the answer says so: with
//! a principal and a policy, or with a plain yes where a plain yes is asked for. What is kept of
//! it is the answer itself, so that to read it again is to read the same.

use attache_model::Protocol;
use attache_policies::iam::{INVOKE, Request, RequestKeys, Verdict};
use attache_policies::lambda_authorizer::{
    AuthorizerResult, LARGEST_ANSWER, ResultFault, ResultForm,
};
use serde_json::Value;

const ARN: &str = "arn:aws:execute-api:eu-central-1:123456789012:shop/prod/GET/items/7";

pub(super) fn run(input: &[u8]) {
    for (protocol, simple) in [
        (Protocol::Rest, false),
        (Protocol::Http, false),
        (Protocol::Http, true),
    ] {
        let form = ResultForm { protocol, simple };
        match AuthorizerResult::parse(input, form) {
            Ok(result) => assert_result(input, form, &result),
            Err(fault) => {
                assert_eq!(fault == ResultFault::TooLarge, input.len() > LARGEST_ANSWER);
                assert!(!fault.to_string().is_empty());
            }
        }
    }
}

fn assert_result(input: &[u8], form: ResultForm, result: &AuthorizerResult) {
    let answer: Value = serde_json::from_slice(input).expect("a result is JSON");
    assert_eq!(result.principal_id.is_none(), form.simple);
    if form.protocol == Protocol::Rest {
        assert!(result.context.values().all(Value::is_string));
    }
    let again = AuthorizerResult::parse(input, form).expect("it was a result before");
    assert_eq!(verdict(result), verdict(&again));
    if verdict(result) != Verdict::Allow {
        return;
    }
    if form.simple {
        assert_eq!(answer["isAuthorized"], true);
    } else {
        let document = answer["policyDocument"].to_string();
        assert!(answer["principalId"].is_string() && document.contains("Allow"));
    }
}

fn verdict(result: &AuthorizerResult) -> Verdict {
    result.verdict(&Request {
        action: INVOKE,
        resource: ARN,
        principal: None,
        keys: &RequestKeys::default(),
    })
}
