//! The mode `http`: responses say themselves how long they are kept.

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{World, operation};

const MODE: &str = "/apis/0/stages/0/cacheCluster/mode";

fn pets() -> World {
    let operations = json!([
        operation("GET", "/pets", &[]),
        operation("PUT", "/pets", &[]),
    ]);
    let cached = json!([{"operation": 0, "ttlSeconds": 300}]);
    let place = "/apis/0/stages/0/cacheCluster/operations";
    World::with(operations, &[(MODE, json!("http")), (place, cached)])
}

/// What a `GET` is answered when the back end would answer with these fields and this body.
fn get(world: &World, sent: &[(&str, &str)], fields: &[(&str, &str)], body: &str) -> String {
    let mut client = world.start("GET", "/prod/pets", sent);
    if client.asks() {
        client.answer_with(200, fields, body);
    }
    client.answer.unwrap().text().to_owned()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_says_how_long_it_is_fresh() {
    let world = pets();
    let minute = [("cache-control", "max-age=60")];
    assert_eq!(get(&world, &[], &minute, "one"), "one");
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("miss"));
    world.advance(59_000);
    let answer = world.start("GET", "/prod/pets", &[]).answer.unwrap();
    assert_eq!(answer.text(), "one");
    assert_eq!(answer.field("age").as_deref(), Some("59"));
    assert_eq!(
        answer.field("cache-status").as_deref(),
        Some("attache; hit; ttl=1")
    );
    assert!(answer.field("x-amzn-requestid").is_some());
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("hit"));
    world.advance(1_000);
    assert_eq!(get(&world, &[], &minute, "two"), "two");
    assert_eq!(world.metric("CacheHitCount"), Some(1));
    assert_eq!(world.metric("CacheMissCount"), Some(2));
    // The query is a part of the target.
    assert!(world.start("GET", "/prod/pets?a=1", &[]).asks());
}

#[wasm_bindgen_test(unsupported = test)]
fn one_that_says_nothing_is_kept_as_the_settings_say() {
    let world = pets();
    assert_eq!(get(&world, &[], &[], "one"), "one");
    world.advance(299_000);
    assert_eq!(get(&world, &[], &[], "two"), "one");
    world.advance(1_000);
    assert_eq!(get(&world, &[], &[], "two"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_for_others_is_not_kept() {
    for control in ["no-store", "private", "max-age=0"] {
        let world = pets();
        let fields = [("cache-control", control)];
        assert_eq!(get(&world, &[], &fields, "one"), "one");
        assert_eq!(get(&world, &[], &fields, "two"), "two", "{control}");
    }
    let world = pets();
    let token = [("authorization", "whoever")];
    assert_eq!(
        get(&world, &token, &[("cache-control", "max-age=60")], "one"),
        "one"
    );
    assert_eq!(get(&world, &[], &[], "two"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn whoever_has_to_show_who_they_are_gets_what_is_for_all() {
    let mut guarded = operation("GET", "/pets", &[]);
    guarded["authorization"] = json!({"authorizer": {"index": 0}});
    let authorizers = json!([{"name": "guard", "kind": {"lambda": {
        "event": "token", "identitySources": ["method.request.header.x-token"],
        "resultTtlInSeconds": 300, "uri": "http://guard.example/", "timeoutInMillis": 1_000,
    }}}]);
    for (control, kept) in [("max-age=60", false), ("max-age=60, public", true)] {
        let world = World::with(
            json!([guarded]),
            &[
                ("/apis/0/authorizers", authorizers.clone()),
                (MODE, json!("http")),
            ],
        );
        for token in ["ann", "bob"] {
            let mut client = world.start("GET", "/prod/pets", &[("x-token", token)]);
            let policy = json!({"principalId": token, "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
            }});
            client.called(200, policy.to_string().as_bytes());
            let asked = client.asks();
            assert_eq!(asked, token == "ann" || !kept, "{control}");
            if asked {
                client.answer_with(200, &[("cache-control", control)], token);
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_may_depend_on_fields() {
    let world = pets();
    let vary = [("cache-control", "max-age=60"), ("vary", "accept")];
    let (a, b) = ([("accept", "a")], [("accept", "b")]);
    assert_eq!(get(&world, &a, &vary, "for a"), "for a");
    assert_eq!(get(&world, &b, &vary, "for b"), "for b");
    assert_eq!(get(&world, &a, &vary, "never"), "for a");
    assert_eq!(get(&world, &b, &vary, "never"), "for b");
}

#[wasm_bindgen_test(unsupported = test)]
fn who_has_it_already_is_told_so() {
    let world = pets();
    let tagged = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
    assert_eq!(get(&world, &[], &tagged, "one"), "one");
    let condition = [("if-none-match", "\"1\"")];
    let answer = world.start("GET", "/prod/pets", &condition).answer.unwrap();
    assert_eq!((answer.status, answer.text()), (304, ""));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_request_has_changed_is_forgotten() {
    for (status, forgotten) in [(200, true), (404, false), (500, false)] {
        let world = pets();
        get(&world, &[], &[("cache-control", "max-age=60")], "one");
        world
            .start("PUT", "/prod/pets", &[])
            .answer_with(status, &[], "changed");
        assert_eq!(
            world.start("GET", "/prod/pets", &[]).asks(),
            forgotten,
            "{status}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_stale_stands_in_where_it_may() {
    for unreachable in [false, true] {
        let world = pets();
        let fields = [("cache-control", "max-age=60, stale-if-error=60")];
        get(&world, &[], &fields, "one");
        world.advance(61_000);
        let mut client = world.start("GET", "/prod/pets", &[]);
        if unreachable {
            client.fail();
        } else {
            client.answer_with(503, &[], "failed");
        }
        let answer = client.answer.unwrap();
        assert_eq!((answer.status, answer.text()), (200, "one"));
        world.advance(60_000);
        let mut client = world.start("GET", "/prod/pets", &[]);
        client.fail();
        assert_eq!(client.answer.unwrap().status, 504);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn one_asks_for_all() {
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    let mut second = world.start("GET", "/prod/pets", &[]);
    assert!(second.pauses().is_some());
    first.answer_with(200, &[("cache-control", "max-age=60")], "one");
    second.wake();
    assert_eq!(second.answer.unwrap().text(), "one");
}

const TAGGED: &[(&str, &str)] = &[("cache-control", "max-age=60"), ("etag", "\"1\"")];

#[wasm_bindgen_test(unsupported = test)]
fn a_back_end_is_asked_whether_what_is_stale_still_holds() {
    let world = pets();
    assert_eq!(get(&world, &[], TAGGED, "one"), "one");
    world.advance(61_000);
    let mut client = world.start("GET", "/prod/pets", &[]);
    assert_eq!(client.asks_with("if-none-match"), Some("\"1\""));
    client.answer_with(304, TAGGED, "");
    let answer = client.answer.unwrap();
    assert_eq!((answer.status, answer.text()), (200, "one"));
    assert_eq!(
        answer.field("cache-status").as_deref(),
        Some("attache; fwd=stale; fwd-status=304; ttl=60")
    );
    // It is as good as new.
    world.advance(59_000);
    assert!(!world.start("GET", "/prod/pets", &[]).asks());
    // Another one takes its place.
    world.advance(2_000);
    let mut client = world.start("GET", "/prod/pets", &[]);
    assert_eq!(client.asks_with("if-none-match"), Some("\"1\""));
    client.answer_with(200, TAGGED, "two");
    assert_eq!(client.answer.unwrap().text(), "two");
    assert_eq!(get(&world, &[], TAGGED, "never"), "two");
    // With what the client has itself, it is judged by the cache.
    world.advance(61_000);
    let mut client = world.start("GET", "/prod/pets", &[("if-none-match", "\"0\"")]);
    assert_eq!(client.asks_with("if-none-match"), Some("\"1\""));
    client.answer_with(304, TAGGED, "");
    assert_eq!(client.answer.unwrap().text(), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_integration_that_makes_a_new_request_has_no_place_for_conditions() {
    let mut custom = operation("GET", "/pets", &[]);
    custom["integration"] = json!({"http": {
        "uri": "http://back.example/", "timeoutInMillis": 29_000,
        "responses": [{"statusCode": 200}],
    }});
    let world = World::with(json!([custom]), &[(MODE, json!("http"))]);
    let mut client = world.start("GET", "/prod/pets", &[]);
    client.answer_with(200, TAGGED, "one");
    world.advance(301_000);
    let client = world.start("GET", "/prod/pets", &[]);
    assert!(client.asks());
    assert_eq!(client.asks_with("if-none-match"), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn while_one_asks_the_others_get_what_is_stale() {
    let world = pets();
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=60")];
    get(&world, &[], &fields, "one");
    world.advance(61_000);
    let mut first = world.start("GET", "/prod/pets", &[]);
    assert!(first.asks());
    let second = world.start("GET", "/prod/pets", &[]).answer.unwrap();
    assert_eq!(second.text(), "one");
    first.answer_with(200, &fields, "two");
    assert_eq!(first.answer.unwrap().text(), "two");
    assert_eq!(get(&world, &[], &fields, "never"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_says_more_than_its_key_is_answered_and_not_kept() {
    let minute = [("cache-control", "max-age=60")];
    let poison = [("x-forwarded-host", "evil.example")];
    let world = pets();
    assert_eq!(get(&world, &poison, &minute, "evil"), "evil");
    assert_eq!(get(&world, &[], &minute, "good"), "good");
    assert_eq!(get(&world, &poison, &minute, "evil"), "good");
    // Where the back end says that it listens to the field, it is a part of the key.
    let world = pets();
    let listens = [
        ("cache-control", "max-age=60"),
        ("vary", "x-forwarded-host"),
    ];
    assert_eq!(get(&world, &[], &listens, "good"), "good");
    assert_eq!(get(&world, &poison, &listens, "theirs"), "theirs");
    assert_eq!(get(&world, &poison, &listens, "never"), "theirs");
    assert_eq!(get(&world, &[], &listens, "never"), "good");
}
