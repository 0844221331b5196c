//! One stream as the proxy's callbacks see it: events in any order, also ones that a well-behaved
//! proxy would not send.

use std::rc::Rc;
use std::sync::Arc;

use attache_policies::{
    Callout, CalloutAnswer, Edits, Event, Headers, Hold, Reply, ResponseHead, Service, Step, Stream,
};

use crate::laws::{Law, Witness};
use crate::message::{Message, apply, with_length};
use crate::ports::{RequestPorts, Worker};

/// One stream, and what has become of it so far.
///
/// # Panics
///
/// Every method panics when a law is broken, with the law's words.
pub struct Session {
    /// `None` once the client has gone.
    stream: Option<Stream>,
    witness: Witness,
    request: Message,
    response: Option<Message>,
    upstream: Option<Message>,
    client: Option<Message>,
    replied: bool,
    callouts: Vec<Callout>,
    open_callout: bool,
    new_call: bool,
    open_pause: Option<u32>,
    new_pause: bool,
    /// Whether trailers came after the answer's body.
    response_trailed: bool,
    /// How long a body may be that the pipeline wants to have of an answer that passes.
    copies: Option<usize>,
    ignored: usize,
}

impl Session {
    /// The request's headers have arrived.
    pub fn start<S: Service>(
        service: &Arc<S>,
        worker: &Worker,
        headers: Headers,
        ends_with_headers: bool,
    ) -> Self {
        Self::with_ports(service, worker.request(), headers, ends_with_headers)
    }

    /// The same with ports that the caller has prepared.
    pub fn with_ports<S: Service>(
        service: &Arc<S>,
        ports: Rc<RequestPorts>,
        headers: Headers,
        ends_with_headers: bool,
    ) -> Self {
        let (stream, step) = Stream::start(service, headers.clone(), ends_with_headers, ports);
        let mut session = Self {
            stream: Some(stream),
            witness: Witness::new(ends_with_headers),
            request: Message {
                headers,
                body: Vec::new(),
                complete: ends_with_headers,
            },
            response: None,
            upstream: None,
            client: None,
            replied: false,
            callouts: Vec::new(),
            open_callout: false,
            new_call: false,
            open_pause: None,
            new_pause: false,
            response_trailed: false,
            copies: None,
            ignored: 0,
        };
        session.follow(step);
        session
    }

    /// A piece of the request's body has arrived.
    pub fn request_body(&mut self, piece: &[u8], end: bool) {
        if self.request.complete || self.stream.is_none() || self.replied {
            return;
        }
        self.request.body.extend_from_slice(piece);
        self.request.complete = end;
        if self.hold() == Hold::Request {
            if end && self.collects() {
                self.report(Event::RequestBody(self.request.body.clone()));
            }
        } else {
            self.send_on();
        }
    }

    /// A callout has been answered; a late or surplus answer may come too.
    pub fn callout(&mut self, answer: CalloutAnswer) {
        self.open_callout = false;
        self.report(Event::Callout(answer));
    }

    /// The time for which the pipeline waits is over.
    pub fn paused(&mut self) {
        self.open_pause = None;
        self.report(Event::Paused);
    }

    /// The head of an answer has arrived, from the upstream or from the proxy itself.
    pub fn response_head(&mut self, head: ResponseHead, end: bool) {
        if self.response.is_some() || self.replied || self.stream.is_none() {
            return;
        }
        self.response = Some(Message {
            headers: head.headers.clone(),
            body: Vec::new(),
            complete: end,
        });
        let hold_before = self.hold();
        self.report(Event::ResponseHead(head));
        // Not awaited, and nothing held: the answer of a request that the pipeline has let go, or
        // the proxy's own refusal of a request that the pipeline still looks at.
        if self.client.is_none() && !self.replied && self.hold() != Hold::Response {
            if hold_before == Hold::Request {
                self.stream = None;
            }
            self.pass_response();
        }
    }

    /// A piece of the answer's body has arrived.
    pub fn response_body(&mut self, piece: &[u8], end: bool) {
        let Some(response) = self.response.as_mut() else {
            return;
        };
        if response.complete || self.replied {
            return;
        }
        response.body.extend_from_slice(piece);
        self.response_continues(piece, end);
    }

    /// The answer's trailers have arrived, and with them its end. What stands in them is not
    /// looked at.
    pub fn response_trailers(&mut self) {
        let open = self.response.as_ref().is_some_and(|it| !it.complete);
        if open && !self.replied {
            self.response_trailed = true;
            self.response_continues(&[], true);
        }
    }

    fn response_continues(&mut self, piece: &[u8], end: bool) {
        if let Some(response) = self.response.as_mut() {
            response.complete = end;
        }
        if self.hold() == Hold::Response {
            if end && self.collects() {
                let body = self.response.as_ref().map(|response| response.body.clone());
                self.report(Event::ResponseBody(body.unwrap_or_default()));
            }
        } else if let Some(client) = self.client.as_mut() {
            client.body.extend_from_slice(piece);
            client.complete = end;
            self.watch();
        }
    }

    /// Tells a pipeline that wants the body of an answer that passes when it has ended, or is too
    /// long.
    fn watch(&mut self) {
        let Some((at_most, client)) = self.copies.zip(self.client.as_ref()) else {
            return;
        };
        let whole = client.body.len() <= at_most && !self.response_trailed;
        if client.complete || !whole {
            self.copies = None;
            let body = whole.then(|| client.body.clone());
            self.report(Event::PassedOn(body));
        }
    }

    /// An event reaches the pipeline outside of the order that the callbacks keep. The proxy's
    /// own picture of the messages stays as it is, so the head of an answer, which a pipeline
    /// may release, comes through [`response_head`](Self::response_head) only.
    pub fn intrude(&mut self, event: Event) {
        self.report(event);
    }

    /// The client has gone, or the proxy has given the stream up.
    pub fn close(&mut self) {
        self.stream = None;
        self.open_callout = false;
        self.open_pause = None;
        self.copies = None;
    }

    /// What the upstream has seen; `None` when it was never contacted.
    #[must_use]
    pub const fn upstream(&self) -> Option<&Message> {
        self.upstream.as_ref()
    }

    /// What the client has seen; `None` when nothing yet.
    #[must_use]
    pub const fn client(&self) -> Option<&Message> {
        self.client.as_ref()
    }

    /// The callouts made so far.
    #[must_use]
    pub fn callouts(&self) -> &[Callout] {
        &self.callouts
    }

    /// The callout that is still to be answered.
    #[must_use]
    pub fn open_callout(&self) -> Option<&Callout> {
        self.open_callout.then(|| self.callouts.last()).flatten()
    }

    /// For how many milliseconds the pipeline waits, when it waits for nothing else.
    #[must_use]
    pub const fn open_pause(&self) -> Option<u32> {
        self.open_pause
    }

    /// The callout that was begun since the last time that this was asked.
    pub(crate) fn new_call(&mut self) -> Option<Callout> {
        if std::mem::take(&mut self.new_call) {
            self.open_callout().cloned()
        } else {
            None
        }
    }

    /// The pause that was begun since the last time that this was asked.
    pub(crate) fn new_pause(&mut self) -> Option<u32> {
        if std::mem::take(&mut self.new_pause) {
            self.open_pause
        } else {
            None
        }
    }

    /// How many events were not awaited.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// Whether the gateway answered by itself.
    #[must_use]
    pub const fn replied(&self) -> bool {
        self.replied
    }

    /// What the proxy holds.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.stream.as_ref().map_or(Hold::Nothing, Stream::hold)
    }

    fn collects(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::collects)
    }

    fn report(&mut self, event: Event) {
        let Some(stream) = self.stream.as_mut() else {
            self.ignored += 1;
            return;
        };
        let step = stream.resume(event);
        self.follow(step);
    }

    fn follow(&mut self, first: Step) {
        let mut next = Some(first);
        while let Some(step) = next.take() {
            let hold = self.hold();
            let judgement = self.witness.step(&step, hold);
            self.judge(judgement, &step);
            next = self.act(step, hold);
        }
    }

    fn act(&mut self, step: Step, hold: Hold) -> Option<Step> {
        match step {
            Step::Call(callout) => {
                self.callouts.push(callout);
                self.open_callout = true;
                self.new_call = true;
                None
            }
            Step::Collect => {
                let stream = self.stream.as_mut()?;
                match hold {
                    Hold::Request if self.request.complete => {
                        Some(stream.resume(Event::RequestBody(self.request.body.clone())))
                    }
                    Hold::Response => {
                        let response = self.response.as_ref().filter(|it| it.complete)?;
                        Some(stream.resume(Event::ResponseBody(response.body.clone())))
                    }
                    Hold::Request | Hold::Nothing | Hold::Answered => None,
                }
            }
            Step::Forward(edits) => {
                self.forward(edits);
                None
            }
            Step::Reply(reply) => {
                self.reply(reply);
                None
            }
            Step::Release(edits) => {
                self.release(edits);
                None
            }
            Step::PassOn(edits, at_most) => {
                self.release(edits);
                self.copies = Some(at_most);
                self.watch();
                None
            }
            Step::Pause(millis) => {
                self.open_pause = Some(millis);
                self.new_pause = true;
                None
            }
            Step::Done => None,
            Step::Ignore => {
                self.ignored += 1;
                None
            }
        }
    }

    fn forward(&mut self, edits: Edits) {
        let mut headers = apply(&edits.headers, &self.request.headers);
        if let Some(body) = edits.body {
            headers = with_length(&headers, body.len());
            self.request.body = body;
        }
        self.judge(self.witness.upstream_reached(), &"the request's headers");
        self.upstream = Some(Message {
            headers,
            body: std::mem::take(&mut self.request.body),
            complete: self.request.complete,
        });
    }

    fn send_on(&mut self) {
        self.judge(self.witness.upstream_reached(), &"a piece of the body");
        if let Some(upstream) = self.upstream.as_mut() {
            upstream.body.append(&mut self.request.body);
            upstream.complete = self.request.complete;
        }
    }

    fn reply(&mut self, reply: Reply) {
        if self.client.is_some() {
            self.judge(Err(Law::NothingAfterTheAnswer), &reply);
        }
        let mut headers: Headers = [(":status", reply.status.to_string())]
            .into_iter()
            .collect();
        for (name, value) in &reply.headers {
            headers.push(name.as_bytes(), value);
        }
        self.replied = true;
        self.client = Some(Message {
            headers: with_length(&headers, reply.body.len()),
            body: reply.body,
            complete: true,
        });
    }

    fn release(&mut self, edits: Edits) {
        let Some(response) = self.response.as_ref() else {
            self.judge(Err(Law::ReleaseNeedsForward), &edits);
            return;
        };
        let headers = apply(&edits.headers, &response.headers);
        self.client = Some(match edits.body {
            Some(body) => Message {
                headers: with_length(&headers, body.len()),
                body,
                complete: true,
            },
            None => Message {
                headers,
                ..response.clone()
            },
        });
    }

    fn pass_response(&mut self) {
        self.client.clone_from(&self.response);
    }

    fn judge(&self, judgement: Result<(), Law>, on: &dyn std::fmt::Debug) {
        if let Err(law) = judgement {
            panic!("law broken: {law}: {on:?}");
        }
    }
}
