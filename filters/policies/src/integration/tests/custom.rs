//! What integrations that are not proxies send and answer.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Message, Operation, PLACE, Played};
use crate::UpstreamFailure;

/// An `HTTP` integration with one response, changed.
fn http(change: Value) -> Value {
    let mut settings = json!({
        "uri": "http://back.example/orders/{order}",
        "request": {"parameters": {
            "integration.request.path.order": "method.request.path.id",
        }},
        "responses": [{"statusCode": 200}],
        "timeoutInMillis": 29000,
    });
    for (name, value) in change.as_object().unwrap() {
        settings[name] = value.clone();
    }
    json!({"http": settings})
}

fn json_body(text: &str) -> Message {
    Message::new(&[("content-type", "application/json")], text)
}

fn answer(status: &str, fields: &[(&str, &str)], body: &str) -> Message {
    let status = [(":status", status)];
    let fields: Vec<_> = status.iter().chain(fields).copied().collect();
    Message::new(&fields, body)
}

fn assert_internal_error(played: &Played) {
    assert_eq!(played.client.status(), 500, "{played:?}");
    assert_eq!(
        played.client.text(),
        r#"{"message":"Internal server error"}"#
    );
    assert_eq!(
        played.client.field("x-amzn-errortype"),
        Some("InternalServerErrorException")
    );
}

/// `http::test_http_integration_with_lambda[HTTP]`
#[wasm_bindgen_test(unsupported = test)]
fn only_what_is_mapped_is_sent() {
    let operation = Operation::new(http(json!({"httpMethod": "POST"})));
    let fields = [
        ("accept", "application/xml"),
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer t"),
        ("content-length", "26"),
        ("content-type", "application/json"),
        ("user-agent", "test/integration"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-amzn-trace-id", "Root=1-a-b;Parent=c;Sampled=1"),
    ];
    let body = r#"{"message": "hello world"}"#;
    let played = operation.send("PUT", "/s/7%2F?debug=1", Message::new(&fields, body));
    let seen = played.back_end.as_ref().unwrap();
    let expected = [
        (":authority", "shop.example"),
        (":method", "POST"),
        (":path", "/orders/7%2F"),
        ("accept", "application/json"),
        ("content-length", "26"),
        ("content-type", "application/json"),
        ("user-agent", "AmazonAPIGateway_shop"),
        ("x-amzn-apigateway-api-id", "shop"),
        ("x-amzn-trace-id", "Root=1-a-b;Parent=c;Sampled=1"),
        ("x-attache-cluster", "http_back.example_80"),
        ("x-attache-mapped", "1"),
    ];
    assert_eq!(*seen, Message::new(&expected, body));
    assert!(!played.aside && !played.held_request && !played.held_answer);
    let names: Vec<_> = played.client.fields.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ":status",
            "content-type",
            "x-amz-apigw-id",
            "x-amzn-requestid",
            "x-amzn-trace-id"
        ]
    );
    assert_eq!(
        played.client.field("x-amzn-trace-id"),
        Some("Root=1-a-b;Parent=c;Sampled=1")
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn methods_without_a_body_send_none() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let operation = Operation::new(http(json!({"httpMethod": method})));
        let played = operation.send("POST", "/s/7", json_body("{}"));
        let seen = played.back_end.unwrap();
        assert_eq!(seen.body, b"");
        assert_eq!(seen.field("content-type"), None);
        assert_eq!(seen.field(":method"), Some(method));
    }
    let operation = Operation::new(http(json!({})));
    let played = operation.send("POST", "/s/7", Message::new(&[], "x"));
    let seen = played.back_end.unwrap();
    assert_eq!(seen.field("content-type"), Some("application/json"));
    assert_eq!((seen.field(":method"), seen.text()), (Some("POST"), "x"));
}

#[wasm_bindgen_test(unsupported = test)]
fn every_source_reaches_the_back_end() {
    let operation = Operation::new(http(json!({
        "uri": "http://${stageVariables.host}/{a}/x?own=1&b={b}",
        "request": {"parameters": {
            "integration.request.path.a": "method.request.body.$.a.b",
            "integration.request.path.b": "method.request.querystring.q",
            "integration.request.querystring.all": "method.request.multivaluequerystring.q",
            "integration.request.querystring.none": "method.request.body.$.none",
            "integration.request.header.X-Body": "method.request.body",
            "integration.request.header.X-List": "method.request.body.list",
            "integration.request.header.X-Stage": "context.stage",
            "integration.request.header.X-Resource": "context.resourceId",
            "integration.request.header.X-Deployment": "context.deploymentId",
            "integration.request.header.X-Word": "stageVariables.word",
            "integration.request.header.User-Agent": "'mine'",
            "integration.request.header.Content-Type": "'text/plain'",
            "integration.request.header.X-None": "method.request.header.none",
            "integration.request.header.X-Md5": "method.request.header.content-md5",
        }},
    })));
    let body = r#"{"a": {"b": "1 /2"}, "list": [1, {"x": null}]}"#;
    let request = Message::new(&[("content-md5", "hidden")], body);
    let played = operation.send("POST", "/s/7?q=1&q=2%20", request);
    assert!(played.held_request);
    let seen = played.back_end.unwrap();
    assert_eq!(
        seen.field(":path"),
        Some("/1%20/2/x?own=1&b=2%20&all=1&all=2%20")
    );
    for (name, value) in [
        ("x-attache-cluster", Some("http_v.example_80")),
        ("x-body", Some(body)),
        ("x-list", Some(r#"[1,{"x":null}]"#)),
        ("x-stage", Some("s")),
        ("x-word", Some("w")),
        ("user-agent", Some("mine")),
        ("content-type", Some("text/plain")),
        ("x-none", None),
        ("x-md5", None),
        ("content-md5", None),
    ] {
        assert_eq!(seen.field(name), value, "{name}");
    }
    assert_eq!(seen.text(), body);
    for name in ["x-resource", "x-deployment"] {
        assert_eq!(seen.field(name).map(str::len), Some(6), "{name}");
    }
}

/// Bodies that a parameter is mapped from.
#[wasm_bindgen_test(unsupported = test)]
fn a_mapped_body_that_begins_like_json_must_be_json() {
    let parameters = json!({"integration.request.header.x": "method.request.body.$.a"});
    let uri = "http://back.example";
    let proxy = json!({"httpProxy": {
        "uri": uri, "requestParameters": parameters, "timeoutInMillis": 29000,
    }});
    let custom = http(json!({"uri": uri, "request": {"parameters": parameters}}));
    for operation in [Operation::new(proxy), Operation::new(custom)] {
        for (body, value) in [
            (r#"{"a": true}"#, Some("true")),
            ("", None),
            ("plain text", None),
            ("null", None),
        ] {
            let played = operation.send("POST", "/s/7", Message::new(&[], body));
            assert_eq!(played.back_end.unwrap().field("x"), value, "{body}");
        }
        for body in [r#"{"a": "#, "[", "'a"] {
            let played = operation.send("POST", "/s/7", Message::new(&[], body));
            assert_eq!(played.client.status(), 400, "{body}");
            assert_eq!(
                played.client.text(),
                r#"{"message":"Invalid JSON in request body"}"#
            );
            assert_eq!(
                played.client.field("x-amzn-errortype"),
                Some("BadRequestException")
            );
            assert!(played.back_end.is_none());
        }
    }
}

/// `integrations::test_apigateway_header_remapping_*`: fields that fail the call.
#[wasm_bindgen_test(unsupported = test)]
fn fields_that_api_gateway_keeps_fail_the_call() {
    let aws = |parameters: Value| {
        json!({"aws": {
            "uri": "arn:aws:apigateway:us-east-1:sqs:path/q",
            "request": {"parameters": parameters},
            "responses": [{"statusCode": 200}],
            "timeoutInMillis": 29000,
        }})
    };
    // `Some`: whether an `HTTP` integration fails, too. `None`: nothing of it is sent.
    for (field, http_fails) in [
        ("Content-Length", Some(true)),
        ("transfer-encoding", Some(true)),
        ("x-amzn-trace-id", Some(true)),
        ("X-Amzn-Apigateway-Api-Id", Some(true)),
        ("Authorization", Some(false)),
        ("Connection", Some(false)),
        ("Expect", Some(false)),
        ("Proxy-Authenticate", Some(false)),
        ("TE", Some(false)),
        ("Host", None),
        ("Trailer", None),
        ("Upgrade", None),
        ("Via", None),
    ] {
        let key = format!("integration.request.header.{field}");
        let parameters = json!({key: "'1'"});
        let operation = Operation::new(aws(parameters.clone()));
        let played = operation.send("POST", "/s/7", json_body("{}"));
        if http_fails.is_some() {
            assert_internal_error(&played);
        } else {
            let seen = played.back_end.unwrap();
            assert_eq!(seen.field(&field.to_ascii_lowercase()), None, "{field}");
        }

        let request = json!({"parameters": parameters});
        let operation = Operation::new(http(json!({"uri": "http://b", "request": request})));
        let played = operation.send("POST", "/s/7", json_body("{}"));
        if http_fails == Some(true) {
            assert_internal_error(&played);
        } else {
            assert_eq!(played.client.status(), 200, "{field}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_is_selected_by_its_pattern() {
    let operation = Operation::new(http(json!({"responses": [
        {"selectionPattern": "4\\d{2}", "statusCode": 400},
        {"selectionPattern": "404", "statusCode": 499},
        {"selectionPattern": "5..|2(?!00)\\d\\d", "statusCode": 502},
        {"statusCode": 200},
    ]})));
    for (theirs, ours) in [
        ("200", 200),
        ("404", 400),
        ("400", 400),
        ("503", 502),
        ("201", 502),
        ("302", 200),
    ] {
        let answer = Ok(answer(theirs, &[("x", "y")], "body"));
        let played = operation.play("GET", "/s/7", Message::default(), answer);
        assert_eq!(played.client.status(), ours, "{theirs}");
        assert_eq!(played.client.text(), "body");
        assert!(!played.held_answer);
    }
    // No pattern matches and there is no default.
    let none = json!([{"selectionPattern": "2", "statusCode": 200}]);
    for responses in [none, json!([])] {
        let operation = Operation::new(http(json!({"responses": responses})));
        assert_internal_error(&operation.send("GET", "/s/7", Message::default()));
    }
}

/// `http::test_http_integration_invoke_status_code_passthrough[HTTP]`
#[wasm_bindgen_test(unsupported = test)]
fn the_default_response_gives_its_own_status_to_every_answer() {
    let operation = Operation::new(http(json!({"responses": [
        {"selectionPattern": "", "statusCode": 201},
    ]})));
    for theirs in ["200", "201", "404", "500"] {
        let answer = Ok(answer(theirs, &[], "{}"));
        let played = operation.play("GET", "/s/7", Message::default(), answer);
        assert_eq!(played.client.status(), 201);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn only_mapped_fields_reach_the_client() {
    let operation = Operation::new(http(json!({"responses": [{
        "statusCode": 200,
        "parameters": {
            "method.response.header.X-One": "integration.response.header.X-Theirs",
            "method.response.header.X-All": "integration.response.multivalueheader.x-theirs",
            "method.response.header.X-None": "integration.response.header.none",
            "method.response.header.X-Static": "'fixed'",
            "method.response.header.X-Stage": "context.stage",
            "method.response.header.X-Word": "stageVariables.word",
            "method.response.header.Content-Type": "integration.response.header.Content-Type",
        },
    }]})));
    let theirs = Message {
        fields: [
            (":status", "200"),
            ("content-type", "text/css"),
            ("x-hidden", "h"),
        ]
        .into_iter()
        .chain([("x-theirs", "1"), ("content-length", "1"), ("server", "s")])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect(),
        body: b"b".to_vec(),
    };
    let played = operation.play("GET", "/s/7", Message::default(), Ok(theirs));
    assert!(!played.held_answer);
    for (name, value) in [
        ("x-one", Some("1")),
        ("x-all", Some("1")),
        ("x-none", None),
        ("x-static", Some("fixed")),
        ("x-stage", Some("s")),
        ("x-word", Some("w")),
        ("content-type", Some("text/css")),
        ("content-length", Some("1")),
        ("x-hidden", None),
        ("x-theirs", None),
        ("server", None),
    ] {
        assert_eq!(played.client.field(name), value, "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn fields_are_mapped_from_the_answers_body() {
    let operation = Operation::new(http(json!({"responses": [{
        "statusCode": 201,
        "parameters": {
            "method.response.header.Location": "integration.response.body.$.links.self",
            "method.response.header.X-Body": "integration.response.body",
            "method.response.header.X-None": "integration.response.body.none",
        },
    }]})));
    let body = "{\"links\": {\"self\": \"/a\\nb\"}}";
    let theirs = || answer("200", &[("content-type", "text/plain")], body);
    let played = operation.play("GET", "/s/7", Message::default(), Ok(theirs()));
    assert!(played.held_answer);
    assert_eq!(played.client.status(), 201);
    assert_eq!(played.client.field("location"), Some("/a b"));
    assert_eq!(played.client.field("x-body"), Some(body));
    assert_eq!(played.client.field("x-none"), None);
    assert_eq!(played.client.text(), body);
    let broken = Ok(answer("200", &[], "{\"links\""));
    assert_internal_error(&operation.play("GET", "/s/7", Message::default(), broken));
}

/// `integrations::test_apigateway_header_remapping_aws[AWS]`: every field of the table mapped.
#[wasm_bindgen_test(unsupported = test)]
fn mapped_fields_are_remapped_as_aws_does() {
    const REMAPPED: [&str; 14] = [
        "Authorization",
        "Connection",
        "Content-Length",
        "Content-MD5",
        "Date",
        "Expect",
        "Host",
        "Max-Forwards",
        "Proxy-Authenticate",
        "Server",
        "Trailer",
        "Upgrade",
        "User-Agent",
        "WWW-Authenticate",
    ];
    const PASSED: [&str; 12] = [
        "Accept",
        "Accept-Charset",
        "Accept-Encoding",
        "Age",
        "Content-Encoding",
        "Content-Type",
        "Pragma",
        "Range",
        "Referer",
        "TE",
        "Via",
        "Warn",
    ];
    let parameters: serde_json::Map<String, Value> = REMAPPED
        .iter()
        .chain(&PASSED)
        .chain(&["Transfer-Encoding"])
        .map(|name| {
            let key = format!("method.response.header.{name}");
            (key, format!("'response_param_{name}'").into())
        })
        .collect();
    let responses = json!([{"statusCode": 200, "parameters": parameters}]);
    let operation = Operation::new(http(json!({"responses": responses})));
    let played = operation.send("GET", "/s/7", Message::default());
    for name in REMAPPED {
        let remapped = format!("x-amzn-remapped-{}", name.to_ascii_lowercase());
        let expected = format!("response_param_{name}");
        assert_eq!(played.client.field(&remapped), Some(&*expected));
        assert_eq!(played.client.field(&name.to_ascii_lowercase()), None);
    }
    for name in PASSED {
        let expected = format!("response_param_{name}");
        let name = name.to_ascii_lowercase();
        assert_eq!(played.client.field(&name), Some(&*expected));
    }
    assert_eq!(played.client.field("transfer-encoding"), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_that_no_template_is_for_passes_or_is_refused() {
    for (behavior, status) in [
        ("WHEN_NO_MATCH", 200),
        ("WHEN_NO_TEMPLATES", 200),
        ("NEVER", 415),
    ] {
        let request = json!({"passthroughBehavior": behavior});
        let operation = Operation::new(http(json!({"uri": "http://b", "request": request})));
        for content_type in ["application/json", "image/png"] {
            let request = Message::new(&[("content-type", content_type)], "b");
            let played = operation.send("POST", "/s/7", request);
            assert_eq!(played.client.status(), status, "{behavior} {content_type}");
            if status == 415 {
                assert_eq!(
                    played.client.text(),
                    r#"{"message":"Unsupported Media Type"}"#
                );
                assert_eq!(
                    played.client.field("x-amzn-errortype"),
                    Some("BadRequestException")
                );
            }
        }
    }
}

/// A mock whose body passes as it is: the client says with which status it is answered.
#[wasm_bindgen_test(unsupported = test)]
fn a_mock_answers_with_the_status_of_its_request() {
    let operation = Operation::new(json!({"mock": {"responses": [
        {"selectionPattern": "2..", "statusCode": 200, "parameters": {
            "method.response.header.Access-Control-Allow-Origin": "'*'",
        }},
        {"selectionPattern": "4..", "statusCode": 404},
        {"selectionPattern": "204", "statusCode": 204},
    ]}}));
    for (body, status) in [
        (r#"{"statusCode": 200}"#, 200),
        ("{statusCode: 201,}", 200),
        (r#"{"statusCode": 404}"#, 404),
    ] {
        let played = operation.send("POST", "/s/7", json_body(body));
        assert_eq!(played.client.status(), status, "{body}");
        assert_eq!(played.client.body, b"");
        assert_eq!(
            played.client.field("content-type"),
            Some("application/json")
        );
        assert_eq!(played.client.field("x-amzn-trace-id"), None);
        let origin = (status == 200).then_some("*");
        assert_eq!(played.client.field("access-control-allow-origin"), origin);
        assert!(played.back_end.is_none());
    }
    for body in [
        "",
        "{}",
        r#"{"statusCode": "200"}"#,
        "x",
        r#"{"statusCode": 500}"#,
    ] {
        assert_internal_error(&operation.send("POST", "/s/7", json_body(body)));
    }
}

/// The tables of `contentHandling`, from the outside; `content.rs` has them row by row.
#[wasm_bindgen_test(unsupported = test)]
fn bodies_are_converted_on_their_way_in() {
    let binary = [("/apis/0/binaryMediaTypes", json!(["image/png"]))];
    for (handling, content_type, body, expected) in [
        (json!(null), "image/png", "aGk=", Some("aGk=")),
        (json!("CONVERT_TO_TEXT"), "image/png", "hi", Some("aGk=")),
        (
            json!("CONVERT_TO_BINARY"),
            "image/png",
            "aGk=",
            Some("aGk="),
        ),
        (json!("CONVERT_TO_TEXT"), "text/plain", "hi", Some("hi")),
        (json!("CONVERT_TO_BINARY"), "text/plain", "aGk=", Some("hi")),
        (json!("CONVERT_TO_BINARY"), "text/plain", "no base 64", None),
    ] {
        let custom = http(json!({"request": {
            "contentHandling": handling,
            "parameters": {"integration.request.path.order": "method.request.path.id"},
        }}));
        let proxy = json!({"httpProxy": {
            "uri": "http://back.example", "timeoutInMillis": 29000, "contentHandling": handling,
        }});
        for integration in [custom, proxy] {
            let operation = Operation::with(integration, &binary);
            let request = Message::new(&[("content-type", content_type)], body);
            let played = operation.send("POST", "/s/7", request);
            match expected {
                Some(expected) => assert_eq!(played.back_end.unwrap().text(), expected),
                None => assert_internal_error(&played),
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn bodies_are_converted_on_their_way_out() {
    let binary = [("/apis/0/binaryMediaTypes", json!(["image/png"]))];
    for (handling, content_type, accept, body, expected) in [
        (json!(null), "text/plain", "text/plain", "hi", Some("hi")),
        (json!(null), "text/plain", "image/png", "aGk=", Some("hi")),
        (json!(null), "text/plain", "image/png", "no base 64", None),
        (
            json!(null),
            "image/png",
            "image/png, text/html",
            "hi",
            Some("hi"),
        ),
        (
            json!(null),
            "image/png",
            "text/html, image/png",
            "hi",
            Some("aGk="),
        ),
        (
            json!("CONVERT_TO_TEXT"),
            "image/png",
            "image/png",
            "hi",
            Some("aGk="),
        ),
        (
            json!("CONVERT_TO_BINARY"),
            "image/png",
            "*/*",
            "hi",
            Some("hi"),
        ),
        (
            json!("CONVERT_TO_BINARY"),
            "text/plain",
            "*/*",
            "aGk=",
            Some("hi"),
        ),
    ] {
        let responses = json!([{"statusCode": 200, "contentHandling": handling}]);
        let operation = Operation::with(http(json!({"responses": responses})), &binary);
        let theirs = Ok(answer("200", &[("content-type", content_type)], body));
        let request = Message::new(&[("accept", accept)], "");
        let played = operation.play("GET", "/s/7", request, theirs);
        match expected {
            Some(expected) => assert_eq!(played.client.text(), expected, "{accept}"),
            None => assert_internal_error(&played),
        }
        // What does not change is not held.
        assert_eq!(played.held_answer, expected != Some(body));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_back_end_that_does_not_answer_is_answered_for() {
    let operation = Operation::new(http(json!({})));
    for (failure, status, message) in [
        (UpstreamFailure::Timeout, 504, "Endpoint request timed out"),
        (
            UpstreamFailure::Unreachable,
            504,
            "Network error communicating with endpoint",
        ),
        (UpstreamFailure::Malformed, 502, "Internal server error"),
    ] {
        let played = operation.play("GET", "/s/7", Message::default(), Err(failure));
        assert_eq!(played.client.status(), status);
        let body = format!(r#"{{"message":"{message}"}}"#);
        assert_eq!(played.client.text(), body);
        assert_eq!(played.client.field("x-amzn-trace-id"), None);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn statuses_without_a_body_have_none() {
    let operation = Operation::new(http(json!({"responses": [{"statusCode": 204}]})));
    let played = operation.send("GET", "/s/7", Message::default());
    assert_eq!(
        (played.client.status(), &*played.client.body),
        (204, &b""[..])
    );
}

/// A VPC link: the connection goes elsewhere, and the back end is still who it says it is.
#[wasm_bindgen_test(unsupported = test)]
fn a_vpc_link_leads_elsewhere() {
    for (link, uri, cluster) in [
        (
            "http://127.0.0.1:9000",
            "http://inside.example/x",
            "http_127.0.0.1_9000",
        ),
        (
            "https://10.0.0.1:8443",
            "https://inside.example/x",
            "https_10.0.0.1_8443_inside.example",
        ),
    ] {
        let settings = json!({"uri": uri, "vpcLink": link, "timeoutInMillis": 29000});
        let mut custom = settings.clone();
        custom["responses"] = json!([{"statusCode": 200}]);
        for integration in [json!({"httpProxy": settings}), json!({"http": custom})] {
            let operation = Operation::new(integration);
            let played = operation.send("GET", "/s/7", Message::default());
            let seen = played.back_end.unwrap();
            assert_eq!(seen.field("x-attache-cluster"), Some(cluster));
            assert_eq!(seen.field(":path"), Some("/x"));
        }
    }
    let settings = json!({"uri": "http://a", "vpcLink": "http://a/b", "timeoutInMillis": 29000});
    let errors = Operation::compile(json!({"httpProxy": settings}), &[])
        .err()
        .unwrap();
    assert_eq!(errors[0].pointer, format!("{PLACE}/httpProxy/vpcLink"));
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_are_reported_where_they_are() {
    for (change, place) in [
        (json!({"uri": "ftp://x"}), "uri"),
        (json!({"httpMethod": "TRACE"}), "httpMethod"),
        (json!({"timeoutInMillis": 30_000}), "timeoutInMillis"),
        (
            json!({"responses": [{"selectionPattern": "(", "statusCode": 200}]}),
            "responses/0/selectionPattern",
        ),
        (
            json!({"responses": [{"statusCode": 199}]}),
            "responses/0/statusCode",
        ),
        (
            json!({"responses": [{"statusCode": 200, "parameters": {
                "method.response.header.x": "method.request.header.x",
            }}]}),
            "responses/0/parameters/method.response.header.x",
        ),
        (
            json!({"responses": [{"statusCode": 200, "parameters": {
                "method.response.querystring.x": "'1'",
            }}]}),
            "responses/0/parameters/method.response.querystring.x",
        ),
        (
            json!({"request": {"parameters": {
                "integration.request.header.x": "method.request.body.$[",
                "integration.request.path.order": "'1'",
            }}}),
            "request/parameters/integration.request.header.x",
        ),
    ] {
        let errors = Operation::compile(http(change.clone()), &[]).err().unwrap();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].pointer, format!("{PLACE}/http/{place}"));
        assert!(errors[0].hint.is_some(), "{change}");
    }
    let protocol = [("/apis/0/protocol", json!("HTTP"))];
    let errors = Operation::compile(http(json!({})), &protocol)
        .err()
        .unwrap();
    assert_eq!(errors[0].pointer, format!("{PLACE}/http"));
}
