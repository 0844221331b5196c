//! Gateways that share their caches, before one Redis, which is a model behind Webdis.

use std::cell::{Cell, RefCell};

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Answer, CACHED, Client, World, document, operation};
use crate::Gateway;
use crate::exchange::{Callout, CalloutAnswer};
use crate::integration::encoding::decoded;
use crate::redis::answered;
use crate::sealed_secret::VARIABLE;
use crate::shared_cache::redis_model::{Answer as Said, RedisModel};
use crate::shared_cache::{CHANGES, FIND, FORGET, KEEP};

/// SHA-256 of `token`.
const DIGEST: &str = "3C469E9D6C5875D37A43F353D4F88E61FCF812C66EEE3457465A40B0DA4153E0";
const TOKEN: (&str, &str) = ("authorization", "Bearer token");
const FLUSH: &str = "/restapis/shop/stages/prod/cache/data";
const ANEW: (&str, &str) = ("cache-control", "max-age=0");

/// How long it takes at most until all gateways know what one was told.
const KNOWN_AFTER_MILLIS: u64 = 600;

struct Fleet {
    gateways: Vec<World>,
    redis: RefCell<RedisModel>,
    is_up: Cell<bool>,
    calls: Cell<usize>,
}

fn state() -> Value {
    json!({"redis": {
        "url": "http://127.0.0.1:7379/", "dialect": "webdis", "prefix": "test",
        "onFailure": "local", "timeoutMillis": 5
    }})
}

fn shared(changes: &[(&str, Value)]) -> attache_model::Gateway {
    let operations = json!([
        operation("GET", "/pets", &["method.request.querystring.a"]),
        operation("GET", "/toys", &[]),
    ]);
    let mut all = vec![
        ("/state", state()),
        ("/apis/0/stages/0/cacheCluster/shared", json!(true)),
        ("/managementApi", json!({"tokenSha256": DIGEST})),
    ];
    all.extend_from_slice(changes);
    document(operations, &all)
}

impl Fleet {
    fn new(changes: &[(&str, Value)]) -> Self {
        let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned();
        let environment = |name: &str| (name == VARIABLE).then(|| key.clone());
        let fleet = Self {
            gateways: (0..2_u64)
                .map(|number| {
                    let world = World::in_environment(&shared(changes), &environment);
                    world.seed((number + 1) << 32);
                    world
                })
                .collect(),
            redis: RefCell::default(),
            is_up: Cell::new(true),
            calls: Cell::new(0),
        };
        fleet.run_errands();
        fleet
    }

    fn start(&self, gateway: usize, method: &str, path: &str, fields: &[(&str, &str)]) -> Client {
        let mut client = self.gateways[gateway].start(method, path, fields);
        self.go_on(&mut client);
        client
    }

    /// Redis answers what a request asks it.
    fn go_on(&self, client: &mut Client) {
        while let Some(callout) = client
            .calls()
            .filter(|call| call.body.starts_with(b"EVAL/"))
        {
            let answer = self.answer(callout);
            client.call_ends(answer);
        }
    }

    fn get(
        &self,
        gateway: usize,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (Answer, bool) {
        let mut client = self.start(gateway, "GET", path, fields);
        let asked = client.asks();
        if asked {
            client.answer_with(200, &[("x-from", "back end")], body);
        }
        (client.answer.expect("an answer"), asked)
    }

    fn text(&self, gateway: usize, path: &str, body: &str) -> String {
        self.get(gateway, path, &[], body).0.text().to_owned()
    }

    fn flush(&self, gateway: usize, query: &str) -> u16 {
        let client = self.start(gateway, "DELETE", &format!("{FLUSH}{query}"), &[TOKEN]);
        client.answer.unwrap().status
    }

    /// What the gateways do on the side.
    fn run_errands(&self) {
        for gateway in &self.gateways {
            gateway.run_errands(|callout| self.answer(callout));
        }
    }

    fn wait(&self, millis: u64) {
        for gateway in &self.gateways {
            gateway.advance(millis);
        }
        self.run_errands();
    }

    fn answer(&self, callout: &Callout) -> CalloutAnswer {
        let now = self.gateways[0].now();
        let words: Vec<String> = callout
            .body
            .split(|byte| *byte == b'/')
            .map(|word| String::from_utf8(decoded(word).collect()).unwrap())
            .collect();
        let count: usize = words[2].parse().unwrap();
        let (keys, argv) = words[3..].split_at(count);
        for key in keys {
            // Nothing of a request is seen in a name.
            assert!(key.starts_with("{test}:") && !key.contains("pets"), "{key}");
        }
        let script = words[1].as_str();
        if script != CHANGES {
            self.calls.set(self.calls.get() + 1);
        }
        if !self.is_up.get() {
            return CalloutAnswer::Failed;
        }
        let mut redis = self.redis.borrow_mut();
        let said = match script {
            FIND => redis.find(now, keys),
            KEEP => redis.keep(now, keys, argv),
            FORGET => redis.forget(now, keys, argv),
            CHANGES => redis.changes(now, argv),
            // Somebody finds out whether it is back.
            _ => Said::Number(1),
        };
        answered(callout, &json!({"EVAL": json_of(&said)}))
    }
}

fn json_of(said: &Said) -> Value {
    match said {
        Said::Text(text) => json!(text),
        Said::Number(number) => json!(number),
        Said::List(list) => list.iter().map(json_of).collect(),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_one_gateway_has_fetched_the_others_find() {
    let fleet = Fleet::new(&[]);
    let (first, asked) = fleet.get(0, "/prod/pets", &[], "one");
    assert!(asked);
    // One call looks for it, and another one keeps it when the client is long gone.
    assert_eq!(fleet.calls.get(), 1);
    fleet.run_errands();
    assert_eq!(fleet.calls.get(), 2);
    let (second, asked) = fleet.get(1, "/prod/pets", &[], "never");
    assert!(!asked);
    assert_eq!((second.status, second.text()), (200, "one"));
    assert_eq!(first.field("x-from"), second.field("x-from"));
    assert_eq!(fleet.gateways[1].metric("CacheHitCount"), Some(1));
    assert_eq!(fleet.gateways[1].metric("SharedCacheHitCount"), Some(1));
    assert_eq!(
        fleet.gateways[1].logged("cacheStatus").as_deref(),
        Some("hit")
    );
    // From then on it is here.
    assert_eq!(fleet.calls.get(), 3);
    assert_eq!(fleet.text(1, "/prod/pets", "never"), "one");
    assert_eq!(fleet.gateways[1].metric("CacheHitCount"), Some(2));
    assert_eq!(fleet.gateways[1].metric("SharedCacheHitCount"), Some(1));
    fleet.run_errands();
    assert_eq!(fleet.calls.get(), 3);
    // Another key is another response.
    assert_eq!(fleet.text(1, "/prod/pets?a=1", "two"), "two");
    assert_eq!(fleet.text(1, "/prod/toys", "three"), "three");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lifetime_is_the_same_everywhere() {
    let fleet = Fleet::new(&[]);
    fleet.text(0, "/prod/pets", "one");
    fleet.run_errands();
    fleet.wait(200_000);
    assert_eq!(fleet.text(1, "/prod/pets", "two"), "one");
    fleet.wait(99_999);
    assert_eq!(fleet.text(1, "/prod/pets", "two"), "one");
    fleet.wait(1);
    assert_eq!(fleet.text(1, "/prod/pets", "two"), "two");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_that_is_wrong_makes_nothing_older() {
    for (ahead, skew, found) in [
        (1, 0, "one"),
        (1, 299_000, "one"),
        (1, 400_000, "two"),
        (0, 400_000, "one"),
    ] {
        let fleet = Fleet::new(&[]);
        fleet.gateways[ahead].advance(skew);
        fleet.text(0, "/prod/pets", "one");
        fleet.run_errands();
        assert_eq!(fleet.text(1, "/prod/pets", "two"), found, "{ahead} {skew}");
        fleet.wait(300_000);
        assert_eq!(fleet.text(1, "/prod/pets", "three"), "three", "{ahead}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_flushed_at_one_is_flushed_at_all() {
    for (query, pets, toys) in [
        ("", "new", "new"),
        ("?method=/pets/GET", "new", "old"),
        ("?path=/pets", "new", "old"),
        ("?path=/pets%3Fa=1", "old", "old"),
    ] {
        let fleet = Fleet::new(&[]);
        for gateway in 0..2 {
            fleet.text(gateway, "/prod/pets", "old");
            fleet.text(gateway, "/prod/toys", "old");
            fleet.run_errands();
        }
        assert_eq!(fleet.flush(0, query), 202, "{query}");
        fleet.wait(KNOWN_AFTER_MILLIS);
        assert_eq!(fleet.text(1, "/prod/pets", "new"), pets, "{query}");
        assert_eq!(fleet.text(1, "/prod/toys", "new"), toys, "{query}");
        fleet.run_errands();
        // The other one finds what the first has fetched since.
        assert_eq!(fleet.text(0, "/prod/pets", "newer"), pets, "{query}");
        assert_eq!(fleet.text(0, "/prod/toys", "newer"), toys, "{query}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_one_asks_for_anew_is_new_for_all() {
    let fleet = Fleet::new(&[(&format!("{CACHED}/invalidation"), json!("ANYONE"))]);
    fleet.text(0, "/prod/pets", "old");
    fleet.run_errands();
    assert_eq!(fleet.text(1, "/prod/pets", "new"), "old");
    let (answer, asked) = fleet.get(0, "/prod/pets", &[ANEW], "new");
    assert_eq!((answer.text(), asked), ("new", true));
    fleet.wait(KNOWN_AFTER_MILLIS);
    assert_eq!(fleet.text(1, "/prod/pets", "newer"), "new");
    // Who has asked still has it.
    assert_eq!(fleet.text(0, "/prod/pets", "newer"), "new");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_forgotten_while_it_was_fetched_is_not_kept() {
    for forget in [0, 1] {
        let fleet = Fleet::new(&[]);
        let mut slow = fleet.start(0, "GET", "/prod/pets", &[]);
        assert!(slow.asks());
        assert_eq!(fleet.flush(forget, ""), 202);
        slow.answer_with(200, &[], "old");
        fleet.run_errands();
        fleet.wait(KNOWN_AFTER_MILLIS);
        assert_eq!(fleet.text(1, "/prod/pets", "new"), "new", "{forget}");
        fleet.run_errands();
        assert_eq!(fleet.text(0, "/prod/pets", "newer"), "new", "{forget}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn without_redis_each_gateway_has_its_own() {
    let fleet = Fleet::new(&[]);
    fleet.text(0, "/prod/pets", "one");
    fleet.run_errands();
    fleet.is_up.set(false);
    assert_eq!(fleet.text(1, "/prod/pets", "two"), "two");
    assert_eq!(fleet.text(0, "/prod/pets", "two"), "one");
    // Nobody can promise that all have forgotten it; this one has.
    assert_eq!(fleet.flush(0, ""), 503);
    assert_eq!(fleet.text(0, "/prod/pets", "three"), "three");
    // After a while it is not even asked.
    for _ in 0..4 {
        fleet.wait(KNOWN_AFTER_MILLIS);
    }
    let calls = fleet.calls.get();
    assert_eq!(fleet.text(1, "/prod/toys", "one"), "one");
    assert_eq!(fleet.calls.get(), calls);
    // Until it is back.
    fleet.is_up.set(true);
    for _ in 0..10 {
        fleet.wait(KNOWN_AFTER_MILLIS);
    }
    assert_eq!(fleet.flush(0, ""), 202);
    fleet.wait(KNOWN_AFTER_MILLIS);
    assert_eq!(fleet.text(1, "/prod/pets", "four"), "four");
    fleet.run_errands();
    assert_eq!(fleet.text(0, "/prod/pets", "five"), "four");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_redis_was_not_told_it_is_told_later() {
    let fleet = Fleet::new(&[(&format!("{CACHED}/invalidation"), json!("ANYONE"))]);
    for gateway in 0..2 {
        fleet.text(gateway, "/prod/pets", "old");
        fleet.run_errands();
    }
    fleet.is_up.set(false);
    let (answer, _) = fleet.get(0, "/prod/pets", &[ANEW], "new");
    assert_eq!(answer.text(), "new");
    fleet.is_up.set(true);
    fleet.wait(KNOWN_AFTER_MILLIS);
    fleet.wait(KNOWN_AFTER_MILLIS);
    assert_eq!(fleet.text(1, "/prod/pets", "newer"), "newer");
}

/// An edit ends workers, and others go on in the same proxy.
#[wasm_bindgen_test(unsupported = test)]
fn what_redis_was_not_told_by_a_worker_that_ends_it_is_told_by_the_next() {
    let anyone = format!("{CACHED}/invalidation");
    let changes = [(anyone.as_str(), json!("ANYONE"))];
    let mut fleet = Fleet::new(&changes);
    for gateway in 0..2 {
        fleet.text(gateway, "/prod/pets", "old");
        fleet.run_errands();
    }
    fleet.is_up.set(false);
    fleet.get(0, "/prod/pets", &[ANEW], "new");
    fleet.gateways[0].replace_worker(&shared(&changes));
    fleet.is_up.set(true);
    for _ in 0..4 {
        fleet.wait(KNOWN_AFTER_MILLIS);
    }
    assert_eq!(fleet.text(1, "/prod/pets", "newer"), "newer");
}

#[wasm_bindgen_test(unsupported = test)]
fn who_cannot_know_what_was_forgotten_forgets_everything() {
    let fleet = Fleet::new(&[]);
    fleet.flush(0, "");
    fleet.wait(KNOWN_AFTER_MILLIS);
    for gateway in 0..2 {
        fleet.text(gateway, "/prod/pets", "old");
        fleet.run_errands();
    }
    fleet.flush(0, "");
    fleet.redis.borrow_mut().lose_everything();
    fleet.wait(KNOWN_AFTER_MILLIS);
    assert_eq!(fleet.text(1, "/prod/pets", "new"), "new");
    // A log that nothing is written to for long is still the same.
    fleet.flush(0, "");
    fleet.wait(KNOWN_AFTER_MILLIS);
    for _ in 0..3 {
        fleet.wait(3_000_000);
    }
    fleet.text(1, "/prod/pets", "one");
    fleet.wait(KNOWN_AFTER_MILLIS);
    let calls = fleet.calls.get();
    assert_eq!(fleet.text(1, "/prod/pets", "two"), "one");
    assert_eq!(fleet.calls.get(), calls);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_cut_off_gateway_has_missed_it_has_forgotten_when_it_is_back() {
    let fleet = Fleet::new(&[]);
    fleet.text(1, "/prod/pets", "one");
    fleet.run_errands();
    for (flushes, asks) in [(1, 0), (16_384, 1)] {
        for _ in 0..flushes {
            // Somebody flushes another cache.
            let keys = ["log", "mark"].map(str::to_owned);
            let words = ["7", "7200000", "somebody other", "16384"].map(str::to_owned);
            let now = fleet.gateways[0].now();
            fleet.redis.borrow_mut().forget(now, &keys, &words);
        }
        fleet.wait(KNOWN_AFTER_MILLIS);
        // The log has no room for so many changes, and begins anew. In Redis it is still found.
        let calls = fleet.calls.get();
        assert_eq!(fleet.text(1, "/prod/pets", "two"), "one");
        assert_eq!(fleet.calls.get() - calls, asks, "{flushes}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn who_is_faster_does_not_bring_back_what_is_asked_for_anew() {
    let fleet = Fleet::new(&[(&format!("{CACHED}/invalidation"), json!("ANYONE"))]);
    fleet.text(0, "/prod/pets", "old");
    fleet.run_errands();
    fleet.is_up.set(false);
    let (answer, _) = fleet.get(0, "/prod/pets", &[ANEW], "new");
    assert_eq!(answer.text(), "new");
    // Before Redis is told, this gateway forgets it too, and finds what was to be forgotten.
    fleet.is_up.set(true);
    assert_eq!(fleet.flush(0, "?path=/toys"), 202);
    fleet.wait(KNOWN_AFTER_MILLIS);
    fleet.wait(KNOWN_AFTER_MILLIS);
    assert_eq!(fleet.text(0, "/prod/pets", "newer"), "newer");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_encrypted_is_so_in_redis_too() {
    let fleet = Fleet::new(&[(&format!("{CACHED}/encrypted"), json!(true))]);
    fleet.text(0, "/prod/pets", "one");
    fleet.text(0, "/prod/toys", "two");
    fleet.run_errands();
    let texts: Vec<(String, String)> = {
        let redis = fleet.redis.borrow();
        let texts = redis.texts().map(|(key, text)| (key.into(), text.into()));
        texts.collect()
    };
    // `back end`, a field of both, as it stands in base64 behind any number of bytes.
    let field = ["YmFjayBlbm", "JhY2sgZW5k", "iYWNrIGVuZ"];
    let is_plain = |(_, entry): &&(String, String)| field.iter().any(|text| entry.contains(text));
    let plain: Vec<_> = texts.iter().filter(is_plain).collect();
    assert_eq!((texts.len(), plain.len()), (2, 1));
    assert_eq!(fleet.text(1, "/prod/pets", "never"), "one");
    // What somebody has put there without the key is not believed.
    let fleet = Fleet::new(&[(&format!("{CACHED}/encrypted"), json!(true))]);
    fleet.text(0, "/prod/pets", "one");
    fleet.run_errands();
    let (key, _) = texts.iter().find(|text| !plain.contains(text)).unwrap();
    fleet.redis.borrow_mut().replace(key, &plain[0].1);
    assert_eq!(fleet.text(1, "/prod/pets", "three"), "three");
}

#[wasm_bindgen_test(unsupported = test)]
fn answers_that_are_for_nobody_else_are_not_looked_for() {
    let fleet = Fleet::new(&[]);
    for round in 0..5 {
        let mut client = fleet.start(0, "GET", "/prod/pets", &[]);
        client.answer_with(200, &[("set-cookie", "a=b")], "mine");
        fleet.run_errands();
        assert_eq!(fleet.calls.get(), 1, "{round}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_cache_that_cannot_be_shared_is_refused() {
    let pointer = "/apis/0/stages/0/cacheCluster/shared";
    for (place, value, reason) in [
        ("/state", Value::Null, "there is none"),
        (
            "/apis/0/stages/0/cacheCluster/mode",
            json!("http"),
            "mode `http`",
        ),
    ] {
        let document = shared(&[(place, value)]);
        let faults = Gateway::compile(&document, &|_: &str| None).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].pointer, pointer);
        assert!(faults[0].reason.contains(reason), "{:?}", faults[0]);
    }
}

/// An API behind a Lambda authorizer that lets `GET` pass.
pub(super) fn guarded() -> Vec<(&'static str, Value)> {
    let guard = json!({"name": "guard", "kind": {"lambda": {
        "event": "token",
        "identitySources": ["method.request.header.Authorization"],
        "resultTtlInSeconds": 60,
        "uri": "https://auth.example/check",
        "timeoutInMillis": 5000,
    }}});
    let by_guard = json!({"authorizer": {"index": 0}});
    vec![
        ("/apis/0/authorizers", json!([guard])),
        ("/apis/0/operations/0/authorization", by_guard.clone()),
        ("/apis/0/operations/1/authorization", by_guard),
        ("/apis/0/stages/0/cacheCluster/operations", json!([])),
    ]
}

/// Allows `/pets` and denies everything else.
pub(super) fn policy() -> Vec<u8> {
    let policy = json!({"principalId": "ann-of-the-secret", "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "execute-api:Invoke",
            "Resource": "arn:aws:execute-api:*:*:*/prod/GET/pets",
        }],
    }});
    serde_json::to_vec(&policy).unwrap()
}

const BY_ANN: &[(&str, &str)] = &[("authorization", "token-of-ann")];

impl Fleet {
    /// Whether the authorizer was asked, and the status that the client gets.
    fn authorized(&self, gateway: usize, path: &str) -> (bool, u16) {
        let mut client = self.start(gateway, "GET", path, BY_ANN);
        let asked = client.calls().is_some();
        if asked {
            client.called(200, &policy());
        }
        if client.asks() {
            client.answer_with(200, &[], "body");
        }
        (asked, client.answer.expect("an answer").status)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_an_authorizer_has_told_one_gateway_the_others_know() {
    let fleet = Fleet::new(&guarded());
    assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
    fleet.run_errands();
    // A policy, not a verdict.
    assert_eq!(fleet.authorized(1, "/prod/toys"), (false, 403));
    assert_eq!(fleet.authorized(1, "/prod/pets"), (false, 200));
    for (key, text) in fleet.redis.borrow().texts() {
        // What it says, who it is about and what it was found by: nothing of it can be read.
        assert!(!text.contains("YW5uLW9m") && !text.contains("FubiF") && !text.contains("hbm4tb2"));
        assert!(!key.contains("ann"), "{key}");
    }
    fleet.wait(59_999);
    assert_eq!(fleet.authorized(1, "/prod/pets"), (false, 200));
    fleet.wait(1);
    assert_eq!(fleet.authorized(1, "/prod/pets"), (true, 200));
}

#[wasm_bindgen_test(unsupported = test)]
fn without_redis_each_gateway_asks_its_authorizer() {
    let fleet = Fleet::new(&guarded());
    assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
    fleet.run_errands();
    fleet.is_up.set(false);
    assert_eq!(fleet.authorized(1, "/prod/pets"), (true, 200));
    assert_eq!(fleet.authorized(1, "/prod/pets"), (false, 200));
}

#[wasm_bindgen_test(unsupported = test)]
fn results_are_not_shared_without_a_key() {
    let document = shared(&guarded());
    let faults = Gateway::compile(&document, &|_: &str| None).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].pointer, "/apis/0/stages/0/cacheCluster/shared");
    assert!(faults[0].reason.contains("encrypted only"), "{faults:?}");
}

const FLUSH_AUTHORIZERS: &str = "/restapis/shop/stages/prod/cache/authorizers";

#[wasm_bindgen_test(unsupported = test)]
fn what_authorizers_have_said_is_forgotten_by_all() {
    for (at, other) in [(0, 1), (1, 0)] {
        let fleet = Fleet::new(&guarded());
        assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
        fleet.run_errands();
        assert_eq!(fleet.authorized(1, "/prod/pets"), (false, 200));
        let flushed = fleet.start(at, "DELETE", FLUSH_AUTHORIZERS, &[TOKEN]);
        assert_eq!(flushed.answer.unwrap().status, 202);
        // Who has been told asks again; what it hears is for the others too.
        assert_eq!(fleet.authorized(at, "/prod/toys"), (true, 403));
        fleet.wait(KNOWN_AFTER_MILLIS);
        assert_eq!(fleet.authorized(other, "/prod/pets"), (false, 200));
        let flushed = fleet.start(at, "DELETE", FLUSH_AUTHORIZERS, &[TOKEN]);
        assert_eq!(flushed.answer.unwrap().status, 202);
        fleet.wait(KNOWN_AFTER_MILLIS);
        assert_eq!(fleet.authorized(other, "/prod/pets"), (true, 200));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_an_authorizer_is_saying_while_it_is_forgotten_is_not_kept() {
    let fleet = Fleet::new(&guarded());
    let mut slow = fleet.start(0, "GET", "/prod/pets", BY_ANN);
    assert!(slow.calls().is_some());
    let flushed = fleet.start(1, "DELETE", FLUSH_AUTHORIZERS, &[TOKEN]);
    assert_eq!(flushed.answer.unwrap().status, 202);
    fleet.wait(KNOWN_AFTER_MILLIS);
    slow.called(200, &policy());
    slow.answer_with(200, &[], "body");
    fleet.run_errands();
    assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
    fleet.run_errands();
    assert_eq!(fleet.authorized(1, "/prod/pets"), (false, 200));
}

#[wasm_bindgen_test(unsupported = test)]
fn without_redis_nobody_can_say_that_all_have_forgotten() {
    let fleet = Fleet::new(&guarded());
    assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
    fleet.is_up.set(false);
    let flushed = fleet.start(0, "DELETE", FLUSH_AUTHORIZERS, &[TOKEN]);
    assert_eq!(flushed.answer.unwrap().status, 503);
    assert_eq!(fleet.authorized(0, "/prod/pets"), (true, 200));
}
