//! `attache keys update`: a key is changed and keeps its values, so that its usage goes on.

use attache_model::ApiKey;

use super::super::arguments::Update;
use super::super::create::{refuse_overlap, refuse_unknown_plans};
use super::super::list::document;
use super::super::{Failure, Surroundings, notify};
use super::Fleet;
use super::verbs::{listed, millis};
use crate::configuration::suggestion;
use crate::diagnostic::Report;
use crate::fleet_table::SOON;
use crate::terminal::Output;

pub(super) fn update(
    fleet: &mut Fleet,
    arguments: &Update,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let now = millis(surroundings.now);
    let name = &arguments.name;
    check(arguments, now)?;
    fleet.refuse_declared(name, "edit it there", report)?;
    if !arguments.plans.is_empty() {
        fleet.know_plans()?;
        refuse_unknown_plans(&fleet.declaration, &arguments.plans, report)?;
    }
    let key = fleet.keys.existing(name, report)?.value;
    if edited(fleet, arguments, &key, report)? == key {
        let message = format!("the API key `{name}` is so already, in Redis");
        return tell(&key, &message, output, surroundings);
    }
    let mut changed = None;
    fleet.keys.change(name, report, |key, report| {
        let key = edited(fleet, arguments, key, report)?;
        changed = Some(key.clone());
        Ok(Some(key))
    })?;
    match changed {
        Some(key) => {
            let closed = match (key.enabled, key.expires_at) {
                (false, _) => ", which is disabled",
                (true, Some(end)) if end <= now => ", which has expired",
                (true, _) => "",
            };
            let message = format!("changed the API key `{name}` in Redis{closed}; {SOON}");
            tell(&key, &message, output, surroundings)
        }
        None => Ok(()),
    }
}

/// Refuses arguments that do not fit together, whatever the key is.
fn check(arguments: &Update, now: u64) -> Result<(), Failure> {
    let Update {
        name: _,
        plans,
        removed_plans,
        enable,
        expires_at,
        no_expires_at,
    } = arguments;
    if plans.is_empty()
        && removed_plans.is_empty()
        && !enable
        && expires_at.is_none()
        && !no_expires_at
    {
        return Err(Failure::Usage(
            "nothing is to be changed: give plans, what to remove, `--enable` or an expiry"
                .to_owned(),
        ));
    }
    if let Some(plan) = plans.iter().find(|plan| removed_plans.contains(plan)) {
        return Err(Failure::Usage(format!(
            "`{plan}` stands with `--plan` and with `--remove-plan`: choose one of them"
        )));
    }
    if expires_at.is_some_and(|moment| millis(moment) <= now) {
        return Err(Failure::Usage(
            "`--expires-at` is past: `attache keys revoke --fleet` ends a key at once".to_owned(),
        ));
    }
    Ok(())
}

/// What a key becomes.
fn edited(
    fleet: &Fleet,
    arguments: &Update,
    key: &ApiKey,
    report: &mut Report,
) -> Result<ApiKey, Failure> {
    let mut key = key.clone();
    for plan in &arguments.removed_plans {
        if !key.usage_plans.contains(plan) {
            return Err(refuse_stranger(fleet, &key, plan, report));
        }
    }
    key.usage_plans
        .retain(|plan| !arguments.removed_plans.contains(plan));
    for plan in &arguments.plans {
        if !key.usage_plans.contains(plan) {
            key.usage_plans.push(plan.clone());
        }
    }
    // Without new plans nobody has asked what the plans hold, and no stage comes to be
    // held twice.
    if !arguments.plans.is_empty() {
        let plans = &key.usage_plans;
        refuse_overlap(&fleet.declaration, plans, report, |one, other| {
            let given = |plan: &str| arguments.plans.iter().any(|given| given == plan);
            match (given(one), given(other)) {
                (true, true) => "choose one of them".to_owned(),
                (true, false) => format!("`--remove-plan {other}` takes the key out of that one"),
                (false, _) => format!("`--remove-plan {one}` takes the key out of that one"),
            }
        })?;
    }
    key.enabled |= arguments.enable;
    if arguments.no_expires_at {
        key.expires_at = None;
    }
    key.expires_at = arguments.expires_at.map(millis).or(key.expires_at);
    Ok(key)
}

/// Refuses to take a key out of a plan that it does not belong to.
fn refuse_stranger(fleet: &Fleet, key: &ApiKey, plan: &str, report: &mut Report) -> Failure {
    let plans: Vec<&str> = key.usage_plans.iter().map(String::as_str).collect();
    let hint = match plans.as_slice() {
        [] => "it belongs to no usage plan".to_owned(),
        plans => format!("it belongs to {}", suggestion::list(plans, "and")),
    };
    fleet.keys.refuse(
        report,
        "api-key-not-in-usage-plan",
        format!(
            "the API key `{}` in Redis does not belong to the usage plan `{plan}`",
            key.id
        ),
        hint,
    )
}

fn tell(
    key: &ApiKey,
    message: &str,
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    if output == Output::Json {
        let key = document(&listed(key));
        writeln!(surroundings.output, "{key:#}").map_err(Failure::Stream)?;
    }
    notify(surroundings, message)
}
