//! What passes between a pipeline and the proxy that runs it: one question at a time, and its
//! answer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

use super::{Callout, CalloutAnswer, Edits, ResponseHead};

/// The meeting place of one pipeline and its proxy.
#[derive(Default)]
pub(super) struct Conversation {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    question: Option<Question>,
    answer: Option<Reaction>,
}

/// What the pipeline waits for.
pub(super) enum Question {
    Callout(Callout),
    RequestBody,
    Forward(Edits),
    ResponseBody,
    PassOn(Edits, usize),
    Pause(u32),
}

/// What the proxy has to say to the question.
pub(super) enum Reaction {
    Callout(CalloutAnswer),
    RequestBody(Vec<u8>),
    ResponseHead(ResponseHead),
    ResponseBody(Vec<u8>),
    PassedOn(Option<Vec<u8>>),
    Paused,
}

impl Conversation {
    pub(super) async fn callout(&self, callout: Callout) -> CalloutAnswer {
        self.ask(Question::Callout(callout), |reaction| match reaction {
            Reaction::Callout(answer) => Ok(answer),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn request_body(&self) -> Vec<u8> {
        self.ask(Question::RequestBody, |reaction| match reaction {
            Reaction::RequestBody(body) => Ok(body),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn forward(&self, edits: Edits) -> ResponseHead {
        self.ask(Question::Forward(edits), |reaction| match reaction {
            Reaction::ResponseHead(head) => Ok(head),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn response_body(&self) -> Vec<u8> {
        self.ask(Question::ResponseBody, |reaction| match reaction {
            Reaction::ResponseBody(body) => Ok(body),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn pass_on(&self, edits: Edits, at_most: usize) -> Option<Vec<u8>> {
        self.ask(
            Question::PassOn(edits, at_most),
            |reaction| match reaction {
                Reaction::PassedOn(body) => Ok(body),
                other => Err(other),
            },
        )
        .await
    }

    pub(super) async fn pause(&self, millis: u32) {
        self.ask(Question::Pause(millis), |reaction| match reaction {
            Reaction::Paused => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Takes the question that the pipeline has put and nobody has looked at yet.
    pub(super) fn take_question(&self) -> Option<Question> {
        self.state.borrow_mut().question.take()
    }

    /// Leaves an answer for the pipeline to find when it is polled next.
    pub(super) fn react(&self, reaction: Reaction) {
        self.state.borrow_mut().answer = Some(reaction);
    }

    async fn ask<T>(
        &self,
        question: Question,
        accept: impl Fn(Reaction) -> Result<T, Reaction>,
    ) -> T {
        {
            let mut state = self.state.borrow_mut();
            state.answer = None;
            state.question = Some(question);
        }
        poll_fn(|_| {
            let mut state = self.state.borrow_mut();
            match state.answer.take().map(&accept) {
                Some(Ok(answer)) => Poll::Ready(answer),
                // Not what was asked: the stream only reacts to the open question, so this does
                // not happen, and if it did, waiting on is the answer that lets nothing through.
                Some(Err(_)) | None => Poll::Pending,
            }
        })
        .await
    }
}
