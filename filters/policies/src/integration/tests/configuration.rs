//! What a configuration compiles to, or is refused for.

use attache_model::Protocol;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{edit, forwarded, gateway, proxy, request, rest, stage};
use crate::Denial;
use crate::integration::Integrations;

#[wasm_bindgen_test(unsupported = test)]
fn an_endpoint_that_is_none_fails_every_call() {
    let headers = request("GET", "/s/a/b", &[]);
    for uri in [
        "http://${stageVariables.none}/",
        "http://${stageVariables.empty}",
        "${stageVariables.none}",
        "http://${stageVariables.host}:${stageVariables.word}/",
        "http://b.example/{pathVariable}",
        "http://b.example/{rest+}",
        "http://b.example/?a={pathVariable}",
    ] {
        let gateway = rest("/{pathVariable}/{rest+}", proxy(uri, &[]));
        assert_eq!(
            edit(&gateway, &headers),
            Err(Denial::ApiConfigurationError),
            "{uri}"
        );
        let integrations = Integrations::compile(&gateway).unwrap();
        assert_eq!(integrations.get(0, 0, 0).unwrap().upstream(), None, "{uri}");
        assert_eq!(integrations.upstreams().count(), 0, "{uri}");
    }
}

/// `import::test_import_with_stage_variables`
#[wasm_bindgen_test(unsupported = test)]
fn stage_variables_stand_anywhere_in_the_uri() {
    let mut integration = proxy(
        "http://${stageVariables.TestHost}/${stageVariables.testPath}?${stageVariables.querystring}",
        &[],
    );
    integration.http_method = Some("POST".to_owned());
    let variables = [
        ("TestHost", "backend.example:21566/"),
        ("testPath", "test-path"),
        ("querystring", "qs_key=qs_value"),
    ];
    let gateway = gateway(
        Protocol::Rest,
        vec![stage("v1", &variables), stage("none", &[])],
        vec![("/path1", integration)],
    );
    let fields = forwarded(&gateway, &request("GET", "/v1/path1", &[]));
    assert_eq!(fields[":path"], "//test-path?qs_key=qs_value");
    assert_eq!(fields[":method"], "POST");
    assert_eq!(fields["x-attache-cluster"], "http_backend.example_21566");
    assert_eq!(
        edit(&gateway, &request("GET", "/none/path1", &[])),
        Err(Denial::ApiConfigurationError)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn what_stages_have_in_common_is_compiled_once() {
    let gateway = gateway(
        Protocol::Rest,
        vec![
            stage("a", &[("host", "a.example")]),
            stage("b", &[("host", "b.example")]),
        ],
        vec![
            ("/same", proxy("http://same.example/x", &[])),
            ("/too", proxy("http://same.example/y", &[])),
            ("/host", proxy("http://${stageVariables.host}/x", &[])),
            (
                "/value",
                proxy(
                    "http://same.example/z",
                    &[("integration.request.header.x", "stageVariables.host")],
                ),
            ),
        ],
    );
    let integrations = Integrations::compile(&gateway).unwrap();
    let shared = |operation| {
        std::ptr::eq(
            integrations.get(0, 0, operation).unwrap(),
            integrations.get(0, 1, operation).unwrap(),
        )
    };
    assert_eq!([0, 1, 2, 3].map(shared), [true, true, false, false]);
    let hosts: Vec<_> = integrations
        .upstreams()
        .map(|upstream| upstream.host.as_str())
        .collect();
    assert_eq!(hosts, ["a.example", "b.example", "same.example"]);
    assert!(integrations.get(0, 0, 4).is_none());
    assert!(integrations.get(1, 0, 0).is_none());
    assert!(integrations.get(0, 2, 2).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_are_reported_with_their_place() {
    let target = "integration.request.header.x";
    type Mappings<'m> = &'m [(&'m str, &'m str)];
    let cases: &[(&str, Mappings<'_>, &str)] = &[
        ("http://{host}/", &[], "uri"),
        ("ftp://host/", &[], "uri"),
        ("host", &[], "uri"),
        ("http://h/ x", &[], "uri"),
        (
            "http://h",
            &[(target, "method.request.body.")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "method.request.body.$.a[")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "method.request.header.")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "method.request.cookie.a")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "method.request.path.none")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "context.authoriser.a")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "plain")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[(target, "'")],
            "requestParameters/integration.request.header.x",
        ),
        (
            "http://h",
            &[("integration.request.header.a/b", "'1'")],
            "requestParameters/integration.request.header.a~1b",
        ),
        (
            "http://h",
            &[("integration.request.header.Host", "'h'")],
            "requestParameters/integration.request.header.Host",
        ),
        (
            "http://h",
            &[("integration.request.header.x-envoy-a", "'h'")],
            "requestParameters/integration.request.header.x-envoy-a",
        ),
        (
            "http://h",
            &[("integration.request.body", "'h'")],
            "requestParameters/integration.request.body",
        ),
        (
            "http://h",
            &[("overwrite:header.a", "'h'")],
            "requestParameters/overwrite:header.a",
        ),
    ];
    for (uri, mappings, place) in cases {
        let errors = Integrations::compile(&rest("/a", proxy(uri, mappings))).unwrap_err();
        let [error] = errors.as_slice() else {
            panic!("{errors:?}");
        };
        assert_eq!(
            error.pointer,
            format!("/apis/0/operations/0/integration/httpProxy/{place}")
        );
        assert!(
            error.hint.is_some() && !error.reason.ends_with('.'),
            "{error}"
        );
    }

    let mut integration = proxy("ftp://host", &[(target, "plain")]);
    integration.http_method = Some("TRACE".to_owned());
    integration.timeout_in_millis = 49;
    let stages = vec![stage("a", &[]), stage("b", &[])];
    let gateway = gateway(Protocol::Rest, stages, vec![("/", integration)]);
    let places: Vec<_> = Integrations::compile(&gateway)
        .unwrap_err()
        .into_iter()
        .map(|error| error.pointer.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        places,
        [
            "integration.request.header.x",
            "uri",
            "httpMethod",
            "timeoutInMillis"
        ]
    );
}
