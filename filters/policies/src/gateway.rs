//! A whole configuration, compiled: what every request of the gateway shares.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use attache_model::{self as model, Protocol};

use crate::api_facts::{ApiFacts, StageFacts};
use crate::api_key::{ApiKeys, Key};
use crate::authorization::Authorizations;
use crate::compile_error::CompileError;
use crate::cors::{Cors, CorsConfigurations};
use crate::denial::Denial;
use crate::exchange::{Answer, CalloutAnswer, ERRAND_INTERVAL_MILLIS, Errand, Exchange, Service};
use crate::fleet::keys::SharedKey;
use crate::fleet::plans::SharedPlans;
use crate::fleet::{self, Fleet};
use crate::gateway_response::GatewayResponses;
use crate::integration::{Integrations, Upstream};
use crate::management_api::ManagementApi;
use crate::observation::Metrics;
use crate::pipeline;
use crate::ports::{Environment, Ports, Timestamp};
use crate::redis::Redis;
use crate::request_validation::RequestValidations;
use crate::response_cache::ResponseCaches;
use crate::route::Routes;
use crate::shared_cache::{self, SharedCaches};
use crate::usage_plan::{self, UsagePlans, UsageRecords};
use crate::web_socket::WebSockets;

/// The gateway: every API, plan and key, ready to serve.
///
/// ```
/// use attache_policies::Gateway;
///
/// let document = attache_model::from_json(
///     br#"{
///       "version": 1,
///       "account": {"id": "000000000000", "region": "us-east-1"},
///       "apis": [{
///         "id": "petstore", "name": "Pet store", "protocol": "REST",
///         "stages": [{"name": "prod", "variables": {"backend": "127.0.0.1:9000"}}],
///         "operations": [{
///           "path": "/pets", "method": "GET",
///           "integration": {"httpProxy": {
///             "uri": "http://${stageVariables.backend}/pets", "timeoutInMillis": 29000
///           }}
///         }]
///       }]
///     }"#,
/// )?;
/// let gateway = Gateway::compile(&document, &|_: &str| None).map_err(|faults| format!("{faults:?}"))?;
/// let clusters: Vec<_> = gateway.upstreams().iter().map(|upstream| upstream.cluster()).collect();
/// assert_eq!(clusters, ["http_127.0.0.1_9000"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Compiling parses everything once; nothing is parsed per request. The command line compiles
/// the same document with the same function, so what it accepts the filter loads.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) routes: Routes,
    pub(crate) cors: CorsConfigurations,
    pub(crate) authorizations: Authorizations,
    pub(crate) api_keys: ApiKeys,
    /// The usage plans of the configuration; [`Self::plans`] has those of Redis as well.
    usage_plans: Arc<UsagePlans>,
    /// Where gateways share their limits.
    pub(crate) fleet: Option<Fleet>,
    redis: Option<Arc<Redis>>,
    /// The caches that gateways share.
    shared_caches: Option<Arc<SharedCaches>>,
    pub(crate) usage: UsageRecords,
    initial_usage: usage_plan::Initial,
    pub(crate) usage_route: Option<Box<str>>,
    pub(crate) request_validations: RequestValidations,
    pub(crate) response_caches: ResponseCaches,
    pub(crate) integrations: Integrations,
    pub(crate) web_sockets: WebSockets,
    pub(crate) management_api: Option<ManagementApi>,
    pub(crate) gateway_responses: GatewayResponses,
    pub(crate) metrics: Metrics,
    pub(crate) apis: Arc<[ApiFacts]>,
    pub(crate) access_log: bool,
}

impl Gateway {
    /// Compiles a configuration document.
    ///
    /// # Errors
    ///
    /// Every fault of the document, each with the JSON pointer of its place. Nothing of a
    /// document with a fault is served.
    pub fn compile(
        document: &model::Gateway,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<CompileError>> {
        let mut faults = Vec::new();
        let routes = kept(Routes::compile(document), &mut faults);
        let cors = kept(CorsConfigurations::compile(document), &mut faults);
        let authorizations = Authorizations::compile(document, environment);
        let mut authorizations = kept(authorizations, &mut faults);
        let api_keys = kept(ApiKeys::compile(document), &mut faults);
        let apis: Arc<[ApiFacts]> = document
            .apis
            .iter()
            .map(|api| ApiFacts::of(document, api))
            .collect();
        let usage_plans = kept(UsagePlans::compile(document), &mut faults).map(Arc::new);
        let redis = document
            .state
            .as_ref()
            .map(|state| Redis::compile(&state.redis, environment).map(Arc::new))
            .transpose();
        let redis = kept(redis, &mut faults);
        let initial_usage = usage_plans.as_ref().map(|plans| plans.initial(document));
        let initial_usage = kept(initial_usage.unwrap_or(Ok(Vec::new())), &mut faults);
        let request_validations = kept(RequestValidations::compile(document), &mut faults);
        let shares = |api: &model::Api| {
            let mut clusters = api.stages.iter().flat_map(|stage| &stage.cache_cluster);
            clusters.any(|cluster| cluster.shared)
        };
        let shared_caches = redis.as_ref().and_then(Option::as_ref);
        let shared_caches = shared_caches.filter(|_| document.apis.iter().any(shares));
        let metrics = Metrics::compile(document);
        let shared_caches = shared_caches
            .map(|redis| Arc::new(SharedCaches::new(Arc::clone(redis), metrics.redis.clone())));
        let shared = match (&shared_caches, &mut authorizations) {
            (Some(caches), Some(all)) => all.share(document, caches, environment),
            _ => Ok(()),
        };
        if kept(shared, &mut faults).is_none() {
            authorizations = None;
        }
        let response_caches =
            ResponseCaches::compile(document, environment, shared_caches.as_ref());
        let response_caches = kept(response_caches, &mut faults);
        let integrations = kept(Integrations::compile(document), &mut faults);
        let web_sockets = kept(WebSockets::compile(document), &mut faults);
        let management_api = kept(ManagementApi::compile(document), &mut faults);
        let gateway_responses = kept(GatewayResponses::compile(document), &mut faults);
        let compiled = || {
            let (redis, usage_plans) = (redis?, usage_plans?);
            let fleet = redis.clone().map(|redis| {
                let plans = SharedPlans::new(Arc::clone(&usage_plans), Arc::clone(&apis), &redis);
                Fleet::new(redis, plans, metrics.redis.clone())
            });
            Some(Self {
                routes: routes?,
                cors: cors?,
                authorizations: authorizations?,
                api_keys: api_keys?,
                usage_plans,
                fleet,
                redis,
                shared_caches,
                usage: UsageRecords::default(),
                initial_usage: initial_usage?,
                usage_route: document.usage_route.as_deref().map(Into::into),
                request_validations: request_validations?,
                response_caches: response_caches?,
                integrations: integrations?,
                web_sockets: web_sockets?,
                management_api: management_api?,
                gateway_responses: gateway_responses?,
                metrics,
                apis,
                access_log: document.access_log,
            })
        };
        compiled().ok_or(faults)
    }

    /// The back ends of all operations, and all that authorizers call: the clusters that the proxy
    /// must have.
    #[must_use]
    pub fn upstreams(&self) -> BTreeSet<Upstream> {
        let integrations = self.integrations.upstreams();
        integrations
            .chain(self.authorizations.upstreams())
            .chain(self.redis.iter().map(|redis| &redis.upstream))
            .cloned()
            .collect()
    }
}

/// What a room has compiled; otherwise its faults are put to the others'.
fn kept<R>(room: Result<R, Vec<CompileError>>, faults: &mut Vec<CompileError>) -> Option<R> {
    room.map_err(|found| faults.extend(found)).ok()
}

impl Gateway {
    /// The API as the pipeline knows it.
    pub(crate) fn api(&self, api: usize) -> Option<&ApiFacts> {
        self.apis.get(api)
    }

    /// Whose way of answering applies to an API.
    pub(crate) fn protocol(&self, api: usize) -> Protocol {
        self.apis
            .get(api)
            .map_or(Protocol::Rest, |api| api.protocol)
    }

    /// What pages of other origins may do with an API.
    pub(crate) fn cors(&self, api: Option<usize>) -> Option<&Cors> {
        self.cors.get(api?)
    }

    /// The id of an API, and one of its stages.
    pub(crate) fn stage(&self, api: usize, stage: usize) -> Option<(&str, &StageFacts)> {
        let api = self.apis.get(api)?;
        Some((&api.id, api.stages.get(stage)?))
    }

    /// The API key with the value that a request presents. One that lives in Redis is put into
    /// `shared`.
    ///
    /// # Errors
    ///
    /// [`Denial::InvalidApiKey`] when it opens nothing; [`Denial::AuthorizerFailure`] when only Redis
    /// could tell, and does not.
    pub(crate) async fn key<'k>(
        &'k self,
        exchange: &Exchange,
        value: &[u8],
        now: Timestamp,
        shared: &'k OnceCell<Arc<SharedKey>>,
    ) -> Result<Key<'k>, Denial> {
        let found = match &self.fleet {
            Some(fleet) => fleet
                .find_key(&self.api_keys, exchange, value, now, shared)
                .await
                .map_err(|_| Denial::AuthorizerFailure)?,
            None => self.api_keys.find(value, now),
        };
        found.ok_or(Denial::InvalidApiKey)
    }

    /// The usage plans as they are now.
    pub(crate) fn plans(&self) -> Arc<UsagePlans> {
        match &self.fleet {
            Some(fleet) => fleet.plans(),
            None => Arc::clone(&self.usage_plans),
        }
    }

    /// The same with those of a key.
    ///
    /// # Errors
    ///
    /// [`Denial::AuthorizerFailure`] when only Redis knows them, and does not tell.
    pub(crate) async fn plans_of(
        &self,
        key: &Key<'_>,
        exchange: &Exchange,
    ) -> Result<Arc<UsagePlans>, Denial> {
        let plans = match &self.fleet {
            Some(fleet) => fleet.plans_of(key, exchange).await,
            None => Ok(self.plans()),
        };
        plans.map_err(|_| Denial::AuthorizerFailure)
    }

    /// The resource path of an operation (`$context.resourcePath`).
    pub(crate) fn resource_path(&self, api: usize, operation: usize) -> Option<&str> {
        let operation = self.apis.get(api)?.operations.get(operation)?;
        Some(&operation.path)
    }
}

impl Service for Gateway {
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let document = model::from_json(configuration).map_err(|error| vec![error.to_string()])?;
        Self::compile(&document, environment)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn begin(&self, ports: &dyn Ports) {
        usage_plan::begin_with(&self.initial_usage, ports);
    }

    fn end(&self, ports: &dyn Ports) {
        match &self.fleet {
            Some(fleet) => fleet.end(&self.usage, ports),
            None => self.usage_plans.store_all_usage(&self.usage, ports),
        }
        if let Some(shared) = &self.shared_caches {
            shared.end(ports);
        }
    }

    fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        for (place, cache) in self.response_caches.iter() {
            self.metrics.hold(ports, place, cache.tend(ports));
        }
        if self.fleet.is_none() {
            self.usage_plans.store_usage(&self.usage, ports);
        }
        let mut errands = self.authorizations.errands(ports);
        if let Some(fleet) = &self.fleet {
            errands.extend(fleet.errands(&self.usage, ports));
        }
        if let Some(shared) = &self.shared_caches {
            errands.extend(shared.errands(ports));
        }
        errands
    }

    fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        if let Some(shared) = &self.shared_caches
            && errand >= shared_cache::FIRST_ERRAND
        {
            return shared.fetched(errand, answer, ports, |change| {
                self.response_caches.forget(ports, change)
                    & self.authorizations.forget(ports, change)
            });
        }
        match &self.fleet {
            Some(fleet) if errand >= fleet::errands::FIRST_ERRAND => {
                fleet.fetched(errand, answer, &self.api_keys, ports);
            }
            _ => self.authorizations.fetched(errand, answer, ports),
        }
    }

    fn errand_interval_millis(&self) -> u32 {
        match self.fleet {
            Some(_) => fleet::TICK_MILLIS,
            None => ERRAND_INTERVAL_MILLIS,
        }
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        pipeline::serve(&self, &exchange).await
    }
}
