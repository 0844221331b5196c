//! Changes as people read them.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Change, Kind};

/// How much of a value is shown on a line, in characters.
const LONGEST: usize = 60;

/// The changes, one subject after the other, and what they come to in one line.
pub(crate) fn render(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "  no change for callers\n".to_owned();
    }
    let mut text = String::new();
    let mut subject = None;
    for change in changes {
        let mark = if change.breaking { '!' } else { ' ' };
        let Some(setting) = &change.setting else {
            let sign = match change.kind {
                Kind::Added => '+',
                Kind::Removed => '-',
                Kind::Changed => '~',
            };
            let _ = writeln!(text, "{mark} {sign} {}", change.subject);
            continue;
        };
        if subject != Some(&change.subject) {
            subject = Some(&change.subject);
            let _ = writeln!(text, "  ~ {}", change.subject);
        }
        let (before, after) = shown(&change.before, &change.after);
        let _ = writeln!(text, "{mark}     {setting}: {before} → {after}");
    }
    let _ = write!(text, "\n  {}", count(changes));
    if changes.iter().any(|change| change.breaking) {
        text.push_str("; with `!`: requests may be refused that were served");
    }
    text.push('\n');
    text
}

/// How many routes were added, removed and changed, and what else.
fn count(changes: &[Change]) -> String {
    let whole = |kind: Kind| {
        let whole = changes.iter().filter(|change| change.setting.is_none());
        whole.filter(|change| change.kind == kind).count()
    };
    let mut subjects: Vec<&str> = changes
        .iter()
        .filter(|change| change.setting.is_some())
        .map(|change| change.subject.as_str())
        .collect();
    subjects.dedup();
    let all = subjects.len();
    subjects.retain(|subject| !matches!(*subject, "API" | "stage"));
    let mut parts = Vec::new();
    for (number, what) in [
        (whole(Kind::Added), "added"),
        (whole(Kind::Removed), "removed"),
        (subjects.len(), "changed"),
    ] {
        if number > 0 {
            let plural = if number == 1 { "" } else { "s" };
            parts.push(format!("{number} route{plural} {what}"));
        }
    }
    if all > subjects.len() {
        parts.push("settings changed".to_owned());
    }
    parts.join(", ")
}

/// Both values on a line. Of texts that are too long it is said how long they are, and that they
/// differ when that is the same.
fn shown(before: &Value, after: &Value) -> (String, String) {
    let (first, second) = (one(before), one(after));
    if first == second {
        return (first, format!("{second}, another one"));
    }
    (first, second)
}

fn one(value: &Value) -> String {
    let text = match value {
        Value::Null => return "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    let lines = text.lines().count();
    let characters = text.chars().count();
    if lines > 1 {
        format!("({lines} lines)")
    } else if characters > LONGEST {
        let beginning: String = text.chars().take(LONGEST).collect();
        format!("{beginning}… ({characters} characters)")
    } else if text.chars().any(char::is_control) {
        format!("{text:?}")
    } else {
        text
    }
}
