//! A request from its body to its answer.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{TIME, document, headers};
use crate::authorization::Caller;
use crate::exchange::{Answer, CalloutAnswer, Event, Exchange, Reply, Service, Step, Stream};
use crate::headers::Headers;
use crate::integration::IntegrationRequest;
use crate::lambda_proxy::LambdaProxies;
use crate::memory_ports::MemoryPorts;
use crate::ports::Environment;
use crate::request_id::RequestIds;
use crate::route::Routes;

struct Shop {
    routes: Routes,
    proxies: LambdaProxies,
}

impl Service for Shop {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let route = self.routes.find(exchange.request()).unwrap();
        let request = IntegrationRequest {
            headers: exchange.request(),
            route,
            ids: &RequestIds::generate(exchange.ports()),
            time: TIME,
            connection: exchange.ports(),
            api_key: None,
            api_key_id: None,
            caller: &Caller::default(),
        };
        let proxy = self.proxies.get(route.api, route.stage, route.operation);
        Answer::Reply(match proxy.unwrap().serve(&exchange, &request).await {
            Ok(reply) => reply,
            Err(denial) => Reply {
                status: denial.status(attache_model::Protocol::Rest),
                ..Reply::default()
            },
        })
    }
}

fn begin(headers: Headers, ends: bool) -> (Stream, Step) {
    let document = document(&[]);
    let shop = Arc::new(Shop {
        routes: Routes::compile(&document).unwrap(),
        proxies: LambdaProxies::compile(&document).unwrap(),
    });
    Stream::start(&shop, headers, ends, Rc::new(MemoryPorts::default()))
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
    assert!(trace.starts_with("Root=1-5e5ffe45-"), "{trace}");
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
    assert_eq!(reply.headers.len(), 1);
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
