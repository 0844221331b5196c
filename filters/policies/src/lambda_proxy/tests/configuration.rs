//! What can be configured, and what is refused.

use attache_model::Gateway;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Asked, TRACE, document, headers};
use crate::Denial;
use crate::authorization::Caller;
use crate::exchange::Callout;
use crate::integration::Integrations;

const SHOP: &str = "/apis/0/operations/0/integration/awsProxy";
const CLUB: &str = "/apis/1/operations/0/integration/awsProxy";

fn call(document: &Gateway, method: &str, url: &str) -> Result<Callout, Denial> {
    let headers = headers(method, url, &[]);
    Asked::new(&headers, &Caller::default()).with(document, |proxy, request| {
        proxy.callout(request, b"", TRACE)
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_function_is_called_where_its_stage_says() {
    let callout = call(&document(&[]), "GET", "shop.x/prod/pets").unwrap();
    assert_eq!(callout.cluster, "http_127.0.0.1_9001");
    assert_eq!(callout.timeout_millis, 29_000);
    let headers: Vec<_> = callout
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        headers,
        [
            (":method", "POST"),
            (
                ":path",
                "/2015-03-31/functions/pets/invocations?Qualifier=live"
            ),
            (":authority", "127.0.0.1:9001"),
            ("content-type", "application/json"),
            ("x-amz-invocation-type", "RequestResponse"),
            ("x-amzn-trace-id", str::from_utf8(TRACE).unwrap()),
        ]
    );
    assert!(callout.body.starts_with(b"{\"resource\":\"/pets\""));
    // `test` has no such variable, so that the qualifier is empty.
    assert_eq!(
        call(&document(&[]), "GET", "shop.x/test/pets"),
        Err(Denial::ApiConfigurationError)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn functions_are_at_aws_where_no_endpoint_is_named() {
    let document = document(&[("/endpoints", json!({}))]);
    let integrations = Integrations::compile(&document).unwrap();
    let upstream = integrations.upstreams().next().unwrap();
    assert_eq!(upstream.authority(), "lambda.us-east-1.amazonaws.com");
    let signing = upstream.signing.as_ref().unwrap();
    assert_eq!(
        (&*signing.service, &*signing.region),
        ("lambda", "us-east-1")
    );
    let callout = call(&document, "GET", "shop.x/prod/pets").unwrap();
    assert_eq!(callout.cluster, upstream.cluster());
}

#[wasm_bindgen_test(unsupported = test)]
fn rest_apis_call_functions_with_post_only() {
    for (method, client, is_called) in [
        (json!("POST"), "GET", true),
        (json!("post"), "GET", true),
        (json!("GET"), "GET", false),
        (json!("GET"), "POST", false),
        (json!("PURGE"), "POST", false),
        (json!("ANY"), "POST", true),
        (json!("ANY"), "GET", false),
        (json!(null), "POST", true),
        (json!(null), "GET", false),
    ] {
        let document = document(&[
            (&format!("{SHOP}/httpMethod"), method.clone()),
            (&format!("{CLUB}/httpMethod"), method.clone()),
        ]);
        let outcome = call(&document, client, "shop.x/prod/pets");
        assert_eq!(outcome.is_ok(), is_called, "{method} {client}");
        if let Err(denial) = outcome {
            assert_eq!(denial, Denial::LambdaMethodNotPost);
        }
        assert!(
            call(&document, client, "club.x/pets").is_ok(),
            "{method} {client}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_event_over_6_mb_is_not_sent() {
    let headers = headers("POST", "shop.x/prod/pets", &[]);
    let length = |length: usize| {
        Asked::new(&headers, &Caller::default()).with(&document(&[]), |proxy, request| {
            proxy
                .callout(request, &vec![b'a'; length], TRACE)
                .map(|callout| callout.body.len())
        })
    };
    assert!(length(6 * 1024 * 1024 - 4096).is_ok());
    assert_eq!(length(6 * 1024 * 1024), Err(Denial::RequestTooLarge));
}

#[wasm_bindgen_test(unsupported = test)]
fn http_apis_take_the_arn_of_a_function() {
    let arn = json!("arn:aws:lambda:eu-west-1:123456789012:function:other:3");
    let document = document(&[(&format!("{CLUB}/uri"), arn)]);
    let callout = call(&document, "GET", "club.x/pets").unwrap();
    assert_eq!(
        callout.headers[1].1,
        b"/2015-03-31/functions/other/invocations?Qualifier=3"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_are_reported_once_and_at_their_place() {
    for (place, value, pointer, reason) in [
        (
            format!("{SHOP}/uri"),
            json!("arn:aws:lambda:us-east-1:123456789012:function:pets"),
            format!("{SHOP}/uri"),
            "but not one of a function's invocation",
        ),
        (
            format!("{SHOP}/uri"),
            json!("http://localhost/"),
            format!("{SHOP}/uri"),
            "cannot be called",
        ),
        (
            format!("{SHOP}/payloadFormatVersion"),
            json!("2.0"),
            format!("{SHOP}/payloadFormatVersion"),
            "for HTTP APIs only",
        ),
        (
            format!("{SHOP}/timeoutInMillis"),
            json!(29_001),
            format!("{SHOP}/timeoutInMillis"),
            "29001 milliseconds is out of range",
        ),
        (
            format!("{CLUB}/timeoutInMillis"),
            json!(49),
            format!("{CLUB}/timeoutInMillis"),
            "49 milliseconds is out of range",
        ),
        (
            "/endpoints/lambda/url".to_owned(),
            json!("localhost"),
            "/endpoints/lambda/url".to_owned(),
            "it is not a URL",
        ),
    ] {
        let document = document(&[(&place, value)]);
        let faults = Integrations::compile(&document).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].pointer, pointer);
        assert!(faults[0].to_string().contains(reason), "{}", faults[0]);
    }
    let longest = document(&[(&format!("{CLUB}/timeoutInMillis"), json!(30_000))]);
    assert!(Integrations::compile(&longest).is_ok());
}
