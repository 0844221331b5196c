//! One plugin on one worker: what all of its streams share, their calls above all.
//!
//! Every call is made by the plugin's root context, also one that only a single stream waits for.
//! The host gives the answer to whoever made the call, and nobody else once that context is gone:
//! a stream that shares its call would strand the others by going away, and one that does not
//! would leave the SDK's note of the call behind for ever. The root context is there as long as
//! any of its streams.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use attache_policies::{Callout, CalloutAnswer, Event, InFlight, Pauses, Service};
use log::{error, warn};

use crate::hostcalls::{self, Buffer, HeaderMap};
use crate::ports::HostPorts;
use crate::stream::Request;

const NANOS_OF_MILLI: u64 = 1_000_000;

/// How soon the next of many waiting streams are woken.
const NEXT_MILLIS: u32 = 1;

/// How many streams are woken in one callback. What they do is carried out when the callback has
/// returned, each of it inside the one before: a thousand would use up the worker's stack.
const MOST_WOKEN: usize = 32;

/// Errands under way at the same time; more than that are told that they have failed.
const MOST_ERRANDS: usize = 64;

/// The longest answer to a call that is read, in bytes: AWS's limit for what a Lambda function
/// returns.
const LONGEST_ANSWER: usize = 6 * 1024 * 1024;

/// What all streams of a plugin share.
pub(crate) struct Plugin<S> {
    context: u32,
    pub(crate) service: Arc<S>,
    pub(crate) ports: Rc<HostPorts>,
    /// How often the service is asked for errands, and the timer's longest period.
    errand_millis: u32,
    calls: RefCell<InFlight<Waiter<S>>>,
    /// Ended calls that streams still wait for.
    answers: RefCell<VecDeque<(u32, CalloutAnswer)>>,
    /// Streams that wait for a moment of the monotonic clock.
    pauses: RefCell<Pauses<Waiter<S>>>,
    /// When the service is to be asked for errands again, by the same clock.
    errands_due: Cell<u64>,
    errands: RefCell<BTreeMap<u32, usize>>,
    /// Whether the callback that is running is the root context's.
    at_root: Cell<bool>,
    tick_millis: Cell<u32>,
    outgoing: RefCell<Outgoing>,
}

/// How a stream that waits is found again.
type Waiter<S> = Weak<RefCell<Request<S>>>;

/// A call on its way from a stream's callback to the root context's.
#[derive(Default)]
enum Outgoing {
    #[default]
    Nothing,
    Call(Callout),
    Made(Result<u32, Failed>),
}

impl<S: Service> Plugin<S> {
    pub(crate) fn new(context: u32, service: S) -> Self {
        Self {
            context,
            errand_millis: service.errand_interval_millis().max(NEXT_MILLIS),
            service: Arc::new(service),
            ports: Rc::new(HostPorts::new()),
            calls: RefCell::default(),
            answers: RefCell::default(),
            pauses: RefCell::default(),
            errands_due: Cell::new(0),
            errands: RefCell::default(),
            at_root: Cell::new(false),
            tick_millis: Cell::new(0),
            outgoing: RefCell::default(),
        }
    }

    /// Tells the service that it holds, and begins to ask it for errands.
    pub(crate) fn start(&self) {
        self.service.begin(&*self.ports);
        let now = hostcalls::monotonic_now();
        self.errands_due.set(self.next_errands(now));
        self.tick_every(self.errand_millis);
    }

    fn next_errands(&self, now: u64) -> u64 {
        now.saturating_add(u64::from(self.errand_millis) * NANOS_OF_MILLI)
    }

    /// Tells the service that it holds no longer.
    pub(crate) fn end(&self) {
        self.service.end(&*self.ports);
    }

    /// A stream waits for an answer: to a call of its own, or to the same call of another stream.
    pub(crate) fn call(
        &self,
        stream: u32,
        mut waiter: Waiter<S>,
        callout: Callout,
    ) -> Result<(), Failed> {
        let shared = callout.shared();
        if let Some(shared) = shared {
            match self.calls.borrow_mut().join(shared, stream, waiter) {
                Ok(()) => return Ok(()),
                Err(alone) => waiter = alone,
            }
        }
        let _ = hostcalls::set_effective_context(self.context);
        let made = if self.at_root.get() {
            dispatch(&callout)
        } else {
            self.outgoing.replace(Outgoing::Call(callout));
            hostcalls::turn_to(self.context);
            match self.outgoing.take() {
                Outgoing::Made(made) => made,
                Outgoing::Nothing | Outgoing::Call(_) => Err(Failed),
            }
        };
        let _ = hostcalls::set_effective_context(stream);
        self.calls.borrow_mut().begin(made?, shared, stream, waiter);
        Ok(())
    }

    /// A stream waits for some milliseconds to pass.
    pub(crate) fn pause(&self, stream: u32, waiter: Waiter<S>, millis: u32) {
        let now = hostcalls::monotonic_now();
        let until = now.saturating_add(u64::from(millis) * NANOS_OF_MILLI);
        self.pauses.borrow_mut().begin(until, stream, waiter);
        if !self.at_root.get() {
            // The timer of a stream is its root context's.
            self.schedule(now);
        }
    }

    /// The root context's callback in which the calls of streams are made.
    pub(crate) fn make_outgoing_call(&self) {
        if let Outgoing::Call(callout) = self.outgoing.take() {
            self.outgoing.replace(Outgoing::Made(dispatch(&callout)));
        }
    }

    /// A stream is gone.
    pub(crate) fn forget(&self, stream: u32) {
        self.calls.borrow_mut().leave(stream);
        self.pauses.borrow_mut().leave(stream);
    }

    /// A call of the root context has ended.
    pub(crate) fn answered(&self, number: u32, num_headers: usize, body_size: usize) {
        let answer = read_answer(num_headers, body_size);
        let errand = self.errands.borrow_mut().remove(&number);
        self.at_root(|| match errand {
            Some(errand) => self.service.fetched(errand, answer, &*self.ports),
            None => {
                self.calls.borrow_mut().end(number);
                self.answers.borrow_mut().push_back((number, answer));
                self.wake();
            }
        });
    }

    /// Some time has passed.
    pub(crate) fn tick(&self) {
        self.at_root(|| {
            let now = hostcalls::monotonic_now();
            // A timer may be a little early.
            if now.saturating_add(NANOS_OF_MILLI) >= self.errands_due.get() {
                self.errands_due.set(self.next_errands(now));
                self.run_errands();
            }
            self.wake();
        });
    }

    /// Wakes some of those whose answer is there or whose time is over, and sees to it that the
    /// others come next.
    fn wake(&self) {
        let now = hostcalls::monotonic_now();
        for _ in 0..MOST_WOKEN {
            let answered = self.next_answer();
            let Some((stream, waiter, event)) = answered.or_else(|| self.next_pause(now)) else {
                break;
            };
            if let Some(request) = waiter.upgrade()
                && hostcalls::set_effective_context(stream).is_ok()
            {
                match request.try_borrow_mut() {
                    Ok(mut request) => request.wake(event),
                    Err(_) => error!("a stream that waits is in a callback of its own"),
                }
            }
        }
        let _ = hostcalls::set_effective_context(self.context);
        self.schedule(hostcalls::monotonic_now());
    }

    /// Sets the timer to when something is to be done next.
    fn schedule(&self, now: u64) {
        let millis = if self.answers.borrow().is_empty() {
            let errands = self.errands_due.get();
            let first = self.pauses.borrow().first();
            let next = first.map_or(errands, |pause| pause.min(errands));
            let nanos = next.saturating_sub(now);
            let millis = u32::try_from(nanos.div_ceil(NANOS_OF_MILLI)).unwrap_or(u32::MAX);
            millis.clamp(NEXT_MILLIS, self.errand_millis)
        } else {
            NEXT_MILLIS
        };
        self.tick_every(millis);
    }

    /// The next stream whose time is over.
    fn next_pause(&self, now: u64) -> Option<(u32, Waiter<S>, Event)> {
        let (stream, waiter) = self.pauses.borrow_mut().next(now)?;
        Some((stream, waiter, Event::Paused))
    }

    /// The next stream that waits for an answer that is there.
    fn next_answer(&self) -> Option<(u32, Waiter<S>, Event)> {
        let mut answers = self.answers.borrow_mut();
        let mut calls = self.calls.borrow_mut();
        while let Some((number, answer)) = answers.pop_front() {
            let Some((stream, waiter)) = calls.next(number) else {
                continue;
            };
            if calls.is_awaited(number) {
                answers.push_front((number, answer.clone()));
            }
            return Some((stream, waiter, Event::Callout(answer)));
        }
        None
    }

    fn run_errands(&self) {
        for errand in self.service.errands(&*self.ports) {
            let made = if self.errands.borrow().len() < MOST_ERRANDS {
                dispatch(&errand.callout)
            } else {
                Err(Failed)
            };
            match made {
                Ok(number) => {
                    self.errands.borrow_mut().insert(number, errand.id);
                }
                Err(Failed) => {
                    let answer = CalloutAnswer::Failed;
                    self.service.fetched(errand.id, answer, &*self.ports);
                }
            }
        }
    }

    fn at_root(&self, act: impl FnOnce()) {
        self.at_root.set(true);
        act();
        self.at_root.set(false);
    }

    /// Setting the period begins it anew, so it is only set when it changes.
    fn tick_every(&self, millis: u32) {
        if self.tick_millis.replace(millis) != millis
            && let Err(refused) = hostcalls::set_tick_period(millis)
        {
            error!("the host refused a timer with status {}", refused.0);
        }
    }
}

/// A call that could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// Makes a call; only in a callback of the root context.
fn dispatch(callout: &Callout) -> Result<u32, Failed> {
    hostcalls::dispatch(callout).map_err(|refused| {
        warn!(
            "the call to cluster `{}` was refused with status {}",
            callout.cluster, refused.0
        );
        Failed
    })
}

/// The answer to the call whose callback is running.
fn read_answer(num_headers: usize, body_size: usize) -> CalloutAnswer {
    if num_headers == 0 {
        return CalloutAnswer::Failed;
    }
    if body_size > LONGEST_ANSWER {
        warn!("an answer of {body_size} bytes was not read");
        return CalloutAnswer::Failed;
    }
    let answer = hostcalls::headers(HeaderMap::CalloutAnswer).and_then(|headers| {
        let body = hostcalls::buffer(Buffer::CalloutAnswer)?;
        Ok(CalloutAnswer::Answered { headers, body })
    });
    answer.unwrap_or(CalloutAnswer::Failed)
}
