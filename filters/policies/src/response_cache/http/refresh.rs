//! Responses that are fetched anew while they still answer.
//!
//! RFC 5861, section 3.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::Rules;
use super::place::{Held, Place};
use crate::exchange::{Callout, Errand};
use crate::headers::{HeaderEdit, Headers};
use crate::ports::Timestamp;

/// How many are waited for at most, by one worker. What comes after is fetched by the request that
/// sees it.
const MOST: usize = 64;
/// For how long the origin may take, in milliseconds.
const TIMEOUT_MILLIS: u32 = 29_000;
/// After so many milliseconds nobody waits for an answer any more.
const LOST_MILLIS: u64 = 60_000;

/// One response that is fetched anew.
#[derive(Debug)]
pub(super) struct Refresh {
    callout: Option<Callout>,
    /// The request that saw it stale.
    pub(super) request: Headers,
    pub(super) rules: Arc<Rules>,
    pub(super) place: Place,
    /// Whose place it is.
    pub(super) owner: u64,
    /// When the origin was asked.
    pub(super) asked: Timestamp,
}

/// Those of one worker.
#[derive(Debug, Default)]
pub(super) struct Refreshes(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: usize,
    refreshes: BTreeMap<usize, Refresh>,
}

impl Refresh {
    pub(super) fn new(
        cluster: String,
        request: &Headers,
        edits: &[HeaderEdit],
        rules: Arc<Rules>,
        place: Place,
    ) -> Self {
        let mut headers: Vec<(String, Vec<u8>)> = request
            .iter()
            .filter(|(name, _)| !is_of_connection(name))
            .filter_map(|(name, value)| {
                Some((str::from_utf8(name).ok()?.to_owned(), value.to_vec()))
            })
            .collect();
        for edit in edits {
            headers.retain(|(name, _)| name != edit.name());
            if let HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) = edit {
                headers.push((name.clone().into_owned(), value.clone()));
            }
        }
        Self {
            callout: Some(Callout {
                cluster,
                headers,
                body: Vec::new(),
                timeout_millis: TIMEOUT_MILLIS,
                shared_as: None,
            }),
            request: request.clone(),
            rules,
            place,
            owner: 0,
            asked: Timestamp::default(),
        }
    }
}

fn is_of_connection(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"keep-alive"
            | b"proxy-connection"
            | b"te"
            | b"transfer-encoding"
            | b"upgrade"
    )
}

impl Refreshes {
    /// Notes what is to be fetched, and for whom its place is held; `false` when there is too much
    /// already.
    pub(super) fn add(&self, mut refresh: Refresh, held: Held<'_>) -> bool {
        let mut open = self.open();
        if open.refreshes.len() >= MOST {
            return false;
        }
        refresh.owner = held.keep();
        let number = open.next;
        open.next = number.wrapping_add(1);
        open.refreshes.insert(number, refresh);
        true
    }

    /// The calls that have not been made yet.
    pub(super) fn begin(&self, now: Timestamp) -> Vec<Errand> {
        let mut open = self.open();
        open.refreshes.retain(|_, refresh| {
            refresh.callout.is_some() || now.millis_since(refresh.asked) < LOST_MILLIS
        });
        let calls = open.refreshes.iter_mut().filter_map(|(number, refresh)| {
            let callout = refresh.callout.take()?;
            refresh.asked = now;
            Some(Errand {
                id: *number,
                callout,
            })
        });
        calls.collect()
    }

    /// What the call was for.
    pub(super) fn end(&self, number: usize) -> Option<Refresh> {
        self.open().refreshes.remove(&number)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
