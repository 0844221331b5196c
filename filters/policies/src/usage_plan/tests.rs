use attache_model::{Canary, Gateway};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::memory_store::MemoryStore;
use super::{Customer, Reason, Refusal, Remaining, Target, UsagePlans};
use crate::ports::{Store, StoreError, Stored, Swap, Timestamp, Version};

/// 2026-11-20T00:00:00Z, a Friday.
const MIDNIGHT: u64 = 1_795_132_800;

/// The operations of both APIs, in this order.
const GET_PETS: usize = 0;
const POST_PETS: usize = 1;
const GET_TOYS: usize = 2;

fn operation(path: &str, method: &str) -> Value {
    json!({
        "path": path, "method": method,
        "integration": {"httpProxy": {"uri": "http://localhost", "timeoutInMillis": 29000}},
    })
}

/// Two REST APIs with two stages each, and an HTTP API, with `changes` merged over them.
pub(super) fn gateway(changes: &[(&str, Value)]) -> Gateway {
    let api = |id: &str, protocol: &str| {
        json!({
            "id": id, "name": id, "protocol": protocol,
            "operations": [
                operation("/pets", "GET"),
                operation("/pets", "POST"),
                operation("/toys", "GET"),
            ],
            "stages": [{"name": "prod"}, {"name": "test"}],
        })
    };
    let mut document = json!({
        "version": 1,
        "account": {"id": "000000000000", "region": "us-east-1"},
        "apis": [api("store", "REST"), api("club", "REST"), api("modern", "HTTP")],
        "usagePlans": [],
        "apiKeys": [],
        "rateLimitHeaders": true,
    });
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn limit(rate: f64, burst: u32) -> Value {
    json!({"rateLimit": rate, "burstLimit": burst})
}

fn plan(throttle: Option<Value>, quota: Option<Value>, methods: Value) -> Value {
    json!({
        "id": "gold", "throttle": throttle, "quota": quota,
        "apiStages": [
            {"api": "store", "stage": "prod", "throttle": methods},
            {"api": "store", "stage": "test"},
            {"api": "club", "stage": "prod"},
        ],
    })
}

fn target(api: usize, stage: usize, operation: usize) -> Target {
    Target {
        api,
        stage,
        operation,
    }
}

const ACME: Option<Customer<'_>> = Some(Customer {
    key_id: "acme",
    usage_plan: 0,
});
const OTHER: Option<Customer<'_>> = Some(Customer {
    key_id: "other",
    usage_plan: 0,
});

/// The plans of a gateway over a store, at a time that stands still unless moved.
struct Desk {
    plans: UsagePlans,
    store: MemoryStore,
    seconds: u64,
}

impl Desk {
    fn new(changes: &[(&str, Value)]) -> Self {
        Self {
            plans: UsagePlans::compile(&gateway(changes)).unwrap(),
            store: MemoryStore::default(),
            seconds: MIDNIGHT,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.seconds * 1_000_000_000)
    }

    /// How many of ten requests are admitted.
    fn of_ten(&self, target: Target, customer: Option<Customer<'_>>) -> usize {
        (0..10)
            .filter(|_| {
                self.plans
                    .admit(target, customer, &self.store, self.now())
                    .is_ok()
            })
            .count()
    }

    fn refusal(&self, target: Target, customer: Option<Customer<'_>>) -> Refusal {
        self.plans
            .admit(target, customer, &self.store, self.now())
            .unwrap_err()
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn without_limits_everything_is_admitted_and_nothing_stored() {
    let desk = Desk::new(&[("/usagePlans", json!([plan(None, None, json!([]))]))]);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 10);
    assert_eq!(desk.of_ten(target(2, 0, GET_PETS), None), 10);
    assert!(desk.store.keys().is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plan_throttles_each_key_over_all_of_its_stages() {
    let desk = Desk::new(&[(
        "/usagePlans",
        json!([plan(Some(limit(1.0, 5)), None, json!([]))]),
    )]);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 5);
    assert_eq!(desk.of_ten(target(0, 1, GET_TOYS), ACME), 0);
    assert_eq!(desk.of_ten(target(1, 0, POST_PETS), ACME), 0);
    assert_eq!(desk.of_ten(target(1, 0, POST_PETS), OTHER), 5);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), None), 10);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_method_of_a_plan_has_a_bucket_of_its_own_in_its_stage() {
    let methods = json!([{"path": "/pets", "method": "POST", "throttle": limit(1.0, 7)}]);
    let desk = Desk::new(&[(
        "/usagePlans",
        json!([plan(Some(limit(1.0, 3)), None, methods)]),
    )]);
    assert_eq!(desk.of_ten(target(0, 0, POST_PETS), ACME), 7);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 3);
    assert_eq!(desk.of_ten(target(0, 1, POST_PETS), ACME), 0);
    assert_eq!(desk.of_ten(target(0, 0, POST_PETS), OTHER), 7);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_has_one_bucket_for_the_methods_without_their_own() {
    for api in ["/apis/0/stages/0", "/apis/2/stages/0"] {
        let index = if api.contains('2') { 2 } else { 0 };
        let methods = json!([
            {"operation": GET_TOYS, "throttle": limit(1.0, 2)},
            {"operation": GET_PETS, "metricsEnabled": true},
        ]);
        let desk = Desk::new(&[
            (&format!("{api}/throttle"), limit(1.0, 6)),
            (&format!("{api}/methods"), methods),
        ]);
        assert_eq!(desk.of_ten(target(index, 0, GET_TOYS), None), 2);
        assert_eq!(desk.of_ten(target(index, 0, GET_PETS), None), 6);
        assert_eq!(desk.of_ten(target(index, 0, POST_PETS), None), 0);
        assert_eq!(desk.of_ten(target(index, 1, POST_PETS), None), 10);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_account_is_shared_by_all_apis() {
    let desk = Desk::new(&[("/account/throttle", limit(1.0, 6))]);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), None), 6);
    assert_eq!(desk.of_ten(target(2, 1, GET_PETS), None), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refused_request_leaves_nothing_behind() {
    let desk = Desk::new(&[
        ("/account/throttle", limit(1.0, 100)),
        ("/apis/0/stages/0/throttle", limit(1.0, 4)),
        (
            "/usagePlans",
            json!([plan(
                Some(limit(1.0, 9)),
                Some(json!({"limit": 7, "period": "DAY"})),
                json!([])
            )]),
        ),
    ]);
    // The stage is empty after four.
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 4);
    let before = desk.store.contents();
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 0);
    assert_eq!(desk.store.contents(), before);
    // Three more until the quota ends, which is before the plan's bucket is empty.
    assert_eq!(desk.of_ten(target(0, 1, GET_PETS), ACME), 3);
    let before = desk.store.contents();
    assert_eq!(
        desk.refusal(target(0, 1, GET_PETS), ACME).reason,
        Reason::QuotaExceeded
    );
    assert_eq!(desk.store.contents(), before);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_throttle_is_told_before_the_quota() {
    let quota = json!({"limit": 2, "period": "DAY"});
    let desk = Desk::new(&[(
        "/usagePlans",
        json!([plan(Some(limit(1.0, 2)), Some(quota), json!([]))]),
    )]);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 2);
    assert_eq!(
        desk.refusal(target(0, 0, GET_PETS), ACME).reason,
        Reason::Throttled
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_quota_is_renewed_when_its_period_ends() {
    for (period, offset, days) in [
        ("DAY", 0, 1),
        ("WEEK", 0, 2),
        ("WEEK", 5, 7),
        ("MONTH", 0, 11),
        ("MONTH", 24, 5),
    ] {
        let quota = json!({"limit": 3, "period": period, "offset": offset});
        let mut desk = Desk::new(&[("/usagePlans", json!([plan(None, Some(quota), json!([]))]))]);
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 3);
        assert_eq!(desk.of_ten(target(1, 0, GET_PETS), ACME), 0);
        assert_eq!(desk.of_ten(target(1, 0, GET_PETS), OTHER), 3);
        desk.seconds = MIDNIGHT + days * 86_400 - 1;
        let refusal = desk.refusal(target(0, 0, GET_PETS), ACME);
        assert_eq!(refusal.retry_after, Some(1), "{period} {offset}");
        desk.seconds += 1;
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 3);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_put_back_by_a_year_neither_shuts_nor_renews_a_limit() {
    const YEAR: u64 = 365 * 86_400;
    let quota = json!({"limit": 3, "period": "DAY"});
    for (throttle, quota, after_wait) in [(Some(limit(1.0, 3)), None, 2), (None, Some(quota), 0)] {
        let mut desk = Desk::new(&[("/usagePlans", json!([plan(throttle, quota, json!([]))]))]);
        desk.seconds = MIDNIGHT + YEAR;
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 3);
        desk.seconds = MIDNIGHT;
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 0);
        desk.seconds += 2;
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), after_wait);
        desk.seconds = MIDNIGHT + 86_400;
        assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 3);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_customer_is_told_how_they_stand() {
    let quota = json!({"limit": 1000, "period": "WEEK"});
    let desk = Desk::new(&[(
        "/usagePlans",
        json!([plan(Some(limit(0.5, 3)), Some(quota), json!([]))]),
    )]);
    let admit = || {
        desk.plans
            .admit(target(0, 0, GET_PETS), ACME, &desk.store, desk.now())
    };
    let throttle = |requests, reset| {
        Some(Remaining {
            limit: 3,
            window: Some(6),
            requests,
            reset: Some(reset),
        })
    };
    for (requests, reset) in [(2, 2), (1, 4), (0, 6)] {
        let allowance = admit().unwrap();
        assert_eq!(allowance.throttle, throttle(requests, reset));
        assert_eq!(
            allowance.quota,
            Some(Remaining {
                limit: 1_000,
                window: Some(7 * 86_400),
                requests: 997 + requests,
                reset: Some(2 * 86_400),
            })
        );
    }
    let refusal = admit().unwrap_err();
    assert_eq!(
        (refusal.reason, refusal.retry_after),
        (Reason::Throttled, Some(2))
    );
    assert_eq!(refusal.allowance.throttle, throttle(0, 6));
}

#[wasm_bindgen_test(unsupported = test)]
fn nobody_is_told_anything_unless_the_configuration_says_so() {
    let quota = json!({"limit": 1, "period": "DAY"});
    for plan in [
        plan(Some(limit(1.0, 1)), None, json!([])),
        plan(None, Some(quota), json!([])),
    ] {
        let desk = Desk::new(&[
            ("/usagePlans", json!([plan])),
            ("/rateLimitHeaders", json!(false)),
        ]);
        let admit = || {
            desk.plans
                .admit(target(0, 0, GET_PETS), ACME, &desk.store, desk.now())
        };
        assert_eq!(admit(), Ok(super::Allowance::default()));
        let refusal = admit().unwrap_err();
        assert_eq!(refusal, refusal.untold());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn positions_that_the_configuration_does_not_have_are_refused() {
    let desk = Desk::new(&[]);
    for (target, customer) in [
        (target(3, 0, 0), None),
        (target(0, 2, 0), None),
        (target(0, 0, 0), ACME),
    ] {
        assert_eq!(desk.refusal(target, customer).reason, Reason::Throttled);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_store_holds_one_value_for_each_limit_whatever_is_asked() {
    let quota = json!({"limit": 5, "period": "MONTH"});
    let desk = Desk::new(&[
        ("/account/throttle", limit(1.0, 100)),
        ("/apis/0/stages/0/throttle", limit(1.0, 40)),
        (
            "/usagePlans",
            json!([plan(Some(limit(1.0, 9)), Some(quota), json!([]))]),
        ),
    ]);
    for operation in [GET_PETS, POST_PETS, GET_TOYS, 77, usize::MAX] {
        desk.of_ten(target(0, 0, operation), ACME);
        desk.of_ten(target(0, 0, operation), OTHER);
    }
    let mut keys: Vec<_> = desk.store.keys();
    keys.iter_mut()
        .for_each(|key| key.retain(|byte| !byte.is_ascii_control()));
    let keys: Vec<_> = keys
        .iter()
        .map(|key| String::from_utf8_lossy(key))
        .collect();
    assert_eq!(
        keys,
        [
            "a",
            "pgoldacme",
            "pgoldother",
            "qgoldM0acme",
            "qgoldM0other",
            "sstoreprod"
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_configuration_in_another_order_goes_on_with_the_same_counts() {
    let quota = || Some(json!({"limit": 5, "period": "MONTH"}));
    let gold = || plan(Some(limit(1.0, 9)), quota(), json!([]));
    let mut desk = Desk::new(&[("/usagePlans", json!([gold()]))]);
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), ACME), 5);
    let tin = json!({"id": "tin", "apiStages": []});
    desk.plans = UsagePlans::compile(&gateway(&[("/usagePlans", json!([tin, gold()]))])).unwrap();
    let acme = Customer {
        key_id: "acme",
        usage_plan: 1,
    };
    assert_eq!(desk.of_ten(target(0, 0, GET_PETS), Some(acme)), 0);
}

/// A store of which one operation, counted from 0, fails.
struct FailingStore {
    inner: MemoryStore,
    failing: usize,
    operations: std::cell::Cell<usize>,
}

impl FailingStore {
    fn fails(&self) -> bool {
        let operation = self.operations.get();
        self.operations.set(operation + 1);
        operation == self.failing
    }
}

impl Store for FailingStore {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        if self.fails() {
            return Err(StoreError);
        }
        self.inner.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        if self.fails() {
            return Err(StoreError);
        }
        self.inner.compare_and_swap(key, value, expected)
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn whichever_operation_of_the_store_fails_the_request_is_refused_and_gives_back() {
    let quota = json!({"limit": 5, "period": "MONTH"});
    let desk = Desk::new(&[
        ("/account/throttle", limit(1.0, 100)),
        ("/apis/0/stages/0/throttle", limit(1.0, 40)),
        (
            "/usagePlans",
            json!([plan(Some(limit(1.0, 9)), Some(quota), json!([]))]),
        ),
    ]);
    // Four reads, then four writes; the last of each is the quota's.
    for failing in 0..8 {
        let store = FailingStore {
            inner: MemoryStore::default(),
            failing,
            operations: std::cell::Cell::new(0),
        };
        let admit = || {
            desk.plans
                .admit(target(0, 0, GET_PETS), ACME, &store, desk.now())
        };
        let reason = if failing % 4 == 3 {
            Reason::QuotaExceeded
        } else {
            Reason::Throttled
        };
        assert_eq!(admit().unwrap_err().reason, reason, "operation {failing}");
        let left = admit().unwrap();
        assert_eq!(left.throttle.map(|throttle| throttle.requests), Some(8));
        assert_eq!(left.quota.map(|quota| quota.requests), Some(4));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_a_state_is_no_bucket() {
    let quota = json!({"limit": 5, "period": "MONTH"});
    for (plan, reason) in [
        (
            plan(Some(limit(1.0, 9)), None, json!([])),
            Reason::Throttled,
        ),
        (plan(None, Some(quota), json!([])), Reason::QuotaExceeded),
    ] {
        let desk = Desk::new(&[("/usagePlans", json!([plan]))]);
        desk.of_ten(target(0, 0, GET_PETS), ACME);
        let [key] = &*desk.store.keys() else {
            panic!("not one key");
        };
        let version = desk.store.get(key).unwrap().map(|stored| stored.version);
        desk.store
            .compare_and_swap(key, b"something else", version)
            .unwrap();
        assert_eq!(desk.refusal(target(0, 0, GET_PETS), ACME).reason, reason);
    }
}

/// The store's canary release stands beside its stage, or in an entry of its own with its operations
/// in another order.
fn with_canary(apart: bool, changes: &[(&str, Value)]) -> Vec<(&'static str, Gateway)> {
    let mut document = gateway(changes);
    let mut canary = document.apis[0].stages[0].clone();
    canary.canary = Some(Canary {
        percent_traffic: 50.0,
        use_stage_cache: false,
    });
    if apart {
        let mut entry = document.apis[0].clone();
        entry.operations.reverse();
        for method in &mut canary.methods {
            method.operation = 2 - method.operation;
        }
        entry.stages = vec![canary];
        document.apis.push(entry);
        vec![("apart", document)]
    } else {
        document.apis[0].stages.push(canary);
        vec![("beside", document)]
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_and_its_canary_release_have_each_limit_once() {
    let gold = plan(
        Some(limit(1.0, 6)),
        Some(json!({"limit": 8, "period": "DAY"})),
        json!([{"path": "/pets", "method": "POST", "throttle": limit(1.0, 4)}]),
    );
    let changes = [
        ("/usagePlans", json!([gold])),
        ("/apis/0/stages/0/throttle", limit(1.0, 20)),
        (
            "/apis/0/stages/0/methods",
            json!([{"operation": GET_TOYS, "throttle": limit(1.0, 3)}]),
        ),
    ];
    let (beside, apart) = (with_canary(false, &changes), with_canary(true, &changes));
    for (name, document) in beside.into_iter().chain(apart) {
        let canary = |operation| match name {
            "beside" => target(0, 2, operation),
            _ => target(3, 0, 2 - operation),
        };
        let desk = Desk {
            plans: UsagePlans::compile(&document).unwrap(),
            store: MemoryStore::default(),
            seconds: MIDNIGHT,
        };
        let both = |operation, customer| {
            let in_turn = (0..10).map(|turn| match turn % 2 {
                0 => target(0, 0, operation),
                _ => canary(operation),
            });
            in_turn
                .filter(|target| {
                    desk.plans
                        .admit(*target, customer, &desk.store, desk.now())
                        .is_ok()
                })
                .count()
        };
        // The method's throttle at the stage, that of the plan's method, the quota.
        assert_eq!(both(GET_TOYS, None), 3, "{name}");
        assert_eq!(both(POST_PETS, ACME), 4, "{name}");
        assert_eq!(both(GET_PETS, ACME), 4, "{name}");
        assert_eq!(desk.of_ten(canary(GET_PETS), ACME), 0, "{name}");
        // The plan's own throttle, and what is left of the stage's.
        assert_eq!(both(GET_PETS, OTHER), 6, "{name}");
        assert_eq!(both(GET_PETS, None), 6, "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plan_may_throttle_what_only_the_canary_release_has() {
    let methods = json!([{"path": "/new", "method": "GET", "throttle": limit(1.0, 1)}]);
    let gold = plan(Some(limit(1.0, 9)), None, methods);
    let changes = [("/usagePlans", json!([gold]))];
    let mut document = with_canary(true, &changes).remove(0).1;
    assert!(UsagePlans::compile(&document).is_err());
    document.apis[3].operations[0].path = "/new".to_owned();
    let plans = UsagePlans::compile(&document).unwrap();
    let (store, now) = (MemoryStore::default(), Timestamp(MIDNIGHT * 1_000_000_000));
    let admitted = |_: &usize| plans.admit(target(3, 0, 0), ACME, &store, now).is_ok();
    assert_eq!((0..5).filter(admitted).count(), 1);
}
