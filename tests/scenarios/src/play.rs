use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::check;
use crate::format::{Exchange, Request, Scenario, Upstream};
use crate::placeholder::Placeholders;
use crate::signature;

/// Where a scenario is played.
pub trait World {
    /// Seconds since 1970.
    fn now(&self) -> u64;

    /// The `host` of a request that names none.
    fn authority(&self) -> String;

    /// What the scenario's placeholders stand for here.
    fn placeholders(&self) -> &Placeholders;

    /// Moves the clock.
    fn advance(&mut self, by: Duration);

    /// Changes what an upstream or a called service does.
    ///
    /// # Errors
    ///
    /// Why it cannot be changed.
    fn script(&mut self, name: &str, service: Upstream) -> Result<(), String>;

    /// Sends a request over as many connections at once, on each as often, one after the other;
    /// what the client saw of each. `None` for one whose connection was closed.
    fn send(&mut self, request: &Sent, connections: usize, times: usize) -> Vec<Option<Observed>>;

    /// What the upstreams and the called services saw since the last call, with their names.
    fn saw(&mut self) -> Vec<Seen>;

    /// The lines of the access log since the last call: the fields of as many requests.
    fn logged(&mut self, requests: usize) -> Vec<BTreeMap<String, String>>;

    /// What a service saw that its script has no rule for, and anything else that fails the
    /// scenario whatever was expected.
    fn faults(&mut self) -> Vec<String>;
}

/// What a client sends, with everything filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// The client's address, where it matters.
    pub source_address: Option<IpAddr>,
    /// The client's certificate in PEM.
    pub client_certificate: Option<String>,
}

impl Sent {
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The `host` that it names.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name == "host")
            .map(|(_, value)| value.as_str())
    }
}

/// What a client saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What an upstream or a called service saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub at: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The header fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Plays a scenario; what was not as expected, in words.
pub fn play(scenario: &Scenario, world: &mut dyn World) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, exchange) in scenario.exchanges.iter().enumerate() {
        let Request { method, path, .. } = &exchange.request;
        let place = format!("exchange {number} ({method} {path})");
        let found = play_one(scenario, exchange, world).unwrap_or_else(|fault| vec![fault]);
        faults.extend(found.into_iter().map(|fault| format!("{place}: {fault}")));
    }
    faults
}

fn play_one(
    scenario: &Scenario,
    exchange: &Exchange,
    world: &mut dyn World,
) -> Result<Vec<String>, String> {
    if let Some(advance) = exchange.advance {
        world.advance(advance.into());
    }
    for (name, service) in &exchange.scripts {
        let service = world.placeholders().fill_service(service)?;
        world.script(name, service)?;
    }
    let request = prepare(&exchange.request, world)?;
    let observed = world.send(&request, exchange.connections, exchange.times);
    let (called, seen): (Vec<Seen>, Vec<Seen>) = world
        .saw()
        .into_iter()
        .partition(|seen| scenario.callouts.contains_key(&seen.at));
    let mut faults = check::client(exchange, &observed);
    faults.extend(check::upstream(exchange, &seen));
    faults.extend(check::callouts(exchange, &called));
    if !exchange.logged.is_empty() {
        faults.extend(check::logged(exchange, &world.logged(observed.len())));
    }
    faults.extend(world.faults());
    Ok(faults)
}

/// Fills in what depends on the moment, and signs.
fn prepare(request: &Request, world: &dyn World) -> Result<Sent, String> {
    let now = world.now();
    let fill = |text: &String| world.placeholders().fill_request(text, now);
    let mut sent = Sent {
        method: request.method.clone(),
        path: fill(&request.path)?,
        headers: Vec::new(),
        body: request.body.as_ref().map(fill).transpose()?,
        source_address: request.source_address,
        client_certificate: request.client_certificate.clone(),
    };
    for (name, values) in &request.headers {
        for value in values.as_slice() {
            sent.push(&name.to_ascii_lowercase(), &fill(value)?);
        }
    }
    if let Some(signature) = &request.sign {
        let host = sent.host().map_or_else(|| world.authority(), str::to_owned);
        signature::sign(&mut sent, signature, &host, now)?;
    }
    Ok(sent)
}
