//! What the proxy must provide: everything that it answers at once.
//!
//! The host implements these over hostcalls, the test kit over memory. What takes time (a
//! callout, a body, the upstream's answer) is awaited on the [`Exchange`](crate::Exchange)
//! instead.

use std::fmt;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Milliseconds from `earlier` until now; zero when the clock went back.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}

/// All ports together.
pub trait Ports:
    Clock + Random + Store + Meter + AccessLog + FilterState + Connection + Signatures
{
}

impl<T: Clock + Random + Store + Meter + AccessLog + FilterState + Connection + Signatures> Ports
    for T
{
}

/// The environment in which a filter is configured, for what may not stand in a configuration.
pub trait Environment {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn variable(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// The wall clock.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness for identifiers. Not for secrets.
pub trait Random {
    /// 64 uniformly distributed bits.
    fn next_u64(&self) -> u64;
}

/// State that all workers of the proxy share: values under keys, with compare-and-swap.
///
/// It can neither delete nor list, so a caller uses a bounded set of keys.
pub trait Store {
    /// The value under `key`, or `None` when nothing was ever written there.
    ///
    /// # Errors
    ///
    /// When the store cannot be read now.
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError>;

    /// Writes `value` when the key still holds what `expected` was read with (`None`: when it
    /// still holds nothing).
    ///
    /// # Errors
    ///
    /// When the store cannot be written now. A lost race is not an error but [`Swap::Conflict`].
    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError>;

    /// Writes `value`, whatever the key holds.
    ///
    /// # Errors
    ///
    /// When the store cannot be written now.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        const MOST_ATTEMPTS: usize = 64;
        for _ in 0..MOST_ATTEMPTS {
            let version = self.get(key)?.map(|stored| stored.version);
            if self.compare_and_swap(key, value, version)? == Swap::Done {
                return Ok(());
            }
        }
        Err(StoreError)
    }
}

/// What [`Store::get`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes last written.
    pub value: Vec<u8>,
    /// To be handed to [`Store::compare_and_swap`].
    pub version: Version,
}

/// Which write of a key was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

/// How a compare-and-swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The value was written.
    Done,
    /// Another worker wrote first; nothing was written.
    Conflict,
}

/// The store could not be reached. Callers decide; they never wave a request through on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the shared store could not be reached")
    }
}

impl std::error::Error for StoreError {}

/// Counters, gauges and histograms.
pub trait Meter {
    /// Adds to a counter.
    fn count(&self, metric: &Metric, amount: u64);

    /// Adds a value, in milliseconds, to a histogram.
    fn observe(&self, metric: &Metric, millis: u64);

    /// Sets a gauge.
    fn set(&self, metric: &Metric, value: u64);
}

/// A counter, gauge or histogram, named once when the configuration is compiled. The names are bounded
/// by the configuration: nothing of a request is ever part of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// Position in the configuration's list of metrics: a dense index for the host's own table.
    pub index: usize,
    /// The full name with its labels, dot-separated, as the proxy's statistics want it.
    pub name: String,
}

/// Fields of the access log, under AWS's `$context` names.
pub trait AccessLog {
    /// Makes `field` (such as `resourcePath`) available to the proxy's access log.
    fn publish(&self, field: &str, value: &[u8]);
}

/// What filters of one chain tell each other. A client can neither see nor set it.
pub trait FilterState {
    /// What an earlier filter wrote under `name` for this request.
    fn read(&self, name: &str) -> Option<Vec<u8>>;

    /// Leaves `value` for later filters.
    fn write(&self, name: &str, value: &[u8]);
}

/// The client's connection.
pub trait Connection {
    /// The client's address as the proxy trusts it, without the port; empty when unknown.
    fn source_address(&self) -> Vec<u8>;

    /// The protocol of the request, such as `HTTP/1.1`; empty when unknown.
    fn protocol(&self) -> Vec<u8>;

    /// Whether the client has shown a certificate that the proxy has verified.
    fn is_mutual_tls(&self) -> bool;

    /// The server name that the client has asked for in its TLS handshake (SNI); empty when it has
    /// asked for none, or does not use TLS.
    fn server_name(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The cluster that the proxy's own route leads to; empty when it is not known.
    fn cluster(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The proxy's own verification of signatures, many times faster than one in WebAssembly.
pub trait Signatures {
    /// Whether a signature is right; `None` when the proxy cannot tell, and the policy has to
    /// verify by itself.
    fn verify(&self, signed: &Signed<'_>) -> Option<bool>;
}

/// A signature and what it is to be verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'s> {
    /// The hash function of the signature.
    pub hash: HashFunction,
    /// The public key: a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1). Its type says whether
    /// the signature is RSA (PKCS #1 version 1.5) or ECDSA.
    pub public_key: &'s [u8],
    /// The signature; one of ECDSA as an ECDSA-Sig-Value in DER (RFC 3279, section 2.2.3).
    pub signature: &'s [u8],
    /// What was signed.
    pub text: &'s [u8],
}

/// The hash functions of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum HashFunction {
    Sha256,
    Sha384,
    Sha512,
}
