//! Turns schemas into nodes.
//!
//! Schemas that have to be compiled wait in a list, so that neither a long chain of `$ref` nor a
//! circle is a recursion.

use std::collections::BTreeMap;

use attache_java_regex::Pattern;
use serde_json::{Map as JsonMap, Value as Json};

use super::constant::{Constant, number};
use super::format::Format;
use super::reference::{join, step, tokens};
use super::{Assertion, Dependency, Node, NodeId, Schema, SchemaFault, Types};
use crate::Number;

/// How many schemas one may have, with those that it refers to.
const MOST_NODES: usize = 100_000;

/// How deep a document is followed; its reader allows no more.
const DEEPEST: usize = 128;

/// Keywords whose values are schemas, lists of them, and maps of them.
const WITH_SCHEMA: [&str; 4] = ["additionalItems", "additionalProperties", "items", "not"];
const WITH_SCHEMAS: [&str; 4] = ["allOf", "anyOf", "items", "oneOf"];
const WITH_NAMED_SCHEMAS: [&str; 4] = [
    "definitions",
    "dependencies",
    "patternProperties",
    "properties",
];

type Resolve<'s> = &'s dyn Fn(&str) -> Option<&'s Json>;

/// Where a schema stands.
#[derive(Clone, Debug)]
struct Place {
    /// The URI that references are relative to.
    base: String,
    /// In the root document.
    pointer: String,
    /// The document, if it is another one; the pointer is that of the reference to it then.
    elsewhere: Option<String>,
}

impl Place {
    /// A place further down.
    fn at(&self, token: &str) -> Self {
        let mut place = self.clone();
        if place.elsewhere.is_none() {
            place.pointer.push('/');
            place.pointer += &token.replace('~', "~0").replace('/', "~1");
        }
        place
    }

    /// The place of the schema that stands here: its `id` changes the base.
    fn in_scope_of(mut self, schema: &Json) -> Self {
        if let Some(id) = schema.get("id").and_then(Json::as_str)
            && schema.get("$ref").is_none()
        {
            self.base = join(&self.base, id);
        }
        self
    }
}

struct Compiler<'s> {
    resolve: Resolve<'s>,
    nodes: Vec<Node>,
    /// The numbers of the schemas by their addresses.
    known: BTreeMap<*const Json, NodeId>,
    waiting: Vec<(NodeId, &'s Json, Place)>,
    /// Documents and the schemas in them that have an `id`, by URI.
    identified: BTreeMap<String, (&'s Json, Place)>,
    faults: Vec<SchemaFault>,
}

pub(super) fn compile<'s>(
    root: &'s Json,
    resolve: Resolve<'s>,
) -> Result<Schema, Vec<SchemaFault>> {
    let mut compiler = Compiler {
        resolve,
        nodes: Vec::new(),
        known: BTreeMap::new(),
        waiting: Vec::new(),
        identified: BTreeMap::new(),
        faults: Vec::new(),
    };
    let place = Place {
        base: String::new(),
        pointer: String::new(),
        elsewhere: None,
    };
    compiler.index(root, place.clone(), DEEPEST);
    compiler
        .identified
        .insert(String::new(), (root, place.clone()));
    compiler.node(root, place);
    while let Some((id, schema, place)) = compiler.waiting.pop() {
        let node = compiler.compile(schema, &place);
        if let Some(waiting) = compiler.nodes.get_mut(id) {
            *waiting = node;
        }
    }
    compiler.refuse_circles();
    if compiler.faults.is_empty() {
        let nodes = compiler.nodes;
        Ok(Schema { nodes })
    } else {
        compiler
            .faults
            .sort_by(|one, other| one.pointer.cmp(&other.pointer));
        compiler.faults.dedup();
        Err(compiler.faults)
    }
}

impl<'s> Compiler<'s> {
    fn fault(&mut self, place: &Place, reason: impl Into<String>) {
        let reason = reason.into();
        self.faults.push(SchemaFault {
            pointer: place.pointer.clone(),
            reason: match &place.elsewhere {
                Some(document) => format!("it refers to `{document}`, which is refused: {reason}"),
                None => reason,
            },
        });
    }

    /// The number of a schema, which is compiled later.
    fn node(&mut self, schema: &'s Json, place: Place) -> NodeId {
        if let Some(id) = self.known.get(&std::ptr::from_ref(schema)) {
            return *id;
        }
        let id = self.nodes.len();
        if id == MOST_NODES {
            self.fault(&place, "it has more than 100000 schemas");
        }
        if id >= MOST_NODES {
            return 0;
        }
        self.nodes.push(Node::default());
        self.known.insert(std::ptr::from_ref(schema), id);
        let place = place.in_scope_of(schema);
        self.waiting.push((id, schema, place));
        id
    }

    /// Notes the schemas of a document that have an `id`. They stand where schemas stand; in an
    /// `enum` an `id` is a value.
    fn index(&mut self, schema: &'s Json, place: Place, depth: usize) {
        let (Some(depth), Json::Object(entries)) = (depth.checked_sub(1), schema) else {
            return;
        };
        let place = place.in_scope_of(schema);
        if entries.contains_key("$ref") {
            // What stands beside it is ignored, but may be referred to.
        } else if entries.get("id").is_some_and(Json::is_string) {
            let uri = place.base.trim_end_matches('#').to_owned();
            self.identified.insert(uri, (schema, place.clone()));
        }
        for (keyword, value) in entries {
            let place = place.at(keyword);
            match value {
                Json::Object(named) if WITH_NAMED_SCHEMAS.contains(&keyword.as_str()) => {
                    for (name, schema) in named {
                        self.index(schema, place.at(name), depth);
                    }
                }
                Json::Array(schemas) if WITH_SCHEMAS.contains(&keyword.as_str()) => {
                    for (position, schema) in schemas.iter().enumerate() {
                        self.index(schema, place.at(&position.to_string()), depth);
                    }
                }
                _ if WITH_SCHEMA.contains(&keyword.as_str()) => self.index(value, place, depth),
                _ => {}
            }
        }
    }

    /// Where a `$ref` leads.
    fn refer(&mut self, reference: &str, place: &Place) -> Option<NodeId> {
        let uri = join(&place.base, reference);
        let (document, fragment) = match uri.split_once('#') {
            Some((document, fragment)) => (document.to_owned(), fragment.to_owned()),
            None => (uri.clone(), String::new()),
        };
        let whole = uri.trim_end_matches('#');
        if let Some((schema, target)) = self.identified.get(whole).cloned() {
            return Some(self.node(schema, target));
        }
        if !self.identified.contains_key(&document)
            && let Some(schema) = (self.resolve)(&document)
        {
            self.add_document(&document, schema, place);
        }
        if let Some((schema, target)) = self.identified.get(whole).cloned() {
            return Some(self.node(schema, target));
        }
        if fragment.is_empty() || fragment.starts_with('/') {
            let found = self.identified.get(&document).cloned();
            if let Some((mut schema, mut target)) = found {
                let mut there = true;
                for token in tokens(&fragment) {
                    target = target.in_scope_of(schema).at(&token);
                    match step(schema, &token) {
                        Some(next) => schema = next,
                        None => there = false,
                    }
                }
                if there {
                    return Some(self.node(schema, target));
                }
            }
        }
        // Another model, by a reference that reads as if it were in this one.
        let schema = (self.resolve)(reference)?;
        // Its own `#/…` are in it.
        let document = format!("reference:{}", reference.replace('#', ""));
        self.add_document(&document, schema, place);
        let (schema, target) = self.identified.get(&document).cloned()?;
        self.identified
            .insert(whole.to_owned(), (schema, target.clone()));
        Some(self.node(schema, target))
    }

    fn add_document(&mut self, uri: &str, schema: &'s Json, place: &Place) {
        let target = Place {
            base: uri.to_owned(),
            pointer: place.pointer.clone(),
            elsewhere: Some(uri.to_owned()),
        };
        self.index(schema, target.clone(), DEEPEST);
        self.identified.insert(uri.to_owned(), (schema, target));
    }

    /// A schema that is nothing but a reference to itself, by however many others.
    fn refuse_circles(&mut self) {
        // From which start each schema was reached first; a start itself by its own number.
        let mut reached_from: Vec<Option<NodeId>> = vec![None; self.nodes.len()];
        let mut circle = false;
        for start in 0..self.nodes.len() {
            let mut id = start;
            while let Some(reached) = reached_from.get_mut(id) {
                if let Some(earlier) = *reached {
                    circle |= earlier == start;
                    break;
                }
                *reached = Some(start);
                match self.nodes.get(id).and_then(|node| node.reference) {
                    Some(target) => id = target,
                    None => break,
                }
            }
        }
        if circle {
            self.faults.push(SchemaFault {
                pointer: String::new(),
                reason: "a `$ref` leads back to itself".to_owned(),
            });
        }
    }

    fn compile(&mut self, schema: &'s Json, place: &Place) -> Node {
        let mut node = Node::default();
        let Json::Object(entries) = schema else {
            self.fault(place, "a schema must be an object");
            return node;
        };
        if let Some(reference) = entries.get("$ref") {
            let place = place.at("$ref");
            match reference.as_str() {
                None => self.fault(&place, "must be a string"),
                Some(reference) => {
                    node.reference = self.refer(reference, &place);
                    if node.reference.is_none() {
                        self.fault(&place, format!("`{reference}` leads to no schema"));
                    }
                }
            }
            return node;
        }
        self.children(&mut node, entries, place);
        let mut keywords: Vec<&'s String> = entries.keys().collect();
        keywords.sort_unstable();
        for keyword in keywords {
            if let Some(value) = entries.get(keyword) {
                let place = place.at(keyword);
                match self.assertion(keyword, value, entries, &place) {
                    Ok(Some(assertion)) => node.assertions.push(assertion),
                    Ok(None) => {}
                    Err(reason) => self.fault(&place, reason),
                }
            }
        }
        node
    }

    /// The schemas of properties and items.
    fn children(&mut self, node: &mut Node, entries: &'s JsonMap<String, Json>, place: &Place) {
        match entries.get("properties") {
            None => {}
            Some(Json::Object(properties)) => {
                let place = place.at("properties");
                for (name, schema) in properties {
                    let id = self.node(schema, place.at(name));
                    node.properties.push((name.as_str().into(), id));
                }
                node.properties.sort_unstable();
            }
            Some(_) => self.fault(&place.at("properties"), "must be an object"),
        }
        match entries.get("patternProperties") {
            None => {}
            Some(Json::Object(properties)) => {
                let place = place.at("patternProperties");
                for (name, schema) in properties {
                    let place = place.at(name);
                    match Pattern::compile_ecma_script(name) {
                        Ok(pattern) => {
                            let id = self.node(schema, place);
                            node.pattern_properties.push((pattern, id));
                        }
                        Err(error) => self.fault(&place, error.to_string()),
                    }
                }
            }
            Some(_) => self.fault(&place.at("patternProperties"), "must be an object"),
        }
        if let Some(schema @ Json::Object(_)) = entries.get("additionalProperties") {
            node.additional_properties = Some(self.node(schema, place.at("additionalProperties")));
        }
        match entries.get("items") {
            None => {}
            Some(Json::Array(schemas)) => {
                let place_of_items = place.at("items");
                for (position, schema) in schemas.iter().enumerate() {
                    let place = place_of_items.at(&position.to_string());
                    node.items.push(self.node(schema, place));
                }
                if let Some(schema @ Json::Object(_)) = entries.get("additionalItems") {
                    node.additional_items = Some(self.node(schema, place.at("additionalItems")));
                }
            }
            Some(schema) => node.additional_items = Some(self.node(schema, place.at("items"))),
        }
    }

    /// What a keyword asks of a value; `None` when it asks nothing, or is unknown.
    fn assertion(
        &mut self,
        keyword: &str,
        value: &'s Json,
        entries: &'s JsonMap<String, Json>,
        place: &Place,
    ) -> Result<Option<Assertion>, String> {
        let has = |keyword| entries.get(keyword) == Some(&Json::Bool(true));
        Ok(Some(match keyword {
            "additionalItems" => match value {
                Json::Bool(false) if entries.get("items").is_some_and(Json::is_array) => {
                    Assertion::AdditionalItems
                }
                Json::Bool(_) | Json::Object(_) => return Ok(None),
                _ => return Err("must be a boolean or a schema".to_owned()),
            },
            "additionalProperties" => match value {
                Json::Bool(false) => Assertion::AdditionalProperties,
                Json::Bool(true) | Json::Object(_) => return Ok(None),
                _ => return Err("must be a boolean or a schema".to_owned()),
            },
            "allOf" => Assertion::AllOf(self.schemas(value, place)?),
            "anyOf" => Assertion::AnyOf(self.schemas(value, place)?),
            "oneOf" => Assertion::OneOf(self.schemas(value, place)?),
            "not" => Assertion::Not(self.node(value, place.clone())),
            "dependencies" => self.dependencies(value, place)?,
            "enum" => {
                let values = value.as_array().filter(|values| !values.is_empty());
                let values = values.ok_or("must be a list with something in it")?;
                let values = values.iter().map(Constant::new).collect();
                Assertion::Enum(values, value.to_string().into())
            }
            "format" => {
                let name = value.as_str().ok_or("must be a string")?;
                match Format::of_name(name) {
                    Some(format) => Assertion::Format(format),
                    None => return Ok(None),
                }
            }
            "maxItems" => Assertion::MaxItems(count(value)?),
            "maxLength" => Assertion::MaxLength(count(value)?),
            "maxProperties" => Assertion::MaxProperties(count(value)?),
            "minItems" => Assertion::MinItems(count(value)?),
            "minLength" => Assertion::MinLength(count(value)?),
            "minProperties" => Assertion::MinProperties(count(value)?),
            "maximum" => Assertion::Maximum(limit(value)?, has("exclusiveMaximum")),
            "minimum" => Assertion::Minimum(limit(value)?, has("exclusiveMinimum")),
            "multipleOf" => {
                let divisor = limit(value)?;
                let decimal = divisor.decimal().filter(|decimal| !decimal.negative);
                let decimal = decimal.filter(|decimal| !decimal.digits.is_empty());
                if decimal.ok_or("must be greater than 0")?.digits.len() > 18 {
                    return Err("may have 18 digits".to_owned());
                }
                Assertion::MultipleOf(divisor)
            }
            "pattern" => {
                let pattern = value.as_str().ok_or("must be a string")?;
                let pattern = Pattern::compile_ecma_script(pattern);
                Assertion::Pattern(pattern.map_err(|error| error.to_string())?)
            }
            "required" => Assertion::Required(names(value)?),
            "type" => {
                let of_name = |name: &Json| {
                    let name = name.as_str().ok_or("must be a string or a list of them")?;
                    Types::of_name(name).ok_or_else(|| format!("there is no type `{name}`"))
                };
                Assertion::Type(match value {
                    Json::Array(types) if !types.is_empty() => {
                        let mut all = Types(0);
                        for name in types {
                            all.0 |= of_name(name)?.0;
                        }
                        all
                    }
                    name => of_name(name)?,
                })
            }
            "uniqueItems" => match value {
                Json::Bool(true) => Assertion::UniqueItems,
                Json::Bool(false) => return Ok(None),
                _ => return Err("must be a boolean".to_owned()),
            },
            _ => return Ok(None),
        }))
    }

    fn schemas(&mut self, value: &'s Json, place: &Place) -> Result<Vec<NodeId>, String> {
        let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
        let schemas = schemas.ok_or("must be a list with a schema in it")?.iter();
        let place_of = |position: usize| place.at(&position.to_string());
        Ok(schemas
            .enumerate()
            .map(|(position, schema)| self.node(schema, place_of(position)))
            .collect())
    }

    fn dependencies(&mut self, value: &'s Json, place: &Place) -> Result<Assertion, String> {
        let entries = value.as_object().ok_or("must be an object")?;
        let mut dependencies = Vec::new();
        for (name, value) in entries {
            let dependency = match value {
                Json::Array(_) => Dependency::Properties(names(value)?),
                _ => Dependency::Schema(self.node(value, place.at(name))),
            };
            dependencies.push((name.as_str().into(), dependency));
        }
        dependencies.sort_by(|(one, _): &(Box<str>, _), (other, _)| one.cmp(other));
        Ok(Assertion::Dependencies(dependencies))
    }
}

/// Names in their order.
fn names(value: &Json) -> Result<Vec<Box<str>>, String> {
    let reason = "must be a list of names";
    let names = value.as_array().ok_or(reason)?.iter();
    let names = names.map(|name| name.as_str().map(Box::from));
    let mut names: Vec<Box<str>> = names.collect::<Option<_>>().ok_or(reason)?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn count(value: &Json) -> Result<u64, String> {
    // `1.0` is an integer to many writers.
    let whole = value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && *number >= 0.0);
    let count = value.as_u64().or_else(|| {
        let whole = whole.filter(|number| *number <= 9e15)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is an integer that is small enough"
        )]
        Some(whole as u64)
    });
    count.ok_or_else(|| "must be an integer that is not negative".to_owned())
}

fn limit(value: &Json) -> Result<Number, String> {
    match value {
        Json::Number(limit) => Ok(number(limit)),
        _ => Err("must be a number".to_owned()),
    }
}
