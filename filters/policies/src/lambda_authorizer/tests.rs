//! Whole requests through authorizers, with functions in memory.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::fixture::{
    Asked, FUNCTION, Guard, TOKEN, Worker, answer, document, policy, request, resume,
};
use crate::exchange::CalloutAnswer;
use crate::headers::Headers;

fn verdict(outcome: &Value) -> &str {
    outcome["verdict"]
        .as_str()
        .unwrap_or_else(|| outcome.as_str().unwrap())
}

const ANN: &[(&str, &str)] = &[("authorization", "Bearer ann")];

/// The mistake that every clone has made: to keep the verdict and not the policy.
#[wasm_bindgen_test(unsupported = test)]
fn an_allow_for_one_method_refuses_another_from_the_cache() {
    let worker = Worker::new(&[]);
    let allowed = policy(&[("Allow", "shop/prod/GET/pets")]);
    let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &allowed);
    assert_eq!((verdict(&outcome), calls), ("Allow", 1));

    // From now on nobody is asked; what would be answered allows everything.
    let everything = policy(&[("Allow", "*")]);
    for (method, url, expected) in [
        ("GET", "shop.x/prod/pets", "Allow"),
        ("DELETE", "shop.x/prod/pets", "ImplicitDeny"),
        ("GET", "shop.x/prod/pets/7", "ImplicitDeny"),
        ("POST", "shop.x/prod/pets/7", "ImplicitDeny"),
        ("GET", "shop.x/prod/pets?x=1", "Allow"),
    ] {
        let (outcome, calls) = worker.ask(request(method, url, ANN), &everything);
        assert_eq!((verdict(&outcome), calls), (expected, 0), "{method} {url}");
    }
    // Another worker finds the same policy, and judges by it in the same way.
    let other = worker.another(&[]);
    let (outcome, calls) = other.ask(request("DELETE", "shop.x/prod/pets", ANN), &everything);
    assert_eq!((verdict(&outcome), calls), ("ImplicitDeny", 0));
    let (outcome, calls) = other.ask(request("GET", "shop.x/prod/pets", ANN), &everything);
    assert_eq!((verdict(&outcome), calls), ("Allow", 0));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_denial_is_kept_like_an_allow() {
    let worker = Worker::new(&[]);
    let denied = policy(&[("Allow", "shop/prod/*"), ("Deny", "shop/prod/DELETE/*")]);
    let (outcome, calls) = worker.ask(request("DELETE", "shop.x/prod/pets", ANN), &denied);
    assert_eq!((verdict(&outcome), calls), ("ExplicitDeny", 1));
    let everything = policy(&[("Allow", "*")]);
    let (outcome, calls) = worker.ask(request("DELETE", "shop.x/prod/pets", ANN), &everything);
    assert_eq!((verdict(&outcome), calls), ("ExplicitDeny", 0));
    let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &everything);
    assert_eq!((verdict(&outcome), calls), ("Allow", 0));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_result_says_who_calls_and_what_is_left_for_later() {
    let full = json!({
        "principalId": "ann",
        "policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        "context": {"text": "a", "number": 1, "fraction": 1.5, "flag": true},
        "usageIdentifierKey": "the key",
    });
    let worker = Worker::new(&[]);
    let expected = json!({
        "verdict": "Allow",
        "principal": "ann",
        "context": {"text": "a", "number": "1", "fraction": "1.5", "flag": "true"},
        "key": "the key",
        "latency": 0,
    });
    let full = answer(200, full.to_string());
    let (outcome, _) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &full);
    assert_eq!(outcome, expected);
    // The same from the cache, but for the time that it took.
    let mut from_cache = expected;
    from_cache["latency"] = Value::Null;
    for worker in [&worker, &worker.another(&[])] {
        let (outcome, _) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &full);
        assert_eq!(outcome, from_cache);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn simple_responses_of_http_apis() {
    let fields = [("authorization", "ann")];
    for (is_authorized, expected) in [(true, "Allow"), (false, "ExplicitDeny")] {
        let worker = Worker::new(&[]);
        let context = json!({"n": 1, "list": [1, {"a": null}], "flag": false});
        let simple = json!({"isAuthorized": is_authorized, "context": context});
        let simple = answer(200, simple.to_string());
        for (method, url, calls) in [
            ("GET", "club.x/pets?v=1", 1),
            // Without a policy it is the same for every route.
            ("DELETE", "club.x/pets?v=1", 0),
            ("GET", "club.x/pets?v=2", 1),
            ("GET", "club.x/prod/pets?v=2", 1),
        ] {
            let (outcome, called) = worker.ask(request(method, url, &fields), &simple);
            assert_eq!(
                (verdict(&outcome), called),
                (expected, calls),
                "{method} {url}"
            );
            assert_eq!(outcome["context"], context);
            assert_eq!(outcome["principal"], Value::Null);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn failures_are_refusals_and_are_not_kept() {
    let error = |message: &str| {
        let body = json!({"errorMessage": message, "errorType": "Error", "trace": []}).to_string();
        CalloutAnswer::Answered {
            headers: [(":status", "200"), ("x-amz-function-error", "Unhandled")]
                .into_iter()
                .collect(),
            body: body.into_bytes(),
        }
    };
    let allowed = policy(&[("Allow", "*")]);
    let CalloutAnswer::Answered { body: allow, .. } = &allowed else {
        panic!("it is an answer");
    };
    let failed_with_policy = CalloutAnswer::Answered {
        headers: [(":status", "200"), ("x-amz-function-error", "Handled")]
            .into_iter()
            .collect(),
        body: allow.clone(),
    };
    let worker = Worker::new(&[]);
    for (answer, expected) in [
        (error("Unauthorized"), "Unauthorized"),
        (error("unauthorized"), "AuthorizerConfigurationError"),
        (error("Unauthorized."), "AuthorizerConfigurationError"),
        (
            error("Task timed out after 3.00 seconds"),
            "AuthorizerConfigurationError",
        ),
        (failed_with_policy, "AuthorizerConfigurationError"),
        // Emulators that do not mark an error.
        (
            answer(
                200,
                r#"{"errorMessage": "Unauthorized", "errorType": "Error"}"#,
            ),
            "Unauthorized",
        ),
        (
            answer(200, r#"{"errorMessage": "x"}"#),
            "AuthorizerConfigurationError",
        ),
        (answer(200, "null"), "AuthorizerConfigurationError"),
        (answer(200, ""), "AuthorizerConfigurationError"),
        (
            answer(200, r#"{"isAuthorized": true}"#),
            "AuthorizerConfigurationError",
        ),
        // Only 200 counts, whatever stands in it.
        (answer(202, allow), "AuthorizerConfigurationError"),
        (answer(204, allow), "AuthorizerConfigurationError"),
        (answer(302, allow), "AuthorizerConfigurationError"),
        (answer(401, allow), "AuthorizerConfigurationError"),
        (answer(403, allow), "AuthorizerConfigurationError"),
        (answer(404, allow), "AuthorizerConfigurationError"),
        (answer(500, allow), "AuthorizerFailure"),
        (answer(503, "upstream connect error"), "AuthorizerFailure"),
        (answer(504, "upstream request timeout"), "AuthorizerFailure"),
        (answer(100, allow), "AuthorizerFailure"),
        (
            CalloutAnswer::Answered {
                headers: Headers::default(),
                body: allow.clone(),
            },
            "AuthorizerFailure",
        ),
        (CalloutAnswer::Failed, "AuthorizerFailure"),
    ] {
        let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &answer);
        assert_eq!((verdict(&outcome), calls), (expected, 1), "{answer:?}");
        assert_eq!(worker.ports.store.keys(), Vec::<Vec<u8>>::new());
    }
    let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &allowed);
    assert_eq!((verdict(&outcome), calls), ("Allow", 1));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_web_service_refuses_with_401_too() {
    let worker = Worker::new(&[(&format!("{TOKEN}/uri"), json!("http://auth.example/"))]);
    for (status, expected) in [
        (401, "Unauthorized"),
        (403, "AuthorizerConfigurationError"),
        (500, "AuthorizerFailure"),
    ] {
        let refused = answer(status, "{}");
        let (outcome, _) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &refused);
        assert_eq!(verdict(&outcome), expected);
    }
    let allowed = policy(&[("Allow", "*")]);
    let (outcome, _) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &allowed);
    assert_eq!(verdict(&outcome), "Allow");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_call_is_shared_by_requests_with_the_same_key_only() {
    let worker = Worker::new(&[]);
    let shared_as = |url: &str, token: &str| match worker.begin(request(
        "GET",
        url,
        &[("authorization", token)],
    )) {
        Asked::Calls(_, callout) => {
            assert_eq!(callout.timeout_millis, 5000);
            callout.shared_as.unwrap()
        }
        Asked::Answered(outcome) => panic!("{outcome}"),
    };
    let ann = shared_as("shop.x/prod/pets", "ann");
    assert_eq!(ann, shared_as("shop.x/prod/pets/7", "ann"));
    for (url, token) in [
        ("shop.x/prod/pets", "bob"),
        ("shop.x/prod/pets", "ann "),
        ("shop.x/prod/pets", "Ann"),
        ("shop.x/test/pets", "ann"),
    ] {
        assert_ne!(ann, shared_as(url, token), "{url} {token}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn whoever_waits_for_a_shared_call_gets_its_result() {
    let worker = Worker::new(&[]);
    let waiting: Vec<_> = (0..3)
        .map(
            |_| match worker.begin(request("GET", "shop.x/prod/pets", ANN)) {
                Asked::Calls(stream, _) => stream,
                Asked::Answered(outcome) => panic!("{outcome}"),
            },
        )
        .collect();
    worker.pass(2);
    let allowed = policy(&[("Allow", "shop/prod/GET/pets")]);
    for stream in waiting {
        let outcome = resume(*stream, &allowed);
        assert_eq!(
            (verdict(&outcome), &outcome["latency"]),
            ("Allow", &json!(2000))
        );
    }
    assert_eq!(worker.ports.store.keys().len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn without_a_time_to_live_every_request_asks() {
    let worker = Worker::new(&[(&format!("{TOKEN}/resultTtlInSeconds"), json!(0))]);
    for expected in ["Allow", "ImplicitDeny", "Allow"] {
        let Asked::Calls(stream, callout) = worker.begin(request("GET", "shop.x/prod/pets", ANN))
        else {
            panic!("nobody was asked");
        };
        assert_eq!(callout.shared_as, None);
        let method = if expected == "Allow" {
            "*"
        } else {
            "shop/prod/PUT/pets"
        };
        let outcome = resume(*stream, &policy(&[("Allow", method)]));
        assert_eq!(verdict(&outcome), expected);
    }
    assert_eq!(worker.ports.store.keys(), Vec::<Vec<u8>>::new());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_result_lives_as_long_as_the_authorizer_says() {
    let worker = Worker::new(&[]);
    let allowed = policy(&[("Allow", "*")]);
    let calls = |worker: &Worker| {
        worker
            .ask(request("GET", "shop.x/prod/pets", ANN), &allowed)
            .1
    };
    assert_eq!(calls(&worker), 1);
    worker.pass(299);
    assert_eq!((calls(&worker), calls(&worker.another(&[]))), (0, 0));
    worker.pass(1);
    assert_eq!(calls(&worker.another(&[])), 1);
    // That worker has asked anew, and this one finds it.
    assert_eq!(calls(&worker), 0);
    // A clock that was set back makes no result live longer than it would have.
    worker.ports.millis.update(|now| now - 3_600_000);
    assert_eq!((calls(&worker), calls(&worker.another(&[]))), (1, 0));
}

#[wasm_bindgen_test(unsupported = test)]
fn another_configuration_finds_nothing_of_an_earlier_one() {
    let worker = Worker::new(&[]);
    let allowed = policy(&[("Allow", "*")]);
    let ask = |worker: &Worker| {
        worker
            .ask(request("GET", "shop.x/prod/pets", ANN), &allowed)
            .1
    };
    assert_eq!(ask(&worker), 1);
    let other_function = FUNCTION.replace("guard", "other");
    for change in [
        (format!("{TOKEN}/uri"), json!(other_function)),
        (format!("{TOKEN}/resultTtlInSeconds"), json!(301)),
        (
            format!("{TOKEN}/identitySources"),
            json!(["method.request.header.authorization"]),
        ),
        (
            "/endpoints/lambda/url".to_owned(),
            json!("http://127.0.0.1:9002"),
        ),
        (
            "/apis/0/stages/0/variables".to_owned(),
            json!({"key": "other"}),
        ),
        ("/account/id".to_owned(), json!("210987654321")),
        ("/account/region".to_owned(), json!("us-east-2")),
    ] {
        assert_eq!(
            ask(&worker.another(&[(&change.0, change.1.clone())])),
            1,
            "{change:?}"
        );
    }
    // What does not concern the authorizer changes nothing.
    let unrelated = [
        ("/apis/0/name", json!("Store")),
        ("/accessLog", json!(true)),
    ];
    assert_eq!(ask(&worker.another(&unrelated)), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn two_authorizers_of_one_api_have_results_of_their_own() {
    let same = document(&[]).apis[0].authorizers[0].clone();
    let both = [
        (
            "/apis/0/authorizers/1",
            serde_json::to_value(&same).unwrap(),
        ),
        (
            "/apis/0/operations/1/authorization/authorizer/index",
            json!(1),
        ),
    ];
    let worker = Worker::new(&both);
    let allowed = policy(&[("Allow", "*")]);
    for (method, calls) in [("GET", 1), ("DELETE", 1), ("GET", 0), ("DELETE", 0)] {
        let (_, called) = worker.ask(request(method, "shop.x/prod/pets", ANN), &allowed);
        assert_eq!(called, calls, "{method}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_long_answer_is_used_once() {
    let padding = "x".repeat(super::LARGEST_ENTRY);
    let long = json!({
        "principalId": "ann",
        "policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        "context": {"padding": padding},
    });
    let long = answer(200, long.to_string());
    let worker = Worker::new(&[]);
    for _ in 0..2 {
        let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &long);
        assert_eq!((verdict(&outcome), calls), ("Allow", 1));
    }
    assert_eq!(worker.ports.store.keys(), Vec::<Vec<u8>>::new());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_variable_that_makes_no_uri_refuses_every_request() {
    let uri = (
        &*format!("{TOKEN}/uri"),
        json!("http://${stageVariables.key}/"),
    );
    let worker = Worker::new(&[uri]);
    let allowed = policy(&[("Allow", "*")]);
    let (outcome, calls) = worker.ask(request("GET", "shop.x/prod/pets", ANN), &allowed);
    assert_eq!((verdict(&outcome), calls), ("Allow", 1));
    let (outcome, calls) = worker.ask(request("GET", "shop.x/test/pets", ANN), &allowed);
    assert_eq!(
        (verdict(&outcome), calls),
        ("AuthorizerConfigurationError", 0)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn nothing_that_a_caller_has_is_printed() {
    let body = json!({
        "principalId": "ann",
        "policyDocument": {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]},
        "context": {"token": "hidden"},
        "usageIdentifierKey": "hidden",
    });
    let guard = Guard::new(document(&[]));
    let authorizer = guard.authorizers.get(0, 0, 0).unwrap();
    let parsed =
        super::AuthorizerResult::parse(body.to_string().as_bytes(), authorizer.result_form());
    let shown = format!("{:?}", parsed.unwrap());
    assert!(!shown.contains("hidden"), "{shown}");
}
