//! From the configuration document to integrations, shared between stages wherever they do not
//! differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Api, Gateway, Integration, Protocol, Stage};

use super::http_proxy::HttpProxy;
use super::upstream::Upstream;
use super::uri::has_stage_variables;
use crate::compile_error::CompileError;
use crate::route::parameter_names;

/// The integrations of all operations in all stages.
#[derive(Debug)]
pub struct Integrations {
    /// By API, then by operation.
    apis: Vec<Vec<Compiled>>,
    endpoints: Endpoints,
}

#[derive(Debug)]
enum Compiled {
    /// The same in every stage.
    Shared(HttpProxy),
    /// By stage, because stage variables differ.
    PerStage(Box<[HttpProxy]>),
}

/// A back end and the name that the proxy has for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) upstream: Upstream,
    pub(super) cluster: String,
}

/// Every back end once.
#[derive(Debug, Default)]
pub(super) struct Endpoints(BTreeMap<Upstream, Arc<Endpoint>>);

impl Endpoints {
    pub(super) fn intern(&mut self, upstream: Upstream) -> Arc<Endpoint> {
        let cluster = || upstream.cluster();
        let endpoint = self.0.entry(upstream.clone()).or_insert_with(|| {
            Arc::new(Endpoint {
                cluster: cluster(),
                upstream: upstream.clone(),
            })
        });
        Arc::clone(endpoint)
    }
}

/// What an integration is compiled for: one operation in one stage.
pub(super) struct Deployment<'m> {
    pub(super) account_id: &'m str,
    pub(super) api_id: Arc<str>,
    pub(super) protocol: Protocol,
    pub(super) stage: &'m Stage,
    pub(super) resource_path: &'m str,
    /// `None` when the path cannot be read, which is a fault of the route and reported there.
    pub(super) path_parameters: Option<Vec<&'m str>>,
}

impl Deployment<'_> {
    pub(super) fn has_path_parameter(&self, name: &str) -> bool {
        self.path_parameters
            .as_ref()
            .is_none_or(|names| names.contains(&name))
    }
}

impl Integrations {
    /// Compiles every integration.
    ///
    /// # Errors
    ///
    /// Every fault of an integration that AWS refuses too, or that this gateway cannot serve,
    /// each with its JSON pointer. An endpoint that only a stage variable makes invalid is not
    /// one: its calls are refused, as AWS does.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut endpoints = Endpoints::default();
        let apis = gateway
            .apis
            .iter()
            .enumerate()
            .map(|(position, api)| {
                let pointer = format!("/apis/{position}");
                compile_api(gateway, api, &pointer, &mut endpoints, &mut errors)
            })
            .collect();
        if errors.is_empty() {
            Ok(Self { apis, endpoints })
        } else {
            Err(errors)
        }
    }

    /// The integration of an operation in a stage, all counted from 0.
    #[must_use]
    pub fn get(&self, api: usize, stage: usize, operation: usize) -> Option<&HttpProxy> {
        match self.apis.get(api)?.get(operation)? {
            Compiled::Shared(integration) => Some(integration),
            Compiled::PerStage(stages) => stages.get(stage),
        }
    }

    /// Every back end once, in a stable order: the clusters that the proxy needs.
    pub fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.endpoints.0.keys()
    }
}

fn compile_api(
    gateway: &Gateway,
    api: &Api,
    pointer: &str,
    endpoints: &mut Endpoints,
    errors: &mut Vec<CompileError>,
) -> Vec<Compiled> {
    let api_id: Arc<str> = api.id.as_str().into();
    let mut compiled = Vec::with_capacity(api.operations.len());
    for (position, operation) in api.operations.iter().enumerate() {
        let pointer = format!("{pointer}/operations/{position}/integration");
        let Integration::HttpProxy(definition) = &operation.integration else {
            errors.push(CompileError::new(pointer, "it is not supported yet"));
            continue;
        };
        let pointer = format!("{pointer}/httpProxy");
        let mut in_stage = |stage| {
            let deployment = Deployment {
                account_id: &gateway.account.id,
                api_id: Arc::clone(&api_id),
                protocol: api.protocol,
                stage,
                resource_path: &operation.path,
                path_parameters: parameter_names(&operation.path, api.protocol),
            };
            HttpProxy::compile(definition, &deployment, &pointer, endpoints)
                .map_err(|faults| {
                    for fault in faults {
                        // Stages mostly have their faults in common.
                        if !errors.contains(&fault) {
                            errors.push(fault);
                        }
                    }
                })
                .ok()
        };
        let differs = has_stage_variables(&definition.uri)
            || definition.request_parameters.values().any(|expression| {
                expression.starts_with("stageVariables.") || expression == "context.stage"
            });
        compiled.push(match api.stages.first() {
            Some(first) if !differs => match in_stage(first) {
                Some(integration) => Compiled::Shared(integration),
                None => Compiled::PerStage(Box::default()),
            },
            _ => Compiled::PerStage(api.stages.iter().filter_map(in_stage).collect()),
        });
    }
    compiled
}
