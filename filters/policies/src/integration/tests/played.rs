//! One request played through the whole gateway, with a back end that answers at once.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::exchange::{CalloutAnswer, Event, Hold, Reply, ResponseHead, Step, Stream};
use crate::memory_ports::MemoryPorts;
use crate::{CompileError, Edits, Gateway, HeaderEdit, Headers, UpstreamFailure};

/// What somebody sees of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// By name; several values are joined with `, `.
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn new(fields: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let mut message = Self {
            body: body.into(),
            ..Self::default()
        };
        for (name, value) in fields {
            message.add(name, value);
        }
        message
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn status(&self) -> u16 {
        self.fields[":status"].parse().unwrap()
    }

    fn add(&mut self, name: &str, value: &str) {
        let values = self.fields.entry(name.to_owned()).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(value);
    }

    fn edit(&mut self, edits: Edits) {
        for edit in edits.headers {
            let text = |value| String::from_utf8(value).unwrap();
            match edit {
                HeaderEdit::Set(name, value) => {
                    self.fields.insert(name.into_owned(), text(value));
                }
                HeaderEdit::Add(name, value) => self.add(&name, &text(value)),
                HeaderEdit::Remove(name) => {
                    assert!(
                        self.fields.remove(&*name).is_some(),
                        "`{name}` was not there"
                    );
                }
            }
        }
        if let Some(body) = edits.body {
            self.body = body;
        }
    }

    fn headers(&self) -> Headers {
        self.fields.iter().collect()
    }
}

/// How one request went.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// What the back end saw.
    pub(super) back_end: Option<Message>,
    /// Whether it was called aside of the client's request.
    pub(super) aside: bool,
    /// Whether the request's body was held.
    pub(super) held_request: bool,
    /// Whether the answer's body was held.
    pub(super) held_answer: bool,
    /// What the client saw.
    pub(super) client: Message,
}

/// A REST API with one operation, `ANY /{id}`, in the stage `s`.
pub(super) struct Operation {
    gateway: Arc<Gateway>,
}

/// The document of such an API; `changes` are put in their places.
pub(super) fn document(integration: Value, changes: &[(&str, Value)]) -> attache_model::Gateway {
    let mut document = json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "apis": [{
            "id": "shop", "name": "Shop", "protocol": "REST", "anyHost": true,
            "operations": [{"path": "/{id}", "method": "ANY", "integration": integration}],
            "stages": [{"name": "s", "variables": {"word": "w", "host": "v.example", "empty": ""}}],
        }],
        "endpoints": {},
    });
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).expect(pointer)[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// Where the integration stands in the document.
pub(super) const PLACE: &str = "/apis/0/operations/0/integration";

impl Operation {
    pub(super) fn new(integration: Value) -> Self {
        Self::with(integration, &[])
    }

    pub(super) fn with(integration: Value, changes: &[(&str, Value)]) -> Self {
        Self::compile(integration, changes).unwrap()
    }

    pub(super) fn compile(
        integration: Value,
        changes: &[(&str, Value)],
    ) -> Result<Self, Vec<CompileError>> {
        let document = document(integration, changes);
        let gateway = Gateway::compile(&document, &|_: &str| None)?;
        Ok(Self {
            gateway: Arc::new(gateway),
        })
    }

    /// A request that the back end answers with 200 and `{}`.
    pub(super) fn send(&self, method: &str, target: &str, request: Message) -> Played {
        let json = [(":status", "200"), ("content-type", "application/json")];
        self.play(method, target, request, Ok(Message::new(&json, "{}")))
    }

    /// A request, and what the back end does.
    pub(super) fn play(
        &self,
        method: &str,
        target: &str,
        mut request: Message,
        answer: Result<Message, UpstreamFailure>,
    ) -> Played {
        for (name, value) in [
            (":method", method),
            (":path", target),
            (":authority", "shop.example"),
        ] {
            request.add(name, value);
        }
        let mut played = Played::default();
        let ends_with_headers = request.body.is_empty();
        let ports = Rc::new(MemoryPorts::default());
        let (mut stream, mut step) =
            Stream::start(&self.gateway, request.headers(), ends_with_headers, ports);
        loop {
            step = match step {
                Step::Collect if stream.hold() == Hold::Request => {
                    played.held_request = true;
                    stream.resume(Event::RequestBody(request.body.clone()))
                }
                Step::Collect => {
                    played.held_answer = true;
                    let body = answer.as_ref().unwrap().body.clone();
                    stream.resume(Event::ResponseBody(body))
                }
                Step::Call(callout) => {
                    played.aside = true;
                    let mut seen = Message::default();
                    for (name, value) in &callout.headers {
                        seen.add(name, str::from_utf8(value).unwrap());
                    }
                    seen.fields
                        .insert("x-attache-cluster".to_owned(), callout.cluster);
                    seen.body = callout.body;
                    played.back_end = Some(seen);
                    stream.resume(Event::Callout(match &answer {
                        Ok(answer) => CalloutAnswer::Answered {
                            headers: answer.headers(),
                            body: answer.body.clone(),
                        },
                        Err(_) => CalloutAnswer::Failed,
                    }))
                }
                Step::Forward(edits) => {
                    let mut seen = request.clone();
                    if edits.body.is_some() {
                        assert!(played.held_request, "only a held body can be replaced");
                    }
                    seen.edit(edits);
                    played.back_end = Some(seen);
                    let (status, headers, failure) = match &answer {
                        Ok(answer) => (answer.status(), answer.headers(), None),
                        Err(failure) => (503, Headers::default(), Some(*failure)),
                    };
                    stream.resume(Event::ResponseHead(ResponseHead {
                        status,
                        headers,
                        failure,
                    }))
                }
                Step::Release(edits) => {
                    played.client = answer.unwrap();
                    played.client.edit(edits);
                    return played;
                }
                Step::Reply(Reply {
                    status,
                    headers,
                    body,
                }) => {
                    played.client = Message::new(&[(":status", &status.to_string())], body);
                    for (name, value) in headers {
                        played.client.add(&name, str::from_utf8(&value).unwrap());
                    }
                    return played;
                }
                Step::PassOn(..) | Step::Pause(_) | Step::Done | Step::Ignore => {
                    panic!("{played:?}")
                }
            };
        }
    }
}
