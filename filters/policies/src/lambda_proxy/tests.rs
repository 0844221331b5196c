//! What the tests of Lambda integrations have in common, and the tests by what they look at.

mod configuration;
mod event;
mod invoke;
mod response;
mod serve;

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Gateway, Principal};
use serde_json::{Value, json};

use super::LambdaProxy;
use crate::authorization::{Caller, Signer};
use crate::headers::Headers;
use crate::integration::{Integration, IntegrationRequest, Integrations};
use crate::ports::Timestamp;
use crate::request_id::RequestIds;
use crate::route::Routes;
use crate::test_client::{Client, Constant};

const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:123456789012:function:pets:${stageVariables.alias}/invocations";

const TRACE: &[u8] = b"Root=1-5e66d96f-1;Parent=2;Sampled=0";

/// 04/Mar/2020:19:15:17.135 UTC, the moment of AWS's sample.
const TIME: Timestamp = Timestamp(1_583_349_317_135_000_000);

/// A REST API and an HTTP API whose operations functions answer; `changes` are put in their
/// places.
fn document(changes: &[(&str, Value)]) -> Gateway {
    let operation = |path: &str, method: &str, format: &str| {
        json!({
            "path": path, "method": method,
            "integration": {"awsProxy": {
                "uri": FUNCTION, "httpMethod": "POST", "payloadFormatVersion": format,
                "timeoutInMillis": 29000,
            }},
        })
    };
    let stages = json!([
        {"name": "prod", "variables": {"alias": "live", "key": "value"}},
        {"name": "test"},
    ]);
    let mut document = json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "apis": [
            {
                "id": "shop", "name": "Shop", "protocol": "REST", "stages": stages,
                "operations": [
                    operation("/pets", "ANY", "1.0"),
                    operation("/pets/{id}/{proxy+}", "ANY", "1.0"),
                ],
            },
            {
                "id": "club", "name": "Club", "protocol": "HTTP",
                "stages": [
                    {"name": "$default", "variables": {"alias": "live"}},
                    {"name": "prod", "variables": {"alias": "live", "key": "value"}},
                ],
                "operations": [
                    operation("/pets", "ANY", "2.0"),
                    operation("/pets/{id}", "GET", "2.0"),
                    operation("/old", "ANY", "1.0"),
                    operation("$default", "ANY", "2.0"),
                ],
            },
        ],
        "endpoints": {"lambda": {"url": "http://127.0.0.1:9001"}},
    });
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match parent {
            Value::Object(members) => {
                members.insert(name.to_owned(), value.clone());
            }
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{other}"),
        }
    }
    serde_json::from_value(document).unwrap()
}

fn headers(method: &str, url: &str, fields: &[(&str, &str)]) -> Headers {
    let (authority, path) = url.split_once('/').unwrap();
    let path = format!("/{path}");
    let head = [
        (":method", method),
        (":path", &path),
        (":authority", authority),
        (":scheme", "https"),
    ];
    head.iter().chain(fields).copied().collect()
}

/// A request, and all that it takes to judge it.
struct Asked<'a> {
    headers: &'a Headers,
    caller: &'a Caller,
    api_key: Option<(&'a [u8], &'a str)>,
}

impl<'a> Asked<'a> {
    fn new(headers: &'a Headers, caller: &'a Caller) -> Self {
        Self {
            headers,
            caller,
            api_key: None,
        }
    }

    /// Hands the integration of a request and the request itself to `look`.
    fn with<R>(
        &self,
        document: &Gateway,
        look: impl FnOnce(&LambdaProxy, &IntegrationRequest<'_>) -> R,
    ) -> R {
        let routes = Routes::compile(document).unwrap();
        let integrations = Integrations::compile(document).unwrap();
        let route = routes.find(self.headers).unwrap();
        let request = IntegrationRequest {
            headers: self.headers,
            route,
            ids: &RequestIds::generate(&Constant),
            time: TIME,
            connection: &Client,
            api_key: self.api_key.map(|(key, _)| key),
            api_key_id: self.api_key.map(|(_, id)| id),
            caller: self.caller,
        };
        match integrations.get(route.api, route.stage, route.operation) {
            Some(Integration::LambdaProxy(proxy)) => look(proxy, &request),
            other => panic!("{other:?}"),
        }
    }

    fn event_text(&self, document: &Gateway, body: &[u8]) -> String {
        let event = self.with(document, |proxy, request| proxy.event(request, body, TRACE));
        String::from_utf8(event).unwrap()
    }

    fn event(&self, document: &Gateway, body: &[u8]) -> Value {
        serde_json::from_str(&self.event_text(document, body)).unwrap()
    }
}

fn object(value: Value) -> Option<Arc<serde_json::Map<String, Value>>> {
    value.as_object().cloned().map(Arc::new)
}

fn signer() -> Caller {
    Caller {
        signer: Some(Signer {
            access_key_id: "AKIDEXAMPLE".into(),
            principal: Arc::new(Principal {
                arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
                user_id: Some("AIDAEXAMPLE".to_owned()),
                organization_id: Some("o-1".to_owned()),
                organization_paths: Vec::new(),
                tags: BTreeMap::new(),
                multi_factor_auth: false,
            }),
        }),
        ..Caller::default()
    }
}

/// JSON without the white space that makes it readable.
fn compact(text: &str) -> String {
    text.lines().map(str::trim_start).collect()
}
