//! `attache usage-plans create`, `update` and `delete`.

use attache_model::UsagePlan;

use super::arguments::{Create, Delete, Update};
use super::edit::Edit;
use super::fleet::Fleet;
use super::list::document;
use crate::configuration::suggestion;
use crate::diagnostic::Report;
use crate::fleet_table::SOON;
use crate::record_command::{Failure, Surroundings, notify};
use crate::terminal::Output;

pub(super) fn create(
    fleet: &Fleet,
    arguments: &Create,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let name = &arguments.name;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::Usage(
            "a usage plan has a name, without control characters".to_owned(),
        ));
    }
    fleet.refuse_declared(name, report)?;
    let plan = fleet.edited(name, None, &Edit::from(arguments), report)?;
    fleet.plans.create(&plan, report)?;
    tell("created", &plan, output, surroundings)
}

pub(super) fn update(
    fleet: &Fleet,
    arguments: &Update,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let name = &arguments.name;
    let edit = Edit::from(arguments);
    if edit.is_empty() {
        return Err(Failure::Usage(
            "nothing is to be changed: give limits or stages, or what to remove".to_owned(),
        ));
    }
    fleet.refuse_declared(name, report)?;
    let mut changed = None;
    fleet.plans.change(name, report, |plan, report| {
        let plan = fleet.edited(name, Some(plan), &edit, report)?;
        changed = Some(plan.clone());
        Ok(Some(plan))
    })?;
    match changed {
        Some(plan) => tell("changed", &plan, output, surroundings),
        None => Ok(()),
    }
}

pub(super) fn delete(
    fleet: &Fleet,
    arguments: &Delete,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let name = &arguments.name;
    fleet.refuse_declared(name, report)?;
    fleet.plans.change(name, report, |plan, report| {
        if !arguments.force {
            refuse_held(fleet, plan, report)?;
        }
        Ok(None)
    })?;
    let message = format!("deleted the usage plan `{name}` in Redis; {SOON}");
    notify(surroundings, &message)
}

/// Refuses to delete a plan that somebody still depends on.
fn refuse_held(fleet: &Fleet, plan: &UsagePlan, report: &mut Report) -> Result<(), Failure> {
    let name = &plan.id;
    if let [first, ..] = plan.api_stages.as_slice() {
        let stages = plan.api_stages.iter();
        let options = stages.map(|held| format!("--remove-api-stage {}:{}", held.api, held.stage));
        let options: Vec<_> = options.collect();
        // In AWS's words.
        let message = format!(
            "Cannot delete Usage Plan {name} because there are API Stages associated with it, \
             including {}:{}",
            first.api, first.stage
        );
        let hint = format!(
            "remove them first: `attache usage-plans update --fleet {name} {}`; or give `--force`",
            options.join(" ")
        );
        return Err(fleet
            .plans
            .refuse(report, "usage-plan-with-stages", message, hint));
    }
    let keys = fleet.keys_of(name)?;
    if keys.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    Err(fleet.plans.refuse(
        report,
        "usage-plan-with-keys",
        format!(
            "API keys in Redis belong to the usage plan `{name}`: {}",
            suggestion::list(&names, "and")
        ),
        format!(
            "take each out first with `attache keys update KEY --fleet --remove-plan {name}`; or \
             give `--force`, and they keep the name of the plan and open nothing by it"
        ),
    ))
}

fn tell(
    done: &str,
    plan: &UsagePlan,
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    if output == Output::Json {
        writeln!(surroundings.output, "{:#}", document(plan)).map_err(Failure::Stream)?;
    }
    let opens_nothing = match plan.api_stages.as_slice() {
        [] => ", which holds no stage, so its keys open nothing by it",
        _ => "",
    };
    let name = &plan.id;
    let message = format!("{done} the usage plan `{name}` in Redis{opens_nothing}; {SOON}");
    notify(surroundings, &message)
}
