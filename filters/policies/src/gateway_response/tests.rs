use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{
    Account, Api, Canary, Gateway, GatewayResponse, HttpProxy, Integration, MappingTemplate,
    Operation, Protocol, Stage, Verb,
};
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{GatewayResponses, RefusedRequest};
use crate::authorization::Caller;
use crate::ports::Timestamp;
use crate::request_id::RequestIds;
use crate::route::Routes;
use crate::test_client::{Client, Constant};
use crate::{Denial, Headers, Reply};

/// What an API says of one type, in the fewest words.
#[derive(Clone, Copy, Default)]
pub(super) struct Says<'s> {
    pub(super) status: Option<u16>,
    pub(super) parameters: &'s [(&'s str, &'s str)],
    pub(super) templates: &'s [(&'s str, &'s str)],
}

impl Says<'_> {
    fn definition(self) -> GatewayResponse {
        GatewayResponse {
            status_code: self.status,
            parameters: self
                .parameters
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            templates: self
                .templates
                .iter()
                .map(|(content_type, template)| MappingTemplate {
                    content_type: (*content_type).to_owned(),
                    template: (*template).to_owned(),
                })
                .collect(),
        }
    }
}

pub(super) fn gateway(responses: &[(&str, Says<'_>)]) -> Gateway {
    Gateway {
        apis: vec![Api {
            any_host: true,
            operations: vec![Operation::new(
                "/pets/{petId}",
                Verb::Get,
                Integration::HttpProxy(HttpProxy::new("http://h")),
            )],
            stages: vec![Stage {
                variables: BTreeMap::from([("a".to_owned(), "from the stage".to_owned())]),
                ..Stage::new("prod")
            }],
            gateway_responses: responses
                .iter()
                .map(|(name, says)| ((*name).to_owned(), says.definition()))
                .collect(),
            ..Api::new("shop", Protocol::Rest)
        }],
        ..Gateway::new(Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        })
    }
}

pub(super) fn request(target: &str, fields: &[(&str, &str)]) -> Headers {
    [
        (":authority", "shop.example.com:8080"),
        (":method", "GET"),
        (":path", target),
    ]
    .into_iter()
    .chain(fields.iter().copied())
    .collect()
}

/// The answer to a request that is refused after all is known of it.
pub(super) fn reply(responses: &[(&str, Says<'_>)], denial: &Denial, headers: &Headers) -> Reply {
    let gateway = gateway(responses);
    let compiled = GatewayResponses::compile(&gateway).unwrap();
    let routes = Routes::compile(&gateway).unwrap();
    let route = routes.find(headers).ok();
    let context = json!({"tier": "gold"});
    let caller = Caller {
        principal_id: Some("ann".into()),
        context: context.as_object().cloned().map(Arc::new),
        ..Caller::default()
    };
    let request = RefusedRequest {
        api: Some(0),
        stage: Some(0),
        stage_name: Some("prod"),
        resource_path: route.map(|_| "/pets/{petId}"),
        route,
        headers,
        ids: &RequestIds::generate(&Constant),
        time: Timestamp(0x5e66_d96f * 1_000_000_000),
        connection: &Client,
        api_key: Some(b"the-key"),
        api_key_id: Some("the-key-id"),
        caller: &caller,
    };
    compiled.reply(denial, Protocol::Rest, &request)
}

fn answer(responses: &[(&str, Says<'_>)], denial: &Denial) -> Reply {
    reply(responses, denial, &request("/prod/pets/5?q=1", &[]))
}

pub(super) fn field<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let mut found = reply
        .headers
        .iter()
        .filter(|(candidate, _)| candidate == name);
    let value = found
        .next()
        .map(|(_, value)| str::from_utf8(value).unwrap());
    assert_eq!(found.next(), None, "`{name}` comes twice");
    value
}

const CORS: (&str, &str) = ("gatewayresponse.header.Access-Control-Allow-Origin", "'*'");

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_said_is_as_it_always_is() {
    for denial in [Denial::InvalidApiKey, Denial::IntegrationTimeout] {
        assert_eq!(answer(&[], &denial), denial.reply(Protocol::Rest));
    }
    // `api::test_gateway_response_put`: header fields alone leave status and body.
    let says = Says {
        parameters: &[CORS],
        ..Says::default()
    };
    let reply = answer(&[("INVALID_API_KEY", says)], &Denial::InvalidApiKey);
    assert_eq!(reply.status, 403);
    assert_eq!(reply.body, br#"{"message":"Forbidden"}"#);
    assert_eq!(field(&reply, "access-control-allow-origin"), Some("*"));
    assert_eq!(
        field(&reply, "x-amzn-errortype"),
        Some("ForbiddenException")
    );
    assert_eq!(field(&reply, "content-type"), Some("application/json"));
}

/// `api::test_gateway_response_put`
#[wasm_bindgen_test(unsupported = test)]
fn a_class_speaks_for_the_types_that_are_not_named() {
    let class = Says {
        status: Some(599),
        parameters: &[CORS],
        templates: &[("application/json", "{}")],
    };
    let named = Says {
        parameters: &[("gatewayresponse.header.x-own", "'yes'")],
        ..Says::default()
    };
    let responses = [("DEFAULT_5XX", class), ("AUTHORIZER_FAILURE", named)];

    let inherited = answer(&responses, &Denial::AuthorizerConfigurationError);
    assert_eq!(
        (inherited.status, inherited.body.as_slice()),
        (599, b"{}".as_slice())
    );
    assert_eq!(field(&inherited, "access-control-allow-origin"), Some("*"));

    let own = answer(&responses, &Denial::AuthorizerFailure);
    assert_eq!(own.status, 500);
    assert_eq!(own.body, br#"{"message":null}"#);
    assert_eq!(field(&own, "access-control-allow-origin"), None);
    assert_eq!(field(&own, "x-own"), Some("yes"));

    let other_class = answer(&responses, &Denial::Throttled);
    assert_eq!(other_class, Denial::Throttled.reply(Protocol::Rest));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_has_no_type_of_its_own_has_its_class() {
    let says = |status| Says {
        status: Some(status),
        ..Says::default()
    };
    let responses = [("DEFAULT_4XX", says(418)), ("DEFAULT_5XX", says(599))];
    for (denial, status) in [
        (Denial::UnrecognizedClient, 418),
        (Denial::UriTooLong, 418),
        (Denial::InvalidJsonInBody, 418),
        (Denial::IntegrationMalformed, 599),
        (Denial::MalformedLambdaProxyResponse, 599),
        // These are no business of the API.
        (Denial::UnknownStage, 403),
        (Denial::IncompleteSignature("no".into()), 403),
        (Denial::RequestTooLarge, 413),
    ] {
        assert_eq!(answer(&responses, &denial).status, status, "{denial:?}");
    }
    let too_large = answer(
        &[("REQUEST_TOO_LARGE", says(400))],
        &Denial::RequestTooLarge,
    );
    assert_eq!(too_large, Denial::RequestTooLarge.reply(Protocol::Rest));
}

/// `lambda::test_lambda_aws_proxy_integration_non_post_method`
#[wasm_bindgen_test(unsupported = test)]
fn a_lambda_that_is_not_called_by_post_stays_at_500_until_a_status_is_set() {
    let denial = Denial::LambdaMethodNotPost;
    assert_eq!(answer(&[], &denial).status, 500);
    let mut says = Says {
        parameters: &[CORS],
        ..Says::default()
    };
    assert_eq!(
        answer(&[("INTEGRATION_FAILURE", says)], &denial).status,
        500
    );
    says.status = Some(504);
    assert_eq!(
        answer(&[("INTEGRATION_FAILURE", says)], &denial).status,
        504
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn header_fields_come_from_the_request_the_context_and_the_stage() {
    let says = Says {
        parameters: &[
            ("gatewayresponse.header.x-static", "'it''s'"),
            ("gatewayresponse.header.x-path", "method.request.path.petId"),
            (
                "gatewayresponse.header.x-query",
                "method.request.querystring.q",
            ),
            (
                "gatewayresponse.header.x-header",
                "method.request.header.Accept-Language",
            ),
            (
                "gatewayresponse.header.x-host",
                "method.request.header.Host",
            ),
            (
                "gatewayresponse.header.x-none",
                "method.request.header.none",
            ),
            ("gatewayresponse.header.x-stage", "stageVariables.a"),
            ("gatewayresponse.header.x-no-stage", "stageVariables.b"),
            (
                "gatewayresponse.header.x-type",
                "context.error.responseType",
            ),
            ("gatewayresponse.header.x-api", "context.apiId"),
            ("gatewayresponse.header.x-account", "context.accountId"),
            ("gatewayresponse.header.x-tier", "context.authorizer.tier"),
            (
                "gatewayresponse.header.x-pool",
                "context.identity.cognitoIdentityPoolId",
            ),
            ("gatewayresponse.header.x-key", "context.identity.apiKeyId"),
            (
                "gatewayresponse.header.Content-Type",
                "'application/problem+json'",
            ),
            ("gatewayresponse.path.x", "'nowhere'"),
            ("gatewayresponse.querystring.x", "'nowhere'"),
        ],
        ..Says::default()
    };
    let headers = request(
        "/prod/pets/5%2F6?q=0&q=a%0d%0ab",
        &[("accept-language", "de"), ("accept-language", "en")],
    );
    let reply = reply(&[("THROTTLED", says)], &Denial::Throttled, &headers);
    for (name, value) in [
        ("x-static", Some("it''s")),
        ("x-path", Some("5%2F6")),
        ("x-query", Some("a  b")),
        ("x-header", Some("en")),
        ("x-host", Some("shop.example.com:8080")),
        ("x-none", None),
        ("x-stage", Some("from the stage")),
        ("x-no-stage", None),
        ("x-type", Some("THROTTLED")),
        ("x-api", Some("shop")),
        ("x-account", Some("123456789012")),
        ("x-tier", Some("gold")),
        ("x-pool", None),
        ("x-key", Some("the-key-id")),
        ("content-type", Some("application/problem+json")),
        ("x", None),
    ] {
        assert_eq!(field(&reply, name), value, "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_that_nothing_serves_can_be_told_of_too() {
    let says = Says {
        parameters: &[
            ("gatewayresponse.header.x-method", "context.httpMethod"),
            ("gatewayresponse.header.x-path", "context.path"),
            (
                "gatewayresponse.header.x-query",
                "method.request.querystring.q",
            ),
            ("gatewayresponse.header.x-pet", "method.request.path.petId"),
            ("gatewayresponse.header.x-resource", "context.resourcePath"),
            ("gatewayresponse.header.x-stage", "context.stage"),
            (
                "gatewayresponse.header.x-origin",
                "method.request.header.origin",
            ),
        ],
        ..Says::default()
    };
    let headers: Headers = [
        (":authority", "shop.example.com"),
        (":method", "PROPFIND"),
        (":path", "//prod/none?q=1"),
        ("origin", "https://a.example"),
    ]
    .into_iter()
    .collect();
    let denial = Denial::MissingAuthenticationToken;
    let reply = reply(&[("DEFAULT_4XX", says)], &denial, &headers);
    for (name, value) in [
        ("x-method", Some("PROPFIND")),
        ("x-path", Some("/prod/none")),
        ("x-query", Some("1")),
        ("x-pet", None),
        ("x-resource", None),
        ("x-stage", Some("prod")),
        ("x-origin", Some("https://a.example")),
    ] {
        assert_eq!(field(&reply, name), value, "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_answer_that_may_have_no_body_has_none() {
    for status in [204, 205, 304] {
        let says = Says {
            status: Some(status),
            ..Says::default()
        };
        let reply = answer(&[("DEFAULT_4XX", says)], &Denial::Throttled);
        assert_eq!((reply.status, reply.body.len()), (status, 0));
    }
}

/// Where the host names no API, or the path no stage, nobody's gateway responses apply.
#[wasm_bindgen_test(unsupported = test)]
fn without_an_api_nothing_changes() {
    let says = Says {
        status: Some(418),
        ..Says::default()
    };
    let compiled = GatewayResponses::compile(&gateway(&[("DEFAULT_4XX", says)])).unwrap();
    let headers = request("/", &[]);
    let unknown = RefusedRequest {
        api: None,
        stage: None,
        stage_name: None,
        resource_path: None,
        route: None,
        headers: &headers,
        ids: &RequestIds::generate(&Constant),
        time: Timestamp(0),
        connection: &Client,
        api_key: None,
        api_key_id: None,
        caller: &Caller::default(),
    };
    for denial in [Denial::UnknownStage, Denial::MissingAuthenticationToken] {
        let reply = compiled.reply(&denial, Protocol::Rest, &unknown);
        assert_eq!(reply, denial.reply(Protocol::Rest));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refusal_is_that_of_the_release() {
    let says = Says {
        parameters: &[
            ("gatewayresponse.header.x-canary", "context.isCanaryRequest"),
            ("gatewayresponse.header.x-id", "context.deploymentId"),
        ],
        templates: &[("text/plain", "$stageVariables.a|$context.isCanaryRequest|")],
        ..Says::default()
    };
    let mut gateway = gateway(&[("DEFAULT_4XX", says)]);
    let stages = &mut gateway.apis[0].stages;
    stages[0].deployment_id = Some("first".to_owned());
    stages.push(Stage::new("dev"));
    stages.push(Stage {
        canary: Some(Canary {
            percent_traffic: 1.0,
            use_stage_cache: false,
        }),
        deployment_id: Some("second".to_owned()),
        variables: BTreeMap::from([("a".to_owned(), "from the canary".to_owned())]),
        ..Stage::new("prod")
    });
    let compiled = GatewayResponses::compile(&gateway).unwrap();
    let headers = request("/prod/none", &[]);
    let reply = |stage| {
        let request = RefusedRequest {
            api: Some(0),
            stage: Some(stage),
            stage_name: None,
            resource_path: None,
            route: None,
            headers: &headers,
            ids: &RequestIds::generate(&Constant),
            time: Timestamp(0),
            connection: &Client,
            api_key: None,
            api_key_id: None,
            caller: &Caller::default(),
        };
        compiled.reply(&Denial::Throttled, Protocol::Rest, &request)
    };
    for (stage, canary, id, body) in [
        (0, Some("false"), Some("first"), "from the stage|false|"),
        (2, Some("true"), Some("second"), "from the canary|true|"),
    ] {
        let reply = reply(stage);
        assert_eq!(field(&reply, "x-canary"), canary);
        assert_eq!(field(&reply, "x-id"), id);
        assert_eq!(reply.body, body.as_bytes());
    }
    // Without a canary release nothing is said of one, and without a deployment the id is drawn.
    let reply = reply(1);
    assert_eq!(field(&reply, "x-canary"), None);
    assert_eq!(field(&reply, "x-id").map(str::len), Some(6));
    assert_eq!(reply.body, b"||");
}
