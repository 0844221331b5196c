use attache_model::{Cors, Protocol};

use crate::diagnostic::Severity;
use crate::openapi::tests::{Finding, clean, document, expect};

fn text(cors: &str) -> String {
    document(&format!("x-amazon-apigateway-cors: {cors}"), "", "")
}

#[test]
fn the_settings_are_read() {
    let cors = |written: &str| clean(&text(written), Protocol::Http).cors;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(
        cors(
            "{allowOrigins: [https://a.example], allowMethods: [GET, '*'], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 300, allowCredentials: true}"
        ),
        Some(Cors {
            allow_credentials: true,
            allow_headers: texts(&["x-a"]),
            allow_methods: texts(&["GET", "*"]),
            allow_origins: texts(&["https://a.example"]),
            expose_headers: texts(&["x-b"]),
            max_age: Some(300),
        })
    );
    assert_eq!(
        cors("{maxAge: -1, allowOrigins: null}").unwrap().max_age,
        Some(-1)
    );
    assert_eq!(cors("true").unwrap().allow_origins, ["*"]);
    assert_eq!(cors("false"), None);
    assert_eq!(cors(""), None);
}

#[test]
fn faults_are_errors_at_their_places() {
    let cases: &[(&str, Finding)] = &[
        ("yes please", ("wrong-kind", "", "a mapping")),
        (
            "{allowOrigins: '*'}",
            ("wrong-kind", "/allowOrigins", "a list"),
        ),
        (
            "{allowMethods: [1]}",
            ("wrong-kind", "/allowMethods/0", "text"),
        ),
        (
            "{allowOrigin: ['*']}",
            ("unknown-field", "/allowOrigin", "`allowOrigin`"),
        ),
        ("{maxAge: 86401}", ("out-of-range", "/maxAge", "86400")),
        ("{maxAge: soon}", ("wrong-kind", "/maxAge", "whole number")),
        (
            "{allowCredentials: 1}",
            ("wrong-kind", "/allowCredentials", "`true`"),
        ),
    ];
    for (cors, finding) in cases {
        expect(
            &text(cors),
            Protocol::Http,
            Severity::Error,
            "/x-amazon-apigateway-cors",
            *finding,
        );
    }
}
