//! What is a policy, and what is said about everything else.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{INVOKE, Policy, PolicyKind, api_arn};

const RESOURCE: PolicyKind<'_> = PolicyKind::Resource {
    api_arn: "arn:aws:execute-api:us-east-1:123456789012:api1",
};

fn statement() -> Value {
    json!({"Effect": "Allow", "Action": INVOKE, "Resource": "*"})
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut statement = statement();
    let elements = statement.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            elements.remove(*name);
        } else {
            elements.insert((*name).to_owned(), value.clone());
        }
    }
    json!({"Version": "2012-10-17", "Statement": statement})
}

/// The pointers and reasons of what is wrong.
fn faults(document: &Value, kind: PolicyKind<'_>) -> Vec<(String, String)> {
    let faults = Policy::parse(document, kind).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.reason))
        .collect()
}

fn assert_fault(document: &Value, kind: PolicyKind<'_>, pointer: &str, reason: &str) {
    let expected = vec![(pointer.to_owned(), reason.to_owned())];
    assert_eq!(faults(document, kind), expected, "{document}");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_forms_of_policies_are_taken() {
    let principal = ("Principal", json!("*"));
    for (document, kinds) in [
        (
            json!({"Version": "2012-10-17", "Statement": statement()}),
            &[PolicyKind::Identity, PolicyKind::Lambda][..],
        ),
        (
            json!({"Version": "2008-10-17", "Id": "x", "Statement": [statement(), statement()]}),
            &[PolicyKind::Identity, PolicyKind::Lambda],
        ),
        (json!({"Statement": [statement()]}), &[PolicyKind::Lambda]),
        (json!({"Statement": []}), &[PolicyKind::Lambda]),
        (with(&[("Sid", json!("")), principal.clone()]), &[RESOURCE]),
        (
            with(&[("Sid", json!("Every one may")), principal.clone()]),
            &[RESOURCE],
        ),
        (
            json!({"Statement": with(std::slice::from_ref(&principal))["Statement"]}),
            &[RESOURCE],
        ),
        (
            with(&[("Principal", json!({"AWS": ["123456789012", "*"]}))]),
            &[RESOURCE],
        ),
        (
            with(&[(
                "Principal",
                json!({
                    "AWS": "arn:aws:iam::123456789012:root",
                    "Service": ["apigateway.amazonaws.com"],
                    "Federated": "cognito-identity.amazonaws.com",
                    "CanonicalUser": "abc",
                }),
            )]),
            &[RESOURCE],
        ),
        (
            with(&[
                ("Effect", json!("Deny")),
                (
                    "NotPrincipal",
                    json!({"AWS": "arn:aws:iam::123456789012:role/path/r"}),
                ),
            ]),
            &[RESOURCE],
        ),
        (
            with(&[("Resource", json!("execute-api:/prod/*")), principal]),
            &[RESOURCE],
        ),
        (
            with(&[(
                "Condition",
                json!({
                    "StringEquals": {},
                    "ForAllValues:StringLikeIfExists": {"aws:x": ["a", "b"], "aws:y": 1},
                }),
            )]),
            &[PolicyKind::Identity, PolicyKind::Lambda],
        ),
    ] {
        for kind in kinds {
            assert_eq!(faults(&document, *kind), [], "{kind:?} {document}");
        }
    }
}

/// Serialisers of the languages that Lambda functions are written in give every element they know.
#[wasm_bindgen_test(unsupported = test)]
fn a_lambda_authorizer_may_answer_null_for_what_it_has_not() {
    let document = json!({"Version": null, "Id": null, "Statement": [{
        "Sid": null, "Effect": "Allow", "Action": INVOKE, "NotAction": null, "Resource": "*",
        "NotResource": null, "Principal": null, "NotPrincipal": null, "Condition": null,
    }]});
    assert_eq!(faults(&document, PolicyKind::Lambda), []);
    // In a policy that somebody wrote, each of these seven is a mistake.
    assert_eq!(faults(&document, PolicyKind::Identity).len(), 7);
}

#[wasm_bindgen_test(unsupported = test)]
fn short_resources_are_parts_of_the_api() {
    let api = api_arn("eu-west-1", "123456789012", "a1b2");
    let kind = PolicyKind::Resource { api_arn: &api };
    for (short, method, covered) in [
        ("execute-api:/*", "prod/GET/", true),
        ("execute-api:/prod/GET/pets", "prod/GET/pets", true),
        ("execute-api:/prod/GET/pets", "prod/GET/pets/1", false),
        ("execute-api:/prod/*/pets/*", "prod/PUT/pets/1", true),
        ("execute-api:/prod/*", "test/GET/pets", false),
    ] {
        let document = with(&[("Principal", json!("*")), ("Resource", json!([short]))]);
        let policy = Policy::parse(&document, kind).unwrap();
        for (api, this) in [
            (api.as_str(), true),
            ("arn:aws:execute-api:eu-west-1:1:z", false),
        ] {
            let verdict = policy.evaluate(&super::Request {
                action: INVOKE,
                resource: &format!("{api}/{method}"),
                principal: None,
                keys: &super::RequestKeys::default(),
            });
            let allowed = verdict == super::Verdict::Allow;
            assert_eq!(allowed, covered && this, "{short} {api} {method}");
        }
        // It is no ARN, and other policies belong to no API.
        let document = with(&[("Resource", json!(short))]);
        let reason = format!("the resource `{short}` does not fit: it is neither an ARN nor `*`");
        for kind in [PolicyKind::Identity, PolicyKind::Lambda] {
            assert_fault(&document, kind, "/Statement/Resource", &reason);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_policy_is_named() {
    for (document, pointer, reason) in [
        (json!(null), "", "the value is not an object"),
        (json!([]), "", "the value is not an object"),
        (
            json!({"Version": "2012-10-17"}),
            "",
            "the policy has no statement",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": []}),
            "/Statement",
            "the policy has no statement",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": "x"}),
            "/Statement",
            "the statement is not an object",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": [statement(), 1]}),
            "/Statement/1",
            "the value is not an object",
        ),
        (
            json!({"Statement": statement()}),
            "",
            "the policy has no version",
        ),
        (
            json!({"Version": "2013-10-17", "Statement": statement()}),
            "/Version",
            "there is no such version of policies",
        ),
        (
            json!({"Version": 2012, "Statement": statement()}),
            "/Version",
            "there is no such version of policies",
        ),
        (
            json!({"Version": "2012-10-17", "Id": [], "Statement": statement()}),
            "/Id",
            "the id is not a string",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": statement(), "a/b~c": 1}),
            "/a~1b~0c",
            "policies have no element `a/b~c`",
        ),
        (
            with(&[("resource", json!("*"))]),
            "/Statement/resource",
            "policies have no element `resource`",
        ),
        (
            with(&[("Sid", json!(1))]),
            "/Statement/Sid",
            "the id of a statement is not a string",
        ),
        (
            with(&[("Sid", json!("a b"))]),
            "/Statement/Sid",
            "the id of a statement has other characters than letters and digits",
        ),
        (
            with(&[("Effect", json!("allow"))]),
            "/Statement/Effect",
            "there is no such effect",
        ),
        (
            with(&[("Effect", json!(null))]),
            "/Statement",
            "the statement has no effect",
        ),
        (
            with(&[("Principal", json!("*"))]),
            "/Statement",
            "only the policy of an API names principals",
        ),
        (
            with(&[("NotPrincipal", json!("*"))]),
            "/Statement",
            "only the policy of an API names principals",
        ),
    ] {
        assert_fault(&document, PolicyKind::Identity, pointer, reason);
    }
    let twice = json!({"Sid": "a", "Effect": "Deny", "Action": "*", "Resource": "*"});
    assert_fault(
        &json!({"Version": "2012-10-17", "Statement": [twice, twice]}),
        PolicyKind::Identity,
        "/Statement/1/Sid",
        "two statements have the id `a`",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn actions_and_resources_that_are_none_are_named() {
    for (element, value, pointer, reason) in [
        (
            "Action",
            json!(null),
            "",
            "the statement has neither `Action` nor `NotAction`",
        ),
        (
            "Resource",
            json!(null),
            "",
            "the statement has neither `Resource` nor `NotResource`",
        ),
        (
            "NotAction",
            json!("*"),
            "",
            "the statement has both `Action` and `NotAction`",
        ),
        (
            "NotResource",
            json!("*"),
            "",
            "the statement has both `Resource` and `NotResource`",
        ),
        ("Action", json!([]), "/Action", "the list is empty"),
        (
            "Action",
            json!({}),
            "/Action",
            "the value is neither a string nor a list",
        ),
        (
            "Action",
            json!(["*", []]),
            "/Action/1",
            "the value is not a string",
        ),
        (
            "Action",
            json!("Invoke"),
            "/Action",
            "`Invoke` is not an action",
        ),
        ("Action", json!(""), "/Action", "`` is not an action"),
        (
            "Action",
            json!("a b:Invoke"),
            "/Action",
            "`a b:Invoke` is not an action",
        ),
        (
            "Action",
            json!("execute-api:"),
            "/Action",
            "`execute-api:` is not an action",
        ),
        (
            "Action",
            json!(":Invoke"),
            "/Action",
            "`:Invoke` is not an action",
        ),
        (
            "Action",
            json!(["*", "a:b:c"]),
            "/Action/1",
            "`a:b:c` is not an action",
        ),
    ] {
        let pointer = format!("/Statement{pointer}");
        assert_fault(
            &with(&[(element, value)]),
            PolicyKind::Lambda,
            &pointer,
            reason,
        );
    }
    for (resource, reason) in [
        ("", "it is neither an ARN nor `*`"),
        ("pets", "it is neither an ARN nor `*`"),
        ("**", "it is neither an ARN nor `*`"),
        ("*:aws:execute-api:*:*:*", "it is neither an ARN nor `*`"),
        ("arn:asw:execute-api:*:*:*", "there is no such partition"),
        (
            "arn:aws::us-east-1:123456789012:api1/*",
            "it names no service",
        ),
        (
            "arn:aws:execute-api:us-east-1:123456789012",
            "an ARN has six parts",
        ),
        ("arn:aws:execute-api::*", "an ARN has six parts"),
        (
            "arn:aws:execute-api:us-east-1:${aws:PrincipalAccount}:*",
            "policy variables may stand after the fifth colon only",
        ),
        (
            "arn:aws:execute-api:*:*:a/${aws:x, y}",
            "the default of a policy variable is not in single quotes",
        ),
        (
            "arn:aws:execute-api:*:*:a/${}",
            "a policy variable has no name",
        ),
    ] {
        let document = with(&[("Resource", json!(["*", resource]))]);
        let reason = format!("the resource `{resource}` does not fit: {reason}");
        assert_fault(
            &document,
            PolicyKind::Lambda,
            "/Statement/Resource/1",
            &reason,
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn conditions_that_are_none_are_named() {
    for (condition, pointer, reason) in [
        (json!([]), "", "the value is not an object"),
        (json!({"Bool": "x"}), "/Bool", "the value is not an object"),
        (
            json!({"Boolean": {}}),
            "/Boolean",
            "there is no condition operator `Boolean`",
        ),
        (
            json!({"ForSomeValues:Bool": {}}),
            "/ForSomeValues:Bool",
            "there is no condition operator `ForSomeValues:Bool`",
        ),
        (
            json!({"NullIfExists": {}}),
            "/NullIfExists",
            "there is no condition operator `NullIfExists`",
        ),
        (
            json!({"ForAnyValue:Null": {}}),
            "/ForAnyValue:Null",
            "there is no condition operator `ForAnyValue:Null`",
        ),
        (
            json!({"NumericIgnoreCase": {}}),
            "/NumericIgnoreCase",
            "there is no condition operator `NumericIgnoreCase`",
        ),
        (
            json!({"StringEquals": {"a/b": []}}),
            "/StringEquals/a~1b",
            "the condition has no value to compare with",
        ),
        (
            json!({"StringEquals": {"a": {}}}),
            "/StringEquals/a",
            "nothing can be compared with this value",
        ),
        (
            json!({"StringEquals": {"a": ["x", null]}}),
            "/StringEquals/a/1",
            "nothing can be compared with this value",
        ),
        (
            json!({"Bool": {"a": "yes"}}),
            "/Bool/a",
            "`yes` is neither `true` nor `false`",
        ),
        (
            json!({"Null": {"a": ["true", 1]}}),
            "/Null/a/1",
            "`1` is neither `true` nor `false`",
        ),
        (
            json!({"NumericEquals": {"a": "x"}}),
            "/NumericEquals/a",
            "`x` is not a number",
        ),
        (
            json!({"NumericEquals": {"a": "inf"}}),
            "/NumericEquals/a",
            "`inf` is not a number",
        ),
        (
            json!({"NumericEquals": {"a": "+nan"}}),
            "/NumericEquals/a",
            "`+nan` is not a number",
        ),
        (
            json!({"NumericEquals": {"a": "1e999"}}),
            "/NumericEquals/a",
            "`1e999` is not a number",
        ),
        (
            json!({"DateLessThan": {"a": "soon"}}),
            "/DateLessThan/a",
            "`soon` is neither an ISO 8601 date nor seconds since 1970",
        ),
        (
            json!({"IpAddress": {"a": ["10.0.0.0/8", "10.0.0.0/33"]}}),
            "/IpAddress/a/1",
            "`10.0.0.0/33` is neither an address nor a CIDR block",
        ),
        (
            json!({"IpAddress": {"a": "${aws:SourceIp}"}}),
            "/IpAddress/a",
            "`${aws:SourceIp}` is neither an address nor a CIDR block",
        ),
        (
            json!({"BinaryEquals": {"a": "?"}}),
            "/BinaryEquals/a",
            "`?` is not Base64",
        ),
        (
            json!({"ArnLike": {"a": "arn:aws:iam::root"}}),
            "/ArnLike/a",
            "`arn:aws:iam::root` is not an ARN with its six parts",
        ),
        (
            json!({"StringEquals": {"a": "${aws:x,}"}}),
            "/StringEquals/a",
            "`${aws:x,}` the default of a policy variable is not in single quotes",
        ),
    ] {
        let pointer = format!("/Statement/Condition{pointer}");
        let document = with(&[("Condition", condition)]);
        assert_fault(&document, PolicyKind::Identity, &pointer, reason);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn principals_that_are_none_are_named() {
    for (changes, pointer, reason) in [
        (&[][..], "", "the statement has no principal"),
        (
            &[("Principal", json!("*")), ("NotPrincipal", json!("*"))],
            "",
            "the statement has both `Principal` and `NotPrincipal`",
        ),
        (
            &[("NotPrincipal", json!({"AWS": "123456789012"}))],
            "",
            "`NotPrincipal` is for statements that deny",
        ),
        (
            &[("Principal", json!({}))],
            "/Principal",
            "these are no principals",
        ),
        (
            &[("Principal", json!("123456789012"))],
            "/Principal",
            "these are no principals",
        ),
        (
            &[("Principal", json!(["*"]))],
            "/Principal",
            "these are no principals",
        ),
        (
            &[("Principal", json!({"User": "ada"}))],
            "/Principal/User",
            "there are no principals of the kind `User`",
        ),
        (
            &[("Principal", json!({"AWS": []}))],
            "/Principal/AWS",
            "the list is empty",
        ),
        (
            &[("Principal", json!({"AWS": 123_456_789_012_u64}))],
            "/Principal/AWS",
            "the value is neither a string nor a list",
        ),
        (
            &[("Principal", json!({"Service": ""}))],
            "/Principal/Service",
            "`` is not a principal",
        ),
        (
            &[("Principal", json!({"AWS": ["*", "1234"]}))],
            "/Principal/AWS/1",
            "`1234` is not a principal",
        ),
        // A principal is named in full.
        (
            &[(
                "Principal",
                json!({"AWS": "arn:aws:iam::123456789012:user/*"}),
            )],
            "/Principal/AWS",
            "`arn:aws:iam::123456789012:user/*` is not a principal",
        ),
        (
            &[("Principal", json!({"AWS": "arn:aws:iam::*:root"}))],
            "/Principal/AWS",
            "`arn:aws:iam::*:root` is not a principal",
        ),
        (
            &[(
                "Principal",
                json!({"AWS": "arn:aws:iam::123456789012:group/g"}),
            )],
            "/Principal/AWS",
            "`arn:aws:iam::123456789012:group/g` is not a principal",
        ),
        (
            &[(
                "Principal",
                json!({"AWS": "arn:aws:sts::123456789012:assumed-role/r"}),
            )],
            "/Principal/AWS",
            "`arn:aws:sts::123456789012:assumed-role/r` is not a principal",
        ),
    ] {
        let pointer = format!("/Statement{pointer}");
        assert_fault(&with(changes), RESOURCE, &pointer, reason);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn everything_that_is_wrong_is_named_at_once() {
    let document = json!({"Version": "1", "Statement": [
        {"Effect": "Maybe", "Action": "x", "Condition": {"Bool": {"a": "b"}, "No": {}}},
        {"Effect": "Allow", "Action": INVOKE, "Resource": ["a", "b"]},
    ]});
    let pointers: Vec<_> = faults(&document, PolicyKind::Lambda)
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/Version",
            "/Statement/0/Effect",
            "/Statement/0/Action",
            "/Statement/0",
            "/Statement/0/Condition/Bool/a",
            "/Statement/0/Condition/No",
            "/Statement/1/Resource/0",
            "/Statement/1/Resource/1",
        ]
    );
    let fault = Policy::parse(&json!(1), PolicyKind::Lambda)
        .unwrap_err()
        .remove(0);
    assert_eq!(
        fault.to_string(),
        ": the value is not an object (write an object)"
    );
    assert_eq!(
        fault.within("/apis/0/resourcePolicy").to_string(),
        "/apis/0/resourcePolicy: the value is not an object (write an object)"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn policies_are_bounded() {
    let document = |length: usize| with(&[("Sid", json!("x".repeat(length)))]);
    let rest = 8_192 - document(0).to_string().len();
    for (length, kind, longest) in [
        (rest, PolicyKind::Lambda, 8_192),
        (rest + 2_048, PolicyKind::Identity, 10_240),
    ] {
        assert_eq!(faults(&document(length), kind), []);
        let reason = format!("the policy is longer than {longest} bytes");
        assert_fault(&document(length + 1), kind, "", &reason);
    }
    let reason = "the policy is longer than 8192 bytes";
    assert_fault(&document(1 << 20), RESOURCE, "", reason);
}
