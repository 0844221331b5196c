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
use crate::web_socket;

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
        progress: Progress,
    },
    /// The last step was taken: the upstream's answer passes, or the gateway's own was given.
    Finished { answered: bool },
}

/// How far the request has come. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// The client's request is still here.
    Arrived,
    /// It has gone to the upstream.
    Forwarded,
    /// The upstream's answer has gone to the client, or is about to: nothing can be done to it.
    PassedOn,
}

/// What the open question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Callout,
    RequestBody,
    ResponseHead,
    ResponseBody,
    PassedOn,
    Pause,
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
    /// The answer that goes to the client has ended, with this body; `None`: it is longer than was
    /// asked for, or is not all of it.
    PassedOn(Option<Vec<u8>>),
    /// The time is over.
    Paused,
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
    /// Send the upstream's answer to the client, changed like this, and report its body when it
    /// has ended, or that it has more than so many bytes. It may not be changed or held any more:
    /// the next step is [`Done`](Self::Done).
    PassOn(Edits, usize),
    /// Hold the message for so many milliseconds, then report that they are over.
    Pause(u32),
    /// Nothing more: the pipeline has ended after it had passed the answer on.
    Done,
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
        // What follows a handshake is not its body, and it ends with the connection only.
        let ends_with_headers = ends_with_headers || web_socket::is_handshake(&request);
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
        let step = stream.poll(pipeline, Progress::Arrived);
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
                pipeline, progress, ..
            } => {
                self.conversation.react(event.into());
                self.poll(pipeline, progress)
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
            }
            | State::Running {
                progress: Progress::PassedOn,
                ..
            } => Hold::Nothing,
            State::Running {
                progress: Progress::Arrived,
                ..
            } => Hold::Request,
            State::Running {
                progress: Progress::Forwarded,
                ..
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

    fn poll(&mut self, mut pipeline: Pipeline, progress: Progress) -> Step {
        match pipeline
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            // Whatever else it answers or asks, it comes too late for this client.
            _ if progress == Progress::PassedOn => {
                self.state = State::Finished { answered: false };
                Step::Done
            }
            Poll::Ready(Answer::Reply(reply)) => {
                self.state = State::Finished { answered: true };
                Step::Reply(reply)
            }
            Poll::Ready(Answer::PassThrough(edits)) => {
                self.state = State::Finished { answered: false };
                if progress == Progress::Forwarded {
                    Step::Release(edits)
                } else {
                    Step::Forward(edits)
                }
            }
            // Nothing has been passed on.
            Poll::Ready(Answer::PassedOn) => self.give_up(),
            Poll::Pending => {
                let (waiting, step) = match self.conversation.take_question() {
                    Some(Question::Callout(callout)) => (Waiting::Callout, Step::Call(callout)),
                    Some(Question::RequestBody) => (Waiting::RequestBody, Step::Collect),
                    Some(Question::Forward(edits)) => (Waiting::ResponseHead, Step::Forward(edits)),
                    Some(Question::ResponseBody) => (Waiting::ResponseBody, Step::Collect),
                    // Whoever passes on what is not there has not decided about the request.
                    Some(Question::PassOn(..)) if progress == Progress::Arrived => {
                        return self.give_up();
                    }
                    Some(Question::PassOn(edits, at_most)) => {
                        (Waiting::PassedOn, Step::PassOn(edits, at_most))
                    }
                    Some(Question::Pause(millis)) => (Waiting::Pause, Step::Pause(millis)),
                    // A pipeline that awaits something that is not the exchange's can never go
                    // on. It is answered, so that the client is not left waiting.
                    None => return self.give_up(),
                };
                let reached = match waiting {
                    Waiting::ResponseHead => Progress::Forwarded,
                    Waiting::PassedOn => Progress::PassedOn,
                    _ => Progress::Arrived,
                };
                self.state = State::Running {
                    pipeline,
                    waiting,
                    progress: progress.max(reached),
                };
                step
            }
        }
    }

    fn give_up(&mut self) -> Step {
        self.state = State::Finished { answered: true };
        Step::Reply(Reply {
            status: 500,
            ..Reply::default()
        })
    }
}

impl Event {
    const fn awaited_as(&self) -> Waiting {
        match self {
            Self::RequestBody(_) => Waiting::RequestBody,
            Self::Callout(_) => Waiting::Callout,
            Self::ResponseHead(_) => Waiting::ResponseHead,
            Self::ResponseBody(_) => Waiting::ResponseBody,
            Self::PassedOn(_) => Waiting::PassedOn,
            Self::Paused => Waiting::Pause,
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
            Event::PassedOn(body) => Self::PassedOn(body),
            Event::Paused => Self::Paused,
        }
    }
}
