//! What a value's tag makes of it: the core schema's types, and CloudFormation's functions, which
//! are refused.

use std::ops::Range;

use saphyr_parser::Tag;

use super::super::{EXPORT_HINT, Fault, Value, scalar};

/// The value of a scalar. With a fault, it is the text as it stands.
pub(super) fn scalar(
    text: &str,
    plain: bool,
    tag: Option<&Tag>,
    span: &Range<usize>,
) -> (Value, Option<Fault>) {
    let string = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        let value = if plain { scalar::plain(text) } else { string() };
        return (value, None);
    };
    let value = match core_type(tag) {
        Some("str" | "!") => Some(string()),
        Some("null") => Some(scalar::plain(text)).filter(|value| matches!(value, Value::Null)),
        Some("bool") => Some(scalar::plain(text)).filter(|value| matches!(value, Value::Bool(_))),
        Some("int") => scalar::number(text).filter(|value| matches!(value, Value::Integer(_))),
        Some("float") => scalar::number(text).map(|value| match value {
            #[expect(clippy::cast_precision_loss, reason = "what the tag asks for")]
            Value::Integer(number) => Value::Float(number as f64),
            other => other,
        }),
        _ => return (string(), Some(unknown(tag, span))),
    };
    match value {
        Some(value) => (value, None),
        None => {
            let kind = &tag.suffix;
            let message = format!("`{text}` is not of the type that its tag `!!{kind}` names");
            (string(), Some(Fault::new("tag", span.clone(), message)))
        }
    }
}

/// What is wrong with the tag of a collection, whose own type is `seq` or `map`.
pub(super) fn collection(tag: Option<&Tag>, own: &str, span: &Range<usize>) -> Option<Fault> {
    let tag = tag?;
    match core_type(tag) {
        Some(name) if name == own || name == "!" => None,
        _ => Some(unknown(tag, span)),
    }
}

fn unknown(tag: &Tag, span: &Range<usize>) -> Fault {
    let (name, intrinsic) = match tag.handle.as_str() {
        "!" => (format!("!{}", tag.suffix), is_intrinsic(&tag.suffix)),
        "tag:yaml.org,2002:" => (format!("!!{}", tag.suffix), false),
        handle => (format!("{handle}{}", tag.suffix), false),
    };
    if intrinsic {
        let message = format!("`{name}` is resolved by CloudFormation and has no value here");
        Fault::new("cloudformation-intrinsic", span.clone(), message).hint(EXPORT_HINT)
    } else {
        let message = format!("the tag `{name}` is not known here");
        Fault::new("tag", span.clone(), message)
    }
}

/// The name of a core schema type; `!` for the tag that only says "do not resolve".
fn core_type(tag: &Tag) -> Option<&str> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:", suffix) => Some(suffix),
        ("", "!") | ("!", "") => Some("!"),
        _ => None,
    }
}

/// The full name of the function that a tag is short for.
pub(super) fn function(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| tag.handle == "!" && is_intrinsic(&tag.suffix))?;
    Some(match tag.suffix.as_str() {
        plain @ ("Ref" | "Condition") => plain.to_owned(),
        other => format!("Fn::{other}"),
    })
}

/// Whether a tag is the short form of a CloudFormation intrinsic function.
fn is_intrinsic(suffix: &str) -> bool {
    matches!(
        suffix,
        "And"
            | "Base64"
            | "Cidr"
            | "Condition"
            | "Contains"
            | "EachMemberEquals"
            | "EachMemberIn"
            | "Equals"
            | "FindInMap"
            | "ForEach"
            | "GetAtt"
            | "GetAZs"
            | "If"
            | "ImportValue"
            | "Join"
            | "Length"
            | "Not"
            | "Or"
            | "Ref"
            | "RefAll"
            | "Rain::Embed"
            | "Select"
            | "Split"
            | "Sub"
            | "ToJsonString"
            | "Transform"
            | "ValueOf"
            | "ValueOfAll"
    )
}
