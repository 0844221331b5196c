use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::LambdaAuthorizers;
use super::fixture::{FUNCTION, REQUEST, TOKEN, document};

fn faults(changes: &[(&str, Value)]) -> Vec<(String, String)> {
    match LambdaAuthorizers::compile(&document(changes)) {
        Ok(_) => Vec::new(),
        Err(faults) => faults
            .into_iter()
            .map(|fault| {
                assert!(fault.hint.is_some(), "{fault}");
                (fault.pointer, fault.reason)
            })
            .collect(),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_authorizer_is_found_by_its_numbers() {
    let authorizers = LambdaAuthorizers::compile(&document(&[])).unwrap();
    for (api, stage, authorizer, is_there) in [
        (0, 0, 0, true),
        (0, 1, 0, true),
        (1, 1, 0, true),
        (0, 2, 0, false),
        // A user pool.
        (0, 0, 1, false),
        (1, 0, 1, false),
        (2, 0, 0, false),
    ] {
        let found = authorizers.get(api, stage, authorizer);
        assert_eq!(found.is_some(), is_there, "{api} {stage} {authorizer}");
    }
    let upstreams = authorizers.upstreams();
    let clusters: Vec<_> = upstreams
        .iter()
        .map(|upstream| upstream.cluster())
        .collect();
    assert_eq!(clusters, ["http_127.0.0.1_9001", "https_auth.example_443"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn each_stage_may_have_a_function_of_its_own() {
    let changes = [
        (
            &*format!("{TOKEN}/uri"),
            json!("https://${stageVariables.key}.example/check"),
        ),
        ("/apis/0/stages/1/variables", json!({"key": "other"})),
    ];
    let authorizers = LambdaAuthorizers::compile(&document(&changes)).unwrap();
    let upstreams = authorizers.upstreams();
    let hosts: Vec<_> = upstreams.iter().map(|upstream| &*upstream.host).collect();
    assert_eq!(hosts, ["auth.example", "other.example", "value.example"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_their_places() {
    let with = |sources: &[&str]| json!(sources);
    for (place, value, pointer, reason) in [
        (
            TOKEN,
            ("event", json!("request2")),
            "event",
            "HTTP APIs only",
        ),
        (
            REQUEST,
            ("event", json!("request1")),
            "enableSimpleResponses",
            "payload format 2.0",
        ),
        (
            TOKEN,
            ("enableSimpleResponses", json!(true)),
            "enableSimpleResponses",
            "payload format 2.0",
        ),
        (
            TOKEN,
            ("resultTtlInSeconds", json!(3601)),
            "resultTtlInSeconds",
            "3601 seconds",
        ),
        (
            TOKEN,
            ("timeoutInMillis", json!(0)),
            "timeoutInMillis",
            "out of range",
        ),
        (
            TOKEN,
            ("timeoutInMillis", json!(29_001)),
            "timeoutInMillis",
            "out of range",
        ),
        (
            REQUEST,
            ("timeoutInMillis", json!(10_001)),
            "timeoutInMillis",
            "out of range",
        ),
        (
            TOKEN,
            ("identitySources", with(&[])),
            "identitySources",
            "one identity source",
        ),
        (
            TOKEN,
            (
                "identitySources",
                with(&["method.request.header.A", "method.request.header.B"]),
            ),
            "identitySources",
            "one identity source",
        ),
        (
            TOKEN,
            ("identitySources", with(&["method.request.querystring.a"])),
            "identitySources/0",
            "not a header",
        ),
        (
            REQUEST,
            ("identitySources", with(&[])),
            "identitySources",
            "cannot be kept",
        ),
        (
            REQUEST,
            (
                "identitySources",
                with(&["$request.header.A", "method.request.header.A"]),
            ),
            "identitySources/1",
            "not an identity source",
        ),
        (
            TOKEN,
            ("identityValidationExpression", json!("\\p{IsLatin}")),
            "identityValidationExpression",
            "IsLatin",
        ),
        (
            TOKEN,
            ("identityValidationExpression", json!("a)|(b")),
            "identityValidationExpression",
            "cannot be used",
        ),
        (
            TOKEN,
            ("uri", json!("arn:aws:lambda:x")),
            "uri",
            "cannot be called",
        ),
        (
            REQUEST,
            ("uri", json!("auth.example")),
            "uri",
            "cannot be called",
        ),
    ] {
        let found = faults(&[(&format!("{place}/{}", value.0), value.1.clone())]);
        assert_eq!(found.len(), 1, "{value:?}: {found:?}");
        assert_eq!(found[0].0, format!("{place}/{pointer}"), "{value:?}");
        assert!(found[0].1.contains(reason), "{value:?}: {found:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_authorizer_is_for_rest_apis() {
    let changes = [
        (&*format!("{REQUEST}/event"), json!("token")),
        (&*format!("{REQUEST}/enableSimpleResponses"), json!(false)),
        (
            &*format!("{REQUEST}/identitySources"),
            json!(["$request.header.A"]),
        ),
    ];
    let found = faults(&changes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, format!("{REQUEST}/event"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_function_needs_an_endpoint() {
    let found = faults(&[("/endpoints", json!({}))]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, format!("{TOKEN}/uri"));
    let found = faults(&[("/endpoints/lambda/url", json!("localhost:9001"))]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "/endpoints/lambda/url");
    // A web service does not.
    let web = [
        ("/endpoints", json!({})),
        (&*format!("{TOKEN}/uri"), json!("http://localhost/")),
    ];
    assert_eq!(faults(&web), []);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_aws_takes_is_taken() {
    let long = format!(
        "{}:$LATEST/invocations",
        FUNCTION.trim_end_matches("/invocations")
    );
    for (place, name, value) in [
        (TOKEN, "uri", json!(long)),
        (TOKEN, "resultTtlInSeconds", json!(3600)),
        (TOKEN, "resultTtlInSeconds", json!(0)),
        (
            TOKEN,
            "identityValidationExpression",
            json!("^Bearer [-0-9a-zA-Z._]*$"),
        ),
        // Passed over, as by AWS.
        (REQUEST, "identityValidationExpression", json!("(?=a)")),
        (
            REQUEST,
            "identitySources",
            json!(["$context.routeKey", "$stageVariables.none"]),
        ),
        (REQUEST, "timeoutInMillis", json!(10_000)),
        (
            TOKEN,
            "uri",
            json!("arn:aws:apigateway:${stageVariables.none}"),
        ),
    ] {
        let found = faults(&[(&format!("{place}/{name}"), value.clone())]);
        assert_eq!(found, [], "{name} {value}");
    }
    let asks_always = [
        (&*format!("{REQUEST}/identitySources"), json!([])),
        (&*format!("{REQUEST}/resultTtlInSeconds"), json!(0)),
    ];
    assert_eq!(faults(&asks_always), []);
}
