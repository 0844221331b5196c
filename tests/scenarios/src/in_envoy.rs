//! Scenarios in a real Envoy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use attache_e2e::{Backend, Body, Client, Envoy, Reaction, Refusing, Request, until};
use serde_json::Value;

use crate::configuration;
use crate::format::{Rule, Scenario, Upstream};
use crate::placeholder::Placeholders;
use crate::play::{Observed, Seen, Sent, World};
use crate::script;
use crate::subject::Subject;

/// As many workers as meet in the shared store.
const WORKERS: usize = 2;

/// A running Envoy with a scenario's configuration, upstreams and called services.
pub struct InEnvoy {
    envoy: Envoy,
    listener: SocketAddr,
    running: BTreeMap<String, Running>,
    placeholders: Placeholders,
    faults: Arc<Mutex<Vec<String>>>,
    /// How many requests were sent: so many lines the access log has at last.
    sent: usize,
}

enum Running {
    Backend(Backend, Script),
    Refusing(Refusing),
}

/// What a service does, shared with the threads that it answers on.
type Script = Arc<Mutex<BTreeMap<String, Rule>>>;

impl Running {
    const fn address(&self) -> SocketAddr {
        match self {
            Self::Backend(backend, _) => backend.address(),
            Self::Refusing(refusing) => refusing.address(),
        }
    }
}

impl InEnvoy {
    /// Starts the upstreams and called services, and Envoy.
    ///
    /// # Errors
    ///
    /// Why the configuration is refused.
    pub fn new(subject: &impl Subject, scenario: &Scenario) -> Result<Self, String> {
        let faults = Arc::default();
        let running: BTreeMap<String, Running> = scenario
            .services()
            .map(|(name, service)| (name.clone(), start(name, service, &faults)))
            .collect();
        let addresses: BTreeMap<String, SocketAddr> = running
            .iter()
            .map(|(name, running)| (name.clone(), running.address()))
            .collect();
        let placeholders = Placeholders::new(scenario, addresses.clone())?;
        for (name, service) in scenario.services() {
            if let (Running::Backend(_, script), Upstream::Answers(rules)) =
                (&running[name], placeholders.fill_service(service)?)
            {
                *lock(script) = rules;
            }
        }
        let folder = configuration::write(&scenario.configuration, &placeholders)?;
        let (bootstrap, listener) = subject.bootstrap(folder.path(), &addresses)?;
        let envoy = Envoy::start_text_with(folder, &bootstrap, WORKERS, subject.environment());
        let listener = envoy.listener(&listener);
        Ok(Self {
            envoy,
            listener,
            running,
            placeholders,
            faults,
            sent: 0,
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
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock past 1970")
            .as_secs()
    }

    fn authority(&self) -> String {
        self.listener.to_string()
    }

    fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    /// Nothing can move Envoy's clock; the format does not let a scenario ask for it.
    fn advance(&mut self, by: Duration) {
        panic!("the clock of a real Envoy cannot be moved by {by:?}");
    }

    fn script(&mut self, name: &str, service: Upstream) -> Result<(), String> {
        match (self.running.get(name), service) {
            (Some(Running::Backend(_, script)), Upstream::Answers(rules)) => {
                *lock(script) = rules;
                Ok(())
            }
            _ => Err(format!(
                "`{name}` cannot begin or cease to refuse connections; `closes` comes close"
            )),
        }
    }

    fn send(&mut self, sent: &Sent, connections: usize, times: usize) -> Vec<Option<Observed>> {
        let request = request(sent);
        let listener = self.listener;
        let connect = || match sent.source_address {
            Some(source) => Client::http1_from(source, listener),
            None => Client::http1(listener),
        };
        self.sent += connections * times;
        thread::scope(|scope| {
            let connections: Vec<_> = (0..connections)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = connect();
                        (0..times)
                            .map(|_| match client.send(&request) {
                                Ok(answer) => Some(Observed {
                                    status: answer.status,
                                    headers: answer.headers,
                                    body: answer.body,
                                }),
                                Err(_) => {
                                    client = connect();
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

    fn saw(&mut self) -> Vec<Seen> {
        let faults = &self.faults;
        self.running
            .iter()
            .flat_map(|(name, running)| match running {
                Running::Backend(backend, _) => backend
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

    fn logged(&mut self, requests: usize) -> Vec<BTreeMap<String, String>> {
        let file = self.envoy.folder().join("access.log");
        let lines = until("a line of the access log for each request", || {
            let text = fs::read_to_string(&file).ok()?;
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            (text.ends_with('\n') && lines.len() >= self.sent).then_some(lines)
        });
        lines[lines.len() - requests..]
            .iter()
            .map(|line| {
                let fields: BTreeMap<String, Value> =
                    serde_json::from_str(line).expect("a line of JSON");
                fields
                    .into_iter()
                    .map(|(field, value)| match value {
                        Value::String(text) => (field, text),
                        other => (field, other.to_string()),
                    })
                    .collect()
            })
            .collect()
    }

    fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.faults))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(name: &str, service: &Upstream, faults: &Arc<Mutex<Vec<String>>>) -> Running {
    if matches!(service, Upstream::Refuses) {
        return Running::Refusing(Refusing::new());
    }
    let script = Script::default();
    let rules = Arc::clone(&script);
    let (at, faults) = (name.to_owned(), Arc::clone(faults));
    let backend = Backend::start(move |seen| {
        let rules = lock(&rules);
        let rule = script::find(&rules, &seen.method, &seen.path, &seen.body);
        rule.map_or_else(
            || {
                let fault = format!("`{at}` has no answer for {} {}", seen.method, seen.path);
                lock(&faults).push(fault);
                Reaction::BytesThenClose(Vec::new())
            },
            reaction,
        )
    });
    Running::Backend(backend, script)
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

fn request(sent: &Sent) -> Request {
    let request = Request::new(&sent.method, &sent.path);
    let request = sent.headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    match &sent.body {
        Some(body) => request.body(Body::Whole(body.clone().into_bytes())),
        None => request,
    }
}
