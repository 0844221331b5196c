//! Paths, addresses and references, as every reader of OpenAPI understands them.

use attache_model::{Api, Integration, Verb};

use super::operation;
use crate::export::METHODS;
use crate::tree::Tree;

/// Where the models of an API are, in documents that were written for AWS.
const MODELS: &str = "https://apigateway.amazonaws.com/restapis/";

/// Takes out the operations that answer browsers' preflight requests: nobody calls them.
pub(super) fn take_out_preflights(document: &mut Tree, api: &Api) {
    let Some(paths) = document.get_mut("paths") else {
        return;
    };
    for (path, item) in paths.entries_mut() {
        let is_preflight = operation(api, path, "options").is_some_and(|(_, found)| {
            found.method == Verb::Options
                && matches!(found.integration, Integration::Mock(_))
                && found.authorization.is_none()
                && !found.api_key_required
        });
        if is_preflight {
            item.remove("options");
        }
    }
    if let Tree::Map(paths) = paths {
        paths.retain(|(_, item)| METHODS.iter().any(|method| item.get(method).is_some()));
    }
}

/// A path as OpenAPI writes it: `{proxy+}`, which takes the rest of a path, is `{proxy}` there.
pub(super) fn plain(path: &str) -> String {
    path.replace("+}", "}")
}

/// Writes greedy parameters as OpenAPI does. Where the path without the `+` is there too, the `+`
/// stays, and the parameter is declared with it.
pub(super) fn name_greedy_parameters(document: &mut Tree) {
    let Some(Tree::Map(paths)) = document.get_mut("paths") else {
        return;
    };
    let all: Vec<String> = paths.iter().map(|(path, _)| path.clone()).collect();
    for (path, item) in paths {
        if !path.contains("+}") {
            continue;
        }
        let plain = plain(path);
        if all.contains(&plain) {
            let name = path.rsplit_once('{').map_or("", |(_, rest)| rest);
            let name = name.split('}').next().unwrap_or_default().to_owned();
            rename_parameter(item, name.trim_end_matches('+'), &name);
            for method in METHODS {
                if let Some(operation) = item.get_mut(method) {
                    rename_parameter(operation, name.trim_end_matches('+'), &name);
                }
            }
        } else {
            *path = plain;
        }
    }
}

fn rename_parameter(holder: &mut Tree, from: &str, to: &str) {
    let Some(Tree::List(parameters)) = holder.get_mut("parameters") else {
        return;
    };
    for parameter in parameters {
        if parameter.text_of("in") == Some("path") && parameter.text_of("name") == Some(from) {
            parameter.set("name", to);
        }
    }
}

/// Writes addresses without variables, which many a generator does not fill in.
pub(super) fn write_out_servers(document: &mut Tree) {
    let Some(Tree::List(servers)) = document.get_mut("servers") else {
        return;
    };
    for server in servers {
        let Some(mut url) = server.text_of("url").map(str::to_owned) else {
            continue;
        };
        let variables = server.remove("variables").unwrap_or_default();
        for (name, variable) in variables.entries() {
            let value = variable.text_of("default").unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), value);
        }
        server.set("url", url);
    }
}

/// Has references to the models of the API lead to where they are in the document.
pub(super) fn refer_to_own_models(tree: &mut Tree) {
    match tree {
        Tree::List(items) => items.iter_mut().for_each(refer_to_own_models),
        Tree::Map(entries) => {
            for (key, value) in entries {
                match value {
                    Tree::Text(target) if key == "$ref" && target.starts_with(MODELS) => {
                        let name = target.rsplit('/').next().unwrap_or_default();
                        *target = format!("#/components/schemas/{name}");
                    }
                    _ => refer_to_own_models(value),
                }
            }
        }
        _ => {}
    }
}
