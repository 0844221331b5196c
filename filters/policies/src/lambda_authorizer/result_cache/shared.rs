//! What all workers have.
//!
//! The store cannot delete, so there is a fixed number of places in it, and a key says which of
//! them are its own. What stands there says whose it is:
//!
//! ```text
//! 1       SHA-256 of the request    the moment it expires     the authorizer's answer, JSON
//! 1 byte  32 bytes                  8 bytes, big-endian, ms   up to 16 KiB
//! ```

use super::{Expiry, Kept, Rank, WAYS, set_of};
use crate::ports::{Store, Stored, Timestamp};

const SETS: usize = 1024;

/// How many results all workers keep together.
pub const SHARED_PLACES: usize = SETS * WAYS;

/// The longest answer that is kept, in bytes. With every place taken by one of these the store
/// holds 64 MiB.
pub const LARGEST_ENTRY: usize = 16 * 1024;

/// The form of the entries. Filters of two builds share a store for as long as it takes to replace
/// one by the other.
const FORM: u8 = 1;

struct Entry<'s> {
    key: &'s [u8],
    expiry: Expiry,
    answer: &'s [u8],
}

impl<'s> Entry<'s> {
    fn read(stored: &'s Stored) -> Option<Self> {
        let (form, rest) = stored.value.split_first()?;
        let (key, rest) = rest.split_at_checked(32)?;
        let (expiry, answer) = rest.split_first_chunk()?;
        (*form == FORM).then_some(Self {
            key,
            expiry: Expiry(u64::from_be_bytes(*expiry)),
            answer,
        })
    }
}

/// The answer under a key, and when it expires.
pub(super) fn find(
    kept: &Kept,
    store: &(impl Store + ?Sized),
    now: Timestamp,
) -> Option<(Vec<u8>, Expiry)> {
    places(kept).find_map(|place| {
        let stored = store.get(&place).ok()??;
        let entry = Entry::read(&stored)?;
        let is_found = entry.key == kept.key && kept.is_valid(entry.expiry, now);
        is_found.then(|| (entry.answer.to_vec(), entry.expiry))
    })
}

/// Keeps an answer of at most [`LARGEST_ENTRY`], unless another worker does so at this moment.
pub(super) fn keep(
    kept: &Kept,
    answer: &[u8],
    expiry: Expiry,
    store: &(impl Store + ?Sized),
    now: Timestamp,
) {
    let best = places(kept)
        .filter_map(|place| Some((store.get(&place).ok()?, place)))
        .min_by_key(|(stored, _)| match stored.as_ref().and_then(Entry::read) {
            Some(entry) => kept.rank(entry.key, entry.expiry, now),
            None => Rank::Free,
        });
    let Some((stored, place)) = best else {
        return;
    };
    let value = [&[FORM], &kept.key[..], &expiry.0.to_be_bytes(), answer].concat();
    let version = stored.map(|stored| stored.version);
    // When another worker was faster its result stays, and this one may be asked for again.
    let _ = store.compare_and_swap(&place, &value, version);
}

/// The places of a key.
fn places(kept: &Kept) -> impl Iterator<Item = Vec<u8>> {
    let first = set_of(&kept.key, SETS) * WAYS;
    (first..first + WAYS).map(|place| format!("lambda-authorizer/{place}").into_bytes())
}
