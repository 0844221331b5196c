//! The life of a request.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::authorization::AuthorizationRequest;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange};
use crate::fleet::keys::SharedKey;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::{Answered, IntegrationRequest};
use crate::observation::Observation;
use crate::rate_limit_headers;
use crate::request_id::RequestIds;
use crate::response_cache::{self, Filling};
use crate::route::Unmatched;
use crate::usage_plan::{Customer, Outcome, Refusal, Target};
use crate::usage_route;

/// AWS takes no body over 10 MB.
pub(crate) const LARGEST_BODY: u64 = 10_485_760;

/// Serves one request: decides, has the back end answer or answers itself, and tells what became
/// of it.
pub async fn serve(gateway: &Gateway, exchange: &Exchange) -> Answer {
    let ports = exchange.ports();
    let shared = OnceCell::new();
    let mut seen = Observation::begin(exchange.request(), ports.now());
    let ids = RequestIds::generate(ports);
    if let Some(management_api) = &gateway.management_api
        && let Some(reply) = management_api.answer(gateway, exchange, &ids).await
    {
        seen.end(gateway, ports, reply.status, None);
        return Answer::Reply(reply);
    }
    if let Some(reply) = usage_route::answer(gateway, exchange, &ids).await {
        seen.end(gateway, ports, reply.status, None);
        return Answer::Reply(reply);
    }
    match decide(gateway, exchange, &ids, &shared, &mut seen).await {
        Ok((mut answered, filling)) => {
            for (name, value) in ids.header_fields(seen.protocol()) {
                answered.set(name, value);
            }
            seen.end(gateway, ports, answered.status(), None);
            let Some(filling) = filling else {
                return answered.into();
            };
            let (answer, body) = match answered {
                Answered::Reply(reply) => {
                    let body = Some(reply.body.clone());
                    (Answer::Reply(reply), body)
                }
                Answered::PassThrough { edits, .. } => {
                    let edits = Edits {
                        headers: edits,
                        body: None,
                    };
                    let body = exchange.pass_on(edits, response_cache::LARGEST_BODY).await;
                    (Answer::PassedOn, body)
                }
            };
            seen.evicted(gateway, ports, filling.complete(ports, body));
            answer
        }
        Err(denied) => {
            let mut reply = gateway.gateway_responses.reply(
                &denied.denial,
                seen.protocol(),
                &seen.refused(gateway, &ids, ports),
            );
            if let Some(cors) = gateway.cors(seen.api()) {
                cors.apply(exchange.request(), &mut reply);
            }
            for (name, value) in denied.headers {
                // What the API says of itself goes first.
                if !reply.has_header(name) {
                    reply.set_header(name, value.into_bytes());
                }
            }
            for (name, value) in ids.header_fields(seen.protocol()) {
                reply.set_header(name, value);
            }
            seen.end(gateway, ports, reply.status, Some(&denied.denial));
            Answer::Reply(reply)
        }
    }
}

/// The whole story in AWS's order. Whatever refuses ends it.
async fn decide<'e>(
    gateway: &'e Gateway,
    exchange: &'e Exchange,
    ids: &RequestIds,
    shared: &'e OnceCell<Arc<SharedKey>>,
    seen: &mut Observation<'e>,
) -> Result<(Answered, Option<Filling<'e>>), Denied> {
    let ports = exchange.ports();
    let request = exchange.request();

    let found = gateway.routes.find_release(request, ports);
    let found = found.and_then(|route| {
        route.admitted(ports).map_err(|denial| Unmatched {
            protocol: gateway.protocol(route.api),
            api: None,
            stage: None,
            denial,
        })
    });
    match &found {
        Ok(route) => seen.matched(*route, gateway.protocol(route.api)),
        Err(unmatched) => seen.unmatched(unmatched),
    }
    let cors = gateway.cors(seen.api());
    // Browsers ask without credentials, and whether there is such a route or not.
    if let Some(reply) = cors.and_then(|cors| cors.preflight(request)) {
        return Ok((Answered::Reply(reply), None));
    }
    let route = found?;
    let api = gateway.api(route.api).ok_or(Denial::UnknownStage)?;
    refuse_large_body(request)?;
    let is_handshake = gateway.web_sockets.handshake(request, route)?;

    let started = seen.started();
    let asked = AuthorizationRequest {
        route,
        ids,
        time: started,
    };
    let cached = gateway
        .response_caches
        .find(route, request)
        .filter(|_| !is_handshake);
    let besides = cached.and_then(|cached| cached.action());
    let authorized = gateway
        .authorizations
        .authorize_besides(exchange, &asked, besides, &mut |caller| {
            seen.authorized(caller)
        })
        .await?;
    let caller = authorized.caller;

    let presented = api.presented_key(request, &caller);
    let (plans, customer) = if api.requires_key(route.operation) {
        let presented = presented.ok_or(Denial::InvalidApiKey)?;
        let key = gateway.key(exchange, presented, started, shared).await?;
        seen.identified(key.id());
        let plans = gateway.plans_of(&key, exchange).await?;
        let usage_plan = plans.opening(&key, route.api, route.stage);
        let customer = Customer {
            key_id: key.id(),
            usage_plan: usage_plan.ok_or(Denial::InvalidApiKey)?,
        };
        (plans, Some(customer))
    } else {
        (gateway.plans(), None)
    };

    let target = Target {
        api: route.api,
        stage: route.stage,
        operation: route.operation,
    };
    let admitted = match &gateway.fleet {
        Some(fleet) => fleet.admit(&plans, exchange, target, customer).await,
        None => plans.admit(target, customer, ports, ports.now()),
    };
    if let Some(customer) = customer {
        let outcome = Outcome::of(&admitted);
        gateway.usage.record(customer, outcome, ports.now());
    }
    let allowance = admitted.map_err(Denied::by_limit)?;

    let document = gateway
        .request_validations
        .validate(exchange, route)
        .await?;

    let integration = gateway
        .integrations
        .get(route.api, route.stage, route.operation)
        .ok_or(Denial::ApiConfigurationError)?;
    let request = IntegrationRequest {
        headers: request,
        route,
        ids,
        time: seen.started(),
        connection: ports,
        api_key: customer.and(presented),
        api_key_id: customer.map(|customer| customer.key_id),
        caller: &caller,
    };
    let cached = cached.map(|cached| (cached, authorized.refused_besides));
    let (mut answered, filling) =
        response_cache::answer(cached, integration, exchange, &request, document, seen).await?;
    for (name, value) in rate_limit_headers::of_allowance(&allowance) {
        answered.set(name, value.into_bytes());
    }
    if let Some(cors) = cors {
        match &mut answered {
            Answered::PassThrough { headers, edits, .. } => {
                edits.extend(cors.response_edits(request.headers, headers));
            }
            Answered::Reply(reply) => cors.apply(request.headers, reply),
        }
    }
    Ok((answered, filling))
}

/// A refusal, with header fields that only this request's has.
struct Denied {
    denial: Denial,
    headers: Vec<(&'static str, String)>,
}

impl<D: Into<Denial>> From<D> for Denied {
    fn from(denial: D) -> Self {
        Self {
            denial: denial.into(),
            headers: Vec::new(),
        }
    }
}

impl Denied {
    fn by_limit(refusal: Refusal) -> Self {
        Self {
            headers: rate_limit_headers::of_refusal(&refusal),
            denial: refusal.reason.into(),
        }
    }
}

/// A body that says beforehand that it is over AWS's limit is not even received.
fn refuse_large_body(request: &Headers) -> Result<(), Denial> {
    let length = request
        .first(b"content-length")
        .and_then(|length| str::from_utf8(length).ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > LARGEST_BODY => Err(Denial::RequestTooLarge),
        _ => Ok(()),
    }
}
