//! The same cache within a gateway: there it is the integration that asks the origin.
//!
//! Where an integration passes conditions on, what is stale is asked about; elsewhere it is fetched
//! as a whole. Either way one request does so, and while a stale response may still be used the
//! others are answered with it.

use std::sync::Arc;

use super::cache::{Ask, Found, HttpCache, Rules, is_failure};
use super::cache_control::Directives;
use super::invalidation;
use super::place;
use super::stored;
use crate::exchange::{Exchange, Reply, ResponseHead};
use crate::headers::{HeaderEdit, Headers};
use crate::ports::{Ports, Timestamp};
use crate::response_cache::storage::Storage;

/// What is known of a request.
pub(crate) enum Looked<'e> {
    /// This is its answer.
    Answer(Reply),
    /// The integration is asked.
    Ask(Asking<'e>),
}

/// A request for which the integration is asked.
pub(crate) struct Asking<'e>(Box<Ask<'e>>);

/// What becomes of the integration's answer.
pub(crate) enum Judged<'e> {
    /// The client gets this in its place.
    Answer(Reply),
    /// The client gets it, and it is kept when its body is whole.
    Keep(Keeping<'e>),
    /// The client gets it.
    Pass,
}

/// An answer that is kept as soon as its body is there.
pub(crate) struct Keeping<'e> {
    ask: Box<Ask<'e>>,
    status: u16,
    headers: Headers,
    answered: Timestamp,
}

impl HttpCache {
    /// The cache of a stage.
    pub(crate) fn within_gateway(storage: Storage, longest_wait_millis: u32) -> Self {
        Self {
            storage,
            longest_wait_millis,
            refreshes: None,
            metrics: None,
        }
    }

    /// Where its responses are kept.
    pub(crate) const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Finds the response to a request.
    pub(crate) async fn look_up<'e>(
        &'e self,
        exchange: &'e Exchange,
        rules: &'e Arc<Rules>,
    ) -> Looked<'e> {
        match self.find(exchange, rules).await {
            Found::Answer(reply) => Looked::Answer(reply),
            Found::Ask(ask) => Looked::Ask(Asking(ask)),
        }
    }

    /// Forgets what is kept for the target of a request that may have changed it (RFC 9111, section
    /// 4.4).
    pub(crate) fn changed(&self, ports: &dyn Ports, request: &Headers, status: u16) {
        if invalidation::says_changed(status) {
            self.remove(ports, request);
        }
    }

    /// Forgets what is kept for the target of a request. Whether that is certain.
    pub(crate) fn remove(&self, ports: &dyn Ports, request: &Headers) -> bool {
        let path = request.first(b":path").unwrap_or_default();
        self.storage.remove(ports, &place::of_uri(request, path))
    }
}

impl<'e> Asking<'e> {
    /// Whether the cache could have answered.
    pub(crate) fn was_looked_up(&self) -> bool {
        !matches!(self.0.why, "method" | "bypass")
    }

    /// What `Cache-Status` says of the integration's answer.
    pub(crate) fn status(&self) -> Vec<u8> {
        stored::forwarded(self.0.why)
    }

    /// What changes on the request for a back end that is asked whether what is kept still holds;
    /// nothing where there is nothing to ask about.
    pub(crate) fn conditions(&self) -> Vec<HeaderEdit> {
        self.0.request_edits()
    }

    /// The answer, after the back end has said with these fields that what is kept still holds;
    /// `None` when it was not asked.
    pub(crate) fn still_holds(&mut self, fields: &Headers) -> Option<Reply> {
        let stale = self.0.stale.take()?;
        let now = self.0.ports.now();
        Some(self.0.still_holds(stale, fields, now))
    }

    /// The integration has no answer: what is stale may do.
    pub(crate) fn without_answer(self) -> Option<Reply> {
        let Self(mut ask) = self;
        let (stale, now) = (ask.stale.take()?, ask.ports.now());
        let may = stale
            .standing(now)
            .may_stand_in(&ask.directives, &stale.directives, true);
        may.then(|| stale.reply(ask.request, now, "hit; fwd=stale"))
    }

    /// The head of the integration's answer, with the fields that the client gets.
    pub(crate) fn judge(self, status: u16, headers: Headers) -> Judged<'e> {
        let Self(mut ask) = self;
        let now = ask.ports.now();
        ask.invalidate(status, &headers);
        if let Some(stale) = ask.stale.take() {
            if is_failure(status) {
                let standing = stale.standing(now);
                return if standing.may_stand_in(&ask.directives, &stale.directives, false) {
                    let why = format!("hit; fwd=stale; fwd-status={status}");
                    Judged::Answer(stale.reply(ask.request, now, &why))
                } else {
                    // What was kept may still be of use.
                    Judged::Pass
                };
            }
            if ask.is(b"HEAD") {
                ask.compare(stale, status, &headers, now);
                return Judged::Pass;
            }
        }
        let directives = Directives::of_response(&headers);
        let is_for_others =
            directives.public || directives.must_revalidate || directives.s_maxage.is_some();
        let head = ResponseHead {
            status,
            headers,
            failure: None,
        };
        if !ask.may_be_kept(&head) || ask.rules.guarded && !is_for_others {
            if ask.is(b"GET") && !is_failure(status) {
                ask.keep_nothing();
            }
            return Judged::Pass;
        }
        Judged::Keep(Keeping {
            ask,
            status,
            headers: head.headers,
            answered: now,
        })
    }
}

impl Keeping<'_> {
    /// Keeps the answer; without a body it was not whole. How many others had to go.
    pub(crate) fn complete(mut self, body: Option<Vec<u8>>) -> u32 {
        match body {
            Some(body) => self
                .ask
                .keep(self.status, &self.headers, body, self.answered),
            None => self.ask.keep_nothing(),
        }
        self.ask.evicted
    }
}
