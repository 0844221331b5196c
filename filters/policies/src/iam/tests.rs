//! Policies as AWS's documentation shows them, against requests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::Verdict::{Allow, ExplicitDeny, ImplicitDeny};
use super::{ConditionKeys, INVOKE, Policy, PolicyKind, Request, Verdict};

/// Condition keys as a test says.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenKeys(pub(super) BTreeMap<String, Vec<String>>);

impl GivenKeys {
    pub(super) fn of(keys: &[(&str, &[&str])]) -> Self {
        let owned = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        Self(
            keys.iter()
                .map(|&(key, values)| (key.to_owned(), owned(values)))
                .collect(),
        )
    }
}

impl ConditionKeys for GivenKeys {
    fn values(&self, key: &str) -> Vec<Cow<'_, str>> {
        let values = self.0.get(key).into_iter().flatten();
        values.map(|value| Cow::Borrowed(value.as_str())).collect()
    }
}

pub(super) const METHOD: &str = "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/pets/1";

/// A policy of one statement in the newer version, with more elements.
pub(super) fn lambda_policy(more: &[(&str, Value)]) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": INVOKE, "Resource": "*"});
    for (name, value) in more {
        statement[*name] = value.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

pub(super) fn parse(document: &Value) -> Policy {
    match Policy::parse(document, PolicyKind::Lambda) {
        Ok(policy) => policy,
        Err(faults) => panic!("{document}: {faults:?}"),
    }
}

fn verdict(document: &Value, action: &str, resource: &str, keys: &GivenKeys) -> Verdict {
    parse(document).evaluate(&Request {
        action,
        resource,
        principal: None,
        keys,
    })
}

fn about_method(document: &Value) -> Verdict {
    verdict(document, INVOKE, METHOD, &GivenKeys::default())
}

/// A policy that allows or denies these, and what it says about [`METHOD`].
fn statements(list: &[(&str, &str)]) -> Value {
    let statements: Vec<_> = list
        .iter()
        .map(|(effect, resource)| json!({"Effect": effect, "Action": INVOKE, "Resource": resource}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

#[wasm_bindgen_test(unsupported = test)]
fn an_explicit_deny_goes_before_every_allow() {
    for (list, expected) in [
        (&[][..], ImplicitDeny),
        (&[("Allow", METHOD)], Allow),
        (&[("Deny", METHOD)], ExplicitDeny),
        (&[("Allow", METHOD), ("Deny", "*")], ExplicitDeny),
        (&[("Deny", "*"), ("Allow", METHOD)], ExplicitDeny),
        (
            &[
                ("Allow", METHOD),
                ("Deny", "arn:aws:execute-api:*:*:api1/test/*"),
            ],
            Allow,
        ),
        (
            &[("Allow", "arn:aws:execute-api:*:*:api1/prod/PUT/*")],
            ImplicitDeny,
        ),
        (
            &[("Allow", METHOD), ("Allow", "*"), ("Deny", METHOD)],
            ExplicitDeny,
        ),
    ] {
        assert_eq!(about_method(&statements(list)), expected, "{list:?}");
    }
}

/// A policy for one method says nothing about another, however much they look alike.
#[wasm_bindgen_test(unsupported = test)]
fn an_allow_is_for_the_methods_that_it_names() {
    let policy = parse(&statements(&[("Allow", METHOD)]));
    for other in [
        "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/pets/2",
        "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/pets/1/",
        "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/Pets/1",
        "arn:aws:execute-api:us-east-1:123456789012:api1/prod/DELETE/pets/1",
        "arn:aws:execute-api:us-east-1:123456789012:api1/test/GET/pets/1",
        "arn:aws:execute-api:us-east-1:123456789012:api2/prod/GET/pets/1",
        "arn:aws:execute-api:us-east-1:210987654321:api1/prod/GET/pets/1",
        "arn:aws:execute-api:eu-west-1:123456789012:api1/prod/GET/pets/1",
        "",
    ] {
        let verdict = policy.evaluate(&Request {
            action: INVOKE,
            resource: other,
            principal: None,
            keys: &GivenKeys::default(),
        });
        assert_eq!(verdict, ImplicitDeny, "{other}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn actions_are_the_same_in_any_case() {
    for (element, value, action, expected) in [
        ("Action", json!("execute-api:Invoke"), INVOKE, Allow),
        ("Action", json!("EXECUTE-API:INVOKE"), INVOKE, Allow),
        ("Action", json!("execute-api:invoke"), INVOKE, Allow),
        ("Action", json!("execute-api:*"), INVOKE, Allow),
        ("Action", json!("execute-api:In?oke"), INVOKE, Allow),
        ("Action", json!("*"), INVOKE, Allow),
        (
            "Action",
            json!(["s3:GetObject", "execute-api:I*"]),
            INVOKE,
            Allow,
        ),
        (
            "Action",
            json!("execute-api:InvalidateCache"),
            INVOKE,
            ImplicitDeny,
        ),
        ("Action", json!("execute-api:Invok"), INVOKE, ImplicitDeny),
        ("Action", json!("s3:*"), INVOKE, ImplicitDeny),
        ("NotAction", json!("s3:*"), INVOKE, Allow),
        ("NotAction", json!("execute-api:*"), INVOKE, ImplicitDeny),
        (
            "NotAction",
            json!(["s3:*", "execute-api:invoke"]),
            INVOKE,
            ImplicitDeny,
        ),
        (
            "Action",
            json!("execute-api:Invoke"),
            "EXECUTE-API:INVOKE",
            Allow,
        ),
    ] {
        let mut document = lambda_policy(&[]);
        let statement = document["Statement"][0].as_object_mut().unwrap();
        statement.remove("Action");
        statement.insert(element.to_owned(), value.clone());
        let found = verdict(&document, action, METHOD, &GivenKeys::default());
        assert_eq!(found, expected, "{element} {value} {action}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn resources_have_wildcards_that_cross_every_border() {
    for (element, value, expected) in [
        ("Resource", json!("*"), Allow),
        ("Resource", json!("arn:aws:execute-api:*"), Allow),
        ("Resource", json!("arn:aws:execute-api:us-east-1:*"), Allow),
        ("Resource", json!("arn:aws:execute-api:*:*:*"), Allow),
        ("Resource", json!("arn:*:execute-api:*:*:api1/*"), Allow),
        ("Resource", json!("arn:aws:execute-api:*:*:*/1"), Allow),
        (
            "Resource",
            json!("arn:aws:execute-api:*:*:api1/*/GET/*"),
            Allow,
        ),
        (
            "Resource",
            json!("arn:aws:execute-api:*:*:api1/prod/G?T/pets/?"),
            Allow,
        ),
        (
            "Resource",
            json!("arn:aws:execute-api:*:*:api1/prod/GET/pets/??"),
            ImplicitDeny,
        ),
        (
            "Resource",
            json!("arn:aws:execute-api:*:*:api1/prod/GET/pets"),
            ImplicitDeny,
        ),
        (
            "Resource",
            json!("arn:aws:execute-api:*:*:api1/prod/GET/pets/{id}"),
            ImplicitDeny,
        ),
        ("Resource", json!("arn:aws:s3:::*"), ImplicitDeny),
        (
            "Resource",
            json!(["arn:aws:s3:::*", "arn:aws:execute-api:*:*:api1/*"]),
            Allow,
        ),
        ("NotResource", json!("arn:aws:s3:::*"), Allow),
        (
            "NotResource",
            json!("arn:aws:execute-api:*:*:api1/*"),
            ImplicitDeny,
        ),
        (
            "NotResource",
            json!(["arn:aws:s3:::*", "arn:aws:execute-api:*:*:api1/*"]),
            ImplicitDeny,
        ),
    ] {
        let mut document = lambda_policy(&[]);
        let statement = document["Statement"][0].as_object_mut().unwrap();
        statement.remove("Resource");
        statement.insert(element.to_owned(), value.clone());
        assert_eq!(about_method(&document), expected, "{element} {value}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_statement_applies_when_all_of_its_conditions_do() {
    let address = json!({"aws:SourceIp": "203.0.113.0/24"});
    let agent = json!({"aws:UserAgent": ["curl", "wget"]});
    let keys = |address, agent| {
        GivenKeys::of(&[("aws:sourceip", &[address]), ("aws:useragent", &[agent])])
    };
    let document = lambda_policy(&[(
        "Condition",
        json!({"IpAddress": address, "StringEquals": agent}),
    )]);
    for (address, agent, expected) in [
        ("203.0.113.7", "curl", Allow),
        ("203.0.113.7", "wget", Allow),
        ("203.0.113.7", "other", ImplicitDeny),
        ("198.51.100.7", "curl", ImplicitDeny),
    ] {
        let found = verdict(&document, INVOKE, METHOD, &keys(address, agent));
        assert_eq!(found, expected, "{address} {agent}");
    }
    let both = json!({"StringEquals": {"aws:UserAgent": "curl", "aws:Referer": "x"}});
    let document = lambda_policy(&[("Condition", both)]);
    let found = verdict(&document, INVOKE, METHOD, &keys("203.0.113.7", "curl"));
    assert_eq!(found, ImplicitDeny);
    let document = lambda_policy(&[("Condition", json!({}))]);
    assert_eq!(about_method(&document), Allow);
}

#[wasm_bindgen_test(unsupported = test)]
fn variables_stand_for_what_the_request_has() {
    let keys = GivenKeys::of(&[
        ("aws:username", &["ada"]),
        ("aws:referer", &["*"]),
        ("aws:many", &["ada", "bob"]),
    ]);
    let resource = |path: &str| format!("arn:aws:execute-api:*:*:api1/prod/GET/{path}");
    for (pattern, path, expected) in [
        ("users/${aws:username}", "users/ada", Allow),
        ("users/${AWS:UserName}", "users/ada", Allow),
        ("users/${ aws:username }", "users/ada", Allow),
        ("users/${aws:username}/*", "users/ada/x/y", Allow),
        ("users/${aws:username}", "users/bob", ImplicitDeny),
        ("users/${aws:username}", "users/adam", ImplicitDeny),
        (
            "users/${aws:username}",
            "users/${aws:username}",
            ImplicitDeny,
        ),
        // What a client sends is never a wildcard.
        ("users/${aws:Referer}", "users/ada", ImplicitDeny),
        ("users/${aws:Referer}", "users/*", Allow),
        // A key that is not there, or that has several values, has no value.
        ("users/${aws:userid}", "users/", ImplicitDeny),
        ("users/${aws:many}", "users/ada", ImplicitDeny),
        ("users/${aws:many, 'ada'}", "users/ada", ImplicitDeny),
        ("users/${aws:userid, 'ada'}", "users/ada", Allow),
        ("users/${aws:userid, 'ada'}*", "users/adam", Allow),
        ("users/${aws:username,'bob'}", "users/ada", Allow),
        ("users/${aws:username,'bob'}", "users/bob", ImplicitDeny),
        ("a${*}", "a*", Allow),
        ("a${*}", "ab", ImplicitDeny),
        ("a${?}", "a?", Allow),
        ("a${?}", "ab", ImplicitDeny),
        ("a${$}{x}", "a${x}", Allow),
        ("a$b", "a$b", Allow),
        ("a${b", "a${b", Allow),
    ] {
        let document = lambda_policy(&[("Resource", json!(resource(pattern)))]);
        let asked = resource(path).replace("*:*", "us-east-1:123456789012");
        let found = verdict(&document, INVOKE, &asked, &keys);
        assert_eq!(found, expected, "{pattern} {path}");
    }
}

/// `NotResource` is about everything else: a variable without a value is like nothing.
#[wasm_bindgen_test(unsupported = test)]
fn a_variable_without_a_value_excludes_nothing() {
    let mut document = lambda_policy(&[("Effect", json!("Deny"))]);
    let statement = document["Statement"][0].as_object_mut().unwrap();
    statement.remove("Resource");
    statement.insert(
        "NotResource".to_owned(),
        json!("arn:aws:execute-api:*:*:api1/*/${aws:userid}"),
    );
    assert_eq!(about_method(&document), ExplicitDeny);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_older_version_has_no_variables() {
    let keys = GivenKeys::of(&[("aws:username", &["ada"])]);
    let pattern = "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/${aws:username}";
    for version in [json!("2008-10-17"), json!(null)] {
        let mut document = lambda_policy(&[("Resource", json!(pattern))]);
        document["Version"] = version;
        let said = pattern.replace("${aws:username}", "ada");
        assert_eq!(verdict(&document, INVOKE, &said, &keys), ImplicitDeny);
        assert_eq!(verdict(&document, INVOKE, pattern, &keys), Allow);
        let mut document = lambda_policy(&[(
            "Condition",
            json!({"StringEquals": {"aws:username": "${aws:username}"}}),
        )]);
        document["Version"] = json!("2008-10-17");
        assert_eq!(verdict(&document, INVOKE, METHOD, &keys), ImplicitDeny);
    }
}
