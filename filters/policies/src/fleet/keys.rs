//! The API keys that live in Redis, as a worker knows them.
//!
//! ```text
//! a request ─► the keys of the configuration ─► the replica of the worker ─► 403
//! ```
//!
//! A look-up costs no call, and neither does a key that nobody has: who guesses keys asks the worker's
//! memory.

mod look_up;
mod replica;

use attache_model as model;

use super::table::{Kind, Record, SharedTable};
#[cfg(test)]
pub(crate) use look_up::FIND;
pub(super) use replica::KeyReplica;
pub(crate) use replica::SharedKey;

/// How API keys are kept.
static KIND: Kind = Kind {
    keys: [
        "apikeys",
        "apikeys:versions",
        "apikeys:removed",
        "apikeys:digests",
        "apikeys:table",
    ],
    progress: b"Fkeys",
    one: "API key",
    several: "API keys",
};

/// The API keys of Redis as this worker knows them.
pub(super) type SharedKeys = SharedTable<KeyReplica>;

impl Record for model::ApiKey {
    const KIND: &'static Kind = &KIND;

    fn digests(&self) -> Vec<String> {
        let previous = self.previous_values.iter().map(|value| value.digest);
        let all = std::iter::once(self.digest).chain(previous);
        all.map(String::from).collect()
    }
}

#[cfg(test)]
mod tests;
