//! A stage as the paths of the management API name it.

use super::{ManagementApi, Refusal, is_named};
use crate::api_facts::ApiFacts;
use crate::gateway::Gateway;

/// `/restapis/API/stages/STAGE`, both still encoded.
#[derive(Clone, Copy)]
pub(super) struct NamedStage<'r> {
    pub(super) api: &'r [u8],
    pub(super) stage: &'r [u8],
}

/// A stage, or its canary release.
pub(super) struct Release<'g> {
    /// The positions of the API and of the stage in it.
    pub(super) place: (usize, usize),
    pub(super) api: &'g ApiFacts,
    pub(super) name: &'g str,
}

impl ManagementApi {
    /// The stage and its canary release, which may have a deployment of its own.
    ///
    /// # Errors
    ///
    /// When there is no such API, or it has no such stage.
    pub(super) fn releases<'g>(
        &self,
        gateway: &'g Gateway,
        named: NamedStage<'_>,
    ) -> Result<Vec<Release<'g>>, Refusal> {
        let mut releases = Vec::new();
        let mut is_api = false;
        for (position, api) in gateway.apis.iter().enumerate() {
            if is_named(named.api, &api.id) {
                is_api = true;
                for (stage, facts) in api.stages.iter().enumerate() {
                    if is_named(named.stage, &facts.name) {
                        releases.push(Release {
                            place: (position, stage),
                            api,
                            name: &facts.name,
                        });
                    }
                }
            }
        }
        if !is_api {
            return Err(Refusal::not_found(format!(
                "Invalid API identifier specified {}:{}",
                self.account_id,
                String::from_utf8_lossy(named.api)
            )));
        }
        if releases.is_empty() {
            return Err(Refusal::not_found("Invalid stage identifier specified"));
        }
        Ok(releases)
    }
}
