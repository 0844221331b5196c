//! API keys that live in Redis: real Envoys, a real Webdis, a real Redis, and the command that changes
//! them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::time::{Duration, Instant};

use attache_e2e::{Attache, Client, Fleet, Redis, Request, Upstash};
use proptest::prelude::*;
use serde_json::Value;

#[allow(dead_code, reason = "the tests of the gateways use the rest")]
#[path = "../../../filters/policies/src/fleet/table/model.rs"]
mod table_model;

use table_model::TableModel;

const RECORD: &str = include_str!("../../../filters/policies/src/fleet/table/record.lua");
const READ: &str = include_str!("../../../filters/policies/src/fleet/table/read.lua");
const FIND: &str = include_str!("../../../filters/policies/src/fleet/keys/find.lua");
const WRITE: &str = include_str!("../../../filters/policies/src/fleet/table/write.lua");

#[test]
fn a_key_is_known_everywhere_soon_after_it_was_created_or_revoked() {
    let fleet = Fleet::new(2, ", apiKeys: true");
    let mut longest = Duration::ZERO;
    for name in ["acme", "Über & Söhne/1", "globex"] {
        let value = fleet.told("keys", &["create", name, "--plan", "gold"]);
        longest = longest.max(fleet.comes_to(&value, 200));
        let new = fleet.told("keys", &["rotate", name, "--overlap", "1h"]);
        longest = longest.max(fleet.comes_to(&new, 200));
        assert_eq!(fleet.statuses(&value), [200; 2]);
        fleet.told("keys", &["revoke", name]);
        longest = longest.max(fleet.comes_to(&new, 403));
        assert_eq!(fleet.statuses(&value), [403; 2]);
        fleet.told("keys", &["revoke", "--delete", name]);
        let gone = fleet.command("keys", &["revoke", name]);
        assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    }
    // Two seconds are stated; how busy the machine is must not decide the test.
    println!("known everywhere after {longest:?} at most");
    fleet.everything_expires();
}

#[test]
fn guessing_keys_costs_redis_nothing() {
    let fleet = Fleet::new(2, ", apiKeys: true");
    let value = fleet.told("keys", &["create", "acme", "--plan", "gold"]);
    fleet.comes_to(&value, 200);
    fleet.until_loaded(&value);
    let (before, started) = (fleet.scripts(), Instant::now());
    let mut client = Client::http1(fleet.gateways[0].address());
    for guess in 0..5_000 {
        let request =
            Request::new("GET", "/prod/one").header("x-api-key", format!("guess-{guess}"));
        assert_eq!(client.send(&request).unwrap().status, 403);
    }
    // Two gateways ask once a second, whatever they are asked.
    let seconds = started.elapsed().as_secs();
    let calls = fleet.scripts() - before;
    println!("{calls} calls of Redis in {seconds} s of guessing");
    assert!(calls <= 4 * (seconds + 5), "{calls} calls in {seconds} s");
}

#[test]
fn keys_stay_in_force_without_redis_and_new_gateways_learn_them() {
    let mut fleet = Fleet::new(1, ", apiKeys: true");
    let value = fleet.told("keys", &["create", "acme", "--plan", "gold"]);
    fleet.comes_to(&value, 200);
    fleet.until_loaded(&value);
    fleet.redis.kill();
    assert_eq!(fleet.statuses(&value), [200]);
    let refused = fleet.command("keys", &["list"]);
    assert_eq!(refused.status.code(), Some(1));
    fleet.redis.restart();
    fleet
        .gateways
        .push(Attache::serve(fleet.project.path(), &[]));
    fleet.comes_to(&value, 200);
    fleet.told("keys", &["revoke", "acme"]);
    fleet.comes_to(&value, 403);
}

#[test]
fn many_keys_are_imported_and_listed_in_upstashs_dialect() {
    const COUNT: usize = 2_500;
    let redis = Redis::start();
    let upstash = Upstash::before(redis.address(), "a-token-of-upstash");
    let state = format!(
        "url: \"{}\", dialect: upstash, auth: {{token: a-token-of-upstash}}, apiKeys: true",
        upstash.url()
    );
    let fleet = Fleet::with(1, redis, Box::new(upstash), &state);
    let mut file = String::from("Name,key,UsagePlanIds\r\n");
    for key in 0..COUNT {
        file.push_str(&format!("key{key},value-of-key-{key:08},gold\r\n"));
    }
    fleet.project.write("keys.csv", &file);
    let path = fleet.project.path().join("keys.csv");
    let path = path.to_str().unwrap();
    fleet.told("keys", &["import", path]);
    let again: Value =
        serde_json::from_str(&fleet.told("keys", &["import", path, "--output", "json"])).unwrap();
    assert_eq!(again["imported"], Value::Array(Vec::new()));
    assert_eq!(again["warnings"], COUNT);
    let listed: Value =
        serde_json::from_str(&fleet.told("keys", &["list", "--output", "json"])).unwrap();
    assert_eq!(listed["apiKeys"].as_array().unwrap().len(), COUNT);
    for key in [0, COUNT - 1] {
        fleet.comes_to(&format!("value-of-key-{key:08}"), 200);
    }
}

/// What the scripts take for the time, in microseconds.
const NOW: u64 = 1_795_132_800_000_000;

#[derive(Clone, Debug)]
enum Act {
    /// The key, whether the change knows what is there, and the value that the key is to have.
    Write(u8, bool, Option<u8>),
    /// How far the reader has come: whether in this table, to which version, and as of which.
    Read(bool, u64, u64),
    Find(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0_u8..8, prop::bool::weighted(0.9), prop::option::of(0_u8..12))
            .prop_map(|(key, knows, value)| Act::Write(key, knows, value)),
        2 => (prop::bool::weighted(0.8), 0_u64..20, 0_u64..20)
            .prop_map(|(same, since, complete)| Act::Read(same, NOW + since, NOW + complete)),
        1 => (0_u8..12).prop_map(Act::Find),
    ];
    prop::collection::vec(act, 1..40)
}

/// The scripts answer what the model answers that the gateways are tried against.
#[test]
fn the_scripts_are_the_model() {
    const KEYS: [&str; 5] = ["{a}:1", "{a}:2", "{a}:3", "{a}:4", "{a}:5"];
    let redis = Redis::start();
    let write = WRITE.replace("redis.call('TIME')", "{'1795132800', '0'}");
    assert_ne!(write, WRITE);
    let run = |script: &str, keys: &[&str], argv: &[String]| -> Vec<String> {
        let count = keys.len().to_string();
        let mut words = vec!["EVAL", script, &count];
        words.extend(keys);
        words.extend(argv.iter().map(String::as_str));
        redis.ask(&words)
    };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&acts(), |acts| {
            redis.ask::<()>(&["FLUSHALL"]);
            let mut model = TableModel::default();
            for act in acts {
                match act {
                    Act::Write(key, knows, value) => {
                        let id = format!("key {key}");
                        let old = model.records.get(&id).map(|(_, record)| record.clone());
                        let old = old.filter(|record| !record.is_empty() && knows);
                        let mut words = vec!["100".to_owned(), "2".to_owned(), id];
                        let digest = old.as_ref().map(|record| record.replace("of ", ""));
                        words.push(old.unwrap_or_else(|| "-".to_owned()));
                        let new = value.map(|value| format!("of {value}"));
                        words.push(new.clone().unwrap_or_else(|| "-".to_owned()));
                        for digest in [digest, value.map(|value| value.to_string())] {
                            words.push(u8::from(digest.is_some()).to_string());
                            words.extend(digest);
                        }
                        let expected = model.write(NOW, &words);
                        prop_assert_eq!(run(&write, &KEYS, &words), expected);
                    }
                    Act::Read(same, since, complete) => {
                        let table = if same { model.table } else { 7 };
                        let words = [table, since, complete, 3, 100].map(|word| word.to_string());
                        prop_assert_eq!(run(READ, &KEYS, &words), model.read(&words));
                    }
                    Act::Find(digest) => {
                        let digest = digest.to_string();
                        let found: String =
                            redis.ask(&["EVAL", FIND, "2", KEYS[0], KEYS[3], &digest]);
                        prop_assert_eq!(found, model.find(&digest));
                        let id = format!("key {digest}");
                        let record: String = redis.ask(&["EVAL", RECORD, "1", KEYS[0], &id]);
                        prop_assert_eq!(record, model.record(&id));
                    }
                }
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
