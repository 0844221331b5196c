//! Events field by field, beside AWS's samples.

use attache_model::{AuthorizerEvent, Gateway};
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::fixture::{Guard, REQUEST, TOKEN, document, request};
use super::{AuthorizerRequest, LambdaAuthorizer};
use crate::client_certificate::ClientCertificate;
use crate::headers::Headers;
use crate::iam::{self, INVOKE, RequestKeys};
use crate::memory_ports::MemoryPorts;
use crate::ports::Clock;
use crate::request_id::RequestIds;

/// The event of a request, and its two names.
fn event_and_ids(
    document: Gateway,
    headers: &Headers,
    certificate: Option<&ClientCertificate>,
) -> (String, RequestIds) {
    let guard = Guard::new(document);
    let ports = MemoryPorts::default();
    let route = guard.routes.find(headers).unwrap();
    let arn = guard.method_arn(&route);
    let ids = RequestIds::generate(&ports);
    let request = AuthorizerRequest {
        headers,
        route,
        ids: &ids,
        time: ports.now(),
        connection: &ports,
        client_certificate: certificate,
        access: iam::Request {
            action: INVOKE,
            resource: &arn,
            principal: None,
            keys: &RequestKeys::default(),
        },
    };
    let authorizer = guard.authorizers.get(route.api, route.stage, 0).unwrap();
    let event = written(authorizer, &request);
    assert_eq!(
        event,
        written(authorizer, &request),
        "the same request, the same bytes"
    );
    (String::from_utf8(event).unwrap(), ids)
}

fn written(authorizer: &LambdaAuthorizer, request: &AuthorizerRequest<'_>) -> Vec<u8> {
    let identity = authorizer.identity_values(request).unwrap();
    authorizer.event(request, &identity)
}

fn event(document: Gateway, headers: &Headers) -> Value {
    let (event, _) = event_and_ids(document, headers, None);
    serde_json::from_str(&event).unwrap()
}

/// The document with a REST API's REQUEST authorizer.
fn rest_request() -> Gateway {
    document(&[
        (&format!("{TOKEN}/event"), json!("request1")),
        (
            &format!("{TOKEN}/identitySources"),
            json!(["method.request.header.HeaderAuth1"]),
        ),
    ])
}

/// The document with an HTTP API's authorizer of this format.
fn http(event: AuthorizerEvent, sources: &[&str]) -> Gateway {
    let ttl = if sources.is_empty() { 0 } else { 60 };
    document(&[
        (
            &format!("{REQUEST}/event"),
            serde_json::to_value(event).unwrap(),
        ),
        (&format!("{REQUEST}/enableSimpleResponses"), json!(false)),
        (&format!("{REQUEST}/identitySources"), json!(sources)),
        (&format!("{REQUEST}/resultTtlInSeconds"), json!(ttl)),
    ])
}

fn certificate() -> ClientCertificate {
    ClientCertificate {
        pem: "CERT_CONTENT".to_owned(),
        subject_dn: "www.example.com".to_owned(),
        issuer_dn: "Example issuer".to_owned(),
        serial_number: "a1:a1:a1".to_owned(),
        not_before: "May 28 12:30:02 2019 GMT".to_owned(),
        not_after: "Aug  5 09:36:04 2021 GMT".to_owned(),
    }
}

/// JSON without the white space that makes it readable.
fn compact(text: &str) -> String {
    text.lines().map(str::trim_start).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_event_has_three_fields() {
    let fields = [("authorization", "Bearer a\"b"), ("x-other", "c")];
    let headers = request("GET", "shop.x/prod/pets/7?q=1", &fields);
    let (event, _) = event_and_ids(document(&[]), &headers, Some(&certificate()));
    let expected = r#"{"type":"TOKEN","authorizationToken":"Bearer a\"b",
        "methodArn":"arn:aws:execute-api:us-east-1:123456789012:shop/prod/GET/pets/7"}"#;
    assert_eq!(event, compact(expected));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_event_of_rest_apis() {
    let fields = [
        ("accept", "*/*"),
        ("headerauth1", "first"),
        ("user-agent", "curl/8"),
        ("x-api-key", "the key"),
        ("headerauth1", "headerValue1"),
        ("content-length", "12"),
        ("x-envoy-internal", "true"),
        ("x-attache-cluster", "x"),
        ("x-forwarded-client-cert", "Hash=1"),
    ];
    let url = "shop.execute-api.localhost:8080//prod//pets/a%20b/?q=1&p=x%20y+z;q=%32&empty";
    let headers = request("POST", url, &fields);
    let (event, ids) = event_and_ids(rest_request(), &headers, Some(&certificate()));
    let expected = r#"{
        "type":"REQUEST",
        "methodArn":"arn:aws:execute-api:us-east-1:123456789012:shop/prod/POST/pets/a%20b/",
        "resource":"/pets/{id}",
        "path":"/pets/a%20b/",
        "httpMethod":"POST",
        "headers":{
            "Host":"shop.execute-api.localhost:8080",
            "accept":"*/*",
            "headerauth1":"headerValue1",
            "User-Agent":"curl/8",
            "x-api-key":"the key"
        },
        "multiValueHeaders":{
            "Host":["shop.execute-api.localhost:8080"],
            "accept":["*/*"],
            "headerauth1":["first","headerValue1"],
            "User-Agent":["curl/8"],
            "x-api-key":["the key"]
        },
        "queryStringParameters":{"q":"2","p":"x y z","empty":""},
        "multiValueQueryStringParameters":{"q":["1","2"],"p":["x y z"],"empty":[""]},
        "pathParameters":{"id":"a%20b"},
        "stageVariables":{"empty":"","key":"value"},
        "requestContext":{
            "accountId":"123456789012",
            "apiId":"shop",
            "deploymentId":"DEPLOYMENT",
            "domainName":"shop.execute-api.localhost",
            "domainPrefix":"shop",
            "extendedRequestId":"EXTENDED-ID",
            "httpMethod":"POST",
            "identity":{
                "accessKey":null,
                "accountId":null,
                "apiKey":"the key",
                "caller":null,
                "clientCert":{
                    "clientCertPem":"CERT_CONTENT",
                    "subjectDN":"www.example.com",
                    "issuerDN":"Example issuer",
                    "serialNumber":"a1:a1:a1",
                    "validity":{
                        "notBefore":"May 28 12:30:02 2019 GMT",
                        "notAfter":"Aug  5 09:36:04 2021 GMT"
                    }
                },
                "cognitoAuthenticationProvider":null,
                "cognitoAuthenticationType":null,
                "cognitoIdentityId":null,
                "cognitoIdentityPoolId":null,
                "principalOrgId":null,
                "sourceIp":"127.0.0.1",
                "user":null,
                "userAgent":"curl/8",
                "userArn":null
            },
            "path":"/prod//pets/a%20b/",
            "protocol":"HTTP/1.1",
            "requestId":"REQUEST-ID",
            "requestTime":"20/Nov/2026:00:00:00 +0000",
            "requestTimeEpoch":1795132800000,
            "resourceId":"RESOURCE",
            "resourcePath":"/pets/{id}",
            "stage":"prod"
        }
    }"#;
    let id = |name: &str| {
        let event: Value = serde_json::from_str(&event).unwrap();
        let id = event["requestContext"][name].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 6);
        id
    };
    let expected = compact(expected)
        .replace("RESOURCE", &id("resourceId"))
        .replace("DEPLOYMENT", &id("deploymentId"))
        .replace("REQUEST-ID", ids.request_id())
        .replace("EXTENDED-ID", ids.extended());
    assert_eq!(event, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_rest_request_lacks_is_empty() {
    let headers = request("GET", "shop.x/test/pets", &[("headerauth1", "a")]);
    let event = event(rest_request(), &headers);
    for (pointer, expected) in [
        ("/queryStringParameters", json!({})),
        ("/multiValueQueryStringParameters", json!({})),
        ("/pathParameters", json!({})),
        ("/stageVariables", json!({})),
        ("/requestContext/identity/userAgent", Value::Null),
        ("/requestContext/path", json!("/test/pets")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
    }
    for pointer in [
        "/body",
        "/isBase64Encoded",
        "/version",
        "/identitySource",
        "/authorizationToken",
        "/requestContext/identity/apiKey",
        "/requestContext/identity/clientCert",
        "/requestContext/authorizer",
    ] {
        assert_eq!(event.pointer(pointer), None, "{pointer}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_resource_has_one_id() {
    let id = |method: &str, url: &str| {
        let headers = request(method, url, &[("headerauth1", "a")]);
        event(rest_request(), &headers)["requestContext"]["resourceId"].clone()
    };
    let pets = id("GET", "shop.x/prod/pets");
    assert_eq!(pets, id("DELETE", "shop.x/test/pets"));
    assert_ne!(pets, id("GET", "shop.x/prod/pets/7"));
}

#[wasm_bindgen_test(unsupported = test)]
fn format_1_of_http_apis_names_the_identity() {
    let sources = ["$request.header.Auth", "$request.querystring.v"];
    let headers = request(
        "GET",
        "club.x/prod/pets/7?v=123",
        &[("auth", "user1"), ("content-length", "0")],
    );
    let (text, ids) = event_and_ids(http(AuthorizerEvent::Request1, &sources), &headers, None);
    let first = r#"{"version":"1.0","type":"REQUEST",
        "methodArn":"arn:aws:execute-api:us-east-1:123456789012:club/prod/GET/pets/7",
        "identitySource":"user1,123","authorizationToken":"user1,123",
        "resource":"/pets/{id}","path":"/pets/7","httpMethod":"GET",
        "headers":{"Host":"club.x","auth":"user1","Content-Length":"0"},"#;
    assert!(text.starts_with(&compact(first)), "{text}");
    let event: Value = serde_json::from_str(&text).unwrap();
    let context = &event["requestContext"];
    assert_eq!(context["resourceId"], Value::Null);
    assert_eq!(context["requestId"], ids.extended());
    assert_eq!(context["extendedRequestId"], ids.extended());

    let headers = request("GET", "club.x/pets", &[]);
    let event = self::event(http(AuthorizerEvent::Request1, &[]), &headers);
    assert_eq!(event["identitySource"], Value::Null);
    assert_eq!(event["authorizationToken"], Value::Null);
}

#[wasm_bindgen_test(unsupported = test)]
fn format_2_of_http_apis() {
    let fields = [
        ("header1", "value1"),
        ("header2", "a"),
        ("header2", "b"),
        ("cookie", "cookie1=1; cookie2=\"x;y\""),
        ("cookie", "cookie3"),
        ("user-agent", "agent"),
    ];
    let url = "club.execute-api.localhost/prod/pets/7?parameter1=value1&parameter1=value2&b=%20";
    let headers = request("POST", url, &fields);
    let sources = ["$request.header.header1", "$request.querystring.parameter1"];
    let document = http(AuthorizerEvent::Request2, &sources);
    let (event, ids) = event_and_ids(document, &headers, Some(&certificate()));
    let expected = r#"{
        "version":"2.0",
        "type":"REQUEST",
        "routeArn":"arn:aws:execute-api:us-east-1:123456789012:club/prod/POST/pets/7",
        "identitySource":["value1","value1,value2"],
        "routeKey":"ANY /pets/{id}",
        "rawPath":"/prod/pets/7",
        "rawQueryString":"parameter1=value1&parameter1=value2&b=%20",
        "cookies":["cookie1=1","cookie2=\"x","y\"","cookie3"],
        "headers":{
            "host":"club.execute-api.localhost",
            "header1":"value1",
            "header2":"a,b",
            "user-agent":"agent"
        },
        "queryStringParameters":{"parameter1":"value1,value2","b":" "},
        "requestContext":{
            "accountId":"123456789012",
            "apiId":"club",
            "authentication":{
                "clientCert":{
                    "clientCertPem":"CERT_CONTENT",
                    "subjectDN":"www.example.com",
                    "issuerDN":"Example issuer",
                    "serialNumber":"a1:a1:a1",
                    "validity":{
                        "notBefore":"May 28 12:30:02 2019 GMT",
                        "notAfter":"Aug  5 09:36:04 2021 GMT"
                    }
                }
            },
            "domainName":"club.execute-api.localhost",
            "domainPrefix":"club",
            "http":{
                "method":"POST",
                "path":"/prod/pets/7",
                "protocol":"HTTP/1.1",
                "sourceIp":"127.0.0.1",
                "userAgent":"agent"
            },
            "requestId":"ID",
            "routeKey":"ANY /pets/{id}",
            "stage":"prod",
            "time":"20/Nov/2026:00:00:00 +0000",
            "timeEpoch":1795132800000
        },
        "pathParameters":{"id":"7"},
        "stageVariables":{"key":"value"}
    }"#;
    assert_eq!(
        event,
        compact(expected).replace("\"ID\"", &format!("{:?}", ids.extended()))
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_format_2_request_lacks_is_left_out() {
    let headers = request("GET", "club.x/pets", &[]);
    let event = event(http(AuthorizerEvent::Request2, &[]), &headers);
    let names: Vec<_> = event.as_object().unwrap().keys().collect();
    let expected = [
        "headers",
        "identitySource",
        "rawPath",
        "rawQueryString",
        "requestContext",
        "routeArn",
        "routeKey",
        "type",
        "version",
    ];
    assert_eq!(names, expected);
    assert_eq!(event["identitySource"], Value::Null);
    assert_eq!(event["rawPath"], "/pets");
    assert_eq!(event["requestContext"].get("authentication"), None);
    assert_eq!(event["requestContext"]["http"]["userAgent"], "");
    assert_eq!(
        event["routeArn"],
        "arn:aws:execute-api:us-east-1:123456789012:club/$default/GET/pets"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn the_default_route_has_its_own_key() {
    let mut document = http(AuthorizerEvent::Request2, &[]);
    document.apis[1].operations[2].path = "$default".to_owned();
    let headers = request("PUT", "club.x/somewhere", &[]);
    let event = event(document, &headers);
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["requestContext"]["routeKey"], "$default");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_utf_8_is_still_json() {
    let mut headers = request(
        "GET",
        "shop.x/prod/pets/\u{e9}?\u{e9}=%ff",
        &[("headerauth1", "a")],
    );
    headers.push(b"x-\xff", b"\xff\0\"\\");
    headers.push(b"x-\xfe", b"b");
    let event = event(rest_request(), &headers);
    assert_eq!(event["headers"]["x-\u{fffd}"], "b");
    assert_eq!(
        event["multiValueHeaders"]["x-\u{fffd}"],
        json!(["\u{fffd}\0\"\\", "b"])
    );
    assert_eq!(event["queryStringParameters"]["\u{e9}"], "\u{fffd}");
    assert_eq!(event["pathParameters"]["id"], "\u{e9}");
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn whatever_a_client_sends_the_event_is_json(
        segment in "[a-z0-9%.+;=&@:_~-]{1,20}",
        query in prop::collection::vec(any::<u8>(), 0..30),
        fields in prop::collection::vec(("[a-z:-]{0,6}", any::<Vec<u8>>()), 0..6),
    ) {
        let target = [b"/prod/pets/", segment.as_bytes(), b"?", &query].concat();
        for (host, document) in [
            ("shop.x", rest_request()),
            ("club.x", http(AuthorizerEvent::Request1, &[])),
            ("club.x", http(AuthorizerEvent::Request2, &[])),
        ] {
            let mut headers = Headers::default();
            headers.push(b":method", b"GET");
            headers.push(b":path", &target);
            headers.push(b":authority", host.as_bytes());
            headers.push(b"headerauth1", b"a");
            for (name, value) in &fields {
                if !name.starts_with(':') && name != "headerauth1" {
                    headers.push(name.as_bytes(), value);
                }
            }
            let event = event(document, &headers);
            prop_assert_eq!(&event["type"], "REQUEST");
        }
    }
}
