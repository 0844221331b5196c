//! Many requests for the same at the same time.

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::pets;
use super::played::{Client, World, operation};

fn start(world: &World, count: usize) -> Vec<Client> {
    (0..count)
        .map(|_| world.start("GET", "/prod/pets", &[]))
        .collect()
}

/// Lets everybody look again who waits; the numbers of those who ask the back end then.
fn wake(clients: &mut [Client]) -> Vec<usize> {
    let mut asking = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        if client.pauses().is_some() {
            client.wake();
        }
        if client.asks() {
            asking.push(number);
        }
    }
    asking
}

#[wasm_bindgen_test(unsupported = test)]
fn one_asks_and_all_are_answered() {
    let world = pets();
    let mut clients = start(&world, 5);
    assert!(clients[0].asks());
    for _ in 0..4 {
        assert_eq!(wake(&mut clients), [0]);
    }
    clients[0].head(200, &[("content-length", "3")]);
    // Its client is answered at once; the others when the body is whole.
    assert!(clients[0].answer.is_some());
    assert!(wake(&mut clients).is_empty());
    assert!(clients[1].answer.is_none());
    clients[0].end(Some(b"one"));
    assert!(wake(&mut clients).is_empty());
    for client in &clients {
        assert_eq!(client.answer.as_ref().unwrap().text(), "one");
    }
    assert_eq!(world.metric("CacheMissCount"), Some(1));
    assert_eq!(world.metric("CacheHitCount"), Some(4));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_pauses_become_longer_and_then_do_not() {
    let world = pets();
    let mut clients = start(&world, 2);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        pauses.extend(clients[1].pauses());
        clients[1].wake();
    }
    assert_eq!(pauses, [2, 4, 8, 16, 25, 25]);
}

#[wasm_bindgen_test(unsupported = test)]
fn who_has_waited_long_enough_asks_alone() {
    let world = pets();
    let mut clients = start(&world, 2);
    let mut waited = 0;
    while let Some(pause) = clients[1].pauses() {
        waited += pause;
        clients[1].wake();
    }
    assert_eq!(waited, 1_000);
    assert!(clients[1].asks());
    assert_eq!(world.logged("cacheStatus"), None);
    clients[1].answer_with(200, &[], "own");
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("bypass"));
    clients[0].answer_with(200, &[], "kept");
    assert_eq!(world.text("/prod/pets", &[], "never"), "kept");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_cache_may_say_that_nobody_waits() {
    let world = World::with(
        json!([operation("GET", "/pets", &[])]),
        &[("/apis/0/stages/0/cacheCluster/longestWaitMillis", json!(0))],
    );
    let clients = start(&world, 3);
    assert!(clients.iter().all(Client::asks));
}

#[wasm_bindgen_test(unsupported = test)]
fn when_the_first_one_goes_away_the_next_one_asks() {
    let world = pets();
    let mut clients = start(&world, 4);
    drop(clients.remove(0));
    assert_eq!(wake(&mut clients), [0]);
    clients[0].head(200, &[("content-length", "3")]);
    drop(clients.remove(0));
    assert_eq!(wake(&mut clients), [0]);
    clients[0].answer_with(200, &[], "one");
    wake(&mut clients);
    assert_eq!(clients[1].answer.as_ref().unwrap().text(), "one");
}

#[wasm_bindgen_test(unsupported = test)]
fn nobody_queues_for_what_is_not_kept() {
    for unreachable in [false, true] {
        let world = pets();
        let mut clients = start(&world, 4);
        if unreachable {
            clients[0].fail();
        } else {
            clients[0].answer_with(500, &[], "no");
        }
        // All the rest at once. The first of them may still have it kept.
        assert_eq!(wake(&mut clients), [1, 2, 3]);
        clients[2].answer_with(200, &[], "alone");
        clients[1].answer_with(200, &[], "kept");
        clients[3].answer_with(200, &[], "alone");
        assert_eq!(world.text("/prod/pets", &[], "never"), "kept");
    }
    // While it is remembered nobody waits; then one asks for all again.
    let world = pets();
    start(&world, 1)[0].answer_with(500, &[], "no");
    let mut clients = start(&world, 3);
    assert!(clients.iter().all(Client::asks));
    for client in &mut clients {
        client.answer_with(500, &[], "no");
    }
    world.advance(5_000);
    let clients = start(&world, 3);
    let asking: Vec<bool> = clients.iter().map(Client::asks).collect();
    assert_eq!(asking, [true, false, false]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_fetch_that_takes_too_long_is_given_up_by_the_others() {
    let world = pets();
    let mut clients = start(&world, 1);
    world.advance(30_000);
    let mut second = world.start("GET", "/prod/pets", &[]);
    assert!(second.asks());
    second.answer_with(200, &[], "second");
    // It was another one's turn.
    clients[0].answer_with(200, &[], "first");
    assert_eq!(world.text("/prod/pets", &[], "never"), "second");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_response_of_which_the_time_is_over_is_fetched_by_one() {
    let world = pets();
    world.get("/prod/pets", &[], "old");
    world.advance(300_000);
    let mut clients = start(&world, 3);
    assert_eq!(wake(&mut clients), [0]);
    clients[0].answer_with(200, &[], "new");
    wake(&mut clients);
    assert!(
        clients
            .iter()
            .all(|client| client.answer.as_ref().unwrap().text() == "new")
    );
}
