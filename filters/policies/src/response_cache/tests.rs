//! Requests in a stage with a cache, from their arrival to their answer.

mod canary;
mod coalescing;
mod http;
mod invalidation;
mod keys;
mod management;
mod played;
mod shared;

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use played::{CACHED, World, operation};

fn pets() -> World {
    World::new(json!([operation("GET", "/pets", &[])]))
}

#[wasm_bindgen_test(unsupported = test)]
fn what_one_request_gets_the_next_one_gets_from_the_cache() {
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    let fields = [
        ("content-type", "text/plain"),
        ("x-kind", "cat"),
        ("x-kind", "dog"),
        ("date", "Sat, 21 Nov 2026 19:00:00 GMT"),
        ("cache-control", "no-store"),
    ];
    first.answer_with(404, &fields, "none");
    let first = first.answer.unwrap();
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("miss"));
    assert_eq!(world.logged("integrationStatus").as_deref(), Some("404"));

    let (second, asked) = world.get("/prod/pets?other=1", &[("x-other", "1")], "never");
    assert!(!asked);
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("hit"));
    assert_eq!(world.logged("integrationStatus"), None);
    assert_eq!((second.status, second.text()), (404, "none"));
    for field in [
        "content-type",
        "x-kind",
        "cache-control",
        "x-amzn-remapped-date",
        "x-amzn-remapped-content-length",
    ] {
        assert_eq!(first.field(field), second.field(field), "{field}");
        assert!(second.field(field).is_some(), "{field}");
    }
    // Every answer has its own names.
    for field in ["x-amzn-requestid", "x-amz-apigw-id"] {
        assert_ne!(first.field(field), second.field(field), "{field}");
        assert!(second.field(field).is_some(), "{field}");
    }
    assert_eq!(second.field("date"), None);

    assert_eq!(world.metric("CacheMissCount"), Some(1));
    assert_eq!(world.metric("CacheHitCount"), Some(1));
    assert_eq!(world.metric("Count"), Some(2));
    assert_eq!(world.metric("4XXError"), Some(2));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_is_kept_for_its_time() {
    let world = pets();
    assert_eq!(world.text("/prod/pets", &[], "one"), "one");
    world.advance(299_999);
    assert_eq!(world.text("/prod/pets", &[], "two"), "one");
    world.advance(1);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // From the moment on in which it was fetched, not the one in which it was asked for.
    let world = pets();
    let mut slow = world.start("GET", "/prod/pets", &[]);
    world.advance(20_000);
    slow.answer_with(200, &[], "one");
    world.advance(299_999);
    assert_eq!(world.text("/prod/pets", &[], "two"), "one");
}

#[wasm_bindgen_test(unsupported = test)]
fn only_what_is_cached_is_looked_up() {
    let operations = json!([
        operation("ANY", "/pets", &[]),
        operation("GET", "/toys", &[])
    ]);
    let cached = json!([{"operation": 0, "ttlSeconds": 300}]);
    let place = "/apis/0/stages/0/cacheCluster/operations";
    let world = World::with(operations, &[(place, cached)]);
    world.get("/prod/toys", &[], "one");
    assert!(world.get("/prod/toys", &[], "two").1);
    assert_eq!(world.logged("cacheStatus"), None);
    assert_eq!(world.metric("CacheMissCount"), None);

    // Of `ANY` the requests that read.
    world.get("/prod/pets", &[], "one");
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let mut client = world.start(method, "/prod/pets", &[]);
        assert!(client.asks(), "{method}");
        client.answer_with(200, &[], "changed");
    }
    assert_eq!(world.text("/prod/pets", &[], "two"), "one");
    // Who means another method than the one on the wire.
    let post = [("x-http-method-override", "POST")];
    assert!(world.get("/prod/pets", &post, "two").1);
    let get = [("x-http-method-override", "GET")];
    assert!(world.start("POST", "/prod/pets", &get).answer.is_some());
    // The client will have no body, but the back end is asked for one, and the other way round.
    assert!(world.start("HEAD", "/prod/pets", &get).asks());
}

#[wasm_bindgen_test(unsupported = test)]
fn other_methods_are_cached_when_they_are_asked_for() {
    let world = World::new(json!([
        operation("POST", "/pets", &[]),
        operation("GET", "/pets", &[]),
    ]));
    let post = |body: &str| {
        let mut client = world.start_with_body("POST", "/prod/pets", &[], b"body");
        if client.asks() {
            client.answer_with(200, &[], body);
        }
        client.answer.unwrap().text().to_owned()
    };
    assert_eq!(post("one"), "one");
    assert_eq!(post("two"), "one");
    assert_eq!(world.text("/prod/pets", &[], "three"), "three");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_head_is_told_the_length_of_the_body_that_it_does_not_get() {
    let world = World::new(json!([operation("HEAD", "/pets", &[])]));
    let mut first = world.start("HEAD", "/prod/pets", &[]);
    first.head(200, &[("content-length", "17")]);
    first.end(Some(b""));
    let second = world.start("HEAD", "/prod/pets", &[]).answer.unwrap();
    // The proxy does not send it, and tells its length.
    assert_eq!(second.body.len(), 17);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_for_everybody_is_not_kept() {
    for (status, fields) in [
        (500, &[][..]),
        (503, &[]),
        (401, &[]),
        (403, &[]),
        (400, &[]),
        (206, &[]),
        (302, &[]),
        (200, &[("set-cookie", "a=b")]),
        (200, &[("vary", "*")]),
    ] {
        let world = pets();
        let mut first = world.start("GET", "/prod/pets", &[]);
        first.answer_with(status, fields, "one");
        assert_eq!(first.answer.unwrap().text(), "one");
        assert_eq!(
            world.text("/prod/pets", &[], "two"),
            "two",
            "{status} {fields:?}"
        );
        // Which is kept, if it can be.
        assert_eq!(world.text("/prod/pets", &[], "three"), "two");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_whole_is_not_kept() {
    let length = [("content-length", "3")];
    let chunked = [("transfer-encoding", "chunked")];
    // It breaks off: the client's stream is closed.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.head(200, &length);
    drop(first);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // Trailers, or more than may be kept.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.head(200, &chunked);
    first.end(None);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // The body is shorter than it says.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.head(200, &length);
    first.end(Some(b"on"));
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // It ends with its connection.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.head(200, &[]);
    first.end(Some(b"one"));
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // It is said to be too long, and is not even looked at.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.head(200, &[("content-length", "1048577")]);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    // There is no answer.
    let world = pets();
    let mut first = world.start("GET", "/prod/pets", &[]);
    first.fail();
    assert_eq!(first.answer.unwrap().status, 504);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
    assert_eq!(world.text("/prod/pets", &[], "three"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_gateway_s_own_answers_are_kept_too() {
    let template =
        |template: &str| json!({"contentType": "application/json", "template": template});
    // A mock's, and one of which a template makes another.
    let mock = json!({
        "path": "/mock", "method": "GET",
        "integration": {"mock": {
            "request": {"templates": [template("{\"statusCode\": 200}")]},
            "responses": [{"statusCode": 200, "templates": [template("$context.requestId")]}],
        }},
    });
    let mapped = json!({
        "path": "/mapped", "method": "GET",
        "integration": {"http": {
            "uri": "http://back.example/", "httpMethod": "GET", "timeoutInMillis": 29_000,
            "responses": [
                {"statusCode": 200, "templates": [template("<$input.json('$.a')>")]},
            ],
        }},
    });
    let world = World::new(json!([mock, mapped]));
    let first = world.text("/prod/mock", &[], "");
    assert_eq!(first.len(), 36);
    assert_eq!(world.text("/prod/mock", &[], ""), first);

    let (first, asked) = world.get("/prod/mapped", &[], r#"{"a": 1}"#);
    assert_eq!((first.text(), asked), ("<1>", true));
    let (second, asked) = world.get("/prod/mapped", &[], r#"{"a": 2}"#);
    assert_eq!((second.text(), asked), ("<1>", false));
    let trace = |answer: &played::Answer| answer.field("x-amzn-trace-id").unwrap();
    assert_ne!(trace(&first), trace(&second));
    let incoming = "Root=1-a-b;Parent=c;Sampled=1";
    let (third, _) = world.get("/prod/mapped", &[("x-amzn-trace-id", incoming)], "");
    assert_eq!(trace(&third), incoming);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_client_cannot_read_it_is_not_given() {
    let world = pets();
    let gzip = [("accept-encoding", "gzip")];
    let mut first = world.start("GET", "/prod/pets", &gzip);
    first.answer_with(200, &[("content-encoding", "gzip")], "zipped");
    let (answer, asked) = world.get("/prod/pets", &gzip, "never");
    assert_eq!((answer.text(), asked), ("zipped", false));
    for fields in [&[][..], &[("accept-encoding", "br")]] {
        assert_eq!(world.text("/prod/pets", fields, "plain"), "plain");
        assert_eq!(world.logged("cacheStatus").as_deref(), Some("bypass"));
    }
    assert_eq!(world.metric("CacheMissCount"), Some(3));
    assert_eq!(world.text("/prod/pets", &gzip, "never"), "zipped");
}

#[wasm_bindgen_test(unsupported = test)]
fn who_may_not_call_is_not_answered_from_the_cache() {
    let mut keyed = operation("GET", "/pets", &[]);
    keyed["apiKeyRequired"] = json!(true);
    let mut required = operation("GET", "/toys", &[]);
    required["requestValidation"] = json!({"requiredParameters": ["method.request.header.x"]});
    let world = World::new(json!([keyed, required]));
    world.get("/prod/toys", &[("x", "1")], "one");
    let (answer, asked) = world.get("/prod/toys", &[], "two");
    assert_eq!((answer.status, asked), (400, false));
    assert_eq!(world.logged("cacheStatus"), None);
    let (answer, asked) = world.get("/prod/pets", &[], "one");
    assert_eq!((answer.status, asked), (403, false));
}

#[wasm_bindgen_test(unsupported = test)]
fn without_its_store_a_cache_is_none() {
    let world = pets();
    world.break_store();
    for body in ["one", "two"] {
        let mut client = world.start("GET", "/prod/pets", &[]);
        while client.pauses().is_some() {
            client.wake();
        }
        client.answer_with(200, &[], body);
        assert_eq!(client.answer.unwrap().text(), body);
    }
    assert_eq!(world.metric("CacheMissCount"), Some(2));
}

#[wasm_bindgen_test(unsupported = test)]
fn an_operator_sees_how_much_is_kept() {
    let world = pets();
    world.tick();
    assert_eq!(world.metric("CacheEntries"), Some(0));
    world.get("/prod/pets", &[], "one");
    world.tick();
    assert_eq!(world.metric("CacheEntries"), Some(1));
    assert!(world.metric("CacheBytes").unwrap() > 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lifetime_is_the_operation_s_own() {
    let world = World::with(
        json!([operation("GET", "/pets", &[])]),
        &[(&format!("{CACHED}/ttlSeconds"), json!(1))],
    );
    world.get("/prod/pets", &[], "one");
    world.advance(999);
    assert_eq!(world.text("/prod/pets", &[], "two"), "one");
    world.advance(1);
    assert_eq!(world.text("/prod/pets", &[], "two"), "two");
}
