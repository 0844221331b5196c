//! The credentials that may sign, and what is known of those who hold them.

mod compile;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use attache_model::{Gateway, KeyDigest, Principal, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::fault::SignatureFault;
use super::signing_time::SigningTime;
use super::{Scope, TERMINATOR};
use crate::compile_error::CompileError;
use crate::iam::{self, Policy, Verdict};
use crate::ports::{Environment, Timestamp};

/// The service that signatures are for.
const SERVICE: &str = "execute-api";

/// The credentials of a gateway, compiled.
pub struct Credentials {
    /// Sorted by access key id.
    entries: Vec<Credential>,
    region: Box<str>,
    service: Box<str>,
}

/// A credential that requests can be signed with.
pub struct Credential {
    access_key_id: Box<str>,
    secret: Secret<Vec<u8>>,
    session_token: Option<KeyDigest>,
    expires_at: Option<u64>,
    principal: Arc<Principal>,
    policies: Vec<Policy>,
    /// The last day that was signed for, and its key. Around midnight two days take turns.
    signing_key: Mutex<Option<([u8; 8], Hmac<Sha256>)>>,
}

impl Credentials {
    /// Compiles the credentials of a configuration, for signatures of `execute-api` in the
    /// gateway's region.
    ///
    /// # Errors
    ///
    /// One for each access key id that comes twice or is none, each secret that cannot be opened,
    /// each principal that cannot sign, and each fault of a policy; and one when there are secrets and no key for them in
    /// the environment.
    pub fn compile(
        gateway: &Gateway,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<CompileError>> {
        Self::compile_for_service(gateway, environment, SERVICE)
    }

    /// The same for signatures of another service.
    ///
    /// # Errors
    ///
    /// Those of [`compile`](Self::compile).
    pub fn compile_for_service(
        gateway: &Gateway,
        environment: &dyn Environment,
        service: &str,
    ) -> Result<Self, Vec<CompileError>> {
        let mut entries = compile::credentials(gateway, environment)?;
        entries.sort_unstable_by(|one, other| one.access_key_id.cmp(&other.access_key_id));
        Ok(Self {
            entries,
            region: gateway.account.region.as_str().into(),
            service: service.into(),
        })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn find(&self, access_key_id: &[u8]) -> Option<&Credential> {
        let position = self
            .entries
            .binary_search_by(|entry| entry.access_key_id.as_bytes().cmp(access_key_id))
            .ok()?;
        self.entries.get(position)
    }

    /// Whether a signature is for this region, service and the day on which it was made.
    pub(super) fn check_scope(
        &self,
        scope: &Scope<'_>,
        time: SigningTime,
    ) -> Result<(), SignatureFault> {
        let mut message = String::new();
        if scope.region != self.region.as_bytes() {
            message.push_str("Credential should be scoped to a valid region. ");
        }
        if scope.service != self.service.as_bytes() {
            message.push_str("Credential should be scoped to correct service: '");
            message.push_str(&self.service);
            message.push_str("'. ");
        }
        if scope.terminator != TERMINATOR {
            message
                .push_str("Credential should be scoped with a valid terminator: 'aws4_request'. ");
        }
        if scope.date != time.date() {
            message.push_str(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP",
            );
        }
        if message.is_empty() {
            Ok(())
        } else {
            Err(SignatureFault::WrongScope(message))
        }
    }
}

impl Credential {
    /// `AKIA…` or `ASIA…`.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Whom it stands for.
    #[must_use]
    pub const fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What the identity policies of the principal say about a request, all together: a denial in
    /// one goes before every allowance.
    #[must_use]
    pub fn evaluate(&self, request: &iam::Request<'_>) -> Verdict {
        let mut all = Verdict::ImplicitDeny;
        for policy in &self.policies {
            match policy.evaluate(request) {
                Verdict::ExplicitDeny => return Verdict::ExplicitDeny,
                Verdict::Allow => all = Verdict::Allow,
                Verdict::ImplicitDeny => {}
            }
        }
        all
    }

    /// Whether it is of a session: only then is something known of a second factor.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        self.session_token.is_some()
    }

    /// Whether the credential is in force, and the session token the one that belongs to it.
    pub(super) fn check_session(
        &self,
        token: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(), SignatureFault> {
        let given = token.map(|token| KeyDigest(Sha256::digest(token).into()));
        // The digests stand in the configuration: what their comparison takes tells nothing.
        if given != self.session_token {
            return Err(SignatureFault::UnknownCredential);
        }
        match self.expires_at {
            Some(expires_at) if now.as_millis() >= expires_at => {
                Err(SignatureFault::ExpiredCredential)
            }
            _ => Ok(()),
        }
    }

    /// An HMAC under the key of a day: the secret, bound to day, region and service.
    pub(super) fn signing_key(&self, date: &[u8; 8], credentials: &Credentials) -> Hmac<Sha256> {
        let mut kept = self
            .signing_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((day, key)) = kept.as_ref()
            && day == date
        {
            return key.clone();
        }
        let secret = [b"AWS4", self.secret.reveal().as_slice()].concat();
        let scope: [&[u8]; 4] = [
            date,
            credentials.region.as_bytes(),
            credentials.service.as_bytes(),
            TERMINATOR,
        ];
        let key = scope.into_iter().fold(keyed(&secret), |mut mac, part| {
            mac.update(part);
            keyed(&mac.finalize().into_bytes())
        });
        *kept = Some((*date, key.clone()));
        key
    }
}

/// An HMAC (RFC 2104) under a key of any length.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let hashed;
    let key = if key.len() > 64 {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    Hmac::new(&block.into())
}

/// Tells how many there are and nothing about them.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({})", self.entries.len())
    }
}

/// Tells whose it is.
impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({})", self.access_key_id)
    }
}
