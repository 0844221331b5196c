//! One plugin on one worker, with many requests at the same time: they share calls, pause, go away
//! at any moment, and the service's errands run beside them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attache_policies::ports::Timestamp;
use attache_policies::{Callout, CalloutAnswer, Headers, InFlight, Pauses, Service};

use crate::ports::Worker;
use crate::session::Session;

/// A service on one worker. Calls are answered by the test, by the numbers that they get here.
pub struct Plugin<S> {
    service: Arc<S>,
    worker: Worker,
    sessions: BTreeMap<u32, Session>,
    in_flight: InFlight<()>,
    pauses: Pauses<()>,
    calls: BTreeMap<u32, Call>,
    streams: u32,
    numbers: u32,
}

struct Call {
    callout: Callout,
    /// Set for the service's own calls.
    errand: Option<usize>,
}

impl<S: Service> Plugin<S> {
    /// The service on this worker, with no request yet.
    pub fn new(service: Arc<S>, worker: Worker) -> Self {
        Self {
            service,
            worker,
            sessions: BTreeMap::new(),
            in_flight: InFlight::default(),
            pauses: Pauses::default(),
            calls: BTreeMap::new(),
            streams: 0,
            numbers: 0,
        }
    }

    /// The headers of a request have arrived; gives the number of its stream.
    pub fn start(&mut self, headers: Headers, ends_with_headers: bool) -> u32 {
        self.streams += 1;
        let stream = self.streams;
        let session = Session::start(&self.service, &self.worker, headers, ends_with_headers);
        self.sessions.insert(stream, session);
        self.follow(stream);
        stream
    }

    /// Something happens to a stream other than the answer to a call or the end of a pause.
    ///
    /// # Panics
    ///
    /// When there is no such stream, or a law is broken.
    pub fn with<T>(&mut self, stream: u32, act: impl FnOnce(&mut Session) -> T) -> T {
        let session = self.sessions.get_mut(&stream).expect("a stream");
        let result = act(session);
        self.follow(stream);
        result
    }

    /// A stream is over, or its client has gone away.
    pub fn close(&mut self, stream: u32) -> Option<Session> {
        self.in_flight.leave(stream);
        self.pauses.leave(stream);
        let mut session = self.sessions.remove(&stream)?;
        session.close();
        Some(session)
    }

    /// What the service wants to be fetched is called for.
    pub fn tick(&mut self) {
        let ports = self.worker.request();
        for errand in self.service.errands(&*ports) {
            self.numbers += 1;
            let call = Call {
                callout: errand.callout,
                errand: Some(errand.id),
            };
            self.calls.insert(self.numbers, call);
        }
    }

    /// The calls that are under way, by their numbers.
    pub fn calls(&self) -> impl Iterator<Item = (u32, &Callout)> {
        self.calls
            .iter()
            .map(|(number, call)| (*number, &call.callout))
    }

    /// A call has ended: the answer goes to all who wait for it.
    ///
    /// # Panics
    ///
    /// When a law is broken.
    pub fn answer(&mut self, number: u32, answer: &CalloutAnswer) {
        let Some(call) = self.calls.remove(&number) else {
            return;
        };
        if let Some(errand) = call.errand {
            let ports = self.worker.request();
            self.service.fetched(errand, answer.clone(), &*ports);
            return;
        }
        self.in_flight.end(number);
        while let Some((stream, ())) = self.in_flight.next(number) {
            self.with(stream, |session| session.callout(answer.clone()));
        }
    }

    /// Time passes: the clock moves on, and each request that pauses is woken when it reaches its
    /// moment, earliest first. Those of other workers are woken when time passes for them, be it
    /// none.
    ///
    /// # Panics
    ///
    /// When a law is broken.
    pub fn elapse(&mut self, by: Duration) {
        let proxy = self.worker.proxy().clone();
        let nanos = u64::try_from(by.as_nanos()).expect("a duration within the clock's range");
        let end = Timestamp(proxy.now().0 + nanos);
        while let Some(moment) = self.next_pause().filter(|moment| *moment <= end) {
            if moment > proxy.now() {
                proxy.set_time(moment);
            }
            if let Some((stream, ())) = self.pauses.next(proxy.now().0) {
                self.with(stream, Session::paused);
            }
        }
        if end > proxy.now() {
            proxy.set_time(end);
        }
    }

    /// When the first of the requests that pause is to be woken.
    #[must_use]
    pub fn next_pause(&self) -> Option<Timestamp> {
        self.pauses.first().map(Timestamp)
    }

    /// How many requests pause.
    #[must_use]
    pub fn pausing(&self) -> usize {
        self.pauses.waiting()
    }

    /// How many requests wait for a call.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.in_flight.waiting()
    }

    /// What the calls that requests have made come to.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.in_flight.calls()
    }

    /// Begins what a stream waits for since something happened to it.
    fn follow(&mut self, stream: u32) {
        let Some(session) = self.sessions.get_mut(&stream) else {
            return;
        };
        if let Some(millis) = session.new_pause() {
            let until = self.worker.proxy().now().0 + u64::from(millis) * 1_000_000;
            self.pauses.begin(until, stream, ());
        }
        if let Some(callout) = session.new_call() {
            self.make_call(stream, callout);
        }
    }

    fn make_call(&mut self, stream: u32, callout: Callout) {
        let shared = callout.shared();
        if shared.is_some_and(|shared| self.in_flight.join(shared, stream, ()).is_ok()) {
            return;
        }
        self.numbers += 1;
        self.in_flight.begin(self.numbers, shared, stream, ());
        let call = Call {
            callout,
            errand: None,
        };
        self.calls.insert(self.numbers, call);
    }
}
