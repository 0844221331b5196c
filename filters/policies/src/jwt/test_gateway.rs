//! A service with one authorizer, and a proxy in memory, for the tests of this room.

use std::cell::Cell;
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
use crate::ports::{
    AccessLog, Clock, Connection, Environment, FilterState, Meter, Metric, Random, Signatures,
    Signed, Store, StoreError, Stored, Swap, Timestamp, Version,
};
use crate::usage_plan::memory_store::MemoryStore;

/// The moment at which the tests begin, in seconds since 1970: 2026-11-20T00:00:00Z.
pub(super) const START: u64 = 1_795_132_800;

/// A clock that is moved by hand, a store that all workers share, and nothing else.
pub(super) struct TestPorts {
    pub(super) millis: Cell<u64>,
    pub(super) store: Rc<MemoryStore>,
    /// How often the proxy was asked to verify a signature.
    pub(super) asked: Cell<usize>,
}

impl Default for TestPorts {
    fn default() -> Self {
        Self {
            millis: Cell::new(START * 1_000),
            store: Rc::default(),
            asked: Cell::default(),
        }
    }
}

impl Clock for TestPorts {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.get() * 1_000_000)
    }
}

impl Random for TestPorts {
    fn next_u64(&self) -> u64 {
        4
    }
}

impl Store for TestPorts {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.store.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.store.compare_and_swap(key, value, expected)
    }
}

impl Meter for TestPorts {
    fn count(&self, _: &Metric, _: u64) {}

    fn observe(&self, _: &Metric, _: u64) {}
}

impl AccessLog for TestPorts {
    fn publish(&self, _: &str, _: &[u8]) {}
}

impl FilterState for TestPorts {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) {}
}

impl Connection for TestPorts {
    fn source_address(&self) -> Vec<u8> {
        Vec::new()
    }

    fn protocol(&self) -> Vec<u8> {
        Vec::new()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}

impl Signatures for TestPorts {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        self.asked.set(self.asked.get() + 1);
        None
    }
}

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
    pub(super) ports: Rc<TestPorts>,
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
