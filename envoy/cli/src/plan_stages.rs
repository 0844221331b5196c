//! Which stages usage plans hold: a key may belong to one plan for each stage.

use std::collections::BTreeMap;

use attache_model::UsagePlan;

/// A stage, by the id of its API and its name.
pub(crate) type PlanStage = (String, String);

/// The stages that each usage plan holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanStages(BTreeMap<String, Vec<PlanStage>>);

impl PlanStages {
    /// Whether there is such a plan.
    pub(crate) fn contains(&self, plan: &str) -> bool {
        self.0.contains_key(plan)
    }

    /// The names of the plans.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Adds plans, of which those count whose names no plan here has yet.
    pub(crate) fn add(&mut self, plans: impl IntoIterator<Item = UsagePlan>) {
        for plan in plans {
            let stages = plan.api_stages.into_iter();
            let stages = stages.map(|held| (held.api, held.stage));
            self.0.entry(plan.id).or_insert_with(|| stages.collect());
        }
    }

    /// Two of these plans that hold the same stage, which no key may belong to at once.
    pub(crate) fn overlap<'a>(
        &self,
        plans: &'a [String],
    ) -> Option<(&'a str, &'a str, &PlanStage)> {
        plans.iter().enumerate().find_map(|(index, one)| {
            let stages = self.0.get(one)?;
            plans.iter().skip(index + 1).find_map(|other| {
                let shared = self
                    .0
                    .get(other)?
                    .iter()
                    .find(|stage| stages.contains(stage))?;
                Some((one.as_str(), other.as_str(), shared))
            })
        })
    }
}

impl FromIterator<(String, Vec<PlanStage>)> for PlanStages {
    fn from_iter<I: IntoIterator<Item = (String, Vec<PlanStage>)>>(plans: I) -> Self {
        Self(plans.into_iter().collect())
    }
}
