//! What one worker has parsed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Expiry, Kept, Rank, WAYS, set_of};
use crate::lambda_authorizer::cache_key::CacheKey;
use crate::lambda_authorizer::result::AuthorizerResult;
use crate::ports::Timestamp;

const SETS: usize = 128;

/// At most 512 results. Dropping one never changes an answer.
pub(super) struct ParsedResults(Mutex<Box<[Option<Parsed>]>>);

struct Parsed {
    key: CacheKey,
    expiry: Expiry,
    result: Arc<AuthorizerResult>,
}

impl Default for ParsedResults {
    fn default() -> Self {
        Self(Mutex::new((0..SETS * WAYS).map(|_| None).collect()))
    }
}

impl ParsedResults {
    pub(super) fn find(&self, kept: &Kept, now: Timestamp) -> Option<Arc<AuthorizerResult>> {
        let mut places = self.places();
        let found = set(&mut places, &kept.key)
            .iter()
            .flatten()
            .find(|parsed| parsed.key == kept.key)?;
        kept.is_valid(found.expiry, now)
            .then(|| Arc::clone(&found.result))
    }

    pub(super) fn keep(
        &self,
        kept: &Kept,
        result: Arc<AuthorizerResult>,
        expiry: Expiry,
        now: Timestamp,
    ) {
        let mut places = self.places();
        let place = set(&mut places, &kept.key)
            .iter_mut()
            .min_by_key(|place| match place {
                Some(parsed) => kept.rank(&parsed.key, parsed.expiry, now),
                None => Rank::Free,
            });
        if let Some(place) = place {
            *place = Some(Parsed {
                key: kept.key,
                expiry,
                result,
            });
        }
    }

    fn places(&self) -> MutexGuard<'_, Box<[Option<Parsed>]>> {
        // Places are written whole, so that they are right even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set<'p>(places: &'p mut [Option<Parsed>], key: &CacheKey) -> &'p mut [Option<Parsed>] {
    let first = set_of(key, SETS) * WAYS;
    places.get_mut(first..first + WAYS).unwrap_or_default()
}

/// Tells how many there are and nothing about them.
impl fmt::Debug for ParsedResults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.places().iter().flatten().count();
        write!(formatter, "ParsedResults({count})")
    }
}
