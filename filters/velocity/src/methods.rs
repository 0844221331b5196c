//! The methods that Java has on what templates compute with.
//!
//! A method is found by its name and the kinds of its arguments, as in Java. One that is not there
//! has no value, which is not an error; one that throws an exception in Java ends the template.

mod format;
mod list;
mod map;
mod number;
mod pattern;
mod string;

use attache_java_regex::Pattern;
use attache_values::{CallError, Number, Value};

use crate::comparison;
use crate::limits::{Budget, Exhausted};

pub(crate) use pattern::constant as constant_pattern;

/// Why a method has no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Java throws an exception.
    Method(Box<str>),
    Limit(Exhausted),
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Limit(exhausted)
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self::Method(message.into())
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        Self::Method(error.message)
    }
}

type Answer = Result<Value, Refusal>;

/// `$value.name`.
pub(crate) fn property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Map(map) => map.get(name),
        Value::Object(object) => object.property(name),
        Value::List(list) if name == "empty" => Some(Value::Boolean(list.is_empty())),
        Value::String(text) => match name {
            "empty" => Some(Value::Boolean(text.is_empty())),
            "blank" => Some(Value::Boolean(text.trim().is_empty())),
            _ => None,
        },
        _ => None,
    }
}

/// `$value.method(arguments)`; None when there is no such method. `pattern` is the first argument,
/// when that is a regular expression which stands in the template.
pub(crate) fn call(
    value: &Value,
    method: &str,
    arguments: &[Value],
    pattern: Option<&Pattern>,
    budget: &mut Budget,
) -> Option<Answer> {
    let answer = match value {
        Value::String(text) => string::call(text, method, arguments, budget)
            .or_else(|| pattern::call(text, method, arguments, pattern, budget)),
        Value::List(list) => list::call(list, method, arguments, budget),
        Value::Map(map) => map::call(map, method, arguments, budget),
        Value::Number(number) => number::call(number, method, arguments, budget),
        Value::Boolean(boolean) => number::call_boolean(*boolean, method, arguments),
        Value::Object(object) => {
            let answer = object.call(method, arguments);
            answer.map(|answer| paid(answer?, budget))
        }
        Value::Null => None,
    };
    answer
        .or_else(|| of_all(value, method, arguments, budget))
        .or_else(|| {
            // Velocity finds a method without parameters whatever it is given; Java then refuses.
            let misused = !arguments.is_empty() && takes_nothing(value, method);
            misused.then(|| Err("it takes no arguments".into()))
        })
}

/// Whether Java has a method of that name without parameters.
fn takes_nothing(value: &Value, method: &str) -> bool {
    if matches!(method, "toString" | "hashCode") {
        return true;
    }
    let methods: &[&str] = match value {
        Value::String(_) => string::WITHOUT_ARGUMENTS,
        Value::List(_) => list::WITHOUT_ARGUMENTS,
        Value::Map(_) => map::WITHOUT_ARGUMENTS,
        Value::Number(_) => number::WITHOUT_ARGUMENTS,
        Value::Boolean(_) => &["booleanValue"],
        _ => &[],
    };
    methods.contains(&method)
}

/// The methods that all values have.
fn of_all(value: &Value, method: &str, arguments: &[Value], budget: &mut Budget) -> Option<Answer> {
    Some(match (method, arguments) {
        ("toString", []) => text(value, budget).map(Value::string),
        ("equals", [other]) => comparison::equals(value, other, budget)
            .map(Value::Boolean)
            .map_err(Refusal::from),
        ("hashCode", []) => comparison::hash_code(value, budget)
            .map(|hash| Value::integer(i64::from(hash)))
            .map_err(Refusal::from),
        _ => return None,
    })
}

/// What a value prints.
fn text(value: &Value, budget: &mut Budget) -> Result<String, Refusal> {
    Ok(budget.print(value)?)
}

/// Pays for a string that a host has produced.
fn paid(value: Value, budget: &mut Budget) -> Answer {
    if let Value::String(text) = &value {
        budget.string(text.len())?;
    }
    Ok(value)
}

/// A string that was produced.
fn produced(text: String, budget: &mut Budget) -> Answer {
    budget.string(text.len())?;
    Ok(Value::string(text))
}

/// An argument that Java takes as an `int`.
fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(Number::Integer(integer)) => {
            i32::try_from(*integer).is_ok().then_some(*integer)
        }
        _ => None,
    }
}

/// The items of an argument that Java takes as a collection.
fn collection(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::List(list) => Some(list.to_vec()),
        Value::Object(object) => object.items(),
        _ => None,
    }
}

/// The answer of Java's `compareTo`.
fn order(ordering: std::cmp::Ordering) -> Value {
    Value::integer(i64::from(ordering as i8))
}
