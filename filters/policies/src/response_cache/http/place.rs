//! Where a response is kept: under its URI, or, when it depends on more of the request, under the
//! values of the fields that stand there.

use super::vary;
use crate::headers::Headers;
use crate::integration::CLUSTER_HEADER;
use crate::ports::{Ports, Timestamp};
use crate::response_cache::entry::{Entry, Head};
use crate::response_cache::key::{Key, KeyParts};
use crate::response_cache::storage::{Claim, Filled, Group, Kept, NewEntry, Storage};

/// For how long others wait for whoever fetches something, in milliseconds, before they take it
/// for lost.
const LEASE_MILLIS: u64 = 30_000;
/// For how long it is remembered on what the responses at a URI depend, in milliseconds.
const RECORD_MILLIS: u64 = 86_400_000;

/// Where the response to a request is kept.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The place of the URI.
    pub(super) uri: Key,
    /// The place of the response: the same one, or one that the record leads to.
    pub(super) key: Key,
    /// On what the responses at this URI depend.
    pub(super) record: Option<Record>,
}

/// The fields of requests on which the responses at a URI depend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// A random number. When the URI is invalidated the record is forgotten, and with its number
    /// every place that it has led to.
    seed: [u8; 8],
    /// The names, in lower case, sorted, with commas between them.
    names: Vec<u8>,
}

/// What is at a place.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) entry: Option<(Entry, Kept)>,
    pub(super) claimed: bool,
}

/// The place of a URI.
pub(super) fn of_uri(request: &Headers, path: &[u8]) -> Key {
    let mut parts = KeyParts::new("http");
    let part = |name: &'static [u8]| request.first(name).unwrap_or_default();
    parts.push(part(b":scheme"));
    parts.push(&part(b":authority").to_ascii_lowercase());
    // Behind a gateway, one host and path may lead to several back ends.
    parts.push_values(request.first(CLUSTER_HEADER.as_bytes()));
    parts.push(path);
    parts.finish()
}

impl Record {
    fn new(names: &[Vec<u8>], ports: &dyn Ports) -> Self {
        Self {
            seed: ports.next_u64().to_be_bytes(),
            names: names.join(&b","[..]),
        }
    }

    fn from_head(head: &Head) -> Option<Self> {
        let (seed, names) = head.annotation.split_first_chunk()?;
        Some(Self {
            seed: *seed,
            names: names.to_vec(),
        })
    }

    /// Whether the responses depend on this field.
    pub(super) fn names(&self, field: &str) -> bool {
        let mut names = self.names.split(|byte| *byte == b',');
        names.any(|name| name == field.as_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            annotation: [&self.seed, &*self.names].concat(),
            ..Head::default()
        };
        head.with_body(Vec::new())
    }

    fn key(&self, uri: Key, request: &Headers) -> Key {
        let seed = [&uri.0[..], &self.seed].concat();
        Key(vary::digest(
            self.names.split(|byte| *byte == b','),
            request,
            &seed,
        ))
    }
}

/// What is kept for a request.
pub(super) fn find(
    storage: &Storage,
    ports: &dyn Ports,
    uri: Key,
    request: &Headers,
    now: Timestamp,
) -> Found {
    let mut place = Place {
        uri,
        key: uri,
        record: None,
    };
    let mut found = read(storage, ports, &uri, now);
    if let Some((Entry::Response { head, .. }, _)) = &found.0 {
        place.record = Record::from_head(head);
    }
    if let Some(record) = &place.record {
        place.key = record.key(uri, request);
        found = read(storage, ports, &place.key, now);
    }
    Found {
        place,
        entry: found.0,
        claimed: found.1,
    }
}

fn read(
    storage: &Storage,
    ports: &dyn Ports,
    key: &Key,
    now: Timestamp,
) -> (Option<(Entry, Kept)>, bool) {
    let looked_up = storage.look_up(ports, key, now);
    let entry = looked_up.entry.and_then(|mut kept| {
        let entry = Entry::from_bytes(std::mem::take(&mut kept.bytes))?;
        Some((entry, kept))
    });
    (entry, looked_up.claimed)
}

/// The right to fill a place, given back when it is dropped unused.
pub(super) struct Held<'h> {
    storage: &'h Storage,
    ports: &'h dyn Ports,
    key: Key,
    group: Group,
    encrypted: bool,
    owner: Option<u64>,
}

impl<'h> Held<'h> {
    /// Claims a place, unless somebody else has done so.
    pub(super) fn claim(
        storage: &'h Storage,
        ports: &'h dyn Ports,
        key: Key,
        group: Group,
        encrypted: bool,
    ) -> Option<Self> {
        let now = ports.now();
        let claim = Claim {
            owner: ports.next_u64(),
            until: later(now, LEASE_MILLIS),
            group,
        };
        let held = storage.claim(ports, &key, claim, now);
        held.then(|| Self::resume(storage, ports, key, group, encrypted, claim.owner))
    }

    /// Holds again what was [kept](Self::keep).
    pub(super) const fn resume(
        storage: &'h Storage,
        ports: &'h dyn Ports,
        key: Key,
        group: Group,
        encrypted: bool,
        owner: u64,
    ) -> Self {
        Self {
            storage,
            ports,
            key,
            group,
            encrypted,
            owner: Some(owner),
        }
    }

    /// Does not give it back: until it ends by itself, whoever has the number may resume it.
    pub(super) fn keep(mut self) -> u64 {
        self.owner.take().unwrap_or_default()
    }

    /// Keeps these bytes at the place. How many others had to go; `None`: they are not kept.
    fn fill(
        mut self,
        bytes: Vec<u8>,
        fresh_until: Timestamp,
        kept_until: Timestamp,
    ) -> Option<u32> {
        let owner = self.owner.take()?;
        let entry = NewEntry {
            bytes,
            fresh_until,
            kept_until,
            encrypted: self.encrypted,
        };
        let now = self.ports.now();
        let filled = self.storage.fill(self.ports, &self.key, owner, entry, now);
        match filled {
            Filled::Stored { evicted } => Some(evicted),
            Filled::TooLarge | Filled::Lost => None,
        }
    }

    /// Remembers for so long that there is nothing to wait for here.
    pub(super) fn fill_with_nothing(self, millis: u64) {
        let until = later(self.ports.now(), millis);
        self.fill(Entry::not_stored(), until, until);
    }

    /// Keeps a response that depends on these fields of the request. The place was found before
    /// the origin was asked. How many others had to go.
    pub(super) fn fill_with(
        self,
        place: &Place,
        names: &[Vec<u8>],
        request: &Headers,
        bytes: Vec<u8>,
        fresh_until: Timestamp,
        kept_until: Timestamp,
    ) -> u32 {
        let same = match &place.record {
            None => names.is_empty(),
            Some(record) => record.names == names.join(&b","[..]),
        };
        if same {
            return self
                .fill(bytes, fresh_until, kept_until)
                .unwrap_or_default();
        }
        let (storage, ports, group, encrypted) =
            (self.storage, self.ports, self.group, self.encrypted);
        // What the responses depend on has changed, so the place of the URI gets something else.
        let at_uri = if place.record.is_none() {
            Some(self)
        } else {
            drop(self);
            let now = ports.now();
            let still = find(storage, ports, place.uri, request, now).place.record == place.record;
            still
                .then(|| Held::claim(storage, ports, place.uri, group, encrypted))
                .flatten()
        };
        let Some(at_uri) = at_uri else {
            return 0;
        };
        if names.is_empty() {
            return at_uri
                .fill(bytes, fresh_until, kept_until)
                .unwrap_or_default();
        }
        let record = Record::new(names, ports);
        let key = record.key(place.uri, request);
        let until = later(ports.now(), RECORD_MILLIS).max(kept_until);
        let Some(evicted) = at_uri.fill(record.to_bytes(), until, until) else {
            return 0;
        };
        let held = Held::claim(storage, ports, key, group, encrypted);
        let more = held.and_then(|held| held.fill(bytes, fresh_until, kept_until));
        evicted.saturating_add(more.unwrap_or_default())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            self.storage.release(self.ports, &self.key, owner);
        }
    }
}

pub(super) fn later(now: Timestamp, millis: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(millis.saturating_mul(1_000_000)))
}
