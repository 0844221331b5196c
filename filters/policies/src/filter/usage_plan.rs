//! A filter that holds customers to their usage plans.
//!
//! ```json
//! {
//!   "throttle": {"rateLimit": 1000, "burstLimit": 2000},
//!   "usagePlans": [
//!     {
//!       "id": "gold",
//!       "throttle": {"rateLimit": 50, "burstLimit": 100},
//!       "quota": {"limit": 100000, "period": "MONTH"}
//!     }
//!   ],
//!   "anonymous": "deny",
//!   "rateLimitHeaders": false
//! }
//! ```
//!
//! Every field may be left out. `throttle` is shared by all requests. Who calls comes from the API
//! key filter earlier in the chain; of the key's plans the first one declared here applies. A
//! request under none of them is refused like one without a key, unless `anonymous` is `allow`:
//! then only the shared throttle applies to it. An identity that cannot be read is refused in any
//! case.
//!
//! Filters whose plugins have the same `vm_id` count together.

use std::sync::Arc;

use attache_model::{Account, Api, ApiStage, Gateway, Protocol, Quota, Stage, Throttle, UsagePlan};
use serde::Deserialize;

use super::configuration::{from_json, reasons};
use super::identity::Identity;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange, Reply, Service};
use crate::headers::HeaderEdit;
use crate::ports::Environment;
use crate::rate_limit_headers;
use crate::usage_plan::{Allowance, Customer, Refusal, Target, UsagePlans};

/// The filter of `usage_plan.wasm`.
#[derive(Debug)]
pub struct UsagePlanFilter {
    plans: UsagePlans,
    /// The ids of the plans, in the order that [`UsagePlans`] counts them.
    ids: Vec<String>,
    anonymous: Anonymous,
    rate_limit_headers: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    #[serde(default)]
    throttle: Option<Throttle>,
    #[serde(default)]
    usage_plans: Vec<Plan>,
    #[serde(default)]
    anonymous: Anonymous,
    #[serde(default)]
    rate_limit_headers: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plan {
    id: String,
    #[serde(default)]
    throttle: Option<Throttle>,
    #[serde(default)]
    quota: Option<Quota>,
}

/// What becomes of requests that no plan of the filter covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Anonymous {
    #[default]
    Deny,
    Allow,
}

/// The filter stands for one stage of one API.
const TARGET: Target = Target {
    api: 0,
    stage: 0,
    operation: 0,
};

impl Service for UsagePlanFilter {
    fn compile(configuration: &[u8], _environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let configuration: Configuration = from_json(configuration)?;
        let (anonymous, rate_limit_headers) =
            (configuration.anonymous, configuration.rate_limit_headers);
        let gateway = one_stage(configuration);
        let plans = UsagePlans::compile(&gateway).map_err(|mut errors| {
            for error in &mut errors {
                if let Some(of_filter) = error.pointer.strip_prefix("/account") {
                    error.pointer = of_filter.to_owned();
                }
            }
            reasons(&errors)
        })?;
        Ok(Self {
            plans,
            ids: gateway
                .usage_plans
                .into_iter()
                .map(|plan| plan.id)
                .collect(),
            anonymous,
            rate_limit_headers,
        })
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        match self.admit(&exchange) {
            Err(reply) => Answer::Reply(reply),
            Ok(_) if !self.rate_limit_headers => Answer::PassThrough(Edits::default()),
            Ok(allowance) => {
                exchange.forward(Edits::default()).await;
                Answer::PassThrough(told(&allowance))
            }
        }
    }
}

impl UsagePlanFilter {
    fn admit(&self, exchange: &Exchange) -> Result<Allowance, Reply> {
        let ports = exchange.ports();
        let stranger = || Denial::InvalidApiKey.reply(Protocol::Rest);
        let text = Identity::find(ports);
        let identity = match &text {
            Some(text) => Some(Identity::read(text).ok_or_else(stranger)?),
            None => None,
        };
        let customer = identity
            .as_ref()
            .and_then(|identity| self.customer(identity));
        if customer.is_none() && self.anonymous == Anonymous::Deny {
            return Err(stranger());
        }
        self.plans
            .admit(TARGET, customer, ports, ports.now())
            .map_err(|refusal| refused(&refusal))
    }

    fn customer<'i>(&self, identity: &'i Identity<'_>) -> Option<Customer<'i>> {
        identity.usage_plans.iter().find_map(|name| {
            let usage_plan = self.ids.iter().position(|id| id == name)?;
            Some(Customer {
                key_id: &identity.api_key_id,
                usage_plan,
            })
        })
    }
}

fn refused(refusal: &Refusal) -> Reply {
    let mut reply = Denial::from(refusal.reason).reply(Protocol::Rest);
    for (name, value) in rate_limit_headers::of_refusal(refusal) {
        reply.headers.push((name.to_owned(), value.into_bytes()));
    }
    reply
}

fn told(allowance: &Allowance) -> Edits {
    let fields = rate_limit_headers::of_allowance(allowance);
    Edits {
        headers: fields
            .into_iter()
            .map(|(name, value)| HeaderEdit::Set(name.into(), value.into_bytes()))
            .collect(),
        body: None,
    }
}

/// The plans in a gateway of one nameless API with one nameless stage, which every plan holds.
fn one_stage(configuration: Configuration) -> Gateway {
    let usage_plans = configuration.usage_plans.into_iter().map(|plan| UsagePlan {
        id: plan.id,
        throttle: plan.throttle,
        quota: plan.quota,
        api_stages: vec![ApiStage {
            api: String::new(),
            stage: String::new(),
            throttle: Vec::new(),
        }],
    });
    Gateway {
        apis: vec![Api {
            any_host: true,
            stages: vec![Stage::new("")],
            ..Api::new("", Protocol::Rest)
        }],
        usage_plans: usage_plans.collect(),
        rate_limit_headers: configuration.rate_limit_headers,
        ..Gateway::new(Account {
            throttle: configuration.throttle,
            ..Account::default()
        })
    }
}

#[cfg(test)]
#[path = "usage_plan_tests.rs"]
mod tests;
