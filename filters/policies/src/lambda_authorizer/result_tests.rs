use attache_model::Protocol;
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::result::ResultFault;
use super::{AuthorizerResult, LARGEST_ANSWER, LARGEST_POLICY, ResultForm};
use crate::iam::{INVOKE, Policy, PolicyKind, Request, RequestKeys, Verdict};

const REST: ResultForm = ResultForm {
    protocol: Protocol::Rest,
    simple: false,
};
const HTTP: ResultForm = ResultForm {
    protocol: Protocol::Http,
    simple: false,
};
const SIMPLE: ResultForm = ResultForm {
    protocol: Protocol::Http,
    simple: true,
};

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:shop/prod/GET/pets";

fn allow() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": ARN},
    ]})
}

fn parse(answer: &Value, form: ResultForm) -> Result<AuthorizerResult, ResultFault> {
    AuthorizerResult::parse(answer.to_string().as_bytes(), form)
}

fn verdict(result: &AuthorizerResult) -> Verdict {
    result.verdict(&Request {
        action: INVOKE,
        resource: ARN,
        principal: None,
        keys: &RequestKeys::default(),
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_policy_needs_a_principal() {
    for form in [REST, HTTP] {
        let whole = json!({"principalId": "ann", "policyDocument": allow()});
        let result = parse(&whole, form).unwrap();
        assert_eq!(verdict(&result), Verdict::Allow);
        assert_eq!(result.principal_id.as_deref(), Some("ann"));
        assert!(result.context.is_empty() && result.usage_identifier_key.is_none());

        for (answer, expected) in [
            (json!({"policyDocument": allow()}), ResultFault::PrincipalId),
            (
                json!({"principalId": null, "policyDocument": allow()}),
                ResultFault::PrincipalId,
            ),
            (
                json!({"principalId": 7, "policyDocument": allow()}),
                ResultFault::PrincipalId,
            ),
            (json!({"principalId": "ann"}), ResultFault::NoPolicy),
            (
                json!({"principalId": "ann", "policyDocument": null}),
                ResultFault::NoPolicy,
            ),
            (json!({"isAuthorized": true}), ResultFault::PrincipalId),
            (json!([]), ResultFault::NotAnObject),
            (json!("Allow"), ResultFault::NotAnObject),
            (Value::Null, ResultFault::NotAnObject),
        ] {
            assert_eq!(parse(&answer, form).unwrap_err(), expected, "{answer}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_a_policy_is_not_a_result() {
    for document in [
        json!("Allow"),
        json!([]),
        json!({}),
        json!({"Statement": "Allow"}),
        json!({"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}),
        json!({"Statement": [{"Effect": "Allow", "Resource": "*"}]}),
        json!({"Statement": [{"Effect": "Allow", "Action": "*"}]}),
        json!({"Statement": [{"Effect": "Allow", "Action": 1, "Resource": "*"}]}),
        json!({"Version": "2020-01-01", "Statement": allow()["Statement"]}),
    ] {
        let answer = json!({"principalId": "ann", "policyDocument": document});
        let fault = parse(&answer, REST).unwrap_err();
        assert!(
            matches!(fault, ResultFault::Policy(_)),
            "{document}: {fault}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn answers_and_policies_have_a_largest_size() {
    let mut answer = json!({"principalId": "ann", "policyDocument": allow(), "padding": ""});
    let padding = LARGEST_ANSWER - answer.to_string().len();
    answer["padding"] = "x".repeat(padding).into();
    assert!(parse(&answer, REST).is_ok());
    answer["padding"] = "x".repeat(padding + 1).into();
    assert_eq!(parse(&answer, REST).unwrap_err(), ResultFault::TooLarge);

    let mut document = allow();
    document["Id"] = "".into();
    let padding = LARGEST_POLICY - document.to_string().len();
    document["Id"] = "x".repeat(padding).into();
    let with = |document: &Value| json!({"principalId": "ann", "policyDocument": document});
    assert!(parse(&with(&document), REST).is_ok());
    document["Id"] = "x".repeat(padding + 1).into();
    assert_eq!(
        parse(&with(&document), REST).unwrap_err(),
        ResultFault::PolicyTooLarge
    );
    // White space does not count.
    let spaces = format!("\":{}", " ".repeat(2000));
    let spaced = with(&allow()).to_string().replace("\":", &spaces);
    assert!(AuthorizerResult::parse(spaced.as_bytes(), REST).is_ok());

    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let deep = format!(r#"{{"isAuthorized": true, "context": {{"a": {deep}}}}}"#);
    let fault = AuthorizerResult::parse(deep.as_bytes(), SIMPLE).unwrap_err();
    assert_eq!(fault, ResultFault::NotAnObject);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_context_of_rest_apis_holds_texts() {
    let answer = |context: Value| json!({"principalId": "ann", "policyDocument": allow(), "context": context});
    let given = json!({"s": "a", "i": -1, "f": 1.5, "b": false, "empty": ""});
    let result = parse(&answer(given.clone()), REST).unwrap();
    let texts = json!({"s": "a", "i": "-1", "f": "1.5", "b": "false", "empty": ""});
    assert_eq!(Value::Object((*result.context).clone()), texts);
    for value in [
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"a": 1}),
        Value::Null,
    ] {
        let fault = parse(&answer(json!({"s": "a", "bad": value})), REST).unwrap_err();
        assert_eq!(
            fault,
            ResultFault::ContextValue("bad".to_owned()),
            "{value}"
        );
    }
    for form in [REST, HTTP] {
        for context in [json!([]), json!("a"), json!(1), json!(true)] {
            assert_eq!(
                parse(&answer(context), form).unwrap_err(),
                ResultFault::Context
            );
        }
        assert!(
            parse(&answer(Value::Null), form)
                .unwrap()
                .context
                .is_empty()
        );
    }
    let any = json!({"s": "a", "i": 1, "list": [1, {"a": null}], "null": null});
    let result = parse(&answer(any.clone()), HTTP).unwrap();
    assert_eq!(Value::Object((*result.context).clone()), any);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_usage_identifier_key_is_a_text() {
    let answer = |key: Value| json!({"principalId": "ann", "policyDocument": allow(), "usageIdentifierKey": key});
    let result = parse(&answer(json!("the key")), REST).unwrap();
    assert_eq!(&**result.usage_identifier_key.unwrap().reveal(), "the key");
    assert!(
        parse(&answer(Value::Null), REST)
            .unwrap()
            .usage_identifier_key
            .is_none()
    );
    for key in [json!(1), json!(["a"]), json!({})] {
        assert_eq!(
            parse(&answer(key), REST).unwrap_err(),
            ResultFault::UsageIdentifierKey
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_simple_response_says_yes_or_no() {
    let yes = parse(&json!({"isAuthorized": true}), SIMPLE).unwrap();
    assert_eq!((verdict(&yes), yes.principal_id), (Verdict::Allow, None));
    let no = parse(&json!({"isAuthorized": false, "context": {}}), SIMPLE).unwrap();
    assert_eq!(verdict(&no), Verdict::ExplicitDeny);
    for answer in [
        json!({}),
        json!({"isAuthorized": "true"}),
        json!({"isAuthorized": 1}),
        json!({"isAuthorized": null}),
        json!({"IsAuthorized": true}),
        json!({"principalId": "ann", "policyDocument": allow()}),
    ] {
        let fault = parse(&answer, SIMPLE).unwrap_err();
        assert_eq!(fault, ResultFault::IsAuthorized, "{answer}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn of_two_members_with_one_name_the_last_counts() {
    let answer = br#"{"isAuthorized": true, "isAuthorized": false}"#;
    let result = AuthorizerResult::parse(answer, SIMPLE).unwrap();
    assert_eq!(verdict(&result), Verdict::ExplicitDeny);
}

/// Answers from the pieces of real ones, of which few are whole.
fn answers() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["Allow", "Deny", "*", "ann", "execute-api:Invoke", ARN])
            .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "principalId",
        "policyDocument",
        "context",
        "usageIdentifierKey",
        "isAuthorized",
        "Version",
        "Statement",
        "Effect",
        "Action",
        "Resource",
        "Condition",
    ]);
    let tree = scalar.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    let whole = json!({
        "principalId": "ann", "policyDocument": allow(), "context": {"a": 1},
        "usageIdentifierKey": "key", "isAuthorized": true,
    });
    let places = vec![
        "/principalId",
        "/policyDocument",
        "/policyDocument/Statement",
        "/policyDocument/Statement/0/Effect",
        "/policyDocument/Statement/0/Resource",
        "/context",
        "/usageIdentifierKey",
        "/isAuthorized",
    ];
    let changed = (prop::sample::select(places), tree.clone()).prop_map(move |(place, value)| {
        let mut answer = whole.clone();
        *answer.pointer_mut(place).unwrap() = value;
        answer
    });
    prop_oneof![tree, changed]
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn nothing_is_allowed_but_by_a_valid_policy_or_a_plain_yes(answer in answers()) {
        for form in [REST, HTTP, SIMPLE] {
            let Ok(result) = parse(&answer, form) else {
                continue;
            };
            if verdict(&result) != Verdict::Allow {
                continue;
            }
            if form.simple {
                prop_assert_eq!(&answer["isAuthorized"], &json!(true));
            } else {
                prop_assert!(answer["principalId"].is_string());
                let policy = Policy::parse(&answer["policyDocument"], PolicyKind::Lambda);
                let allowed = policy.unwrap().evaluate(&Request {
                    action: INVOKE,
                    resource: ARN,
                    principal: None,
                    keys: &RequestKeys::default(),
                });
                prop_assert_eq!(allowed, Verdict::Allow);
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn any_bytes_are_a_result_or_a_fault(bytes: Vec<u8>) {
        for form in [REST, HTTP, SIMPLE] {
            if let Err(fault) = AuthorizerResult::parse(&bytes, form) {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }
}
