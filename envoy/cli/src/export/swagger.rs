//! OpenAPI 3 as Swagger 2.0.

use super::conversion::{Conversion, is_method, pointer_of, resolve};
use super::oas30::{move_references, nullable};
use crate::tree::Tree;

const MOVED: &[(&str, &str)] = &[
    ("#/components/schemas/", "#/definitions/"),
    ("#/components/parameters/", "#/parameters/"),
    ("#/components/responses/", "#/responses/"),
];

const INTEGRATION: &str = "x-amazon-apigateway-integration";
const SCHEMAS: &str = "#/components/schemas/";

/// What Swagger lets a parameter say of its value.
pub(super) const OF_PARAMETERS: &[&str] = &[
    "type",
    "format",
    "enum",
    "default",
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
    "multipleOf",
];

/// Turns a document of OpenAPI 3 into one of Swagger 2.0.
pub(super) fn from_oas30(source: &Tree, conversion: &mut Conversion) -> Tree {
    let converter = Converter { source };
    let mut document = Tree::from([("swagger", "2.0")]);
    let mut tail = Tree::map();
    for (key, value) in source.entries() {
        match key.as_str() {
            "openapi" | "servers" | "components" | "jsonSchemaDialect" => {}
            "webhooks" => conversion.lose("`webhooks`".to_owned()),
            "paths" => {
                let mut paths = Tree::map();
                for (path, item) in value.entries() {
                    let pointer = pointer_of(&["paths", path]);
                    paths.set(path, converter.path_item(item, &pointer, conversion));
                }
                document.set(key, paths);
            }
            _ if key.starts_with("x-") => tail.set(key, value.clone()),
            _ => document.set(key, value.clone()),
        }
    }
    let of = |key: &str| {
        let found = source.at(&["components", key]);
        found.map(Tree::entries).unwrap_or_default()
    };
    for (name, scheme) in of("securitySchemes") {
        let scheme = security_scheme(resolve(source, scheme), name, conversion);
        document.entry("securityDefinitions").set(name, scheme);
    }
    let mut definitions = Tree::Map(of("schemas").to_vec());
    for (name, schema) in conversion.take_hoisted() {
        definitions.set(&name, schema);
    }
    if !definitions.is_empty() {
        nullable(&mut definitions, "nullable", "x-nullable");
        document.set("definitions", definitions);
    }
    for (name, parameter) in of("parameters") {
        if let Some(parameter) = converter.parameter(parameter, conversion) {
            document.entry("parameters").set(name, parameter);
        }
    }
    for (name, response) in of("responses") {
        let (response, _) = converter.response(response, conversion);
        document.entry("responses").set(name, response);
    }
    for (key, value) in tail.entries() {
        document.set(key, value.clone());
    }
    move_references(&mut document, MOVED);
    document
}

struct Converter<'t> {
    source: &'t Tree,
}

impl Converter<'_> {
    fn path_item(&self, item: &Tree, pointer: &str, conversion: &mut Conversion) -> Tree {
        // Swagger refers to path items in other files only.
        let item = resolve(self.source, item);
        let mut converted = Tree::map();
        for (key, value) in item.entries() {
            if is_method(key) {
                let pointer = format!("{pointer}/{key}");
                converted.set(key, self.operation(value, &pointer, conversion));
            } else {
                match key.as_str() {
                    "parameters" => converted.set(key, self.parameters(value, conversion)),
                    "summary" | "description" | "servers" => {}
                    _ => converted.set(key, value.clone()),
                }
            }
        }
        converted
    }

    fn operation(&self, operation: &Tree, pointer: &str, conversion: &mut Conversion) -> Tree {
        let mut converted = Tree::map();
        let (consumes, body) = match operation.get("requestBody") {
            Some(body) => self.body(body, &format!("{pointer}/requestBody"), conversion),
            None => (Vec::new(), None),
        };
        let mut produces: Vec<String> = Vec::new();
        let mut responses = Tree::map();
        let declared = operation.get("responses").map(Tree::entries);
        for (status, response) in declared.unwrap_or_default() {
            let (response, types) = self.response(response, conversion);
            for content_type in types {
                if !produces.contains(&content_type) {
                    produces.push(content_type);
                }
            }
            responses.set(status, response);
        }
        let mut parameters = match operation.get("parameters") {
            Some(parameters) => self.parameters(parameters, conversion),
            None => Tree::List(Vec::new()),
        };
        if let (Tree::List(list), Some(body)) = (&mut parameters, body) {
            list.push(body);
        }
        let mut typed = false;
        for (key, value) in operation.entries() {
            if !typed && matches!(key.as_str(), "parameters" | "requestBody" | "responses") {
                typed = true;
                if !consumes.is_empty() {
                    converted.set("consumes", consumes.clone());
                }
                if !produces.is_empty() {
                    converted.set("produces", produces.clone());
                }
                if !parameters.is_empty() {
                    converted.set("parameters", parameters.clone());
                }
            }
            match key.as_str() {
                "parameters" | "requestBody" | "servers" => {}
                "callbacks" => conversion.lose("`callbacks`".to_owned()),
                "responses" => converted.set(key, responses.clone()),
                // What `components` holds has no place in Swagger.
                INTEGRATION => converted.set(key, resolve(self.source, value).clone()),
                _ => converted.set(key, value.clone()),
            }
        }
        converted
    }

    /// The content types of a request body, and the parameter that it is in Swagger.
    fn body(
        &self,
        body: &Tree,
        pointer: &str,
        conversion: &mut Conversion,
    ) -> (Vec<String>, Option<Tree>) {
        let pointer = match body.text_of("$ref").and_then(|text| text.strip_prefix('#')) {
            Some(target) => target.to_owned(),
            None => pointer.to_owned(),
        };
        let body = resolve(self.source, body);
        let content = body.get("content").map(Tree::entries).unwrap_or_default();
        let consumes = content.iter().map(|(name, _)| name.clone()).collect();
        let mut schemas = content
            .iter()
            .filter_map(|(name, media)| Some((name, media.get("schema")?)))
            .filter(|(_, schema)| !schema.is_empty());
        let Some((content_type, schema)) = schemas.next() else {
            return (consumes, None);
        };
        if schemas.any(|(_, other)| other != schema) {
            conversion.lose(format!(
                "all but the first schema of the request body at `{pointer}`: Swagger has one for \
                 all content types"
            ));
        }
        let name = match schema.text_of("$ref") {
            Some(reference) => reference.rsplit('/').next().unwrap_or("body"),
            None => "body",
        };
        let mut parameter = Tree::from([("in", "body"), ("name", name)]);
        parameter.set_some("description", body.get("description").cloned());
        let required = body.get("required").cloned();
        parameter.set("required", required.unwrap_or(Tree::Bool(true)));
        let key = crate::document::Pointer::from(format!("{pointer}/content")).key(content_type);
        let schema = conversion.hoisted(schema, &format!("{key}/schema"), SCHEMAS);
        parameter.set("schema", schema);
        (consumes, Some(parameter))
    }

    fn parameters(&self, parameters: &Tree, conversion: &mut Conversion) -> Tree {
        let converted = parameters.items().iter();
        Tree::List(
            converted
                .filter_map(|found| self.parameter(found, conversion))
                .collect(),
        )
    }

    fn parameter(&self, parameter: &Tree, conversion: &mut Conversion) -> Option<Tree> {
        if parameter.get("$ref").is_some() {
            let target = resolve(self.source, parameter);
            return (target.text_of("in") != Some("cookie")).then(|| parameter.clone());
        }
        if parameter.text_of("in") == Some("cookie") {
            let name = parameter.text_of("name").unwrap_or_default();
            conversion.lose(format!(
                "the parameter `{name}`: Swagger knows no parameters in cookies"
            ));
            return None;
        }
        let mut converted = Tree::map();
        for (key, value) in parameter.entries() {
            match key.as_str() {
                "schema" => self.value(value, &mut converted),
                "content" => converted.set("type", "string"),
                "style" | "explode" | "allowReserved" | "deprecated" | "example" | "examples" => {}
                _ => converted.set(key, value.clone()),
            }
        }
        if converted.get("type").is_none() {
            converted.set("type", "string");
        }
        if converted.text_of("type") == Some("array")
            && parameter.text_of("in") == Some("query")
            && let Some(format) = collection_format(parameter)
        {
            converted.set("collectionFormat", format);
        }
        Some(converted)
    }

    /// What a schema says of a parameter or header, in Swagger's way.
    fn value(&self, schema: &Tree, converted: &mut Tree) {
        let schema = resolve(self.source, schema);
        for (key, value) in schema.entries() {
            if key == "items" {
                let mut items = Tree::map();
                let found = resolve(self.source, value);
                for (key, value) in found.entries() {
                    if OF_PARAMETERS.contains(&key.as_str()) {
                        items.set(key, value.clone());
                    }
                }
                if items.get("type").is_none() {
                    items.set("type", "string");
                }
                converted.set(key, items);
            } else if key == "type" && !matches!(value.as_text(), Some(kind) if kind != "object") {
                converted.set(key, "string");
            } else if OF_PARAMETERS.contains(&key.as_str()) {
                converted.set(key, value.clone());
            }
        }
    }

    /// A response and the content types that it has.
    fn response(&self, response: &Tree, conversion: &mut Conversion) -> (Tree, Vec<String>) {
        if response.get("$ref").is_some() {
            let content = resolve(self.source, response).get("content");
            let types = content.map(Tree::entries).unwrap_or_default();
            let types = types.iter().map(|(name, _)| name.clone()).collect();
            return (response.clone(), types);
        }
        let mut converted = Tree::map();
        let mut types = Vec::new();
        for (key, value) in response.entries() {
            match key.as_str() {
                "content" => {
                    for (content_type, media) in value.entries() {
                        types.push(content_type.clone());
                        match (media.get("schema"), converted.get("schema")) {
                            (Some(schema), None) => converted.set("schema", schema.clone()),
                            (Some(schema), Some(first)) if schema != first => {
                                conversion.lose(
                                    "all but the first schema of a response with several: Swagger \
                                     has one for all content types"
                                        .to_owned(),
                                );
                            }
                            _ => {}
                        }
                        if let Some(example) = media.get("example") {
                            converted
                                .entry("examples")
                                .set(content_type, example.clone());
                        }
                    }
                }
                "headers" => {
                    let mut headers = Tree::map();
                    for (name, header) in value.entries() {
                        let header = resolve(self.source, header);
                        if let Some(mut header) = self.parameter(header, conversion) {
                            header.remove("required");
                            headers.set(name, header);
                        }
                    }
                    converted.set(key, headers);
                }
                "links" => conversion.lose("`links`".to_owned()),
                _ => converted.set(key, value.clone()),
            }
        }
        if converted.get("description").is_none() {
            converted.set("description", "");
        }
        (converted, types)
    }
}

/// How Swagger writes the items of a list in a query.
fn collection_format(parameter: &Tree) -> Option<&'static str> {
    match (parameter.text_of("style"), parameter.get("explode")) {
        (Some("spaceDelimited"), _) => Some("ssv"),
        (Some("pipeDelimited"), _) => Some("pipes"),
        (_, Some(Tree::Bool(false))) => None,
        _ => Some("multi"),
    }
}

/// A security scheme. Swagger has keys, HTTP Basic and OAuth 2; a token is a key in `Authorization`
/// there, which is how API Gateway reads one that an authorizer looks at.
fn security_scheme(scheme: &Tree, name: &str, conversion: &mut Conversion) -> Tree {
    let mut converted = Tree::map();
    let of_others = [
        "type",
        "scheme",
        "bearerFormat",
        "flows",
        "openIdConnectUrl",
    ];
    match (scheme.text_of("type"), scheme.text_of("scheme")) {
        (Some("http"), Some(kind)) if kind.eq_ignore_ascii_case("basic") => {
            converted.set("type", "basic");
        }
        (Some("oauth2"), _) => {
            converted.set("type", "oauth2");
            let flows = scheme.get("flows").map(Tree::entries).unwrap_or_default();
            if flows.len() > 1 {
                conversion.lose(format!("all but the first flow of `{name}`"));
            }
            if let Some((flow, settings)) = flows.first() {
                converted.set(
                    "flow",
                    match flow.as_str() {
                        "clientCredentials" => "application",
                        "authorizationCode" => "accessCode",
                        other => other,
                    },
                );
                for key in ["authorizationUrl", "tokenUrl", "scopes"] {
                    converted.set_some(key, settings.get(key).cloned());
                }
            }
        }
        (Some("http" | "openIdConnect" | "mutualTLS"), _) => {
            for (key, value) in [
                ("type", "apiKey"),
                ("name", "Authorization"),
                ("in", "header"),
            ] {
                converted.set(key, value);
            }
        }
        _ => converted.set_some("type", scheme.get("type").cloned()),
    }
    for (key, value) in scheme.entries() {
        if !of_others.contains(&key.as_str()) && converted.get(key).is_none() {
            converted.set(key, value.clone());
        }
    }
    converted
}
