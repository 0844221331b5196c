//! One request on its way: what the policies ask of the proxy, done and written down.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use attache_policies::integration::{CLUSTER_HEADER, MAPPED_HEADER, TIMEOUT_HEADER};
use attache_policies::{
    Callout, CalloutAnswer, Edits, Event, Gateway, HeaderEdit, Headers, Reply, ResponseHead, Step,
    Stream, UpstreamFailure,
};
use serde_json::Value;

use super::Invocation;
use super::execution_log::{self, Log};
use crate::memory_proxy::{Call, Client, Memory};

/// How long a back end may take when the policies do not say so.
const TIMEOUT_MILLIS: u32 = 29_000;

/// One request and all that is needed to answer it.
pub(super) struct Execution<'a> {
    pub(super) client: Client,
    pub(super) body: Option<Vec<u8>>,
    pub(super) resource_path: &'a str,
    pub(super) path_parameters: Vec<(String, String)>,
}

/// An answer of a back end that has not been passed on yet.
struct Pending {
    headers: Headers,
    body: Vec<u8>,
}

impl Execution<'_> {
    /// Sends the request through the gateway.
    pub(super) fn run(self, gateway: Gateway, request: Headers, proxy: Memory) -> Invocation {
        execution_log::listen();
        let began = Instant::now();
        let mut log = Log::begin(&request_id());
        self.log_request(&request, &mut log);
        let (mut stream, mut step) = Stream::start(
            &Arc::new(gateway),
            request.clone(),
            self.body.is_none(),
            Rc::new(proxy),
        );
        let mut pending: Option<Pending> = None;
        let reply = loop {
            let event = match step {
                Step::Call(callout) => Event::Callout(self.call(&callout, &mut log)),
                Step::Collect => match &pending {
                    Some(pending) => Event::ResponseBody(pending.body.clone()),
                    None => Event::RequestBody(self.body.clone().unwrap_or_default()),
                },
                Step::Forward(edits) => {
                    let (head, body) = self.forward(&request, edits, &mut log);
                    pending = Some(Pending {
                        headers: head.headers.clone(),
                        body,
                    });
                    Event::ResponseHead(head)
                }
                Step::Reply(reply) => break reply,
                Step::Release(edits) | Step::PassOn(edits, _) => {
                    break released(pending.take(), edits);
                }
                // There is nobody else to be waited for.
                Step::Pause(_) => Event::Paused,
                // Every event of this loop was asked for.
                Step::Done | Step::Ignore => break Reply::default(),
            };
            step = stream.resume(event);
        };
        log.failures();
        answered(&reply, log, began)
    }

    fn log_request(&self, request: &Headers, log: &mut Log) {
        let text = |name: &[u8]| {
            String::from_utf8_lossy(request.first(name).unwrap_or_default()).into_owned()
        };
        log.line(format_args!(
            "HTTP Method: {}, Resource Path: {}",
            text(b":method"),
            self.resource_path
        ));
        let parameters = self.path_parameters.iter();
        log.line(format_args!(
            "Method request path: {}",
            execution_log::map(parameters.map(|(name, value)| (name.as_str(), value.as_str())))
        ));
        let target = text(b":path");
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        log.line(format_args!(
            "Method request query string: {}",
            execution_log::map(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))))
        ));
        let fields = texts(request);
        log.line(format_args!(
            "Method request headers: {}",
            execution_log::map(
                fields
                    .iter()
                    .filter(|(name, _)| is_the_clients(name))
                    .map(pair)
            )
        ));
        log.line(format_args!(
            "Method request body before transformations: {}",
            String::from_utf8_lossy(self.body.as_deref().unwrap_or_default())
        ));
    }

    fn call(&self, callout: &Callout, log: &mut Log) -> CalloutAnswer {
        let headers: Headers = callout
            .headers
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        let call = self.client.call(callout);
        log_call(&call, &headers, log);
        call.answer
    }

    /// The request as the policies changed it, sent to the back end.
    fn forward(&self, request: &Headers, edits: Edits, log: &mut Log) -> (ResponseHead, Vec<u8>) {
        let mut headers = edited(request, &edits.headers);
        let mut take = |name: &str| {
            let at = headers.iter().position(|(field, _)| field == name);
            at.map(|at| String::from_utf8_lossy(&headers.remove(at).1).into_owned())
        };
        let cluster = take(CLUSTER_HEADER).unwrap_or_default();
        let timeout = take(TIMEOUT_HEADER).and_then(|millis| millis.parse().ok());
        // The framing is the client's own, and so is the host, as it is the proxy's.
        take("content-length");
        take(":authority");
        if take(MAPPED_HEADER).is_some() {
            take("x-forwarded-proto");
        }
        let authority = self.client.authority(&cluster);
        headers.push((":authority".to_owned(), authority.into_bytes()));
        let body = edits.body.or_else(|| self.body.clone()).unwrap_or_default();
        let callout = Callout {
            cluster,
            headers,
            body,
            timeout_millis: timeout.unwrap_or(TIMEOUT_MILLIS),
            shared_as: None,
        };
        match self.call(&callout, log) {
            CalloutAnswer::Answered { headers, body } => {
                let status = headers
                    .first(b":status")
                    .and_then(|status| str::from_utf8(status).ok()?.parse().ok());
                let head = ResponseHead {
                    status: status.unwrap_or_default(),
                    headers,
                    failure: None,
                };
                (head, body)
            }
            CalloutAnswer::Failed => {
                let head = ResponseHead {
                    status: 503,
                    headers: [(":status", "503")].into_iter().collect(),
                    failure: Some(UpstreamFailure::Unreachable),
                };
                (head, Vec::new())
            }
        }
    }
}

fn log_call(call: &Call, headers: &Headers, log: &mut Log) {
    log.failures();
    log.line(format_args!("Endpoint request URI: {}", call.url));
    let sent = texts(headers);
    let fields = sent
        .iter()
        .filter(|(name, _)| !name.starts_with(':'))
        .map(pair);
    log.line(format_args!(
        "Endpoint request headers: {}",
        execution_log::map(fields)
    ));
    log.line(format_args!(
        "Endpoint request body after transformations: {}",
        String::from_utf8_lossy(&call.body)
    ));
    log.line(format_args!("Sending request to {}", call.url));
    match &call.answer {
        CalloutAnswer::Answered { headers, body } => {
            let received = texts(headers);
            let status = headers.first(b":status").unwrap_or_default();
            log.line(format_args!(
                "Received response. Status: {}, Integration latency: {} ms",
                String::from_utf8_lossy(status),
                call.milliseconds.unwrap_or_default()
            ));
            let fields = received
                .iter()
                .filter(|(name, _)| !name.starts_with(':'))
                .map(pair);
            log.line(format_args!(
                "Endpoint response headers: {}",
                execution_log::map(fields)
            ));
            log.line(format_args!(
                "Endpoint response body before transformations: {}",
                String::from_utf8_lossy(body)
            ));
        }
        CalloutAnswer::Failed => log.failure(format_args!(
            "Execution failed due to configuration error: {}",
            call.failure
                .as_deref()
                .unwrap_or("the endpoint did not answer")
        )),
    }
}

/// The back end's answer with the changes that the policies made.
fn released(pending: Option<Pending>, edits: Edits) -> Reply {
    let Some(pending) = pending else {
        return Reply::default();
    };
    let mut headers = edited(&pending.headers, &edits.headers);
    let status = headers.iter().find(|(name, _)| name == ":status");
    let status = status.and_then(|(_, status)| str::from_utf8(status).ok()?.parse().ok());
    headers.retain(|(name, _)| !name.starts_with(':'));
    Reply {
        status: status.unwrap_or_default(),
        headers,
        body: edits.body.unwrap_or(pending.body),
    }
}

fn answered(reply: &Reply, mut log: Log, began: Instant) -> Invocation {
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    let mut single = serde_json::Map::new();
    let mut multiple = serde_json::Map::new();
    for (name, value) in &reply.headers {
        let value = Value::from(String::from_utf8_lossy(value));
        if let Some(Value::Array(values)) = multiple.get_mut(name) {
            values.push(value.clone());
        } else {
            multiple.insert(name.clone(), Value::Array(vec![value.clone()]));
        }
        single.insert(name.clone(), value);
    }
    log.line(format_args!(
        "Method response body after transformations: {body}"
    ));
    let fields = single
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")));
    log.line(format_args!(
        "Method response headers: {}",
        execution_log::map(fields)
    ));
    log.end(reply.status);
    Invocation {
        status: reply.status,
        body,
        headers: single,
        multi_value_headers: multiple,
        log: log.into_text(),
        latency: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Header fields with changes made in their order.
fn edited(headers: &Headers, edits: &[HeaderEdit]) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        .collect();
    for edit in edits {
        let name = edit.name();
        if !matches!(edit, HeaderEdit::Add(..)) {
            fields.retain(|(field, _)| field != name);
        }
        if let HeaderEdit::Set(_, value) | HeaderEdit::Add(_, value) = edit {
            fields.push((name.to_owned(), value.clone()));
        }
    }
    fields
}

/// What the proxy itself writes on a request is not the client's.
fn is_the_clients(name: &str) -> bool {
    !name.starts_with(':') && !matches!(name, "x-forwarded-proto" | "content-length")
}

fn texts(headers: &Headers) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (text(name), text(value))
        })
        .collect()
}

fn pair((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

/// The name of a request that nobody else sees.
fn request_id() -> String {
    let [high, low] = [(); 2].map(|()| getrandom::u64().unwrap_or_default());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        0x4000 | high & 0x0fff,
        0x8000 | low >> 48 & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}
