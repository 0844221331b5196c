//! The documents that an issuer publishes: an OpenID configuration, which names the other, and a
//! JSON Web Key Set.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::exchange::{Callout, CalloutAnswer};
use crate::integration::{Scheme, Upstream, uri};
use crate::jwt::key_set::{KeySetFault, LONGEST_KEY_SET};

/// How long an issuer may take: AWS's limit.
pub(super) const TIMEOUT_MILLIS: u32 = 1_500;

/// Which of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The OpenID configuration.
    Configuration,
    /// The key set.
    KeySet,
}

impl Step {
    pub(super) const fn is_key_set(self) -> bool {
        matches!(self, Self::KeySet)
    }

    pub(super) const fn numbered(number: usize) -> Self {
        if number == 0 {
            Self::Configuration
        } else {
            Self::KeySet
        }
    }
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) upstream: Upstream,
    /// Path and query string.
    target: Box<str>,
}

/// Why a document cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchFault {
    /// The call failed, or was answered with another status than 200.
    NoAnswer,
    /// It is longer than AWS reads.
    TooLong,
    /// The key set is none.
    KeySet(KeySetFault),
    /// The OpenID configuration is none.
    Configuration,
    /// The OpenID configuration is another issuer's.
    Issuer,
    /// The key set is at another host than the OpenID configuration.
    OtherHost,
}

impl fmt::Display for FetchFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => formatter.write_str("it was not answered with 200"),
            Self::TooLong => formatter.write_str("it is longer than 150000 bytes"),
            Self::KeySet(fault) => write!(formatter, "{fault}"),
            Self::Configuration => formatter.write_str("it is not an OpenID configuration"),
            Self::Issuer => formatter.write_str("its `issuer` is not the one that is configured"),
            Self::OtherHost => formatter.write_str(
                "its `jwks_uri` is at another host, which the proxy has no cluster for: configure \
                 the `jwksUri` instead",
            ),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}{}`", self.upstream.authority(), self.target)
    }
}

impl Address {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let (upstream, target) = uri::parse_fixed(url)?;
        Ok(Self {
            upstream,
            target: target.into(),
        })
    }

    /// The call that fetches the document. All that fetch it at one time share one call.
    pub(super) fn callout(&self) -> Callout {
        let scheme: &[u8] = match self.upstream.scheme {
            Scheme::Http => b"http",
            Scheme::Https => b"https",
        };
        let authority = self.upstream.authority();
        let fields: [(&str, &[u8]); 5] = [
            (":method", b"GET"),
            (":scheme", scheme),
            (":authority", authority.as_bytes()),
            (":path", self.target.as_bytes()),
            ("accept", b"application/json"),
        ];
        Callout {
            cluster: self.upstream.cluster(),
            headers: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            body: Vec::new(),
            timeout_millis: TIMEOUT_MILLIS,
            shared_as: Some(self.digest("keys of an issuer")),
        }
    }

    /// A name of the document among all others of its `use`.
    pub(super) fn digest(&self, usage: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [usage, &self.upstream.cluster(), &self.target] {
            digest.update(part);
            digest.update([0]);
        }
        digest.finalize().into()
    }
}

/// The body of an answer that counts: one with status 200 that is not too long.
pub(super) fn body_of(answer: CalloutAnswer) -> Result<Vec<u8>, FetchFault> {
    match answer {
        CalloutAnswer::Answered { headers, body }
            if headers.first(b":status") == Some(b"200".as_slice()) =>
        {
            if body.len() > LONGEST_KEY_SET {
                return Err(FetchFault::TooLong);
            }
            Ok(body)
        }
        _ => Err(FetchFault::NoAnswer),
    }
}

/// The part of an OpenID configuration that is of use here (OpenID Connect Discovery 1.0,
/// section 3).
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// Where an OpenID configuration says that the key set is. It must be at the same host, and the
/// configuration the issuer's own (section 4.3).
pub(super) fn key_set_address(
    body: &[u8],
    issuer: &str,
    configuration: &Address,
) -> Result<Address, FetchFault> {
    let read: Configuration =
        serde_json::from_slice(body).map_err(|_| FetchFault::Configuration)?;
    if read.issuer != issuer {
        return Err(FetchFault::Issuer);
    }
    let address = Address::parse(&read.jwks_uri).map_err(|_| FetchFault::Configuration)?;
    if address.upstream != configuration.upstream {
        return Err(FetchFault::OtherHost);
    }
    Ok(address)
}
