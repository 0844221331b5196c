//! The key that the secrets of `attache.yaml` are sealed with, and cached responses encrypted.
//!
//! Envoy shows its configuration to whoever reaches its admin pages, so secrets stand in it sealed,
//! and the filter has the key from Envoy's environment. `attache run` makes a key for the run where
//! none is given, since it starts Envoy itself. Files that are deployed need one that stays.

use std::fmt;

use attache_model::{Gateway, SealedSecret, Secret};
use attache_policies::ports::Environment;
use attache_policies::sealed_secret::{SealingKey, VARIABLE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How to make a key.
pub const HOW_TO_MAKE: &str = "export ATTACHE_SECRETS_KEY=\"$(openssl rand -base64 32)\"";

/// The key, and where it is from.
#[derive(Clone)]
pub struct SecretsKey {
    text: Secret<String>,
    key: SealingKey,
    is_given: bool,
}

/// Why there is no key.
#[derive(Debug)]
pub enum NoSecretsKey {
    /// The environment variable holds something else than 32 bytes in base64.
    Malformed,
    /// The system has no randomness.
    Randomness(getrandom::Error),
}

impl fmt::Display for NoSecretsKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(formatter, "`{VARIABLE}` does not hold 32 bytes in base64"),
            Self::Randomness(error) => {
                write!(formatter, "the system gives no random numbers: {error}")
            }
        }
    }
}

impl std::error::Error for NoSecretsKey {}

/// Whether a gateway can do nothing without the key: it has secrets to open, or responses to
/// encrypt.
#[must_use]
pub fn is_needed(gateway: &Gateway) -> bool {
    let stages = gateway.apis.iter().flat_map(|api| &api.stages);
    let mut cached = stages
        .filter_map(|stage| stage.cache_cluster.as_ref())
        .flat_map(|cluster| &cluster.operations);
    let redis = gateway.state.as_ref().map(|state| &state.redis);
    !gateway.credentials.is_empty()
        || redis.is_some_and(|redis| redis.authorization.is_some())
        || cached.any(|operation| operation.encrypted)
}

impl SecretsKey {
    /// The key of this process's environment, or a new one.
    ///
    /// # Errors
    ///
    /// [`NoSecretsKey`].
    pub fn from_process() -> Result<Self, NoSecretsKey> {
        Self::from_environment(&|name: &str| std::env::var(name).ok())
    }

    /// The key of an environment, or a new one where it has none.
    ///
    /// # Errors
    ///
    /// [`NoSecretsKey`].
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, NoSecretsKey> {
        let given = SealingKey::from_environment(environment);
        match given.map_err(|_| NoSecretsKey::Malformed)? {
            Some(key) => Ok(Self {
                text: Secret::new(environment.variable(VARIABLE).unwrap_or_default()),
                key,
                is_given: true,
            }),
            None => Self::new(),
        }
    }

    /// A new key.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn new() -> Result<Self, NoSecretsKey> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(NoSecretsKey::Randomness)?;
        Ok(Self {
            text: Secret::new(STANDARD.encode(bytes)),
            key: SealingKey::new(&bytes),
            is_given: false,
        })
    }

    /// Whether the environment gave it, so that another process can be given it too.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.is_given
    }

    /// The name of the environment variable and what Envoy has to find in it.
    #[must_use]
    pub const fn variable(&self) -> (&'static str, &Secret<String>) {
        (VARIABLE, &self.text)
    }

    /// The environment of a filter that opens what this key seals.
    pub fn environment(&self) -> impl Environment + '_ {
        |name: &str| (name == VARIABLE).then(|| self.text.reveal().clone())
    }

    /// Seals a secret under its name.
    #[must_use]
    pub fn seal(&self, name: &str, secret: &Secret<String>) -> SealedSecret {
        self.key.seal(name, secret.reveal().as_bytes())
    }

    /// The secret of that name that this key has sealed.
    #[must_use]
    pub fn open(&self, name: &str, sealed: &SealedSecret) -> Option<Secret<Vec<u8>>> {
        self.key.open(name, sealed).ok()
    }
}

/// Tells nothing of the key.
impl fmt::Debug for SecretsKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretsKey")
            .field("is_given", &self.is_given)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use attache_model::Secret;
    use attache_policies::ports::Environment;
    use attache_policies::sealed_secret::SealingKey;

    use super::{NoSecretsKey, SecretsKey};

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn what_is_sealed_here_is_opened_in_the_environment_that_it_gives() {
        let given = |name: &str| (name == "ATTACHE_SECRETS_KEY").then(|| KEY.to_owned());
        for (key, is_given) in [
            (SecretsKey::from_environment(&given).unwrap(), true),
            (
                SecretsKey::from_environment(&|_: &str| None).unwrap(),
                false,
            ),
        ] {
            assert_eq!(key.is_given(), is_given);
            let sealed = key.seal("AKIA", &Secret::new("hidden".to_owned()));
            let opener = SealingKey::from_environment(&key.environment())
                .unwrap()
                .unwrap();
            assert_eq!(opener.open("AKIA", &sealed).unwrap().reveal(), b"hidden");
            assert_eq!(key.environment().variable("PATH"), None);
            assert_eq!(key.variable().0, "ATTACHE_SECRETS_KEY");
            let shown = format!("{key:?}");
            assert!(
                !shown.contains(key.variable().1.reveal().as_str()),
                "{shown}"
            );
        }
    }

    #[test]
    fn new_keys_differ_and_a_malformed_one_is_none() {
        let new = || SecretsKey::from_environment(&|_: &str| None).unwrap();
        assert_ne!(new().variable().1, new().variable().1);
        let malformed = |_: &str| Some("c2hvcnQ=".to_owned());
        assert!(matches!(
            SecretsKey::from_environment(&malformed),
            Err(NoSecretsKey::Malformed)
        ));
    }
}
