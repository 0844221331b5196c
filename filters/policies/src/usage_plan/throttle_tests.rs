use attache_model::Throttle;
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Bucket, Decision, State};
use crate::ports::Timestamp;

const START: u64 = 1_795_000_000_000_000_000;

fn bucket(rate_limit: f64, burst_limit: u32) -> Bucket {
    Bucket::new(Throttle {
        rate_limit,
        burst_limit,
    })
}

/// Asks at each of `times` (nanoseconds from [`START`]) and says which requests were admitted.
fn admitted(bucket: &Bucket, times: &[u64]) -> Vec<bool> {
    let mut state = None;
    times
        .iter()
        .map(|time| match bucket.take(state, Timestamp(START + time)) {
            Decision::Admit { state: next, .. } => {
                state = Some(next);
                true
            }
            Decision::Refuse { repaired, .. } => {
                state = repaired.or(state);
                false
            }
        })
        .collect()
}

/// A token bucket as in the textbook, its level in exact units of 10⁻¹⁸ tokens.
struct Naive {
    capacity: u128,
    rate: u128,
    level: u128,
    last: u64,
}

impl Naive {
    const TOKEN: u128 = 1_000_000_000_000_000_000;

    fn new(billionths: u64, burst: u32) -> Self {
        let capacity = u128::from(burst) * Self::TOKEN;
        Self {
            capacity,
            rate: u128::from(billionths),
            level: capacity,
            last: 0,
        }
    }

    /// A clock that goes back adds nothing, and time runs on from there.
    fn take(&mut self, now: u64) -> bool {
        let passed = u128::from(now.saturating_sub(self.last));
        self.last = now;
        self.level = (self.level + passed * self.rate).min(self.capacity);
        let admit = self.level >= Self::TOKEN;
        if admit {
            self.level -= Self::TOKEN;
        }
        admit
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_full_bucket_admits_its_burst_and_then_its_rate() {
    const MILLI: u64 = 1_000_000;
    for (rate, burst, times, expected) in [
        (1.0, 2, vec![0, 0, 0, 999, 1_000, 1_000], "YYNNYN"),
        (10.0, 1, vec![0, 99, 100, 150, 200], "YNYNY"),
        (0.5, 1, vec![0, 1_999, 2_000, 3_999, 4_000], "YNYNY"),
        (3.0, 1, vec![0, 333, 334, 666, 667, 1_000, 1_001], "YNYNNYN"),
        (10_000.0, 3, vec![0, 0, 0, 0, 1, 1], "YYYNYY"),
        (5.0, 0, vec![0, 10_000], "NN"),
        (0.0, 0, vec![0, 10_000], "NN"),
        (0.0, 5, vec![0, 10_000], "NN"),
    ] {
        let times: Vec<u64> = times.into_iter().map(|time: u64| time * MILLI).collect();
        let said: String = admitted(&bucket(rate, burst), &times)
            .into_iter()
            .map(|admitted| if admitted { 'Y' } else { 'N' })
            .collect();
        assert_eq!(said, expected, "{rate} a second, burst {burst}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_third_of_a_second_loses_nothing_over_many_tokens() {
    let bucket = bucket(3.0, 2);
    // The burst, and then for every token a request just before it is due and one when it is.
    let mut times = vec![0, 0];
    times.extend((1..200_000_u64).flat_map(|token| {
        let due = (token * 1_000_000_000).div_ceil(3);
        [due - 1, due]
    }));
    for (index, admitted) in admitted(&bucket, &times).into_iter().enumerate() {
        assert_eq!(admitted, index < 2 || index % 2 == 1, "request {index}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refused_request_is_told_when_to_come_back() {
    let bucket = bucket(4.0, 1);
    let Decision::Admit { state, left } = bucket.take(None, Timestamp(START)) else {
        panic!("refused");
    };
    assert_eq!((bucket.tokens(left), left.full_in), (0, 250_000_000));
    let later = Timestamp(START + 100_000_000);
    assert_eq!(
        bucket.take(Some(state), later),
        Decision::Refuse {
            wait: Some(150_000_000),
            repaired: None
        }
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_bucket_that_nothing_fills_names_no_time() {
    for bucket in [bucket(0.0, 5), bucket(5.0, 0), bucket(1e-12, 5)] {
        assert_eq!(
            bucket.take(None, Timestamp(START)),
            Decision::Refuse {
                wait: None,
                repaired: None
            }
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn extreme_limits_neither_overflow_nor_open() {
    for rate in [1e-9, 1e9, 1e300, f64::MAX] {
        for now in [0, 1, u64::MAX - 1, u64::MAX] {
            let bucket = bucket(rate, u32::MAX);
            let decision = bucket.take(None, Timestamp(now));
            if let Decision::Admit { state, left } = decision {
                assert!(bucket.tokens(left) < u32::MAX);
                bucket.give_back(state);
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_put_back_by_a_year_does_not_shut_the_bucket_for_a_year() {
    const YEAR: u64 = 365 * 86_400 * 1_000_000_000;
    const SECOND: u64 = 1_000_000_000;
    let answers = admitted(
        &bucket(1.0, 2),
        &[YEAR, YEAR, YEAR, 0, SECOND - 1, SECOND, 2 * SECOND],
    );
    assert_eq!(answers, [true, true, false, false, false, true, true]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_read_a_little_earlier_than_by_others_gives_nothing_back() {
    let bucket = bucket(1.0, 1);
    let Decision::Admit { state, .. } = bucket.take(None, Timestamp(START)) else {
        panic!("refused");
    };
    for (earlier, repaired) in [(1, false), (30_000_000_000, false), (30_000_000_001, true)] {
        let decision = bucket.take(Some(state), Timestamp(START - earlier));
        let Decision::Refuse {
            repaired: state, ..
        } = decision
        else {
            panic!("admitted {earlier} ns earlier");
        };
        assert_eq!(state.is_some(), repaired, "{earlier}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_changed_limit_takes_the_state_over() {
    let (before, after) = (bucket(1.0, 100), bucket(0.3, 2));
    let mut state = None;
    for _ in 0..100 {
        let Decision::Admit { state: next, .. } = before.take(state, Timestamp(START)) else {
            panic!("refused");
        };
        state = Some(next);
    }
    // A hundred seconds of debt are far more than the new bucket can owe with its seven.
    let Decision::Refuse {
        repaired: Some(repaired),
        ..
    } = after.take(state, Timestamp(START))
    else {
        panic!("not repaired");
    };
    let later = |seconds: u64| Timestamp(START + seconds * 1_000_000_000);
    assert!(matches!(
        after.take(Some(repaired), later(3)),
        Decision::Refuse { .. }
    ));
    assert!(matches!(
        after.take(Some(repaired), later(4)),
        Decision::Admit { .. }
    ));
}

#[wasm_bindgen_test(unsupported = test)]
fn only_a_state_can_be_read_back() {
    assert_eq!(State::decode(&[]), None);
    assert_eq!(State::decode(&[0; 15]), None);
    assert_eq!(State::decode(&[0; 17]), None);
}

/// Rates from a request a day to a thousand a millisecond, in billionths, as decimal numbers are
/// written.
fn rates() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(500_000_000),
        Just(3_000_000_000),
        Just(333_333_333),
        Just(10_000_000_000_000),
        11_574_u64..1_000_000_000_000_000,
    ]
}

#[expect(clippy::cast_precision_loss, reason = "rates below 2^53 are exact")]
fn bucket_of(billionths: u64, burst: u32) -> Bucket {
    let bucket = bucket(billionths as f64 / 1e9, burst);
    assert_eq!(bucket.rate, billionths);
    bucket
}

/// Gaps that hit the moments at which a token is due as well as anything else.
fn gaps(billionths: u64) -> impl Strategy<Value = Vec<u64>> {
    let interval = u64::try_from(Naive::TOKEN / u128::from(billionths)).unwrap();
    prop::collection::vec(
        prop_oneof![
            Just(0),
            Just(1),
            Just(interval),
            Just(interval + 1),
            Just(interval.saturating_sub(1)),
            0..interval.saturating_mul(4).max(1),
        ],
        1..200,
    )
}

fn rate_and_gaps() -> impl Strategy<Value = (u64, Vec<u64>)> {
    rates().prop_flat_map(|rate| (Just(rate), gaps(rate)))
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn it_is_a_token_bucket((rate, gaps) in rate_and_gaps(), burst in 0_u32..20) {
        let bucket = bucket_of(rate, burst);
        let mut naive = Naive::new(rate, burst);
        let mut state = None;
        let mut now = START;
        for gap in gaps {
            now += gap;
            let expected = naive.take(now);
            match bucket.take(state, Timestamp(now)) {
                Decision::Admit { state: next, left } => {
                    prop_assert!(expected);
                    prop_assert_eq!(u128::from(bucket.tokens(left)), naive.level / Naive::TOKEN);
                    state = Some(next);
                }
                Decision::Refuse { wait, repaired } => {
                    prop_assert!(!expected);
                    prop_assert_eq!(repaired, None);
                    if let Some(wait) = wait {
                        // There is a token then, and none a nanosecond before.
                        let missing = Naive::TOKEN - naive.level;
                        prop_assert_eq!(u128::from(wait), missing.div_ceil(u128::from(rate)));
                    }
                }
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_clock_that_goes_anywhere_never_admits_more(
        rate in rates(),
        burst in 0_u32..20,
        times in prop::collection::vec(0_u64..100_000_000_000, 1..200),
    ) {
        let answers = admitted(&bucket_of(rate, burst), &times);
        let mut naive = Naive::new(rate, burst);
        for (index, time) in times.iter().enumerate() {
            let level = naive.level + u128::from(time.saturating_sub(naive.last)) * naive.rate;
            if answers[index] {
                prop_assert!(level >= Naive::TOKEN);
                naive.take(*time);
            } else {
                naive.level = level.min(naive.capacity);
                naive.last = *time;
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_token_given_back_is_as_one_never_taken((rate, gaps) in rate_and_gaps(), burst in 1_u32..20) {
        let bucket = bucket_of(rate, burst);
        let (mut kept, mut given_back) = (None, None);
        let mut now = START;
        for (index, gap) in gaps.into_iter().enumerate() {
            now += gap;
            if index % 3 == 0 {
                if let Decision::Admit { state, .. } = bucket.take(given_back, Timestamp(now)) {
                    given_back = Some(bucket.give_back(state));
                }
                continue;
            }
            match (bucket.take(kept, Timestamp(now)), bucket.take(given_back, Timestamp(now))) {
                (Decision::Admit { state: one, left: left_of_one }, Decision::Admit { state: other, left: left_of_other }) => {
                    prop_assert_eq!(left_of_one, left_of_other);
                    (kept, given_back) = (Some(one), Some(other));
                }
                (one, other) => prop_assert_eq!(one, other),
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_state_survives_the_store(nanos: u64, part: u64) {
        let state = State(super::Moment { nanos, part });
        prop_assert_eq!(State::decode(&state.encode()), Some(state));
    }
}
