//! The requests of one worker that wait for a moment.

use std::collections::BTreeMap;

/// The requests of one worker that wait for a moment and for nothing else, by that moment and by
/// the number of their stream. A `W` is how the worker finds a request again.
///
/// Moments are nanoseconds of whatever clock the worker goes by. A request waits for one moment
/// at most, and is forgotten when it [leaves](Self::leave).
#[derive(Debug)]
pub struct Pauses<W> {
    waiting: BTreeMap<(u64, u32), W>,
    moments: BTreeMap<u32, u64>,
}

impl<W> Default for Pauses<W> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            moments: BTreeMap::new(),
        }
    }
}

impl<W> Pauses<W> {
    /// A request waits until this moment.
    pub fn begin(&mut self, until: u64, stream: u32, waiter: W) {
        self.leave(stream);
        self.moments.insert(stream, until);
        self.waiting.insert((until, stream), waiter);
    }

    /// One of those whose moment has come, earliest first, each for the last time.
    pub fn next(&mut self, now: u64) -> Option<(u32, W)> {
        if self.first()? > now {
            return None;
        }
        let ((_, stream), waiter) = self.waiting.pop_first()?;
        self.moments.remove(&stream);
        Some((stream, waiter))
    }

    /// The earliest moment that is waited for.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.waiting.keys().next().map(|(until, _)| *until)
    }

    /// A request has gone away, or waits no longer.
    pub fn leave(&mut self, stream: u32) {
        if let Some(until) = self.moments.remove(&stream) {
            self.waiting.remove(&(until, stream));
        }
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test(unsupported = test)]
    fn the_earliest_comes_first_and_nobody_before_the_time() {
        let mut pauses = Pauses::default();
        assert_eq!((pauses.first(), pauses.next(u64::MAX)), (None, None));
        pauses.begin(30, 1, "late");
        pauses.begin(20, 2, "early");
        pauses.begin(20, 3, "as early");
        assert_eq!(pauses.first(), Some(20));
        assert_eq!(pauses.next(19), None);
        assert_eq!(pauses.next(20), Some((2, "early")));
        assert_eq!(pauses.next(20), Some((3, "as early")));
        assert_eq!(pauses.next(29), None);
        assert_eq!(pauses.next(31), Some((1, "late")));
        assert_eq!(pauses.waiting(), 0);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_request_waits_for_one_moment() {
        let mut pauses = Pauses::default();
        pauses.begin(10, 1, "old");
        pauses.begin(20, 1, "new");
        assert_eq!((pauses.first(), pauses.waiting()), (Some(20), 1));
        assert_eq!(pauses.next(20), Some((1, "new")));
    }

    #[derive(Clone, Debug)]
    enum Happening {
        Begins(u32, u64),
        Leaves(u32),
        Passes(u64),
    }

    fn any_happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            3 => (0..8_u32, 0..20_u64).prop_map(|(stream, pause)| Happening::Begins(stream, pause)),
            1 => (0..8_u32).prop_map(Happening::Leaves),
            2 => (0..20_u64).prop_map(Happening::Passes),
        ]
    }

    proptest! {
        /// Each request that stays is woken once, at the first look after its moment.
        #[wasm_bindgen_test(unsupported = test)]
        fn every_waiter_is_woken_once_when_its_moment_has_come(
            happenings in prop::collection::vec(any_happening(), 0..60),
        ) {
            let mut pauses = Pauses::default();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let mut now = 0;
            for happening in happenings {
                match happening {
                    Happening::Begins(stream, pause) => {
                        pauses.begin(now + pause, stream, now + pause);
                        model.insert(stream, now + pause);
                    }
                    Happening::Leaves(stream) => {
                        pauses.leave(stream);
                        model.remove(&stream);
                    }
                    Happening::Passes(time) => {
                        now += time;
                        let mut woken = Vec::new();
                        while let Some((stream, until)) = pauses.next(now) {
                            prop_assert!(until <= now);
                            prop_assert_eq!(model.remove(&stream), Some(until));
                            woken.push(until);
                        }
                        prop_assert!(woken.is_sorted());
                        prop_assert!(model.values().all(|until| *until > now));
                    }
                }
                prop_assert_eq!(pauses.waiting(), model.len());
                prop_assert_eq!(pauses.first(), model.values().min().copied());
            }
        }
    }
}
