//! The days of one key under one plan, as they are stored.
//!
//! Each day takes a few bytes: its distance from the one before and its numbers, each in base 128
//! with the low digits first (LEB128).

use super::Counts;

/// How many days are kept: a report, and the longest quota period before it.
pub(crate) const DAYS_KEPT: usize = 93;

/// The first byte of the stored form.
const FORM: u8 = 1;

/// What a key has used, day by day, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    days: Vec<DayCounts>,
}

/// One day of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayCounts {
    /// Counted from 1970-01-01.
    pub(crate) day: u32,
    pub(crate) counts: Counts,
    /// What was granted on this day beyond the quota; negative when something was taken away.
    pub(crate) granted: i64,
}

impl History {
    /// The days, the oldest first.
    pub(crate) fn days(&self) -> &[DayCounts] {
        &self.days
    }

    /// The day, which is made where it is not there; `None` when it is older than all that are
    /// kept.
    pub(crate) fn day(&mut self, day: u32) -> Option<&mut DayCounts> {
        let mut place = match self.days.binary_search_by_key(&day, |found| found.day) {
            Ok(place) => return self.days.get_mut(place),
            Err(place) => place,
        };
        if self.days.len() >= DAYS_KEPT {
            place = place.checked_sub(1)?;
            self.days.remove(0);
        }
        let made = DayCounts {
            day,
            ..DayCounts::default()
        };
        self.days.insert(place, made);
        self.days.get_mut(place)
    }

    /// Reads what is stored. What another build has written, and this one cannot read, counts for
    /// nothing: a report is not worth a refusal.
    pub(crate) fn read(stored: Option<&[u8]>) -> Self {
        stored.and_then(Self::decode).unwrap_or_default()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        let mut before = 0;
        for found in &self.days {
            let Counts {
                used,
                throttled,
                refused,
            } = found.counts;
            // The sign comes last, so that small numbers stay short.
            let granted = (found.granted << 1) ^ (found.granted >> 63);
            for number in [
                u64::from(found.day - before),
                used,
                throttled,
                refused,
                granted.cast_unsigned(),
            ] {
                write(&mut bytes, number);
            }
            before = found.day;
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[FORM])?;
        let mut days = Vec::new();
        let mut before = 0_u32;
        while !rest.is_empty() {
            let mut next = || read(&mut rest);
            let day = before.checked_add(u32::try_from(next()?).ok()?)?;
            let counts = Counts {
                used: next()?,
                throttled: next()?,
                refused: next()?,
            };
            let granted = next()?;
            let sign = -(granted & 1).cast_signed();
            let is_later = days.is_empty() || day > before;
            if days.len() >= DAYS_KEPT || !is_later {
                return None;
            }
            days.push(DayCounts {
                day,
                counts,
                granted: (granted >> 1).cast_signed() ^ sign,
            });
            before = day;
        }
        Some(Self { days })
    }
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(0x80 | u8::try_from(number & 0x7f).unwrap_or(0));
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let digit = u64::from(first & 0x7f);
        // The last digit has one bit only.
        if (digit << shift) >> shift != digit {
            return None;
        }
        number |= digit << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Counts, DAYS_KEPT, DayCounts, History};

    #[wasm_bindgen_test(unsupported = test)]
    fn the_oldest_days_go_and_an_older_one_does_not_come_back() {
        let mut history = History::default();
        for day in 100..300 {
            history.day(day).unwrap().counts.used += 1;
        }
        assert_eq!(history.days().len(), DAYS_KEPT);
        assert_eq!(history.days()[0].day, 207);
        assert_eq!(history.day(206), None);
        // One that was left out, before the last.
        let mut history = History::default();
        for day in [5, 9, 7, 5] {
            history.day(day).unwrap().counts.used += 1;
        }
        let days: Vec<_> = history.days().iter().map(|found| found.day).collect();
        assert_eq!(days, [5, 7, 9]);
        assert_eq!(history.days()[0].counts.used, 2);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_usual_month_takes_few_bytes() {
        let mut history = History::default();
        for day in 0..31 {
            history.day(20_000 + day).unwrap().counts.used = 5_000;
        }
        assert!(history.encode().len() < 200);
    }

    fn history() -> impl Strategy<Value = History> {
        let day = (1_u32..40_000, any::<[u64; 3]>(), any::<i64>());
        prop::collection::vec(day, 0..DAYS_KEPT).prop_map(|days| {
            let mut history = History::default();
            for (day, [used, throttled, refused], granted) in days {
                *history.day(day).unwrap() = DayCounts {
                    day,
                    counts: Counts {
                        used,
                        throttled,
                        refused,
                    },
                    granted,
                };
            }
            history
        })
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn a_history_survives_the_store(history in history()) {
            prop_assert_eq!(History::decode(&history.encode()), Some(history));
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn what_can_be_read_is_what_is_written(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut stored = vec![super::FORM];
            stored.extend(bytes);
            if let Some(history) = History::decode(&stored) {
                prop_assert!(history.days().len() <= DAYS_KEPT);
                prop_assert_eq!(History::decode(&history.encode()), Some(history));
            }
        }
    }
}
