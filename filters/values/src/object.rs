//! Objects that a host gives to templates.

use std::fmt;

use crate::Value;

/// Something with methods of its own that a template can name, such as `$input` or `$util`.
pub trait Object {
    /// `$object.name`, `$object["name"]`; None when there is no such property.
    fn property(&self, name: &str) -> Option<Value>;

    /// `$object.method(arguments)`; None when there is no such method, or none that takes so many
    /// arguments.
    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>>;

    /// `#set($object.name = value)`; false when there is no such property, or it is not for
    /// templates to set.
    fn set_property(&self, _name: &str, _value: &Value) -> bool {
        false
    }

    /// What `#foreach` goes through; None when the object is not a collection.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }

    /// What `$object` prints.
    fn print(&self, out: &mut String);
}

/// What an object holds is its own affair, and to tell it would put the code for telling it into
/// every filter.
impl fmt::Debug for dyn Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Object")
    }
}

/// Why a method could not answer. It ends the template, as an exception does in Java.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallError {
    /// Lower case, without a full stop.
    pub message: Box<str>,
}

impl CallError {
    /// An error with that message.
    #[must_use]
    pub fn new(message: impl Into<Box<str>>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}
