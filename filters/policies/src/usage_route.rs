//! The route at which the holder of an API key is told what this key has used.
//!
//! ```text
//! GET /STAGE/usage[?startDate=YYYY-MM-DD&endDate=YYYY-MM-DD]
//! x-api-key: …
//! ```
//!
//! It is off unless the configuration names its path. Then it is there in every stage of a REST API
//! and comes before what the API has at this path, but not where keys come from an authorizer: a
//! client does not know its key then, and the header counts for nothing. Who has no key that opens
//! the stage is refused as everywhere. The answer is that of `GetUsage`, of this key and the plan
//! under which it opens the stage. It counts towards nothing.

use std::cell::OnceCell;

use attache_model::{ApiKeySource, Protocol};

use crate::denial::Denial;
use crate::exchange::{Exchange, Reply};
use crate::gateway::Gateway;
use crate::management_api::Refusal;
use crate::management_api::usage::own_usage;
use crate::request_id::RequestIds;

/// The answer to a request that is for the route; `None` for any other.
pub(crate) async fn answer(
    gateway: &Gateway,
    exchange: &Exchange,
    ids: &RequestIds,
) -> Option<Reply> {
    let wanted = gateway.usage_route.as_deref()?;
    let request = exchange.request();
    if request.first(b":method") != Some(b"GET") {
        return None;
    }
    let (api, stage, path) = gateway.routes.find_stage(request)?;
    let facts = gateway.api(api)?;
    if path != wanted.as_bytes()
        || facts.protocol != Protocol::Rest
        || facts.api_key_source != ApiKeySource::Header
    {
        return None;
    }
    let mut reply = match usage(gateway, exchange, api, stage).await {
        Ok(answer) => answer.unwrap_or_else(Refusal::reply),
        Err(denial) => denial.reply(Protocol::Rest),
    };
    for (name, value) in ids.header_fields(Protocol::Rest) {
        reply.set_header(name, value);
    }
    Some(reply)
}

async fn usage(
    gateway: &Gateway,
    exchange: &Exchange,
    api: usize,
    stage: usize,
) -> Result<Result<Reply, Refusal>, Denial> {
    let (request, ports) = (exchange.request(), exchange.ports());
    let value = request.last(b"x-api-key").ok_or(Denial::InvalidApiKey)?;
    let shared = OnceCell::new();
    let key = gateway.key(exchange, value, ports.now(), &shared).await?;
    let plans = gateway.plans_of(&key, exchange).await?;
    let plan = plans.opening(&key, api, stage);
    let plan = plan.ok_or(Denial::InvalidApiKey)?;
    let target = request.first(b":path").unwrap_or_default();
    let query = target.splitn(2, |byte| *byte == b'?').nth(1);
    let query = query.unwrap_or_default();
    Ok(own_usage(gateway, exchange, (&plans, plan), key.id(), query).await)
}
