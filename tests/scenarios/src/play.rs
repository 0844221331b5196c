use std::collections::BTreeMap;
use std::time::Duration;

use crate::format::{Exchange, Expected, Request, Scenario, Sees, UpstreamExpected};

/// Where a scenario is played.
pub trait World {
    /// Moves the clock.
    fn advance(&mut self, by: Duration);

    /// Sends a request as often, and over as many connections at once, as the exchange says;
    /// what the client saw of each. `None` for one whose connection was closed.
    fn send(&mut self, exchange: &Exchange) -> Vec<Option<Observed>>;

    /// What the upstreams saw since the last call, with their names.
    fn upstreams_saw(&mut self) -> Vec<Seen>;

    /// What an upstream saw that its script has no rule for, and anything else that fails the
    /// scenario whatever was expected.
    fn faults(&mut self) -> Vec<String>;
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

/// What an upstream saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The name of the upstream.
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
        if let Some(advance) = exchange.advance {
            world.advance(advance.into());
        }
        let observed = world.send(exchange);
        let seen = world.upstreams_saw();
        let mut found = check_client(exchange, &observed);
        found.extend(check_upstream(exchange, &seen));
        found.extend(world.faults());
        faults.extend(found.into_iter().map(|fault| format!("{place}: {fault}")));
    }
    faults
}

fn check_client(exchange: &Exchange, observed: &[Option<Observed>]) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(expected) = &exchange.expect {
        for (time, observed) in observed.iter().enumerate() {
            let found = match observed {
                Some(observed) => check_answer(expected, observed),
                None => vec!["the connection was closed without an answer".to_owned()],
            };
            let prefix = if exchange.times * exchange.connections > 1 {
                format!("request {time}: ")
            } else {
                String::new()
            };
            faults.extend(found.into_iter().map(|fault| prefix.clone() + &fault));
        }
    }
    if let Some(expected) = &exchange.statuses {
        let mut statuses = BTreeMap::new();
        for observed in observed.iter().flatten() {
            *statuses.entry(observed.status).or_insert(0) += 1;
        }
        if statuses != *expected {
            faults.push(format!("statuses: expected {expected:?}, got {statuses:?}"));
        }
    }
    faults
}

fn check_answer(expected: &Expected, observed: &Observed) -> Vec<String> {
    let mut faults = Vec::new();
    if observed.status != expected.status {
        faults.push(format!(
            "status: expected {}, got {} with body `{}`",
            expected.status,
            observed.status,
            observed.body.escape_ascii()
        ));
    }
    faults.extend(check_fields(
        &observed.headers,
        &expected.headers,
        &expected.absent,
    ));
    faults.extend(check_body(expected.body.as_deref(), &observed.body));
    faults
}

fn check_upstream(exchange: &Exchange, seen: &[Seen]) -> Vec<String> {
    let sent = exchange.times * exchange.connections;
    match &exchange.upstream {
        None => Vec::new(),
        Some(UpstreamExpected::Nothing) => seen
            .iter()
            .map(|seen| {
                format!(
                    "upstream `{}` saw {} {}, and should have seen nothing",
                    seen.at, seen.method, seen.path
                )
            })
            .collect(),
        Some(UpstreamExpected::Sees(_)) if seen.len() != sent => {
            vec![format!(
                "the upstreams should have seen {sent} requests and saw {}",
                seen.len()
            )]
        }
        Some(UpstreamExpected::Sees(expected)) => seen
            .iter()
            .flat_map(|seen| check_seen(expected, seen))
            .collect(),
    }
}

fn check_seen(expected: &Sees, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, expected, got) in [
        ("name", &expected.at, &seen.at),
        ("method", &expected.method, &seen.method),
        ("path", &expected.path, &seen.path),
    ] {
        if let Some(expected) = expected
            && expected != got
        {
            faults.push(format!("{what}: expected `{expected}`, got `{got}`"));
        }
    }
    faults.extend(check_fields(
        &seen.headers,
        &expected.headers,
        &expected.absent,
    ));
    faults.extend(check_body(expected.body.as_deref(), &seen.body));
    faults
        .into_iter()
        .map(|fault| format!("upstream's {fault}"))
        .collect()
}

fn check_fields(
    fields: &[(String, Vec<u8>)],
    expected: &BTreeMap<String, String>,
    absent: &[String],
) -> Vec<String> {
    let value = |name: &str| -> Option<String> {
        let values: Vec<_> = fields
            .iter()
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let mut faults = Vec::new();
    for (name, expected) in expected {
        match value(name) {
            None => faults.push(format!("header `{name}`: expected `{expected}`, got none")),
            Some(got) if got != *expected && expected != "<any>" => {
                faults.push(format!(
                    "header `{name}`: expected `{expected}`, got `{got}`"
                ));
            }
            Some(_) => {}
        }
    }
    for name in absent {
        if let Some(got) = value(name) {
            faults.push(format!("header `{name}`: expected none, got `{got}`"));
        }
    }
    faults
}

fn check_body(expected: Option<&str>, got: &[u8]) -> Option<String> {
    let expected = expected?;
    (expected.as_bytes() != got)
        .then(|| format!("body: expected `{expected}`, got `{}`", got.escape_ascii()))
}
