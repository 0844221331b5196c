//! `java.util.Map` and its entries.

use std::borrow::Cow;
use std::sync::Arc;

use attache_values::{CallError, Map, Object, Value};

use super::{Answer, text};
use crate::comparison;
use crate::limits::Budget;

/// The methods without parameters.
pub(super) const WITHOUT_ARGUMENTS: &[&str] = &[
    "size", "isEmpty", "clear", "keySet", "values", "entrySet", "clone",
];

pub(super) fn call(
    this: &Map,
    method: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Option<Answer> {
    answer(this, method, arguments, budget).transpose()
}

fn answer(
    this: &Map,
    method: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Option<Value>, super::Refusal> {
    budget.step()?;
    let found = |value: Option<Value>| Ok(Some(value.unwrap_or(Value::Null)));
    match (method, arguments) {
        ("size", []) => Ok(Some(Value::integer(this.len() as i64))),
        ("isEmpty", []) => Ok(Some(Value::Boolean(this.is_empty()))),
        ("get", [key]) => found(this.get(&name(key, budget)?)),
        ("getOrDefault", [key, other]) => found(
            this.get(&name(key, budget)?)
                .or_else(|| Some(other.clone())),
        ),
        ("put", [key, value]) => {
            budget.items(1)?;
            found(this.insert(&*name(key, budget)?, value.clone()))
        }
        ("putIfAbsent", [key, value]) => {
            budget.items(1)?;
            let key = name(key, budget)?;
            match this.get(&key) {
                Some(Value::Null) | None => {
                    this.insert(&*key, value.clone());
                    Ok(Some(Value::Null))
                }
                there => found(there),
            }
        }
        ("replace", [key, value]) => {
            let key = name(key, budget)?;
            match this.contains_key(&key) {
                true => found(this.insert(&*key, value.clone())),
                false => Ok(Some(Value::Null)),
            }
        }
        ("putAll", [Value::Map(other)]) => {
            budget.items(other.len())?;
            for (key, value) in other.keys().into_iter().zip(other.values()) {
                this.insert(key, value);
            }
            Ok(Some(Value::string("")))
        }
        ("remove", [key]) => {
            // The entries behind it move up.
            budget.items(1 + this.len() / 8)?;
            found(this.remove(&name(key, budget)?))
        }
        ("clear", []) => {
            this.clear();
            Ok(Some(Value::string("")))
        }
        ("containsKey", [key]) => {
            let there = this.contains_key(&name(key, budget)?);
            Ok(Some(Value::Boolean(there)))
        }
        ("containsValue", [value]) => {
            let mut place = 0;
            while let Some((_, item)) = this.entry(place) {
                if comparison::equals(&item, value, budget)? {
                    return Ok(Some(Value::Boolean(true)));
                }
                place += 1;
            }
            Ok(Some(Value::Boolean(false)))
        }
        ("keySet", []) => {
            budget.items(this.len())?;
            let keys = this.keys().into_iter().map(Value::String);
            Ok(Some(Value::list(keys.collect())))
        }
        ("values", []) => {
            budget.items(this.len())?;
            Ok(Some(Value::list(this.values())))
        }
        ("entrySet", []) => {
            budget.items(this.len())?;
            let entries = this.keys().into_iter().zip(this.values());
            let entries = entries.map(|(key, value)| {
                Value::Object(std::rc::Rc::new(Entry {
                    map: this.clone(),
                    key,
                    value,
                }))
            });
            Ok(Some(Value::list(entries.collect())))
        }
        ("clone", []) => {
            budget.items(this.len())?;
            let entries = this.keys().into_iter().zip(this.values());
            Ok(Some(Value::Map(entries.collect())))
        }
        _ => Ok(None),
    }
}

/// A key, which is always text here.
fn name<'k>(key: &'k Value, budget: &mut Budget) -> Result<Cow<'k, str>, super::Refusal> {
    match key {
        Value::String(key) => Ok(Cow::Borrowed(key)),
        key => Ok(Cow::Owned(text(key, budget)?)),
    }
}

/// One entry of a map.
#[derive(Debug)]
struct Entry {
    map: Map,
    key: Arc<str>,
    value: Value,
}

impl Entry {
    /// The value that the key has now.
    fn value(&self) -> Value {
        self.map
            .get(&self.key)
            .unwrap_or_else(|| self.value.clone())
    }
}

impl Object for Entry {
    fn property(&self, name: &str) -> Option<Value> {
        match name {
            "key" => Some(Value::String(self.key.clone())),
            "value" => Some(self.value()),
            _ => None,
        }
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>> {
        match (method, arguments) {
            ("getKey", []) => Some(Ok(Value::String(self.key.clone()))),
            ("getValue", []) => Some(Ok(self.value())),
            ("setValue", [value]) => {
                let previous = self.map.insert(self.key.clone(), value.clone());
                Some(Ok(previous.unwrap_or(Value::Null)))
            }
            ("toString", []) => {
                let mut text = String::new();
                self.print(&mut text);
                Some(Ok(Value::string(text)))
            }
            _ => None,
        }
    }

    fn print(&self, out: &mut String) {
        out.push_str(&self.key);
        out.push('=');
        self.value().print(out);
    }
}
