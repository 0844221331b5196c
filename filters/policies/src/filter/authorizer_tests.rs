use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::AuthorizerFilter;
use crate::exchange::{Callout, CalloutAnswer, Event, Reply, Service, Step, Stream};
use crate::headers::{HeaderEdit, Headers};
use crate::memory_ports::MemoryPorts;
use crate::ports::FilterState;

/// A filter that asks a web service about the token of a request.
fn asks() -> Value {
    json!({
        "account": {"id": "123456789012", "region": "eu-west-1"},
        "api": "shop",
        "stage": "prod",
        "authorization": {"lambda": {
            "event": "token",
            "identitySources": ["method.request.header.Authorization"],
            "resultTtlInSeconds": 300,
            "uri": "http://127.0.0.1:9001/authorizer",
            "timeoutInMillis": 1000,
        }},
        "requestHeaders": {
            "X-Customer": "authorizer.principalId",
            "x-tier": "authorizer.tier",
            "x-arn": "identity.userArn",
        },
    })
}

struct Chain {
    filter: Arc<AuthorizerFilter>,
    ports: Rc<MemoryPorts>,
}

impl Chain {
    fn new(configuration: &Value) -> Self {
        let configuration = configuration.to_string();
        let filter = AuthorizerFilter::compile(configuration.as_bytes(), &|_: &str| None);
        Self {
            filter: Arc::new(filter.unwrap()),
            ports: Rc::default(),
        }
    }

    fn start(&self, path: &str, fields: &[(&str, &str)]) -> (Stream, Step) {
        let head = [(":method", "GET"), (":path", path)];
        let request: Headers = head.into_iter().chain(fields.iter().copied()).collect();
        Stream::start(&self.filter, request, true, Rc::clone(&self.ports) as _)
    }

    /// A request whose authorizer is asked: the event, and what becomes of its answer.
    fn asked(&self, path: &str, fields: &[(&str, &str)], answer: &Value) -> (Callout, Step) {
        let (mut stream, step) = self.start(path, fields);
        let Step::Call(callout) = step else {
            panic!("not asked but {step:?}");
        };
        let answer = CalloutAnswer::Answered {
            headers: [(":status", "200")].into_iter().collect(),
            body: answer.to_string().into_bytes(),
        };
        (callout, stream.resume(Event::Callout(answer)))
    }
}

fn answer(effect: &str, resource: &str) -> Value {
    json!({
        "principalId": "ann",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
        "context": {"tier": "gold\r\nx-admin: yes"},
    })
}

fn refusal(step: Step) -> Reply {
    match step {
        Step::Reply(reply) => reply,
        step => panic!("not refused but {step:?}"),
    }
}

fn edits(step: Step) -> Vec<HeaderEdit> {
    match step {
        Step::Forward(edits) => edits.headers,
        step => panic!("not forwarded but {step:?}"),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_allowed_caller_is_made_known() {
    let chain = Chain::new(&asks());
    let allow = answer(
        "Allow",
        "arn:aws:execute-api:eu-west-1:123456789012:shop/prod/GET/a/*",
    );
    let fields = [("authorization", "token"), ("x-customer", "somebody else")];
    let (callout, step) = chain.asked("/a/b", &fields, &allow);
    assert_eq!(callout.cluster, "http_127.0.0.1_9001");
    let event: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(
        event,
        json!({
            "type": "TOKEN",
            "authorizationToken": "token",
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:shop/prod/GET/a/b",
        })
    );
    let expected = [
        HeaderEdit::Set("x-customer".into(), b"ann".to_vec()),
        HeaderEdit::Remove("x-arn".into()),
        HeaderEdit::Set("x-tier".into(), b"gold  x-admin: yes".to_vec()),
    ];
    let told = edits(step);
    assert!(expected.iter().all(|edit| told.contains(edit)) && told.len() == 3);
    let left: Value = serde_json::from_slice(&chain.ports.read("attache_caller").unwrap()).unwrap();
    assert_eq!(left["principalId"], "ann");
    assert_eq!(left["context"]["tier"], "gold\r\nx-admin: yes");

    // What is kept is the policy: it serves another path, and refuses a third.
    assert_eq!(edits(chain.start("/a/c", &fields).1).len(), 3);
    assert_eq!(refusal(chain.start("/b", &fields).1).status, 403);
}

#[wasm_bindgen_test(unsupported = test)]
fn everybody_else_is_refused_as_aws_does() {
    let chain = Chain::new(&asks());
    let nobody = refusal(chain.start("/a", &[]).1);
    assert_eq!(
        (nobody.status, nobody.body),
        (401, br#"{"message":"Unauthorized"}"#.to_vec())
    );
    let fields = [("authorization", "token")];
    let denied = refusal(chain.asked("/a", &fields, &answer("Deny", "*")).1);
    assert_eq!(denied.status, 403);
    let broken = refusal(chain.asked("/a", &[("authorization", "t2")], &json!({})).1);
    assert_eq!(
        (broken.status, broken.body),
        (500, br#"{"message":null}"#.to_vec())
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_resource_policy_has_a_word_too() {
    let mut configuration = asks();
    configuration["resourcePolicy"] = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/prod/GET/internal/*",
        }],
    });
    let chain = Chain::new(&configuration);
    let fields = [("authorization", "token")];
    assert_eq!(refusal(chain.start("/internal/x", &fields).1).status, 403);
    let allow = answer("Allow", "*");
    assert_eq!(edits(chain.asked("/a", &fields, &allow).1).len(), 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_faulty_configuration_is_refused_at_its_place() {
    for (pointer, value, place) in [
        (
            "/authorization/lambda/uri",
            json!("nowhere"),
            "/authorization/lambda/uri",
        ),
        (
            "/requestHeaders/x-tier",
            json!("tier"),
            "/requestHeaders/x-tier",
        ),
        (
            "/resourcePolicy",
            json!({"Statement": 1}),
            "/resourcePolicy/",
        ),
    ] {
        let mut configuration = asks();
        configuration["resourcePolicy"] = json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
        });
        *configuration.pointer_mut(pointer).unwrap() = value;
        let text = configuration.to_string();
        let faults =
            AuthorizerFilter::compile(text.as_bytes(), &|_: &str| None).expect_err("compiled");
        assert!(
            faults.iter().any(|fault| fault.contains(place)),
            "{place}: {faults:?}"
        );
    }
    let unknown = br#"{"authorization": "awsIam", "authorisation": 1}"#;
    assert!(AuthorizerFilter::compile(unknown, &|_: &str| None).is_err());
    assert!(AuthorizerFilter::compile(b"{}", &|_: &str| None).is_err());
}
