//! Mapping templates between client and back end.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Message, Operation, PLACE, Played};

fn template(content_type: &str, text: &str) -> Value {
    json!({"contentType": content_type, "template": text})
}

/// A mock whose request and answer are made by these templates.
fn mock(request: &str, answer: &str) -> Operation {
    Operation::new(json!({"mock": {
        "request": {"templates": [template("application/json", request)]},
        "responses": [
            {"statusCode": 200, "templates": [template("application/json", answer)]},
            {"selectionPattern": "4..", "statusCode": 400},
        ],
    }}))
}

fn http(request: Value, responses: Value) -> Operation {
    Operation::new(json!({"http": {
        "uri": "http://back.example/{order}", "request": request, "responses": responses,
        "httpMethod": "POST", "timeoutInMillis": 29000,
    }}))
}

fn get(operation: &Operation, target: &str) -> Played {
    operation.send("GET", target, Message::default())
}

fn post(operation: &Operation, content_type: &str, body: &str) -> Played {
    let request = Message::new(&[("content-type", content_type)], body);
    operation.send("POST", "/s/7", request)
}

/// `integrations::test_integration_mock_with_path_param`
#[wasm_bindgen_test(unsupported = test)]
fn a_mock_is_answered_by_what_its_template_says() {
    let operation = mock(
        "{\"statusCode\": #if( $input.params('id') == 'bad' ) 400 #else 200 #end}",
        "{\"id\": \"$input.params('id')\", \"body\": $input.body, \"json\": $input.json('$')}",
    );
    let played = get(&operation, "/s/7");
    assert_eq!(played.client.status(), 200);
    assert_eq!(
        played.client.text(),
        r#"{"id": "7", "body": {}, "json": ""}"#.replace("\"\"", "{}")
    );
    assert_eq!(get(&operation, "/s/bad").client.status(), 400);
}

/// `integrations::test_integration_mock_with_response_override_in_request_template`
#[wasm_bindgen_test(unsupported = test)]
fn what_the_request_template_overrides_of_the_answer_survives() {
    let request = "#set($context.responseOverride.status = 444)\n\
         #set($context.responseOverride.header.foo = \"is this the template?\")\n\
         #set($context.responseOverride.header.Date = \"then\")\n\
         {\"statusCode\": 200}";
    for answer in [
        json!([template("application/json", "#set($a = 1)kept")]),
        json!([]),
    ] {
        let operation = Operation::new(json!({"mock": {
            "request": {"templates": [template("application/json", request)]},
            "responses": [{"statusCode": 200, "templates": answer}],
        }}));
        let played = get(&operation, "/s/7");
        assert_eq!(played.client.status(), 444);
        assert_eq!(played.client.field("foo"), Some("is this the template?"));
        assert_eq!(played.client.field("x-amzn-remapped-date"), Some("then"));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn overrides_win_over_parameters() {
    let operation = http(
        json!({
            "parameters": {
                "integration.request.header.X-Mapped": "'mapped'",
                "integration.request.header.X-Kept": "'kept'",
                "integration.request.querystring.q": "'mapped'",
                "integration.request.querystring.k": "'kept'",
            },
            "templates": [template("application/json", concat!(
                "#set($context.requestOverride.header.x-mapped = 'first\r\nsecond: 1')",
                "#set($context.requestOverride.header[\"x-list\"] = ['a', 'b'])",
                "#set($context.requestOverride.header.host = 'elsewhere')",
                "#set($context.requestOverride.header.x-envoy-retry-on = '5xx')",
                "#set($context.requestOverride.header[\"bad name\"] = 'x')",
                "#set($context.requestOverride.querystring.q = 'a&b')",
                "#set($context.requestOverride.querystring.new = 'c')",
                "#set($context.requestOverride.path.order = '../x?y')",
                "{\"name\": $input.json('$.name')}",
            ))],
        }),
        json!([{"statusCode": 200}]),
    );
    let played = post(&operation, "application/json", r#"{"name": "é", "x": 1}"#);
    let seen = played.back_end.unwrap();
    assert_eq!(seen.field(":path"), Some("/../x%3Fy?k=kept&q=a%26b&new=c"));
    for (name, value) in [
        ("x-mapped", Some("first  second: 1")),
        ("x-kept", Some("kept")),
        ("x-list", Some("a, b")),
        ("host", None),
        ("x-envoy-retry-on", None),
        ("bad name", None),
        ("content-type", Some("application/json")),
    ] {
        assert_eq!(seen.field(name), value, "{name}");
    }
    assert_eq!(seen.text(), r#"{"name": "é"}"#);
    assert!(!played.aside && played.held_request);

    let illegal = json!({"templates": [template(
        "application/json",
        "#set($context.requestOverride.header.Content-Length = '1')x",
    )]});
    let operation = http(illegal, json!([{"statusCode": 200}]));
    assert_eq!(
        post(&operation, "application/json", "{}").client.status(),
        500
    );
    // Nothing gives the placeholder a value.
    let none = json!({"templates": [template("application/json", "x")]});
    let operation = http(none, json!([{"statusCode": 200}]));
    assert_eq!(
        post(&operation, "application/json", "{}").client.status(),
        500
    );
}

/// The proxy cannot give a body to a request that came without one.
#[wasm_bindgen_test(unsupported = test)]
fn a_body_for_a_request_without_one_is_sent_aside() {
    let operation = Operation::new(json!({"http": {
        "uri": "https://back.example:8443/x", "httpMethod": "POST", "timeoutInMillis": 5000,
        "request": {"templates": [template("application/json", "{\"id\": \"$input.params('id')\"}")]},
        "responses": [{"selectionPattern": "2..", "statusCode": 201}],
    }}));
    let played = get(&operation, "/s/7");
    assert!(played.aside);
    let seen = played.back_end.unwrap();
    assert_eq!(seen.text(), r#"{"id": "7"}"#);
    for (name, value) in [
        (":method", "POST"),
        (":path", "/x"),
        (":authority", "back.example:8443"),
        ("x-attache-cluster", "https_back.example_8443"),
        ("content-type", "application/json"),
        ("user-agent", "AmazonAPIGateway_shop"),
    ] {
        assert_eq!(seen.field(name), Some(value), "{name}");
    }
    assert_eq!((played.client.status(), played.client.text()), (201, "{}"));
    assert!(played.client.field("x-amzn-trace-id").is_some());
}

/// The table of §7.5, a template for one content type.
#[wasm_bindgen_test(unsupported = test)]
fn a_template_is_chosen_by_content_type() {
    for (behavior, refused) in [
        ("WHEN_NO_MATCH", false),
        ("WHEN_NO_TEMPLATES", true),
        ("NEVER", true),
    ] {
        let operation = Operation::new(json!({"http": {
            "uri": "http://back.example", "httpMethod": "POST", "timeoutInMillis": 29000,
            "request": {
                "passthroughBehavior": behavior,
                "templates": [template("application/json", "T"), template("Text/XML", "X")],
            },
            "responses": [{"statusCode": 200}],
        }}));
        for (content_type, expected) in [
            ("application/json", Some("T")),
            ("APPLICATION/JSON; charset=utf-8", Some("T")),
            ("text/xml", Some("X")),
            ("text/plain", None),
        ] {
            let played = post(&operation, content_type, "body");
            if expected.is_none() && refused {
                assert_eq!(played.client.status(), 415, "{behavior}");
            } else {
                let seen = played.back_end.unwrap();
                assert_eq!(seen.text(), expected.unwrap_or("body"));
            }
        }
        // Without a content type it is JSON.
        let played = operation.send("POST", "/s/7", Message::new(&[], "body"));
        assert_eq!(played.back_end.unwrap().text(), "T");
    }
    let operation = Operation::new(json!({"http": {
        "uri": "http://back.example", "httpMethod": "POST", "timeoutInMillis": 29000,
        "request": {"passthroughBehavior": "NEVER", "templates": [template("$default", "D")]},
        "responses": [{"statusCode": 200}],
    }}));
    let played = post(&operation, "text/plain", "body");
    assert_eq!(played.back_end.unwrap().text(), "D");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_answer_is_transformed_for_what_the_client_accepts() {
    let operation = http(
        json!({"parameters": {"integration.request.path.order": "'1'"}}),
        json!([{"statusCode": 200, "templates": [
            template("text/html", "<b>$input.path('$.name')</b>"),
            template("application/json", "{\"of\": $input.json('$.name')}"),
        ]}]),
    );
    let theirs = || {
        Message::new(
            &[(":status", "200"), ("x-hidden", "1")],
            r#"{"name": "ann"}"#,
        )
    };
    for (accept, content_type, body) in [
        ("", "application/json", r#"{"of": "ann"}"#),
        ("text/html", "text/html", "<b>ann</b>"),
        ("image/png, Text/HTML;q=0.1", "text/html", "<b>ann</b>"),
        ("*/*", "application/json", r#"{"of": "ann"}"#),
    ] {
        let request = match accept {
            "" => Message::default(),
            accept => Message::new(&[("accept", accept)], ""),
        };
        let played = operation.play("GET", "/s/7", request, Ok(theirs()));
        assert!(played.held_answer);
        assert_eq!(played.client.field("content-type"), Some(content_type));
        assert_eq!(played.client.text(), body);
        assert_eq!(played.client.field("x-hidden"), None);
    }
}

/// An empty template is an empty body.
#[wasm_bindgen_test(unsupported = test)]
fn an_empty_template_empties_the_answer() {
    let operation = mock("{\"statusCode\": 200}", "");
    let played = get(&operation, "/s/7");
    assert_eq!((played.client.status(), played.client.text()), (200, ""));
}

#[wasm_bindgen_test(unsupported = test)]
fn templates_read_no_bytes() {
    for (handling, content_type, status) in [
        (json!("CONVERT_TO_BINARY"), "application/json", 500),
        (json!("CONVERT_TO_BINARY"), "image/png", 500),
        (json!("CONVERT_TO_TEXT"), "image/png", 200),
        (json!(null), "image/png", 500),
        (json!(null), "application/json", 200),
    ] {
        let integration = json!({"http": {
            "uri": "http://back.example", "httpMethod": "POST", "timeoutInMillis": 29000,
            "request": {
                "contentHandling": handling,
                "templates": [template("$default", "[$input.body]")],
            },
            "responses": [{"statusCode": 200}],
        }});
        let binary = [("/apis/0/binaryMediaTypes", json!(["image/png"]))];
        let operation = Operation::with(integration, &binary);
        let played = post(&operation, content_type, "aGk=");
        assert_eq!(played.client.status(), status, "{handling} {content_type}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_template_that_fails_is_an_error_of_the_gateways() {
    let endless = "#foreach($i in [1..2000])#foreach($j in [1..2000])x#end#end";
    for operation in [
        mock(endless, ""),
        mock("{\"statusCode\": 200}", endless),
        mock("", "x"),
    ] {
        let played = get(&operation, "/s/7");
        assert_eq!(played.client.status(), 500);
        assert_eq!(
            played.client.text(),
            r#"{"message":"Internal server error"}"#
        );
    }
    let broken = json!({"mock": {
        "request": {"templates": [template("application/json", "#if(")]},
    }});
    let errors = Operation::compile(broken, &[]).err().unwrap();
    assert_eq!(
        errors[0].pointer,
        format!("{PLACE}/mock/request/templates/0/template")
    );
}

/// `lambda::test_lambda_aws_integration_response_with_mapping_templates`
#[wasm_bindgen_test(unsupported = test)]
fn the_answers_template_overrides_its_status() {
    let answer = "#set($inputRoot = $input.path('$'))\
         #set($context.responseOverride.status = $inputRoot.code)\
         #set($context.responseOverride.header.Location = \"$inputRoot.to\")";
    let operation = http(
        json!({"parameters": {"integration.request.path.order": "'1'"}}),
        json!([{"statusCode": 200, "templates": [template("application/json", answer)]}]),
    );
    for (code, status) in [("301", 301), ("\"301\"", 200), ("99", 200), ("600", 200)] {
        let body = format!("{{\"code\": {code}, \"to\": \"/there\"}}");
        let theirs = Message::new(&[(":status", "200")], body);
        let played = operation.play("GET", "/s/7", Message::default(), Ok(theirs));
        assert_eq!(played.client.status(), status, "{code}");
        assert_eq!(played.client.field("location"), Some("/there"));
        assert_eq!(played.client.text(), "");
    }
}

/// Stages have their own variables, and what does not differ between them is compiled once.
#[wasm_bindgen_test(unsupported = test)]
fn templates_see_their_stage() {
    let stages = json!([
        {"name": "s", "variables": {"word": "one"}},
        {"name": "t", "variables": {"word": "two"}},
    ]);
    let text = "$stageVariables.word $context.stage $context.resourcePath $context.httpMethod";
    let integration = json!({"mock": {
        "request": {"templates": [template("application/json", "{\"statusCode\": 200}")]},
        "responses": [{"statusCode": 200, "templates": [template("application/json", text)]}],
    }});
    let operation = Operation::with(integration, &[("/apis/0/stages", stages)]);
    assert_eq!(get(&operation, "/s/7").client.text(), "one s /{id} GET");
    assert_eq!(get(&operation, "/t/7").client.text(), "two t /{id} GET");
}
