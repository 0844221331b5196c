//! Whom the policy of an API is about.

use std::collections::BTreeMap;

use attache_model::Principal;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::Verdict::{Allow, ExplicitDeny, ImplicitDeny};
use super::tests::{GivenKeys, METHOD};
use super::{INVOKE, Policy, PolicyKind, Request, Verdict};

/// Of the account of [`METHOD`].
const OWN_USER: &str = "arn:aws:iam::123456789012:user/ada";
const OWN_SESSION: &str = "arn:aws:sts::123456789012:assumed-role/reader/ada";
const OWN_ROOT: &str = "arn:aws:iam::123456789012:root";
const USER: &str = "arn:aws:iam::210987654321:user/ada";
const SESSION: &str = "arn:aws:sts::210987654321:assumed-role/reader/ada";
const ROLE: &str = "arn:aws:iam::210987654321:role/reader";
const ROOT: &str = "arn:aws:iam::210987654321:root";
const FEDERATED: &str = "arn:aws:sts::210987654321:federated-user/ada";

fn verdict(effect: &str, element: &str, principals: &Value, caller: Option<&str>) -> Verdict {
    let document = json!({"Version": "2012-10-17", "Statement": {
        "Effect": effect, "Action": INVOKE, "Resource": "execute-api:/*", element: principals,
    }});
    let kind = PolicyKind::Resource {
        api_arn: "arn:aws:execute-api:us-east-1:123456789012:api1",
    };
    let caller = caller.map(|arn| Principal {
        arn: arn.to_owned(),
        user_id: None,
        organization_id: None,
        organization_paths: Vec::new(),
        tags: BTreeMap::new(),
        multi_factor_auth: false,
    });
    let policy = Policy::parse(&document, kind).unwrap();
    policy.evaluate(&Request {
        action: INVOKE,
        resource: METHOD,
        principal: caller.as_ref(),
        keys: &GivenKeys::default(),
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_statement_is_about_the_principals_that_it_names() {
    let everybody = [
        None,
        Some(OWN_USER),
        Some(OWN_SESSION),
        Some(USER),
        Some(SESSION),
        Some(ROOT),
        Some(FEDERATED),
    ];
    let of_other_account = [Some(USER), Some(SESSION), Some(ROOT), Some(FEDERATED)];
    for (principals, included) in [
        (json!("*"), &everybody[..]),
        (json!({"AWS": "*"}), &everybody),
        (json!({"AWS": ["123456789000", "*"]}), &everybody),
        (json!({"AWS": "210987654321"}), &of_other_account),
        (json!({"AWS": [ROOT]}), &of_other_account),
        (json!({"AWS": USER}), &[Some(USER)]),
        (
            json!({"AWS": "arn:aws:iam::210987654321:user/team/ada"}),
            &[],
        ),
        (json!({"AWS": OWN_USER}), &[Some(OWN_USER)]),
        (
            json!({"AWS": [USER, OWN_USER]}),
            &[Some(USER), Some(OWN_USER)],
        ),
        (json!({"AWS": SESSION}), &[Some(SESSION)]),
        (json!({"AWS": ROLE}), &[Some(SESSION)]),
        (
            json!({"AWS": "arn:aws:iam::210987654321:role/path/reader"}),
            &[Some(SESSION)],
        ),
        (json!({"AWS": "arn:aws:iam::210987654321:role/ada"}), &[]),
        (
            json!({"AWS": "arn:aws:sts::210987654321:assumed-role/reader/bob"}),
            &[],
        ),
        (json!({"AWS": FEDERATED}), &[Some(FEDERATED)]),
        (json!({"AWS": "arn:aws-cn:iam::210987654321:user/ada"}), &[]),
        (json!({"AWS": "arn:aws-cn:iam::210987654321:root"}), &[]),
        (json!({"Service": "lambda.amazonaws.com"}), &[]),
        (json!({"Service": "*"}), &[]),
        (json!({"Federated": "*", "AWS": USER}), &[Some(USER)]),
    ] {
        for caller in everybody {
            let applies = included.contains(&caller);
            let allowed = if applies { Allow } else { ImplicitDeny };
            let found = verdict("Allow", "Principal", &principals, caller);
            assert_eq!(found, allowed, "{principals} {caller:?}");
            let denied = if applies { ExplicitDeny } else { ImplicitDeny };
            let found = verdict("Deny", "Principal", &principals, caller);
            assert_eq!(found, denied, "{principals} {caller:?}");
        }
    }
}

/// The account's identity policies say which of its users may; its name alone lets nobody in. It
/// does keep all of them out.
#[wasm_bindgen_test(unsupported = test)]
fn the_api_s_own_account_does_not_stand_for_its_users() {
    for principals in [json!({"AWS": "123456789012"}), json!({"AWS": OWN_ROOT})] {
        for (caller, allowed, denied) in [
            (Some(OWN_USER), ImplicitDeny, ExplicitDeny),
            (Some(OWN_SESSION), ImplicitDeny, ExplicitDeny),
            (Some(OWN_ROOT), Allow, ExplicitDeny),
            (Some(USER), ImplicitDeny, ImplicitDeny),
            (None, ImplicitDeny, ImplicitDeny),
        ] {
            let found = verdict("Allow", "Principal", &principals, caller);
            assert_eq!(found, allowed, "{principals} {caller:?}");
            let found = verdict("Deny", "Principal", &principals, caller);
            assert_eq!(found, denied, "{principals} {caller:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn who_is_left_out_of_a_denial_is_named_with_account_and_role() {
    let every_caller = [None, Some(USER), Some(SESSION), Some(ROOT), Some(OWN_USER)];
    for (principals, left_out) in [
        (json!({"AWS": USER}), &[][..]),
        (json!({"AWS": [USER, ROOT]}), &[Some(USER), Some(ROOT)]),
        (
            json!({"AWS": [USER, "210987654321"]}),
            &[Some(USER), Some(ROOT)],
        ),
        (json!({"AWS": ROOT}), &[Some(ROOT)]),
        (json!({"AWS": [SESSION, ROOT]}), &[Some(ROOT)]),
        (json!({"AWS": [ROLE, ROOT]}), &[Some(ROOT)]),
        (
            json!({"AWS": [SESSION, ROLE, ROOT]}),
            &[Some(SESSION), Some(ROOT)],
        ),
        (json!({"AWS": [USER, OWN_ROOT]}), &[]),
        (json!({"Service": "lambda.amazonaws.com"}), &[]),
        (json!("*"), &every_caller),
    ] {
        for caller in every_caller {
            let expected = if left_out.contains(&caller) {
                ImplicitDeny
            } else {
                ExplicitDeny
            };
            let found = verdict("Deny", "NotPrincipal", &principals, caller);
            assert_eq!(found, expected, "{principals} {caller:?}");
        }
    }
}

/// A user's ARN has the path, a session's ARN has not that of its role.
#[wasm_bindgen_test(unsupported = test)]
fn paths_are_parts_of_names_but_for_sessions() {
    let user = "arn:aws:iam::210987654321:user/team/ada";
    for (principal, caller, expected) in [
        (user, user, Allow),
        (user, USER, ImplicitDeny),
        (USER, user, ImplicitDeny),
        ("arn:aws:iam::210987654321:role/a/b/reader", SESSION, Allow),
        (
            "arn:aws:iam::210987654321:role/reader/b",
            SESSION,
            ImplicitDeny,
        ),
    ] {
        let found = verdict(
            "Allow",
            "Principal",
            &json!({"AWS": principal}),
            Some(caller),
        );
        assert_eq!(found, expected, "{principal} {caller}");
    }
}

/// A caller whose ARN says nothing is treated as somebody without a name.
#[wasm_bindgen_test(unsupported = test)]
fn an_arn_that_cannot_be_read_is_nobody_s() {
    for arn in [
        "",
        "ada",
        "arn:aws:iam::210987654321",
        "arn:aws:iam::2109:user/ada",
    ] {
        let principals = json!({"AWS": [USER, ROOT]});
        let caller = Some(arn);
        let found = verdict("Allow", "Principal", &principals, caller);
        assert_eq!(found, ImplicitDeny, "{arn}");
        let found = verdict("Deny", "NotPrincipal", &principals, caller);
        assert_eq!(found, ExplicitDeny, "{arn}");
    }
}
