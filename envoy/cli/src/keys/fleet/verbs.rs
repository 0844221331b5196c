//! The verbs.

use attache_model::{ApiKey, KeyDigest, PreviousValue};
use attache_policies::Written;
use jiff::Timestamp;
use serde_json::json;

use super::super::arguments::{Create, Import, Revoke, Rotate};
use super::super::import::{self, Holders};
use super::super::list::{self, Listed};
use super::super::{Failure, Surroundings, create, new_value, notify, rotate, show_value};
use super::Fleet;
use crate::diagnostic::Report;
use crate::fleet_table::SOON;
use crate::terminal::Output;

/// How a verb reaches a key of the files.
const OF_FILES: &str = "leave out `--fleet`";

pub(super) fn create(
    fleet: &mut Fleet,
    arguments: &Create,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    refuse_plain(arguments.storage.plain)?;
    let declared = &fleet.declaration.plans;
    if arguments.plans.iter().any(|plan| !declared.contains(plan)) {
        fleet.know_plans()?;
    }
    let plans = create::checked(arguments, &fleet.declaration, surroundings.now, report)?;
    let value = new_value(arguments.value_stdin, surroundings)?;
    fleet.refuse_declared_value(value.digest(), report)?;
    let key = ApiKey {
        id: arguments.name.clone(),
        digest: value.digest(),
        previous_values: Vec::new(),
        enabled: true,
        expires_at: arguments.expires_at.map(millis),
        usage_plans: plans,
    };
    fleet.keys.create(&key, report)?;
    if !arguments.value_stdin {
        show_value(&key.id, &value, output, surroundings)?;
    }
    let message = format!(
        "created the API key `{}` in Redis; {SOON}{}",
        key.id,
        if arguments.value_stdin {
            ""
        } else {
            "; keep the value, it is not shown again"
        }
    );
    notify(surroundings, &message)
}

pub(super) fn revoke(
    fleet: &Fleet,
    arguments: &Revoke,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let name = &arguments.name;
    fleet.refuse_declared(name, OF_FILES, report)?;
    let record = fleet.keys.existing(name, report)?;
    if !record.value.enabled && !arguments.delete {
        return notify(
            surroundings,
            &format!("the API key `{name}` is disabled already"),
        );
    }
    fleet.keys.change(name, report, |key, _| {
        Ok((!arguments.delete).then(|| ApiKey {
            enabled: false,
            ..key.clone()
        }))
    })?;
    let done = if arguments.delete {
        "removed"
    } else {
        "disabled"
    };
    notify(
        surroundings,
        &format!("{done} the API key `{name}` in Redis; {SOON}"),
    )
}

pub(super) fn rotate(
    fleet: &Fleet,
    arguments: &Rotate,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    refuse_plain(arguments.storage.plain)?;
    let now = surroundings.now;
    let name = &arguments.name;
    let until = rotate::overlap_end(arguments, now)?;
    fleet.refuse_declared(name, OF_FILES, report)?;
    let record = fleet.keys.existing(name, report)?;
    let value = new_value(arguments.value_stdin, surroundings)?;
    let digest = value.digest();
    fleet.refuse_declared_value(digest, report)?;
    if has(&record.value, digest) {
        let taken = Written::Taken(name.clone(), name.clone());
        return Err(fleet.keys.not_written(&taken, report));
    }
    fleet.keys.change(name, report, |key, _| {
        let mut previous_values = Vec::new();
        if let Some(until) = until {
            previous_values.push(PreviousValue {
                digest: key.digest,
                expires_at: millis(until),
            });
            // Values of earlier rotations end when it was said that they would.
            let earlier = key.previous_values.iter();
            let earlier = earlier.filter(|value| value.expires_at > millis(now));
            previous_values.extend(earlier.cloned());
        }
        Ok(Some(ApiKey {
            digest,
            previous_values,
            ..key.clone()
        }))
    })?;
    if !arguments.value_stdin {
        show_value(name, &value, output, surroundings)?;
    }
    let message = format!(
        "rotated the API key `{name}` in Redis; the old value {}; {SOON}",
        until.map_or_else(
            || "no longer works".to_owned(),
            |until| format!("works until {until}")
        )
    );
    notify(surroundings, &message)
}

pub(super) fn list(
    fleet: &Fleet,
    output: Output,
    surroundings: &mut Surroundings<'_>,
) -> Result<(), Failure> {
    let keys = fleet.keys.all()?;
    let listed: Vec<_> = keys.values().map(listed).collect();
    list::print(&listed, output, surroundings)
}

pub(super) fn import(
    fleet: &mut Fleet,
    arguments: &Import,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    fleet.know_plans()?;
    let mut holders = Holders::of(&fleet.declaration);
    for key in fleet.keys.all()?.values() {
        let previous = key.previous_values.iter().map(|value| value.digest);
        holders.add(&key.id, std::iter::once(key.digest).chain(previous));
    }
    let (keys, warned) = import::read(arguments, &fleet.declaration, &holders, report)?;
    let keys: Vec<ApiKey> = keys
        .into_iter()
        .map(|key| ApiKey {
            id: key.name,
            digest: key.digest,
            previous_values: Vec::new(),
            enabled: key.enabled,
            expires_at: None,
            usage_plans: key.usage_plans,
        })
        .collect();
    fleet.keys.create_all(&keys, report)?;
    let names: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    match output {
        Output::Text => notify(
            surroundings,
            &format!(
                "imported {} of the API keys in `{}` into Redis, with {warned} warnings; {SOON}",
                names.len(),
                arguments.file.display(),
            ),
        ),
        Output::Json => writeln!(
            surroundings.output,
            "{}",
            json!({"imported": names, "warnings": warned})
        )
        .map_err(Failure::Stream),
    }
}

fn refuse_plain(plain: bool) -> Result<(), Failure> {
    if plain {
        return Err(Failure::Usage(
            "Redis is given no values: leave out `--plain`".to_owned(),
        ));
    }
    Ok(())
}

fn has(key: &ApiKey, digest: KeyDigest) -> bool {
    let mut previous = key.previous_values.iter();
    key.digest == digest || previous.any(|value| value.digest == digest)
}

/// A key as it is listed.
pub(super) fn listed(key: &ApiKey) -> Listed {
    Listed {
        name: key.id.clone(),
        usage_plans: key.usage_plans.clone(),
        enabled: key.enabled,
        expires_at: key.expires_at.and_then(moment),
        previous: key
            .previous_values
            .iter()
            .filter_map(|value| moment(value.expires_at))
            .collect(),
        place: None,
    }
}

fn moment(millis: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

/// A moment before 1970 is one that is over.
pub(super) fn millis(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}
