//! What several rooms must know of an API, its stages and its operations.

use attache_model::{self as model, ApiKeySource, Protocol, Verb};

use crate::authorization::Caller;
use crate::headers::Headers;

/// The header of an API key.
const API_KEY: &[u8] = b"x-api-key";

/// What is known of an API.
#[derive(Debug)]
pub(crate) struct ApiFacts {
    pub(crate) id: Box<str>,
    pub(crate) protocol: Protocol,
    pub(crate) api_key_source: ApiKeySource,
    pub(crate) stages: Vec<StageFacts>,
    pub(crate) operations: Vec<OperationFacts>,
}

/// What is known of a stage, or of its canary release.
#[derive(Debug)]
pub(crate) struct StageFacts {
    pub(crate) name: Box<str>,
    /// Of what was deployed to it, if anything was.
    pub(crate) deployment_id: Option<Box<str>>,
    /// `$context.isCanaryRequest`
    pub(crate) is_canary_request: Option<bool>,
}

/// What is known of an operation.
#[derive(Debug)]
pub(crate) struct OperationFacts {
    pub(crate) method: Verb,
    /// The resource path as in the definition.
    pub(crate) path: Box<str>,
    pub(crate) api_key_required: bool,
}

impl ApiFacts {
    /// Whether an operation needs an API key. One that is not there needs one.
    pub(crate) fn requires_key(&self, operation: usize) -> bool {
        self.operations
            .get(operation)
            .is_none_or(|operation| operation.api_key_required)
    }

    /// The operation that AWS's method settings mean by `PATH/METHOD`, such as `/pets/GET`: the
    /// slash before the method is not part of the path.
    pub(crate) fn operation(&self, setting: &[u8]) -> Option<usize> {
        let slash = setting.iter().rposition(|byte| *byte == b'/')?;
        let (path, method) = (setting.get(..slash)?, setting.get(slash + 1..)?);
        self.operations.iter().position(|operation| {
            operation.path.as_bytes() == path && operation.method.as_str().as_bytes() == method
        })
    }

    /// The API key that a request presents.
    pub(crate) fn presented_key<'r>(
        &self,
        request: &'r Headers,
        caller: &'r Caller,
    ) -> Option<&'r [u8]> {
        match self.api_key_source {
            // Of several, the last, which is the one that AWS reads where only one is read.
            ApiKeySource::Header => request.last(API_KEY),
            // The header then counts for nothing.
            ApiKeySource::Authorizer => caller
                .usage_identifier_key
                .as_ref()
                .map(|key| key.reveal().as_bytes()),
        }
    }

    pub(crate) fn of(gateway: &model::Gateway, api: &model::Api) -> Self {
        Self {
            id: api.id.as_str().into(),
            protocol: api.protocol,
            api_key_source: api.api_key_source,
            stages: api
                .stages
                .iter()
                .map(|stage| StageFacts {
                    name: stage.name.as_str().into(),
                    deployment_id: stage.deployment_id.as_deref().map(Into::into),
                    is_canary_request: gateway.is_canary_request(api, stage),
                })
                .collect(),
            operations: api
                .operations
                .iter()
                .map(|operation| OperationFacts {
                    method: operation.method,
                    path: operation.path.as_str().into(),
                    api_key_required: operation.api_key_required,
                })
                .collect(),
        }
    }
}
