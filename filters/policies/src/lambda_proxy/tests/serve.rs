//! A request through the whole gateway.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{document, headers};
use crate::Gateway;
use crate::exchange::{CalloutAnswer, Event, Step, Stream};
use crate::headers::Headers;
use crate::memory_ports::MemoryPorts;

fn begin_with(changes: &[(&str, Value)], headers: Headers, ends: bool) -> (Stream, Step) {
    let gateway = Gateway::compile(&document(changes), &|_: &str| None).unwrap();
    let ports = Rc::new(MemoryPorts::default());
    Stream::start(&Arc::new(gateway), headers, ends, ports)
}

fn begin(headers: Headers, ends: bool) -> (Stream, Step) {
    begin_with(&[], headers, ends)
}

fn answer(result: &Value) -> Event {
    Event::Callout(CalloutAnswer::Answered {
        headers: [(":status", "200")].into_iter().collect(),
        body: result.to_string().into_bytes(),
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn the_function_answers_once_the_body_is_there() {
    let (mut stream, step) = begin(headers("POST", "shop.x/prod/pets", &[]), false);
    assert!(!matches!(step, Step::Call(_)), "{step:?}");
    let step = stream.resume(Event::RequestBody(b"whole".to_vec()));
    let Step::Call(callout) = step else {
        panic!("{step:?}");
    };
    let event: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(event["body"], "whole");
    let trace = event["headers"]["X-Amzn-Trace-Id"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-6aff8d80-"), "{trace}");
    let step = stream.resume(answer(&json!({"statusCode": 201, "body": "made"})));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!((reply.status, &*reply.body), (201, &b"made"[..]));
    assert!(
        reply
            .headers
            .contains(&("x-amzn-trace-id".to_owned(), trace.as_bytes().to_vec()))
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_whole_trace_header_stays_and_http_apis_do_not_send_it() {
    let trace = "Root=1-5e66d96f-1;Parent=2;Sampled=1";
    let request = headers("GET", "club.x/pets", &[("x-amzn-trace-id", trace)]);
    let (mut stream, step) = begin(request, true);
    let Step::Call(callout) = step else {
        panic!("{step:?}");
    };
    let event: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(event["headers"]["x-amzn-trace-id"], trace);
    let step = stream.resume(answer(&json!("hello")));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!((reply.status, &*reply.body), (200, &b"hello"[..]));
    let names: Vec<_> = reply.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["content-type", "apigw-requestid"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_response_is_a_bad_gateway() {
    let (mut stream, _) = begin(headers("GET", "shop.x/prod/pets", &[]), true);
    let step = stream.resume(answer(&json!({"message": "hello"})));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!(reply.status, 502);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_over_10_mb_is_refused_when_it_is_there() {
    let (mut stream, _) = begin(headers("POST", "shop.x/prod/pets", &[]), false);
    let step = stream.resume(Event::RequestBody(vec![b'a'; 10_485_761]));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!(reply.status, 413);
}

#[wasm_bindgen_test(unsupported = test)]
fn http_apis_change_responses_by_their_status() {
    let changes = [(
        "/apis/1/operations/0/integration/awsProxy/responseParameters",
        json!({"404": {
            "overwrite:statuscode": "410",
            "append:header.x-id": "${response.body.id} of $stageVariables",
            "overwrite:header.x-stage": "$stageVariables.alias",
            "remove:header.x-secret": "''",
        }}),
    )];
    let request = || headers("GET", "club.x/pets", &[]);
    let result = |status: u16| {
        let fields = json!({"x-secret": "s", "x-id": "a"});
        answer(&json!({"statusCode": status, "headers": fields, "body": "{\"id\":7}"}))
    };
    let play = |status: u16| {
        let (mut stream, _) = begin_with(&changes, request(), true);
        match stream.resume(result(status)) {
            Step::Reply(reply) => reply,
            step => panic!("{step:?}"),
        }
    };
    let values = |reply: &crate::Reply, name: &str| -> Vec<String> {
        let fields = reply.headers.iter().filter(|(other, _)| other == name);
        fields
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect()
    };
    let reply = play(404);
    assert_eq!((reply.status, &*reply.body), (410, &b"{\"id\":7}"[..]));
    assert_eq!(values(&reply, "x-id"), ["a", "7 of $stageVariables"]);
    assert_eq!(values(&reply, "x-stage"), ["live"]);
    assert!(values(&reply, "x-secret").is_empty());
    let reply = play(200);
    assert_eq!(reply.status, 200);
    assert_eq!(values(&reply, "x-secret"), ["s"]);
}
