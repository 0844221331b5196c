//! The calls that one worker has under way, and the requests that wait for each.

use std::collections::BTreeMap;

/// How many requests share one call. Those that come after make a second one.
pub const MOST_WAITING: usize = 10_000;

/// The calls that one worker has under way, by the number that the proxy gave them, and the
/// requests that wait for each, by the number of their stream. A `W` is how the worker finds a
/// request again.
///
/// A call belongs to nobody: when the request that made it goes away, those that share it still
/// get its answer. A request waits for one call at most, and is forgotten the moment it
/// [leaves](Self::leave).
#[derive(Debug)]
pub struct InFlight<W> {
    calls: BTreeMap<u32, Call<W>>,
    shared: BTreeMap<Shared, u32>,
    awaited: BTreeMap<u32, u32>,
}

#[derive(Debug)]
struct Call<W> {
    shared: Option<Shared>,
    waiting: BTreeMap<u32, W>,
}

/// What makes two calls the same. The time-out is part of it: whoever joins a call then never
/// waits for longer than if it had made its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared {
    /// The call's name.
    pub name: [u8; 32],
    /// Its time-out.
    pub timeout_millis: u32,
}

impl<W> Default for InFlight<W> {
    fn default() -> Self {
        Self {
            calls: BTreeMap::new(),
            shared: BTreeMap::new(),
            awaited: BTreeMap::new(),
        }
    }
}

impl<W> InFlight<W> {
    /// Lets a request wait for the same call that is already under way. Gives the waiter back when
    /// there is none, or when enough wait for it: then the request makes its own.
    ///
    /// # Errors
    ///
    /// The waiter, when it has nothing to wait for.
    pub fn join(&mut self, shared: Shared, stream: u32, waiter: W) -> Result<(), W> {
        let Some((number, call)) = self
            .shared
            .get(&shared)
            .and_then(|number| Some((*number, self.calls.get_mut(number)?)))
        else {
            return Err(waiter);
        };
        if call.waiting.len() >= MOST_WAITING {
            return Err(waiter);
        }
        call.waiting.insert(stream, waiter);
        self.awaited.insert(stream, number);
        Ok(())
    }

    /// A request has made a call and waits for it.
    pub fn begin(&mut self, number: u32, shared: Option<Shared>, stream: u32, waiter: W) {
        if let Some(shared) = shared {
            self.shared.insert(shared, number);
        }
        self.awaited.insert(stream, number);
        let waiting = BTreeMap::from([(stream, waiter)]);
        self.calls.insert(number, Call { shared, waiting });
    }

    /// A call has ended: whoever makes the same call from now on makes a new one. Those who wait
    /// for this one are handed out by [`next`](Self::next).
    pub fn end(&mut self, number: u32) {
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        if let Some(shared) = call.shared
            && self.shared.get(&shared) == Some(&number)
        {
            self.shared.remove(&shared);
        }
        if call.waiting.is_empty() {
            self.calls.remove(&number);
        }
    }

    /// One of those who wait for a call that has [ended](Self::end), longest first, each for the
    /// last time. The call is forgotten with the last of them.
    pub fn next(&mut self, number: u32) -> Option<(u32, W)> {
        let waiting = &mut self.calls.get_mut(&number)?.waiting;
        let next = waiting.pop_first();
        if waiting.is_empty() {
            self.calls.remove(&number);
        }
        if let Some((stream, _)) = &next {
            self.awaited.remove(stream);
        }
        next
    }

    /// Whether somebody waits for a call.
    #[must_use]
    pub fn is_awaited(&self, number: u32) -> bool {
        self.calls
            .get(&number)
            .is_some_and(|call| !call.waiting.is_empty())
    }

    /// A request has gone away, or waits no longer.
    pub fn leave(&mut self, stream: u32) {
        if let Some(number) = self.awaited.remove(&stream)
            && let Some(call) = self.calls.get_mut(&number)
        {
            call.waiting.remove(&stream);
        }
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.awaited.len()
    }

    /// How many calls are under way.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn shared(name: u8) -> Shared {
        Shared {
            name: [name; 32],
            timeout_millis: 1000,
        }
    }

    fn end<W>(calls: &mut InFlight<W>, number: u32) -> Vec<(u32, W)> {
        calls.end(number);
        std::iter::from_fn(|| calls.next(number)).collect()
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn an_answer_is_for_all_who_share_the_call_and_only_for_them() {
        let mut calls = InFlight::default();
        assert_eq!(calls.join(shared(1), 10, "first"), Err("first"));
        calls.begin(1, Some(shared(1)), 10, "first");
        calls.begin(2, Some(shared(2)), 20, "other");
        calls.begin(3, None, 30, "alone");
        assert_eq!(calls.join(shared(1), 11, "second"), Ok(()));
        let longer = Shared {
            timeout_millis: 2000,
            ..shared(1)
        };
        assert_eq!(calls.join(longer, 12, "patient"), Err("patient"));
        assert_eq!((calls.calls(), calls.waiting()), (3, 4));
        assert_eq!(end(&mut calls, 1), [(10, "first"), (11, "second")]);
        assert_eq!(end(&mut calls, 1), []);
        assert_eq!(calls.join(shared(1), 13, "late"), Err("late"));
        assert_eq!(end(&mut calls, 3), [(30, "alone")]);
        assert_eq!(end(&mut calls, 2), [(20, "other")]);
        assert_eq!((calls.calls(), calls.waiting()), (0, 0));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_call_outlives_the_request_that_made_it() {
        let mut calls = InFlight::default();
        calls.begin(1, Some(shared(1)), 10, ());
        assert_eq!(calls.join(shared(1), 11, ()), Ok(()));
        calls.leave(10);
        assert_eq!(calls.join(shared(1), 12, ()), Ok(()));
        calls.leave(11);
        calls.leave(11);
        assert_eq!(calls.waiting(), 1);
        assert_eq!(end(&mut calls, 1), [(12, ())]);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn too_many_for_one_call_make_a_second() {
        let mut calls = InFlight::default();
        calls.begin(1, Some(shared(1)), 0, ());
        let most = u32::try_from(MOST_WAITING).unwrap();
        for stream in 1..most {
            assert_eq!(calls.join(shared(1), stream, ()), Ok(()));
        }
        assert_eq!(calls.join(shared(1), most, ()), Err(()));
        calls.begin(2, Some(shared(1)), most, ());
        assert_eq!(calls.join(shared(1), most + 1, ()), Ok(()));
        // The end of the first does not hide the second.
        assert_eq!(end(&mut calls, 1).len(), MOST_WAITING);
        assert_eq!(calls.join(shared(1), most + 2, ()), Ok(()));
        assert_eq!(end(&mut calls, 2).len(), 3);
        assert_eq!((calls.calls(), calls.waiting()), (0, 0));
    }

    #[derive(Clone, Debug)]
    enum Happening {
        /// A request asks, alone or by a name.
        Asks(Option<u8>),
        /// One of those that wait goes away.
        Leaves(prop::sample::Index),
        /// One of the calls ends.
        Ends(prop::sample::Index),
    }

    fn any_happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => prop::option::weighted(0.8, 0..3_u8).prop_map(Happening::Asks),
            1 => any::<prop::sample::Index>().prop_map(Happening::Leaves),
            2 => any::<prop::sample::Index>().prop_map(Happening::Ends),
        ]
    }

    proptest! {
        /// Each request that stays is woken exactly once, by the end of the call that it asked
        /// for, and nothing is left when all calls have ended.
        #[wasm_bindgen_test(unsupported = test)]
        fn every_waiter_is_woken_exactly_once(
            happenings in prop::collection::vec(any_happening(), 0..60),
            leaves_late in any::<bool>(),
        ) {
            let mut calls = InFlight::default();
            let mut under_way: Vec<u32> = Vec::new();
            let mut waiting: Vec<u32> = Vec::new();
            let mut numbers = 0_u32..;
            let mut streams = 1000_u32..;
            for happening in happenings {
                match happening {
                    Happening::Asks(name) => {
                        let stream = streams.next().unwrap();
                        let shared = name.map(shared);
                        let joined = shared.is_some_and(|shared| {
                            calls.join(shared, stream, shared).is_ok()
                        });
                        if !joined {
                            let number = numbers.next().unwrap();
                            let waiter = shared.unwrap_or(Shared {
                                name: [255; 32],
                                timeout_millis: number,
                            });
                            calls.begin(number, shared, stream, waiter);
                            under_way.push(number);
                        }
                        waiting.push(stream);
                    }
                    Happening::Leaves(which) if !waiting.is_empty() => {
                        calls.leave(waiting.swap_remove(which.index(waiting.len())));
                    }
                    Happening::Ends(which) if !under_way.is_empty() => {
                        let number = under_way.swap_remove(which.index(under_way.len()));
                        calls.end(number);
                        if let Some(stream) = leaves_late.then(|| waiting.first().copied()).flatten() {
                            calls.leave(stream);
                            waiting.swap_remove(0);
                        }
                        let woken: Vec<_> = std::iter::from_fn(|| calls.next(number)).collect();
                        let names: BTreeSet<_> = woken.iter().map(|(_, name)| *name).collect();
                        prop_assert!(names.len() <= 1, "one call, one question");
                        for (stream, _) in woken {
                            let place = waiting.iter().position(|it| *it == stream);
                            prop_assert!(place.is_some(), "{} was not waiting", stream);
                            waiting.swap_remove(place.unwrap());
                        }
                    }
                    Happening::Leaves(_) | Happening::Ends(_) => {}
                }
                prop_assert_eq!(calls.waiting(), waiting.len());
                prop_assert_eq!(calls.calls(), under_way.len());
            }
            for number in under_way {
                for (stream, _) in end(&mut calls, number) {
                    waiting.retain(|it| *it != stream);
                }
            }
            prop_assert!(waiting.is_empty());
            prop_assert_eq!((calls.calls(), calls.waiting()), (0, 0));
            prop_assert!(calls.shared.is_empty() && calls.awaited.is_empty());
        }
    }
}
