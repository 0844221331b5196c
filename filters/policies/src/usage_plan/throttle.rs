//! A token bucket kept as one moment: the generic cell rate algorithm (GCRA).
//!
//! A bucket holds at most `burstLimit` tokens and gains `rateLimit` of them a second, without
//! steps. Instead of a level and the time it was taken at, the state is the moment at which the
//! bucket would be full again. One request moves that moment by the time one token takes; it is
//! admitted while the moment is no further away than the time a whole bucket takes. The two
//! descriptions are equal, which a property test shows against exact fractions.
//!
//! Moments are nanoseconds and a fraction of one in units of the rate, so that no rate, not even
//! 3 a second, loses anything to rounding, and the request path needs additions only.

use attache_model::Throttle;

use crate::ports::Timestamp;

/// Rates are kept in billionths of a request per second.
const RATE_UNITS: f64 = 1e9;

/// One token, in nanoseconds times rate units.
const TOKEN: u128 = 1_000_000_000_000_000_000;

/// How many nanoseconds a bucket may be ahead of a clock and still count as one that other workers
/// have changed since the clock was read. Further ahead means that the clock was put back.
const CLOCK_TOLERANCE: u64 = 30_000_000_000;

/// The length of a stored [`State`].
pub(crate) const STATE_LENGTH: usize = 16;

/// A throttle, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Capacity in tokens.
    burst: u32,
    /// Billionths of a token per second: the denominator of every [`Moment`] of this bucket.
    rate: u64,
    /// How long one token takes.
    interval: Moment,
    /// How long a whole bucket takes.
    depth: Moment,
}

/// A moment or a duration: `nanos + part / rate` nanoseconds, with `part < rate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    nanos: u64,
    part: u64,
}

/// What is stored: when the bucket will be full again. A bucket without a state is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(Moment);

/// What a bucket says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A token was there.
    Admit {
        /// The state with the token taken.
        state: State,
        /// What is left.
        left: Left,
    },
    /// No token was there.
    Refuse {
        /// Nanoseconds until there is one, if nobody else takes it; `None` when there never is.
        wait: Option<u64>,
        /// A state to be stored in place of one that lies beyond what the clock allows.
        repaired: Option<State>,
    },
}

/// What is left in a bucket after a request was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The time for which tokens are there.
    tokens: Moment,
    /// Nanoseconds until the bucket is full.
    pub(crate) full_in: u64,
}

impl Bucket {
    /// Compiles a throttle whose rate is finite and not negative.
    ///
    /// The rate is rounded to a billionth of a request per second, and one over a billion
    /// requests per second counts as a billion. A rate of zero admits nothing, whatever the
    /// burst: a bucket that starts full and never refills would open again with every restart.
    pub(crate) fn new(throttle: Throttle) -> Self {
        let rate = rate_units(throttle.rate_limit);
        Self {
            burst: throttle.burst_limit,
            rate,
            interval: Moment::of_tokens(1, rate),
            depth: Moment::of_tokens(throttle.burst_limit, rate),
        }
    }

    /// Whether a request that comes `now` finds a token.
    ///
    /// A clock that goes back finds an emptier bucket, never a fuller one. When it was put back
    /// further than half a minute, the bucket is taken as empty now and fills from there, instead
    /// of staying shut until the clock has caught up.
    pub(crate) fn take(&self, state: Option<State>, now: Timestamp) -> Decision {
        if self.burst == 0 || self.rate == 0 {
            return Decision::Refuse {
                wait: None,
                repaired: None,
            };
        }
        let now = Moment {
            nanos: now.0,
            part: 0,
        };
        let limit = now.saturating_add(self.depth, self.rate);
        let full_at = state.map_or(now, |State(moment)| moment.in_units(self.rate).max(now));
        if full_at.nanos > limit.nanos.saturating_add(CLOCK_TOLERANCE) {
            return Decision::Refuse {
                wait: Some(self.interval.rounded_up()),
                repaired: Some(State(limit)),
            };
        }
        match full_at.checked_add(self.interval, self.rate) {
            Some(next) if next <= limit => Decision::Admit {
                state: State(next),
                left: Left {
                    tokens: limit.saturating_sub(next, self.rate),
                    full_in: next.saturating_sub(now, self.rate).rounded_up(),
                },
            },
            Some(next) => Decision::Refuse {
                wait: Some(next.saturating_sub(limit, self.rate).rounded_up()),
                repaired: None,
            },
            // Beyond the year 2554.
            None => Decision::Refuse {
                wait: None,
                repaired: None,
            },
        }
    }

    /// The state with one token given back. A bucket that has become full in the meantime stays
    /// full: a moment in the past is as good as none.
    pub(crate) fn give_back(&self, State(moment): State) -> State {
        State(
            moment
                .in_units(self.rate)
                .saturating_sub(self.interval, self.rate),
        )
    }

    /// Whole tokens left.
    pub(crate) fn tokens(&self, left: Left) -> u32 {
        let time =
            u128::from(left.tokens.nanos) * u128::from(self.rate) + u128::from(left.tokens.part);
        u32::try_from(time / TOKEN).unwrap_or(self.burst)
    }

    /// Capacity in tokens.
    pub(crate) const fn burst(&self) -> u32 {
        self.burst
    }

    /// Billionths of a token per second.
    pub(crate) const fn rate(&self) -> u64 {
        self.rate
    }

    /// Nanoseconds until an empty bucket is full; `None` when nothing fills it.
    pub(crate) fn full_after_empty(&self) -> Option<u64> {
        (self.burst > 0 && self.rate > 0).then(|| self.depth.rounded_up())
    }

    /// Nanoseconds until a bucket is full that has its next token after `wait` of them; `None`
    /// when nothing fills it.
    pub(crate) fn full_after(&self, wait: u64) -> Option<u64> {
        let others = self.depth.saturating_sub(self.interval, self.rate);
        self.full_after_empty()
            .map(|_| others.rounded_up().saturating_add(wait))
    }
}

impl State {
    /// The stored form: nanoseconds and part, little-endian.
    pub(crate) fn encode(self) -> [u8; STATE_LENGTH] {
        let Self(Moment { nanos, part }) = self;
        (u128::from(nanos) | (u128::from(part) << 64)).to_le_bytes()
    }

    /// Reads the stored form; `None` when it is not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let value = u128::from_le_bytes(bytes.try_into().ok()?);
        let low = |value: u128| u64::try_from(value & u128::from(u64::MAX)).ok();
        Some(Self(Moment {
            nanos: low(value)?,
            part: low(value >> 64)?,
        }))
    }
}

impl Moment {
    /// How long `tokens` take at `rate`; as long as can be told when that is too long.
    fn of_tokens(tokens: u32, rate: u64) -> Self {
        const ENDLESS: Moment = Moment {
            nanos: u64::MAX,
            part: 0,
        };
        let time = u128::from(tokens) * TOKEN;
        let rate = u128::from(rate);
        let (Some(nanos), Some(part)) = (time.checked_div(rate), time.checked_rem(rate)) else {
            return ENDLESS;
        };
        match (u64::try_from(nanos), u64::try_from(part)) {
            (Ok(nanos), Ok(part)) => Self { nanos, part },
            _ => ENDLESS,
        }
    }

    /// A stored moment may have been written under another rate, before the configuration was
    /// changed. Its part then means something else, but never more than a nanosecond.
    const fn in_units(self, rate: u64) -> Self {
        if self.part < rate {
            self
        } else {
            Self {
                nanos: self.nanos.saturating_add(1),
                part: 0,
            }
        }
    }

    fn checked_add(self, other: Self, rate: u64) -> Option<Self> {
        // Rates are at most 10^18, so that two parts fit.
        let part = self.part.checked_add(other.part)?;
        let nanos = self.nanos.checked_add(other.nanos)?;
        if part < rate {
            Some(Self { nanos, part })
        } else {
            Some(Self {
                nanos: nanos.checked_add(1)?,
                part: part - rate,
            })
        }
    }

    fn saturating_add(self, other: Self, rate: u64) -> Self {
        self.checked_add(other, rate).unwrap_or(Self {
            nanos: u64::MAX,
            part: 0,
        })
    }

    fn saturating_sub(self, other: Self, rate: u64) -> Self {
        if self <= other {
            return Self::default();
        }
        match self.part.checked_sub(other.part) {
            Some(part) => Self {
                nanos: self.nanos - other.nanos,
                part,
            },
            None => Self {
                nanos: self.nanos - other.nanos - 1,
                part: rate - other.part + self.part,
            },
        }
    }

    const fn rounded_up(self) -> u64 {
        self.nanos.saturating_add((self.part > 0) as u64)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is within 0 and 10^18"
)]
fn rate_units(rate: f64) -> u64 {
    (rate * RATE_UNITS).round().clamp(0.0, 1e18) as u64
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
