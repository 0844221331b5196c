//! From the configuration document to authorizers, one for each stage.

use std::collections::BTreeSet;
use std::sync::Arc;

use attache_model::{
    Api, AuthorizerEvent, AuthorizerKind, CacheCluster, Gateway, LambdaAuthorizer as Definition,
    Protocol,
};

use super::cache_key::{CacheKey, generation};
use super::identity_source::{IdentitySource, IdentitySources};
use super::result::ResultForm;
use super::result_cache::{LONGEST_TTL, ResultCache};
use super::service::{Service, ServiceFault};
use super::{LambdaAuthorizer, Results, flush};
use crate::compile_error::CompileError;
use crate::integration::Upstream;
use crate::lambda_event::Deployment;
use crate::lambda_function;
use crate::ports::Environment;
use crate::response_cache::storage::Encryption;
use crate::sealed_secret::{SealingKey, VARIABLE};
use crate::shared_cache::{SharedCache, SharedCaches};
use crate::validation_expression::ValidationExpression;

/// The Lambda authorizers of all APIs in all their stages.
#[derive(Debug)]
pub struct LambdaAuthorizers {
    /// By API, authorizer and stage. An authorizer of another kind has none.
    pub(super) apis: Vec<Vec<Box<[LambdaAuthorizer]>>>,
}

impl LambdaAuthorizers {
    /// Compiles every Lambda authorizer.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer. A URI that only a stage variable makes invalid is
    /// not one: its requests are refused, as AWS does.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let cache = Arc::default();
        let apis = gateway
            .apis
            .iter()
            .enumerate()
            .map(|(position, api)| {
                let compiler = Compiler {
                    gateway,
                    api,
                    pointer: format!("/apis/{position}/authorizers"),
                    cache: &cache,
                };
                compiler.authorizers(&mut errors)
            })
            .collect();
        if errors.is_empty() {
            Ok(Self { apis })
        } else {
            Err(errors)
        }
    }

    /// Has the results of stages whose caches are shared kept in Redis, where they are always
    /// encrypted: whoever could write one could let in anybody.
    ///
    /// # Errors
    ///
    /// Every stage with results that cannot be encrypted.
    pub(crate) fn share(
        &mut self,
        gateway: &Gateway,
        caches: &Arc<SharedCaches>,
        environment: &dyn Environment,
    ) -> Result<(), Vec<CompileError>> {
        let key = SealingKey::from_environment(environment).ok().flatten();
        let key = key.map(|key| key.for_authorizer_results());
        let mut errors = Vec::new();
        for (api, (definition, authorizers)) in gateway.apis.iter().zip(&mut self.apis).enumerate()
        {
            for (position, stage) in definition.stages.iter().enumerate() {
                let is_shared = |cluster: &CacheCluster| cluster.shared;
                if !stage.cache_cluster.as_ref().is_some_and(is_shared) {
                    continue;
                }
                let in_stage = authorizers.iter_mut().filter_map(|it| it.get_mut(position));
                let mut keeping = in_stage.filter(|it| it.ttl_seconds > 0).peekable();
                if keeping.peek().is_none() {
                    continue;
                }
                let Some(key) = &key else {
                    let place = format!("/apis/{api}/stages/{position}/cacheCluster/shared");
                    let reason = format!(
                        "results of Lambda authorizers are shared encrypted only, and `{VARIABLE}` \
                         holds no key"
                    );
                    errors.push(CompileError::new(place, reason).hint(format!(
                        "set `{VARIABLE}` in Envoy's environment to 32 random bytes in base64"
                    )));
                    continue;
                };
                let name = format!("{}\0{}\0authorizers", definition.id, stage.name);
                caches.add(name.clone());
                let encryption = Some(Encryption::new(*key));
                let shared = SharedCache::new(Arc::clone(caches), &name, Some(key), encryption);
                let results = Arc::new(Results {
                    flushed: Some(flush::store_key(&definition.id, &stage.name)),
                    shared: Some(shared),
                });
                for authorizer in keeping {
                    authorizer.results = Arc::clone(&results);
                }
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// An authorizer in a stage, all counted from 0; `None` when it is of another kind.
    #[must_use]
    pub fn get(&self, api: usize, stage: usize, authorizer: usize) -> Option<&LambdaAuthorizer> {
        self.apis.get(api)?.get(authorizer)?.get(stage)
    }

    /// Everything that authorizers call: the clusters that the proxy needs.
    #[must_use]
    pub fn upstreams(&self) -> BTreeSet<&Upstream> {
        let authorizers = self.apis.iter().flatten().flatten();
        let services = authorizers.filter_map(|authorizer| authorizer.service.as_ref());
        services.map(Service::upstream).collect()
    }
}

struct Compiler<'m> {
    gateway: &'m Gateway,
    api: &'m Api,
    /// Of the list of authorizers.
    pointer: String,
    cache: &'m Arc<ResultCache>,
}

impl Compiler<'_> {
    fn authorizers(&self, errors: &mut Vec<CompileError>) -> Vec<Box<[LambdaAuthorizer]>> {
        let deployments = Deployment::of(self.gateway, self.api);
        let authorizers = self.api.authorizers.iter().enumerate();
        authorizers
            .map(|(position, authorizer)| {
                let AuthorizerKind::Lambda(definition) = &authorizer.kind else {
                    return Box::default();
                };
                let pointer = format!("{}/{position}/kind/lambda", self.pointer);
                let mut faults = Faults {
                    pointer: &pointer,
                    errors,
                };
                self.check(definition, &mut faults);
                let stages = deployments.iter().filter_map(|deployment| {
                    let position = position.to_be_bytes();
                    self.in_stage(definition, &position, deployment, &mut faults)
                });
                stages.collect()
            })
            .collect()
    }

    fn in_stage(
        &self,
        definition: &Definition,
        position: &[u8],
        deployment: &Arc<Deployment>,
        faults: &mut Faults<'_>,
    ) -> Option<LambdaAuthorizer> {
        let identity = identity(definition, deployment, faults);
        let endpoint = self.gateway.endpoints.get(lambda_function::SERVICE);
        let service = match Service::compile(definition, &deployment.variables, endpoint) {
            Ok(service) => Some(service),
            Err(fault) => {
                faults.service(definition, fault);
                None
            }
        };
        Some(LambdaAuthorizer {
            deployment: Arc::clone(deployment),
            event: definition.event,
            form: ResultForm {
                protocol: self.api.protocol,
                simple: definition.enable_simple_responses,
            },
            identity: identity?,
            ttl_seconds: definition.result_ttl_in_seconds,
            timeout_millis: definition.timeout_in_millis,
            service,
            generation: self.generation(definition, position, deployment),
            cache: Arc::clone(self.cache),
            results: Arc::new(Results {
                flushed: self
                    .gateway
                    .management_api
                    .is_some()
                    .then(|| flush::store_key(&self.api.id, &deployment.stage)),
                shared: None,
            }),
        })
    }

    /// What has to be the same for a result to be used: who is asked, and how.
    fn generation(
        &self,
        definition: &Definition,
        position: &[u8],
        deployment: &Deployment,
    ) -> CacheKey {
        let json = |value: serde_json::Result<Vec<u8>>| value.unwrap_or_default();
        generation([
            self.gateway.account.id.as_bytes(),
            self.gateway.account.region.as_bytes(),
            &json(serde_json::to_vec(&self.gateway.endpoints)),
            self.api.id.as_bytes(),
            &json(serde_json::to_vec(&self.api.protocol)),
            deployment.stage.as_bytes(),
            &json(serde_json::to_vec(&deployment.variables)),
            position,
            &json(serde_json::to_vec(definition)),
        ])
    }

    /// What does not depend on the stage.
    fn check(&self, definition: &Definition, faults: &mut Faults<'_>) {
        match (definition.event, self.api.protocol) {
            (AuthorizerEvent::Token, Protocol::Http) => faults.report(
                "event",
                "a TOKEN authorizer is for REST APIs only",
                "use a REQUEST authorizer",
            ),
            (AuthorizerEvent::Request2, Protocol::Rest) => faults.report(
                "event",
                "payload format 2.0 is for HTTP APIs only",
                "use payload format 1.0",
            ),
            _ => {}
        }
        if definition.enable_simple_responses && definition.event != AuthorizerEvent::Request2 {
            faults.report(
                "enableSimpleResponses",
                "simple responses need payload format 2.0",
                "set `authorizerPayloadFormatVersion` to 2.0, or have the function answer with a \
                 policy",
            );
        }
        let ttl = definition.result_ttl_in_seconds;
        if ttl > LONGEST_TTL {
            faults.report(
                "resultTtlInSeconds",
                format!("results cannot be kept for {ttl} seconds"),
                "use 0 to 3600 seconds; 0 keeps none",
            );
        }
        let sources = definition.identity_sources.len();
        match definition.event {
            AuthorizerEvent::Token if sources != 1 => faults.report(
                "identitySources",
                format!("a TOKEN authorizer has one identity source, and this one has {sources}"),
                "name the header of the token, such as `method.request.header.Authorization`",
            ),
            AuthorizerEvent::Request1 | AuthorizerEvent::Request2 if ttl > 0 && sources == 0 => {
                faults.report(
                    "identitySources",
                    "results cannot be kept without an identity source to find them by",
                    "name what identifies the caller, or set `authorizerResultTtlInSeconds` to 0",
                );
            }
            _ => {}
        }
        let longest = match self.api.protocol {
            Protocol::Rest => 29_000,
            Protocol::Http => 10_000,
        };
        let timeout = definition.timeout_in_millis;
        if !(50..=longest).contains(&timeout) {
            faults.report(
                "timeoutInMillis",
                format!("a time-out of {timeout} milliseconds is out of range"),
                format!("use 50 to {longest} milliseconds"),
            );
        }
    }
}

fn identity(
    definition: &Definition,
    deployment: &Deployment,
    faults: &mut Faults<'_>,
) -> Option<IdentitySources> {
    let mut sources = Vec::with_capacity(definition.identity_sources.len());
    for (place, text) in definition.identity_sources.iter().enumerate() {
        let place = format!("identitySources/{place}");
        match IdentitySource::parse(text, deployment) {
            Ok(source) => {
                let is_header = matches!(source, IdentitySource::Header(_));
                if definition.event == AuthorizerEvent::Token && !is_header {
                    faults.report(
                        &place,
                        format!("`{text}` is not a header, and a TOKEN authorizer needs one"),
                        "use `method.request.header.NAME`, or a REQUEST authorizer",
                    );
                }
                sources.push(source);
            }
            Err(reason) => faults.report(&place, reason, sources_of(deployment.protocol)),
        }
    }
    // Other authorizers pass it over.
    let expression = definition.identity_validation_expression.as_deref();
    let expression = expression.filter(|_| definition.event == AuthorizerEvent::Token);
    let validation = match expression.map(ValidationExpression::compile) {
        None => None,
        Some(Ok(expression)) => Some(expression),
        Some(Err(reason)) => {
            faults.report(
                "identityValidationExpression",
                format!("the expression cannot be used: {reason}"),
                "it is read as Java's `Pattern` reads it, but for scripts such as `\\p{IsLatin}`; have \
                 the function check what it cannot say",
            );
            return None;
        }
    };
    Some(IdentitySources {
        sources: sources.into(),
        validation,
    })
}

const fn sources_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Rest => {
            "identity sources of REST APIs are `method.request.header.NAME`, \
             `method.request.querystring.NAME`, `context.NAME` and `stageVariables.NAME`"
        }
        Protocol::Http => {
            "identity sources of HTTP APIs are `$request.header.NAME`, \
             `$request.querystring.NAME`, `$context.NAME` and `$stageVariables.NAME`"
        }
    }
}

/// What is wrong with one authorizer. Stages mostly have their faults in common, and each is
/// reported once.
struct Faults<'e> {
    pointer: &'e str,
    errors: &'e mut Vec<CompileError>,
}

impl Faults<'_> {
    fn report(&mut self, place: &str, reason: impl Into<String>, hint: impl Into<String>) {
        let pointer = format!("{}/{place}", self.pointer);
        self.push(CompileError::new(pointer, reason).hint(hint));
    }

    fn service(&mut self, definition: &Definition, fault: ServiceFault) {
        match fault {
            ServiceFault::OfStageVariable => {}
            ServiceFault::Uri(reason) => self.report(
                "uri",
                format!("`{}` cannot be called: {reason}", definition.uri),
                "write it as AWS's invocation URI, \
                 `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`, \
                 or as `http://HOST:PORT/PATH` or `https://…`",
            ),
            ServiceFault::NoEndpoint => self.report(
                "uri",
                "it is a Lambda function, and nothing says where Lambda is",
                "name its URL under `endpoints.lambda`, or use the URL of a web service",
            ),
            ServiceFault::Endpoint(reason) => self.push(
                CompileError::new(
                    "/endpoints/lambda/url",
                    format!("it is not a URL: {reason}"),
                )
                .hint("write it as `http://HOST:PORT` or `https://…`"),
            ),
        }
    }

    fn push(&mut self, error: CompileError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}
