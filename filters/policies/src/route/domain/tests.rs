use attache_model::{
    Account, Api, ApiMapping, Domain, Gateway, Integration, Mock, Operation, Protocol, Stage, Verb,
};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::Routes;
use super::below;
use crate::ports::Connection;
use crate::{Denial, Headers};

fn mapping(path: &str, api: &str, stage: &str) -> ApiMapping {
    ApiMapping {
        path: path.to_owned(),
        api: api.to_owned(),
        stage: stage.to_owned(),
    }
}

fn domain(name: &str, mappings: &[(&str, &str, &str)]) -> Domain {
    Domain {
        mappings: mappings
            .iter()
            .map(|(path, api, stage)| mapping(path, api, stage))
            .collect(),
        ..Domain::new(name)
    }
}

fn api(id: &str, protocol: Protocol, stages: &[&str]) -> Api {
    let operation = |path| Operation::new(path, Verb::Get, Integration::Mock(Mock::default()));
    Api {
        operations: vec![operation("/pets"), operation("/{proxy+}"), operation("/")],
        stages: stages.iter().map(|name| Stage::new(*name)).collect(),
        ..Api::new(id, protocol)
    }
}

fn gateway(domains: Vec<Domain>) -> Gateway {
    Gateway {
        apis: vec![
            Api {
                any_host: true,
                ..api("shop", Protocol::Rest, &["prod", "test"])
            },
            api("orders", Protocol::Http, &["$default", "beta"]),
        ],
        domains,
        ..Gateway::new(Account::default())
    }
}

fn request(authority: &str, target: &str) -> Headers {
    [
        (":authority", authority),
        (":method", "GET"),
        (":path", target),
    ]
    .into_iter()
    .collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn the_longest_base_path_counts_whether_the_api_has_the_resource_or_not() {
    let routes = Routes::compile(&gateway(vec![
        domain(
            "api.example.com",
            &[
                ("v1", "shop", "prod"),
                ("v1/orders", "orders", "$default"),
                ("v2", "orders", "beta"),
            ],
        ),
        domain(
            "all.example.com",
            &[("", "shop", "test"), ("a(b)", "shop", "prod")],
        ),
        domain("*.example.com", &[("any", "shop", "prod")]),
    ]))
    .unwrap();
    let rows = [
        (
            "api.example.com",
            "/v1/pets",
            Some(("shop", "prod", "v1", "/pets")),
        ),
        (
            "API.Example.COM:8443",
            "/v1/pets?a=/v2",
            Some(("shop", "prod", "v1", "/pets")),
        ),
        ("api.example.com.", "/v1", Some(("shop", "prod", "v1", "/"))),
        ("api.example.com", "/v1/", Some(("shop", "prod", "v1", "/"))),
        (
            "api.example.com",
            "//v1//pets//7/",
            Some(("shop", "prod", "v1", "/pets//7/")),
        ),
        (
            "api.example.com",
            "/v1/orders",
            Some(("orders", "$default", "v1/orders", "/")),
        ),
        (
            "api.example.com",
            "/v1/orders/7",
            Some(("orders", "$default", "v1/orders", "/7")),
        ),
        (
            "api.example.com",
            "/v1/ordersandmore",
            Some(("shop", "prod", "v1", "/ordersandmore")),
        ),
        (
            "api.example.com",
            "/v1//orders/7",
            Some(("shop", "prod", "v1", "/orders/7")),
        ),
        (
            "api.example.com",
            "/v2/pets",
            Some(("orders", "beta", "v2", "/pets")),
        ),
        ("api.example.com", "/V1/pets", None),
        ("api.example.com", "/v10/pets", None),
        ("api.example.com", "/%76%31/pets", None),
        ("api.example.com", "/prod/pets", None),
        ("api.example.com", "/", None),
        (
            "all.example.com",
            "/prod/pets",
            Some(("shop", "test", "", "/prod/pets")),
        ),
        ("all.example.com", "/", Some(("shop", "test", "", "/"))),
        (
            "all.example.com",
            "/a(b)/x",
            Some(("shop", "prod", "a(b)", "/x")),
        ),
        (
            "other.example.com",
            "/any/pets",
            Some(("shop", "prod", "any", "/pets")),
        ),
        ("other.example.com", "/v1/pets", None),
    ];
    for (host, target, expected) in rows {
        let request = request(host, target);
        let found = routes.find(&request);
        let Some((api, stage, base_path, resource_path)) = expected else {
            let unmatched = found.unwrap_err();
            assert_eq!(unmatched.denial, Denial::UnknownStage, "{host} {target}");
            assert_eq!(unmatched.denial.status(unmatched.protocol), 403);
            continue;
        };
        let route = found.unwrap_or_else(|error| panic!("{host} {target}: {error:?}"));
        let gateway = gateway(Vec::new());
        assert_eq!(gateway.apis[route.api].id, api, "{host} {target}");
        assert_eq!(
            gateway.apis[route.api].stages[route.stage].name, stage,
            "{host} {target}"
        );
        assert_eq!(
            route.domain.unwrap().base_path,
            base_path,
            "{host} {target}"
        );
        assert_eq!(
            route.resource_path,
            resource_path.as_bytes(),
            "{host} {target}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn hosts_that_are_no_custom_domain_lead_to_apis_as_before() {
    let mut gateway = gateway(vec![
        domain("*.example.com", &[("", "shop", "prod")]),
        domain("example.com", &[("", "shop", "prod")]),
    ]);
    let routes = Routes::compile(&gateway).unwrap();
    for (host, target, is_custom) in [
        ("a.b.example.com", "/prod/pets", false),
        (".example.com", "/prod/pets", false),
        ("wwwexample.com", "/prod/pets", false),
        ("127.0.0.1:8080", "/prod/pets", false),
        ("orders.localhost", "/pets", false),
        ("[::1]:8080", "/prod/pets", false),
        ("example.com", "/pets", true),
        ("shop.example.com", "/pets", true),
    ] {
        let request = request(host, target);
        let route = routes.find(&request).unwrap();
        assert_eq!(route.domain.is_some(), is_custom, "{host}");
    }
    for api in &mut gateway.apis {
        api.disable_execute_api_endpoint = true;
    }
    let routes = Routes::compile(&gateway).unwrap();
    for (host, target, status) in [
        ("127.0.0.1:8080", "/prod/pets", 403),
        ("shop.localhost", "/prod/pets", 403),
        ("orders.localhost", "/pets", 404),
    ] {
        let unmatched = routes.find(&request(host, target)).unwrap_err();
        assert_eq!(unmatched.denial, Denial::UnknownStage);
        assert_eq!(
            unmatched.denial.status(unmatched.protocol),
            status,
            "{host}"
        );
    }
    assert!(routes.find(&request("example.com", "/pets")).is_ok());
}

#[wasm_bindgen_test(unsupported = test)]
fn events_have_the_base_path_in_format_1_and_not_in_format_2() {
    let routes = Routes::compile(&gateway(vec![domain(
        "api.example.com",
        &[("v1/orders", "orders", "beta")],
    )]))
    .unwrap();
    for (host, target, path, event_path, raw_path, proxy) in [
        (
            "api.example.com",
            "//v1/orders/a/b/",
            "/v1/orders/a/b/",
            "/v1/orders/a/b/",
            "/a/b/",
            "a/b",
        ),
        (
            "orders.localhost",
            "/beta/a/b",
            "/beta/a/b",
            "/a/b",
            "/beta/a/b",
            "a/b",
        ),
    ] {
        let request = request(host, target);
        let route = routes.find(&request).unwrap();
        assert_eq!(route.path, path.as_bytes());
        assert_eq!(route.event_path(), event_path.as_bytes());
        assert_eq!(route.raw_path(), raw_path.as_bytes());
        assert_eq!(route.path_parameter("proxy"), Some(proxy.as_bytes()));
    }
}

/// A connection whose client has asked for a server name.
struct AskedFor(&'static str);

impl Connection for AskedFor {
    fn source_address(&self) -> Vec<u8> {
        Vec::new()
    }

    fn protocol(&self) -> Vec<u8> {
        Vec::new()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }

    fn server_name(&self) -> Vec<u8> {
        self.0.into()
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_domain_under_tls_is_served_to_connections_that_have_asked_for_it() {
    let tls = |name: &str| Domain {
        tls: true,
        ..domain(name, &[("", "shop", "prod")])
    };
    let plain = domain("plain.example.com", &[("", "shop", "prod")]);
    let routes = Routes::compile(&gateway(vec![
        tls("a.example.com"),
        tls("*.example.com"),
        plain,
    ]))
    .unwrap();
    for (host, server_name, expected) in [
        ("a.example.com", "a.example.com", Ok(())),
        ("a.example.com", "A.Example.com", Ok(())),
        ("a.example.com:8443", "a.example.com", Ok(())),
        ("a.example.com", "", Err(Denial::UnknownStage)),
        (
            "a.example.com",
            "b.example.com",
            Err(Denial::MisdirectedRequest),
        ),
        ("b.example.com", "b.example.com", Ok(())),
        // The same certificate, and the same settings.
        ("b.example.com", "c.example.com", Ok(())),
        (
            "b.example.com",
            "c.b.example.com",
            Err(Denial::MisdirectedRequest),
        ),
        (
            "b.example.com",
            "example.com",
            Err(Denial::MisdirectedRequest),
        ),
        ("b.example.com", "", Err(Denial::UnknownStage)),
        ("plain.example.com", "", Ok(())),
        ("plain.example.com", "a.example.com", Ok(())),
        ("127.0.0.1", "a.example.com", Ok(())),
    ] {
        let target = if host == "127.0.0.1" {
            "/prod/pets"
        } else {
            "/pets"
        };
        let request = request(host, target);
        let route = routes.find(&request).unwrap();
        let admitted = route.admitted(&AskedFor(server_name)).map(|_| ());
        assert_eq!(admitted, expected, "{host} over {server_name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_of_domains_are_told_at_their_places() {
    let long = "a".repeat(301);
    let faulty = gateway(vec![
        domain(
            "api.example.com",
            &[
                ("v1", "shop", "prod"),
                ("v1", "shop", "test"),
                ("/v2", "shop", "prod"),
                ("a b", "shop", "prod"),
                (&long, "shop", "prod"),
                ("v3", "shop", "beta"),
                ("v4", "none", "prod"),
            ],
        ),
        domain("API.example.com", &[]),
        domain("api.example.com", &[]),
        domain("*.*.com", &[]),
        domain("*", &[]),
        domain("", &[]),
        domain("*.example.com", &[]),
    ]);
    let errors = Routes::compile(&faulty).unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/domains/0/mappings/1/path",
            "/domains/0/mappings/2/path",
            "/domains/0/mappings/3/path",
            "/domains/0/mappings/4/path",
            "/domains/0/mappings/5/stage",
            "/domains/0/mappings/6/stage",
            "/domains/1/name",
            "/domains/2/name",
            "/domains/3/name",
            "/domains/4/name",
            "/domains/5/name",
        ]
    );
    let many = (0..=200).map(|number| mapping(&number.to_string(), "shop", "prod"));
    let errors = Routes::compile(&gateway(vec![Domain {
        mappings: many.collect(),
        ..Domain::new("a.example.com")
    }]))
    .unwrap_err();
    assert_eq!(errors[0].pointer, "/domains/0/mappings");
}

proptest! {
    /// What is below a base path is what a split into segments says it is.
    #[test]
    fn a_base_path_is_matched_by_segments(
        base in proptest::collection::vec("[ab]{1,2}", 0..3),
        path in proptest::collection::vec("[ab]{0,2}", 0..5),
    ) {
        let base_path = base.join("/");
        let whole = format!("/{}", path.join("/"));
        let expected = path.len() >= base.len() && path.iter().zip(&base).all(|(one, other)| one == other);
        let found = below(whole.as_bytes(), base_path.as_bytes());
        prop_assert_eq!(found.is_some(), expected || base.is_empty());
        if let Some(rest) = found {
            prop_assert!(rest.starts_with(b"/"));
            prop_assert!(base.is_empty() || !rest.starts_with(b"//"));
        }
    }
}
