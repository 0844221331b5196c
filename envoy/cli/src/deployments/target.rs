//! Which API and which stage is meant.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::configuration::Configuration;
use crate::configuration::suggestion::list;
use crate::diagnostic::{Diagnostic, Report};
use crate::document::{Document, Outline, Pointer};
use crate::memory_proxy::unknown;
use crate::project;

/// A stage of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The configuration file.
    pub(super) file: PathBuf,
    pub(super) api: String,
    pub(super) stage: String,
    /// Where the stage stands in the file.
    place: Range<usize>,
}

/// The configuration file and what stands in it, or findings in the report.
pub(super) fn configuration(
    path: &Path,
    report: &mut Report,
) -> Result<(PathBuf, Configuration), Failure> {
    let (file, reading) = project::configuration(path, report);
    match reading {
        Some(reading) if !reading.is_partial => Ok((file, reading.configuration)),
        _ => Err(Failure::Refused),
    }
}

impl Target {
    /// The stage of that name, of that API or of the only one that has such a stage.
    pub(super) fn find(
        path: &Path,
        api: Option<&str>,
        stage: &str,
        report: &mut Report,
    ) -> Result<Self, Failure> {
        let (file, configuration) = configuration(path, report)?;
        let api = self::api(&configuration, api, stage).map_err(Failure::Usage)?;
        let document = Document::read(&file, &mut Report::new());
        let pointer = pointer(&api, stage);
        let place = document.map(|document| Outline::new(&document).place_of_name(&pointer));
        Ok(Self {
            file,
            api,
            stage: stage.to_owned(),
            place: place.unwrap_or_default(),
        })
    }

    /// The stage as messages call it.
    pub(super) fn name(&self) -> String {
        format!("{} ({})", self.api, self.stage)
    }

    /// An error at the stage in `attache.yaml`.
    pub(super) fn refuse(
        &self,
        report: &mut Report,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Failure {
        let pointer = pointer(&self.api, &self.stage);
        let place = self.place.clone();
        let diagnostic = Diagnostic::error(code, &self.file, place, pointer.as_str(), message);
        report.push(diagnostic.hint(hint));
        Failure::Refused
    }
}

fn pointer(api: &str, stage: &str) -> Pointer {
    let api = Pointer::root().key("apis").key(api);
    api.key("stages").key(stage)
}

/// The API whose stage is meant.
pub(super) fn api(
    configuration: &Configuration,
    api: Option<&str>,
    stage: &str,
) -> Result<String, String> {
    let apis = &configuration.apis;
    if let Some(id) = api {
        let Some(found) = apis.get(id) else {
            return Err(unknown("API", id, apis.keys().map(String::as_str)));
        };
        if !found.stages.contains_key(stage) {
            let known = found.stages.keys().map(String::as_str);
            return Err(unknown(&format!("stage of `{id}`"), stage, known));
        }
        return Ok(id.to_owned());
    }
    let with_stage = apis
        .iter()
        .filter(|(_, api)| api.stages.contains_key(stage));
    let ids: Vec<&str> = with_stage.map(|(id, _)| id.as_str()).collect();
    match ids.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => {
            let mut known: Vec<&str> = apis
                .values()
                .flat_map(|api| api.stages.keys().map(String::as_str))
                .collect();
            known.sort_unstable();
            known.dedup();
            Err(unknown("stage", stage, known))
        }
        _ => Err(format!(
            "{} have a stage `{stage}`: say with `--api` which one is meant",
            list(&ids, "and")
        )),
    }
}
