//! What the tests of integrations have in common, and the tests by what they look at.

mod configuration;
mod custom;
mod http_api;
mod played;
mod request;
mod response;
mod service;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{
    self as model, Account, Api, Gateway, HttpProxy, Operation, Principal, Protocol, Stage, Verb,
};
use proptest::prelude::*;
use serde_json::json;

use super::{Integration, IntegrationRequest, Integrations};
use crate::authorization::{Caller, Signer};
use crate::ports::Timestamp;
use crate::request_id::RequestIds;
use crate::route::Routes;
use crate::test_client::{Client, Constant};
use crate::{Denial, HeaderEdit, Headers};

/// What the constant randomness makes of a missing trace header at `TIME`.
const TRACE: &str = "Root=1-5e66d96f-89abcdef0123456789abcdef;Parent=0123456789abcdef;Sampled=0";

const TIME: Timestamp = Timestamp(0x5e66_d96f * 1_000_000_000);

fn proxy(uri: &str, mappings: &[(&str, &str)]) -> HttpProxy {
    HttpProxy {
        request_parameters: mappings
            .iter()
            .map(|(key, expression)| ((*key).to_owned(), (*expression).to_owned()))
            .collect(),
        ..HttpProxy::new(uri)
    }
}

fn stage(name: &str, variables: &[(&str, &str)]) -> Stage {
    Stage {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Stage::new(name)
    }
}

fn gateway(protocol: Protocol, stages: Vec<Stage>, operations: Vec<(&str, HttpProxy)>) -> Gateway {
    Gateway {
        apis: vec![Api {
            any_host: true,
            operations: operations
                .into_iter()
                .map(|(path, integration)| {
                    Operation::new(path, Verb::Any, model::Integration::HttpProxy(integration))
                })
                .collect(),
            stages,
            ..Api::new("shop", protocol)
        }],
        ..Gateway::new(Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        })
    }
}

/// One operation in the stage `s` of a REST API.
fn rest(path: &str, integration: HttpProxy) -> Gateway {
    let variables = [("host", "a.example"), ("empty", ""), ("word", "w")];
    gateway(
        Protocol::Rest,
        vec![stage("s", &variables)],
        vec![(path, integration)],
    )
}

fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Headers {
    [
        (":authority", "shop.example.com:8080"),
        (":method", method),
        (":path", target),
    ]
    .into_iter()
    .chain(fields.iter().copied())
    .collect()
}

/// A caller who is known in every way.
fn caller() -> Caller {
    let context = json!({"tier": "gold & co", "limit": 7, "line": "a\r\nx: y"});
    let claims = json!({"sub": "42"});
    Caller {
        principal_id: Some("ann".into()),
        context: context.as_object().cloned().map(Arc::new),
        claims: claims.as_object().cloned().map(Arc::new),
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

/// The `HTTP_PROXY` integration of an operation of the only API.
fn compiled(integrations: &Integrations, stage: usize, operation: usize) -> &super::HttpProxy {
    match integrations.get(0, stage, operation) {
        Some(Integration::HttpProxy(proxy)) => proxy,
        other => panic!("{other:?}"),
    }
}

fn edit(gateway: &Gateway, headers: &Headers) -> Result<Vec<HeaderEdit>, Denial> {
    let routes = Routes::compile(gateway).unwrap();
    let integrations = Integrations::compile(gateway).unwrap();
    let route = routes.find(headers).unwrap();
    let ids = RequestIds::generate(&Constant);
    let request = IntegrationRequest {
        headers,
        route,
        ids: &ids,
        time: TIME,
        connection: &Client,
        api_key: Some(b"the-key"),
        api_key_id: Some("the-key-id"),
        caller: &caller(),
    };
    compiled(&integrations, route.stage, route.operation)
        .request_edits(&request, None, &Constant)
        .map(|edits| edits.headers)
}

/// The fields that the back end sees after the edits.
fn forwarded(gateway: &Gateway, headers: &Headers) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = headers
        .iter()
        .map(|(name, value)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(name), text(value))
        })
        .collect();
    for edit in edit(gateway, headers).unwrap() {
        match edit {
            HeaderEdit::Set(name, value) => {
                fields.insert(name.into_owned(), String::from_utf8(value).unwrap());
            }
            HeaderEdit::Remove(name) => {
                assert!(fields.remove(&*name).is_some(), "`{name}` was not there");
            }
            HeaderEdit::Add(..) => panic!("{edit:?}"),
        }
    }
    fields
}

fn any_field() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "x-one",
            "via",
            "x-envoy-x",
            "x-attache-x",
            "x-amzn-trace-id",
            "host",
            "authorization",
            "date",
            "server",
            "connection",
            "x-amzn-requestid",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    (name, prop::collection::vec(any::<u8>(), 0..24))
}
