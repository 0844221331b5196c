//! What a template computes with.

use std::rc::Rc;
use std::sync::Arc;

use crate::json::{self, Style};
use crate::{List, ListKind, Map, Number, Object};

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
