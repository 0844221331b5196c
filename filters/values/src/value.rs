//! What a template computes with.

use std::rc::Rc;
use std::sync::Arc;

use crate::json::{self, Style};
use crate::{List, ListKind, Map, Number, Object};

/// How deep lists and maps are followed: deeper than any document, as a list may hold itself.
pub(crate) const MAX_DEPTH: usize = 256;

/// How many pairs of values are compared to tell whether two are equal.
const MOST_COMPARED: usize = 1 << 22;

/// How many bytes one value prints at most: more than any body that the gateway takes.
const MOST_PRINTED: usize = 16 << 20;

/// What a template computes with.
#[derive(Clone, Debug)]
pub enum Value {
    /// JSON's and Java's null.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(Arc<str>),
    /// A list, shared with everybody who has a clone.
    List(List),
    /// A map, shared with everybody who has a clone.
    Map(Map),
    /// Something that a host provides.
    Object(Rc<dyn Object>),
}

impl Value {
    /// Text.
    #[must_use]
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// An integer.
    #[must_use]
    pub fn integer(integer: i64) -> Self {
        Self::Number(Number::Integer(integer))
    }

    /// A double.
    #[must_use]
    pub fn double(double: f64) -> Self {
        Self::Number(Number::Double(double))
    }

    /// A list that prints as compact JSON.
    #[must_use]
    pub fn array(items: Vec<Value>) -> Self {
        Self::List(List::new(ListKind::JsonArray, items))
    }

    /// A list that prints as `[a, b]`.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(ListKind::JavaList, items))
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether both are the same JSON: numbers by value, maps whatever their order. Objects are
    /// equal to themselves. Lists and maps that are deeper than any document, or take too long to
    /// compare because they hold the same things many times, are not equal unless they are one.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.equals_within(other, MAX_DEPTH, &mut MOST_COMPARED.clone())
    }

    fn equals_within(&self, other: &Self, depth: usize, visits: &mut usize) -> bool {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), visits.checked_sub(1)) else {
            return false;
        };
        *visits = left;
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left.equals(right),
            (Self::String(left), Self::String(right)) => left == right,
            (Self::List(left), Self::List(right)) => {
                left.is(right)
                    || left.read(|left| {
                        right.read(|right| {
                            let mut pairs = left.iter().zip(right);
                            left.len() == right.len()
                                && pairs
                                    .all(|(left, right)| left.equals_within(right, depth, visits))
                        })
                    })
            }
            (Self::Map(left), Self::Map(right)) => {
                left.is(right)
                    || left.len() == right.len()
                        && left.read(|entries| {
                            entries.iter().all(|(key, value)| {
                                let other = right.get(key);
                                other
                                    .is_some_and(|other| value.equals_within(&other, depth, visits))
                            })
                        })
            }
            (Self::Object(left), Self::Object(right)) => Rc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// Writes the value as Java's `toString` does where AWS shows it: a map as `{a=1, b=[2]}`,
    /// a JSON array as compact JSON.
    pub fn print(&self, out: &mut String) {
        let limit = out.len().saturating_add(MOST_PRINTED);
        self.write_within(Style::Java, out, limit);
    }

    /// The value as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Writes the value as compact JSON.
    pub fn write_json(&self, out: &mut String) {
        let limit = out.len().saturating_add(MOST_PRINTED);
        self.write_within(Style::Json, out, limit);
    }

    /// Writes the value until `out` is longer than `limit` bytes, and says whether all of it was
    /// written. A list that holds one list many times, which holds another many times, is small in
    /// memory only; and one that holds itself has no end.
    pub fn write_within(&self, style: Style, out: &mut String, limit: usize) -> bool {
        json::write(self, style, out, limit)
    }
}

/// Drops values without recursion, however deep they nest: a template can wrap a list in a list
/// for as long as it runs, and the stack of a filter is small.
pub(crate) fn release(values: Vec<Value>) {
    let mut waiting = values;
    while let Some(value) = waiting.pop() {
        match value {
            Value::List(list) => waiting.extend(list.into_items()),
            Value::Map(map) => {
                waiting.extend(map.into_entries().into_iter().map(|entry| entry.1));
            }
            _ => {}
        }
    }
}
