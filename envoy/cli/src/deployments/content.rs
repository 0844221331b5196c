//! What a deployment is made of.

use std::collections::BTreeMap;

use attache_model::{Api, Canary, Stage};
use serde_json::Value;

use super::Snapshot;
use super::target::Target;
use crate::diagnostic::Report;
use crate::project::{Project, beside};

/// What a stage of the working files would serve.
pub(super) struct Working {
    /// What the stage itself serves.
    pub(super) stage: Snapshot,
    /// What its canary release serves, where the configuration declares one.
    pub(super) canary: Option<(Snapshot, Canary)>,
}

/// The content of a stage that serves the working files of a project; `report` has read them.
pub(super) fn working(project: &Project, target: &Target, report: &Report) -> Option<Working> {
    let entries = project.gateway.apis.iter();
    let mut entries = entries.filter(|entry| entry.id == target.api);
    let named = |stage: &&Stage| stage.name == target.stage && stage.deployment_id.is_none();
    let (entry, stage) = entries.find_map(|entry| {
        let mut stages = entry.stages.iter().filter(named);
        Some((entry, stages.find(|stage| stage.canary.is_none())?))
    })?;
    let written = project.apis.get(&target.api)?;
    let sources = sources(written, target, report);
    let snapshot = |stage: &Stage| Snapshot {
        api: content(entry, stage),
        configuration: of_stage(written, &target.stage),
        sources: sources.clone(),
    };
    let mut stages = entry.stages.iter().filter(named);
    let canary = stages.find_map(|stage| Some((snapshot(stage), stage.canary?)));
    Some(Working {
        stage: snapshot(stage),
        canary,
    })
}

/// An API with one of its stages, as a deployment has it: what changes without a deployment stands
/// beside it.
pub(super) fn content(api: &Api, stage: &Stage) -> Api {
    let stage = Stage {
        deployment_id: None,
        canary: None,
        ..stage.clone()
    };
    Api {
        any_host: false,
        stages: vec![stage],
        ..api.clone()
    }
}

/// What the configuration says of an API, with the settings of one stage.
pub(super) fn of_stage(api: &Value, stage: &str) -> Value {
    let mut api = api.clone();
    if let Some(Value::Object(stages)) = api.get_mut("stages") {
        stages.retain(|name, _| name == stage);
    }
    api
}

/// The same with the settings that a stage has in another configuration of the API.
pub(super) fn with_stage(api: &Value, stage: &str, settings: &Value) -> Value {
    let mut api = api.clone();
    if let Value::Object(members) = &mut api {
        let stages = [(stage.to_owned(), settings.clone())].into_iter();
        members.insert("stages".to_owned(), Value::Object(stages.collect()));
    }
    api
}

/// The texts that an API is made of: its definition, and a policy that stands in a file. The public
/// keys of issuers stand in the model as they are.
fn sources(api: &Value, target: &Target, report: &Report) -> BTreeMap<String, String> {
    ["definition", "resourcePolicy"]
        .into_iter()
        .filter_map(|setting| api.get(setting)?.as_str())
        .filter_map(|name| {
            let text = report.source(&beside(&target.file, name))?;
            Some((name.to_owned(), text.to_owned()))
        })
        .collect()
}
