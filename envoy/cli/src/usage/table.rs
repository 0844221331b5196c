//! Usage as a table: for people, and as CSV.

use super::request::{Day, PlanUsage};
use crate::columns::aligned;

const HEADINGS: [&str; 8] = [
    "PLAN",
    "KEY",
    "DATE",
    "USED",
    "REMAINING",
    "THROTTLED",
    "REFUSED",
    "",
];

/// How long a full bar is.
const BAR: usize = 10;

/// The days with requests. A key without any has one line all the same.
pub(super) fn text(usage: &[PlanUsage]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for PlanUsage { plan, keys, .. } in usage {
        for (key, days) in keys {
            let before = rows.len();
            for day in days.iter().filter(|day| has_requests(day)) {
                rows.push(row(plan, key, &day.date.to_string(), day));
            }
            if let (true, Some(last)) = (rows.len() == before, days.last()) {
                rows.push(row(plan, key, "-", last));
            }
        }
    }
    aligned(&rows, 3..7)
}

fn has_requests(day: &Day) -> bool {
    day.used + day.throttled + day.refused > 0
}

fn row(plan: &str, key: &str, date: &str, day: &Day) -> [String; HEADINGS.len()] {
    let remaining = quota(day).map_or_else(|| "-".to_owned(), |left| left.to_string());
    [
        printable(plan),
        printable(key),
        date.to_owned(),
        day.used.to_string(),
        remaining,
        day.throttled.to_string(),
        day.refused.to_string(),
        bar(day),
    ]
}

/// A name that can do nothing to a terminal.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_control())
        .collect()
}

/// What is left; `None` without a quota.
fn quota(day: &Day) -> Option<u64> {
    u64::try_from(day.remaining).ok()
}

/// What was used of what was there at the beginning of the day.
fn bar(day: &Day) -> String {
    let Some(remaining) = quota(day) else {
        return String::new();
    };
    let used = u64::try_from(day.used).unwrap_or(0);
    let there = u128::from(used) + u128::from(remaining);
    let length = u128::try_from(BAR).unwrap_or(0);
    // Whatever was used can be seen.
    let full = (u128::from(used) * length).div_ceil(there.max(1));
    let full = usize::try_from(full).unwrap_or(BAR).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// A line for each key and day; without a quota, nothing stands under `remaining`.
pub(super) fn csv(usage: &[PlanUsage]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "usagePlan",
        "apiKey",
        "date",
        "used",
        "remaining",
        "throttled",
        "refused",
    ])?;
    for PlanUsage { plan, keys, .. } in usage {
        for (key, days) in keys {
            for day in days {
                let remaining = quota(day).map(|left| left.to_string()).unwrap_or_default();
                writer.write_record([
                    plan,
                    key,
                    &day.date.to_string(),
                    &day.used.to_string(),
                    &remaining,
                    &day.throttled.to_string(),
                    &day.refused.to_string(),
                ])?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
