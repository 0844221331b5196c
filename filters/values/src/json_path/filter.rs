//! Conditions: `[?(@.price < 10 && @.category == 'fiction')]`.

use std::cmp::Ordering;
use std::sync::Arc;

use attache_java_regex::Pattern;

use super::Segment;
use super::evaluate::definite;
use crate::{Number, Value};

#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    /// There is such a value, and it is not null.
    Exists(Operand),
    Comparison {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    /// `@.name =~ /.*x/i`: the whole text matches.
    Matches(Operand, Pattern),
}

#[derive(Debug)]
pub(super) enum Operand {
    Path {
        /// `$`, not `@`.
        of_document: bool,
        segments: Box<[Segment]>,
    },
    Literal(Literal),
    List(Vec<Literal>),
}

#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Arc<str>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Size,
    Empty,
    Exists,
    Contains,
}

impl Filter {
    /// Whether an item meets the condition. Recursion is as deep as the condition's text.
    pub(super) fn accepts(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Any(filters) => filters.iter().any(|filter| filter.accepts(item, document)),
            Self::All(filters) => filters.iter().all(|filter| filter.accepts(item, document)),
            Self::Not(filter) => !filter.accepts(item, document),
            Self::Exists(operand) => {
                !matches!(operand.value(item, document), None | Some(Value::Null))
            }
            Self::Matches(left, pattern) => match left.value(item, document) {
                // A pattern that takes too many steps matches nothing.
                Some(Value::String(text)) => pattern.is_full_match(&text).unwrap_or(false),
                _ => false,
            },
            Self::Comparison {
                left,
                operator,
                right,
            } => {
                let left = left.value(item, document);
                match (operator, left, right.value(item, document)) {
                    (Operator::Exists, left, Some(Value::Boolean(expected))) => {
                        left.is_some() == expected
                    }
                    (operator, Some(left), Some(right)) => operator.holds(&left, &right),
                    _ => false,
                }
            }
        }
    }
}

impl Operand {
    fn value(&self, item: &Value, document: &Value) -> Option<Value> {
        match self {
            Self::Path {
                of_document,
                segments,
            } => definite(segments, if *of_document { document } else { item }),
            Self::Literal(literal) => Some(literal.value()),
            Self::List(items) => {
                let items = items.iter().map(Literal::value);
                Some(Value::array(items.collect()))
            }
        }
    }
}

impl Literal {
    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

impl Operator {
    fn holds(self, left: &Value, right: &Value) -> bool {
        match self {
            Self::Equal => same(left, right),
            // A list or map is neither equal nor unequal to a text or number, as in Jayway.
            Self::NotEqual => {
                let comparable = is_container(left) == is_container(right);
                (comparable || matches!(right, Value::Null)) && !same(left, right)
            }
            Self::Less => order(left, right) == Some(Ordering::Less),
            Self::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Self::Greater => order(left, right) == Some(Ordering::Greater),
            Self::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Self::In => holds_item(right, left),
            Self::NotIn => matches!(right, Value::List(_)) && !holds_item(right, left),
            Self::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(&**part),
                _ => holds_item(left, right),
            },
            Self::Size => match right {
                Value::Number(expected) => {
                    let length = length(left).and_then(|length| i64::try_from(length).ok());
                    length.is_some_and(|length| expected.equals(&Number::Integer(length)))
                }
                _ => false,
            },
            Self::Empty => match right {
                Value::Boolean(expected) => {
                    length(left).is_some_and(|length| (length == 0) == *expected)
                }
                _ => false,
            },
            // Decided before: it also holds where there is no value.
            Self::Exists => false,
        }
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.encode_utf16().count()),
        Value::List(list) => Some(list.len()),
        Value::Map(map) => Some(map.len()),
        _ => None,
    }
}

fn holds_item(list: &Value, item: &Value) -> bool {
    match list {
        Value::List(list) => list.read(|items| items.iter().any(|other| same(other, item))),
        _ => false,
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Boolean(left), Value::Boolean(right)) => left == right,
        _ if is_container(left) && is_container(right) => left.equals(right),
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// Which is the greater. Text compares with anything as text does; a number compares with text
/// that is a number.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.compare(right),
        (Value::Number(left), Value::String(right)) => left.compare(&Number::parse(right)?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::String(left), Value::Number(right)) => {
            let mut text = String::new();
            right.print(&mut text);
            Some((**left).cmp(&text))
        }
        _ => None,
    }
}
