//! Runs one pipeline for a proxy: events in, steps out.

use std::cell::OnceCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::conversation::{Conversation, Question, Reaction};
use super::{Answer, Callout, CalloutAnswer, Edits, Exchange, Reply, ResponseHead, Service};
use crate::headers::Headers;
use crate::ports::Ports;

/// The pipeline of one request, and where it stands.
pub struct Stream {
    state: State,
    conversation: Rc<Conversation>,
}

type Pipeline = Pin<Box<dyn Future<Output = Answer>>>;

enum State {
    Running {
        pipeline: Pipeline,
        waiting: Waiting,
        forwarded: bool,
    },
    /// The last step was taken: the upstream's answer passes, or the gateway's own was given.
    Finished { answered: bool },
}

/// What the open question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Callout,
    RequestBody,
    ResponseHead,
    ResponseBody,
}

/// What has happened on the proxy's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request's body is complete.
    RequestBody(Vec<u8>),
    /// The callout has been answered.
    Callout(CalloutAnswer),
    /// The head of the answer is there.
    ResponseHead(ResponseHead),
    /// The answer's body is complete.
    ResponseBody(Vec<u8>),
}

/// What the proxy is to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hold the message and make this call.
    Call(Callout),
    /// Hold the message until its body is complete, then report it.
    Collect,
    /// Send the request to the upstream, changed like this.
    Forward(Edits),
    /// Answer with this. Nothing may be done to the exchange afterwards.
    Reply(Reply),
    /// Send the upstream's answer to the client, changed like this. Nothing may be done to the
    /// exchange afterwards.
    Release(Edits),
    /// The event was not awaited: carry on as before.
    Ignore,
}

/// What the proxy does with bytes that arrive in between: the one rule for every callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Keep the request: the pipeline has not said yes yet.
    Request,
    /// Keep the answer.
    Response,
    /// Let pass.
    Nothing,
    /// The gateway has answered: nothing of the request goes any further.
    Answered,
}

impl Stream {
    /// Starts the pipeline of a request whose headers have arrived.
    pub fn start<S: Service>(
        service: &Arc<S>,
        request: Headers,
        ends_with_headers: bool,
        ports: Rc<dyn Ports>,
    ) -> (Self, Step) {
        let conversation = Rc::new(Conversation::default());
        let exchange = Exchange {
            request,
            ends_with_headers,
            request_body: OnceCell::new(),
            ports,
            conversation: Rc::clone(&conversation),
        };
        let pipeline: Pipeline = Box::pin(Arc::clone(service).serve(exchange));
        let mut stream = Self {
            state: State::Finished { answered: false },
            conversation,
        };
        let step = stream.poll(pipeline, false);
        (stream, step)
    }

    /// Reports an event to the pipeline if it waits for it.
    pub fn resume(&mut self, event: Event) -> Step {
        let awaited = match (&self.state, &event) {
            (State::Running { waiting, .. }, event) => *waiting == event.awaited_as(),
            (State::Finished { .. }, _) => false,
        };
        if !awaited {
            return Step::Ignore;
        }
        match std::mem::replace(&mut self.state, State::Finished { answered: true }) {
            State::Running {
                pipeline,
                forwarded,
                ..
            } => {
                self.conversation.react(event.into());
                self.poll(pipeline, forwarded)
            }
            State::Finished { .. } => Step::Ignore,
        }
    }

    /// What is held at this moment, computed from what the pipeline waits for.
    #[must_use]
    pub const fn hold(&self) -> Hold {
        match &self.state {
            State::Finished { answered: true } => Hold::Answered,
            State::Finished { answered: false }
            | State::Running {
                waiting: Waiting::ResponseHead,
                ..
            } => Hold::Nothing,
            State::Running {
                forwarded: false, ..
            } => Hold::Request,
            State::Running {
                forwarded: true, ..
            } => Hold::Response,
        }
    }

    /// Whether the pipeline waits for the head of the answer.
    #[must_use]
    pub const fn awaits_response(&self) -> bool {
        matches!(
            self.state,
            State::Running {
                waiting: Waiting::ResponseHead,
                ..
            }
        )
    }

    /// Whether the pipeline waits for the whole body of the message that is held.
    #[must_use]
    pub const fn collects(&self) -> bool {
        matches!(
            self.state,
            State::Running {
                waiting: Waiting::RequestBody | Waiting::ResponseBody,
                ..
            }
        )
    }

    fn poll(&mut self, mut pipeline: Pipeline, forwarded: bool) -> Step {
        match pipeline
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Answer::Reply(reply)) => {
                self.state = State::Finished { answered: true };
                Step::Reply(reply)
            }
            Poll::Ready(Answer::PassThrough(edits)) => {
                self.state = State::Finished { answered: false };
                if forwarded {
                    Step::Release(edits)
                } else {
                    Step::Forward(edits)
                }
            }
            Poll::Pending => {
                let (waiting, step) = match self.conversation.take_question() {
                    Some(Question::Callout(callout)) => (Waiting::Callout, Step::Call(callout)),
                    Some(Question::RequestBody) => (Waiting::RequestBody, Step::Collect),
                    Some(Question::Forward(edits)) => (Waiting::ResponseHead, Step::Forward(edits)),
                    Some(Question::ResponseBody) => (Waiting::ResponseBody, Step::Collect),
                    // A pipeline that awaits something that is not the exchange's can never go
                    // on. It is answered, so that the client is not left waiting.
                    None => {
                        self.state = State::Finished { answered: true };
                        return Step::Reply(Reply {
                            status: 500,
                            ..Reply::default()
                        });
                    }
                };
                self.state = State::Running {
                    pipeline,
                    waiting,
                    forwarded: forwarded || waiting == Waiting::ResponseHead,
                };
                step
            }
        }
    }
}

impl Event {
    const fn awaited_as(&self) -> Waiting {
        match self {
            Self::RequestBody(_) => Waiting::RequestBody,
            Self::Callout(_) => Waiting::Callout,
            Self::ResponseHead(_) => Waiting::ResponseHead,
            Self::ResponseBody(_) => Waiting::ResponseBody,
        }
    }
}

impl From<Event> for Reaction {
    fn from(event: Event) -> Self {
        match event {
            Event::RequestBody(body) => Self::RequestBody(body),
            Event::Callout(answer) => Self::Callout(answer),
            Event::ResponseHead(head) => Self::ResponseHead(head),
            Event::ResponseBody(body) => Self::ResponseBody(body),
        }
    }
}
