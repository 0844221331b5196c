//! Swagger 2.0 as OpenAPI 3.0.

use super::conversion::{Conversion, is_method, pointer_of};
use super::swagger::OF_PARAMETERS;
use crate::tree::Tree;

const MOVED: &[(&str, &str)] = &[
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
];

/// Whether a field of a Swagger parameter says something of its value, which is a schema here.
fn is_of_schema(field: &str) -> bool {
    field == "items" || OF_PARAMETERS.contains(&field)
}

/// Turns a document of Swagger 2.0 into one of OpenAPI 3.0.
pub(super) fn from_swagger(source: &Tree, conversion: &mut Conversion) -> Tree {
    let mut document = Tree::map();
    document.set("openapi", "3.0.1");
    let converter = Converter {
        source,
        consumes: types(source.get("consumes")),
        produces: types(source.get("produces")),
    };
    for (key, value) in source.entries() {
        match key.as_str() {
            "swagger"
            | "host"
            | "basePath"
            | "schemes"
            | "consumes"
            | "produces"
            | "definitions"
            | "parameters"
            | "responses"
            | "securityDefinitions" => {}
            "paths" => document.set(key, converter.paths(value, conversion)),
            _ => document.set(key, value.clone()),
        }
    }
    let mut components = Tree::map();
    let mut schemas = source.get("definitions").cloned().unwrap_or_default();
    for (name, schema) in conversion.take_hoisted() {
        schemas.set(&name, schema);
    }
    if !schemas.is_empty() {
        nullable(&mut schemas, "x-nullable", "nullable");
        components.set("schemas", schemas);
    }
    let of_root = |key| source.get(key).map(Tree::entries).unwrap_or_default();
    for (name, found) in of_root("parameters") {
        if !is_body(found) {
            components
                .entry("parameters")
                .set(name, converter.parameter(found));
        }
    }
    for (name, found) in of_root("responses") {
        let converted = converter.response(found, &converter.produces);
        components.entry("responses").set(name, converted);
    }
    for (name, found) in of_root("securityDefinitions") {
        components
            .entry("securitySchemes")
            .set(name, security_scheme(found));
    }
    if !components.is_empty() {
        document.set("components", components);
    }
    move_references(&mut document, MOVED);
    document
}

/// Renames what references name.
pub(super) fn move_references(tree: &mut Tree, moved: &[(&str, &str)]) {
    match tree {
        Tree::List(items) => items
            .iter_mut()
            .for_each(|item| move_references(item, moved)),
        Tree::Map(entries) => {
            for (key, value) in entries {
                if key == "$ref"
                    && let Tree::Text(text) = value
                    && let Some((from, to)) = moved.iter().find(|(from, _)| text.starts_with(from))
                {
                    *text = text.replacen(from, to, 1);
                } else {
                    move_references(value, moved);
                }
            }
        }
        _ => {}
    }
}

/// Renames the keyword by which a schema takes `null`.
pub(super) fn nullable(schemas: &mut Tree, from: &str, to: &str) {
    match schemas {
        Tree::List(items) => items.iter_mut().for_each(|item| nullable(item, from, to)),
        Tree::Map(entries) => {
            for (key, value) in entries {
                if key == from && matches!(value, Tree::Bool(_)) {
                    *key = to.to_owned();
                }
                nullable(value, from, to);
            }
        }
        _ => {}
    }
}

struct Converter<'t> {
    source: &'t Tree,
    consumes: Vec<String>,
    produces: Vec<String>,
}

impl Converter<'_> {
    fn paths(&self, paths: &Tree, conversion: &mut Conversion) -> Tree {
        let mut converted = Tree::map();
        for (path, item) in paths.entries() {
            let pointer = pointer_of(&["paths", path]);
            converted.set(path, self.path_item(item, &pointer, conversion));
        }
        converted
    }

    fn path_item(&self, item: &Tree, pointer: &str, conversion: &mut Conversion) -> Tree {
        let mut converted = Tree::map();
        let shared = item.get("parameters").map(Tree::items).unwrap_or_default();
        for (key, value) in item.entries() {
            if is_method(key) {
                let pointer = format!("{pointer}/{key}");
                let own = value.get("parameters").map(Tree::items).unwrap_or_default();
                let own = own.iter().enumerate();
                let body = own
                    .map(|(index, found)| (format!("{pointer}/parameters/{index}"), found))
                    .chain(shared.iter().enumerate().map(|(index, found)| {
                        let above = pointer.rsplit_once('/').map_or("", |(above, _)| above);
                        (format!("{above}/parameters/{index}"), found)
                    }))
                    .find(|(_, found)| is_body(self.resolve(found)));
                converted.set(key, self.operation(value, body, conversion));
            } else if key == "parameters" {
                let kept = self.parameters(value);
                if !kept.is_empty() {
                    converted.set(key, kept);
                }
            } else {
                converted.set(key, value.clone());
            }
        }
        converted
    }

    fn operation(
        &self,
        operation: &Tree,
        body: Option<(String, &Tree)>,
        conversion: &mut Conversion,
    ) -> Tree {
        let mut converted = Tree::map();
        let own = |key, default: &Vec<String>| match operation.get(key) {
            Some(own) => types(Some(own)),
            None => default.clone(),
        };
        let consumes = own("consumes", &self.consumes);
        let produces = own("produces", &self.produces);
        let request_body = match body {
            Some((pointer, body)) => self.request_body(body, &pointer, &consumes, conversion),
            None => self.form(operation, &consumes),
        };
        for (key, value) in operation.entries() {
            match key.as_str() {
                "consumes" | "produces" | "schemes" => {}
                "parameters" => {
                    let kept = self.parameters(value);
                    if !kept.is_empty() {
                        converted.set(key, kept);
                    }
                }
                "responses" => {
                    if let Some(body) = &request_body {
                        converted.set("requestBody", body.clone());
                    }
                    let mut responses = Tree::map();
                    for (status, response) in value.entries() {
                        responses.set(status, self.response(response, &produces));
                    }
                    converted.set(key, responses);
                }
                _ => converted.set(key, value.clone()),
            }
        }
        if converted.get("requestBody").is_none() {
            converted.set_some("requestBody", request_body);
        }
        converted
    }

    /// The parameters that stay parameters.
    fn parameters(&self, parameters: &Tree) -> Tree {
        let kept = parameters.items().iter().filter(|found| {
            let place = self.resolve(found).text_of("in");
            !matches!(place, Some("body" | "formData"))
        });
        Tree::List(kept.map(|found| self.parameter(found)).collect())
    }

    fn parameter(&self, parameter: &Tree) -> Tree {
        if parameter.get("$ref").is_some() {
            return parameter.clone();
        }
        let mut converted = Tree::map();
        let mut schema = Tree::map();
        for (key, value) in parameter.entries() {
            if is_of_schema(key) {
                schema.set(key, value.clone());
            } else if key == "collectionFormat" {
                let (style, explode) = match (value.as_text(), parameter.text_of("in")) {
                    (Some("multi"), _) => ("form", true),
                    (Some("ssv"), _) => ("spaceDelimited", false),
                    (Some("pipes"), _) => ("pipeDelimited", false),
                    (_, Some("query")) => ("form", false),
                    _ => continue,
                };
                converted.set("style", style);
                converted.set("explode", explode);
            } else {
                converted.set(key, value.clone());
            }
        }
        if !schema.is_empty() {
            converted.set("schema", schema);
        }
        converted
    }

    fn request_body(
        &self,
        body: &Tree,
        pointer: &str,
        consumes: &[String],
        conversion: &mut Conversion,
    ) -> Option<Tree> {
        let pointer = match body.text_of("$ref").and_then(|text| text.strip_prefix('#')) {
            Some(target) => target.to_owned(),
            None => pointer.to_owned(),
        };
        let body = self.resolve(body);
        let schema = body.get("schema")?;
        let schema = conversion.hoisted(schema, &format!("{pointer}/schema"), "#/definitions/");
        let mut converted = Tree::map();
        converted.set_some("description", body.get("description").cloned());
        let mut content = Tree::map();
        let json = ["application/json".to_owned()];
        let consumes = if consumes.is_empty() { &json } else { consumes };
        for content_type in consumes {
            content.set(content_type, [("schema", schema.clone())]);
        }
        converted.set("content", content);
        converted.set(
            "required",
            body.get("required").cloned().unwrap_or(Tree::Bool(false)),
        );
        for (key, value) in body
            .entries()
            .iter()
            .filter(|(key, _)| key.starts_with("x-"))
        {
            converted.set(key, value.clone());
        }
        Some(converted)
    }

    /// What `formData` parameters are in OpenAPI 3.
    fn form(&self, operation: &Tree, consumes: &[String]) -> Option<Tree> {
        let parameters = operation.get("parameters")?.items().iter();
        let mut schema = Tree::from([("type", "object")]);
        let mut required = Vec::new();
        let mut has_file = false;
        for parameter in parameters.map(|found| self.resolve(found)) {
            let (Some("formData"), Some(name)) =
                (parameter.text_of("in"), parameter.text_of("name"))
            else {
                continue;
            };
            let mut property = Tree::map();
            for (key, value) in parameter.entries() {
                if is_of_schema(key) || key == "description" {
                    property.set(key, value.clone());
                }
            }
            if property.text_of("type") == Some("file") {
                has_file = true;
                property.set("type", "string");
                property.set("format", "binary");
            }
            if parameter.get("required") == Some(&Tree::Bool(true)) {
                required.push(name);
            }
            schema.entry("properties").set(name, property);
        }
        schema.get("properties")?;
        if !required.is_empty() {
            schema.set("required", required);
        }
        let default = match has_file {
            true => "multipart/form-data",
            false => "application/x-www-form-urlencoded",
        };
        let mut converted = Tree::map();
        let names = match consumes {
            [] => vec![default],
            _ => consumes.iter().map(String::as_str).collect(),
        };
        for name in names {
            converted
                .entry("content")
                .set(name, [("schema", schema.clone())]);
        }
        Some(converted)
    }

    fn response(&self, response: &Tree, produces: &[String]) -> Tree {
        if response.get("$ref").is_some() {
            return response.clone();
        }
        let mut converted = Tree::map();
        for (key, value) in response.entries() {
            match key.as_str() {
                "schema" => {
                    let json = ["application/json".to_owned()];
                    let produces = if produces.is_empty() { &json } else { produces };
                    for content_type in produces {
                        converted
                            .entry("content")
                            .entry(content_type)
                            .set("schema", value.clone());
                    }
                }
                "examples" => {
                    for (content_type, example) in value.entries() {
                        converted
                            .entry("content")
                            .entry(content_type)
                            .set("example", example.clone());
                    }
                }
                "headers" => {
                    let mut headers = Tree::map();
                    for (name, header) in value.entries() {
                        headers.set(name, self.parameter(header));
                    }
                    converted.set(key, headers);
                }
                _ => converted.set(key, value.clone()),
            }
        }
        converted
    }

    /// What a value refers to, one step away as Swagger has it.
    fn resolve<'v>(&'v self, value: &'v Tree) -> &'v Tree {
        super::conversion::resolve(self.source, value)
    }
}

fn security_scheme(scheme: &Tree) -> Tree {
    let mut converted = Tree::map();
    let flow = scheme.text_of("flow").map(|flow| match flow {
        "application" => "clientCredentials",
        "accessCode" => "authorizationCode",
        other => other,
    });
    match scheme.text_of("type") {
        Some("basic") => {
            converted.set("type", "http");
            converted.set("scheme", "basic");
        }
        Some("oauth2") => {
            converted.set("type", "oauth2");
            let flow = converted.entry("flows").entry(flow.unwrap_or("implicit"));
            for key in ["authorizationUrl", "tokenUrl"] {
                flow.set_some(key, scheme.get(key).cloned());
            }
            let scopes = scheme.get("scopes").cloned();
            flow.set("scopes", scopes.unwrap_or_else(Tree::map));
        }
        _ => converted.set_some("type", scheme.get("type").cloned()),
    }
    let moved = ["type", "flow", "authorizationUrl", "tokenUrl", "scopes"];
    for (key, value) in scheme.entries() {
        if !moved.contains(&key.as_str()) {
            converted.set(key, value.clone());
        }
    }
    converted
}

fn is_body(parameter: &Tree) -> bool {
    parameter.text_of("in") == Some("body")
}

fn types(list: Option<&Tree>) -> Vec<String> {
    let items = list.map(Tree::items).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.as_text().map(str::to_owned))
        .collect()
}
