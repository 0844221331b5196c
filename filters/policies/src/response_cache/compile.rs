//! From the stages' cache clusters to what is looked up for each request.

use std::sync::Arc;

use attache_model::{self as model, CacheMode, Gateway, Verb};

use super::http::{HttpCache, Rules};
use super::key::KeyParts;
use super::storage::{Encryption, Group, Storage};
use super::{CachedOperation, Memory, ResponseCaches, StageCache};
use crate::compile_error::CompileError;
use crate::integration::CacheKeyParameters;
use crate::ports::Environment;
use crate::sealed_secret::{SealingKey, VARIABLE};
use crate::shared_cache::{SharedCache, SharedCaches};

/// The lifetimes that API Gateway takes, in seconds. 0 is an operation without a cache.
const LIFETIMES: std::ops::RangeInclusive<u32> = 1..=3600;

impl ResponseCaches {
    /// Compiles the caches of all stages. `shared`: where gateways share some of them.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer: an operation that is not there or that is cached
    /// twice, a lifetime that API Gateway does not take, a parameter that no key can be made of,
    /// responses that are to be encrypted without a key, and a cache that cannot be shared.
    pub(crate) fn compile(
        gateway: &Gateway,
        environment: &dyn Environment,
        shared: Option<&Arc<SharedCaches>>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let apis = gateway.apis.iter().enumerate();
        let apis = apis
            .map(|(position, api)| {
                let stages = api.stages.iter().enumerate();
                let stages = stages.map(|(stage_position, stage)| {
                    let cluster = stage.cache_cluster.as_ref()?;
                    let pointer = format!("/apis/{position}");
                    let place = format!("{pointer}/stages/{stage_position}/cacheCluster");
                    let cache = Compiler {
                        gateway,
                        api,
                        stage,
                        pointer: &pointer,
                        place: &place,
                        shared,
                        errors: &mut errors,
                    }
                    .compile(cluster, environment);
                    Some(Box::new(cache))
                });
                stages.collect()
            })
            .collect();
        if errors.is_empty() {
            Ok(Self { apis })
        } else {
            Err(errors)
        }
    }
}

/// Compiles the cache of one stage.
struct Compiler<'m, 'e> {
    gateway: &'m Gateway,
    api: &'m model::Api,
    stage: &'m model::Stage,
    /// Where the API stands.
    pointer: &'e str,
    /// Where the cache stands.
    place: &'e str,
    shared: Option<&'e Arc<SharedCaches>>,
    errors: &'e mut Vec<CompileError>,
}

impl Compiler<'_, '_> {
    fn compile(
        &mut self,
        cluster: &model::CacheCluster,
        environment: &dyn Environment,
    ) -> StageCache {
        let encrypted = cluster
            .operations
            .iter()
            .position(|cached| cached.encrypted);
        let encryption = encrypted.and_then(|position| self.encryption(position, environment));
        let mut operations = Vec::new();
        operations.resize_with(self.api.operations.len(), || None);
        for (position, cached) in cluster.operations.iter().enumerate() {
            let compiled = self.operation(cached, position);
            match operations.get_mut(cached.operation) {
                Some(place @ None) => *place = compiled,
                Some(Some(_)) => self.fault(
                    &format!("operations/{position}/operation"),
                    format!("the operation number {} is cached twice", cached.operation),
                ),
                None => self.fault(
                    &format!("operations/{position}/operation"),
                    format!("the API has no operation number {}", cached.operation),
                ),
            }
        }
        // Neither of them has a zero byte, so that no two stages have one name. What is kept in one
        // mode is nothing to the other.
        let mode = match cluster.mode {
            CacheMode::ApiGateway => "",
            CacheMode::Http => "\0http",
        };
        let release = match self.stage.canary {
            Some(_) if !uses_stage_cache(self.api, self.stage) => "\0canary",
            _ => "",
        };
        let name = format!("{}\0{}{release}{mode}", self.api.id, self.stage.name);
        let shared = cluster.shared.then(|| {
            self.check_sharing(cluster.mode);
            let caches = Arc::clone(self.shared?);
            caches.add(format!("{name}\0{}", cluster.size_mebibytes));
            let cache = SharedCache::new(caches, &name, None, encryption.clone());
            Some(Box::new(cache))
        });
        let storage = Storage::new(&name, cluster.size_mebibytes, encryption);
        StageCache {
            memory: match cluster.mode {
                CacheMode::ApiGateway => Memory::ApiGateway(storage),
                CacheMode::Http => Memory::Http(Box::new(HttpCache::within_gateway(
                    storage,
                    cluster.longest_wait_millis,
                ))),
            },
            shared: shared.flatten(),
            longest_wait_millis: cluster.longest_wait_millis,
            operations,
        }
    }

    fn operation(
        &mut self,
        cached: &model::CachedOperation,
        position: usize,
    ) -> Option<Box<CachedOperation>> {
        let operation = self.api.operations.get(cached.operation)?;
        if !LIFETIMES.contains(&cached.ttl_seconds) {
            let reason = format!(
                "responses cannot be kept for {} seconds",
                cached.ttl_seconds
            );
            let place = format!("{}/operations/{position}/ttlSeconds", self.place);
            let fault = CompileError::new(place, reason);
            self.errors.push(fault.hint("use 1 to 3600 seconds"));
        }
        // Of `ANY` the requests that read.
        let verb = match operation.method {
            Verb::Any => Verb::Get,
            verb => verb,
        };
        let pointer = format!("{}/operations/{}", self.pointer, cached.operation);
        let mut faults = Vec::new();
        let parameters = CacheKeyParameters::compile(
            self.gateway,
            self.api,
            self.stage,
            operation,
            &pointer,
            &mut faults,
        );
        for fault in faults {
            // Stages mostly have their faults in common.
            if !self.errors.contains(&fault) {
                self.errors.push(fault);
            }
        }
        let passes_headers = matches!(
            operation.integration,
            model::Integration::HttpProxy(_) | model::Integration::AwsProxy(_)
        );
        let (group, mut key) = shared_parts(operation, verb);
        key.push(self.api.id.as_bytes());
        key.push(self.stage.name.as_bytes());
        if let Some(deployment) = &self.stage.deployment_id {
            // What another deployment has made of the back end's answers is not this one's.
            key.push(deployment.as_bytes());
        }
        Some(Box::new(CachedOperation {
            verb,
            ttl_seconds: cached.ttl_seconds,
            encrypted: cached.encrypted,
            invalidation: cached.invalidation,
            group,
            passes_headers,
            key,
            rules: Arc::new(Rules {
                group,
                without_statement: Some(cached.ttl_seconds),
                depends_on: header_parameters(operation),
                encrypted: cached.encrypted,
                passes_headers,
                guarded: !operation.authorization.is_none() || operation.api_key_required,
            }),
            parameters,
        }))
    }

    /// The key that responses are encrypted with, which the operation in this position asks for.
    fn encryption(&mut self, position: usize, environment: &dyn Environment) -> Option<Encryption> {
        let reason = match SealingKey::from_environment(environment) {
            Ok(Some(key)) => return Some(Encryption::new(key.for_cached_responses())),
            Ok(None) => {
                format!("responses are to be encrypted, and `{VARIABLE}` is not set")
            }
            Err(invalid) => invalid.to_string(),
        };
        let place = format!("{}/operations/{position}/encrypted", self.place);
        self.errors
            .push(CompileError::new(place, reason).hint(format!(
                "set `{VARIABLE}` in Envoy's environment to 32 random bytes in base64"
            )));
        None
    }

    /// Gateways share what they keep as API Gateway does, and need a place for it.
    fn check_sharing(&mut self, mode: CacheMode) {
        let place = format!("{}/shared", self.place);
        if self.gateway.state.is_none() {
            let fault = CompileError::new(
                &*place,
                "gateways share a cache in Redis, and there is none",
            );
            self.errors
                .push(fault.hint("say where it is: `state: {redis: {url: …}}`"));
        }
        if mode == CacheMode::Http {
            let fault = CompileError::new(place, "a cache of the mode `http` cannot be shared");
            self.errors
                .push(fault.hint("take `shared` out, or set `mode: api-gateway`"));
        }
    }

    fn fault(&mut self, place: &str, reason: String) {
        let pointer = format!("{}/{place}", self.place);
        self.errors.push(CompileError::new(pointer, reason));
    }
}

/// Whether a release answers from its stage's cache: the stage's own always does, and a canary
/// release that is meant to where both are the same deployment with the same cache.
pub(crate) fn uses_stage_cache(api: &model::Api, release: &model::Stage) -> bool {
    release.canary.is_none_or(|canary| {
        canary.use_stage_cache
            && api.stages.iter().any(|stage| {
                stage.canary.is_none()
                    && stage.name == release.name
                    && stage.deployment_id == release.deployment_id
                    && stage.cache_cluster == release.cache_cluster
            })
    })
}

/// The header fields, in lower case, that a key reads.
fn header_parameters(operation: &model::Operation) -> Vec<Vec<u8>> {
    let parameters = operation.cache_key.parameters.iter();
    let names = parameters.filter_map(|parameter| {
        let rest = parameter.strip_prefix("method.request.")?;
        let (kind, name) = rest.split_once('.')?;
        let is_header = matches!(kind, "header" | "multivalueheader");
        is_header.then(|| name.to_ascii_lowercase().into_bytes())
    });
    names.collect()
}

/// What all keys of an operation begin with, and the group that is flushed with it: the operations
/// of one namespace and method share their responses. The group is the same in every
/// configuration, as what is kept outlives the one that it was kept under.
fn shared_parts(operation: &model::Operation, verb: Verb) -> (Group, KeyParts) {
    let mut parts = KeyParts::new("attache response cache of a stage");
    // A namespace that is called like a resource is another one.
    parts.push_values(operation.cache_key.namespace.as_deref());
    if operation.cache_key.namespace.is_none() {
        parts.push(operation.path.as_bytes());
    }
    parts.push(verb.as_str().as_bytes());
    let [first, second, third, fourth, ..] = parts.clone().finish().0;
    let group = Group(u32::from_le_bytes([first, second, third, fourth]));
    (group, parts)
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
