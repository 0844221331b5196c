//! `attache import aws`: what `aws apigateway get-…` and `aws apigatewayv2 get-…` have printed.
//!
//! Every file is recognised by what it holds. Lists that belong to an API do not name it, so their
//! files do: the id stands in the file's name, unless there is only one API.

mod account;
mod recognised;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attache_model::Protocol;

use super::Imported;
use super::arguments::Aws;
use super::definition;
use super::draft::{self, Draft, DraftedApi};
use super::http_api::HttpApi;
use super::openapi::shown;
use super::rest_api::{Resource, RestApi};
use super::settings::{self, KnownApi};
use super::table::Table;
use crate::diagnostic::{Diagnostic, Report};
use crate::document::Document;
use crate::tree::Tree;
use account::{Account, Found};
use recognised::{Kind, recognise};

/// An API on its way into the draft.
struct Read {
    /// What AWS calls it.
    aws_id: String,
    id: String,
    protocol: Protocol,
    definition: Tree,
    stages: Vec<(String, Tree)>,
}

/// Makes a configuration of a folder. `None` when nothing in it can be used; the report says why.
pub(super) fn import(arguments: &Aws, report: &mut Report) -> Option<Imported> {
    let mut table = Table::default();
    let account = read(&arguments.folder, &mut table, report)?;
    let mut apis: Vec<Read> = Vec::new();
    for found in &account.rest_apis {
        let taken: Vec<&str> = apis.iter().map(|api| api.id.as_str()).collect();
        let api = rest_api(found, &account, &taken, &mut table);
        apis.extend(api);
    }
    for found in &account.http_apis {
        let taken: Vec<&str> = apis.iter().map(|api| api.id.as_str()).collect();
        let api = http_api(found, &account, &taken, &mut table);
        apis.extend(api);
    }
    if apis.is_empty() {
        report.push(
            Diagnostic::error(
                "nothing-to-import",
                &arguments.folder,
                0..0,
                "",
                format!(
                    "`{}` holds no API that can be imported",
                    arguments.folder.display()
                ),
            )
            .hint("`attache import aws --help` lists the calls whose answers belong there"),
        );
        return None;
    }
    draft(&apis, &account, &arguments.folder, table, report)
}

fn draft(
    apis: &[Read],
    account: &Account,
    folder: &Path,
    mut table: Table,
    report: &mut Report,
) -> Option<Imported> {
    let mut draft = Draft {
        about: format!("Imported from what AWS printed into {}.", shown(folder)),
        ..Draft::default()
    };
    let known: Vec<KnownApi<'_>> = apis
        .iter()
        .map(|api| KnownApi {
            aws_id: &api.aws_id,
            id: &api.id,
            stages: api.stages.iter().map(|(name, _)| name.as_str()).collect(),
        })
        .collect();
    for read in apis {
        let has_plan = account.usage_plans.iter().any(|plan| {
            let stages = plan.get("apiStages").map(Tree::items).unwrap_or_default();
            let mut ids = stages.iter().map(|stage| stage.text_of("apiId"));
            ids.any(|id| id == Some(read.aws_id.as_str()))
        });
        let api = DraftedApi {
            id: &read.id,
            protocol: read.protocol,
            stages: &read.stages,
            definition: &read.definition,
            has_plan,
        };
        draft.api(&api, &mut table, report)?;
    }
    let plans = usage_plans(account, &known, &mut draft, &mut table);
    api_keys(account, &plans, &mut draft, &mut table);
    domains(account, &known, &mut draft, &mut table);
    Some(Imported { draft, table })
}

/// All files of the folder, and of the folders in it.
fn read(folder: &Path, table: &mut Table, report: &mut Report) -> Option<Account> {
    let mut files = Vec::new();
    if let Err(error) = files_in(folder, 0, &mut files) {
        report.push(Diagnostic::error(
            "unreadable-file",
            folder,
            0..0,
            "",
            format!("cannot read `{}`: {error}", folder.display()),
        ));
        return None;
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file);
        let name = name.to_string_lossy().into_owned();
        let Ok(bytes) = std::fs::read(&file) else {
            table.decide(
                format!("file {name}"),
                "it cannot be read",
                "look at its permissions",
            );
            continue;
        };
        // Findings would show the lines of the file, which may hold the values of keys.
        let mut unheard = Report::new();
        let document = Document::parse(&file, &bytes, &mut unheard);
        let tree = match document {
            Some(document) if !unheard.has_errors() => Tree::from(&document.root),
            _ => {
                table.decide(
                    format!("file {name}"),
                    "it is not JSON or YAML, and was passed over",
                    "have AWS print it with `--output json`",
                );
                continue;
            }
        };
        match recognise(&tree) {
            Some(Kind::Empty) => {}
            Some(kind) => found.push(Found { name, kind, tree }),
            None => table.decide(
                format!("file {name}"),
                "it is none of the answers that are known, and was passed over",
                "`attache import aws --help` lists them",
            ),
        }
    }
    Some(Account::of(found, table))
}

/// How deep folders are looked through.
const MOST_FOLDERS: usize = 3;

fn files_in(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth < MOST_FOLDERS {
                files_in(&path, depth + 1, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|name| name == "json" || name == "yaml" || name == "yml")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// What the API is called here: its name. Where its definition names it by the id that AWS gave it,
/// as a policy does, it keeps that one.
fn id(name: &str, aws_id: &str, definition: &Tree, taken: &[&str]) -> String {
    let policy = definition.get("x-amazon-apigateway-policy");
    let is_named = policy.is_some_and(|policy| policy.to_string().contains(aws_id));
    match is_named && !taken.contains(&aws_id) {
        true => aws_id.to_owned(),
        false => draft::id(name, taken),
    }
}

fn rest_api(api: &Tree, account: &Account, taken: &[&str], table: &mut Table) -> Option<Read> {
    let aws_id = api.text_of("id")?.to_owned();
    let name = api.text_of("name").unwrap_or(&aws_id);
    let mut definition = match account.export(&aws_id) {
        Some(export) => export.clone(),
        None => {
            let resources = account.resources(&aws_id);
            if resources.is_empty() {
                table.decide(
                    format!("API {name}"),
                    "neither its export nor its resources were given: it was left out",
                    &format!("run `aws apigateway get-export --rest-api-id {aws_id} …`"),
                );
                return None;
            }
            let of = |kind| account.of_api(kind, &aws_id);
            RestApi {
                api: api.clone(),
                resources: resources.iter().map(resource).collect(),
                authorizers: of(Kind::RestAuthorizers),
                models: of(Kind::Models),
                request_validators: of(Kind::RequestValidators),
                gateway_responses: of(Kind::GatewayResponses),
            }
            .definition()
        }
    };
    // An export leaves out what belongs to the API itself.
    let settings = RestApi {
        api: api.clone(),
        ..RestApi::default()
    }
    .definition();
    for (key, value) in settings.entries() {
        if key.starts_with("x-amazon-") && definition.get(key).is_none() {
            definition.set(key, value.clone());
        }
    }
    let id = id(name, &aws_id, &definition, taken);
    let mut stages = Vec::new();
    for stage in account.of_api(Kind::RestStages, &aws_id) {
        if let Some(name) = stage.text_of("stageName") {
            let owner = format!("stage {name} of {id}");
            stages.push((name.to_owned(), settings::stage(&stage, &owner, table)));
        }
    }
    several_deployments(&account.of_api(Kind::RestStages, &aws_id), &id, table);
    if stages.is_empty() {
        let name = definition::stage(&definition).unwrap_or_else(|| "prod".to_owned());
        table.decide(
            format!("stage {name} of {id}"),
            "no stages were given: this one was made up",
            &format!("run `aws apigateway get-stages --rest-api-id {aws_id}`"),
        );
        stages.push((name, Tree::map()));
    }
    Some(Read {
        aws_id,
        id,
        protocol: Protocol::Rest,
        definition,
        stages,
    })
}

/// Stages of different deployments serve different definitions; one was given.
fn several_deployments(stages: &[Tree], id: &str, table: &mut Table) {
    let deployments: BTreeSet<&str> = stages
        .iter()
        .filter_map(|stage| stage.text_of("deploymentId"))
        .collect();
    if deployments.len() > 1 {
        table.decide(
            format!("API {id}"),
            format!(
                "its stages serve {} deployments, and all of them get the one definition",
                deployments.len()
            ),
            "export the other stages too, and give each definition an API of its own",
        );
    }
}

fn resource(found: &Tree) -> Resource {
    let methods = found.get("resourceMethods").map(Tree::entries);
    Resource {
        id: found.text_of("id").unwrap_or_default().to_owned(),
        path: found.text_of("path").unwrap_or("/").to_owned(),
        methods: methods.unwrap_or_default().to_vec(),
    }
}

fn http_api(api: &Tree, account: &Account, taken: &[&str], table: &mut Table) -> Option<Read> {
    let aws_id = api.text_of("ApiId")?.to_owned();
    let name = api.text_of("Name").unwrap_or(&aws_id);
    if api.text_of("ProtocolType") == Some("WEBSOCKET") {
        table.not_supported(format!("API {name}"), "it is a WebSocket API");
        return None;
    }
    let definition = match account.export(&aws_id) {
        Some(export) => export.clone(),
        None => {
            let of = |kind| account.of_api(kind, &aws_id);
            let routes = of(Kind::Routes);
            if routes.is_empty() {
                table.decide(
                    format!("API {name}"),
                    "neither its export nor its routes were given: it was left out",
                    &format!("run `aws apigatewayv2 export-api --api-id {aws_id} …`"),
                );
                return None;
            }
            HttpApi {
                api: api.clone(),
                routes,
                integrations: of(Kind::Integrations),
                authorizers: of(Kind::HttpAuthorizers),
            }
            .definition()
        }
    };
    let id = id(name, &aws_id, &definition, taken);
    let mut stages = Vec::new();
    for stage in account.of_api(Kind::HttpStages, &aws_id) {
        if let Some(name) = stage.text_of("StageName") {
            let owner = format!("stage {name} of {id}");
            stages.push((name.to_owned(), settings::http_stage(&stage, &owner, table)));
        }
    }
    if stages.is_empty() {
        table.decide(
            format!("stage $default of {id}"),
            "no stages were given: this one was made up",
            &format!("run `aws apigatewayv2 get-stages --api-id {aws_id}`"),
        );
        stages.push(("$default".to_owned(), Tree::map()));
    }
    Some(Read {
        aws_id,
        id,
        protocol: Protocol::Http,
        definition,
        stages,
    })
}

/// The usage plans; what each is called here, by the id that AWS gave it.
fn usage_plans(
    account: &Account,
    apis: &[KnownApi<'_>],
    draft: &mut Draft,
    table: &mut Table,
) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for plan in &account.usage_plans {
        let Some(aws_id) = plan.text_of("id") else {
            continue;
        };
        let taken: Vec<&str> = names.values().map(String::as_str).collect();
        let id = draft::id(plan.text_of("name").unwrap_or(aws_id), &taken);
        let owner = format!("usage plan {id}");
        let settings = settings::usage_plan(plan, apis, &owner, table);
        table.imported(owner, format!("{aws_id} on AWS"));
        draft.set("usagePlans", &id, settings);
        names.insert(aws_id.to_owned(), id);
    }
    names
}

fn api_keys(
    account: &Account,
    plans: &BTreeMap<String, String>,
    draft: &mut Draft,
    table: &mut Table,
) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for key in account.api_keys.values() {
        let Some(aws_id) = key.text_of("id") else {
            continue;
        };
        let name = key.text_of("name").filter(|name| !name.is_empty());
        let mut name = name.unwrap_or(aws_id).to_owned();
        if !names.insert(name.clone()) {
            name = format!("{name}-{aws_id}");
            names.insert(name.clone());
        }
        let of_key: Vec<&str> = account
            .plan_keys
            .iter()
            .filter(|(_, key)| key == aws_id)
            .filter_map(|(plan, _)| plans.get(plan).map(String::as_str))
            .collect();
        let owner = format!("API key {name}");
        if let Some(settings) = settings::api_key(key, &of_key, &owner, table) {
            table.imported(owner.clone(), "by the SHA-256 of its value");
            draft.set("apiKeys", &name, settings);
            if of_key.is_empty() {
                table.decide(
                    owner,
                    "it belongs to no usage plan, and opens nothing",
                    "run `aws apigateway get-usage-plan-keys --usage-plan-id PLAN` for each plan",
                );
            }
        }
    }
}

fn domains(account: &Account, apis: &[KnownApi<'_>], draft: &mut Draft, table: &mut Table) {
    let mut proposal = Tree::map();
    for (name, mappings) in &account.domains {
        let mut known_mappings = Vec::new();
        for (path, aws_id, stage) in mappings {
            match apis.iter().find(|known| known.aws_id == *aws_id) {
                Some(known) => {
                    known_mappings.push((path.clone(), known.id.to_owned(), stage.clone()));
                }
                None => table.decide(
                    format!("domain {name}/{path}"),
                    format!("this base path leads to the API `{aws_id}`, which was not imported"),
                    "import that API too, or leave it so",
                ),
            }
        }
        table.decide(
            format!("domain {name}"),
            "AWS keeps its certificate: its settings are at the end of attache.yaml, commented out",
            "write where certificate and key are, and take the `#` away",
        );
        proposal
            .entry("domains")
            .set(name, settings::domain(name, &known_mappings));
    }
    if !proposal.is_empty() {
        let comment =
            "Custom domain names. Write where their certificates are, and take the `#` away.";
        draft.proposals.push((comment.to_owned(), proposal));
    }
}

#[cfg(test)]
mod tests;
