//! How old a response is, and for how long it is fresh.
//!
//! RFC 9111, section 4.2.

use super::cache_control::{Directives, LONGEST, list, seconds};
use super::date;
use crate::headers::Headers;
use crate::ports::Timestamp;

/// How much of the time since a response was last modified it is taken for fresh, when it says
/// nothing: a tenth (RFC 9111, section 4.2.2).
const HEURISTIC_PART: i64 = 10;
/// The most seconds that a response is taken for fresh when it says nothing.
const LONGEST_HEURISTIC: i64 = 86_400;

/// How many milliseconds old the response is when its head arrives (RFC 9111, section 4.2.3).
pub(super) fn age_on_arrival(headers: &Headers, asked: Timestamp, answered: Timestamp) -> u64 {
    let apparent = header_date(headers, answered)
        .and_then(|date| i64::try_from(answered.as_secs()).ok()?.checked_sub(date))
        .and_then(|age| u64::try_from(age).ok())
        .unwrap_or_default();
    let stated = stated_age(headers);
    let corrected = u64::from(stated) * 1_000 + answered.millis_since(asked);
    corrected.max(apparent.saturating_mul(1_000))
}

/// The first of the numbers that `Age` has; 0 when it is not one (RFC 9111, section 5.1).
/// Parameters, which it does not have, are passed over.
fn stated_age(headers: &Headers) -> u32 {
    let first = headers
        .all(b"age")
        .flat_map(list)
        .next()
        .unwrap_or_default();
    let number = first.split(|byte| *byte == b';').next().unwrap_or_default();
    seconds(number.trim_ascii()).unwrap_or_default()
}

/// For how many seconds the response is fresh, counted from when it was made (RFC 9111, sections
/// 4.2.1 and 4.2.2). `without_statement`: what the configuration says for responses that say
/// nothing; if it says nothing either, a part of the time since they were last modified.
pub(super) fn lifetime(
    status: u16,
    headers: &Headers,
    directives: &Directives,
    now: Timestamp,
    without_statement: Option<u32>,
) -> u32 {
    if let Some(age) = directives.shared_max_age() {
        return age;
    }
    let made = header_date(headers, now).or_else(|| i64::try_from(now.as_secs()).ok());
    let within = |from: Option<i64>, to: Option<i64>| {
        let seconds = to?.checked_sub(from?)?;
        Some(u32::try_from(seconds.clamp(0, i64::from(LONGEST))).unwrap_or_default())
    };
    if let Some(expires) = headers.first(b"expires").filter(|_| !directives.targeted) {
        // What is not a date, such as 0, has passed.
        return within(made, date::parse(expires, now.as_secs())).unwrap_or_default();
    }
    if !is_heuristically_cacheable(status) && !directives.public {
        return 0;
    }
    without_statement.unwrap_or_else(|| {
        let modified = headers.first(b"last-modified");
        let modified = modified.and_then(|text| date::parse(text, now.as_secs()));
        let part = modified
            .zip(made)
            .and_then(|(modified, made)| made.checked_sub(modified))
            .map(|age| (age / HEURISTIC_PART).clamp(0, LONGEST_HEURISTIC));
        part.and_then(|part| u32::try_from(part).ok())
            .unwrap_or_default()
    })
}

/// Whether the response says itself for how long it is fresh.
pub(super) fn is_stated(headers: &Headers, directives: &Directives) -> bool {
    directives.has_age() || !directives.targeted && headers.contains(b"expires")
}

/// The statuses whose responses may be kept although they say nothing (RFC 9110, section 15.1).
pub(super) const fn is_heuristically_cacheable(status: u16) -> bool {
    matches!(
        status,
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

fn header_date(headers: &Headers, now: Timestamp) -> Option<i64> {
    date::parse(headers.first(b"date")?, now.as_secs())
}

/// What a stored response may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It answers the request.
    Answer,
    /// It answers the request, and is fetched anew meanwhile (RFC 5861, section 3).
    AnswerWhileRevalidating,
    /// It is to be asked first whether it still holds.
    Revalidate,
}

/// How a stored response stands to the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// How old it is, in milliseconds.
    pub(super) age: u64,
    /// For how many milliseconds it will still be fresh; below 0: for how many it is stale.
    pub(super) fresh_for: i64,
}

impl Standing {
    /// What a request with these directives may be told of a response with those (RFC 9111,
    /// section 4.2.4).
    ///
    /// Where `s-maxage` stands beside `stale-while-revalidate`, the latter holds: it is the more
    /// exact of what the origin has said. `must-revalidate` and `proxy-revalidate` go before both.
    pub(super) fn decide(self, request: &Directives, response: &Directives) -> Use {
        // Not even a response of this moment is young enough for 0.
        let too_old = request
            .max_age
            .is_some_and(|most| most == 0 || self.age > millis(most));
        if request.no_cache || response.no_cache || too_old {
            return Use::Revalidate;
        }
        let wanted = i64::try_from(millis(request.min_fresh.unwrap_or(0))).unwrap_or(i64::MAX);
        if self.fresh_for > 0 {
            return if self.fresh_for >= wanted {
                Use::Answer
            } else {
                Use::Revalidate
            };
        }
        if wanted > 0 || response.must_revalidate || response.proxy_revalidate {
            return Use::Revalidate;
        }
        if response.s_maxage.is_none() && self.is_stale_by_at_most(request.max_stale) {
            return Use::Answer;
        }
        if self.is_stale_by_at_most(response.stale_while_revalidate) {
            return Use::AnswerWhileRevalidating;
        }
        Use::Revalidate
    }

    /// Whether the stored response may answer because nothing better can be had: the origin has
    /// failed, or, `unreachable`, nobody could ask it (RFC 5861, section 4; RFC 9111, section
    /// 4.2.4).
    pub(super) fn may_stand_in(
        self,
        request: &Directives,
        response: &Directives,
        unreachable: bool,
    ) -> bool {
        if request.no_cache
            || response.no_cache
            || response.must_revalidate
            || response.proxy_revalidate
        {
            return false;
        }
        let allowed = response.stale_if_error.max(request.stale_if_error);
        let grace = (unreachable && response.s_maxage.is_none()).then_some(GRACE);
        self.is_stale_by_at_most(allowed.max(grace))
    }

    fn is_stale_by_at_most(self, seconds: Option<u32>) -> bool {
        seconds.is_some_and(|seconds| {
            i64::try_from(millis(seconds)).is_ok_and(|most| self.fresh_for.saturating_neg() <= most)
        })
    }
}

/// For how many seconds a stale response may stand in for an origin that nobody can reach, when
/// nothing is said about that.
const GRACE: u32 = 60;
/// For how many seconds longer a response is kept that can be asked about.
const KEPT_TO_ASK: u32 = 86_400;

/// For how many seconds a response is kept when it is not fresh any more. `fresh`: whether it is
/// now.
pub(super) fn kept_for(headers: &Headers, directives: &Directives, fresh: bool) -> u32 {
    let ask = has_validator(headers).then_some(KEPT_TO_ASK);
    let grace = fresh.then_some(GRACE);
    let stale = directives
        .stale_while_revalidate
        .max(directives.stale_if_error);
    ask.max(grace).max(stale).unwrap_or_default()
}

/// Whether the origin can be asked if the response still holds.
pub(super) fn has_validator(headers: &Headers) -> bool {
    headers.contains(b"etag") || headers.contains(b"last-modified")
}

pub(super) const fn millis(seconds: u32) -> u64 {
    seconds as u64 * 1_000
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
