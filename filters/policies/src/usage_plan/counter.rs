//! The one loop by which workers change a shared value together.

use crate::ports::{Store, StoreError, Stored, Swap};

/// How often a change is tried. A lost race means that another worker has made its own, so with
/// fewer workers than this each gets its turn unless luck is very uneven.
pub(crate) const ATTEMPTS: usize = 64;

/// What is to become of a value that was read.
pub(crate) enum Change<B, T> {
    /// Write these bytes, and if nobody wrote in between the outcome is `T`.
    Write(B, T),
    /// Write nothing; the outcome is `T`.
    Keep(T),
}

/// No decision was reached: the store could not be reached, or every attempt lost its race, or
/// what is stored is not what this build writes. The caller refuses the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecided;

impl From<StoreError> for Undecided {
    fn from(StoreError: StoreError) -> Self {
        Self
    }
}

/// Changes the value under `key`, which was read as `seen`: asks `decide` what to write, and asks
/// again with the newer value whenever another worker was faster.
pub(crate) fn change<B: AsRef<[u8]>, T>(
    store: &dyn Store,
    key: &[u8],
    mut seen: Option<Stored>,
    mut decide: impl FnMut(Option<&[u8]>) -> Result<Change<B, T>, Undecided>,
) -> Result<T, Undecided> {
    for _ in 0..ATTEMPTS {
        let value = seen.as_ref().map(|stored| stored.value.as_slice());
        let (bytes, outcome) = match decide(value)? {
            Change::Keep(outcome) => return Ok(outcome),
            Change::Write(bytes, outcome) => (bytes, outcome),
        };
        let version = seen.as_ref().map(|stored| stored.version);
        match store.compare_and_swap(key, bytes.as_ref(), version)? {
            Swap::Done => return Ok(outcome),
            Swap::Conflict => seen = store.get(key)?,
        }
    }
    Err(Undecided)
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
