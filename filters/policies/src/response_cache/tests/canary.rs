//! The caches of canary releases, and of stages to which something else is deployed.

use std::rc::Rc;

use attache_model::{Canary, Gateway};
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{World, document, operation};

/// SHA-256 of `token`.
const DIGEST: &str = "3C469E9D6C5875D37A43F353D4F88E61FCF812C66EEE3457465A40B0DA4153E0";
const TOKEN: (&str, &str) = ("authorization", "Bearer token");
const FLUSH: &str = "/restapis/shop/stages/prod/cache/data";

/// A stage and its canary release in one entry of the configuration.
fn beside(use_stage_cache: bool) -> Gateway {
    let operations = json!([operation("GET", "/p", &[]), operation("GET", "/q", &[])]);
    let on = json!({"tokenSha256": DIGEST});
    let mut document = document(operations, &[("/managementApi", on)]);
    let mut canary = document.apis[0].stages[0].clone();
    canary.canary = Some(Canary {
        percent_traffic: 0.0,
        use_stage_cache,
    });
    document.apis[0].stages.push(canary);
    document
}

/// The same with the canary release in an entry of its own, which has one operation more.
fn apart(use_stage_cache: bool) -> Gateway {
    let mut document = beside(use_stage_cache);
    let canary = document.apis[0].stages.pop().unwrap();
    let mut entry = document.apis[0].clone();
    let mut only = entry.operations[0].clone();
    only.path = "/only".to_owned();
    entry.operations.push(only);
    let mut canary = canary;
    let cached = &mut canary.cache_cluster.as_mut().unwrap().operations;
    let mut another = cached[0].clone();
    another.operation = 2;
    cached.push(another);
    entry.stages = vec![canary];
    document.apis.push(entry);
    for (api, id) in document.apis.iter_mut().zip(["first", "second"]) {
        api.stages[0].deployment_id = Some(id.to_owned());
    }
    document
}

/// Two configurations on one proxy: all requests go to the stage, or to its canary release.
fn worlds(document: &Gateway) -> (World, World) {
    let stage = World::of(document);
    let mut document = document.clone();
    for stage in document.apis.iter_mut().flat_map(|api| &mut api.stages) {
        if let Some(canary) = &mut stage.canary {
            canary.percent_traffic = 100.0;
        }
    }
    let canary = World {
        proxy: Rc::clone(&stage.proxy),
        ..World::of(&document)
    };
    (stage, canary)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_canary_release_has_a_cache_of_its_own() {
    for document in [beside(false), apart(false), apart(true)] {
        let (stage, canary) = worlds(&document);
        assert_eq!(stage.text("/prod/p", &[], "stage"), "stage");
        assert_eq!(canary.text("/prod/p", &[], "canary"), "canary");
        assert_eq!(stage.text("/prod/p", &[], "never"), "stage");
        assert_eq!(canary.text("/prod/p", &[], "never"), "canary");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_canary_release_of_the_same_deployment_can_use_the_cache_of_its_stage() {
    let mut deployed = beside(true);
    for stage in &mut deployed.apis[0].stages {
        stage.deployment_id = Some("first".to_owned());
    }
    for document in [beside(true), deployed] {
        let (stage, canary) = worlds(&document);
        assert_eq!(stage.text("/prod/p", &[], "stage"), "stage");
        assert_eq!(canary.text("/prod/p", &[], "never"), "stage");
        assert_eq!(canary.text("/prod/q", &[], "canary"), "canary");
        assert_eq!(stage.text("/prod/q", &[], "never"), "canary");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn caches_that_differ_are_not_shared() {
    let mut document = beside(true);
    let cluster = document.apis[0].stages[1].cache_cluster.as_mut();
    cluster.unwrap().size_mebibytes += 1;
    let (stage, canary) = worlds(&document);
    assert_eq!(stage.text("/prod/p", &[], "stage"), "stage");
    assert_eq!(canary.text("/prod/p", &[], "canary"), "canary");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_deployed_anew_answers_for_itself() {
    let first = beside(false);
    let mut second = first.clone();
    let (old, _) = worlds(&first);
    second.apis[0].stages[0].deployment_id = Some("second".to_owned());
    let new = World {
        proxy: Rc::clone(&old.proxy),
        ..World::of(&second)
    };
    assert_eq!(old.text("/prod/p", &[], "old"), "old");
    assert_eq!(new.text("/prod/p", &[], "new"), "new");
    // A deployment that is taken back finds what was kept for it.
    assert_eq!(old.text("/prod/p", &[], "never"), "old");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stage_and_its_canary_release_are_flushed_together() {
    for document in [beside(false), beside(true), apart(false)] {
        for (query, forgotten, kept) in [
            ("", vec!["/prod/p", "/prod/q"], vec![]),
            ("?method=/p/GET", vec!["/prod/p"], vec!["/prod/q"]),
            ("?path=/q", vec!["/prod/q"], vec!["/prod/p"]),
        ] {
            let (stage, canary) = worlds(&document);
            for world in [&stage, &canary] {
                world.text("/prod/p", &[], "old");
                world.text("/prod/q", &[], "old");
            }
            let flush = stage.start("DELETE", &format!("{FLUSH}{query}"), &[TOKEN]);
            assert_eq!(flush.answer.unwrap().status, 202, "{query}");
            for world in [&stage, &canary] {
                for path in &forgotten {
                    assert!(world.start("GET", path, &[]).asks(), "{query} {path}");
                }
                for path in &kept {
                    assert!(!world.start("GET", path, &[]).asks(), "{query} {path}");
                }
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_one_of_the_two_has_can_be_flushed() {
    let (stage, canary) = worlds(&apart(false));
    assert_eq!(canary.text("/prod/only", &[], "old"), "old");
    for (query, status) in [
        ("?method=/only/GET", 202),
        ("?path=/only", 202),
        ("?method=/none/GET", 404),
        ("?path=/none", 404),
    ] {
        let flush = stage.start("DELETE", &format!("{FLUSH}{query}"), &[TOKEN]);
        assert_eq!(flush.answer.unwrap().status, status, "{query}");
    }
    assert_eq!(canary.text("/prod/only", &[], "new"), "new");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_requests_of_a_canary_release_are_counted_for_both() {
    for (document, label) in [(beside(false), "prod/Canary"), (beside(true), "prod")] {
        let (stage, canary) = worlds(&document);
        stage.text("/prod/p", &[], "1");
        canary.text("/prod/q", &[], "2");
        canary.text("/prod/q", &[], "3");
        assert_eq!(stage.metric("Count"), Some(3));
        assert_eq!(stage.metric_of("prod/Canary", "Count"), Some(2));
        assert_eq!(stage.metric_of("prod/Canary", "CacheHitCount"), Some(1));
        assert_eq!(stage.metric("CacheHitCount"), Some(1));
        // How much is kept is told once for each memory.
        canary.tick();
        assert!(stage.metric_of(label, "CacheEntries").is_some());
        let other = stage.metric_of("prod/Canary", "CacheEntries");
        assert_eq!(other.is_some(), label == "prod/Canary");
    }
}
