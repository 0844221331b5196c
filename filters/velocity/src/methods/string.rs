//! `java.lang.String`. Positions and lengths count UTF-16 units.

use std::borrow::Cow;
use std::sync::Arc;

use attache_values::{Number, Value};

use super::{Answer, Refusal, collection, format, int, produced, text};
use crate::limits::Budget;

const OUTSIDE: &str = "the index is outside of the string";

/// The methods without parameters.
pub(super) const WITHOUT_ARGUMENTS: &[&str] = &[
    "length",
    "isEmpty",
    "isBlank",
    "trim",
    "strip",
    "stripLeading",
    "stripTrailing",
    "toUpperCase",
    "toLowerCase",
    "intern",
];

pub(super) fn call(
    this: &Arc<str>,
    method: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Option<Answer> {
    use Value::String as S;
    if let Err(exhausted) = budget.text(this.len()) {
        return Some(Err(exhausted.into()));
    }
    let boolean = |holds: bool| Ok(Value::Boolean(holds));
    Some(match (method, arguments) {
        ("length", []) => Ok(Value::integer(length(this) as i64)),
        ("isEmpty", []) => boolean(this.is_empty()),
        ("isBlank", []) => boolean(this.trim().is_empty()),
        ("toString" | "intern", []) => Ok(S(this.clone())),
        ("trim", []) => produced(
            this.trim_matches(|character| character <= ' ').to_owned(),
            budget,
        ),
        ("strip", []) => produced(this.trim().to_owned(), budget),
        ("stripLeading", []) => produced(this.trim_start().to_owned(), budget),
        ("stripTrailing", []) => produced(this.trim_end().to_owned(), budget),
        ("toUpperCase", []) => produced(this.to_uppercase(), budget),
        ("toLowerCase", []) => produced(this.to_lowercase(), budget),
        ("contains", [S(other)]) => boolean(this.contains(&**other)),
        ("startsWith", [S(other)]) => boolean(this.starts_with(&**other)),
        ("startsWith", [S(other), from]) => {
            let from = int(from)?;
            let rest = slice(this, from, length(this) as i64);
            boolean(rest.is_ok_and(|rest| rest.starts_with(&**other)))
        }
        ("endsWith", [S(other)]) => boolean(this.ends_with(&**other)),
        ("equalsIgnoreCase", [other]) => boolean(match other {
            S(other) => folded(this) == folded(other),
            _ => false,
        }),
        ("contentEquals", [S(other)]) => boolean(this == other),
        ("compareTo", [S(other)]) => Ok(compare(this, other)),
        ("compareToIgnoreCase", [S(other)]) => Ok(compare(&folded(this), &folded(other))),
        ("charAt", [index]) => {
            let index = int(index)?;
            slice(this, index, index + 1).map(|text| Value::string(&*text))
        }
        ("codePointAt", [index]) => code_point(this, int(index)?),
        ("substring" | "subSequence", [from, to]) => {
            let (from, to) = (int(from)?, int(to)?);
            slice(this, from, to).and_then(|text| produced(text.into_owned(), budget))
        }
        ("substring", [from]) => {
            let from = int(from)?;
            let to = length(this) as i64;
            slice(this, from, to).and_then(|text| produced(text.into_owned(), budget))
        }
        ("indexOf", [other @ (S(_) | Value::Number(_))]) => Ok(index_of(this, &sought(other)?, 0)),
        ("indexOf", [other @ (S(_) | Value::Number(_)), from]) => {
            Ok(index_of(this, &sought(other)?, int(from)?))
        }
        ("lastIndexOf", [other @ (S(_) | Value::Number(_))]) => {
            Ok(last_index_of(this, &sought(other)?, i64::MAX))
        }
        ("lastIndexOf", [other @ (S(_) | Value::Number(_)), from]) => {
            Ok(last_index_of(this, &sought(other)?, int(from)?))
        }
        ("concat", [S(other)]) => produced([&**this, &**other].concat(), budget),
        ("replace", [S(from), S(to)]) => replace(this, from, to, budget),
        ("repeat", [count]) => match usize::try_from(int(count)?) {
            Err(_) => Err("the count is negative".into()),
            Ok(count) => match budget.string(this.len().saturating_mul(count)) {
                Ok(()) => Ok(Value::string(this.repeat(count))),
                Err(exhausted) => Err(exhausted.into()),
            },
        },
        ("valueOf" | "copyValueOf", [value]) => text(value, budget).map(Value::string),
        ("format", [S(pattern), values @ ..]) => format::format(pattern, values, budget),
        ("join", [S(delimiter), values @ ..]) => join(delimiter, values, budget),
        ("compareTo", [_]) => Err("it compares strings".into()),
        (
            "contains"
            | "startsWith"
            | "endsWith"
            | "concat"
            | "indexOf"
            | "lastIndexOf"
            | "contentEquals"
            | "compareToIgnoreCase"
            | "replace",
            [Value::Null, ..] | [S(_), Value::Null],
        ) => Err("it does not take null".into()),
        _ => return None,
    })
}

/// How many UTF-16 units.
fn length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.encode_utf16().count(),
    }
}

/// The units from one position to another. Half of a character becomes U+FFFD.
fn slice(text: &str, from: i64, to: i64) -> Result<Cow<'_, str>, Refusal> {
    let range = (usize::try_from(from), usize::try_from(to));
    let (Ok(from), Ok(to)) = range else {
        return Err(OUTSIDE.into());
    };
    if text.is_ascii() {
        return text.get(from..to).map(Cow::Borrowed).ok_or(OUTSIDE.into());
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    match units.get(from..to) {
        Some(units) => Ok(Cow::Owned(String::from_utf16_lossy(units))),
        None => Err(OUTSIDE.into()),
    }
}

fn code_point(text: &str, index: i64) -> Answer {
    let units: Vec<u16> = text.encode_utf16().collect();
    let rest = usize::try_from(index)
        .ok()
        .and_then(|index| units.get(index..))
        .unwrap_or_default();
    let point = char::decode_utf16(rest.iter().copied()).next();
    match point {
        None => Err(OUTSIDE.into()),
        Some(Ok(character)) => Ok(Value::integer(i64::from(u32::from(character)))),
        Some(Err(half)) => Ok(Value::integer(i64::from(half.unpaired_surrogate()))),
    }
}

/// What `indexOf` looks for: a string, or a character by its code.
fn sought(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(Number::Integer(code)) => {
            let character = u32::try_from(*code).ok().and_then(char::from_u32);
            // No text holds it.
            let character = character.unwrap_or('\u{10FFFF}');
            Some(Cow::Owned(character.to_string()))
        }
        _ => None,
    }
}

/// The position in bytes of a position in units.
fn byte_of(text: &str, unit: i64) -> usize {
    if unit < 0 {
        return 0;
    }
    // In a filter a position has 32 bits.
    let unit = usize::try_from(unit).unwrap_or(usize::MAX);
    if text.is_ascii() {
        return unit.min(text.len());
    }
    let mut units = 0;
    for (place, character) in text.char_indices() {
        if units >= unit {
            return place;
        }
        units += character.len_utf16();
    }
    text.len()
}

/// The position in units of a position in bytes.
fn unit_of(text: &str, byte: Option<usize>) -> Value {
    let unit = byte.and_then(|byte| text.get(..byte)).map(length);
    Value::integer(unit.map_or(-1, |unit| unit as i64))
}

fn index_of(text: &str, other: &str, from: i64) -> Value {
    let start = byte_of(text, from);
    let rest = text.get(start..).unwrap_or_default();
    unit_of(text, rest.find(other).map(|place| start + place))
}

fn last_index_of(text: &str, other: &str, from: i64) -> Value {
    if from < 0 {
        return Value::integer(-1);
    }
    // A match may start at `from` and end behind it.
    let end = byte_of(text, from).saturating_add(other.len());
    let mut head = text.get(..end.min(text.len()));
    let mut end = end.min(text.len());
    while head.is_none() && end < text.len() {
        end += 1;
        head = text.get(..end);
    }
    let place = head.unwrap_or(text).rfind(other);
    unit_of(text, place)
}

fn compare(left: &str, right: &str) -> Value {
    let (left_length, right_length) = (length(left), length(right));
    for (left, right) in left.encode_utf16().zip(right.encode_utf16()) {
        if left != right {
            return Value::integer(i64::from(left) - i64::from(right));
        }
    }
    Value::integer(left_length as i64 - right_length as i64)
}

/// The text without the difference between capital and small letters.
fn folded(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => text.to_uppercase().to_lowercase(),
    }
}

fn replace(text: &str, from: &str, to: &str, budget: &mut Budget) -> Answer {
    let found = text.matches(from).count();
    let grown = found.saturating_mul(to.len());
    budget.string(text.len().saturating_add(grown))?;
    Ok(Value::string(text.replace(from, to)))
}

fn join(delimiter: &str, values: &[Value], budget: &mut Budget) -> Answer {
    let given;
    let values = match values {
        [value] => match collection(value) {
            Some(items) => {
                given = items;
                &given
            }
            None => values,
        },
        values => values,
    };
    let mut joined = String::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            joined.push_str(delimiter);
        }
        joined.push_str(&text(value, budget)?);
        budget.fits(joined.len())?;
    }
    produced(joined, budget)
}
