//! Which pages may call an HTTP API: another library's cases of allowed origins, methods and
//! headers, and what browsers make of an origin that is sent back.
//!
//! Compared is what a browser would do, since API Gateway tells the same to all that it knows and
//! leaves the rest to the browser; never `Vary`, and never an order.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;

use attache_conformance::{Suite, corpus, json_lines};
use attache_model::{Account, Api, Cors, Gateway, Protocol};
use attache_policies::cors::CorsConfigurations;
use attache_policies::{HeaderEdit, Headers};
use serde::Deserialize;

type Fields = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
struct Case {
    id: String,
    method: String,
    options: Options,
    request_headers: Fields,
    response_headers: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Options {
    allow_credentials: bool,
    allowed_headers: Option<Vec<String>>,
    allowed_methods: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    exposed_headers: Option<Vec<String>>,
    max_age: i32,
}

/// An origin that an API could send back, and whether a browser takes it for the page's own.
#[derive(Deserialize)]
struct Sent {
    id: String,
    page_origin: String,
    acao: String,
    browser_accepts: bool,
}

#[test]
fn cors() {
    let Some(folder) = corpus("cors") else {
        return;
    };
    let mut suite = Suite::new("cors").unwrap();
    let cases: Vec<Case> = json_lines(&folder.join("rs-cors.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, check(case));
    }
    let cases: Vec<Sent> = json_lines(&folder.join("wpt-acao-values.jsonl")).unwrap();
    for case in &cases {
        suite.record(&case.id, check_sent(case));
    }
    suite.finish().unwrap();
}

fn compile(cors: Cors) -> Result<CorsConfigurations, String> {
    let gateway = Gateway {
        apis: vec![Api {
            cors: Some(cors),
            ..Api::new("club", Protocol::Http)
        }],
        ..Gateway::new(Account::default())
    };
    CorsConfigurations::compile(&gateway)
        .map_err(|faults| format!("does not compile: {}", faults[0].reason))
}

fn headers(method: &str, fields: &Fields) -> Headers {
    let mut headers = Headers::default();
    headers.push(b":method", method.as_bytes());
    for (name, values) in fields {
        for value in values {
            headers.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
        }
    }
    headers
}

/// What is said to a request: the fields that begin with `access-control-`.
fn said(cors: &CorsConfigurations, request: &Headers) -> Fields {
    let cors = cors.get(0).expect("the API has a configuration");
    let fields: Vec<(String, Vec<u8>)> = match cors.preflight(request) {
        Some(reply) => reply.headers,
        None => cors
            .response_edits(request, &Headers::default())
            .into_iter()
            .filter_map(|edit| match edit {
                HeaderEdit::Set(name, value) => Some((name.into_owned(), value)),
                HeaderEdit::Add(..) | HeaderEdit::Remove(_) => None,
            })
            .collect(),
    };
    let mut said = Fields::new();
    for (name, value) in fields {
        if name.starts_with("access-control-") {
            let value = String::from_utf8(value).expect("a text");
            said.entry(name).or_default().push(value);
        }
    }
    said
}

/// Whether a browser lets a page do what it asks for.
fn is_allowed(said: &Fields, request: &Fields) -> bool {
    let names = |fields: &Fields, name: &str| -> Vec<String> {
        let values = fields.get(name).into_iter().flatten();
        let names = values.flat_map(|value| value.split(','));
        let names = names.map(|name| name.trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty()).collect()
    };
    let origin = request.get("Origin").and_then(|values| values.first());
    let is_origin = origin.is_some_and(|origin| {
        let allowed = said.get("access-control-allow-origin");
        allowed.is_some_and(|allowed| *allowed == ["*"] || *allowed == [origin.as_str()])
    });
    let safelisted = ["get", "head", "post"];
    let methods = names(said, "access-control-allow-methods");
    let has_method = |method: &String| {
        safelisted.contains(&method.as_str()) || methods.contains(method) || methods == ["*"]
    };
    let allowed = names(said, "access-control-allow-headers");
    let has_header = |name: &String| allowed.contains(name) || allowed == ["*"];
    is_origin
        && names(request, "Access-Control-Request-Method")
            .iter()
            .all(has_method)
        && names(request, "Access-Control-Request-Headers")
            .iter()
            .all(has_header)
}

fn check(case: &Case) -> Result<(), String> {
    let options = &case.options;
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let cors = compile(Cors {
        allow_credentials: options.allow_credentials,
        allow_headers: list(&options.allowed_headers),
        allow_methods: list(&options.allowed_methods),
        allow_origins: list(&options.allowed_origins),
        expose_headers: list(&options.exposed_headers),
        max_age: (options.max_age != 0).then_some(options.max_age),
    })?;
    let said = said(&cors, &headers(&case.method, &case.request_headers));
    let lower = |fields: &Fields| -> Fields {
        let fields = fields.iter();
        fields
            .map(|(name, values)| (name.to_ascii_lowercase(), values.clone()))
            .collect()
    };
    let expected = lower(&case.response_headers);
    let theirs = expected.contains_key("access-control-allow-origin");
    let ours = is_allowed(&said, &case.request_headers);
    if ours != theirs {
        return Err(format!(
            "allowed: {ours}, expected: {theirs}; said {said:?}"
        ));
    }
    if !theirs {
        return Ok(());
    }
    for name in [
        "access-control-allow-origin",
        "access-control-allow-credentials",
    ] {
        if said.get(name) != expected.get(name) {
            return Err(format!(
                "{name}: {:?}, expected {:?}",
                said.get(name),
                expected.get(name)
            ));
        }
    }
    Ok(())
}

/// An API that allows this origin, if it can be configured, lets the page read its answers exactly
/// when a browser takes the origin for the page's own.
fn check_sent(case: &Sent) -> Result<(), String> {
    let request = Fields::from([("Origin".to_owned(), vec![case.page_origin.clone()])]);
    let cors = Cors {
        allow_origins: vec![case.acao.trim().to_owned()],
        ..Cors::default()
    };
    let ours = match compile(cors) {
        Ok(cors) => is_allowed(&said(&cors, &headers("GET", &request)), &request),
        Err(_) => false,
    };
    if ours == case.browser_accepts {
        Ok(())
    } else {
        Err(format!(
            "allowed: {ours}, expected: {}",
            case.browser_accepts
        ))
    }
}
