//! Several workers before one store, in every order that proptest can think of.
//!
//! Native only: each worker is a thread, and the wasm that tests run in has none.

use std::thread;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::memory_store::MemoryStore;
use super::tests::gateway;
use super::{Customer, Target, UsagePlans};
use crate::ports::Timestamp;
use crate::turns::{Turns, WorkerStore};

const NOW: Timestamp = Timestamp(1_795_132_800_000_000_000);

const TARGET: Target = Target {
    api: 0,
    stage: 0,
    operation: 0,
};

fn customer(key_id: &str) -> Option<Customer<'_>> {
    Some(Customer {
        key_id,
        usage_plan: 0,
    })
}

/// Each worker sends its requests for the keys in turn; the sum that was admitted.
fn admitted(
    plans: &UsagePlans,
    store: &MemoryStore,
    order: Vec<usize>,
    workers: usize,
    requests: usize,
    keys: &[&str],
) -> usize {
    let turns = Turns::new(order, workers);
    thread::scope(|scope| {
        let running: Vec<_> = (0..workers)
            .map(|worker| {
                let turns = &turns;
                scope.spawn(move || {
                    let store = WorkerStore {
                        store,
                        turns,
                        worker,
                    };
                    let admitted = (0..requests)
                        .filter(|request| {
                            let key = customer(keys[request % keys.len()]);
                            plans.admit(TARGET, key, &store, NOW).is_ok()
                        })
                        .count();
                    turns.leave(worker);
                    admitted
                })
            })
            .collect();
        running
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    })
}

fn plans(throttle: Value, quota: Value, stage: Value, account: Value) -> UsagePlans {
    let plan = json!({
        "id": "gold", "throttle": throttle, "quota": quota,
        "apiStages": [{"api": "store", "stage": "prod"}],
    });
    UsagePlans::compile(&gateway(&[
        ("/usagePlans", json!([plan])),
        ("/apis/0/stages/0/throttle", stage),
        ("/account/throttle", account),
    ]))
    .unwrap()
}

fn bucket(burst: u32) -> Value {
    json!({"rateLimit": 1, "burstLimit": burst})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_limit_admits_exactly_what_it_allows(
        order in prop::collection::vec(0_usize..4, 1..300),
        workers in 1_usize..=4,
        requests in 1_usize..=12,
        allowed in 0_u32..30,
        quota: bool,
    ) {
        let plans = if quota {
            plans(Value::Null, json!({"limit": allowed, "period": "DAY"}), Value::Null, Value::Null)
        } else {
            plans(bucket(allowed), Value::Null, Value::Null, Value::Null)
        };
        let sum = admitted(&plans, &MemoryStore::default(), order, workers, requests, &["acme"]);
        prop_assert_eq!(sum, (workers * requests).min(usize::try_from(allowed).unwrap()));
    }

    #[test]
    fn several_limits_admit_what_the_tightest_allows_and_lose_nothing(
        order in prop::collection::vec(0_usize..4, 1..300),
        workers in 1_usize..=4,
        requests in 1_usize..=8,
        limits in prop::array::uniform4(0_u32..30),
    ) {
        let [plan, quota, stage, account] = limits;
        let plans = plans(
            bucket(plan),
            json!({"limit": quota, "period": "DAY"}),
            bucket(stage),
            bucket(account),
        );
        let store = MemoryStore::default();
        let keys = ["acme", "other"];
        let sum = admitted(&plans, &store, order, workers, requests, &keys);
        let of_each = plan.min(quota);
        let of_all = (2 * of_each).min(stage).min(account);
        prop_assert!(sum <= usize::try_from(of_all).unwrap());
        // Whatever was taken in vain has been given back: those who come later get the rest.
        let mut total = sum;
        for request in 0..60 {
            let key = customer(keys[request % 2]);
            total += usize::from(plans.admit(TARGET, key, &store, NOW).is_ok());
        }
        prop_assert_eq!(total, usize::try_from(of_all).unwrap());
    }
}
