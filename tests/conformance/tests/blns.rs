//! The big list of naughty strings, each in every place of a request where a client or an authorizer
//! can put one, against the gateway on the proxy in memory.
//!
//! Whatever the string, the gateway does not fail: what it answers by itself is a refusal of the
//! class 4xx in JSON, and what it sends on is a well-formed request.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use attache::diagnostic::{self, Report};
use attache::project;
use attache_conformance::{Suite, corpus, json_lines};
use attache_policies::Gateway;
use attache_testkit::{CalloutScript, Host, Message, Proxy, Request, Script, UpstreamAnswer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{RS256KeyPair, RSAKeyPairLike};
use jwt_simple::claims::Claims;
use jwt_simple::prelude::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool";
const KEY: &str = "the-one-key-0123456789";

/// A template of a request, as people write them.
const MAPPED: &str = r#"{"name": $input.json('$.name'), "q": "$util.escapeJavaScript($input.params('q')).replaceAll("\\'", "'")"}"#;

/// A template of an answer, as people write them.
const ANSWERED: &str = r##"
#set($id = $util.urlDecode($input.params('id')))
{
  "id": "$util.escapeJavaScript($id).replaceAll("\\'", "'")",
  "q": "$util.escapeJavaScript($input.params('q')).replaceAll("\\'", "'")",
  "encoded": "$util.urlEncode($util.base64Decode($util.base64Encode($id)))",
  "path": "$context.path",
  "length": $id.length(),
  "words": [#foreach($word in $id.split(" "))"$util.escapeJavaScript($word).replaceAll("\\'", "'")"#if($foreach.hasNext), #end#end]
}"##;

#[derive(Deserialize)]
struct NaughtyString {
    id: String,
    s: String,
}

#[test]
fn blns() {
    let Some(folder) = corpus("blns") else {
        return;
    };
    let strings: Vec<NaughtyString> = json_lines(&folder.join("blns.jsonl")).unwrap();
    let mut suite = Suite::new("blns").unwrap();
    let mut served = Served::new();
    for string in &strings {
        suite.record(&string.id, served.try_everywhere(&string.s));
    }
    suite.finish().unwrap();
    // Most of all that is sent gets through: the strings do not fail before they are looked at.
    assert!(served.forwarded > 5 * strings.len(), "{}", served.forwarded);
    assert!(served.refused > 4 * strings.len(), "{}", served.refused);
}

struct Served {
    host: Host<Gateway>,
    issuer: RS256KeyPair,
    forwarded: usize,
    refused: usize,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, document: &Value| {
            std::fs::write(folder.path().join(name), document.to_string()).unwrap();
        };
        write("openapi.json", &definition());
        write(
            "attache.yaml",
            &json!({
                "endpoints": {"cognito": {"url": "http://cognito.example"}},
                "apis": {"petstore": {"definition": "openapi.json", "stages": {"prod": {}}}},
                "usagePlans": {"plan": {"apiStages": [{"api": "petstore", "stage": "prod"}]}},
                "apiKeys": {"key": {"value": KEY, "usagePlans": ["plan"]}},
            }),
        );
        let mut report = Report::new();
        let Some(project) = project::load(folder.path(), &mut report) else {
            panic!("{}", diagnostic::human(&report));
        };
        let gateway = Gateway::compile(&project.gateway, &|_: &str| None).unwrap();
        let host = Host::new(Arc::new(gateway), &Proxy::new());
        let issuer = RS256KeyPair::generate(2048).unwrap().with_key_id("one");
        let public = issuer.public_key().to_components();
        let keys = json!({"keys": [{
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one",
            "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
        }]});
        let mut script =
            Script::answering("").callouts(|_| CalloutScript::new(200, keys.to_string()));
        assert_eq!(host.tick(&mut script).len(), 1);
        Self {
            host,
            issuer,
            forwarded: 0,
            refused: 0,
        }
    }

    fn try_everywhere(&mut self, naughty: &str) -> Result<(), String> {
        let encoded = percent_encoded(naughty);
        let in_json = json!({"name": naughty, naughty: [naughty]});
        let get = |path: &str| Request::new("GET", path);
        let post_to = |path: &str, body: &str, content_type: &str| {
            Request::new("POST", path)
                .header("content-type", content_type)
                .body(body)
        };
        let post = |body: &str, content_type: &str| post_to("/prod/pets", body, content_type);
        let mapped = format!("/prod/mapped?q={encoded}");
        let mut requests = vec![
            ("a query value", get(&format!("/prod/pets?q={encoded}"))),
            ("a query name", get(&format!("/prod/pets?{encoded}=1"))),
            ("a path", get(&format!("/prod/pets/{encoded}"))),
            ("an unknown path", get(&format!("/prod/none/{encoded}"))),
            ("a stage", get(&format!("/{encoded}/pets"))),
            (
                "a body of JSON",
                post(&in_json.to_string(), "application/json"),
            ),
            ("a body", post(naughty, "application/json")),
            ("a body of text", post(naughty, "text/plain")),
            (
                "a body of a form",
                post(
                    &format!("name={encoded}"),
                    "application/x-www-form-urlencoded",
                ),
            ),
            (
                "a mapped body of JSON",
                post_to(&mapped, &in_json.to_string(), "application/json"),
            ),
            (
                "a mapped body",
                post_to("/prod/mapped", naughty, "application/json"),
            ),
            ("a mock", get(&format!("/prod/mock/{encoded}?q={encoded}"))),
            (
                "a claim",
                get("/prod/claims").header("authorization", self.token(naughty)),
            ),
            (
                "a claim that is not signed",
                get("/prod/claims").header("authorization", unsigned(naughty)),
            ),
            (
                "what an authorizer says",
                get("/prod/guarded").header("authorization", "anybody"),
            ),
        ];
        if naughty.bytes().all(is_in_target) {
            requests.push(("a query as it is", get(&format!("/prod/pets?{naughty}"))));
            requests.push(("a path as it is", get(&format!("/prod/pets/{naughty}"))));
        }
        if naughty.bytes().all(is_in_field) {
            requests.push(("a field", get("/prod/pets").header("x-probe", naughty)));
            requests.push(("a content type", post("{}", naughty)));
            requests.push(("a key", get("/prod/keyed").header("x-api-key", naughty)));
            requests.push((
                "a token",
                get("/prod/claims").header("authorization", naughty),
            ));
            requests.push((
                "what is accepted",
                get("/prod/none").header("accept", naughty),
            ));
            requests.push((
                "a signature",
                get("/prod/none").header("authorization", naughty),
            ));
        }
        for (place, request) in requests {
            self.try_one(&request, naughty)
                .map_err(|why| format!("in {place}: {why}"))?;
        }
        Ok(())
    }

    fn try_one(&mut self, request: &Request, naughty: &str) -> Result<(), String> {
        let allowed = json!({
            "principalId": naughty,
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"},
            ]},
            "context": {"probe": naughty},
        });
        let mut script = Script::new(|_| UpstreamAnswer::new(200, "served"))
            .callouts(move |_| CalloutScript::new(200, allowed.to_string()));
        let outcome = self.host.exchange(request, &mut script);
        let client = outcome.client.as_ref().ok_or("the connection was closed")?;
        let status = client.status().ok_or("the answer has no status")?;
        if let Some(seen) = &outcome.upstream {
            self.forwarded += 1;
            well_formed(seen)?;
        }
        fields_are_well_formed(client)?;
        match (status, outcome.upstream.is_some()) {
            (200, is_forwarded) => {
                let path = request.headers.first(b":path").unwrap_or_default();
                if !is_forwarded || path.starts_with(b"/prod/mapped") {
                    answer_of_template(client)?;
                }
                Ok(())
            }
            (400..=499, false) => {
                self.refused += 1;
                refusal(client)
            }
            other => Err(format!("{other:?}")),
        }
    }

    /// A token whose subject is this text.
    fn token(&self, subject: &str) -> String {
        let mut claims = Claims::with_custom_claims(claims(subject), Duration::from_secs(1));
        claims.issued_at = None;
        claims.invalid_before = None;
        claims.expires_at = None;
        self.issuer.sign(claims).unwrap()
    }
}

fn claims(subject: &str) -> Value {
    json!({
        "iss": ISSUER, "token_use": "id", "aud": "app", "exp": 4_102_444_800_u64, "sub": subject,
    })
}

fn unsigned(subject: &str) -> String {
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = encoded(&json!({"alg": "RS256", "kid": subject}));
    format!("{header}.{}.AAAA", encoded(&claims(subject)))
}

/// What a template has written is JSON, whatever it was given.
fn answer_of_template(answer: &Message) -> Result<(), String> {
    let text = String::from_utf8_lossy(&answer.body);
    match serde_json::from_str::<Value>(&text) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("{why}: {text}")),
    }
}

/// What the gateway refuses is JSON with a message.
fn refusal(answer: &Message) -> Result<(), String> {
    let text = String::from_utf8_lossy(&answer.body);
    let body: Value = serde_json::from_str(&text).map_err(|why| format!("{why}: {text}"))?;
    let message = body.get("message").or_else(|| body.get("Message"));
    if message.is_none_or(|message| !message.is_string()) {
        return Err(format!("no message in {text}"));
    }
    Ok(())
}

/// What a back end sees can be read in one way only.
fn well_formed(request: &Message) -> Result<(), String> {
    let target = request.headers.first(b":path").unwrap_or_default();
    if target.first() != Some(&b'/') || !target.iter().all(u8::is_ascii_graphic) {
        return Err(format!(
            "the target is {:?}",
            String::from_utf8_lossy(target)
        ));
    }
    fields_are_well_formed(request)
}

fn fields_are_well_formed(message: &Message) -> Result<(), String> {
    let broken = message
        .headers
        .iter()
        .find(|(_, value)| !value.iter().copied().all(is_in_field));
    match broken {
        Some((name, value)) => Err(format!(
            "the field {:?} is {:?}",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value)
        )),
        None => Ok(()),
    }
}

/// Whether a proxy lets such a byte pass in the value of a header field (RFC 9110, section 5.5).
const fn is_in_field(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// Whether a proxy lets such a byte pass in the target of a request.
const fn is_in_target(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && byte != b'#'
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// An API that hands on whatever it is given, wherever something can be mapped from.
fn definition() -> Value {
    let operation = |security: Value, mappings: Value| {
        json!({
            "security": security,
            "responses": {"default": {"description": "whatever"}},
            "x-amazon-apigateway-integration": {
                "type": "http_proxy",
                "httpMethod": "ANY",
                "uri": "http://pets.example/pets",
                "requestParameters": mappings,
            },
        })
    };
    let authorizer = |field: &str, kind: &str, settings: Value| {
        json!({
            "type": "apiKey", "name": field, "in": "header",
            "x-amazon-apigateway-authtype": kind,
            "x-amazon-apigateway-authorizer": settings,
        })
    };
    json!({
        "openapi": "3.0.1",
        "info": {"title": "petstore", "version": "1"},
        "paths": {
            "/pets": {
                "get": operation(json!([]), json!({
                    "integration.request.header.x-field": "method.request.header.x-probe",
                    "integration.request.header.x-query": "method.request.querystring.q",
                    "integration.request.querystring.field": "method.request.header.x-probe",
                    "integration.request.querystring.query": "method.request.multivaluequerystring.q",
                    "integration.request.header.x-agent": "context.path",
                })),
                "post": operation(json!([]), json!({})),
            },
            "/pets/{id}": {
                "parameters": [
                    {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                ],
                "get": operation(json!([]), json!({
                    "integration.request.header.x-id": "method.request.path.id",
                    "integration.request.querystring.id": "method.request.path.id",
                })),
            },
            "/mapped": {"post": {
                "responses": {"200": {"description": "whatever"}},
                "x-amazon-apigateway-integration": {
                    "type": "http",
                    "httpMethod": "POST",
                    "uri": "http://pets.example/mapped",
                    "requestParameters": {
                        "integration.request.header.x-name": "method.request.body.name",
                        "integration.request.querystring.q": "method.request.querystring.q",
                    },
                    "requestTemplates": {"application/json": MAPPED},
                    "responses": {"default": {
                        "statusCode": "200",
                        "responseTemplates": {"application/json": ANSWERED},
                    }},
                },
            }},
            "/mock/{id}": {"get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "whatever"}},
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
                    "responses": {"default": {
                        "statusCode": "200",
                        "responseTemplates": {"application/json": ANSWERED},
                    }},
                },
            }},
            "/keyed": {"get": operation(json!([{"api_key": []}]), json!({}))},
            "/claims": {"get": operation(json!([{"pool": []}]), json!({
                "integration.request.header.x-sub": "context.authorizer.claims.sub",
                "integration.request.querystring.sub": "context.authorizer.claims.sub",
            }))},
            "/guarded": {"get": operation(json!([{"guard": []}]), json!({
                "integration.request.header.x-principal": "context.authorizer.principalId",
                "integration.request.querystring.probe": "context.authorizer.probe",
            }))},
        },
        "components": {"securitySchemes": {
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            "pool": authorizer("Authorization", "cognito_user_pools", json!({
                "type": "cognito_user_pools",
                "providerARNs": [
                    "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_pool",
                ],
            })),
            "guard": authorizer("Authorization", "custom", json!({
                "type": "token", "authorizerUri": "http://authorizer.example/",
                "authorizerResultTtlInSeconds": 0,
            })),
        }},
    })
}
