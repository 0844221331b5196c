//! Many requests at the same time, on a proxy in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::exchange::{
    Callout, CalloutAnswer, Event, Hold, Reply, ResponseHead, Service, Step, Stream,
};
use crate::memory_ports::MemoryPorts;
use crate::ports::{
    AccessLog, Clock, Connection, Environment, FilterState, Meter, Metric, Random, Signatures,
    Signed, Store, StoreError, Stored, Swap, Timestamp, Version,
};
use crate::{Edits, Gateway, HeaderEdit, Headers, UpstreamFailure};

/// A gateway on a proxy.
pub(super) struct World {
    pub(super) gateway: Arc<Gateway>,
    pub(super) proxy: Rc<Proxy>,
}

/// What all requests share.
#[derive(Default)]
pub(super) struct Proxy {
    ports: MemoryPorts,
    random: Cell<u64>,
    metrics: RefCell<BTreeMap<String, u64>>,
    logged: RefCell<BTreeMap<String, String>>,
    broken: Cell<bool>,
}

/// A request and where it stands.
pub(super) struct Client {
    stream: Stream,
    request_body: Vec<u8>,
    proxy: Rc<Proxy>,
    now: Now,
    /// What changes on the request for the back end.
    edits: Vec<HeaderEdit>,
    /// The head of the back end's answer.
    head: Vec<(String, String)>,
    held: Vec<u8>,
    /// Whether the back end's answer is the client's.
    passes: bool,
    pub(super) answer: Option<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Now {
    Nothing,
    /// The back end is asked for the head of its answer.
    Asks,
    /// A service is called.
    Calls(Callout),
    Watches,
    Pauses(u32),
}

/// What the client gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let values = self.fields.iter().filter(|(other, _)| other == name);
        let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

/// A REST API in the stage `prod` with a cache of 300 seconds for each operation; `changes` are put
/// in their places.
pub(super) fn document(operations: Value, changes: &[(&str, Value)]) -> attache_model::Gateway {
    let cached: Vec<Value> = (0..operations.as_array().unwrap().len())
        .map(|operation| json!({"operation": operation, "ttlSeconds": 300}))
        .collect();
    let mut document = json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "accessLog": true,
        "apis": [{
            "id": "shop", "name": "Shop", "protocol": "REST", "anyHost": true,
            "operations": operations,
            "stages": [{
                "name": "prod",
                "cacheCluster": {
                    "sizeMebibytes": 16, "longestWaitMillis": 1_000, "operations": cached,
                },
            }],
        }],
    });
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).expect(pointer)[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// An operation whose back end gets the client's request.
pub(super) fn operation(method: &str, path: &str, parameters: &[&str]) -> Value {
    json!({
        "path": path, "method": method,
        "cacheKey": {"parameters": parameters},
        "integration": {"httpProxy": {"uri": "http://back.example/", "timeoutInMillis": 29_000}},
    })
}

/// Where the cache's first operation stands.
pub(super) const CACHED: &str = "/apis/0/stages/0/cacheCluster/operations/0";

impl World {
    pub(super) fn new(operations: Value) -> Self {
        Self::with(operations, &[])
    }

    pub(super) fn with(operations: Value, changes: &[(&str, Value)]) -> Self {
        Self::of(&document(operations, changes))
    }

    pub(super) fn of(document: &attache_model::Gateway) -> Self {
        Self::in_environment(document, &|_: &str| None)
    }

    pub(super) fn in_environment(
        document: &attache_model::Gateway,
        environment: &dyn Environment,
    ) -> Self {
        let gateway = Gateway::compile(document, environment).unwrap();
        Self {
            gateway: Arc::new(gateway),
            proxy: Rc::default(),
        }
    }

    /// As an edit does: the proxy and what it has stored are the same.
    pub(super) fn replace_worker(&mut self, document: &attache_model::Gateway) {
        let ports = RequestPorts(Rc::clone(&self.proxy));
        self.gateway.end(&ports);
        self.gateway = Arc::new(Gateway::compile(document, &|_: &str| None).unwrap());
    }

    /// A request arrives.
    pub(super) fn start(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Client {
        self.start_with_body(method, path, fields, b"")
    }

    pub(super) fn start_with_body(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Client {
        self.proxy.logged.borrow_mut().clear();
        let mut headers: Headers = [
            (":method", method),
            (":path", path),
            (":authority", "shop.example"),
        ]
        .into_iter()
        .collect();
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let ports = Rc::new(RequestPorts(Rc::clone(&self.proxy)));
        let (stream, step) = Stream::start(&self.gateway, headers, body.is_empty(), ports);
        let mut client = Client {
            stream,
            request_body: body.to_vec(),
            proxy: Rc::clone(&self.proxy),
            now: Now::Nothing,
            edits: Vec::new(),
            head: Vec::new(),
            held: Vec::new(),
            passes: false,
            answer: None,
        };
        client.follow(step);
        client
    }

    /// A `GET` that the back end answers, if it is asked, with this body. What the client gets, and
    /// whether the back end was asked.
    pub(super) fn get(&self, path: &str, fields: &[(&str, &str)], body: &str) -> (Answer, bool) {
        let mut client = self.start("GET", path, fields);
        let asked = client.asks();
        if asked {
            client.answer_with(200, &[], body);
        }
        (client.answer.expect("an answer"), asked)
    }

    /// The body that a `GET` is answered with when the back end would say `body`.
    pub(super) fn text(&self, path: &str, fields: &[(&str, &str)], body: &str) -> String {
        self.get(path, fields, body).0.text().to_owned()
    }

    pub(super) fn advance(&self, millis: u64) {
        self.proxy.ports.millis.update(|now| now + millis);
    }

    /// The shared store fails from now on.
    pub(super) fn break_store(&self) {
        self.proxy.broken.set(true);
    }

    pub(super) fn metric(&self, name: &str) -> Option<u64> {
        self.metric_of("prod", name)
    }

    pub(super) fn metric_of(&self, stage: &str, name: &str) -> Option<u64> {
        let name = format!("attache.api.shop.stage.{stage}.{name}");
        self.proxy.metrics.borrow().get(&name).copied()
    }

    pub(super) fn logged(&self, field: &str) -> Option<String> {
        self.proxy.logged.borrow().get(field).cloned()
    }

    /// The moment, in milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.proxy.ports.millis.get()
    }

    /// Random numbers begin after this one.
    pub(super) fn seed(&self, random: u64) {
        self.proxy.random.set(random);
    }

    /// The time of errands has come, and each is answered.
    pub(super) fn run_errands(&self, mut answer: impl FnMut(&Callout) -> CalloutAnswer) {
        let ports = RequestPorts(Rc::clone(&self.proxy));
        for errand in self.gateway.errands(&ports) {
            let answer = answer(&errand.callout);
            self.gateway.fetched(errand.id, answer, &ports);
        }
    }

    /// The time of errands has come.
    pub(super) fn tick(&self) {
        let errands = self.gateway.errands(&RequestPorts(Rc::clone(&self.proxy)));
        assert_eq!(errands, []);
    }
}

impl Client {
    /// Whether the back end is being asked.
    pub(super) fn asks(&self) -> bool {
        self.now == Now::Asks
    }

    /// What a header field is set to for the back end.
    pub(super) fn asks_with(&self, name: &str) -> Option<&str> {
        self.edits.iter().find_map(|edit| match edit {
            HeaderEdit::Set(other, value) if other == name => str::from_utf8(value).ok(),
            _ => None,
        })
    }

    /// What a service is being asked.
    pub(super) fn calls(&self) -> Option<&Callout> {
        match &self.now {
            Now::Calls(callout) => Some(callout),
            _ => None,
        }
    }

    pub(super) fn pauses(&self) -> Option<u32> {
        match self.now {
            Now::Pauses(millis) => Some(millis),
            _ => None,
        }
    }

    /// The time for which it waits is over.
    pub(super) fn wake(&mut self) {
        let millis = self.pauses().expect("a pause");
        self.proxy
            .ports
            .millis
            .update(|now| now + u64::from(millis));
        self.resume(Event::Paused);
    }

    /// The head of the back end's answer.
    pub(super) fn head(&mut self, status: u16, fields: &[(&str, &str)]) {
        assert!(self.asks(), "the back end is not asked");
        let status_text = status.to_string();
        let all = [(":status", &*status_text)].into_iter();
        self.head = all
            .chain(fields.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.resume(Event::ResponseHead(ResponseHead {
            status,
            headers: self
                .head
                .iter()
                .map(|(name, value)| (name, value))
                .collect(),
            failure: None,
        }));
    }

    /// The back end cannot be reached.
    pub(super) fn fail(&mut self) {
        self.resume(Event::ResponseHead(ResponseHead {
            status: 503,
            headers: Headers::default(),
            failure: Some(UpstreamFailure::Unreachable),
        }));
    }

    /// The answer has passed with this body; `None`: trailers came after it, or it is too long.
    pub(super) fn end(&mut self, body: Option<&[u8]>) {
        if let (Some(body), Some(answer), true) = (body, &mut self.answer, self.passes) {
            answer.body = body.to_vec();
        }
        if self.now == Now::Watches {
            self.resume(Event::PassedOn(body.map(<[u8]>::to_vec)));
        }
    }

    /// The back end answers with its body's length.
    pub(super) fn answer_with(&mut self, status: u16, fields: &[(&str, &str)], body: &str) {
        let length = body.len().to_string();
        let mut all = vec![("content-length", &*length)];
        all.extend_from_slice(fields);
        self.held = body.into();
        self.head(status, &all);
        self.end(Some(body.as_bytes()));
    }

    /// The service that is called answers.
    pub(super) fn called(&mut self, status: u16, body: &[u8]) {
        self.call_ends(CalloutAnswer::Answered {
            headers: [(":status", status.to_string())].into_iter().collect(),
            body: body.to_vec(),
        });
    }

    /// The call has ended.
    pub(super) fn call_ends(&mut self, answer: CalloutAnswer) {
        self.resume(Event::Callout(answer));
    }

    fn resume(&mut self, event: Event) {
        self.now = Now::Nothing;
        let step = self.stream.resume(event);
        self.follow(step);
    }

    fn follow(&mut self, first: Step) {
        let mut next = Some(first);
        while let Some(step) = next.take() {
            match step {
                Step::Forward(edits) => {
                    self.now = Now::Asks;
                    self.edits = edits.headers;
                }
                Step::Call(callout) => self.now = Now::Calls(callout),
                Step::Pause(millis) => self.now = Now::Pauses(millis),
                Step::Collect if self.stream.hold() == Hold::Request => {
                    let body = self.request_body.clone();
                    next = Some(self.stream.resume(Event::RequestBody(body)));
                }
                Step::Collect => {
                    let body = self.held.clone();
                    next = Some(self.stream.resume(Event::ResponseBody(body)));
                }
                Step::PassOn(edits, _) => {
                    self.now = Now::Watches;
                    self.release(edits);
                }
                Step::Release(edits) => self.release(edits),
                Step::Reply(Reply {
                    status,
                    headers,
                    body,
                }) => {
                    let headers = headers.into_iter();
                    self.answer = Some(Answer {
                        status,
                        fields: headers
                            .map(|(name, value)| (name, String::from_utf8(value).unwrap()))
                            .collect(),
                        body,
                    });
                }
                Step::Done | Step::Ignore => {}
            }
        }
    }

    fn release(&mut self, edits: Edits) {
        assert_eq!(edits.body, None);
        self.passes = true;
        let mut fields = self.head.clone();
        for edit in edits.headers {
            let text = |value| String::from_utf8(value).unwrap();
            match edit {
                HeaderEdit::Set(name, value) => {
                    fields.retain(|(other, _)| *other != name);
                    fields.push((name.into_owned(), text(value)));
                }
                HeaderEdit::Add(name, value) => fields.push((name.into_owned(), text(value))),
                HeaderEdit::Remove(name) => fields.retain(|(other, _)| *other != name),
            }
        }
        let status = fields.iter().find(|(name, _)| name == ":status").unwrap();
        self.answer = Some(Answer {
            status: status.1.parse().unwrap(),
            fields,
            body: Vec::new(),
        });
    }
}

/// The ports of one request.
struct RequestPorts(Rc<Proxy>);

impl Clock for RequestPorts {
    fn now(&self) -> Timestamp {
        self.0.ports.now()
    }
}

impl Random for RequestPorts {
    fn next_u64(&self) -> u64 {
        self.0.random.update(|last| last + 1);
        self.0.random.get()
    }
}

impl Store for RequestPorts {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        if self.0.broken.get() {
            return Err(StoreError);
        }
        self.0.ports.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        if self.0.broken.get() {
            return Err(StoreError);
        }
        self.0.ports.compare_and_swap(key, value, expected)
    }
}

impl Meter for RequestPorts {
    fn count(&self, metric: &Metric, amount: u64) {
        let mut metrics = self.0.metrics.borrow_mut();
        *metrics.entry(metric.name.clone()).or_default() += amount;
    }

    fn observe(&self, _: &Metric, _: u64) {}

    fn set(&self, metric: &Metric, value: u64) {
        let mut metrics = self.0.metrics.borrow_mut();
        metrics.insert(metric.name.clone(), value);
    }
}

impl AccessLog for RequestPorts {
    fn publish(&self, field: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).into_owned();
        self.0.logged.borrow_mut().insert(field.to_owned(), value);
    }
}

impl FilterState for RequestPorts {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) {}
}

impl Connection for RequestPorts {
    fn source_address(&self) -> Vec<u8> {
        self.0.ports.source_address()
    }

    fn protocol(&self) -> Vec<u8> {
        self.0.ports.protocol()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}

impl Signatures for RequestPorts {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}
