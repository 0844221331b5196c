//! Values of a schema: what `enum` allows.

use serde_json::Value as Json;

use crate::{Number, Value};

/// A value that threads may share.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    Null,
    Boolean(bool),
    Number(Number),
    String(Box<str>),
    Array(Vec<Constant>),
    Object(Vec<(Box<str>, Constant)>),
}

/// A number of a schema.
pub(super) fn number(number: &serde_json::Number) -> Number {
    // Whatever is a number in JSON is one there.
    Number::parse(&number.to_string()).unwrap_or(Number::Integer(0))
}

impl Constant {
    /// Documents nest no deeper than their reader allows.
    pub(super) fn new(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(boolean) => Self::Boolean(*boolean),
            Json::Number(json) => Self::Number(number(json)),
            Json::String(text) => Self::String(text.as_str().into()),
            Json::Array(items) => Self::Array(items.iter().map(Self::new).collect()),
            Json::Object(entries) => Self::Object(
                entries
                    .iter()
                    .map(|(name, value)| (name.as_str().into(), Self::new(value)))
                    .collect(),
            ),
        }
    }

    /// Whether it is a value: numbers by value, objects whatever their order.
    pub(super) fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Boolean(one), Value::Boolean(other)) => one == other,
            (Self::Number(one), Value::Number(other)) => one.equals(other),
            (Self::String(one), Value::String(other)) => **one == **other,
            (Self::Array(one), Value::List(other)) => {
                one.len() == other.len()
                    && other
                        .read(|other| one.iter().zip(other).all(|(one, other)| one.equals(other)))
            }
            (Self::Object(one), Value::Map(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .all(|(name, one)| other.get(name).is_some_and(|other| one.equals(&other)))
            }
            _ => false,
        }
    }
}
