//! Whether what was seen is what was expected; what is not, in words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::format::{Exchange, Expected, Sees, UpstreamExpected};
use crate::pattern;
use crate::play::{Observed, Seen};

/// What clients saw.
pub(crate) fn client(exchange: &Exchange, observed: &[Option<Observed>]) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(expected) = &exchange.expect {
        for (time, observed) in observed.iter().enumerate() {
            let found = match observed {
                Some(observed) => answer(expected, observed),
                None => vec!["the connection was closed without an answer".to_owned()],
            };
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| numbered(exchange, time, &fault)),
            );
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

fn numbered(exchange: &Exchange, time: usize, fault: &str) -> String {
    if exchange.times * exchange.connections > 1 {
        format!("request {time}: {fault}")
    } else {
        fault.to_owned()
    }
}

fn answer(expected: &Expected, observed: &Observed) -> Vec<String> {
    let mut faults = Vec::new();
    if observed.status != expected.status {
        faults.push(format!(
            "status: expected {}, got {} with body `{}`",
            expected.status,
            observed.status,
            observed.body.escape_ascii()
        ));
    }
    faults.extend(fields(
        &observed.headers,
        &expected.headers,
        &expected.absent,
    ));
    faults.extend(body(expected.body.as_deref(), &observed.body));
    faults.extend(json(expected.json.as_ref(), &observed.body));
    faults
}

/// What upstreams saw.
pub(crate) fn upstream(exchange: &Exchange, seen: &[Seen]) -> Vec<String> {
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
            .flat_map(|seen| request(expected, seen))
            .map(|fault| format!("upstream's {fault}"))
            .collect(),
    }
}

/// What called services saw.
pub(crate) fn callouts(exchange: &Exchange, called: &[Seen]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, expected) in &exchange.callouts {
        let calls: Vec<&Seen> = called.iter().filter(|seen| seen.at == *name).collect();
        let (least, most) = expected.times;
        if !(least..=most).contains(&calls.len()) {
            let times = if least == most {
                most.to_string()
            } else {
                format!("at most {most}")
            };
            faults.push(format!(
                "`{name}` should have been called {times} times and was {}",
                calls.len()
            ));
        }
        faults.extend(
            calls
                .iter()
                .flat_map(|seen| request(&expected.sees, seen))
                .map(|fault| format!("`{name}`'s {fault}")),
        );
    }
    faults
}

/// What the access log has of each request.
pub(crate) fn logged(exchange: &Exchange, lines: &[BTreeMap<String, String>]) -> Vec<String> {
    let mut faults = Vec::new();
    for (time, line) in lines.iter().enumerate() {
        for (field, expected) in &exchange.logged {
            let got = line.get(field).map_or("nothing", String::as_str);
            if !pattern::text(expected, got) {
                let fault = format!("log field `{field}`: expected `{expected}`, got `{got}`");
                faults.push(numbered(exchange, time, &fault));
            }
        }
    }
    faults
}

fn request(expected: &Sees, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, expected, got) in [
        ("name", &expected.at, &seen.at),
        ("method", &expected.method, &seen.method),
        ("path", &expected.path, &seen.path),
    ] {
        if let Some(expected) = expected
            && !pattern::text(expected, got)
        {
            faults.push(format!("{what}: expected `{expected}`, got `{got}`"));
        }
    }
    faults.extend(fields(&seen.headers, &expected.headers, &expected.absent));
    faults.extend(body(expected.body.as_deref(), &seen.body));
    faults.extend(json(expected.json.as_ref(), &seen.body));
    faults
}

fn fields(
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
            Some(got) if !pattern::text(expected, &got) => {
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

fn body(expected: Option<&str>, got: &[u8]) -> Option<String> {
    let expected = expected?;
    let same = str::from_utf8(got).is_ok_and(|got| pattern::text(expected, got));
    (!same).then(|| format!("body: expected `{expected}`, got `{}`", got.escape_ascii()))
}

fn json(expected: Option<&Value>, got: &[u8]) -> Vec<String> {
    let Some(expected) = expected else {
        return Vec::new();
    };
    match serde_json::from_slice(got) {
        Ok(got) => pattern::json(expected, &got)
            .into_iter()
            .map(|fault| format!("body's {fault}"))
            .collect(),
        Err(_) => vec![format!("body: expected JSON, got `{}`", got.escape_ascii())],
    }
}
