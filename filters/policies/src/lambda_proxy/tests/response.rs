//! Responses, row by row.

use attache_model::{PayloadFormatVersion, Protocol};
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::exchange::Reply;
use crate::lambda_proxy::{ResponseFault, ResponseForm, read_response};

const REST: ResponseForm = ResponseForm {
    protocol: Protocol::Rest,
    format: PayloadFormatVersion::V1,
    decodes: false,
};

const HTTP_1: ResponseForm = ResponseForm {
    protocol: Protocol::Http,
    format: PayloadFormatVersion::V1,
    decodes: true,
};

const HTTP_2: ResponseForm = ResponseForm {
    protocol: Protocol::Http,
    format: PayloadFormatVersion::V2,
    decodes: true,
};

fn read(result: &Value, form: ResponseForm) -> Result<Reply, ResponseFault> {
    read_response(result.to_string().as_bytes(), form)
}

fn header<'r>(reply: &'r Reply, name: &str) -> Vec<&'r str> {
    let fields = reply.headers.iter().filter(|(other, _)| other == name);
    fields
        .map(|(_, value)| str::from_utf8(value).unwrap())
        .collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_apis_need_no_member() {
    for (result, status, body) in [
        (json!({}), 200, ""),
        (json!({"statusCode": 200}), 200, ""),
        (
            json!({"statusCode": null, "headers": null, "body": null}),
            200,
            "",
        ),
        (
            json!({"multiValueHeaders": null, "isBase64Encoded": null}),
            200,
            "",
        ),
        (json!({"statusCode": "201"}), 201, ""),
        (json!({"statusCode": 599, "body": "a"}), 599, "a"),
        (json!({"body": "é"}), 200, "é"),
        (json!({"body": 1.5}), 200, "1.5"),
        (json!({"statusCode": 204, "body": "a"}), 204, ""),
        (json!({"statusCode": 304, "body": "a"}), 304, ""),
    ] {
        let reply = read(&result, REST).unwrap();
        assert_eq!(reply.status, status, "{result}");
        assert_eq!(reply.body, body.as_bytes(), "{result}");
        assert_eq!(
            header(&reply, "content-type"),
            ["application/json"],
            "{result}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_response_of_rest_apis() {
    for (result, fault) in [
        (json!([]), ResponseFault::NotAnObject),
        (json!("text"), ResponseFault::NotAnObject),
        (json!(7), ResponseFault::NotAnObject),
        (json!(null), ResponseFault::NotAnObject),
        (json!({"statusCode": "test"}), ResponseFault::StatusCode),
        (json!({"statusCode": 99}), ResponseFault::StatusCode),
        (json!({"statusCode": 101}), ResponseFault::StatusCode),
        (json!({"statusCode": 600}), ResponseFault::StatusCode),
        (json!({"statusCode": -200}), ResponseFault::StatusCode),
        (json!({"statusCode": {}}), ResponseFault::StatusCode),
        (json!({"statusCode": true}), ResponseFault::StatusCode),
        (
            json!({"statusCode": 200, "wrongValue": "a"}),
            ResponseFault::UnknownMember,
        ),
        (
            json!({"errorMessage": "a", "errorType": "b"}),
            ResponseFault::UnknownMember,
        ),
        (json!({"cookies": []}), ResponseFault::UnknownMember),
        (json!({"headers": []}), ResponseFault::Headers),
        (json!({"headers": {"a": {}}}), ResponseFault::Headers),
        (json!({"headers": {"a": []}}), ResponseFault::Headers),
        (
            json!({"multiValueHeaders": {"a": "b"}}),
            ResponseFault::MultiValueHeaders,
        ),
        (
            json!({"multiValueHeaders": {"a": [{}]}}),
            ResponseFault::MultiValueHeaders,
        ),
        (
            json!({"multiValueHeaders": "a"}),
            ResponseFault::MultiValueHeaders,
        ),
        (json!({"headers": {"a b": "c"}}), ResponseFault::HeaderName),
        (
            json!({"headers": {":status": "204"}}),
            ResponseFault::HeaderName,
        ),
        (json!({"headers": {"": "c"}}), ResponseFault::HeaderName),
        (json!({"body": {}}), ResponseFault::Body),
        (json!({"body": [1]}), ResponseFault::Body),
        (
            json!({"isBase64Encoded": "maybe"}),
            ResponseFault::IsBase64Encoded,
        ),
        (
            json!({"isBase64Encoded": 1}),
            ResponseFault::IsBase64Encoded,
        ),
    ] {
        assert_eq!(read(&result, REST), Err(fault), "{result}");
    }
    for text in ["", "{", "{}{}", "{'a':1}"] {
        assert_eq!(
            read_response(text.as_bytes(), REST),
            Err(ResponseFault::NotJson)
        );
    }
    let deep = "[".repeat(1_000_000);
    assert_eq!(
        read_response(deep.as_bytes(), REST),
        Err(ResponseFault::NotJson)
    );
    let long = format!("{{\"body\":\"{}\"}}", "a".repeat(6 * 1024 * 1024));
    assert_eq!(
        read_response(long.as_bytes(), REST),
        Err(ResponseFault::TooLarge)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn header_values_are_texts() {
    let result = json!({"headers": {"X-A": "a", "x-bool": true, "x-number": 7, "x-none": null}});
    let reply = read(&result, REST).unwrap();
    assert_eq!(header(&reply, "x-a"), ["a"]);
    assert_eq!(header(&reply, "x-bool"), ["true"]);
    assert_eq!(header(&reply, "x-number"), ["7"]);
    assert!(header(&reply, "x-none").is_empty());
    let reply = read(&json!({"headers": {"x-a": "b\r\nx-c: d"}}), REST).unwrap();
    assert_eq!(header(&reply, "x-a"), ["b  x-c: d"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn fields_of_both_maps_are_merged() {
    let result = json!({
        "multiValueHeaders": {"tesT-Multi": ["value-multi", "again"], "set-cookie": ["a=1", "b=2"]},
        "headers": {"test-multi": "value-solo", "Set-Cookie": "a=1", "TEST-multi": "again"},
    });
    let reply = read(&result, REST).unwrap();
    assert_eq!(
        header(&reply, "test-multi"),
        ["value-multi", "again", "value-solo"]
    );
    assert_eq!(header(&reply, "set-cookie"), ["a=1", "b=2"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_apis_send_json_unless_the_function_says_otherwise() {
    for (result, expected) in [
        (
            json!({"headers": {"Content-Type": "text/html"}}),
            &["text/html"][..],
        ),
        (
            json!({"multiValueHeaders": {"content-TYPE": ["a/b"]}}),
            &["a/b"],
        ),
        (json!({"headers": {"Content-Type": null}}), &[]),
        (json!({"headers": {"x": "y"}}), &["application/json"]),
    ] {
        let reply = read(&result, REST).unwrap();
        assert_eq!(header(&reply, "content-type"), expected, "{result}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_apis_rename_fields() {
    for (name, new_name) in [
        ("Connection", "x-amzn-remapped-connection"),
        ("Content-Length", "x-amzn-remapped-content-length"),
        ("Date", "x-amzn-remapped-date"),
        ("Server", "x-amzn-remapped-server"),
        ("WWW-Authenticate", "x-amzn-remapped-www-authenticate"),
        ("Authorization", "x-amzn-remapped-authorization"),
        ("x-amzn-RequestId", "x-amzn-remapped-x-amzn-requestid"),
    ] {
        let reply = read(&json!({"headers": {name: "a"}}), REST).unwrap();
        assert_eq!(header(&reply, new_name), ["a"], "{name}");
        assert!(
            header(&reply, &name.to_ascii_lowercase()).is_empty(),
            "{name}"
        );
    }
    for name in [
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Via",
        "X-Amzn-Trace-Id",
    ] {
        let reply = read(&json!({"headers": {name: "a"}}), REST).unwrap();
        assert_eq!(reply.headers.len(), 1, "{name}");
    }
    let passed = json!({"headers": {"Content-Encoding": "gzip", "Age": "1", "Pragma": "x"}});
    assert_eq!(read(&passed, REST).unwrap().headers.len(), 4);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_is_decoded_when_it_says_so_and_the_client_asks_for_bytes() {
    let encoded = json!({"body": "dGVzdC1kYXRh", "isBase64Encoded": true});
    let plain = json!({"body": "dGVzdC1kYXRh", "isBase64Encoded": false});
    let unpadded = json!({"body": "YQ", "isBase64Encoded": "true"});
    let wrong = json!({"body": "no base64!", "isBase64Encoded": true});
    let bytes = ResponseForm {
        decodes: true,
        ..REST
    };
    for (result, form, expected) in [
        (&encoded, REST, Ok("dGVzdC1kYXRh")),
        (&encoded, bytes, Ok("test-data")),
        (&plain, bytes, Ok("dGVzdC1kYXRh")),
        (&unpadded, bytes, Ok("a")),
        (&wrong, bytes, Err(ResponseFault::Base64)),
        (&wrong, REST, Ok("no base64!")),
    ] {
        let body = read(result, form).map(|reply| String::from_utf8(reply.body).unwrap());
        assert_eq!(body.as_deref(), expected.as_ref().copied(), "{result}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn format_1_of_http_apis_needs_a_status_and_passes_over_what_it_does_not_know() {
    for (result, expected) in [
        (json!({"statusCode": 200}), Ok(200)),
        (json!({"statusCode": "201"}), Ok(201)),
        (json!({"statusCode": 200, "wrongValue": "value"}), Ok(200)),
        (
            json!({"statusCode": 200, "multiValueHeaders": {"a": ["b"]}}),
            Ok(200),
        ),
        (json!({}), Err(ResponseFault::StatusCode)),
        (
            json!({"headers": {"a": "b"}}),
            Err(ResponseFault::StatusCode),
        ),
        (
            json!({"statusCode": "test"}),
            Err(ResponseFault::StatusCode),
        ),
        (json!("justAString"), Err(ResponseFault::NotAnObject)),
        (
            json!({"statusCode": 200, "multiValueHeaders": {"a": "b"}}),
            Err(ResponseFault::MultiValueHeaders),
        ),
    ] {
        let status = read(&result, HTTP_1).map(|reply| reply.status);
        assert_eq!(status, expected, "{result}");
    }
    let encoded = json!({"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": true});
    assert_eq!(read(&encoded, HTTP_1).unwrap().body, b"test-data");
}

#[wasm_bindgen_test(unsupported = test)]
fn format_2_with_a_status() {
    let result = json!({
        "statusCode": "202",
        "headers": {"X-A": "a", "Server": "mine", "Connection": "close", "content-length": "9"},
        "multiValueHeaders": {"x-b": ["b"]},
        "cookies": ["a=1; Secure", "b=2"],
        "body": "YQ==",
        "isBase64Encoded": true,
        "unknown": {},
    });
    let reply = read(&result, HTTP_2).unwrap();
    assert_eq!((reply.status, &*reply.body), (202, &b"a"[..]));
    let expected = [
        ("server", "mine"),
        ("x-a", "a"),
        ("set-cookie", "a=1; Secure"),
        ("set-cookie", "b=2"),
        ("content-type", "text/plain;charset=UTF-8"),
    ];
    let fields: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), str::from_utf8(value).unwrap()))
        .collect();
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    // Nothing is said of a body that there is none of.
    assert!(
        read(&json!({"statusCode": 200}), HTTP_2)
            .unwrap()
            .headers
            .is_empty()
    );
    for (result, fault) in [
        (
            json!({"statusCode": 200, "cookies": {"a": "b"}}),
            ResponseFault::Cookies,
        ),
        (json!({"statusCode": "test"}), ResponseFault::StatusCode),
        (json!({"statusCode": null}), ResponseFault::StatusCode),
        (json!({"statusCode": 200, "body": {}}), ResponseFault::Body),
        (
            json!({"statusCode": 200, "body": "?", "isBase64Encoded": true}),
            ResponseFault::Base64,
        ),
    ] {
        assert_eq!(read(&result, HTTP_2), Err(fault), "{result}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_result_of_format_2_without_a_status_is_the_body() {
    for (result, body) in [
        ("{}", "{}"),
        (
            " {\"random\": {\"json-body\": 1.0}}\n",
            "{\"random\": {\"json-body\": 1.0}}",
        ),
        (
            "{\"headers\":{\"test-header\":\"value\"}}",
            "{\"headers\":{\"test-header\":\"value\"}}",
        ),
        ("[1, 2]", "[1, 2]"),
        ("\"Hello from \\u004cambda!\"", "Hello from Lambda!"),
        ("\"null\"", "null"),
        ("\"\"", ""),
        ("\"errorMessage\"", "errorMessage"),
        ("null", "null"),
        ("7", "7"),
    ] {
        let reply = read_response(result.as_bytes(), HTTP_2).unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(String::from_utf8(reply.body.clone()).unwrap(), body);
        assert_eq!(header(&reply, "content-type"), ["application/json"]);
    }
    let failed = json!({"errorMessage": "test fake error message"});
    assert_eq!(read(&failed, HTTP_2), Err(ResponseFault::ErrorMessage));
    assert_eq!(
        read_response(b"not json", HTTP_2),
        Err(ResponseFault::NotJson)
    );
    assert_eq!(read_response(b"", HTTP_2), Err(ResponseFault::NotJson));
}

/// What AWS's own types write is read.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn responses_of_types_of_aws() {
    use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
    use aws_lambda_events::encodings::Body;

    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = 201;
    response.headers.append("x-a", "1".parse().unwrap());
    response
        .multi_value_headers
        .append("set-cookie", "a=1".parse().unwrap());
    response
        .multi_value_headers
        .append("set-cookie", "b=2".parse().unwrap());
    response.body = Some(Body::Text("text".to_owned()));
    let reply = read(&serde_json::to_value(&response).unwrap(), REST).unwrap();
    assert_eq!((reply.status, &*reply.body), (201, &b"text"[..]));
    assert_eq!(header(&reply, "x-a"), ["1"]);
    assert_eq!(header(&reply, "set-cookie"), ["a=1", "b=2"]);

    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = 404;
    response.cookies = vec!["a=1".to_owned()];
    response.body = Some(Body::Binary(vec![0xff]));
    response.is_base64_encoded = true;
    let reply = read(&serde_json::to_value(&response).unwrap(), HTTP_2).unwrap();
    assert_eq!((reply.status, &*reply.body), (404, &b"\xff"[..]));
    assert_eq!(header(&reply, "set-cookie"), ["a=1"]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..700).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof![
            prop::sample::select(vec![
                "statusCode",
                "headers",
                "multiValueHeaders",
                "body",
                "isBase64Encoded",
                "cookies",
                "content-type",
                "connection",
            ])
            .prop_map(str::to_owned),
            ".{0,4}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn whatever_a_function_answers_a_reply_is_fit_for_http(result in any_json()) {
        for form in [REST, ResponseForm { decodes: true, ..REST }, HTTP_1, HTTP_2] {
            let Ok(reply) = read(&result, form) else { continue };
            prop_assert!((200..=599).contains(&reply.status));
            for (name, value) in &reply.headers {
                prop_assert!(crate::headers::is_field_name(name), "{}", name);
                prop_assert_eq!(name, &name.to_ascii_lowercase());
                prop_assert!(value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t'));
                prop_assert!(!["content-length", "transfer-encoding", "connection"].contains(&&**name));
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_bytes_are_more_than_a_fault(result in any::<Vec<u8>>()) {
        for form in [REST, HTTP_1, HTTP_2] {
            let _ = read_response(&result, form);
        }
    }
}
