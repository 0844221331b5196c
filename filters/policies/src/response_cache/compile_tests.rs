use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::compile_error::CompileError;
use crate::response_cache::ResponseCaches;

/// What is wrong with an API of one operation, `GET /pets/{id}`, whose stages have these caches.
fn faults(cache_key: Value, integration: Value, clusters: &[Value]) -> Vec<CompileError> {
    let stages: Vec<Value> = clusters
        .iter()
        .enumerate()
        .map(|(position, cluster)| json!({"name": format!("s{position}"), "cacheCluster": cluster}))
        .collect();
    let document = json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "apis": [{
            "id": "shop", "name": "Shop", "protocol": "REST",
            "operations": [{
                "path": "/pets/{id}", "method": "GET", "cacheKey": cache_key,
                "integration": integration,
            }],
            "stages": stages,
        }],
    });
    let document = serde_json::from_value(document).unwrap();
    let environment = |name: &str| {
        assert_eq!(name, "ATTACHE_SECRETS_KEY");
        None
    };
    let compiled = ResponseCaches::compile(&document, &environment, None);
    compiled.err().unwrap_or_default()
}

fn proxy() -> Value {
    json!({"httpProxy": {
        "uri": "http://back.example/",
        "timeoutInMillis": 29_000,
        "requestParameters": {
            "integration.request.header.X-User": "context.authorizer.principalId",
            "integration.request.querystring.q": "method.request.body.q",
        },
    }})
}

fn cluster(operation: Value) -> Value {
    json!({"sizeMebibytes": 16, "operations": [operation]})
}

fn key(parameters: &[&str]) -> Vec<CompileError> {
    let cached = cluster(json!({"operation": 0, "ttlSeconds": 300}));
    faults(json!({"parameters": parameters}), proxy(), &[cached])
}

#[wasm_bindgen_test(unsupported = test)]
fn every_parameter_of_aws_is_understood() {
    for parameter in [
        "method.request.path.id",
        "method.request.querystring.a",
        "method.request.querystring.a.b",
        "method.request.multivaluequerystring.a",
        "method.request.header.Accept",
        "method.request.header.Host",
        "method.request.header.Connection",
        "method.request.multivalueheader.accept",
        "integration.request.header.x-user",
        "integration.request.header.X-USER",
        "integration.request.querystring.q",
    ] {
        assert_eq!(key(&[parameter]), [], "{parameter}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_no_key_can_be_made_of_is_refused_at_its_place() {
    for parameter in [
        "",
        "method",
        "method.request",
        "method.request.header",
        "method.request.header.",
        "method.request.body",
        "method.request.body.a",
        "method.request.path.other",
        "method.response.header.a",
        "integration.request.header.y",
        "integration.request.querystring.Q",
        "integration.request.path.x-user",
        "context.requestId",
    ] {
        let faults = key(&["method.request.header.a", parameter]);
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = ["/apis/0/operations/0/cacheKey/parameters/1"];
        assert_eq!(pointers, expected, "{parameter}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_fault_of_the_definition_is_told_once() {
    let cached = cluster(json!({"operation": 0, "ttlSeconds": 300}));
    let clusters = [cached.clone(), cached];
    let found = faults(json!({"parameters": ["x"]}), proxy(), &clusters);
    assert_eq!(found.len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn settings_are_those_that_aws_takes() {
    for (operation, fault) in [
        (json!({"operation": 0, "ttlSeconds": 1}), None),
        (json!({"operation": 0, "ttlSeconds": 3600}), None),
        (json!({"operation": 0, "ttlSeconds": 0}), Some("ttlSeconds")),
        (
            json!({"operation": 0, "ttlSeconds": 3601}),
            Some("ttlSeconds"),
        ),
        (
            json!({"operation": 1, "ttlSeconds": 300}),
            Some("operation"),
        ),
        (
            json!({"operation": 0, "ttlSeconds": 300, "encrypted": true}),
            Some("encrypted"),
        ),
    ] {
        let found = faults(json!({}), proxy(), &[cluster(operation.clone())]);
        let found: Vec<_> = found.into_iter().map(|fault| fault.pointer).collect();
        let expected: Vec<_> = fault
            .map(|place| format!("/apis/0/stages/0/cacheCluster/operations/0/{place}"))
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{operation}");
    }
    let twice = json!({"operation": 0, "ttlSeconds": 300});
    let twice = json!({"sizeMebibytes": 16, "operations": [twice.clone(), twice]});
    let found = faults(json!({}), proxy(), &[twice]);
    assert_eq!(
        found[0].pointer,
        "/apis/0/stages/0/cacheCluster/operations/1/operation"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_function_maps_no_parameters() {
    let function = json!({"awsProxy": {
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f/invocations",
        "timeoutInMillis": 29_000,
    }});
    let cached = cluster(json!({"operation": 0, "ttlSeconds": 300}));
    let key = json!({"parameters": ["integration.request.header.a", "method.request.path.id"]});
    let found = faults(key, function, &[cached]);
    assert_eq!(found.len(), 1, "{found:?}");
}
