//! `--layout split`: filters of one concern each, in a chain, on routes of Envoy's own.
//!
//! For whoever wants to see each policy in Envoy's configuration, to switch one off by route, or to
//! put a filter of their own in between. The filters know less than the gateway filter does, so that
//! not every API can be split; what cannot is refused, all of it and each with its reason, rather
//! than served a little differently.

mod path;

use std::collections::BTreeSet;
use std::path::PathBuf;

use attache_model::{
    Api, ApiKeySource, Authorization, AuthorizerKind, Gateway, HttpProxy, Integration, Operation,
    Protocol, Stage, Throttle, Verb,
};
use attache_policies::{Scheme, Upstream};
use serde_json::{Map, Value, json};

use crate::diagnostic::{Diagnostic, Report};
use crate::embedded_filters::Filter;
use crate::envoy_target::{Chain, ChainedFilter, OwnRoute};
use crate::project::{FILE_NAME, Places, Project};
use path::Template;

const API_KEY: &str = "attache.api_key";
const USAGE_PLAN: &str = "attache.usage_plan";
const AUTHORIZER: &str = "attache.authorizer";
const TRANSFORM: &str = "attache.transform";

/// The filters and routes of a gateway; `None` when the report says why there are none.
pub(crate) fn chain(project: &Project, report: &mut Report) -> Option<Chain> {
    let mut split = Split {
        places: &project.places,
        report,
        is_refused: false,
    };
    let (api, stage) = split.only_stage(&project.gateway)?;
    split.settings(&project.gateway, api, stage);
    let filters = split.filters(&project.gateway, api, stage);
    let routes: Vec<Vec<OwnRoute>> = api
        .operations
        .iter()
        .enumerate()
        .map(|(index, operation)| split.route(project, stage, (index, operation), &filters))
        .collect();
    if split.is_refused {
        return None;
    }
    let mut routes: Vec<(path::Rank, OwnRoute)> = routes
        .into_iter()
        .flatten()
        .map(|route| (path::rank(&route.path, route.method), route))
        .collect();
    // Envoy takes the first that fits, API Gateway the most exact.
    routes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(Chain {
        filters: filters
            .into_iter()
            .map(|filter| ChainedFilter {
                name: filter.name,
                module: filter.module,
                configuration: format!("{:#}", filter.configuration),
            })
            .collect(),
        routes: Some(routes.into_iter().map(|(_, route)| route).collect()),
    })
}

/// A filter, and the operations that it has a part in.
struct Concern {
    name: String,
    module: Filter,
    configuration: Value,
    operations: BTreeSet<usize>,
}

fn set(configuration: &mut Value, key: &str, value: Value) {
    if let Some(configuration) = configuration.as_object_mut() {
        configuration.insert(key.to_owned(), value);
    }
}

struct Split<'r> {
    places: &'r Places,
    report: &'r mut Report,
    is_refused: bool,
}

impl Split<'_> {
    fn refuse(&mut self, pointer: &str, reason: &str) {
        let (file, span, pointer) = match self.places.find(pointer) {
            Some(place) => (place.file, place.span, place.pointer),
            None => (PathBuf::from(FILE_NAME), 0..0, String::new()),
        };
        self.report.push(
            Diagnostic::error("split-layout", file, span, pointer, reason)
                .hint("take `--layout fused`, which serves all of it"),
        );
        self.is_refused = true;
    }

    /// The filters stand for one stage of one REST API.
    fn only_stage<'g>(&mut self, gateway: &'g Gateway) -> Option<(&'g Api, &'g Stage)> {
        let [api] = gateway.apis.as_slice() else {
            self.refuse(
                "/apis/1",
                "the split layout serves one API, and there are several",
            );
            return None;
        };
        let [stage] = api.stages.as_slice() else {
            let reason = "the split layout serves one stage, and there are several";
            self.refuse("/apis/0/stages/1", reason);
            return None;
        };
        Some((api, stage))
    }

    /// What none of the filters does.
    fn settings(&mut self, gateway: &Gateway, api: &Api, stage: &Stage) {
        if api.protocol == Protocol::Http {
            self.refuse(
                "/apis/0",
                "the split layout answers as REST APIs do, and this is an HTTP API",
            );
        }
        if api.api_key_source == ApiKeySource::Authorizer {
            let reason = "the split layout takes API keys from the header, not from an authorizer";
            self.refuse("/apis/0/apiKeySource", reason);
        }
        if api.resource_policy.is_some() {
            let reason = "a resource policy sees the whole request, and no filter of the split layout has all of it";
            self.refuse("/apis/0/resourcePolicy", reason);
        }
        for name in api.gateway_responses.keys() {
            let reason = "the filters of the split layout refuse in AWS's own words, and gateway responses change them";
            self.refuse(&format!("/apis/0/gatewayResponses/{name}"), reason);
        }
        if api.disable_execute_api_endpoint {
            let reason =
                "the split layout answers at every host, and the API's own address is disabled";
            self.refuse("/apis/0/disableExecuteApiEndpoint", reason);
        }
        if stage.client_certificate_id.is_some() {
            let reason = "the split layout shows no client certificates to back ends";
            self.refuse("/apis/0/stages/0/clientCertificateId", reason);
        }
        if stage.cache_cluster.is_some() {
            let reason = "a stage's cache is a part of the gateway filter: response_cache.wasm keeps answers by RFC 9111 alone";
            self.refuse("/apis/0/stages/0/cacheCluster", reason);
        }
        if stage.canary.is_some() || stage.deployment_id.is_some() {
            let reason = "the split layout serves the working files, without deployments and canary releases";
            self.refuse("/apis/0/stages/0", reason);
        }
        let has_metrics = stage.metrics_enabled
            || stage
                .methods
                .iter()
                .any(|method| method.metrics_enabled == Some(true));
        if has_metrics {
            let reason = "the filters of the split layout keep no metrics";
            self.refuse("/apis/0/stages/0/metricsEnabled", reason);
        }
        for (index, method) in stage.methods.iter().enumerate() {
            if method.throttle.is_some() {
                let reason = "the split layout has no throttle of a single method";
                self.refuse(&format!("/apis/0/stages/0/methods/{index}"), reason);
            }
            if method.web_socket_enabled {
                let reason = "only the gateway filter decides about WebSocket handshakes";
                let pointer = format!("/apis/0/stages/0/methods/{index}/webSocketEnabled");
                self.refuse(&pointer, reason);
            }
        }
        if !gateway.domains.is_empty() {
            self.refuse(
                "/domains/0",
                "the split layout answers at the API's own address, not at custom domain names",
            );
        }
        if gateway.state.is_some() {
            self.refuse(
                "/state",
                "the filters of the split layout count by themselves, and share nothing in Redis",
            );
        }
        if gateway.management_api.is_some() {
            self.refuse(
                "/managementApi",
                "the split layout answers nothing of the management API",
            );
        }
    }

    fn filters(&mut self, gateway: &Gateway, api: &Api, stage: &Stage) -> Vec<Concern> {
        let mut filters = self.authorizers(gateway, api, stage);
        filters.extend(self.api_keys(gateway, api, stage));
        filters.extend(transform(api, stage));
        filters
    }

    /// A filter for each way to authorize that operations ask for.
    fn authorizers(&mut self, gateway: &Gateway, api: &Api, stage: &Stage) -> Vec<Concern> {
        let mut filters: Vec<(&Authorization, Concern)> = Vec::new();
        for (index, operation) in api.operations.iter().enumerate() {
            let pointer = format!("/apis/0/operations/{index}/authorization");
            let (authorizer, scopes) = match &operation.authorization {
                Authorization::None => continue,
                Authorization::AwsIam => {
                    let reason = "a signature covers the path with the stage, and policies the one without: only the gateway filter knows both";
                    self.refuse(&pointer, reason);
                    continue;
                }
                Authorization::Authorizer { index, scopes } => {
                    (api.authorizers.get(*index), scopes)
                }
            };
            let Some(authorizer) = authorizer else {
                continue;
            };
            let AuthorizerKind::Cognito(pool) = &authorizer.kind else {
                let reason = "an authorizer's policy is about the path without the stage, which only the gateway filter knows";
                self.refuse(&pointer, reason);
                continue;
            };
            if let Some((_, filter)) = filters
                .iter_mut()
                .find(|(known, _)| **known == operation.authorization)
            {
                filter.operations.insert(index);
                continue;
            }
            let mut name = format!("{AUTHORIZER}.{}", authorizer.name);
            if filters.iter().any(|(_, filter)| filter.name == name) {
                name = format!("{name}.{}", filters.len());
            }
            let mut configuration = json!({
                "account": {"id": gateway.account.id, "region": gateway.account.region},
                "api": api.id,
                "stage": stage.name,
                "authorization": {"cognito": pool},
                "scopes": scopes,
            });
            if !gateway.endpoints.is_empty() {
                set(&mut configuration, "endpoints", json!(gateway.endpoints));
            }
            filters.push((
                &operation.authorization,
                Concern {
                    name,
                    module: Filter::Authorizer,
                    configuration,
                    operations: BTreeSet::from([index]),
                },
            ));
        }
        filters.into_iter().map(|(_, filter)| filter).collect()
    }

    /// The filter that knows customers, and the one that holds them to their plans.
    fn api_keys(&mut self, gateway: &Gateway, api: &Api, stage: &Stage) -> Vec<Concern> {
        let (keyed, open): (BTreeSet<usize>, BTreeSet<usize>) = (0..api.operations.len())
            .partition(|index| {
                let operation = api.operations.get(*index);
                operation.is_some_and(|operation| operation.api_key_required)
            });
        let throttle = self.throttle(gateway, stage);
        let mut filters = Vec::new();
        if !keyed.is_empty() {
            filters.push(Concern {
                name: API_KEY.to_owned(),
                module: Filter::ApiKey,
                configuration: json!({"apiKeys": gateway.api_keys}),
                operations: keyed.clone(),
            });
        }
        if throttle.is_some() && !keyed.is_empty() && !open.is_empty() {
            let reason = "the split layout has one throttle for operations with API keys or for those without, not for both together";
            self.refuse("/apis/0/stages/0/throttle", reason);
        }
        let mut plans = Vec::new();
        for (index, plan) in gateway.usage_plans.iter().enumerate() {
            let mut stages = plan.api_stages.iter();
            let Some(held) = stages.find(|held| held.api == api.id && held.stage == stage.name)
            else {
                continue;
            };
            if !held.throttle.is_empty() {
                let reason = "the split layout has no throttle of a single method";
                self.refuse(&format!("/usagePlans/{index}/apiStages"), reason);
            }
            let mut described = Map::new();
            described.insert("id".to_owned(), json!(plan.id));
            if let Some(throttle) = plan.throttle {
                described.insert("throttle".to_owned(), json!(throttle));
            }
            if let Some(quota) = &plan.quota {
                described.insert("quota".to_owned(), json!(quota));
            }
            plans.push(Value::Object(described));
        }
        if throttle.is_none() && (keyed.is_empty() || plans.is_empty()) {
            return filters;
        }
        let mut configuration = json!({
            "usagePlans": plans,
            "anonymous": if keyed.is_empty() { "allow" } else { "deny" },
            "rateLimitHeaders": gateway.rate_limit_headers,
        });
        if let Some(throttle) = throttle {
            set(&mut configuration, "throttle", json!(throttle));
        }
        filters.push(Concern {
            name: USAGE_PLAN.to_owned(),
            module: Filter::UsagePlan,
            configuration,
            operations: if keyed.is_empty() { open } else { keyed },
        });
        filters
    }

    /// The throttle over all requests.
    fn throttle(&mut self, gateway: &Gateway, stage: &Stage) -> Option<Throttle> {
        match (gateway.account.throttle, stage.throttle) {
            (Some(_), Some(_)) => {
                let reason = "the split layout has one throttle over all requests, and account and stage have one each";
                self.refuse("/apis/0/stages/0/throttle", reason);
                None
            }
            (account, stage) => account.or(stage),
        }
    }

    fn route(
        &mut self,
        project: &Project,
        stage: &Stage,
        (index, operation): (usize, &Operation),
        filters: &[Concern],
    ) -> Vec<OwnRoute> {
        let pointer = format!("/apis/0/operations/{index}/integration");
        let Integration::HttpProxy(proxy) = &operation.integration else {
            let reason = match &operation.integration {
                Integration::Http(_) => {
                    "an `http` integration sends what is mapped and nothing else, and transform.wasm what the client sent as well"
                }
                Integration::Mock(_) => {
                    "no filter of the split layout answers for a mock integration"
                }
                _ => "no filter of the split layout calls services of AWS",
            };
            self.refuse(&pointer, reason);
            return Vec::new();
        };
        if let Some(reason) = beyond_routes(operation, proxy) {
            self.refuse(&pointer, reason);
            return Vec::new();
        }
        let uri = with_variables(&proxy.uri, stage);
        let (cluster, target) = match back_end(&uri, proxy, &project.upstreams) {
            Some(found) => found,
            None => {
                self.refuse(
                    &pointer,
                    "the split layout has a cluster for each back end, and this URI names none",
                );
                return Vec::new();
            }
        };
        let mapped = |name: &str| {
            let source = proxy
                .request_parameters
                .get(&format!("integration.request.path.{name}"))?;
            source.strip_prefix("method.request.path.")
        };
        let paths = Template::new(&format!("/{}{}", stage.name, operation.path))
            .and_then(|asked| Ok((asked.rewrite(&target, mapped)?, asked)));
        let (rewrite, asked) = match paths {
            Ok(paths) => paths,
            Err(reason) => {
                self.refuse(&pointer, reason);
                return Vec::new();
            }
        };
        let route = OwnRoute {
            template: asked.has_variables(),
            path: asked.text,
            rewrite,
            method: (operation.method != Verb::Any).then(|| operation.method.as_str()),
            cluster,
            timeout_millis: proxy.timeout_in_millis,
            without: filters
                .iter()
                .filter(|filter| !filter.operations.contains(&index))
                .map(|filter| filter.name.clone())
                .collect(),
        };
        // Clients ask for the root resource with a slash after the stage and without.
        let with_slash = (operation.path == "/").then(|| OwnRoute {
            path: format!("{}/", route.path),
            ..route.clone()
        });
        [Some(route), with_slash].into_iter().flatten().collect()
    }
}

/// What of a proxy integration Envoy's routes have no words for.
fn beyond_routes(operation: &Operation, proxy: &HttpProxy) -> Option<&'static str> {
    let other_method = |method: &String| method != "ANY" && *method != operation.method.as_str();
    let maps_more = |target: &String| !target.starts_with("integration.request.path.");
    if proxy.http_method.as_ref().is_some_and(other_method) {
        Some("a route of Envoy's own keeps the method, and the integration has another")
    } else if proxy.request_parameters.keys().any(maps_more)
        || !proxy.response_parameters.is_empty()
    {
        Some("a route of Envoy's own maps the parameters of the path alone")
    } else if proxy.vpc_link.is_some() {
        Some("the split layout connects to the host of the URI, not by a VPC link")
    } else if proxy.content_handling.is_some() {
        Some("no filter of the split layout converts the payload of a proxy integration")
    } else {
        None
    }
}

fn with_variables(uri: &str, stage: &Stage) -> String {
    let mut pieces = uri.split("${stageVariables.");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        text.push_str(stage.variables.get(name).map_or("", String::as_str));
        text.push_str(rest);
    }
    text
}

/// The cluster of a URI and the path in it.
fn back_end(uri: &str, proxy: &HttpProxy, known: &BTreeSet<Upstream>) -> Option<(String, String)> {
    let (scheme, rest) = uri.split_once("://")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let scheme = match scheme.eq_ignore_ascii_case("https") {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    let authority: ureq::http::uri::Authority = authority.parse().ok()?;
    let host = authority
        .host()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or(match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    });
    let upstream = known.iter().find(|upstream| {
        upstream.scheme == scheme
            && upstream.host == host
            && upstream.port == port
            && (scheme == Scheme::Http || upstream.tls == proxy.tls)
            && upstream.signing.is_none()
    })?;
    Some((upstream.cluster(), path.to_owned()))
}

/// The filter that validates requests, when an operation asks for it.
fn transform(api: &Api, stage: &Stage) -> Option<Concern> {
    let mut operations = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, operation) in api.operations.iter().enumerate() {
        if operation.request_validation.is_empty() {
            continue;
        }
        operations.insert(index);
        rules.push(json!({
            // The filter sees the path as it was sent.
            "path": format!("/{}{}", stage.name, operation.path),
            "method": operation.method,
            "requestValidation": operation.request_validation,
        }));
    }
    let configuration = json!({
        "api": api.id,
        "stage": stage.name,
        "stageVariables": stage.variables,
        "models": api.models,
        "operations": rules,
    });
    (!operations.is_empty()).then(|| Concern {
        name: TRANSFORM.to_owned(),
        module: Filter::Transform,
        configuration,
        operations,
    })
}
