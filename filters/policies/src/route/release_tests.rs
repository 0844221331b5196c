//! Stages whose deployments differ, and canary releases.

use std::cell::Cell;

use attache_model::{
    Account, Api, Canary, Gateway, Integration, Mock, Operation, Protocol, Stage, Verb,
};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Routes;
use crate::Headers;
use crate::ports::Random;

/// One number, and how often it was drawn.
struct Drawn {
    number: u64,
    times: Cell<usize>,
}

impl Drawn {
    fn new(number: u64) -> Self {
        let times = Cell::new(0);
        Self { number, times }
    }
}

impl Random for Drawn {
    fn next_u64(&self) -> u64 {
        self.times.update(|times| times + 1);
        self.number
    }
}

/// SplitMix64.
struct Seeded(Cell<u64>);

impl Random for Seeded {
    fn next_u64(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn canary(name: &str, percent_traffic: f64) -> Stage {
    Stage {
        canary: Some(Canary {
            percent_traffic,
            use_stage_cache: false,
        }),
        ..Stage::new(name)
    }
}

fn api(id: &str, stages: Vec<Stage>, paths: &[&str]) -> Api {
    let operation = |path: &&str| {
        let mock = Integration::Mock(Mock::default());
        Operation::new(*path, Verb::Get, mock)
    };
    Api {
        operations: paths.iter().map(operation).collect(),
        stages,
        ..Api::new(id, Protocol::Rest)
    }
}

fn gateway(apis: Vec<Api>) -> Gateway {
    Gateway {
        apis,
        ..Gateway::new(Account::default())
    }
}

fn request(target: &str) -> Headers {
    [
        (":authority", "pets.localhost"),
        (":method", "GET"),
        (":path", target),
    ]
    .into_iter()
    .collect()
}

/// Which entry, stage and operation serve a request when this number is drawn, and how often one
/// was.
fn served(routes: &Routes, target: &str, number: u64) -> (Option<[usize; 3]>, usize) {
    let (request, drawn) = (request(target), Drawn::new(number));
    let route = routes.find_release(&request, &drawn).ok();
    let place = route.map(|route| [route.api, route.stage, route.operation]);
    (place, drawn.times.get())
}

/// One API whose stage has a canary release of its own deployment, and a stage that has none.
fn deployed(percent: f64) -> Gateway {
    gateway(vec![
        api("pets", vec![Stage::new("dev")], &["/pets", "/new"]),
        api("other", vec![Stage::new("prod")], &["/pets"]),
        // The canary release stands before its stage.
        api("pets", vec![canary("prod", percent)], &["/new", "/pets"]),
        api("pets", vec![Stage::new("prod")], &["/pets", "/old"]),
    ])
}

#[wasm_bindgen_test(unsupported = test)]
fn each_stage_serves_its_own_deployment() {
    let routes = Routes::compile(&deployed(50.0)).unwrap();
    let (low, high) = (0, u64::MAX);
    for (target, number, place, draws) in [
        // Nothing is drawn where there is nothing to choose from.
        ("/dev/pets", low, Some([0, 0, 0]), 0),
        ("/dev/new", high, Some([0, 0, 1]), 0),
        ("/dev/old", low, None, 0),
        ("/prod/pets", low, Some([2, 0, 1]), 1),
        ("/prod/pets", high, Some([3, 0, 0]), 1),
        ("/prod/new", low, Some([2, 0, 0]), 1),
        ("/prod/new", high, None, 1),
        ("/prod/old", low, None, 1),
        ("/prod/old", high, Some([3, 0, 1]), 1),
        ("/test/pets", low, None, 0),
    ] {
        assert_eq!(
            served(&routes, target, number),
            (place, draws),
            "{target} {number}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refusal_is_that_of_the_release_that_was_drawn() {
    let routes = Routes::compile(&deployed(50.0)).unwrap();
    let refused = |target: &str, number: u64| {
        let unmatched = routes
            .find_release(&request(target), &Drawn::new(number))
            .unwrap_err();
        (unmatched.api, unmatched.stage)
    };
    assert_eq!(refused("/prod/old", 0), (Some(2), Some(0)));
    assert_eq!(refused("/prod/new", u64::MAX), (Some(3), Some(0)));
    // Of an unknown stage the first entry has to speak.
    assert_eq!(refused("/test/old", 0), (Some(0), None));
}

#[wasm_bindgen_test(unsupported = test)]
fn without_a_number_no_canary_release_is_found() {
    let routes = Routes::compile(&deployed(100.0)).unwrap();
    let request = request("/prod/pets");
    assert_eq!(routes.find(&request).unwrap().api, 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_release_that_is_known_is_found_whatever_is_drawn() {
    let routes = Routes::compile(&deployed(50.0)).unwrap();
    let request = request("/prod/new?x=1");
    let found = |api, stage| {
        let route = routes.find_of_release(api, stage, &request)?;
        assert_eq!((route.path, route.query), (&b"/prod/new"[..], &b"x=1"[..]));
        Some([route.api, route.stage, route.operation])
    };
    assert_eq!(found(2, 0), Some([2, 0, 0]));
    assert_eq!(found(3, 0), None);
    assert_eq!(found(9, 0), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_percentage_is_exact() {
    const HALF: u64 = 1 << 63;
    for (percent, number, is_canary) in [
        (0.0, 0, false),
        (-0.0, 0, false),
        (f64::MIN_POSITIVE, 0, false),
        (100.0, u64::MAX, true),
        (50.0, HALF - 1, true),
        (50.0, HALF, false),
        (12.5, (1 << 61) - 1, true),
        (12.5, 1 << 61, false),
        // 2⁶⁴ · 0.1 / 100 is 18 446 744 073 709 551.6, and a number of 53 bits says every fourth.
        (0.1, 18_446_744_073_709_552, false),
        (0.1, 18_446_744_073_709_551, true),
        // The smallest part that still gets anything: one number of 2⁶⁴.
        (100.0 / 18_446_744_073_709_551_616.0, 0, true),
        (100.0 / 18_446_744_073_709_551_616.0, 1, false),
    ] {
        let stages = vec![Stage::new("prod"), canary("prod", percent)];
        let routes = Routes::compile(&gateway(vec![api("pets", stages, &["/"])])).unwrap();
        let place = [0, usize::from(is_canary), 0];
        assert_eq!(
            served(&routes, "/prod", number),
            (Some(place), 1),
            "{percent} {number}"
        );
    }
}

/// A binomial count lies within 6.5 standard deviations of its mean but for one time in 10¹⁰; the
/// seeds are always the same, so that it does or does not once and for all.
#[wasm_bindgen_test(unsupported = test)]
fn requests_are_spread_as_the_percentage_says() {
    const REQUESTS: u32 = 100_000;
    for (seed, percent) in [(1, 0.1), (2, 1.0), (3, 12.5), (4, 50.0), (5, 99.5)] {
        let routes = Routes::compile(&deployed(percent)).unwrap();
        let random = Seeded(Cell::new(seed));
        let request = request("/prod/pets");
        let of_canary = (0..REQUESTS)
            .filter(|_| routes.find_release(&request, &random).unwrap().api == 2)
            .count();
        let part = percent / 100.0;
        let mean = f64::from(REQUESTS) * part;
        let deviation = (mean * (1.0 - part)).sqrt();
        let count = f64::from(u32::try_from(of_canary).unwrap());
        assert!(
            (count - mean).abs() < 6.5 * deviation,
            "{percent} %: {count} of {REQUESTS}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_of_a_release_is_reported_with_its_place() {
    let http = Api {
        protocol: Protocol::Http,
        ..api("pets", vec![canary("beta", 1.0)], &[])
    };
    let elsewhere = Api {
        any_host: true,
        ..api("pets", vec![Stage::new("prod")], &[])
    };
    let first = vec![
        Stage::new("prod"),
        Stage::new("dev"),
        Stage::new("dev"),
        canary("prod", 10.0),
        canary("prod", 20.0),
        canary("dev", -1.0),
        canary("dev", 100.5),
        canary("dev", f64::NAN),
        canary("dev", f64::INFINITY),
        canary("gone", 10.0),
    ];
    let errors = Routes::compile(&gateway(vec![
        api("pets", first, &[]),
        http,
        elsewhere,
        api("PETS", Vec::new(), &[]),
    ]))
    .unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/apis/1/protocol",
            "/apis/2/anyHost",
            "/apis/3/id",
            "/apis/0/stages/2/name",
            "/apis/2/stages/0/name",
            "/apis/0/stages/4/canary",
            "/apis/0/stages/5/canary/percentTraffic",
            "/apis/0/stages/6/canary/percentTraffic",
            "/apis/0/stages/7/canary/percentTraffic",
            "/apis/0/stages/8/canary/percentTraffic",
            "/apis/0/stages/9/canary",
            "/apis/1/stages/0/canary",
        ]
    );
    for error in errors {
        assert!(!error.reason.ends_with('.'), "{error}");
    }
}

proptest! {
    /// Wherever releases stand in the configuration, a request reaches the one it should.
    #[wasm_bindgen_test(unsupported = test)]
    fn the_order_of_the_configuration_plays_no_part(
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
        number in any::<u64>(),
        percent in 0.0..=100.0,
        target in prop::sample::select(vec![
            "/prod/pets", "/prod/new", "/prod/old", "/dev/pets", "/dev/new", "/dev/old", "/other/pets",
        ]),
    ) {
        let model = deployed(percent);
        let straight = served(&Routes::compile(&model).unwrap(), target, number);
        let apis = order.iter().map(|position| model.apis[*position].clone()).collect();
        let shuffled = served(&Routes::compile(&gateway(apis)).unwrap(), target, number);
        let place = shuffled.0.map(|[api, stage, operation]| [order[api], stage, operation]);
        prop_assert_eq!(straight, (place, shuffled.1));
    }

    /// More percent is never less traffic: whoever gets a request still gets it.
    #[wasm_bindgen_test(unsupported = test)]
    fn a_canary_release_that_grows_keeps_its_requests(
        number in any::<u64>(),
        one in 0.0..=100.0,
        other in 0.0..=100.0,
    ) {
        let is_canary = |percent| {
            let routes = Routes::compile(&deployed(percent)).unwrap();
            served(&routes, "/prod/pets", number).0 == Some([2, 0, 1])
        };
        let (less, more) = if one < other { (one, other) } else { (other, one) };
        prop_assert!(is_canary(more) || !is_canary(less));
    }
}
