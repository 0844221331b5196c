use attache_model::{Account, Api, Gateway, Integration, Mock, Operation, Protocol, Stage, Verb};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Routes;
use crate::{Denial, Headers};

fn operation(key: &str) -> Operation {
    let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
    let method = Verb::from_request(method.as_bytes()).unwrap_or(Verb::Any);
    Operation::new(path, method, Integration::Mock(Mock::default()))
}

fn api(id: &str, protocol: Protocol, stages: &[&str], operations: &[&str]) -> Api {
    Api {
        operations: operations.iter().map(|key| operation(key)).collect(),
        stages: stages.iter().map(|name| Stage::new(*name)).collect(),
        ..Api::new(id, protocol)
    }
}

fn gateway(apis: Vec<Api>) -> Gateway {
    Gateway {
        apis,
        ..Gateway::new(Account::default())
    }
}

/// One API that answers at any host.
fn routes(protocol: Protocol, stages: &[&str], operations: &[&str]) -> Routes {
    let mut api = api("api", protocol, stages, operations);
    api.any_host = true;
    Routes::compile(&gateway(vec![api])).unwrap()
}

fn request(method: &str, target: &str) -> Headers {
    [
        (":authority", "localhost:8080"),
        (":method", method),
        (":path", target),
    ]
    .into_iter()
    .collect()
}

/// The resource that serves a request, as its key, or the refusal's status.
fn served<'k>(routes: &Routes, keys: &[&'k str], request: &Headers) -> Result<&'k str, u16> {
    match routes.find(request) {
        Ok(route) => Ok(keys[route.operation]),
        Err(unmatched) => Err(unmatched.denial.status(unmatched.protocol)),
    }
}

/// The requests that AWS was seen to route, `lambda::test_lambda_aws_proxy_integration`.
#[wasm_bindgen_test(unsupported = test)]
fn paths_are_normalised_as_aws_does() {
    let keys = ["/{proxy+}", "/hardcoded"];
    let routes = routes(Protocol::Rest, &["stage"], &keys);
    let rows = [
        (
            "/stage/proxy-value/",
            "/proxy-value/",
            Some("proxy-value"),
            "/stage/proxy-value/",
        ),
        (
            "/stage/proxy-value//double-slash",
            "/proxy-value//double-slash",
            Some("proxy-value//double-slash"),
            "/stage/proxy-value//double-slash",
        ),
        (
            "/stage//proxy-value",
            "/proxy-value",
            Some("proxy-value"),
            "/stage//proxy-value",
        ),
        (
            "//stage/proxy-value",
            "/proxy-value",
            Some("proxy-value"),
            "/stage/proxy-value",
        ),
        ("/stage//hardcoded", "/hardcoded", None, "/stage//hardcoded"),
        (
            "/stage/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com",
            "/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com",
            Some("proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com"),
            "/stage/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com",
        ),
    ];
    for (target, resource_path, proxy, path) in rows {
        let request = request("GET", target);
        let route = routes.find(&request).unwrap();
        assert_eq!(route.resource_path, resource_path.as_bytes(), "{target}");
        assert_eq!(
            route.path_parameter("proxy"),
            proxy.map(str::as_bytes),
            "{target}"
        );
        assert_eq!(route.path, path.as_bytes(), "{target}");
        assert_eq!(
            route.path_parameters().count(),
            usize::from(proxy.is_some()),
            "{target}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn path_and_method_are_matched_together() {
    // `common::test_proxy_routing_with_hardcoded_resource_sibling`
    let keys = [
        "POST /test",
        "ANY /test/any",
        "OPTIONS /{proxy+}",
        "GET /named",
        "ANY /named",
    ];
    let rest = routes(Protocol::Rest, &["s"], &keys);
    for (method, target, expected) in [
        ("OPTIONS", "/s/test", Ok("OPTIONS /{proxy+}")),
        ("OPTIONS", "/s/test/any", Ok("ANY /test/any")),
        ("POST", "/s/test", Ok("POST /test")),
        ("POST", "/s/test/", Ok("POST /test")),
        ("POST", "/s/test//", Ok("POST /test")),
        ("GET", "/s/test", Err(403)),
        ("OPTIONS", "/s", Err(403)),
        ("OPTIONS", "/s/", Err(403)),
        ("GET", "/s/named", Ok("GET /named")),
        ("HEAD", "/s/named", Ok("ANY /named")),
        ("TRACE", "/s/named", Err(403)),
        ("ANY", "/s/named", Err(403)),
        ("get", "/s/named", Err(403)),
    ] {
        assert_eq!(
            served(&rest, &keys, &request(method, target)),
            expected,
            "{method} {target}"
        );
    }

    // `common::test_routing_with_hardcoded_resource_sibling_order`
    let keys = ["GET /part1", "GET /part1/hardcoded-value", "GET /{param+}"];
    let rest = routes(Protocol::Rest, &["s"], &keys);
    for (target, expected) in [
        ("/s/part1", "GET /part1"),
        ("/s/part1/hardcoded-value", "GET /part1/hardcoded-value"),
        ("/s/part1/random-value", "GET /{param+}"),
        ("/s/part2", "GET /{param+}"),
    ] {
        assert_eq!(
            served(&rest, &keys, &request("GET", target)),
            Ok(expected),
            "{target}"
        );
    }
}

/// AWS wants one name for the parameter of a place; the same place can have several here.
#[wasm_bindgen_test(unsupported = test)]
fn siblings_may_name_their_parameters_differently() {
    let keys = [
        "GET /pets/{petId}",
        "PUT /pets/{id}",
        "GET /pets/{pet}/toys",
    ];
    let routes = routes(Protocol::Rest, &["s"], &keys);
    for (method, target, name) in [
        ("GET", "/s/pets/7", "petId"),
        ("PUT", "/s/pets/7", "id"),
        ("GET", "/s/pets/7/toys", "pet"),
    ] {
        let request = request(method, target);
        let route = routes.find(&request).unwrap();
        assert_eq!(route.path_parameter(name), Some(b"7".as_slice()), "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_parameter_takes_one_segment_and_is_not_decoded() {
    let routes = routes(Protocol::Rest, &["s"], &["GET /pets/{petId}/toys/{toy+}"]);
    let request = request("GET", "/s/pets/%41%2F1/toys/a/b%20/?q=1?2");
    let route = routes.find(&request).unwrap();
    assert_eq!(route.path_parameter("petId"), Some(b"%41%2F1".as_slice()));
    assert_eq!(route.path_parameter("toy"), Some(b"a/b%20".as_slice()));
    assert_eq!(route.path_parameter("PetId"), None);
    assert_eq!(route.query, b"q=1?2");
    assert!(
        routes
            .find(&super::tests::request("GET", "/s/pets//toys/a"))
            .is_err()
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn bytes_that_are_not_text_are_matched_as_they_are() {
    let routes = routes(Protocol::Rest, &["s"], &["GET /{proxy+}"]);
    let mut request = request("GET", "");
    request.push(b":path", b"/s/\xff\xfe%zz;x\x01");
    let route = routes.find(&request).unwrap();
    assert_eq!(
        route.path_parameter("proxy"),
        Some(b"\xff\xfe%zz;x\x01".as_slice())
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn the_method_override_header_counts_for_rest_apis() {
    let keys = ["GET /pets", "DELETE /pets"];
    let mut request = request("POST", "/s/pets");
    request.push(b"x-http-method-override", b"DELETE");
    let rest = routes(Protocol::Rest, &["s"], &keys);
    assert_eq!(rest.find(&request).unwrap().verb, Verb::Delete);
    assert_eq!(
        served(&routes(Protocol::Http, &["s"], &keys), &keys, &request),
        Err(404)
    );
    request.push(b"x-http-method-override", b"NONSENSE");
    assert_eq!(served(&rest, &keys, &request), Err(403));
}

#[wasm_bindgen_test(unsupported = test)]
fn unmatched_requests_of_a_rest_api() {
    let routes = routes(Protocol::Rest, &["s"], &["GET /pets"]);
    for (target, stage, denial) in [
        ("/s/nothing", Some(0), Denial::MissingAuthenticationToken),
        ("/s", Some(0), Denial::MissingAuthenticationToken),
        ("/S/pets", None, Denial::UnknownStage),
        ("/", None, Denial::UnknownStage),
        ("", None, Denial::UnknownStage),
        ("*", None, Denial::UnknownStage),
        ("s/pets", None, Denial::UnknownStage),
    ] {
        let unmatched = routes.find(&request("GET", target)).unwrap_err();
        assert_eq!(
            (unmatched.stage, unmatched.denial),
            (stage, denial),
            "{target}"
        );
        assert_eq!(
            (unmatched.api, unmatched.protocol),
            (Some(0), Protocol::Rest)
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_authorization_header_on_an_unmatched_request_is_read_as_a_signature() {
    let routes = routes(Protocol::Rest, &["s"], &["GET /pets"]);
    let message = |authorization: &str, date: bool| {
        let mut request = request("GET", "/s/nothing");
        request.push(b"authorization", authorization.as_bytes());
        if date {
            request.push(b"x-amz-date", b"20150830T123600Z");
        }
        match routes.find(&request).unwrap_err().denial {
            Denial::IncompleteSignature(message) => message,
            denial => format!("{denial:?}"),
        }
    };
    for authorization in [
        "Bearer abc",
        "abc",
        "",
        "AWS4-HMAC-SHA256 Credential=a, Signature",
    ] {
        let text = message(authorization, false);
        let hash = text
            .strip_prefix(
                "Invalid key=value pair (missing equal-sign) in Authorization header \
                 (hashed with SHA-256 and encoded with Base64): '",
            )
            .and_then(|rest| rest.strip_suffix("'."));
        assert_eq!(hash.map(str::len), Some(44), "{text}");
    }
    assert_eq!(
        message("Bearer abc", false),
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
         SHA-256 and encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."
    );
    let basic = message("Basic dXNlcjpwYXNzdw==", false);
    assert!(
        basic.starts_with(
            "Authorization header requires 'Credential' parameter. Authorization header requires \
             'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. \
             Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
             header. (Hashed with SHA-256 and encoded with Base64) Authorization="
        ),
        "{basic}"
    );
    let no_signature = message("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host", true);
    assert!(
        no_signature.starts_with("Authorization header requires 'Signature' parameter. (Hashed"),
        "{no_signature}"
    );
    assert_eq!(
        message(
            "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=h, Signature=0",
            true
        ),
        "MissingAuthenticationToken"
    );
    let unknown_stage = {
        let mut request = request("GET", "/other/pets");
        request.push(b"authorization", b"Bearer abc");
        routes.find(&request).unwrap_err().denial
    };
    assert_eq!(unknown_stage, Denial::UnknownStage);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_first_label_of_the_host_names_the_api() {
    let mut any = api("fallback", Protocol::Rest, &["s"], &["GET /"]);
    let named = api("PetStore", Protocol::Rest, &["s"], &["GET /"]);
    let find = |apis: Vec<Api>, host: &str| {
        let routes = Routes::compile(&gateway(apis)).unwrap();
        let mut request = request("GET", "/s");
        request.push(b":authority", host.as_bytes());
        routes
            .find(&request)
            .map(|route| route.api)
            .map_err(|unmatched| unmatched.api)
    };
    for (host, with_any, without) in [
        ("petstore.localhost:8080", Ok(1), Ok(1)),
        ("PETSTORE.example.com", Ok(1), Ok(1)),
        ("petstore", Ok(1), Ok(1)),
        ("petstore:80", Ok(1), Ok(1)),
        ("pet.store", Ok(0), Err(None)),
        ("petstore2.localhost", Ok(0), Err(None)),
        ("127.0.0.1:8080", Ok(0), Err(None)),
        ("[::1]:8080", Ok(0), Err(None)),
        ("", Ok(0), Err(None)),
    ] {
        any.any_host = true;
        assert_eq!(
            find(vec![any.clone(), named.clone()], host),
            with_any,
            "{host}"
        );
        any.any_host = false;
        assert_eq!(
            find(vec![any.clone(), named.clone()], host),
            without,
            "{host}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn routes_of_an_http_api_fall_back_to_default() {
    let keys = [
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
    ];
    let http = routes(Protocol::Http, &["$default", "beta"], &keys);
    for (method, target, expected, stage, resource_path) in [
        ("GET", "/pets/dog/1", 0, 0, "/pets/dog/1"),
        ("GET", "/pets/dog/2", 1, 0, "/pets/dog/2"),
        ("GET", "/pets/cat/1", 2, 0, "/pets/cat/1"),
        ("POST", "/pets/dog/1", 3, 0, "/pets/dog/1"),
        ("OPTIONS", "/", 4, 0, "/"),
        ("GET", "/beta/pets/dog/1", 0, 1, "/pets/dog/1"),
        ("GET", "/beta", 4, 1, "/"),
        ("GET", "/$default/pets/dog/1", 3, 0, "/$default/pets/dog/1"),
    ] {
        let request = request(method, target);
        let route = http.find(&request).unwrap();
        assert_eq!(
            (route.operation, route.stage),
            (expected, stage),
            "{method} {target}"
        );
        assert_eq!(route.resource_path, resource_path.as_bytes());
        assert_eq!(route.path, target.as_bytes());
    }

    let keys = ["GET /pets"];
    let http = routes(Protocol::Http, &["beta"], &keys);
    assert_eq!(served(&http, &keys, &request("GET", "/pets")), Err(404));
    assert_eq!(
        served(&http, &keys, &request("GET", "/beta/dogs")),
        Err(404)
    );
    let mut signed = request("GET", "/beta/dogs");
    signed.push(b"authorization", b"Bearer abc");
    assert_eq!(
        http.find(&signed).unwrap_err().denial,
        Denial::MissingAuthenticationToken
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_is_reported_with_its_place() {
    let mut first = api(
        "one",
        Protocol::Rest,
        &["ok", "ok", "not ok", "$default", ""],
        &[
            "GET /pets/{id}",
            "GET /pets/{petId}",
            "GET pets",
            "GET /a//b",
            "GET /a/",
            "GET /{a+}/b",
            "GET /{a}/{a}",
            "GET /{a}.json",
            "GET /{}",
            "GET /sp ace",
            "$default",
            "GET /a,b:c_d-e.f",
        ],
    );
    first.any_host = true;
    let mut second = api(
        "ONE",
        Protocol::Http,
        &["$default"],
        &["$default", "$default", "GET /~x"],
    );
    second.any_host = true;
    let third = api("no.good", Protocol::Rest, &[], &[]);
    let errors = Routes::compile(&gateway(vec![first, second, third])).unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/apis/0/operations/1/path",
            "/apis/0/operations/2/path",
            "/apis/0/operations/3/path",
            "/apis/0/operations/4/path",
            "/apis/0/operations/5/path",
            "/apis/0/operations/6/path",
            "/apis/0/operations/7/path",
            "/apis/0/operations/8/path",
            "/apis/0/operations/9/path",
            "/apis/0/operations/10/path",
            "/apis/1/anyHost",
            "/apis/1/operations/1/path",
            "/apis/2/id",
            "/apis/1/id",
            "/apis/0/stages/1/name",
            "/apis/0/stages/2/name",
            "/apis/0/stages/3/name",
            "/apis/0/stages/4/name",
        ]
    );
    for error in errors {
        assert!(!error.reason.ends_with('.'), "{error}");
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn any_request_gets_an_answer(
        fields in prop::collection::vec(
            (
                prop::sample::select(vec![
                    ":authority", ":method", ":path", "authorization", "x-http-method-override",
                ]),
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..32),
                    "(/|s|GET|a|\\?|=|,| |\\.|\\[|:){0,8}".prop_map(String::into_bytes),
                ],
            ),
            0..8,
        ),
    ) {
        let routes = routes(Protocol::Rest, &["s"], &["GET /a/{b}", "ANY /{c+}"]);
        let headers: Headers = fields.into_iter().collect();
        match routes.find(&headers) {
            Ok(route) => {
                prop_assert!(route.path.starts_with(b"/") && route.resource_path.starts_with(b"/"));
                prop_assert!(route.path_parameters().all(|(_, value)| !value.is_empty()));
            }
            Err(unmatched) => {
                prop_assert_eq!(unmatched.denial.reply(unmatched.protocol).status, 403);
            }
        }
    }
}
