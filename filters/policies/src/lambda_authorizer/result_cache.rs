//! Results that are kept, for as long as the authorizer says.
//!
//! A result is found by the [`CacheKey`] of its request. All workers share what they have in the
//! proxy's store ([`shared`]); in front of it each has the ones that it has parsed ([`parsed`]), so
//! that finding one costs little more than making its key. Both have a fixed number of places, in
//! sets of [`WAYS`]: a new result takes the place of one that has expired, or else of the one that
//! will soonest. So whoever sends a million tokens makes other results go, and nothing grow.
//!
//! What is kept is what the authorizer has answered, never what it came to for one request.

mod parsed;
mod shared;

use std::sync::Arc;

use self::parsed::ParsedResults;
pub use self::shared::{LARGEST_ENTRY, SHARED_PLACES};
use super::cache_key::CacheKey;
use super::result::{AuthorizerResult, ResultForm};
use crate::ports::{Store, Timestamp};

/// The longest time for which results may be kept, in seconds.
pub(super) const LONGEST_TTL: u32 = 3600;

/// How many places a key may have.
const WAYS: usize = 4;

/// A key, and how long its results are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) key: CacheKey,
    pub(super) ttl_seconds: u32,
}

/// The results that this worker can find.
#[derive(Debug, Default)]
pub(super) struct ResultCache {
    parsed: ParsedResults,
}

/// The moment from which a result is no longer valid, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expiry(u64);

impl Kept {
    fn expiry(&self, now: Timestamp) -> Expiry {
        Expiry(now.as_millis().saturating_add(self.ttl_millis()))
    }

    /// Whether a result is still valid. One that has longer to live than results have at their
    /// beginning is from before the clock was set back, and is not.
    fn is_valid(&self, expiry: Expiry, now: Timestamp) -> bool {
        (1..=self.ttl_millis()).contains(&expiry.millis_left(now))
    }

    /// Which of the places of a key is to be taken: the least of these.
    fn rank(&self, key: &[u8], expiry: Expiry, now: Timestamp) -> Rank {
        const LONGEST: u64 = LONGEST_TTL as u64 * 1000;
        match expiry.millis_left(now) {
            _ if key == self.key => Rank::Same,
            left @ 1..=LONGEST => Rank::Valid(left),
            _ => Rank::Free,
        }
    }

    fn ttl_millis(&self) -> u64 {
        u64::from(self.ttl_seconds) * 1000
    }
}

impl Expiry {
    fn millis_left(self, now: Timestamp) -> u64 {
        self.0.saturating_sub(now.as_millis())
    }
}

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// An earlier result under the same key.
    Same,
    /// Nothing that can still be found.
    Free,
    /// A result that is valid for so many milliseconds yet.
    Valid(u64),
}

impl ResultCache {
    /// The result under a key that some worker has kept.
    pub(super) fn find(
        &self,
        kept: &Kept,
        form: ResultForm,
        store: &(impl Store + ?Sized),
        now: Timestamp,
    ) -> Option<Arc<AuthorizerResult>> {
        if let Some(result) = self.parsed.find(kept, now) {
            return Some(result);
        }
        let (answer, expiry) = shared::find(kept, store, now)?;
        let result = Arc::new(AuthorizerResult::parse(&answer, form).ok()?);
        self.parsed.keep(kept, Arc::clone(&result), expiry, now);
        Some(result)
    }

    /// The result under a key that this worker has parsed.
    pub(super) fn find_parsed(&self, kept: &Kept, now: Timestamp) -> Option<Arc<AuthorizerResult>> {
        self.parsed.find(kept, now)
    }

    /// Keeps a result and the answer that it was read from. That it could not be kept costs
    /// another call and changes nothing else. Until when it is kept; `None` for one that is too
    /// long.
    pub(super) fn keep(
        &self,
        kept: &Kept,
        result: &Arc<AuthorizerResult>,
        answer: &[u8],
        store: &(impl Store + ?Sized),
        now: Timestamp,
    ) -> Option<Timestamp> {
        if answer.len() > LARGEST_ENTRY {
            return None;
        }
        let until = Timestamp(kept.expiry(now).0.saturating_mul(1_000_000));
        self.keep_until(kept, until, result, answer, store, now);
        Some(until)
    }

    /// The same for a result that has not all of its time left.
    pub(super) fn keep_until(
        &self,
        kept: &Kept,
        until: Timestamp,
        result: &Arc<AuthorizerResult>,
        answer: &[u8],
        store: &(impl Store + ?Sized),
        now: Timestamp,
    ) {
        let expiry = Expiry(until.as_millis().min(kept.expiry(now).0));
        shared::keep(kept, answer, expiry, store, now);
        self.parsed.keep(kept, Arc::clone(result), expiry, now);
    }
}

/// The set of places of a key, out of `sets`.
fn set_of(key: &CacheKey, sets: usize) -> usize {
    let [a, b, c, d, ..] = *key;
    let bits = u32::from_be_bytes([a, b, c, d]);
    usize::try_from(bits).unwrap_or_default() % sets
}
