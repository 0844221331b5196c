//! A canary release in a real Envoy: the example, as it stands there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::thread;

use attache_e2e::{Attache, Client, Project, Request, Service};
use serde_json::{Value, json};

const CONNECTIONS: usize = 4;
const REQUESTS: usize = 500;

fn ask(client: &mut Client, path: &str) -> Value {
    let answer = client.send(&Request::new("GET", path)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// What each of 2000 requests is answered with.
fn ask_often(attache: &Attache, path: &str) -> Vec<Value> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::http1(attache.address());
                    let answers = (0..REQUESTS).map(|_| ask(&mut client, path));
                    answers.collect::<Vec<_>>()
                })
            })
            .collect();
        let answers = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        answers.collect()
    })
}

#[test]
fn requests_are_spread_over_stage_and_canary_release() {
    let prices = Service::of_example("canary", "/");
    let project = Project::of_example("canary", Some(prices.address()));
    let attache = Attache::serve(project.path(), &[]);

    let stage = json!({"version": 1, "item": "tea", "price": 5.8, "canary": "false"});
    let canary = json!({"version": 2, "item": "tea", "price": 5.8, "tax": 1.45, "canary": "true"});
    let answers = ask_often(&attache, "/prod/prices/tea");
    let count = |wanted: &Value| answers.iter().filter(|answer| *answer == wanted).count();
    let of_canary = count(&canary);
    // Every request is one release's or the other's, as a whole.
    assert_eq!(count(&stage) + of_canary, CONNECTIONS * REQUESTS);
    // Of a tenth of 2000, fewer than 121 or more than 290 come twice in 10¹⁰ times.
    assert!((121..=290).contains(&of_canary), "{of_canary} of 2000");

    // Stages have nothing to do with each other's canary releases.
    let mut client = Client::http1(attache.address());
    let about = json!({"stage": "next", "version": "v2", "canary": ""});
    assert_eq!(ask(&mut client, "/next/about"), about);
    for _ in 0..5 {
        let price = ask(&mut client, "/next/prices/bread");
        assert_eq!(
            (&price["version"], &price["canary"]),
            (&json!(2), &Value::Null)
        );
    }
}
