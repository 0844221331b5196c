//! The way to the usage plans of Redis, and what the project and the keys beside them say.

use std::path::{Path, PathBuf};

use attache_model::{ApiKey, ApiStage, UsagePlan};

use super::edit::{Edit, Fault};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::fleet_table::{self, FleetTable};
use crate::plan_stages::PlanStages;
use crate::project::{self, Project};
use crate::record_command::Failure;

/// The way to the plans.
pub(super) struct Fleet {
    directory: PathBuf,
    project: Project,
    /// The texts of its files.
    found: Report,
    pub(super) plans: FleetTable<UsagePlan>,
    keys: FleetTable<ApiKey>,
}

impl Fleet {
    pub(super) fn reach(directory: &Path, report: &mut Report) -> Result<Self, Failure> {
        let (project, found) = fleet_table::project(directory, report)?;
        Ok(Self {
            directory: directory.to_owned(),
            plans: FleetTable::reach(&project, &project.file, report)?,
            keys: FleetTable::reach(&project, &project.file, report)?,
            project,
            found,
        })
    }

    /// Refuses a name that a plan of the files has, which counts before one in Redis.
    pub(super) fn refuse_declared(&self, name: &str, report: &mut Report) -> Result<(), Failure> {
        let mut declared = self.project.gateway.usage_plans.iter();
        let Some(index) = declared.position(|plan| plan.id == name) else {
            return Ok(());
        };
        let message = format!(
            "the usage plan `{name}` is declared in `{}`",
            project::FILE_NAME
        );
        let hint = "edit it there, or give the plan in Redis another name";
        let place = self.project.places.find(&format!("/usagePlans/{index}"));
        let Some(place) = place else {
            return Err(self.plans.refuse(report, DECLARED, message, hint));
        };
        if let Some(text) = self.found.source(&place.file) {
            report.add_source(place.file.clone(), text);
        }
        report.push(
            Diagnostic::error(DECLARED, place.file, place.span, place.pointer, message).hint(hint),
        );
        Err(Failure::Refused)
    }

    /// What a plan becomes by an edit; `None` is one that is not there yet. Whatever would keep it
    /// from a configuration is refused.
    pub(super) fn edited(
        &self,
        name: &str,
        before: Option<&UsagePlan>,
        edit: &Edit<'_>,
        report: &mut Report,
    ) -> Result<UsagePlan, Failure> {
        let declared = edit.of(name, before).map_err(|fault| match fault {
            Fault::Usage(reason) => Failure::Usage(reason),
            Fault::Refused(code, message, hint) => self.plans.refuse(report, code, message, hint),
        })?;
        let mut found = Report::new();
        let gateway = &self.project.gateway;
        let plan = project::usage_plan(&self.directory, gateway, name, &declared, &mut found);
        let errors = found.diagnostics().iter();
        for error in errors.filter(|found| found.severity == Severity::Error) {
            // It stands in no file.
            report.push(Diagnostic {
                file: self.project.file.clone(),
                span: 0..0,
                pointer: String::new(),
                ..error.clone()
            });
        }
        let plan = plan.ok_or(Failure::Refused)?;
        let is_new = |held: &&ApiStage| {
            let mut stages = before.iter().flat_map(|plan| &plan.api_stages);
            !stages.any(|known| known.api == held.api && known.stage == held.stage)
        };
        let added = plan.api_stages.iter().filter(is_new).cloned();
        self.refuse_overlap(name, added.collect(), report)?;
        Ok(plan)
    }

    /// Refuses stages of a plan that other plans of its keys hold already.
    fn refuse_overlap(
        &self,
        name: &str,
        added: Vec<ApiStage>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        if added.is_empty() {
            return Ok(());
        }
        let mut keys = self.keys_of(name)?;
        keys.retain(|key| key.usage_plans.len() > 1);
        if keys.is_empty() {
            return Ok(());
        }
        let mut stages = PlanStages::default();
        stages.add([UsagePlan {
            id: name.to_owned(),
            throttle: None,
            quota: None,
            api_stages: added,
        }]);
        stages.add(self.project.gateway.usage_plans.iter().cloned());
        stages.add(self.plans.all()?.into_values());
        for key in &keys {
            for other in key.usage_plans.iter().filter(|other| *other != name) {
                let pair = [name.to_owned(), other.clone()];
                let Some((_, _, (api, stage))) = stages.overlap(&pair) else {
                    continue;
                };
                let message = format!(
                    "the API key `{}` in Redis belongs to `{name}` and `{other}`, which would both \
                     hold the stage `{stage}` of the API `{api}`",
                    key.id
                );
                let hint = format!(
                    "a key belongs to one plan per stage: leave the stage out, or first take the \
                     key out of the other plan with `attache keys update {} --fleet --remove-plan \
                     {other}`",
                    key.id
                );
                let code = "overlapping-usage-plans";
                return Err(self.plans.refuse(report, code, message, hint));
            }
        }
        Ok(())
    }

    /// The keys of Redis that belong to a plan.
    pub(super) fn keys_of(&self, name: &str) -> Result<Vec<ApiKey>, Failure> {
        let mut keys: Vec<_> = self.keys.all()?.into_values().collect();
        keys.retain(|key| key.usage_plans.iter().any(|plan| plan == name));
        Ok(keys)
    }
}

const DECLARED: &str = "declared-usage-plan";
