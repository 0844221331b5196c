//! API keys that live in Redis.

use attache_model as model;
use proptest::prelude::*;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::fleet::table::model::TableModel;
use crate::fleet::table::world::{BEGINNING, World, key, valued};
use crate::fleet::table::{MOST_UNKNOWN, PAGE, TableChange, Written};

#[wasm_bindgen_test(unsupported = test)]
fn a_key_opens_everywhere_soon_after_it_is_created_until_it_is_revoked() {
    let mut world = World::new(2, &json!([]));
    world.wait(1_000);
    assert_eq!(world.statuses("key of acme"), [403; 4]);
    world.create(&key("acme"));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 4]);
    let disabled = model::ApiKey {
        enabled: false,
        ..key("acme")
    };
    world.create(&disabled);
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [403; 4]);
    world.create(&key("acme"));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 4]);
    assert_eq!(world.write("acme", None), Written::Done);
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [403; 4]);
    // All of this without a single question that a request waited for.
    assert_eq!(world.finds, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn both_values_of_a_rotated_key_open_until_the_old_one_ends() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    let rotated = model::ApiKey {
        previous_values: vec![model::PreviousValue {
            digest: key("acme").digest,
            expires_at: BEGINNING + 10_000,
        }],
        ..valued("acme", "new value")
    };
    world.create(&rotated);
    world.wait(1_300);
    assert_eq!(world.statuses("new value"), [200; 2]);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    // The moment holds whether Redis is there or not.
    world.is_up = false;
    world.wait(9_000);
    assert_eq!(world.statuses("new value"), [200; 2]);
    assert_eq!(world.statuses("key of acme"), [403; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn guessing_asks_redis_nothing_and_a_gateway_asks_once_a_second() {
    let mut world = World::new(3, &json!([]));
    world.create(&key("acme"));
    world.wait(1_000);
    (world.reads, world.finds) = (0, 0);
    for guess in 0..1_000 {
        assert_eq!(world.request(guess % 6, &format!("guess {guess}")), 403);
    }
    assert_eq!((world.reads, world.finds), (0, 0));
    world.wait(20_000);
    assert_eq!(world.finds, 0);
    assert!((57..=63).contains(&world.reads), "{}", world.reads);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_worker_that_has_not_loaded_the_table_asks_for_single_keys() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    world.create(&model::ApiKey {
        expires_at: Some(BEGINNING),
        ..key("expired")
    });
    assert_eq!(world.request(0, "key of acme"), 200);
    assert_eq!(world.request(0, "key of expired"), 403);
    world.finds = 0;
    for _ in 0..3 {
        assert_eq!(world.request(0, "guess"), 403);
    }
    assert_eq!(world.finds, 1);
    world.is_up = false;
    // Nobody can tell, so it is no refusal of the key.
    assert_eq!(world.request(0, "key of acme"), 500);
    assert_eq!(world.request(0, "guess"), 403);
    world.is_up = true;
    world.wait(5_000);
    world.finds = 0;
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    assert_eq!(world.finds, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_known_stays_in_force_when_redis_is_away_or_has_lost_it() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    world.wait(1_300);
    world.is_up = false;
    world.wait(60_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    world.is_up = true;
    world.redis = TableModel::default();
    world.wait(10_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    assert_eq!(world.statuses("guess"), [403; 2]);
    // A new table replaces the old one, even one that has come as far.
    world.create(&key("globex"));
    world.wait(1_300);
    assert_eq!(world.statuses("key of globex"), [200; 2]);
    assert_eq!(world.statuses("key of acme"), [403; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_of_the_configuration_come_first() {
    let hexadecimal = |value: &str| String::from(valued("", value).digest);
    let declared = json!([
        {"id": "open", "digest": hexadecimal("declared"), "usagePlans": ["gold"]},
        {"id": "closed", "digest": hexadecimal("closed value"), "enabled": false,
         "usagePlans": ["gold"]},
    ]);
    let mut world = World::new(1, &declared);
    // The same id with another value, and a disabled key's value under another id.
    world.create(&valued("open", "shared"));
    world.create(&valued("another", "closed value"));
    for _ in 0..2 {
        assert_eq!(world.statuses("declared"), [200; 2]);
        assert_eq!(world.statuses("closed value"), [403; 2]);
        assert_eq!(world.statuses("shared"), [403; 2]);
        world.wait(1_300);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn plans_that_nobody_knows_and_records_that_nobody_reads_open_nothing() {
    let mut world = World::new(1, &json!([]));
    let planned = |id: &str, plans: &[&str]| model::ApiKey {
        usage_plans: plans.iter().map(|plan| (*plan).to_owned()).collect(),
        ..key(id)
    };
    world.create(&planned("a", &["unknown"]));
    world.create(&planned("b", &["unknown", "gold"]));
    world.create(&planned("c", &["none"]));
    world.create(&planned("d", &[]));
    world.create(&key("e"));
    world.wait(1_300);
    let mut opens = |id: &str| world.request(0, &format!("key of {id}")) == 200;
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(&mut opens),
        [false, true, false, false, true]
    );
    // What another version has written cannot be read: it may be that the key is revoked.
    let argv = ["100", "10", "e", &serde_json::to_string(&key("e")).unwrap()];
    let argv = argv.iter().chain(&["{\"id\":\"e\",\"new\":1}", "0", "0"]);
    let argv: Vec<String> = argv.map(|word| (*word).to_owned()).collect();
    assert_eq!(world.redis.write(1, &argv)[0], "done");
    world.wait(1_300);
    assert_eq!(world.statuses("key of e"), [403; 2]);
    assert_eq!(world.statuses("key of b"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_large_table_is_loaded_in_parts() {
    let mut world = World::new(1, &json!([]));
    let keys: Vec<_> = (0..PAGE * 2 + 10).map(|id| key(&id.to_string())).collect();
    world.create_all(&keys);
    world.wait(100);
    // The first is in the part that was loaded; it is removed before all is.
    assert_eq!(world.request(0, "key of 0"), 200);
    assert_eq!(world.write("0", None), Written::Done);
    world.wait(500);
    world.finds = 0;
    assert_eq!(world.statuses("key of 0"), [403; 2]);
    for key in keys.iter().skip(1).step_by(97).chain(keys.last()) {
        assert_eq!(world.statuses(&format!("key of {}", key.id)), [200; 2]);
    }
    assert_eq!(world.finds, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn many_changes_at_once_are_known_almost_as_soon_as_one() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    world.wait(1_300);
    let keys: Vec<_> = (0..PAGE * 3).map(|id| key(&id.to_string())).collect();
    world.create_all(&keys);
    // The second until the next question, and a tenth for each part and each of two workers.
    world.wait(1_000 + 600);
    world.finds = 0;
    for key in keys.iter().step_by(97).chain(keys.last()) {
        assert_eq!(world.statuses(&format!("key of {}", key.id)), [200; 2]);
    }
    world.reads = 0;
    world.wait(3_000);
    assert!((3..=4).contains(&world.reads), "{}", world.reads);
}

#[wasm_bindgen_test(unsupported = test)]
fn who_guesses_while_the_table_is_loaded_asks_a_bounded_number_of_times() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    for guess in 0..MOST_UNKNOWN {
        assert_eq!(world.request(0, &format!("guess {guess}")), 403);
    }
    assert_eq!(world.finds, MOST_UNKNOWN);
    for guess in 0..100 {
        assert_eq!(world.request(0, &format!("more {guess}")), 500);
    }
    assert_eq!(world.finds, MOST_UNKNOWN);
    world.wait(100);
    assert_eq!(world.request(0, "key of acme"), 200);
    assert_eq!(world.request(0, "more 0"), 403);
    assert_eq!(world.finds, MOST_UNKNOWN);
}

#[wasm_bindgen_test(unsupported = test)]
fn nobody_waits_for_a_redis_that_did_not_tell_its_table() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    world.is_up = false;
    world.wait(100);
    world.finds = 0;
    for _ in 0..100 {
        assert_eq!(world.statuses("key of acme"), [500; 2]);
    }
    assert_eq!(world.finds, 0);
    world.is_up = true;
    world.wait(5_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_comes_after_changes_that_redis_has_lost_is_known() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    let before = world.redis.clone();
    world.create(&key("globex"));
    world.wait(1_300);
    assert_eq!(world.statuses("key of globex"), [200; 2]);
    // As after a crash, or when a replica takes over that was behind.
    world.redis = before.clone();
    world.create(&key("initech"));
    world.wait(1_300);
    assert_eq!(world.statuses("key of initech"), [200; 2]);
    // When nothing has come after them, what is lost is seen.
    world.redis = before;
    world.wait(1_300);
    assert_eq!(world.statuses("key of globex"), [403; 2]);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_change_that_expects_something_else_changes_nothing() {
    let mut world = World::new(1, &json!([]));
    world.create(&key("acme"));
    let another = valued("acme", "another");
    let change = TableChange {
        id: "acme",
        before: None,
        after: Some(&another),
    };
    let answer = world.ask(&world.table.write(&[change]));
    let written = world.table.written(answer);
    assert_eq!(written, Ok(Written::Changed("acme".to_owned())));
    let written = world.write("globex", Some(&valued("globex", "key of acme")));
    let taken = Written::Taken("globex".to_owned(), "acme".to_owned());
    assert_eq!(written, taken);
    assert_eq!(world.record("acme").unwrap().value, key("acme"));
    assert_eq!(world.record("globex"), None);
    // Who has given up a value leaves it to others.
    world.create(&another);
    world.create(&valued("globex", "key of acme"));
}

/// What happens to a table and to those who read it.
#[derive(Clone, Debug)]
enum Happening {
    Write(u8, Option<u8>),
    Lose,
    Poll { is_up: bool },
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        6 => (0_u8..12, prop::option::of(0_u8..3)).prop_map(|(id, value)| Happening::Write(id, value)),
        1 => Just(Happening::Lose),
        5 => prop::bool::weighted(0.8).prop_map(|is_up| Happening::Poll { is_up }),
    ];
    prop::collection::vec(happening, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever was missed, every worker ends with what the table holds.
    #[test]
    fn every_worker_comes_to_know_the_table(happenings in happenings()) {
        let mut world = World::new(1, &json!([]));
        let mut written = 0_u64;
        for happening in happenings {
            match happening {
                Happening::Write(id, value) => {
                    let id = id.to_string();
                    let before = world.redis.records.get(&id).map(|(_, record)| record.clone());
                    let before = before.filter(|record| !record.is_empty());
                    let after = value.map(|value| valued(&id, &format!("{id} {value}")));
                    let text = |key: &Option<model::ApiKey>| key.as_ref()
                        .map_or_else(|| "-".to_owned(), |key| serde_json::to_string(key).unwrap());
                    let digests = |words: &mut Vec<String>, digest: Option<String>| {
                        words.push(u8::from(digest.is_some()).to_string());
                        words.extend(digest);
                    };
                    // Two removed keys are remembered.
                    let mut words = vec!["100".to_owned(), "2".to_owned(), id];
                    let old: Option<model::ApiKey> =
                        before.as_ref().map(|record| serde_json::from_str(record).unwrap());
                    words.push(before.unwrap_or_else(|| "-".to_owned()));
                    words.push(text(&after));
                    digests(&mut words, old.map(|key| key.digest.into()));
                    digests(&mut words, after.map(|key| key.digest.into()));
                    written += 1;
                    prop_assert_eq!(&world.redis.write(written, &words)[0], "done");
                }
                Happening::Lose => world.redis = TableModel::default(),
                Happening::Poll { is_up } => {
                    world.is_up = is_up;
                    world.wait(300);
                }
            }
        }
        world.is_up = true;
        written += 1;
        // A table that is lost for good says nothing: there is one again.
        let last = serde_json::to_string(&key("last")).unwrap();
        let words = ["100", "2", "last", "-", &last, "0", "1"].map(str::to_owned);
        let words: Vec<String> = words.into_iter().chain([key("last").digest.into()]).collect();
        prop_assert_eq!(&world.redis.write(written, &words)[0], "done");
        world.wait(10_000);
        world.finds = 0;
        for id in 0..12_u8 {
            let (id, digests) = (id.to_string(), 0..3_u8);
            let record = world.redis.records.get(&id).map(|(_, record)| record.clone());
            for value in digests {
                let value = format!("{id} {value}");
                let digest = String::from(valued(&id, &value).digest);
                let is_held = record.as_ref().is_some_and(|record| record.contains(&digest));
                let expected = if is_held { 200 } else { 403 };
                prop_assert_eq!(world.statuses(&value), [expected; 2], "{}", value);
            }
        }
        prop_assert_eq!(world.statuses("key of last"), [200; 2]);
        prop_assert_eq!(world.finds, 0);
    }
}
