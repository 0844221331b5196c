use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::UsagePlanFilter;
use crate::exchange::{Edits, Event, Reply, ResponseHead, Service, Step, Stream};
use crate::headers::{HeaderEdit, Headers};
use crate::memory_ports::MemoryPorts;
use crate::ports::FilterState;

const ACME: &str = r#"{"apiKeyId":"acme","usagePlans":["tin","gold"]}"#;
const OTHER: &str = r#"{"apiKeyId":"other","usagePlans":["gold"]}"#;
const NO_PLAN: &str = r#"{"apiKeyId":"poor","usagePlans":["tin"]}"#;

fn gold() -> Value {
    json!([{
        "id": "gold",
        "throttle": {"rateLimit": 0.5, "burstLimit": 2},
        "quota": {"limit": 3, "period": "DAY"},
    }])
}

struct Chain {
    filter: Arc<UsagePlanFilter>,
    ports: Rc<MemoryPorts>,
}

impl Chain {
    fn new(configuration: &Value) -> Self {
        let filter =
            UsagePlanFilter::compile(configuration.to_string().as_bytes(), &|_: &str| None)
                .unwrap();
        Self {
            filter: Arc::new(filter),
            ports: Rc::new(MemoryPorts::default()),
        }
    }

    /// One request whose earlier filter has left `identity`, or nothing when it is empty.
    fn start(&self, identity: &str) -> (Stream, Step) {
        self.ports.write("attache_identity", identity.as_bytes());
        let ports = Rc::clone(&self.ports) as _;
        Stream::start(&self.filter, Headers::default(), true, ports)
    }

    /// The status of the refusal; 200 when the request goes on unchanged.
    fn status(&self, identity: &str) -> u16 {
        match self.start(identity).1 {
            Step::Reply(reply) => reply.status,
            step => {
                assert_eq!(step, Step::Forward(Edits::default()));
                200
            }
        }
    }

    fn statuses<const COUNT: usize>(&self, identity: &str) -> [u16; COUNT] {
        std::array::from_fn(|_| self.status(identity))
    }

    fn refusal(&self, identity: &str) -> Reply {
        match self.start(identity).1 {
            Step::Reply(reply) => reply,
            step => panic!("not refused but {step:?}"),
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn each_customer_is_held_to_throttle_and_quota() {
    let chain = Chain::new(&json!({"usagePlans": gold()}));
    assert_eq!(chain.statuses(ACME), [200, 200, 429, 429]);
    assert_eq!(
        chain.refusal(ACME).body,
        br#"{"message":"Too Many Requests"}"#
    );
    assert_eq!(chain.statuses(OTHER), [200, 200, 429]);
    chain.ports.advance(4);
    assert_eq!(chain.statuses(ACME), [200, 429]);
    assert_eq!(chain.refusal(ACME).body, br#"{"message":"Limit Exceeded"}"#);
    assert_eq!(chain.refusal(ACME).headers.len(), 2);
    chain.ports.advance(86_400);
    assert_eq!(chain.status(ACME), 200);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_under_no_plan_is_refused_unless_strangers_are_allowed() {
    for (identity, by_default, when_allowed) in [
        ("", 403, 200),
        (NO_PLAN, 403, 200),
        ("not JSON", 403, 403),
        (r#"{"apiKeyId":"acme"}"#, 403, 403),
        (r#"{"apiKeyId":1,"usagePlans":["gold"]}"#, 403, 403),
    ] {
        for (anonymous, status) in [
            (None, by_default),
            (Some("deny"), by_default),
            (Some("allow"), when_allowed),
        ] {
            let mut configuration = json!({"usagePlans": gold()});
            if let Some(anonymous) = anonymous {
                configuration["anonymous"] = anonymous.into();
            }
            let chain = Chain::new(&configuration);
            assert_eq!(chain.status(identity), status, "{identity} {anonymous:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_throttle_of_the_filter_is_shared_by_everybody() {
    let chain = Chain::new(&json!({
        "throttle": {"rateLimit": 1, "burstLimit": 3},
        "usagePlans": gold(),
        "anonymous": "allow",
    }));
    assert_eq!(chain.statuses(ACME), [200, 200, 429]);
    assert_eq!(chain.statuses(""), [200, 429]);
    assert_eq!(chain.statuses(OTHER), [429]);
}

#[wasm_bindgen_test(unsupported = test)]
fn headers_are_told_when_they_are_asked_for() {
    let chain = Chain::new(&json!({"usagePlans": gold(), "rateLimitHeaders": true}));
    let (mut stream, step) = chain.start(ACME);
    assert_eq!(step, Step::Forward(Edits::default()));
    let answered = stream.resume(Event::ResponseHead(ResponseHead {
        status: 200,
        headers: Headers::default(),
        failure: None,
    }));
    let set = |name: &'static str, value: &str| HeaderEdit::Set(name.into(), value.into());
    assert_eq!(
        answered,
        Step::Release(Edits {
            headers: vec![
                set(
                    "ratelimit-policy",
                    r#""throttle";q=2;w=4, "quota";q=3;w=86400"#
                ),
                set("ratelimit", r#""throttle";r=1;t=2, "quota";r=2;t=86400"#),
            ],
            body: None,
        })
    );
    chain.start(ACME);
    let refusal = chain.refusal(ACME);
    let retry_after = ("retry-after".to_owned(), b"2".to_vec());
    assert!(refusal.headers.contains(&retry_after), "{refusal:?}");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_faulty_configuration_is_refused_with_every_reason() {
    let faulty = json!({"rateLimit": -1, "burstLimit": 1});
    for (configuration, expected) in [
        (
            json!({
                "throttle": faulty,
                "usagePlans": [{"id": "a", "throttle": faulty}, {"id": "a"}],
            }),
            vec![
                "/throttle/rateLimit: ",
                "/usagePlans/0/throttle/rateLimit: ",
                "/usagePlans/1/id: ",
            ],
        ),
        (
            json!({"anonymous": "perhaps"}),
            vec!["unknown variant `perhaps`"],
        ),
        (json!({"plans": []}), vec!["unknown field `plans`"]),
        (json!([1]), vec!["invalid"]),
    ] {
        let reasons =
            UsagePlanFilter::compile(configuration.to_string().as_bytes(), &|_: &str| None)
                .expect_err("compiled");
        assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
        for (reason, start) in reasons.iter().zip(expected) {
            assert!(reason.starts_with(start), "{reason}");
        }
    }
}
