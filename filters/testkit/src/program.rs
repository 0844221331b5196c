//! A service for the tests of the laws: it awaits what its program says, and puts all that it
//! learnt into what it sends on and answers.

use std::sync::Arc;

use attache_policies::ports::Environment;
use attache_policies::{
    Answer, Callout, CalloutAnswer, Edits, Exchange, HeaderEdit, Reply, Service,
};
use proptest::prelude::*;

/// The field of the access log with the body of what was passed on.
pub(crate) const COPY: &str = "copy";

/// The field that says that there is no such body.
pub(crate) const NO_COPY: &str = "no copy";

/// What the service awaits, in order.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) before: Vec<Await>,
    /// `None`: the request passes through without the answer being looked at.
    pub(crate) forward: Option<Forward>,
}

#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(crate) new_body: bool,
    pub(crate) after: Vec<Await>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Await {
    /// Anything but an answer of 200 ends the exchange with a 403.
    Callout,
    /// The same, together with all who have learnt as much.
    Share,
    Body,
    /// So many milliseconds.
    Pause(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Reply,
    Release {
        new_body: bool,
    },
    /// What becomes of it is published.
    PassOn {
        at_most: usize,
    },
}

impl Program {
    /// Any program that keeps to what an exchange allows.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let end = prop_oneof![
            Just(End::Reply),
            any::<bool>().prop_map(|new_body| End::Release { new_body }),
            (0..60_usize).prop_map(|at_most| End::PassOn { at_most }),
        ];
        let forward =
            (any::<bool>(), Self::awaits(), end).prop_map(|(new_body, after, end)| Forward {
                new_body,
                after,
                end,
            });
        (Self::awaits(), prop::option::of(forward))
            .prop_map(|(before, forward)| Self { before, forward })
    }

    pub(crate) fn awaits() -> impl Strategy<Value = Vec<Await>> {
        let one = prop_oneof![
            Just(Await::Callout),
            Just(Await::Share),
            Just(Await::Body),
            (0..30_u32).prop_map(Await::Pause)
        ];
        prop::collection::vec(one, 0..4)
    }

    /// Whether somebody has to say yes before the request is sent on.
    pub(crate) fn guarded(&self) -> bool {
        let asks = |step: &Await| matches!(step, Await::Callout | Await::Share);
        self.before.iter().any(asks)
    }
}

impl Service for Program {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(vec!["a program is made, not compiled".to_owned()])
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let mut learnt = Vec::new();
        let mut body = None;
        for step in &self.before {
            match step {
                Await::Callout | Await::Share => match call(&exchange, *step, &mut learnt).await {
                    Ok(()) => {}
                    Err(refusal) => return refusal,
                },
                Await::Body => {
                    let read = exchange.request_body().await;
                    learnt.extend_from_slice(read);
                    body = Some(read.to_vec());
                }
                Await::Pause(millis) => exchange.pause(*millis).await,
            }
        }
        let Some(forward) = &self.forward else {
            return Answer::PassThrough(edits(&learnt, None));
        };
        let new_body = body.filter(|_| forward.new_body);
        let head = exchange.forward(edits(&learnt, new_body)).await;
        learnt.extend_from_slice(head.status.to_string().as_bytes());
        let mut body = None;
        for step in &forward.after {
            match step {
                Await::Callout | Await::Share => match call(&exchange, *step, &mut learnt).await {
                    Ok(()) => {}
                    Err(refusal) => return refusal,
                },
                Await::Body => {
                    let read = exchange.response_body().await;
                    learnt.extend_from_slice(&read);
                    body = Some(read);
                }
                Await::Pause(millis) => exchange.pause(*millis).await,
            }
        }
        match forward.end {
            End::Reply => Answer::Reply(Reply {
                status: 299,
                headers: Vec::new(),
                body: learnt,
            }),
            End::Release { new_body } => {
                Answer::PassThrough(edits(&learnt, body.filter(|_| new_body)))
            }
            End::PassOn { at_most } => {
                let copy = exchange.pass_on(edits(&learnt, None), at_most).await;
                let ports = exchange.ports();
                match copy {
                    Some(copy) => ports.publish(COPY, &copy),
                    None => ports.publish(NO_COPY, b""),
                }
                Answer::PassedOn
            }
        }
    }
}

async fn call(exchange: &Exchange, step: Await, learnt: &mut Vec<u8>) -> Result<(), Answer> {
    let answer = exchange
        .callout(Callout {
            cluster: "authorizer".to_owned(),
            headers: Vec::new(),
            body: learnt.clone(),
            timeout_millis: 1000,
            shared_as: (step == Await::Share).then_some([learnt.len() as u8; 32]),
        })
        .await;
    if let CalloutAnswer::Answered { headers, body } = answer
        && headers.first(b":status") == Some(b"200")
    {
        learnt.extend_from_slice(&body);
        return Ok(());
    }
    Err(Answer::Reply(Reply {
        status: 403,
        ..Reply::default()
    }))
}

/// What was learnt in a header field, and a body that is longer than the old one.
fn edits(learnt: &[u8], old_body: Option<Vec<u8>>) -> Edits {
    Edits {
        headers: vec![HeaderEdit::Set("x-learnt".into(), learnt.to_vec())],
        body: old_body.map(|mut body| {
            body.extend_from_slice(b" and more");
            body
        }),
    }
}
