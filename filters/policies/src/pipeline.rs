//! The life of a request.

use crate::authorization::AuthorizationRequest;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange};
use crate::gateway::Gateway;
use crate::headers::{HeaderEdit, Headers};
use crate::integration::{self, IntegrationRequest};
use crate::observation::Observation;
use crate::rate_limit_headers;
use crate::request_id::RequestIds;
use crate::usage_plan::{Customer, Refusal, Target};

/// AWS takes no body over 10 MB.
pub(crate) const LARGEST_BODY: u64 = 10_485_760;

/// Serves one request: decides, has the back end answer or answers itself, and tells what became
/// of it.
pub async fn serve(gateway: &Gateway, exchange: &Exchange) -> Answer {
    let ports = exchange.ports();
    let mut seen = Observation::begin(exchange.request(), ports.now());
    let ids = RequestIds::generate(ports);
    match decide(gateway, exchange, &ids, &mut seen).await {
        Ok(mut response) => {
            let fields = ids.header_fields(seen.protocol());
            response
                .edits
                .extend(fields.map(|(name, value)| HeaderEdit::Set(name.into(), value)));
            seen.end(gateway, ports, response.status, None);
            Answer::PassThrough(Edits {
                headers: response.edits,
                body: None,
            })
        }
        Err(denied) => {
            let mut reply = gateway.gateway_responses.reply(
                &denied.denial,
                seen.protocol(),
                &seen.refused(gateway, &ids, ports),
            );
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
    seen: &mut Observation<'e>,
) -> Result<Response, Denied> {
    let ports = exchange.ports();
    let request = exchange.request();

    let route = gateway
        .routes
        .find(request)
        .inspect_err(|unmatched| seen.unmatched(unmatched))?;
    let api = gateway.api(route.api).ok_or(Denial::UnknownStage)?;
    seen.matched(route, api.protocol);
    refuse_large_body(request)?;

    let started = seen.started();
    let asked = AuthorizationRequest {
        route,
        ids,
        time: started,
    };
    let caller = gateway
        .authorizations
        .authorize(exchange, &asked, &mut |caller| seen.authorized(caller))
        .await?;

    let presented = api.presented_key(request, &caller);
    let customer = if api.requires_key(route.operation) {
        let key = presented
            .and_then(|value| gateway.api_keys.find(value, started))
            .ok_or(Denial::InvalidApiKey)?;
        seen.identified(key.id());
        Some(Customer {
            key_id: key.id(),
            usage_plan: key
                .usage_plan(route.api, route.stage)
                .ok_or(Denial::InvalidApiKey)?,
        })
    } else {
        None
    };

    let target = Target {
        api: route.api,
        stage: route.stage,
        operation: route.operation,
    };
    let now = ports.now();
    let allowance = gateway
        .usage_plans
        .admit(target, customer, ports, now)
        .map_err(Denied::by_limit)?;

    let integration = gateway
        .integrations
        .get(route.api, route.stage, route.operation)
        .ok_or(Denial::ApiConfigurationError)?;
    let edits = integration.request_edits(
        &IntegrationRequest {
            headers: request,
            route,
            ids,
            time: seen.started(),
            connection: ports,
            api_key: customer.and(presented),
            api_key_id: customer.map(|customer| customer.key_id),
            caller: &caller,
        },
        ports,
    )?;

    seen.forwarded(now);
    let head = exchange.forward(edits).await;
    seen.answered(ports.now(), head.failure.is_none().then_some(head.status));
    if let Some(failure) = head.failure {
        return Err(integration::failure(failure).into());
    }

    let mut edits = integration.response_edits(&head);
    edits.extend(
        rate_limit_headers::of_allowance(&allowance)
            .into_iter()
            .map(|(name, value)| HeaderEdit::Set(name.into(), value.into_bytes())),
    );
    Ok(Response {
        status: head.status,
        edits,
    })
}

/// The upstream's answer, on its way to the client.
struct Response {
    status: u16,
    edits: Vec<HeaderEdit>,
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
