//! The stages that serve a deployment rather than the working files.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Api, Canary, Protocol, Stage, VERSION};

use super::{Lowering, Pointer};
use crate::configuration;
use crate::deployments::{Deployed, DeploymentId, SnapshotFault};
use crate::diagnostic::Diagnostic;

/// What a stage of the configuration serves in place of the working files.
struct Served<'a> {
    stage: &'a str,
    deployed: &'a Deployed,
    id: &'a DeploymentId,
    canary: Option<Canary>,
}

impl Lowering<'_> {
    /// Whether a stage of the configuration serves the working files.
    pub(super) fn serves_working_files(&self, api: &str, stage: &str) -> bool {
        self.deployments.stage(api, stage).is_none()
    }

    /// Adds what the stages of an API serve that were told to serve a deployment. Stages that serve
    /// the same operations are those of one entry: most often a stage and its canary release differ
    /// in nothing else than variables.
    pub(super) fn deployed_stages(
        &mut self,
        id: &str,
        api: &configuration::Api,
        apis: &mut Vec<Api>,
    ) {
        let first = apis.len();
        let deployments = self.deployments;
        for stage in api.stages.keys() {
            let Some(deployed) = deployments.stage(id, stage) else {
                continue;
            };
            let canary = deployed.state.canary.as_ref();
            let served = [
                Some((&deployed.state.deployment, None)),
                canary.map(|canary| {
                    let settings = Canary {
                        percent_traffic: canary.percent_traffic,
                        use_stage_cache: canary.use_stage_cache,
                    };
                    (&canary.deployment, Some(settings))
                }),
            ];
            for (deployment, canary) in served.into_iter().flatten() {
                let served = Served {
                    stage,
                    deployed,
                    id: deployment,
                    canary,
                };
                if let Some((content, stage)) = self.served(id, api, &served) {
                    let entries = apis.get_mut(first..).unwrap_or_default();
                    let same = entries
                        .iter_mut()
                        .position(|entry| serves_same(entry, &content));
                    let index = first + same.unwrap_or(entries.len());
                    if same.is_none() {
                        apis.push(content);
                        self.remember_served(format!("/apis/{index}"), &served);
                    }
                    if let Some(entry) = apis.get_mut(index) {
                        let model = format!("/apis/{index}/stages/{}", entry.stages.len());
                        entry.stages.push(stage);
                        self.remember_served(model, &served);
                    }
                }
            }
        }
    }

    /// A deployment, as an API without stages and the stage.
    fn served(
        &mut self,
        id: &str,
        api: &configuration::Api,
        served: &Served<'_>,
    ) -> Option<(Api, Stage)> {
        let snapshot = match self.deployments.snapshot(id, served.id) {
            Ok(snapshot) => snapshot,
            Err(fault) => {
                let (code, message, hint) = describe(&fault, id, served.id);
                self.refuse_served(code, served, message, hint);
                return None;
            }
        };
        let mut stage = snapshot.stage();
        if snapshot.api.id != id || stage.name != served.stage {
            self.refuse_served(
                "deployment-of-another-stage",
                served,
                format!(
                    "the deployment `{}` is for the stage `{}` of `{}`",
                    served.id, stage.name, snapshot.api.id
                ),
                format!(
                    "deploy to `{}` with `attache deploy` or `attache promote --from`, which make \
                     a deployment with its own settings",
                    served.stage
                ),
            );
            return None;
        }
        if protocol(api.protocol) != Some(snapshot.api.protocol) {
            self.refuse_served(
                "deployment-protocol",
                served,
                format!(
                    "the deployment `{}` is of {}, and `{id}` is {} now",
                    served.id,
                    match snapshot.api.protocol {
                        Protocol::Rest => product(configuration::Protocol::Rest),
                        Protocol::Http => product(configuration::Protocol::Http),
                    },
                    product(api.protocol),
                ),
                "an API stays what it is: give the other one an id of its own",
            );
            return None;
        }
        stage.deployment_id = Some(served.id.to_string());
        stage.canary = served.canary;
        let content = Api {
            stages: Vec::new(),
            ..Arc::unwrap_or_clone(snapshot).api
        };
        Some((content, stage))
    }

    /// Warns of stages that were told what to serve and that the configuration does not have.
    pub(super) fn warn_of_deployments_without_stage(
        &mut self,
        apis: &BTreeMap<String, configuration::Api>,
    ) {
        let deployments = self.deployments;
        for ((api, stage), deployed) in deployments.stages() {
            let (code, what) = match apis.get(api) {
                None => ("deployment-without-api", format!("there is no API `{api}`")),
                Some(found) if !found.stages.contains_key(stage) => (
                    "deployment-without-stage",
                    format!("the API `{api}` has no stage `{stage}`"),
                ),
                Some(_) => continue,
            };
            let (span, pointer) = deployed.place(false);
            let message = format!("{what}, so what was deployed to it is not served");
            self.report.push(
                Diagnostic::warning(code, &deployed.file, span, pointer, message)
                    .hint("put it back into attache.yaml, or remove this file"),
            );
        }
    }

    fn remember_served(&mut self, model: String, served: &Served<'_>) {
        let (span, pointer) = served.deployed.place(served.canary.is_some());
        let place = super::Place {
            file: served.deployed.file.clone(),
            span,
            pointer: pointer.to_owned(),
        };
        self.places.insert(model, place);
    }

    fn refuse_served(
        &mut self,
        code: &'static str,
        served: &Served<'_>,
        message: String,
        hint: impl Into<String>,
    ) {
        let (span, pointer) = served.deployed.place(served.canary.is_some());
        self.report.push(
            Diagnostic::error(code, &served.deployed.file, span, pointer, message).hint(hint),
        );
    }

    /// One stage of an API over operations that are not those of the working files, with the
    /// settings that the configuration has for it now.
    pub(super) fn stage_over(
        &mut self,
        name: &str,
        settings: &configuration::Stage,
        api: &Api,
    ) -> Stage {
        let pointer = Pointer::root()
            .key("apis")
            .key(&api.id)
            .key("stages")
            .key(name);
        // Nothing is compiled that could be reported there.
        let model = "/deployed";
        let operations = Some(api.operations.as_slice());
        let mut stage = self.stage(&api.id, name, settings, operations, &pointer, model);
        stage.cache_cluster = self.cache_cluster(
            &super::response_cache::CachedStage {
                name,
                protocol: api.protocol,
                stage: settings,
                operations,
            },
            &pointer,
            model,
            model,
        );
        stage
    }
}

/// Whether two entries of one API differ in nothing but their stages; `content` has none.
fn serves_same(entry: &mut Api, content: &Api) -> bool {
    // Set aside rather than copied: the rest may be large.
    let stages = std::mem::take(&mut entry.stages);
    let same = *entry == *content;
    entry.stages = stages;
    same
}

/// `None` for what is not served yet.
const fn protocol(protocol: configuration::Protocol) -> Option<Protocol> {
    match protocol {
        configuration::Protocol::Rest => Some(Protocol::Rest),
        configuration::Protocol::Http => Some(Protocol::Http),
        configuration::Protocol::WebSocket => None,
    }
}

const fn product(protocol: configuration::Protocol) -> &'static str {
    match protocol {
        configuration::Protocol::Rest => "a REST API",
        configuration::Protocol::Http => "an HTTP API",
        configuration::Protocol::WebSocket => "a WebSocket API",
    }
}

/// What is wrong with a deployment's file, under which name, and what to do about it.
pub(crate) fn describe(
    fault: &SnapshotFault,
    api: &str,
    id: &DeploymentId,
) -> (&'static str, String, String) {
    let file = format!("deployments/{api}/{id}.json");
    let (code, message) = match fault {
        SnapshotFault::Missing => (
            "missing-deployment",
            format!("the deployment `{id}` is not there: `{file}`"),
        ),
        SnapshotFault::Edited => (
            "edited-deployment",
            format!("`{file}` is not what was deployed as `{id}`: its content has another hash"),
        ),
        SnapshotFault::Unreadable(reason) => (
            "unreadable-deployment",
            format!("the deployment `{id}` cannot be read from `{file}`: {reason}"),
        ),
        SnapshotFault::Version(found) => {
            let message = format!(
                "the deployment `{id}` was made for version {found} of the model, and this attache \
                 has version {VERSION}"
            );
            let hint = "use the attache that made it, or deploy the stage again with this one";
            return ("deployment-version", message, hint.to_owned());
        }
    };
    let hint = "restore the file from version control, or have the stage serve another one: \
                `attache rollback`, `attache deploy`";
    (code, message, hint.to_owned())
}
