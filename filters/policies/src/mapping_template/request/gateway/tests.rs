use std::cell::Cell;
use std::sync::Arc;

use attache_model::{
    Account, Api, Gateway, HttpProxy, Integration, Operation, Protocol, Stage, Verb,
};
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{OperationContext, RequestFacts};
use crate::Headers;
use crate::authorization::Caller;
use crate::integration::IntegrationRequest;
use crate::mapping_template::{MappingTemplate, TemplateBody, TemplateScope};
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Routes;
use crate::test_client::Constant;

/// A connection that counts how often it is asked.
#[derive(Default)]
struct Client {
    asked: Cell<u32>,
}

impl Connection for Client {
    fn source_address(&self) -> Vec<u8> {
        self.asked.set(self.asked.get() + 1);
        b"192.0.2.7".to_vec()
    }

    fn protocol(&self) -> Vec<u8> {
        self.asked.set(self.asked.get() + 1);
        b"HTTP/1.1".to_vec()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}

fn gateway() -> Gateway {
    let mut stage = Stage::new("prod");
    stage
        .variables
        .insert("table".to_owned(), "pets".to_owned());
    let integration = Integration::HttpProxy(HttpProxy::new("http://a.example"));
    Gateway {
        apis: vec![Api {
            any_host: true,
            operations: vec![Operation::new("/pets/{id}", Verb::Any, integration)],
            stages: vec![stage],
            ..Api::new("shop", Protocol::Rest)
        }],
        ..Gateway::new(Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        })
    }
}

/// What a template prints for one request, and how often the connection was asked.
fn render_for(template: &str, caller: &Caller) -> (String, u32) {
    render_in(template, caller, None)
}

/// The same where the stage has a canary release.
fn render_in(template: &str, caller: &Caller, is_canary_request: Option<bool>) -> (String, u32) {
    let gateway = gateway();
    let routes = Routes::compile(&gateway).expect("routes");
    let headers: Headers = [
        (":authority", "shop.example.com:8080"),
        (":method", "POST"),
        (":path", "/prod/pets/a%20b?q=1&q=2%203&flag&id=query"),
        ("user-agent", "test/1"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("expect", "100-continue"),
        ("connection", "close"),
        ("x-envoy-internal", "true"),
        ("x-forwarded-client-cert", "none"),
    ]
    .into_iter()
    .collect();
    let client = Client::default();
    let [api] = gateway.apis.as_slice() else {
        panic!("one API");
    };
    let operation = OperationContext::new(
        &gateway.account.id,
        &api.id,
        api.stages.first().expect("a stage"),
        is_canary_request,
        "/pets/{id}",
    );
    let facts = RequestFacts {
        request: IntegrationRequest {
            headers: &headers,
            route: routes.find(&headers).expect("a route"),
            ids: &RequestIds::generate(&Constant),
            time: Timestamp(0x5e66_d96f * 1_000_000_000),
            connection: &client,
            api_key: Some(b"the-key"),
            api_key_id: Some("the-key-id"),
            caller,
        },
        operation: &operation,
    };
    let template = MappingTemplate::compile(template).expect(template);
    let mut scope = TemplateScope::new(&facts);
    let rendered = template.render(&mut scope, TemplateBody::new(String::new()));
    (rendered.expect("rendered"), client.asked.get())
}

fn render(template: &str) -> String {
    render_for(template, &Caller::default()).0
}

#[wasm_bindgen_test(unsupported = test)]
fn which_release_it_is_is_said_where_there_are_two() {
    let template = r#"$context.isCanaryRequest|#if($context.isCanaryRequest == "true")yes#end|$context.containsKey("isCanaryRequest")"#;
    for (is_canary_request, expected) in [
        (None, "||false"),
        (Some(false), "false||true"),
        (Some(true), "true|yes|true"),
    ] {
        let (rendered, _) = render_in(template, &Caller::default(), is_canary_request);
        // A reference without a value prints itself.
        let rendered = rendered.replace("$context.isCanaryRequest", "");
        assert_eq!(rendered, expected);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn parameters_are_those_of_the_request() {
    for (template, expected) in [
        ("$input.params('id')", "a%20b"),
        ("$input.params('q')", "2 3"),
        ("[$input.params('flag')]", "[]"),
        (
            "$input.params('X-Twice') $input.params('User-Agent')",
            "two test/1",
        ),
        ("$input.params('Host')", "shop.example.com:8080"),
        ("[$input.params('Expect')$input.params('Connection')]", "[]"),
        (
            "[$input.params(':path')$input.params('x-envoy-internal')]",
            "[]",
        ),
        ("$input.params().path", "{id=a%20b}"),
        ("$input.params().querystring", "{q=2 3, flag=, id=query}"),
        (
            "$input.params().header",
            "{Host=shop.example.com:8080, User-Agent=test/1, x-twice=two}",
        ),
        ("$input.params().header.get('User-Agent')", "test/1"),
        ("$input.params().header.User-Agent", "test/1"),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_context_is_that_of_the_request() {
    for (template, expected) in [
        (
            "$context.accountId $context.apiId $context.stage",
            "123456789012 shop prod",
        ),
        ("$context.httpMethod $context.path", "POST /prod/pets/a%20b"),
        ("$context.resourcePath", "/pets/{id}"),
        (
            "$context.resourceId.length() $context.deploymentId.length()",
            "6 6",
        ),
        (
            "$context.domainName $context.domainPrefix",
            "shop.example.com shop",
        ),
        ("$context.protocol", "HTTP/1.1"),
        ("$context.requestTime", "10/Mar/2020:00:03:59 +0000"),
        ("$context.requestTimeEpoch", "1583798639000"),
        ("$context.requestId.length()", "36"),
        (
            "$context.identity.sourceIp $context.identity.userAgent",
            "192.0.2.7 test/1",
        ),
        (
            "$context.identity.apiKey $context.identity.apiKeyId",
            "the-key the-key-id",
        ),
        (
            "[$context.identity.caller$context.authorizer.principalId]",
            "[]",
        ),
        ("[$context.authorizer.keySet()]", "[]"),
        ("$stageVariables.table", "pets"),
        (
            "$context.keySet()",
            "[resourceId, resourcePath, httpMethod, extendedRequestId, requestTime, path, \
             accountId, protocol, requestOverride, stage, domainPrefix, requestTimeEpoch, \
             requestId, identity, domainName, deploymentId, responseOverride, apiId]",
        ),
        (
            "$context.identity.keySet()",
            "[cognitoIdentityPoolId, accountId, cognitoIdentityId, caller, sourceIp, \
             principalOrgId, accessKey, cognitoAuthenticationType, cognitoAuthenticationProvider, \
             userArn, userAgent, user, apiKey, apiKeyId]",
        ),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_authorizer_is_what_was_found_out_of_the_caller() {
    let context = json!({"tier": "gold", "limit": 7, "beta": true});
    let caller = Caller {
        principal_id: Some("ann".into()),
        context: context.as_object().cloned().map(Arc::new),
        claims: json!({"sub": "42"}).as_object().cloned().map(Arc::new),
        authorizer_latency: Some(5),
        ..Caller::default()
    };
    for (template, expected) in [
        (
            "$context.authorizer.principalId $context.authorizer.claims.sub",
            "ann 42",
        ),
        (
            "$context.authorizer.tier $context.authorizer['limit']",
            "gold 7",
        ),
        ("$context.authorizer.integrationLatency", "5"),
        ("[$context.authorizer.claims]", "[]"),
    ] {
        assert_eq!(render_for(template, &caller).0, expected, "{template}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_no_template_names_is_not_asked_for() {
    for (template, asked) in [
        (
            "$input.params().header $context.requestId $stageVariables.table",
            0,
        ),
        ("$context.identity.userAgent", 0),
        ("$context.identity.sourceIp", 1),
        ("$context.protocol $context.identity.sourceIp", 2),
        ("$context.keySet()", 2),
    ] {
        assert_eq!(
            render_for(template, &Caller::default()).1,
            asked,
            "{template}"
        );
    }
}
