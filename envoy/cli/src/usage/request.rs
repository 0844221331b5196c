//! `GetUsage`: a plan's usage, asked of a gateway page by page.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html>

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Days;
use crate::management_client::{Failure, Gateway, encoded, message};

/// As many keys as an answer can have.
const LONGEST_PAGE: usize = 500;

/// As many pages as are asked for at most: a gateway that goes on for ever is none.
const MOST_PAGES: usize = 10_000;

/// What the keys of a plan have used.
pub(super) struct PlanUsage {
    pub(super) plan: String,
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) keys: Vec<(String, Vec<Day>)>,
}

/// What one key has used on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    pub(super) date: Date,
    pub(super) used: i64,
    /// At the end of the day, or now; negative when the plan has no quota.
    pub(super) remaining: i64,
    pub(super) throttled: i64,
    pub(super) refused: i64,
}

/// The answer, as far as it is read.
#[derive(Deserialize)]
struct Answer {
    values: BTreeMap<String, Vec<[i64; 2]>>,
    /// A gateway that does not count refusals says nothing of them.
    #[serde(default)]
    refusals: BTreeMap<String, Vec<[i64; 2]>>,
    position: Option<String>,
}

impl PlanUsage {
    /// Asks for the usage of a plan's keys, or of one. A plan that does not hold the one has no
    /// keys.
    pub(super) fn ask(
        gateway: &Gateway,
        plan: &str,
        key: Option<&str>,
        days: Days,
    ) -> Result<Self, Failure> {
        let mut usage = Self {
            plan: plan.to_owned(),
            start: days.first,
            end: days.last,
            keys: Vec::new(),
        };
        let path = format!(
            "/usageplans/{}/usage?startDate={}&endDate={}&limit={LONGEST_PAGE}&include=refusals",
            encoded(plan, ""),
            days.first,
            days.last,
        );
        let mut position = None;
        for _ in 0..MOST_PAGES {
            let mut target = path.clone();
            for (name, value) in [("keyId", key), ("position", position.as_deref())] {
                if let Some(value) = value {
                    target.push_str(&format!("&{name}={}", encoded(value, "")));
                }
            }
            let (status, body) = gateway.send("GET", &target, &[], ())?;
            let said = message(&body);
            if status == 404
                && key.is_some()
                && said.as_deref().is_some_and(|said| said.contains("API Key"))
            {
                return Ok(usage);
            }
            if status != 200 {
                return Err(refusal(gateway, status, said.as_deref(), plan));
            }
            let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
                Failure::Failed(
                    format!(
                        "the gateway at {} does not tell of usage: {error}",
                        gateway.url
                    ),
                    "is this the address of a gateway? Say with `--url` where it is".to_owned(),
                )
            })?;
            position = answer.position.clone();
            usage.add(answer);
            if position.is_none() {
                break;
            }
        }
        Ok(usage)
    }

    fn add(&mut self, answer: Answer) {
        for (key, pairs) in answer.values {
            let refusals = answer.refusals.get(&key).map_or(&[][..], Vec::as_slice);
            let dates = self.start.series(1.day());
            let days = dates.zip(pairs).enumerate().map(|(place, (date, pair))| {
                let [throttled, refused] = refusals.get(place).copied().unwrap_or_default();
                let [used, remaining] = pair;
                Day {
                    date,
                    used,
                    remaining,
                    throttled,
                    refused,
                }
            });
            let days = days.collect();
            self.keys.push((key, days));
        }
    }

    /// As the AWS command line prints it: what comes as `values` is called `items` there.
    pub(super) fn document(&self) -> Json {
        let items = self.keys.iter().map(|(key, days)| {
            let pairs = days.iter().map(|day| json!([day.used, day.remaining]));
            (key.clone(), pairs.collect())
        });
        json!({
            "usagePlanId": self.plan,
            "startDate": self.start.to_string(),
            "endDate": self.end.to_string(),
            "items": items.collect::<serde_json::Map<String, Json>>(),
        })
    }
}

/// What a gateway that refuses means.
pub(super) fn refusal(gateway: &Gateway, status: u16, said: Option<&str>, plan: &str) -> Failure {
    let url = &gateway.url;
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    let (reason, hint) = match status {
        401 | 403 => (
            format!("the gateway at {url} refuses the token (status {status}{said})"),
            "it has another token than this, or no `managementApi` at all: give its token with \
             `--token-file`, or serve it with one",
        ),
        404 => (
            format!("the gateway at {url} knows nothing of the plan `{plan}` (status 404{said})"),
            "what it serves may be older than the configuration here",
        ),
        400 => (
            format!("the gateway at {url} does not take the request (status 400{said})"),
            "change what it does not take",
        ),
        _ => (
            format!("the gateway at {url} cannot tell (status {status}{said})"),
            "try again; is this the address of a gateway? Say with `--url` where it is",
        ),
    };
    Failure::Failed(reason, hint.to_owned())
}
