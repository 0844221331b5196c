//! The resources of a template: those that its conditions leave, with what its globals say.

use super::intrinsic::Resolver;
use crate::import::http_api::lower_first;
use crate::import::table::Table;
use crate::tree::Tree;

/// Properties whose keys are the user's own: they keep their spelling.
const OF_USERS: &[&str] = &[
    "RequestParameters",
    "RequestTemplates",
    "RequestModels",
    "ResponseParameters",
    "ResponseTemplates",
    "ResponseModels",
    "Variables",
    "StageVariableOverrides",
    "Policy",
    "Schema",
    "Body",
    "Tags",
];

/// The resources of a template by their logical ids, in the order of the template.
pub(super) struct Resources<'t> {
    found: Vec<Resource<'t>>,
}

struct Resource<'t> {
    id: &'t str,
    kind: &'t str,
    properties: Tree,
}

impl<'t> Resources<'t> {
    pub(super) fn of(template: &'t Tree, resolver: &mut Resolver<'t>, table: &mut Table) -> Self {
        let mut found = Vec::new();
        let resources = template.get("Resources").map(Tree::entries);
        for (id, resource) in resources.unwrap_or_default() {
            let Some(kind) = resource.text_of("Type") else {
                continue;
            };
            if let Some(condition) = resource.text_of("Condition") {
                match resolver.condition(condition) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => table.decide(
                        format!("resource {id}"),
                        format!(
                            "whether its condition `{condition}` holds is not known: it is taken to"
                        ),
                        "give the parameters of the condition with `--parameter NAME=VALUE`",
                    ),
                }
            }
            if is_left_out(kind) {
                table.not_supported(format!("resource {id}"), format!("of type {kind}"));
            }
            let own = resource
                .get("Properties")
                .cloned()
                .unwrap_or_else(Tree::map);
            let section = kind.strip_prefix("AWS::Serverless::");
            let globals = section.and_then(|section| template.at(&["Globals", section]));
            let properties = match globals {
                Some(globals) => merged(globals, own),
                None => own,
            };
            found.push(Resource {
                id,
                kind,
                properties,
            });
        }
        Self { found }
    }

    /// The logical ids and properties of all resources of a type.
    pub(super) fn of_type<'s>(
        &'s self,
        kind: &'s str,
    ) -> impl Iterator<Item = (&'t str, &'s Tree)> {
        let of_kind = self.found.iter().filter(move |found| found.kind == kind);
        of_kind.map(|found| (found.id, &found.properties))
    }

    /// The types of all resources, with their logical ids.
    pub(super) fn types(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.found.iter().map(|found| (found.id, found.kind))
    }

    /// The properties of a resource.
    pub(super) fn properties(&self, id: &str) -> Option<&Tree> {
        let found = self.found.iter().find(|found| found.id == id)?;
        Some(&found.properties)
    }

    /// A property of a resource.
    pub(super) fn property(&self, id: &str, way: &[&str]) -> Option<&Tree> {
        self.properties(id)?.at(way)
    }
}

/// Whether a resource belongs to an API and is not imported.
fn is_left_out(kind: &str) -> bool {
    matches!(
        kind,
        "AWS::ApiGateway::ClientCertificate"
            | "AWS::ApiGateway::DomainNameV2"
            | "AWS::WAFv2::WebACLAssociation"
            | "AWS::ApiGatewayV2::RoutingRule"
            | "AWS::Serverless::WebSocketApi"
    )
}

/// What SAM makes of globals and a resource's own properties: mappings are merged, lists added up,
/// and the resource's own values win.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>
fn merged(globals: &Tree, own: Tree) -> Tree {
    match (globals, own) {
        (Tree::Map(shared), Tree::Map(own)) if !is_function(shared) && !is_function(&own) => {
            let mut result = Tree::Map(shared.clone());
            for (key, value) in own {
                let value = match result.get(&key) {
                    Some(shared) => merged(shared, value),
                    None => value,
                };
                result.set(&key, value);
            }
            result
        }
        (Tree::List(shared), Tree::List(own)) => {
            Tree::List(shared.iter().cloned().chain(own).collect())
        }
        (_, own) => own,
    }
}

fn is_function(entries: &[(String, Tree)]) -> bool {
    matches!(entries, [(key, _)] if key == "Ref" || key.starts_with("Fn::"))
}

/// Properties in the spelling of AWS's JSON: `RestApiId` as `restApiId`.
pub(super) fn lower_camel(tree: &Tree) -> Tree {
    match tree {
        Tree::List(items) => Tree::List(items.iter().map(lower_camel).collect()),
        Tree::Map(entries) => Tree::Map(
            entries
                .iter()
                .map(|(key, value)| {
                    let value = match OF_USERS.contains(&key.as_str()) {
                        true => value.clone(),
                        false => lower_camel(value),
                    };
                    (lower_first(key), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A logical id as people write names: `GoldPlan` as `gold-plan`.
pub(super) fn kebab(id: &str) -> String {
    let mut name = String::new();
    let mut was_lower = false;
    for character in id.chars() {
        if character.is_ascii_uppercase() && was_lower {
            name.push('-');
        }
        was_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{kebab, lower_camel, merged};
    use crate::tree::Tree;

    fn tree(text: &str) -> Tree {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        Tree::from(&value)
    }

    #[test]
    fn logical_ids_read_as_names() {
        for (id, name) in [
            ("GoldPlan", "gold-plan"),
            ("api", "api"),
            ("MyAPI", "my-api"),
            ("Api2Prod", "api2-prod"),
        ] {
            assert_eq!(kebab(id), name);
        }
    }

    #[test]
    fn globals_give_way() {
        let globals = tree(r#"{"Cors": {"A": 1, "B": 2}, "Types": ["x"], "Name": {"Ref": "N"}}"#);
        let own = tree(r#"{"Cors": {"B": 3}, "Types": ["y"], "Name": "own"}"#);
        assert_eq!(
            merged(&globals, own),
            tree(r#"{"Cors": {"A": 1, "B": 3}, "Types": ["x", "y"], "Name": "own"}"#)
        );
    }

    #[test]
    fn names_of_users_keep_their_spelling() {
        let found = tree(r#"{"RestApiId": "a", "Variables": {"Stage": "X"}}"#);
        assert_eq!(
            lower_camel(&found),
            tree(r#"{"restApiId": "a", "variables": {"Stage": "X"}}"#)
        );
    }
}
