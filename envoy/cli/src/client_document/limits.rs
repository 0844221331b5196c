//! How much customers may ask for: the limits of usage plans and stages, as text for them.

use std::fmt::Write as _;

use attache_model::{Api, ApiStage, Gateway, Period, Quota, Stage, Throttle, UsagePlan};

use super::{add_paragraph, each_operation, operation, paths};
use crate::configuration::suggestion;
use crate::tree::Tree;

/// The limits of one stage.
pub(super) struct Limits<'g> {
    api: &'g Api,
    stage: &'g Stage,
    plans: Vec<(&'g UsagePlan, &'g ApiStage)>,
}

impl<'g> Limits<'g> {
    /// Those of the named plans, or of all.
    ///
    /// # Errors
    ///
    /// No plan of such a name holds the stage.
    pub(super) fn of(
        gateway: &'g Gateway,
        api: &'g Api,
        stage: &'g Stage,
        named: &[String],
    ) -> Result<Self, String> {
        let all: Vec<_> = gateway
            .usage_plans
            .iter()
            .filter_map(|plan| {
                let mut stages = plan.api_stages.iter();
                let held = stages.find(|held| held.api == api.id && held.stage == stage.name)?;
                Some((plan, held))
            })
            .collect();
        for name in named {
            if !all.iter().any(|(plan, _)| plan.id == *name) {
                let known: Vec<&str> = all.iter().map(|(plan, _)| plan.id.as_str()).collect();
                return Err(format!(
                    "no usage plan `{name}` holds the stage: those that do are {}",
                    suggestion::list(&known, "and")
                ));
            }
        }
        let mut plans = all;
        plans.retain(|(plan, _)| named.is_empty() || named.contains(&plan.id));
        Ok(Self { api, stage, plans })
    }

    /// The section of the description; `None` where nothing is limited.
    pub(super) fn section(&self, api: &Api) -> Option<String> {
        let parts = [self.of_plans(api), self.of_operations(), self.of_stage()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("# Plan limits\n\n{}", parts.join("\n")))
    }

    fn of_plans(&self, api: &Api) -> Option<String> {
        let mut rows = String::new();
        for (plan, _) in &self.plans {
            let (rate, burst) = numbers(plan.throttle.as_ref());
            let quota = plan.quota.as_ref().map_or_else(unlimited, quota);
            let name = code(&plan.id);
            // A text takes whatever is written to it.
            let _ = writeln!(rows, "| {name} | {rate} | {burst} | {quota} |");
        }
        let (throttled, used_up) = (status(api, "THROTTLED"), status(api, "QUOTA_EXCEEDED"));
        let refused = match throttled == used_up {
            true => format!("What goes beyond them is refused with status {throttled}."),
            false => format!(
                "What goes beyond the rate is refused with status {throttled}, what goes beyond \
                 the quota with {used_up}."
            ),
        };
        (!rows.is_empty()).then(|| {
            format!(
                "A key belongs to a plan, and has its limits for itself. {refused}\n\n\
                 | Plan | Requests a second | At once | Quota |\n|---|--:|--:|---|\n{rows}"
            )
        })
    }

    fn of_operations(&self) -> Option<String> {
        let mut rows = String::new();
        for (plan, held) in &self.plans {
            for own in &held.throttle {
                let (rate, burst) = numbers(Some(&own.throttle));
                let (name, path) = (code(&plan.id), paths::plain(&own.path));
                let operation = code(&format!("{} {path}", own.method.as_str()));
                let _ = writeln!(rows, "| {name} | {operation} | {rate} | {burst} |");
            }
        }
        (!rows.is_empty()).then(|| {
            format!(
                "These operations have limits of their own, for each key:\n\n\
                 | Plan | Operation | Requests a second | At once |\n|---|---|--:|--:|\n{rows}"
            )
        })
    }

    fn of_stage(&self) -> Option<String> {
        let mut rows = String::new();
        if let Some(throttle) = &self.stage.throttle {
            let (rate, burst) = numbers(Some(throttle));
            let _ = writeln!(rows, "| all others | {rate} | {burst} |");
        }
        for settings in &self.stage.methods {
            let Some(operation) = self.api.operations.get(settings.operation) else {
                continue;
            };
            if let Some(throttle) = &settings.throttle {
                let (rate, burst) = numbers(Some(throttle));
                let path = paths::plain(&operation.path);
                let name = code(&format!("{} {path}", operation.method.as_str()));
                let _ = writeln!(rows, "| {name} | {rate} | {burst} |");
            }
        }
        if !self.stage.methods.iter().any(|own| own.throttle.is_some()) {
            rows = rows.replace("all others", "all");
        }
        (!rows.is_empty()).then(|| {
            format!(
                "All callers share these:\n\n\
                 | Operations | Requests a second | At once |\n|---|--:|--:|\n{rows}"
            )
        })
    }

    /// Adds to each operation the limits that it has for itself.
    pub(super) fn tell(&self, document: &mut Tree) {
        // Paths are written without the mark of greedy parameters there.
        let named = |path: &str| {
            let operations = self.api.operations.iter();
            operations
                .map(|operation| &operation.path)
                .find(|own| *own == path)
                .or_else(|| {
                    let mut operations = self.api.operations.iter();
                    let found = operations.find(|operation| paths::plain(&operation.path) == path);
                    found.map(|operation| &operation.path)
                })
        };
        each_operation(document, |path, method, tree| {
            let Some((number, operation)) =
                named(path).and_then(|path| operation(self.api, path, method))
            else {
                return;
            };
            let mut limits = Vec::new();
            for (plan, held) in &self.plans {
                let own = held
                    .throttle
                    .iter()
                    .find(|own| own.path == operation.path && own.method == operation.method);
                if let Some(own) = own {
                    limits.push(format!(
                        "{} for keys of {}",
                        words(&own.throttle),
                        code(&plan.id)
                    ));
                }
            }
            let of_stage = self.stage.methods.iter();
            let of_stage = of_stage.filter(|settings| settings.operation == number);
            for throttle in of_stage.filter_map(|settings| settings.throttle.as_ref()) {
                limits.push(format!("{} for all callers together", words(throttle)));
            }
            if !limits.is_empty() {
                add_paragraph(tree, &format!("Limits: {}.", limits.join("; ")));
            }
        });
    }
}

/// The status of a refusal, which the API may have changed.
fn status(api: &Api, kind: &str) -> u16 {
    let own = api.gateway_responses.get(kind);
    let general = || api.gateway_responses.get("DEFAULT_4XX");
    own.or_else(general)
        .and_then(|response| response.status_code)
        .unwrap_or(429)
}

fn numbers(throttle: Option<&Throttle>) -> (String, String) {
    match throttle {
        Some(throttle) => (
            throttle.rate_limit.to_string(),
            throttle.burst_limit.to_string(),
        ),
        None => (unlimited(), unlimited()),
    }
}

fn unlimited() -> String {
    "unlimited".to_owned()
}

fn words(throttle: &Throttle) -> String {
    format!(
        "{} requests a second and {} at once",
        throttle.rate_limit, throttle.burst_limit
    )
}

fn quota(quota: &Quota) -> String {
    const DAYS: [&str; 7] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ];
    let offset = usize::from(quota.offset);
    let period = match quota.period {
        Period::Day => "a day".to_owned(),
        Period::Week => {
            let day = DAYS.get(offset).copied().unwrap_or_default();
            format!("a week from {day}")
        }
        Period::Month if offset == 0 => "a month".to_owned(),
        Period::Month => format!("a month from day {}", offset + 1),
    };
    let zone = quota.time_zone.as_ref();
    let zone = zone.map_or("UTC", |zone| zone.name.as_str());
    format!("{} {period} ({zone})", quota.limit)
}

/// A name as code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace(['`', '\n', '\r'], " ");
    format!("`{}`", text.replace('|', "\\|"))
}
