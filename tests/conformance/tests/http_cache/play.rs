//! Plays a test and judges what client and origin have seen.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::case::{Case, Field, Step, from_latin1};
use super::client::{self, Response};
use super::origin::{Origin, Seen};

/// The pause of tests that let something grow stale.
const PAUSE: Duration = Duration::from_secs(3);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Plays a test once. A failure of what is only set up counts too, and says so.
pub(crate) fn play(case: &Case, origin: &Origin, cache: SocketAddr) -> Result<(), String> {
    // As long as the names of the original, which one test counts on.
    let process = u64::from(std::process::id());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{process:08x}-0000-4000-8000-{number:012x}");
    origin.expect(&name, &case.requests);
    let mut responses: Vec<Response> = Vec::new();
    for (index, step) in case.requests.iter().enumerate() {
        let mut path = format!("/test/{name}");
        if let Some(file) = &step.filename {
            path = format!("{path}/{file}");
        }
        if let Some(query) = &step.query_arg {
            path = format!("{path}?{query}");
        }
        let fields = request_fields(case, step, index, responses.last());
        let response = client::send(
            cache,
            step.method(),
            &path,
            &fields,
            step.request_body.as_deref(),
        )?;
        check_response(step, index + 1, &response, &name)?;
        responses.push(response);
        if step.pause_after {
            std::thread::sleep(PAUSE);
        }
    }
    check_origin(&case.requests, &responses, &origin.seen(&name))
}

/// What a browser's `fetch` sends: its own fields, then the test's; those of one name are one.
fn request_fields(
    case: &Case,
    step: &Step,
    index: usize,
    previous: Option<&Response>,
) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| {
        let value = value.trim();
        match fields
            .iter_mut()
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
        {
            Some((_, known)) => *known = format!("{known}, {value}"),
            None => fields.push((name.to_owned(), value.to_owned())),
        }
    };
    add("Pragma", "foo");
    add("Cache-Control", "nothing-to-see-here");
    let now = previous.and_then(|response| response.message.number("server-now"));
    for field in &step.request_headers {
        add(field.name(), &field.text(step, now.unwrap_or_default(), ""));
    }
    add(
        "Test-Name",
        &case.name.replace(|it: char| !it.is_ascii(), "?"),
    );
    add("Test-ID", &case.id);
    add("Req-Num", &(index + 1).to_string());
    let given = |name: &str| {
        step.request_headers
            .iter()
            .any(|it| it.name().eq_ignore_ascii_case(name))
    };
    for (name, value) in [
        ("accept", "*/*"),
        ("accept-language", "*"),
        ("sec-fetch-mode", "cors"),
        ("user-agent", "node"),
        ("accept-encoding", "gzip, deflate"),
    ] {
        if !given(name) {
            add(name, value);
        }
    }
    if step.request_body.is_some() && !given("content-type") {
        add("content-type", "text/plain;charset=UTF-8");
    }
    fields
}

/// A check; when it fails in what is only set up, the failure says so.
fn check(setup: bool, holds: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    match (holds, setup) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("setup: {}", complaint())),
        (false, false) => Err(complaint()),
    }
}

fn check_response(
    step: &Step,
    number: usize,
    response: &Response,
    name: &str,
) -> Result<(), String> {
    let message = &response.message;
    let count = message.number("server-request-count");
    if let Some(numbers) = message.field("request-numbers") {
        let numbers: Vec<&str> = numbers.split(' ').collect();
        let twice = (1..numbers.len()).any(|at| numbers[..at].contains(&numbers[at]));
        check(true, !twice, || {
            format!("the origin was asked twice: {numbers:?}")
        })?;
    }
    let wanted = u64::try_from(number).unwrap();
    let setup = step.is_setup("expected_type");
    match step.expected_type.as_deref() {
        Some("cached") if response.status == 304 && count.is_none() => {}
        Some("cached") => check(setup, count.is_some_and(|count| count < wanted), || {
            format!("response {number} does not come from the cache")
        })?,
        Some("not_cached") => check(setup, count == Some(wanted), || {
            format!("response {number} comes from the cache")
        })?,
        _ => {}
    }
    let status = response.status;
    let said = |expected: u16| format!("response {number} has status {status}, not {expected}");
    match (step.expected_status, &step.response_status) {
        (Some(None), _) => {}
        (Some(Some(expected)), _) => {
            check(step.is_setup("expected_status"), status == expected, || {
                said(expected)
            })?;
        }
        (None, Some((expected, _))) => check(true, status == *expected, || said(*expected))?,
        (None, None) if status == 999 => check(setup, false, || {
            format!("request {number} should have been conditional")
        })?,
        (None, None) => check(true, status == 200, || said(200))?,
    }
    let setup = step.is_setup("expected_response_headers");
    for field in &step.expected_response_headers {
        let found = message.field(field.name());
        let holds = match field {
            Field::Name(_) => found.is_some(),
            Field::Triple(_, operator, other) if operator == "=" => {
                found.is_some() && found == message.field(other.as_str().unwrap())
            }
            Field::Triple(_, operator, Value::Number(least)) if operator == ">" => {
                found.as_ref().and_then(|it| it.parse::<i64>().ok()) > least.as_i64()
            }
            Field::Triple(..) => panic!("unknown expectation {field:?}"),
            Field::Pair(..) => {
                let now = message.number("server-now").unwrap_or_default();
                let base = message.field("server-base-url").unwrap_or_default();
                found.as_deref() == Some(&*field.text(step, now, &base))
            }
        };
        check(setup, holds, || {
            format!("response {number} has {found:?}, not {field:?}")
        })?;
    }
    let setup = step.is_setup("expected_response_headers_missing");
    for field in &step.expected_response_headers_missing {
        let found = message.field(field.name());
        let there = match field.value() {
            None => found.is_some(),
            Some(value) => found
                .as_deref()
                .is_some_and(|found| found.contains(value.as_str().unwrap())),
        };
        check(setup, !there, || format!("response {number} has {field:?}"))?;
    }
    let setup = step.is_setup("expected_interim_responses");
    for (index, expected) in step.expected_interim_responses.iter().enumerate() {
        let found = response.interim.get(index).copied().map(u64::from);
        check(setup, found == expected[0].as_u64(), || {
            format!("interim response {} is {found:?}", index + 1)
        })?;
    }
    check_body(step, response, name)
}

fn check_body(step: &Step, response: &Response, name: &str) -> Result<(), String> {
    if step.check_body == Some(false) {
        return Ok(());
    }
    let body = from_latin1(&response.message.body);
    let (expected, setup) = match (&step.expected_response_text, &step.response_body) {
        (Some(None), _) => return Ok(()),
        (Some(Some(text)), _) => (&**text, step.is_setup("expected_response_text")),
        (None, Some(text)) => (&**text, true),
        (None, None) if matches!(response.status, 204 | 304) || step.method() == "HEAD" => {
            return Ok(());
        }
        (None, None) => (name, true),
    };
    check(setup, body == expected, || {
        format!("the body is {body:?}, not {expected:?}")
    })
}

fn check_origin(steps: &[Step], responses: &[Response], seen: &[Seen]) -> Result<(), String> {
    let mut seen = seen.iter();
    for (index, (step, response)) in steps.iter().zip(responses).enumerate() {
        let number = index + 1;
        if step.expected_type.as_deref() == Some("cached") {
            continue;
        }
        let seen = seen.next();
        let setup = step.is_setup("expected_type");
        let request = |name: &str| seen.and_then(|seen| seen.request.field(name));
        match step.expected_type.as_deref() {
            Some("not_cached") => {
                let holds = seen.is_some_and(|seen| seen.number == Some(number));
                check(setup, holds, || {
                    format!("the origin has not seen request {number}")
                })?;
            }
            Some("etag_validated") => check(setup, request("if-none-match").is_some(), || {
                format!("request {number} has no If-None-Match")
            })?,
            Some("lm_validated") => check(setup, request("if-modified-since").is_some(), || {
                format!("request {number} has no If-Modified-Since")
            })?,
            _ => {}
        }
        let setup = step.is_setup("expected_request_headers");
        for field in &step.expected_request_headers {
            let found = request(field.name());
            let holds = match field.value() {
                None => found.is_some(),
                Some(value) => found.as_deref() == value.as_str(),
            };
            check(setup, holds, || {
                format!("request {number} has {found:?}, not {field:?}")
            })?;
        }
        let setup = step.is_setup("expected_request_headers_missing");
        for field in &step.expected_request_headers_missing {
            let found = request(field.name());
            let there = match field.value() {
                None => found.is_some(),
                Some(value) => found.as_deref() == value.as_str(),
            };
            check(setup, !there, || format!("request {number} has {field:?}"))?;
        }
        for (name, value) in seen.map_or(&[][..], |seen| &seen.promised) {
            if name.eq_ignore_ascii_case("date") {
                continue;
            }
            // Lines of one field may be joined with or without a space.
            let joined = |text: &str| text.replace(", ", ",");
            let found = response.message.field(name);
            let same = found.as_deref().map(joined) == Some(joined(value));
            check(true, same, || {
                format!("response {number} has {name}: {found:?}, not {value:?}")
            })?;
        }
        if let Some(expected) = &step.expected_method {
            let found = seen.map(|seen| &seen.method);
            check(
                step.is_setup("expected_method"),
                found == Some(expected),
                || format!("request {number} has method {found:?}, not {expected}"),
            )?;
        }
    }
    Ok(())
}
