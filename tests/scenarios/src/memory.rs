//! Scenarios in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use attache_policies::{Callout, CalloutAnswer, Headers};
use attache_testkit::{CalloutScript, Host, Message, Proxy, Request, Script, UpstreamAnswer};

use crate::configuration;
use crate::format::{Exchange, Rule, Scenario, Upstream};
use crate::play::{Observed, Seen, World};
use crate::script;
use crate::subject::Subject;

/// As many workers as take turns.
const WORKERS: usize = 2;

/// A proxy in memory with a scenario's configuration.
pub struct Memory<S: Subject> {
    proxy: Proxy,
    service: Arc<S::Service>,
    clusters: BTreeMap<String, String>,
    scenario: Scenario,
    log: RefCell<Log>,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    faults: Vec<String>,
}

impl<S: Subject> Memory<S> {
    /// Makes the service of a scenario.
    ///
    /// # Errors
    ///
    /// Why its configuration is refused.
    pub fn new(subject: &S, scenario: &Scenario) -> Result<Self, String> {
        let addresses: BTreeMap<String, SocketAddr> = scenario
            .upstreams
            .keys()
            .zip(9000..)
            .map(|(name, port)| (name.clone(), (Ipv4Addr::LOCALHOST, port).into()))
            .collect();
        let folder = configuration::write(&scenario.configuration, &addresses)?;
        let service = subject.service(folder.path())?;
        let clusters = addresses
            .iter()
            .map(|(name, address)| (subject.cluster(*address), name.clone()))
            .collect();
        Ok(Self {
            proxy: Proxy::new(),
            service,
            clusters,
            scenario: scenario.clone(),
            log: RefCell::default(),
        })
    }

    fn upstream(&self, message: &Message) -> UpstreamAnswer {
        let seen = self.seen(message);
        let answer = match self.scenario.upstreams.get(&seen.at) {
            // Nobody is there to see it.
            Some(Upstream::Refuses) => return UpstreamAnswer::Refuses,
            Some(Upstream::Answers(rules)) => {
                script::find(rules, &seen.method, &seen.path).map(answer)
            }
            None => None,
        };
        let mut log = self.log.borrow_mut();
        let answer = answer.unwrap_or_else(|| {
            log.faults.push(format!(
                "upstream `{}` has no answer for {} {}",
                seen.at, seen.method, seen.path
            ));
            UpstreamAnswer::Closes
        });
        log.seen.push(seen);
        answer
    }

    fn seen(&self, message: &Message) -> Seen {
        let cluster = message.text(S::CLUSTER_HEADER);
        let at = match &cluster {
            Some(cluster) => self.clusters.get(cluster).cloned().unwrap_or_default(),
            None => self
                .scenario
                .upstreams
                .keys()
                .next()
                .cloned()
                .unwrap_or_default(),
        };
        let mut headers = fields(&message.headers);
        headers.retain(|(name, _)| {
            name != S::CLUSTER_HEADER && !name.starts_with("x-envoy-") && !name.starts_with(':')
        });
        headers.push((
            "host".to_owned(),
            message.text(":authority").unwrap_or_default().into_bytes(),
        ));
        Seen {
            at,
            method: message.text(":method").unwrap_or_default(),
            path: message.text(":path").unwrap_or_default(),
            headers,
            body: message.body.clone(),
        }
    }

    fn callout(&self, callout: &Callout) -> CalloutScript {
        let field = |name: &str| {
            callout
                .headers
                .iter()
                .find(|(candidate, _)| candidate == name)
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .unwrap_or_default()
        };
        let (method, path) = (field(":method"), field(":path"));
        let rule = match self.scenario.callouts.get(&callout.cluster) {
            Some(Upstream::Refuses) => return CalloutScript::new(503, ""),
            Some(Upstream::Answers(rules)) => script::find(rules, &method, &path),
            None => None,
        };
        match rule.map(answer) {
            Some(UpstreamAnswer::Answers {
                status,
                headers,
                body,
                delay_millis,
            }) => {
                let mut all: Headers = [(":status", status.to_string())].into_iter().collect();
                for (name, value) in headers.iter() {
                    all.push(name, value);
                }
                CalloutScript {
                    answer: CalloutAnswer::Answered {
                        headers: all,
                        body: body.concat(),
                    },
                    delay_millis,
                }
            }
            Some(UpstreamAnswer::TimesOut) => CalloutScript {
                delay_millis: u64::from(callout.timeout_millis) + 1,
                ..CalloutScript::failed()
            },
            Some(_) => CalloutScript::new(503, ""),
            None => {
                self.log.borrow_mut().faults.push(format!(
                    "`{}` has no answer for {method} {path}",
                    callout.cluster
                ));
                CalloutScript::failed()
            }
        }
    }
}

impl<S: Subject> World for Memory<S> {
    fn advance(&mut self, by: Duration) {
        self.proxy.advance(by);
    }

    fn send(&mut self, exchange: &Exchange) -> Vec<Option<Observed>> {
        let request = request(exchange);
        (0..exchange.times * exchange.connections)
            .map(|number| {
                let worker = self.proxy.worker(number % WORKERS);
                let mut script = Script::new(|message| self.upstream(message))
                    .callouts(|callout| self.callout(callout));
                let outcome =
                    Host::on(Arc::clone(&self.service), worker).exchange(&request, &mut script);
                outcome.client.map(|client| Observed {
                    status: client.status().unwrap_or_default(),
                    headers: fields(&client.headers),
                    body: client.body,
                })
            })
            .collect()
    }

    fn upstreams_saw(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.log.borrow_mut().seen)
    }

    fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.borrow_mut().faults)
    }
}

fn request(exchange: &Exchange) -> Request {
    let sent = &exchange.request;
    let mut headers: Headers = [
        (":method", sent.method.as_str()),
        (":path", &sent.path),
        (":scheme", "http"),
    ]
    .into_iter()
    .collect();
    let host = sent
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map_or("127.0.0.1:8080", |(_, value)| value);
    headers.push(b":authority", host.as_bytes());
    for (name, value) in &sent.headers {
        if !name.eq_ignore_ascii_case("host") {
            headers.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
        }
    }
    let request = Request {
        headers,
        body: Vec::new(),
    };
    match &sent.body {
        Some(body) => request.body(body),
        None => request,
    }
}

fn answer(rule: &Rule) -> UpstreamAnswer {
    match rule {
        Rule::Answer {
            status,
            headers,
            body,
            delay_millis,
        } => {
            let mut all: Headers = headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect();
            all.push(b"content-length", body.len().to_string().as_bytes());
            UpstreamAnswer::Answers {
                status: *status,
                headers: all,
                body: vec![body.clone().into_bytes()],
                delay_millis: *delay_millis,
            }
        }
        Rule::Closes => UpstreamAnswer::Closes,
        Rule::Garbage => UpstreamAnswer::Garbage,
        Rule::BreaksOff { status, body } => UpstreamAnswer::BreaksOff {
            status: *status,
            headers: [("content-length", (body.len() + 1).to_string())]
                .into_iter()
                .collect(),
            body: body.clone().into_bytes(),
        },
        Rule::Never => UpstreamAnswer::TimesOut,
    }
}

fn fields(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        .collect()
}
