//! Which customer a key belongs to, and which usage plan the customer calls a stage under.
//!
//! Keys are known by the SHA-256 of their values only. The table is sorted by digest and entered
//! through the digest's leading bits; digests are evenly spread, so that a look-up reads about
//! one entry however many keys there are.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html>

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::OnceLock;

use attache_model::Gateway;
use sha2::{Digest, Sha256};

use crate::compile_error::CompileError;
use crate::ports::Timestamp;

/// The API keys of a gateway, compiled.
#[derive(Clone)]
pub struct ApiKeys {
    /// Sorted by digest.
    entries: Vec<Entry>,
    /// For each value of a digest's leading bits, where its entries start; one more at the end.
    starts: Vec<u32>,
    /// How far a digest's first 32 bits are shifted to get its leading bits.
    shift: u32,
    /// All ids, one after the other.
    ids: String,
    /// The plans of all keys, one after the other, as positions in [`Gateway::usage_plans`].
    memberships: Vec<u32>,
    /// The ids in their order, for keys that come from elsewhere.
    by_id: OnceLock<Vec<Span>>,
}

/// One key in the table. An id or a list of plans ends where the next one starts.
#[derive(Clone)]
struct Entry {
    digest: [u8; 32],
    /// The first moment, in milliseconds since 1970, at which the key opens nothing: 0 for a
    /// disabled key.
    closed_from: u64,
    id: Span,
    plans: Span,
}

/// A piece of a list that all entries share.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

/// A key that a request presented and that is in force.
#[derive(Clone, Copy)]
pub struct Key<'k> {
    id: &'k str,
    /// As positions in [`Gateway::usage_plans`], or behind them.
    usage_plans: &'k [u32],
}

/// What a configuration says of the value that a request presents.
pub(crate) enum Found<'k> {
    /// It opens something.
    Open(Key<'k>),
    /// It belongs to a disabled or expired key.
    Closed,
    /// It belongs to no key.
    Unknown,
}

impl ApiKeys {
    /// Compiles the keys of a configuration.
    ///
    /// # Errors
    ///
    /// One for each id or digest that comes twice, each unknown plan, and each plan that holds a
    /// stage which another plan of the same key holds as well, as AWS allows a key one plan per
    /// stage. An unknown stage of a plan is not reported here but by
    /// [`UsagePlans::compile`](crate::usage_plan::UsagePlans::compile).
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        report_duplicates(gateway, &mut errors);
        let stages = stages_of_plans(gateway);
        let plans: HashMap<&str, usize> = gateway
            .usage_plans
            .iter()
            .enumerate()
            .rev()
            .map(|(position, plan)| (plan.id.as_str(), position))
            .collect();

        let undeclared = match &gateway.state {
            Some(state) if state.redis.usage_plans => {
                "declare it under `usagePlans`: plans in Redis are for keys in Redis alone"
            }
            _ => "declare it under `usagePlans`",
        };

        let mut ids = String::new();
        let mut memberships = Vec::new();
        let mut entries = Vec::with_capacity(gateway.api_keys.len());
        for (position, key) in gateway.api_keys.iter().enumerate() {
            let id = Span::of(ids.len(), key.id.len());
            ids.push_str(&key.id);
            let first = memberships.len();
            for (place, name) in key.usage_plans.iter().enumerate() {
                let pointer = || format!("/apiKeys/{position}/usagePlans/{place}");
                let Some(plan) = plans.get(name.as_str()).copied() else {
                    errors.push(
                        CompileError::new(pointer(), format!("there is no usage plan `{name}`"))
                            .hint(undeclared),
                    );
                    continue;
                };
                let earlier = memberships.get(first..).unwrap_or_default();
                if let Some((other, stage)) = shared_stage(&stages, earlier, plan) {
                    errors.push(stage_twice(gateway, key, (other, plan), stage, pointer()));
                }
                memberships.push(narrow(plan));
            }
            let closed_from = match (key.enabled, key.expires_at) {
                (false, _) => 0,
                (true, expires_at) => expires_at.unwrap_or(u64::MAX),
            };
            let plans = Span::of(first, memberships.len() - first);
            // Values from before a rotation lead to the same id, and so to the same counts.
            let previous = key.previous_values.iter();
            let previous = previous.map(|value| (value.digest, value.expires_at.min(closed_from)));
            for (digest, closed_from) in std::iter::once((key.digest, closed_from)).chain(previous)
            {
                entries.push(Entry {
                    digest: digest.0,
                    closed_from,
                    id,
                    plans,
                });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        entries.sort_unstable_by_key(|entry| entry.digest);
        let (starts, shift) = leading_bits(&entries);
        Ok(Self {
            entries,
            starts,
            shift,
            ids,
            memberships,
            by_id: OnceLock::new(),
        })
    }

    /// The key whose value a request presents. A disabled or expired key is answered like one
    /// that never was.
    #[must_use]
    pub fn find(&self, value: &[u8], now: Timestamp) -> Option<Key<'_>> {
        match self.look_up(&digest(value), now) {
            Found::Open(key) => Some(key),
            Found::Closed | Found::Unknown => None,
        }
    }

    /// What is known of the value with a digest.
    pub(crate) fn look_up(&self, digest: &[u8; 32], now: Timestamp) -> Found<'_> {
        let entry = self.entry(digest);
        match entry {
            None => Found::Unknown,
            Some(entry) if now.as_millis() >= entry.closed_from => Found::Closed,
            Some(entry) => {
                let plans = self.memberships.get(entry.plans.range());
                let id = self.ids.get(entry.id.range()).unwrap_or_default();
                Found::Open(Key::new(id, plans.unwrap_or_default()))
            }
        }
    }

    fn entry(&self, digest: &[u8; 32]) -> Option<&Entry> {
        let slot = usize::try_from(leading(digest) >> self.shift).ok()?;
        let start = usize::try_from(*self.starts.get(slot)?).ok()?;
        let end = usize::try_from(*self.starts.get(slot + 1)?).ok()?;
        let mut entries = self.entries.get(start..end)?.iter();
        entries.find(|entry| same(&entry.digest, digest))
    }

    /// Whether a key of the configuration has this id.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let by_id = self.by_id.get_or_init(|| {
            let mut spans: Vec<_> = self.entries.iter().map(|entry| entry.id).collect();
            spans.sort_unstable_by_key(|span| self.ids.get(span.range()));
            spans
        });
        let known = |span: &Span| self.ids.get(span.range()).unwrap_or_default().cmp(id);
        by_id.binary_search_by(known).is_ok()
    }
}

/// The digest by which a value is known.
pub(crate) fn digest(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

/// Tells how many keys there are and nothing about them.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKeys({})", self.entries.len())
    }
}

impl<'k> Key<'k> {
    /// A key that belongs to the plans at these places.
    pub(crate) const fn new(id: &'k str, usage_plans: &'k [u32]) -> Self {
        Self { id, usage_plans }
    }

    /// The key id: `$context.identity.apiKeyId`.
    #[must_use]
    pub const fn id(&self) -> &'k str {
        self.id
    }

    /// The plans that the key belongs to, as positions in [`Gateway::usage_plans`], or behind them.
    pub fn usage_plans(&self) -> impl Iterator<Item = usize> + use<'k> {
        let plans = self.usage_plans.iter();
        plans.filter_map(|plan| usize::try_from(*plan).ok())
    }
}

impl Span {
    fn of(start: usize, length: usize) -> Self {
        Self {
            start: narrow(start),
            end: narrow(start.saturating_add(length)),
        }
    }

    fn range(self) -> std::ops::Range<usize> {
        let widen = |place| usize::try_from(place).unwrap_or(usize::MAX);
        widen(self.start)..widen(self.end)
    }
}

/// Positions are kept in 32 bits; a configuration of four billion keys does not fit into memory.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The first 32 bits.
const fn leading(digest: &[u8; 32]) -> u64 {
    let [a, b, c, d, ..] = *digest;
    u32::from_be_bytes([a, b, c, d]) as u64
}

/// Compares without stopping at the first difference.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    difference == 0
}

/// The table over the leading bits of sorted entries, with about one entry for each value.
fn leading_bits(entries: &[Entry]) -> (Vec<u32>, u32) {
    let bits = entries.len().max(1).next_power_of_two().ilog2().min(31);
    let shift = 32 - bits;
    let mut starts = Vec::with_capacity((1 << bits) + 1);
    starts.push(0);
    let mut next = 0;
    for slot in 0..1_u64 << bits {
        next += entries
            .get(next..)
            .unwrap_or_default()
            .iter()
            .take_while(|entry| leading(&entry.digest) >> shift == slot)
            .count();
        starts.push(narrow(next));
    }
    (starts, shift)
}

fn report_duplicates(gateway: &Gateway, errors: &mut Vec<CompileError>) {
    let mut ids = HashSet::with_capacity(gateway.api_keys.len());
    let mut digests: HashMap<_, &str> = HashMap::with_capacity(gateway.api_keys.len());
    for (position, key) in gateway.api_keys.iter().enumerate() {
        if !ids.insert(key.id.as_str()) {
            errors.push(CompileError::new(
                format!("/apiKeys/{position}/id"),
                format!("there are two API keys with the id `{}`", key.id),
            ));
        }
        let previous = key.previous_values.iter().enumerate();
        let previous = previous.map(|(place, value)| {
            let pointer = format!("/apiKeys/{position}/previousValues/{place}/digest");
            (pointer, value.digest)
        });
        let current = (format!("/apiKeys/{position}/digest"), key.digest);
        for (pointer, digest) in std::iter::once(current).chain(previous) {
            let Some(earlier) = digests.insert(digest, key.id.as_str()) else {
                continue;
            };
            let reason = if earlier == key.id {
                format!("the API key `{earlier}` has the same value twice")
            } else {
                format!(
                    "the API keys `{earlier}` and `{}` have the same value",
                    key.id
                )
            };
            errors.push(
                CompileError::new(pointer, reason).hint("give each customer a value of their own"),
            );
        }
    }
}

fn stages_of_plans(gateway: &Gateway) -> Vec<Vec<(u32, u32)>> {
    let plans = gateway.usage_plans.iter().map(|plan| {
        let mut stages = Vec::new();
        for (api_position, api) in gateway.apis.iter().enumerate() {
            for (stage_position, stage) in api.stages.iter().enumerate() {
                let mut held = plan.api_stages.iter();
                // Whose name it is, or whose canary release.
                if held.any(|held| held.api == api.id && held.stage == stage.name) {
                    stages.push((narrow(api_position), narrow(stage_position)));
                }
            }
        }
        stages
    });
    plans.collect()
}

/// A stage that `plan` holds and one of the `earlier` plans of the same key as well.
fn shared_stage(
    stages: &[Vec<(u32, u32)>],
    earlier: &[u32],
    plan: usize,
) -> Option<(usize, (u32, u32))> {
    let own = stages.get(plan)?;
    earlier.iter().find_map(|other| {
        let other = usize::try_from(*other).ok()?;
        let held = stages.get(other)?;
        let shared = own.iter().find(|stage| held.binary_search(stage).is_ok())?;
        Some((other, *shared))
    })
}

fn stage_twice(
    gateway: &Gateway,
    key: &attache_model::ApiKey,
    (other, plan): (usize, usize),
    (api, stage): (u32, u32),
    pointer: String,
) -> CompileError {
    let plan_id = |position: usize| {
        gateway
            .usage_plans
            .get(position)
            .map_or("", |plan| &plan.id)
    };
    let api = usize::try_from(api)
        .ok()
        .and_then(|api| gateway.apis.get(api));
    let stage = usize::try_from(stage)
        .ok()
        .and_then(|stage| api?.stages.get(stage));
    CompileError::new(
        pointer,
        format!(
            "the API key `{}` belongs to two usage plans that hold stage `{}` of API `{}`: \
             `{}` and `{}`",
            key.id,
            stage.map_or("", |stage| &stage.name),
            api.map_or("", |api| &api.id),
            plan_id(other),
            plan_id(plan),
        ),
    )
    .hint("a key may have one usage plan for each stage: take it out of one of them")
}

#[cfg(test)]
mod tests;
