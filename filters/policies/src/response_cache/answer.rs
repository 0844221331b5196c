//! What becomes of a request in a stage with a cache: answered from it, or by the integration,
//! whose answer is then kept.

use std::sync::Arc;

use attache_model::{CacheInvalidation, Verb};
use attache_values::json::Document;

use super::accept_encoding;
use super::coalescing::{Fetch, Found, Place, Turn, Verdict, after, present, turn};
use super::entry::{Entry, Head};
use super::http::{HttpCache, Judged, Keeping, Looked, Rules};
use super::invalidation::WARNING;
use super::storable::{self, LARGEST_BODY, Storable};
use super::storage::Filled;
use super::{Cached, CachedByStage, CachedOperation, unkeyed_input};
use crate::denial::Denial;
use crate::exchange::{Exchange, Reply};
use crate::iam::INVALIDATE_CACHE;
use crate::integration::{Answered, Integration, IntegrationRequest, held_body};
use crate::observation::{CacheStatus, Observation};
use crate::ports::Ports;
use crate::shared_cache::{Looked as LookedFurther, Missing};

/// What is kept still holds.
const NOT_MODIFIED: u16 = 304;

/// How a request gets its answer.
enum SharedTurn<'c> {
    /// It is there, here or at other gateways.
    Answer((Head, Vec<u8>), CacheStatus),
    /// The back end is asked, by nobody else.
    Fetch(Fetch<'c>, Option<Box<Missing<'c>>>),
    /// The back end is asked, and nothing is kept of what it says.
    Alone,
}

/// An answer that is to be kept as soon as its body is there.
pub(crate) enum Filling<'c> {
    ApiGateway {
        fetch: Fetch<'c>,
        /// What other gateways have not found either.
        missing: Option<Box<Missing<'c>>>,
        storable: Storable,
        operation: &'c CachedOperation,
    },
    Http(Keeping<'c>),
}

impl Cached<'_> {
    /// What the caller must be allowed besides the call, for the request to be granted its wish. In
    /// the mode `http` everybody may say what they want to be given, as RFC 9111 has it.
    pub(crate) fn action(&self) -> Option<&'static str> {
        let Self::ApiGateway(cached) = self else {
            return None;
        };
        let asks = cached.invalidates && cached.operation.invalidation != CacheInvalidation::Anyone;
        asks.then_some(INVALIDATE_CACHE)
    }

    /// Forgets what is kept for requests like this one. Whether that is certain.
    pub(crate) async fn remove(
        self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
    ) -> bool {
        match self {
            Self::ApiGateway(cached) => cached.remove(exchange, request).await,
            Self::Http { cache, .. } => cache.remove(exchange.ports(), request.headers),
        }
    }
}

/// Answers a request from the cache of its stage, or has the integration answer. `cached` is where
/// it is looked up, and why its wish to have the response fetched anew is not granted.
///
/// # Errors
///
/// Why there is no answer: the integration has none, or the wish is one that has to be granted.
pub(crate) async fn answer<'e>(
    cached: Option<(Cached<'e>, Option<Denial>)>,
    integration: &'e Integration,
    exchange: &'e Exchange,
    request: &IntegrationRequest<'_>,
    document: Option<Document>,
    seen: &mut Observation<'_>,
) -> Result<(Answered, Option<Filling<'e>>), Denial> {
    let (cached, refused) = match cached {
        Some((Cached::ApiGateway(cached), refused)) => (cached, refused),
        Some((Cached::Http { cache, rules }, _)) => {
            let asked = (integration, exchange, request, document);
            return by_http(cache, rules, asked, seen).await;
        }
        None => {
            let answered = integration.answer(exchange, request, document, Vec::new(), seen);
            return answered.await.map(|answered| (answered, None));
        }
    };
    let mut warns = false;
    let mut anew = cached.invalidates;
    if let Some(denial) = refused {
        match cached.operation.invalidation {
            CacheInvalidation::FailWith403 => return Err(denial),
            CacheInvalidation::SucceedWithResponseHeader => warns = true,
            CacheInvalidation::SucceedWithoutResponseHeader | CacheInvalidation::Anyone => {}
        }
        anew = false;
    }
    let (mut answered, filling) = match cached.turn(exchange, request, anew).await? {
        SharedTurn::Answer((head, body), status) => {
            seen.cached(status);
            let reply = Reply {
                status: head.status,
                headers: head.fields,
                body: body_of(body, &head.annotation),
            };
            (of_this_request(reply, integration, exchange, request), None)
        }
        SharedTurn::Fetch(fetch, missing) => {
            seen.cached(if anew {
                CacheStatus::Invalidated
            } else {
                CacheStatus::Miss
            });
            match integration
                .answer(exchange, request, document, Vec::new(), seen)
                .await
            {
                Ok(answered) => {
                    let is_head = exchange.request().first(b":method") == Some(b"HEAD");
                    let filling = match Storable::of(&answered, is_head) {
                        Some(storable) => Some(Filling::ApiGateway {
                            fetch,
                            missing,
                            storable,
                            operation: cached.operation,
                        }),
                        None => {
                            fetch.keep_nothing();
                            None
                        }
                    };
                    (answered, filling)
                }
                Err(denial) => {
                    fetch.keep_nothing();
                    return Err(denial);
                }
            }
        }
        SharedTurn::Alone => {
            seen.cached(CacheStatus::Bypass);
            let answered = integration.answer(exchange, request, document, Vec::new(), seen);
            (answered.await?, None)
        }
    };
    if warns {
        answered.set("warning", WARNING.to_vec());
    }
    Ok((answered, filling))
}

/// The integration, and what it is asked.
type Asked<'e, 'r, 'i> = (
    &'e Integration,
    &'e Exchange,
    &'r IntegrationRequest<'i>,
    Option<Document>,
);

/// The same in the mode `http`. Without rules the request is none that is looked up, but may change
/// what is kept.
async fn by_http<'e>(
    cache: &'e HttpCache,
    rules: Option<&'e Arc<Rules>>,
    (integration, exchange, request, document): Asked<'e, '_, '_>,
    seen: &mut Observation<'_>,
) -> Result<(Answered, Option<Filling<'e>>), Denial> {
    let Some(rules) = rules else {
        let answered = integration.answer(exchange, request, document, Vec::new(), seen);
        let answered = answered.await?;
        cache.changed(exchange.ports(), exchange.request(), answered.status());
        return Ok((answered, None));
    };
    let kept = |reply: Reply| (of_this_request(reply, integration, exchange, request), None);
    let mut asking = match cache.look_up(exchange, rules).await {
        Looked::Answer(reply) => {
            seen.cached(CacheStatus::Hit);
            return Ok(kept(reply));
        }
        Looked::Ask(asking) => asking,
    };
    seen.cached(if asking.was_looked_up() {
        CacheStatus::Miss
    } else {
        CacheStatus::Bypass
    });
    let status = asking.status();
    let conditions = if integration.passes_conditions_on() {
        asking.conditions()
    } else {
        Vec::new()
    };
    let asks_whether_it_holds = !conditions.is_empty();
    let answered = integration.answer(exchange, request, document, conditions, seen);
    let mut answered = match answered.await {
        Ok(answered) => answered,
        Err(
            denial @ (Denial::IntegrationTimeout
            | Denial::IntegrationFailure
            | Denial::IntegrationMalformed),
        ) => {
            let stale = asking.without_answer().ok_or(denial)?;
            seen.cached(CacheStatus::Hit);
            return Ok(kept(stale));
        }
        Err(denial) => return Err(denial),
    };
    let fields = storable::fields_for_http(&answered);
    if asks_whether_it_holds
        && answered.status() == NOT_MODIFIED
        && let Some(reply) = asking.still_holds(&fields)
    {
        return Ok(kept(reply));
    }
    let filling = match asking.judge(answered.status(), fields) {
        Judged::Answer(reply) => {
            seen.cached(CacheStatus::Hit);
            return Ok(kept(reply));
        }
        Judged::Keep(keeping) => Some(Filling::Http(keeping)),
        Judged::Pass => None,
    };
    answered.set("cache-status", status);
    Ok((answered, filling))
}

/// An answer that was kept, with what only this request's answer has.
fn of_this_request(
    mut reply: Reply,
    integration: &Integration,
    exchange: &Exchange,
    request: &IntegrationRequest<'_>,
) -> Answered {
    if let Some(trace) = integration.trace_id_of_answer(request, exchange.ports()) {
        reply.set_header("x-amzn-trace-id", trace);
    }
    Answered::Reply(reply)
}

impl<'c> CachedByStage<'c> {
    async fn turn(
        self,
        exchange: &'c Exchange,
        request: &IntegrationRequest<'_>,
        anew: bool,
    ) -> Result<SharedTurn<'c>, Denial> {
        let body = if self.operation.parameters.reads_body() {
            Some(held_body(exchange).await?)
        } else {
            None
        };
        // Who sends what cannot be read is told so by the integration.
        let Some(place) = self.place(exchange.ports(), request, body) else {
            return Ok(SharedTurn::Alone);
        };
        let judge = |found: Found| {
            if found.now >= found.fresh_until {
                return Verdict::Fetch;
            }
            let accepted = found.head.field("content-encoding").is_none_or(|coding| {
                let fields: Vec<_> = request.headers.all(b"accept-encoding").collect();
                accept_encoding::is_accepted(coding, fields.into_iter())
            });
            if accepted {
                Verdict::Answer((found.head, found.body))
            } else {
                Verdict::Alone
            }
        };
        if !self.may_keep(exchange, request) {
            let kept = if anew { None } else { present(place, judge) };
            return Ok(kept.map_or(SharedTurn::Alone, |kept| {
                SharedTurn::Answer(kept, CacheStatus::Hit)
            }));
        }
        if anew {
            let fetch = Fetch::anew(place);
            let mut missing = None;
            if let Some(shared) = self.shared {
                let (key, group) = (&place.key, place.group);
                let encrypted = self.operation.encrypted;
                missing = shared.replace(exchange, key, group, encrypted).await;
                if fetch.is_none() {
                    // Who fetches it instead may have found what others were about to forget.
                    place.storage.remove(place.ports, key);
                }
            }
            return Ok(fetch.map_or(SharedTurn::Alone, |fetch| SharedTurn::Fetch(fetch, missing)));
        }
        Ok(
            match turn(exchange, place, self.longest_wait_millis, judge).await {
                Turn::Answer(answer) => SharedTurn::Answer(answer, CacheStatus::Hit),
                Turn::Alone => SharedTurn::Alone,
                Turn::Fetch(fetch) => self.look_further(exchange, place, fetch, judge).await,
            },
        )
    }

    /// What other gateways have fetched, which is kept here too; otherwise it is to be fetched.
    async fn look_further(
        self,
        exchange: &'c Exchange,
        place: Place<'c>,
        fetch: Fetch<'c>,
        judge: impl FnOnce(Found) -> Verdict<(Head, Vec<u8>)>,
    ) -> SharedTurn<'c> {
        let encrypted = self.operation.encrypted;
        // Where answers are not for others there is nothing to be found.
        let Some(shared) = self.shared.filter(|_| fetch.is_promising) else {
            return SharedTurn::Fetch(fetch, None);
        };
        let looked = shared.find(exchange, &place.key, place.group, encrypted, None);
        let found = match looked.await {
            LookedFurther::Found(found) => found,
            LookedFurther::Missing(missing) => return SharedTurn::Fetch(fetch, Some(missing)),
            LookedFurther::Unknown => return SharedTurn::Fetch(fetch, None),
        };
        let now = place.ports.now();
        let lifetime = u64::from(self.operation.ttl_seconds) * 1_000;
        let fresh_until = found.until.min(after(now, lifetime));
        let kept = found.content.clone();
        let Some(Entry::Response { head, body }) = Entry::from_bytes(found.content) else {
            return SharedTurn::Fetch(fetch, None);
        };
        fetch.keep(kept, fresh_until, fresh_until, encrypted);
        match judge(Found {
            head,
            body,
            stored_at: now,
            fresh_until,
            now,
        }) {
            Verdict::Answer(answer) => SharedTurn::Answer(answer, CacheStatus::SharedHit),
            Verdict::Fetch | Verdict::Alone => SharedTurn::Alone,
        }
    }

    /// Whether what the back end says to a request may be kept for others. Otherwise there is
    /// something beside the key that it may have listened to.
    fn may_keep(self, exchange: &Exchange, request: &IntegrationRequest<'_>) -> bool {
        let has_unread_body = matches!(self.operation.verb, Verb::Get | Verb::Head)
            && !exchange.ends_with_headers()
            && !self.operation.parameters.reads_body();
        let keyed = |name: &str| self.operation.parameters.has_header(name);
        !(has_unread_body
            || self.operation.passes_headers
                && unkeyed_input::overrides_itself(request.headers, keyed)
            || unkeyed_input::leads_elsewhere(request.route.path))
    }

    /// Where the response to a request is kept; `None` when its body cannot be read.
    fn place(
        self,
        ports: &'c dyn Ports,
        request: &IntegrationRequest<'_>,
        body: Option<&[u8]>,
    ) -> Option<Place<'c>> {
        let key = self.operation.key.clone();
        Some(Place {
            storage: self.storage,
            ports,
            key: self.operation.parameters.add(key, request, body)?.finish(),
            group: self.operation.group,
        })
    }

    /// Forgets what is kept for requests like this one. Whether that is certain.
    async fn remove(self, exchange: &Exchange, request: &IntegrationRequest<'_>) -> bool {
        let body = self.operation.parameters.reads_body().then_some(&[][..]);
        let key = self.operation.key.clone();
        let Some(key) = self.operation.parameters.add(key, request, body) else {
            return false;
        };
        let key = key.finish();
        let everywhere = match self.shared {
            Some(shared) => shared.remove(exchange, &key, self.operation.group).await,
            None => true,
        };
        self.storage.remove(exchange.ports(), &key) && everywhere
    }
}

impl Filling<'_> {
    /// Keeps the answer with this body, unless it is not all of it. How many others had to go.
    pub(crate) fn complete(self, ports: &dyn Ports, body: Option<Vec<u8>>) -> u32 {
        let (fetch, missing, storable, operation) = match self {
            Self::ApiGateway {
                fetch,
                missing,
                storable,
                operation,
            } => (fetch, missing, storable, operation),
            Self::Http(keeping) => return keeping.complete(body),
        };
        let Some(bytes) = body.and_then(|body| storable.with_body(body)) else {
            fetch.keep_nothing();
            return 0;
        };
        let lifetime = u64::from(operation.ttl_seconds) * 1_000;
        let until = after(ports.now(), lifetime);
        let shared = missing.map(|missing| (missing, bytes.clone()));
        let filled = fetch.keep(bytes, until, until, operation.encrypted);
        // What was forgotten here while it was fetched is nothing for others either.
        if let (Some((missing, bytes)), false) = (shared, filled == Filled::Lost) {
            missing.keep(ports, &bytes, until);
        }
        match filled {
            Filled::Stored { evicted } => evicted,
            Filled::TooLarge | Filled::Lost => 0,
        }
    }
}

/// The body of an answer. That to a `HEAD` has none; its length, which is noted, is what the proxy
/// tells of whatever it is given in its place and does not send.
fn body_of(body: Vec<u8>, noted_length: &[u8]) -> Vec<u8> {
    let length = str::from_utf8(noted_length).ok();
    let length: Option<usize> = length.and_then(|length| length.parse().ok());
    match length {
        Some(length) if body.is_empty() && length <= LARGEST_BODY => vec![0; length],
        _ => body,
    }
}
