//! Scenarios in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use attache_policies::{Callout, CalloutAnswer, Headers, client_certificate};
use attache_testkit::{
    CalloutScript, ClientConnection, Host, Message, Proxy, Recorded, Request, Script,
    UpstreamAnswer,
};

use crate::configuration;
use crate::format::{Rule, Scenario, Upstream};
use crate::placeholder::Placeholders;
use crate::play::{Observed, Seen, Sent, World};
use crate::script;
use crate::subject::Subject;

/// As many workers as take turns.
const WORKERS: usize = 2;

/// A proxy in memory with a scenario's configuration.
pub struct Memory<S: Subject> {
    proxy: Proxy,
    /// One for each worker: in a real proxy they share nothing but the store.
    services: Vec<Arc<S::Service>>,
    /// The names of upstreams and called services, by their clusters.
    clusters: BTreeMap<String, String>,
    scripts: BTreeMap<String, Upstream>,
    /// Where everything goes when the service names no cluster.
    only_upstream: String,
    placeholders: Placeholders,
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
        let addresses = scenario
            .services()
            .zip(9000..)
            .map(|((name, _), port)| (name.clone(), (Ipv4Addr::LOCALHOST, port).into()))
            .collect();
        let placeholders = Placeholders::new(scenario, addresses)?;
        let folder = configuration::write(&scenario.configuration, &placeholders)?;
        let services = (0..WORKERS)
            .map(|_| subject.service(folder.path()))
            .collect::<Result<_, _>>()?;
        let clusters = placeholders
            .addresses()
            .iter()
            .map(|(name, address)| (subject.cluster(name, *address), name.clone()))
            .collect();
        let scripts = scenario
            .services()
            .map(|(name, service)| Ok((name.clone(), placeholders.fill_service(service)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self {
            proxy: Proxy::new(),
            services,
            clusters,
            scripts,
            only_upstream: scenario
                .upstreams
                .keys()
                .next()
                .cloned()
                .unwrap_or_default(),
            placeholders,
            log: RefCell::default(),
        })
    }

    fn upstream(&self, message: &Message) -> UpstreamAnswer {
        let seen = self.seen(message);
        if matches!(self.scripts.get(&seen.at), Some(Upstream::Refuses)) {
            // Nobody is there to see it.
            return UpstreamAnswer::Refuses;
        }
        let answer = self.rule(&seen).map_or(UpstreamAnswer::Closes, answer);
        self.log.borrow_mut().seen.push(seen);
        answer
    }

    /// What the service that has seen this does; it is noted when nothing is said.
    fn rule(&self, seen: &Seen) -> Option<&Rule> {
        let rule = match self.scripts.get(&seen.at) {
            Some(Upstream::Answers(rules)) => {
                script::find(rules, &seen.method, &seen.path, &seen.body)
            }
            Some(Upstream::Refuses) | None => None,
        };
        if rule.is_none() {
            self.log.borrow_mut().faults.push(format!(
                "`{}` has no answer for {} {}",
                seen.at, seen.method, seen.path
            ));
        }
        rule
    }

    fn seen(&self, message: &Message) -> Seen {
        let at = match message.text(S::CLUSTER_HEADER) {
            Some(cluster) => self.clusters.get(&cluster).cloned().unwrap_or_default(),
            None => self.only_upstream.clone(),
        };
        let mut headers = fields(&message.headers);
        // What the proxy's route takes off again.
        headers.retain(|(name, _)| {
            name != S::CLUSTER_HEADER
                && name != client_certificate::HEADER
                && !name.starts_with("x-envoy-")
                && !name.starts_with(':')
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
        let mut headers = callout.headers.clone();
        headers.retain(|(name, _)| !name.starts_with(':'));
        headers.push(("host".to_owned(), field(":authority").into_bytes()));
        let seen = Seen {
            at: self
                .clusters
                .get(&callout.cluster)
                .unwrap_or(&callout.cluster)
                .clone(),
            method: field(":method"),
            path: field(":path"),
            headers,
            body: callout.body.clone(),
        };
        if matches!(self.scripts.get(&seen.at), Some(Upstream::Refuses)) {
            return CalloutScript::new(503, "");
        }
        let answer = self.rule(&seen).map(answer);
        self.log.borrow_mut().seen.push(seen);
        match answer {
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
            Some(UpstreamAnswer::BreaksOff { .. }) | None => CalloutScript::failed(),
            Some(_) => CalloutScript::new(503, ""),
        }
    }
}

/// How many rounds of errands there are before a request: what one fetched may ask for another.
const ROUNDS: usize = 3;

impl<S: Subject> World for Memory<S> {
    fn now(&self) -> u64 {
        self.proxy.now().as_secs()
    }

    fn authority(&self) -> String {
        "127.0.0.1:8080".to_owned()
    }

    fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    fn advance(&mut self, by: Duration) {
        self.proxy.advance(by);
    }

    fn script(&mut self, name: &str, service: Upstream) -> Result<(), String> {
        self.scripts.insert(name.to_owned(), service);
        Ok(())
    }

    fn send(&mut self, sent: &Sent, connections: usize, times: usize) -> Vec<Option<Observed>> {
        let request = request(sent, &self.authority());
        let connection = ClientConnection::default();
        self.proxy.set_connection(ClientConnection {
            source_address: match sent.source_address {
                Some(address) => address.to_string(),
                None => connection.source_address,
            },
            mutual_tls: sent.client_certificate.is_some(),
            ..connection
        });
        let hosts: Vec<_> = self
            .services
            .iter()
            .enumerate()
            .map(|(number, service)| Host::on(Arc::clone(service), self.proxy.worker(number)))
            .collect();
        for host in &hosts {
            for _ in 0..ROUNDS {
                let mut script = Script::answering("").callouts(|callout| self.callout(callout));
                host.tick(&mut script);
            }
        }
        let _of_earlier_requests = self.proxy.take_record();
        (0..times * connections)
            .map(|number| {
                let mut script = Script::new(|message| self.upstream(message))
                    .callouts(|callout| self.callout(callout));
                let outcome = hosts[number % WORKERS].exchange(&request, &mut script);
                outcome.client.map(|client| Observed {
                    status: client.status().unwrap_or_default(),
                    headers: fields(&client.headers),
                    body: client.body,
                })
            })
            .collect()
    }

    fn saw(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.log.borrow_mut().seen)
    }

    fn logged(&mut self, _: usize) -> Vec<BTreeMap<String, String>> {
        let mut lines: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
        for recorded in self.proxy.record() {
            if let Recorded::Published {
                request,
                field,
                value,
            } = recorded
            {
                let value = String::from_utf8_lossy(&value).into_owned();
                lines.entry(request).or_default().insert(field, value);
            }
        }
        lines.into_values().collect()
    }

    fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.borrow_mut().faults)
    }
}

fn request(sent: &Sent, authority: &str) -> Request {
    let mut headers: Headers = [
        (":method", sent.method.as_str()),
        (":path", &sent.path),
        (":scheme", "http"),
        (":authority", sent.host().unwrap_or(authority)),
    ]
    .into_iter()
    .collect();
    for (name, value) in &sent.headers {
        if name != "host" {
            headers.push(name.as_bytes(), value.as_bytes());
        }
    }
    let request = Request {
        headers,
        body: Vec::new(),
    };
    let request = match &sent.client_certificate {
        Some(pem) => request.client_certificate(pem),
        None => request,
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
