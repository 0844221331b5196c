//! Caches that gateways share: real Envoys, a real Webdis and a real Redis.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Reaction, Redis, Request, Webdis, definition,
    until,
};
use proptest::prelude::*;

#[allow(dead_code, reason = "the tests of the filter use the rest")]
#[path = "../../../filters/policies/src/shared_cache/redis_model.rs"]
mod redis_model;

use redis_model::{Answer, RedisModel};

const FIND: &str = include_str!("../../../filters/policies/src/shared_cache/find.lua");
const KEEP: &str = include_str!("../../../filters/policies/src/shared_cache/keep.lua");
const FORGET: &str = include_str!("../../../filters/policies/src/shared_cache/forget.lua");
const CHANGES: &str = include_str!("../../../filters/policies/src/shared_cache/changes.lua");

const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// What every response begins with: as many bytes as stand for themselves in base64.
const PLAIN: &str = "plain text, ";

/// How many bytes a large response has, beside its beginning: nearly as many as are kept.
const LARGE: usize = 1_000_000;

const SECRETS_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Two gateways with one configuration, and what they share.
struct Fleet {
    gateways: Vec<Attache>,
    redis: Redis,
    asked: Arc<AtomicUsize>,
    _webdis: Webdis,
    _project: Project,
    _backend: Backend,
}

impl Fleet {
    /// `encrypted`: whether responses are.
    fn new(encrypted: bool) -> Self {
        let redis = Redis::start();
        let webdis = Webdis::before(redis.address());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let backend = Backend::start(move |request| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let mut body = format!("{PLAIN}{number}");
            if request.path == "/large" {
                body.push_str(&".".repeat(LARGE));
            }
            Reaction::answer(200, body)
        });
        let configuration = format!(
            "accessLog: off
apis:
  pets:
    definition: openapi.json
    stages:
      prod:
        cacheCluster: {{enabled: true, shared: true}}
        methodSettings: {{\"*/*\": {{cachingEnabled: true, cacheDataEncrypted: {encrypted}, \
             requireAuthorizationForCacheControl: false}}}}
managementApi: {{token: {TOKEN}}}
state: {{redis: {{url: \"{}\", timeoutMs: 1000}}}}
",
            webdis.url()
        );
        let uri = |path: &str| format!("http://{}{path}", backend.address());
        let definition = definition(&[
            Operation::new("GET", "/one", &uri("/one")),
            Operation::new("GET", "/two", &uri("/two")),
            Operation::new("GET", "/large", &uri("/large")),
        ]);
        let project = Project::new(&configuration, &definition);
        let environment = [("ATTACHE_SECRETS_KEY", Path::new(SECRETS_KEY))];
        let start = |_| Attache::serve_with(project.path(), &[], &environment);
        Self {
            gateways: (0..2).map(start).collect(),
            redis,
            asked,
            _webdis: webdis,
            _project: project,
            _backend: backend,
        }
    }

    fn send(&self, gateway: usize, request: &Request) -> (u16, String) {
        let mut client = Client::http1(self.gateways[gateway].address());
        let response = client.send(request).unwrap();
        (response.status, String::from_utf8(response.body).unwrap())
    }

    fn get(&self, gateway: usize, path: &str) -> String {
        let (status, body) = self.send(gateway, &Request::new("GET", path));
        assert_eq!(status, 200);
        body
    }

    fn flush(&self, gateway: usize, query: &str) -> u16 {
        let path = format!("/restapis/pets/stages/prod/cache/data{query}");
        let request = Request::new("DELETE", &path);
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        self.send(gateway, &request).0
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The names of the entries in Redis.
    fn entries(&self) -> Vec<String> {
        self.redis.ask(&["KEYS", "*cache:entry:*"])
    }

    /// Waits until Redis has so many entries.
    fn wait_for_entries(&self, count: usize) {
        until("entries in Redis", || {
            (self.entries().len() == count).then_some(())
        });
    }

    /// Has both gateways keep one response to `/prod/one`.
    fn fill_both(&self) -> String {
        for entry in self.entries() {
            self.redis.ask::<()>(&["DEL", &entry]);
        }
        assert_eq!(self.flush(0, ""), 202);
        let one = until("an entry in Redis", || {
            let one = self.get(0, "/prod/one");
            (self.entries().len() == 1).then_some(one)
        });
        until("both have it", || {
            (self.get(1, "/prod/one") == one).then_some(())
        });
        one
    }

    fn assert_that_all_keys_expire(&self) {
        let keys: Vec<String> = self.redis.ask(&["KEYS", "*"]);
        assert!(!keys.is_empty());
        for key in keys {
            let expires_in: i64 = self.redis.ask(&["TTL", &key]);
            assert!(expires_in > 0, "{key}: {expires_in}");
        }
    }
}

#[test]
fn a_response_that_one_gateway_has_fetched_is_a_hit_at_the_other() {
    let fleet = Fleet::new(false);
    let first = fleet.get(0, "/prod/one");
    fleet.wait_for_entries(1);
    assert_eq!(fleet.get(1, "/prod/one"), first);
    assert_eq!(fleet.get(1, "/prod/one"), first);
    assert_eq!(fleet.asked(), 1);
    fleet.assert_that_all_keys_expire();
}

#[test]
fn a_large_response_is_found_too() {
    for encrypted in [false, true] {
        let fleet = Fleet::new(encrypted);
        let large = fleet.get(0, "/prod/large");
        assert!(large.len() > LARGE);
        fleet.wait_for_entries(1);
        assert!(fleet.get(1, "/prod/large") == large);
        assert_eq!(fleet.asked(), 1);
    }
}

#[test]
fn what_is_encrypted_is_so_in_redis_too() {
    // `plain text, ` in base64, wherever it begins.
    let shows = |fleet: &Fleet| {
        let entries = fleet.entries();
        let entry: String = fleet.redis.ask(&["GET", &entries[0]]);
        ["cGxhaW4gdGV4", "bGFpbiB0ZXh0", "YWluIHRleHQs"]
            .iter()
            .any(|plain| entry.contains(plain))
    };
    for encrypted in [false, true] {
        let fleet = Fleet::new(encrypted);
        let first = fleet.get(0, "/prod/one");
        fleet.wait_for_entries(1);
        assert_eq!(shows(&fleet), !encrypted);
        assert_eq!(fleet.get(1, "/prod/one"), first);
        assert_eq!(fleet.asked(), 1);
    }
}

#[test]
fn what_is_forgotten_at_one_gateway_is_forgotten_at_both() {
    let fleet = Fleet::new(false);
    let anew = Request::new("GET", "/prod/one").header("cache-control", "max-age=0");
    for forget in [
        "",
        "?method=/one/GET",
        "?path=/one",
        // Asked for anew.
        "max-age=0",
    ] {
        let old = fleet.fill_both();
        let started = Instant::now();
        if forget == "max-age=0" {
            assert_ne!(fleet.send(0, &anew).1, old);
        } else {
            assert_eq!(fleet.flush(0, forget), 202);
        }
        let new = until("the other one has forgotten it", || {
            Some(fleet.get(1, "/prod/one")).filter(|new| *new != old)
        });
        // A second is stated; how busy the machine is must not decide the test.
        println!("{forget:?}: after {:?}", started.elapsed());
        assert_eq!(fleet.get(1, "/prod/one"), new);
    }
    fleet.assert_that_all_keys_expire();
}

#[test]
fn without_redis_there_are_only_more_misses() {
    let mut fleet = Fleet::new(false);
    let one = fleet.get(0, "/prod/one");
    fleet.wait_for_entries(1);
    fleet.redis.kill();
    assert_eq!(fleet.get(0, "/prod/one"), one);
    let two = fleet.get(1, "/prod/one");
    assert_ne!(two, one);
    assert_eq!(fleet.get(1, "/prod/one"), two);
    assert_eq!(fleet.flush(0, ""), 503);
    assert_ne!(fleet.get(0, "/prod/one"), one);
    fleet.redis.restart();
    for gateway in 0..2 {
        // Webdis has many connections to Redis, and each has to be there again.
        until("Redis is asked again", || {
            let is_told = (0..40).all(|_| fleet.flush(gateway, "?path=/one") == 202);
            is_told.then_some(())
        });
    }
    let three = until("an entry in Redis", || {
        let three = fleet.get(0, "/prod/two");
        (fleet.entries().len() == 1).then_some(three)
    });
    assert_eq!(fleet.get(1, "/prod/two"), three);
}

/// What somebody does to Redis.
#[derive(Clone, Debug)]
enum Step {
    Find,
    /// Under the version that was found last, or another one.
    Keep(bool),
    Forget(usize),
    /// From where it was read last, or a place that is not there.
    Read(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Find),
        prop::bool::weighted(0.8).prop_map(Step::Keep),
        (1_usize..4).prop_map(Step::Forget),
        prop::bool::weighted(0.8).prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..40)
}

fn texts(answer: &[redis::Value]) -> Vec<String> {
    answer
        .iter()
        .map(|value| match value {
            redis::Value::Int(number) => number.to_string(),
            redis::Value::BulkString(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn said(answer: Answer) -> Vec<String> {
    match answer {
        Answer::Text(text) => vec![text],
        Answer::Number(number) => vec![number.to_string()],
        Answer::List(list) => list.into_iter().flat_map(said).collect(),
    }
}

/// The scripts answer what the model answers that the gateways are tried with.
#[test]
fn the_scripts_are_the_model() {
    let redis = Redis::start();
    let strings = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let keys = strings(&["{a}:e", "{a}:c", "{a}:c:1", "{a}:m"]);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&steps(), |steps| {
            redis.ask::<()>(&["FLUSHALL"]);
            let mut model = RedisModel::default();
            let ask = |script: &str, keys: &[String], argv: &[String]| -> Vec<String> {
                let count = keys.len().to_string();
                let mut command = vec!["EVAL", script, &count];
                command.extend(keys.iter().chain(argv).map(String::as_str));
                match redis.ask::<redis::Value>(&command) {
                    redis::Value::Array(list) => texts(&list),
                    one => texts(&[one]),
                }
            };
            let mut version = ",,".to_owned();
            // Both count lines in their own way.
            let (mut read, mut model_read) = ("$".to_owned(), "$".to_owned());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Find => {
                        let mut real = ask(FIND, &keys, &[]);
                        let mut modelled = said(model.find(0, &keys));
                        version.clone_from(&real[0]);
                        // What is left of its time is the clock's.
                        real.remove(1);
                        modelled.remove(1);
                        prop_assert_eq!(real, modelled);
                    }
                    Step::Keep(right) => {
                        let version = if right { &version } else { ",x," };
                        let words = strings(&[version, &format!("text{number}"), "100000"]);
                        prop_assert_eq!(
                            ask(KEEP, &keys, &words),
                            said(model.keep(0, &keys, &words))
                        );
                    }
                    Step::Forget(marks) => {
                        let mut named = strings(&["{a}:log"]);
                        named.extend_from_slice(&keys[1..=marks]);
                        let line = format!("me {number}");
                        let words = strings(&[&format!("mark{number}"), "100000", &line, "5"]);
                        prop_assert_eq!(
                            ask(FORGET, &named, &words),
                            said(model.forget(0, &named, &words))
                        );
                    }
                    Step::Read(goes_on) => {
                        let log = strings(&["{a}:log", "{a}:probe"]);
                        let (from, model_from) = if goes_on {
                            (read.as_str(), model_read.as_str())
                        } else {
                            ("$", "$")
                        };
                        let real = ask(CHANGES, &log, &strings(&[from, "3", "100000"]));
                        let words = strings(&[model_from, "3", "100000"]);
                        let modelled = said(model.changes(0, &words));
                        read.clone_from(&real[1]);
                        model_read.clone_from(&modelled[1]);
                        prop_assert_eq!(&real[0], &modelled[0]);
                        prop_assert_eq!(&real[2..], &modelled[2..]);
                    }
                }
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
