//! The management API.

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Answer, World, document, operation};
use super::shared::{guarded, policy};
use crate::Gateway;

/// SHA-256 of `token`.
const DIGEST: &str = "3C469E9D6C5875D37A43F353D4F88E61FCF812C66EEE3457465A40B0DA4153E0";
const TOKEN: (&str, &str) = ("authorization", "Bearer token");
const FLUSH: &str = "/restapis/shop/stages/prod/cache/data";

fn world() -> World {
    let on = json!({"tokenSha256": DIGEST});
    World::with(operations(), &[("/managementApi", on)])
}

fn operations() -> serde_json::Value {
    json!([
        operation(
            "GET",
            "/pets",
            &["method.request.querystring.a", "method.request.header.x"]
        ),
        operation("GET", "/pets/{id}", &["method.request.path.id"]),
        operation("ANY", "/toys", &[]),
        operation("POST", "/toys", &[]),
    ])
}

fn delete(world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
    let client = world.start("DELETE", path, fields);
    assert!(!client.asks(), "{path}");
    client.answer.unwrap()
}

/// Has all of these kept.
fn fill(world: &World) {
    for path in ["/prod/pets", "/prod/pets?a=1", "/prod/pets/7", "/prod/toys"] {
        world.get(path, &[], "old");
    }
    world
        .start("POST", "/prod/toys", &[])
        .answer_with(200, &[], "old");
}

/// Which of them are still kept: each a letter.
fn kept(world: &World) -> String {
    let mut kept = String::new();
    for (letter, method, path) in [
        ('p', "GET", "/prod/pets"),
        ('a', "GET", "/prod/pets?a=1"),
        ('7', "GET", "/prod/pets/7"),
        ('t', "GET", "/prod/toys"),
        ('T', "POST", "/prod/toys"),
    ] {
        if !world.start(method, path, &[]).asks() {
            kept.push(letter);
        }
    }
    kept
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_a_method_or_a_response_is_forgotten() {
    for (query, expected) in [
        ("", ""),
        ("?method=*/*", ""),
        ("?method=%2A/%2A", ""),
        ("?method=/pets/GET", "7tT"),
        ("?method=%2Fpets%2F%7Bid%7D%2FGET", "patT"),
        ("?method=/toys/ANY", "pa7T"),
        ("?method=/toys/POST", "pa7t"),
        ("?path=/pets", "a7tT"),
        ("?path=/pets%3Fa=1", "p7tT"),
        ("?path=/pets%3Fa%3D%2531", "p7tT"),
        ("?path=/pets%3Fa=2", "pa7tT"),
        ("?path=/pets/7", "patT"),
        ("?path=/toys", "pa7T"),
        ("?path=/toys&verb=POST", "pa7t"),
        ("?path=/toys&verb=PUT", "pa7tT"),
    ] {
        let world = world();
        fill(&world);
        let answer = delete(&world, &format!("{FLUSH}{query}"), &[TOKEN]);
        assert_eq!((answer.status, answer.text()), (202, ""), "{query}");
        assert!(answer.field("x-amzn-requestid").is_some());
        assert_eq!(kept(&world), expected, "{query}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_is_known_by_the_header_fields_of_its_key_too() {
    let world = world();
    world.get("/prod/pets", &[("x", "1")], "one");
    let path = format!("{FLUSH}?path=/pets");
    delete(&world, &path, &[TOKEN]);
    assert_eq!(world.text("/prod/pets", &[("x", "1")], "two"), "one");
    delete(&world, &path, &[TOKEN, ("x", "1")]);
    assert_eq!(world.text("/prod/pets", &[("x", "1")], "two"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn only_who_has_the_token_may() {
    let world = world();
    fill(&world);
    for (fields, error) in [
        (&[][..], "MissingAuthenticationTokenException"),
        (
            &[("authorization", "")],
            "MissingAuthenticationTokenException",
        ),
        (
            &[("authorization", "token")],
            "MissingAuthenticationTokenException",
        ),
        (
            &[("authorization", "Basic token")],
            "MissingAuthenticationTokenException",
        ),
        (
            &[("authorization", "Bearer ")],
            "UnrecognizedClientException",
        ),
        (
            &[("authorization", "Bearer Token")],
            "UnrecognizedClientException",
        ),
        (
            &[("authorization", "Bearer token2")],
            "UnrecognizedClientException",
        ),
        (
            &[TOKEN, ("authorization", "Bearer x")],
            "UnrecognizedClientException",
        ),
    ] {
        for path in [FLUSH, "/restapis/none/stages/prod/cache/data"] {
            let answer = delete(&world, path, fields);
            assert_eq!(answer.status, 403, "{fields:?}");
            assert_eq!(answer.field("x-amzn-errortype").as_deref(), Some(error));
        }
    }
    assert_eq!(kept(&world), "pa7tT");
    // The scheme is the same in any case (RFC 9110, section 11.1).
    let answer = delete(&world, FLUSH, &[("authorization", "bEARER token ")]);
    assert_eq!(answer.status, 202);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_there_is_told_as_aws_does() {
    let world = world();
    fill(&world);
    for (path, status, message) in [
        (
            "/restapis/none/stages/prod/cache/data",
            404,
            "Invalid API identifier specified 123456789012:none",
        ),
        (
            "/restapis/\"/stages/prod/cache/data",
            404,
            "Invalid API identifier specified 123456789012:\\\"",
        ),
        (
            "/restapis/shop/stages/none/cache/data",
            404,
            "Invalid stage identifier specified",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?method=/pets/POST",
            404,
            "Invalid method identifier specified",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?method=",
            404,
            "Invalid method identifier specified",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?path=/none",
            404,
            "Invalid resource path specified",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?methd=/pets/GET",
            400,
            "Only method, path and verb are known.",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?path=/a&method=/pets/GET",
            400,
            "Give a method, or a path with or without a verb.",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?verb=GET",
            400,
            "Give a method, or a path with or without a verb.",
        ),
        (
            "/restapis/shop/stages/prod/cache/data?path=/a&path=/b",
            400,
            "A parameter is given twice.",
        ),
    ] {
        let answer = delete(&world, path, &[TOKEN]);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.text(), format!("{{\"message\":\"{message}\"}}"));
        let error = match status {
            404 => "NotFoundException",
            _ => "BadRequestException",
        };
        assert_eq!(answer.field("x-amzn-errortype").as_deref(), Some(error));
    }
    assert_eq!(kept(&world), "pa7tT");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_authorizers_have_said_is_forgotten() {
    let operations = json!([
        operation("GET", "/pets", &[]),
        operation("GET", "/toys", &[])
    ]);
    let mut changes = guarded();
    changes.push(("/managementApi", json!({"tokenSha256": DIGEST})));
    let world = World::with(operations, &changes);
    // Whether the authorizer is asked.
    let asks = || {
        let token = [("authorization", "token-of-ann")];
        let mut client = world.start("GET", "/prod/pets", &token);
        let asks = client.calls().is_some();
        if asks {
            client.called(200, &policy());
        }
        assert!(client.asks());
        client.answer_with(200, &[], "body");
        asks
    };
    let flush = |path: &str| delete(&world, path, &[TOKEN]).status;
    assert!(asks() && !asks());
    for (path, status, forgotten) in [
        (
            "/restapis/shop/stages/prod/cache/authorizers?all",
            400,
            false,
        ),
        ("/restapis/shop/stages/test/cache/authorizers", 404, false),
        ("/restapis/other/stages/prod/cache/authorizers", 404, false),
        (FLUSH, 202, false),
        ("/restapis/shop/stages/prod/cache/authorizers", 202, true),
        ("/restapis/shop/stages/prod/cache/authorizers", 202, true),
    ] {
        assert_eq!(flush(path), status, "{path}");
        assert_eq!(asks(), forgotten, "{path}");
        assert!(!asks());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_other_request_is_routed() {
    // As it is where nobody has turned it on.
    let off = World::new(operations());
    let on = world();
    for (world, method, path) in [
        (&off, "DELETE", FLUSH),
        (&on, "GET", FLUSH),
        (&on, "POST", FLUSH),
        (&on, "DELETE", "/restapis/shop/stages/prod/cache/data/"),
        (&on, "GET", "/restapis/shop/stages/prod/cache/authorizers"),
        (&on, "DELETE", "/restapis/shop/stages/prod/cache/other"),
        (&on, "DELETE", "/restapis/shop/stages/prod/cache"),
        (&on, "DELETE", "//restapis/shop/stages/prod/cache/data"),
        (&on, "DELETE", "/prod/restapis/shop/stages/prod/cache/data"),
    ] {
        let answer = world.start(method, path, &[TOKEN]).answer.unwrap();
        assert_eq!(answer.status, 403, "{method} {path}");
        assert_ne!(
            answer.field("x-amzn-errortype").as_deref(),
            Some("UnrecognizedClientException")
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn names_may_be_encoded() {
    let world = world();
    fill(&world);
    let path = "/restapis/s%68op/stages/%70rod/cache/data";
    assert_eq!(delete(&world, path, &[TOKEN]).status, 202);
    assert_eq!(kept(&world), "");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_flush_that_is_not_certain_is_not_told_as_one() {
    let world = world();
    world.break_store();
    for query in ["", "?method=/pets/GET", "?path=/pets"] {
        let answer = delete(&world, &format!("{FLUSH}{query}"), &[TOKEN]);
        assert_eq!(answer.status, 503, "{query}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_being_fetched_when_a_stage_is_flushed_is_not_kept() {
    for query in ["", "?method=/pets/GET", "?path=/pets"] {
        let world = world();
        let mut earlier = world.start("GET", "/prod/pets", &[]);
        delete(&world, &format!("{FLUSH}{query}"), &[TOKEN]);
        earlier.answer_with(200, &[], "old");
        assert_eq!(world.text("/prod/pets", &[], "new"), "new", "{query}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn its_settings_have_to_be_right() {
    for (changes, pointer) in [
        (
            &[("/managementApi", json!({"tokenSha256": "x"}))][..],
            "/managementApi/tokenSha256",
        ),
        (
            &[
                ("/managementApi", json!({"tokenSha256": DIGEST})),
                ("/apis/0/stages/0/name", json!("restapis")),
            ],
            "/apis/0/stages/0/name",
        ),
    ] {
        let document = document(operations(), changes);
        let faults = Gateway::compile(&document, &|_: &str| None).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer]);
    }
}
