//! Whether it is worth asking: a circuit breaker that all workers of a gateway share.
//!
//! ```text
//! closed ── some failures in a row ──► open ── a probe is answered ──► closed
//!                                       ▲ │
//!                                       └─┘ a probe fails: the next one comes later
//! ```
//!
//! While it is open no request waits for Redis. Probes are made on the side, one at a time for a
//! whole gateway, so that recovery costs nobody anything and needs no request.

use super::Fault;
use crate::ports::{Store, Swap, Timestamp, Version};

/// Failures in a row after which nobody asks any more. One alone may be a call that was slow, however
/// many have waited for it.
const FAILURES: u32 = 3;

/// How long the first probe waits, in milliseconds; each that fails doubles it.
const FIRST_PROBE_MILLIS: u64 = 250;

/// How long a probe waits at most, in milliseconds.
const LAST_PROBE_MILLIS: u64 = 4_000;

const NANOS_OF_MILLI: u64 = 1_000_000;

const STORE_KEY: &[u8] = b"Fbreaker";

/// What to do about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// Redis answers, as far as anybody knows.
    Ask,
    /// It does not; it is not asked.
    Leave,
}

/// What an outcome has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing that anybody need be told.
    None,
    /// It has opened.
    Opened,
    /// It has closed.
    Closed,
}

/// The breaker of a gateway.
#[derive(Debug)]
pub(crate) struct Breaker;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// In a row.
    failures: u32,
    /// How long the next probe waits, in milliseconds.
    wait: u32,
    /// When the next probe is due; before the breaker has opened, when the last failure was.
    probe_at: u64,
}

impl State {
    fn read(store: &dyn Store) -> (Self, Option<Version>) {
        let Ok(Some(stored)) = store.get(STORE_KEY) else {
            return (Self::default(), None);
        };
        let state = <[u8; 16]>::try_from(stored.value.as_slice()).map(u128::from_le_bytes);
        let state = state.map_or_else(
            |_| Self::default(),
            |bits| Self {
                failures: u32::try_from(bits & 0xffff_ffff).unwrap_or(0),
                wait: u32::try_from((bits >> 32) & 0xffff_ffff).unwrap_or(0),
                probe_at: u64::try_from(bits >> 64).unwrap_or(0),
            },
        );
        (state, Some(stored.version))
    }

    fn encode(self) -> [u8; 16] {
        let bits = u128::from(self.failures)
            | (u128::from(self.wait) << 32)
            | (u128::from(self.probe_at) << 64);
        bits.to_le_bytes()
    }

    const fn is_open(self) -> bool {
        self.failures >= FAILURES
    }
}

impl Breaker {
    /// Whether a request may ask now.
    pub(crate) fn course(store: &dyn Store) -> Course {
        if State::read(store).0.is_open() {
            Course::Leave
        } else {
            Course::Ask
        }
    }

    /// Whether the caller is the one that has to probe now.
    pub(crate) fn probes(store: &dyn Store, now: Timestamp) -> bool {
        let (state, version) = State::read(store);
        let latest = now.0.saturating_add(LAST_PROBE_MILLIS * NANOS_OF_MILLI);
        // A clock that was put back does not put off the probe.
        if !state.is_open() || (now.0 < state.probe_at && state.probe_at <= latest) {
            return false;
        }
        let wait = u64::from(state.wait).clamp(FIRST_PROBE_MILLIS, LAST_PROBE_MILLIS);
        let next = State {
            probe_at: now.0.saturating_add(wait * NANOS_OF_MILLI),
            wait: u32::try_from(wait.saturating_mul(2)).unwrap_or(u32::MAX),
            ..state
        };
        store.compare_and_swap(STORE_KEY, &next.encode(), version) == Ok(Swap::Done)
    }

    /// A call has ended that was made, or joined, at a moment. Says once when Redis has gone away, and
    /// once when it is back. Answers whether it is asked from now on.
    pub(crate) fn report(
        store: &dyn Store,
        asked_at: Timestamp,
        now: Timestamp,
        outcome: Result<(), &Fault>,
        address: &str,
    ) -> Course {
        match (Self::ended(store, asked_at, now, outcome.is_ok()), outcome) {
            (Turn::Opened, Err(fault)) => {
                log::error!("Redis at {address} cannot be used, and is left alone: {fault}");
                Course::Leave
            }
            (Turn::Closed, _) => {
                log::warn!("Redis at {address} can be used again");
                Course::Ask
            }
            (_, Ok(())) => Course::Ask,
            (_, Err(_)) => Self::course(store),
        }
    }

    fn ended(store: &dyn Store, asked_at: Timestamp, now: Timestamp, answered: bool) -> Turn {
        const ATTEMPTS: usize = 16;
        for _ in 0..ATTEMPTS {
            let (state, version) = State::read(store);
            let next = if answered {
                if state == State::default() {
                    return Turn::None;
                }
                State::default()
            } else {
                // Who had asked before the last failure was seen tells of the same trouble. A clock that
                // was put back hides none.
                let is_the_same =
                    state.failures > 0 && asked_at.0 < state.probe_at && state.probe_at <= now.0;
                if state.is_open() || is_the_same {
                    return Turn::None;
                }
                let failed = State {
                    failures: state.failures.saturating_add(1),
                    wait: u32::try_from(FIRST_PROBE_MILLIS).unwrap_or(u32::MAX),
                    probe_at: now.0,
                };
                if failed.is_open() {
                    let wait = FIRST_PROBE_MILLIS * NANOS_OF_MILLI;
                    State {
                        probe_at: now.0.saturating_add(wait),
                        ..failed
                    }
                } else {
                    failed
                }
            };
            match store.compare_and_swap(STORE_KEY, &next.encode(), version) {
                Ok(Swap::Done) if next.is_open() => return Turn::Opened,
                Ok(Swap::Done) if state.is_open() => return Turn::Closed,
                Ok(Swap::Conflict) => {}
                Ok(Swap::Done) | Err(_) => return Turn::None,
            }
        }
        Turn::None
    }
}
