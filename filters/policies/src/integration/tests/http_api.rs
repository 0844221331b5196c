//! Mappings of HTTP APIs, through the whole gateway.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Message, Operation, PLACE, Played};

fn proxy(request: Value, responses: Value) -> Value {
    json!({"httpProxy": {
        "uri": "http://a.example/base?own=1",
        "requestParameters": request,
        "responseParameters": responses,
        "timeoutInMillis": 29000,
    }})
}

const HTTP: (&str, &str) = ("/apis/0/protocol", "HTTP");

fn operation(request: Value, responses: Value) -> Operation {
    Operation::with(proxy(request, responses), &[(HTTP.0, json!(HTTP.1))])
}

/// What the back end sees of `GET /s/a%20b?q=1&q=2&r=x+y%26`.
fn sent(request: Value, body: &str) -> Message {
    let fields = [
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-two", "3"),
        ("user-agent", "agent"),
    ];
    let message = Message::new(&fields, body);
    let played = operation(request, json!({})).send("GET", "/s/a%20b?q=1&q=2&r=x+y%26", message);
    played.back_end.unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn values() {
    let body = r#"{"order": {"items": [{"id": 7}], "name": "n"}, "flag": true, "none": null}"#;
    for (value, expected) in [
        ("$request.header.x-one", Some("1")),
        ("$request.header.X-Two", Some("2, 3")),
        ("$request.header.host", Some("shop.example")),
        ("$request.header.none", None),
        ("$request.querystring.q", Some("1,2")),
        ("$request.querystring.r", Some("x y&")),
        ("$request.querystring.Q", None),
        ("$request.path", Some("/a%20b")),
        ("$request.path.id", Some("a%20b")),
        ("$request.body", Some(body)),
        ("$request.body.order.name", Some("n")),
        ("$request.body.order.items[0].id", Some("7")),
        ("$request.body.order.items[0]", Some(r#"{"id":7}"#)),
        ("$request.body.flag", Some("true")),
        ("$request.body.none", None),
        ("$request.body.missing", None),
        ("$context.apiId", Some("shop")),
        ("$context.stage", Some("s")),
        ("$context.routeKey", Some("ANY /{id}")),
        ("$context.httpMethod", Some("GET")),
        ("$context.identity.userAgent", Some("agent")),
        ("$stageVariables.word", Some("w")),
        ("$stageVariables.empty", Some("")),
        ("$stageVariables.none", None),
        ("static", Some("static")),
        ("", Some("")),
        ("5 $ and {braces}", Some("5 $ and {braces}")),
        ("${request.header.x-one}", Some("1")),
        (
            "${request.header.x-one}-${request.path.id}/${stageVariables.word}!",
            Some("1-a%20b/w!"),
        ),
        ("[${request.header.none}]", Some("[]")),
        ("${context.stage}${context.stage}", Some("ss")),
    ] {
        let seen = sent(json!({"overwrite:header.x-mapped": value}), body);
        // Two fields of one name are one for the test, too.
        let expected = expected.map(|text| text.replace(", ", ","));
        let found = seen.field("x-mapped").map(|text| text.replace(", ", ","));
        assert_eq!(found, expected, "{value}");
        assert_eq!(seen.text(), body);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_id_is_the_one_that_the_client_is_told() {
    let mapped = json!({"append:header.x-id": "$context.requestId"});
    let played = operation(mapped, json!({})).send("GET", "/s/a", Message::default());
    let seen = played.back_end.unwrap();
    assert_eq!(seen.field("x-id"), played.client.field("apigw-requestid"));
}

#[wasm_bindgen_test(unsupported = test)]
fn header_fields_are_appended_overwritten_and_removed() {
    let seen = sent(
        json!({
            "append:header.x-one": "more",
            "append:header.x-new": "$request.header.x-one",
            "overwrite:header.x-two": "other",
            "overwrite:header.x-three": "$request.header.none",
            "remove:header.user-agent": "''",
            "remove:header.x-none": "",
        }),
        "",
    );
    for (name, expected) in [
        ("x-one", Some("1, more")),
        ("x-new", Some("1")),
        ("x-two", Some("other")),
        ("x-three", None),
        ("user-agent", None),
        ("x-none", None),
    ] {
        assert_eq!(seen.field(name), expected, "{name}");
    }
    // A field is renamed although the one is gone.
    let seen = sent(
        json!({"append:header.x-new": "$request.header.x-one", "remove:header.x-one": "''"}),
        "",
    );
    assert_eq!(seen.field("x-new"), Some("1"));
    assert_eq!(seen.field("x-one"), None);
    // Nobody writes fields of their own.
    let seen = sent(
        json!({"overwrite:header.x-a": "$request.body"}),
        "a\r\nx-b: c",
    );
    assert_eq!(seen.field("x-a"), Some("a  x-b: c"));
}

#[wasm_bindgen_test(unsupported = test)]
fn query_parameters_are_appended_overwritten_and_removed() {
    for (mappings, expected) in [
        (json!({}), "/base?own=1&q=1&q=2&r=x+y%26"),
        (
            json!({"append:querystring.q": "3"}),
            "/base?own=1&q=1&q=2&r=x+y%26&q=3",
        ),
        (
            json!({"overwrite:querystring.q": "3 4"}),
            "/base?own=1&r=x+y%26&q=3%204",
        ),
        (
            json!({"overwrite:querystring.q": "$request.querystring.none"}),
            "/base?own=1&q=1&q=2&r=x+y%26",
        ),
        (
            json!({"remove:querystring.q": "''"}),
            "/base?own=1&r=x+y%26",
        ),
        (
            json!({"remove:querystring.q": "''", "append:querystring.s": "$request.querystring.r"}),
            "/base?own=1&r=x+y%26&s=x+y%26",
        ),
        (
            json!({"append:querystring.s": "$request.path.id"}),
            "/base?own=1&q=1&q=2&r=x+y%26&s=a%20b",
        ),
    ] {
        let seen = sent(mappings.clone(), "");
        assert_eq!(seen.field(":path"), Some(expected), "{mappings}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_path_is_overwritten() {
    for (value, expected) in [
        ("/v2/pets", "/v2/pets"),
        ("pets", "/pets"),
        ("$request.path", "/a%20b"),
        ("/v2${request.path}", "/v2/a%2520b"),
        ("/x?y#z", "/x%3Fy%23z"),
        ("$request.header.none", "/base"),
    ] {
        let seen = sent(json!({"overwrite:path": value}), "");
        let expected = format!("{expected}?own=1&q=1&q=2&r=x+y%26");
        assert_eq!(seen.field(":path"), Some(&*expected), "{value}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_is_held_only_where_a_mapping_reads_it() {
    let played = |request: Value| {
        operation(request, json!({})).send("POST", "/s/a", Message::new(&[], "{\"a\":1}"))
    };
    assert!(!played(json!({"append:header.x": "$request.path"})).held_request);
    let played = played(json!({"append:header.x": "$request.body.a"}));
    assert!(played.held_request);
    assert_eq!(played.back_end.unwrap().field("x"), Some("1"));
    // What is not JSON has no values, and neither has what is behind the first 100 KB.
    for body in [
        "{\"a\":",
        "",
        &format!("{{\"b\":\"{}\",\"a\":1}}", "b".repeat(102_400)),
    ] {
        let seen = sent(json!({"append:header.x": "$request.body.a"}), body);
        assert_eq!(seen.field("x"), None);
        assert_eq!(seen.text(), body);
    }
}

fn answered(responses: Value, status: &str) -> Played {
    let fields = [
        (":status", status),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-two", "3"),
    ];
    let answer = Message::new(&fields, "{\"code\": 451, \"why\": \"w\"}");
    operation(json!({}), responses).play("GET", "/s/a", Message::default(), Ok(answer))
}

#[wasm_bindgen_test(unsupported = test)]
fn answers_change_by_their_status() {
    let responses = json!({
        "500": {
            "overwrite:statuscode": "403",
            "append:header.x-one": "$context.stage",
            "overwrite:header.x-two": "${response.header.x-two}!",
            "remove:header.x-none": "''",
        },
        "404": {"remove:header.x-two": "''", "append:header.x-word": "$stageVariables.word"},
        "400": {
            "overwrite:statuscode": "$response.body.code",
            "append:header.x-why": "$response.body.why",
        },
        "401": {"overwrite:statuscode": "$response.body.why"},
        "402": {"overwrite:statuscode": "101"},
    });
    let played = answered(responses.clone(), "500");
    assert_eq!(played.client.status(), 403);
    assert_eq!(played.client.field("x-one"), Some("1, s"));
    assert!(!played.held_answer);
    assert_eq!(
        played
            .client
            .field("x-two")
            .map(|text| text.replace(", ", ","))
            .as_deref(),
        Some("2,3!")
    );

    let played = answered(responses.clone(), "404");
    assert_eq!(played.client.status(), 404);
    assert_eq!(played.client.field("x-two"), None);
    assert_eq!(played.client.field("x-word"), Some("w"));

    let played = answered(responses.clone(), "400");
    assert_eq!(played.client.status(), 451);
    assert_eq!(played.client.field("x-why"), Some("w"));
    assert!(played.held_answer);
    assert_eq!(played.client.text(), "{\"code\": 451, \"why\": \"w\"}");

    // What is no status of an answer changes nothing.
    assert_eq!(answered(responses.clone(), "401").client.status(), 401);
    assert_eq!(answered(responses.clone(), "402").client.status(), 402);
    let played = answered(responses, "200");
    assert_eq!(played.client.status(), 200);
    assert!(!played.held_answer);
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_their_place() {
    for (key, value, reason) in [
        ("header.x", "a", "is not the key"),
        ("add:header.x", "a", "is not the key"),
        ("append:header", "a", "is not the key"),
        ("append:path", "a", "is not the key"),
        ("remove:path", "a", "is not the key"),
        ("append:cookie.x", "a", "is not the key"),
        ("append:querystring.", "a", "is not the key"),
        ("integration.request.header.x", "'a'", "is not the key"),
        (
            "append:header.a b",
            "a",
            "is not the name of a header field",
        ),
        ("append:header.Authorization", "a", "is reserved"),
        (
            "append:header.access-control-allow-origin",
            "a",
            "is reserved",
        ),
        ("append:header.apigw-x", "a", "is reserved"),
        ("append:header.Content-Length", "a", "is reserved"),
        ("append:header.x-amzn-x", "a", "is reserved"),
        ("append:header.x-amz-x", "a", "is reserved"),
        ("overwrite:header.X-Forwarded-For", "a", "is reserved"),
        ("remove:header.via", "a", "is reserved"),
        ("append:header.host", "a", "is not supported"),
        ("append:header.x-envoy-retry-on", "a", "is not possible"),
        ("append:header.x", "$request.cookie.a", "is not understood"),
        ("append:header.x", "$request.header", "is not understood"),
        ("append:header.x", "$request.header.", "is not understood"),
        ("append:header.x", "$price", "is not understood"),
        ("append:header.x", "$response.header.a", "is not understood"),
        ("append:header.x", "${request.header.a", "does not end"),
        ("append:header.x", "$request.path.other", "does not have"),
        ("append:header.x", "$request.body..a", "searches or filters"),
        (
            "append:header.x",
            "$request.body.a[?(@.b)]",
            "searches or filters",
        ),
        (
            "append:header.x",
            "$request.body.a[",
            "is not a JSONPath expression",
        ),
        ("append:header.x", "$context.unknown", "is not known"),
        (
            "overwrite:statuscode",
            "200",
            "a request has no status code",
        ),
    ] {
        let faults = Operation::compile(
            proxy(json!({key: value}), json!({})),
            &[(HTTP.0, json!(HTTP.1))],
        )
        .err()
        .unwrap();
        assert_eq!(faults.len(), 1, "{key} {faults:?}");
        assert!(
            faults[0].reason.contains(reason),
            "{key} {value}: {}",
            faults[0].reason
        );
        assert!(faults[0].hint.is_some());
        assert_eq!(
            faults[0].pointer,
            format!("{PLACE}/httpProxy/requestParameters/{key}")
        );
    }
    for (key, value, reason) in [
        ("overwrite:path", "/a", "is not of an answer"),
        ("append:querystring.x", "a", "is not of an answer"),
        ("append:header.x", "$request.header.a", "is not understood"),
        ("append:header.x", "$request.body", "is not understood"),
    ] {
        let faults = Operation::compile(
            proxy(json!({}), json!({"200": {key: value}})),
            &[(HTTP.0, json!(HTTP.1))],
        )
        .err()
        .unwrap();
        assert!(
            faults[0].reason.contains(reason),
            "{key}: {}",
            faults[0].reason
        );
        let place = key.replace('/', "~1");
        assert_eq!(
            faults[0].pointer,
            format!("{PLACE}/httpProxy/responseParameters/200/{place}")
        );
    }
    // REST APIs have forms of their own.
    let faults = Operation::compile(proxy(json!({"append:header.x": "a"}), json!({})), &[]);
    assert!(faults.err().unwrap()[0].reason.contains("is not a target"));
    let faults = Operation::compile(proxy(json!({}), json!({"200": {}})), &[]);
    assert!(
        faults.err().unwrap()[0]
            .reason
            .contains("for HTTP APIs only")
    );
}
