//! One request: the proxy's callbacks in, one pipeline behind them.
//!
//! Every callback does the same three things: it reports what has happened to the pipeline,
//! carries out the step that the pipeline answers with, and returns what
//! [`Stream::hold`] computes.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use attache_policies::{
    Callout, CalloutAnswer, Edits, Event, HeaderEdit, Hold, Reply, ResponseHead, Service, Step,
    Stream,
};
use log::error;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::hostcalls::{self, Buffer, Direction, HeaderMap, Refused};
use crate::plugin::{Failed, Plugin};
use crate::upstream_failure;

/// The SDK's side of a stream.
pub(crate) struct HttpStream<S: Service> {
    context: u32,
    plugin: Option<Rc<Plugin<S>>>,
    request: Rc<RefCell<Request<S>>>,
}

impl<S: Service> HttpStream<S> {
    pub(crate) fn new(context: u32, plugin: Option<Rc<Plugin<S>>>) -> Self {
        Self {
            context,
            plugin: plugin.clone(),
            request: Rc::new_cyclic(|this| {
                RefCell::new(Request {
                    this: this.clone(),
                    context,
                    plugin,
                    stream: None,
                    request_ended: false,
                    response_ended: false,
                    response_part: Part::Head,
                    copy: None,
                })
            }),
        }
    }
}

/// A request that may be woken by the answer to a call, which is the plugin's.
pub(crate) struct Request<S> {
    this: Weak<RefCell<Self>>,
    context: u32,
    plugin: Option<Rc<Plugin<S>>>,
    stream: Option<Stream>,
    request_ended: bool,
    response_ended: bool,
    response_part: Part,
    copy: Option<BodyCopy>,
}

/// Which part of a message has arrived last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Body,
    Trailers,
}

/// What has passed of an answer whose body the pipeline wants to have.
struct BodyCopy {
    body: Vec<u8>,
    at_most: usize,
}

impl BodyCopy {
    /// Takes down the part of the body that is in the buffer now; `false` when the whole is
    /// longer than what is wanted.
    fn take_down(&mut self) -> bool {
        let room = self.at_most.saturating_sub(self.body.len());
        match hostcalls::start_of_buffer(Buffer::ResponseBody, room.saturating_add(1)) {
            Ok(part) if part.len() > room => false,
            Ok(part) if self.body.is_empty() => {
                self.body = part;
                true
            }
            Ok(part) => {
                self.body.extend_from_slice(&part);
                true
            }
            Err(refused) => {
                error!("the host refused a body with status {}", refused.0);
                false
            }
        }
    }
}

impl<S: Service> Request<S> {
    fn start(&mut self) -> Result<Step, Refused> {
        let plugin = self.plugin.as_ref().ok_or(Refused(0))?;
        let headers = hostcalls::headers(HeaderMap::Request)?;
        let ports = Rc::clone(&plugin.ports);
        let (stream, step) = Stream::start(&plugin.service, headers, self.request_ended, ports);
        self.stream = Some(stream);
        Ok(step)
    }

    fn resume(&mut self, event: Event) -> Step {
        self.stream
            .as_mut()
            .map_or(Step::Ignore, |stream| stream.resume(event))
    }

    fn hold(&self) -> Hold {
        self.stream.as_ref().map_or(Hold::Answered, Stream::hold)
    }

    /// Carries out a step, and those that follow from it at once.
    fn carry_out(&mut self, mut step: Step) {
        loop {
            let result = match step {
                Step::Done | Step::Ignore => Ok(()),
                Step::Reply(reply) => hostcalls::send(&reply),
                Step::Forward(edits) => apply(&edits, HeaderMap::Request, Buffer::RequestBody),
                Step::Release(edits) => apply(&edits, HeaderMap::Response, Buffer::ResponseBody),
                Step::PassOn(edits, at_most) => match self.pass_on(&edits, at_most) {
                    Ok(next) => {
                        step = next;
                        continue;
                    }
                    Err(refused) => Err(refused),
                },
                Step::Pause(millis) => {
                    if let Some(plugin) = &self.plugin {
                        plugin.pause(self.context, self.this.clone(), millis);
                    }
                    Ok(())
                }
                Step::Call(callout) => {
                    if self.call(callout).is_err() {
                        step = self.resume(Event::Callout(CalloutAnswer::Failed));
                        continue;
                    }
                    Ok(())
                }
                Step::Collect => match self.collected() {
                    Ok(Some(event)) => {
                        step = self.resume(event);
                        continue;
                    }
                    Ok(None) => Ok(()),
                    Err(refused) => Err(refused),
                },
            };
            if let Err(refused) = result {
                error!("the host refused a step with status {}", refused.0);
                self.refuse();
            }
            return;
        }
    }

    fn call(&self, callout: Callout) -> Result<(), Failed> {
        let plugin = self.plugin.as_ref().ok_or(Failed)?;
        plugin.call(self.context, self.this.clone(), callout)
    }

    /// Lets the answer go, and takes down what was held of its body so far and what passes from
    /// now on.
    fn pass_on(&mut self, edits: &Edits, at_most: usize) -> Result<Step, Refused> {
        apply(edits, HeaderMap::Response, Buffer::ResponseBody)?;
        self.copy = Some(BodyCopy {
            body: Vec::new(),
            at_most,
        });
        Ok(self.response_passes())
    }

    /// Takes down the part of the answer that passes, if its body is wanted.
    fn response_passes(&mut self) -> Step {
        let Some(copy) = &mut self.copy else {
            return Step::Ignore;
        };
        let whole = match self.response_part {
            Part::Head => true,
            Part::Body => copy.take_down(),
            // A body without its trailers is not the whole answer.
            Part::Trailers => false,
        };
        if whole && !self.response_ended {
            return Step::Ignore;
        }
        let body = self.copy.take().map(|copy| copy.body);
        self.resume(Event::PassedOn(body.filter(|_| whole)))
    }

    /// What the pipeline waits for, apart from the message itself, has happened.
    pub(crate) fn wake(&mut self, event: Event) {
        let before = self.hold();
        let step = self.resume(event);
        self.carry_out(step);
        let resumed = match (before, self.hold()) {
            (Hold::Request, Hold::Nothing) => hostcalls::continue_stream(Direction::Request),
            (Hold::Response, Hold::Nothing) => hostcalls::continue_stream(Direction::Response),
            _ => Ok(()),
        };
        if let Err(refused) = resumed {
            error!("the host refused to resume with status {}", refused.0);
        }
    }

    /// The body that the pipeline waits for, if it is complete.
    fn collected(&self) -> Result<Option<Event>, Refused> {
        match self.hold() {
            Hold::Request if self.request_ended => {
                hostcalls::buffer(Buffer::RequestBody).map(|body| Some(Event::RequestBody(body)))
            }
            Hold::Response if self.response_ended => {
                hostcalls::buffer(Buffer::ResponseBody).map(|body| Some(Event::ResponseBody(body)))
            }
            _ => Ok(None),
        }
    }

    /// Fails closed: the pipeline is dropped and the client is answered.
    fn refuse(&mut self) {
        self.stream = None;
        let reply = Reply {
            status: 500,
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body: br#"{"message":"Internal server error"}"#.to_vec(),
        };
        if let Err(refused) = hostcalls::send(&reply) {
            error!("the host refused a reply with status {}", refused.0);
        }
    }

    /// What a callback of the request's side tells the host.
    fn request_action(&self) -> Action {
        match self.hold() {
            Hold::Request | Hold::Answered => Action::Pause,
            Hold::Response | Hold::Nothing => Action::Continue,
        }
    }

    /// A part of the request's body, or its end, has arrived.
    fn request_continues(&mut self, ended: bool) -> Action {
        self.request_ended |= ended;
        if self.awaits_body(Hold::Request) {
            self.carry_out(Step::Collect);
        }
        self.request_action()
    }

    /// A part of the answer's body, or its trailers, have arrived.
    fn response_continues(&mut self, part: Part, ended: bool) -> Action {
        self.response_ended |= ended;
        self.response_part = part;
        let step = self.response_passes();
        self.carry_out(step);
        if self.awaits_body(Hold::Response) {
            self.carry_out(Step::Collect);
            if self.hold() == Hold::Answered {
                return Action::Pause;
            }
        }
        match self.hold() {
            Hold::Response => Action::Pause,
            Hold::Request | Hold::Nothing | Hold::Answered => Action::Continue,
        }
    }

    fn request_begins(&mut self, ended: bool) -> Action {
        self.request_ended = ended;
        match self.start() {
            Ok(step) => self.carry_out(step),
            Err(_) => self.refuse(),
        }
        self.request_action()
    }

    fn response_begins(&mut self, ended: bool) -> Action {
        if self.hold() == Hold::Request {
            // The proxy itself has answered, because the body is too large or too late: there is
            // nothing left to decide.
            self.stream = None;
        }
        if !self.stream.as_ref().is_some_and(Stream::awaits_response) {
            return Action::Continue;
        }
        self.response_ended = ended;
        match response_head() {
            Ok(head) => {
                let step = self.resume(Event::ResponseHead(head));
                self.carry_out(step);
            }
            Err(_) => self.refuse(),
        }
        match self.hold() {
            Hold::Response | Hold::Answered => Action::Pause,
            Hold::Request | Hold::Nothing => Action::Continue,
        }
    }

    fn awaits_body(&self, side: Hold) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|stream| stream.collects() && stream.hold() == side)
    }
}

/// Makes the changes to a held message. Removing goes first, so that a field that a client sent
/// under an internal name cannot outlive the one that is set.
fn apply(edits: &Edits, map: HeaderMap, buffer: Buffer) -> Result<(), Refused> {
    for edit in &edits.headers {
        hostcalls::edit(map, edit)?;
    }
    if let Some(body) = &edits.body {
        let length = HeaderEdit::Set("content-length".into(), body.len().to_string().into_bytes());
        hostcalls::edit(map, &HeaderEdit::Remove("transfer-encoding".into()))?;
        hostcalls::edit(map, &length)?;
        hostcalls::set_buffer(buffer, body)?;
    }
    Ok(())
}

/// The head of the answer, and whether it is the upstream's.
fn response_head() -> Result<ResponseHead, Refused> {
    let headers = hostcalls::headers(HeaderMap::Response)?;
    let status = headers
        .first(b":status")
        .and_then(|status| str::from_utf8(status).ok())
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    // Only these can be the proxy's own, so only they are worth the property's price.
    let failure = if matches!(status, 408 | 500..=504) {
        let details = hostcalls::property("response\0code_details")?;
        upstream_failure::read(&details.unwrap_or_default())
    } else {
        None
    };
    Ok(ResponseHead {
        status,
        headers,
        failure,
    })
}

impl<S: Service> Context for HttpStream<S> {}

impl<S: Service> HttpContext for HttpStream<S> {
    fn on_http_request_headers(&mut self, _count: usize, ended: bool) -> Action {
        self.request.borrow_mut().request_begins(ended)
    }

    fn on_http_request_body(&mut self, _size: usize, ended: bool) -> Action {
        self.request.borrow_mut().request_continues(ended)
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request.borrow_mut().request_continues(true)
    }

    fn on_http_response_headers(&mut self, _count: usize, ended: bool) -> Action {
        self.request.borrow_mut().response_begins(ended)
    }

    fn on_http_response_body(&mut self, _size: usize, ended: bool) -> Action {
        self.request
            .borrow_mut()
            .response_continues(Part::Body, ended)
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.request
            .borrow_mut()
            .response_continues(Part::Trailers, true)
    }
}

impl<S: Service> Drop for HttpStream<S> {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.forget(self.context);
        }
    }
}
