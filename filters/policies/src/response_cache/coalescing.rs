//! Of many requests for what a cache does not have, one fetches it. The others wait for what it
//! gets, or go their own way when that takes too long.
//!
//! ```text
//! kept, and good enough ─────────────────────────────► Turn::Answer
//! nobody fetches it ─► claim ────────────────────────► Turn::Fetch: keep, or leave it
//! somebody does ─► a pause ─► look again … too long ─► Turn::Alone
//! what came last is not to be kept, and somebody fetches ─► Turn::Alone, at once
//! ```
//!
//! Who fetches holds a claim, which ends when the answer is kept, when it turns out to be none that
//! is kept, when the request ends in any other way, and at the latest when its lease is over.

use super::entry::{Entry, Head};
use super::key::Key;
use super::storage::{Claim, Filled, Group, NewEntry, Storage};
use crate::exchange::Exchange;
use crate::ports::{Ports, Timestamp};

/// How long one may fetch before others do, in milliseconds: the longest time-out of an
/// integration, and a second for the answer's body.
pub const LEASE_MILLIS: u64 = 30_000;

/// How long it is remembered that an answer was not one to keep, in milliseconds. While it is,
/// nobody waits for the answer to another one's request.
pub const NOT_STORED_MILLIS: u64 = 5_000;

/// The first pauses, in milliseconds; all others are like the last.
const PAUSES: [u32; 5] = [2, 4, 8, 16, 25];

/// What one request looks for.
#[derive(Clone, Copy)]
pub struct Place<'c> {
    /// Where responses are kept.
    pub storage: &'c Storage,
    /// The request's own ports.
    pub ports: &'c dyn Ports,
    /// What makes other requests the same.
    pub key: Key,
    /// What is flushed together with it.
    pub group: Group,
}

/// A response that is kept, with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Status and header fields.
    pub head: Head,
    /// The whole body.
    pub body: Vec<u8>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Until when it may be used without asking.
    pub fresh_until: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What a request may do with a response that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Be answered with this.
    Answer(T),
    /// Nothing: it is to be fetched anew.
    Fetch,
    /// Nothing, and what it fetches is not for others.
    Alone,
}

/// How a request gets its answer.
pub enum Turn<'c, T> {
    /// It is there.
    Answer(T),
    /// The back end is asked, by nobody else.
    Fetch(Fetch<'c>),
    /// The back end is asked, and nothing is kept of what it says.
    Alone,
}

/// The right to fetch what a key stands for. Whoever drops it without keeping anything leaves it to
/// the next.
pub struct Fetch<'c> {
    place: Place<'c>,
    owner: u64,
    open: bool,
    /// Whether the last answer was one to keep, or none has come lately.
    pub(super) is_promising: bool,
}

/// Finds the response to a request, or says who is to fetch it. `judge` looks at what is kept;
/// nobody waits for longer than `longest_wait_millis`.
pub async fn turn<'c, T>(
    exchange: &Exchange,
    place: Place<'c>,
    longest_wait_millis: u32,
    mut judge: impl FnMut(Found) -> Verdict<T>,
) -> Turn<'c, T> {
    let mut waited = 0;
    let mut pauses = PAUSES.into_iter();
    let mut pause = 0;
    let mut lost = 0;
    loop {
        let now = place.ports.now();
        let seen = place.storage.look_up(place.ports, &place.key, now);
        let mut nobody_waits = false;
        if let Some(kept) = seen.entry {
            match Entry::from_bytes(kept.bytes) {
                Some(Entry::Response { head, body }) => match judge(Found {
                    head,
                    body,
                    stored_at: kept.stored_at,
                    fresh_until: kept.fresh_until,
                    now,
                }) {
                    Verdict::Answer(answer) => return Turn::Answer(answer),
                    Verdict::Fetch => {}
                    Verdict::Alone => return Turn::Alone,
                },
                Some(Entry::NotStored) => nobody_waits = true,
                None => {}
            }
        }
        if !seen.claimed {
            match Fetch::claim(place, now) {
                Some(mut fetch) => {
                    fetch.is_promising = !nobody_waits;
                    return Turn::Fetch(fetch);
                }
                // Somebody was faster, or the store cannot be written. The latter stays so.
                None => lost += 1,
            }
        }
        if nobody_waits || lost > 1 || waited >= longest_wait_millis {
            return Turn::Alone;
        }
        pause = pauses
            .next()
            .unwrap_or(pause)
            .min(longest_wait_millis - waited);
        exchange.pause(pause).await;
        // A busy worker comes back later than it was asked to.
        let since = place.ports.now().millis_since(now);
        let since = u32::try_from(since).unwrap_or(u32::MAX).max(pause);
        waited = waited.saturating_add(since);
    }
}

/// Finds the response to a request that fetches nothing for others.
pub fn present<T>(place: Place<'_>, judge: impl FnOnce(Found) -> Verdict<T>) -> Option<T> {
    let now = place.ports.now();
    let kept = place.storage.look_up(place.ports, &place.key, now).entry?;
    let Some(Entry::Response { head, body }) = Entry::from_bytes(kept.bytes) else {
        return None;
    };
    let found = Found {
        head,
        body,
        stored_at: kept.stored_at,
        fresh_until: kept.fresh_until,
        now,
    };
    match judge(found) {
        Verdict::Answer(answer) => Some(answer),
        Verdict::Fetch | Verdict::Alone => None,
    }
}

impl<'c> Fetch<'c> {
    /// Claims what nobody else has claimed.
    #[must_use]
    pub fn claim(place: Place<'c>, now: Timestamp) -> Option<Self> {
        let claim = Claim {
            owner: place.ports.next_u64(),
            until: after(now, LEASE_MILLIS),
            group: place.group,
        };
        place
            .storage
            .claim(place.ports, &place.key, claim, now)
            .then_some(Self {
                place,
                owner: claim.owner,
                open: true,
                is_promising: true,
            })
    }

    /// Forgets what is kept, and claims what is to come in its place. Whoever is fetching it now
    /// began too early: their answer is not kept. `None` when somebody else has done the same in
    /// this moment, or the store cannot be written.
    #[must_use]
    pub fn anew(place: Place<'c>) -> Option<Self> {
        place.storage.remove(place.ports, &place.key);
        Self::claim(place, place.ports.now())
    }

    /// Keeps a response, made by [`Head::with_body`], and answers those who wait for it.
    pub fn keep(
        mut self,
        bytes: Vec<u8>,
        fresh_until: Timestamp,
        kept_until: Timestamp,
        encrypted: bool,
    ) -> Filled {
        self.fill(NewEntry {
            bytes,
            fresh_until,
            kept_until,
            encrypted,
        })
    }

    /// What came is not to be kept: those who wait for it go their own way, and for a while nobody
    /// waits any more.
    pub fn keep_nothing(mut self) {
        let until = after(self.place.ports.now(), NOT_STORED_MILLIS);
        self.fill(NewEntry {
            bytes: Entry::not_stored(),
            fresh_until: until,
            kept_until: until,
            encrypted: false,
        });
    }

    fn fill(&mut self, entry: NewEntry) -> Filled {
        self.open = false;
        let Place {
            storage,
            ports,
            ref key,
            ..
        } = self.place;
        storage.fill(ports, key, self.owner, entry, ports.now())
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        if self.open {
            let place = &self.place;
            place.storage.release(place.ports, &place.key, self.owner);
        }
    }
}

/// So many milliseconds later.
#[must_use]
pub const fn after(moment: Timestamp, millis: u64) -> Timestamp {
    Timestamp(moment.0.saturating_add(millis.saturating_mul(1_000_000)))
}
