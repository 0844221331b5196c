//! What an account holds, put together from the answers.

use std::collections::BTreeMap;

use super::recognised::{Kind, items};
use crate::import::definition;
use crate::import::table::Table;
use crate::project::NO_BASE_PATH;
use crate::tree::Tree;

/// An answer, and the name of its file.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) tree: Tree,
}

/// Base path, id of the API and stage.
type Mapping = (String, String, String);

/// What an account holds.
#[derive(Default)]
pub(super) struct Account {
    pub(super) rest_apis: Vec<Tree>,
    pub(super) http_apis: Vec<Tree>,
    pub(super) usage_plans: Vec<Tree>,
    /// By id.
    pub(super) api_keys: BTreeMap<String, Tree>,
    /// The id of a plan, and that of a key.
    pub(super) plan_keys: Vec<(String, String)>,
    pub(super) domains: BTreeMap<String, Vec<Mapping>>,
    exports: BTreeMap<String, Tree>,
    /// The items of the answers that belong to an API, by kind and by its id.
    of_apis: BTreeMap<(Kind, String), Vec<Tree>>,
}

impl Account {
    pub(super) fn of(found: Vec<Found>, table: &mut Table) -> Self {
        let mut account = Self::default();
        for found in &found {
            let items = || items(&found.tree).into_iter().cloned();
            match found.kind {
                Kind::RestApis => account.rest_apis.extend(items()),
                Kind::HttpApis => account.http_apis.extend(items()),
                Kind::UsagePlans => account.usage_plans.extend(items()),
                Kind::ApiKeys => {
                    for key in items() {
                        account.key(key);
                    }
                }
                Kind::RestDomainNames | Kind::HttpDomainNames => {
                    for domain in items() {
                        let name = domain.text_of("domainName");
                        if let Some(name) = name.or_else(|| domain.text_of("DomainName")) {
                            account.domains.entry(name.to_owned()).or_default();
                        }
                    }
                }
                _ => {}
            }
        }
        account.exports_alone(&found);
        for found in found {
            account.place(found, table);
        }
        account.sort();
        account
    }

    /// A key; of answers with and without its value the one with it counts.
    fn key(&mut self, key: Tree) {
        let Some(id) = key.text_of("id").map(str::to_owned) else {
            return;
        };
        match self.api_keys.get_mut(&id) {
            Some(known) => {
                for (field, value) in key.entries() {
                    if known.get(field).is_none() {
                        known.set(field, value.clone());
                    }
                }
            }
            None => {
                self.api_keys.insert(id, key);
            }
        }
    }

    /// Exports of APIs that no list tells of stand for themselves.
    fn exports_alone(&mut self, found: &[Found]) {
        if !self.rest_apis.is_empty() || !self.http_apis.is_empty() {
            return;
        }
        for found in found.iter().filter(|found| found.kind == Kind::Export) {
            let title = found.tree.at(&["info", "title"]).and_then(Tree::as_text);
            let id = definition::id_in_address(&found.tree).unwrap_or(&found.name);
            let name = title.unwrap_or(id);
            match definition::protocol(&found.tree) {
                attache_model::Protocol::Rest => {
                    self.rest_apis
                        .push(Tree::from([("id", id), ("name", name)]));
                }
                attache_model::Protocol::Http => {
                    self.http_apis
                        .push(Tree::from([("ApiId", id), ("Name", name)]));
                }
            }
        }
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let rest = self.rest_apis.iter().filter_map(|api| api.text_of("id"));
        rest.chain(self.http_apis.iter().filter_map(|api| api.text_of("ApiId")))
    }

    fn place(&mut self, found: Found, table: &mut Table) {
        let Found { name, kind, tree } = found;
        match kind {
            Kind::RestApis
            | Kind::HttpApis
            | Kind::UsagePlans
            | Kind::ApiKeys
            | Kind::RestDomainNames
            | Kind::HttpDomainNames
            | Kind::Empty => {}
            Kind::UsagePlanKeys => {
                let plans = self
                    .usage_plans
                    .iter()
                    .filter_map(|plan| plan.text_of("id"));
                let Some(plan) = named(&name, plans, &mut || unclear(&name, "usage plan", table))
                else {
                    return;
                };
                for key in items(&tree) {
                    let Some(id) = key.text_of("id") else {
                        continue;
                    };
                    self.plan_keys.push((plan.clone(), id.to_owned()));
                    let mut key = key.clone();
                    key.remove("type");
                    self.key(key);
                }
            }
            Kind::BasePathMappings | Kind::ApiMappings => {
                let domains = self.domains.keys().map(String::as_str);
                let Some(domain) =
                    named(&name, domains, &mut || unclear(&name, "domain name", table))
                else {
                    return;
                };
                let mappings = self.domains.entry(domain).or_default();
                mappings.extend(items(&tree).into_iter().filter_map(mapping));
            }
            Kind::Export => {
                let own = definition::id_in_address(&tree).map(str::to_owned);
                let own = own.filter(|own| self.ids().any(|id| id == own));
                let id =
                    own.or_else(|| named(&name, self.ids(), &mut || unclear(&name, "API", table)));
                if let Some(id) = id {
                    self.exports.entry(id).or_insert(tree);
                }
            }
            _ => {
                let Some(id) = named(&name, self.ids(), &mut || unclear(&name, "API", table))
                else {
                    return;
                };
                let list = self.of_apis.entry((kind, id)).or_default();
                list.extend(items(&tree).into_iter().cloned());
            }
        }
    }

    /// An order that does not depend on the one in which AWS lists things.
    fn sort(&mut self) {
        let by = |list: &mut Vec<Tree>, keys: [&str; 2]| {
            list.sort_by_key(|item| {
                keys.map(|key| item.text_of(key).unwrap_or_default().to_owned())
            });
        };
        by(&mut self.rest_apis, ["name", "id"]);
        by(&mut self.http_apis, ["Name", "ApiId"]);
        by(&mut self.usage_plans, ["name", "id"]);
        self.plan_keys.sort();
        self.plan_keys.dedup();
        self.rest_apis
            .dedup_by(|left, right| left.get("id") == right.get("id"));
        self.http_apis
            .dedup_by(|left, right| left.get("ApiId") == right.get("ApiId"));
        self.usage_plans
            .dedup_by(|left, right| left.get("id") == right.get("id"));
        for ((kind, _), list) in &mut self.of_apis {
            if *kind == Kind::Resources {
                by(list, ["path", "id"]);
            }
        }
    }

    /// The OpenAPI document of an API.
    pub(super) fn export(&self, id: &str) -> Option<&Tree> {
        self.exports.get(id)
    }

    /// What an answer of a kind holds for an API.
    pub(super) fn of_api(&self, kind: Kind, id: &str) -> Vec<Tree> {
        let found = self.of_apis.get(&(kind, id.to_owned()));
        found.cloned().unwrap_or_default()
    }

    /// The resources of a REST API.
    pub(super) fn resources(&self, id: &str) -> Vec<Tree> {
        self.of_api(Kind::Resources, id)
    }
}

/// Which of some ids a file's name holds; the only one there is needs no naming.
fn named<'a>(
    name: &str,
    ids: impl Iterator<Item = &'a str>,
    unclear: &mut dyn FnMut(),
) -> Option<String> {
    let ids: Vec<&str> = ids.collect();
    let longest = ids
        .iter()
        .filter(|id| name.contains(**id))
        .max_by_key(|id| id.len());
    match (longest, ids.as_slice()) {
        (Some(id), _) | (None, [id]) => Some((*id).to_owned()),
        _ => {
            unclear();
            None
        }
    }
}

fn unclear(name: &str, what: &str, table: &mut Table) {
    table.decide(
        format!("file {name}"),
        format!("its name holds the id of no {what} that was given, and it was passed over"),
        &format!("put the {what}'s id into the file's name"),
    );
}

fn mapping(item: &Tree) -> Option<Mapping> {
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| item.text_of(name));
        found.map(str::to_owned)
    };
    let path = text(["basePath", "ApiMappingKey"]).filter(|path| path != NO_BASE_PATH);
    Some((
        path.unwrap_or_default(),
        text(["restApiId", "ApiId"])?,
        text(["stage", "Stage"])?,
    ))
}
