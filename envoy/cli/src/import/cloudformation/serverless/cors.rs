//! `Cors` of a REST API: a mock method `OPTIONS` for every path, as SAM writes it.

use crate::export::{ANY_METHOD, METHODS};
use crate::tree::Tree;

/// Adds the method to every path that has none.
pub(super) fn add_options(document: &mut Tree, cors: Option<&Tree>) {
    let Some(cors) = cors.filter(|cors| !cors.is_empty()) else {
        return;
    };
    let is_swagger = document.get("swagger").is_some();
    let value = |key: &str| cors.get(key).and_then(Tree::scalar);
    let origin = match cors {
        Tree::Text(origin) => Some(origin.clone()),
        _ => value("AllowOrigin"),
    };
    let Some(paths) = document.get_mut("paths") else {
        return;
    };
    for (_, item) in paths.entries_mut() {
        if item.get("options").is_some() {
            continue;
        }
        let methods = value("AllowMethods").unwrap_or_else(|| {
            let mut names: Vec<String> = match item.get(ANY_METHOD) {
                Some(_) => METHODS.iter().map(|name| name.to_uppercase()).collect(),
                None => {
                    let names = item.entries().iter().map(|(key, _)| key);
                    names
                        .filter(|key| METHODS.contains(&key.as_str()))
                        .map(|key| key.to_uppercase())
                        .chain(["OPTIONS".to_owned()])
                        .collect()
                }
            };
            names.sort();
            names.dedup();
            format!("'{}'", names.join(","))
        });
        let credentials = cors.get("AllowCredentials").and_then(Tree::as_bool) == Some(true);
        let headers: Vec<(&str, String)> = [
            ("Access-Control-Allow-Origin", origin.clone()),
            ("Access-Control-Allow-Methods", Some(methods)),
            ("Access-Control-Allow-Headers", value("AllowHeaders")),
            ("Access-Control-Max-Age", value("MaxAge")),
            (
                "Access-Control-Allow-Credentials",
                credentials.then(|| "'true'".to_owned()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        item.set("options", operation(&headers, is_swagger));
    }
}

fn operation(headers: &[(&str, String)], is_swagger: bool) -> Tree {
    let mut operation = Tree::from([("summary", "CORS support")]);
    let mut response = Tree::from([("description", "Default response for CORS method")]);
    let mut integration = Tree::from([("type", "mock")]);
    integration
        .entry("requestTemplates")
        .set("application/json", "{\n  \"statusCode\" : 200\n}\n");
    let answer = integration.entry("responses").entry("default");
    answer.set("statusCode", "200");
    for (name, value) in headers {
        let header = response.entry("headers").entry(name);
        match is_swagger {
            true => header.set("type", "string"),
            false => header.set("schema", [("type", "string")]),
        }
        answer
            .entry("responseParameters")
            .set(&format!("method.response.header.{name}"), value.as_str());
    }
    answer
        .entry("responseTemplates")
        .set("application/json", "{}\n");
    operation.entry("responses").set("200", response);
    operation.set("x-amazon-apigateway-integration", integration);
    operation
}
