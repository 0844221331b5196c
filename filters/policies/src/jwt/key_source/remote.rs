//! Keys that are fetched: by the first request that needs them, and then in the background.
//!
//! Every worker has the parsed keys for itself and looks into the shared store a few times a
//! second. When a key set is due, the worker that takes the lease fetches it for all.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::CurrentKeys;
use super::document::{Address, FetchFault, Step, TIMEOUT_MILLIS, body_of, key_set_address};
use super::record::{Record, SharedKeySet, digest};
use crate::exchange::{Callout, CalloutAnswer, Exchange};
use crate::integration::Upstream;
use crate::jwt::fault::TokenFault;
use crate::jwt::key_set::KeySet;
use crate::ports::{Ports, Timestamp, Version};

/// How long keys are kept before they are fetched again, in milliseconds.
const REFRESH: u64 = 5 * 60_000;

/// For how long keys are used at most that cannot be fetched again, in milliseconds: what AWS
/// says of its own.
const LONGEST_USE: u64 = 2 * 60 * 60_000;

/// How long a worker has for both documents, in milliseconds.
const LEASE: u64 = 2 * TIMEOUT_MILLIS as u64 + 2_000;

/// How long a worker waits at least between two fetches for key ids that it does not know, in
/// milliseconds.
const BETWEEN_UNKNOWN_KEYS: u64 = 10_000;

/// The same while there are no keys at all.
const BETWEEN_COLD_STARTS: u64 = 1_000;

/// Keys at a URL.
pub(super) struct Remote {
    address: Address,
    /// Whose OpenID configuration is at the address; `None`: it is the key set that is there.
    issuer: Option<Box<str>>,
    shared: SharedKeySet,
    state: Mutex<State>,
}

/// What one worker knows of the source.
#[derive(Default)]
struct State {
    keys: Option<Arc<CurrentKeys>>,
    /// SHA-256 of the key set that they are from.
    digest: [u8; 32],
    generation: u64,
    /// When they were last what the issuer said.
    fetched_at: Timestamp,
    /// The record that was last read.
    seen: Option<Version>,
    /// Where the OpenID configuration says that the key set is.
    discovered: Option<Address>,
    /// Whether the errand that this worker has begun goes on with the key set.
    continues: bool,
    /// When a request last had to fetch.
    fetched_for_request: Option<Timestamp>,
    /// How many requests wait for what one of them fetches.
    waiting: usize,
    /// Why it last did not work.
    fault: Option<FetchFault>,
}

impl State {
    /// The keys, unless they have not been confirmed for too long.
    fn usable(&self, now: Timestamp) -> Option<&Arc<CurrentKeys>> {
        let keys = self.keys.as_ref()?;
        (now.millis_since(self.fetched_at) <= LONGEST_USE).then_some(keys)
    }

    /// The keys, when one of them has the id.
    fn with_id(&self, id: &str, now: Timestamp) -> Option<Arc<CurrentKeys>> {
        let keys = self.usable(now)?;
        let has_id = keys.set.with_id(id).next().is_some();
        has_id.then(|| Arc::clone(keys))
    }

    /// Whether a request may fetch: when others wait for the same already, or the last time was
    /// long enough ago.
    fn may_fetch(&mut self, now: Timestamp) -> bool {
        if self.waiting > 0 {
            return true;
        }
        let pause = if self.usable(now).is_some() {
            BETWEEN_UNKNOWN_KEYS
        } else {
            BETWEEN_COLD_STARTS
        };
        let last = self.fetched_for_request;
        // A clock that was put back must not stop it.
        let may = last.is_none_or(|last| last > now || now.millis_since(last) >= pause);
        if may {
            self.fetched_for_request = Some(now);
        }
        may
    }

    /// Takes over a key set. Keys that are the same stay the same.
    fn take(
        &mut self,
        key_set: &[u8],
        new: [u8; 32],
        fetched_at: Timestamp,
    ) -> Result<(), FetchFault> {
        if self.keys.is_none() || self.digest != new {
            let set = KeySet::from_slice(key_set).map_err(FetchFault::KeySet)?;
            self.generation += 1;
            self.digest = new;
            self.keys = Some(Arc::new(CurrentKeys {
                set,
                generation: self.generation,
            }));
        }
        self.fetched_at = self.fetched_at.max(fetched_at);
        Ok(())
    }
}

/// One of the requests that wait. Counts itself out when it is done, or gone.
struct WaitingRequest<'r>(&'r Remote);

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl Remote {
    /// The key set at a URL.
    pub(super) fn of_key_set(address: Address) -> Self {
        let shared = SharedKeySet::named(&address.digest("key set"));
        Self {
            address,
            issuer: None,
            shared,
            state: Mutex::default(),
        }
    }

    /// The key set that the OpenID configuration at a URL names.
    pub(super) fn of_configuration(address: Address, issuer: &str) -> Self {
        let name = address.digest(&format!("configuration of {issuer}"));
        Self {
            address,
            issuer: Some(issuer.into()),
            shared: SharedKeySet::named(&name),
            state: Mutex::default(),
        }
    }

    /// Whom both documents are fetched from.
    pub(super) const fn upstream(&self) -> &Upstream {
        &self.address.upstream
    }

    /// The keys as this worker has them, while they may be used.
    pub(super) fn current(&self, now: Timestamp) -> Option<Arc<CurrentKeys>> {
        self.state().usable(now).cloned()
    }

    /// The keys, fetched by this request when there are none, or none of the id. How often
    /// requests may fetch is limited, and those that come meanwhile wait for the same answer.
    pub(super) async fn keys_for(
        &self,
        key_id: &str,
        exchange: &Exchange,
    ) -> Result<Arc<CurrentKeys>, TokenFault> {
        let ports = exchange.ports();
        let now = ports.now();
        let known = self.state().with_id(key_id, now);
        if let Some(keys) = known {
            return Ok(keys);
        }
        // Another worker may have fetched them.
        self.look_into_store(ports);
        let waiting = {
            let mut state = self.state();
            if let Some(keys) = state.with_id(key_id, now) {
                return Ok(keys);
            }
            state.may_fetch(now).then(|| {
                state.waiting += 1;
                WaitingRequest(self)
            })
        };
        if let Some(_waiting) = waiting
            && let Err(fault) = self.fetch(exchange).await
        {
            self.note(fault);
        }
        let keys = self.state().usable(ports.now()).cloned();
        keys.ok_or(TokenFault::KeysUnavailable)
    }

    /// What this worker is to fetch in the background now.
    pub(super) fn errand(&self, ports: &dyn Ports) -> Option<(Step, Callout)> {
        let (record, version) = self.look_into_store(ports);
        let mut state = self.state();
        if std::mem::take(&mut state.continues)
            && let Some(key_set) = &state.discovered
        {
            return Some((Step::KeySet, key_set.callout()));
        }
        drop(state);
        let now = ports.now();
        let leased = Record {
            leased_until: now.as_millis().saturating_add(LEASE),
            ..record
        };
        if !record.is_due(now, REFRESH, LEASE) || !self.shared.replace(ports, &leased, version) {
            return None;
        }
        Some((self.first_step(), self.address.callout()))
    }

    /// What came of an errand.
    pub(super) fn fetched(&self, step: Step, answer: CalloutAnswer, ports: &dyn Ports) {
        let outcome = body_of(answer).and_then(|body| match step {
            Step::Configuration => {
                self.discover(&body)?;
                self.state().continues = true;
                Ok(())
            }
            Step::KeySet => self.take(&body, ports),
        });
        let Err(fault) = outcome else {
            return;
        };
        self.note(fault);
        let now = ports.now().as_millis();
        self.shared.update(ports, |record| {
            let failures = record.failures.saturating_add(1);
            let pause = pause_after(failures, record.fetched_at != 0);
            Record {
                due_at: now.saturating_add(pause),
                leased_until: 0,
                failures,
                ..record
            }
        });
    }

    /// Fetches both documents, or only the key set where its place is known.
    async fn fetch(&self, exchange: &Exchange) -> Result<(), FetchFault> {
        let ports = exchange.ports();
        let started = ports.now();
        let known = match self.first_step() {
            Step::KeySet => Some(self.address.clone()),
            Step::Configuration => self.state().discovered.clone(),
        };
        let key_set = match known {
            Some(key_set) => key_set,
            None => {
                let answer = exchange.callout(self.address.callout()).await;
                // One of those who waited with this request may have read it already.
                let known = self.state().discovered.clone();
                match known {
                    Some(key_set) => key_set,
                    None => self.discover(&body_of(answer)?)?,
                }
            }
        };
        let answer = exchange.callout(key_set.callout()).await;
        if self.state().fetched_at > started {
            return Ok(());
        }
        self.take(&body_of(answer)?, ports)
    }

    /// Takes over what another worker has fetched, and tells what the workers know.
    fn look_into_store(&self, ports: &dyn Ports) -> (Record, Option<Version>) {
        let (record, version) = self.shared.read(ports);
        let mut state = self.state();
        if record.fetched_at == 0 || version == state.seen {
            return (record, version);
        }
        let fetched_at = Timestamp(record.fetched_at.saturating_mul(1_000_000));
        if state.keys.is_some() && state.digest == record.digest {
            state.fetched_at = state.fetched_at.max(fetched_at);
            state.seen = version;
        } else if fetched_at > state.fetched_at
            && let Some(key_set) = self.shared.key_set(ports, &record)
        {
            // Only what could be read was written.
            let _ = state.take(&key_set, record.digest, fetched_at);
            state.seen = version;
        }
        (record, version)
    }

    /// Reads an OpenID configuration, and remembers where it says that the key set is.
    fn discover(&self, body: &[u8]) -> Result<Address, FetchFault> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let key_set = key_set_address(body, issuer, &self.address)?;
        self.state().discovered = Some(key_set.clone());
        Ok(key_set)
    }

    /// Takes over a key set, for this worker and for the others.
    fn take(&self, key_set: &[u8], ports: &dyn Ports) -> Result<(), FetchFault> {
        let digest = digest(key_set);
        let now = ports.now();
        {
            let mut state = self.state();
            state.take(key_set, digest, now)?;
            state.fault = None;
        }
        self.shared.write_key_set(ports, key_set);
        self.shared.update(ports, |_| Record {
            fetched_at: now.as_millis(),
            due_at: now.as_millis().saturating_add(REFRESH),
            leased_until: 0,
            failures: 0,
            digest,
        });
        Ok(())
    }

    /// Notes that it did not work; says so in the log unless it has just said the same.
    fn note(&self, fault: FetchFault) {
        let mut state = self.state();
        // The key set may have moved.
        state.discovered = None;
        if state.fault.replace(fault) != Some(fault) {
            log::warn!("the keys at {} cannot be used: {fault}", self.address);
        }
    }

    const fn first_step(&self) -> Step {
        if self.issuer.is_some() {
            Step::Configuration
        } else {
            Step::KeySet
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an errand waits after so many failures in a row, in milliseconds: from one second on
/// while there is nothing, from five on while there are keys; twice as long each time.
fn pause_after(failures: u32, has_keys: bool) -> u64 {
    let (first, longest) = if has_keys {
        (5_000, REFRESH)
    } else {
        (1_000, 30_000)
    };
    let doublings = failures.saturating_sub(1).min(16);
    (first << doublings).min(longest)
}

/// Tells where the keys are, and whether there are any.
impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.state().keys.as_ref().map(|keys| keys.set.len());
        formatter
            .debug_struct("Remote")
            .field("address", &self.address)
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}
