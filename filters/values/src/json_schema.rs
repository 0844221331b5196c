//! JSON Schema draft 4, as far as request models have it.
//!
//! A schema is compiled once, together with whatever it refers to. What is wrong with a value is
//! said in the words of the Java library json-schema-validator (fge), which are the ones that API
//! Gateway shows in `$context.error.validationErrorString`, in its order, and as much of it: what is
//! inside of a value is looked at only as long as nothing else is wrong.

mod compile;
mod constant;
mod format;
mod reference;
mod validate;

#[cfg(test)]
mod tests;

use std::fmt;

use attache_java_regex::Pattern;

use crate::{Number, Value};
use constant::Constant;
use format::Format;

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The first is the root.
    nodes: Vec<Node>,
}

/// Why a schema is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// The JSON pointer (RFC 6901) of the faulty value in the schema; for a fault in another schema
    /// that of the `$ref` which leads there.
    pub pointer: String,
    /// What is wrong, in lower case and without a full stop.
    pub reason: String,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// A message in the words of json-schema-validator.
    pub message: String,
}

impl fmt::Display for ValidationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for ValidationError {}

/// A schema of the tree, by its number.
type NodeId = usize;

/// One schema.
#[derive(Clone, Debug, Default)]
struct Node {
    /// `$ref`: everything else is ignored then.
    reference: Option<NodeId>,
    /// What is asked of the value itself, by keyword in alphabetical order.
    assertions: Vec<Assertion>,
    /// By name.
    properties: Vec<(Box<str>, NodeId)>,
    pattern_properties: Vec<(Pattern, NodeId)>,
    /// For properties that are in neither of the above.
    additional_properties: Option<NodeId>,
    /// For the first items.
    items: Vec<NodeId>,
    /// For the items after them.
    additional_items: Option<NodeId>,
}

/// One keyword.
#[derive(Clone, Debug)]
enum Assertion {
    /// `additionalItems: false` behind so many items.
    AdditionalItems,
    /// `additionalProperties: false`.
    AdditionalProperties,
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    Dependencies(Vec<(Box<str>, Dependency)>),
    /// The values, and all of them as JSON.
    Enum(Vec<Constant>, Box<str>),
    Format(Format),
    MaxItems(u64),
    MaxLength(u64),
    MaxProperties(u64),
    /// The limit, and whether it is excluded.
    Maximum(Number, bool),
    MinItems(u64),
    MinLength(u64),
    MinProperties(u64),
    Minimum(Number, bool),
    MultipleOf(Number),
    Not(NodeId),
    OneOf(Vec<NodeId>),
    Pattern(Pattern),
    /// By name.
    Required(Vec<Box<str>>),
    Type(Types),
    UniqueItems,
}

/// What an object with a property must fit as well.
#[derive(Clone, Debug)]
enum Dependency {
    Properties(Vec<Box<str>>),
    Schema(NodeId),
}

/// Primitive types, a bit for each in the order of [`Types::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Types(u8);

impl Types {
    const NAMES: [&'static str; 7] = [
        "array", "boolean", "integer", "null", "number", "object", "string",
    ];

    /// The type of a name; every integer is a number.
    fn of_name(name: &str) -> Option<Self> {
        let bit = Self::NAMES.iter().position(|other| *other == name)?;
        Some(Self(1 << bit | u8::from(name == "number") << 2))
    }

    /// The type of a value. `1.0` is no integer in draft 4.
    fn of_value(value: &Value) -> Self {
        Self(match value {
            Value::List(_) => 1,
            Value::Boolean(_) => 1 << 1,
            Value::Number(number) if number.is_integer() => 1 << 2,
            Value::Null => 1 << 3,
            Value::Number(_) => 1 << 4,
            Value::Map(_) | Value::Object(_) => 1 << 5,
            Value::String(_) => 1 << 6,
        })
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let names = Self::NAMES.into_iter().enumerate();
        names.filter_map(move |(bit, name)| (self.0 >> bit & 1 == 1).then_some(name))
    }
}

impl Schema {
    /// Compiles a schema and what it refers to.
    ///
    /// `resolve` finds other schemas by their URI, without a fragment. It is also asked for what a
    /// `$ref` within a schema does not lead to, with the text of the `$ref`:
    /// `#/definitions/NAME` may be another model.
    ///
    /// The keywords are those of draft 4. Others are ignored, `nullable`, `discriminator` and
    /// numbers in `exclusiveMinimum` and `exclusiveMaximum` among them, as API Gateway does.
    /// `pattern` is a regular expression of ECMA 262. Of the formats `date-time`, `email`,
    /// `hostname`, `ipv4`, `ipv6`, `regex`, `uri` and `uuid` are checked.
    ///
    /// # Errors
    ///
    /// Everything that is no schema of draft 4, and every `$ref` that leads nowhere.
    pub fn compile<'s>(
        root: &'s serde_json::Value,
        resolve: &'s dyn Fn(&str) -> Option<&'s serde_json::Value>,
    ) -> Result<Self, Vec<SchemaFault>> {
        compile::compile(root, resolve)
    }

    /// Whether a value fits.
    ///
    /// # Errors
    ///
    /// What is wrong with it. A value that takes too long, because alternatives are in one another
    /// or a regular expression backtracks, does not fit either.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<ValidationError>> {
        validate::validate(self, value)
    }
}
