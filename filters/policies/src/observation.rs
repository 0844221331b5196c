//! What is seen of a request from outside: metrics under AWS's names and the fields of the
//! access log.
//!
//! Metrics: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html>

use attache_model::{self as model, Protocol};

use crate::authorization::{Caller, IdentityField};
use crate::denial::Denial;
use crate::gateway::Gateway;
use crate::gateway_response::RefusedRequest;
use crate::headers::Headers;
use crate::integration::context::host_name;
use crate::lambda_event::is_canary_request;
use crate::metric_name::{self, Measure, RedisMeasure};
use crate::ports::{Connection, Metric, Ports, Timestamp};
use crate::request_id::RequestIds;
use crate::response_cache::storage::Occupancy;
use crate::response_cache::uses_stage_cache;
use crate::route::{Route, Unmatched};

/// How many methods may have metrics of their own. The rest are counted with their stage, so
/// that a definition of any size keeps the proxy's statistics bounded.
const DETAILED_METHODS: usize = 1_000;

/// The metrics of every stage, and of the methods that have their own.
#[derive(Debug)]
pub(crate) struct Metrics {
    apis: Vec<Vec<StageMetrics>>,
    /// `None` for a gateway that shares nothing.
    pub(crate) redis: Option<RedisMetrics>,
}

/// What is measured of the Redis that gateways share.
#[derive(Clone, Debug)]
pub(crate) struct RedisMetrics {
    pub(crate) calls: Metric,
    pub(crate) errors: Metric,
    pub(crate) available: Metric,
}

impl RedisMetrics {
    /// Counts a call that has ended.
    pub(crate) fn called(&self, ports: &dyn Ports, failed: bool) {
        ports.count(&self.calls, 1);
        if failed {
            ports.count(&self.errors, 1);
        }
    }
}

#[derive(Debug)]
struct StageMetrics {
    all: Dimension,
    /// Of a canary release, what its stage has of its requests.
    of_stage: Option<Box<StageMetrics>>,
    /// `None` for a stage without a cache.
    cache: Option<Box<CacheMetrics>>,
    /// One place per operation; empty when no method of the stage has detailed metrics.
    methods: Vec<Option<Box<Dimension>>>,
}

/// AWS's metrics for one set of dimensions.
#[derive(Debug)]
struct Dimension {
    count: Metric,
    client_errors: Metric,
    server_errors: Metric,
    latency: Metric,
    integration_latency: Metric,
    /// `None` where nothing is cached.
    cache: Option<Box<CacheCounts>>,
}

/// How often a cache was of use, for one set of dimensions.
#[derive(Debug)]
struct CacheCounts {
    hits: Metric,
    /// `None` where gateways share nothing.
    shared_hits: Option<Metric>,
    misses: Metric,
}

/// What is measured of a stage's cache itself.
#[derive(Debug)]
struct CacheMetrics {
    bytes: Metric,
    entries: Metric,
    evictions: Metric,
}

/// What part a stage's cache has had in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// It is the cache's.
    Hit,
    /// It is the cache's, where another gateway has put it.
    SharedHit,
    /// It is the back end's, and may be kept.
    Miss,
    /// It is the back end's, and is not kept.
    Bypass,
    /// It is the back end's, fetched anew because the client wanted it so.
    Invalidated,
}

impl CacheStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hit | Self::SharedHit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
            Self::Invalidated => "invalidated",
        }
    }
}

/// What is measured of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    /// The status that the client gets.
    pub(crate) status: u16,
    /// From the request's arrival to the answer's head, in milliseconds.
    pub(crate) latency: u64,
    /// From forwarding the request to the head of the back end's answer, in milliseconds.
    pub(crate) integration_latency: Option<u64>,
    /// What a cache has had to do with it; `None` for a method without one.
    pub(crate) cache: Option<CacheStatus>,
}

impl Metrics {
    pub(crate) fn compile(gateway: &model::Gateway) -> Self {
        let mut names = Names::default();
        let apis = gateway
            .apis
            .iter()
            .map(|api| {
                api.stages
                    .iter()
                    .map(|stage| StageMetrics::compile(api, stage, &mut names))
                    .collect()
            })
            .collect();
        let redis = gateway.state.is_some().then(|| {
            let mut metric = |measure| names.next(metric_name::redis(measure));
            RedisMetrics {
                calls: metric(RedisMeasure::CallCount),
                errors: metric(RedisMeasure::ErrorCount),
                available: metric(RedisMeasure::Available),
            }
        });
        Self { apis, redis }
    }

    /// Counts one request of a stage, and of one of its methods if it got that far.
    pub(crate) fn record(
        &self,
        ports: &dyn Ports,
        api: usize,
        stage: usize,
        operation: Option<usize>,
        measurement: Measurement,
    ) {
        let mut metrics = self.apis.get(api).and_then(|stages| stages.get(stage));
        while let Some(stage) = metrics {
            stage.all.record(ports, measurement);
            let method = operation.and_then(|operation| stage.methods.get(operation)?.as_ref());
            if let Some(method) = method {
                method.record(ports, measurement);
            }
            metrics = stage.of_stage.as_deref();
        }
    }
}

impl Metrics {
    /// Tells how much the cache of a stage holds.
    pub(crate) fn hold(&self, ports: &dyn Ports, (api, stage): (usize, usize), held: Occupancy) {
        if let Some(cache) = self.cache(api, stage) {
            ports.set(&cache.bytes, held.bytes);
            ports.set(&cache.entries, held.entries);
        }
    }

    fn cache(&self, api: usize, stage: usize) -> Option<&CacheMetrics> {
        self.apis.get(api)?.get(stage)?.cache.as_deref()
    }
}

impl StageMetrics {
    /// A canary release is measured under a name of its own, and its requests are those of its
    /// stage too (AWS: canary-specific metrics beside those of the production stage).
    fn compile(api: &model::Api, stage: &model::Stage, names: &mut Names) -> Self {
        if stage.canary.is_none() {
            return Self::under(&stage.name, api, stage, names);
        }
        let own = format!("{}/Canary", stage.name);
        let mut of_stage = Self::under(&stage.name, api, stage, names);
        let mut metrics = Self::under(&own, api, stage, names);
        if uses_stage_cache(api, stage) {
            metrics.cache = of_stage.cache.take();
        }
        metrics.of_stage = Some(Box::new(of_stage));
        metrics
    }

    fn under(label: &str, api: &model::Api, stage: &model::Stage, names: &mut Names) -> Self {
        let name = |measure| metric_name::stage(&api.id, label, measure);
        let cluster = stage.cache_cluster.as_ref();
        let all = Dimension::new(names, cluster, name);
        let cache = cluster.map(|_| {
            let mut metric = |measure| names.next(name(measure));
            Box::new(CacheMetrics {
                bytes: metric(Measure::CacheBytes),
                entries: metric(Measure::CacheEntries),
                evictions: metric(Measure::CacheEviction),
            })
        });
        let mut methods = Vec::new();
        for (index, operation) in api.operations.iter().enumerate() {
            let own = stage
                .methods
                .iter()
                .find(|method| method.operation == index);
            let enabled = own
                .and_then(|method| method.metrics_enabled)
                .unwrap_or(stage.metrics_enabled);
            if enabled && names.detailed < DETAILED_METHODS {
                names.detailed += 1;
                methods.resize_with(index, || None);
                let name = |measure| {
                    metric_name::method(&api.id, label, operation.method, &operation.path, measure)
                };
                methods.push(Some(Box::new(Dimension::new(names, cluster, name))));
            }
        }
        Self {
            all,
            of_stage: None,
            cache,
            methods,
        }
    }
}

impl Dimension {
    fn new(
        names: &mut Names,
        cluster: Option<&model::CacheCluster>,
        name: impl Fn(Measure) -> String,
    ) -> Self {
        let mut metric = |measure| names.next(name(measure));
        Self {
            count: metric(Measure::Count),
            client_errors: metric(Measure::ClientError),
            server_errors: metric(Measure::ServerError),
            latency: metric(Measure::Latency),
            integration_latency: metric(Measure::IntegrationLatency),
            cache: cluster.map(|cluster| {
                Box::new(CacheCounts {
                    hits: metric(Measure::CacheHit),
                    shared_hits: cluster.shared.then(|| metric(Measure::SharedCacheHit)),
                    misses: metric(Measure::CacheMiss),
                })
            }),
        }
    }

    fn record(&self, ports: &dyn Ports, measurement: Measurement) {
        ports.count(&self.count, 1);
        match measurement.status {
            400..=499 => ports.count(&self.client_errors, 1),
            500..=599 => ports.count(&self.server_errors, 1),
            _ => {}
        }
        ports.observe(&self.latency, measurement.latency);
        if let Some(latency) = measurement.integration_latency {
            ports.observe(&self.integration_latency, latency);
        }
        if let Some((counts, status)) = self.cache.as_ref().zip(measurement.cache) {
            if let (CacheStatus::SharedHit, Some(metric)) = (status, &counts.shared_hits) {
                ports.count(metric, 1);
            }
            let metric = match status {
                CacheStatus::Hit | CacheStatus::SharedHit => &counts.hits,
                CacheStatus::Miss | CacheStatus::Bypass | CacheStatus::Invalidated => {
                    &counts.misses
                }
            };
            ports.count(metric, 1);
        }
    }
}

/// Numbers the metrics, so that the host can keep them in a plain table.
#[derive(Default)]
struct Names {
    metrics: usize,
    detailed: usize,
}

impl Names {
    fn next(&mut self, name: String) -> Metric {
        let index = self.metrics;
        self.metrics += 1;
        Metric { index, name }
    }
}

/// One request as it is seen from outside, from its arrival to its answer.
#[derive(Debug)]
pub(crate) struct Observation<'e> {
    request: &'e Headers,
    started: Timestamp,
    forwarded: Option<Timestamp>,
    answered: Option<Timestamp>,
    protocol: Protocol,
    place: Option<Place<'e>>,
    key_id: Option<&'e str>,
    caller: Caller,
    back_end_status: Option<u16>,
    cache: Option<CacheStatus>,
}

/// How far the request was understood.
#[derive(Clone, Copy, Debug)]
enum Place<'e> {
    Stage { api: usize, stage: usize },
    Operation(Route<'e>),
}

impl<'e> Observation<'e> {
    pub(crate) fn begin(request: &'e Headers, now: Timestamp) -> Self {
        Self {
            request,
            started: now,
            forwarded: None,
            answered: None,
            protocol: Protocol::Rest,
            place: None,
            key_id: None,
            caller: Caller::default(),
            back_end_status: None,
            cache: None,
        }
    }

    /// The moment of the request's arrival.
    pub(crate) const fn started(&self) -> Timestamp {
        self.started
    }

    /// Whose way of answering applies.
    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The API that the request goes to, as far as it is known.
    pub(crate) const fn api(&self) -> Option<usize> {
        match self.place {
            Some(Place::Operation(route)) => Some(route.api),
            Some(Place::Stage { api, .. }) => Some(api),
            None => None,
        }
    }

    /// No operation serves the request; perhaps a stage would have.
    pub(crate) fn unmatched(&mut self, unmatched: &Unmatched) {
        self.protocol = unmatched.protocol;
        self.place = unmatched
            .api
            .zip(unmatched.stage)
            .map(|(api, stage)| Place::Stage { api, stage });
    }

    /// An operation serves the request.
    pub(crate) const fn matched(&mut self, route: Route<'e>, protocol: Protocol) {
        self.protocol = protocol;
        self.place = Some(Place::Operation(route));
    }

    /// The operation's authorization has found out who calls.
    pub(crate) fn authorized(&mut self, caller: &Caller) {
        self.caller = caller.clone();
    }

    /// The caller's API key is known.
    pub(crate) const fn identified(&mut self, key_id: &'e str) {
        self.key_id = Some(key_id);
    }

    /// The request goes to the back end now.
    pub(crate) const fn forwarded(&mut self, now: Timestamp) {
        self.forwarded = Some(now);
    }

    /// The back end has answered, or has not and will not.
    pub(crate) const fn answered(&mut self, now: Timestamp, status: Option<u16>) {
        self.answered = Some(now);
        self.back_end_status = status;
    }

    /// What part the stage's cache has in the answer.
    pub(crate) const fn cached(&mut self, status: CacheStatus) {
        self.cache = Some(status);
    }

    /// To keep the answer, others had to go.
    pub(crate) fn evicted(&self, gateway: &Gateway, ports: &dyn Ports, count: u32) {
        if let Some(Place::Operation(route)) = self.place
            && let Some(cache) = gateway.metrics.cache(route.api, route.stage)
            && count > 0
        {
            ports.count(&cache.evictions, count.into());
        }
    }

    /// What a gateway response can tell of the request, which has come as far as it will.
    pub(crate) fn refused<'r>(
        &'r self,
        gateway: &'r Gateway,
        ids: &'r RequestIds,
        connection: &'r dyn Connection,
    ) -> RefusedRequest<'r> {
        let (place, route) = match self.place {
            Some(Place::Operation(route)) => (Some((route.api, route.stage)), Some(route)),
            Some(Place::Stage { api, stage }) => (Some((api, stage)), None),
            None => (None, None),
        };
        let api = place.and_then(|(api, _)| gateway.api(api));
        let api_key = self
            .key_id
            .and(api)
            .and_then(|api| api.presented_key(self.request, &self.caller));
        RefusedRequest {
            api: place.map(|(api, _)| api),
            stage: place.map(|(_, stage)| stage),
            stage_name: place
                .and_then(|(api, stage)| gateway.stage(api, stage))
                .map(|(_, stage)| &*stage.name),
            resource_path: route
                .and_then(|route| gateway.resource_path(route.api, route.operation)),
            route,
            headers: self.request,
            ids,
            time: self.started,
            connection,
            api_key,
            api_key_id: self.key_id,
            caller: &self.caller,
        }
    }

    /// The client gets its answer now: counts it, and leaves the fields of the access log.
    pub(crate) fn end(
        &self,
        gateway: &Gateway,
        ports: &dyn Ports,
        status: u16,
        denial: Option<&Denial>,
    ) {
        let (api, stage, operation) = match self.place {
            Some(Place::Operation(route)) => (route.api, route.stage, Some(route.operation)),
            Some(Place::Stage { api, stage }) => (api, stage, None),
            None => (usize::MAX, usize::MAX, None),
        };
        let measurement = Measurement {
            status,
            // A back end's answer is passed on in the moment in which it is there.
            latency: self
                .answered
                .unwrap_or_else(|| ports.now())
                .millis_since(self.started),
            integration_latency: self
                .forwarded
                .zip(self.answered)
                .map(|(forwarded, answered)| answered.millis_since(forwarded)),
            cache: self.cache,
        };
        gateway
            .metrics
            .record(ports, api, stage, operation, measurement);
        if gateway.access_log {
            self.publish(gateway, ports, denial);
        }
    }

    /// Leaves what only the filter knows to the proxy, which writes the access log. The request's
    /// names it reads from the answer's header fields.
    fn publish(&self, gateway: &Gateway, log: &dyn Ports, denial: Option<&Denial>) {
        let (path, method) = match self.place {
            Some(Place::Operation(route)) => (route.path, route.verb.as_str().as_bytes()),
            _ => (self.requested_path(), self.requested_method()),
        };
        log.publish("path", path);
        log.publish("httpMethod", method);
        // Towards a back end the proxy writes the back end's name over it.
        let authority = self.request.first(b":authority").unwrap_or_default();
        log.publish("domainName", host_name(authority));
        let (api, stage) = match self.place {
            Some(Place::Operation(route)) => {
                if let Some(path) = gateway.resource_path(route.api, route.operation) {
                    log.publish("resourcePath", path.as_bytes());
                }
                (Some(route.api), route.stage)
            }
            Some(Place::Stage { api, stage }) => (Some(api), stage),
            None => (None, 0),
        };
        if let Some((api, stage)) = api.and_then(|api| gateway.stage(api, stage)) {
            log.publish("apiId", api.as_bytes());
            log.publish("stage", stage.name.as_bytes());
            if let Some(id) = &stage.deployment_id {
                log.publish("deploymentId", id.as_bytes());
            }
            if let Some(is_canary) = stage.is_canary_request {
                log.publish("isCanaryRequest", is_canary_request(is_canary).as_bytes());
            }
        }
        if let Some(Place::Operation(Route {
            domain: Some(domain),
            ..
        })) = &self.place
        {
            log.publish("basePathMatched", domain.base_path.as_bytes());
        }
        if let Some(key_id) = self.key_id {
            log.publish("apiKeyId", key_id.as_bytes());
        }
        self.publish_caller(log);
        if let Some(status) = self.back_end_status {
            log.publish("integrationStatus", status.to_string().as_bytes());
        }
        if let Some(status) = self.cache {
            log.publish("cacheStatus", status.as_str().as_bytes());
        }
        if let Some(denial) = denial {
            if let Some(message) = denial.message(self.protocol) {
                log.publish("errorMessage", message.as_bytes());
            }
            if let Some(response_type) = denial.response_type(self.protocol) {
                log.publish("errorResponseType", response_type.as_str().as_bytes());
            }
        }
    }

    /// Who calls, under the names of AWS's logging variables.
    fn publish_caller(&self, log: &dyn Ports) {
        let caller = &self.caller;
        if let Some(principal) = &caller.principal_id {
            log.publish("principalId", principal.as_bytes());
        }
        if let Some(context) = &caller.context {
            log.publish("authorizer", to_json(context).as_bytes());
        }
        if let Some(claims) = &caller.claims {
            log.publish("claims", to_json(claims).as_bytes());
        }
        if let Some(latency) = caller.authorizer_latency {
            log.publish("authorizerLatency", latency.to_string().as_bytes());
        }
        for (name, field) in [
            ("accessKey", IdentityField::AccessKey),
            ("accountId", IdentityField::AccountId),
            ("caller", IdentityField::Caller),
            ("user", IdentityField::User),
            ("userArn", IdentityField::UserArn),
        ] {
            if let Some(value) = caller.identity_value(field) {
                log.publish(name, value.as_bytes());
            }
        }
    }

    /// What an unmatched request asked for, without its query.
    fn requested_path(&self) -> &[u8] {
        let target = self.request.first(b":path").unwrap_or_default();
        target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default()
    }

    fn requested_method(&self) -> &[u8] {
        self.request.first(b":method").unwrap_or_default()
    }
}

fn to_json(values: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::to_string(values).unwrap_or_default()
}
