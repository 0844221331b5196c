//! A filter that knows customers by their API keys and refuses everybody else as AWS does.
//!
//! ```json
//! {
//!   "header": "x-api-key",
//!   "removeHeader": false,
//!   "apiKeys": [
//!     {
//!       "id": "acme",
//!       "digest": "4f2b…64 hexadecimal digits: the SHA-256 of the value",
//!       "enabled": true,
//!       "expiresAt": 1798761600000,
//!       "usagePlans": ["gold"]
//!     }
//!   ]
//! }
//! ```
//!
//! Only `apiKeys`, and in each key `id` and `digest`, must be there. Later filters find the id of
//! the key and its plans in the filter state. Refusals have AWS's status, error type and body;
//! the request id is the proxy's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use attache_model::{Account, ApiKey, Gateway, Protocol, UsagePlan};
use serde::Deserialize;

use super::configuration::{from_json, reasons};
use super::identity::Identity;
use crate::api_key::ApiKeys;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange, Service};
use crate::headers::{HeaderEdit, is_field_name};
use crate::ports::Environment;

/// The filter of `api_key.wasm`.
#[derive(Debug)]
pub struct ApiKeyFilter {
    header: String,
    remove_header: bool,
    keys: ApiKeys,
    /// The ids of the plans, in the order that [`ApiKeys`] counts them.
    usage_plans: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    /// The header that holds the key.
    #[serde(default = "x_api_key")]
    header: String,
    /// Whether the upstream is not to see the key.
    #[serde(default)]
    remove_header: bool,
    api_keys: Vec<ApiKey>,
}

fn x_api_key() -> String {
    "x-api-key".to_owned()
}

impl Service for ApiKeyFilter {
    fn compile(configuration: &[u8], _environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let Configuration {
            header,
            remove_header,
            api_keys,
        } = from_json(configuration)?;
        let mut faults = Vec::new();
        if !is_field_name(&header) {
            faults.push(format!("/header: `{header}` is not the name of a header"));
        }
        let gateway = plans_by_name(api_keys);
        let keys = ApiKeys::compile(&gateway).map_err(|errors| faults.extend(reasons(&errors)));
        match keys {
            Ok(keys) if faults.is_empty() => Ok(Self {
                header: header.to_ascii_lowercase(),
                remove_header,
                keys,
                usage_plans: gateway
                    .usage_plans
                    .into_iter()
                    .map(|plan| plan.id)
                    .collect(),
            }),
            _ => Err(faults),
        }
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        self.identify(&exchange)
            .unwrap_or_else(|denial| Answer::Reply(denial.reply(Protocol::Rest)))
    }
}

impl ApiKeyFilter {
    /// Lets the request pass with the identity of its key beside it, or refuses it.
    fn identify(&self, exchange: &Exchange) -> Result<Answer, Denial> {
        let ports = exchange.ports();
        let key = exchange
            .request()
            .last(self.header.as_bytes())
            .and_then(|value| self.keys.find(value, ports.now()))
            .ok_or(Denial::InvalidApiKey)?;
        let identity = Identity {
            api_key_id: key.id().into(),
            usage_plans: key
                .usage_plans()
                .filter_map(|plan| self.usage_plans.get(plan))
                .map(|id| id.as_str().into())
                .collect(),
        };
        identity.write(ports).map_err(|_| Denial::InvalidApiKey)?;
        let mut edits = Edits::default();
        if self.remove_header {
            let header = self.header.clone().into();
            edits.headers.push(HeaderEdit::Remove(header));
        }
        Ok(Answer::PassThrough(edits))
    }
}

/// The keys in a gateway that declares every plan they name, and no APIs.
fn plans_by_name(api_keys: Vec<ApiKey>) -> Gateway {
    let names: BTreeSet<&String> = api_keys.iter().flat_map(|key| &key.usage_plans).collect();
    let usage_plans = names
        .into_iter()
        .map(|id| UsagePlan {
            id: id.clone(),
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
        })
        .collect();
    Gateway {
        usage_plans,
        api_keys,
        ..Gateway::new(Account::default())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::ApiKeyFilter;
    use crate::exchange::{Edits, Service, Step, Stream};
    use crate::headers::{HeaderEdit, Headers};
    use crate::memory_ports::MemoryPorts;
    use crate::ports::FilterState;

    fn digest(value: &str) -> String {
        attache_model::KeyDigest(Sha256::digest(value).into()).into()
    }

    fn keys() -> Value {
        json!([
            {"id": "acme", "digest": digest("value of acme"), "usagePlans": ["tin", "gold"]},
            {"id": "off", "digest": digest("value of off"), "enabled": false},
            {"id": "over", "digest": digest("value of over"), "expiresAt": 1},
        ])
    }

    fn filter(configuration: &Value) -> Arc<ApiKeyFilter> {
        Arc::new(
            ApiKeyFilter::compile(configuration.to_string().as_bytes(), &|_: &str| None).unwrap(),
        )
    }

    fn serve(filter: &Arc<ApiKeyFilter>, headers: &[(&str, &str)]) -> (Step, Rc<MemoryPorts>) {
        let ports = Rc::new(MemoryPorts::default());
        let request: Headers = headers.iter().copied().collect();
        let (_, step) = Stream::start(filter, request, true, Rc::clone(&ports) as _);
        (step, ports)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_key_in_force_passes_with_its_identity() {
        let filter = filter(&json!({"apiKeys": keys()}));
        let (step, ports) = serve(&filter, &[("x-api-key", "value of acme")]);
        assert_eq!(step, Step::Forward(Edits::default()));
        assert_eq!(
            ports.read("attache_identity").unwrap(),
            br#"{"apiKeyId":"acme","usagePlans":["tin","gold"]}"#
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn every_other_request_is_refused_as_aws_does() {
        let filter = filter(&json!({"apiKeys": keys()}));
        for headers in [
            vec![],
            vec![("x-api-key", "")],
            vec![("x-api-key", "unknown")],
            vec![("x-api-key", "value of off")],
            vec![("x-api-key", "value of over")],
            vec![("x-api-key", "value of acme"), ("x-api-key", "unknown")],
            vec![("authorization", "value of acme")],
        ] {
            let (step, ports) = serve(&filter, &headers);
            let Step::Reply(reply) = step else {
                panic!("{headers:?} passed");
            };
            assert_eq!(
                (reply.status, &*reply.body),
                (403, &br#"{"message":"Forbidden"}"#[..])
            );
            let error_type = (
                "x-amzn-errortype".to_owned(),
                b"ForbiddenException".to_vec(),
            );
            assert!(reply.headers.contains(&error_type));
            assert_eq!(ports.read("attache_identity"), None);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_header_can_be_another_and_can_be_taken_away() {
        let filter = filter(&json!({
            "header": "Api-Token", "removeHeader": true, "apiKeys": keys(),
        }));
        let (step, _) = serve(&filter, &[("api-token", "value of acme")]);
        assert_eq!(
            step,
            Step::Forward(Edits {
                headers: vec![HeaderEdit::Remove("api-token".into())],
                body: None,
            })
        );
        let (step, _) = serve(&filter, &[("x-api-key", "value of acme")]);
        assert!(matches!(step, Step::Reply(_)));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_faulty_configuration_is_refused_with_every_reason() {
        let twice = json!([
            {"id": "acme", "digest": digest("one")},
            {"id": "acme", "digest": digest("other")},
        ]);
        for (configuration, expected) in [
            (
                json!({"apiKeys": twice, "header": ":path"}),
                vec!["/header: ", "/apiKeys/1/id: "],
            ),
            (json!({"apiKeys": [], "header": ""}), vec!["/header: "]),
            (
                json!({"apiKeys": [], "key": 1}),
                vec!["unknown field `key`"],
            ),
            (json!({}), vec!["missing field `apiKeys`"]),
            (
                json!({"apiKeys": [{"id": "a", "digest": "00"}]}),
                vec!["a key digest is 64 hexadecimal digits"],
            ),
        ] {
            let reasons =
                ApiKeyFilter::compile(configuration.to_string().as_bytes(), &|_: &str| None)
                    .expect_err("compiled");
            assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
            for (reason, start) in reasons.iter().zip(expected) {
                assert!(reason.starts_with(start), "{reason}");
            }
        }
    }
}
