//! What the client sees of an answer, or of its absence.

use std::collections::BTreeMap;

use attache_model::Protocol;
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{any_field, compiled, gateway, proxy, rest, stage};
use crate::integration::{Integrations, failure};
use crate::{HeaderEdit, ResponseHead, UpstreamFailure};

fn answered(protocol: Protocol, fields: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let gateway = gateway(
        protocol,
        vec![stage("s", &[])],
        vec![("/", proxy("http://h", &[]))],
    );
    let integrations = Integrations::compile(&gateway).unwrap();
    let head = ResponseHead {
        status: 200,
        headers: fields.iter().copied().collect(),
        failure: None,
    };
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fields {
        seen.entry((*name).to_owned())
            .or_default()
            .push((*value).to_owned());
    }
    for edit in compiled(&integrations, 0, 0).response_edits(&head) {
        let text = |value| String::from_utf8(value).unwrap();
        match edit {
            HeaderEdit::Set(name, value) => {
                seen.insert(name.into_owned(), vec![text(value)]);
            }
            HeaderEdit::Add(name, value) => {
                seen.entry(name.into_owned()).or_default().push(text(value));
            }
            HeaderEdit::Remove(name) => {
                assert!(seen.remove(&*name).is_some(), "`{name}` was not there");
            }
        }
    }
    seen
}

/// `integrations::test_apigateway_header_remapping_http[HTTP_PROXY]`
#[wasm_bindgen_test(unsupported = test)]
fn answers_are_remapped_as_aws_does() {
    let fields = [
        (":status", "200"),
        ("access-control-allow-origin", "*"),
        ("connection", "keep-alive"),
        ("content-length", "791"),
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("date", "Wed, 17 Jul 2024 18:35:02 GMT"),
        ("server", "gunicorn/19.9.0"),
        ("via", "1.1 cache"),
        ("www-authenticate", "Basic"),
        ("www-authenticate", "Bearer"),
        ("x-amzn-requestid", "theirs"),
        ("x-amzn-remapped-date", "forged"),
    ];
    let one = |value: &str| vec![value.to_owned()];
    assert_eq!(
        answered(Protocol::Rest, &fields),
        BTreeMap::from([
            (":status".to_owned(), one("200")),
            ("access-control-allow-origin".to_owned(), one("*")),
            ("connection".to_owned(), one("keep-alive")),
            ("content-encoding".to_owned(), one("gzip")),
            ("content-length".to_owned(), one("791")),
            ("content-type".to_owned(), one("text/plain")),
            ("x-amzn-remapped-connection".to_owned(), one("keep-alive")),
            ("x-amzn-remapped-content-length".to_owned(), one("791")),
            (
                "x-amzn-remapped-date".to_owned(),
                one("Wed, 17 Jul 2024 18:35:02 GMT")
            ),
            ("x-amzn-remapped-server".to_owned(), one("gunicorn/19.9.0")),
            (
                "x-amzn-remapped-www-authenticate".to_owned(),
                vec!["Basic".to_owned(), "Bearer".to_owned()]
            ),
            ("x-amzn-remapped-x-amzn-requestid".to_owned(), one("theirs")),
            ("x-amzn-requestid".to_owned(), one("theirs")),
        ])
    );
    assert_eq!(
        answered(Protocol::Rest, &[(":status", "204")])["content-type"],
        one("application/json")
    );
    let untouched = answered(Protocol::Http, &fields);
    assert_eq!(untouched.len(), 12);
    assert_eq!(untouched["server"], one("gunicorn/19.9.0"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_failed_back_end_is_answered_as_aws_does() {
    for (cause, status, body) in [
        (
            UpstreamFailure::Timeout,
            504,
            r#"{"message":"Endpoint request timed out"}"#,
        ),
        (
            UpstreamFailure::Unreachable,
            504,
            r#"{"message":"Network error communicating with endpoint"}"#,
        ),
        (
            UpstreamFailure::Malformed,
            502,
            r#"{"message":"Internal server error"}"#,
        ),
        (
            UpstreamFailure::Other,
            500,
            r#"{"message":"Internal server error"}"#,
        ),
    ] {
        let reply = failure(cause).reply(Protocol::Rest);
        assert_eq!(
            (reply.status, reply.body.as_slice()),
            (status, body.as_bytes())
        );
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn any_answer_is_edited_without_harm(fields in prop::collection::vec(any_field(), 0..8)) {
        let gateway = rest("/", proxy("http://h", &[]));
        let integrations = Integrations::compile(&gateway).unwrap();
        let head = ResponseHead {
            status: 200,
            headers: fields.into_iter().collect(),
            failure: None,
        };
        for edit in compiled(&integrations, 0, 0).response_edits(&head) {
            match edit {
                HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => prop_assert!(
                    !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{}", name
                ),
                HeaderEdit::Remove(name) => prop_assert!(head.headers.contains(name.as_bytes())),
            }
        }
    }
}
