//! Scenarios in a real Envoy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use attache_e2e::{Backend, Body, Client, Envoy, Reaction, Refusing, Request};

use crate::configuration;
use crate::format::{Exchange, Rule, Scenario, Upstream};
use crate::play::{Observed, Seen, World};
use crate::script;
use crate::subject::Subject;

/// As many workers as meet in the shared store.
const WORKERS: usize = 2;

/// A running Envoy with a scenario's configuration and upstreams.
pub struct InEnvoy {
    envoy: Envoy,
    listener: SocketAddr,
    upstreams: BTreeMap<String, Running>,
    _callouts: BTreeMap<String, Running>,
    faults: Arc<Mutex<Vec<String>>>,
}

enum Running {
    Backend(Backend),
    Refusing(Refusing),
}

impl Running {
    const fn address(&self) -> SocketAddr {
        match self {
            Self::Backend(backend) => backend.address(),
            Self::Refusing(refusing) => refusing.address(),
        }
    }
}

impl InEnvoy {
    /// Starts the upstreams and Envoy.
    ///
    /// # Errors
    ///
    /// Why the configuration is refused.
    pub fn new(subject: &impl Subject, scenario: &Scenario) -> Result<Self, String> {
        let faults = Arc::default();
        let upstreams = start(&scenario.upstreams, &faults);
        let callouts = start(&scenario.callouts, &faults);
        let addresses = |running: &BTreeMap<String, Running>| -> BTreeMap<String, SocketAddr> {
            running
                .iter()
                .map(|(name, running)| (name.clone(), running.address()))
                .collect()
        };
        let folder = configuration::write(&scenario.configuration, &addresses(&upstreams))?;
        let called: Vec<_> = addresses(&callouts).into_iter().collect();
        let (bootstrap, listener) = subject.bootstrap(folder.path(), &called)?;
        let envoy = Envoy::start_text(folder, &bootstrap, WORKERS);
        let listener = envoy.listener(&listener);
        Ok(Self {
            envoy,
            listener,
            upstreams,
            _callouts: callouts,
            faults,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// The same to be stopped.
    #[must_use]
    pub const fn envoy_mut(&mut self) -> &mut Envoy {
        &mut self.envoy
    }

    /// The Envoy that is running. Its folder holds the configuration, and the access log as
    /// `access.log`.
    #[must_use]
    pub const fn envoy(&self) -> &Envoy {
        &self.envoy
    }
}

impl World for InEnvoy {
    /// Nothing can move Envoy's clock; the format does not let a scenario ask for it.
    fn advance(&mut self, by: Duration) {
        panic!("the clock of a real Envoy cannot be moved by {by:?}");
    }

    fn send(&mut self, exchange: &Exchange) -> Vec<Option<Observed>> {
        let request = request(exchange);
        let listener = self.listener;
        thread::scope(|scope| {
            let connections: Vec<_> = (0..exchange.connections)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = Client::http1(listener);
                        (0..exchange.times)
                            .map(|_| match client.send(&request) {
                                Ok(answer) => Some(Observed {
                                    status: answer.status,
                                    headers: answer.headers,
                                    body: answer.body,
                                }),
                                Err(_) => {
                                    client = Client::http1(listener);
                                    None
                                }
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            connections
                .into_iter()
                .flat_map(|connection| connection.join().expect("a client that does not panic"))
                .collect()
        })
    }

    fn upstreams_saw(&mut self) -> Vec<Seen> {
        let faults = &self.faults;
        self.upstreams
            .iter()
            .flat_map(|(name, running)| match running {
                Running::Backend(backend) => backend
                    .take_seen()
                    .into_iter()
                    .inspect(|seen| {
                        if !seen.well_formed {
                            let fault = format!("`{name}` saw {}", seen.head.escape_ascii());
                            lock(faults).push(fault);
                        }
                    })
                    .map(|seen| Seen {
                        at: name.clone(),
                        method: seen.method,
                        path: seen.path,
                        headers: seen.headers,
                        body: seen.body,
                    })
                    .collect(),
                Running::Refusing(_) => Vec::new(),
            })
            .collect()
    }

    fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.faults))
    }
}

fn lock(faults: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(
    upstreams: &BTreeMap<String, Upstream>,
    faults: &Arc<Mutex<Vec<String>>>,
) -> BTreeMap<String, Running> {
    upstreams
        .iter()
        .map(|(name, upstream)| {
            let running = match upstream {
                Upstream::Refuses => Running::Refusing(Refusing::new()),
                Upstream::Answers(rules) => {
                    let (rules, at, faults) = (rules.clone(), name.clone(), Arc::clone(faults));
                    Running::Backend(Backend::start(move |seen| {
                        let rule = script::find(&rules, &seen.method, &seen.path);
                        rule.map_or_else(
                            || {
                                let fault = format!(
                                    "`{at}` has no answer for {} {}",
                                    seen.method, seen.path
                                );
                                lock(&faults).push(fault);
                                Reaction::BytesThenClose(Vec::new())
                            },
                            reaction,
                        )
                    }))
                }
            };
            (name.clone(), running)
        })
        .collect()
}

fn reaction(rule: &Rule) -> Reaction {
    match rule {
        Rule::Answer {
            status,
            headers,
            body,
            delay_millis,
        } => {
            let answer = headers
                .iter()
                .fold(Reaction::answer(*status, body), |answer, (name, value)| {
                    answer.header(name, value)
                });
            if *delay_millis == 0 {
                answer
            } else {
                Reaction::After(Duration::from_millis(*delay_millis), Box::new(answer))
            }
        }
        Rule::Closes => Reaction::BytesThenClose(Vec::new()),
        Rule::Garbage => Reaction::BytesThenClose(b"this is no HTTP\r\n\r\n".to_vec()),
        Rule::BreaksOff { status, body } => Reaction::BytesThenClose(
            format!(
                "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n\r\n{body}",
                body.len() + 1
            )
            .into_bytes(),
        ),
        Rule::Never => Reaction::Never,
    }
}

fn request(exchange: &Exchange) -> Request {
    let sent = &exchange.request;
    let request = Request::new(&sent.method, &sent.path);
    let request = sent.headers.iter().fold(request, |request, (name, value)| {
        request.header(&name.to_ascii_lowercase(), value)
    });
    match &sent.body {
        Some(body) => request.body(Body::Whole(body.clone().into_bytes())),
        None => request,
    }
}
