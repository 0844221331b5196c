//! Checks usage plans and throttles, and gives each limit its place in the store.
//!
//! A limit's store key is made of the ids that the configuration gives to what it limits, so that
//! it stays the same when a new configuration lists them in another order. Each id has its length
//! before it, so that no two limits can have the same key.

use std::collections::HashSet;
use std::sync::Arc;

use attache_model::{
    Api, ApiStage, Gateway, MethodThrottle, Period, Protocol, Quota, Stage, Throttle, UsagePlan,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::tz::TimeZone;

use super::period::Calendar;
use super::quota::Allotment;
use super::throttle::Bucket;
use super::{Limit, PlanLimits, StageLimits, UsagePlans};
use crate::api_facts::ApiFacts;
use crate::compile_error::CompileError;

impl UsagePlans {
    /// Compiles the usage plans of a configuration, the throttles of its stages and that of its
    /// account. AWS's own limits, such as 300 plans, are not enforced.
    ///
    /// # Errors
    ///
    /// One for each fault, in AWS's words where AWS has some: a plan, or a stage in a plan, that
    /// comes twice; a stage or method that does not exist; a rate that is no number or negative;
    /// a method throttle in a plan without a throttle; a quota offset out of range; a time zone
    /// that cannot be read.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let account = gateway.account.throttle.map(|throttle| {
            let key = kept_at(b'a', "throttle:account", []);
            compile_throttle(throttle, key, "/account/throttle", &mut errors)
        });
        let mut apis = Vec::with_capacity(gateway.apis.len());
        for (api_place, api) in gateway.apis.iter().enumerate() {
            let mut stages = Vec::with_capacity(api.stages.len());
            for (place, stage) in api.stages.iter().enumerate() {
                let pointer = format!("/apis/{api_place}/stages/{place}");
                stages.push(compile_stage(api, stage, &pointer, &mut errors));
            }
            apis.push(stages);
        }
        let facts = gateway.apis.iter().map(|api| ApiFacts::of(gateway, api));
        let facts: Vec<_> = facts.collect();
        let mut ids = HashSet::new();
        let mut plans = Vec::with_capacity(gateway.usage_plans.len());
        for (place, plan) in gateway.usage_plans.iter().enumerate() {
            let pointer = format!("/usagePlans/{place}");
            if !ids.insert(plan.id.as_str()) {
                errors.push(CompileError::new(
                    format!("{pointer}/id"),
                    format!("there are two usage plans with the id `{}`", plan.id),
                ));
            }
            plans.push(Some(Arc::new(compile_plan(
                &facts,
                plan,
                &pointer,
                &mut errors,
            ))));
        }
        if errors.is_empty() {
            Ok(Self {
                account,
                apis,
                plans,
                tells: gateway.rate_limit_headers,
            })
        } else {
            Err(errors)
        }
    }
}

fn compile_stage(
    api: &Api,
    stage: &Stage,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> StageLimits {
    let default = stage.throttle.map(|throttle| {
        let key = kept_at(b's', "throttle:stage", [&*api.id, &stage.name]);
        compile_throttle(throttle, key, &format!("{pointer}/throttle"), errors)
    });
    let mut methods = Vec::new();
    let mut seen = HashSet::new();
    for (place, settings) in stage.methods.iter().enumerate() {
        let pointer = format!("{pointer}/methods/{place}");
        let Some(operation) = api.operations.get(settings.operation) else {
            errors.push(CompileError::new(
                format!("{pointer}/operation"),
                format!("API `{}` has no operation {}", api.id, settings.operation),
            ));
            continue;
        };
        let (path, method) = (operation.path.as_str(), operation.method.as_str());
        if !seen.insert(settings.operation) {
            errors.push(CompileError::new(
                format!("{pointer}/operation"),
                format!("stage `{}` sets `{path}/{method}` twice", stage.name),
            ));
        }
        if let Some(throttle) = settings.throttle {
            let key = kept_at(
                b'm',
                "throttle:method",
                [&*api.id, &stage.name, path, method],
            );
            let pointer = format!("{pointer}/throttle");
            let limit = compile_throttle(throttle, key, &pointer, errors);
            methods.push((settings.operation, limit));
        }
    }
    methods.sort_unstable_by_key(|(operation, _)| *operation);
    StageLimits { default, methods }
}

fn compile_plan(
    apis: &[ApiFacts],
    plan: &UsagePlan,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> PlanLimits {
    let throttle = plan.throttle.map(|throttle| {
        let key = kept_at(b'p', "throttle:plan", [&*plan.id]);
        compile_throttle(throttle, key, &format!("{pointer}/throttle"), errors)
    });
    let quota = plan
        .quota
        .as_ref()
        .and_then(|quota| compile_quota(plan, quota, &format!("{pointer}/quota"), errors));
    let (mut stages, mut methods) = (Vec::new(), Vec::new());
    for (place, api_stage) in plan.api_stages.iter().enumerate() {
        let pointer = format!("{pointer}/apiStages/{place}");
        let releases = match find_releases(apis, api_stage) {
            Ok(releases) => releases,
            Err(hint) => {
                let ApiStage { api, stage, .. } = api_stage;
                let reason = format!(
                    "Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {}",
                    plan.id
                );
                errors.push(CompileError::new(pointer, reason).hint(hint));
                continue;
            }
        };
        let mut earlier = plan.api_stages.iter().take(place);
        if earlier.any(|other| other.api == api_stage.api && other.stage == api_stage.stage) {
            errors.push(CompileError::new(
                &pointer,
                format!(
                    "usage plan `{}` holds stage `{}` of API `{}` twice",
                    plan.id, api_stage.stage, api_stage.api
                ),
            ));
        }
        if throttle.is_none() && !api_stage.throttle.is_empty() {
            errors.push(
                CompileError::new(
                    format!("{pointer}/throttle"),
                    "Usage plan throttle settings are required for method throttles",
                )
                .hint("give the plan a `throttle` of its own"),
            );
        }
        let places = releases.iter();
        stages.extend(places.map(|release| (release.api_place, release.stage_place)));
        compile_methods(&releases, plan, api_stage, &pointer, &mut methods, errors);
    }
    methods.sort_unstable_by_key(|(method, _)| *method);
    stages.sort_unstable();
    let (usage_key, usage_name) = kept_at(b'u', "usage", [&*plan.id]);
    PlanLimits {
        stages,
        throttle,
        quota,
        methods,
        usage_key,
        usage_name,
        id: plan.id.as_str().into(),
    }
}

impl PlanLimits {
    /// Compiles a plan that lives elsewhere than in the configuration, and tells whether it holds
    /// stages or throttles methods that the configuration does not have; those are left out. `None`
    /// when there is a fault in it.
    pub(crate) fn compile(apis: &[ApiFacts], mut plan: UsagePlan) -> Option<(Self, bool)> {
        let mut leaves_out = false;
        plan.api_stages.retain_mut(|api_stage| {
            let Ok(releases) = find_releases(apis, api_stage) else {
                leaves_out = true;
                return false;
            };
            api_stage.throttle.retain(|wanted| {
                let is_known = releases
                    .iter()
                    .any(|release| release.operation(wanted).is_some());
                leaves_out |= !is_known;
                is_known
            });
            true
        });
        let mut errors = Vec::new();
        let compiled = compile_plan(apis, &plan, "", &mut errors);
        errors.is_empty().then_some((compiled, leaves_out))
    }
}

/// The throttles of single methods, by the positions of API, stage and operation.
type MethodLimits = Vec<((usize, usize, usize), Limit<Bucket>)>;

/// What serves a stage that a plan names, and where it stands in the configuration.
struct Release<'g> {
    api: &'g ApiFacts,
    api_place: usize,
    stage_place: usize,
}

impl Release<'_> {
    /// The operation that a plan throttles by itself.
    fn operation(&self, wanted: &MethodThrottle) -> Option<usize> {
        let mut operations = self.api.operations.iter();
        operations.position(|operation| {
            *operation.path == *wanted.path && operation.method == wanted.method
        })
    }
}

/// Finds the stage that a plan names, with its canary release, or says why a plan cannot hold it.
fn find_releases<'g>(apis: &'g [ApiFacts], wanted: &ApiStage) -> Result<Vec<Release<'g>>, String> {
    let mut is_api = false;
    let mut releases = Vec::new();
    for (api_place, api) in apis.iter().enumerate() {
        if *api.id != *wanted.api {
            continue;
        }
        is_api = true;
        if api.protocol == Protocol::Http {
            return Err(
                "an HTTP API has no usage plans, only throttles of its stages and routes"
                    .to_owned(),
            );
        }
        for (stage_place, stage) in api.stages.iter().enumerate() {
            if *stage.name == *wanted.stage {
                releases.push(Release {
                    api,
                    api_place,
                    stage_place,
                });
            }
        }
    }
    if !is_api {
        return Err(format!("there is no API `{}`", wanted.api));
    }
    if releases.is_empty() {
        return Err(format!(
            "API `{}` has no stage `{}`",
            wanted.api, wanted.stage
        ));
    }
    Ok(releases)
}

/// The throttles that a plan has for single methods of a stage. What its canary release serves under
/// the same path and method falls under the same limit.
fn compile_methods(
    releases: &[Release<'_>],
    plan: &UsagePlan,
    api_stage: &ApiStage,
    pointer: &str,
    limits: &mut MethodLimits,
    errors: &mut Vec<CompileError>,
) {
    for (place, wanted) in api_stage.throttle.iter().enumerate() {
        let pointer = format!("{pointer}/throttle/{place}");
        let (path, method) = (wanted.path.as_str(), wanted.method.as_str());
        let places = releases.iter().filter_map(|release| {
            let operation = release.operation(wanted)?;
            Some((release.api_place, release.stage_place, operation))
        });
        let places: Vec<_> = places.collect();
        if places.is_empty() {
            errors.push(
                CompileError::new(
                    pointer,
                    format!("API `{}` has no method `{path}/{method}`", api_stage.api),
                )
                .hint("name the resource path and the method as in the definition"),
            );
            continue;
        }
        let mut earlier = api_stage.throttle.iter().take(place);
        if earlier.any(|other| other.path == path && other.method == wanted.method) {
            errors.push(CompileError::new(
                &pointer,
                format!("usage plan `{}` throttles `{path}/{method}` twice", plan.id),
            ));
        }
        let ApiStage { api, stage, .. } = api_stage;
        let key = kept_at(
            b'o',
            "throttle:plan-method",
            [&*plan.id, api, stage, path, method],
        );
        let pointer = format!("{pointer}/throttle");
        let limit = compile_throttle(wanted.throttle, key, &pointer, errors);
        limits.extend(places.into_iter().map(|place| (place, limit.clone())));
    }
}

fn compile_throttle(
    throttle: Throttle,
    (store_key, name): (Box<[u8]>, Box<str>),
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Limit<Bucket> {
    if !throttle.rate_limit.is_finite() || throttle.rate_limit < 0.0 {
        errors.push(
            CompileError::new(
                format!("{pointer}/rateLimit"),
                "a rate limit is a finite number of requests per second and not negative",
            )
            .hint("leave the throttle out for no limit"),
        );
    }
    Limit::new(Bucket::new(throttle), store_key, name)
}

fn compile_quota(
    plan: &UsagePlan,
    quota: &Quota,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Limit<Allotment>> {
    let mut zone = TimeZone::UTC;
    if let Some(declared) = &quota.time_zone {
        let tzif = BASE64_STANDARD.decode(&declared.tzif).ok();
        match tzif.and_then(|data| TimeZone::tzif(&declared.name, &data).ok()) {
            Some(read) => zone = read,
            None => errors.push(CompileError::new(
                format!("{pointer}/timeZone/tzif"),
                format!("the rules of time zone `{}` cannot be read", declared.name),
            )),
        }
    }
    let zone_name = quota.time_zone.as_ref().map_or("", |zone| &zone.name);
    let calendar = Calendar::new(quota.period, quota.offset, zone)
        .map_err(|reason| errors.push(CompileError::new(format!("{pointer}/offset"), reason)))
        .ok()?;
    // A count belongs to one calendar: when the plan changes to another, counting starts anew.
    let period = match quota.period {
        Period::Day => "D",
        Period::Week => "W",
        Period::Month => "M",
    };
    let offset = quota.offset.to_string();
    let ids = [&*plan.id, period, &offset, zone_name];
    let (store_key, name) = kept_at(b'q', "quota", ids);
    let rule = Allotment {
        limit: quota.limit,
        calendar,
    };
    Some(Limit::new(rule, store_key, name))
}

/// Where a limit is kept: by this gateway, and in Redis.
fn kept_at<const COUNT: usize>(kind: u8, name: &str, ids: [&str; COUNT]) -> (Box<[u8]>, Box<str>) {
    (store_key(kind, ids), redis_name(name, ids))
}

/// The same for people to read, without anything that could be mistaken for a colon between two
/// ids.
fn redis_name<const COUNT: usize>(kind: &str, ids: [&str; COUNT]) -> Box<str> {
    let mut name = kind.to_owned();
    for id in ids {
        name.push(':');
        for letter in id.chars() {
            match letter {
                '%' => name.push_str("%25"),
                ':' => name.push_str("%3A"),
                letter => name.push(letter),
            }
        }
    }
    name.into_boxed_str()
}

/// The kind of a limit and the ids of what it limits, each id with its length before it.
fn store_key<const COUNT: usize>(kind: u8, ids: [&str; COUNT]) -> Box<[u8]> {
    let mut key = vec![kind];
    for id in ids {
        // Base 128, as most ids are short.
        let mut length = id.len();
        while length > 0x7f {
            key.push(0x80 | u8::try_from(length & 0x7f).unwrap_or(0));
            length >>= 7;
        }
        key.push(u8::try_from(length).unwrap_or(0));
        key.extend_from_slice(id.as_bytes());
    }
    key.into_boxed_slice()
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
