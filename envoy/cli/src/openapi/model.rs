//! Models: the schemas that request bodies must fit.
//!
//! Only what an operation needs is kept, each schema with those that it refers to, and of each only
//! the keywords of JSON Schema draft 4, which API Gateway validates by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Located, Place, Reading, Version, intrinsic};
use crate::configuration::suggestion::closest;
use crate::document::{Node, Pointer, parse_pointer};

/// The model that every body fits. Every API has it.
pub(super) const EMPTY: &str = "Empty";
/// The other model that every API has.
const ERROR: &str = "Error";

/// The address of a model of an API.
const ADDRESS: &str = "https://apigateway.amazonaws.com/restapis/";

/// Keywords whose values are taken as they are.
const PLAIN: &[&str] = &[
    "type",
    "format",
    "enum",
    "required",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
];

/// Keywords that say nothing of what fits.
const ANNOTATIONS: &[&str] = &[
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "collectionFormat",
    "definitions",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "id",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];

/// Keywords that hold schemas.
const NESTED: &[&str] = &[
    "properties",
    "patternProperties",
    "dependencies",
    "items",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// Keywords that other versions of JSON Schema, or OpenAPI, judge by.
const OF_OTHERS: &[&str] = &[
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "nullable",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The models of one document.
pub(super) struct Models<'d> {
    /// Where they stand: `definitions` or `components/schemas`.
    folder: Option<Located<'d>>,
    models: BTreeMap<String, Value>,
    /// Those that are needed and have not been read.
    waiting: Vec<(String, Located<'d>)>,
    /// The keywords that were warned about.
    told: BTreeSet<&'d str>,
    /// By pointer in the model.
    places: BTreeMap<String, Place>,
}

impl<'d> Models<'d> {
    pub(super) fn new(root: &Located<'d>, version: Version) -> Self {
        let folder = match version {
            Version::V2 => root.get("definitions"),
            Version::V3 => root
                .get("components")
                .and_then(|components| components.get("schemas")),
        };
        Self {
            folder,
            models: BTreeMap::new(),
            waiting: Vec::new(),
            told: BTreeSet::new(),
            places: BTreeMap::new(),
        }
    }

    /// The models that were needed, and where they stand.
    pub(super) fn into_parts(self) -> (BTreeMap<String, Value>, BTreeMap<String, Place>) {
        (self.models, self.places)
    }

    /// The name of a schema's model, which is read with all that it refers to. `None` when it
    /// leads nowhere; the report says so.
    pub(super) fn name(
        &mut self,
        reading: &mut Reading<'d, '_>,
        schema: &Located<'d>,
    ) -> Option<String> {
        let name = match schema.get("$ref") {
            Some(reference) => self.target(reading, schema, &reference)?,
            None => self.need(schema.clone()),
        };
        while let Some((name, schema)) = self.waiting.pop() {
            let pointer = Pointer::root().key("models").key(&name);
            let model = self.schema(reading, &schema, &pointer);
            self.models.insert(name, model);
        }
        Some(name)
    }

    /// The model that a `$ref` names.
    fn target(
        &mut self,
        reading: &mut Reading<'d, '_>,
        schema: &Located<'d>,
        reference: &Located<'d>,
    ) -> Option<String> {
        let text = reading.text(reference)?;
        let last = text.rsplit('/').next().unwrap_or_default();
        let of_api = text.starts_with(ADDRESS) && text.contains("/models/");
        let found = if of_api {
            self.folder.as_ref().and_then(|folder| folder.get(last))
        } else {
            let resolved = reading.document.resolve(schema.node, &schema.pointer);
            resolved.ok().map(|resolved| Located {
                node: resolved.node,
                pointer: resolved.pointer,
            })
        };
        if let Some(found) = found {
            return Some(self.need(found));
        }
        let built_in = match last {
            EMPTY => json!({}),
            ERROR => json!({"type": "object", "properties": {"message": {"type": "string"}}}),
            _ if of_api => {
                reading.error(
                    "reference",
                    reference.place(),
                    format!("there is no model `{last}`"),
                    Some("define it under `components.schemas` (OpenAPI 2.0: `definitions`)"),
                );
                return None;
            }
            _ => {
                // Says why.
                reading.follow(schema.clone());
                return None;
            }
        };
        self.models.insert(last.to_owned(), built_in);
        Some(last.to_owned())
    }

    /// The name of the model of a schema, which is to be read if it has not been.
    fn need(&mut self, schema: Located<'d>) -> String {
        let name = self.name_of(&schema.pointer);
        let is_known = self.models.contains_key(&name)
            || self.waiting.iter().any(|(waiting, _)| *waiting == name);
        if !is_known {
            // Holds its place until it is read: schemas may refer to themselves.
            self.models.insert(name.clone(), Value::Null);
            self.waiting.push((name.clone(), schema));
        }
        name
    }

    /// The name in the document; one made of the pointer for a schema that has none.
    fn name_of(&self, pointer: &Pointer) -> String {
        let within = self
            .folder
            .as_ref()
            .and_then(|folder| pointer.as_str().strip_prefix(folder.pointer.as_str()))
            .and_then(parse_pointer);
        if let Some([name]) = within.as_deref() {
            return name.clone();
        }
        generated_name(pointer.as_str())
    }

    /// One schema, at `pointer` in the model.
    fn schema(
        &mut self,
        reading: &mut Reading<'d, '_>,
        schema: &Located<'d>,
        pointer: &Pointer,
    ) -> Value {
        self.places.insert(pointer.clone().into(), schema.place());
        // Draft 6 and later: `true` and `false` are schemas.
        match schema.node.as_bool() {
            Some(true) => return json!({}),
            Some(false) => return json!({"not": {}}),
            None => {}
        }
        let mut kept = Map::new();
        if let Some(reference) = schema.get("$ref") {
            if let Some(name) = self.target(reading, schema, &reference) {
                let target = format!("#{}", Pointer::root().key("definitions").key(&name));
                kept.insert("$ref".to_owned(), target.into());
            }
            return kept.into();
        }
        for entry in reading.mapping(schema).unwrap_or_default() {
            let keyword = entry.key.as_str();
            let value = schema.value_of(entry);
            if PLAIN.contains(&keyword) {
                let is_flag = matches!(keyword, "exclusiveMaximum" | "exclusiveMinimum");
                if is_flag && value.node.as_f64().is_some() {
                    self.tell(reading, keyword, schema.key_of(entry));
                    continue;
                }
                self.places
                    .insert(pointer.key(keyword).into(), value.place());
                self.plain_places(&value, &pointer.key(keyword));
                kept.insert(keyword.to_owned(), value.node.to_json());
            } else if NESTED.contains(&keyword) {
                let nested = self.nested(reading, keyword, &value, &pointer.key(keyword));
                kept.insert(keyword.to_owned(), nested);
            } else if intrinsic::is_name(keyword) {
                reading.intrinsic(schema.key_of(entry), keyword);
            } else if !ANNOTATIONS.contains(&keyword) && !keyword.starts_with("x-") {
                self.tell(reading, keyword, schema.key_of(entry));
            }
        }
        kept.into()
    }

    /// The value of a keyword that holds schemas.
    fn nested(
        &mut self,
        reading: &mut Reading<'d, '_>,
        keyword: &str,
        value: &Located<'d>,
        pointer: &Pointer,
    ) -> Value {
        self.places.insert(pointer.clone().into(), value.place());
        match keyword {
            "properties" | "patternProperties" | "dependencies" => {
                let mut members = Map::new();
                for entry in reading.mapping(value).unwrap_or_default() {
                    let member = value.value_of(entry);
                    let pointer = pointer.key(&entry.key);
                    let is_list = member.node.as_sequence().is_some();
                    let kept = if keyword == "dependencies" && is_list {
                        self.plain_places(&member, &pointer);
                        member.node.to_json()
                    } else {
                        self.schema(reading, &member, &pointer)
                    };
                    members.insert(entry.key.clone(), kept);
                }
                members.into()
            }
            "allOf" | "anyOf" | "oneOf" | "items" if value.node.as_sequence().is_some() => value
                .items()
                .enumerate()
                .map(|(index, item)| self.schema(reading, &item, &pointer.index(index)))
                .collect(),
            "allOf" | "anyOf" | "oneOf" => {
                reading.expected(value, "a list");
                Value::Array(Vec::new())
            }
            "additionalItems" | "additionalProperties" if value.node.as_bool().is_some() => {
                value.node.to_json()
            }
            _ => self.schema(reading, value, pointer),
        }
    }

    /// Remembers where the items of a plain value stand.
    fn plain_places(&mut self, value: &Located<'d>, pointer: &Pointer) {
        for (index, item) in value.items().enumerate() {
            self.places
                .insert(pointer.index(index).into(), item.place());
        }
    }

    /// Warns, once, about a keyword without effect.
    fn tell(&mut self, reading: &mut Reading<'d, '_>, keyword: &'d str, place: Place) {
        if !self.told.insert(keyword) {
            return;
        }
        let is_known = OF_OTHERS.contains(&keyword) || PLAIN.contains(&keyword);
        let names = PLAIN.iter().chain(NESTED).copied();
        let meant = closest(keyword, names).filter(|_| !is_known);
        let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
        let form = match PLAIN.contains(&keyword) {
            true => " as a number",
            false => "",
        };
        reading.warning(
            "schema-keyword-without-effect",
            place,
            format!(
                "`{keyword}`{form} has no effect on requests: API Gateway validates by JSON Schema \
                 draft 4, which does not have it"
            ),
            hint.as_deref(),
        );
    }
}

/// The name of the model of a schema without one, by where it stands in its document. AWS makes up
/// such names too.
pub(crate) fn generated_name(pointer: &str) -> String {
    let digest = Sha256::digest(pointer.as_bytes());
    let digits: String = digest
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("MODEL{digits}")
}

/// Whether a schema says nothing, so that every body fits.
pub(super) fn fits_everything(schema: &Node) -> bool {
    schema.is_null()
        || schema.as_bool() == Some(true)
        || schema.as_mapping().is_some_and(<[_]>::is_empty)
}

#[cfg(test)]
mod tests;
