//! Authorizers that are not ours: a function in a Lambda that runs it, and a plain web service.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Request, Response, Service, client_source,
    definition_with, run_client,
};
use serde_json::{Value, json};

struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    /// One API with a TOKEN authorizer on `/token/{id}` and a REQUEST authorizer on
    /// `/request/{id}`. `uri` is where both are; each sends the event that it was given to the
    /// back end.
    fn rest(uri: &str, root: Value, api: Value) -> Self {
        let schemes = json!({
            "token": {
                "type": "apiKey", "name": "Authorization", "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {
                    "type": "token", "authorizerUri": uri, "authorizerResultTtlInSeconds": 0,
                },
            },
            "request": {
                "type": "apiKey", "name": "Unused", "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {
                    "type": "request", "authorizerUri": uri, "authorizerResultTtlInSeconds": 0,
                    "identitySource": "method.request.header.Authorization",
                },
            },
        });
        Self::new(root, api, &schemes, |backend, name| {
            Operation::new(
                "GET",
                &format!("/{name}/{{id}}"),
                &format!("{backend}/{name}"),
            )
            .secured(name, &[])
            .map(
                "integration.request.header.x-event",
                "context.authorizer.event",
            )
        })
    }

    fn new(
        root: Value,
        api: Value,
        schemes: &Value,
        operation: impl Fn(&str, &str) -> Operation,
    ) -> Self {
        let backend = Backend::answering("pets");
        let uri = format!("http://{}", backend.address());
        let operations: Vec<Operation> = schemes
            .as_object()
            .unwrap()
            .keys()
            .map(|name| operation(&uri, name))
            .collect();
        let mut configuration = root;
        configuration["accessLog"] = "off".into();
        configuration["account"] = json!({"id": "111122223333", "region": "eu-central-1"});
        let mut petstore = api;
        petstore["definition"] = "openapi.json".into();
        petstore["stages"] = json!({"prod": {"variables": {"colour": "black"}}});
        configuration["apis"] = json!({"petstore": petstore});
        let definition = definition_with(&operations, schemes, &json!({}));
        let project = Project::new(&configuration.to_string(), &definition);
        let attache = Attache::serve(project.path(), &[]);
        Self {
            attache,
            backend,
            _project: project,
        }
    }

    fn get(&self, path: &str, token: &str) -> Response {
        let request = Request::new("GET", path)
            .header("authorization", token)
            .header("user-agent", "tests/1")
            .header("x-twice", "one")
            .header("x-twice", "two");
        Client::http1(self.attache.address())
            .send(&request)
            .unwrap()
    }

    /// The event with which the authorizer was asked about this request, which it let through.
    fn event(&self, path: &str) -> Value {
        let answer = self.get(path, "allow");
        assert_eq!(
            (answer.status, answer.text()),
            (200, "pets".to_owned()),
            "{path}"
        );
        let seen = self.backend.take_seen();
        assert_eq!(seen.len(), 1);
        serde_json::from_slice(seen[0].header("x-event").unwrap()).unwrap()
    }

    /// What is answered where a REST API's authorizer refuses or fails.
    fn assert_refusals(&self, path: &str, fails: bool) {
        let denied = "User is not authorized to access this resource with an explicit deny in an \
                      identity-based policy";
        let mut cases = vec![("deny", 403, json!({"Message": denied}))];
        if fails {
            cases.push(("unauthorized", 401, json!({"message": "Unauthorized"})));
            cases.push(("broken", 500, json!({"message": null})));
        }
        for (token, status, body) in cases {
            let answer = self.get(path, token);
            let seen = serde_json::from_slice::<Value>(&answer.body).unwrap();
            assert_eq!((answer.status, seen), (status, body), "{path}: {token}");
        }
        assert_eq!(self.backend.take_seen(), []);
    }
}

/// Takes a field that differs from run to run; asserts its type.
fn take(event: &mut Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    parent
        .remove(name)
        .unwrap_or_else(|| panic!("no {pointer}"))
}

fn assert_token_event(event: &Value) {
    let expected = json!({
        "type": "TOKEN",
        "authorizationToken": "allow",
        "methodArn": "arn:aws:execute-api:eu-central-1:111122223333:petstore/prod/GET/token/7",
    });
    assert_eq!(event, &expected);
}

fn assert_request_event(mut event: Value, address: &str) {
    let request = take(&mut event, "/requestContext/requestId");
    assert_eq!(request.as_str().unwrap().len(), 36);
    for pointer in [
        "/requestContext/deploymentId",
        "/requestContext/extendedRequestId",
        "/requestContext/requestTime",
        "/requestContext/resourceId",
    ] {
        assert_ne!(take(&mut event, pointer).as_str().unwrap(), "", "{pointer}");
    }
    assert!(
        take(&mut event, "/requestContext/requestTimeEpoch")
            .as_u64()
            .unwrap()
            > 1_700_000_000_000
    );
    let identity = take(&mut event, "/requestContext/identity");
    assert_eq!(identity["sourceIp"], "127.0.0.1");
    assert_eq!(identity["userAgent"], "tests/1");
    // Envoy's own header fields are none of the client's.
    let fields = event["headers"].as_object().unwrap();
    for (name, value) in [
        ("authorization", "allow"),
        ("host", address),
        ("x-twice", "two"),
        ("user-agent", "tests/1"),
    ] {
        let found = fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        assert_eq!(found.map(|(_, value)| value), Some(&json!(value)), "{name}");
    }
    let several = event["multiValueHeaders"].as_object().unwrap();
    let twice = several
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case("x-twice"));
    assert_eq!(
        twice.map(|(_, values)| values),
        Some(&json!(["one", "two"]))
    );
    take(&mut event, "/headers");
    take(&mut event, "/multiValueHeaders");
    for pointer in ["/requestContext/domainName", "/requestContext/domainPrefix"] {
        assert!(take(&mut event, pointer).is_string(), "{pointer}");
    }
    assert_eq!(
        event,
        json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:eu-central-1:111122223333:petstore/prod/GET/request/7",
            "resource": "/request/{id}",
            "path": "/request/7",
            "httpMethod": "GET",
            "queryStringParameters": {"a": "2", "b": "x y"},
            "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["x y"]},
            "pathParameters": {"id": "7"},
            "stageVariables": {"colour": "black"},
            "requestContext": {
                "accountId": "111122223333",
                "apiId": "petstore",
                "httpMethod": "GET",
                "path": "/prod/request/7",
                "protocol": "HTTP/1.1",
                "resourcePath": "/request/{id}",
                "stage": "prod",
            },
        })
    );
}

#[test]
fn a_function_in_another_lambda_decides() {
    let lambda = Service::ministack();
    let order = json!({
        "url": lambda.url(), "name": "authorizer", "source": client_source("authorizer.py"),
    });
    let function = run_client("function.py", &order)["arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let uri = format!(
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    );
    let root = json!({"endpoints": {"lambda": {"url": lambda.url()}}});
    let served = Served::rest(&uri, root, json!({}));
    assert_token_event(&served.event("/prod/token/7"));
    let event = served.event("/prod/request/7?a=1&b=x%20y&a=2");
    assert_request_event(event, &served.attache.address().to_string());
    served.assert_refusals("/prod/token/7", true);
    served.assert_refusals("/prod/request/7", true);
}

#[test]
fn a_plain_web_service_decides() {
    let service = Service::authorizer();
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:111122223333:function:authorizer/invocations";
    let url = format!("{}/decide", service.url());
    let api = json!({"authorizers": {"token": {"url": url}, "request": {"url": url}}});
    let served = Served::rest(uri, json!({}), api);
    assert_token_event(&served.event("/prod/token/7"));
    let event = served.event("/prod/request/7?a=1&b=x%20y&a=2");
    assert_request_event(event, &served.attache.address().to_string());
    served.assert_refusals("/prod/token/7", false);
    let answer = served.get("/prod/token/7", "broken");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (500, r#"{"message":null}"#)
    );
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn an_http_api_asks_with_the_newer_event_and_takes_a_simple_answer() {
    let service = Service::authorizer();
    let schemes = json!({"simple": {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authorizer": {
            "type": "request",
            "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                              arn:aws:lambda:us-east-1:111122223333:function:authorizer/invocations",
            "authorizerPayloadFormatVersion": "2.0",
            "enableSimpleResponses": true,
            "identitySource": "$request.header.Authorization",
        },
    }});
    let api = json!({"protocol": "HTTP", "authorizers": {"simple": {"url": service.url()}}});
    let served = Served::new(json!({}), api, &schemes, |backend, name| {
        let uri = format!("{backend}/{name}");
        Operation::new("GET", &format!("/{name}/{{id}}"), &uri)
            .secured(name, &[])
            .set("payloadFormatVersion", "1.0")
    });
    let answer = served.get("/prod/simple/7?a=1&b=x%20y&a=2", "allow");
    assert_eq!((answer.status, answer.text()), (200, "pets".to_owned()));
    assert_eq!(served.backend.take_seen().len(), 1);
    let mut event = service.get("/");
    for pointer in [
        "/requestContext/requestId",
        "/requestContext/time",
        "/requestContext/domainName",
        "/requestContext/domainPrefix",
    ] {
        assert!(take(&mut event, pointer).is_string(), "{pointer}");
    }
    assert!(
        take(&mut event, "/requestContext/timeEpoch")
            .as_u64()
            .unwrap()
            > 1_700_000_000_000
    );
    let headers = take(&mut event, "/headers");
    assert_eq!(headers["authorization"], "allow");
    assert_eq!(headers["x-twice"], "one,two");
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "type": "REQUEST",
            "routeArn": "arn:aws:execute-api:eu-central-1:111122223333:petstore/prod/GET/simple/7",
            "identitySource": ["allow"],
            "routeKey": "GET /simple/{id}",
            "rawPath": "/prod/simple/7",
            "rawQueryString": "a=1&b=x%20y&a=2",
            "queryStringParameters": {"a": "1,2", "b": "x y"},
            "pathParameters": {"id": "7"},
            "stageVariables": {"colour": "black"},
            "requestContext": {
                "accountId": "111122223333",
                "apiId": "petstore",
                "http": {
                    "method": "GET", "path": "/prod/simple/7", "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1", "userAgent": "tests/1",
                },
                "routeKey": "GET /simple/{id}",
                "stage": "prod",
            },
        })
    );
    let denied = served.get("/prod/simple/7", "deny");
    assert_eq!(
        (denied.status, denied.text().as_str()),
        (403, r#"{"message":"Forbidden"}"#)
    );
    let failed = served.get("/prod/simple/7", "broken");
    assert_eq!(
        (failed.status, failed.text().as_str()),
        (500, r#"{"message":"Internal Server Error"}"#)
    );
    assert_eq!(served.backend.take_seen(), []);
}
