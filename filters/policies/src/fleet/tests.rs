//! Whole gateways before one Redis, which is a model behind Webdis.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use super::GATEWAY;
use super::errands::PROBE;
use super::redis_model::RedisModel;
use super::renewal::SCRIPT;
use super::usage::COUNT;
use crate::exchange::{Callout, CalloutAnswer, Event, Service, Step, Stream};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::encoding::decoded;
use crate::memory_ports::MemoryPorts;
use crate::ports::{Clock, Store, Timestamp};
use crate::redis::answered;

/// SHA-256 of `key`.
const DIGEST: &str = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";

fn document(state: &Value, limits: &Value, account: &Value) -> Vec<u8> {
    let mut plan = json!({"id": "gold", "apiStages": [{"api": "shop", "stage": "prod"}]});
    for (name, limit) in limits.as_object().unwrap() {
        plan[name] = limit.clone();
    }
    let document = json!({
        "version": 1,
        "account": {"id": "000000000000", "region": "us-east-1", "throttle": account},
        "state": {"redis": state},
        "apis": [{
            "id": "shop", "name": "shop", "protocol": "REST", "anyHost": true,
            "stages": [{"name": "prod"}],
            "operations": [{
                "path": "/x", "method": "GET", "apiKeyRequired": true,
                "integration": {"httpProxy": {"uri": "http://127.0.0.1:1/x", "timeoutInMillis": 50}}
            }]
        }],
        "usagePlans": [plan],
        "apiKeys": [{"id": "acme", "digest": DIGEST, "usagePlans": ["gold"]}],
        "rateLimitHeaders": true
    });
    serde_json::to_vec(&document).unwrap()
}

/// With a customer for each of the keys `customer-0`, `customer-1` and so on.
fn with_customers(document: &[u8], count: usize) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(document).unwrap();
    for number in 0..count {
        let digest = Sha256::digest(format!("customer-{number}"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = json!({"id": number.to_string(), "digest": digest, "usagePlans": ["gold"]});
        document["apiKeys"].as_array_mut().unwrap().push(key);
    }
    serde_json::to_vec(&document).unwrap()
}

fn redis(on_failure: &str) -> Value {
    json!({
        "url": "http://127.0.0.1:7379/", "dialect": "webdis", "prefix": "test",
        "onFailure": on_failure, "timeoutMillis": 5
    })
}

fn quota(limit: u64) -> Value {
    json!({"quota": {"limit": limit, "period": "DAY"}})
}

fn throttle(rate: u64, burst: u64) -> Value {
    json!({"throttle": {"rateLimit": rate, "burstLimit": burst}})
}

/// Gateways that share a Redis.
struct Fleet {
    gateways: Vec<(Arc<Gateway>, MemoryPorts)>,
    redis: RedisModel,
    /// The names of all keys that Redis was asked about.
    keys: BTreeSet<String>,
    is_up: bool,
    loses_answers: bool,
    /// How many calls are answered with what belongs to another.
    confused: usize,
    calls: usize,
}

impl Fleet {
    fn new(count: usize, document: &[u8]) -> Self {
        let gateway = |number: usize| {
            let gateway = <Gateway as Service>::compile(document, &|_: &str| None).unwrap();
            let ports = MemoryPorts::default();
            // Random numbers in memory are always the same.
            let name = format!("{number:032x}");
            ports.put(GATEWAY, name.as_bytes()).unwrap();
            (Arc::new(gateway), ports)
        };
        Self {
            gateways: (0..count).map(gateway).collect(),
            redis: RedisModel::default(),
            keys: BTreeSet::new(),
            is_up: true,
            loses_answers: false,
            confused: 0,
            calls: 0,
        }
    }

    /// The status that a request to one of the gateways is answered with.
    fn request(&mut self, gateway: usize) -> u16 {
        self.request_with("key", gateway)
    }

    fn request_with(&mut self, key: &str, gateway: usize) -> u16 {
        let (service, ports) = &self.gateways[gateway];
        let (service, ports) = (Arc::clone(service), ports.another());
        let fields = [
            (":method", "GET"),
            (":path", "/prod/x"),
            (":authority", "shop"),
            ("x-api-key", key),
        ];
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let now = ports.now();
        let (mut stream, mut step) = Stream::start(&service, headers, true, Rc::new(ports));
        loop {
            step = match step {
                Step::Call(callout) => stream.resume(Event::Callout(self.answer(now, &callout))),
                Step::Forward(_) => return 200,
                Step::Reply(reply) => return reply.status,
                other => panic!("{other:?}"),
            };
        }
    }

    fn requests(&mut self, gateway: usize, count: usize) -> usize {
        (0..count).filter(|_| self.request(gateway) == 200).count()
    }

    /// As an edit does.
    fn replace_worker(&mut self, gateway: usize, document: &[u8]) {
        let (service, ports) = &mut self.gateways[gateway];
        service.end(ports);
        *service = Arc::new(<Gateway as Service>::compile(document, &|_: &str| None).unwrap());
    }

    /// What the gateways do on the side.
    fn run_errands(&mut self) {
        for place in 0..self.gateways.len() {
            let (service, ports) = &self.gateways[place];
            let (service, ports) = (Arc::clone(service), ports.another());
            for errand in service.errands(&ports) {
                let answer = self.answer(ports.now(), &errand.callout);
                service.fetched(errand.id, answer, &ports);
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        for (_, ports) in &self.gateways {
            ports.millis.update(|now| now + millis);
        }
    }

    fn answer(&mut self, now: Timestamp, callout: &Callout) -> CalloutAnswer {
        self.calls += 1;
        assert_eq!(callout.cluster, "http_127.0.0.1_7379");
        if !self.is_up {
            return CalloutAnswer::Failed;
        }
        let words: Vec<String> = callout
            .body
            .split(|byte| *byte == b'/')
            .map(|word| String::from_utf8(decoded(word).collect()).unwrap())
            .collect();
        let answer = match words[0].as_str() {
            "EVAL" if words[1].as_bytes() == PROBE => json!({"EVAL": 1}),
            "EVAL" => {
                let count: usize = words[2].parse().unwrap();
                let (keys, argv) = words[3..].split_at(count);
                match words[1].as_str() {
                    SCRIPT => {
                        self.keys.extend(keys.iter().cloned());
                        json!({"EVAL": self.redis.renew(now.0 / 1_000, keys, argv)})
                    }
                    COUNT => {
                        self.redis.count_usage(keys, argv);
                        json!({"EVAL": 1})
                    }
                    other => panic!("{other}"),
                }
            }
            other => panic!("{other}"),
        };
        if self.loses_answers {
            return CalloutAnswer::Failed;
        }
        if self.confused > 0 {
            self.confused -= 1;
            let mut another = callout.clone();
            for (name, path) in &mut another.headers {
                if name == ":path" {
                    *path = b"/?jsonp=m0000000000000000".to_vec();
                }
            }
            return answered(&another, &answer);
        }
        answered(callout, &answer)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_quota_holds_over_all_gateways_and_begins_anew_each_period() {
    let mut fleet = Fleet::new(3, &document(&redis("deny"), &quota(100), &Value::Null));
    for _ in 0..2 {
        let mut admitted = 0;
        for round in 0..60 {
            admitted += fleet.requests(round % 3, 5);
            fleet.run_errands();
            fleet.wait(100);
        }
        // What one of them still holds is given back when nobody uses it.
        for _ in 0..20 {
            fleet.wait(1_000);
            fleet.run_errands();
        }
        admitted += fleet.requests(0, 50);
        assert_eq!(admitted, 100);
        fleet.wait(86_400_000);
    }
    let keys: Vec<&str> = fleet.keys.iter().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "{test}:quota:gold:D:0::acme:1795132800",
            "{test}:quota:gold:D:0::acme:1795219200",
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_burst_holds_over_all_gateways() {
    let mut fleet = Fleet::new(
        2,
        &document(&redis("deny"), &throttle(10, 40), &Value::Null),
    );
    let admitted: usize = (0..100).map(|round| fleet.requests(round % 2, 1)).sum();
    assert!((35..=40).contains(&admitted), "{admitted}");
    fleet.wait(1_000);
    let admitted: usize = (0..100).map(|round| fleet.requests(round % 2, 1)).sum();
    assert!((5..=15).contains(&admitted), "{admitted}");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_later_limit_refuses_costs_the_earlier_ones_nothing() {
    let account = json!({"rateLimit": 1, "burstLimit": 3});
    let mut fleet = Fleet::new(1, &document(&redis("deny"), &quota(100), &account));
    assert_eq!(fleet.requests(0, 50), 3);
    fleet.wait(100_000);
    // Ninety-seven are left, and three of them now.
    let mut admitted = 0;
    for _ in 0..100 {
        admitted += fleet.requests(0, 5);
        fleet.wait(100_000 / 3);
        fleet.run_errands();
    }
    assert_eq!(admitted, 97);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_held_is_spent_while_redis_is_away_and_then_the_rule_decides() {
    for (on_failure, expected) in [("allow", 1_000), ("deny", 0), ("local", 94)] {
        let mut fleet = Fleet::new(1, &document(&redis(on_failure), &quota(100), &Value::Null));
        // It now has five and holds some ahead.
        assert_eq!(fleet.requests(0, 6), 6);
        let held = match fleet.redis.held("{test}:quota:gold:D:0::acme:1795132800") {
            granted if granted > 6 => granted - 6,
            granted => panic!("{granted}"),
        };
        fleet.is_up = false;
        fleet.calls = 0;
        let admitted = fleet.requests(0, 1_000);
        let expected = if on_failure == "deny" { held } else { expected };
        assert_eq!(admitted, expected, "{on_failure}");
        // The breaker has opened: the other requests have not asked.
        assert_eq!(fleet.calls, 3, "{on_failure}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_let_through_meanwhile_is_counted_when_redis_is_back() {
    let limits = quota(100);
    let mut fleet = Fleet::new(2, &document(&redis("allow"), &limits, &Value::Null));
    assert_eq!(fleet.requests(0, 10), 10);
    fleet.is_up = false;
    assert_eq!(fleet.requests(0, 30), 30);
    fleet.is_up = true;
    // The other gateway has not noticed anything. The first finds out by its probes.
    for _ in 0..10 {
        fleet.wait(1_000);
        fleet.run_errands();
    }
    // Its own requests tell Redis about the forty.
    let mut admitted = fleet.requests(0, 1);
    for _ in 0..10 {
        fleet.wait(1_000);
        fleet.run_errands();
    }
    admitted += fleet.requests(1, 200);
    assert_eq!(admitted, 60);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_throttle_without_redis_is_each_gateways_own_when_it_is_to_be() {
    let limits = throttle(1, 10);
    for (on_failure, expected) in [("allow", 50), ("deny", 0), ("local", 10)] {
        let mut fleet = Fleet::new(1, &document(&redis(on_failure), &limits, &Value::Null));
        fleet.is_up = false;
        assert_eq!(fleet.requests(0, 50), expected, "{on_failure}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_probe_finds_out_that_redis_is_back_and_no_request_waits_for_it() {
    let mut fleet = Fleet::new(1, &document(&redis("deny"), &quota(100), &Value::Null));
    fleet.is_up = false;
    assert_eq!(fleet.requests(0, 10), 0);
    fleet.calls = 0;
    for _ in 0..600 {
        fleet.wait(100);
        fleet.run_errands();
        assert_eq!(fleet.request(0), 429);
    }
    // A minute: after a quarter of a second, a half, one, two, and then every four seconds.
    assert!((14..=20).contains(&fleet.calls), "{}", fleet.calls);
    fleet.is_up = true;
    fleet.wait(5_000);
    fleet.run_errands();
    assert_eq!(fleet.requests(0, 100), 100);
}

/// Each customer begins at another time; soon their limits are asked for together.
#[wasm_bindgen_test(unsupported = test)]
fn the_limits_of_many_customers_are_renewed_with_few_calls() {
    const CUSTOMERS: usize = 20;
    let mut limits = throttle(1_000, 1_000);
    limits["quota"] = json!({"limit": 1_000_000, "period": "DAY"});
    let document = with_customers(&document(&redis("deny"), &limits, &Value::Null), CUSTOMERS);
    let mut fleet = Fleet::new(1, &document);
    let mut served = 0;
    for round in 0..3_000 {
        if round == 1_000 {
            fleet.calls = 0;
        }
        for customer in 0..CUSTOMERS.min(round / 17 + 1) {
            assert_eq!(fleet.request_with(&format!("customer-{customer}"), 0), 200);
            served += usize::from(round >= 1_000);
        }
        fleet.wait(10);
        if round % 10 == 0 {
            fleet.run_errands();
        }
    }
    // Twenty seconds. What was used is told in one call each second.
    let renewals = fleet.calls - 20;
    assert!(renewals <= 30, "{renewals} calls for {served} requests");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_used_is_told_and_counts_once_however_often_it_is_told() {
    let mut fleet = Fleet::new(2, &document(&redis("deny"), &quota(10), &Value::Null));
    assert_eq!(fleet.requests(0, 4) + fleet.requests(1, 1), 5);
    for loses_answers in [true, false] {
        fleet.loses_answers = loses_answers;
        for _ in 0..30 {
            fleet.wait(1_000);
            fleet.run_errands();
        }
    }
    assert_eq!(fleet.requests(0, 4) + fleet.requests(1, 1), 5);
    fleet.requests(0, 7);
    fleet.wait(1_000);
    fleet.run_errands();
    let usage = |name| fleet.redis.usage("{test}:usage:gold:acme", name);
    assert_eq!(
        (usage("used"), usage("refused"), usage("throttled")),
        (10, 7, 0)
    );
}

/// An edit ends workers, and others go on in the same proxy.
#[wasm_bindgen_test(unsupported = test)]
fn a_worker_that_ends_leaves_what_was_used_to_the_next() {
    let document = document(&redis("deny"), &quota(100), &Value::Null);
    let mut fleet = Fleet::new(1, &document);
    let used = |fleet: &Fleet| fleet.redis.usage("{test}:usage:gold:acme", "used");
    let replace = |fleet: &mut Fleet| fleet.replace_worker(0, &document);
    // Told by nobody; told with an answer that was lost; told as it should be.
    fleet.requests(0, 4);
    replace(&mut fleet);
    fleet.requests(0, 3);
    fleet.wait(1_000);
    fleet.loses_answers = true;
    fleet.run_errands();
    replace(&mut fleet);
    fleet.loses_answers = false;
    fleet.requests(0, 2);
    for _ in 0..5 {
        fleet.wait(1_000);
        fleet.run_errands();
    }
    assert_eq!(used(&fleet), 9);
    replace(&mut fleet);
    for _ in 0..5 {
        fleet.wait(1_000);
        fleet.run_errands();
    }
    assert_eq!(used(&fleet), 9);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_worker_held_that_has_ended_is_given_back_by_the_next() {
    let document = document(&redis("deny"), &quota(100), &Value::Null);
    let mut fleet = Fleet::new(2, &document);
    for _ in 0..10 {
        assert_eq!(fleet.requests(0, 2), 2);
        fleet.wait(100);
        fleet.run_errands();
    }
    fleet.replace_worker(0, &document);
    for _ in 0..20 {
        fleet.wait(1_000);
        fleet.run_errands();
    }
    assert_eq!(fleet.requests(1, 100), 80);
}

#[wasm_bindgen_test(unsupported = test)]
fn who_gets_the_answer_to_another_call_asks_once_more() {
    let document = document(&redis("deny"), &quota(100), &Value::Null);
    for (confused, admitted) in [(1, 1), (2, 0)] {
        let mut fleet = Fleet::new(1, &document);
        fleet.confused = confused;
        assert_eq!(fleet.requests(0, 1), admitted);
        assert_eq!(fleet.calls, 2);
        // What was granted twice is held once.
        let rest = 100 - admitted;
        assert_eq!(fleet.requests(0, 200), rest);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_without_a_limit_asks_nobody() {
    let mut fleet = Fleet::new(1, &document(&redis("deny"), &json!({}), &Value::Null));
    fleet.is_up = false;
    assert_eq!(fleet.requests(0, 10), 10);
    assert_eq!(fleet.calls, 0);
}
