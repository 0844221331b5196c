//! Lambda authorizers: a function, or a web service in its place, is given an event and answers
//! with a policy.
//!
//! ```text
//! request ─► identity sources   missing: 401, and nobody is asked
//!         ─► cache key ─► result cache ──────────┐ a policy, not a verdict
//!         ─► event ─► function ─► its answer ────┤
//!                                                ▼
//!            method ARN of this request ─► policy evaluated ─► verdict
//! ```
//!
//! A result that is kept serves every method that the authorizer guards, in one stage: its policy
//! is evaluated for each request anew. One that has allowed `GET /pets` refuses `DELETE /pets` from
//! the cache unless it allows that too.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

mod cache_key;
mod compile;
mod event;
mod flush;
mod identity_source;
mod request;
mod result;
mod result_cache;
mod service;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod compile_tests;
#[cfg(test)]
mod event_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod result_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use attache_model::AuthorizerEvent;

use crate::denial::Denial;
use crate::exchange::{Callout, CalloutAnswer, Exchange};
use crate::iam::Verdict;
use crate::lambda_event::Deployment;
use crate::response_cache::key::Key;
use crate::response_cache::storage::Group;
use crate::shared_cache::{Looked, Missing, SharedCache};
use identity_source::IdentitySources;
use result_cache::{Kept, ResultCache};
use service::Service;

pub use cache_key::CacheKey;
pub use compile::LambdaAuthorizers;
pub use identity_source::IdentityValues;
pub use request::AuthorizerRequest;
pub use result::{AuthorizerResult, LARGEST_ANSWER, LARGEST_POLICY, ResultFault, ResultForm};
pub use result_cache::{LARGEST_ENTRY, SHARED_PLACES};

/// All results of a stage are forgotten together.
const GROUP: Group = Group(0);

/// A Lambda authorizer in one stage of its API.
#[derive(Debug)]
pub struct LambdaAuthorizer {
    deployment: Arc<Deployment>,
    event: AuthorizerEvent,
    form: ResultForm,
    identity: IdentitySources,
    ttl_seconds: u32,
    timeout_millis: u32,
    /// `None`: a stage variable makes the URI one that cannot be called.
    service: Option<Service>,
    generation: CacheKey,
    cache: Arc<ResultCache>,
    results: Arc<Results>,
}

/// The results of all authorizers in one stage.
#[derive(Debug)]
struct Results {
    /// Where it stands that they were forgotten; `None` where nobody can have them forgotten.
    flushed: Option<Arc<[u8]>>,
    /// Where other gateways find them, too.
    shared: Option<SharedCache>,
}

/// What an authorizer says about one request.
#[derive(Clone)]
pub struct LambdaResult {
    /// What the policy says about the method that is called. Not the last word: where the API has
    /// a resource policy the two are combined.
    pub verdict: Verdict,
    /// Who calls, and what was left for later.
    pub result: Arc<AuthorizerResult>,
    /// How long the authorizer took, in milliseconds; `None` when it was not asked, because its
    /// result was kept.
    pub latency_millis: Option<u64>,
}

/// Why an authorizer says nothing about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LambdaDenial {
    /// The request does not say who calls, or the authorizer does not know them.
    Unauthorized,
    /// The authorizer was asked and did not answer.
    AuthorizerFailure,
    /// The authorizer cannot be asked, has failed, or its answer cannot be read.
    AuthorizerConfigurationError,
}

impl LambdaAuthorizer {
    /// Asks the authorizer about a request, or finds what it has said before.
    ///
    /// # Errors
    ///
    /// When there is nothing to judge the request by. It is refused.
    pub async fn authorize(
        &self,
        exchange: &Exchange,
        request: &AuthorizerRequest<'_>,
    ) -> Result<LambdaResult, LambdaDenial> {
        let ports = exchange.ports();
        let identity = self.identity_values(request)?;
        let key = self.cache_key(&identity);
        let kept = key.and_then(|key| self.results.key(key, ports));
        let kept = kept.map(|key| self.kept(key));
        let judge = |result: Arc<AuthorizerResult>, latency_millis| LambdaResult {
            verdict: result.verdict(&request.access),
            result,
            latency_millis,
        };

        let asked_at = ports.now();
        if let Some(kept) = &kept
            && let Some(result) = self.cache.find(kept, self.form, ports, asked_at)
        {
            return Ok(judge(result, None));
        }
        let missing = match (key, &kept) {
            (Some(key), Some(kept)) => match self.look_further(key, kept, exchange).await {
                Ok(result) => return Ok(judge(result, None)),
                Err(missing) => missing,
            },
            _ => None,
        };

        let event = self.event(request, &identity);
        let callout = self.callout(event, kept.map(|kept| kept.key))?;
        let answer = exchange.callout(callout).await;
        let answered_at = ports.now();
        let latency_millis = Some(answered_at.millis_since(asked_at));

        // Who has shared the call may have parsed its answer already.
        if let Some(kept) = &kept
            && let Some(result) = self.cache.find_parsed(kept, answered_at)
        {
            return Ok(judge(result, latency_millis));
        }
        let (result, body) = self.result_of(&answer)?;
        let result = Arc::new(result);
        if let Some(kept) = &kept {
            let until = self.cache.keep(kept, &result, body, ports, answered_at);
            if let (Some(missing), Some(until)) = (missing, until) {
                missing.keep(ports, body, until);
            }
        }
        Ok(judge(result, latency_millis))
    }

    /// What the authorizer has told another gateway, which is kept here too. Otherwise what may be
    /// kept for others once it is known.
    async fn look_further(
        &self,
        key: CacheKey,
        kept: &Kept,
        exchange: &Exchange,
    ) -> Result<Arc<AuthorizerResult>, Option<Box<Missing<'_>>>> {
        let shared = self.results.shared.as_ref().ok_or(None)?;
        // Who comes after a flush does not share the call of who came before it.
        let (key, asked_as) = (Key(key), Key(kept.key));
        let looked = shared.find(exchange, &key, GROUP, true, Some(&asked_as));
        let found = match looked.await {
            Looked::Found(found) => found,
            Looked::Missing(missing) => return Err(Some(missing)),
            Looked::Unknown => return Err(None),
        };
        let result = AuthorizerResult::parse(&found.content, self.form).map_err(|_| None)?;
        let result = Arc::new(result);
        let (ports, until) = (exchange.ports(), found.until);
        self.cache
            .keep_until(kept, until, &result, &found.content, ports, ports.now());
        Ok(result)
    }

    /// The values of the identity sources.
    ///
    /// # Errors
    ///
    /// [`LambdaDenial::Unauthorized`] when one is missing or empty, or when the token does not
    /// match `identityValidationExpression`.
    pub fn identity_values<'r>(
        &'r self,
        request: &AuthorizerRequest<'r>,
    ) -> Result<IdentityValues<'r>, LambdaDenial> {
        self.identity.values(request, &self.deployment)
    }

    /// What the result for these values is kept under; `None` when results are not kept.
    #[must_use]
    pub fn cache_key(&self, identity: &IdentityValues<'_>) -> Option<CacheKey> {
        (self.ttl_seconds > 0).then(|| cache_key::cache_key(&self.generation, identity))
    }

    /// What the function is given for a request, in JSON.
    #[must_use]
    pub fn event(&self, request: &AuthorizerRequest<'_>, identity: &IdentityValues<'_>) -> Vec<u8> {
        event::event(self.event, request, &self.deployment, identity)
    }

    /// The call that hands over an event. Requests with the same cache key that make it at the
    /// same time share one; without a key each makes its own.
    ///
    /// # Errors
    ///
    /// [`LambdaDenial::AuthorizerConfigurationError`] when a stage variable makes the URI one that
    /// cannot be called.
    pub fn callout(
        &self,
        event: Vec<u8>,
        cache_key: Option<CacheKey>,
    ) -> Result<Callout, LambdaDenial> {
        let service = self.service.as_ref();
        let service = service.ok_or(LambdaDenial::AuthorizerConfigurationError)?;
        Ok(service.callout(event, self.timeout_millis, cache_key))
    }

    /// Takes the result from the answer to the call.
    ///
    /// # Errors
    ///
    /// When the answer is not a result, or refuses the caller.
    pub fn read_answer(&self, answer: &CalloutAnswer) -> Result<AuthorizerResult, LambdaDenial> {
        self.result_of(answer).map(|(result, _)| result)
    }

    /// How answers are read.
    #[must_use]
    pub const fn result_form(&self) -> ResultForm {
        self.form
    }

    fn result_of<'a>(
        &self,
        answer: &'a CalloutAnswer,
    ) -> Result<(AuthorizerResult, &'a [u8]), LambdaDenial> {
        let service = self.service.as_ref();
        let service = service.ok_or(LambdaDenial::AuthorizerConfigurationError)?;
        result::read_answer(answer, service, self.form)
    }

    const fn kept(&self, key: CacheKey) -> Kept {
        Kept {
            key,
            ttl_seconds: self.ttl_seconds,
        }
    }
}

impl From<LambdaDenial> for Denial {
    fn from(denial: LambdaDenial) -> Self {
        match denial {
            LambdaDenial::Unauthorized => Self::Unauthorized { challenge: None },
            LambdaDenial::AuthorizerFailure => Self::AuthorizerFailure,
            LambdaDenial::AuthorizerConfigurationError => Self::AuthorizerConfigurationError,
        }
    }
}

/// Tells the verdict and nothing of what the caller has.
impl fmt::Debug for LambdaResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LambdaResult")
            .field("verdict", &self.verdict)
            .field("latency_millis", &self.latency_millis)
            .finish_non_exhaustive()
    }
}
