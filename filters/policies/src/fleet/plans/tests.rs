//! Usage plans that live in Redis.

use attache_model::{self as model, ApiStage, MethodThrottle, Period, Quota, Throttle, Verb};
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::fleet::table::model::TableModel;
use crate::fleet::table::world::{World, key};

fn api_stage(stage: &str) -> ApiStage {
    ApiStage {
        api: "shop".to_owned(),
        stage: stage.to_owned(),
        throttle: Vec::new(),
    }
}

/// A plan that holds a stage, with a quota for each day.
fn plan(id: &str, quota: Option<u64>) -> model::UsagePlan {
    model::UsagePlan {
        id: id.to_owned(),
        throttle: None,
        quota: quota.map(|limit| Quota {
            limit,
            period: Period::Day,
            offset: 0,
            time_zone: None,
        }),
        api_stages: vec![api_stage("prod")],
    }
}

fn key_of(id: &str, plans: &[&str]) -> model::ApiKey {
    model::ApiKey {
        usage_plans: plans.iter().map(|plan| (*plan).to_owned()).collect(),
        ..key(id)
    }
}

/// How many of some requests to each worker in turn are admitted.
fn admitted(world: &mut World, value: &str, count: usize) -> usize {
    let workers = world.workers.len();
    let requests = (0..count).filter(|number| world.request(number % workers, value) == 200);
    requests.count()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plan_holds_everywhere_soon_after_it_is_created_until_it_is_deleted() {
    let mut world = World::new(2, &json!([]));
    world.wait(1_000);
    // In the wrong order: the key is known before its plan.
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [403; 4]);
    world.write_plan("silver", Some(&plan("silver", None)));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 4]);
    assert_eq!(world.request_to(0, "/test/x", "key of acme"), 403);
    let moved = model::UsagePlan {
        api_stages: vec![api_stage("test")],
        ..plan("silver", None)
    };
    world.write_plan("silver", Some(&moved));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [403; 4]);
    assert_eq!(world.request_to(0, "/test/x", "key of acme"), 200);
    world.write_plan("silver", None);
    world.wait(1_300);
    assert_eq!(world.request_to(0, "/test/x", "key of acme"), 403);
    // All of this without a single call that a request waited for.
    assert_eq!(world.waits, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_that_moves_from_plan_to_plan_does_so_everywhere() {
    let mut world = World::new(2, &json!([]));
    let elsewhere = model::UsagePlan {
        api_stages: vec![api_stage("test")],
        ..plan("tests", None)
    };
    world.write_plan("tests", Some(&elsewhere));
    // That of the configuration is `gold`.
    for (plans, prod, test) in [
        (&["gold"][..], 200, 403),
        (&["tests"], 403, 200),
        (&["tests", "gold"], 200, 200),
        (&[], 403, 403),
    ] {
        world.create(&key_of("acme", plans));
        world.wait(1_300);
        assert_eq!(world.statuses("key of acme"), [prod; 4], "{plans:?}");
        for worker in 0..4 {
            assert_eq!(world.request_to(worker, "/test/x", "key of acme"), test);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_changed_quota_holds_for_what_is_already_used() {
    let mut world = World::new(2, &json!([]));
    world.write_plan("silver", Some(&plan("silver", Some(100))));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    let mut used = 0;
    for _ in 0..40 {
        used += admitted(&mut world, "key of acme", 8);
        world.wait(500);
    }
    assert_eq!(used, 100);
    world.write_plan("silver", Some(&plan("silver", Some(250))));
    // Nobody asks more often than every ten seconds for what has nothing left.
    world.wait(12_000);
    for _ in 0..60 {
        used += admitted(&mut world, "key of acme", 8);
        world.wait(500);
    }
    assert_eq!(used, 250);
    world.write_plan("silver", Some(&plan("silver", Some(200))));
    world.wait(12_000);
    assert_eq!(admitted(&mut world, "key of acme", 40), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_renewed_on_the_side_is_renewed_on_the_terms_of_now() {
    let mut world = World::new(1, &json!([]));
    world.write_plan("silver", Some(&plan("silver", Some(1_000))));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    assert_eq!(admitted(&mut world, "key of acme", 20), 20);
    world.write_plan("silver", Some(&plan("silver", Some(40))));
    world.wait(1_300);
    world.quotas.clear();
    // Nobody asks for anything, so that what is held is given back.
    world.wait(20_000);
    assert!(!world.quotas.is_empty());
    assert!(
        world.quotas.iter().all(|limit| limit == "40"),
        "{:?}",
        world.quotas
    );
    assert_eq!(admitted(&mut world, "key of acme", 40), 20);
}

#[wasm_bindgen_test(unsupported = test)]
fn methods_are_throttled_as_the_plan_says() {
    let mut world = World::new(1, &json!([]));
    let throttle = |burst_limit| Throttle {
        rate_limit: 0.001,
        burst_limit,
    };
    let method = MethodThrottle {
        path: "/y".to_owned(),
        method: Verb::Get,
        throttle: throttle(3),
    };
    let mut silver = model::UsagePlan {
        throttle: Some(throttle(8)),
        ..plan("silver", None)
    };
    silver.api_stages[0].throttle.push(method);
    world.write_plan("silver", Some(&silver));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    let mut of_path = |path: &str| {
        let requests = (0..20).filter(|_| world.request_to(0, path, "key of acme") == 200);
        requests.count()
    };
    assert_eq!((of_path("/prod/x"), of_path("/prod/y")), (8, 3));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_worker_that_has_not_loaded_the_plans_asks_for_single_ones() {
    let mut world = World::new(1, &json!([]));
    world.write_plan("silver", Some(&plan("silver", None)));
    world.create(&key_of("acme", &["silver"]));
    world.create(&key_of("globex", &["unknown"]));
    assert_eq!(world.request(0, "key of acme"), 200);
    // The key and the plan.
    assert_eq!(world.waits, 2);
    assert_eq!(world.request(0, "key of globex"), 403);
    world.waits = 0;
    assert_eq!(world.request(0, "key of globex"), 403);
    // The key; that there is no such plan is remembered.
    assert_eq!(world.waits, 1);
    world.wait(1_300);
    world.waits = 0;
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    assert_eq!(world.statuses("key of globex"), [403; 2]);
    assert_eq!(world.waits, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_whose_plan_nobody_can_look_up_is_not_refused() {
    let mut world = World::new(1, &json!([]));
    world.write_plan("silver", Some(&plan("silver", None)));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    world.replace_worker(0);
    world.is_up = false;
    assert_eq!(world.request(0, "key of acme"), 500);
    // The other worker has everything.
    assert_eq!(world.request(1, "key of acme"), 200);
    world.is_up = true;
    world.wait(5_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_known_stays_in_force_when_redis_is_away_or_has_lost_it() {
    let mut world = World::new(1, &json!([]));
    world.write_plan("silver", Some(&plan("silver", None)));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    world.is_up = false;
    world.wait(60_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    world.is_up = true;
    world.plans = TableModel::default();
    world.wait(10_000);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn plans_of_the_configuration_come_first() {
    let mut world = World::new(1, &json!([]));
    // `gold` is declared, holds `prod` and has no quota.
    world.write_plan("gold", Some(&plan("gold", Some(0))));
    world.write_plan("silver", Some(&plan("silver", Some(0))));
    world.create(&key_of("acme", &["gold"]));
    world.create(&key_of("globex", &["silver"]));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    assert_eq!(world.statuses("key of globex"), [429; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn stages_that_nobody_has_are_left_out_and_records_that_nobody_reads_open_nothing() {
    let mut world = World::new(1, &json!([]));
    let mut silver = plan("silver", None);
    silver.api_stages.insert(0, api_stage("gone"));
    silver.api_stages[1].throttle.push(MethodThrottle {
        path: "/gone".to_owned(),
        method: Verb::Get,
        throttle: Throttle {
            rate_limit: 0.0,
            burst_limit: 0,
        },
    });
    silver.throttle = Some(Throttle {
        rate_limit: 1_000.0,
        burst_limit: 1_000,
    });
    world.write_plan("silver", Some(&silver));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
    // A quota whose week begins on an eighth day.
    let mut faulty = plan("silver", Some(10));
    if let Some(quota) = &mut faulty.quota {
        quota.period = Period::Week;
        quota.offset = 7;
    }
    world.write_plan("silver", Some(&faulty));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [403; 2]);
    world.write_plan("silver", Some(&plan("silver", None)));
    world.wait(1_300);
    assert_eq!(world.statuses("key of acme"), [200; 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_worker_held_of_a_quota_is_looked_after_by_the_next() {
    let mut world = World::new(2, &json!([]));
    world.write_plan("silver", Some(&plan("silver", Some(100))));
    world.create(&key_of("acme", &["silver"]));
    world.wait(1_300);
    let mut used = 0;
    for round in 0..20 {
        used += usize::from(world.request(round % 2, "key of acme") == 200);
        world.wait(100);
    }
    // Both at once, so that neither knows the plans when it finds what was left.
    world.replace_worker(0);
    world.replace_worker(1);
    world.wait(30_000);
    for _ in 0..40 {
        for worker in [2, 3, 2, 3] {
            used += usize::from(world.request(worker, "key of acme") == 200);
        }
        world.wait(500);
    }
    assert_eq!(used, 100);
}
