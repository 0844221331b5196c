use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::TransformFilter;
use crate::exchange::{Edits, Event, Reply, ResponseHead, Service, Step, Stream};
use crate::headers::{HeaderEdit, Headers};
use crate::memory_ports::MemoryPorts;

fn compile(configuration: &Value) -> Result<TransformFilter, Vec<String>> {
    TransformFilter::compile(configuration.to_string().as_bytes(), &|_: &str| None)
}

fn orders() -> Arc<TransformFilter> {
    let filter = compile(&json!({
        "api": "shop",
        "stage": "prod",
        "stageVariables": {"currency": "EUR"},
        "models": {"Order": {"type": "object", "required": ["sku"]}},
        "operations": [{
            "method": "POST",
            "path": "/orders/{id}",
            "requestValidation": {
                "requiredParameters": ["method.request.header.x-customer"],
                "requestModels": [{"contentType": "application/json", "model": "Order"}],
            },
            "request": {
                "parameters": {
                    "integration.request.header.x-order": "method.request.path.id",
                    "integration.request.querystring.stage": "context.stage",
                },
                "templates": [{
                    "contentType": "application/json",
                    "template": "<order currency='$stageVariables.currency'>$input.path('$.sku')</order>",
                }],
            },
            "responses": [
                {"statusCode": 502, "selectionPattern": "5\\d{2}"},
                {
                    "statusCode": 200,
                    "templates": [{
                        "contentType": "application/json",
                        "template": "{\"said\": \"$util.escapeJavaScript($input.body)\"}",
                    }],
                },
            ],
        }, {
            "method": "GET",
            "path": "/orders",
        }],
    }));
    Arc::new(filter.unwrap())
}

fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Headers {
    let head = [
        (":authority", "a.example"),
        (":method", method),
        (":path", target),
    ];
    head.iter().chain(fields).copied().collect()
}

fn start(request: Headers, has_body: bool) -> (Stream, Step) {
    let ports = Rc::new(MemoryPorts::default());
    Stream::start(&orders(), request, !has_body, ports as _)
}

/// What becomes of an order with this body.
fn order(fields: &[(&str, &str)], body: &str) -> (Stream, Step) {
    let (mut stream, step) = start(request("POST", "/orders/7?a=b", fields), true);
    match step {
        Step::Collect => {
            let step = stream.resume(Event::RequestBody(body.as_bytes().to_vec()));
            (stream, step)
        }
        step => (stream, step),
    }
}

fn answered(status: &str) -> Event {
    let headers = [
        (":status", status),
        ("content-type", "text/xml"),
        ("x-back-end", "b"),
    ];
    Event::ResponseHead(ResponseHead {
        status: status.parse().unwrap(),
        headers: headers.into_iter().collect(),
        failure: None,
    })
}

const CUSTOMER: (&str, &str) = ("x-customer", "acme");

#[wasm_bindgen_test(unsupported = test)]
fn messages_are_mapped_where_the_proxy_sends_them() {
    let (mut stream, step) = order(&[CUSTOMER], r#"{"sku": "AB-1"}"#);
    let Step::Forward(edits) = step else {
        panic!("{step:?}");
    };
    assert_eq!(
        edits.body.as_deref(),
        Some(b"<order currency='EUR'>AB-1</order>".as_slice())
    );
    let set = |name: &str, value: &str| {
        edits.headers.contains(&HeaderEdit::Set(
            name.to_owned().into(),
            value.as_bytes().to_vec(),
        ))
    };
    assert!(set("x-order", "7"), "{edits:?}");
    assert!(set(":path", "/orders/7?a=b&stage=prod"), "{edits:?}");
    // The client's own fields stay.
    assert!(
        !edits
            .headers
            .iter()
            .any(|edit| matches!(edit, HeaderEdit::Remove(_)))
    );

    assert_eq!(stream.resume(answered("201")), Step::Collect);
    let step = stream.resume(Event::ResponseBody(b"<ok n=\"1\"/>".to_vec()));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reply.status, text(&reply)),
        (200, r#"{"said": "<ok n=\"1\"\/>"}"#.to_owned())
    );
    let field = |name: &str| {
        let mut fields = reply.headers.iter().filter(|(field, _)| field == name);
        fields
            .next()
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(field("content-type").as_deref(), Some("application/json"));
    assert_eq!(field("x-back-end").as_deref(), Some("b"));
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[wasm_bindgen_test(unsupported = test)]
fn an_answer_that_nothing_maps_streams() {
    let (mut stream, _) = order(&[CUSTOMER], r#"{"sku": "AB-1"}"#);
    let step = stream.resume(answered("503"));
    let Step::Release(edits) = step else {
        panic!("{step:?}");
    };
    assert_eq!(edits.body, None);
    let status = HeaderEdit::Set(":status".into(), b"502".to_vec());
    assert!(edits.headers.contains(&status), "{edits:?}");
}

#[wasm_bindgen_test(unsupported = test)]
fn requests_are_validated() {
    for (fields, body, status) in [
        (&[CUSTOMER] as &[_], "{}", 400),
        (&[CUSTOMER], "no JSON", 400),
        (&[], r#"{"sku": "AB-1"}"#, 400),
    ] {
        let (_, step) = order(fields, body);
        let Step::Reply(reply) = step else {
            panic!("{step:?}");
        };
        assert_eq!(reply.status, status, "{body}");
        assert!(serde_json::from_slice::<Value>(&reply.body).is_ok());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_no_rule_is_for_passes() {
    for (method, target) in [
        ("GET", "/orders"),
        ("GET", "/other"),
        ("DELETE", "/orders/7"),
    ] {
        let (mut stream, step) = start(request(method, target, &[]), true);
        assert_eq!(step, Step::Forward(Edits::default()), "{method} {target}");
        let step = stream.resume(answered("404"));
        assert!(
            matches!(&step, Step::Release(edits) if edits.headers.is_empty())
                || step == Step::Ignore,
            "{step:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_places_in_the_filters_own_configuration() {
    let faults = compile(&json!({"operations": [{
        "method": "POST",
        "path": "/a",
        "requestValidation": {"requestModels": [{"contentType": "a/b", "model": "None"}]},
        "request": {"templates": [{"contentType": "a/b", "template": "#if("}]},
    }]}))
    .unwrap_err();
    assert!(
        faults[0].starts_with("/operations/0/requestValidation/requestModels/0/model"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("/operations/0/request/templates/0/template"),
        "{faults:?}"
    );
    assert!(compile(&json!({"operations": [], "novelty": 1})).is_err());
}
