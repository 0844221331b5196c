//! Which credentials compile, and what is said of those that do not.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::Credentials;
use super::{document, environment, gateway, seal};
use crate::iam::PrincipalArn;
use crate::sealed_secret::VARIABLE;

fn faults(credentials: &Value, environment: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let faults = Credentials::compile(&gateway(credentials), &environment).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn without_credentials_no_key_is_needed() {
    let none = Credentials::compile(&gateway(&json!([])), &|_: &str| None).unwrap();
    assert!(none.is_empty());
    let some = Credentials::compile(&gateway(&document()), &environment).unwrap();
    assert_eq!(some.len(), 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_missing_key_is_asked_for_once() {
    assert_eq!(
        faults(&document(), &|_| None),
        [
            "/credentials: the credentials' secrets are sealed, and `ATTACHE_SECRETS_KEY` is not set \
          (set `ATTACHE_SECRETS_KEY` in Envoy's environment to the key that the configuration was \
          compiled with)"
        ]
    );
    let wrong = |name: &str| (name == VARIABLE).then(|| "short".to_owned());
    assert_eq!(
        faults(&document(), &wrong),
        [
            "/credentials: `ATTACHE_SECRETS_KEY` does not hold 32 bytes in base64 (set \
          `ATTACHE_SECRETS_KEY` in Envoy's environment to the key that the configuration was \
          compiled with)"
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_has_its_place() {
    let principal = json!({"arn": "arn:aws:iam::123456789012:user/alice"});
    let credentials = json!([
        {"accessKeyId": "A", "secretAccessKey": seal("A", "x"), "principal": principal},
        {"accessKeyId": "A", "secretAccessKey": seal("A", "x"), "principal": principal},
        {"accessKeyId": "B/C", "secretAccessKey": seal("B/C", "x"), "principal": principal},
        {"accessKeyId": "D", "secretAccessKey": seal("A", "x"), "principal": principal},
        {"accessKeyId": "E", "secretAccessKey": "x", "principal": principal},
        {"accessKeyId": "F", "secretAccessKey": seal("F", ""), "principal": principal},
        {
            "accessKeyId": "G", "secretAccessKey": seal("G", "x"), "principal": principal,
            "policies": [{"Version": "2012-10-17", "Statement": []}, 1],
        },
    ]);
    let again = "(compile the configuration again, with the same `ATTACHE_SECRETS_KEY` that Envoy \
                 has)";
    assert_eq!(
        faults(&credentials, &environment),
        [
            "/credentials/1/accessKeyId: there are two credentials with the access key id `A`"
                .to_owned(),
            "/credentials/2/accessKeyId: `B/C` is not an access key id (it is 1 to 128 letters, \
             digits and underscores)"
                .to_owned(),
            format!(
                "/credentials/3/secretAccessKey: the secret was sealed with another key, or for \
                 something else {again}"
            ),
            format!("/credentials/4/secretAccessKey: this is not a sealed secret {again}"),
            format!("/credentials/5/secretAccessKey: the secret access key is empty {again}"),
            "/credentials/6/policies/0/Statement: the policy has no statement (write at least one \
             under `Statement`)"
                .to_owned(),
            "/credentials/6/policies/1: the value is not an object (write an object)".to_owned(),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn only_who_can_sign_is_a_principal() {
    for (arn, kind) in [
        ("arn:aws:iam::123456789012:root", Some("Account")),
        ("arn:aws:iam::123456789012:user/alice", Some("User")),
        (
            "arn:aws-cn:iam::123456789012:user/staff/alice",
            Some("User"),
        ),
        (
            "arn:aws:sts::123456789012:assumed-role/r/s",
            Some("AssumedRole"),
        ),
        (
            "arn:aws:sts::123456789012:federated-user/bob",
            Some("FederatedUser"),
        ),
        ("arn:aws:iam::123456789012:role/r", None),
        ("arn:aws:iam::123456789012:user/", None),
        ("arn:aws:iam::123456789012:user/staff/", None),
        ("arn:aws:iam::12345678901:user/alice", None),
        ("arn:aws:iam:us-east-1:123456789012:user/alice", None),
        ("arn::iam::123456789012:user/alice", None),
        ("arn:aws:sts::123456789012:assumed-role/r", None),
        ("arn:aws:sts::123456789012:assumed-role/r/", None),
        ("alice", None),
        ("", None),
    ] {
        let credentials = json!([{
            "accessKeyId": "A", "secretAccessKey": seal("A", "x"), "principal": {"arn": arn},
        }]);
        let compiled = Credentials::compile(&gateway(&credentials), &environment);
        match kind {
            Some(kind) => {
                assert!(compiled.unwrap().find(b"A").is_some(), "{arn}");
                let principal = PrincipalArn::parse(arn).unwrap();
                assert_eq!(principal.principal_type(), kind, "{arn}");
            }
            None => {
                let fault = &compiled.unwrap_err()[0];
                assert_eq!(fault.pointer, "/credentials/0/principal/arn");
                assert_eq!(fault.reason, format!("`{arn}` is nobody who can sign"));
            }
        }
    }
}
