use attache_model::{Canary, Gateway, KeyDigest};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use super::ApiKeys;
use crate::ports::Timestamp;
use crate::usage_plan::UsagePlans;

const NOW: Timestamp = Timestamp(1_795_000_000_000_000_000);

fn digest(value: &[u8]) -> String {
    KeyDigest(Sha256::digest(value).into()).into()
}

fn gateway(plans: &Value, keys: &Value) -> Gateway {
    let api = |id: &str| {
        json!({
            "id": id, "name": id, "protocol": "REST", "operations": [],
            "stages": [{"name": "test"}, {"name": "prod"}],
        })
    };
    serde_json::from_value(json!({
        "version": 1,
        "account": {"id": "000000000000", "region": "us-east-1"},
        "apis": [api("pets"), api("toys")],
        "usagePlans": plans,
        "apiKeys": keys,
    }))
    .unwrap()
}

fn plans() -> Value {
    json!([
        {"id": "gold", "apiStages": [{"api": "toys", "stage": "prod"}, {"api": "pets", "stage": "prod"}]},
        {"id": "tin", "apiStages": [{"api": "pets", "stage": "test"}]},
        {"id": "iron", "apiStages": [{"api": "pets", "stage": "prod"}]},
    ])
}

fn errors(plans: &Value, keys: &Value) -> Vec<(String, String)> {
    ApiKeys::compile(&gateway(plans, keys))
        .expect_err("compiled")
        .into_iter()
        .map(|error| (error.pointer, error.reason))
        .collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_opens_the_stages_of_its_plans() {
    let keys = json!([
        {"id": "acme", "digest": digest(b"acme's value"), "usagePlans": ["tin", "gold"]},
        {"id": "none", "digest": digest(b"none's value")},
    ]);
    let document = gateway(&plans(), &keys);
    let usage_plans = UsagePlans::compile(&document).unwrap();
    let keys = ApiKeys::compile(&document).unwrap();
    let acme = keys.find(b"acme's value", NOW).unwrap();
    assert_eq!(acme.id(), "acme");
    assert_eq!(acme.usage_plans().collect::<Vec<_>>(), [1, 0]);
    for (api, stage, plan) in [
        (0, 0, Some(1)),
        (0, 1, Some(0)),
        (1, 0, None),
        (1, 1, Some(0)),
        (2, 0, None),
        (usize::MAX, 0, None),
    ] {
        assert_eq!(
            usage_plans.opening(&acme, api, stage),
            plan,
            "{api} {stage}"
        );
    }
    let none = keys.find(b"none's value", NOW).unwrap();
    assert_eq!(
        (none.id(), usage_plans.opening(&none, 0, 0)),
        ("none", None)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_opens_a_stage_with_its_canary_release() {
    let keys = json!([
        {"id": "acme", "digest": digest(b"acme's value"), "usagePlans": ["tin", "gold"]},
        {"id": "both", "digest": digest(b"both's value"), "usagePlans": ["gold", "iron"]},
    ]);
    let mut document = gateway(&plans(), &keys);
    let mut canary = document.apis[0].stages[1].clone();
    canary.canary = Some(Canary {
        percent_traffic: 50.0,
        use_stage_cache: false,
    });
    // In an entry of its own.
    let mut entry = document.apis[0].clone();
    entry.stages = vec![canary];
    document.apis.push(entry);
    // One plan for each stage, and that is said once.
    let errors = ApiKeys::compile(&document).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    document.api_keys.pop();
    let usage_plans = UsagePlans::compile(&document).unwrap();
    let keys = ApiKeys::compile(&document).unwrap();
    let acme = keys.find(b"acme's value", NOW).unwrap();
    for (api, stage, plan) in [
        (0, 0, Some(1)),
        (0, 1, Some(0)),
        (2, 0, Some(0)),
        (2, 1, None),
    ] {
        assert_eq!(
            usage_plans.opening(&acme, api, stage),
            plan,
            "{api} {stage}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn values_from_before_a_rotation_open_the_same_key_until_they_expire() {
    let millis = NOW.as_millis();
    let previous =
        |value: &[u8], expires_at: u64| json!({"digest": digest(value), "expiresAt": expires_at});
    let keys = json!([
        {
            "id": "acme", "digest": digest(b"new"), "usagePlans": ["gold"],
            "previousValues": [previous(b"old", millis + 1), previous(b"older", millis)],
        },
        {
            "id": "off", "digest": digest(b"off"), "enabled": false,
            "previousValues": [previous(b"off before", millis + 1)],
        },
        {
            "id": "over", "digest": digest(b"over"), "expiresAt": millis,
            "previousValues": [previous(b"over before", millis + 1)],
        },
    ]);
    let keys = ApiKeys::compile(&gateway(&plans(), &keys)).unwrap();
    for value in [&b"new"[..], b"old"] {
        let key = keys.find(value, NOW).unwrap();
        assert_eq!((key.id(), key.usage_plans().next()), ("acme", Some(0)));
    }
    for value in [
        &b"older"[..],
        b"off",
        b"off before",
        b"over",
        b"over before",
    ] {
        assert!(keys.find(value, NOW).is_none(), "{}", value.escape_ascii());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_value_from_before_a_rotation_belongs_to_one_key_as_well() {
    let keys = json!([
        {
            "id": "acme", "digest": digest(b"new"),
            "previousValues": [{"digest": digest(b"new"), "expiresAt": 1}],
        },
        {
            "id": "other", "digest": digest(b"other"),
            "previousValues": [{"digest": digest(b"new"), "expiresAt": 1}],
        },
    ]);
    let found = errors(&plans(), &keys);
    let expected = [
        (
            "/apiKeys/0/previousValues/0/digest",
            "the API key `acme` has the same value twice",
        ),
        (
            "/apiKeys/1/previousValues/0/digest",
            "the API keys `acme` and `other` have the same value",
        ),
    ];
    let expected = expected.map(|(pointer, reason)| (pointer.to_owned(), reason.to_owned()));
    assert_eq!(found, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_that_are_not_in_force_are_not_found() {
    let millis = NOW.as_millis();
    let keys = json!([
        {"id": "off", "digest": digest(b"off"), "enabled": false},
        {"id": "off and over", "digest": digest(b"off and over"), "enabled": false, "expiresAt": millis - 1},
        {"id": "over", "digest": digest(b"over"), "expiresAt": millis},
        {"id": "nearly", "digest": digest(b"nearly"), "expiresAt": millis + 1},
        {"id": "on", "digest": digest(b"on")},
    ]);
    let keys = ApiKeys::compile(&gateway(&plans(), &keys)).unwrap();
    for (value, found) in [
        ("off", false),
        ("off and over", false),
        ("over", false),
        ("nearly", true),
        ("on", true),
        ("on ", false),
        ("", false),
        ("unknown", false),
    ] {
        assert_eq!(keys.find(value.as_bytes(), NOW).is_some(), found, "{value}");
    }
    assert!(keys.find(&[0xff; 70_000], NOW).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn without_keys_nothing_is_found() {
    let keys = ApiKeys::compile(&gateway(&json!([]), &json!([]))).unwrap();
    assert!(keys.find(b"", NOW).is_none());
    assert!(keys.find(b"anything", NOW).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_is_reported_at_its_place() {
    let value = digest(b"value");
    let keys = json!([
        {"id": "acme", "digest": value, "usagePlans": ["gold", "tin"]},
        {"id": "acme", "digest": digest(b"other"), "usagePlans": ["silver"]},
        {"id": "copy", "digest": value},
        {"id": "both", "digest": digest(b"both"), "usagePlans": ["tin", "gold", "iron"]},
        {"id": "twice", "digest": digest(b"twice"), "usagePlans": ["tin", "tin"]},
    ]);
    let said = |pointer: &str, reason: &str| (pointer.to_owned(), reason.to_owned());
    assert_eq!(
        errors(&plans(), &keys),
        [
            said("/apiKeys/1/id", "there are two API keys with the id `acme`"),
            said(
                "/apiKeys/2/digest",
                "the API keys `acme` and `copy` have the same value"
            ),
            said("/apiKeys/1/usagePlans/0", "there is no usage plan `silver`"),
            said(
                "/apiKeys/3/usagePlans/2",
                "the API key `both` belongs to two usage plans that hold stage `prod` of API \
                 `pets`: `gold` and `iron`"
            ),
            said(
                "/apiKeys/4/usagePlans/1",
                "the API key `twice` belongs to two usage plans that hold stage `test` of API \
                 `pets`: `tin` and `tin`"
            ),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_of_the_configuration_belongs_to_no_plan_in_redis() {
    let keys = json!([{"id": "acme", "digest": digest(b"value"), "usagePlans": ["silver"]}]);
    let mut document = gateway(&plans(), &keys);
    let hint = |document: &Gateway| {
        let errors = ApiKeys::compile(document).unwrap_err();
        errors.first().and_then(|error| error.hint.clone())
    };
    assert_eq!(
        hint(&document).as_deref(),
        Some("declare it under `usagePlans`")
    );
    document.state = serde_json::from_value(json!({
        "redis": {
            "url": "http://127.0.0.1:7379/", "dialect": "webdis", "prefix": "test",
            "onFailure": "local", "timeoutMillis": 5, "apiKeys": true, "usagePlans": true,
        },
    }))
    .unwrap();
    assert_eq!(
        hint(&document).as_deref(),
        Some("declare it under `usagePlans`: plans in Redis are for keys in Redis alone")
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn neither_an_error_nor_a_debug_print_tells_a_digest() {
    let value = digest(b"value");
    let (one, other) = (
        json!({"id": "a", "digest": value}),
        json!({"id": "b", "digest": value}),
    );
    let printed = format!("{:?}", errors(&plans(), &json!([one, other])));
    assert!(!printed.contains(value.get(..16).unwrap()));
    let keys = ApiKeys::compile(&gateway(&plans(), &json!([one]))).unwrap();
    assert_eq!(format!("{keys:?}"), "ApiKeys(1)");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_look_up_reads_about_one_of_a_hundred_thousand_keys() {
    let keys: Vec<Value> = (0..100_000)
        .map(|number: u32| json!({"id": format!("key{number}"), "digest": digest(&number.to_be_bytes())}))
        .collect();
    let keys = ApiKeys::compile(&gateway(&json!([]), &Value::from(keys))).unwrap();
    for number in (0..100_000_u32).step_by(7) {
        let found = keys.find(&number.to_be_bytes(), NOW).unwrap();
        assert_eq!(found.id(), format!("key{number}"));
    }
    let fullest = keys.starts.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(fullest <= Some(12), "{fullest:?}");
    let bytes = size_of_val(&*keys.entries) + size_of_val(&*keys.starts);
    assert!(bytes / 100_000 <= 64, "{bytes}");
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn exactly_the_configured_values_are_found(
        values in prop::collection::hash_set(prop::collection::vec(any::<u8>(), 0..8), 0..60),
        strangers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..60),
    ) {
        let values: Vec<Vec<u8>> = values.into_iter().collect();
        let keys: Vec<Value> = values
            .iter()
            .enumerate()
            .map(|(index, value)| json!({"id": index.to_string(), "digest": digest(value)}))
            .collect();
        let keys = ApiKeys::compile(&gateway(&json!([]), &Value::from(keys))).unwrap();
        for (index, value) in values.iter().enumerate() {
            prop_assert_eq!(keys.find(value, NOW).unwrap().id(), index.to_string());
        }
        for stranger in strangers {
            prop_assert_eq!(keys.find(&stranger, NOW).is_some(), values.contains(&stranger));
        }
    }
}
