//! What happens to a request.

use std::sync::Arc;

use super::cache_control::Directives;
use super::conditional;
use super::freshness::{self, Use};
use super::invalidation;
use super::metrics::Metrics;
use super::place::{self, Held, Place, later};
use super::refresh::{Refresh, Refreshes};
use super::stored::{self, Stored};
use super::storing;
use super::vary;
use crate::exchange::{Answer, CalloutAnswer, Edits, Errand, Exchange, Reply, ResponseHead};
use crate::headers::{HeaderEdit, Headers};
use crate::integration::CLUSTER_HEADER;
use crate::ports::{Ports, Timestamp};
use crate::response_cache::entry::{Entry, Head};
use crate::response_cache::storage::{Group, Storage};
use crate::response_cache::unkeyed_input;

/// The longest body that is kept, in bytes: API Gateway's limit.
const LONGEST_BODY: usize = 1_048_576;
/// For how long nobody waits for an answer like the last one, which was not kept, in milliseconds.
const NOT_KEPT_MILLIS: u64 = 10_000;
/// How long to wait for another one's answer before it is looked for, in milliseconds.
const SHORTEST_PAUSE: u32 = 2;
const LONGEST_PAUSE: u32 = 25;

/// A cache that does what RFC 9111 asks of a shared one.
#[derive(Debug)]
pub struct HttpCache {
    pub(super) storage: Storage,
    pub(super) longest_wait_millis: u32,
    /// `None` where stale responses are only fetched anew by a request that waits for it.
    pub(super) refreshes: Option<Refreshes>,
    /// `None` within a gateway, which has its own.
    pub(super) metrics: Option<Metrics>,
}

/// How the responses of one operation are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What is flushed together.
    pub group: Group,
    /// For how many seconds a response is fresh that says nothing about it. `None`: a tenth of the
    /// time since it was last modified.
    pub without_statement: Option<u32>,
    /// Fields of requests on which every response depends, beside those that its `Vary` names. In
    /// lower case.
    pub depends_on: Vec<Vec<u8>>,
    /// Whether responses are encrypted while they are kept.
    pub encrypted: bool,
    /// Whether all fields of a request reach the origin. What is answered to one that names another
    /// host, path or method in a field that is not in the key is then kept for nobody.
    pub passes_headers: bool,
    /// Whether it is found out before who asks. A response is then kept for others only when it says
    /// that it may be, as one to a request with `Authorization` (RFC 9111, section 3.5).
    pub guarded: bool,
}

/// What is to be done with a request.
pub(super) enum Found<'e> {
    Answer(Reply),
    Ask(Box<Ask<'e>>),
}

/// A request for which the origin is asked.
pub(super) struct Ask<'e> {
    cache: &'e HttpCache,
    pub(super) ports: &'e dyn Ports,
    pub(super) rules: &'e Arc<Rules>,
    pub(super) request: &'e Headers,
    pub(super) directives: Directives,
    place: Place,
    /// Why it has to be asked, as `Cache-Status` says it.
    pub(super) why: &'static str,
    asked: Timestamp,
    /// What is kept, and has to be asked about.
    pub(super) stale: Option<Stored>,
    held: Option<Held<'e>>,
    /// How many others had to go for the answer.
    pub(super) evicted: u32,
}

impl HttpCache {
    /// A cache in this memory. `longest_wait_millis`: how long a request waits at most for the
    /// answer to another one like it. `in_background`: whether what may still be used although it
    /// is stale is fetched anew by a call of the cache's own, rather than by the request that sees
    /// it first.
    #[must_use]
    pub fn new(
        storage: Storage,
        longest_wait_millis: u32,
        in_background: bool,
        metrics: Metrics,
    ) -> Self {
        Self {
            storage,
            longest_wait_millis,
            refreshes: in_background.then(Refreshes::default),
            metrics: Some(metrics),
        }
    }

    /// Answers a request from the cache, or forwards it unchanged but for conditions, and keeps
    /// what may be kept of the answer.
    pub async fn serve(&self, exchange: &Exchange, rules: &Arc<Rules>) -> Answer {
        match self.find(exchange, rules).await {
            Found::Answer(reply) => {
                if let Some(metrics) = &self.metrics {
                    metrics.hit(exchange.ports());
                }
                Answer::Reply(reply)
            }
            Found::Ask(ask) => {
                if matches!(ask.why, "method" | "bypass") {
                    Metrics::bypass(exchange.ports());
                } else if let Some(metrics) = &self.metrics {
                    metrics.miss(exchange.ports());
                }
                let headers = ask.request_edits();
                let edits = Edits {
                    headers,
                    body: None,
                };
                let head = exchange.forward(edits).await;
                ask.answer(exchange, head).await
            }
        }
    }

    pub(super) async fn find<'e>(
        &'e self,
        exchange: &'e Exchange,
        rules: &'e Arc<Rules>,
    ) -> Found<'e> {
        let ports = exchange.ports();
        let request = exchange.request();
        let field = |name: &'static [u8]| request.first(name).unwrap_or_default();
        let method = field(b":method");
        let uri = place::of_uri(request, field(b":path"));
        let started = ports.now();
        let mut ask = Box::new(Ask {
            cache: self,
            ports,
            rules,
            request,
            directives: Directives::of_request(request),
            place: Place {
                uri,
                key: uri,
                record: None,
            },
            why: "method",
            asked: started,
            stale: None,
            held: None,
            evicted: 0,
        });
        if !matches!(method, b"GET" | b"HEAD") || invalidation::is_overridden(request) {
            return Found::Ask(ask);
        }
        // A body is no part of what a response is found by.
        if conditional::is_for_the_origin(request) || !exchange.ends_with_headers() {
            ask.why = "bypass";
            return Found::Ask(ask);
        }
        let mut pause = SHORTEST_PAUSE;
        loop {
            let now = ports.now();
            let found = place::find(&self.storage, ports, uri, request, now);
            ask.why = if found.place.record.is_some() {
                "vary-miss"
            } else {
                "uri-miss"
            };
            ask.place = found.place;
            ask.asked = now;
            ask.stale = None;
            // Whether the answer to another request would do.
            let mut shares = !ask.directives.no_cache;
            match found.entry {
                None => {}
                Some((Entry::NotStored, _)) => {
                    ask.why = "miss";
                    shares = false;
                }
                Some((Entry::Response { head, body }, kept)) => {
                    let kept = Stored::new(&head, body, kept.stored_at, kept.fresh_until);
                    let decided = kept.standing(now).decide(&ask.directives, &kept.directives);
                    match decided {
                        Use::Answer => return Found::Answer(kept.reply(request, now, "hit")),
                        Use::AnswerWhileRevalidating => {
                            if found.claimed || self.refresh_later(&ask, &kept) {
                                return Found::Answer(kept.reply(request, now, "hit"));
                            }
                        }
                        Use::Revalidate => {}
                    }
                    let fresh = kept.standing(now).fresh_for > 0;
                    ask.why = if fresh { "request" } else { "stale" };
                    shares &= !kept.directives.no_cache && ask.directives.max_age.is_none();
                    ask.stale = Some(kept);
                }
            }
            if ask.directives.only_if_cached {
                return Found::Answer(stored::nothing_stored());
            }
            let useful = match method {
                b"HEAD" => ask.stale.is_some(),
                _ => ask.stale.is_some() || !conditional::is_for_one_client(request),
            };
            if ask.directives.no_store || !useful || ask.says_more() {
                return Found::Ask(ask);
            }
            ask.held = ask.claim(ask.place.key);
            let waited = now.millis_since(started) >= u64::from(self.longest_wait_millis);
            if ask.held.is_some() || !shares || waited {
                return Found::Ask(ask);
            }
            exchange.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Has a stale response fetched anew while it answers; `false` when that is not possible.
    fn refresh_later(&self, ask: &Ask<'_>, stale: &Stored) -> bool {
        let Some(refreshes) = &self.refreshes else {
            return false;
        };
        let cluster = String::from_utf8(ask.ports.cluster()).unwrap_or_default();
        // Behind a gateway the route changes the request that it has mapped.
        let is_mapped = ask.request.contains(CLUSTER_HEADER.as_bytes());
        if is_mapped || cluster.is_empty() || !ask.is(b"GET") {
            return false;
        }
        let Some(held) = ask.claim(ask.place.key) else {
            // Somebody else does it.
            return true;
        };
        let edits = conditional::revalidation(&stale.fields);
        let rules = Arc::clone(ask.rules);
        let place = ask.place.clone();
        refreshes.add(
            Refresh::new(cluster, ask.request, &edits, rules, place),
            held,
        )
    }

    /// The calls that fetch anew what was answered although it was stale.
    pub fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        self.storage.adopt(ports);
        if let Some(metrics) = &self.metrics {
            metrics.hold(ports, self.storage.occupancy(ports));
        }
        let refreshes = self.refreshes.as_ref();
        refreshes.map_or_else(Vec::new, |refreshes| refreshes.begin(ports.now()))
    }

    /// What came of such a call.
    pub fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        let refreshes = self.refreshes.as_ref();
        let Some(refresh) = refreshes.and_then(|refreshes| refreshes.end(errand)) else {
            return;
        };
        let rules = &refresh.rules;
        let held = Held::resume(
            &self.storage,
            ports,
            refresh.place.key,
            rules.group,
            rules.encrypted,
            refresh.owner,
        );
        let CalloutAnswer::Answered { headers, body } = answer else {
            return;
        };
        let status = headers.first(b":status").unwrap_or_default();
        let status = str::from_utf8(status)
            .ok()
            .and_then(|text| text.parse().ok());
        let Some(status) = status.filter(|status| !is_failure(*status)) else {
            return;
        };
        let found = place::find(
            &self.storage,
            ports,
            refresh.place.uri,
            &refresh.request,
            ports.now(),
        );
        let mut ask = Ask {
            cache: self,
            ports,
            rules,
            request: &refresh.request,
            directives: Directives::default(),
            place: refresh.place.clone(),
            why: "stale",
            asked: refresh.asked,
            stale: None,
            held: Some(held),
            evicted: 0,
        };
        let head = ResponseHead {
            status,
            headers,
            failure: None,
        };
        if status == 304 {
            if let Some((Entry::Response { head: kept, body }, times)) = found.entry {
                let stale = Stored::new(&kept, body, times.stored_at, times.fresh_until);
                ask.freshen(stale, &head.headers, ports.now());
            }
        } else if body.len() <= LONGEST_BODY && ask.may_be_kept(&head) {
            ask.keep(status, &head.headers, body, ports.now());
        } else {
            ask.keep_nothing();
        }
    }
}

impl<'e> Ask<'e> {
    fn claim(&self, key: super::super::key::Key) -> Option<Held<'e>> {
        let rules = self.rules;
        Held::claim(
            &self.cache.storage,
            self.ports,
            key,
            rules.group,
            rules.encrypted,
        )
    }

    /// Whether the request says more than what responses are found by, that an origin may listen to:
    /// its answer is nobody else's.
    fn says_more(&self) -> bool {
        let rules = self.rules;
        let keyed = |name: &str| {
            let record = self.place.record.as_ref();
            rules
                .depends_on
                .iter()
                .any(|other| other == name.as_bytes())
                || record.is_some_and(|record| record.names(name))
        };
        rules.passes_headers && unkeyed_input::overrides_itself(self.request, keyed)
            || unkeyed_input::leads_elsewhere(self.request.first(b":path").unwrap_or_default())
    }

    pub(super) fn is(&self, method: &[u8]) -> bool {
        self.request.first(b":method") == Some(method)
    }

    /// What changes on the request: with something stale, the origin is asked whether it holds.
    pub(super) fn request_edits(&self) -> Vec<HeaderEdit> {
        match &self.stale {
            Some(stale) if self.is(b"GET") && freshness::has_validator(&stale.fields) => {
                conditional::revalidation(&stale.fields)
            }
            _ => Vec::new(),
        }
    }

    async fn answer(mut self, exchange: &Exchange, head: ResponseHead) -> Answer {
        let now = self.ports.now();
        let passed = |why: &str| Edits {
            headers: vec![HeaderEdit::Add(
                "cache-status".into(),
                stored::forwarded(why),
            )],
            body: None,
        };
        let edits = passed(self.why);
        if head.failure.is_none() {
            self.invalidate(head.status, &head.headers);
        }
        if let Some(stale) = self.stale.take() {
            if is_failure(head.status) || head.failure.is_some() {
                let standing = stale.standing(now);
                let unreachable = head.failure.is_some();
                if standing.may_stand_in(&self.directives, &stale.directives, unreachable) {
                    let mut why = format!("fwd={}; detail=stale-if-error", self.why);
                    if !unreachable {
                        why.push_str(&format!("; fwd-status={}", head.status));
                    }
                    return Answer::Reply(stale.reply(self.request, now, &why));
                }
                // What was kept may still be of use.
                return Answer::PassThrough(edits);
            }
            if self.is(b"HEAD") {
                self.compare(stale, head.status, &head.headers, now);
                return Answer::PassThrough(edits);
            }
            if head.status == 304 {
                return Answer::Reply(self.still_holds(stale, &head.headers, now));
            }
        }
        if head.failure.is_some() || !self.may_be_kept(&head) {
            if self.is(b"GET") && !is_failure(head.status) {
                self.keep_nothing();
            }
            return Answer::PassThrough(edits);
        }
        if let Some(body) = exchange.pass_on(edits, LONGEST_BODY).await {
            self.keep(head.status, &head.headers, body, now);
        } else {
            self.keep_nothing();
        }
        Answer::PassedOn
    }

    /// Forgets what the request has changed (RFC 9111, section 4.4), and takes hold of the place of
    /// its answer if that is what others would be given (RFC 9110, section 9.3.3).
    pub(super) fn invalidate(&mut self, status: u16, answer: &Headers) {
        let method = self.request.first(b":method").unwrap_or_default();
        let is_safe = invalidation::is_safe(method) && !invalidation::is_overridden(self.request);
        if is_safe || !invalidation::says_changed(status) {
            return;
        }
        let authority = self.request.first(b":authority").unwrap_or_default();
        let storage = &self.cache.storage;
        storage.remove(self.ports, &self.place.uri);
        for path in invalidation::named_paths(answer, authority) {
            storage.remove(self.ports, &place::of_uri(self.request, path));
        }
        let own = self.request.first(b":path");
        let location = answer.first(b"content-location");
        if method == b"POST"
            && location.and_then(|location| invalidation::path_at(location, authority)) == own
            && freshness::is_stated(answer, &Directives::of_response(answer))
        {
            self.held = self.claim(self.place.uri);
        }
    }

    /// Whether the answer is one to keep, as far as its head tells, and this request the one to
    /// keep it.
    pub(super) fn may_be_kept(&self, head: &ResponseHead) -> bool {
        self.held.is_some()
            && storing::has_end(head.status, &head.headers)
            && storing::may_be_kept(
                self.request,
                head.status,
                &head.headers,
                &Directives::of_response(&head.headers),
            )
            && vary::fields(&head.headers).is_some()
    }

    /// Remembers that the last answer was not kept, so that others do not wait for one another.
    pub(super) fn keep_nothing(&mut self) {
        if let Some(held) = self.held.take() {
            held.fill_with_nothing(NOT_KEPT_MILLIS);
        }
    }

    /// Keeps a response whose head has come at this moment.
    pub(super) fn keep(
        &mut self,
        status: u16,
        headers: &Headers,
        body: Vec<u8>,
        answered: Timestamp,
    ) {
        let directives = Directives::of_response(headers);
        let date = super::date::format(answered.as_secs());
        let fields = storing::kept_fields(headers, &directives, &date);
        let now = self.ports.now();
        let age = freshness::age_on_arrival(headers, self.asked, answered);
        let age = age.saturating_add(now.millis_since(answered));
        self.keep_as_old(status, &fields, body, age, &directives);
    }

    /// Keeps a response that is so many milliseconds old.
    fn keep_as_old(
        &mut self,
        status: u16,
        fields: &Headers,
        body: Vec<u8>,
        age: u64,
        directives: &Directives,
    ) {
        let (Some(held), Some(mut names)) = (self.held.take(), vary::fields(fields)) else {
            return;
        };
        let now = self.ports.now();
        let rules = self.rules;
        let lifetime =
            freshness::lifetime(status, fields, directives, now, rules.without_statement);
        let fresh_until = (now.0 / 1_000_000 + freshness::millis(lifetime)).saturating_sub(age);
        let fresh_until = Timestamp(fresh_until.saturating_mul(1_000_000));
        let kept = freshness::kept_for(fields, directives, fresh_until > now);
        let kept_until = later(fresh_until, freshness::millis(kept));
        if kept_until <= now {
            held.fill_with_nothing(NOT_KEPT_MILLIS);
            return;
        }
        names.extend(rules.depends_on.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let mut kept_fields: Vec<(String, Vec<u8>)> = fields
            .iter()
            .filter(|(name, _)| *name != b"age")
            .filter_map(|(name, value)| {
                Some((str::from_utf8(name).ok()?.to_owned(), value.to_vec()))
            })
            .collect();
        kept_fields.push(("age".to_owned(), (age / 1_000).to_string().into_bytes()));
        let head = Head {
            status,
            fields: kept_fields,
            annotation: Vec::new(),
        };
        let bytes = head.with_body(body);
        let evicted = held.fill_with(
            &self.place,
            &names,
            self.request,
            bytes,
            fresh_until,
            kept_until,
        );
        self.evicted = evicted;
        if let Some(metrics) = &self.cache.metrics {
            metrics.evicted(self.ports, evicted);
        }
    }

    /// The answer, after the origin has said at this moment, and with these fields, that what is
    /// kept still holds.
    pub(super) fn still_holds(
        &mut self,
        stale: Stored,
        answer: &Headers,
        answered: Timestamp,
    ) -> Reply {
        let why = format!("fwd={}; fwd-status=304", self.why);
        let fresh = self.freshen(stale, answer, answered);
        fresh.reply(self.request, answered, &why)
    }

    /// What is kept, after the origin has said at this moment that it still holds.
    fn freshen(&mut self, stale: Stored, answer: &Headers, answered: Timestamp) -> Stored {
        let fields = storing::freshened(&stale.fields, answer);
        let directives = Directives::of_response(&fields);
        let age = freshness::age_on_arrival(answer, self.asked, answered);
        if storing::may_be_kept(self.request, stale.status, &fields, &directives) {
            let body = stale.body.clone();
            self.keep_as_old(stale.status, &fields, body, age, &directives);
        } else {
            self.keep_nothing();
        }
        let lifetime = freshness::lifetime(
            stale.status,
            &fields,
            &directives,
            answered,
            self.rules.without_statement,
        );
        let fresh_until = later(answered, freshness::millis(lifetime));
        stale.with_fields(fields, directives, age, answered, fresh_until)
    }

    /// Brings what is kept up to date with what the origin has said to `HEAD`, or forgets it (RFC
    /// 9111, section 4.3.5).
    pub(super) fn compare(
        &mut self,
        stale: Stored,
        status: u16,
        answer: &Headers,
        answered: Timestamp,
    ) {
        if status != 200 {
            return;
        }
        let same = |name: &'static [u8]| {
            let new = answer.first(name);
            new.is_none() || new == stale.fields.first(name)
        };
        let length = answer.first(b"content-length");
        let same_length =
            length.is_none_or(|length| length == stale.body.len().to_string().as_bytes());
        if stale.status == 200 && same(b"etag") && same(b"last-modified") && same_length {
            self.freshen(stale, answer, answered);
        } else {
            self.keep_nothing();
        }
    }
}

/// Whether the answer says that the origin has failed (RFC 5861, section 4).
pub(super) const fn is_failure(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
