use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::memory_store::MemoryStore;
use super::super::tests::gateway;
use super::super::{Customer, Target, UsagePlans};
use super::{Counts, DayUsage, NotExtended, Outcome, Report, Usage, UsageRecords, day};
use crate::ports::{Store, StoreError, Stored, Swap, Timestamp, Version};

/// 2026-11-20T00:00:00Z, a Friday.
const MIDNIGHT: u64 = 1_795_132_800;

const TODAY: u32 = 20_777;

const DAY: u64 = 86_400;

const TARGET: Target = Target {
    api: 0,
    stage: 0,
    operation: 0,
};

const fn at(seconds: u64) -> Timestamp {
    Timestamp((MIDNIGHT + seconds) * 1_000_000_000)
}

fn plans(quota: &Value) -> UsagePlans {
    let stages = json!([{"api": "store", "stage": "prod"}]);
    let plans = json!([
        {"id": "gold", "quota": quota, "apiStages": stages},
        {"id": "free", "apiStages": stages},
    ]);
    UsagePlans::compile(&gateway(&[("/usagePlans", plans)])).unwrap()
}

const fn customer(key_id: &str) -> Customer<'_> {
    Customer {
        key_id,
        usage_plan: 0,
    }
}

/// Requests of one key, each recorded as the pipeline does.
fn ask(
    plans: &UsagePlans,
    records: &UsageRecords,
    store: &MemoryStore,
    now: Timestamp,
    times: usize,
) {
    for _ in 0..times {
        let answer = plans.admit(TARGET, Some(customer("acme")), store, now);
        records.record(customer("acme"), Outcome::of(&answer), now);
    }
    plans.store_usage(records, store);
}

/// `used/remaining` of each day.
fn told(days: &[DayUsage]) -> Vec<String> {
    days.iter()
        .map(|day| {
            let left = day
                .remaining
                .map_or("-".to_owned(), |left| left.to_string());
            format!("{}/{left}", day.counts.used)
        })
        .collect()
}

fn report(plans: &UsagePlans, plan: usize, first: u32, last: u32, now: Timestamp) -> Report<'_> {
    Report::new(plans, plan, first..=last, now).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn each_day_tells_what_was_used_and_what_was_left_at_its_end() {
    assert_eq!(day(at(0)), TODAY);
    assert_eq!(day(at(DAY - 1)), TODAY);
    let (records, store) = (UsageRecords::default(), MemoryStore::default());
    let monthly = plans(&json!({"limit": 10, "period": "MONTH"}));
    ask(&monthly, &records, &store, at(5), 3);
    ask(&monthly, &records, &store, at(2 * DAY), 4);
    let now = at(2 * DAY + 60);
    let days = report(&monthly, 0, TODAY - 1, TODAY + 11, now).of("acme", &store);
    assert_eq!(
        told(&days.unwrap()),
        [
            // Before, and a day without a request.
            "0/10", "3/7", "0/7", "4/3", // To come, in this month and in the next.
            "0/3", "0/3", "0/3", "0/3", "0/3", "0/3", "0/3", "0/3", "0/10",
        ]
    );
    let other = report(&monthly, 0, TODAY, TODAY, now).of("other", &store);
    assert_eq!(told(&other.unwrap()), ["0/10"]);

    // A week from Sunday, the 22nd, on.
    let (records, store) = (UsageRecords::default(), MemoryStore::default());
    let weekly = plans(&json!({"limit": 10, "period": "WEEK"}));
    ask(&weekly, &records, &store, at(0), 10);
    ask(&weekly, &records, &store, at(2 * DAY), 1);
    let now = at(9 * DAY);
    let days = report(&weekly, 0, TODAY, TODAY + 9, now).of("acme", &store);
    assert_eq!(
        told(&days.unwrap()),
        [
            "10/0", "0/0", "1/9", "0/9", "0/9", "0/9", "0/9", "0/9", "0/9", "0/10"
        ]
    );

    // Without a quota nothing is left, and nothing is used up.
    let free = report(&monthly, 1, TODAY, TODAY, now).of("acme", &store);
    assert_eq!(told(&free.unwrap()), ["0/-"]);
    assert!(Report::new(&monthly, 2, TODAY..=TODAY, now).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn refusals_are_counted_by_their_kind() {
    let (records, store) = (UsageRecords::default(), MemoryStore::default());
    let mut document = gateway(&[(
        "/usagePlans",
        json!([{
            "id": "gold", "quota": {"limit": 3, "period": "DAY"},
            "throttle": {"rateLimit": 1.0, "burstLimit": 2},
            "apiStages": [{"api": "store", "stage": "prod"}],
        }]),
    )]);
    document.rate_limit_headers = false;
    let plans = UsagePlans::compile(&document).unwrap();
    ask(&plans, &records, &store, at(0), 5);
    ask(&plans, &records, &store, at(60), 2);
    let days = report(&plans, 0, TODAY, TODAY, at(61)).of("acme", &store);
    let counts = Counts {
        used: 3,
        throttled: 3,
        refused: 1,
    };
    assert_eq!(days.unwrap()[0].counts, counts);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_granted_counts_until_the_period_ends() {
    let (records, store) = (UsageRecords::default(), MemoryStore::default());
    let daily = plans(&json!({"limit": 2, "period": "DAY"}));
    ask(&daily, &records, &store, at(0), 3);
    assert_eq!(daily.set_remaining(0, "acme", 3, &store, at(1)), Ok(()));
    let days = report(&daily, 0, TODAY, TODAY, at(2)).of("acme", &store);
    assert_eq!(told(&days.unwrap()), ["2/3"]);
    ask(&daily, &records, &store, at(2), 2);
    // More than there is may be taken away, too.
    assert_eq!(daily.set_remaining(0, "other", 0, &store, at(1)), Ok(()));
    let refused = daily.admit(TARGET, Some(customer("other")), &store, at(3));
    assert_eq!(Outcome::of(&refused), Outcome::Refused);
    let tomorrow = at(DAY + 1);
    let days = report(&daily, 0, TODAY, TODAY + 1, tomorrow).of("acme", &store);
    assert_eq!(told(&days.unwrap()), ["4/1", "0/2"]);
    let days = report(&daily, 0, TODAY, TODAY + 1, tomorrow).of("other", &store);
    assert_eq!(told(&days.unwrap()), ["0/0", "0/2"]);

    assert_eq!(
        daily.set_remaining(1, "acme", 3, &store, at(1)),
        Err(NotExtended::NoQuota)
    );
    assert_eq!(
        daily.set_remaining(0, "acme", 3, &Away, at(1)),
        Err(NotExtended::Undecided)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn workers_add_to_one_history() {
    let store = MemoryStore::default();
    let plans = plans(&json!({"limit": 100, "period": "DAY"}));
    let workers: [UsageRecords; 3] = Default::default();
    for (times, records) in (1..).zip(&workers) {
        ask(&plans, records, &store, at(0), times);
    }
    let days = report(&plans, 0, TODAY, TODAY, at(1)).of("acme", &store);
    assert_eq!(told(&days.unwrap()), ["6/94"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_cannot_be_stored_is_kept() {
    let (records, store) = (UsageRecords::default(), MemoryStore::default());
    let plans = plans(&json!({"limit": 100, "period": "DAY"}));
    for _ in 0..3 {
        records.record(customer("acme"), Outcome::Admitted, at(DAY - 1));
        records.record(customer("acme"), Outcome::Admitted, at(DAY));
        plans.store_usage(&records, &Away);
    }
    assert_eq!(store.keys().len(), 0);
    plans.store_usage(&records, &store);
    let days = report(&plans, 0, TODAY, TODAY + 1, at(DAY)).of("acme", &store);
    let used: Vec<_> = days.unwrap().iter().map(|day| day.counts.used).collect();
    assert_eq!(used, [3, 3]);
    assert_eq!(records.drain(9), []);
}

#[wasm_bindgen_test(unsupported = test)]
fn every_key_has_its_turn() {
    let records = UsageRecords::default();
    let mut seen = Vec::new();
    for _ in 0..6 {
        // The first of them never rests.
        for key_id in ["a", "a", "b", "c"] {
            records.record(customer(key_id), Outcome::Admitted, at(0));
        }
        for Usage { key_id, counts, .. } in records.drain(2) {
            seen.push((key_id, counts.used));
        }
    }
    for key_id in ["a", "b", "c"] {
        assert!(
            seen.iter().filter(|(id, _)| **id == *key_id).count() >= 3,
            "{seen:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plan_that_is_gone_is_forgotten() {
    let records = UsageRecords::default();
    let plans = plans(&json!({"limit": 100, "period": "DAY"}));
    let gone = Customer {
        key_id: "acme",
        usage_plan: 7,
    };
    records.record(gone, Outcome::Admitted, at(0));
    plans.store_usage(&records, &MemoryStore::default());
    assert_eq!(records.drain(9), []);
}

/// A store that cannot be reached.
struct Away;

impl Store for Away {
    fn get(&self, _: &[u8]) -> Result<Option<Stored>, StoreError> {
        Err(StoreError)
    }

    fn compare_and_swap(&self, _: &[u8], _: &[u8], _: Option<Version>) -> Result<Swap, StoreError> {
        Err(StoreError)
    }
}
