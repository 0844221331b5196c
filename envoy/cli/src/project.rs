//! From the user's files to the document that the filter loads.
//!
//! `attache.yaml` names everything; this module follows the names, checks what no shape can say
//! (which stage a plan may hold, which operation a setting means, whose key is whose) and writes
//! the [model](attache_model::Gateway). For each thing in the model it keeps the place in the
//! user's files, so that a refusal by the filter's own compiler is shown there.
//!
//! A stage that was told to serve a deployment does; the files that people work on are for the
//! others ([`crate::deployments`]).

mod account;
mod api;
mod api_key;
mod authorizer;
mod certificate;
mod credential;
mod deployed;
mod domain;
mod endpoint;
mod management_api;
mod method_key;
mod places;
mod policy;
mod response_cache;
mod stage;
mod state;
mod usage_plan;
mod vpc_link;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use attache_model::{Api, Gateway, Secret, Stage, UsagePlan, VERSION};
use attache_policies::Upstream;
use attache_policies::usage_plan::UsagePlans;

use crate::configuration::{self, AccessLog, Configuration};
use crate::deployments::Deployments;
use crate::diagnostic::{Diagnostic, Report};
use crate::document::{Document, Node, Outline, Pointer};
use crate::envoy_target::Transport;
use crate::secrets_key::{NoSecretsKey, SecretsKey};
pub(crate) use deployed::describe as describe_fault;
pub(crate) use domain::NO_BASE_PATH;
pub(crate) use management_api::token_sha256;
pub(crate) use method_key::{MethodKey, name as method_name};
pub use places::{Place, Places};

/// The name of the configuration file in its folder.
pub const FILE_NAME: &str = "attache.yaml";

/// A configuration without faults.
#[derive(Debug)]
pub struct Project {
    /// What the filter loads.
    pub gateway: Gateway,
    /// Where in the user's files each part of it comes from.
    pub places: Places,
    /// Every back end that an operation can reach.
    pub upstreams: BTreeSet<Upstream>,
    /// What Envoy has to know of connections.
    pub transport: Transport,
    /// The values of the keys that stand in clear in the configuration file, by key id.
    pub known_values: BTreeMap<String, Secret<String>>,
    /// Where the access log goes; a file's path is made relative to where the command was given.
    pub access_log: AccessLog,
    /// The configuration file as it was found.
    pub file: PathBuf,
    /// What it says of APIs, as it stands there.
    pub apis: serde_json::Value,
    /// The key that its secrets are sealed with: what Envoy needs in its environment.
    pub secrets_key: SecretsKey,
}

impl Project {
    /// Whether a stage serves something else than the working files.
    #[must_use]
    pub fn has_deployments(&self) -> bool {
        let mut stages = self.gateway.apis.iter().flat_map(|api| &api.stages);
        stages.any(|stage| stage.deployment_id.is_some())
    }
}

/// Reads a folder that holds an `attache.yaml`, or such a file by its own name.
///
/// Every fault of every file goes to the report; with any error among them there is no project.
///
/// Secrets are sealed with the key of this process's environment, or else with a new one.
pub fn load(path: &Path, report: &mut Report) -> Option<Project> {
    load_with(path, SecretsKey::from_process(), report)
}

/// The same, with a given key for secrets. Without one, a file that names a secret is refused.
pub fn load_with(
    path: &Path,
    secrets_key: Result<SecretsKey, NoSecretsKey>,
    report: &mut Report,
) -> Option<Project> {
    let deployments = Deployments::read(&configuration_file(path), report);
    load_from(path, secrets_key, &deployments, report)
}

/// The same where no stage was told to serve a deployment: what people work on.
pub(crate) fn load_working(path: &Path, report: &mut Report) -> Option<Project> {
    load_from(
        path,
        SecretsKey::from_process(),
        &Deployments::none(),
        report,
    )
}

/// The same where the stages were told to serve these deployments.
pub(crate) fn load_from(
    path: &Path,
    secrets_key: Result<SecretsKey, NoSecretsKey>,
    deployments: &Deployments,
    report: &mut Report,
) -> Option<Project> {
    let file = configuration_file(path);
    let document = read(&file, path, report)?;
    let outline = Outline::new(&document);
    let reading = configuration::read(&document, &outline, report)?;
    let mut lowering = Lowering {
        document: &document,
        outline: &outline,
        secrets_key: &secrets_key,
        deployments,
        is_partial: reading.is_partial,
        places: Places::default(),
        report,
    };
    let (gateway, transport) = lowering.gateway(&reading.configuration);
    let places = lowering.places;
    // The compiler sees the model alone: of a faulty configuration it would repeat, in the words of
    // the model, what was said above in the user's.
    if report.has_errors() {
        return None;
    }
    // Nothing is sealed, or the report would have an error.
    let secrets_key = secrets_key.or_else(|_| SecretsKey::new()).ok()?;
    // The filter compiles the same document with the same function: what passes here, it loads.
    let environment = secrets_key.environment();
    let compiled = match attache_policies::Gateway::compile(&gateway, &environment) {
        Ok(compiled) => compiled,
        Err(errors) => {
            for error in errors {
                report.push(places.diagnostic(&error));
            }
            return None;
        }
    };
    drop(environment);
    let access_log = match &reading.configuration.access_log {
        AccessLog::File(path) => AccessLog::File(beside(&file, path).display().to_string()),
        other => other.clone(),
    };
    Some(Project {
        upstreams: compiled.upstreams(),
        known_values: known_values(&reading.configuration),
        apis: document
            .pointer("/apis")
            .map(Node::to_json)
            .unwrap_or_default(),
        gateway,
        transport,
        places,
        access_log,
        file,
        secrets_key,
    })
}

/// The configuration file that a command's argument means, and its settings as far as they can be
/// read, without the files that it names.
pub(crate) fn configuration(
    path: &Path,
    report: &mut Report,
) -> (PathBuf, Option<configuration::Reading>) {
    let file = configuration_file(path);
    let document = read(&file, path, report);
    let reading = document.and_then(|document| {
        let outline = Outline::new(&document);
        configuration::read(&document, &outline, report)
    });
    (file, reading)
}

/// What a configuration file says of APIs, as it stands there.
pub(crate) fn as_written(path: &Path) -> Option<serde_json::Value> {
    let document = Document::read(&configuration_file(path), &mut Report::new())?;
    document.pointer("/apis").map(Node::to_json)
}

/// One stage with the settings that the configuration has for it, over the operations of an API
/// that was deployed. `None` when they do not fit, and the report says why.
pub(crate) fn stage_over(
    path: &Path,
    api: &Api,
    stage: &str,
    report: &mut Report,
) -> Option<Stage> {
    lower_part(path, report, |lowering, configuration| {
        let settings = configuration.apis.get(&api.id)?.stages.get(stage)?;
        Some(lowering.stage_over(stage, settings, api))
    })
}

/// A usage plan that lives beside those of the configuration, as the gateways load it. Everything
/// that is found is about this plan; with a fault in it there is none.
pub(crate) fn usage_plan(
    path: &Path,
    gateway: &Gateway,
    id: &str,
    plan: &configuration::UsagePlan,
    report: &mut Report,
) -> Option<UsagePlan> {
    let lowered = lower_part(path, report, |lowering, _| {
        Some(lowering.usage_plan(gateway.usage_plans.len(), id, plan, &gateway.apis))
    })?;
    let mut gateway = gateway.clone();
    gateway.usage_plans.push(lowered.clone());
    match UsagePlans::compile(&gateway) {
        Ok(_) => Some(lowered),
        Err(errors) => {
            for error in errors {
                report.push(Places::default().diagnostic(&error));
            }
            None
        }
    }
}

/// Lowers a part of a configuration by itself. `None` where it has a fault.
fn lower_part<T>(
    path: &Path,
    report: &mut Report,
    part: impl FnOnce(&mut Lowering<'_>, &Configuration) -> Option<T>,
) -> Option<T> {
    let file = configuration_file(path);
    let document = read(&file, path, report)?;
    let outline = Outline::new(&document);
    let reading = configuration::read(&document, &outline, report)?;
    let errors = report.error_count();
    let mut lowering = Lowering {
        document: &document,
        outline: &outline,
        secrets_key: &SecretsKey::from_process(),
        deployments: &Deployments::none(),
        is_partial: reading.is_partial,
        places: Places::default(),
        report,
    };
    let lowered = part(&mut lowering, &reading.configuration)?;
    (report.error_count() == errors).then_some(lowered)
}

fn known_values(configuration: &Configuration) -> BTreeMap<String, Secret<String>> {
    let keys = configuration.api_keys.iter();
    keys.filter_map(|(id, key)| Some((id.clone(), key.value.clone()?)))
        .collect()
}

/// The configuration file that a command's argument means.
fn configuration_file(path: &Path) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    // `attache.yaml` reads better in a message than `./attache.yaml`.
    if path == Path::new(".") {
        return PathBuf::from(FILE_NAME);
    }
    path.join(FILE_NAME)
}

/// A path that stands in a file, as seen from where the command was given.
pub(crate) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent()
        .map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

fn read(file: &Path, path: &Path, report: &mut Report) -> Option<Document> {
    if path.is_dir() && !file.exists() {
        report.push(
            Diagnostic::error(
                "no-configuration",
                path,
                0..0,
                "",
                format!("`{}` holds no {FILE_NAME}", path.display()),
            )
            .hint("name the folder that holds it, or the file itself"),
        );
        return None;
    }
    let document = Document::read(file, report);
    let shown = match &document {
        Some(document) => Some(configuration::masked(document)),
        None => report.source(file).map(configuration::masked_unparsed),
    };
    if let Some(shown) = shown {
        report.add_source(file, shown);
    }
    document
}

/// The state of one walk from the configuration to the model.
struct Lowering<'a> {
    document: &'a Document,
    outline: &'a Outline,
    secrets_key: &'a Result<SecretsKey, NoSecretsKey>,
    deployments: &'a Deployments,
    is_partial: bool,
    places: Places,
    report: &'a mut Report,
}

impl Lowering<'_> {
    fn gateway(&mut self, configuration: &Configuration) -> (Gateway, Transport) {
        let account = self.account(&configuration.account);
        let mut apis = Vec::new();
        for (id, api) in &configuration.apis {
            let mut stages = api.stages.keys();
            // Where all stages serve deployments, what is being worked on is nobody's business yet.
            if stages.any(|stage| self.serves_working_files(id, stage))
                && let Some(api) = self.api(id, api, configuration, apis.len())
            {
                apis.push(api);
            }
            self.deployed_stages(id, api, &mut apis);
        }
        self.warn_of_deployments_without_stage(&configuration.apis);
        for api in &mut apis {
            api.any_host = configuration.apis.len() == 1 && !self.is_partial;
        }
        let usage_plans = self.usage_plans(&configuration.usage_plans, &apis);
        let api_keys = self.api_keys(configuration);
        let credentials = self.credentials(&configuration.credentials);
        let endpoints = self.endpoints(configuration, &apis);
        let (domains, transport) = self.domains(configuration, &apis);
        let gateway = Gateway {
            version: VERSION,
            account,
            apis,
            domains,
            usage_plans,
            api_keys,
            rate_limit_headers: configuration.rate_limit_headers,
            credentials,
            endpoints,
            access_log: configuration.access_log != AccessLog::Off,
            management_api: self.management_api(configuration.management_api.as_ref()),
            state: self.state(configuration.state.as_ref()),
            usage_route: configuration.usage_route.clone(),
            kept_usage: Vec::new(),
        };
        (gateway, transport)
    }

    /// An error at a value of `attache.yaml`. The advice belongs to it from the start, because a
    /// refusal that does not say what to do is half a refusal.
    fn refuse(
        &mut self,
        code: &'static str,
        pointer: &Pointer,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.push(
            Diagnostic::error(
                code,
                &self.document.file,
                self.span(pointer),
                pointer.as_str(),
                message,
            )
            .hint(hint),
        );
    }

    /// An error at a name of `attache.yaml`, whatever stands under it.
    fn refuse_name(
        &mut self,
        code: &'static str,
        pointer: &Pointer,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.push(
            Diagnostic::error(
                code,
                &self.document.file,
                self.outline.place_of_name(pointer),
                pointer.as_str(),
                message,
            )
            .hint(hint),
        );
    }

    fn warn(
        &mut self,
        code: &'static str,
        pointer: &Pointer,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.push(
            Diagnostic::warning(
                code,
                &self.document.file,
                self.span(pointer),
                pointer.as_str(),
                message,
            )
            .hint(hint),
        );
    }

    fn span(&self, pointer: &Pointer) -> Range<usize> {
        self.outline.place(pointer)
    }

    /// Whether the user's file holds something at a pointer, even if it was too faulty to be read.
    fn stands_in_file(&self, pointer: &Pointer) -> bool {
        self.outline.contains(pointer)
    }

    /// Remembers that a part of the model comes from a value of `attache.yaml`.
    fn remember(&mut self, model: impl Into<String>, pointer: &Pointer) {
        let span = self.span(pointer);
        self.remember_at(model.into(), pointer, span);
    }

    /// The same for a thing that is best shown by its name.
    fn remember_name(&mut self, model: impl Into<String>, pointer: &Pointer) {
        let span = self.outline.place_of_name(pointer);
        self.remember_at(model.into(), pointer, span);
    }

    fn remember_at(&mut self, model: String, pointer: &Pointer, span: Range<usize>) {
        let place = Place {
            file: self.document.file.clone(),
            span,
            pointer: pointer.as_str().to_owned(),
        };
        self.places.insert(model, place);
    }
}
