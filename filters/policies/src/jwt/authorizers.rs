//! The JWT and Cognito authorizers of a gateway.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_model as model;
use attache_model::Protocol;
use sha2::{Digest, Sha256};

use super::claims::{Claims, Rendering};
use super::fault::{JwtDenial, TokenFault};
use super::identity_source::IdentitySource;
use super::key_source::KeySources;
use super::requirements::{Algorithms, Issuer};
use super::token::{LONGEST_TOKEN, Token, repeatable};
use super::verified_tokens::{KeysUsed, RefusedTokens, TokenDigest, VerifiedToken, VerifiedTokens};
use crate::compile_error::CompileError;
use crate::exchange::{CalloutAnswer, Errand, Exchange};
use crate::integration::Upstream;
use crate::ports::{Ports, Timestamp};
use crate::validation_expression::ValidationExpression;

/// Every authorizer of a gateway that asks for tokens, with the keys and the verified tokens that
/// they share.
#[derive(Debug, Default)]
pub struct TokenAuthorizers {
    authorizers: Vec<Authorizer>,
    sources: KeySources,
    /// What this worker remembers. Without it every answer is the same, only later.
    memory: Mutex<Memory>,
}

/// One of the [`TokenAuthorizers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAuthorizer(usize);

#[derive(Debug)]
struct Authorizer {
    flavour: Flavour,
    identity_source: IdentitySource,
    issuers: Vec<Issuer>,
    algorithms: Algorithms,
    /// In seconds.
    leeway: u64,
}

/// Which of AWS's authorizers it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    HttpApi,
    RestApi,
    Cognito,
}

#[derive(Default)]
struct Memory {
    verified: VerifiedTokens,
    refused: RefusedTokens,
}

/// Tells nothing of the tokens.
impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Memory")
    }
}

impl TokenAuthorizers {
    /// Adds a JWT authorizer. `pointer` is its place in the configuration.
    ///
    /// # Errors
    ///
    /// Everything that makes it take no token at all: an identity source that is none, no
    /// algorithm, no issuer, an issuer without audiences, keys that cannot be read or fetched.
    pub fn add_jwt(
        &mut self,
        definition: &model::JwtAuthorizer,
        protocol: Protocol,
        pointer: &str,
    ) -> Result<TokenAuthorizer, Vec<CompileError>> {
        let mut faults = Vec::new();
        let identity_source = identity_source(&definition.identity_source, pointer, &mut faults);
        if definition.algorithms.is_empty() {
            let pointer = format!("{pointer}/algorithms");
            let fault = CompileError::new(pointer, "the authorizer takes no algorithm");
            faults.push(fault.hint("name those that the issuer signs with, such as `RS256`"));
        }
        let mut issuers = Vec::new();
        for (position, issuer) in definition.issuers.iter().enumerate() {
            let pointer = format!("{pointer}/issuers/{position}");
            if issuer.audiences.is_empty() {
                let reason = format!("no audience of `{}` is taken", issuer.issuer);
                let fault = CompileError::new(format!("{pointer}/audiences"), reason);
                faults.push(fault.hint("name at least one value of `aud` or `client_id`"));
            }
            match self.source(&issuer.keys, &issuer.issuer, &pointer) {
                Ok(source) => issuers.push(Issuer::of_jwt(issuer, source)),
                Err(fault) => faults.push(fault),
            }
        }
        let names = definition
            .issuers
            .iter()
            .map(|issuer| issuer.issuer.as_str());
        report_issuers(names, &format!("{pointer}/issuers"), &mut faults);
        self.add(identity_source, faults, |identity_source| Authorizer {
            flavour: match protocol {
                Protocol::Http => Flavour::HttpApi,
                Protocol::Rest => Flavour::RestApi,
            },
            identity_source,
            issuers,
            algorithms: definition.algorithms.iter().copied().collect(),
            leeway: definition.leeway_in_seconds.into(),
        })
    }

    /// Adds a Cognito authorizer. `pointer` is its place in the configuration.
    ///
    /// # Errors
    ///
    /// Everything that makes it take no token at all: an identity source that is none, an
    /// expression that cannot be compiled, no user pool, keys that cannot be read or fetched.
    pub fn add_cognito(
        &mut self,
        definition: &model::CognitoAuthorizer,
        pointer: &str,
    ) -> Result<TokenAuthorizer, Vec<CompileError>> {
        let mut faults = Vec::new();
        let identity_source = identity_source(&definition.identity_source, pointer, &mut faults);
        let audience = match &definition.identity_validation_expression {
            Some(expression) => ValidationExpression::compile(expression)
                .map_err(|reason| {
                    let pointer = format!("{pointer}/identityValidationExpression");
                    let reason = format!("the expression cannot be used: {reason}");
                    faults.push(CompileError::new(pointer, reason));
                })
                .ok(),
            None => None,
        };
        let mut issuers = Vec::new();
        for (position, pool) in definition.user_pools.iter().enumerate() {
            let pointer = format!("{pointer}/userPools/{position}");
            match self.source(&pool.keys, &pool.issuer, &pointer) {
                Ok(source) => issuers.push(Issuer::of_cognito(pool, source, audience.clone())),
                Err(fault) => faults.push(fault),
            }
        }
        let names = definition
            .user_pools
            .iter()
            .map(|pool| pool.issuer.as_str());
        report_issuers(names, &format!("{pointer}/userPools"), &mut faults);
        self.add(identity_source, faults, |identity_source| Authorizer {
            flavour: Flavour::Cognito,
            identity_source,
            issuers,
            algorithms: Algorithms::COGNITO,
            leeway: definition.leeway_in_seconds.into(),
        })
    }

    /// The services that keys are fetched from: the proxy needs a cluster for each.
    #[must_use]
    pub fn upstreams(&self) -> BTreeSet<&Upstream> {
        self.sources.upstreams()
    }

    /// What this worker is to fetch now, apart from any request: keys that are due, unless another
    /// worker is at it. For [`Service::errands`](crate::Service::errands).
    #[must_use]
    pub fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        self.sources.errands(ports)
    }

    /// What came of an errand, by its [`Errand::id`]. For
    /// [`Service::fetched`](crate::Service::fetched).
    pub fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        self.sources.fetched(errand, answer, ports);
    }

    /// Whether a request may go on: it has a token that the authorizer takes, and that holds one
    /// of `scopes` when the operation asks for any. Waits only when keys have to be fetched.
    ///
    /// # Errors
    ///
    /// How the request is to be refused.
    pub async fn authorize(
        &self,
        authorizer: TokenAuthorizer,
        scopes: &[String],
        exchange: &Exchange,
    ) -> Result<Arc<VerifiedToken>, JwtDenial> {
        let Some(authorizer) = self.authorizers.get(authorizer.0) else {
            return Err(JwtDenial::of_rest_api(TokenFault::KeysUnavailable));
        };
        let judged = self.judge(authorizer, scopes, exchange).await;
        judged.map_err(|fault| match authorizer.flavour {
            Flavour::HttpApi => JwtDenial::of_http_api(fault, scopes),
            Flavour::RestApi => JwtDenial::of_rest_api(fault),
            Flavour::Cognito => JwtDenial::of_cognito(fault),
        })
    }
}

impl TokenAuthorizers {
    async fn judge(
        &self,
        authorizer: &Authorizer,
        scopes: &[String],
        exchange: &Exchange,
    ) -> Result<Arc<VerifiedToken>, TokenFault> {
        let request = exchange.request();
        let token = authorizer.identity_source.token(request);
        let token = token.ok_or(TokenFault::Absent)?;
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::TooLong);
        }
        let digest: TokenDigest = Sha256::digest(&*token).into();
        let now = exchange.ports().now();
        if let Some((verified, issuer)) = self.remembered(authorizer, &digest, now) {
            issuer.judge(&verified.claims, now, authorizer.leeway)?;
            issuer.judge_scopes(&verified.claims, scopes)?;
            return Ok(verified);
        }

        // What costs little comes first: a token that is to be refused for what it says needs no
        // keys and no verification.
        let token = Token::read(&token)?;
        if !authorizer.algorithms.contains(token.algorithm) {
            let name = serde_json::to_value(token.algorithm).ok();
            let name = name.as_ref().and_then(serde_json::Value::as_str);
            return Err(TokenFault::Algorithm(name.and_then(repeatable)));
        }
        let claims = Claims::read(&token.payload, authorizer.rendering());
        let claims = claims.ok_or(TokenFault::Malformed)?;
        let issuer = authorizer.issuer(&claims).ok_or(TokenFault::Issuer)?;
        issuer.judge(&claims, now, authorizer.leeway)?;
        let key_id = token.key_id.as_deref().ok_or(TokenFault::UnknownKey)?;
        let keys = self.sources.keys_for(issuer.source, key_id, exchange);
        let keys = keys.await?;
        let used = KeysUsed {
            source: issuer.source,
            generation: keys.generation,
        };
        if self.memory().refused.contains(&digest, used) {
            return Err(TokenFault::Signature);
        }
        if let Err(fault) = token.verify(&keys.set, exchange.ports()) {
            if fault == TokenFault::Signature {
                self.memory().refused.insert(digest, used);
            }
            return Err(fault);
        }
        let verified = Arc::new(VerifiedToken {
            algorithm: token.algorithm,
            rendering: authorizer.rendering(),
            keys: used,
            claims,
        });
        self.memory()
            .verified
            .insert(digest, Arc::clone(&verified), now.as_secs());
        issuer.judge_scopes(&verified.claims, scopes)?;
        Ok(verified)
    }

    /// What is known of a token, if this authorizer would come to the same with the keys that are
    /// there now.
    fn remembered<'a>(
        &self,
        authorizer: &'a Authorizer,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Option<(Arc<VerifiedToken>, &'a Issuer)> {
        let verified = self.memory().verified.find(digest)?;
        let name = verified.claims.issuer.as_deref()?;
        let mut issuers = authorizer.issuers.iter();
        let issuer = issuers
            .find(|issuer| &*issuer.name == name && issuer.source == verified.keys.source)?;
        let keys = self.sources.current(issuer.source, now)?;
        let holds = keys.generation == verified.keys.generation
            && verified.rendering == authorizer.rendering()
            && authorizer.algorithms.contains(verified.algorithm);
        holds.then_some((verified, issuer))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn source(
        &mut self,
        keys: &model::JwtKeys,
        issuer: &str,
        pointer: &str,
    ) -> Result<usize, CompileError> {
        self.sources.add(keys, issuer, &format!("{pointer}/keys"))
    }

    fn add(
        &mut self,
        identity_source: Option<IdentitySource>,
        faults: Vec<CompileError>,
        authorizer: impl FnOnce(IdentitySource) -> Authorizer,
    ) -> Result<TokenAuthorizer, Vec<CompileError>> {
        match identity_source {
            Some(identity_source) if faults.is_empty() => {
                self.authorizers.push(authorizer(identity_source));
                Ok(TokenAuthorizer(self.authorizers.len() - 1))
            }
            _ => Err(faults),
        }
    }
}

impl Authorizer {
    fn issuer(&self, claims: &Claims) -> Option<&Issuer> {
        let name = claims.issuer.as_deref()?;
        self.issuers.iter().find(|issuer| &*issuer.name == name)
    }

    const fn rendering(&self) -> Rendering {
        match self.flavour {
            Flavour::HttpApi => Rendering::Http,
            Flavour::RestApi | Flavour::Cognito => Rendering::Rest,
        }
    }
}

fn identity_source(
    text: &str,
    pointer: &str,
    faults: &mut Vec<CompileError>,
) -> Option<IdentitySource> {
    let source = IdentitySource::parse(text);
    if source.is_none() {
        let pointer = format!("{pointer}/identitySource");
        let reason = format!("`{text}` does not say where a token is");
        faults.push(CompileError::new(pointer, reason).hint(
            "write `$request.header.NAME` or `$request.querystring.NAME` for an HTTP API, and \
             `method.request.header.NAME` for a REST API",
        ));
    }
    source
}

/// Faults of the list itself.
fn report_issuers<'n>(
    names: impl Iterator<Item = &'n str>,
    pointer: &str,
    faults: &mut Vec<CompileError>,
) {
    let mut known = BTreeSet::new();
    for (position, name) in names.enumerate() {
        if !known.insert(name) {
            let reason = format!("the issuer `{name}` comes twice");
            faults.push(CompileError::new(format!("{pointer}/{position}"), reason));
        }
    }
    if known.is_empty() {
        let fault = CompileError::new(pointer, "the authorizer takes tokens of no issuer");
        faults.push(fault);
    }
}

#[cfg(test)]
mod tests;
