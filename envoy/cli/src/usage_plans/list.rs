//! `attache usage-plans list`.

use attache_model::{ApiStage, Throttle, UsagePlan};
use serde_json::{Map, Value, json};

use super::fleet::Fleet;
use crate::columns::aligned;
use crate::project::method_name;
use crate::record_command::{Failure, Surroundings};
use crate::terminal::Output;

pub(super) fn list(
    fleet: &Fleet,
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    let plans = fleet.plans.all()?;
    let text = match output {
        Output::Text => {
            let mut rows = vec![["NAME", "THROTTLE", "QUOTA", "STAGES"].map(str::to_owned)];
            rows.extend(plans.values().map(row));
            aligned(&rows, 0..0)
        }
        Output::Json => {
            let plans: Vec<_> = plans.values().map(document).collect();
            format!("{:#}\n", json!({"usagePlans": plans}))
        }
    };
    let written = surroundings.output.write_all(text.as_bytes());
    written.map_err(Failure::Stream)
}

/// A plan as AWS describes it. The time zone is more than AWS has.
pub(super) fn document(plan: &UsagePlan) -> Value {
    let mut described = Map::new();
    described.insert("name".to_owned(), json!(plan.id));
    if let Some(limits) = &plan.throttle {
        described.insert("throttle".to_owned(), throttle(limits));
    }
    if let Some(quota) = &plan.quota {
        let mut limits = json!({
            "limit": quota.limit,
            "offset": quota.offset,
            "period": quota.period,
        });
        if let (Some(zone), Some(limits)) = (&quota.time_zone, limits.as_object_mut()) {
            limits.insert("timeZone".to_owned(), json!(zone.name));
        }
        described.insert("quota".to_owned(), limits);
    }
    let stages: Vec<_> = plan.api_stages.iter().map(api_stage).collect();
    described.insert("apiStages".to_owned(), json!(stages));
    Value::Object(described)
}

fn api_stage(held: &ApiStage) -> Value {
    let mut described = json!({"apiId": held.api, "stage": held.stage});
    if let (false, Some(described)) = (held.throttle.is_empty(), described.as_object_mut()) {
        let methods = held.throttle.iter().map(|method| {
            let name = method_name(&method.path, method.method);
            (name, throttle(&method.throttle))
        });
        let methods = methods.collect::<Map<String, Value>>();
        described.insert("throttle".to_owned(), Value::Object(methods));
    }
    described
}

fn throttle(limits: &Throttle) -> Value {
    json!({"rateLimit": limits.rate_limit, "burstLimit": limits.burst_limit})
}

fn row(plan: &UsagePlan) -> [String; 4] {
    let none = || "-".to_owned();
    let throttle = plan.throttle.as_ref().map(|limits| {
        let Throttle {
            rate_limit,
            burst_limit,
        } = limits;
        format!("{rate_limit}/s, burst {burst_limit}")
    });
    let quota = plan.quota.as_ref().map(|quota| {
        let period = json!(quota.period);
        let period = period.as_str().unwrap_or_default();
        let mut text = format!("{} per {period}", quota.limit);
        if quota.offset > 0 {
            text.push_str(&format!(", offset {}", quota.offset));
        }
        if let Some(zone) = &quota.time_zone {
            text.push_str(&format!(", {}", zone.name));
        }
        text
    });
    let stages: Vec<_> = plan.api_stages.iter().map(stage).collect();
    let stages = (!stages.is_empty()).then(|| stages.join(", "));
    [
        plan.id.clone(),
        throttle.unwrap_or_else(none),
        quota.unwrap_or_else(none),
        stages.unwrap_or_else(none),
    ]
}

fn stage(held: &ApiStage) -> String {
    let ApiStage {
        api,
        stage,
        throttle,
    } = held;
    match throttle.len() {
        0 => format!("{api}:{stage}"),
        1 => format!("{api}:{stage} (1 method throttled)"),
        count => format!("{api}:{stage} ({count} methods throttled)"),
    }
}
