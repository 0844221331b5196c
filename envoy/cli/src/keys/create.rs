//! `attache keys create`.

use std::path::Path;

use jiff::Timestamp;

use super::arguments::Create;
use super::declaration::Declaration;
use super::edit::{Change, NewKey, Stored};
use super::{Failure, Surroundings, new_value, notify, show_value};
use crate::api_key_file::check_name;
use crate::diagnostic::Report;
use crate::terminal::Output;

pub(super) fn run(
    arguments: &Create,
    directory: &Path,
    output: Output,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let declaration = Declaration::read(directory, report)?;
    let plans = checked(arguments, &declaration, surroundings.now, report)?;
    let value = new_value(arguments.value_stdin, surroundings)?;
    if let Some(key) = declaration.holder_of(value.digest()) {
        let message = format!("the value belongs to the API key `{}` already", key.name);
        return Err(declaration.refuse(
            report,
            "repeated-api-key",
            &message,
            "give each key a value of its own",
        ));
    }

    let change = Change::Add(vec![NewKey {
        name: arguments.name.clone(),
        stored: Stored::new(&value, arguments.storage.plain),
        description: None,
        usage_plans: plans,
        enabled: true,
        expires_at: arguments.expires_at,
    }]);
    declaration.write(&change)?;
    if !arguments.value_stdin {
        show_value(&arguments.name, &value, output, surroundings)?;
    }
    let message = format!(
        "created the API key `{}` in `{}`{}",
        arguments.name,
        declaration.file.display(),
        if arguments.value_stdin {
            ""
        } else {
            "; keep the value, it is not shown again"
        }
    );
    notify(surroundings, &message)
}

/// The plans of the new key, each once, if there can be such a key.
pub(super) fn checked(
    arguments: &Create,
    declaration: &Declaration,
    now: Timestamp,
    report: &mut Report,
) -> Result<Vec<String>, Failure> {
    check_name(&arguments.name).map_err(|reason| Failure::Usage(reason.to_owned()))?;
    if arguments.expires_at.is_some_and(|moment| moment <= now) {
        return Err(Failure::Usage(
            "`--expires-at` is past: the key would never work".to_owned(),
        ));
    }
    let mut plans = arguments.plans.clone();
    plans.sort();
    plans.dedup();
    check(declaration, &arguments.name, &plans, report)?;
    Ok(plans)
}

fn check(
    declaration: &Declaration,
    name: &str,
    plans: &[String],
    report: &mut Report,
) -> Result<(), Failure> {
    let mut keys = declaration.keys.iter();
    let unused = match keys.find(|key| key.name == name) {
        None => Ok(()),
        Some(key) => Err(declaration.refuse(
            report,
            "repeated-api-key-name",
            &format!(
                "an API key is named `{name}` already, in `{}` on line {}",
                key.file.display(),
                key.line
            ),
            "`attache keys rotate` gives it a new value",
        )),
    };
    let known = refuse_unknown_plans(declaration, plans, report);
    let apart = refuse_overlap(declaration, plans, report, |_, _| {
        "choose one of them".to_owned()
    });
    unused.and(known).and(apart)
}

/// Refuses plans that are not there.
pub(super) fn refuse_unknown_plans(
    declaration: &Declaration,
    plans: &[String],
    report: &mut Report,
) -> Result<(), Failure> {
    let mut result = Ok(());
    for plan in plans {
        if !declaration.plans.contains(plan) {
            let known: Vec<_> = declaration
                .plans
                .names()
                .map(|plan| format!("`{plan}`"))
                .collect();
            let hint = if known.is_empty() {
                "declare it under `usagePlans` first".to_owned()
            } else {
                format!("the usage plans are {}", known.join(", "))
            };
            result = Err(declaration.refuse(
                report,
                "unknown-usage-plan",
                &format!("no usage plan is named `{plan}`"),
                &hint,
            ));
        }
    }
    result
}

/// Refuses plans of a key of which two hold the same stage; `advice` tells of these two what to do.
pub(super) fn refuse_overlap(
    declaration: &Declaration,
    plans: &[String],
    report: &mut Report,
    advice: impl FnOnce(&str, &str) -> String,
) -> Result<(), Failure> {
    let Some((one, other, (api, stage))) = declaration.plans.overlap(plans) else {
        return Ok(());
    };
    Err(declaration.refuse(
        report,
        "overlapping-usage-plans",
        &format!(
            "the usage plans `{one}` and `{other}` both hold the stage `{stage}` of the API \
             `{api}`"
        ),
        &format!(
            "a key belongs to one plan per stage: {}",
            advice(one, other)
        ),
    ))
}
