use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::fixture::{Asked, REQUEST, TOKEN, Worker, request};
use crate::headers::Headers;

/// A REST API's REQUEST authorizer or, with `$`, an HTTP API's, with these sources.
fn worker(sources: &[&str], ttl: u32) -> Worker {
    let is_http = sources.iter().any(|source| source.starts_with('$'));
    let place = if is_http { REQUEST } else { TOKEN };
    Worker::new(&[
        (
            &format!("{place}/event"),
            json!(if is_http { "request2" } else { "request1" }),
        ),
        (&format!("{place}/identitySources"), json!(sources)),
        (&format!("{place}/resultTtlInSeconds"), json!(ttl)),
    ])
}

/// Whether the authorizer is asked, or the request refused without.
fn is_asked(worker: &Worker, request: Headers) -> bool {
    match worker.begin(request) {
        Asked::Calls(..) => true,
        Asked::Answered(outcome) => {
            assert_eq!(outcome, json!("Unauthorized"));
            false
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_must_be_there() {
    let worker = Worker::new(&[]);
    for (fields, expected) in [
        (&[][..], false),
        (&[("authorization", "")], false),
        (&[("x-authorization", "a")], false),
        (&[("authorization", "a")], true),
        (&[("authorization", "Bearer \u{e9}")], true),
        // Of several the last.
        (&[("authorization", "a"), ("authorization", "")], false),
    ] {
        let asked = is_asked(&worker, request("GET", "shop.x/prod/pets", fields));
        assert_eq!(asked, expected, "{fields:?}");
    }
    let mut bytes = request("GET", "shop.x/prod/pets", &[]);
    bytes.push(b"authorization", b"\xff");
    assert!(is_asked(&worker, bytes));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_must_look_as_it_is_said() {
    let expression = (
        &*format!("{TOKEN}/identityValidationExpression"),
        json!("Bearer [a-z]+"),
    );
    let worker = Worker::new(&[expression]);
    for (token, expected) in [
        ("Bearer abc", true),
        ("Bearer ", false),
        ("bearer abc", false),
        ("Bearer abc ", false),
        ("Basic Bearer abc", false),
    ] {
        let asked = is_asked(
            &worker,
            request("GET", "shop.x/prod/pets", &[("authorization", token)]),
        );
        assert_eq!(asked, expected, "{token}");
    }
    let mut bytes = request("GET", "shop.x/prod/pets", &[]);
    bytes.push(b"authorization", b"Bearer abc\xff");
    assert!(!is_asked(&worker, bytes));
}

#[wasm_bindgen_test(unsupported = test)]
fn every_source_must_be_there_whether_results_are_kept_or_not() {
    let rest = [
        "method.request.header.X-Tenant",
        "method.request.querystring.q",
        "stageVariables.key",
        "context.identity.sourceIp",
    ];
    let http = [
        "$request.header.X-Tenant",
        "$request.querystring.q",
        "$stageVariables.key",
        "$context.identity.sourceIp",
    ];
    for (sources, host) in [(rest, "shop"), (http, "club")] {
        for ttl in [0, 300] {
            let worker = worker(&sources, ttl);
            let tenant = &[("x-tenant", "a")][..];
            for (path, fields, expected) in [
                ("prod/pets?q=1", tenant, true),
                ("prod/pets?p=0&q=%31", tenant, true),
                ("prod/pets?q=", tenant, false),
                ("prod/pets?Q=1", tenant, false),
                ("prod/pets", tenant, false),
                ("prod/pets?q=1", &[], false),
                ("prod/pets?q=1", &[("x-tenant", "")], false),
            ] {
                let url = format!("{host}.x/{path}");
                let asked = is_asked(&worker, request("GET", &url, fields));
                assert_eq!(asked, expected, "{url} {fields:?} {ttl}");
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn without_sources_everybody_is_asked_about() {
    for (place, event, url) in [
        (TOKEN, "request1", "shop.x/prod/pets"),
        (REQUEST, "request2", "club.x/pets"),
    ] {
        let worker = Worker::new(&[
            (&format!("{place}/event"), json!(event)),
            (&format!("{place}/identitySources"), json!([])),
            (&format!("{place}/resultTtlInSeconds"), json!(0)),
        ]);
        assert!(is_asked(&worker, request("GET", url, &[])));
    }
}

/// The values of the sources of one request.
fn values(source: &str, request: &Headers) -> Vec<u8> {
    let worker = worker(&[source], 300);
    let Asked::Calls(_, callout) = worker.begin(request.clone()) else {
        return Vec::new();
    };
    let event: Value = serde_json::from_slice(&callout.body).unwrap();
    // What the event says where it says it; of REST APIs the key has to do.
    match event["identitySource"][0].as_str() {
        Some(value) => value.as_bytes().to_vec(),
        None => callout.shared_as.unwrap().to_vec(),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn values_of_http_apis() {
    let fields = [
        ("x-tenant", "a"),
        ("x-tenant", "b"),
        ("user-agent", "curl"),
        ("x-api-key", "the key"),
    ];
    let request = request("PUT", "club.x:80/prod/pets/7?q=1&q=a%20b&empty=", &fields);
    for (source, expected) in [
        ("$request.header.x-tenant", "a,b"),
        ("$request.header.X-TENANT", "a,b"),
        ("$request.header.Host", "club.x:80"),
        ("$request.querystring.q", "1,a b"),
        ("$request.querystring.empty", ""),
        ("$context.routeKey", "ANY /pets/{id}"),
        ("$context.httpMethod", "PUT"),
        ("$context.path", "/prod/pets/7"),
        ("$context.stage", "prod"),
        ("$context.apiId", "club"),
        ("$context.accountId", "123456789012"),
        ("$context.identity.sourceIp", "127.0.0.1"),
        ("$context.identity.userAgent", "curl"),
        ("$context.domainName", "club.x"),
        ("$context.domainPrefix", "club"),
        ("$context.protocol", "HTTP/1.1"),
        ("$stageVariables.key", "value"),
        ("$stageVariables.none", ""),
    ] {
        assert_eq!(values(source, &request), expected.as_bytes(), "{source}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn values_of_rest_apis() {
    let base = || {
        request(
            "GET",
            "shop.x/prod/pets?q=1",
            &[("x-tenant", "a"), ("x-api-key", "k")],
        )
    };
    let fields = |fields: &[(&str, &str)]| request("GET", "shop.x/prod/pets?q=1", fields);
    for (source, other, is_same) in [
        // Of several the last, and in any case of letters.
        (
            "method.request.header.x-tenant",
            fields(&[("x-tenant", "b"), ("x-tenant", "a")]),
            true,
        ),
        (
            "method.request.header.X-Tenant",
            fields(&[("x-tenant", "a"), ("x-tenant", "b")]),
            false,
        ),
        (
            "method.request.querystring.q",
            request("GET", "shop.x/prod/pets?q=2;q=%31", &[]),
            true,
        ),
        (
            "method.request.querystring.q",
            request("GET", "shop.x/prod/pets?q=2", &[]),
            false,
        ),
        (
            "stageVariables.key",
            request("GET", "shop.x/prod/pets/7", &[]),
            true,
        ),
        (
            "context.resourcePath",
            request("GET", "shop.x/prod/pets/", &[]),
            true,
        ),
        (
            "context.resourcePath",
            request("DELETE", "shop.x/prod/pets", &[]),
            true,
        ),
        (
            "context.resourcePath",
            request("GET", "shop.x/prod/pets/7", &[]),
            false,
        ),
        (
            "context.resourceId",
            request("DELETE", "shop.x/prod/pets", &[]),
            true,
        ),
        (
            "context.resourceId",
            request("GET", "shop.x/prod/pets/7", &[]),
            false,
        ),
        (
            "context.httpMethod",
            request("DELETE", "shop.x/prod/pets", &[]),
            false,
        ),
        (
            "context.identity.apiKey",
            fields(&[("x-api-key", "k")]),
            true,
        ),
        (
            "context.identity.apiKey",
            fields(&[("x-api-key", "l")]),
            false,
        ),
    ] {
        let same = values(source, &base()) == values(source, &other);
        assert_eq!(same, is_same, "{source} {other:?}");
    }
    assert_eq!(values("stageVariables.empty", &base()), b"");
    assert_eq!(values("stageVariables.none", &base()), b"");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_source_is_refused() {
    for (place, source) in [
        (TOKEN, ""),
        (TOKEN, "Authorization"),
        (TOKEN, "method.request.header."),
        (TOKEN, "method.request.header"),
        (TOKEN, "method.request.header.a b"),
        (TOKEN, "method.request.path.id"),
        (TOKEN, "method.request.body"),
        (TOKEN, "method.request.multivalueheader.a"),
        (TOKEN, "method.request.querystring."),
        (TOKEN, "method.stageVariables.a"),
        (TOKEN, "request.header.a"),
        (TOKEN, "$request.header.a"),
        (TOKEN, "context.routeKey"),
        (TOKEN, "context.none"),
        (TOKEN, "context.authorizer.principalId"),
        (TOKEN, "context.identity.apiKeyId"),
        (TOKEN, "context.identity.userArn"),
        (TOKEN, "stageVariables."),
        (TOKEN, "method.request.header.a, method.request.header.b"),
        (REQUEST, "request.header.a"),
        (REQUEST, "method.request.header.a"),
        (REQUEST, "$request.path.id"),
        (REQUEST, "$request.body"),
        (REQUEST, "$context.resourcePath"),
        (REQUEST, "$context."),
        (REQUEST, "$"),
    ] {
        let event = if place == TOKEN {
            "request1"
        } else {
            "request2"
        };
        let document = super::fixture::document(&[
            (&format!("{place}/event"), json!(event)),
            (&format!("{place}/identitySources"), json!([source])),
        ]);
        let faults = super::LambdaAuthorizers::compile(&document).unwrap_err();
        assert_eq!(faults.len(), 1, "{source}: {faults:?}");
        assert_eq!(
            faults[0].pointer,
            format!("{place}/identitySources/0"),
            "{source}"
        );
    }
}
