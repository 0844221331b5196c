use attache_model::{self as model, Account, Api, Gateway, Protocol};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::CorsConfigurations;
use crate::exchange::Reply;
use crate::headers::{HeaderEdit, Headers};

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn definition(origins: &[&str]) -> model::Cors {
    model::Cors {
        allow_origins: texts(origins),
        allow_methods: texts(&["GET", "POST"]),
        allow_headers: texts(&["authorization", "content-type"]),
        expose_headers: texts(&["date", "x-api-id"]),
        max_age: Some(300),
        allow_credentials: false,
    }
}

fn gateway(protocol: Protocol, cors: Option<model::Cors>) -> Gateway {
    Gateway {
        apis: vec![Api {
            cors,
            ..Api::new("club", protocol)
        }],
        ..Gateway::new(Account::default())
    }
}

fn compile(definition: model::Cors) -> CorsConfigurations {
    CorsConfigurations::compile(&gateway(Protocol::Http, Some(definition))).unwrap()
}

fn request(method: &str, fields: &[(&str, &str)]) -> Headers {
    let method = [(":method", method)];
    method.iter().chain(fields).copied().collect()
}

fn from(origin: &str) -> Headers {
    request("GET", &[("origin", origin)])
}

fn fields(reply: &Reply) -> Vec<(&str, &str)> {
    let fields = reply.headers.iter();
    fields
        .map(|(name, value)| (name.as_str(), str::from_utf8(value).unwrap()))
        .collect()
}

/// What `access-control-allow-origin` says to an origin.
fn allowed(origins: &[&str], origin: &str) -> Option<String> {
    let configurations = compile(definition(origins));
    let mut reply = Reply::default();
    let cors = configurations.get(0).unwrap();
    cors.apply(&from(origin), &mut reply);
    let mut fields = reply.headers.into_iter();
    let field = fields.find(|(name, _)| name == "access-control-allow-origin");
    field.map(|(_, value)| String::from_utf8(value).unwrap())
}

#[wasm_bindgen_test(unsupported = test)]
fn a_preflight_request_is_told_everything() {
    let preflight = request(
        "OPTIONS",
        &[
            ("origin", "https://www.example.com"),
            ("access-control-request-method", "DELETE"),
        ],
    );
    let configurations = compile(model::Cors {
        allow_credentials: true,
        ..definition(&["https://www.example.com"])
    });
    let reply = configurations
        .get(0)
        .unwrap()
        .preflight(&preflight)
        .unwrap();
    assert_eq!((reply.status, &*reply.body), (204, &b""[..]));
    assert_eq!(
        fields(&reply),
        [
            ("access-control-allow-origin", "https://www.example.com"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET,POST"),
            ("access-control-allow-headers", "authorization,content-type"),
            ("access-control-max-age", "300"),
            ("vary", "Origin"),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn an_origin_that_is_not_allowed_is_told_nothing() {
    let preflight = request(
        "OPTIONS",
        &[
            ("origin", "https://evil.example"),
            ("access-control-request-method", "GET"),
        ],
    );
    let configurations = compile(definition(&["https://www.example.com"]));
    let reply = configurations
        .get(0)
        .unwrap()
        .preflight(&preflight)
        .unwrap();
    assert_eq!(reply.status, 204);
    assert_eq!(fields(&reply), [("vary", "Origin")]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_configured_is_not_said() {
    let preflight = request(
        "OPTIONS",
        &[("origin", "a"), ("access-control-request-method", "GET")],
    );
    let configurations = compile(model::Cors {
        allow_origins: texts(&["*"]),
        ..model::Cors::default()
    });
    let cors = configurations.get(0).unwrap();
    let reply = cors.preflight(&preflight).unwrap();
    assert_eq!(fields(&reply), [("access-control-allow-origin", "*")]);
    let mut reply = Reply::default();
    cors.apply(&from("a"), &mut reply);
    assert_eq!(fields(&reply), [("access-control-allow-origin", "*")]);
    // Without origins none is allowed.
    let configurations = compile(model::Cors::default());
    let reply = configurations
        .get(0)
        .unwrap()
        .preflight(&preflight)
        .unwrap();
    assert_eq!(fields(&reply), [("vary", "Origin")]);
}

#[wasm_bindgen_test(unsupported = test)]
fn any_other_request_is_no_preflight() {
    let configurations = compile(definition(&["*"]));
    let cors = configurations.get(0).unwrap();
    let origin = ("origin", "https://a.example");
    let method = ("access-control-request-method", "GET");
    for (verb, fields) in [
        ("OPTIONS", &[origin][..]),
        ("OPTIONS", &[method]),
        ("OPTIONS", &[]),
        ("GET", &[origin, method]),
        ("options", &[origin, method]),
    ] {
        assert_eq!(
            cors.preflight(&request(verb, fields)),
            None,
            "{verb} {fields:?}"
        );
    }
    assert!(
        cors.preflight(&request("OPTIONS", &[origin, method]))
            .is_some()
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn origins() {
    const EXACT: &[&str] = &["https://a.example", "http://a.example:8080"];
    for (configured, origin, is_allowed) in [
        (EXACT, "https://a.example", true),
        (EXACT, "http://a.example:8080", true),
        (EXACT, "HTTPS://A.example", true),
        (EXACT, "http://a.example", false),
        (EXACT, "https://a.example:443", false),
        (EXACT, "https://a.example.evil", false),
        (EXACT, "https://a.example/", false),
        (EXACT, "https://xa.example", false),
        (EXACT, "null", false),
        (EXACT, "", false),
        (&["null"], "null", true),
        (&["https://*"], "https://a.example", true),
        (&["https://*"], "https://[::1]:8443", true),
        (&["https://*"], "http://a.example", false),
        (&["https://*"], "https://", false),
        (&["https://*"], "https://a.example/path", false),
        (&["https://*"], "https://a b", false),
        (&["http://*"], "http://a.example", true),
        (&["http://*"], "https://a.example", false),
        (
            &["http://*", "https://b.example"],
            "https://b.example",
            true,
        ),
    ] {
        let expected = is_allowed.then(|| origin.to_owned());
        assert_eq!(
            allowed(configured, origin),
            expected,
            "{configured:?} {origin}"
        );
    }
    for origin in ["https://a.example", "null", "anything"] {
        assert_eq!(allowed(&["*"], origin).as_deref(), Some("*"));
        assert_eq!(
            allowed(&["*", "https://a.example"], origin).as_deref(),
            Some("*")
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_back_ends_own_fields_are_replaced() {
    let configurations = compile(definition(&["https://a.example"]));
    let cors = configurations.get(0).unwrap();
    let response: Headers = [
        (":status", "200"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("vary", "accept"),
    ]
    .into_iter()
    .collect();
    let removed = [
        HeaderEdit::Remove("access-control-allow-origin".into()),
        HeaderEdit::Remove("access-control-allow-credentials".into()),
    ];
    let vary = HeaderEdit::Add("vary".into(), b"Origin".to_vec());
    let said = [
        HeaderEdit::Set(
            "access-control-allow-origin".into(),
            b"https://a.example".to_vec(),
        ),
        HeaderEdit::Set(
            "access-control-expose-headers".into(),
            b"date,x-api-id".to_vec(),
        ),
    ];
    for (request, expected) in [
        (
            from("https://a.example"),
            [&removed[..], &said, std::slice::from_ref(&vary)].concat(),
        ),
        (
            from("https://b.example"),
            [&removed[..], std::slice::from_ref(&vary)].concat(),
        ),
        (
            request("GET", &[]),
            [&removed[..], std::slice::from_ref(&vary)].concat(),
        ),
    ] {
        assert_eq!(cors.response_edits(&request, &response), expected);
    }
    let mut reply = Reply {
        headers: vec![
            ("access-control-allow-methods".to_owned(), b"*".to_vec()),
            ("x-a".to_owned(), b"b".to_vec()),
        ],
        ..Reply::default()
    };
    cors.apply(&from("https://a.example"), &mut reply);
    assert_eq!(
        fields(&reply),
        [
            ("x-a", "b"),
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-expose-headers", "date,x-api-id"),
            ("vary", "Origin"),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_their_place() {
    let whole = definition(&["https://a.example"]);
    for (definition, place, reason) in [
        (
            definition(&["https://a.example", "https://*.example"]),
            "allowOrigins/1",
            "`https://*.example` is not an origin",
        ),
        (
            definition(&["a.example"]),
            "allowOrigins/0",
            "is not an origin",
        ),
        (
            definition(&["https://a/b"]),
            "allowOrigins/0",
            "is not an origin",
        ),
        (
            definition(&["https://"]),
            "allowOrigins/0",
            "is not an origin",
        ),
        (
            model::Cors {
                allow_credentials: true,
                ..definition(&["*"])
            },
            "allowCredentials",
            "to all origins",
        ),
        (
            model::Cors {
                allow_methods: texts(&["get"]),
                ..whole.clone()
            },
            "allowMethods/0",
            "`get` is not a method",
        ),
        (
            model::Cors {
                allow_headers: texts(&["a", "b c"]),
                ..whole.clone()
            },
            "allowHeaders/1",
            "`b c` is not the name",
        ),
        (
            model::Cors {
                expose_headers: texts(&["a\r\nb"]),
                ..whole.clone()
            },
            "exposeHeaders/0",
            "is not the name",
        ),
        (
            model::Cors {
                max_age: Some(86_401),
                ..whole.clone()
            },
            "maxAge",
            "86401 seconds",
        ),
        (
            model::Cors {
                max_age: Some(-2),
                ..whole.clone()
            },
            "maxAge",
            "-2 seconds",
        ),
    ] {
        let faults =
            CorsConfigurations::compile(&gateway(Protocol::Http, Some(definition))).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].pointer, format!("/apis/0/cors/{place}"));
        assert!(faults[0].reason.contains(reason), "{}", faults[0].reason);
    }
    let stars = model::Cors {
        allow_methods: texts(&["*"]),
        allow_headers: texts(&["*"]),
        max_age: Some(-1),
        ..whole.clone()
    };
    assert!(CorsConfigurations::compile(&gateway(Protocol::Http, Some(stars))).is_ok());
    let faults = CorsConfigurations::compile(&gateway(Protocol::Rest, Some(whole))).unwrap_err();
    assert_eq!(faults[0].pointer, "/apis/0/cors");
    let none = CorsConfigurations::compile(&gateway(Protocol::Rest, None)).unwrap();
    assert!(none.get(0).is_none() && none.get(1).is_none());
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn no_origin_gets_more_than_itself(origin in any::<Vec<u8>>(), with_scheme: bool) {
        let origin = if with_scheme { [b"https://", &*origin].concat() } else { origin };
        let configurations = compile(definition(&["https://*", "http://a.example"]));
        let mut request = request("GET", &[]);
        request.push(b"origin", &origin);
        for edit in configurations.get(0).unwrap().response_edits(&request, &Headers::default()) {
            if let HeaderEdit::Set(name, value) = edit
                && name == "access-control-allow-origin"
            {
                prop_assert_eq!(&value, &origin);
                prop_assert!(value.iter().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
