//! Which deployment a stage serves: the one file that changes, and what it has been through.

use attache_model::Canary;
use serde::{Deserialize, Serialize};

use super::DeploymentId;

/// What a stage serves, and how it came to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageDeployment {
    /// The deployment that the stage serves.
    pub deployment: DeploymentId,
    /// The canary release, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRelease>,
    /// What was done, the latest last.
    pub history: Vec<Event>,
}

/// A part of the stage's traffic for another deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CanaryRelease {
    /// The deployment, with the variables of the stage as the canary release has them.
    pub deployment: DeploymentId,
    /// How many of a hundred requests it gets.
    pub percent_traffic: f64,
    /// Whether it answers from the stage's cache.
    #[serde(default)]
    pub use_stage_cache: bool,
}

/// Something that was done to a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// When, as in RFC 3339, in UTC.
    pub at: String,
    /// What.
    pub action: Action,
    /// The deployment that it was done with.
    pub deployment: DeploymentId,
    /// How many of a hundred requests a canary release got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_traffic: Option<f64>,
    /// The stage that had served it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why, in the words of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What can be done to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The stage serves the deployment.
    Deploy,
    /// A canary release serves it, or another share of the traffic than before.
    Canary,
    /// The canary release, or what another stage serves, became what the stage serves.
    Promote,
    /// The canary release is gone.
    Abandon,
    /// The stage serves an earlier one again.
    Rollback,
}

impl Action {
    /// The word in files and on the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Canary => "canary",
            Self::Promote => "promote",
            Self::Abandon => "abandon",
            Self::Rollback => "rollback",
        }
    }
}

impl CanaryRelease {
    /// A share of the traffic for a deployment.
    #[must_use]
    pub fn new(deployment: &DeploymentId, canary: Canary) -> Self {
        Self {
            deployment: deployment.clone(),
            percent_traffic: canary.percent_traffic,
            use_stage_cache: canary.use_stage_cache,
        }
    }
}

impl StageDeployment {
    /// The deployment that was served before the one that is, as far as it has not been rolled back
    /// itself: of `A`, `B`, `C` and a rollback to `B` that is `A`, not `C` again.
    #[must_use]
    pub fn earlier(&self) -> Option<&DeploymentId> {
        let mut served: Vec<&DeploymentId> = Vec::new();
        for event in &self.history {
            let id = &event.deployment;
            match event.action {
                Action::Deploy | Action::Promote => {
                    if served.last() != Some(&id) {
                        served.push(id);
                    }
                }
                Action::Rollback => match served.iter().rposition(|earlier| *earlier == id) {
                    Some(place) => served.truncate(place + 1),
                    None => served.push(id),
                },
                Action::Canary | Action::Abandon => {}
            }
        }
        // A file that was edited by hand may serve what its history does not end with.
        if served.last() == Some(&&self.deployment) {
            served.pop();
        }
        served.pop()
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// Never in practice: nothing in it is beyond JSON.
    pub fn encode(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, DeploymentId, Event, StageDeployment};

    fn id(name: char) -> DeploymentId {
        DeploymentId::try_from(name.to_string().repeat(12)).unwrap()
    }

    fn after(events: &[(Action, char)]) -> StageDeployment {
        let events = events.iter();
        let history: Vec<Event> = events
            .map(|(action, name)| Event {
                at: "2027-01-31T00:00:00Z".to_owned(),
                action: *action,
                deployment: id(*name),
                percent_traffic: None,
                from: None,
                message: None,
            })
            .collect();
        let served = history.iter().rev();
        let served = served
            .filter(|event| !matches!(event.action, Action::Canary | Action::Abandon))
            .map(|event| event.deployment.clone());
        StageDeployment {
            deployment: served.clone().next().unwrap(),
            canary: None,
            history,
        }
    }

    #[test]
    fn two_rollbacks_lead_further_back_and_not_forth_again() {
        use Action::{Abandon, Canary, Deploy, Promote, Rollback};
        for (events, earlier) in [
            (&[(Deploy, 'a')] as &[(Action, char)], None),
            (&[(Deploy, 'a'), (Deploy, 'b')], Some('a')),
            (&[(Deploy, 'a'), (Deploy, 'b'), (Rollback, 'a')], None),
            (
                &[(Deploy, 'a'), (Deploy, 'b'), (Deploy, 'c'), (Rollback, 'b')],
                Some('a'),
            ),
            (
                &[(Deploy, 'a'), (Deploy, 'b'), (Rollback, 'a'), (Deploy, 'c')],
                Some('a'),
            ),
            (
                &[(Deploy, 'a'), (Canary, 'b'), (Abandon, 'b'), (Canary, 'c')],
                None,
            ),
            (&[(Deploy, 'a'), (Canary, 'b'), (Promote, 'b')], Some('a')),
            // Forth again, by name.
            (
                &[
                    (Deploy, 'a'),
                    (Deploy, 'b'),
                    (Rollback, 'a'),
                    (Rollback, 'b'),
                ],
                Some('a'),
            ),
            (&[(Deploy, 'a'), (Deploy, 'a')], None),
        ] {
            assert_eq!(
                after(events).earlier(),
                earlier.map(id).as_ref(),
                "{events:?}"
            );
        }
    }

    #[test]
    fn a_file_reads_back() {
        let stage = after(&[(Action::Deploy, 'a')]);
        let text = stage.encode().unwrap();
        assert_eq!(
            serde_json::from_str::<StageDeployment>(&text).unwrap(),
            stage
        );
        assert_eq!(
            text,
            "{\n  \"deployment\": \"aaaaaaaaaaaa\",\n  \"history\": [\n    {\n      \"at\": \
             \"2027-01-31T00:00:00Z\",\n      \"action\": \"deploy\",\n      \"deployment\": \
             \"aaaaaaaaaaaa\"\n    }\n  ]\n}\n"
        );
    }
}
