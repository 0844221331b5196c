//! What is checked before every hit: a copy is for whom the answer would have been.

use attache_e2e::{Backend, Client, Reaction, Request};
use serde_json::{Value, json};

use crate::hits::counting;
use crate::served::{Served, Setup, keyed};

const ACME: &str = "acme-0123456789-0123456789";
const VISITOR: &str = "visitor-0123456789-0123456789";
const REVOKED: &str = "revoked-0123456789-0123456789";

/// An API whose `/pets` asks for a key; `visitor` has three requests.
fn with_keys() -> Served {
    let mut setup = Setup::new(counting());
    let operation = setup.at("GET", "/pets").with_key();
    setup = setup.with(operation);
    let stages = json!([{"api": "petstore", "stage": "prod"}]);
    setup.configuration["usagePlans"] = json!({
        "gold": {"apiStages": stages},
        "trial": {"quota": {"limit": 3, "period": "MONTH"}, "apiStages": stages},
    });
    setup.configuration["apiKeys"] = json!({
        "acme": {"value": ACME, "usagePlans": ["gold"]},
        "visitor": {"value": VISITOR, "usagePlans": ["trial"]},
        "revoked": {"value": REVOKED, "usagePlans": ["gold"], "enabled": false},
    });
    setup.serve()
}

fn with_key(key: &str) -> Request {
    Request::new("GET", "/prod/pets").header("x-api-key", key)
}

#[test]
fn a_key_is_asked_for_before_every_hit_and_hits_count() {
    let served = with_keys();
    assert_eq!(served.get("/prod/pets").status, 403);
    assert_eq!(served.calls(), 0);
    assert_eq!(served.send(&with_key(ACME)).text(), "/pets call 1");
    for _ in 0..3 {
        assert_eq!(served.get("/prod/pets").status, 403);
        assert_eq!(served.send(&with_key(REVOKED)).status, 403);
        assert_eq!(
            served
                .send(&with_key("unknown-0123456789-0123456789"))
                .status,
            403
        );
        assert_eq!(served.send(&with_key(VISITOR)).text(), "/pets call 1");
    }
    // A hit uses up the quota like any other answer.
    let refused = served.send(&with_key(VISITOR));
    assert_eq!(
        (refused.status, refused.text()),
        (429, r#"{"message":"Limit Exceeded"}"#.into())
    );
    assert_eq!(served.send(&with_key(ACME)).text(), "/pets call 1");
    assert_eq!(served.calls(), 1);
}

#[test]
fn a_throttle_counts_hits() {
    let mut setup = Setup::new(counting()).get("/pets", &[]);
    setup.settings()["throttlingRateLimit"] = json!(0.000_1);
    setup.settings()["throttlingBurstLimit"] = json!(4);
    let served = setup.serve();
    let statuses: Vec<u16> = (0..6).map(|_| served.get("/prod/pets").status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    assert_eq!(served.calls(), 1);
}

/// An authorizer that lets everybody in whose token starts with `good`, and is asked each time.
fn authorizer() -> Backend {
    Backend::start(|seen| {
        let event: Value = serde_json::from_slice(&seen.body).unwrap();
        let token = event["authorizationToken"].as_str().unwrap();
        let effect = if token.starts_with("good") {
            "Allow"
        } else {
            "Deny"
        };
        let statement = json!([{
            "Action": "execute-api:Invoke", "Effect": effect, "Resource": "*",
        }]);
        let policy = json!({"Version": "2012-10-17", "Statement": statement});
        let result = json!({"principalId": token, "policyDocument": policy});
        Reaction::answer(200, result.to_string())
    })
}

/// An API whose `/account` says to each caller who they are, and whether that is in its key.
fn with_authorizer(authorizer: &Backend, key: &[&str]) -> Served {
    let echo = Backend::start(|seen| {
        let caller = seen.header("authorization").unwrap_or_default();
        Reaction::answer(200, format!("for {}", String::from_utf8_lossy(caller)))
    });
    let mut setup = Setup::new(echo);
    setup.schemes = json!({"callers": {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                              arn:aws:lambda:us-east-1:000000000000:function:auth/invocations",
            "authorizerResultTtlInSeconds": 0,
        },
    }});
    let url = format!("http://{}/", authorizer.address());
    setup.configuration["apis"]["petstore"]["authorizers"] = json!({"callers": {"url": url}});
    let operation = setup.at("GET", "/account").secured("callers", &[]);
    let operation = keyed(operation, "/account", key);
    setup.with(operation).serve()
}

fn as_caller(token: &str) -> Request {
    Request::new("GET", "/prod/account").header("authorization", token)
}

#[test]
fn an_authorizer_is_asked_before_every_hit() {
    let authorizer = authorizer();
    let served = with_authorizer(&authorizer, &[]);
    assert_eq!(served.send(&as_caller("good-ada")).text(), "for good-ada");
    for call in 2..6 {
        // Nothing of the caller's is in the key: with AWS too, all who are let in share it.
        assert_eq!(served.send(&as_caller("good-bob")).text(), "for good-ada");
        assert_eq!(authorizer.seen().len(), 2 * call - 2);
        let refused = served.send(&as_caller("bad-eve"));
        assert_eq!(refused.status, 403);
        assert!(!refused.text().contains("good"), "{}", refused.text());
        assert_eq!(authorizer.seen().len(), 2 * call - 1);
    }
    assert_eq!(served.get("/prod/account").status, 401);
    assert_eq!(served.calls(), 1);
}

#[test]
fn callers_in_the_key_have_answers_of_their_own() {
    let authorizer = authorizer();
    let served = with_authorizer(&authorizer, &["method.request.header.Authorization"]);
    let tokens = ["good", "good-ada", "good-bob", "Good-ada", "good-ad"];
    for _ in 0..3 {
        for protocol in [Client::http1, Client::http2] {
            let mut client = protocol(served.address());
            for token in tokens {
                let answer = client.send(&as_caller(token)).unwrap();
                match token.starts_with("good") {
                    true => assert_eq!(answer.text(), format!("for {token}")),
                    false => assert_eq!(answer.status, 403),
                }
            }
        }
    }
    assert_eq!(served.calls(), 4);
}
