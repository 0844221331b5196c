//! A flood of callers whom the gateway has never seen, good ones and bad ones: what it remembers
//! of them is bounded. `ATTACHE_SOAK=1000000` sends a million in place of thousands.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::thread;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Reaction, Request, Service, definition_with,
};
use serde_json::{Value, json};

/// By how much Envoy may grow, after it has seen as many callers as it remembers.
const BOUND_IN_KIB: u64 = 48 * 1024;
const CONNECTIONS: usize = 4;

/// How many callers come after the first ones.
fn callers() -> usize {
    std::env::var("ATTACHE_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12_000)
}

/// What Envoy's processes hold in memory, in KiB.
fn resident(attache: &Attache) -> u64 {
    attache
        .children()
        .iter()
        .filter_map(|process| {
            let status =
                fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}

fn serve(backend: &Backend, scheme: Value, authorizer: Value) -> (Attache, Project) {
    let uri = format!("http://{}/pets", backend.address());
    let operation = Operation::new("GET", "/pets", &uri).secured("callers", &[]);
    let definition = definition_with(&[operation], &json!({"callers": scheme}), &json!({}));
    let configuration = json!({
        "accessLog": "off",
        "apis": {"petstore": {
            "definition": "openapi.json", "stages": {"prod": {}}, "authorizers": authorizer,
        }},
    });
    let project = Project::new(&configuration.to_string(), &definition);
    (Attache::serve(project.path(), &[]), project)
}

/// Sends a request with each of these tokens, and asserts what is answered.
fn send(attache: &Attache, tokens: &[String], status: u16) {
    let address = attache.address();
    thread::scope(|scope| {
        for part in tokens.chunks(tokens.len().div_ceil(CONNECTIONS)) {
            scope.spawn(move || {
                let mut client = Client::http1(address);
                for token in part {
                    let request = Request::new("GET", "/prod/pets").header("authorization", token);
                    assert_eq!(client.send(&request).unwrap().status, status, "{token}");
                }
            });
        }
    });
}

/// Sends waves of callers until `callers()` have come, and asserts that what Envoy holds after the
/// first ones is what it holds after the last, within the bound.
fn soak(attache: &Attache, warm_up: usize, mut wave: impl FnMut(std::ops::Range<usize>)) {
    const WAVE: usize = 4_000;
    let mut seen = 0;
    while seen < warm_up {
        wave(seen..seen + WAVE);
        seen += WAVE;
    }
    let before = resident(attache);
    let end = seen + callers();
    while seen < end {
        wave(seen..seen + WAVE);
        seen += WAVE;
    }
    let after = resident(attache);
    assert!(
        after <= before + BOUND_IN_KIB,
        "{seen} callers: {before} KiB after the first {warm_up}, {after} KiB after the last"
    );
}

#[test]
fn tokens_good_and_bad_leave_no_more_than_a_bounded_memory() {
    let issuer = Service::issuer();
    let backend = Backend::answering("pets");
    let scheme = json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "jwt",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "method.request.header.Authorization",
            "jwtConfiguration": {
                "issuers": [{"issuer": issuer.url(), "audiences": ["pets"]}],
                "defaultAlgorithms": ["ES256"],
            },
        },
    });
    let (attache, _project) = serve(&backend, scheme, json!({}));
    soak(&attache, 8_000, |numbers| {
        let half = numbers.len() / 2;
        let good: Vec<Value> = numbers
            .clone()
            .take(half)
            .map(|number| json!({"aud": "pets", "sub": format!("caller-{number}")}))
            .collect();
        let good = issuer.tokens("ES256", &good);
        // The claims of one with the signature of another, an end that is no signature, no token.
        let bad: Vec<String> = numbers
            .skip(half)
            .zip(good.iter().zip(good.iter().skip(1).chain(good.first())))
            .map(|(number, (one, another))| match number % 4 {
                0 => format!("{one}x"),
                1 => format!("not-a-token-{number}"),
                _ => {
                    let (claims, _) = one.rsplit_once('.').unwrap();
                    let (_, signature) = another.rsplit_once('.').unwrap();
                    format!("{claims}.{signature}")
                }
            })
            .collect();
        send(&attache, &good, 200);
        send(&attache, &bad, 401);
        assert_eq!(backend.take_seen().len(), good.len());
    });
}

#[test]
fn callers_of_a_lambda_authorizer_leave_no_more_than_a_bounded_memory() {
    let authorizer = Backend::start(|seen| {
        let event: Value = serde_json::from_slice(&seen.body).unwrap();
        let token = event["authorizationToken"].as_str().unwrap();
        let result = json!({
            "principalId": token,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Action": "execute-api:Invoke",
                    "Effect": if token.starts_with("good") { "Allow" } else { "Deny" },
                    "Resource": "*",
                }],
            },
            "context": {"of": "x".repeat(500)},
        });
        Reaction::answer(200, result.to_string())
    });
    let backend = Backend::answering("pets");
    let scheme = json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                              arn:aws:lambda:us-east-1:000000000000:function:auth/invocations",
            "authorizerResultTtlInSeconds": 3600,
        },
    });
    let url = format!("http://{}/", authorizer.address());
    let (attache, _project) = serve(&backend, scheme, json!({"callers": {"url": url}}));
    soak(&attache, 8_000, |numbers| {
        let (good, bad): (Vec<_>, Vec<_>) = numbers.partition(|number| number % 2 == 0);
        let named = |kind: &str, numbers: &[usize]| -> Vec<String> {
            numbers
                .iter()
                .map(|number| format!("{kind}-{number}"))
                .collect()
        };
        send(&attache, &named("good", &good), 200);
        send(&attache, &named("bad", &bad), 403);
        assert_eq!(backend.take_seen().len(), good.len());
        assert_eq!(authorizer.take_seen().len(), good.len() + bad.len());
    });
}
