//! Plays a whole exchange: a client, a service, an upstream, called services.

use std::sync::Arc;
use std::time::Duration;

use attache_policies::{
    Callout, CalloutAnswer, Errand, Headers, Hold, ResponseHead, Service, UpstreamFailure,
};

use crate::laws::Law;
use crate::message::Message;
use crate::ports::{Proxy, Worker};
use crate::script::{CalloutScript, Request, Script, UpstreamAnswer};
use crate::session::Session;

/// A service on a proxy in memory.
pub struct Host<S> {
    service: Arc<S>,
    worker: Worker,
}

/// Which of several things that could happen next does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// The request's body is faster than anything else.
    #[default]
    BodyFirst,
    /// Answers of called services and of the upstream are faster than the request's body.
    AnswersFirst,
    /// As this number says, reproducibly.
    Mixed(u64),
}

/// What everybody saw of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the client saw; `None` when the connection was closed on it.
    pub client: Option<Message>,
    /// What the upstream saw; `None` when it was never contacted.
    pub upstream: Option<Message>,
    /// The callouts, in order.
    pub callouts: Vec<Callout>,
    /// Whether the gateway answered by itself.
    pub replied: bool,
}

impl Outcome {
    /// The status that the client saw.
    ///
    /// # Panics
    ///
    /// When it saw none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.client
            .as_ref()
            .and_then(Message::status)
            .expect("the client has seen a status")
    }
}

impl<S: Service> Host<S> {
    /// The service on the first worker of a proxy.
    pub fn new(service: Arc<S>, proxy: &Proxy) -> Self {
        Self::on(service, proxy.worker(0))
    }

    /// The service on this worker.
    pub const fn on(service: Arc<S>, worker: Worker) -> Self {
        Self { service, worker }
    }

    /// The proxy that it runs on.
    #[must_use]
    pub const fn proxy(&self) -> &Proxy {
        self.worker.proxy()
    }

    /// The moment at which the service is asked for errands: runs them one after the other, and
    /// says which there were.
    pub fn tick(&self, script: &mut Script<'_>) -> Vec<Callout> {
        let ports = self.worker.request();
        let errands = self.service.errands(&*ports);
        let run = |errand: Errand| {
            let (answer, waited) = call(&errand.callout, script);
            self.proxy().advance(Duration::from_millis(waited));
            self.service.fetched(errand.id, answer, &*ports);
            errand.callout
        };
        errands.into_iter().map(run).collect()
    }

    /// One exchange with the body faster than anything else.
    ///
    /// # Panics
    ///
    /// When a law is broken.
    pub fn exchange(&self, request: &Request, script: &mut Script<'_>) -> Outcome {
        self.exchange_at(Pace::default(), request, script)
    }

    /// One exchange.
    ///
    /// # Panics
    ///
    /// When a law is broken.
    pub fn exchange_at(&self, pace: Pace, request: &Request, script: &mut Script<'_>) -> Outcome {
        let session = Session::start(
            &self.service,
            &self.worker,
            request.headers.clone(),
            request.body.is_empty(),
        );
        let mut play = Play {
            session,
            proxy: self.proxy(),
            request: request.body.iter(),
            response: Response::Unasked,
        };
        let mut pace = Draw::new(pace);
        while play.next(&mut pace, script) {}
        play.end()
    }
}

struct Play<'a> {
    session: Session,
    proxy: &'a Proxy,
    request: std::slice::Iter<'a, Vec<u8>>,
    response: Response,
}

enum Response {
    Unasked,
    Head(ResponseHead, std::vec::IntoIter<Vec<u8>>, Ending),
    Body(std::vec::IntoIter<Vec<u8>>, Ending),
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Complete,
    Trailed,
    BrokenOff,
}

#[derive(Clone, Copy)]
enum Happening {
    RequestBody,
    Callout,
    Pause,
    Response,
}

impl Play<'_> {
    /// Lets one more thing happen; false when nothing can.
    fn next(&mut self, pace: &mut Draw, script: &mut Script<'_>) -> bool {
        let mut possible = Vec::new();
        if self.request.len() > 0 && !self.session.replied() {
            possible.push(Happening::RequestBody);
        }
        if self.session.open_callout().is_some() {
            possible.push(Happening::Callout);
        }
        if self.session.open_pause().is_some() {
            possible.push(Happening::Pause);
        }
        // The upstream of this script reads a request to its end before it answers, so that what
        // it answers does not depend on the pieces.
        let asked = self.session.upstream().is_some_and(|seen| seen.complete);
        let over = matches!(self.response, Response::Done) || self.session.replied();
        if asked && !over {
            possible.push(Happening::Response);
        }
        let Some(happening) = pace.pick(&possible) else {
            return false;
        };
        match happening {
            Happening::RequestBody => {
                if let Some(piece) = self.request.next() {
                    let end = self.request.len() == 0;
                    self.session.request_body(piece, end);
                }
            }
            Happening::Callout => self.answer_callout(script),
            Happening::Pause => {
                self.wait(u64::from(self.session.open_pause().unwrap_or_default()));
                self.session.paused();
            }
            Happening::Response => self.answer(script),
        }
        true
    }

    fn answer_callout(&mut self, script: &mut Script<'_>) {
        let Some(callout) = self.session.open_callout() else {
            return;
        };
        let (answer, waited) = call(callout, script);
        self.wait(waited);
        self.session.callout(answer);
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        self.response = match std::mem::replace(&mut self.response, Response::Done) {
            Response::Unasked => self.ask_upstream(script),
            Response::Head(head, body, ending) => {
                let end = body.len() == 0 && ending == Ending::Complete;
                self.session.response_head(head, end);
                if end {
                    Response::Done
                } else {
                    Response::Body(body, ending)
                }
            }
            Response::Body(mut body, ending) => match body.next() {
                Some(piece) => {
                    let end = body.len() == 0 && ending == Ending::Complete;
                    self.session.response_body(&piece, end);
                    if end {
                        Response::Done
                    } else {
                        Response::Body(body, ending)
                    }
                }
                None => {
                    if ending == Ending::Trailed {
                        self.session.response_trailers();
                    } else {
                        self.session.close();
                    }
                    Response::Done
                }
            },
            Response::Done => Response::Done,
        };
    }

    fn ask_upstream(&self, script: &mut Script<'_>) -> Response {
        let Some(seen) = self.session.upstream() else {
            return Response::Unasked;
        };
        let timeout = seen
            .text("x-envoy-upstream-rq-timeout-ms")
            .and_then(|millis| millis.parse::<u64>().ok())
            .filter(|millis| *millis > 0);
        match (script.upstream)(seen) {
            UpstreamAnswer::Answers {
                status,
                headers,
                body,
                delay_millis,
            } => match timeout {
                Some(timeout) if delay_millis > timeout => self.times_out(timeout),
                _ => {
                    self.wait(delay_millis);
                    let head = response_head(status, &headers, None);
                    Response::Head(head, body.into_iter(), Ending::Complete)
                }
            },
            UpstreamAnswer::Trailed {
                status,
                headers,
                body,
            } => Response::Head(
                response_head(status, &headers, None),
                body.into_iter(),
                Ending::Trailed,
            ),
            UpstreamAnswer::BreaksOff {
                status,
                headers,
                body,
            } => Response::Head(
                response_head(status, &headers, None),
                vec![body].into_iter(),
                Ending::BrokenOff,
            ),
            UpstreamAnswer::Refuses => stands_in(
                503,
                UpstreamFailure::Unreachable,
                "upstream connect error or disconnect/reset before headers. reset reason: \
                 remote connection failure, transport failure reason: delayed connect error: \
                 Connection refused",
            ),
            UpstreamAnswer::Closes => stands_in(
                503,
                UpstreamFailure::Malformed,
                "upstream connect error or disconnect/reset before headers. reset reason: \
                 connection termination",
            ),
            UpstreamAnswer::Garbage => stands_in(
                502,
                UpstreamFailure::Malformed,
                "upstream connect error or disconnect/reset before headers. reset reason: \
                 protocol error",
            ),
            UpstreamAnswer::TimesOut => self.times_out(timeout.unwrap_or(15_000)),
        }
    }

    fn times_out(&self, timeout_millis: u64) -> Response {
        self.wait(timeout_millis);
        stands_in(504, UpstreamFailure::Timeout, "upstream request timeout")
    }

    fn wait(&self, millis: u64) {
        if millis > 0 {
            self.proxy.advance(Duration::from_millis(millis));
        }
    }

    fn end(mut self) -> Outcome {
        // Everything that could happen has happened: whoever still waits waits for ever.
        let waits = self.session.hold();
        assert!(
            matches!(waits, Hold::Nothing | Hold::Answered),
            "law broken: {}: {waits:?} is still held",
            Law::EveryPauseEnds
        );
        self.session.close();
        Outcome {
            client: self.session.client().cloned(),
            upstream: self.session.upstream().cloned(),
            callouts: self.session.callouts().to_vec(),
            replied: self.session.replied(),
        }
    }
}

fn response_head(status: u16, headers: &Headers, failure: Option<UpstreamFailure>) -> ResponseHead {
    let mut all: Headers = [(":status", status.to_string())].into_iter().collect();
    for (name, value) in headers.iter() {
        all.push(name, value);
    }
    ResponseHead {
        status,
        headers: all,
        failure,
    }
}

/// The proxy's own answer in the upstream's stead.
fn stands_in(status: u16, failure: UpstreamFailure, body: &str) -> Response {
    let headers = [
        ("content-length", body.len().to_string()),
        ("content-type", "text/plain".to_owned()),
    ]
    .into_iter()
    .collect();
    Response::Head(
        response_head(status, &headers, Some(failure)),
        vec![body.as_bytes().to_vec()].into_iter(),
        Ending::Complete,
    )
}

/// The answer to a call, and how many milliseconds it takes.
fn call(callout: &Callout, script: &mut Script<'_>) -> (CalloutAnswer, u64) {
    let CalloutScript {
        answer,
        delay_millis,
    } = (script.callouts)(callout);
    let timeout = u64::from(callout.timeout_millis);
    if timeout > 0 && delay_millis > timeout {
        (own_answer(504, "upstream request timeout"), timeout)
    } else {
        (answer, delay_millis)
    }
}

fn own_answer(status: u16, body: &str) -> CalloutAnswer {
    CalloutAnswer::Answered {
        headers: [(":status", status.to_string())].into_iter().collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// Picks what happens next.
struct Draw {
    pace: Pace,
    state: u64,
}

impl Draw {
    const fn new(pace: Pace) -> Self {
        let state = match pace {
            Pace::Mixed(seed) => seed,
            Pace::BodyFirst | Pace::AnswersFirst => 0,
        };
        Self { pace, state }
    }

    fn pick(&mut self, possible: &[Happening]) -> Option<Happening> {
        match self.pace {
            Pace::BodyFirst => possible.first().copied(),
            Pace::AnswersFirst => possible.last().copied(),
            Pace::Mixed(_) => {
                self.state = self
                    .state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let index = usize::try_from(self.state >> 33)
                    .unwrap_or_default()
                    .checked_rem(possible.len())?;
                possible.get(index).copied()
            }
        }
    }
}
