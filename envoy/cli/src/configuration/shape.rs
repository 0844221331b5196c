//! The shape of `attache.yaml`: one JSON Schema, generated from the types, finds every fault.
//!
//! Serde would stop at the first fault and knows no place in YAML. So the file is judged by the
//! schema first, each fault is told in the user's words at its place ([`super::wording`]), and then
//! what is faulty is cut away, so that serde can read the rest and the checks that follow still
//! find theirs.

use jsonschema::{Keyword, ValidationError, Validator};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value as Json;

use super::{Configuration, wording};
use crate::diagnostic::{Diagnostic, Report};
use crate::document::{Document, Outline};

/// The schema's keyword for settings of features that are not built: an object with the `feature`
/// by name, `unless` for a value that asks for nothing, and `harmless` where ignoring the setting
/// changes no answer.
pub(super) const NOT_SUPPORTED_YET: &str = "x-not-supported-yet";

/// The JSON Schema (draft 2020-12) of `attache.yaml`.
#[must_use]
pub fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(without_null))
        .with_transform(RecursiveTransform(one_list_of_values))
        .with_transform(RecursiveTransform(without_formats));
    SchemaGenerator::new(settings)
        .into_root_schema_for::<Configuration>()
        .to_value()
}

/// A setting is left out or has a value; `null` is a slip of indentation, never a wish.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Json::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Json::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Json::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Json::Object(choice)] = choices.as_slice() {
            let choice = choice.clone();
            object.remove("anyOf");
            for (keyword, value) in choice {
                object.entry(keyword).or_insert(value);
            }
        }
    }
    if object.get("default").is_some_and(Json::is_null) {
        object.remove("default");
    }
}

/// Variants with a description each become one `enum`, which is easier to judge by.
fn one_list_of_values(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let Some(Json::Array(choices)) = object.get("oneOf") else {
        return;
    };
    let Some(values) = choices
        .iter()
        .map(|choice| choice.get("const").cloned())
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let descriptions: Vec<_> = choices
        .iter()
        .map(|choice| choice.get("description").cloned().unwrap_or_default())
        .collect();
    object.remove("oneOf");
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), values.into());
    object.insert("markdownEnumDescriptions".to_owned(), descriptions.into());
}

/// `uint32` and its like say nothing to an editor.
fn without_formats(schema: &mut Schema) {
    schema.remove("format");
}

/// What could be read of `attache.yaml`.
#[derive(Debug)]
pub struct Reading {
    /// The settings that have the right shape.
    pub configuration: Configuration,
    /// Whether others were cut away: what is missing here may stand in the file.
    pub is_partial: bool,
}

/// Reads the configuration out of a document. Every fault of its shape goes to the report; `None`
/// when nothing is left to look at.
#[must_use]
pub fn read(document: &Document, outline: &Outline, report: &mut Report) -> Option<Reading> {
    let schema = schema();
    let validator = match validator(&schema) {
        Ok(validator) => validator,
        Err(error) => {
            report.push(Diagnostic::error(
                "internal",
                &document.file,
                0..0,
                "",
                format!("attache's own schema is faulty: {error}"),
            ));
            return None;
        }
    };
    let mut rest = document.root.to_json();
    for error in validator.iter_errors(&rest) {
        for diagnostic in wording::diagnostics(&error, &schema, document, outline) {
            report.push(diagnostic);
        }
    }
    let is_partial = cut_faults(&validator, &mut rest)?;
    match serde_json::from_value(rest) {
        Ok(configuration) => Some(Reading {
            configuration,
            is_partial,
        }),
        // Serde's own words may hold a key.
        Err(_) => {
            report.push(
                Diagnostic::error(
                    "internal",
                    &document.file,
                    0..0,
                    "",
                    "a value fits the schema of attache.yaml and still cannot be read",
                )
                .hint("this is a defect of attache: please report it with the file"),
            );
            None
        }
    }
}

/// The validator, with the keyword for what is not built.
fn validator(schema: &Json) -> Result<Validator, ValidationError<'static>> {
    jsonschema::draft202012::options()
        .with_keyword(NOT_SUPPORTED_YET, |_, value, _| {
            Ok(Box::new(NotSupportedYet {
                unless: value.get("unless").cloned(),
            }))
        })
        .build(schema)
}

struct NotSupportedYet {
    unless: Option<Json>,
}

impl<'i> Keyword<'i> for NotSupportedYet {
    fn validate(&self, instance: &'i Json) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            Ok(())
        } else {
            Err(ValidationError::custom(NOT_SUPPORTED_YET))
        }
    }

    fn is_valid(&self, instance: &'i Json) -> bool {
        self.unless.as_ref() == Some(instance)
    }
}

/// Removes what does not fit, and what no longer fits because of that, until all fits. Whether
/// anything was removed; `None` when nothing is left.
fn cut_faults(validator: &Validator, json: &mut Json) -> Option<bool> {
    let mut is_partial = false;
    loop {
        let faults: Vec<String> = validator
            .iter_errors(json)
            .flat_map(|error| wording::faulty(&error))
            .collect();
        if faults.is_empty() {
            return Some(is_partial);
        }
        is_partial = true;
        for pointer in faults {
            cut(json, &pointer)?;
        }
    }
}

/// Removes the value at a pointer. Lists are removed whole, so that no other item of theirs changes
/// its number, which is its place in the file.
fn cut(json: &mut Json, pointer: &str) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match json.pointer_mut(parent) {
        Some(Json::Object(members)) => {
            members.remove(&name.replace("~1", "/").replace("~0", "~"));
            Some(())
        }
        Some(Json::Array(_)) => cut(json, parent),
        // Removed by an earlier fault.
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests;
