//! What a template computes with.

use std::rc::Rc;
use std::sync::Arc;

use crate::{List, ListKind, Map, Number, Object};

/// How deep lists and maps are printed; a list that holds itself ends there.
const MAX_DEPTH: usize = 128;

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

    /// Writes the value as Java's `toString` does where AWS shows it: a map as `{a=1, b=[2]}`,
    /// a JSON array as compact JSON.
    pub fn print(&self, out: &mut String) {
        self.print_nested(out, MAX_DEPTH);
    }

    fn print_nested(&self, out: &mut String, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return out.push_str("...");
        };
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
            Self::Number(number) => number.print(out),
            Self::String(text) => out.push_str(text),
            Self::List(list) => list.read(|items| {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push_str(", ");
                    }
                    item.print_nested(out, depth);
                }
                out.push(']');
            }),
            Self::Map(map) => map.read(|entries| {
                out.push('{');
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(key);
                    out.push('=');
                    value.print_nested(out, depth);
                }
                out.push('}');
            }),
            Self::Object(object) => object.print(out),
        }
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
