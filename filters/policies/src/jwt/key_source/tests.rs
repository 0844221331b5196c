use std::rc::Rc;
use std::sync::Arc;

use attache_model::{JwtAlgorithm, JwtAuthorizer, JwtIssuer, JwtKeys, Protocol};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::authorizers::TokenAuthorizers;
use super::super::test_gateway::{Worker, answered, ok, path_of};
use super::super::test_issuer::{jwk, token};
use super::document::Address;
use crate::exchange::{CalloutAnswer, Errand};
use crate::memory_ports::START;

const ISSUER: &str = "https://issuer.example";

fn worker(keys: JwtKeys) -> Worker {
    let mut authorizers = TokenAuthorizers::default();
    let definition = JwtAuthorizer {
        identity_source: "$request.header.Authorization".to_owned(),
        issuers: vec![JwtIssuer {
            issuer: ISSUER.to_owned(),
            audiences: vec!["app".to_owned()],
            additional_claims: Vec::new(),
            keys,
        }],
        algorithms: vec![JwtAlgorithm::Es256, JwtAlgorithm::EdDsa],
        leeway_in_seconds: 0,
    };
    let authorizer = authorizers
        .add_jwt(&definition, Protocol::Http, "")
        .unwrap();
    Worker {
        authorizers: Arc::new(authorizers),
        authorizer,
        ports: Rc::default(),
    }
}

fn at_url() -> Worker {
    worker(JwtKeys::JwksUri(format!("{ISSUER}/jwks?v=1")))
}

fn discovered() -> Worker {
    worker(JwtKeys::Discovery(format!(
        "{ISSUER}/.well-known/openid-configuration"
    )))
}

/// Another worker of the same proxy.
fn beside(worker: &Worker, mut other: Worker) -> Worker {
    other.ports = Rc::new(worker.ports.another());
    other
}

fn good() -> String {
    with("ES256", "ann")
}

fn with(algorithm: &str, subject: &str) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": "app", "sub": subject, "exp": START + 90 * 24 * 3600,
    });
    token(algorithm, &claims)
}

fn p256() -> Value {
    json!({"keys": [jwk("p256")]})
}

fn ed25519() -> Value {
    json!({"keys": [jwk("ed25519")]})
}

fn configuration(jwks_uri: &str) -> Value {
    json!({"issuer": ISSUER, "jwks_uri": jwks_uri, "scopes_supported": ["openid"]})
}

/// The one errand of a worker, done with this answer.
fn run_errand(worker: &Worker, answer: CalloutAnswer) {
    let errand = one(worker.errands());
    worker.fetched(errand.id, answer);
}

fn one(errands: Vec<Errand>) -> Errand {
    let [errand] = <[Errand; 1]>::try_from(errands).unwrap();
    errand
}

#[wasm_bindgen_test(unsupported = test)]
fn the_first_request_fetches_the_keys_and_waits() {
    let worker = at_url();
    let mut request = worker.start(&good(), &[]);
    let callout = request.callout().clone();
    assert_eq!(callout.cluster, "https_issuer.example_443");
    assert_eq!(callout.timeout_millis, 1_500);
    let field = |name: &str| {
        let field = callout.headers.iter().find(|(known, _)| known == name);
        String::from_utf8(field.unwrap().1.clone()).unwrap()
    };
    assert_eq!(field(":method"), "GET");
    assert_eq!(field(":authority"), "issuer.example");
    assert_eq!(field(":path"), "/jwks?v=1");
    request.resume(ok(&p256()));
    assert_eq!(request.answer().0, 200);
    // Nothing is fetched for the next one.
    assert_eq!(worker.call(&with("ES256", "bob"), &[]).0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_burst_shares_one_call() {
    let worker = at_url();
    let mut requests: Vec<_> = (0..5)
        .map(|number| worker.start(&with("ES256", &number.to_string()), &[]))
        .collect();
    let name = requests[0].callout().shared_as;
    assert!(name.is_some());
    assert!(
        requests
            .iter()
            .all(|request| request.callout().shared_as == name)
    );
    for request in &mut requests {
        request.resume(ok(&p256()));
        assert_eq!(request.answer().0, 200);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_dead_issuer_is_not_asked_by_every_request() {
    let worker = at_url();
    for answer in [
        CalloutAnswer::Failed,
        answered("503", b"no healthy upstream"),
        answered("404", p256().to_string().as_bytes()),
        answered("200", b"<html>"),
        answered("200", b"{\"keys\":{}}"),
        answered("200", &vec![b' '; 150_001]),
    ] {
        let mut request = worker.start(&good(), &[]);
        request.resume(answer);
        let refused = (401, "KeysUnavailable".to_owned());
        assert_eq!(request.answer(), refused);
        let challenge = &request.reply().headers[0].1;
        let challenge = String::from_utf8_lossy(challenge).into_owned();
        assert!(challenge.contains("OIDC discovery endpoint communication error"));
        assert_eq!(worker.call(&good(), &[]), refused);
        worker.pass_millis(1_000);
    }
    let mut request = worker.start(&good(), &[]);
    request.resume(ok(&p256()));
    assert_eq!(request.answer().0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn an_unknown_key_is_fetched_once_in_a_while() {
    let worker = at_url();
    run_errand(&worker, ok(&p256()));
    assert_eq!(worker.call(&good(), &[]).0, 200);

    // The issuer has a new key.
    let both = json!({"keys": [jwk("p256"), jwk("ed25519")]});
    let mut request = worker.start(&with("EdDSA", "ann"), &[]);
    let mut beside = worker.start(&with("EdDSA", "bob"), &[]);
    request.resume(ok(&both));
    beside.resume(ok(&both));
    assert_eq!((request.answer().0, beside.answer().0), (200, 200));
    assert_eq!(worker.call(&good(), &[]).0, 200);

    // An id that nobody has.
    let unknown = good().replacen(
        good().split('.').next().unwrap(),
        &super::super::test_issuer::base64url(br#"{"alg":"ES256","kid":"none"}"#),
        1,
    );
    let refused = (401, "UnknownKey".to_owned());
    assert_eq!(worker.call(&unknown, &[]), refused);
    worker.pass_millis(9_999);
    assert_eq!(worker.call(&unknown, &[]), refused);
    worker.pass_millis(1);
    let mut request = worker.start(&unknown, &[]);
    request.resume(ok(&both));
    assert_eq!(request.answer(), refused);
    assert_eq!(worker.call(&unknown, &[]), refused);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_that_went_away_does_not_open_the_door_for_more() {
    let worker = at_url();
    run_errand(&worker, ok(&p256()));
    drop(worker.start(&with("EdDSA", "ann"), &[]));
    let refused = (401, "UnknownKey".to_owned());
    assert_eq!(worker.call(&with("EdDSA", "ann"), &[]), refused);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_claims_too_little_fetches_nothing() {
    let worker = at_url();
    let expired = json!({"iss": ISSUER, "aud": "app", "exp": START});
    let elsewhere = json!({"iss": "https://other.example", "aud": "app", "exp": START + 9});
    let for_others = json!({"iss": ISSUER, "aud": "other", "exp": START + 9});
    for (token, fault) in [
        (token("ES256", &expired), "Expired"),
        (token("ES256", &elsewhere), "Issuer"),
        (token("ES256", &for_others), "Audience"),
        (token("RS256", &for_others), "Algorithm(Some(\"RS256\"))"),
        ("token".to_owned(), "Segments"),
    ] {
        assert_eq!(worker.call(&token, &[]), (401, fault.to_owned()));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn one_worker_fetches_for_all() {
    let first = at_url();
    let second = beside(&first, at_url());
    let errand = one(first.errands());
    assert_eq!(path_of(&errand.callout), "/jwks?v=1");
    assert!(first.errands().is_empty());
    assert!(second.errands().is_empty());
    first.fetched(errand.id, ok(&p256()));
    assert!(second.errands().is_empty());
    assert_eq!(first.call(&good(), &[]).0, 200);
    assert_eq!(second.call(&good(), &[]).0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_worker_that_dies_gives_its_lease_back() {
    let first = at_url();
    let second = beside(&first, at_url());
    let _ = one(first.errands());
    second.pass_millis(4_999);
    assert!(second.errands().is_empty());
    second.pass_millis(1);
    run_errand(&second, ok(&p256()));
    assert_eq!(second.call(&good(), &[]).0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_are_fetched_again_every_five_minutes() {
    let worker = at_url();
    run_errand(&worker, ok(&p256()));
    worker.pass_millis(299_999);
    assert!(worker.errands().is_empty());
    worker.pass_millis(1);
    // A key that the issuer has taken back is no longer good, not even for a known token.
    assert_eq!(worker.call(&good(), &[]).0, 200);
    run_errand(&worker, ok(&ed25519()));
    let mut request = worker.start(&good(), &[]);
    request.resume(ok(&ed25519()));
    assert_eq!(request.answer(), (401, "UnknownKey".to_owned()));
    assert_eq!(worker.call(&with("EdDSA", "ann"), &[]).0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_that_have_not_changed_keep_what_is_known() {
    let worker = at_url();
    run_errand(&worker, ok(&p256()));
    assert_eq!(worker.call(&good(), &[]).0, 200);
    let asked = worker.ports.asked_to_verify.get();
    worker.pass_millis(300_000);
    run_errand(&worker, ok(&p256()));
    assert_eq!(worker.call(&good(), &[]).0, 200);
    assert_eq!(worker.ports.asked_to_verify.get(), asked);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_outlive_an_issuer_that_is_down_for_two_hours() {
    let worker = at_url();
    run_errand(&worker, ok(&p256()));
    let mut pauses = Vec::new();
    worker.pass_millis(300_000);
    for _ in 0..9 {
        run_errand(&worker, CalloutAnswer::Failed);
        let mut pause = 0;
        let mut errands = worker.errands();
        while errands.is_empty() {
            worker.pass_millis(1_000);
            pause += 1;
            errands = worker.errands();
        }
        pauses.push(pause);
        worker.fetched(one(errands).id, CalloutAnswer::Failed);
        worker.pass_millis(300_000);
    }
    assert_eq!(pauses[..3], [5, 20, 80]);
    assert_eq!(pauses.last(), Some(&300));
    let since = worker.ports.millis.get() - START * 1_000;
    assert!(since < 7_200_000);
    assert_eq!(worker.call(&good(), &[]).0, 200);
    worker.pass_millis(7_200_001 - since);
    let mut request = worker.start(&good(), &[]);
    request.resume(CalloutAnswer::Failed);
    assert_eq!(request.answer(), (401, "KeysUnavailable".to_owned()));
    worker.pass_millis(300_000);
    run_errand(&worker, ok(&p256()));
    assert_eq!(worker.call(&good(), &[]).0, 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn while_there_is_nothing_it_is_tried_often() {
    let worker = at_url();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        run_errand(&worker, CalloutAnswer::Failed);
        let before = worker.ports.millis.get();
        let record = &worker.authorizers;
        let mut pause = 0;
        while record.errands(&*worker.ports).is_empty() {
            worker.pass_millis(1_000);
            pause += 1;
        }
        pauses.push(pause);
        // The errand was taken by the look: let its lease run out.
        worker.ports.millis.set(before + pause * 1_000 + 5_000);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_configuration_names_the_key_set() {
    let worker = discovered();
    let mut request = worker.start(&good(), &[]);
    assert_eq!(request.path(), "/.well-known/openid-configuration");
    request.resume(ok(&configuration("https://issuer.example/keys")));
    assert_eq!(request.path(), "/keys");
    request.resume(ok(&p256()));
    assert_eq!(request.answer().0, 200);

    // Its place is known now.
    let mut request = worker.start(&with("EdDSA", "ann"), &[]);
    // The first request was the last that fetched.
    assert_eq!(request.answer().0, 401);
    worker.pass_millis(10_000);
    request = worker.start(&with("EdDSA", "ann"), &[]);
    assert_eq!(request.path(), "/keys");
}

#[wasm_bindgen_test(unsupported = test)]
fn errands_read_both_documents() {
    let worker = discovered();
    let first = one(worker.errands());
    assert_eq!(path_of(&first.callout), "/.well-known/openid-configuration");
    assert!(worker.errands().is_empty());
    worker.fetched(first.id, ok(&configuration("https://issuer.example/keys")));
    let second = one(worker.errands());
    assert_eq!(path_of(&second.callout), "/keys");
    assert_ne!(first.id, second.id);
    worker.fetched(second.id, ok(&p256()));
    assert_eq!(worker.call(&good(), &[]).0, 200);
    assert!(worker.errands().is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_configuration_is_the_issuers_own_and_stays_with_its_host() {
    for document in [
        json!({"issuer": "https://other.example", "jwks_uri": "https://issuer.example/keys"}),
        json!({"issuer": "https://issuer.example/", "jwks_uri": "https://issuer.example/keys"}),
        configuration("https://other.example/keys"),
        configuration("http://issuer.example/keys"),
        configuration("https://issuer.example:8443/keys"),
        configuration("/keys"),
        configuration("https://issuer.example/{x}"),
        json!({"issuer": ISSUER}),
        json!([]),
    ] {
        let worker = discovered();
        let mut request = worker.start(&good(), &[]);
        request.resume(ok(&document));
        let refused = (401, "KeysUnavailable".to_owned());
        assert_eq!(request.answer(), refused, "{document}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_that_goes_back_stops_nothing() {
    let worker = at_url();
    run_errand(&worker, CalloutAnswer::Failed);
    let mut request = worker.start(&good(), &[]);
    request.resume(CalloutAnswer::Failed);
    worker.ports.millis.set(START * 1_000 - 86_400_000);
    let mut request = worker.start(&good(), &[]);
    request.resume(ok(&p256()));
    assert_eq!(request.answer().0, 200);
    assert!(worker.errands().is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_source_is_there_once() {
    let mut sources = super::KeySources::default();
    let url = JwtKeys::JwksUri("https://a.example/keys".to_owned());
    let configuration = JwtKeys::Discovery("https://a.example/keys".to_owned());
    let other = JwtKeys::JwksUri("http://b.example/keys".to_owned());
    let inline = JwtKeys::Jwks(p256());
    let mut add = |keys: &JwtKeys, issuer: &str| sources.add(keys, issuer, "").unwrap();
    assert_eq!(add(&url, "a"), 0);
    assert_eq!(add(&url, "b"), 0);
    assert_eq!(add(&configuration, "a"), 1);
    assert_eq!(add(&configuration, "b"), 2);
    assert_eq!(add(&inline, "a"), 3);
    assert_eq!(add(&inline, "b"), 3);
    assert_eq!(add(&other, "a"), 4);
    let clusters = sources.upstreams().into_iter();
    let clusters: Vec<_> = clusters.map(crate::Upstream::cluster).collect();
    assert_eq!(clusters, ["http_b.example_80", "https_a.example_443"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_of_a_configuration_have_their_place() {
    let mut sources = super::KeySources::default();
    for (keys, pointer) in [
        (JwtKeys::Jwks(json!({})), "/k/jwks"),
        (JwtKeys::Jwks(json!({"keys": []})), "/k/jwks"),
        (
            JwtKeys::Jwks(json!({"keys": [{"kty": "oct", "kid": "a", "k": "AA"}]})),
            "/k/jwks",
        ),
        (JwtKeys::JwksUri("issuer.example".to_owned()), "/k/jwksUri"),
        (
            JwtKeys::JwksUri("ftp://issuer.example/".to_owned()),
            "/k/jwksUri",
        ),
        (
            JwtKeys::Discovery("https://{host}/".to_owned()),
            "/k/discovery",
        ),
    ] {
        let fault = sources.add(&keys, "a", "/k").unwrap_err();
        assert_eq!(fault.pointer, pointer, "{fault}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn documents_have_names_of_their_own() {
    let address = |url: &str| Address::parse(url).unwrap();
    let names = [
        address("https://a.example/keys").digest("x"),
        address("https://a.example/keys").digest("y"),
        address("http://a.example/keys").digest("x"),
        address("https://a.example/key").digest("x"),
        address("https://a.example:444/keys").digest("x"),
    ];
    for (position, name) in names.iter().enumerate() {
        assert!(!names[..position].contains(name), "{position}");
    }
}
