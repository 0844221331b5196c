//! `Cache-Control: max-age=0`, and who may say it.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Answer, CACHED, World, operation};

const ANEW: (&str, &str) = ("cache-control", "max-age=0");

fn pets(invalidation: &str) -> World {
    World::with(
        json!([operation("GET", "/pets", &[])]),
        &[(&format!("{CACHED}/invalidation"), json!(invalidation))],
    )
}

#[wasm_bindgen_test(unsupported = test)]
fn where_anyone_may_the_response_is_fetched_anew_and_kept() {
    let world = pets("ANYONE");
    world.get("/prod/pets", &[], "one");
    let (answer, asked) = world.get("/prod/pets", &[ANEW], "two");
    assert_eq!((answer.text(), asked), ("two", true));
    assert_eq!(answer.field("warning"), None);
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("invalidated"));
    assert_eq!(world.text("/prod/pets", &[], "three"), "two");
    // Nothing else that a client says there is listened to.
    for value in [
        "no-cache",
        "no-store",
        "max-age=1",
        "only-if-cached",
        "min-fresh=999",
    ] {
        let field = [("cache-control", value)];
        assert_eq!(world.text("/prod/pets", &field, "four"), "two", "{value}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn whoever_fetches_already_does_not_answer_who_wants_it_anew() {
    let world = pets("ANYONE");
    let mut earlier = world.start("GET", "/prod/pets", &[]);
    let mut anew = world.start("GET", "/prod/pets", &[ANEW]);
    assert!(anew.asks());
    let mut waiting = world.start("GET", "/prod/pets", &[]);
    anew.answer_with(200, &[], "new");
    earlier.answer_with(200, &[], "old");
    waiting.wake();
    assert_eq!(waiting.answer.unwrap().text(), "new");
    assert_eq!(world.text("/prod/pets", &[], "never"), "new");
    // Nor is the one kept that comes after it.
    let world = pets("ANYONE");
    let mut earlier = world.start("GET", "/prod/pets", &[]);
    let mut anew = world.start("GET", "/prod/pets", &[ANEW]);
    earlier.answer_with(200, &[], "old");
    anew.answer_with(200, &[], "new");
    assert_eq!(world.text("/prod/pets", &[], "never"), "new");
}

#[wasm_bindgen_test(unsupported = test)]
fn who_is_not_known_may_not() {
    let world = pets("FAIL_WITH_403");
    world.get("/prod/pets", &[], "one");
    let (answer, asked) = world.get("/prod/pets", &[ANEW], "two");
    assert_eq!((answer.status, asked), (403, false));
    assert_eq!(
        answer.text(),
        r#"{"Message":"User: anonymous is not authorized to perform: execute-api:InvalidateCache on resource: arn:aws:execute-api:us-east-1:********9012:shop/prod/GET/pets"}"#
    );
    assert_eq!(
        answer.field("x-amzn-errortype").as_deref(),
        Some("AccessDeniedException")
    );
    assert_eq!(world.text("/prod/pets", &[], "three"), "one");

    let world = pets("SUCCEED_WITH_RESPONSE_HEADER");
    let warning = "199 Cache-control headers were ignored because the caller was unauthorized.";
    for (body, asked) in [("one", true), ("two", false)] {
        let (answer, was_asked) = world.get("/prod/pets", &[ANEW], body);
        assert_eq!((answer.text(), was_asked), ("one", asked));
        assert_eq!(answer.field("warning").as_deref(), Some(warning));
    }
    // It is not kept with the response.
    assert_eq!(world.get("/prod/pets", &[], "").0.field("warning"), None);

    let world = pets("SUCCEED_WITHOUT_RESPONSE_HEADER");
    for body in ["one", "two"] {
        let (answer, _) = world.get("/prod/pets", &[ANEW], body);
        assert_eq!((answer.text(), answer.field("warning")), ("one", None));
    }
}

/// An operation that a Lambda authorizer guards, in an API with this resource policy.
fn guarded(invalidation: &str, resource_policy: Value) -> World {
    let mut guarded = operation("GET", "/pets", &[]);
    guarded["authorization"] = json!({"authorizer": {"index": 0}});
    let authorizer = json!([{"name": "guard", "kind": {"lambda": {
        "event": "token", "identitySources": ["method.request.header.x-token"],
        "resultTtlInSeconds": 300, "uri": "http://guard.example/", "timeoutInMillis": 1_000,
    }}}]);
    World::with(
        json!([guarded]),
        &[
            ("/apis/0/authorizers", authorizer),
            ("/apis/0/resourcePolicy", resource_policy),
            (&format!("{CACHED}/invalidation"), json!(invalidation)),
        ],
    )
}

fn policy(principal: bool, actions: &[&str]) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    if principal {
        statement["Principal"] = json!("*");
        statement["Resource"] = json!("execute-api:/*");
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A request that the authorizer, if it is asked, allows these actions: the answer, and how often
/// the authorizer was asked.
fn ask(world: &World, fields: &[(&str, &str)], actions: &[&str], body: &str) -> (Answer, usize) {
    let mut fields = fields.to_vec();
    fields.push(("x-token", "ann"));
    let mut client = world.start("GET", "/prod/pets", &fields);
    let mut calls = 0;
    while client.calls().is_some() {
        calls += 1;
        let answer = json!({"principalId": "ann", "policyDocument": policy(false, actions)});
        client.called(200, answer.to_string().as_bytes());
    }
    if client.asks() {
        client.answer_with(200, &[], body);
    }
    (client.answer.unwrap(), calls)
}

const INVOKE: &str = "execute-api:Invoke";
const INVALIDATE: &str = "execute-api:InvalidateCache";

#[wasm_bindgen_test(unsupported = test)]
fn an_authorizer_s_policy_says_who_may_and_is_asked_for_once() {
    for (actions, may) in [
        (&[INVOKE][..], false),
        (&[INVOKE, INVALIDATE], true),
        (&["execute-api:*"], true),
        (&["*"], true),
    ] {
        let world = guarded("FAIL_WITH_403", Value::Null);
        assert_eq!(ask(&world, &[], actions, "one").1, 1);
        let (answer, calls) = ask(&world, &[ANEW], &[], "two");
        assert_eq!(calls, 0, "its result is kept");
        if may {
            assert_eq!((answer.status, answer.text()), (200, "two"), "{actions:?}");
        } else {
            assert_eq!(answer.status, 403, "{actions:?}");
        }
        // The first call may ask for it, too.
        let world = guarded("FAIL_WITH_403", Value::Null);
        let (answer, calls) = ask(&world, &[ANEW], actions, "one");
        assert_eq!((answer.status == 200, calls), (may, 1));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_resource_policy_says_so_too() {
    for (resource, may) in [
        (policy(true, &[INVOKE]), false),
        (policy(true, &[INVALIDATE]), true),
    ] {
        let world = guarded("FAIL_WITH_403", resource);
        let (answer, _) = ask(&world, &[ANEW], &[INVOKE], "one");
        assert_eq!(answer.status == 200, may);
    }
    let denied = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": INVALIDATE, "Resource": "execute-api:/*",
    }]});
    let world = guarded("FAIL_WITH_403", denied);
    assert_eq!(ask(&world, &[ANEW], &["*"], "one").0.status, 403);
    assert_eq!(ask(&world, &[], &["*"], "one").0.status, 200);
}
