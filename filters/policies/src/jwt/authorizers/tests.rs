use std::rc::Rc;
use std::sync::Arc;

use attache_model::{
    CognitoAuthorizer, JwtAlgorithm, JwtAuthorizer, JwtIssuer, JwtKeys, Protocol, UserPool,
};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::test_gateway::Worker;
use super::super::test_issuer::{base64url, jwk, key_set, token};
use super::{TokenAuthorizer, TokenAuthorizers};
use crate::compile_error::CompileError;
use crate::headers::Headers;
use crate::memory_ports::START;

const ISSUER: &str = "https://issuer.example";
const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc";

fn issuer(name: &str, keys: Value) -> JwtIssuer {
    JwtIssuer {
        issuer: name.to_owned(),
        audiences: vec!["app".to_owned()],
        additional_claims: Vec::new(),
        keys: JwtKeys::Jwks(keys),
    }
}

fn jwt(algorithms: &[JwtAlgorithm]) -> JwtAuthorizer {
    JwtAuthorizer {
        identity_source: "$request.header.Authorization".to_owned(),
        issuers: vec![issuer(ISSUER, key_set())],
        algorithms: algorithms.to_vec(),
        leeway_in_seconds: 0,
    }
}

fn cognito() -> CognitoAuthorizer {
    CognitoAuthorizer {
        identity_source: "method.request.header.Authorization".to_owned(),
        identity_validation_expression: None,
        user_pools: vec![UserPool {
            issuer: POOL.to_owned(),
            keys: JwtKeys::Jwks(key_set()),
        }],
        leeway_in_seconds: 0,
    }
}

type Added = Result<TokenAuthorizer, Vec<CompileError>>;

fn worker(add: impl FnOnce(&mut TokenAuthorizers) -> Added) -> Worker {
    let mut authorizers = TokenAuthorizers::default();
    let authorizer = add(&mut authorizers).unwrap();
    Worker {
        authorizers: Arc::new(authorizers),
        authorizer,
        ports: Rc::default(),
    }
}

fn http() -> Worker {
    worker(|all| all.add_jwt(&jwt(&[JwtAlgorithm::Es256]), Protocol::Http, ""))
}

fn rest() -> Worker {
    worker(|all| all.add_jwt(&jwt(&[JwtAlgorithm::Es256]), Protocol::Rest, ""))
}

fn of_pool() -> Worker {
    worker(|all| all.add_cognito(&cognito(), ""))
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "app", "sub": "ann", "exp": START + 60});
    let more = more.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

fn es256(more: &Value) -> String {
    token("ES256", &claims(more))
}

fn pool_token(more: &Value) -> String {
    let mut claims = claims(&json!({"iss": POOL}));
    let more = more.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(more);
    token("RS256", &claims)
}

/// The token with another signature than its own.
fn forged(token: &str) -> String {
    let (text, _) = token.rsplit_once('.').unwrap();
    format!("{text}.{}", base64url(&[1; 64]))
}

#[wasm_bindgen_test(unsupported = test)]
fn an_http_api_tells_why() {
    let worker = http();
    let challenge = |description: &str| {
        format!("Bearer scope=\"\" error=\"invalid_token\" error_description=\"{description}\"")
    };
    for (token, expected) in [
        (String::new(), "Bearer".to_owned()),
        ("Bearer ".to_owned(), "Bearer".to_owned()),
        (
            "Bearer token".to_owned(),
            challenge("token contains an invalid number of segments"),
        ),
        (
            token("RS256", &claims(&json!({}))),
            challenge("signing method RS256 is invalid"),
        ),
        (
            es256(&json!({"aud": "x"})),
            challenge("the token does not have a valid audience"),
        ),
        (
            es256(&json!({"exp": START})),
            challenge("the token has expired"),
        ),
        (
            es256(&json!({"iss": "x"})),
            challenge("the token does not have a valid issuer"),
        ),
        (
            forged(&es256(&json!({}))),
            challenge("the token does not have a valid signature"),
        ),
    ] {
        let request = worker.start(&token, &[]);
        let reply = request.reply();
        assert_eq!(reply.status, 401);
        let field = ("www-authenticate".to_owned(), expected.into_bytes());
        assert_eq!(reply.headers, [field], "{token}");
    }
    let absent = worker.start_with(Headers::default(), &[]);
    assert_eq!(absent.reply().headers[0].1, b"Bearer");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_good_token_lets_in_with_its_claims() {
    for (worker, exp) in [
        (http(), (START + 60).to_string()),
        (rest(), "Fri Nov 20 00:01:00 UTC 2026".to_owned()),
    ] {
        for prefix in ["", "Bearer "] {
            let token = format!("{prefix}{}", es256(&json!({})));
            let (status, body) = worker.call(&token, &[]);
            assert_eq!(status, 200, "{body}");
            let expected = json!({"iss": ISSUER, "aud": "app", "sub": "ann", "exp": exp});
            assert_eq!(body, expected.to_string());
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_needs_one_of_the_scopes() {
    let (http, rest) = (http(), rest());
    let token = es256(&json!({"scope": "read list"}));
    for (scopes, http_status, rest_status) in [
        (&[][..], 200, 200),
        (&["read"], 200, 200),
        (&["write", "list"], 200, 200),
        (&["write"], 403, 401),
        (&["rea"], 403, 401),
    ] {
        assert_eq!(http.call(&token, scopes).0, http_status, "{scopes:?}");
        assert_eq!(rest.call(&token, scopes).0, rest_status, "{scopes:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_clients_are_not_told_why() {
    let worker = rest();
    for token in ["", "token", &es256(&json!({"exp": START}))] {
        let request = worker.start(token, &[]);
        assert_eq!(request.reply().status, 401);
        assert_eq!(request.reply().headers, []);
    }
}

/// DG apigateway-integrate-with-cognito.
#[wasm_bindgen_test(unsupported = test)]
fn a_user_pool_takes_id_tokens_without_and_access_tokens_with_scopes() {
    let worker = of_pool();
    let id = pool_token(&json!({"token_use": "id"}));
    let access = pool_token(&json!({"token_use": "access", "scope": "a b"}));
    for (token, scopes, status, fault) in [
        (&id, &[][..], 200, None),
        (&id, &["a"], 401, Some("TokenUse")),
        (&access, &[], 401, Some("TokenUse")),
        (&access, &["x", "b"], 200, None),
        (&access, &["x"], 401, Some("Scope")),
    ] {
        let (answered, body) = worker.call(token, scopes);
        assert_eq!(answered, status, "{scopes:?}");
        if let Some(fault) = fault {
            assert_eq!(body, fault);
        }
    }
    let expired = pool_token(&json!({"token_use": "id", "exp": START}));
    assert_eq!(worker.body(&expired), "Expired");
    let elsewhere = pool_token(&json!({"token_use": "id", "iss": ISSUER}));
    assert_eq!(worker.body(&elsewhere), "Issuer");
    let claims = claims(&json!({"iss": POOL, "token_use": "id"}));
    let other = token("ES256", &claims);
    assert_eq!(worker.body(&other), "Algorithm(Some(\"ES256\"))");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_audience_of_a_user_pool_matches_as_a_whole() {
    let worker = worker(|all| {
        let definition = CognitoAuthorizer {
            identity_validation_expression: Some("app|ap[a-o]".to_owned()),
            ..cognito()
        };
        all.add_cognito(&definition, "")
    });
    for (audience, status) in [("app", 200), ("apa", 200), ("apps", 401), ("my-app", 401)] {
        let token = pool_token(&json!({"token_use": "id", "aud": audience}));
        assert_eq!(worker.call(&token, &[]).0, status, "{audience}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_known_token_is_not_verified_again_but_judged_again() {
    let worker = http();
    let token = es256(&json!({"scope": "read"}));
    assert_eq!(worker.call(&token, &[]).0, 200);
    assert_eq!(worker.ports.asked_to_verify.get(), 1);
    assert_eq!(worker.call(&token, &["read"]).0, 200);
    assert_eq!(worker.call(&token, &["write"]).0, 403);
    worker.pass_millis(59_999);
    assert_eq!(worker.call(&token, &[]).0, 200);
    worker.pass_millis(1);
    assert_eq!(worker.call(&token, &[]), (401, "Expired".to_owned()));
    assert_eq!(worker.ports.asked_to_verify.get(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_bad_token_is_verified_once() {
    let worker = http();
    let token = forged(&es256(&json!({})));
    for _ in 0..3 {
        assert_eq!(worker.body(&token), "Signature");
    }
    assert_eq!(worker.ports.asked_to_verify.get(), 1);
    // That it was forged says nothing of the true one.
    assert_eq!(worker.call(&es256(&json!({})), &[]).0, 200);
}

/// What one authorizer has verified is not taken by another that takes other tokens.
#[wasm_bindgen_test(unsupported = test)]
fn authorizers_share_what_is_known_and_nothing_else() {
    let mut all = TokenAuthorizers::default();
    let mut add = |definition: &JwtAuthorizer| all.add_jwt(definition, Protocol::Http, "").unwrap();
    let es256_only = jwt(&[JwtAlgorithm::Es256]);
    let first = add(&es256_only);
    let same = add(&es256_only);
    let other_algorithm = add(&jwt(&[JwtAlgorithm::Rs256]));
    let mut definition = es256_only.clone();
    definition.issuers[0].audiences = vec!["other".to_owned()];
    let other_audience = add(&definition);
    definition = es256_only.clone();
    definition.issuers[0].issuer = "https://other.example".to_owned();
    let other_issuer = add(&definition);
    definition = es256_only;
    let mut changed = jwk("p384");
    changed["kid"] = "p256".into();
    definition.issuers[0].keys = JwtKeys::Jwks(json!({"keys": [changed]}));
    let other_keys = add(&definition);

    let mut worker = Worker {
        authorizers: Arc::new(all),
        authorizer: first,
        ports: Rc::default(),
    };
    let token = es256(&json!({}));
    for _ in 0..2 {
        for (authorizer, status, body) in [
            (first, 200, ""),
            (same, 200, ""),
            (other_algorithm, 401, "Algorithm(Some(\"ES256\"))"),
            (other_audience, 401, "Audience"),
            (other_issuer, 401, "Issuer"),
            (other_keys, 401, "UnknownKey"),
        ] {
            worker.authorizer = authorizer;
            let (answered, text) = worker.call(&token, &[]);
            assert_eq!(answered, status, "{text}");
            assert!(status == 200 || text == body, "{text}");
        }
    }
    assert_eq!(worker.ports.asked_to_verify.get(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_issuer_chooses_the_keys() {
    let mut definition = jwt(&[JwtAlgorithm::Es256, JwtAlgorithm::Es384]);
    let mut disguised = jwk("p384");
    disguised["kid"] = "p256".into();
    definition.issuers = vec![
        issuer(ISSUER, json!({"keys": [jwk("p256")]})),
        issuer("https://two.example", json!({"keys": [disguised]})),
    ];
    let worker = worker(|all| all.add_jwt(&definition, Protocol::Rest, ""));
    assert_eq!(worker.call(&es256(&json!({})), &[]).0, 200);
    let borrowed = es256(&json!({"iss": "https://two.example"}));
    assert_eq!(worker.body(&borrowed), "UnknownKey");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_oversized_token_is_not_looked_at() {
    let worker = http();
    let long = es256(&json!({"x": "x".repeat(13_000)}));
    assert_eq!(worker.body(&long), "TooLong");
    assert_eq!(worker.ports.asked_to_verify.get(), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn an_authorizer_that_takes_nothing_is_refused() {
    let mut empty = jwt(&[]);
    empty.identity_source = "$request.path.x".to_owned();
    empty.issuers[0].audiences.clear();
    empty.issuers.push(issuer(ISSUER, json!({"keys": []})));
    let faults = TokenAuthorizers::default().add_jwt(&empty, Protocol::Http, "/a");
    let faults = faults.unwrap_err();
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/a/identitySource",
            "/a/algorithms",
            "/a/issuers/0/audiences",
            "/a/issuers/1/keys/jwks",
            "/a/issuers/1",
        ]
    );
    let no_pool = CognitoAuthorizer {
        user_pools: Vec::new(),
        ..cognito()
    };
    let faults = TokenAuthorizers::default().add_cognito(&no_pool, "/a");
    assert_eq!(faults.unwrap_err()[0].pointer, "/a/userPools");
    let too_long = "x".repeat(70_000);
    for expression in ["(", "a)|(b", "a{2,1}", "[a", too_long.as_str()] {
        let definition = CognitoAuthorizer {
            identity_validation_expression: Some(expression.to_owned()),
            ..cognito()
        };
        let faults = TokenAuthorizers::default().add_cognito(&definition, "/a");
        let pointer = &faults.unwrap_err()[0].pointer;
        assert_eq!(pointer, "/a/identityValidationExpression", "{expression}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn memory_is_not_told() {
    let worker = http();
    let token = es256(&json!({"sub": "somebody"}));
    assert_eq!(worker.call(&token, &[]).0, 200);
    assert!(!format!("{:?}", worker.authorizers).contains("somebody"));
}
