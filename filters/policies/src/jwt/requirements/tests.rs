use attache_model::{AdditionalClaim, JwtAlgorithm, JwtIssuer, JwtKeys, UserPool};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::claims::{Claims, Rendering};
use super::super::fault::TokenFault;
use super::{Algorithms, Issuer};
use crate::ports::Timestamp;
use crate::validation_expression::ValidationExpression;

const NOW: u64 = 1_000;

fn keys() -> JwtKeys {
    JwtKeys::Jwks(Value::Null)
}

fn jwt(additional_claims: Vec<AdditionalClaim>) -> Issuer {
    let definition = JwtIssuer {
        issuer: "i".to_owned(),
        audiences: vec!["one".to_owned(), "two".to_owned()],
        additional_claims,
        keys: keys(),
    };
    Issuer::of_jwt(&definition, 0)
}

fn cognito(expression: Option<&str>) -> Issuer {
    let pool = UserPool {
        issuer: "i".to_owned(),
        keys: keys(),
    };
    let expression = expression.map(|text| ValidationExpression::compile(text).unwrap());
    Issuer::of_cognito(&pool, 0, expression)
}

/// What a token with these claims comes to; `exp` is given unless the claims say otherwise.
fn judge(issuer: &Issuer, claims: &Value, leeway: u64) -> Result<(), TokenFault> {
    let mut whole = json!({"exp": NOW + 10});
    let more = claims.as_object().unwrap().clone();
    whole.as_object_mut().unwrap().extend(more);
    let claims = Claims::read(whole.to_string().as_bytes(), Rendering::Rest).unwrap();
    issuer.judge(
        &claims,
        Timestamp(NOW * 1_000_000_000 + 999_999_999),
        leeway,
    )
}

/// DG http-api-jwt-authorizer.
#[wasm_bindgen_test(unsupported = test)]
fn the_client_id_counts_where_there_is_no_audience() {
    let wrong = Err(TokenFault::Audience);
    for (claims, expected) in [
        (json!({"aud": "one"}), Ok(())),
        (json!({"aud": ["x", "two"]}), Ok(())),
        (json!({"client_id": "one"}), Ok(())),
        (json!({"aud": "one", "client_id": "x"}), Ok(())),
        (json!({"aud": "x", "client_id": "one"}), wrong.clone()),
        (json!({"aud": [], "client_id": "one"}), wrong.clone()),
        (json!({"aud": ["x"]}), wrong.clone()),
        (json!({"aud": "on"}), wrong.clone()),
        (json!({"aud": "one two"}), wrong.clone()),
        (json!({"client_id": "x"}), wrong.clone()),
        (json!({}), wrong),
    ] {
        assert_eq!(judge(&jwt(Vec::new()), &claims, 0), expected, "{claims}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_has_its_time() {
    for (claims, leeway, expected) in [
        (json!({"exp": NOW + 1}), 0, Ok(())),
        (json!({"exp": NOW}), 0, Err(TokenFault::Expired)),
        (json!({"exp": NOW}), 1, Ok(())),
        (json!({"exp": NOW - 5}), 5, Err(TokenFault::Expired)),
        (json!({"exp": 0}), 0, Err(TokenFault::Expired)),
        (json!({"exp": u64::MAX}), 60, Ok(())),
        (json!({"nbf": NOW}), 0, Ok(())),
        (json!({"nbf": NOW + 1}), 0, Err(TokenFault::NotYetValid)),
        (json!({"nbf": NOW + 1}), 1, Ok(())),
        (json!({"iat": NOW}), 0, Ok(())),
        (json!({"iat": NOW + 1}), 0, Err(TokenFault::IssuedInFuture)),
        (json!({"iat": NOW + 1}), 1, Ok(())),
        (json!({"iat": 0, "nbf": 0}), 0, Ok(())),
    ] {
        let mut claims = claims;
        claims["aud"] = "one".into();
        assert_eq!(
            judge(&jwt(Vec::new()), &claims, leeway),
            expected,
            "{claims}"
        );
        let expected = expected.clone();
        assert_eq!(judge(&cognito(None), &claims, leeway), expected, "{claims}");
    }
    let endless = Claims::read(br#"{"aud":"one"}"#, Rendering::Http).unwrap();
    let judged = jwt(Vec::new()).judge(&endless, Timestamp(0), 0);
    assert_eq!(judged, Err(TokenFault::NoExpiry));
}

#[wasm_bindgen_test(unsupported = test)]
fn additional_claims_are_single_strings() {
    let asked = |required, expected: &[&str]| AdditionalClaim {
        claim_name: "tenant".to_owned(),
        required,
        expected_values: expected.iter().map(|value| (*value).to_owned()).collect(),
    };
    let wrong = Err(TokenFault::Claim);
    for (claim, tenant, expected) in [
        (asked(true, &["a", "b"]), json!("b"), Ok(())),
        (asked(true, &["a", "b"]), json!("c"), wrong.clone()),
        (asked(true, &["a"]), Value::Null, wrong.clone()),
        (asked(false, &["a"]), Value::Null, Ok(())),
        (asked(false, &["a"]), json!("c"), wrong.clone()),
        (asked(true, &[]), json!("anything"), Ok(())),
        (asked(true, &[]), json!(1), wrong.clone()),
        (asked(false, &["1"]), json!(1), wrong.clone()),
        (asked(false, &["a"]), json!(["a"]), wrong.clone()),
        (asked(false, &[]), json!(["a"]), wrong),
    ] {
        let claims = json!({"aud": "one", "tenant": tenant});
        assert_eq!(judge(&jwt(vec![claim]), &claims, 0), expected, "{claims}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_expression_is_for_the_audience() {
    let issuer = cognito(Some(r"app-\d+"));
    for (claims, expected) in [
        (json!({"aud": "app-12"}), Ok(())),
        (json!({"aud": "my-app-12"}), Err(TokenFault::Audience)),
        (json!({"aud": "app-12\n"}), Err(TokenFault::Audience)),
        // An access token of Cognito has a `client_id` instead.
        (json!({"client_id": "app-12"}), Err(TokenFault::Audience)),
    ] {
        assert_eq!(judge(&issuer, &claims, 0), expected, "{claims}");
    }
    assert_eq!(judge(&cognito(None), &json!({}), 0), Ok(()));
}

#[wasm_bindgen_test(unsupported = test)]
fn scopes_want_an_access_token_of_cognito() {
    let none: &[&str] = &[];
    for (claims, scopes, jwt_expected, cognito_expected) in [
        (json!({"token_use": "id"}), none, Ok(()), Ok(())),
        (
            json!({"token_use": "access", "scope": "a"}),
            none,
            Ok(()),
            Err(TokenFault::TokenUse),
        ),
        (json!({}), none, Ok(()), Err(TokenFault::TokenUse)),
        (
            json!({"token_use": "access", "scope": "x a"}),
            &["a", "b"],
            Ok(()),
            Ok(()),
        ),
        (
            json!({"token_use": "access", "scope": "x ab"}),
            &["a", "b"],
            Err(TokenFault::Scope),
            Err(TokenFault::Scope),
        ),
        (
            json!({"token_use": "id", "scope": "a"}),
            &["a"],
            Ok(()),
            Err(TokenFault::TokenUse),
        ),
    ] {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let read = Claims::read(claims.to_string().as_bytes(), Rendering::Rest).unwrap();
        let judged = jwt(Vec::new()).judge_scopes(&read, &scopes);
        assert_eq!(judged, jwt_expected, "{claims} {scopes:?}");
        let judged = cognito(None).judge_scopes(&read, &scopes);
        assert_eq!(judged, cognito_expected, "{claims} {scopes:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn algorithms_are_those_that_are_named() {
    let named = [JwtAlgorithm::Es256, JwtAlgorithm::EdDsa];
    let algorithms: Algorithms = named.into_iter().collect();
    assert!(
        named
            .iter()
            .all(|algorithm| algorithms.contains(*algorithm))
    );
    assert!(!algorithms.contains(JwtAlgorithm::Rs256));
    assert!(Algorithms::COGNITO.contains(JwtAlgorithm::Rs256));
    assert!(!Algorithms::COGNITO.contains(JwtAlgorithm::Es256));
}
