//! Who has signed a request: AWS Signature Version 4, verified.
//!
//! A client signs with a secret that the gateway knows as well. The signature is an HMAC over the
//! request in a canonical form; it stands in the `Authorization` header, or in the query string of
//! a presigned URL. Verifying takes two steps, so that nobody's body is awaited for a request
//! that will be refused anyway:
//!
//! 1. [`SignedRequest::parse`] reads the signature, and [`SignedRequest::identify`] finds the
//!    [`Credential`] that it claims and refuses all that can be refused by the head alone.
//! 2. [`SignedRequest::verify`] computes the signature over head and body and compares.
//!
//! The order of the refusals and their messages are AWS's: [`SignatureFault`].
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-troubleshooting.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

mod authorization;
mod canonical_request;
mod credentials;
mod fault;
pub(crate) mod hexadecimal;
mod presigned;
mod signing_time;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::headers::Headers;
use crate::ports::Timestamp;
use canonical_request::{CanonicalRequest, SignedHeaders};
use presigned::Query;

pub(crate) use authorization::Authorization;
pub use credentials::{Credential, Credentials};
pub use fault::{ExpectedSignature, SignatureFault};
pub use signing_time::SigningTime;

/// The one algorithm there is.
const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256";

/// The last element of every credential scope.
const TERMINATOR: &[u8] = b"aws4_request";

/// What stands for the hash of a body that is not signed.
const UNSIGNED_PAYLOAD: &[u8] = b"UNSIGNED-PAYLOAD";

/// By how many seconds a client's clock may differ, and how long a signature is good.
const WINDOW: i64 = 300;

/// The longest time that a presigned URL may ask for, in seconds: seven days.
const LONGEST_EXPIRY: u32 = 604_800;

/// A request with a signature that is complete; whether it is right is not known yet.
///
/// ```
/// use attache_policies::Headers;
/// use attache_policies::sigv4::SignedRequest;
///
/// let unsigned: Headers = [(":method", "GET"), (":path", "/prod/pets")].into_iter().collect();
/// assert!(matches!(SignedRequest::parse(&unsigned), Ok(None)));
///
/// let bearer: Headers = [(":path", "/prod/pets"), ("authorization", "Bearer x")]
///     .into_iter()
///     .collect();
/// assert!(SignedRequest::parse(&bearer).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct SignedRequest<'r> {
    request: &'r Headers,
    path: &'r [u8],
    query: Query<'r>,
    presigned: bool,
    algorithm: Cow<'r, [u8]>,
    /// `KEY/DATE/REGION/SERVICE/aws4_request`, as given.
    credential: Cow<'r, [u8]>,
    signed_headers: SignedHeaders,
    signature: Cow<'r, [u8]>,
    time: SigningTime,
    session_token: Option<Cow<'r, [u8]>>,
    /// `X-Amz-Expires`, in seconds.
    expires: Option<u32>,
    payload: Payload<'r>,
}

/// What the signature says of the body.
#[derive(Clone, Debug)]
enum Payload<'r> {
    /// Nothing more than that it is signed.
    Signed,
    /// It has this hash (`x-amz-content-sha256`).
    Declared(Cow<'r, [u8]>),
    /// It is not signed.
    Unsigned,
}

/// The five elements of a credential.
struct Scope<'s> {
    access_key_id: &'s [u8],
    /// The four others with their slashes, for the string to sign.
    text: &'s [u8],
    date: &'s [u8],
    region: &'s [u8],
    service: &'s [u8],
    terminator: &'s [u8],
}

impl<'r> SignedRequest<'r> {
    /// Reads the signature of a request from its `Authorization` header or its query string.
    /// `None` when it has neither, which AWS calls a missing authentication token.
    ///
    /// # Errors
    ///
    /// [`SignatureFault::Incomplete`] when a part is missing or cannot be read,
    /// [`SignatureFault::TwoSignatures`] when both places hold one, and
    /// [`SignatureFault::Mismatch`] when a parameter of the query string comes twice.
    pub fn parse(request: &'r Headers) -> Result<Option<Self>, SignatureFault> {
        let target = request.last(b":path").unwrap_or_default();
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(at) => (
                target.get(..at).unwrap_or_default(),
                target.get(at + 1..).unwrap_or_default(),
            ),
            None => (target, &b""[..]),
        };
        let query = Query(query);
        let authorization = request.last(b"authorization");
        match (authorization, query.is_presigned()) {
            (Some(_), true) => Err(SignatureFault::TwoSignatures),
            (Some(value), false) => Self::from_header(value, request, path, query).map(Some),
            (None, true) => Self::from_query(request, path, query).map(Some),
            (None, false) => Ok(None),
        }
    }

    fn from_header(
        value: &'r [u8],
        request: &'r Headers,
        path: &'r [u8],
        query: Query<'r>,
    ) -> Result<Self, SignatureFault> {
        let authorization =
            Authorization::parse(value, request).map_err(SignatureFault::Incomplete)?;
        let time = match request.last(b"x-amz-date") {
            Some(date) => SigningTime::from_iso_8601(date),
            None => SigningTime::from_date_header(request.last(b"date").unwrap_or_default()),
        }?;
        Ok(Self {
            request,
            path,
            query,
            presigned: false,
            algorithm: authorization.algorithm.into(),
            credential: authorization.credential.into(),
            signed_headers: SignedHeaders::parse(authorization.signed_headers),
            signature: authorization.signature.into(),
            time,
            session_token: single(request, b"x-amz-security-token")?.map(Cow::Borrowed),
            expires: None,
            payload: Payload::of(single(request, b"x-amz-content-sha256")?.map(Cow::Borrowed)),
        })
    }

    fn from_query(
        request: &'r Headers,
        path: &'r [u8],
        query: Query<'r>,
    ) -> Result<Self, SignatureFault> {
        let parameters = query.parameters()?;
        let token_header = single(request, b"x-amz-security-token")?.map(Cow::Borrowed);
        let hash_header = single(request, b"x-amz-content-sha256")?.map(Cow::Borrowed);
        Ok(Self {
            request,
            path,
            query,
            presigned: true,
            time: SigningTime::from_iso_8601(&parameters.date)?,
            algorithm: parameters.algorithm.into(),
            credential: parameters.credential.into(),
            signed_headers: SignedHeaders::parse(&parameters.signed_headers),
            signature: parameters.signature.into(),
            session_token: one_of(parameters.security_token.map(Cow::Owned), token_header)?,
            expires: parameters.expires,
            payload: Payload::of(one_of(
                parameters.content_sha256.map(Cow::Owned),
                hash_header,
            )?),
        })
    }

    /// Whether [`verify`](Self::verify) must see the body. Only a request that is signed with
    /// `UNSIGNED-PAYLOAD` needs none.
    #[must_use]
    pub const fn needs_body(&self) -> bool {
        !matches!(self.payload, Payload::Unsigned)
    }

    /// The access key id that the signature claims, as far as it can be told. Nothing is verified
    /// yet.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&[u8]> {
        self.scope().ok().map(|scope| scope.access_key_id)
    }

    /// When the client says that it has signed.
    #[must_use]
    pub const fn time(&self) -> SigningTime {
        self.time
    }

    /// The credential that the request claims to be signed with, after every check that needs
    /// neither the body nor the secret. It proves nothing: [`verify`](Self::verify) does.
    ///
    /// # Errors
    ///
    /// In AWS's order: a time that is more than five minutes off (or past `X-Amz-Expires`, where
    /// that is less), a header field that has to be signed and is not, another algorithm, a
    /// malformed or foreign credential scope, an unknown access key, an expired one, a wrong
    /// session token. A [`SignatureFault::Mismatch`] is a signed header field that is not there, a
    /// payload hash that is none, and a path with empty or relative segments: it is not what was
    /// signed. Slashes at its start do not count.
    pub fn identify<'c>(
        &self,
        credentials: &'c Credentials,
        now: Timestamp,
    ) -> Result<&'c Credential, SignatureFault> {
        self.check_time(now)?;
        self.signed_headers.check_required(self.request)?;
        if *self.algorithm != *ALGORITHM {
            return Err(SignatureFault::Incomplete(format!(
                "Unsupported AWS 'algorithm': '{}' (only AWS4-HMAC-SHA256 for now). ",
                String::from_utf8_lossy(&self.algorithm)
            )));
        }
        let scope = self.scope()?;
        credentials.check_scope(&scope, self.time)?;
        let credential = credentials
            .find(scope.access_key_id)
            .ok_or(SignatureFault::UnknownCredential)?;
        credential.check_session(self.session_token.as_deref(), now)?;
        let hash_is_one = match &self.payload {
            Payload::Declared(hash) => hexadecimal::decode(hash).is_some(),
            Payload::Signed | Payload::Unsigned => true,
        };
        let matches = hash_is_one
            && self.signed_headers.are_all_in(self.request)
            && canonical_request::is_unambiguous(self.path);
        if matches {
            Ok(credential)
        } else {
            Err(SignatureFault::Mismatch(None))
        }
    }

    /// The credential that has signed the request. `body` is the whole body as it came, and is
    /// not looked at where [`needs_body`](Self::needs_body) says so; `None` counts as empty.
    ///
    /// # Errors
    ///
    /// Those of [`identify`](Self::identify), and [`SignatureFault::Mismatch`] when the signature
    /// is not the one that the credential gives.
    pub fn verify<'c>(
        &self,
        credentials: &'c Credentials,
        body: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<&'c Credential, SignatureFault> {
        let credential = self.identify(credentials, now)?;
        let canonical_request = self.canonical_request(body);
        let string_to_sign = self.string_to_sign(&canonical_request);
        let mut mac = credential.signing_key(&self.time.date(), credentials);
        mac.update(&string_to_sign);
        let matches = hexadecimal::decode(&self.signature)
            .is_some_and(|signature| mac.verify_slice(&signature).is_ok());
        if matches && self.is_declared_body(body) {
            Ok(credential)
        } else {
            let expected = ExpectedSignature {
                canonical_request,
                string_to_sign,
            };
            Err(SignatureFault::Mismatch(Some(Box::new(expected))))
        }
    }

    /// The request in its canonical form.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>
    #[must_use]
    pub fn canonical_request(&self, body: Option<&[u8]>) -> Vec<u8> {
        let hash = match &self.payload {
            Payload::Unsigned => UNSIGNED_PAYLOAD.to_vec(),
            Payload::Signed | Payload::Declared(_) => hash_of(body),
        };
        CanonicalRequest {
            request: self.request,
            path: self.path,
            query: self.query,
            without_signature: self.presigned,
            signed_headers: &self.signed_headers,
            payload_hash: &hash,
        }
        .to_bytes()
    }

    /// What the signature is an HMAC of.
    #[must_use]
    pub fn string_to_sign(&self, canonical_request: &[u8]) -> Vec<u8> {
        let time = self.time.to_string();
        let scope = self.scope().map(|scope| scope.text).unwrap_or_default();
        let hash = hexadecimal::encode(&Sha256::digest(canonical_request));
        [ALGORITHM, time.as_bytes(), scope, &hash].join(&b'\n')
    }

    fn check_time(&self, now: Timestamp) -> Result<(), SignatureFault> {
        let now = SigningTime::at(now);
        let lifetime = self
            .expires
            .map_or(WINDOW, |seconds| WINDOW.min(i64::from(seconds)));
        let earliest = now.plus(-lifetime);
        let latest = now.plus(WINDOW);
        if self.time < earliest {
            Err(SignatureFault::Expired {
                signed: self.time,
                earliest,
                now,
            })
        } else if self.time > latest {
            Err(SignatureFault::NotYetCurrent {
                signed: self.time,
                latest,
                now,
            })
        } else {
            Ok(())
        }
    }

    fn scope(&self) -> Result<Scope<'_>, SignatureFault> {
        let mut elements = self.credential.split(|byte| *byte == b'/');
        let mut next = || elements.next().unwrap_or_default();
        let (access_key_id, date, region, service, terminator) =
            (next(), next(), next(), next(), next());
        let slashes = self.credential.iter().filter(|byte| **byte == b'/');
        if slashes.count() != 4 {
            return Err(SignatureFault::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{}'",
                String::from_utf8_lossy(&self.credential)
            )));
        }
        Ok(Scope {
            access_key_id,
            text: self
                .credential
                .get(access_key_id.len() + 1..)
                .unwrap_or_default(),
            date,
            region,
            service,
            terminator,
        })
    }

    fn is_declared_body(&self, body: Option<&[u8]>) -> bool {
        match &self.payload {
            Payload::Declared(hash) => **hash == *hash_of(body),
            Payload::Signed | Payload::Unsigned => true,
        }
    }
}

impl<'r> Payload<'r> {
    fn of(declared: Option<Cow<'r, [u8]>>) -> Self {
        match declared {
            None => Self::Signed,
            Some(hash) if *hash == *UNSIGNED_PAYLOAD => Self::Unsigned,
            Some(hash) => Self::Declared(hash),
        }
    }
}

/// The value of a header field that may come once only.
fn single<'r>(
    request: &'r Headers,
    name: &'static [u8],
) -> Result<Option<&'r [u8]>, SignatureFault> {
    let mut values = request.all(name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(SignatureFault::Mismatch(None)),
    }
}

/// What stands in one of two places, and not in both.
fn one_of<T>(one: Option<T>, other: Option<T>) -> Result<Option<T>, SignatureFault> {
    match (one, other) {
        (Some(_), Some(_)) => Err(SignatureFault::Mismatch(None)),
        (one, other) => Ok(one.or(other)),
    }
}

/// The SHA-256 of a body, as a text.
fn hash_of(body: Option<&[u8]>) -> Vec<u8> {
    hexadecimal::encode(&Sha256::digest(body.unwrap_or_default()))
}
