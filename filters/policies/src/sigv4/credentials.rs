//! The credentials that may sign, and what is known of those who hold them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use attache_model::{self as model, Gateway, KeyDigest, Principal, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::fault::SignatureFault;
use super::signing_time::SigningTime;
use super::{Scope, TERMINATOR};
use crate::compile_error::CompileError;
use crate::ports::{Environment, Timestamp};
use crate::sealed_secret::{SealingKey, VARIABLE};

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
    principal: Principal,
    principal_type: PrincipalType,
    policies: Vec<serde_json::Value>,
    /// The last day that was signed for, and its key. Around midnight two days take turns.
    signing_key: Mutex<Option<([u8; 8], Hmac<Sha256>)>>,
}

/// What kind of principal has signed (`aws:PrincipalType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalType {
    /// The root user of an account.
    Account,
    /// An IAM user.
    User,
    /// A federated user.
    FederatedUser,
    /// A session of a role.
    AssumedRole,
}

/// `$context.identity` of a signed request.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'c> {
    /// `accessKey`: the access key id.
    pub access_key: &'c str,
    /// `accountId`: the account of the principal.
    pub account_id: &'c str,
    /// `caller`: the unique id of the principal.
    pub caller: Option<&'c str>,
    /// `user`: the same.
    pub user: Option<&'c str>,
    /// `userArn`: the ARN of the principal.
    pub user_arn: &'c str,
}

impl Credentials {
    /// Compiles the credentials of a configuration, for signatures of `execute-api` in the
    /// gateway's region.
    ///
    /// # Errors
    ///
    /// One for each access key id that comes twice or is none, each secret that cannot be opened,
    /// and each principal that cannot sign; and one when there are secrets and no key for them in
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
        let mut errors = Vec::new();
        let mut entries = Vec::with_capacity(gateway.credentials.len());
        if !gateway.credentials.is_empty() {
            report_duplicates(gateway, &mut errors);
            let key = sealing_key(environment)
                .map_err(|error| errors.push(error))
                .ok();
            for (position, credential) in gateway.credentials.iter().enumerate() {
                let place = format!("/credentials/{position}");
                entries.extend(compile(credential, key.as_ref(), &place, &mut errors));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
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
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The identity policies of the principal, as JSON documents.
    #[must_use]
    pub fn policies(&self) -> &[serde_json::Value] {
        &self.policies
    }

    /// The principal's account (`aws:PrincipalAccount`): twelve digits.
    #[must_use]
    pub fn account_id(&self) -> &str {
        self.principal.arn.split(':').nth(4).unwrap_or_default()
    }

    /// What kind of principal it is (`aws:PrincipalType`).
    #[must_use]
    pub const fn principal_type(&self) -> PrincipalType {
        self.principal_type
    }

    /// The name of an IAM user (`aws:username`); others have none.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        match self.principal_type {
            PrincipalType::User => self.principal.arn.rsplit('/').next(),
            PrincipalType::Account | PrincipalType::FederatedUser | PrincipalType::AssumedRole => {
                None
            }
        }
    }

    /// What the request context tells of the caller.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        let unique_id = self.principal.user_id.as_deref();
        Identity {
            access_key: &self.access_key_id,
            account_id: self.account_id(),
            caller: unique_id,
            user: unique_id,
            user_arn: &self.principal.arn,
        }
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

impl PrincipalType {
    /// The value of `aws:PrincipalType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::User => "User",
            Self::FederatedUser => "FederatedUser",
            Self::AssumedRole => "AssumedRole",
        }
    }

    /// Reads it from the ARN of somebody who can sign: `arn:PARTITION:iam::ACCOUNT:user/NAME` and
    /// its like.
    fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (scheme, partition, service, region, account, resource) =
            (next(), next(), next(), next(), next(), next());
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if scheme != "arn" || partition.is_empty() || !region.is_empty() || !is_account {
            return None;
        }
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::Account),
            ("iam", Some(("user", name))) if !name.is_empty() && !name.ends_with('/') => {
                Some(Self::User)
            }
            ("sts", Some(("federated-user", name))) if !name.is_empty() => {
                Some(Self::FederatedUser)
            }
            ("sts", Some(("assumed-role", session))) => {
                let (role, name) = session.split_once('/')?;
                (!role.is_empty() && !name.is_empty()).then_some(Self::AssumedRole)
            }
            _ => None,
        }
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

fn compile(
    credential: &model::Credential,
    key: Option<&SealingKey>,
    place: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Credential> {
    let before = errors.len();
    let id = &credential.access_key_id;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_id) {
        errors.push(
            CompileError::new(
                format!("{place}/accessKeyId"),
                format!("`{id}` is not an access key id"),
            )
            .hint("it is 1 to 128 letters, digits and underscores"),
        );
    }
    let principal_type = PrincipalType::from_arn(&credential.principal.arn);
    if principal_type.is_none() {
        errors.push(
            CompileError::new(
                format!("{place}/principal/arn"),
                format!("`{}` is nobody who can sign", credential.principal.arn),
            )
            .hint(
                "write `arn:aws:iam::ACCOUNT:user/NAME`, or for a role \
                 `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`",
            ),
        );
    }
    let secret = match key?.open(id, &credential.secret_access_key) {
        Ok(secret) if secret.reveal().is_empty() => {
            Err("the secret access key is empty".to_owned())
        }
        opened => opened.map_err(|error| error.to_string()),
    };
    let secret = secret
        .map_err(|reason| {
            errors.push(
                CompileError::new(format!("{place}/secretAccessKey"), reason).hint(format!(
                    "compile the configuration again, with the same `{VARIABLE}` that Envoy has"
                )),
            );
        })
        .ok();
    if errors.len() > before {
        return None;
    }
    Some(Credential {
        access_key_id: id.as_str().into(),
        secret: secret?,
        session_token: credential.session_token,
        expires_at: credential.expires_at,
        principal: credential.principal.clone(),
        principal_type: principal_type?,
        policies: credential.policies.clone(),
        signing_key: Mutex::new(None),
    })
}

fn sealing_key(environment: &dyn Environment) -> Result<SealingKey, CompileError> {
    let hint = format!(
        "set `{VARIABLE}` in Envoy's environment to the key that the configuration was compiled \
         with"
    );
    match SealingKey::from_environment(environment) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(CompileError::new(
            "/credentials",
            format!("the credentials' secrets are sealed, and `{VARIABLE}` is not set"),
        )
        .hint(hint)),
        Err(invalid) => Err(CompileError::new("/credentials", invalid.to_string()).hint(hint)),
    }
}

fn report_duplicates(gateway: &Gateway, errors: &mut Vec<CompileError>) {
    let mut seen = HashMap::with_capacity(gateway.credentials.len());
    for (position, credential) in gateway.credentials.iter().enumerate() {
        let id = credential.access_key_id.as_str();
        if seen.insert(id, position).is_some() {
            errors.push(CompileError::new(
                format!("/credentials/{position}/accessKeyId"),
                format!("there are two credentials with the access key id `{id}`"),
            ));
        }
    }
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
