//! `attache import sam`: templates of AWS SAM and CloudFormation.
//!
//! The resources that make up an API are put together to the definition that imports as the same
//! API; values of intrinsic functions are those that the template tells ([`intrinsic`]).

mod classic;
pub(super) mod intrinsic;
mod serverless;
mod template;

use std::collections::BTreeMap;
use std::path::Path;

use attache_model::Protocol;

use super::Imported;
use super::arguments::Cloudformation;
use super::draft::{self, Draft, DraftedApi};
use super::openapi::{account, shown};
use super::settings::{self, KnownApi};
use super::table::Table;
use crate::diagnostic::{Diagnostic, Report};
use crate::document::Document;
use crate::tree::Tree;
use intrinsic::Resolver;
use template::{Resources, kebab, lower_camel};

/// What the kinds of APIs are called in templates.
const API_TYPES: [&str; 4] = [
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
];

/// An API of a template.
struct Read {
    id: String,
    protocol: Protocol,
    definition: Tree,
    stages: Vec<(String, Tree)>,
}

/// Makes a configuration of a template. `None` when there is no API in it; the report says why.
pub(super) fn import(arguments: &Cloudformation, report: &mut Report) -> Option<Imported> {
    let file = &arguments.file;
    let document = match std::fs::read(file) {
        Ok(bytes) => Document::parse_template(file, &bytes, report)?,
        Err(_) => {
            // Says why.
            Document::read(file, report);
            return None;
        }
    };
    let root = Tree::from(&document.root);
    let given: BTreeMap<String, String> = arguments.parameter.iter().cloned().collect();
    let mut table = Table::default();
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut resolver = Resolver::new(&root, &given, folder);
    let resources = Resources::of(&root, &mut resolver, &mut table);
    let mut apis = Vec::new();
    for (logical_id, kind) in serverless::apis(&resources) {
        let id = draft::id(&kebab(&logical_id), &values(&resolver.apis));
        resolver.apis.insert(logical_id.clone(), id.clone());
        apis.push((logical_id, kind, id));
    }
    let mut read = Vec::new();
    for (logical_id, kind, id) in &apis {
        let mut building = Building {
            resources: &resources,
            resolver: &mut resolver,
            table: &mut table,
            logical_id,
            id,
        };
        read.extend(match *kind {
            "AWS::Serverless::Api" => building.serverless_api(),
            "AWS::Serverless::HttpApi" => building.serverless_http_api(),
            "AWS::ApiGateway::RestApi" => building.rest_api(),
            _ => building.http_api(),
        });
    }
    if read.is_empty() {
        report.push(
            Diagnostic::error(
                "nothing-to-import",
                file,
                0..0,
                "/Resources",
                "the template holds no API that can be imported",
            )
            .hint(format!(
                "an API is a resource of type {}",
                API_TYPES.join(", ")
            )),
        );
        return None;
    }
    let known: Vec<KnownApi<'_>> = read
        .iter()
        .map(|api| KnownApi {
            aws_id: &api.id,
            id: &api.id,
            stages: api.stages.iter().map(|(name, _)| name.as_str()).collect(),
        })
        .collect();
    let mut draft = Draft {
        about: format!("Imported from {}.", shown(file)),
        ..Draft::default()
    };
    if let Some(account) = account(&given) {
        draft.settings.set("account", account);
    }
    let plans = usage_plans(&resources, &known, &mut resolver, &mut draft, &mut table);
    api_keys(&resources, &plans, &mut resolver, &mut draft, &mut table);
    domains(
        &resources,
        &apis,
        &read,
        &mut resolver,
        &mut draft,
        &mut table,
    );
    for api in &read {
        let described = DraftedApi {
            id: &api.id,
            protocol: api.protocol,
            stages: &api.stages,
            definition: &api.definition,
            has_plan: plans
                .values()
                .any(|plan| plan.to_string().contains(&format!("\"{}\"", api.id))),
        };
        draft.api(&described, &mut table, report)?;
    }
    told(&resolver, &mut table);
    Some(Imported { draft, table })
}

fn values(map: &BTreeMap<String, String>) -> Vec<&str> {
    map.values().map(String::as_str).collect()
}

/// Tells what intrinsic functions did not get their values from the template.
pub(super) fn told(resolver: &Resolver<'_>, table: &mut Table) {
    for name in &resolver.missing {
        table.decide(
            format!("value {name}"),
            "nothing tells it: the function stands where it stood",
            &format!("give it with `--parameter '{name}=VALUE'`"),
        );
    }
    for (id, kind) in &resolver.made_up {
        table.decide(
            format!("{kind} {id}"),
            "CloudFormation would name it: its logical id stands for its name",
            &format!("give its name with `--parameter {id}=NAME`"),
        );
    }
    for name in &resolver.assumed {
        let value = match *name {
            "AWS::Region" => "us-east-1",
            _ => "000000000000",
        };
        table.decide(
            format!("value {name}"),
            format!("taken to be {value}"),
            &format!("give yours with `--parameter {name}=VALUE`"),
        );
    }
}

/// One API on its way from the resources to a definition.
struct Building<'b, 't> {
    resources: &'b Resources<'t>,
    resolver: &'b mut Resolver<'t>,
    table: &'b mut Table,
    logical_id: &'b str,
    id: &'b str,
}

/// The usage plans as they are written, by the ids that they have here.
fn usage_plans(
    resources: &Resources<'_>,
    apis: &[KnownApi<'_>],
    resolver: &mut Resolver<'_>,
    draft: &mut Draft,
    table: &mut Table,
) -> BTreeMap<String, Tree> {
    let mut plans = BTreeMap::new();
    for (logical_id, properties) in resources.of_type("AWS::ApiGateway::UsagePlan") {
        let Some(properties) = resolver.resolve(properties) else {
            continue;
        };
        let mut plan = lower_camel(&properties);
        plan.set_some("name", plan.present("usagePlanName").cloned());
        let id = kebab(logical_id);
        let settings = settings::usage_plan(&plan, apis, &format!("usage plan {id}"), table);
        plans.insert(id, settings);
    }
    for (logical_id, _) in resources.of_type("AWS::Serverless::Api") {
        let Some(found) = resources.property(logical_id, &["Auth", "UsagePlan"]) else {
            continue;
        };
        let Some(found) = resolver.resolve(found) else {
            continue;
        };
        let kind = found.text_of("CreateUsagePlan").unwrap_or("NONE");
        if kind == "NONE" {
            continue;
        }
        let api = resolver.apis.get(logical_id).cloned().unwrap_or_default();
        let id = match kind {
            "SHARED" => "shared".to_owned(),
            _ => format!("{api}-plan"),
        };
        let mut plan = lower_camel(&found);
        let known = apis.iter().find(|known| known.id == api);
        let stages: Vec<Tree> = known
            .iter()
            .flat_map(|known| known.stages.iter())
            .map(|stage| Tree::from([("apiId", api.as_str()), ("stage", stage)]))
            .collect();
        plan.set("apiStages", Tree::List(stages));
        let owner = format!("usage plan {id}");
        let settings = settings::usage_plan(&plan, apis, &owner, table);
        match plans.get_mut(&id) {
            None => {
                plans.insert(id, settings);
            }
            Some(known) => {
                if let (Some(Tree::List(stages)), Some(more)) =
                    (known.get_mut("apiStages"), settings.get("apiStages"))
                {
                    stages.extend(more.items().iter().cloned());
                }
            }
        }
        table.decide(
            owner,
            "SAM makes a key for it, whose value CloudFormation makes up",
            "make one with `attache keys create NAME --plan PLAN`",
        );
    }
    for (id, settings) in &plans {
        table.imported(format!("usage plan {id}"), "its limits and stages");
        draft.set("usagePlans", id, settings.clone());
    }
    plans
}

fn api_keys(
    resources: &Resources<'_>,
    plans: &BTreeMap<String, Tree>,
    resolver: &mut Resolver<'_>,
    draft: &mut Draft,
    table: &mut Table,
) {
    let mut of_keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, properties) in resources.of_type("AWS::ApiGateway::UsagePlanKey") {
        let mut named = |key: &str| {
            let found = properties.get(key)?;
            found
                .text_of("Ref")
                .map(str::to_owned)
                .or_else(|| resolver.text(found))
        };
        if let (Some(key), Some(plan)) = (named("KeyId"), named("UsagePlanId")) {
            of_keys.entry(key).or_default().push(kebab(&plan));
        }
    }
    for (logical_id, properties) in resources.of_type("AWS::ApiGateway::ApiKey") {
        let Some(properties) = resolver.resolve(properties) else {
            continue;
        };
        let mut key = lower_camel(&properties);
        if key
            .get("value")
            .is_some_and(|value| value.as_text().is_none())
        {
            key.remove("value");
        }
        let id = kebab(logical_id);
        let owner = format!("API key {id}");
        let names = of_keys.get(logical_id).cloned().unwrap_or_default();
        let names: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| plans.contains_key(*name))
            .collect();
        if key.get("value").is_none() {
            table.decide(
                owner,
                "CloudFormation makes its value up, so it was left out",
                "give the customer a new one: `attache keys create NAME --plan PLAN`",
            );
            continue;
        }
        if key.get("enabled").is_none() {
            // CloudFormation: disabled unless told otherwise.
            key.set("enabled", false);
        }
        if let Some(settings) = settings::api_key(&key, &names, &owner, table) {
            table.imported(owner, "by the SHA-256 of its value");
            draft.set("apiKeys", &id, settings);
        }
    }
}

fn domains(
    resources: &Resources<'_>,
    apis: &[(String, &'static str, String)],
    read: &[Read],
    resolver: &mut Resolver<'_>,
    draft: &mut Draft,
    table: &mut Table,
) {
    let mut domains: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for kind in [
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGatewayV2::DomainName",
    ] {
        for (_, properties) in resources.of_type(kind) {
            let name = properties.get("DomainName");
            if let Some(name) = name.and_then(|name| resolver.text(name)) {
                domains.entry(name).or_default();
            }
        }
    }
    for (kind, path, api) in [
        ("AWS::ApiGateway::BasePathMapping", "BasePath", "RestApiId"),
        ("AWS::ApiGatewayV2::ApiMapping", "ApiMappingKey", "ApiId"),
    ] {
        for (_, properties) in resources.of_type(kind) {
            let mut text = |key: &str| {
                let found = properties.get(key)?;
                resolver.text(found)
            };
            let path = text(path).unwrap_or_default();
            let stage = text("Stage");
            let (Some(name), Some(api)) = (text("DomainName"), text(api)) else {
                continue;
            };
            let only = || {
                let found = read.iter().find(|found| found.id == api)?;
                found.stages.first().map(|(name, _)| name.clone())
            };
            if let Some(stage) = stage.or_else(only) {
                domains.entry(name).or_default().push((path, api, stage));
            }
        }
    }
    for (logical_id, _, id) in apis {
        let Some(domain) = resources.property(logical_id, &["Domain"]) else {
            continue;
        };
        let Some(domain) = resolver.resolve(domain) else {
            continue;
        };
        let stage = read
            .iter()
            .find(|found| found.id == *id)
            .and_then(|found| found.stages.first());
        let (Some(name), Some((stage, _))) = (domain.text_of("DomainName"), stage) else {
            continue;
        };
        let paths: Vec<&str> = match domain.get("BasePath") {
            Some(Tree::List(items)) => items.iter().filter_map(Tree::as_text).collect(),
            Some(Tree::Text(text)) => vec![text],
            _ => vec![""],
        };
        for path in paths {
            let path = path.trim_matches('/').to_owned();
            let mapping = (path, id.clone(), stage.clone());
            domains.entry(name.to_owned()).or_default().push(mapping);
        }
    }
    let mut proposal = Tree::map();
    for (name, mappings) in &domains {
        table.decide(
            format!("domain {name}"),
            "AWS keeps its certificate: its settings are at the end of attache.yaml, commented out",
            "write where certificate and key are, and take the `#` away",
        );
        proposal
            .entry("domains")
            .set(name, settings::domain(name, mappings));
    }
    if !proposal.is_empty() {
        let comment =
            "Custom domain names. Write where their certificates are, and take the `#` away.";
        draft.proposals.push((comment.to_owned(), proposal));
    }
}

#[cfg(test)]
mod tests;
