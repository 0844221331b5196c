//! `FlushStageAuthorizersCache`: what Lambda authorizers have said to a stage's requests is forgotten.
//!
//! ```text
//! DELETE /restapis/ID/stages/STAGE/cache/authorizers
//! ```
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageAuthorizersCache.html>

use super::stage::NamedStage;
use super::{ManagementApi, Refusal};
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct FlushStageAuthorizersCache<'r> {
    pub(super) stage: NamedStage<'r>,
    pub(super) query: &'r [u8],
}

impl ManagementApi {
    pub(super) async fn flush_authorizers(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        flush: FlushStageAuthorizersCache<'_>,
    ) -> Result<(), Refusal> {
        let releases = self.releases(gateway, flush.stage)?;
        if !flush.query.is_empty() {
            // To forget everything is not what somebody meant who has asked for a part of it.
            return Err(Refusal::bad_request("There are no parameters."));
        }
        let mut is_certain = true;
        for release in releases {
            let (api, stage) = release.place;
            is_certain &= gateway.authorizations.flush(exchange, api, stage).await;
        }
        if is_certain {
            Ok(())
        } else {
            Err(Refusal::unavailable("The cache cannot be reached."))
        }
    }
}
