//! A counter of requests per calendar period.
//!
//! The stored entry says itself when its period ends, so that no calendar is consulted until
//! then.

use super::period::{Bounds, Calendar};
use crate::ports::Timestamp;

/// How many seconds before the stored period's start a clock may stand and still count as one
/// that was read a little earlier. Further back means that the clock was put back.
const CLOCK_TOLERANCE: u64 = 60;

/// The length of a stored [`Count`].
pub(crate) const COUNT_LENGTH: usize = 32;

/// A quota, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allotment {
    /// Requests per period.
    pub(crate) limit: u64,
    pub(crate) calendar: Calendar,
}

/// What is stored: how much of which period is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) period: Bounds,
    pub(crate) used: u64,
    /// What was granted beyond the limit, for this period alone; negative when something was taken
    /// away.
    pub(crate) extra: i64,
}

/// What a quota says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// One was left. Holds the count with this request in it.
    Admit(Count),
    /// Nothing is left until the end of this count's period. To be stored when it is not what
    /// is.
    Refuse(Count),
    /// The clock is beyond every calendar.
    Timeless,
}

impl Allotment {
    /// Whether a request that comes `now` is within the quota.
    ///
    /// A clock that goes back a little stays in the stored period. When it was put back further,
    /// the period is the one of the new time and what was counted stays counted.
    pub(crate) fn take(&self, count: Option<Count>, now: Timestamp) -> Decision {
        let Some(current) = self.current(count, now) else {
            return Decision::Timeless;
        };
        if self.left(current) > 0 {
            Decision::Admit(Count {
                used: current.used.saturating_add(1),
                ..current
            })
        } else {
            Decision::Refuse(current)
        }
    }

    /// The count of the period that it is `now`; `None` beyond every calendar.
    pub(crate) fn current(&self, count: Option<Count>, now: Timestamp) -> Option<Count> {
        let now = now.as_secs();
        match count {
            Some(count) if count.period.still_counts(now) => Some(count),
            other => {
                let period = self.calendar.bounds(now)?;
                let kept = other.filter(|count| now < count.period.start);
                Some(Count {
                    period,
                    used: kept.map_or(0, |count| count.used),
                    extra: kept.map_or(0, |count| count.extra),
                })
            }
        }
    }

    /// Requests left of the count's period.
    pub(crate) fn left(&self, count: Count) -> u64 {
        self.limit
            .saturating_add_signed(count.extra)
            .saturating_sub(count.used)
    }
}

impl Allotment {
    /// The period that a request counts in that comes `now`, when `known` is the last that one was
    /// counted in; `None` when the clock is beyond every calendar.
    pub(crate) fn period(&self, known: Option<Bounds>, now: Timestamp) -> Option<Bounds> {
        let now = now.as_secs();
        known
            .filter(|period| period.still_counts(now))
            .or_else(|| self.calendar.bounds(now))
    }
}

impl Bounds {
    /// Whether a clock that shows `now` is still in this period, or has only just gone back out of
    /// it.
    fn still_counts(self, now: u64) -> bool {
        now < self.end && now.saturating_add(CLOCK_TOLERANCE) >= self.start
    }
}

impl Count {
    /// The stored form: start, end, used, extra; each eight bytes, little-endian.
    pub(crate) fn encode(self) -> [u8; COUNT_LENGTH] {
        let mut bytes = [0; COUNT_LENGTH];
        let (parts, _) = bytes.as_chunks_mut();
        for (part, value) in parts.iter_mut().zip([
            self.period.start,
            self.period.end,
            self.used,
            self.extra.cast_unsigned(),
        ]) {
            *part = value.to_le_bytes();
        }
        bytes
    }

    /// Reads the stored form, or that of builds which knew no extra; `None` when it is neither.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (start, end, used, extra) = match bytes.as_chunks() {
            ([start, end, used], []) => (start, end, used, [0; 8]),
            ([start, end, used, extra], []) => (start, end, used, *extra),
            _ => return None,
        };
        Some(Self {
            period: Bounds {
                start: u64::from_le_bytes(*start),
                end: u64::from_le_bytes(*end),
            },
            used: u64::from_le_bytes(*used),
            extra: i64::from_le_bytes(extra),
        })
    }
}

#[cfg(test)]
mod tests {
    use attache_model::Period;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::super::period::{Bounds, Calendar};
    use super::{Allotment, Count, Decision};
    use crate::ports::Timestamp;

    const DAY: u64 = 86_400;

    fn daily(limit: u64) -> Allotment {
        Allotment {
            limit,
            calendar: Calendar::new(Period::Day, 0, TimeZone::UTC).unwrap(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    /// Asks at each of `times` (seconds) and says which requests were admitted.
    fn admitted(allotment: &Allotment, times: &[u64]) -> String {
        let mut count = None;
        times
            .iter()
            .map(|time| match allotment.take(count, at(*time)) {
                Decision::Admit(next) => {
                    count = Some(next);
                    'Y'
                }
                Decision::Refuse(refused) => {
                    count = Some(refused);
                    'N'
                }
                Decision::Timeless => 'N',
            })
            .collect()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_period_admits_its_limit_and_the_next_starts_afresh() {
        for (limit, times, expected) in [
            (2, vec![0, 1, 2, DAY - 1, DAY, DAY, DAY], "YYNNYYN"),
            (1, vec![DAY - 1, DAY, 5 * DAY, 5 * DAY + 1], "YYYN"),
            (0, vec![0, DAY], "NN"),
        ] {
            assert_eq!(admitted(&daily(limit), &times), expected);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_clock_put_back_neither_renews_nor_shuts_the_quota() {
        for (times, expected) in [
            // A little back over midnight: still the new period.
            (vec![DAY, DAY - 1, DAY - 1, DAY], "YYNN"),
            // A year back: what was used stays used until the next midnight there.
            (vec![400 * DAY, 400 * DAY, 35 * DAY, 36 * DAY], "YYNY"),
            (vec![400 * DAY, 35 * DAY, 35 * DAY, 36 * DAY], "YYNY"),
        ] {
            assert_eq!(admitted(&daily(2), &times), expected, "{times:?}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_was_granted_ends_with_the_period() {
        let allotment = daily(2);
        let count = Count {
            used: 2,
            extra: 1,
            ..allotment.current(None, at(5)).unwrap()
        };
        let Decision::Admit(full) = allotment.take(Some(count), at(6)) else {
            panic!("refused");
        };
        assert_eq!((full.used, full.extra), (3, 1));
        assert_eq!(
            allotment.take(Some(full), at(DAY - 1)),
            Decision::Refuse(full)
        );
        let next = allotment.current(Some(full), at(DAY)).unwrap();
        assert_eq!((next.used, next.extra), (0, 0));
        // Taken away instead.
        let less = Count {
            used: 1,
            extra: -1,
            ..count
        };
        assert_eq!(allotment.take(Some(less), at(6)), Decision::Refuse(less));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_last_moment_there_is_has_a_period_and_a_full_count_stays_full() {
        let Decision::Admit(count) = daily(1).take(None, Timestamp(u64::MAX)) else {
            panic!("refused");
        };
        let full = Count {
            used: u64::MAX,
            ..count
        };
        assert_eq!(
            daily(u64::MAX).take(Some(full), Timestamp(u64::MAX)),
            Decision::Refuse(full)
        );
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn no_period_admits_more_than_its_limit(
            limit in 0_u64..10,
            mut times in prop::collection::vec(0_u64..5 * DAY, 1..100),
        ) {
            times.sort_unstable();
            let answers = admitted(&daily(limit), &times);
            for day in 0..5_usize {
                let of_day = |time: u64| time / DAY == u64::try_from(day).unwrap();
                let asked = times.iter().filter(|time| of_day(**time)).count();
                let got = times
                    .iter()
                    .zip(answers.chars())
                    .filter(|(time, answer)| of_day(**time) && *answer == 'Y')
                    .count();
                prop_assert_eq!(got, asked.min(usize::try_from(limit).unwrap()));
            }
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn a_count_survives_the_store(start: u64, end: u64, used: u64, extra: i64) {
            let count = Count { period: Bounds { start, end }, used, extra };
            let bytes = count.encode();
            prop_assert_eq!(Count::decode(&bytes), Some(count));
            prop_assert_eq!(Count::decode(&bytes[..24]), Some(Count { extra: 0, ..count }));
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn only_a_count_can_be_read_back(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(
                Count::decode(&bytes).is_some(),
                bytes.len() == 24 || bytes.len() == 32
            );
        }
    }
}
