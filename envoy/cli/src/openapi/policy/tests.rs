use attache_model::Protocol;
use serde_json::json;

use crate::diagnostic::Severity;
use crate::openapi::tests::{clean, document, expect};

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}"#;

#[test]
fn a_policy_is_an_object_or_its_text() {
    let text = serde_json::Value::from(POLICY).to_string();
    for written in [POLICY, text.as_str()] {
        let root = format!("x-amazon-apigateway-policy: {written}");
        let api = clean(&document(&root, "", ""), Protocol::Rest);
        let policy = api.resource_policy.unwrap();
        assert_eq!(
            policy.policy,
            json!({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}],
            })
        );
    }
    for nothing in [
        "",
        "x-amazon-apigateway-policy: {}",
        "x-amazon-apigateway-policy: null",
    ] {
        let api = clean(&document(nothing, "", ""), Protocol::Rest);
        assert!(api.resource_policy.is_none(), "{nothing}");
    }
}

#[test]
fn every_part_of_a_policy_knows_its_place() {
    let root = format!("x-amazon-apigateway-policy: {POLICY}");
    let api = clean(&document(&root, "", ""), Protocol::Rest);
    let places = api.resource_policy.unwrap().places;
    let (_, place) = places
        .iter()
        .find(|(part, _)| part == "/Statement/0/Action")
        .unwrap();
    assert_eq!(
        place.pointer,
        "/x-amazon-apigateway-policy/Statement/0/Action"
    );
}

#[test]
fn a_policy_that_cannot_be_judged_is_refused() {
    let long = format!("{{Id: {}}}", "x".repeat(super::LONGEST));
    for (written, finding) in [
        ("[]", ("wrong-kind", "", "an IAM policy is expected")),
        ("'no'", ("wrong-kind", "", "not a JSON object")),
        ("'[]'", ("wrong-kind", "", "not a JSON object")),
        (
            "{Statement: [{Condition: {StringEquals: {'aws:SourceVpce': {Ref: Id}}}}]}",
            (
                "cloudformation-intrinsic",
                "/Statement/0/Condition/StringEquals/aws:SourceVpce/Ref",
                "`Ref`",
            ),
        ),
        (
            "{'Fn::If': [a, b, c]}",
            ("cloudformation-intrinsic", "/Fn::If", "`Fn::If`"),
        ),
        (long.as_str(), ("out-of-range", "", "AWS allows 8192")),
    ] {
        let root = format!("x-amazon-apigateway-policy: {written}");
        expect(
            &document(&root, "", ""),
            Protocol::Rest,
            Severity::Error,
            "/x-amazon-apigateway-policy",
            finding,
        );
    }
}
