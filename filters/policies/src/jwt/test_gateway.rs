//! A service with one authorizer, for the tests of this room.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::authorizers::{TokenAuthorizer, TokenAuthorizers};
use super::fault::JwtDenial;
use crate::exchange::Service;
use crate::exchange::{
    Answer, Callout, CalloutAnswer, Edits, Event, Exchange, Reply, Step, Stream,
};
use crate::headers::Headers;
use crate::memory_ports::MemoryPorts;
use crate::ports::Environment;

/// Answers with 200 and the claims, or 401 and the fault.
struct Gateway {
    authorizers: Arc<TokenAuthorizers>,
    authorizer: TokenAuthorizer,
    scopes: Vec<String>,
}

impl Service for Gateway {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let judged = self
            .authorizers
            .authorize(self.authorizer, &self.scopes, &exchange);
        let (status, headers, body) = match judged.await {
            Ok(verified) => {
                let claims = Value::Object((*verified.claims.texts).clone());
                (200, Vec::new(), claims.to_string())
            }
            Err(denial) => {
                let challenge = match &denial {
                    JwtDenial::Unauthorized { challenge, .. } => challenge.clone(),
                    _ => None,
                };
                let status = if denial == JwtDenial::InsufficientScope {
                    403
                } else {
                    401
                };
                let headers = challenge.into_iter();
                let headers = headers.map(|text| ("www-authenticate".to_owned(), text.into()));
                (status, headers.collect(), format!("{:?}", denial.fault()))
            }
        };
        Answer::Reply(Reply {
            status,
            headers,
            body: body.into_bytes(),
        })
    }
}

/// A worker with its own memory. Clones of `ports.store` make several share a store.
pub(super) struct Worker {
    pub(super) authorizers: Arc<TokenAuthorizers>,
    pub(super) authorizer: TokenAuthorizer,
    pub(super) ports: Rc<MemoryPorts>,
}

/// A request that waits, or has been answered.
pub(super) struct Request {
    stream: Stream,
    pub(super) step: Step,
}

impl Worker {
    /// Starts a request with `token` in `authorization`.
    pub(super) fn start(&self, token: &str, scopes: &[&str]) -> Request {
        let request: Headers = [("authorization", token)].into_iter().collect();
        self.start_with(request, scopes)
    }

    pub(super) fn start_with(&self, request: Headers, scopes: &[&str]) -> Request {
        let gateway = Arc::new(Gateway {
            authorizers: Arc::clone(&self.authorizers),
            authorizer: self.authorizer,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        });
        let ports = Rc::clone(&self.ports) as _;
        let (stream, step) = Stream::start(&gateway, request, true, ports);
        Request { stream, step }
    }

    /// Status and body of a request that does not wait.
    pub(super) fn call(&self, token: &str, scopes: &[&str]) -> (u16, String) {
        self.start(token, scopes).answer()
    }

    /// The body of an answer that does not wait.
    pub(super) fn body(&self, token: &str) -> String {
        self.call(token, &[]).1
    }

    pub(super) fn pass_millis(&self, millis: u64) {
        self.ports.millis.set(self.ports.millis.get() + millis);
    }

    pub(super) fn errands(&self) -> Vec<crate::exchange::Errand> {
        self.authorizers.errands(&*self.ports)
    }

    pub(super) fn fetched(&self, errand: usize, answer: CalloutAnswer) {
        self.authorizers.fetched(errand, answer, &*self.ports);
    }
}

impl Request {
    /// The call that the request waits for.
    pub(super) fn callout(&self) -> &Callout {
        match &self.step {
            Step::Call(callout) => callout,
            step => panic!("the request does not wait: {step:?}"),
        }
    }

    /// Where it goes to.
    pub(super) fn path(&self) -> String {
        path_of(self.callout())
    }

    /// Answers the call.
    pub(super) fn resume(&mut self, answer: CalloutAnswer) {
        self.step = self.stream.resume(Event::Callout(answer));
    }

    /// Status and body.
    pub(super) fn answer(&self) -> (u16, String) {
        let reply = self.reply();
        (reply.status, String::from_utf8(reply.body.clone()).unwrap())
    }

    pub(super) fn reply(&self) -> &Reply {
        match &self.step {
            Step::Reply(reply) => reply,
            Step::Forward(edits) => panic!("forwarded: {:?}", *edits == Edits::default()),
            step => panic!("the request is not answered: {step:?}"),
        }
    }
}

pub(super) fn path_of(callout: &Callout) -> String {
    let path = callout.headers.iter().find(|(name, _)| name == ":path");
    String::from_utf8(path.unwrap().1.clone()).unwrap()
}

/// An answer with status 200.
pub(super) fn ok(body: &Value) -> CalloutAnswer {
    answered("200", body.to_string().as_bytes())
}

pub(super) fn answered(status: &str, body: &[u8]) -> CalloutAnswer {
    CalloutAnswer::Answered {
        headers: [(":status", status)].into_iter().collect(),
        body: body.to_vec(),
    }
}
