//! Events field by field.

use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Asked, compact, document, headers, object, signer};
use crate::authorization::Caller;

#[wasm_bindgen_test(unsupported = test)]
fn an_event_of_rest_apis() {
    let fields = [
        ("accept", "*/*"),
        ("user-agent", "curl/8"),
        ("authorization", "Bearer x"),
        ("x-tenant", "one"),
        ("x-tenant", "two"),
        ("content-type", "application/json"),
        ("content-length", "13"),
        ("connection", "close"),
        ("expect", "100-continue"),
        ("via", "1.1 proxy"),
        ("x-amzn-trace-id", "Root=1-5e66d96f-1"),
        ("x-forwarded-for", "198.51.100.1, 192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-envoy-internal", "true"),
        ("x-attache-cluster", "x"),
    ];
    let url = "shop.execute-api.localhost:8443//prod//pets/7/a%20b/c/?q=1&p=x%20y+z;q=%32&empty";
    let headers = headers("POST", url, &fields);
    let event =
        Asked::new(&headers, &Caller::default()).event_text(&document(&[]), b"{\"a\":\"b\"}");
    let expected = r#"{
        "resource":"/pets/{id}/{proxy+}",
        "path":"/pets/7/a%20b/c/",
        "httpMethod":"POST",
        "headers":{
            "Host":"shop.execute-api.localhost:8443",
            "accept":"*/*",
            "User-Agent":"curl/8",
            "Authorization":"Bearer x",
            "x-tenant":"two",
            "content-type":"application/json",
            "via":"1.1 proxy",
            "X-Forwarded-For":"198.51.100.1, 192.0.2.7",
            "X-Forwarded-Proto":"https",
            "X-Amzn-Trace-Id":"Root=1-5e66d96f-1;Parent=2;Sampled=0",
            "X-Forwarded-Port":"8443"
        },
        "multiValueHeaders":{
            "Host":["shop.execute-api.localhost:8443"],
            "accept":["*/*"],
            "User-Agent":["curl/8"],
            "Authorization":["Bearer x"],
            "x-tenant":["one","two"],
            "content-type":["application/json"],
            "via":["1.1 proxy"],
            "X-Forwarded-For":["198.51.100.1, 192.0.2.7"],
            "X-Forwarded-Proto":["https"],
            "X-Amzn-Trace-Id":["Root=1-5e66d96f-1;Parent=2;Sampled=0"],
            "X-Forwarded-Port":["8443"]
        },
        "queryStringParameters":{"q":"2","p":"x y z","empty":""},
        "multiValueQueryStringParameters":{"q":["1","2"],"p":["x y z"],"empty":[""]},
        "requestContext":{
            "accountId":"123456789012",
            "apiId":"shop",
            "deploymentId":"DEPLOYMENT",
            "domainName":"shop.execute-api.localhost",
            "domainPrefix":"shop",
            "extendedRequestId":"ASNFZ4mrze8BI0U=",
            "httpMethod":"POST",
            "identity":{
                "accessKey":null,
                "accountId":null,
                "caller":null,
                "cognitoAuthenticationProvider":null,
                "cognitoAuthenticationType":null,
                "cognitoIdentityId":null,
                "cognitoIdentityPoolId":null,
                "principalOrgId":null,
                "sourceIp":"192.0.2.7",
                "user":null,
                "userAgent":"curl/8",
                "userArn":null
            },
            "path":"/prod//pets/7/a%20b/c/",
            "protocol":"HTTP/1.1",
            "requestId":"01234567-89ab-4def-8123-456789abcdef",
            "requestTime":"04/Mar/2020:19:15:17 +0000",
            "requestTimeEpoch":1583349317135,
            "resourceId":"RESOURCE",
            "resourcePath":"/pets/{id}/{proxy+}",
            "stage":"prod"
        },
        "pathParameters":{"id":"7","proxy":"a%20b/c"},
        "stageVariables":{"alias":"live","key":"value"},
        "body":"{\"a\":\"b\"}",
        "isBase64Encoded":false
    }"#;
    let id = |name: &str| {
        let event: Value = serde_json::from_str(&event).unwrap();
        let id = event["requestContext"][name].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 6);
        id
    };
    let expected = compact(expected)
        .replace("DEPLOYMENT", &id("deploymentId"))
        .replace("RESOURCE", &id("resourceId"));
    assert_eq!(event, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_rest_request_lacks_is_null() {
    let headers = headers("GET", "shop.x/test/pets", &[]);
    let event = Asked::new(&headers, &Caller::default()).event(&document(&[]), b"");
    for name in [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ] {
        assert_eq!(event.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(
        event["requestContext"]["identity"]["userAgent"],
        Value::Null
    );
    assert_eq!(event["headers"]["X-Forwarded-For"], "192.0.2.7");
    assert_eq!(event["headers"]["X-Forwarded-Port"], "443");
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "https");
    for pointer in [
        "/version",
        "/requestContext/authorizer",
        "/requestContext/identity/apiKey",
        "/requestContext/identity/apiKeyId",
        "/requestContext/identity/clientCert",
    ] {
        assert_eq!(event.pointer(pointer), None, "{pointer}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_deployment_has_one_id_for_each_stage() {
    let id = |url: &str| {
        let headers = headers("GET", url, &[]);
        let event = Asked::new(&headers, &Caller::default()).event(&document(&[]), b"");
        event["requestContext"]["deploymentId"].clone()
    };
    assert_eq!(id("shop.x/prod/pets"), id("shop.x/prod/pets/1/2"));
    assert_ne!(id("shop.x/prod/pets"), id("shop.x/test/pets"));

    let mut deployed = document(&[]);
    for stage in &mut deployed.apis[0].stages {
        stage.deployment_id = Some(format!("of-{}", stage.name));
    }
    for stage in ["prod", "test"] {
        let headers = headers("GET", &format!("shop.x/{stage}/pets"), &[]);
        let event = Asked::new(&headers, &Caller::default()).event(&deployed, b"");
        let id = &event["requestContext"]["deploymentId"];
        assert_eq!(id, &format!("of-{stage}"));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_key_is_shown_where_one_is_asked_for() {
    let headers = headers("GET", "shop.x/prod/pets", &[]);
    let caller = Caller::default();
    let asked = Asked {
        api_key: Some((b"the key", "key-id")),
        ..Asked::new(&headers, &caller)
    };
    let event = asked.event(&document(&[]), b"");
    let identity = &event["requestContext"]["identity"];
    assert_eq!(identity["apiKey"], "the key");
    assert_eq!(identity["apiKeyId"], "key-id");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_signature_is_not_passed_on_and_its_principal_is() {
    let signature = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x";
    let headers_ = headers("GET", "shop.x/prod/pets", &[("authorization", signature)]);
    let caller = signer();
    let event = Asked::new(&headers_, &caller).event(&document(&[]), b"");
    assert_eq!(event["headers"].get("Authorization"), None);
    assert_eq!(event["multiValueHeaders"].get("Authorization"), None);
    assert_eq!(event["requestContext"].get("authorizer"), None);
    let identity = &event["requestContext"]["identity"];
    for (name, expected) in [
        ("accessKey", "AKIDEXAMPLE"),
        ("accountId", "123456789012"),
        ("caller", "AIDAEXAMPLE"),
        ("principalOrgId", "o-1"),
        ("user", "AIDAEXAMPLE"),
        ("userArn", "arn:aws:iam::123456789012:user/ann"),
    ] {
        assert_eq!(identity[name], expected, "{name}");
    }
    let headers = headers("GET", "club.x/pets", &[]);
    let event = Asked::new(&headers, &caller).event(&document(&[]), b"");
    assert_eq!(
        event["requestContext"]["authorizer"],
        json!({"iam": {
            "accessKey": "AKIDEXAMPLE",
            "accountId": "123456789012",
            "callerId": "AIDAEXAMPLE",
            "cognitoIdentity": null,
            "principalOrgId": "o-1",
            "userArn": "arn:aws:iam::123456789012:user/ann",
            "userId": "AIDAEXAMPLE",
        }})
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn what_an_authorizer_has_found_out() {
    let lambda = Caller {
        principal_id: Some("ann".into()),
        context: object(json!({"tier": "gold", "limit": 7})),
        authorizer_latency: Some(12),
        ..Caller::default()
    };
    let kept = Caller {
        authorizer_latency: None,
        ..lambda.clone()
    };
    let token = Caller {
        claims: object(json!({"sub": "42", "scope": "a  b"})),
        ..Caller::default()
    };
    let listed = Caller {
        claims: object(json!({"scp": "[a b]"})),
        ..Caller::default()
    };
    let flat = json!({"tier": "gold", "limit": 7, "principalId": "ann", "integrationLatency": 12});
    let claims = json!({"sub": "42", "scope": "a  b"});
    let scopes = json!({"authorizer": {"index": 0, "scopes": ["a"]}});
    for (url, caller, asks_for_scopes, expected) in [
        ("shop.x/prod/pets", &lambda, false, flat.clone()),
        ("club.x/old", &lambda, false, flat.clone()),
        (
            "shop.x/prod/pets",
            &kept,
            false,
            json!({"tier": "gold", "limit": 7, "principalId": "ann", "integrationLatency": 0}),
        ),
        (
            "club.x/pets",
            &lambda,
            false,
            json!({"lambda": {"tier": "gold", "limit": 7}}),
        ),
        ("shop.x/prod/pets", &token, true, json!({"claims": claims})),
        (
            "club.x/old",
            &token,
            false,
            json!({"claims": claims, "scopes": null}),
        ),
        (
            "club.x/pets",
            &token,
            true,
            json!({"jwt": {"claims": claims, "scopes": ["a", "b"]}}),
        ),
        (
            "club.x/pets",
            &listed,
            true,
            json!({"jwt": {"claims": {"scp": "[a b]"}, "scopes": ["a", "b"]}}),
        ),
        (
            "club.x/pets",
            &token,
            false,
            json!({"jwt": {"claims": claims, "scopes": null}}),
        ),
    ] {
        let changes: &[_] = &[
            ("/apis/0/operations/0/authorization", scopes.clone()),
            ("/apis/1/operations/0/authorization", scopes.clone()),
        ];
        let document = document(if asks_for_scopes { changes } else { &[] });
        let headers = headers("GET", url, &[]);
        let event = Asked::new(&headers, caller).event(&document, b"");
        assert_eq!(event["requestContext"]["authorizer"], expected, "{url}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn format_1_of_http_apis_says_so_and_keeps_the_length() {
    let headers = headers("POST", "club.x/prod/old", &[("content-length", "1")]);
    let text = Asked::new(&headers, &Caller::default()).event_text(&document(&[]), b"a");
    let first = r#"{"version":"1.0","resource":"/old","path":"/old","httpMethod":"POST",
        "headers":{"Host":"club.x","Content-Length":"1","#;
    assert!(text.starts_with(&compact(first)), "{text}");
    let event: Value = serde_json::from_str(&text).unwrap();
    let context = &event["requestContext"];
    assert_eq!(context.get("deploymentId"), None);
    assert_eq!(context["resourceId"], Value::Null);
    assert_eq!(context["path"], "/prod/old");
    assert_eq!(context["requestId"], context["extendedRequestId"]);
    // It has no content type.
    assert_eq!(event["body"], "YQ==");
    assert_eq!(event["isBase64Encoded"], true);
}

#[wasm_bindgen_test(unsupported = test)]
fn an_event_of_format_2() {
    let fields = [
        ("header1", "value1"),
        ("header2", "a"),
        ("header2", "b"),
        ("cookie", "cookie1=1; cookie2"),
        ("cookie", "cookie3"),
        ("user-agent", "agent"),
        ("content-type", "text/plain"),
        ("content-length", "18"),
    ];
    let url = "club.execute-api.localhost/prod/pets/7?parameter1=value1&parameter1=value2&b=%20";
    let headers = headers("GET", url, &fields);
    let event =
        Asked::new(&headers, &Caller::default()).event_text(&document(&[]), b"Hello from Lambda!");
    let expected = r#"{
        "version":"2.0",
        "routeKey":"GET /pets/{id}",
        "rawPath":"/prod/pets/7",
        "rawQueryString":"parameter1=value1&parameter1=value2&b=%20",
        "cookies":["cookie1=1","cookie2","cookie3"],
        "headers":{
            "host":"club.execute-api.localhost",
            "header1":"value1",
            "header2":"a,b",
            "user-agent":"agent",
            "content-type":"text/plain",
            "content-length":"18",
            "x-amzn-trace-id":"Root=1-5e66d96f-1;Parent=2;Sampled=0",
            "x-forwarded-for":"192.0.2.7",
            "x-forwarded-port":"443",
            "x-forwarded-proto":"https"
        },
        "queryStringParameters":{"parameter1":"value1,value2","b":" "},
        "requestContext":{
            "accountId":"123456789012",
            "apiId":"club",
            "domainName":"club.execute-api.localhost",
            "domainPrefix":"club",
            "http":{
                "method":"GET",
                "path":"/prod/pets/7",
                "protocol":"HTTP/1.1",
                "sourceIp":"192.0.2.7",
                "userAgent":"agent"
            },
            "requestId":"ASNFZ4mrze8BI0U=",
            "routeKey":"GET /pets/{id}",
            "stage":"prod",
            "time":"04/Mar/2020:19:15:17 +0000",
            "timeEpoch":1583349317135
        },
        "body":"Hello from Lambda!",
        "pathParameters":{"id":"7"},
        "isBase64Encoded":false,
        "stageVariables":{"alias":"live","key":"value"}
    }"#;
    assert_eq!(event, compact(expected));
}

#[wasm_bindgen_test(unsupported = test)]
fn format_2_leaves_out_what_is_empty() {
    let headers = headers("GET", "club.x/somewhere", &[]);
    let document = document(&[
        ("/apis/1/stages/0/variables", json!({})),
        (
            "/apis/1/operations/3/integration/awsProxy/uri",
            json!("arn:aws:lambda:us-east-1:123456789012:function:pets"),
        ),
    ]);
    let event = Asked::new(&headers, &Caller::default()).event(&document, b"");
    let names: Vec<_> = event.as_object().unwrap().keys().collect();
    let expected = [
        "headers",
        "isBase64Encoded",
        "rawPath",
        "rawQueryString",
        "requestContext",
        "routeKey",
        "version",
    ];
    assert_eq!(names, expected);
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["requestContext"].get("authentication"), None);
    assert_eq!(event["requestContext"].get("authorizer"), None);
    assert_eq!(event["requestContext"]["http"]["userAgent"], "");
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_apis_encode_what_their_binary_media_types_match() {
    for (types, content_type, body, expected, is_base64) in [
        (
            json!([]),
            Some("image/png"),
            &b"\xff\0"[..],
            "\u{fffd}\0",
            false,
        ),
        (
            json!(["image/*"]),
            Some("image/png"),
            b"\xff\0",
            "/wA=",
            true,
        ),
        (
            json!(["image/*"]),
            Some("text/plain"),
            b"a\xff",
            "a\u{fffd}",
            false,
        ),
        (json!(["image/*"]), None, b"a", "a", false),
        (json!(["*/*"]), None, b"a", "YQ==", true),
        (
            json!(["application/json"]),
            Some("application/json; charset=utf-8"),
            b"{}",
            "e30=",
            true,
        ),
    ] {
        let document = document(&[("/apis/0/binaryMediaTypes", types)]);
        let fields: Vec<_> = content_type
            .iter()
            .map(|value| ("content-type", *value))
            .collect();
        let headers = headers("POST", "shop.x/prod/pets", &fields);
        let event = Asked::new(&headers, &Caller::default()).event(&document, body);
        assert_eq!(event["body"], expected, "{content_type:?}");
        assert_eq!(event["isBase64Encoded"], is_base64, "{content_type:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn http_apis_encode_what_is_not_of_a_textual_content_type() {
    for (content_type, is_base64) in [
        (Some("text/html"), false),
        (Some("text/x-anything; charset=utf-8"), false),
        (Some("application/json"), false),
        (Some("Application/JSON;charset=utf-8"), false),
        (Some("application/xml"), false),
        (Some("application/javascript"), false),
        (Some("application/x-www-form-urlencoded"), true),
        (Some("multipart/form-data; boundary=x"), true),
        (Some("application/vnd.api+json"), true),
        (Some("image/svg+xml"), true),
        (Some("application/octet-stream"), true),
        (None, true),
    ] {
        for url in ["club.x/pets", "club.x/old"] {
            let fields: Vec<_> = content_type
                .iter()
                .map(|value| ("content-type", *value))
                .collect();
            let headers = headers("POST", url, &fields);
            let asked = Caller::default();
            let asked = Asked::new(&headers, &asked);
            let event = asked.event(&document(&[]), b"{}");
            let body = if is_base64 { "e30=" } else { "{}" };
            assert_eq!(event["body"], body, "{content_type:?}");
            assert_eq!(event["isBase64Encoded"], is_base64, "{content_type:?}");
            // Text that is none is not lost.
            let event = asked.event(&document(&[]), b"\xff");
            assert_eq!(event["body"], "/w==");
        }
    }
}

/// AWS's own types read every event.
#[cfg(not(target_arch = "wasm32"))]
mod as_types_of_aws {
    use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};

    use super::*;

    #[test]
    fn format_1() {
        let fields = [("x-a", "1"), ("x-a", "2"), ("user-agent", "agent")];
        let lambda = Caller {
            principal_id: Some("ann".into()),
            context: object(json!({"tier": "gold"})),
            ..Caller::default()
        };
        let headers = headers("POST", "shop.x/prod/pets/7/b?q=1&q=2", &fields);
        let event = Asked {
            api_key: Some((b"the key", "key-id")),
            ..Asked::new(&headers, &lambda)
        };
        let event = event.event_text(&document(&[]), b"body");
        let event: ApiGatewayProxyRequest = serde_json::from_str(&event).unwrap();
        assert_eq!(event.resource.as_deref(), Some("/pets/{id}/{proxy+}"));
        assert_eq!(event.http_method, "POST");
        assert_eq!(event.headers["x-a"], "2");
        let values: Vec<_> = event.multi_value_headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(event.query_string_parameters.first("q"), Some("2"));
        assert_eq!(
            event.multi_value_query_string_parameters.all("q"),
            Some(vec!["1", "2"])
        );
        assert_eq!(event.path_parameters["proxy"], "b");
        assert_eq!(event.stage_variables["key"], "value");
        assert_eq!(event.body.as_deref(), Some("body"));
        let context = event.request_context;
        assert_eq!(context.account_id.as_deref(), Some("123456789012"));
        assert_eq!(context.stage.as_deref(), Some("prod"));
        assert_eq!(context.request_time_epoch, 1_583_349_317_135);
        assert_eq!(context.identity.source_ip.as_deref(), Some("192.0.2.7"));
        assert_eq!(context.identity.api_key_id.as_deref(), Some("key-id"));
        assert_eq!(context.authorizer.fields["principalId"], "ann");
        assert_eq!(context.authorizer.fields["tier"], "gold");
    }

    #[test]
    fn format_2() {
        let headers = headers(
            "GET",
            "club.x/prod/pets/7?q=1&q=2",
            &[("cookie", "a=b; c=d")],
        );
        let token = Caller {
            claims: object(json!({"sub": "42", "scope": "a"})),
            ..Caller::default()
        };
        let event = Asked::new(&headers, &token).event_text(&document(&[]), b"");
        let event: ApiGatewayV2httpRequest = serde_json::from_str(&event).unwrap();
        assert_eq!(event.version.as_deref(), Some("2.0"));
        assert_eq!(event.raw_path.as_deref(), Some("/prod/pets/7"));
        assert_eq!(
            event.cookies,
            Some(vec!["a=b".to_owned(), "c=d".to_owned()])
        );
        assert_eq!(event.path_parameters["id"], "7");
        assert_eq!(event.body, None);
        let context = event.request_context;
        assert_eq!(context.http.method, "GET");
        assert_eq!(context.time_epoch, 1_583_349_317_135);
        let authorizer = context.authorizer.unwrap();
        assert_eq!(authorizer.jwt.unwrap().claims["sub"], "42");
        let event = Asked::new(&headers, &signer()).event_text(&document(&[]), b"");
        let event: ApiGatewayV2httpRequest = serde_json::from_str(&event).unwrap();
        let iam = event.request_context.authorizer.unwrap().iam.unwrap();
        assert_eq!(iam.user_id.as_deref(), Some("AIDAEXAMPLE"));
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn whatever_a_client_sends_the_event_is_json(
        segment in "[a-z0-9%.+;=&@:_~-]{1,20}",
        query in prop::collection::vec(any::<u8>(), 0..30),
        fields in prop::collection::vec(("[a-z-]{1,6}", any::<Vec<u8>>()), 0..6),
        body in any::<Vec<u8>>(),
        content_type in prop::sample::select(vec!["text/plain", "image/png", ""]),
    ) {
        for url in ["shop.x/prod/pets/1/", "club.x/pets/", "club.x/prod/old"] {
            let document = document(&[("/apis/0/binaryMediaTypes", json!(["image/png"]))]);
            let (authority, path) = url.split_once('/').unwrap();
            let segment = if path.ends_with('/') { &*segment } else { "" };
            let target = [b"/", path.as_bytes(), segment.as_bytes(), b"?", &query].concat();
            let mut headers: crate::Headers = [
                (":method", "GET"),
                (":authority", authority),
                ("content-type", content_type),
            ].into_iter().collect();
            headers.push(b":path", &target);
            for (name, value) in &fields {
                headers.push(name.as_bytes(), value);
            }
            let caller = Caller::default();
            let asked = Asked::new(&headers, &caller);
            let event = asked.event(&document, &body);
            prop_assert_eq!(&asked.event(&document, &body), &event);
            let shown = event["body"].as_str().unwrap_or_default();
            if event["isBase64Encoded"] == true {
                use base64::Engine;
                let decoded = base64::engine::general_purpose::STANDARD.decode(shown).unwrap();
                prop_assert_eq!(decoded, body.clone());
            } else {
                prop_assert_eq!(shown, String::from_utf8_lossy(&body));
            }
        }
    }
}
