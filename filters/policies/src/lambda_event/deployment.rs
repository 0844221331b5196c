use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Api, Gateway, Protocol, Stage, Verb};
use sha2::{Digest, Sha256};

/// What events tell that is the same for all requests of an API in one of its stages.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) protocol: Protocol,
    pub(crate) account_id: Box<str>,
    pub(crate) api_id: Box<str>,
    pub(crate) stage: Box<str>,
    pub(crate) variables: BTreeMap<String, String>,
    /// `$context.deploymentId`
    pub(crate) id: String,
    /// `$context.isCanaryRequest`
    pub(crate) is_canary_request: Option<bool>,
    operations: Arc<[Operation]>,
}

#[derive(Debug)]
struct Operation {
    path: Box<str>,
    method: Verb,
}

impl Deployment {
    /// The stages of an API.
    pub(crate) fn of(gateway: &Gateway, api: &Api) -> Vec<Arc<Self>> {
        let operations = api.operations.iter().map(|operation| Operation {
            path: operation.path.as_str().into(),
            method: operation.method,
        });
        let operations: Arc<[Operation]> = operations.collect();
        let deployment = |stage: &Stage| Self {
            protocol: api.protocol,
            account_id: gateway.account.id.as_str().into(),
            api_id: api.id.as_str().into(),
            stage: stage.name.as_str().into(),
            variables: stage.variables.clone(),
            id: deployment_id(&api.id, stage),
            is_canary_request: gateway.is_canary_request(api, stage),
            operations: Arc::clone(&operations),
        };
        let stages = api.stages.iter();
        stages.map(|stage| Arc::new(deployment(stage))).collect()
    }

    /// `$context.resourcePath`
    pub(crate) fn resource_path(&self, operation: usize) -> &str {
        let operation = self.operations.get(operation);
        operation.map_or("", |operation| &operation.path)
    }

    /// `$context.routeKey`: `$default`, or method and path of the route.
    pub(crate) fn route_key(&self, operation: usize) -> String {
        match self.operations.get(operation) {
            Some(operation) if operation.path.starts_with('/') => {
                format!("{} {}", operation.method.as_str(), operation.path)
            }
            Some(operation) => operation.path.to_string(),
            None => String::new(),
        }
    }

    /// `$context.resourceId`
    pub(crate) fn resource_id(&self, operation: usize) -> String {
        resource_id(&self.api_id, self.resource_path(operation))
    }
}

/// `$context.deploymentId`: AWS draws six letters and digits when an API is deployed to a stage.
/// Where a stage serves what was never deployed they follow from API and stage, so that they are the
/// same in every worker.
pub(crate) fn deployment_id(api_id: &str, stage: &Stage) -> String {
    match &stage.deployment_id {
        Some(id) => id.clone(),
        None => six_letters(["deployment", api_id, &stage.name]),
    }
}

/// `$context.isCanaryRequest` as AWS writes it.
pub(crate) const fn is_canary_request(is_canary: bool) -> &'static str {
    if is_canary { "true" } else { "false" }
}

/// `$context.resourceId`: AWS draws six letters and digits when the resource is made. Here they
/// follow from the API and the path, so that they are the same in every worker.
pub(crate) fn resource_id(api_id: &str, resource_path: &str) -> String {
    six_letters(["resource", api_id, resource_path])
}

/// Six letters and digits, drawn by what they name.
fn six_letters(named: [&str; 3]) -> String {
    const LETTERS: [u8; 36] = *b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut hash = Sha256::new();
    for part in named {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 36)).copied();
    let letters = hash.finalize();
    let letters = letters.iter().take(6).filter_map(letter);
    letters.map(char::from).collect()
}
