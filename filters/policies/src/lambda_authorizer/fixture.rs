//! Two APIs with authorizers, and workers that serve them, for the tests of this room.

use std::rc::Rc;
use std::sync::Arc;

use attache_model::{Authorization, Gateway};
use serde_json::{Value, json};

use super::{AuthorizerRequest, LambdaAuthorizers, LambdaDenial, LambdaResult};
use crate::exchange::{
    Answer, Callout, CalloutAnswer, Event, Exchange, Reply, Service, Step, Stream,
};
use crate::headers::Headers;
use crate::iam::{self, INVOKE, RequestKeys};
use crate::memory_ports::MemoryPorts;
use crate::ports::Environment;
use crate::request_id::RequestIds;
use crate::route::{Route, Routes};

pub(super) const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:123456789012:function:guard/invocations";

/// A REST API with a TOKEN authorizer and one of another kind, and an HTTP API with a REQUEST
/// authorizer; `changes` are put in their places.
pub(super) fn document(changes: &[(&str, Value)]) -> Gateway {
    let operation = |path: &str, method: &str| {
        json!({
            "path": path, "method": method,
            "authorization": {"authorizer": {"index": 0}},
            "integration": {"httpProxy": {"uri": "http://localhost", "timeoutInMillis": 29000}},
        })
    };
    let operations = json!([
        operation("/pets", "GET"),
        operation("/pets", "DELETE"),
        operation("/pets/{id}", "ANY"),
    ]);
    let token = json!({
        "event": "token",
        "identitySources": ["method.request.header.Authorization"],
        "resultTtlInSeconds": 300,
        "uri": FUNCTION,
        "timeoutInMillis": 5000,
    });
    let request = json!({
        "event": "request2",
        "enableSimpleResponses": true,
        "identitySources": ["$request.header.Authorization", "$request.querystring.v"],
        "resultTtlInSeconds": 60,
        "uri": "https://auth.example/check",
        "timeoutInMillis": 3000,
    });
    let cognito = json!({"identitySource": "method.request.header.Authorization", "userPools": []});
    let mut document = json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "apis": [
            {
                "id": "shop", "name": "Shop", "protocol": "REST", "operations": operations,
                "authorizers": [
                    {"name": "guard", "kind": {"lambda": token}},
                    {"name": "pool", "kind": {"cognito": cognito}},
                ],
                "stages": [
                    {"name": "prod", "variables": {"key": "value", "empty": ""}},
                    {"name": "test"},
                ],
            },
            {
                "id": "club", "name": "Club", "protocol": "HTTP", "operations": operations,
                "authorizers": [{"name": "guard", "kind": {"lambda": request}}],
                "stages": [{"name": "$default"}, {"name": "prod", "variables": {"key": "value"}}],
            },
        ],
        "endpoints": {"lambda": {"url": "http://127.0.0.1:9001"}},
    });
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).expect(pointer);
        match name.parse::<usize>() {
            Ok(place) => parent[place] = value.clone(),
            Err(_) => parent[name] = value.clone(),
        }
    }
    serde_json::from_value(document).unwrap()
}

/// The places of the two authorizers' settings.
pub(super) const TOKEN: &str = "/apis/0/authorizers/0/kind/lambda";
pub(super) const REQUEST: &str = "/apis/1/authorizers/0/kind/lambda";

pub(super) fn request(method: &str, url: &str, fields: &[(&str, &str)]) -> Headers {
    let (authority, path) = url.split_once('/').unwrap();
    let path = format!("/{path}");
    let head = [
        (":method", method),
        (":path", &path),
        (":authority", authority),
    ];
    head.iter().chain(fields).copied().collect()
}

/// Asks the authorizer of the operation that a request is for.
pub(super) struct Guard {
    pub(super) document: Gateway,
    pub(super) routes: Routes,
    pub(super) authorizers: LambdaAuthorizers,
}

impl Guard {
    pub(super) fn new(document: Gateway) -> Self {
        Self {
            routes: Routes::compile(&document).unwrap(),
            authorizers: LambdaAuthorizers::compile(&document).unwrap(),
            document,
        }
    }

    pub(super) fn method_arn(&self, route: &Route<'_>) -> String {
        let api = &self.document.apis[route.api];
        iam::method_arn(
            &self.document.account.region,
            &self.document.account.id,
            &api.id,
            &api.stages[route.stage].name,
            route.verb.as_str(),
            str::from_utf8(route.resource_path).unwrap(),
        )
        .unwrap()
    }

    async fn ask(&self, exchange: &Exchange) -> Result<LambdaResult, LambdaDenial> {
        let route = self.routes.find(exchange.request()).unwrap();
        let arn = self.method_arn(&route);
        let ports = exchange.ports();
        let operation = &self.document.apis[route.api].operations[route.operation];
        let Authorization::Authorizer { index, .. } = &operation.authorization else {
            panic!("every operation has an authorizer");
        };
        let authorizer = self.authorizers.get(route.api, route.stage, *index);
        let request = AuthorizerRequest {
            headers: exchange.request(),
            route,
            ids: &RequestIds::generate(ports),
            time: ports.now(),
            connection: ports,
            client_certificate: None,
            access: iam::Request {
                action: INVOKE,
                resource: &arn,
                principal: None,
                keys: &RequestKeys::default(),
            },
        };
        authorizer.unwrap().authorize(exchange, &request).await
    }
}

impl Service for Guard {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let outcome = match self.ask(&exchange).await {
            Ok(judged) => json!({
                "verdict": format!("{:?}", judged.verdict),
                "principal": judged.result.principal_id.as_deref(),
                "context": *judged.result.context,
                "key": judged.result.usage_identifier_key.as_ref().map(|key| key.reveal().to_string()),
                "latency": judged.latency_millis,
            }),
            Err(denial) => format!("{denial:?}").into(),
        };
        Answer::Reply(Reply {
            body: outcome.to_string().into_bytes(),
            ..Reply::default()
        })
    }
}

/// One worker of a proxy.
pub(super) struct Worker {
    pub(super) guard: Arc<Guard>,
    pub(super) ports: MemoryPorts,
}

/// A request that waits, or what has become of it.
pub(super) enum Asked {
    Calls(Box<Stream>, Callout),
    Answered(Value),
}

impl Worker {
    pub(super) fn new(changes: &[(&str, Value)]) -> Self {
        Self {
            guard: Arc::new(Guard::new(document(changes))),
            ports: MemoryPorts::default(),
        }
    }

    /// Another worker of the same proxy.
    pub(super) fn another(&self, changes: &[(&str, Value)]) -> Self {
        Self {
            guard: Arc::new(Guard::new(document(changes))),
            ports: self.ports.another(),
        }
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.ports.advance(seconds);
    }

    pub(super) fn begin(&self, request: Headers) -> Asked {
        let ports = Rc::new(self.ports.another());
        let (stream, step) = Stream::start(&self.guard, request, true, ports);
        asked(stream, step)
    }

    /// What comes of a request, when the function answers like this; and how often it was asked.
    pub(super) fn ask(&self, request: Headers, answer: &CalloutAnswer) -> (Value, usize) {
        match self.begin(request) {
            Asked::Answered(outcome) => (outcome, 0),
            Asked::Calls(stream, _) => (resume(*stream, answer), 1),
        }
    }
}

pub(super) fn resume(mut stream: Stream, answer: &CalloutAnswer) -> Value {
    let step = stream.resume(Event::Callout(answer.clone()));
    match asked(stream, step) {
        Asked::Answered(outcome) => outcome,
        Asked::Calls(..) => panic!("an authorizer is asked once"),
    }
}

fn asked(stream: Stream, step: Step) -> Asked {
    match step {
        Step::Call(callout) => Asked::Calls(Box::new(stream), callout),
        Step::Reply(reply) => Asked::Answered(serde_json::from_slice(&reply.body).unwrap()),
        other => panic!("{other:?}"),
    }
}

pub(super) fn answer(status: u16, body: impl AsRef<[u8]>) -> CalloutAnswer {
    CalloutAnswer::Answered {
        headers: [(":status", status.to_string())].into_iter().collect(),
        body: body.as_ref().to_vec(),
    }
}

/// What a function answers that allows and denies these methods.
pub(super) fn policy(statements: &[(&str, &str)]) -> CalloutAnswer {
    let statements: Vec<_> = statements
        .iter()
        .map(|(effect, method)| {
            let resource = format!("arn:aws:execute-api:us-east-1:123456789012:{method}");
            json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource})
        })
        .collect();
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let result = json!({"principalId": "ann", "policyDocument": document});
    answer(200, result.to_string())
}
