//! Leases of many gateways against a model of Redis, over a network that loses, repeats and delays.

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::redis_model::RedisModel;
use super::{Ask, Bounds, Care, FOREVER, Grant, Lease, Spend};
use crate::ports::Timestamp;

const START: u64 = 1_795_132_800;

const MILLI: u64 = 1_000_000;

const DAY: u64 = 86_400;

/// The limit that all gateways share.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// Requests a day.
    Quota(u64),
    /// Burst, and tokens a second.
    Throttle(u64, u64),
}

impl Limit {
    fn most_ahead(self) -> u64 {
        match self {
            Self::Quota(_) => 0,
            Self::Throttle(burst, rate) => burst.max(rate).div_ceil(4).max(1),
        }
    }
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A gateway gets some requests.
    Requests(usize, u8),
    /// The oldest ask on its way reaches Redis, or another one.
    Ask(usize),
    /// An answer reaches its gateway.
    Answer(usize),
    /// An ask comes once more.
    RepeatAsk(usize),
    /// An answer comes once more.
    RepeatAnswer(usize),
    LoseAsk(usize),
    LoseAnswer(usize),
    /// A gateway looks after what it holds.
    Tend(usize),
    /// A gateway loses its memory, and begins anew under another name.
    Crash(usize),
    /// So many milliseconds go by.
    Wait(u16),
}

struct Gateway {
    name: u64,
    /// Its clock is that many milliseconds ahead.
    skew: i64,
    lease: Lease,
    waiting: u64,
    asking: bool,
}

struct World {
    limit: Limit,
    redis: RedisModel,
    /// Nanoseconds since 1970, by Redis's clock.
    now: u64,
    gateways: Vec<Gateway>,
    names: u64,
    asks: Vec<(usize, u64, Ask)>,
    answers: Vec<(usize, u64, Ask, Grant)>,
    /// When requests were admitted, and in which period.
    admitted: Vec<(u64, u64)>,
    refused: u64,
    /// What was granted to gateways that are gone, or may have been.
    lost: u64,
    /// Tokens for waiting requests that may have come without any.
    strays: u64,
    calls: u64,
}

impl World {
    fn new(limit: Limit, skews: &[i64]) -> Self {
        let gateway = |(name, skew): (u64, &i64)| Gateway {
            name,
            skew: *skew,
            lease: Lease::new(FOREVER, 0),
            waiting: 0,
            asking: false,
        };
        Self {
            limit,
            redis: RedisModel::default(),
            now: START * 1_000 * MILLI,
            gateways: (0..).zip(skews).map(gateway).collect(),
            names: u64::try_from(skews.len()).unwrap(),
            asks: Vec::new(),
            answers: Vec::new(),
            admitted: Vec::new(),
            refused: 0,
            lost: 0,
            strays: 0,
            calls: 0,
        }
    }

    fn clock(&self, gateway: usize) -> Timestamp {
        let skew = self.gateways[gateway].skew * i64::try_from(MILLI).unwrap();
        Timestamp(self.now.checked_add_signed(skew).unwrap())
    }

    fn lease(&self, gateway: usize) -> Lease {
        let lease = self.gateways[gateway].lease;
        match self.limit {
            Limit::Throttle(..) => lease,
            Limit::Quota(limit) => {
                let day = self.clock(gateway).as_secs() / DAY;
                let period = Bounds {
                    start: day * DAY,
                    end: (day + 1) * DAY,
                };
                if lease.period == period {
                    lease
                } else {
                    Lease::new(period, limit)
                }
            }
        }
    }

    /// Lets those who wait at a gateway have what is there.
    fn serve(&mut self, gateway: usize) {
        let now = self.clock(gateway);
        while self.gateways[gateway].waiting > 0 {
            let lease = self.lease(gateway);
            match lease.spend(now) {
                Spend::Spent { lease, low } => {
                    self.gateways[gateway].waiting -= 1;
                    self.gateways[gateway].lease = lease;
                    self.admitted.push((self.now, lease.period.start));
                    if low {
                        self.ask(gateway, 0);
                    }
                }
                Spend::Closed(_) => {
                    self.gateways[gateway].waiting -= 1;
                    self.refused += 1;
                }
                Spend::Empty => {
                    if !self.gateways[gateway].asking {
                        self.gateways[gateway].asking = true;
                        self.ask(gateway, 1);
                    }
                    return;
                }
            }
        }
    }

    fn ask(&mut self, gateway: usize, need: u64) {
        let now = self.clock(gateway);
        let lease = self.lease(gateway).without_expired(now);
        self.gateways[gateway].lease = lease;
        let ask = lease.ask(now, need);
        self.calls += 1;
        self.asks.push((gateway, self.gateways[gateway].name, ask));
    }

    /// An ask is carried out.
    fn carry_out(&mut self, (gateway, name, ask): (usize, u64, Ask)) {
        let (key, kind, terms) = match self.limit {
            Limit::Quota(limit) => (
                format!("q{}", ask.period.start),
                "quota",
                [limit, (ask.period.end + DAY) * 1_000, 0],
            ),
            Limit::Throttle(burst, rate) => (
                "t".to_owned(),
                "throttle",
                [burst, rate * 1_000_000_000, self.limit.most_ahead()],
            ),
        };
        let counts = [ask.granted, ask.spent, ask.returned, ask.need, ask.target];
        let mut words = vec![format!("{name:032x}"), kind.to_owned()];
        words.extend(counts.iter().chain(&terms).map(ToString::to_string));
        let answer = self.redis.renew(self.now / 1_000, &[key], &words);
        let [granted, pool, wait_millis] = answer[..] else {
            panic!("{answer:?}");
        };
        let grant = Grant {
            granted,
            pool,
            wait_millis,
        };
        self.answers.push((gateway, name, ask, grant));
    }

    fn learn(&mut self, (gateway, name, ask, grant): (usize, u64, Ask, Grant)) {
        if self.gateways[gateway].name != name {
            return;
        }
        let now = self.clock(gateway);
        let lease = self.gateways[gateway].lease.learn(&ask, &grant, now);
        self.gateways[gateway].lease = lease;
        if ask.need > 0 {
            self.gateways[gateway].asking = false;
        }
        self.serve(gateway);
    }

    /// Nobody waits for ever for what was lost.
    fn give_up(&mut self, gateway: usize, need: u64) {
        if need > 0 {
            self.gateways[gateway].asking = false;
            self.gateways[gateway].waiting = 0;
        }
    }

    fn act(&mut self, act: Act) {
        let of = |place: usize, all: usize| (all > 0).then(|| place % all);
        match act {
            Act::Requests(gateway, count) => {
                let gateway = gateway % self.gateways.len();
                self.gateways[gateway].waiting += u64::from(count);
                self.serve(gateway);
            }
            Act::Ask(place) => {
                if let Some(place) = of(place, self.asks.len()) {
                    let ask = self.asks.remove(place);
                    self.carry_out(ask);
                }
            }
            Act::RepeatAsk(place) => {
                if let Some(place) = of(place, self.asks.len()) {
                    self.strays += self.asks[place].2.need;
                    self.carry_out(self.asks[place]);
                }
            }
            Act::Answer(place) => {
                if let Some(place) = of(place, self.answers.len()) {
                    let answer = self.answers.remove(place);
                    self.learn(answer);
                }
            }
            Act::RepeatAnswer(place) => {
                if let Some(place) = of(place, self.answers.len()) {
                    self.learn(self.answers[place]);
                }
            }
            Act::LoseAsk(place) => {
                if let Some(place) = of(place, self.asks.len()) {
                    let (gateway, _, ask) = self.asks.remove(place);
                    self.give_up(gateway, ask.need);
                }
            }
            Act::LoseAnswer(place) => {
                if let Some(place) = of(place, self.answers.len()) {
                    let (gateway, _, ask, _) = self.answers.remove(place);
                    self.strays += ask.need;
                    self.give_up(gateway, ask.need);
                }
            }
            Act::Tend(gateway) => {
                let gateway = gateway % self.gateways.len();
                let now = self.clock(gateway);
                if let Care::Tell(lease) = self.gateways[gateway].lease.tend(now) {
                    self.gateways[gateway].lease = lease;
                    self.ask(gateway, 0);
                }
            }
            Act::Crash(gateway) => {
                let gateway = gateway % self.gateways.len();
                self.strays += 1;
                let gone = &mut self.gateways[gateway];
                // Neither what it held is spent, nor what is on its way to it.
                self.lost += gone.lease.left();
                gone.lease = Lease::new(FOREVER, 0);
                gone.name = self.names;
                gone.waiting = 0;
                gone.asking = false;
                self.names += 1;
            }
            Act::Wait(millis) => self.now += u64::from(millis) * MILLI,
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let place = 0_usize..8;
    let act = prop_oneof![
        12 => (place.clone(), 1_u8..40).prop_map(|(gateway, count)| Act::Requests(gateway, count)),
        20 => place.clone().prop_map(Act::Ask),
        20 => place.clone().prop_map(Act::Answer),
        2 => place.clone().prop_map(Act::RepeatAsk),
        2 => place.clone().prop_map(Act::RepeatAnswer),
        2 => place.clone().prop_map(Act::LoseAsk),
        2 => place.clone().prop_map(Act::LoseAnswer),
        3 => place.clone().prop_map(Act::Tend),
        1 => place.prop_map(Act::Crash),
        8 => prop_oneof![0_u16..20, 0_u16..500, 3_000_u16..12_000].prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..300)
}

fn skews() -> impl Strategy<Value = Vec<i64>> {
    let skew = prop_oneof![Just(0_i64), -5_000_i64..5_000, -80_000_000_i64..80_000_000];
    prop::collection::vec(skew, 1..5)
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn a_quota_is_never_exceeded(limit in 0_u64..400, skews in skews(), acts in acts()) {
        let mut world = World::new(Limit::Quota(limit), &skews);
        for act in acts {
            world.act(act);
            let periods: std::collections::BTreeSet<u64> =
                world.admitted.iter().map(|(_, period)| *period).collect();
            for period in periods {
                let in_period = world.admitted.iter().filter(|(_, other)| *other == period);
                prop_assert!(u64::try_from(in_period.count()).unwrap() <= limit);
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_quota_is_used_to_the_last_request(
        limit in 1_u64..2_000,
        gateways in 1_usize..5,
        weights in prop::collection::vec(0_usize..4, 1..20),
    ) {
        let mut world = World::new(Limit::Quota(limit), &vec![0; gateways]);
        let mut turns = 0;
        // Until everybody is refused, and nobody holds anything any more.
        while world.refused < 20 * limit + 1_000 && turns < 4_000 {
            world.act(Act::Requests(weights[turns % weights.len()], 10));
            world.act(Act::Ask(0));
            world.act(Act::Answer(0));
            if turns % 10 == 0 {
                world.act(Act::Wait(1_100));
                (0..gateways).for_each(|gateway| world.act(Act::Tend(gateway)));
            }
            turns += 1;
        }
        while !(world.asks.is_empty() && world.answers.is_empty()) {
            world.act(Act::Ask(0));
            world.act(Act::Answer(0));
        }
        prop_assert_eq!(u64::try_from(world.admitted.len()).unwrap(), limit);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_throttle_admits_no_more_than_its_bound(
        burst in 1_u64..200,
        rate in 1_u64..200,
        skews in skews(),
        acts in acts(),
    ) {
        let limit = Limit::Throttle(burst, rate);
        let mut world = World::new(limit, &skews);
        for act in acts {
            world.act(act);
        }
        // One for each gateway that asks for a request that waits, and those that got one without.
        let besides = limit.most_ahead() + u64::try_from(skews.len()).unwrap() + world.strays;
        let times: Vec<u64> = world.admitted.iter().map(|(time, _)| *time).collect();
        for (from, first) in times.iter().enumerate() {
            for (to, last) in times.iter().enumerate().skip(from) {
                let count = u64::try_from(to - from + 1).unwrap();
                let brought = u128::from(last - first) * u128::from(rate) / 1_000_000_000;
                let bound = burst + u64::try_from(brought).unwrap() + 1 + besides;
                prop_assert!(
                    count <= bound,
                    "{count} in {} ms, {bound} at most", (last - first) / MILLI
                );
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_lease_survives_the_store(numbers in prop::array::uniform12(any::<u64>())) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let lease = Lease::decode(&bytes).unwrap();
        prop_assert_eq!(lease.encode().to_vec(), bytes);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_a_lease_can_be_read_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Lease::decode(&bytes).is_some(), bytes.len() == 96);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_lease_makes_arithmetic_fail(
        numbers in prop::array::uniform12(any::<u64>()),
        now: u64,
        granted: u64,
        wait_millis: u64,
    ) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let lease = Lease::decode(&bytes).unwrap();
        let now = Timestamp(now);
        let grant = Grant { granted, pool: granted, wait_millis };
        let ask = lease.ask(now, 1);
        let _ = (lease.spend(now), lease.tend(now), lease.overdrawn(), lease.unspent());
        let _ = lease.learn(&ask, &grant, now).spend(now);
    }
}

/// One gateway that nobody shares with admits what a bucket of its own would.
#[wasm_bindgen_test(unsupported = test)]
fn a_gateway_alone_has_the_whole_burst_and_then_the_rate() {
    for (burst, rate) in [
        (1, 1),
        (5, 1),
        (20, 10),
        (100, 50),
        (1_000, 1_000),
        (50, 500),
    ] {
        let mut world = World::new(Limit::Throttle(burst, rate), &[0]);
        let settle = |world: &mut World| {
            while !(world.asks.is_empty() && world.answers.is_empty()) {
                world.act(Act::Ask(0));
                world.act(Act::Answer(0));
            }
        };
        for _ in 0..burst + 10 {
            world.act(Act::Requests(0, 1));
            settle(&mut world);
        }
        assert_eq!(
            world.admitted.len() as u64,
            burst,
            "{burst} at {rate} a second"
        );
        // A steady excess for twenty seconds.
        for _ in 0..2_000 {
            world.act(Act::Wait(10));
            world.act(Act::Requests(0, u8::try_from(rate / 50 + 1).unwrap()));
            settle(&mut world);
        }
        let admitted = world.admitted.len() as u64 - burst;
        assert!(
            admitted.abs_diff(20 * rate) <= (20 * rate).div_ceil(50) + 1,
            "{admitted} of {}",
            20 * rate
        );
    }
}

/// What is asked of Redis is a small part of what is admitted.
#[wasm_bindgen_test(unsupported = test)]
fn a_steady_load_below_the_limit_asks_seldom_and_is_never_refused() {
    for limit in [Limit::Throttle(2_000, 1_000), Limit::Quota(1_000_000)] {
        let mut world = World::new(limit, &[0, 0]);
        for millis in 0..20_000 {
            world.act(Act::Wait(1));
            if millis % 5 == 0 {
                world.act(Act::Requests(0, 2));
                world.act(Act::Requests(1, 1));
            }
            // Asks on the side are made ten times a second, the others at once.
            if millis % 100 == 0 || world.asks.iter().any(|(_, _, ask)| ask.need > 0) {
                while !(world.asks.is_empty() && world.answers.is_empty()) {
                    world.act(Act::Ask(0));
                    world.act(Act::Answer(0));
                }
            }
            if millis % 1_000 == 0 {
                world.act(Act::Tend(0));
                world.act(Act::Tend(1));
            }
        }
        assert_eq!(
            (world.admitted.len(), world.refused),
            (12_000, 0),
            "{limit:?}"
        );
        assert!(world.calls <= 60 + 30, "{limit:?}: {} calls", world.calls);
    }
}

/// What has become too old is given back for good: it does not come to life again with the next
/// answer, when Redis has already filled the bucket with it.
#[wasm_bindgen_test(unsupported = test)]
fn what_redis_was_told_to_be_given_back_is_not_spent() {
    let mut world = World::new(Limit::Throttle(100, 10), &[0]);
    let settle = |world: &mut World| {
        while !(world.asks.is_empty() && world.answers.is_empty()) {
            world.act(Act::Ask(0));
            world.act(Act::Answer(0));
        }
    };
    for _ in 0..20 {
        world.act(Act::Requests(0, 1));
        settle(&mut world);
    }
    let held = world.gateways[0].lease.left();
    assert!(held > 0);
    world.act(Act::Wait(10_500));
    let given_back = world.gateways[0].lease.returned;
    world.act(Act::Requests(0, 20));
    // While the ask is on its way, nothing of it can be spent.
    assert_eq!(world.admitted.len(), 20);
    assert_eq!(world.gateways[0].lease.left(), 0);
    assert_eq!(world.gateways[0].lease.returned, given_back + held);
    settle(&mut world);
    assert_eq!(world.admitted.len(), 40);
}
