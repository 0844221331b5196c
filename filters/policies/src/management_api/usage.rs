//! `GetUsage` and `UpdateUsage`: what keys have used of a plan, and that they may use more.
//!
//! ```text
//! GET   /usageplans/ID/usage?startDate=YYYY-MM-DD&endDate=YYYY-MM-DD[&keyId][&limit][&position]
//! PATCH /usageplans/ID/keys/KEY/usage
//!       {"patchOperations": [{"op": "replace", "path": "/remaining", "value": "10"}]}
//! GET   /usageplans/counts[?limit][&position]
//! ```
//!
//! The answers to the first two are AWS's: for each key a pair for each day, what was used and what
//! was left. They stand under `values`, for which the SDKs say `items`. With `include=refusals` the first also has `refusals`, of the same form: what throttles
//! and what the quota have refused. The third tells all there is to hand on to the next gateway, as
//! [`KeptUsage`](attache_model::KeptUsage).
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html>
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateUsage.html>

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use attache_model as model;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{ManagementApi, Refusal, is_named};
use crate::exchange::{Exchange, Reply};
use crate::fleet::keys::SharedKey;
use crate::gateway::Gateway;
use crate::integration::encoding::pairs;
use crate::ports::{Ports, Timestamp};
use crate::usage_plan::{DAYS_REPORTED, DayUsage, NotExtended, Report, UsagePlans, day};

/// How many keys an answer has unless the request says, and at most.
const PAGE: usize = 25;
const LONGEST_PAGE: usize = 500;

/// The same of counts, which are told once for all and not page by page.
const MOST_COUNTS: usize = 10_000;

/// What stands for what is left where there is no quota.
const NO_QUOTA: &str = "-1";

/// The most that can be left: beyond it, not every program reads a number in JSON exactly.
const MOST_REMAINING: u64 = (1 << 53) - 1;

const SECONDS_OF_DAY: i64 = 86_400;

/// The keys of a usage plan, both of the configuration and in its order.
#[derive(Debug)]
pub(super) struct DeclaredKeys {
    id: Box<str>,
    keys: Vec<Box<str>>,
}

/// A usage plan and its keys.
struct PlanKeys<'p> {
    id: &'p str,
    /// Those of the configuration.
    keys: &'p [Box<str>],
}

/// What is asked of the usage plans. Names are still encoded.
pub(super) enum UsageCall<'r> {
    Get { plan: &'r [u8], query: &'r [u8] },
    Update { plan: &'r [u8], key: &'r [u8] },
    Counts { query: &'r [u8] },
}

/// The query of a request, as far as it is known.
#[derive(Default)]
struct Query {
    start_date: Option<String>,
    end_date: Option<String>,
    key_id: Option<String>,
    limit: Option<String>,
    position: Option<String>,
    include: Option<String>,
}

/// A part of a list.
struct Page {
    from: usize,
    length: usize,
}

impl DeclaredKeys {
    pub(super) fn of(gateway: &model::Gateway) -> Vec<Self> {
        let mut plans: Vec<Self> = Vec::with_capacity(gateway.usage_plans.len());
        let mut places = HashMap::new();
        for (place, plan) in gateway.usage_plans.iter().enumerate() {
            places.insert(plan.id.as_str(), place);
            plans.push(Self {
                id: plan.id.as_str().into(),
                keys: Vec::new(),
            });
        }
        for key in &gateway.api_keys {
            for plan in &key.usage_plans {
                let place = places.get(plan.as_str());
                if let Some(plan) = place.and_then(|place| plans.get_mut(*place)) {
                    plan.keys.push(key.id.as_str().into());
                }
            }
        }
        plans
    }
}

impl<'r> UsageCall<'r> {
    /// Reads what stands after `/usageplans/`; `None` for a request that is for something else.
    pub(super) fn of(method: &[u8], segments: &[&'r [u8]], query: &'r [u8]) -> Option<Self> {
        match (method, segments) {
            (b"GET", [plan, b"usage"]) => Some(Self::Get { plan, query }),
            (b"GET", [b"counts"]) => Some(Self::Counts { query }),
            (b"PATCH", [plan, b"keys", key, b"usage"]) => Some(Self::Update { plan, key }),
            _ => None,
        }
    }
}

impl ManagementApi {
    pub(super) async fn usage(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        call: UsageCall<'_>,
    ) -> Result<Reply, Refusal> {
        let ports = exchange.ports();
        let plans = &*gateway.plans();
        store(gateway, exchange);
        let body = match call {
            UsageCall::Get { plan, query } => {
                let plan = self.plan(plans, plan)?;
                get_usage(gateway, exchange, plans, plan, query).await?
            }
            UsageCall::Update { plan, key } => {
                let (place, keys) = self.plan(plans, plan)?;
                let shared = shared_keys(gateway, place);
                let key_id = keys.all(&shared).find(|key_id| is_named(key, key_id));
                let key_id = key_id.ok_or_else(no_such_key)?;
                let remaining = remaining(exchange.request_body().await)?;
                let now = ports.now();
                let set = match &gateway.fleet {
                    Some(fleet) => {
                        fleet
                            .set_remaining(plans, place, key_id, remaining, exchange)
                            .await
                    }
                    None => plans.set_remaining(place, key_id, remaining, ports, now),
                };
                set.map_err(|reason| match reason {
                    NotExtended::NoQuota => {
                        Refusal::bad_request(format!("Usage Plan {} has no quota", keys.id))
                    }
                    NotExtended::Undecided => away(),
                })?;
                let today = day(now);
                let report = Report::new(plans, place, today..=today, now);
                let report = report.ok_or_else(away)?;
                let of_key = tell(gateway, exchange, plans, &report, vec![key_id]).await?;
                usage_json(keys.id, (today, today), &of_key, None, false)
            }
            UsageCall::Counts { query } => self.counts(plans, ports, query)?,
        };
        Ok(json(body))
    }

    /// All that is kept of the keys of all plans, a page of it.
    fn counts(
        &self,
        plans: &UsagePlans,
        ports: &dyn Ports,
        query: &[u8],
    ) -> Result<String, Refusal> {
        let page = Query::read(query)?.page(MOST_COUNTS)?;
        let declared = self.plans.iter().enumerate();
        let all =
            declared.flat_map(|(place, plan)| plan.keys.iter().map(move |key| (place, plan, key)));
        let mut kept = String::new();
        for (place, plan, key_id) in all.skip(page.from).take(page.length) {
            let found = plans.kept(place, key_id, ports);
            let kept_of_key = found.map_err(|_| away())?;
            if kept_of_key.iter().all(Option::is_none) {
                continue;
            }
            separate(&mut kept);
            kept.push_str("{\"usagePlan\":");
            text(&mut kept, &plan.id);
            kept.push_str(",\"apiKey\":");
            text(&mut kept, key_id);
            for (name, value) in ["quota", "history"].into_iter().zip(kept_of_key) {
                if let Some(value) = value {
                    let _ = write!(kept, ",\"{name}\":\"{value}\"");
                }
            }
            kept.push('}');
        }
        let number = self.plans.iter().map(|plan| plan.keys.len()).sum();
        let mut json = format!("{{\"keptUsage\":[{kept}]");
        position(&mut json, page.next(number));
        json.push('}');
        Ok(json)
    }

    fn plan<'p>(
        &'p self,
        plans: &'p UsagePlans,
        name: &[u8],
    ) -> Result<(usize, PlanKeys<'p>), Refusal> {
        let ids = (0..plans.places()).filter_map(|place| Some((place, plans.id(place)?)));
        let mut named = ids.filter(|(_, id)| is_named(name, id));
        let (place, id) = named
            .next()
            .ok_or_else(|| Refusal::not_found("Invalid Usage Plan ID specified"))?;
        let keys = self.plans.get(place).map(|plan| &*plan.keys);
        let keys = keys.unwrap_or_default();
        Ok((place, PlanKeys { id, keys }))
    }
}

/// What keys have used of a plan, a page of them.
async fn get_usage(
    gateway: &Gateway,
    exchange: &Exchange,
    plans: &UsagePlans,
    (place, plan): (usize, PlanKeys<'_>),
    query: &[u8],
) -> Result<String, Refusal> {
    let query = Query::read(query)?;
    let now = exchange.ports().now();
    let days = query.days(now)?;
    let include = match query.include.as_deref() {
        None => false,
        Some("refusals") => true,
        Some(_) => return Err(Refusal::bad_request("Only refusals can be included.")),
    };
    let page = query.page(LONGEST_PAGE)?;
    let report = Report::new(plans, place, days.0..=days.1, now);
    let report = report.ok_or_else(away)?;
    let shared = shared_keys(gateway, place);
    let mut all = plan.all(&shared);
    let (key_ids, next) = match &query.key_id {
        Some(wanted) => {
            let key_id = all.find(|key_id| key_id == wanted);
            (vec![key_id.ok_or_else(no_such_key)?], None)
        }
        None => {
            let next = page.next(plan.keys.len() + shared.len());
            (all.skip(page.from).take(page.length).collect(), next)
        }
    };
    let usage = tell(gateway, exchange, plans, &report, key_ids).await?;
    Ok(usage_json(plan.id, days, &usage, next, include))
}

/// What this worker has seen is told without delay, where it need not be told to Redis first.
fn store(gateway: &Gateway, exchange: &Exchange) {
    if gateway.fleet.is_none() {
        gateway
            .plans()
            .store_usage(&gateway.usage, exchange.ports());
    }
}

/// What keys have used of a plan, as Redis knows it where gateways share their limits.
async fn tell<'k>(
    gateway: &Gateway,
    exchange: &Exchange,
    plans: &UsagePlans,
    report: &Report<'_>,
    key_ids: Vec<&'k str>,
) -> Result<Vec<(&'k str, Vec<DayUsage>)>, Refusal> {
    let found = match &gateway.fleet {
        Some(fleet) => {
            let usage = fleet.usage(plans, report.plan(), &key_ids, exchange).await;
            let usage = usage.map_err(|_| away())?;
            let days = usage
                .iter()
                .map(|(history, count)| report.days(history, *count));
            days.collect()
        }
        None => {
            let ports = exchange.ports();
            let days = key_ids.iter().map(|key_id| report.of(key_id, ports));
            days.collect::<Result<Vec<_>, _>>().map_err(|_| away())?
        }
    };
    Ok(key_ids.into_iter().zip(found).collect())
}

impl<'p> PlanKeys<'p> {
    /// The ids of those in the configuration, and then of those in Redis.
    fn all(&self, shared: &'p [Arc<SharedKey>]) -> impl Iterator<Item = &'p str> + use<'p> {
        let declared = self.keys.iter().map(|key| &**key);
        declared.chain(shared.iter().map(|key| key.id()))
    }
}

/// The keys of a plan that live in Redis, as this worker knows them.
fn shared_keys(gateway: &Gateway, place: usize) -> Vec<Arc<SharedKey>> {
    let keys = gateway
        .fleet
        .as_ref()
        .map(|fleet| fleet.keys_of_plan(place));
    keys.unwrap_or_default()
}

fn no_such_key() -> Refusal {
    Refusal::not_found("Invalid API Key identifier specified")
}

fn away() -> Refusal {
    Refusal::unavailable("The counts cannot be reached.")
}

impl Query {
    fn read(query: &[u8]) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for pair in pairs(query) {
            let place = match &*pair.name().collect::<Vec<u8>>() {
                b"startDate" => &mut read.start_date,
                b"endDate" => &mut read.end_date,
                b"keyId" => &mut read.key_id,
                b"limit" => &mut read.limit,
                b"position" => &mut read.position,
                b"include" => &mut read.include,
                // As AWS does with what it does not know.
                _ => continue,
            };
            let value = String::from_utf8(pair.decoded_value().collect());
            *place = Some(value.map_err(|_| Refusal::bad_request("A parameter is not UTF-8."))?);
        }
        Ok(read)
    }

    fn page(&self, longest: usize) -> Result<Page, Refusal> {
        // In a filter, positions have 32 bits, and numbers that do not fit lie behind everything.
        let number = |text: &Option<String>, otherwise| match text {
            Some(text) => {
                let number = text.parse::<u64>().ok()?;
                Some(usize::try_from(number).unwrap_or(usize::MAX))
            }
            None => Some(otherwise),
        };
        let page = Page {
            from: number(&self.position, 0)
                .ok_or_else(|| Refusal::bad_request("Invalid position parameter."))?,
            length: number(&self.limit, PAGE)
                .ok_or_else(|| Refusal::bad_request("Invalid limit parameter."))?
                .clamp(1, longest),
        };
        Ok(page)
    }

    /// The first day and the last.
    fn days(&self, now: Timestamp) -> Result<(u32, u32), Refusal> {
        let days = read_date(self.start_date.as_deref()).zip(read_date(self.end_date.as_deref()));
        let (first, last) = days.ok_or_else(|| {
            Refusal::bad_request("startDate and endDate are needed, each as YYYY-MM-DD.")
        })?;
        if first > last {
            return Err(Refusal::bad_request("startDate is after endDate."));
        }
        let oldest = (day(now) + 1).saturating_sub(DAYS_REPORTED);
        if first < oldest {
            return Err(Refusal::bad_request(format!(
                "Usage is told of the last {DAYS_REPORTED} days, from {} on.",
                date(oldest)
            )));
        }
        if last - first >= DAYS_REPORTED {
            return Err(Refusal::bad_request(format!(
                "Usage is told of {DAYS_REPORTED} days at once."
            )));
        }
        Ok((first, last))
    }
}

impl Page {
    /// Where the next page begins; `None` after the last.
    fn next(&self, number: usize) -> Option<usize> {
        let next = self.from.saturating_add(self.length);
        (next < number).then_some(next)
    }
}

/// What a key has used of a plan, for its holder: by the query's days, or else the last 30.
pub(crate) async fn own_usage(
    gateway: &Gateway,
    exchange: &Exchange,
    (plans, place): (&UsagePlans, usize),
    key_id: &str,
    query: &[u8],
) -> Result<Reply, Refusal> {
    const USUAL_DAYS: u32 = 30;
    let query = Query::read(query)?;
    let now = exchange.ports().now();
    let days = if query.start_date.is_none() && query.end_date.is_none() {
        ((day(now) + 1).saturating_sub(USUAL_DAYS), day(now))
    } else {
        query.days(now)?
    };
    store(gateway, exchange);
    let report = Report::new(plans, place, days.0..=days.1, now);
    let report = report.ok_or_else(away)?;
    let of_key = tell(gateway, exchange, plans, &report, vec![key_id]).await?;
    let plan = plans.id(place).unwrap_or_default();
    Ok(json(usage_json(plan, days, &of_key, None, false)))
}

fn json(body: String) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body: body.into_bytes(),
    }
}

/// What is to be left: the one thing that can be changed.
fn remaining(body: &[u8]) -> Result<u64, Refusal> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let operations = body.as_ref().and_then(|body| body.get("patchOperations"));
    let Some([operation]) = operations.and_then(Value::as_array).map(Vec::as_slice) else {
        return Err(Refusal::bad_request(
            "Invalid patch document: one operation is expected in patchOperations",
        ));
    };
    let part = |name| operation.get(name).and_then(Value::as_str);
    if part("op") != Some("replace") {
        return Err(Refusal::bad_request(
            "Invalid patch operation specified. Must be one of: [replace]",
        ));
    }
    if part("path") != Some("/remaining") {
        return Err(Refusal::bad_request(
            "Invalid patch path specified for op 'replace'. Must be one of: [/remaining]",
        ));
    }
    part("value")
        .and_then(|value| value.parse().ok())
        .filter(|value| *value <= MOST_REMAINING)
        .ok_or_else(|| Refusal::bad_request("Invalid value specified for /remaining"))
}

/// The answer of `GetUsage`.
fn usage_json(
    plan: &str,
    (first, last): (u32, u32),
    usage: &[(&str, Vec<DayUsage>)],
    next: Option<usize>,
    include_refusals: bool,
) -> String {
    let mut json = "{\"usagePlanId\":".to_owned();
    text(&mut json, plan);
    let _ = write!(
        json,
        ",\"startDate\":\"{}\",\"endDate\":\"{}\"",
        date(first),
        date(last)
    );
    position(&mut json, next);
    items(&mut json, "values", usage, |json, day| {
        let _ = write!(json, "{},", day.counts.used);
        match day.remaining {
            Some(remaining) => _ = write!(json, "{remaining}"),
            None => json.push_str(NO_QUOTA),
        }
    });
    if include_refusals {
        items(&mut json, "refusals", usage, |json, day| {
            let _ = write!(json, "{},{}", day.counts.throttled, day.counts.refused);
        });
    }
    json.push('}');
    json
}

fn items(
    json: &mut String,
    name: &str,
    usage: &[(&str, Vec<DayUsage>)],
    write_pair: fn(&mut String, &DayUsage),
) {
    let _ = write!(json, ",\"{name}\":{{");
    for (key_id, days) in usage {
        separate(json);
        text(json, key_id);
        json.push_str(":[");
        for day in days {
            separate(json);
            json.push('[');
            write_pair(json, day);
            json.push(']');
        }
        json.push(']');
    }
    json.push('}');
}

fn position(json: &mut String, next: Option<usize>) {
    if let Some(next) = next {
        let _ = write!(json, ",\"position\":\"{next}\"");
    }
}

/// A comma where something stands before.
fn separate(json: &mut String) {
    if !json.is_empty() && !json.ends_with(['[', '{']) {
        json.push(',');
    }
}

fn text(json: &mut String, text: &str) {
    json.push_str(&Value::from(text).to_string());
}

/// `YYYY-MM-DD`
fn date(day: u32) -> String {
    let seconds = i64::from(day) * SECONDS_OF_DAY;
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    let date = TimeZone::UTC.to_datetime(moment).date();
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Reads `YYYY-MM-DD` as a day since 1970-01-01.
fn read_date(text: Option<&str>) -> Option<u32> {
    let mut parts = text?.split('-');
    let mut part = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<i16>().ok())?
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() {
        return None;
    }
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let moment = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    u32::try_from(moment.as_second() / SECONDS_OF_DAY).ok()
}

#[cfg(test)]
mod tests;
