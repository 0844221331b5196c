//! Where the keys of issuers come from.

mod document;
mod record;
mod remote;

use std::collections::BTreeSet;
use std::sync::Arc;

use attache_model::JwtKeys;

use self::document::Address;
use self::remote::Remote;
use super::fault::TokenFault;
use super::key_set::KeySet;
use crate::compile_error::CompileError;
use crate::exchange::{CalloutAnswer, Errand, Exchange};
use crate::integration::Upstream;
use crate::ports::{Ports, Timestamp};

/// Every source of keys of a gateway once, however many authorizers name it.
#[derive(Debug, Default)]
pub(super) struct KeySources(Vec<Source>);

#[derive(Debug)]
struct Source {
    definition: Definition,
    keys: Keys,
}

/// What makes two sources the same.
#[derive(Debug, PartialEq)]
struct Definition {
    keys: JwtKeys,
    /// What the OpenID configuration must say; only where there is one.
    issuer: Option<Box<str>>,
}

#[derive(Debug)]
enum Keys {
    Inline(Arc<CurrentKeys>),
    Remote(Box<Remote>),
}

/// The keys of a source as they are now.
#[derive(Debug)]
pub(super) struct CurrentKeys {
    pub(super) set: KeySet,
    /// Counts how often they have changed.
    pub(super) generation: u64,
}

impl KeySources {
    /// The position of a source, which is new unless an earlier one is the same. `pointer` is the
    /// place of `keys` in the configuration.
    ///
    /// # Errors
    ///
    /// When the key set is none, or has no key to verify a token with; when the URL is none.
    pub(super) fn add(
        &mut self,
        keys: &JwtKeys,
        issuer: &str,
        pointer: &str,
    ) -> Result<usize, CompileError> {
        let definition = Definition {
            keys: keys.clone(),
            issuer: matches!(keys, JwtKeys::Discovery(_)).then(|| issuer.into()),
        };
        let mut known = self.0.iter().map(|source| &source.definition);
        if let Some(position) = known.position(|known| *known == definition) {
            return Ok(position);
        }
        let address = |url: &str, name: &str| {
            Address::parse(url).map_err(|reason| {
                CompileError::new(
                    format!("{pointer}/{name}"),
                    format!("`{url}` is not a URL of keys: {reason}"),
                )
            })
        };
        let compiled = match keys {
            JwtKeys::Jwks(set) => {
                let fault = |reason: String| CompileError::new(format!("{pointer}/jwks"), reason);
                let set = KeySet::from_json(set)
                    .map_err(|reason| fault(format!("the key set cannot be read: {reason}")))?;
                if set.is_empty() {
                    return Err(
                        fault("the key set has no key to verify tokens with".to_owned()).hint(
                            "a key needs a `kid`, and is an RSA key of 2048 to 4096 bits, an EC \
                             key on P-256, P-384 or P-521, or an Ed25519 key",
                        ),
                    );
                }
                let generation = 0;
                Keys::Inline(Arc::new(CurrentKeys { set, generation }))
            }
            JwtKeys::JwksUri(url) => {
                Keys::Remote(Box::new(Remote::of_key_set(address(url, "jwksUri")?)))
            }
            JwtKeys::Discovery(url) => Keys::Remote(Box::new(Remote::of_configuration(
                address(url, "discovery")?,
                issuer,
            ))),
        };
        self.0.push(Source {
            definition,
            keys: compiled,
        });
        Ok(self.0.len() - 1)
    }

    /// The services that the proxy must have a cluster for.
    pub(super) fn upstreams(&self) -> BTreeSet<&Upstream> {
        self.remotes()
            .map(|(_, remote)| remote.upstream())
            .collect()
    }

    /// The keys of a source as this worker has them. `None` until they have been fetched, and when
    /// that is too long ago.
    pub(super) fn current(&self, source: usize, now: Timestamp) -> Option<Arc<CurrentKeys>> {
        match &self.0.get(source)?.keys {
            Keys::Inline(keys) => Some(Arc::clone(keys)),
            Keys::Remote(remote) => remote.current(now),
        }
    }

    /// The keys of a source, fetched anew when they are not there yet, or none has the id.
    ///
    /// # Errors
    ///
    /// When there are none and they cannot be had. Keys without the id are not an error.
    pub(super) async fn keys_for(
        &self,
        source: usize,
        key_id: &str,
        exchange: &Exchange,
    ) -> Result<Arc<CurrentKeys>, TokenFault> {
        let source = self.0.get(source).ok_or(TokenFault::KeysUnavailable)?;
        match &source.keys {
            Keys::Inline(keys) => Ok(Arc::clone(keys)),
            Keys::Remote(remote) => remote.keys_for(key_id, exchange).await,
        }
    }

    /// What this worker is to fetch now. A source has two errands, one for each of its documents.
    pub(super) fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        let due = self.remotes().filter_map(|(position, remote)| {
            let (step, callout) = remote.errand(ports)?;
            let id = position * 2 + usize::from(step.is_key_set());
            Some(Errand { id, callout })
        });
        due.collect()
    }

    /// What came of an errand.
    pub(super) fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        if let Some(Source {
            keys: Keys::Remote(remote),
            ..
        }) = self.0.get(errand / 2)
        {
            remote.fetched(document::Step::numbered(errand % 2), answer, ports);
        }
    }

    fn remotes(&self) -> impl Iterator<Item = (usize, &Remote)> {
        let sources = self.0.iter().enumerate();
        sources.filter_map(|(position, source)| match &source.keys {
            Keys::Remote(remote) => Some((position, &**remote)),
            Keys::Inline(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
