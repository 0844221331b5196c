//! What the options of a command make of a plan, in the terms of `attache.yaml`.

use std::collections::BTreeMap;

use attache_model as model;

use super::arguments::{Create, HeldStage, Limits, MethodThrottle, ThrottledMethod, Update};
use crate::configuration::{ApiStage, Period, Quota, Throttle, UsagePlan};
use crate::project::{MethodKey, method_name};

/// What is to become of a plan.
pub(super) struct Edit<'a> {
    limits: &'a Limits,
    no_throttle: bool,
    no_quota: bool,
    removed_api_stages: &'a [HeldStage],
    removed_method_throttles: &'a [ThrottledMethod],
}

/// Why a plan cannot be edited like this.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The arguments do not fit together.
    Usage(String),
    /// The plan is not what the arguments take it for: a code, what is wrong, and what to do.
    Refused(&'static str, String, String),
}

impl<'a> From<&'a Create> for Edit<'a> {
    fn from(create: &'a Create) -> Self {
        Self {
            limits: &create.limits,
            no_throttle: false,
            no_quota: false,
            removed_api_stages: &[],
            removed_method_throttles: &[],
        }
    }
}

impl<'a> From<&'a Update> for Edit<'a> {
    fn from(update: &'a Update) -> Self {
        Self {
            limits: &update.limits,
            no_throttle: update.no_throttle,
            no_quota: update.no_quota,
            removed_api_stages: &update.removed_api_stages,
            removed_method_throttles: &update.removed_method_throttles,
        }
    }
}

impl Edit<'_> {
    /// Whether nothing is to become of it.
    pub(super) fn is_empty(&self) -> bool {
        let Limits {
            rate_limit,
            burst_limit,
            quota_limit,
            quota_period,
            quota_offset,
            quota_time_zone,
            api_stages,
            method_throttles,
        } = self.limits;
        let has_throttle = self.no_throttle || rate_limit.is_some() || burst_limit.is_some();
        let has_quota = self.no_quota
            || quota_limit.is_some()
            || quota_period.is_some()
            || quota_offset.is_some()
            || quota_time_zone.is_some();
        !has_throttle
            && !has_quota
            && api_stages.is_empty()
            && method_throttles.is_empty()
            && self.removed_api_stages.is_empty()
            && self.removed_method_throttles.is_empty()
    }

    /// The plan that `plan` becomes; `None` is one that is not there yet. Nothing is known here of
    /// the APIs, so that it may still hold what is not there.
    pub(super) fn of(
        &self,
        name: &str,
        plan: Option<&model::UsagePlan>,
    ) -> Result<UsagePlan, Fault> {
        let mut plan = plan.map_or_else(nothing, as_declared);
        if self.no_throttle {
            plan.throttle = None;
        }
        plan.throttle = self.throttle(plan.throttle)?;
        if self.no_quota {
            plan.quota = None;
        }
        plan.quota = self.quota(plan.quota)?;
        for removed in self.removed_method_throttles {
            let held = held(name, &mut plan, &removed.stage)?;
            let method = canonical(&removed.method);
            if held.throttle.remove(&method).is_none() {
                let HeldStage { api, stage } = &removed.stage;
                return Err(Fault::Refused(
                    "method-not-throttled",
                    format!(
                        "the usage plan `{name}` has no throttle for `{method}` of `{api}:{stage}`"
                    ),
                    "`attache usage-plans list --fleet --output json` shows those that it has"
                        .to_owned(),
                ));
            }
        }
        for removed in self.removed_api_stages {
            held(name, &mut plan, removed)?;
            plan.api_stages.retain(|held| !is(held, removed));
        }
        for HeldStage { api, stage } in &self.limits.api_stages {
            plan.api_stages.push(ApiStage {
                api: api.clone(),
                stage: stage.clone(),
                throttle: BTreeMap::new(),
            });
        }
        let mut set = Vec::new();
        for MethodThrottle { method, throttle } in &self.limits.method_throttles {
            let name_of_method = canonical(&method.method);
            let held = held(name, &mut plan, &method.stage)?;
            let place = (&method.stage, name_of_method.clone());
            if set.contains(&place) {
                return Err(Fault::Usage(format!(
                    "`--method-throttle` is given twice for `{name_of_method}`"
                )));
            }
            set.push(place);
            held.throttle.insert(name_of_method, *throttle);
        }
        Ok(plan)
    }

    fn throttle(&self, before: Option<Throttle>) -> Result<Option<Throttle>, Fault> {
        let rate_limit = self.limits.rate_limit;
        let burst_limit = self.limits.burst_limit;
        let rate_limit = rate_limit.or(before.map(|throttle| throttle.rate_limit));
        let burst_limit = burst_limit.or(before.map(|throttle| throttle.burst_limit));
        match (rate_limit, burst_limit) {
            (None, None) => Ok(None),
            (Some(rate_limit), Some(burst_limit)) => Ok(Some(Throttle {
                rate_limit,
                burst_limit,
            })),
            _ => Err(Fault::Usage(
                "a throttle has a rate and a burst: give both `--rate-limit` and `--burst-limit`"
                    .to_owned(),
            )),
        }
    }

    fn quota(&self, before: Option<Quota>) -> Result<Option<Quota>, Fault> {
        let limits = self.limits;
        let before = before.as_ref();
        let limit = limits.quota_limit.or(before.map(|quota| quota.limit));
        let period = limits.quota_period.or(before.map(|quota| quota.period));
        let offset = limits.quota_offset.or(before.map(|quota| quota.offset));
        let time_zone = limits.quota_time_zone.clone();
        let time_zone = time_zone.or_else(|| before.and_then(|quota| quota.time_zone.clone()));
        match (limit, period) {
            (None, None) if offset.is_none() && time_zone.is_none() => Ok(None),
            (Some(limit), Some(period)) => Ok(Some(Quota {
                limit,
                period,
                offset: offset.unwrap_or(0),
                time_zone,
            })),
            _ => Err(Fault::Usage(
                "a quota has a limit and a period: give both `--quota-limit` and `--quota-period`"
                    .to_owned(),
            )),
        }
    }
}

/// The stage that a plan holds, which is not added with this command when `plan` has no such.
fn held<'p>(
    name: &str,
    plan: &'p mut UsagePlan,
    wanted: &HeldStage,
) -> Result<&'p mut ApiStage, Fault> {
    let mut stages = plan.api_stages.iter_mut();
    stages.find(|held| is(held, wanted)).ok_or_else(|| {
        let HeldStage { api, stage } = wanted;
        Fault::Refused(
            "stage-not-held",
            format!("the usage plan `{name}` does not hold the stage `{stage}` of `{api}`"),
            format!("`--api-stage {api}:{stage}` adds it"),
        )
    })
}

fn is(held: &ApiStage, wanted: &HeldStage) -> bool {
    held.api == wanted.api && held.stage == wanted.stage
}

/// The one spelling of a method; what is none stays as it is, to be refused with the rest.
fn canonical(method: &str) -> String {
    match MethodKey::parse(method) {
        Ok(MethodKey::One { path, method }) => method_name(&path, method),
        _ => method.to_owned(),
    }
}

const fn nothing() -> UsagePlan {
    UsagePlan {
        description: None,
        throttle: None,
        quota: None,
        api_stages: Vec::new(),
    }
}

/// A plan of Redis as it would stand in `attache.yaml`.
fn as_declared(plan: &model::UsagePlan) -> UsagePlan {
    let stages = plan.api_stages.iter().map(|held| ApiStage {
        api: held.api.clone(),
        stage: held.stage.clone(),
        throttle: held
            .throttle
            .iter()
            .map(|method| {
                let name = method_name(&method.path, method.method);
                (name, throttle(method.throttle))
            })
            .collect(),
    });
    UsagePlan {
        description: None,
        throttle: plan.throttle.map(throttle),
        quota: plan.quota.as_ref().map(|quota| Quota {
            limit: quota.limit,
            period: match quota.period {
                model::Period::Day => Period::Day,
                model::Period::Week => Period::Week,
                model::Period::Month => Period::Month,
            },
            offset: quota.offset,
            time_zone: quota.time_zone.as_ref().map(|zone| zone.name.clone()),
        }),
        api_stages: stages.collect(),
    }
}

const fn throttle(throttle: model::Throttle) -> Throttle {
    Throttle {
        rate_limit: throttle.rate_limit,
        burst_limit: throttle.burst_limit,
    }
}
